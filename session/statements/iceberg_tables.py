"""Apache Iceberg tables as such: CREATE TABLE … USING ICEBERG [AS], and what SHOW TABLE says of one.

Redshift, "Writing to Apache Iceberg tables". Rows are ``session.statements.iceberg``'s business.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from catalog import definitions
from catalog.external import Origin
from core.errors import SqlError, not_supported
from core.names import quote, quote_if_needed
from core.sqlstate import SqlState
from core.types import Column as ResultColumn
from core.types import ColumnType
from engine.iceberg import commits, metadata, transforms, types
from engine.iceberg.manifests import ContentFile
from engine.iceberg.writing import Layout
from session.answers import Done
from session.context import Work
from session.external.catalogs import asked
from session.external.tables import Known
from session.statements import external
from session.statements.iceberg import at_the_end, now, require_alone, rows_of, stores_of, writer_of
from session.statements.query import described_columns
from sql.commands.iceberg import CreateIcebergTable
from sql.finish import Finish
from storage.datacatalog import Column, Storage, Table

_COMPRESSION: Final = "compression_type"
_CODECS: Final = ("zstd", "snappy", "gzip", "uncompressed", "none")
_REFUSED: Final = frozenset({"int2", "bpchar"})
"""Types that the manual names as not supported for Iceberg tables."""


async def create_iceberg_table(work: Work, command: CreateIcebergTable) -> Done:
    """CREATE TABLE … USING ICEBERG, with columns or AS query."""
    _, origin = await external.writable_schema(work, command.name)
    require_alone(work, origin)
    if await external.is_taken(work, origin, command.name[-1], if_not_exists=command.if_not_exists):
        return Done("CREATE TABLE")
    place = await _location(work, origin, command)
    await external.check_location(work, origin, place)
    if command.query is None:
        columns = [(item.name, declared(item.name, item.type)) for item in command.columns]
        await _create(work, origin, command, _document(work, command, columns, place), None)
        return Done("CREATE TABLE")
    plan = await work.ready(command.query.text, command.query.offset, finish=Finish.EXACT)
    await work.session.admission.admitted(plan)
    shape = _named(command, await described_columns(work, plan))
    columns = [(name, types.of_sql(name, item.type)) for name, item in shape]
    document = _document(work, command, columns, place)
    rows = rows_of(plan.translated.engine_sql, [name for name, _ in shape])
    write = writer_of(work, origin, document, rows, {name: quote(name) for name, _ in shape})
    prepare, connection = work.prepare(plan, work.bound(plan)), work.engine.connection

    def run() -> tuple[list[ContentFile], int]:
        if prepare is not None:
            prepare(connection)
        return write(connection)

    files, count = await work.engine.work(run)
    await _create(work, origin, command, document, files)
    return Done(f"SELECT {count}" if count else "SELECT")


def declared(name: str, kind: ColumnType) -> str:
    """Return the Iceberg type for a column that is defined; raises 0A000 where there is none."""
    if kind.type.name in _REFUSED:
        raise not_supported(f'column "{name}" of type "{kind}" in an Iceberg table')
    return types.of_sql(name, kind)


def _named(command: CreateIcebergTable, columns: Sequence[ResultColumn]) -> list[tuple[str, ResultColumn]]:
    names = list(command.names) or [column.name for column in columns]
    if len(names) > len(columns):
        raise SqlError(SqlState.SYNTAX_ERROR, "CREATE TABLE AS specifies too many column names")
    names += [column.name for column in columns[len(names) :]]
    return list(zip([name.lower() for name in names], columns, strict=True))


async def _location(work: Work, origin: Origin, command: CreateIcebergTable) -> str:
    if command.location:
        return command.location
    databases = await asked(work, origin, lambda catalog: catalog.databases())
    root = next((item.location for item in databases if item.name == origin.database), "")
    if not root:
        raise SqlError(
            SqlState.INVALID_TABLE_DEFINITION, f'LOCATION is required: the database "{origin.database}" has none'
        )
    return f"{root.rstrip('/')}/{command.name[-1]}"


def _document(work: Work, command: CreateIcebergTable, columns: Sequence[tuple[str, str]], place: str) -> Any:
    names = [name for name, _ in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SqlError(SqlState.DUPLICATE_COLUMN, f'column "{twice}" specified more than once')
    kinds = dict(columns)
    parts = []
    for part in command.parts:
        if part.column not in kinds:
            raise SqlError(SqlState.UNDEFINED_COLUMN, f'partition column "{part.column}" does not exist')
        transforms.check(part.transform, part.column, kinds[part.column])
        parts.append((part.column, part.transform, part.name))
    fields = [name for _, _, name in parts]
    if len(set(fields)) < len(fields):
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, "a table cannot be partitioned by the same value twice")
    return metadata.begun(place, columns, parts, _properties(command), now(work))


def _properties(command: CreateIcebergTable) -> dict[str, str]:
    check_properties(command.properties)
    found = {name.lower(): value.lower().replace("none", "uncompressed") for name, value in command.properties}
    return {"write.parquet.compression-codec": found.get(_COMPRESSION, "zstd")}


def check_properties(properties: Sequence[tuple[str, str]]) -> None:
    """Raise where a table property is not one that CREATE TABLE takes."""
    for name, value in properties:
        if name.lower() != _COMPRESSION:
            raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f"the table property '{name}' is not supported")
        if value.lower() not in _CODECS:
            raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"invalid value for {_COMPRESSION}: '{value}'")


async def _create(
    work: Work, origin: Origin, command: CreateIcebergTable, document: Any, files: Sequence[ContentFile] | None
) -> None:
    stores, moment = stores_of(work, origin), now(work)

    def write() -> str:
        with tempfile.TemporaryDirectory(prefix="duckshift-iceberg-") as folder:
            place = commits.begin(document, stores, Path(folder))
            return commits.add(document, place, files, moment, stores, Path(folder)) if files else place

    place = await work.warehouse.executor.run(write)
    table = commits.moved(_table(command.name[-1], document), place)

    async def tell() -> None:
        await asked(work, origin, lambda catalog: catalog.create_table(origin.database, table))

    await at_the_end(work, origin, tell)


def _table(name: str, document: Any) -> Table:
    columns = tuple(Column(item.name, types.hive(item.type)) for item in metadata.schema(document))
    return Table(
        name=name, columns=columns, storage=Storage(location=document["location"]),
        parameters=(("EXTERNAL", "TRUE"), ("table_type", "ICEBERG")),
    )  # fmt: skip


async def iceberg_definition(work: Work, known: Known, name: str) -> str:
    """Return the CREATE TABLE of an Iceberg table."""
    stores = stores_of(work, known.origin)
    document = await work.warehouse.executor.run(partial(metadata.load, known.table, stores))
    names = {item.id: item.name for item in metadata.schema(document)}
    parts = [
        transforms.shown(item.transform, quote_if_needed(names[item.source]))
        for item in metadata.spec(document) if item.source in names
    ]  # fmt: skip
    storage = Storage(location=document["location"])
    return definitions.iceberg_table(name, replace(known.table, storage=storage), parts, Layout.of(document).codec)
