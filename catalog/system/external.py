"""External schemas and what is in them as Arrow tables: of the built-in data catalog, or of others once asked.

Redshift, "SVV_EXTERNAL_TABLES" and its siblings.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from catalog.external import (
    Origin,
    OriginKind,
    external_database,
    external_databases,
    external_oid,
    external_tables,
)
from catalog.model import CatalogState, Schema
from catalog.system.build import Live, table
from core import nested
from core.errors import SqlError
from core.nested import Scalar
from storage.datacatalog import CatalogDatabase, Column, Partition, Properties, Storage, Table

Tables = Mapping[int, Sequence[Table]]
"""External schema (OID) → its tables."""
Partitions = Mapping[int, Sequence[Partition]]
"""External table (``external_oid``) → its partitions."""


def origins(state: CatalogState) -> list[tuple[Schema, Origin]]:
    """Return the external schemas."""
    return [(item, item.external) for item in state.schemas() if item.external is not None]


def schemas(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_external_schemas."""
    names = {item.oid: item.name for item in state.databases()}
    return table(
        "sys_external_schemas",
        [
            (item.oid, origin.kind, item.name, item.owner, names.get(item.database), origin.database, origin.shown)
            for item, origin in origins(state)
        ],
    )


def databases(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_external_databases of the built-in catalog."""
    return database_rows([(OriginKind.DATA_CATALOG, "{}", item.entry) for item in external_databases(state)])


def database_rows(found: Sequence[tuple[int, str, CatalogDatabase]]) -> pa.Table:
    """Build sys_external_databases: kinds, options and what catalogs tell."""
    rows = [(kind, options, item.name, item.location, _json(item.parameters)) for kind, options, item in found]
    return table("sys_external_databases", rows)


def own_tables(state: CatalogState, origin: Origin) -> list[Table]:
    """Return the tables that the built-in catalog has for an external schema."""
    place = external_database(state, origin.database) if origin.kind == OriginKind.DATA_CATALOG else None
    return [] if place is None else [item.table for item in external_tables(state, place)]


def _own(state: CatalogState) -> tuple[Tables, Partitions]:
    found: dict[int, Sequence[Table]] = {}
    parts: dict[int, Sequence[Partition]] = {}
    for schema, origin in origins(state):
        place = external_database(state, origin.database) if origin.kind == OriginKind.DATA_CATALOG else None
        items = [] if place is None else external_tables(state, place)
        found[schema.oid] = [item.table for item in items]
        parts |= {external_oid(schema, item.name): item.partitions for item in items}
    return found, parts


def tables(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_external_tables of the built-in catalog."""
    return table_rows(state, _own(state)[0])


def columns(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_external_columns of the built-in catalog."""
    return column_rows(state, _own(state)[0])


def partitions(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_external_partitions of the built-in catalog."""
    return partition_rows(state, *_own(state))


def _each(state: CatalogState, found: Tables) -> Iterator[tuple[Schema, Table]]:
    for schema, _ in origins(state):
        for item in found.get(schema.oid, ()):
            yield schema, item


def table_rows(state: CatalogState, found: Tables) -> pa.Table:
    """Build sys_external_tables."""
    return table(
        "sys_external_tables",
        [
            (schema.oid, external_oid(schema, item.name), item.name, *_stored(item.storage), _json(item.parameters))
            for schema, item in _each(state, found)
        ],
    )


def column_rows(state: CatalogState, found: Tables) -> pa.Table:
    """Build sys_external_columns."""
    rows: list[tuple[Any, ...]] = []
    for schema, item in _each(state, found):
        oid = external_oid(schema, item.name)
        for number, column in enumerate((*item.columns, *item.keys), start=1):
            rows.append((
                schema.oid, oid, item.name, column.name, column.type, number, max(0, number - len(item.columns)),
                *_typed(column),
            ))  # fmt: skip
    return table("sys_external_columns", rows)


def _typed(column: Column) -> tuple[str, int, int]:
    """Return how a column's type is shown, and its number and modifier."""
    try:
        kind = nested.parsed(column.type)
    except SqlError:
        return column.type, 0, -1
    type_ = nested.result(kind)
    return str(type_) if isinstance(kind, Scalar) else column.type, type_.type.oid, type_.modifier


def partition_rows(state: CatalogState, found: Tables, parts: Partitions) -> pa.Table:
    """Build sys_external_partitions."""
    rows: list[tuple[Any, ...]] = []
    for schema, item in _each(state, found):
        oid = external_oid(schema, item.name)
        rows += [
            (schema.oid, oid, item.name, json.dumps(list(part.values)), *_stored(part.storage), _json(part.parameters))
            for part in parts.get(oid, ())
        ]
    return table("sys_external_partitions", rows)


def _stored(storage: Storage) -> tuple[Any, ...]:
    return (
        storage.location.rstrip("/"), storage.input_format, storage.output_format, storage.serde,
        _json(storage.serde_parameters), int(storage.compressed),
    )  # fmt: skip


def _json(properties: Properties) -> str:
    return json.dumps(dict(properties), separators=(",", ":"))
