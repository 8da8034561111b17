"""The sources of external objects in data catalogs elsewhere; the built-in one's follow from the catalog alone.

They are asked on a worker thread, whenever a statement reads a view over them. A schema whose catalog does not
answer lists nothing: what else there is must stay readable.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from catalog.external import Origin, OriginKind, external_databases, external_oid, external_table
from catalog.model import Schema
from catalog.shares import Doors, shared_relations
from catalog.system import external
from core import nested
from core.errors import SqlError
from core.types import ColumnType
from storage.datacatalog import Column, Partition, Table

if TYPE_CHECKING:
    from session.session import Session

_log = logging.getLogger(__name__)


def _tables(session: "Session") -> dict[int, list[Table]]:
    catalogs = session.warehouse.limits.catalogs
    found: dict[int, list[Table]] = {}
    for schema, origin in external.origins(session.tx.state):
        if origin.kind == OriginKind.REDSHIFT:
            found[schema.oid] = _through(session, schema, origin)
            continue
        if catalogs is None or not catalogs.elsewhere(origin):
            found[schema.oid] = external.own_tables(session.tx.state, origin)
            continue
        try:
            found[schema.oid] = catalogs.of(origin).tables(origin.database)
        except SqlError:
            _log.warning("the catalog of an external schema does not answer", extra={"schema": schema.name})
    return found


def _through(session: "Session", schema: Schema, origin: Origin) -> list[Table]:
    """Return the tables and views of another database that an external schema is over, for those who may use it."""
    state, limits = session.tx.state, session.warehouse.limits
    try:
        door = Doors(state, limits.account, limits.namespace).of_schema(schema, origin, session.database.name)
    except SqlError:
        return []
    return [
        Table(name=item.name, columns=tuple(Column(each.name, _hive(each.type)) for each in item.columns))
        for item in shared_relations(state, door)
    ]


def _hive(kind: ColumnType) -> str:
    return nested.hive(kind) if kind.type.name in nested.EXTERNAL else str(kind)


def _partitions(session: "Session", tables: dict[int, list[Table]]) -> dict[int, list[Partition]]:
    catalogs = session.warehouse.limits.catalogs
    found: dict[int, list[Partition]] = {}
    for schema, origin in external.origins(session.tx.state):
        for table in tables.get(schema.oid, ()):
            if catalogs is None or not catalogs.elsewhere(origin):
                item = external_table(session.tx.state, origin.database, table.name)
                found[external_oid(schema, table.name)] = list(item.partitions) if item is not None else []
            elif table.keys:
                parts = catalogs.of(origin).partitions(origin.database, table.name)
                found[external_oid(schema, table.name)] = parts
    return found


def _table_rows(session: "Session") -> Any:
    return external.table_rows(session.tx.state, _tables(session))


def _column_rows(session: "Session") -> Any:
    return external.column_rows(session.tx.state, _tables(session))


def _partition_rows(session: "Session") -> Any:
    tables = _tables(session)
    return external.partition_rows(session.tx.state, tables, _partitions(session, tables))


def _database_rows(session: "Session") -> Any:
    catalogs = session.warehouse.limits.catalogs
    state, seen = session.tx.state, set()
    own = catalogs is None or not catalogs.elsewhere(Origin(kind=OriginKind.DATA_CATALOG, database=""))
    found = [(int(OriginKind.DATA_CATALOG), "{}", item.entry) for item in external_databases(state) if own]
    for _, origin in external.origins(state):
        if origin.shown in seen or catalogs is None or not catalogs.elsewhere(origin):
            continue
        seen.add(origin.shown)
        try:
            found += [(origin.kind, origin.shown, item) for item in catalogs.of(origin).databases()]
        except SqlError:
            _log.warning("the catalog of an external schema does not answer", extra={"database": origin.database})
    return external.database_rows(found)


REMOTE: dict[str, Callable[["Session"], Any]] = {
    "sys_external_tables": _table_rows,
    "sys_external_columns": _column_rows,
    "sys_external_partitions": _partition_rows,
    "sys_external_databases": _database_rows,
}


def asked(session: "Session", name: str) -> bool:
    """Tell whether a source is made by asking other catalogs."""
    catalogs = session.warehouse.limits.catalogs
    if name not in REMOTE or catalogs is None:
        return False
    origins = [origin for _, origin in external.origins(session.tx.state)]
    return any(catalogs.elsewhere(origin) or origin.kind == OriginKind.REDSHIFT for origin in origins)
