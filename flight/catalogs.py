"""Databases, schemas, tables, keys, as Flight SQL's clients ask for them: queries of the system views.

They run in the caller's session, so each user sees what that user may see. Patterns are LIKE's.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from core import types
from core.names import quote
from core.types import Column, ColumnType
from flight.facts import SCHEMAS, TABLE_TYPES, TABLES_WITH_SCHEMA
from flight.shapes import field
from session.answers import Value
from session.calls import run
from session.session import Session

_ANY: Final = "%"
_DATABASES: Final = "SELECT database_name FROM svv_redshift_databases ORDER BY 1"
_SCHEMATA: Final = """
    SELECT database_name, schema_name FROM svv_all_schemas
    WHERE database_name LIKE $1 AND schema_name LIKE $2 ORDER BY 1, 2"""
_TABLES: Final = """
    SELECT database_name, schema_name, table_name, table_type FROM svv_all_tables
    WHERE database_name LIKE $1 AND schema_name LIKE $2 AND table_name LIKE $3 ORDER BY 4, 1, 2, 3"""
_COLUMNS: Final = """
    SELECT database_name, schema_name, table_name, column_name, data_type, character_maximum_length,
        numeric_precision, numeric_scale, is_nullable
    FROM svv_all_columns
    WHERE database_name LIKE $1 AND schema_name LIKE $2 AND table_name LIKE $3
    ORDER BY 1, 2, 3, ordinal_position"""


class Catalogs:
    """Answers the commands of metadata."""

    def __init__(self) -> None:
        """Know the commands."""
        self.commands: Mapping[str, Callable[[Session, dict[str, Any]], Any]] = {
            "CommandGetCatalogs": self._databases,
            "CommandGetDbSchemas": self._schemata,
            "CommandGetTables": self._tables,
            "CommandGetTableTypes": self._table_types,
            "CommandGetPrimaryKeys": self._primary_keys,
            "CommandGetExportedKeys": self._exported,
            "CommandGetImportedKeys": self._imported,
            "CommandGetCrossReference": self._crossed,
        }

    def schema(self, name: str, fields: Mapping[str, Any]) -> pa.Schema:
        """Return the schema of a command's answer."""
        return TABLES_WITH_SCHEMA if fields.get("include_schema") else SCHEMAS[name]

    async def answer(self, session: Session, name: str, fields: dict[str, Any]) -> pa.Table:
        """Return a command's answer."""
        rows = await self.commands[name](session, fields)
        schema = self.schema(name, fields)
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
        arrays = [pa.array(list(column), item.type) for column, item in zip(columns, schema, strict=True)]
        return pa.Table.from_arrays(arrays, schema=schema)

    async def _databases(self, session: Session, fields: dict[str, Any]) -> list[Any]:
        return await _rows(session, _DATABASES)

    async def _schemata(self, session: Session, fields: dict[str, Any]) -> list[Any]:
        pattern = fields.get("db_schema_filter_pattern", _ANY)
        return await _rows(session, _SCHEMATA, _exactly(fields.get("catalog")), pattern)

    async def _tables(self, session: Session, fields: dict[str, Any]) -> list[Any]:
        place = (
            _exactly(fields.get("catalog")),
            fields.get("db_schema_filter_pattern", _ANY),
            fields.get("table_name_filter_pattern", _ANY),
        )
        wanted = set(fields.get("table_types", ()))
        tables = [row for row in await _rows(session, _TABLES, *place) if not wanted or row[3] in wanted]
        if not fields.get("include_schema"):
            return tables
        members: dict[tuple[Any, ...], list[pa.Field]] = {}
        for row in await _rows(session, _COLUMNS, *place):
            members.setdefault(tuple(row[:3]), []).append(_member(row))
        return [(*row, pa.schema(members.get(tuple(row[:3]), [])).serialize().to_pybytes()) for row in tables]

    async def _table_types(self, session: Session, fields: dict[str, Any]) -> list[Any]:
        return [(name,) for name in TABLE_TYPES]

    async def _primary_keys(self, session: Session, fields: dict[str, Any]) -> list[Any]:
        place = _table(session, fields, ("catalog", "db_schema", "table"))
        found = await _rows(session, f"SHOW CONSTRAINTS PRIMARY KEYS FROM TABLE {place}")
        return [(*row[:4], row[5], row[4]) for row in found]

    async def _exported(self, session: Session, fields: dict[str, Any]) -> list[Any]:
        return await _foreign_keys(session, fields, ("catalog", "db_schema", "table"), exported=True)

    async def _imported(self, session: Session, fields: dict[str, Any]) -> list[Any]:
        return await _foreign_keys(session, fields, ("catalog", "db_schema", "table"))

    async def _crossed(self, session: Session, fields: dict[str, Any]) -> list[Any]:
        rows = await _foreign_keys(session, fields, ("fk_catalog", "fk_db_schema", "fk_table"))
        wanted = [fields.get(name) or None for name in ("pk_catalog", "pk_db_schema", "pk_table")]
        return [row for row in rows if all(name in {None, own} for name, own in zip(wanted, row[:3], strict=True))]


async def _foreign_keys(
    session: Session, fields: Mapping[str, Any], names: tuple[str, str, str], *, exported: bool = False
) -> list[Any]:
    """Return the keys of one table to others, or of others to it."""
    place = _table(session, fields, names)
    found = await _rows(session, f"SHOW CONSTRAINTS FOREIGN KEYS {'EXPORTED ' * exported}FROM TABLE {place}")
    # pk and fk: database, schema, table, column each, then sequence, rules, names.
    return [(*row[:8], row[8], row[11], row[12], row[9], row[10]) for row in found]


def _table(session: Session, fields: Mapping[str, Any], names: tuple[str, str, str]) -> str:
    database, schema, table = (fields.get(name) or "" for name in names)
    return ".".join(quote(part) for part in (database or session.database.name, schema or "public", table))


def _exactly(name: str | None) -> str:
    """Return the pattern that fits *name* alone; anything where there is none."""
    if not name:
        return _ANY
    return name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def _rows(session: Session, query: str, *texts: str) -> list[tuple[Any, ...]]:
    def values(kinds: tuple[ColumnType, ...]) -> Sequence[Value]:
        return texts

    batches = await run(session, query, values)
    found: list[tuple[Any, ...]] = []
    for batch in batches:
        found += zip(*(column.to_pylist() for column in batch.columns), strict=True)
    return found


def _member(row: Sequence[Any]) -> pa.Field:
    name, data_type, length, precision, scale, nullable = row[3:9]
    plain = types.BY_NAME.get(str(data_type).partition("(")[0])
    kind = types.of("varchar") if plain is None else ColumnType(plain)
    if kind.type.name == "numeric" and precision:
        kind = types.numeric(precision, scale or 0)
    elif length and kind.type.name in {"bpchar", "varchar"}:
        kind = types.with_length(kind.type.name, length)
    return field(Column(name, kind), nullable=str(nullable).upper() not in {"NO", "FALSE"})
