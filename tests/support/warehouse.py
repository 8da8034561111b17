"""A small catalog for the translator, and an engine on which what it writes can run."""

from typing import Final

import duckdb

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from engine.macros import MACROS
from session.settings import SETTINGS
from sql.facts import FunctionSource, Source, SourceColumn, SourceKind

SESSION: Final = (
    "SET integer_division=true",
    "SET ieee_floating_point_ops=false",
    "SET default_null_order='nulls_last_on_asc_first_on_desc'",
    "SET TimeZone='UTC'",
)
ROWS: Final = (
    "INSERT INTO sales VALUES"
    " (1, 1, 'a', 10, 10.50, '2008-01-01 10:00:00', '2008-01-01'),"
    " (2, 1, 'b', 20, 12.00, '2008-01-02 10:00:00', '2008-01-02'),"
    " (3, 2, 'c', 30, 13.50, '2008-02-01 10:00:00', '2008-02-01')",
    "INSERT INTO emp VALUES (1, 'A', NULL), (2, 'B', 1), (3, 'C', 1), (4, 'D', 2)",
    """INSERT INTO sup VALUES (1, '{"a":{"b":5},"items":[{"n":"x"},{"n":"y"}],"s":"P"}'), (2, '[10,20]')""",
    "INSERT INTO codes VALUES (1, 'ab', 'x '), (2, NULL, NULL)",
    "SET VARIABLE identity_104 = 7",
    "SET VARIABLE current_user = 'bob'",
    "SET VARIABLE transaction_timestamp = '2020-02-03 04:05:06.789'",
    "SET VARIABLE statement_timestamp = '2020-02-03 04:05:06.789'",
)


def _columns(**named: ColumnType) -> tuple[SourceColumn, ...]:
    return tuple(SourceColumn(name=name, type=type_, number=place) for place, (name, type_) in enumerate(
        named.items(), start=1))


def _table(oid: int, name: str, columns: tuple[SourceColumn, ...]) -> Source:
    return Source(oid=oid, kind=SourceKind.TABLE, database="dev", schema="public", name=name, owner=100,
                  columns=columns, engine_name=f'main."{name}"')


INT: Final = types.of("int4")
TABLES: Final = (
    _table(101, "sales", _columns(
        salesid=INT, sellerid=INT, buyerid=types.with_length("varchar", 256), qty=INT,
        price=types.numeric(8, 2), saletime=types.of("timestamp"), d=types.of("date"))),
    _table(102, "emp", _columns(id=INT, name=types.with_length("varchar", 20), manager_id=INT)),
    _table(103, "sup", _columns(id=INT, s=types.of("super"))),
    _table(104, "orders", (
        SourceColumn(name="id", type=INT, number=1, identity=(1, 1)),
        SourceColumn(name="note", type=types.with_length("varchar", 5), number=2, not_null=True),
        SourceColumn(name="code", type=types.with_length("bpchar", 4), number=3),
        SourceColumn(name="amount", type=types.numeric(5, 1), number=4, default="1.25"),
    )),
    _table(105, "codes", _columns(id=INT, code=types.with_length("bpchar", 4), note=types.with_length("varchar", 9))),
    Source(oid=201, kind=SourceKind.VIEW, database="dev", schema="public", name="managers", owner=7,
           columns=_columns(boss=INT, title=types.with_length("varchar", 20)),
           definition="SELECT id, name FROM public.emp WHERE manager_id IS NULL"),
    Source(oid=1259, kind=SourceKind.SYSTEM, database="dev", schema="pg_catalog", name="pg_class", owner=1,
           columns=_columns(oid=types.of("oid"), relname=types.of("name")),
           definition="SELECT oid, name AS relname FROM sys_relations"),
)  # fmt: skip


FUNCTIONS = (
    FunctionSource(
        oid=3, schema="public", name="f_greater", owner=1, arguments=(types.of("float8"), types.of("float8")),
        returns=types.of("float8"), language="sql", body="select case when $1 > $2 then $1 else $2 end",
    ),
    FunctionSource(
        oid=4, schema="public", name="f_double", owner=1, arguments=(types.of("int4"),),
        returns=types.of("int4"), language="sql", body="select $1 * 2",
    ),
)  # fmt: skip


class Warehouse:
    """The tables above, found by name along a search path of pg_catalog and public."""

    def __init__(self, **settings: str) -> None:
        self.settings = {row.name: row.default for row in SETTINGS} | settings

    def source(self, parts: tuple[str, ...]) -> Source | None:
        """Resolve a name."""
        schema = parts[-2] if len(parts) > 1 else None
        if schema not in (None, "public", "pg_catalog"):
            raise SqlError(SqlState.INVALID_SCHEMA_NAME, f'schema "{schema}" does not exist')
        return next((row for row in TABLES if row.name == parts[-1] and schema in (None, row.schema)), None)

    def functions(self, parts: tuple[str, ...]) -> tuple[FunctionSource, ...]:
        """Resolve a function's name."""
        return tuple(row for row in FUNCTIONS if row.name == parts[-1] and parts[:-1] in ((), (row.schema,)))

    def runs(self, language: str) -> bool:
        """Tell whether functions in *language* may run."""
        return language == "sql"

    def within(self, database: str) -> "Warehouse":
        """Return the same: there is one database."""
        return self

    def setting(self, name: str) -> str:
        """Return a setting."""
        return self.settings[name]


def engine() -> duckdb.DuckDBPyConnection:
    """Return an engine with the macros, the session's settings and the tables' rows."""
    connection = duckdb.connect()
    for statement in (*SESSION, *MACROS):
        connection.execute(statement)
    for row in TABLES:
        if row.kind is SourceKind.TABLE:
            columns = ", ".join(f'"{column.name}" {column.type.engine()}' for column in row.columns)
            connection.execute(f"CREATE TABLE {row.engine_name} ({columns})")
    for statement in ROWS:
        connection.execute(statement)
    return connection
