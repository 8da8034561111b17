"""SHOW of objects: lists, definitions, grants.

Redshift, "SHOW DATABASES", "SHOW SCHEMAS", "SHOW TABLES", "SHOW COLUMNS", "SHOW GRANTS", "SHOW TABLE", ….
"""

from dataclasses import dataclass, replace
from typing import Final

from core.errors import SqlError
from core.names import fold
from core.sqlstate import SqlState
from core.types import ColumnType
from sql.commands.datatypes import read_signature
from sql.commands.privileges import Grantee, read_grantee
from sql.commands.settings import ShowSetting, read_show_setting
from sql.commands.shares import read_producer
from sql.statement import Fragment
from sql.stream import Stream, syntax_error
from sql.tokens import Token, TokenKind, tokenize


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowObjects:
    """One of the SHOW family."""

    topic: str
    """DATABASES, SCHEMAS, TABLES, COLUMNS, PRIMARY KEYS, FOREIGN KEYS, EXPORTED FOREIGN KEYS, GRANTS ON,
    GRANTS FOR, COLUMN GRANTS, PROCEDURES, FUNCTIONS, PARAMETERS OF PROCEDURE, PARAMETERS OF FUNCTION,
    TABLE, EXTERNAL TABLE, VIEW, PROCEDURE, USE, USER LOCKOUT, RLS POLICIES [ON], MASKING POLICIES [ON],
    DATABASES OF DATA CATALOG, TEMPLATES, TEMPLATE, MODELS, MODEL; and
    TABLES OF DATABASE, COLUMNS OF DATABASE, GRANTS OF DATABASE, which drivers send."""
    name: tuple[str, ...] = ()
    """The database, schema, relation or routine it is about."""
    object: str | None = None
    """GRANTS ON: DATABASE, SCHEMA, TABLE, FUNCTION or PROCEDURE."""
    signature: tuple[ColumnType, ...] | None = None
    like: str | None = None
    limit: int | None = None
    grantee: Grantee | None = None
    """FOR …."""
    database: str | None = None
    """GRANTS FOR … FROM DATABASE; DATASHARE … OF NAMESPACE."""
    filters: tuple[tuple[str, str], ...] = ()
    """WHERE of a whole database's lists: (column, pattern)."""
    parameters: int = 0
    """The highest ``$n`` of a prepared one: their values are read in by ``bind``."""
    partitions: bool = False
    """EXTERNAL TABLE … PARTITION."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Form:
    """How one of the family is written: its words, and whether a name follows."""

    words: tuple[str, ...]
    topic: str
    named: bool = False
    routine: bool = False
    """Whether argument types may follow the name."""


# fmt: off
_FORMS: Final = (
    _Form(words=("DATABASES", "FROM", "DATA", "CATALOG"), topic="DATABASES OF DATA CATALOG"),
    _Form(words=("DATABASES",), topic="DATABASES"),
    _Form(words=("TEMPLATES", "FROM", "SCHEMA"), topic="TEMPLATES", named=True),
    _Form(words=("TEMPLATE",), topic="TEMPLATE", named=True),
    _Form(words=("MODEL", "ALL"), topic="MODELS"),
    _Form(words=("MODEL",), topic="MODEL", named=True),
    _Form(words=("SCHEMAS", "FROM", "DATABASE"), topic="SCHEMAS", named=True),
    _Form(words=("SCHEMAS",), topic="SCHEMAS"),
    _Form(words=("TABLES", "FROM", "SCHEMA"), topic="TABLES", named=True),
    _Form(words=("TABLES", "FROM", "DATABASE"), topic="TABLES OF DATABASE", named=True),
    _Form(words=("COLUMNS", "FROM", "DATABASE"), topic="COLUMNS OF DATABASE", named=True),
    _Form(words=("GRANTS", "ON", "TABLES", "FROM", "DATABASE"), topic="GRANTS OF DATABASE", named=True),
    _Form(words=("COLUMNS", "FROM", "TABLE"), topic="COLUMNS", named=True),
    _Form(words=("CONSTRAINTS", "PRIMARY", "KEYS", "FROM", "TABLE"), topic="PRIMARY KEYS", named=True),
    _Form(
        words=("CONSTRAINTS", "FOREIGN", "KEYS", "EXPORTED", "FROM", "TABLE"),
        topic="EXPORTED FOREIGN KEYS",
        named=True,
    ),
    _Form(words=("CONSTRAINTS", "FOREIGN", "KEYS", "FROM", "TABLE"), topic="FOREIGN KEYS", named=True),
    _Form(words=("COLUMN", "GRANTS", "ON", "TABLE"), topic="COLUMN GRANTS", named=True),
    _Form(words=("COLUMN", "GRANTS", "ON"), topic="COLUMN GRANTS", named=True),
    _Form(words=("PROCEDURES", "FROM", "SCHEMA"), topic="PROCEDURES", named=True),
    _Form(words=("FUNCTIONS", "FROM", "SCHEMA"), topic="FUNCTIONS", named=True),
    _Form(words=("PARAMETERS", "OF", "PROCEDURE"), topic="PARAMETERS OF PROCEDURE", named=True, routine=True),
    _Form(words=("PARAMETERS", "OF", "FUNCTION"), topic="PARAMETERS OF FUNCTION", named=True, routine=True),
    _Form(words=("TABLE",), topic="TABLE", named=True),
    _Form(words=("EXTERNAL", "TABLE"), topic="EXTERNAL TABLE", named=True),
    _Form(words=("VIEW",), topic="VIEW", named=True),
    _Form(words=("PROCEDURE",), topic="PROCEDURE", named=True, routine=True),
    *(
        form
        for word in ("RLS", "MASKING")
        for form in (
            _Form(words=(word, "POLICIES", "ON"), topic=f"{word} POLICIES ON", named=True),
            _Form(words=(word, "POLICIES", "FROM", "DATABASE"), topic=f"{word} POLICIES", named=True),
            _Form(words=(word, "POLICIES"), topic=f"{word} POLICIES"),
        )
    ),
    _Form(words=("USER", "LOCKOUT"), topic="USER LOCKOUT"),
    _Form(words=("DATASHARES",), topic="DATASHARES"),
    _Form(words=("USE",), topic="USE"),
)
# fmt: on
_OF_DATABASE: Final = frozenset({"TABLES OF DATABASE", "COLUMNS OF DATABASE", "GRANTS OF DATABASE"})
_FILTERED: Final = ("SCHEMA_NAME", "TABLE_NAME", "COLUMN_NAME")
_GRANTED_ON: Final = ("DATABASE", "SCHEMA", "TABLE", "FUNCTION", "PROCEDURE")


def read_desc(stream: Stream) -> ShowObjects:
    """Take DESC IDENTITY PROVIDER, DESC DATASHARE name [OF [ACCOUNT 'number'] NAMESPACE 'guid']."""
    stream.expect("DESC")
    if not stream.take("DATASHARE"):
        stream.expect("IDENTITY", "PROVIDER")
        return ShowObjects(topic="IDENTITY PROVIDER", name=(stream.identifier(),))
    name = stream.identifier()
    _, namespace = read_producer(stream)
    # With a namespace it is the consumer's side that is described.
    return ShowObjects(
        topic="DATASHARE", name=(name, "INBOUND" if namespace else "OUTBOUND"), database=namespace or None
    )


def read_show(stream: Stream) -> ShowObjects | ShowSetting:
    """Take SHOW: one of the family, or a parameter. In place of names, types and patterns ``$n`` may stand."""
    numbers = [int(token.value[1:]) for token in stream.tokens if token.kind is TokenKind.PARAMETER]
    if not numbers:
        return _read(stream)
    stood = _with_values(stream, ("int",) * max(numbers))
    read = _read(stood)
    if not isinstance(read, ShowObjects):
        stream.index = next(n for n, token in enumerate(stream.tokens) if token.kind is TokenKind.PARAMETER)
        stream.fail()
    stood.finish()
    stream.index = len(stream.tokens) - 1
    return replace(read, parameters=max(numbers))


def bind(fragment: Fragment, values: tuple[str, ...], *, case_sensitive: bool) -> ShowObjects:
    """Return what a prepared SHOW of this text is about once its parameters are *values*."""
    stream = _with_values(Stream.of(fragment, case_sensitive=case_sensitive), values)
    read = _read(stream)
    stream.finish()
    if not isinstance(read, ShowObjects):
        raise SqlError(SqlState.INTERNAL_ERROR, "a bound SHOW has become another command")
    return read


def _with_values(stream: Stream, values: tuple[str, ...]) -> Stream:
    """Return the stream with values in the place of parameters: patterns, argument types, else names."""
    tokens: list[Token] = []
    depth = 0
    for token in stream.tokens:
        depth += (token.key == "(") - (token.key == ")")
        if token.kind is not TokenKind.PARAMETER:
            tokens.append(token)
            continue
        value = values[int(token.value[1:]) - 1]
        if depth:
            kinds = tokenize(value, case_sensitive=stream.case_sensitive)[:-1]
            if any(kind.kind is TokenKind.PARAMETER for kind in kinds):
                raise syntax_error(value, stream.offset + token.start + 1)
            tokens += [kind._replace(start=token.start, end=token.end) for kind in kinds]
        elif tokens[-1].key == "LIKE":
            tokens.append(token._replace(kind=TokenKind.STRING, value=value))
        else:
            name = value if stream.case_sensitive else fold(value)
            tokens.append(token._replace(kind=TokenKind.QUOTED, value=name))
    return Stream(stream.text, stream.offset, tokens, stream.case_sensitive)


def _read(stream: Stream) -> ShowObjects | ShowSetting:
    stream.expect("SHOW")
    form = next((form for form in _FORMS if stream.take(*form.words)), None)
    if form is None:
        return _grants(stream) if stream.take("GRANTS") else read_show_setting(stream)
    name = stream.name() if form.named else ()
    signature = read_signature(stream) if form.routine and stream.at("(") else None
    partitions = form.topic == "EXTERNAL TABLE" and stream.take("PARTITION")
    shown = ShowObjects(topic=form.topic, name=name, signature=signature, partitions=partitions)
    if form.topic == "DATABASES OF DATA CATALOG":
        return _of_data_catalog(stream, shown)
    return _filtered(stream, shown) if form.topic in _OF_DATABASE else _restricted(stream, shown)


def _of_data_catalog(stream: Stream, shown: ShowObjects) -> ShowObjects:
    """Take ACCOUNT ids, LIKE, IAM_ROLE and LIMIT: which account and role the data catalog is asked by is configured."""
    if stream.take("ACCOUNT"):
        stream.string()
        while stream.take(","):
            stream.string()
    if stream.take("LIKE"):
        shown = replace(shown, like=stream.string())
    if stream.take("IAM_ROLE") and not stream.take("DEFAULT"):
        stream.string()
    return replace(shown, limit=stream.integer()) if stream.take("LIMIT") else shown


def _filtered(stream: Stream, shown: ShowObjects) -> ShowObjects:
    """Take DRIVER_TOKEN, by which a server may know its drivers, and WHERE … LIKE … AND …."""
    if stream.take("DRIVER_TOKEN"):
        stream.string()
    filters: list[tuple[str, str]] = []
    while stream.take("AND" if filters else "WHERE"):
        column = stream.expect_any(*_FILTERED)
        stream.expect("LIKE")
        filters.append((column.lower(), stream.string()))
    return replace(shown, filters=tuple(filters))


def _grants(stream: Stream) -> ShowObjects:
    if stream.take("FOR"):
        shown = ShowObjects(topic="GRANTS FOR", grantee=read_grantee(stream))
        if stream.take("FROM", "DATABASE"):
            shown = replace(shown, database=stream.identifier())
        return _restricted(stream, shown)
    stream.expect("ON")
    following = stream.tokens[min(stream.index + 1, len(stream.tokens) - 1)]
    named = following.kind in {TokenKind.WORD, TokenKind.QUOTED} and following.key not in {"FOR", "LIMIT"}
    object_ = (stream.take_any(*_GRANTED_ON) if named else "") or "TABLE"
    name = stream.name()
    signature = read_signature(stream) if stream.at("(") else None
    return _restricted(stream, ShowObjects(topic="GRANTS ON", object=object_, name=name, signature=signature))


def _restricted(stream: Stream, shown: ShowObjects) -> ShowObjects:
    """Take LIKE, FOR and LIMIT, each at most once, in this order."""
    if stream.take("LIKE"):
        shown = replace(shown, like=stream.string())
    if stream.take("FOR"):
        shown = replace(shown, grantee=read_grantee(stream))
    if stream.take("LIMIT"):
        shown = replace(shown, limit=stream.integer())
    return shown
