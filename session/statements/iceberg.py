"""Apache Iceberg tables that are written to: INSERT, UPDATE, DELETE, MERGE, and how any change of one is committed.

Redshift, "Writing to Apache Iceberg tables". Files come first; a table changes at the moment when its catalog is told
of a new metadata file, and only if it still knows the one before. Changed rows are deleted by position and added anew.
"""

import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from catalog.external import Origin
from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from engine.cursors import Connection
from engine.external import scan
from engine.iceberg import commits, metadata
from engine.iceberg.manifests import ContentFile
from engine.iceberg.metadata import LOCATION, Stores
from engine.iceberg.reading import FILE, POSITION
from engine.iceberg.writing import DataWriter, Layout, delete_files
from engine.results import without_views
from session.answers import Value
from session.context import Work
from session.external.catalogs import asked
from session.external.scans import reading_of_change, scan_of
from session.external.tables import Known
from session.places import location
from session.plans import Plan
from session.rewriting import inlined
from session.statements import external
from sql.facts import Source
from storage.datacatalog import DataCatalog, Table
from storage.objects import ObjectStore

_FIRST: Final = 2
"""The number of a block's first statement after BEGIN."""
_TRIES: Final = 5
"""How often rows are added to a table that others keep changing."""
_CHANGED_ROWS: Final = "rs_changed_rows"


def now(work: Work) -> int:
    """Return the moment as metadata has it."""
    return int(work.warehouse.clock.now().timestamp() * 1000)


def stores_of(work: Work, origin: Origin) -> Stores:
    """Return the stores of an external schema's locations, with its role's rights."""
    role, user = origin.option("IAM_ROLE") or None, work.session.user.name
    made: dict[bool, ObjectStore] = {}

    def store(place: str) -> ObjectStore:
        remote = place.startswith("s3://")
        if remote not in made:
            made[remote] = work.limits.stores.store(location(place), role=role, user=user)
        return made[remote]

    return store


# Transactions


def require_alone(work: Work, origin: Origin) -> None:
    """Raise 25001 in a block that has had statements, where the catalog has no part in the transaction."""
    if _elsewhere(work, origin) and work.tx.block and work.tx.commands > _FIRST:
        raise SqlError(
            SqlState.ACTIVE_SQL_TRANSACTION,
            "a statement that writes to an Iceberg table must be the only one of its transaction block",
        )


def _elsewhere(work: Work, origin: Origin) -> bool:
    catalogs = work.limits.catalogs
    return catalogs is not None and catalogs.elsewhere(origin)


async def at_the_end(work: Work, origin: Origin, tell: Callable[[], Any]) -> None:
    """Tell a catalog: at once, or where it is elsewhere and a block is open, with the block's commit."""
    if _elsewhere(work, origin) and work.tx.block:
        work.tx.last = tell
    else:
        await tell()


async def commit(work: Work, known: Known, files: Sequence[ContentFile], base: str | None) -> None:
    """Make *files* part of a table; with *base*, only if its metadata is still there."""
    origin, stores, moment = known.origin, stores_of(work, known.origin), now(work)

    def once(catalog: DataCatalog) -> bool:
        table = catalog.table(origin.database, known.table.name)
        before = table.parameter(LOCATION) if table is not None else None
        if table is None or before is None or (base is not None and before != base):
            return False
        document = metadata.load(table, stores)
        metadata.require_writable(document)
        with tempfile.TemporaryDirectory(prefix="duckshift-iceberg-") as folder:
            place = commits.add(document, before, files, moment, stores, Path(folder))
        return catalog.point_table(origin.database, commits.moved(table, place), LOCATION, before)

    async def tell() -> None:
        for _ in range(1 if base is not None else _TRIES):
            if await asked(work, origin, once):
                return
        raise SqlError(
            SqlState.SERIALIZATION_FAILURE,
            f'could not commit to the Iceberg table "{known.table.name}": it was changed at the same time',
            hint="Run the statement again.",
        )

    await at_the_end(work, origin, tell)


async def current(work: Work, known: Known) -> Table:
    """Lock a table and return its definition as it is then, with its metadata's columns."""
    await work.tx.writing(frozenset())
    await external.lock(work, known.origin, known.table.name)
    stores = stores_of(work, known.origin)
    table = await asked(work, known.origin, lambda catalog: catalog.table(known.origin.database, known.table.name))
    if table is None:
        raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{known.table.name}" does not exist')
    found = await work.warehouse.executor.run(partial(metadata.described, table, stores))
    if found.columns != known.table.columns:
        raise SqlError(
            SqlState.SERIALIZATION_FAILURE, f'the columns of the Iceberg table "{known.table.name}" were changed',
            hint="Run the statement again.",
        )  # fmt: skip
    return found


# INSERT


