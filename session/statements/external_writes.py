"""Rows into external tables: CREATE EXTERNAL TABLE AS and INSERT. They are written as UNLOAD writes, then registered.

Redshift, "CREATE EXTERNAL TABLE" (usage notes), "INSERT (external table)".
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import unquote

from catalog.external import Origin
from core import nested, types
from core.errors import SqlError, not_supported
from core.names import quote
from core.nested import Scalar
from core.sqlstate import SqlState
from core.types import Column as ResultColumn
from core.types import ColumnType
from engine.cursors import Prepare
from engine.external.files import found
from engine.external.formats import TEXTUAL, WRITABLE, Fields, FileFormat, fields, format_of, is_iceberg
from engine.external.managed import is_managed
from engine.load import unload as unloading
from engine.load.plan import Compression, Format, Unloaded, UnloadPlan
from session.answers import Done, Value
from session.context import Work
from session.external.catalogs import asked
from session.external.tables import Known
from session.places import location
from session.plans import Plan
from session.rewriting import inlined
from session.statements import external, iceberg
from session.statements.query import described_columns
from sql.commands.external import CreateExternalTable
from sql.facts import Source
from sql.finish import Finish
from sql.query import parse_query
from sql.statement import Fragment
from storage.datacatalog import Column, DataCatalog, Partition, Table
from storage.objects import ObjectStore

_MEGABYTE: Final = 1 << 20
_FILE_BYTES: Final = 6_200 * _MEGABYTE
_LIMIT: Final = "Limit clause is not supported"
_PACKINGS: Final = {"gzip": Compression.GZIP, "bzip2": Compression.BZIP2, "none": Compression.NONE}


async def create_external_table_as(work: Work, command: CreateExternalTable, query: Fragment) -> Done:
    """CREATE EXTERNAL TABLE … AS query: the rows become files, and the files a table."""
    _, origin = await external.writable_schema(work, command.name)
    if await external.is_taken(work, origin, command.name[-1], if_not_exists=command.if_not_exists):
        return Done("CREATE EXTERNAL TABLE")
    _refuse_limit(query.text, query.offset)
    plan = await work.ready(query.text, query.offset, finish=Finish.EXACT)
    await work.session.admission.admitted(plan)
    shape = await described_columns(work, plan)
    columns = [ResultColumn(column.name, _stored(column.name, column.type)) for column in shape]
    table = _table_of(command, columns)
    _require_writable(table)
    await external.check_location(work, origin, command.location)
    store = _store(work, origin, command.location)
    if await work.warehouse.executor.run(lambda: found(store, _folder(table.storage.location))):
        raise SqlError(SqlState.INTERNAL_ERROR, "the location of CREATE EXTERNAL TABLE AS is not empty")
    ordered = [next(item for item in columns if item.name == name) for name in _names(table)]
    done = await _written(work, plan, (), _Target(table, origin, columns, ordered))
    await asked(
        work, origin,
        lambda catalog: catalog.create_table(origin.database, table.with_parameters((("numRows", str(done.rows)),))),
    )  # fmt: skip
    await _register(work, origin, table, done)
    return Done("CREATE EXTERNAL TABLE")


async def change_external(work: Work, plan: Plan, parameters: tuple[Value, ...]) -> int:
    """Carry out a statement that changes an external table; return how many rows it was about."""
    target = plan.translated.target
    known = target.external if target is not None else None
    if target is None or not isinstance(known, Known) or not known.files:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "Operation not supported on external tables")
    if not is_iceberg(known.table):
        return await _insert(work, plan, parameters, target, known)
    if any(use.source.oid == target.oid and use.privilege in ("UPDATE", "DELETE") for use in plan.translated.uses):
        return await iceberg.change(work, plan, parameters, known)
    return await iceberg.insert(work, plan, parameters, target, known)


async def _insert(work: Work, plan: Plan, parameters: tuple[Value, ...], target: Source, known: Known) -> int:
    """INSERT INTO an external table, whose plan is a query of the rows; return how many there were."""
    external.refuse_in_block(work, "INSERT INTO EXTERNAL TABLE")
    table, origin = known.table, known.origin
    _require_writable(table)
    await work.tx.writing(frozenset())
    columns = [ResultColumn(column.name, column.type) for column in target.columns]
    done = await _written(work, plan, parameters, _Target(table, origin, columns, columns))
    # Others may have written to it meanwhile.
    await external.lock(work, origin, table.name)
    await _register(work, origin, table, done)
    await asked(work, origin, lambda catalog: _count(catalog, origin.database, table.name, done.rows))
    return done.rows


def _count(catalog: DataCatalog, database: str, name: str, rows: int) -> None:
    """Add to numRows, where a table has that."""
    table = catalog.table(database, name)
    before = table.parameter("numRows") if table is not None else None
    if table is not None and before is not None and before.isdigit():
        catalog.update_table(database, table.with_parameters((("numRows", str(int(before) + rows)),)))


def _refuse_limit(text: str, offset: int) -> None:
    if parse_query(text, offset).args.get("limit") is not None:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, _LIMIT, hint="Put the query with its LIMIT into a subquery."
        )


def _stored(name: str, kind: ColumnType) -> ColumnType:
    """Return the type that a query's column gets in an external table; raises 0A000."""
    if kind.type.category == "S":
        return kind if kind.length is not None else types.with_length("varchar", types.VARCHAR_MAX)
    if kind.type.name not in nested.EXTERNAL:
        raise not_supported(f'column "{name}" of type "{kind}" in an external table')
    return kind


