"""Taking a stream's records into the materialized view over it: each once, also where the server ends half-way.

What came is worked in chunk by chunk; up to where the stream was read is an entry of the metadata log, committed with
the rows. Redshift, "Streaming ingestion to a materialized view".
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from catalog.model import Relation
from core.errors import SqlError, not_supported
from core.names import literal, quote
from engine.constants import constant
from engine.cursors import Connection, Prepare
from engine.external import records
from engine.external.records import NAME, ROWS, Taken
from session.context import Work
from session.external.catalogs import streams_of
from session.external.streams import REFRESHED, Stream, columns_of, stream_of
from session.locks import Mode
from session.plans import Plan
from session.refresh import Outcome, cast_rows, fold_sql
from session.variables import variable_of
from sql import incremental
from sql.incremental import Shape
from storage.streams import Chunk, Streams, plain

_REASON = 128
"""Characters of an error that SYS_STREAM_SCAN_ERRORS shows."""


@dataclass(slots=True)
class _Part:
    """What a refresh has read of one part of a stream."""

    shown: str = ""
    scanned: int = 0
    skipped: int = 0
    size_bytes: int = 0
    first: datetime | None = None
    last: datetime | None = None


@dataclass(slots=True, kw_only=True)
class _Ingestion:
    """One refresh of a view over a stream."""

    view: Relation
    storage: Relation
    stream: Stream
    service: Streams
    shape: Shape
    plan: Plan
    positions: dict[str, str]
    started: datetime
    parts: dict[str, _Part] = field(default_factory=dict)


def taken_in(plan: Plan, text: str) -> Stream | None:
    """Return the stream that a materialized view's query is over, None for none; raise for what cannot be taken in."""
    stream = stream_of(plan.external)
    if stream is None:
        return None
    if len(plan.external) > 1 or plan.tables:
        raise not_supported("a join in the query of a materialized view over a stream")
    if incremental.taking(text) is None:
        raise not_supported(
            "a query that is neither rows nor SUM, COUNT, MIN and MAX of groups in a materialized view over a stream"
        )
    return stream


async def ingest(work: Work, view: Relation, stream: Stream) -> Outcome:
    """Bring *view* up to what the stream has at this moment, in the transaction that is open."""
    info = view.materialized
    storage = work.state.objects.get(info.table) if info is not None else None
    shape = incremental.taking(view.definition or "")
    if not isinstance(storage, Relation) or shape is None:
        return Outcome.FAILED
    started = work.warehouse.clock.now()
    plan = work.reading(view, {stream.oid: _given(stream, plain(started))})
    work.authorize(work.reading(view, {}).translated.uses)
    await work.tx.lock(storage.oid, Mode.SHARE_ROW_EXCLUSIVE)
    task = _Ingestion(
        view=view, storage=storage, stream=stream, service=streams_of(work.limits, stream.origin), shape=shape,
        plan=plan, positions=positions_of(work, view), started=started,
    )  # fmt: skip
    if not await _run(work, task):
        return Outcome.FRESH
    work.tx.notes.streamed(view.oid, json.dumps(task.positions, separators=(",", ":")))
    _report(work, task)
    return Outcome.INCREMENTAL


def positions_of(work: Work, view: Relation) -> dict[str, str]:
    """Return up to where the stream of *view* has been read, as this transaction sees it."""
    return dict(json.loads(work.tx.notes.position(view.oid) or "{}"))


def _given(stream: Stream, started: datetime) -> str:
    """Return engine SQL for the records that the engine is given, with their types."""
    shown = [
        (f"TIMESTAMP {literal(started.isoformat(sep=' '))}" if column == REFRESHED else quote(column), column, kind)
        for column, kind in columns_of(stream.origin)
    ]
    listed = ", ".join(f"CAST({sql} AS {kind.engine()}) AS {quote(column)}" for sql, column, kind in shown)
    return f"(SELECT {listed} FROM {NAME})"


