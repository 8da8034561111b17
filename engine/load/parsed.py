"""The quickest way in: lines taken apart by compiled code on threads of their own, while the engine stores their rows.

Files are read once and in pieces, from wherever they are and packed as they are; nothing is kept but the pieces that
are under way. Where a line is refused the whole load is, for a slower way to say why or to take it after all.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO, Final

import duckdb
import pyarrow as pa

from core.errors import SqlError
from core.names import quote
from engine.load import fields
from engine.load.fields import BlankLineError, RefusedError, Shape
from engine.load.plan import CopyPlan, Format
from engine.load.progress import Progress
from engine.load.source import unpacked
from engine.load.values import raising
from storage.objects import ObjectStore, StoredObject

_PIECE_BYTES: Final = 512 << 10
"""Small enough for a processor's cache, and for what memory holds at a time."""
_RECORD_BYTES: Final = 4 << 20
"""A row of more cannot be loaded in any way."""
_AHEAD: Final = 2
"""Pieces that are ready or under way beside those of the threads."""
_ROWS: Final = "duckshift_load_parsed"
_MARK: Final = b"\xef\xbb\xbf"


def load_parsed(
    connection: duckdb.DuckDBPyConnection,
    plan: CopyPlan,
    store: ObjectStore,
    objects: Sequence[StoredObject],
    progress: Progress,
) -> int:
    """Load *objects* in the transaction that is open on *connection*; return the number of rows.

    Raises what the store raises, ``BlankLineError``, and ``duckdb.Error`` for other lines that are refused: the
    transaction is at its end then.
    """
    return _run(connection, plan, _Pieces(plan, store, objects, progress), insert=True)


def count_parsed(
    connection: duckdb.DuckDBPyConnection,
    plan: CopyPlan,
    store: ObjectStore,
    objects: Sequence[StoredObject],
    progress: Progress,
) -> int:
    """Do all of a load on *connection* but store the rows; raises as ``load_parsed`` does."""
    return _run(connection, plan, _Pieces(plan, store, objects, progress), insert=False)


def _run(connection: duckdb.DuckDBPyConnection, plan: CopyPlan, pieces: "_Pieces", *, insert: bool) -> int:
    values = [
        raising(column, f"c{number}", plan.conversion) if shape.is_text else f"c{number}"
        for number, (column, shape) in enumerate(zip(plan.columns, pieces.shapes, strict=True))
    ]
    if insert:
        target = ", ".join(quote(name) for name in plan.target())
        chosen = ", ".join([*values, *(filler.sql for filler in plan.fillers)])
        statement = f"INSERT INTO {plan.engine_name} ({target}) SELECT {chosen} FROM {_ROWS}"
    else:
        statement = f"SELECT count(*), {', '.join(f'count({value})' for value in values)} FROM {_ROWS}"
    with pieces.reader() as reader:
        connection.register(_ROWS, reader)
        try:
            row = connection.execute(statement).fetchone()
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            # Met while the engine was asking for rows, and wrapped by it.
            if pieces.failure is not None:
                raise pieces.failure from None
            raise
        finally:
            connection.unregister(_ROWS)
    return int(row[0]) if row else 0


class _Pieces:
    """The batches of all files, in order."""

    def __init__(
        self, plan: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject], progress: Progress
    ) -> None:
        self.shapes: list[Shape] = fields.shapes(plan)
        self.failure: SqlError | BlankLineError | None = None
        self._plan, self._store, self._objects, self._progress = plan, store, objects, progress
        self._quote = plan.layout.quote.encode() if plan.layout.format is Format.CSV else b""
        self._workers = os.cpu_count() or 1

    @contextmanager
    def reader(self) -> Iterator[pa.RecordBatchReader]:
        """Give what the engine reads the rows from."""
        schema = pa.schema([pa.field(f"c{number}", shape.arrow) for number, shape in enumerate(self.shapes)])
        pool = ThreadPoolExecutor(self._workers, thread_name_prefix="duckshift-load")
        try:
            yield pa.RecordBatchReader.from_batches(schema, self._batches(pool))
        finally:
            pool.shutdown(cancel_futures=True)

    def _batches(self, pool: ThreadPoolExecutor) -> Iterator[pa.RecordBatch]:
        waiting: deque[tuple[int, Future[pa.RecordBatch]]] = deque()
        try:
            for data in self._pieces():
                waiting.append((len(data), pool.submit(self._batch, data)))
                if len(waiting) >= self._workers + _AHEAD:
                    yield self._taken(*waiting.popleft())
            while waiting:
                yield self._taken(*waiting.popleft())
        except (SqlError, BlankLineError) as error:
            self.failure = error
            raise

    def _batch(self, data: bytes) -> pa.RecordBatch:
        return fields.batch(
            data, self._plan.layout, self.shapes, round_decimals=self._plan.conversion.round_decimals
        )

    def _taken(self, size: int, future: "Future[pa.RecordBatch]") -> pa.RecordBatch:
        batch = future.result()
        self._progress.rows += batch.num_rows
        self._progress.bytes += size
        return batch

    def _pieces(self) -> Iterator[bytes]:
        for item in self._objects:
            with unpacked(self._store, item.location, self._plan.layout.compression) as stream:
                yield from self._lines(stream)
            self._progress.finish_file()

    def _lines(self, stream: IO[bytes]) -> Iterator[bytes]:
        """Yield the stream in pieces of whole records, the headers left out."""
        rest, headers, first = b"", self._plan.layout.ignore_header, True
        while piece := stream.read(_PIECE_BYTES):
            data = rest + piece
            if first:
                data, first = data.removeprefix(_MARK), False
            end = self._end(data)
            if not end and len(data) > _RECORD_BYTES:
                raise RefusedError
            rest = data[end:]
            data, headers = _without_headers(data[:end], headers)
            if data:
                yield data
        if rest:
            data, _ = _without_headers(rest + b"\n", headers)
            if data:
                yield data

    def _end(self, data: bytes) -> int:
        """Return where the last whole record of *data* ends: at a line's end that is not between quotes."""
        end = data.rfind(b"\n") + 1
        while end and self._quote and data.count(self._quote, 0, end) % 2:
            end = data.rfind(b"\n", 0, end - 1) + 1
        return end


def _without_headers(data: bytes, headers: int) -> tuple[bytes, int]:
    start = 0
    while headers and start < len(data):
        start = data.find(b"\n", start) + 1
        headers -= 1
    return data[start:], headers
