"""Tables of other database servers: what their columns' types are here, and the engine SQL that reads them.

Redshift, "Data type differences between Amazon Redshift and supported PostgreSQL and MySQL databases": what has no type
of its own here is VARCHAR(65535). The engine's scans push down columns and conditions.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from core import types
from core.names import literal, quote
from storage.datacatalog import Column, Properties, Table

_TEXT: Final = f"varchar({types.VARCHAR_MAX})"
_PRECISION: Final = types.NUMERIC_PRECISION_MAX
_LOOSE: Final = (38, 10)
"""What a NUMERIC without precision is read as: the engine would make a floating-point number of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How one kind of server is asked."""

    kind: str
    """As DuckDB names it, and ``Table.type`` in capitals."""
    port: int
    query: str
    """The table function that runs a query there."""
    setting: str
    """Whether conditions are left to it."""
    names: str
    """Query for the names of a schema's tables; {schema} is a literal."""
    columns: str
    """Query for table, column and type of a schema's columns, in order; {schema} is a literal, {more} a condition."""


POSTGRES: Final = Dialect(
    kind="postgres",
    port=5432,
    query="postgres_query",
    setting="pg_experimental_filter_pushdown",
    names="SELECT relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
    " WHERE n.nspname = {schema} AND c.relkind IN ('r', 'v', 'm', 'p', 'f') ORDER BY 1",
    columns="SELECT c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)"
    " FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid"
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = {schema}"
    " AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped{more}"
    " ORDER BY c.relname, a.attnum",
)
MYSQL: Final = Dialect(
    kind="mysql",
    port=3306,
    query="mysql_query",
    setting="mysql_experimental_filter_pushdown",
    names="SELECT table_name FROM information_schema.tables WHERE table_schema = {schema} ORDER BY 1",
    columns="SELECT table_name, column_name, column_type FROM information_schema.columns"
    " WHERE table_schema = {schema}{more} ORDER BY table_name, ordinal_position",
)
DIALECTS: Final = {"POSTGRES": POSTGRES, "MYSQL": MYSQL}
"""By ``Table.type``."""
_MORE: Final = {"POSTGRES": " AND lower(c.relname) = {name}", "MYSQL": " AND lower(table_name) = {name}"}

_POSTGRES: Final = {
    "smallint": "smallint", "integer": "int", "bigint": "bigint", "real": "float", "double precision": "double",
    "boolean": "boolean", "date": "date", "text": _TEXT, "character varying": _TEXT, "name": "varchar(64)",
    "timestamp without time zone": "timestamp", "timestamp with time zone": "timestamptz", "citext": _TEXT,
}  # fmt: skip
_MYSQL: Final = {
    "tinyint(1)": "boolean", "tinyint": "smallint", "smallint": "smallint", "smallint unsigned": "int",
    "tinyint unsigned": "smallint", "mediumint": "int", "mediumint unsigned": "int", "int": "int",
    "int unsigned": "bigint", "bigint": "bigint", "bigint unsigned": "decimal(20,0)", "float": "float",
    "double": "double", "date": "date", "timestamp": "timestamp", "datetime": "timestamp",
    "time": "time", "year": "varchar(4)",
}  # fmt: skip
_SIZED: Final = re.compile(r"(character varying|varchar|character|char|numeric|decimal)\((\d+)(?:,\s*(-?\d+))?\)")
_WIDTH: Final = re.compile(r"(?<!\btinyint)\(\d+\)|\((?!1\))\d+\)")
"""MySQL's display widths and fractions of seconds, which mean nothing but for tinyint(1)."""


def column_query(type_: str, schema: str, name: str = "") -> str:
    """Return the query for the columns of a schema's tables, or of those called *name* in any case."""
    more = _MORE[type_].format(name=literal(name.lower())) if name else ""
    return DIALECTS[type_].columns.format(schema=literal(schema), more=more)


def tables(type_: str, place: str, schema: str, rows: Sequence[tuple[str, str, str]]) -> list[Table]:
    """Return the tables that *rows* (table, column, type there) tell of; *place* is the engine's name of the server."""
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in rows:
        found.setdefault(table, []).append((column, kind))
    prefix = f"{quote(place)}.{quote(schema)}"
    return [_table(type_, f"{prefix}.{quote(name)}", name, items) for name, items in found.items()]


def _table(type_: str, engine_name: str, name: str, columns: Sequence[tuple[str, str]]) -> Table:
    parameters: Properties = (("engine_name", engine_name),)
    return Table(
        name=name.lower(),
        columns=tuple(Column(column.lower(), hive(type_, kind)) for column, kind in columns),
        parameters=(
            *parameters,
            *((f"type of {column.lower()}", kind) for column, kind in columns),
            *((f"name of {column.lower()}", column) for column, _ in columns),
        ),
        type=type_,
    )


