"""External tables: CREATE EXTERNAL TABLE [AS], partitions. The schemas are in ``sql.commands.external_schemas``.

Redshift, "CREATE EXTERNAL TABLE", "ALTER TABLE".
"""

from dataclasses import dataclass, field
from typing import Final

from core.errors import SqlError
from core.nested import EXTERNAL, Nested, Scalar, parsed
from core.sqlstate import SqlState
from sql.commands.datatypes import read_type
from sql.statement import Fragment
from sql.stream import Stream
from sql.tokens import TokenKind

Pairs = tuple[tuple[str, str], ...]
Name = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalColumn:
    """A column of an external table."""

    name: str
    type: Nested | None
    """None where CREATE EXTERNAL TABLE AS takes it from its query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowFormat:
    """How rows stand in files."""

    serde: str = ""
    """Of ROW FORMAT SERDE; empty for DELIMITED or nothing."""
    properties: Pairs = ()
    """SERDEPROPERTIES, or what DELIMITED means as such."""
    delimited: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """STORED AS."""

    word: str = ""
    """PARQUET, TEXTFILE …; empty where the classes are named, or nothing is said."""
    input_format: str = ""
    output_format: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateExternalTable:
    """CREATE EXTERNAL TABLE, and CREATE EXTERNAL TABLE … AS query."""

    name: Name
    columns: tuple[ExternalColumn, ...] = ()
    keys: tuple[ExternalColumn, ...] = ()
    row_format: RowFormat = RowFormat()
    file_format: FileFormat = FileFormat()
    location: str = ""
    properties: Pairs = ()
    query: Fragment | None = None
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPartitions:
    """ADD [IF NOT EXISTS] PARTITION (…) LOCATION '…' […]."""

    partitions: tuple[tuple[Pairs, str], ...]
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DropPartition:
    """DROP PARTITION (…)."""

    values: Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class SetLocation:
    """SET LOCATION, of a table or of one partition."""

    location: str
    partition: Pairs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFileFormat:
    """SET FILE FORMAT."""

    file_format: FileFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTableProperties:
    """SET TABLE PROPERTIES."""

    properties: Pairs


ExternalAction = AddPartitions | DropPartition | SetLocation | SetFileFormat | SetTableProperties

_FORMATS: Final = ("PARQUET", "RCFILE", "SEQUENCEFILE", "TEXTFILE", "ORC", "AVRO")


def read_create_external_table(stream: Stream) -> CreateExternalTable:
    """Take what follows CREATE EXTERNAL TABLE."""
    if_not_exists = stream.take("IF", "NOT", "EXISTS")
    name = stream.name()
    columns = _columns(stream, typed=True) if stream.at("(") else ()
    body = _Body()
    while body.read(stream, typed=bool(columns)):
        pass
    query = stream.rest() if stream.take("AS") else None
    if query is None and not columns:
        stream.fail()
    if not body.location:
        raise SqlError(SqlState.SYNTAX_ERROR, "CREATE EXTERNAL TABLE needs LOCATION", position=stream.position)
    return CreateExternalTable(
        name=name,
        columns=columns,
        keys=body.keys,
        row_format=body.row_format,
        file_format=body.file_format,
        location=body.location,
        properties=body.properties,
        query=query,
        if_not_exists=if_not_exists,
    )


@dataclass(slots=True)
class _Body:
    """What follows the columns."""

    keys: tuple[ExternalColumn, ...] = ()
    row_format: RowFormat = field(default_factory=RowFormat)
    file_format: FileFormat = field(default_factory=FileFormat)
    location: str = ""
    properties: Pairs = ()

    def read(self, stream: Stream, *, typed: bool) -> bool:
        """Take one clause; return whether there was one."""
        if stream.take("PARTITIONED", "BY"):
            self.keys = _columns(stream, typed=typed)
        elif stream.take("ROW", "FORMAT"):
            self.row_format = _row_format(stream)
        elif stream.take("STORED", "AS"):
            self.file_format = read_file_format(stream)
        elif stream.take("LOCATION"):
            self.location = stream.string()
        elif stream.take("TABLE", "PROPERTIES") or stream.take("TBLPROPERTIES"):
            self.properties = read_properties(stream)
        else:
            return False
        return True


def _columns(stream: Stream, *, typed: bool) -> tuple[ExternalColumn, ...]:
    stream.expect("(")
    found = [_column(stream, typed=typed)]
    while stream.take(","):
        found.append(_column(stream, typed=typed))
    stream.expect(")")
    return tuple(found)


def _column(stream: Stream, *, typed: bool) -> ExternalColumn:
    position = stream.position
    name = stream.identifier()
    kind = read_external_type(stream, name) if typed else None
    if name in {"$path", "$size"}:
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, f'column name "{name}" is reserved', position=position)
    return ExternalColumn(name=name, type=kind)


def read_external_type(stream: Stream, column: str) -> Nested:
    """Take the type of an external table's column."""
    position = stream.position
    if stream.at_any("ARRAY", "MAP", "STRUCT") and stream.tokens[stream.index + 1].key == "<":
        return parsed(_angled(stream))
    kind = read_type(stream)
    if kind.type.name not in EXTERNAL:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            f'column "{column}" has type "{kind}", which external tables do not support',
            position=position,
        )
    return Scalar(kind)


