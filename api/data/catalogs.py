"""The operations of ``redshift-data`` that list databases, schemas, tables and columns.

Each is one query of the system views, run as the caller's database user, so that it shows what that user may see.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.data import paging
from api.data.access import Access
from api.data.records import described
from api.data.sessions import Desk
from api.errors import ApiError, invalid
from api.gateway import Operations
from api.identities import Caller
from api.seams import Codec
from core import types
from core.errors import ConnectionFatal, SqlError
from core.types import ColumnType
from session.answers import Value
from session.calls import run

_PAGE: Final = 1_000
_ANY: Final = "%"
_AT_ONCE: Final = 16
_DATABASES: Final = "SELECT database_name FROM svv_redshift_databases ORDER BY 1"
_SCHEMAS: Final = """
    SELECT schema_name FROM svv_all_schemas WHERE database_name = $1 AND schema_name LIKE $2 ORDER BY 1"""
_TABLES: Final = """
    SELECT table_name, table_type, schema_name FROM svv_all_tables
    WHERE database_name = $1 AND schema_name LIKE $2 AND table_name LIKE $3 ORDER BY 3, 1"""
_COLUMNS: Final = """
    SELECT column_name, data_type, character_maximum_length, numeric_precision, numeric_scale, is_nullable,
        column_default, schema_name, table_name
    FROM svv_all_columns
    WHERE database_name = $1 AND schema_name LIKE $2 AND table_name LIKE $3 ORDER BY 8, 9, ordinal_position"""
_SYSTEM: Final = frozenset({"pg_catalog", "information_schema", "pg_internal"})


class CatalogApi:
    """The operations, by name in ``operations``."""

    def __init__(self, access: Access, desk: Desk, codec: Codec) -> None:
        """Ask in sessions of *desk*."""
        self._access = access
        self._desk = desk
        self._codec = codec
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {
            "ListDatabases": self.databases,
            "ListSchemas": self.schemas,
            "ListTables": self.tables,
            "DescribeTable": self.describe_table,
        }

    async def databases(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListDatabases."""
        if not given.get("Database"):
            raise invalid("Database is needed.")
        rows, more = await self._page(caller, "ListDatabases", given, _DATABASES, ())
        return {"Databases": [row["database_name"] for row in rows], "NextToken": more}

    async def schemas(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListSchemas."""
        names = (given["Database"], given.get("SchemaPattern", _ANY))
        rows, more = await self._page(caller, "ListSchemas", given, _SCHEMAS, names)
        return {"Schemas": [row["schema_name"] for row in rows], "NextToken": more}

    async def tables(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListTables."""
        names = (given["Database"], given.get("SchemaPattern", _ANY), given.get("TablePattern", _ANY))
        rows, more = await self._page(caller, "ListTables", given, _TABLES, names)
        tables = [{"name": row["table_name"], "schema": row["schema_name"], "type": _kind(row)} for row in rows]
        return {"Tables": tables, "NextToken": more}

    async def describe_table(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """DescribeTable: the names are patterns, as ListTables has them."""
        names = (given["Database"], given.get("Schema", _ANY), given.get("Table", _ANY))
        rows, more = await self._page(caller, "DescribeTable", given, _COLUMNS, names)
        columns = [_column(row) for row in rows]
        return {"TableName": given.get("Table"), "ColumnList": columns, "NextToken": more}

    async def _page(
        self, caller: Caller, action: str, given: dict[str, Any], query: str, names: Sequence[str]
    ) -> tuple[list[dict[str, Any]], str | None]:
        self._access.require(caller, action, given)
        start = paging.start_of(action, given.get("NextToken"))
        size = given.get("MaxResults") or _PAGE
        database = given.get("ConnectedDatabase") or given["Database"]
        user = await self._access.user(caller, given, database)
        where = {"cluster": given.get("ClusterIdentifier", ""), "workgroup": given.get("WorkgroupName", "")}
        text = f"{query} LIMIT {size + 1} OFFSET {start}"

        def values(kinds: tuple[ColumnType, ...]) -> Sequence[Value]:
            return [self._codec.value(kind, name) for kind, name in zip(kinds, names, strict=True)]

        async with self._turns:
            held = self._desk.new(caller, user, database, 0, **where)
            try:
                session = await self._desk.session(held)
                batches = await run(session, text, values)
            except ConnectionFatal as error:
                raise ApiError("DatabaseConnectionException", error.message, status=500) from None
            except SqlError as error:
                raise invalid(f"ERROR: {error.message}") from None
            finally:
                await self._desk.done(held)
        columns = [part.strip().rpartition(" ")[2] for part in query.split("FROM")[0].replace("SELECT", "").split(",")]
        rows = [
            dict(zip(columns, row.values(), strict=True))
            for batch in batches
            for row in batch.rename_columns([str(number) for number in range(len(columns))]).to_pylist()
        ]
        return rows[:size], paging.token(action, start + size) if len(rows) > size else None


def _kind(row: Mapping[str, Any]) -> str:
    kind = str(row["table_type"])
    return f"SYSTEM {kind}" if row["schema_name"] in _SYSTEM and not kind.startswith("SYSTEM") else kind


def _column(row: Mapping[str, Any]) -> dict[str, Any]:
    length = row["character_maximum_length"]
    kind = _type(str(row["data_type"]), length, row["numeric_precision"], row["numeric_scale"])
    return {
        **described(row["column_name"], kind),
        "nullable": 0 if str(row["is_nullable"]).upper() in {"NO", "FALSE"} else 1,
        "length": length or max(kind.type.length, 0),
        "columnDefault": row["column_default"],
        "schemaName": row["schema_name"],
        "tableName": row["table_name"],
    }


def _type(name: str, length: int | None, precision: int | None, scale: int | None) -> ColumnType:
    plain = types.BY_NAME.get(name.partition("(")[0])
    if plain is None:
        return types.of("varchar")
    if plain.name == "numeric" and precision:
        return types.numeric(precision, scale or 0)
    return (
        types.with_length(plain.name, length) if length and plain.name in {"bpchar", "varchar"} else ColumnType(plain)
    )
