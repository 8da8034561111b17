"""Apache Iceberg tables: CREATE TABLE … USING ICEBERG [AS query], and what ALTER TABLE has for them alone.

Redshift, "Writing to Apache Iceberg tables": "SQL commands".
"""

from dataclasses import dataclass

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.commands.columns import ColumnDefinition, Name
from sql.commands.external import Pairs, read_properties
from sql.statement import Fragment
from sql.stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionTransform:
    """One of PARTITIONED BY: a column, or a function of one."""

    column: str
    function: str = "identity"
    number: int | None = None
    """Of bucket and truncate."""

    @property
    def transform(self) -> str:
        """Return it as Iceberg writes it."""
        return self.function if self.number is None else f"{self.function}[{self.number}]"

    @property
    def name(self) -> str:
        """Return what its field is called when nobody says."""
        ending = {"identity": "", "truncate": "_trunc"}.get(self.function, f"_{self.function}")
        return self.column + ending


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateIcebergTable:
    """CREATE TABLE … USING ICEBERG, and the same AS query."""

    name: Name
    columns: tuple[ColumnDefinition, ...] = ()
    names: tuple[str, ...] = ()
    """Of the query's columns, where they are given."""
    parts: tuple[PartitionTransform, ...] = ()
    location: str = ""
    properties: Pairs = ()
    query: Fragment | None = None
    if_not_exists: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePartitionField:
    """ADD, DROP or REPLACE PARTITION FIELD."""

    drops: tuple[PartitionTransform, ...] = ()
    adds: tuple[PartitionTransform, ...] = ()


def read_iceberg(
    stream: Stream, name: Name, columns: tuple[ColumnDefinition, ...], names: tuple[str, ...], *, if_not_exists: bool
) -> CreateIcebergTable:
    """Take what follows the columns of CREATE TABLE where that is USING ICEBERG."""
    stream.expect("USING")
    stream.expect("ICEBERG")
    for column in columns:
        if column.not_null or column.default or column.identity or column.encode or column.collate:
            raise not_supported("attributes of a column of an Iceberg table")
    location = ""
    properties: Pairs = ()
    parts: tuple[PartitionTransform, ...] = ()
    while True:
        if stream.take("LOCATION"):
            location = stream.string()
        elif stream.take("PARTITIONED", "BY"):
            parts = _parts(stream)
        elif stream.take("TABLE", "PROPERTIES") or stream.take("TBLPROPERTIES"):
            properties = read_properties(stream)
        else:
            break
    query = stream.rest() if stream.take("AS") else None
    if query is None and not columns:
        stream.fail()
    return CreateIcebergTable(
        name=name, columns=columns, names=names, parts=parts, location=location, properties=properties,
        query=query, if_not_exists=if_not_exists,
    )  # fmt: skip


def at_partition_field(stream: Stream) -> bool:
    """Return whether ADD, DROP or REPLACE PARTITION FIELD follows."""
    return any(stream.at(word, "PARTITION", "FIELD") for word in ("ADD", "DROP", "REPLACE"))


def read_partition_field(stream: Stream) -> ChangePartitionField:
    """Take ADD, DROP or REPLACE PARTITION FIELD."""
    word = stream.expect_any("ADD", "DROP", "REPLACE")
    stream.expect("PARTITION")
    stream.expect("FIELD")
    first = (read_transform(stream),)
    if word == "ADD":
        return ChangePartitionField(adds=first)
    if word == "DROP":
        return ChangePartitionField(drops=first)
    stream.expect("WITH")
    return ChangePartitionField(drops=first, adds=(read_transform(stream),))


def _parts(stream: Stream) -> tuple[PartitionTransform, ...]:
    stream.expect("(")
    found = [read_transform(stream)]
    while stream.take(","):
        found.append(read_transform(stream))
    stream.expect(")")
    return tuple(found)


_FUNCTIONS = frozenset({"year", "month", "day", "hour", "identity"})
_NUMBERED = frozenset({"bucket", "truncate"})


def read_transform(stream: Stream) -> PartitionTransform:
    """Take a column, or a function of one."""
    position = stream.position
    word = stream.identifier()
    if not stream.take("("):
        return PartitionTransform(column=word)
    function = {f"{item}s": item for item in _FUNCTIONS}.get(word.lower(), word.lower())
    if function not in _FUNCTIONS | _NUMBERED:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f"the partition transform {word} is not supported", position=position
        )
    number = None
    if function in _NUMBERED:
        number = stream.integer()
        stream.expect(",")
    column = stream.identifier()
    stream.expect(")")
    return PartitionTransform(column=column, function=function, number=number)
