"""The type table: Redshift's types with their OIDs and their twins in DuckDB and Arrow.

Redshift, "Data types"; OIDs from the type catalogs and the sources of Redshift's own drivers.
The Arrow type named in a row is a contract: the engine delivers it, the wire encoder reads it.
"""

from dataclasses import dataclass
from typing import Final, Literal

from core.errors import SqlError
from core.sqlstate import SqlState

Category = Literal["B", "N", "S", "D", "T", "U", "P", "A"]
"""pg_type.typcategory: boolean, numeric, string, date/time, timespan, user-defined, pseudo, array."""

Arrow = Literal[
    "bool", "int16", "int32", "int64", "float32", "float64", "decimal128", "string", "binary",
    "date32", "time64[us]", "timestamp[us]", "timestamp[us, UTC]", "month_day_nano_interval", "uint32",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlType:
    """One type: a row of pg_type and what stands for it below and above."""

    name: str
    """pg_type.typname."""
    sql: str
    """The name that format_type and drivers show, without its modifier."""
    aliases: tuple[str, ...] = ()
    oid: int
    array_oid: int = 0
    length: int
    """Bytes of a value, -1 when it varies."""
    category: Category
    engine: str
    """DuckDB's type; ``{p}`` and ``{s}`` take precision and scale."""
    arrow: Arrow
    column: bool = True
    """Whether a table's column may have it."""


# fmt: off
TYPES: Final = (
    SqlType(name="bool", sql="boolean", aliases=("bool",), oid=16, array_oid=1000, length=1, category="B", engine="BOOLEAN", arrow="bool"),
    SqlType(name="int2", sql="smallint", aliases=("int2",), oid=21, array_oid=1005, length=2, category="N", engine="SMALLINT", arrow="int16"),
    SqlType(name="int4", sql="integer", aliases=("int", "int4"), oid=23, array_oid=1007, length=4, category="N", engine="INTEGER", arrow="int32"),
    SqlType(name="int8", sql="bigint", aliases=("int8",), oid=20, array_oid=1016, length=8, category="N", engine="BIGINT", arrow="int64"),
    SqlType(name="numeric", sql="numeric", aliases=("decimal", "dec"), oid=1700, array_oid=1231, length=-1, category="N", engine="DECIMAL({p},{s})", arrow="decimal128"),
    SqlType(name="float4", sql="real", aliases=("float4",), oid=700, array_oid=1021, length=4, category="N", engine="REAL", arrow="float32"),
    SqlType(name="float8", sql="double precision", aliases=("float8", "float"), oid=701, array_oid=1022, length=8, category="N", engine="DOUBLE", arrow="float64"),
    SqlType(name="bpchar", sql="character", aliases=("char", "nchar", "bpchar"), oid=1042, array_oid=1014, length=-1, category="S", engine="VARCHAR", arrow="string"),
    SqlType(name="varchar", sql="character varying", aliases=("varchar", "nvarchar", "text"), oid=1043, array_oid=1015, length=-1, category="S", engine="VARCHAR", arrow="string"),
    SqlType(name="date", sql="date", oid=1082, array_oid=1182, length=4, category="D", engine="DATE", arrow="date32"),
    SqlType(name="time", sql="time without time zone", aliases=("time",), oid=1083, array_oid=1183, length=8, category="D", engine="TIME", arrow="time64[us]"),
    # DuckDB drops the zone on the way to Arrow, so the engine hands TIMETZ over as text.
    SqlType(name="timetz", sql="time with time zone", aliases=("timetz",), oid=1266, array_oid=1270, length=12, category="D", engine="TIME WITH TIME ZONE", arrow="string"),
    SqlType(name="timestamp", sql="timestamp without time zone", aliases=("timestamp", "datetime"), oid=1114, array_oid=1115, length=8, category="D", engine="TIMESTAMP", arrow="timestamp[us]"),
    SqlType(name="timestamptz", sql="timestamp with time zone", aliases=("timestamptz",), oid=1184, array_oid=1185, length=8, category="D", engine="TIMESTAMP WITH TIME ZONE", arrow="timestamp[us, UTC]"),
    SqlType(name="intervaly2m", sql="interval year to month", oid=1188, array_oid=1189, length=4, category="T", engine="INTERVAL", arrow="month_day_nano_interval"),
    SqlType(name="intervald2s", sql="interval day to second", oid=1190, array_oid=1191, length=8, category="T", engine="INTERVAL", arrow="month_day_nano_interval"),
    SqlType(name="interval", sql="interval", oid=1186, array_oid=1187, length=16, category="T", engine="INTERVAL", arrow="month_day_nano_interval", column=False),
    SqlType(name="super", sql="super", oid=4000, length=-1, category="U", engine="JSON", arrow="string"),
    SqlType(name="varbyte", sql="binary varying", aliases=("varbyte", "varbinary"), oid=6551, length=-1, category="U", engine="BLOB", arrow="binary"),
    # A sketch is text: JSON where it is sparse, a string of Base64 where it is dense.
    SqlType(name="hllsketch", sql="hllsketch", oid=2935, length=-1, category="U", engine="VARCHAR", arrow="string"),
    # Hexadecimal EWKB.
    SqlType(name="geometry", sql="geometry", oid=3000, length=-1, category="U", engine="VARCHAR", arrow="string"),
    SqlType(name="geography", sql="geography", oid=3001, length=-1, category="U", engine="VARCHAR", arrow="string"),
    # Types of the system catalogs: results may have them, tables may not.
    SqlType(name="text", sql="text", oid=25, array_oid=1009, length=-1, category="S", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="name", sql="name", oid=19, array_oid=1003, length=64, category="S", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="char", sql='"char"', oid=18, array_oid=1002, length=1, category="S", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="unknown", sql="unknown", oid=705, length=-1, category="P", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="oid", sql="oid", oid=26, array_oid=1028, length=4, category="N", engine="UINTEGER", arrow="uint32", column=False),
    SqlType(name="regprocedure", sql="regprocedure", oid=2202, array_oid=2207, length=4, category="N", engine="VARCHAR", arrow="string", column=False),
    # OIDs inside, names where they are shown: what leaves the engine is text.
    SqlType(name="regproc", sql="regproc", oid=24, array_oid=1008, length=4, category="N", engine="UINTEGER", arrow="string", column=False),
    SqlType(name="regclass", sql="regclass", oid=2205, array_oid=2210, length=4, category="N", engine="UINTEGER", arrow="string", column=False),
    SqlType(name="regtype", sql="regtype", oid=2206, array_oid=2211, length=4, category="N", engine="UINTEGER", arrow="string", column=False),
    # Arrays travel as text ({a,b}); an element's type shows in pg_type only.
    SqlType(name="_text", sql="text[]", oid=1009, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="_bool", sql="boolean[]", oid=1000, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="_int2", sql="smallint[]", oid=1005, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="_int4", sql="integer[]", oid=1007, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="_char", sql='"char"[]', oid=1002, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="_oid", sql="oid[]", oid=1028, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="aclitem", sql="aclitem", oid=1033, array_oid=1034, length=12, category="U", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="_aclitem", sql="aclitem[]", oid=1034, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="int2vector", sql="int2vector", oid=22, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="oidvector", sql="oidvector", oid=30, length=-1, category="A", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="xid", sql="xid", oid=28, length=4, category="U", engine="UINTEGER", arrow="uint32", column=False),
    SqlType(name="refcursor", sql="refcursor", oid=1790, length=-1, category="U", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="anyelement", sql="anyelement", oid=2283, length=4, category="P", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="void", sql="void", oid=2278, length=4, category="P", engine="VARCHAR", arrow="string", column=False),
    SqlType(name="record", sql="record", oid=2249, length=-1, category="P", engine="VARCHAR", arrow="string", column=False),
)
# fmt: on

BYTEA: Final = SqlType(name="bytea", sql="bytea", oid=17, array_oid=1001, length=-1, category="U", engine="VARCHAR", arrow="string", column=False)
"""The type of pg_trigger.tgargs and nothing else: SQL has no name for it, and a parameter of it may be of any type."""
TYPNAMES: Final = {row.name: row for row in TYPES}
"""By pg_type.typname."""
BY_OID: Final = {row.oid: row for row in TYPES}
BY_NAME: Final = {name: row for row in TYPES for name in (row.name, row.sql, *row.aliases)} | {
    # These spellings belong to two rows; the column type wins over the catalog's.
    "char": next(row for row in TYPES if row.name == "bpchar"),
    "text": next(row for row in TYPES if row.name == "varchar"),
}

VARCHAR_MAX: Final = 65_535
CHAR_MAX: Final = 4_096
VARBYTE_MAX: Final = 16_777_216
NUMERIC_PRECISION_MAX: Final = 38


@dataclass(frozen=True, slots=True)
class ColumnType:
    """A type with its modifier, as pg_attribute.atttypid and atttypmod tell it."""

    type: SqlType
    modifier: int = -1
    """PostgreSQL's atttypmod: n + 4 for CHAR and VARCHAR, (p << 16 | s) + 4 for NUMERIC, -1 for none."""

    @property
    def length(self) -> int | None:
        """Return n of CHAR(n), VARCHAR(n), VARBYTE(n) in bytes."""
        if self.modifier < 0 or self.type.name not in _WITH_LENGTH:
            return None
        return self.modifier - 4

    @property
    def precision(self) -> int | None:
        """Return p of NUMERIC(p,s)."""
        return (self.modifier - 4) >> 16 if self.type.name == "numeric" and self.modifier >= 0 else None

    @property
    def scale(self) -> int | None:
        """Return s of NUMERIC(p,s)."""
        return (self.modifier - 4) & 0xFFFF if self.type.name == "numeric" and self.modifier >= 0 else None

    def engine(self) -> str:
        """Return DuckDB's spelling of the type."""
        precision, scale = self.precision, self.scale
        return self.type.engine.format(p=38 if precision is None else precision, s=0 if scale is None else scale)

    def __str__(self) -> str:
        """Return what format_type shows, ``character varying(10)`` for one."""
        if self.length is not None:
            return f"{self.type.sql}({self.length})"
        if self.precision is not None:
            return f"{self.type.sql}({self.precision},{self.scale})"
        return self.type.sql


_WITH_LENGTH: Final = frozenset({"bpchar", "varchar", "varbyte"})


def of(name: str, modifier: int = -1) -> ColumnType:
    """Return the type called *name* (typname, SQL name or alias) with a raw modifier."""
    return ColumnType(BY_NAME[name], modifier)


_OID_BITS: Final = 32


def packed(type_: ColumnType) -> int:
    """Return a type as one number: its OID, and above it what its modifier says."""
    return type_.type.oid | (type_.modifier + 1) << _OID_BITS


def unpacked(number: int) -> ColumnType | None:
    """Return the type that a number means, which may be a plain OID; None for none that is known."""
    row = BY_OID.get(number & ((1 << _OID_BITS) - 1))
    return None if row is None else ColumnType(row, (number >> _OID_BITS) - 1)


def with_length(name: str, length: int) -> ColumnType:
    """Return CHAR(n), VARCHAR(n) or VARBYTE(n), n in bytes."""
    return ColumnType(BY_NAME[name], length + 4)


def numeric(precision: int, scale: int) -> ColumnType:
    """Return NUMERIC(p,s)."""
    return ColumnType(BY_NAME["numeric"], ((precision << 16) | scale) + 4)


def declared(name: str, arguments: tuple[int, ...] = ()) -> ColumnType:
    """Return the type that a declaration such as ``VARCHAR(10)`` means, with Redshift's defaults.

    *name* is lower case with single blanks ("double precision"); ``MAX`` is given as 65535.
    Raises 42704 for an unknown name, 22023 for a modifier out of range.
    """
    row = BY_NAME.get(name)
    if row is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'type "{name}" does not exist')
    if row.name == "float8" and name == "float" and arguments:
        return of("float4" if arguments[0] <= 24 else "float8")
    if row.name == "numeric":
        return _declared_numeric(arguments)
    limit = _LENGTHS.get(row.name)
    if limit is None:
        return ColumnType(row)
    default, largest = limit
    length = arguments[0] if arguments else (256 if name in {"text", "bpchar"} else default)
    if not 1 <= length <= largest:
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE,
            f"length for type {row.sql} cannot exceed {largest}" if length > largest
            else f"length for type {row.sql} must be at least 1",
        )
    return with_length(row.name, length)


_LENGTHS: Final = {"bpchar": (1, CHAR_MAX), "varchar": (256, VARCHAR_MAX), "varbyte": (64_000, VARBYTE_MAX)}


def _declared_numeric(arguments: tuple[int, ...]) -> ColumnType:
    precision = arguments[0] if arguments else 18
    scale = arguments[1] if len(arguments) > 1 else 0
    if not 1 <= precision <= NUMERIC_PRECISION_MAX:
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE,
            f"NUMERIC precision {precision} must be between 1 and {NUMERIC_PRECISION_MAX}",
        )
    if not 0 <= scale <= min(precision, 37):
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE,
            f"NUMERIC scale {scale} must be between 0 and precision {precision}",
        )
    return numeric(precision, scale)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result: a field of RowDescription."""

    name: str
    type: ColumnType
    table_oid: int = 0
    attribute: int = 0
    """1-based number in its table, 0 when it is an expression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a result's column comes from, for drivers that ask for it."""

    schema: str
    table: str
    column: str
    catalog: str
    not_null: bool = False
    identity: bool = False
    case_sensitive: bool = False
