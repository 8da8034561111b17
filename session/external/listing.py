"""The sources of external objects in data catalogs elsewhere; the built-in one's follow from the catalog alone.

They are asked on a worker thread, whenever a statement reads a view over them. A schema whose catalog does not
answer lists nothing: what else there is must stay readable.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from catalog.external import external_oid
from catalog.system import external
from core.errors import SqlError
from storage.datacatalog import Partition, Table

if TYPE_CHECKING:
    from session.session import Session

_log = logging.getLogger(__name__)


def _tables(session: "Session") -> dict[int, list[Table]]:
    catalogs = session.warehouse.limits.catalogs
    found: dict[int, list[Table]] = {}
    for schema, origin in external.origins(session.tx.state):
        try:
            found[schema.oid] = [] if catalogs is None else catalogs.of(origin).tables(origin.database)
        except SqlError:
            _log.warning("the catalog of an external schema does not answer", extra={"schema": schema.name})
    return found


def _partitions(session: "Session", tables: dict[int, list[Table]]) -> dict[int, list[Partition]]:
    catalogs = session.warehouse.limits.catalogs
    found: dict[int, list[Partition]] = {}
    for schema, origin in external.origins(session.tx.state):
        for table in tables.get(schema.oid, ()):
            if table.keys and catalogs is not None:
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
    found = []
    seen = set()
    for _, origin in external.origins(session.tx.state):
        if origin.shown in seen or catalogs is None:
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
    return name in REMOTE and catalogs is not None and catalogs.remote
