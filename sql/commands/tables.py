"""CREATE TABLE, CREATE TABLE AS, SELECT INTO, TRUNCATE.

Redshift, "CREATE TABLE", "CREATE TABLE AS", "SELECT INTO", "TRUNCATE". Attributes come in any order.
Columns and constraints are in ``sql.commands.columns``, ALTER TABLE in ``sql.commands.alterations``.
"""

from dataclasses import dataclass, replace

from core.errors import not_supported
from sql.commands.columns import (
    ColumnDefinition,
    Name,
    TableConstraint,
    at_constraint,
    read_column,
    read_constraint,
)
from sql.commands.iceberg import CreateIcebergTable, read_iceberg
from sql.statement import Fragment
from sql.stream import Stream

__all__ = [
    "ColumnDefinition",
    "CreateTable",
    "CreateTableAs",
    "LikeClause",
    "Name",
    "TableAttributes",
    "TableConstraint",
    "Truncate",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeClause:
    """LIKE parent [INCLUDING | EXCLUDING DEFAULTS] among the columns."""

    name: Name
    including_defaults: bool = False
    after: int = 0
    """How many columns were defined before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableAttributes:
    """What follows the column list; None or empty when not given."""

    diststyle: str | None = None
    """AUTO, EVEN, KEY or ALL."""
    distkey: str | None = None
    sortstyle: str | None = None
    """COMPOUND (also when not named), INTERLEAVED or AUTO; None without a sort key."""
    sortkey: tuple[str, ...] = ()
    encode_auto: bool = False
    backup: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTable:
    """CREATE TABLE with a list of columns."""

    name: Name
    temporary: bool = False
    if_not_exists: bool = False
    columns: tuple[ColumnDefinition, ...] = ()
    constraints: tuple[TableConstraint, ...] = ()
    likes: tuple[LikeClause, ...] = ()
    attributes: TableAttributes = TableAttributes()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTableAs:
    """CREATE TABLE … AS query, and SELECT … INTO."""

    name: Name
    query: Fragment
    """SELECT INTO: the INTO clause is blanked, so offsets into the text hold."""
    temporary: bool = False
    if_not_exists: bool = False
    columns: tuple[str, ...] = ()
    attributes: TableAttributes = TableAttributes()
    select_into: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """TRUNCATE [TABLE] name."""

    name: Name


def read_create_table(stream: Stream, *, temporary: bool) -> CreateTable | CreateTableAs | CreateIcebergTable:
    """Take what follows CREATE [TEMP] TABLE."""
    if_not_exists = stream.take("IF", "NOT", "EXISTS")
    name = stream.name()
    temporary = temporary or name[-1].startswith("#")
    if _column_list_of_query(stream) or not stream.at("("):
        columns = stream.columns() if stream.at("(") else ()
        if stream.at("USING"):
            return read_iceberg(stream, name, (), columns, if_not_exists=if_not_exists)
        attributes = read_attributes(stream)
        stream.expect("AS")
        return CreateTableAs(
            name=name,
            query=read_query(stream),
            temporary=temporary,
            if_not_exists=if_not_exists,
            columns=columns,
            attributes=attributes,
        )
    body = _Body()
    body.read(stream)
    if stream.at("USING") and not body.constraints and not body.likes:
        return read_iceberg(stream, name, tuple(body.columns), (), if_not_exists=if_not_exists)
    attributes = read_attributes(stream)
    return CreateTable(
        name=name,
        temporary=temporary,
        if_not_exists=if_not_exists,
        columns=tuple(body.columns),
        constraints=tuple(body.constraints),
        likes=tuple(body.likes),
        attributes=attributes,
    )


def _column_list_of_query(stream: Stream) -> bool:
    """Return whether a list of bare names follows, as only CREATE TABLE AS has it."""
    if not stream.at("("):
        return False
    following = stream.tokens[min(stream.index + 2, len(stream.tokens) - 1)]
    return stream.tokens[stream.index + 1].key != "LIKE" and following.key in {",", ")"}


def read_query(stream: Stream) -> Fragment:
    """Take the rest as a query; it must begin like one."""
    if not stream.at_any("SELECT", "WITH", "VALUES", "TABLE", "("):
        stream.fail()
    return stream.rest()


class _Body:
    """The parenthesised part of CREATE TABLE, as far as it has been read."""

    def __init__(self) -> None:
        self.columns: list[ColumnDefinition] = []
        self.constraints: list[TableConstraint] = []
        self.likes: list[LikeClause] = []

    def read(self, stream: Stream) -> None:
        """Take ``( element, … )``."""
        stream.expect("(")
        self._element(stream)
        while stream.take(","):
            self._element(stream)
        stream.expect(")")

    def _element(self, stream: Stream) -> None:
        if stream.take("LIKE"):
            name = stream.name()
            including = _including_defaults(stream)
            self.likes.append(LikeClause(name=name, including_defaults=including, after=len(self.columns)))
        elif at_constraint(stream):
            self.constraints.append(read_constraint(stream))
        else:
            column, constraints = read_column(stream)
            self.columns.append(column)
            self.constraints.extend(constraints)


def _including_defaults(stream: Stream) -> bool:
    including = False
    while choice := stream.take_any("INCLUDING", "EXCLUDING"):
        stream.expect("DEFAULTS")
        including = choice == "INCLUDING"
    return including


def read_attributes(stream: Stream, given: TableAttributes = TableAttributes()) -> TableAttributes:
    """Take BACKUP, DISTSTYLE, DISTKEY, SORTKEY and ENCODE AUTO in any order, adding to those *given*."""
    attributes = given
    while (following := _attribute(stream, attributes)) is not None:
        attributes = following
    return attributes


def _attribute(stream: Stream, given: TableAttributes) -> TableAttributes | None:
    if stream.take("BACKUP"):
        return replace(given, backup=stream.expect_any("YES", "NO") == "YES")
    if stream.take("DISTSTYLE"):
        return replace(given, diststyle=stream.expect_any("AUTO", "EVEN", "KEY", "ALL"))
    if stream.take("DISTKEY"):
        return replace(given, distkey=read_distkey(stream))
    if stream.at_any("SORTKEY", "COMPOUND", "INTERLEAVED"):
        style, columns = read_sortkey(stream)
        return replace(given, sortstyle=style, sortkey=columns)
    if stream.take("ENCODE"):
        stream.expect("AUTO")
        return replace(given, encode_auto=True)
    if stream.take("ON", "COMMIT"):
        # What temporary tables do anyway: drivers for many databases write it (tests/conformance/session/tableau.slt).
        if not stream.take("PRESERVE", "ROWS"):
            raise not_supported("ON COMMIT other than PRESERVE ROWS")
        return given
    return None


def read_distkey(stream: Stream) -> str:
    """Take a distribution key's column, in parentheses or not."""
    if not stream.take("("):
        return stream.identifier()
    column = stream.identifier()
    stream.expect(")")
    return column


def read_sortkey(stream: Stream) -> tuple[str, tuple[str, ...]]:
    """Take [COMPOUND | INTERLEAVED] SORTKEY (columns) or SORTKEY AUTO | NONE: the style and the columns."""
    style = stream.take_any("COMPOUND", "INTERLEAVED")
    stream.expect("SORTKEY")
    if not style and (automatic := stream.take_any("AUTO", "NONE")):
        return automatic, ()
    if stream.at("("):
        return style or "COMPOUND", stream.columns()
    return style or "COMPOUND", (stream.identifier(),)


def read_truncate(stream: Stream) -> Truncate:
    """Take TRUNCATE [TABLE] name."""
    stream.expect("TRUNCATE")
    stream.take("TABLE")
    return Truncate(name=stream.name())
