"""The rows of one statement, as they come from the engine."""

import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Final, TypeVar

import pyarrow as pa

from core.errors import SqlError
from engine.errors import BrokenOff
from engine.reasons import learned
from engine.spool import ArrowSpool

if TYPE_CHECKING:
    from engine.cursors import DuckDbEngine

T = TypeVar("T")
BATCH_ROWS: Final = 16_384
"""Rows of a batch: enough that hand-overs do not count, few enough that memory stays flat."""
WIDE_ROWS: Final = 512
"""The same where rows may be wide: of the 2,048 that the engine makes at a time so many are taken over at once."""
_BATCH_BYTES: Final = 4 << 20
_BATCH_BYTES_MAX: Final = 16 << 20
"""What a batch of rows that are not read by few can take."""


class RowStream:
    """The rows of one statement, produced as they are read."""

    def __init__(
        self,
        engine: "DuckDbEngine",
        schema: pa.Schema,
        reader: pa.RecordBatchReader | None,
        ready: list[pa.RecordBatch],
        *,
        wide: bool = False,
    ) -> None:
        """Wrap an open *reader* (None when it has ended) of which *ready* was read already; rows may be *wide*."""
        self._wide = wide
        self._engine = engine
        self.reader = reader
        """Where rows come from, None at their end."""
        self._ready = ready
        self._spool: ArrowSpool | None = None
        self.failed: SqlError | None = None
        """Set by an interrupt that came between two reads."""
        self.whole: Callable[[], None] | None = None
        """Reads everything once more, to tell why that failed."""
        self.schema = schema
        self.begun = time.perf_counter()
        self.begun_s = 0.0
        """Processor time of its worker that its first rows took."""

    @property
    def open(self) -> bool:
        """Whether rows may still come from the connection."""
        return self.reader is not None

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rest of the rows."""
        while True:
            batch = await self.next()
            if batch is None:
                return
            yield batch

    async def next(self) -> pa.RecordBatch | None:
        """Return the next rows, None at the end."""
        while True:
            if self._ready:
                return self._ready.pop(0)
            if self._spool is not None:
                batch = self._spool.read()
                if batch is None:
                    self.close()
                return batch
            if self.failed is not None:
                raise self.failed
            if self.reader is None:
                return None
            more = await self._more(self.reader)
            if more is None:
                self.close()
                return None
            self._ready.append(more)

    async def _more(self, reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
        try:
            batch = await self._told(lambda: self._engine.observed(read_batch(reader, wide=self._wide), self.begun))
            # An interrupt that came too late for this read is for the next.
            if (reason := self._engine.canceled) is not None:
                raise reason
        except BaseException:
            self.close()
            raise
        return batch

    async def detach(self) -> None:
        """Read what is left away from the connection, which is wanted for another statement."""
        if self.reader is None:
            return
        reader, spool = self.reader, ArrowSpool(self.schema)
        self.reader = None
        try:
            await self._told(lambda: spool.fill(reader))
        except BaseException:
            spool.close()
            raise
        self._spool = spool

    async def _told(self, work: Callable[[], T]) -> T:
        """Do *work*, which reads, and tell the query's own error: rows may have gone out, so it is for that alone."""
        try:
            return await self._engine.guarded(work)
        except BrokenOff as unasked:
            raise (unasked if self.whole is None else await learned(self._engine, self.whole, unasked)) from None

    def close(self) -> None:
        """Give up what was not read."""
        self.reader = None
        self._ready.clear()
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        self._engine.forget(self)


def read_batch(reader: pa.RecordBatchReader, *, wide: bool = False) -> pa.RecordBatch | None:
    """Return the next rows of *reader*, None at the end; blocking.

    Where rows may be *wide* it hands out few at a time, and as many are put together as do not take much memory.
    """
    batches: list[pa.RecordBatch] = []
    rows = size = 0
    while rows < BATCH_ROWS and size < _BATCH_BYTES:
        try:
            batches.append(reader.read_next_batch())
        except StopIteration:
            break
        if not wide:
            break
        rows, size = rows + batches[-1].num_rows, size + batches[-1].get_total_buffer_size()
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches) if batches else None


def is_full(batch: pa.RecordBatch, *, wide: bool) -> bool:
    """Tell whether *batch* is as large as batches get, so that others may follow."""
    return bool(batch.num_rows >= BATCH_ROWS or (wide and batch.get_total_buffer_size() >= _BATCH_BYTES))


def is_wide(row_bytes: int) -> bool:
    """Tell whether rows that take *row_bytes* at most are read by few, as they can be very wide."""
    return row_bytes * BATCH_ROWS > _BATCH_BYTES_MAX