async def _run(work: Work, task: _Ingestion) -> bool:
    """Work in what the stream has; return whether there was anything."""
    chunks = task.service.chunks(task.stream.name, dict(task.positions), task.started)
    scratch = work.warehouse.connect()
    try:
        found = False
        while (chunk := await work.engine.waited(lambda: _next(chunks))) is not None:
            if not found:
                await work.tx.writing(frozenset({task.storage.oid}), Mode.SHARE_ROW_EXCLUSIVE)
            found = True
            await _take(work, task, chunk, scratch.connection)
        return found
    finally:
        scratch.close()


def _next(chunks: Iterator[Chunk]) -> Chunk | None:
    return next(chunks, None)


async def _take(work: Work, task: _Ingestion, chunk: Chunk, scratch: Connection) -> None:
    query, prepare = cast_rows(task.plan.translated.engine_sql, task.storage), _setting(work, task.plan)
    taken = Taken()
    if chunk.records.num_rows:
        taken = await work.engine.waited(lambda: records.taken(scratch, query, chunk.records, prepare))
    rows = [table for table in taken.rows if table.num_rows]
    if rows:
        part = f"SELECT * FROM {ROWS}"
        table = task.storage.engine_name
        sql = f"INSERT INTO {table} {cast_rows(part, task.storage)}"
        if task.shape.grouped:
            sql = fold_sql(task.storage, task.shape, [part])
        await work.engine.run_given(sql, ROWS, pa.concat_tables(rows))
    task.positions[chunk.part] = chunk.position
    _count(task.parts.setdefault(chunk.part, _Part()), chunk, taken)
    for row, error in taken.failed:
        _tell(work, task, chunk, row, error)


def _setting(work: Work, plan: Plan) -> Prepare:
    """Return what makes another connection answer as the session's own would."""
    values = [(name, variable_of(work.session, name)) for name in plan.variables]
    zone, spatial, database = work.settings.get("timezone"), plan.translated.spatial, work.warehouse.database

    def prepare(connection: Connection) -> None:
        if spatial:
            database.extend("spatial")
        connection.execute(f"SET TimeZone = {literal(zone)}")
        for name, value in values:
            connection.execute(f"SET VARIABLE {name} = {constant(value)}")

    return prepare


# What is told of it: SYS_STREAM_SCAN_STATES and SYS_STREAM_SCAN_ERRORS.


def _count(part: _Part, chunk: Chunk, taken: Taken) -> None:
    part.shown = chunk.shown or part.shown
    part.scanned += chunk.records.num_rows
    part.skipped += len(taken.failed)
    part.size_bytes += chunk.size_bytes
    moments = [name for name in chunk.records.column_names if name.endswith("timestamp")]
    if not chunk.records.num_rows or not moments:
        return
    ends = pc.min_max(chunk.records.column(moments[0])).as_py()
    if ends["min"] is not None:
        part.first = min(part.first or ends["min"], ends["min"])
        part.last = max(part.last or ends["max"], ends["max"])


def _whose(work: Work, task: _Ingestion) -> tuple[object, ...]:
    return (
        work.principal.oid, task.stream.schema.name, task.stream.name, task.view.name, work.tx.number,
        work.session.query, plain(work.warehouse.clock.now()),
    )  # fmt: skip


def _report(work: Work, task: _Ingestion) -> None:
    for name, part in task.parts.items():
        if part.scanned:
            work.warehouse.recorder.history.record("stream_scans", (
                *_whose(work, task), name, part.shown, part.scanned, part.skipped, part.size_bytes, part.first,
                part.last,
            ))  # fmt: skip


def _tell(work: Work, task: _Ingestion, chunk: Chunk, row: int, error: SqlError) -> None:
    record = task.service.record(chunk, row)
    work.warehouse.recorder.history.record("stream_errors", (
        *_whose(work, task), record.part, record.position, record.kind, record.arrived, 0, error.message[:_REASON],
    ))  # fmt: skip