def _angled(stream: Stream) -> str:
    """Take ``struct<…>`` and return its text."""
    start = stream.token.start
    stream.advance()
    depth = 0
    while True:
        token = stream.advance()
        if token.kind is TokenKind.END:
            stream.fail()
        depth += (token.key == "<") - (token.key == ">")
        if depth == 0:
            return stream.between(start, token.end).text


def _row_format(stream: Stream) -> RowFormat:
    if stream.take("SERDE"):
        serde = stream.string()
        properties = read_properties(stream) if stream.take("WITH", "SERDEPROPERTIES") else ()
        return RowFormat(serde=serde, properties=properties)
    stream.expect("DELIMITED")
    found: dict[str, str] = {}
    while word := stream.take_any("FIELDS", "LINES", "ESCAPED"):
        if word != "ESCAPED":
            stream.expect("TERMINATED")
        stream.expect("BY")
        value = stream.string()
        if len(value.encode()) != 1:
            raise SqlError(
                SqlState.INVALID_PARAMETER_VALUE, f"a delimiter must be a single ASCII character, not '{value}'"
            )
        found[_DELIMITERS[word]] = value
    if delimiter := found.get("field.delim"):
        found["serialization.format"] = delimiter
    return RowFormat(properties=tuple(found.items()), delimited=True)


_DELIMITERS: Final = {"FIELDS": "field.delim", "LINES": "line.delim", "ESCAPED": "escape.delim"}


def read_file_format(stream: Stream) -> FileFormat:
    """Take what follows STORED AS or SET FILE FORMAT."""
    if stream.take("INPUTFORMAT"):
        input_format = stream.string()
        stream.expect("OUTPUTFORMAT")
        return FileFormat(input_format=input_format, output_format=stream.string())
    return FileFormat(word=stream.expect_any(*_FORMATS))


def read_properties(stream: Stream) -> Pairs:
    """Take ``('name'='value', …)``."""
    stream.expect("(")
    found: dict[str, str] = {}
    while not found or stream.take(","):
        name = stream.string()
        stream.expect("=")
        found[name] = stream.advance().value if stream.token.kind is TokenKind.NUMBER else stream.string()
    stream.expect(")")
    return tuple(found.items())


def at_external_action(stream: Stream) -> bool:
    """Return whether an action follows that only external tables have."""
    return any(stream.at(*words) for words in _ACTIONS)


_ACTIONS: Final = (
    ("SET", "LOCATION"),
    ("SET", "FILE", "FORMAT"),
    ("SET", "TABLE", "PROPERTIES"),
    ("PARTITION",),
    ("ADD", "PARTITION"),
    ("ADD", "IF", "NOT", "EXISTS", "PARTITION"),
    ("DROP", "PARTITION"),
)


def read_external_action(stream: Stream) -> ExternalAction:
    """Take one of the actions of ALTER TABLE that only external tables have."""
    if stream.take("SET", "LOCATION"):
        return SetLocation(location=stream.string())
    if stream.take("SET", "FILE", "FORMAT"):
        return SetFileFormat(file_format=read_file_format(stream))
    if stream.take("SET", "TABLE", "PROPERTIES"):
        return SetTableProperties(properties=read_properties(stream))
    if stream.take("DROP", "PARTITION"):
        return DropPartition(values=_values(stream))
    if stream.take("PARTITION"):
        values = _values(stream)
        stream.expect("SET", "LOCATION")
        return SetLocation(location=stream.string(), partition=values)
    stream.expect("ADD")
    if_not_exists = stream.take("IF", "NOT", "EXISTS")
    partitions: list[tuple[Pairs, str]] = []
    while stream.take("PARTITION") or (partitions and stream.take(",", "PARTITION")):
        if_not_exists |= stream.take("IF", "NOT", "EXISTS")
        values = _values(stream)
        stream.expect("LOCATION")
        partitions.append((values, stream.string()))
    return AddPartitions(partitions=tuple(partitions), if_not_exists=if_not_exists)


def _values(stream: Stream) -> Pairs:
    stream.expect("(")
    found: list[tuple[str, str]] = []
    while not found or stream.take(","):
        name = stream.identifier()
        stream.expect("=")
        found.append((name, _value(stream)))
    stream.expect(")")
    return tuple(found)


def _value(stream: Stream) -> str:
    stream.take_any("DATE", "TIMESTAMP")
    if stream.at_string():
        return stream.string()
    if word := stream.take_any("TRUE", "FALSE"):
        return word.lower()
    sign = stream.take_any("-", "+").replace("+", "")
    if stream.token.kind is not TokenKind.NUMBER:
        stream.fail()
    return sign + stream.advance().value
