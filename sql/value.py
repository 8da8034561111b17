"""What an expression came out as: engine SQL and its Redshift type.

Pure values; ``sql.inference`` has the type rules and ``sql.conversion`` the casts.
"""

from dataclasses import dataclass, replace
from typing import Final

from core import types
from core.names import literal
from core.nested import Nested
from core.types import ColumnType

UNKNOWN: Final = types.of("unknown")
BOOL: Final = types.of("bool")
INT2: Final = types.of("int2")
INT4: Final = types.of("int4")
INT8: Final = types.of("int8")
FLOAT4: Final = types.of("float4")
FLOAT8: Final = types.of("float8")
VARCHAR: Final = types.of("varchar")
DATE: Final = types.of("date")
TIME: Final = types.of("time")
TIMETZ: Final = types.of("timetz")
TIMESTAMP: Final = types.of("timestamp")
TIMESTAMPTZ: Final = types.of("timestamptz")
INTERVAL: Final = types.of("interval")
SUPER: Final = types.of("super")
VARBYTE: Final = types.of("varbyte")
OID: Final = types.of("oid")


@dataclass(slots=True, kw_only=True)
class Slot:
    """A parameter: the first place that asks for a type settles it."""

    number: int
    type: ColumnType | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quick:
    """How a NUMERIC of more than 18 digits is computed in 18 for the rows where they are enough."""

    of: str
    """The SQL of the whole value; that of another value means that this is not about it."""
    sql: str
    """In 18 digits: it raises for other rows."""
    wide: str
    """In as many digits as the type has."""
    fits: str
    """The condition for the former."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """How a float is computed without a look at whether it grew too large."""

    of: str
    """The SQL of the whole value; that of another value means that this is not about it."""
    sql: str
    sources: tuple[str, ...]
    """The operands, engine SQL: where one is infinite, the result may be."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Which column of which table the values of a column are, of its rows as they are now."""

    of: str
    """The SQL of the column; that of another value means that this is not about it."""
    table: int
    """OID."""
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """An expression, translated."""

    sql: str
    """Engine SQL that can stand anywhere an operand can."""
    type: ColumnType
    exact: bool = False
    """Whether the engine is known to give ``type.engine()``; else a result column is cast to it."""
    literal: str | None = None
    """The text of a string literal, which takes the type that its place asks for."""
    null: bool = False
    """The literal NULL."""
    constant: bool = False
    """A literal number."""
    fixed: bool = False
    """Whether it is made of constants only, which Redshift computes before it runs the query."""
    slot: "Slot | None" = None
    """The parameter that this is, while its type is not settled."""
    text: str | None = None
    """The content of a string constant whose type is settled."""
    free: bool = False
    """Whether it was an open literal or NULL that became a string only because nothing asked for anything else."""
    bare: bool = False
    """Whether a string is known to have no trailing blanks."""
    folded: bool = False
    """Whether a string's collation is CASE_INSENSITIVE."""
    origin: tuple[int, int] = (0, 0)
    """(table OID, column number) of a bare column."""
    stored: Stored | None = None
    """Of strings that a table keeps as they are read, NULL among them: where."""
    path: tuple[str, str] | None = None
    """Of a path into SUPER: where it starts, engine SQL, and the JSON path from there."""
    rows: str = ""
    """The table function that gives the same rows, of a function of a set."""
    row: str = ""
    """Alias of the relation whose whole row this is."""
    quick: Quick | None = None
    raw: Raw | None = None
    nested: Nested | None = None
    """Of a struct, array or map of an external table: what it holds. The engine has it as such, not as JSON."""
    pieces: tuple[str, ...] = ()
    """Of strings put together: the SQL that they are the pieces of, and each."""
    effect: str = ""
    """Function that the session carries out, of a call of one."""

    @property
    def name(self) -> str:
        """Return the type's name, ``int4``."""
        return self.type.type.name

    @property
    def category(self) -> str:
        """Return the type's category letter."""
        return self.type.type.category

    @property
    def open(self) -> bool:
        """Whether the type is still to be found from the surroundings."""
        return self.type.type.name == "unknown"

    @property
    def textual(self) -> bool:
        """Whether it is a character string of a known type."""
        return self.category == "S"

    def pieces_of(self) -> tuple[str, ...]:
        """Return the strings that this is put together of, itself where it is none such."""
        return self.pieces[1:] if self.pieces and self.pieces[0] == self.sql else (self.sql,)

    def typed(self, type_: ColumnType, *, exact: bool = True) -> "Value":
        """Return the same SQL with another type."""
        return replace(self, type=type_, exact=exact, literal=None, null=False, slot=None, constant=False, free=False)

    def named(self, sql: str) -> "Value":
        """Return the value where it is read as a column of another query."""
        stored = self.stored
        if stored is not None:
            stored = Stored(sql, stored.table, stored.column) if stored.of == self.sql else None
        return replace(
            self, sql=sql, literal=None, null=False, constant=False, slot=None, text=None, row="", effect="",
            stored=stored,
        )  # fmt: skip


def made(sql: str, type_: ColumnType, *, exact: bool = False) -> Value:
    """Return a value of a known type."""
    return Value(sql=sql, type=type_, exact=exact)


def text(content: str) -> Value:
    """Return a string literal, its type open."""
    return Value(sql=literal(content), type=UNKNOWN, literal=content)


def null() -> Value:
    """Return the literal NULL, its type open."""
    return Value(sql="NULL", type=UNKNOWN, null=True)