def hive(type_: str, kind: str) -> str:
    """Return the type that a column of the type *kind* there has here, as ``core.nested`` reads it."""
    sized = _SIZED.fullmatch(kind)
    if sized is not None:
        return _sized(sized[1], int(sized[2]), int(sized[3] or 0))
    if type_ == "MYSQL":
        return _MYSQL.get(_WIDTH.sub("", kind.replace(" zerofill", "")), _TEXT)
    if kind in {"numeric", "decimal"}:
        return f"decimal({_LOOSE[0]},{_LOOSE[1]})"
    return _POSTGRES.get(kind, _TEXT)


def _sized(name: str, size: int, scale: int) -> str:
    if name in {"character varying", "varchar"}:
        # A length there counts characters, of up to four bytes.
        return f"varchar({min(size * 4, types.VARCHAR_MAX)})" if size < types.VARCHAR_MAX else _TEXT
    if name in {"character", "char"}:
        return f"char({min(size * 4, types.CHAR_MAX)})"
    if size > _PRECISION or scale < 0:
        return f"decimal({_LOOSE[0]},{_LOOSE[1]})"
    return f"decimal({size},{min(scale, _PRECISION - 1)})"


def select(table: Table, columns: Sequence[tuple[str, str]]) -> str:
    """Return engine SQL for the rows of a table elsewhere; *columns* are names and engine types."""
    facts = dict(table.parameters)
    kinds = {item.name: facts[f"type of {item.name}"] for item in table.columns}
    if table.type == "POSTGRES" and any(map(_is_loose, kinds.values())):
        shown = ", ".join(f"CAST({quote(name)} AS {engine}) AS {quote(name)}" for name, engine in columns)
        return f"SELECT {shown} FROM {_converted(table, facts, kinds)}"
    values = [(name, _value(quote(name), kinds[name], engine, table.type)) for name, engine in columns]
    return f"SELECT {', '.join(f'{value} AS {quote(name)}' for name, value in values)} FROM {facts['engine_name']}"


def settings(types_: Iterable[str], query: str) -> list[str]:
    """Return the statements by which a connection leaves conditions to servers of these kinds, or keeps them.

    Of ORDER BY with LIMIT the engine makes a condition that grows as it reads. Where NULLs come first, the extensions
    of DuckDB 1.5.5 take half of it for the whole, and nothing but NULLs is read.
    """
    leaves = not (_LIMITED.search(query) and _NULLS_FIRST.search(query))
    found = {DIALECTS[each].setting for each in types_ if each in DIALECTS}
    return [f"SET SESSION {name} = {str(leaves).lower()}" for name in sorted(found)]


_LIMITED: Final = re.compile(r"\b(LIMIT|FETCH|arg_max|arg_min)\b", re.IGNORECASE)
_NULLS_FIRST: Final = re.compile(r"\bDESC\b|\bNULLS\s+FIRST\b", re.IGNORECASE)


def _converted(table: Table, facts: dict[str, str], kinds: dict[str, str]) -> str:
    """Return a table whose server makes decimals of the numbers that the engine would read as DOUBLE."""
    place, schema, name = re.findall(r'"(?:[^"]|"")*"', facts["engine_name"])
    shown = []
    for item in table.columns:
        own, kind = quote(facts[f"name of {item.name}"]), kinds[item.name]
        goal = f"numeric({_LOOSE[0]},{_LOOSE[1]})" if _is_loose(kind) else "text" if item.type == _TEXT else ""
        shown.append(f"CAST({own} AS {goal}) AS {own}" if goal else own)
    there = ", ".join(shown)
    return f"postgres_query({literal(_bare(place))}, {literal(f'SELECT {there} FROM {schema}.{name}')})"


def _bare(quoted: str) -> str:
    return quoted[1:-1].replace('""', '"')


def _is_loose(kind: str) -> bool:
    sized = _SIZED.fullmatch(kind)
    return kind in {"numeric", "decimal"} or (
        sized is not None and sized[1] in {"numeric", "decimal"}
        and (int(sized[2]) > _PRECISION or int(sized[3] or 0) < 0)
    )  # fmt: skip


def _value(column: str, kind: str, engine: str, type_: str) -> str:
    if kind == "bytea":
        return f"'\\x' || lower(hex({column}))"
    if type_ == "MYSQL" and engine == "VARCHAR" and re.match("(tiny|medium|long)?blob|(var)?binary|bit", kind):
        return f"CASE WHEN {column} IS NOT NULL THEN coalesce(TRY(decode({column})), hex({column})) END"
    if type_ == "MYSQL" and engine == "VARCHAR":
        # The server would compare text by its collation, which finds other rows: what is computed is compared here.
        return f"CAST({column} AS VARCHAR) || ''"
    return f"CAST({column} AS {engine})"
