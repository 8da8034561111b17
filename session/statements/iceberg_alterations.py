"""ALTER TABLE of Apache Iceberg tables: only their metadata changes.

Redshift, "Altering table definitions" (of "Writing to Apache Iceberg tables").
"""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from catalog.external import Origin
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from engine.iceberg import commits, evolution, metadata
from engine.iceberg.metadata import LOCATION
from engine.iceberg.types import hive
from session.context import Work
from session.external.catalogs import asked
from session.statements.iceberg import now, stores_of
from session.statements.iceberg_tables import check_properties, declared
from sql.commands import alterations as actions
from sql.commands.external import SetTableProperties
from sql.commands.iceberg import ChangePartitionField
from storage.datacatalog import Column, DataCatalog

Change = Callable[[Any, Any], Any]
"""Returns the document that an action makes of one."""


async def alter(work: Work, origin: Origin, name: str, action: object) -> None:
    """Carry out one action of ALTER TABLE; raises 40001 where another program changes the table at the same time."""
    change = _CHANGES.get(type(action))
    if change is None:
        raise not_supported("this action of ALTER TABLE of an Iceberg table")
    stores, moment = stores_of(work, origin), now(work)

    def once(catalog: DataCatalog) -> bool:
        table = catalog.table(origin.database, name)
        before = table.parameter(LOCATION) if table is not None else None
        if table is None or before is None:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{name}" does not exist')
        document = metadata.load(table, stores)
        metadata.require_writable(document)
        changed = metadata.later(change(document, action), before, max(moment, document["last-updated-ms"] + 1))
        with tempfile.TemporaryDirectory(prefix="duckshift-iceberg-") as folder:
            place = commits.rewrite(changed, before, stores, Path(folder))
        columns = tuple(Column(item.name, hive(item.type)) for item in metadata.schema(changed))
        table = commits.moved(replace(table, columns=columns), place)
        return catalog.point_table(origin.database, table, LOCATION, before)

    if not await asked(work, origin, once):
        raise SqlError(
            SqlState.SERIALIZATION_FAILURE, f'the Iceberg table "{name}" was changed at the same time',
            hint="Run the statement again.",
        )  # fmt: skip


def _add_column(document: Any, action: actions.AddColumn) -> Any:
    column = action.column
    if column.not_null or column.default or column.identity or column.encode or column.collate or action.constraints:
        raise not_supported("attributes of a column of an Iceberg table")
    return evolution.with_column(document, column.name, declared(column.name, column.type))


def _change_part(document: Any, action: ChangePartitionField) -> Any:
    for part in action.drops:
        document = evolution.without_part(document, part.column, part.transform)
    for part in action.adds:
        document = evolution.with_part(document, part.column, part.transform, part.name)
    return document


def _set_properties(document: Any, action: SetTableProperties) -> Any:
    check_properties([pair for pair in action.properties if pair[0].lower() == "compression_type"])
    return evolution.with_properties(document, dict(action.properties))


_CHANGES: Final[Mapping[type, Change]] = {
    actions.AddColumn: _add_column,
    actions.DropColumn: lambda document, action: evolution.without_column(document, action.column),
    actions.RenameColumn: lambda document, action: evolution.with_name(document, action.column, action.name),
    actions.AlterColumnType: lambda document, action: evolution.with_type(
        document, action.column, declared(action.column, action.type)
    ),
    SetTableProperties: _set_properties,
    ChangePartitionField: _change_part,
}
