"""Rows on their way to the client: an engine's stream cut to what was asked for, or a small fixed table."""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import pyarrow as pa

from core.types import Column
from engine.results import arrow_type

Finish = Callable[[], Awaitable[None]]


class Source(Protocol):
    """Where batches come from."""

    async def next(self) -> pa.RecordBatch | None:
        """Return the next rows, None at the end."""
        ...

    def close(self) -> None:
        """Give up what was not read."""
        ...


class FixedRows:
    """A source over batches that are at hand."""

    def __init__(self, *batches: pa.RecordBatch | None) -> None:
        """Hold *batches*, each once."""
        self._batches = deque(batch for batch in batches if batch is not None)

    async def next(self) -> pa.RecordBatch | None:
        """Return the next batch, None at the end."""
        return self._batches.popleft() if self._batches else None

    def close(self) -> None:
        """Forget the batches."""
        self._batches.clear()


_MUCH: Final = 1 << 20


class Reader:
    """A source that can be read piece by piece, in rows: what a portal or cursor stands on."""

    def __init__(self, source: Source) -> None:
        """Read from *source*."""
        self.taken = 0
        """How many rows were taken so far."""
        self._last: pa.RecordBatch | None = None
        self._source = source
        self._rest: pa.RecordBatch | None = None

    @property
    def current(self) -> pa.RecordBatch | None:
        """The row that was taken last; None before the first and after the last."""
        return None if self._last is None else self._last.slice(self._last.num_rows - 1)

    async def take(self, limit: int | None) -> pa.RecordBatch | None:
        """Return the next rows, at most *limit* of them, None at the end."""
        batch = self._rest if self._rest is not None else await self._source.next()
        self._rest = None
        while batch is not None and batch.num_rows == 0:
            batch = await self._source.next()
        if batch is None:
            self._last = None
            return None
        if limit is not None and batch.num_rows > limit:
            self._rest = batch.slice(limit)
            batch = batch.slice(0, limit)
        self.taken += batch.num_rows
        self._last = batch
        if batch.get_total_buffer_size() > _MUCH:
            # The row that was taken last alone: what was sent is let go.
            self._last = batch.slice(batch.num_rows - 1).take(pa.array([0]))
        return batch

    async def kept(self) -> "Reader":
        """Return a reader of what is left that needs the source no longer."""
        batches, last = [], self.current
        while (batch := await self.take(None)) is not None:
            batches.append(batch)
        self.close()
        kept = Reader(FixedRows(*batches))
        kept._last = last
        return kept

    def close(self) -> None:
        """Give up what was not read."""
        self._rest = None
        self._source.close()


class Part(Reader):
    """A reader of the next *count* rows of another reader (None: of all that are left)."""

    def __init__(self, whole: Reader, count: int | None) -> None:
        """Read from *whole*, leaving what follows to later parts."""
        super().__init__(FixedRows(None))
        self._whole = whole
        self._left = count

    async def take(self, limit: int | None) -> pa.RecordBatch | None:
        """Return the next rows of the part, None at its end."""
        bounds = [bound for bound in (limit, self._left) if bound is not None]
        if bounds and min(bounds) <= 0:
            return None
        batch = await self._whole.take(min(bounds) if bounds else None)
        if batch is not None and self._left is not None:
            self._left -= batch.num_rows
        return batch

    def close(self) -> None:
        """Leave the rest to later parts."""
        self._left = 0


class Page:
    """The answer ``session.answers.Rows``: some or all rows of a reader."""

    def __init__(
        self,
        columns: tuple[Column, ...],
        reader: Reader,
        *,
        tag: str = "SELECT",
        limit: int = 0,
        finish: Finish | None = None,
    ) -> None:
        """Answer with up to *limit* rows (0 is all); *finish* is awaited once no row is left."""
        self.columns = columns
        self.rows = 0
        self.suspended = False
        self.reader = reader
        self.command = tag
        self._limit = limit
        self._finish = finish

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows; nothing is produced ahead of the reader."""
        while True:
            left = self._limit - self.rows if self._limit else None
            if left == 0:
                # PostgreSQL suspends at the limit even where no row is left; the next Execute tells.
                self.suspended = True
                return
            batch = await self.reader.take(left)
            if batch is None:
                break
            self.rows += batch.num_rows
            held = [batch]
            # Not held while the next is made.
            del batch
            yield held.pop()
        if self._finish is not None:
            await self._finish()

    @property
    def tag(self) -> str:
        """The command tag with its row count."""
        return f"{self.command} {self.rows}" if self.command in {"SELECT", "FETCH"} else self.command


def table(columns: Sequence[Column], rows: Sequence[Sequence[Any]], tag: str = "SELECT") -> Page:
    """Return an answer of *rows*, given as Python values in the columns' types."""
    arrays = [
        pa.array([row[index] for row in rows], type=arrow_type(column.type)) for index, column in enumerate(columns)
    ]
    names = [str(index) for index in range(len(columns))]
    return Page(tuple(columns), Reader(FixedRows(pa.record_batch(arrays, names=names))), tag=tag)
