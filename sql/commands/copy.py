"""COPY in all its forms.

Redshift, "COPY"; PostgreSQL, "COPY" for STDIN and STDOUT. Parameters are rows of ``sql.options``.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.commands.copy_jobs import CopyJobCommand, CreateCopyJob, at_copy_job, read_auto, read_copy_job
from sql.commands.parameters import Credentials, read_parameters
from sql.options import COPY_OPTIONS, Given
from sql.statement import Fragment
from sql.stream import Stream
from sql.tokens import TokenKind

__all__ = ["Copy", "CopyFormat", "CopyFromStdin", "CopyToStdout", "Credentials"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """COPY table FROM 'source' credentials parameters."""

    table: tuple[str, ...]
    columns: tuple[str, ...] = ()
    source: str
    """As written, escapes read: s3://bucket/prefix, file:///…, dynamodb://…, emr://…."""
    credentials: Credentials = field(default_factory=Credentials)
    options: Given = field(default_factory=Given)
    """``options["delimiter"]`` is its argument; see ``sql.options`` for names and defaults."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFormat:
    """How a STDIN or STDOUT stream is written. None: the format's default."""

    format: str = "text"
    """text, csv or binary."""
    delimiter: str | None = None
    null: str | None = None
    header: bool = False
    quote: str | None = None
    escape: str | None = None
    force_quote: tuple[str, ...] | None = None
    """``("*",)`` for all columns."""
    force_not_null: tuple[str, ...] = ()
    encoding: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFromStdin:
    """COPY table [(columns)] FROM STDIN."""

    table: tuple[str, ...]
    columns: tuple[str, ...] = ()
    format: CopyFormat = CopyFormat()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyToStdout:
    """COPY table [(columns)] TO STDOUT, COPY (query) TO STDOUT: one of table and query is given."""

    table: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    query: Fragment | None = None
    format: CopyFormat = CopyFormat()


CopyCommand = Copy | CopyFromStdin | CopyToStdout | CreateCopyJob | CopyJobCommand


def read_copy(stream: Stream) -> CopyCommand:
    """Take COPY in any of its forms."""
    start = stream.token.start
    stream.expect("COPY")
    if stream.at("("):
        query = stream.parenthesised()
        _to_stdout(stream)
        return CopyToStdout(query=query, format=_read_format(stream))
    if at_copy_job(stream):
        return read_copy_job(stream)
    table = stream.name()
    columns = stream.columns() if stream.at("(") else ()
    if stream.at("TO"):
        _to_stdout(stream)
        return CopyToStdout(table=table, columns=columns, format=_read_format(stream))
    stream.expect("FROM")
    if stream.take_any(*_STREAMS):
        return CopyFromStdin(table=table, columns=columns, format=_read_format(stream))
    if stream.at("PROGRAM"):
        raise not_supported("COPY FROM PROGRAM", position=stream.position)
    source = stream.string()
    options, credentials = read_parameters(stream, COPY_OPTIONS, "COPY", until=("JOB", "CREATE"))
    copy = Copy(table=table, columns=columns, source=source, credentials=credentials, options=options)
    end = stream.token.start
    if not stream.take("JOB", "CREATE"):
        return copy
    name, auto = stream.identifier(), read_auto(stream)
    return CreateCopyJob(copy=copy, text=stream.text[start:end].rstrip(), name=name, auto=auto is not False)


_STREAMS: Final = ("STDIN", "STDOUT")
"""The client, either way: PostgreSQL takes each word for the other."""


def _to_stdout(stream: Stream) -> None:
    stream.expect("TO")
    if stream.at_string() or stream.at("PROGRAM"):
        raise not_supported("COPY TO a file", position=stream.position, hint="Use UNLOAD, or COPY … TO STDOUT.")
    stream.expect_any(*_STREAMS)


def _read_format(stream: Stream) -> CopyFormat:
    """Take PostgreSQL's options: a parenthesised list, or the older words in any order."""
    stream.take("WITH")
    if not stream.take("("):
        return _older_words(stream)
    given = _listed(stream, CopyFormat())
    while stream.take(","):
        given = _listed(stream, given)
    stream.expect(")")
    return given


def _listed(stream: Stream, given: CopyFormat) -> CopyFormat:
    position = stream.position
    token = stream.advance()
    if token.kind is not TokenKind.WORD:
        stream.index -= 1
        stream.fail()
    match token.key:
        case "FORMAT":
            return replace(given, format=_format_name(stream))
        case "HEADER":
            return replace(given, header=_boolean(stream))
        case "DELIMITER" | "NULL" | "QUOTE" | "ESCAPE" | "ENCODING":
            return _with_text(given, token.key, stream.string())
        case "FORCE_QUOTE":
            return replace(given, force_quote=_columns_or_all(stream))
        case "FORCE_NOT_NULL":
            return replace(given, force_not_null=stream.columns())
        case "FREEZE":
            _boolean(stream)
            return given
    raise SqlError(SqlState.SYNTAX_ERROR, f'option "{token.value}" not recognized', position=position)


def _with_text(given: CopyFormat, key: str, value: str) -> CopyFormat:
    match key:
        case "DELIMITER":
            return replace(given, delimiter=value)
        case "NULL":
            return replace(given, null=value)
        case "QUOTE":
            return replace(given, quote=value)
        case "ESCAPE":
            return replace(given, escape=value)
    return replace(given, encoding=value)


def _format_name(stream: Stream) -> str:
    position = stream.position
    name = stream.string().lower() if stream.at_string() else stream.advance().value
    if name not in {"text", "csv", "binary"}:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'COPY format "{name}" not recognized', position=position)
    return name


def _boolean(stream: Stream) -> bool:
    if stream.at_any(",", ")"):
        return True
    position = stream.position
    value = stream.advance().value.lower()
    if value not in {"true", "false", "on", "off", "1", "0"}:
        raise SqlError(SqlState.SYNTAX_ERROR, "header requires a Boolean value", position=position)
    return value in {"true", "on", "1"}


def _columns_or_all(stream: Stream) -> tuple[str, ...]:
    return ("*",) if stream.take("*") else stream.columns()


def _older_words(stream: Stream) -> CopyFormat:
    given = CopyFormat()
    while not stream.ended:
        given = _older_word(stream, given)
    return given


def _older_word(stream: Stream, given: CopyFormat) -> CopyFormat:
    if choice := stream.take_any("BINARY", "CSV"):
        return replace(given, format=choice.lower())
    if stream.take("HEADER"):
        return replace(given, header=True)
    if stream.take("FORCE", "QUOTE"):
        return replace(given, force_quote=("*",) if stream.take("*") else stream.identifiers())
    if stream.take("FORCE", "NOT", "NULL"):
        return replace(given, force_not_null=stream.identifiers())
    key = stream.take_any("DELIMITER", "DELIMITERS", "NULL", "QUOTE", "ESCAPE", "ENCODING") or stream.fail()
    stream.take("AS")
    return _with_text(given, key.removesuffix("S"), stream.string())