async def insert(work: Work, plan: Plan, parameters: tuple[Value, ...], target: Source, known: Known) -> int:
    """INSERT INTO an Iceberg table, whose plan is a query of the rows; return how many there were."""
    require_alone(work, known.origin)
    await work.tx.writing(frozenset())
    stores = stores_of(work, known.origin)
    document = await work.warehouse.executor.run(partial(metadata.load, known.table, stores))
    metadata.require_writable(document)
    bound = work.bound(plan, parameters)
    sql, left = inlined(plan.translated.engine_sql, bound)
    if left:
        raise not_supported("these parameters of INSERT into an Iceberg table")
    names = [column.name for column in target.columns]
    write = writer_of(work, known.origin, document, rows_of(sql, names), {name: quote(name) for name in names})
    prepare, connection = work.prepare(plan, bound), work.engine.connection

    def run() -> tuple[list[ContentFile], int]:
        if prepare is not None:
            prepare(connection)
        return write(connection)

    files, count = await work.engine.work(run)
    if files:
        await external.lock(work, known.origin, known.table.name)
        await commit(work, known, files, None)
    return count


def rows_of(sql: str, names: Sequence[str]) -> str:
    """Return a query as a relation whose columns have names."""
    return f"({sql}) AS given({', '.join(map(quote, names))})"


def writer_of(
    work: Work, origin: Origin, document: Any, rows: str, names: dict[str, str]
) -> Callable[[Connection], tuple[list[ContentFile], int]]:
    """Return what writes *rows* (a relation) to files; it returns them, and how many rows there were."""
    layout, stores = Layout.of(document), stores_of(work, origin)

    def write(connection: Connection) -> tuple[list[ContentFile], int]:
        with tempfile.TemporaryDirectory(prefix="duckshift-iceberg-") as folder:
            writer = DataWriter(layout, stores, Path(folder))
            count = writer.write(connection.execute(layout.query(rows, names)).to_arrow_reader(_BATCH))
            return writer.files, count

    return write


_BATCH: Final = 100_000


# UPDATE, DELETE, MERGE


async def change(work: Work, plan: Plan, parameters: tuple[Value, ...], known: Known) -> int:
    """UPDATE, DELETE or MERGE of an Iceberg table; return how many rows it was about.

    The engine changes a copy of the rows, each with its file's number and its place in it, and returns those that
    it changed.
    """
    require_alone(work, known.origin)
    table = await current(work, known)
    stores = stores_of(work, known.origin)
    document = await work.warehouse.executor.run(partial(metadata.load, table, stores))
    metadata.require_writable(document)
    bound = work.bound(plan, parameters)
    sql, left = inlined(plan.translated.engine_sql, bound)
    if left:
        raise not_supported("these parameters of a change of an Iceberg table")
    prepare, connection = work.prepare(plan, bound), work.engine.connection
    rows = scan_of(work, Known(
        oid=known.oid, schema=known.schema, origin=known.origin, table=table, partitions=None, serialized=False,
    ))  # fmt: skip
    write = writer_of(work, known.origin, document, _CHANGED_ROWS, {name: quote(name) for name, _ in rows.columns})
    layout = Layout.of(document)
    removed = any(use.source.oid == known.oid and use.privilege == "DELETE" for use in plan.translated.uses)

    reads = reading_of_change(work, plan, known, bound)

    def run() -> tuple[list[ContentFile], int]:
        files = scan.changeable(connection, rows, known.changed, reads)
        if prepare is not None:
            prepare(connection)
        changed = _once(_returned(connection, f"{sql} RETURNING *"))
        connection.execute(f"DROP TABLE {known.changed}")
        with tempfile.TemporaryDirectory(prefix="duckshift-iceberg-") as folder:
            made = delete_files(layout, _deleted(changed, files), stores, Path(folder))
        # What MERGE adds has no place; what it matches is deleted or changed, never both.
        added = changed.filter(pc.is_null(changed[POSITION])) if removed else changed
        if added.num_rows:
            connection.register(_CHANGED_ROWS, added)
            try:
                made += write(connection)[0]
            finally:
                connection.unregister(_CHANGED_ROWS)
        return made, changed.num_rows

    files, count = await work.engine.work(run)
    if files:
        await commit(work, known, files, table.parameter(LOCATION))
    return count


def _returned(connection: Connection, sql: str) -> pa.Table:
    reader = connection.execute(sql).to_arrow_reader(_BATCH)
    batches = [without_views(batch) for batch in reader]
    return pa.Table.from_batches(batches, schema=batches[0].schema if batches else reader.schema)


def _once(changed: pa.Table) -> pa.Table:
    """Return changed rows, each once: several matches of one row change it several times."""
    places = changed.select([FILE, POSITION]).append_column("n", pa.array(range(changed.num_rows), pa.int64()))
    known = places.filter(pc.is_valid(places[POSITION]))
    last = known.group_by([FILE, POSITION]).aggregate([("n", "max")])["n_max"]
    if len(last) == known.num_rows:
        return changed
    fresh = places.filter(pc.is_null(places[POSITION]))["n"]
    return changed.take(pa.chunked_array([*last.chunks, *fresh.chunks], pa.int64()))


def _deleted(changed: pa.Table, files: Sequence[ContentFile]) -> list[tuple[ContentFile, Sequence[int]]]:
    """Return the rows that are no longer there, by file."""
    gone = changed.select([FILE, POSITION]).filter(pc.is_valid(changed[POSITION]))
    ordered = gone.sort_by([(FILE, "ascending"), (POSITION, "ascending")])
    found = []
    for index in pc.unique(ordered[FILE]).to_pylist():
        places = ordered.filter(pc.equal(ordered[FILE], index))[POSITION]
        found.append((files[index], places.to_pylist()))
    return found