def _table_of(command: CreateExternalTable, columns: Sequence[ResultColumn]) -> Table:
    described = {column.name: Column(column.name, nested.hive(column.type)) for column in columns}
    if len(described) < len(columns):
        raise SqlError(SqlState.DUPLICATE_COLUMN, "the query's columns must have different names")
    keys = [item.name for item in command.keys]
    missing = next((name for name in keys if name not in described), None)
    if missing is not None:
        raise SqlError(SqlState.UNDEFINED_COLUMN, f'partition column "{missing}" does not exist in the query')
    plain = tuple(column for name, column in described.items() if name not in keys)
    if not plain:
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, "an external table needs a column that is no partition key")
    return external.new_table(command, plain, tuple(described[name] for name in keys))


def _names(table: Table) -> list[str]:
    return [column.name for column in (*table.columns, *table.keys)]


def _require_writable(table: Table) -> None:
    if is_managed(table):
        raise not_supported("writing to external tables that Delta Lake or Apache Hudi manages")
    if format_of(table) not in WRITABLE:
        raise not_supported(f"writing to external tables of the format {format_of(table).value}")
    for column in table.columns:
        if not isinstance(nested.parsed(column.type), Scalar):
            raise not_supported(f'writing the nested column "{column.name}"')


@dataclass(frozen=True, slots=True)
class _Target:
    """Where rows go."""

    table: Table
    origin: Origin
    given: Sequence[ResultColumn]
    """The query's columns."""
    columns: Sequence[ResultColumn]
    """The table's, partition keys last."""


async def _written(work: Work, plan: Plan, parameters: tuple[Value, ...], target: _Target) -> Unloaded:
    """Write the rows of *plan* to files."""
    bound = work.bound(plan, parameters)
    sql, left = inlined(plan.translated.engine_sql, bound)
    if left:
        raise not_supported("these parameters of INSERT into an external table")
    prepare = work.prepare(plan, bound)
    unload = _plan(work, target.table, _query(sql, target.given, target.columns))
    connection, store = work.engine.connection, _store(work, target.origin, target.table.storage.location)

    def run() -> Unloaded:
        _prepared(connection, prepare)
        return unloading.unload(connection, unload, target.columns, store)

    return await work.engine.work(run)


def _prepared(connection: object, prepare: Prepare | None) -> None:
    if prepare is not None:
        prepare(connection)  # type: ignore[arg-type]


def _query(sql: str, columns: Sequence[ResultColumn], ordered: Sequence[ResultColumn]) -> str:
    places = {column.name: f"c{index}" for index, column in enumerate(columns)}
    shown = ", ".join(f"{_value(places[item.name], item.type)} AS {quote(item.name)}" for item in ordered)
    return f"SELECT {shown} FROM ({sql}) AS given({', '.join(places.values())})"


def _value(place: str, kind: ColumnType) -> str:
    if kind.type.name in {"varchar", "bpchar"} and kind.length is not None:
        return place
    return f"CAST({place} AS {kind.engine()})"


def _plan(work: Work, table: Table, query: str) -> UnloadPlan:
    form = format_of(table)
    said = fields(table, table.storage) if form in TEXTUAL else Fields()
    size = table.parameter("write.maxfilesize.mb")
    packing = (table.parameter("compression_type") or "none").lower()
    moment = work.warehouse.clock.now()
    return UnloadPlan(
        query=query,
        destination=_folder(location(table.storage.location)),
        format=Format.PARQUET if form is FileFormat.PARQUET else Format.DELIMITED,
        compression=Compression.NONE if form is FileFormat.PARQUET else _PACKINGS.get(packing, Compression.NONE),
        delimiter=said.delimiter,
        null_as=said.null,
        parallel=(table.parameter("write.parallel") or "on").lower() != "off",
        partition_by=tuple(key.name for key in table.keys),
        max_file_bytes=int(size) * _MEGABYTE if size and size.isdigit() else _FILE_BYTES,
        allow_overwrite=True,
        stem=f"{moment:%Y%m%d_%H%M%S_%f}_{work.session.query}_",
    )


def _folder(place: str) -> str:
    return place if place.endswith("/") else f"{place}/"


def _store(work: Work, origin: Origin, place: str) -> ObjectStore:
    role, user = origin.option("IAM_ROLE") or None, work.session.user.name
    return work.limits.stores.store(location(place), role=role, user=user)


async def _register(work: Work, origin: Origin, table: Table, done: Unloaded) -> None:
    """Add the partitions that new files are of to the catalog."""
    if not table.keys:
        return
    root = _folder(location(table.storage.location))
    found_: dict[tuple[str, ...], str] = {}
    for file in done.files:
        parts = PurePosixPath(file.location.removeprefix(root)).parts[: len(table.keys)]
        values = tuple(unquote(part.partition("=")[2]) for part in parts)
        found_[values] = "/".join(parts)
    partitions = [
        Partition(values=values, storage=replace(table.storage, location=f"{_folder(table.storage.location)}{folder}/"))
        for values, folder in sorted(found_.items())
    ]

    def add(catalog: DataCatalog) -> None:
        catalog.add_partitions(origin.database, table.name, partitions)

    await asked(work, origin, add)
