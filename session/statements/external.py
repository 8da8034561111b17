"""External tables: CREATE, ALTER, DROP of what a data catalog has.

Redshift, "CREATE EXTERNAL TABLE", "ALTER TABLE" (external tables). Whoever owns an external
schema, and superusers, may change its tables; the files stay as they are.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from catalog.external import Origin, OriginKind
from catalog.model import Schema
from core import nested
from core.errors import SqlError, info, not_supported, notice
from core.nested import Nested
from core.sqlstate import SqlState
from engine.external.formats import CLASSES, format_of, is_iceberg
from session.answers import Done
from session.context import Work
from session.external.catalogs import asked, missing_database
from session.locks import Mode
from session.places import location
from sql.commands import alterations as actions
from sql.commands import external as commands
from sql.commands.alterations import AlterTable
from sql.commands.external import CreateExternalTable, FileFormat, RowFormat
from storage.datacatalog import Column, DataCatalog, Partition, Properties, Storage, Table

_LEAST_WORDS: Final = "Operation not supported on external tables"


async def create_external_table(work: Work, command: CreateExternalTable) -> Done:
    """CREATE EXTERNAL TABLE with columns."""
    _, origin = await writable_schema(work, command.name)
    name = command.name[-1]
    if await is_taken(work, origin, name, if_not_exists=command.if_not_exists):
        return Done("CREATE EXTERNAL TABLE")
    table = new_table(command, _columns(command.columns), _columns(command.keys))
    await check_location(work, origin, command.location)
    await asked(work, origin, lambda catalog: catalog.create_table(origin.database, table))
    return Done("CREATE EXTERNAL TABLE")


async def is_taken(work: Work, origin: Origin, name: str, *, if_not_exists: bool) -> bool:
    """Tell whether a table is there and that is fine; raise 42P07 where it is not, 3D000 without its database."""
    databases = await asked(work, origin, lambda catalog: {item.name for item in catalog.databases()})
    if origin.database not in databases:
        raise missing_database(origin.database)
    if await asked(work, origin, lambda catalog: catalog.table(origin.database, name)) is None:
        return False
    if if_not_exists:
        work.notice(notice(f'Relation "{name}" already exists and will be skipped', state=SqlState.DUPLICATE_TABLE))
        return True
    raise SqlError(SqlState.DUPLICATE_TABLE, f'Relation "{name}" already exists')


async def writable_schema(work: Work, name: tuple[str, ...]) -> tuple[Schema, Origin]:
    """Return the external schema that a table's name is in; raises where it is none or another's."""
    if len(name) == 1:
        raise SqlError(
            SqlState.INVALID_SCHEMA_NAME, "an external table must be qualified with the name of an external schema"
        )
    schema = work.visible.schema(name[:-1])
    origin = schema.external
    if origin is None:
        raise SqlError(SqlState.WRONG_OBJECT_TYPE, f'schema "{schema.name}" is not an external schema')
    if origin.kind != OriginKind.DATA_CATALOG:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, _LEAST_WORDS)
    require_schema_owner(work, schema)
    await work.tx.writing(frozenset())
    await lock(work, origin, name[-1])
    return schema, origin


async def lock(work: Work, origin: Origin, name: str) -> None:
    """Keep other sessions from changing a table's definition, through whatever schema, to the transaction's end."""
    await work.tx.lock(("external", origin.database, name), Mode.ACCESS_EXCLUSIVE)


def require_schema_owner(work: Work, schema: Schema) -> None:
    """Raise 42501 unless the user owns an external schema or is a superuser."""
    if not work.principal.superuser and schema.owner != work.principal.oid:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be owner of schema {schema.name}")


def _columns(columns: Sequence[commands.ExternalColumn]) -> tuple[Column, ...]:
    return tuple(Column(item.name, nested.shown(_typed(item))) for item in columns)


def _typed(item: commands.ExternalColumn) -> Nested:
    if item.type is None:
        raise SqlError(SqlState.SYNTAX_ERROR, f'column "{item.name}" has no type')
    return item.type


def new_table(command: CreateExternalTable, columns: tuple[Column, ...], keys: tuple[Column, ...]) -> Table:
    """Return the table that a command defines; its names must differ and its format be one that can be read."""
    names = [column.name for column in (*columns, *keys)]
    for name in names:
        if names.count(name) > 1:
            raise SqlError(SqlState.DUPLICATE_COLUMN, f'column "{name}" specified more than once')
    for key in keys:
        nested.parsed(key.type)
    table = Table(
        name=command.name[-1],
        columns=columns,
        keys=keys,
        storage=replace(
            stored_as(command.file_format, command.row_format), location=command.location,
        ),
        parameters=(("EXTERNAL", "TRUE"), *command.properties),
    )
    format_of(table)
    return table


def stored_as(file_format: FileFormat, row_format: RowFormat) -> Storage:
    """Return what STORED AS and ROW FORMAT mean; the location is left open."""
    word = file_format.word or ("" if file_format.input_format else "TEXTFILE")
    if word and word not in CLASSES:
        raise not_supported(f"STORED AS {word}")
    classes = CLASSES.get(word)
    return Storage(
        input_format=file_format.input_format or (classes.input_format if classes else ""),
        output_format=file_format.output_format or (classes.output_format if classes else ""),
        serde=row_format.serde or (classes.serde if classes else CLASSES["TEXTFILE"].serde),
        serde_parameters=row_format.properties,
    )


async def check_location(work: Work, origin: Origin, place: str) -> None:
    """Raise where a location is none, or a local one that is not allowed."""
    if place.startswith("s3://"):
        return
    role, user = origin.option("IAM_ROLE") or None, work.session.user.name
    store = work.limits.stores.store(location(place), role=role, user=user)
    await work.warehouse.executor.run(lambda: store.size(location(place)))


def refuse_in_block(work: Work, word: str) -> None:
    """Raise 25001 in a transaction block."""
    if work.tx.block:
        raise SqlError(SqlState.ACTIVE_SQL_TRANSACTION, f"{word} cannot run inside a transaction block")


async def drop_external_table(work: Work, name: tuple[str, ...], *, if_exists: bool) -> None:
    """DROP TABLE of an external table: its definition goes."""
    refuse_in_block(work, "DROP EXTERNAL TABLE")
    _, origin = await writable_schema(work, name)
    if await asked(work, origin, lambda catalog: catalog.table(origin.database, name[-1])) is None:
        if not if_exists:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'Table "{".".join(name)}" does not exist')
        work.notice(notice(f'Table "{name[-1]}" does not exist and will be skipped'))
        return
    await asked(work, origin, lambda catalog: catalog.drop_table(origin.database, name[-1]))


# ALTER TABLE


async def alter_external_table(work: Work, command: AlterTable) -> Done:
    """ALTER TABLE of an external table."""
    refuse_in_block(work, "ALTER EXTERNAL TABLE")
    _, origin = await writable_schema(work, command.name)
    name = command.name[-1]
    for action in command.actions:
        table = await asked(work, origin, lambda catalog: catalog.table(origin.database, name))
        if table is None:
            raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{".".join(command.name)}" does not exist')
        if is_iceberg(table):
            # The two import each other: changes of an Iceberg table begin as those of others do.
            from session.statements.iceberg_alterations import alter

            await alter(work, origin, name, action)
            continue
        run = _ACTIONS.get(type(action))
        if run is None:
            raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, _LEAST_WORDS)
        await run(work, origin, table, action)
    return Done("ALTER TABLE")


Action = Callable[[Work, Origin, Table, Any], Awaitable[None]]


async def _add_partitions(work: Work, origin: Origin, table: Table, action: commands.AddPartitions) -> None:
    partitions = []
    for pairs, place in action.partitions:
        await check_location(work, origin, place)
        storage = replace(table.storage, location=place)
        partitions.append(Partition(values=_values(table, pairs), storage=storage))
    present = await asked(
        work, origin, lambda catalog: catalog.add_partitions(origin.database, table.name, partitions)
    )
    if present and not action.if_not_exists:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f"Partition {_shown(table, present[0].values)} already exists")
    for item in present:
        work.notice(info(f"Partition {_shown(table, item.values)} already exists and will be skipped"))


def _shown(table: Table, values: tuple[str, ...]) -> str:
    return "(" + ", ".join(f"{key.name}='{value}'" for key, value in zip(table.keys, values, strict=False)) + ")"


def _values(table: Table, pairs: Properties) -> tuple[str, ...]:
    """Return a partition's values in the order of the table's keys."""
    given = dict(pairs)
    names = [key.name for key in table.keys]
    unknown = next((name for name in given if name not in names), None)
    if unknown is not None:
        raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{unknown}" is not a partition column of "{table.name}"')
    if len(given) != len(names):
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, f'a value of every partition column of "{table.name}" is needed'
        )
    return tuple(given[name] for name in names)


async def _drop_partition(work: Work, origin: Origin, table: Table, action: commands.DropPartition) -> None:
    values = _values(table, action.values)
    found = await asked(work, origin, lambda catalog: catalog.drop_partition(origin.database, table.name, values))
    if not found:
        raise _no_partition(table, values)


def _no_partition(table: Table, values: tuple[str, ...]) -> SqlError:
    return SqlError(SqlState.UNDEFINED_OBJECT, f"Partition {_shown(table, values)} does not exist")


async def _set_location(work: Work, origin: Origin, table: Table, action: commands.SetLocation) -> None:
    await check_location(work, origin, action.location)
    storage = replace(table.storage, location=action.location)
    if not action.partition:
        await _update(work, origin, replace(table, storage=storage))
        return
    changed = Partition(values=_values(table, action.partition), storage=storage)
    found = await asked(
        work, origin, lambda catalog: catalog.update_partition(origin.database, table.name, changed)
    )
    if not found:
        raise _no_partition(table, changed.values)


async def _set_file_format(work: Work, origin: Origin, table: Table, action: commands.SetFileFormat) -> None:
    storage = replace(stored_as(action.file_format, RowFormat()), location=table.storage.location)
    await _update(work, origin, replace(table, storage=storage))


async def _set_properties(work: Work, origin: Origin, table: Table, action: commands.SetTableProperties) -> None:
    await _update(work, origin, table.with_parameters(action.properties))


async def _add_column(work: Work, origin: Origin, table: Table, action: actions.AddColumn) -> None:
    column = action.column
    if column.type.type.name not in nested.EXTERNAL:
        raise not_supported(f'type "{column.type}" of a column of an external table')
    if column.name in _names(table):
        raise SqlError(
            SqlState.DUPLICATE_COLUMN, f'column "{column.name}" of relation "{table.name}" already exists'
        )
    added = Column(column.name, nested.hive(column.type))
    await _update(work, origin, replace(table, columns=(*table.columns, added)))


async def _drop_column(work: Work, origin: Origin, table: Table, action: actions.DropColumn) -> None:
    kept = tuple(column for column in table.columns if column.name != action.column)
    if len(kept) == len(table.columns):
        raise _no_column(table, action.column)
    await _update(work, origin, replace(table, columns=kept))


async def _rename_column(work: Work, origin: Origin, table: Table, action: actions.RenameColumn) -> None:
    if action.column not in [column.name for column in table.columns]:
        raise _no_column(table, action.column)
    if action.name in _names(table):
        raise SqlError(
            SqlState.DUPLICATE_COLUMN, f'column "{action.name}" of relation "{table.name}" already exists'
        )
    columns = tuple(
        replace(column, name=action.name) if column.name == action.column else column for column in table.columns
    )
    await _update(work, origin, replace(table, columns=columns))


def _names(table: Table) -> list[str]:
    return [column.name for column in (*table.columns, *table.keys)]


def _no_column(table: Table, name: str) -> SqlError:
    return SqlError(SqlState.UNDEFINED_COLUMN, f'column "{name}" of relation "{table.name}" does not exist')


async def _update(work: Work, origin: Origin, table: Table) -> None:
    await asked(work, origin, partial(_updated, origin.database, table))


def _updated(database: str, table: Table, catalog: DataCatalog) -> None:
    catalog.update_table(database, table)


_ACTIONS: Final[dict[type, Action]] = {
    commands.AddPartitions: _add_partitions,
    commands.DropPartition: _drop_partition,
    commands.SetLocation: _set_location,
    commands.SetFileFormat: _set_file_format,
    commands.SetTableProperties: _set_properties,
    actions.AddColumn: _add_column,
    actions.DropColumn: _drop_column,
    actions.RenameColumn: _rename_column,
}
