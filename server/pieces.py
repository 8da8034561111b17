"""Batches of rows on their way to bytes: what is made and encoded while others are sent, and how much of it at once.

Small batches are encoded where they are, large ones on threads. Nobody here holds a batch that was handed on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import pyarrow as pa

from server.channel import GATHER_BYTES
from server.wire.encode import CopyBinaryEncoder, CopyTextEncoder, RowEncoder

Encoder = RowEncoder | CopyTextEncoder | CopyBinaryEncoder
_Item = TypeVar("_Item")
_INLINE_ROWS: Final = 1_000
_INLINE_COLUMNS: Final = 100
_INLINE_BYTES: Final = 256 << 10
"""Batches up to this size are encoded on the event loop: a hand-over to a thread would cost more."""
_HEAVY_BYTES: Final = 6 << 20
_PART_BYTES: Final = 2 << 20


async def encoded(batches: AsyncIterator[pa.RecordBatch], encoder: Encoder) -> AsyncIterator[bytes | memoryview]:
    """Yield the bytes of *batches*.

    While those of a large batch are sent, the next is being encoded and the one after it produced. A heavy one, of
    long rows, is encoded in parts, and nothing is produced meanwhile: a client that does not read holds one batch.
    """
    async with (
        closing(ahead(batches, _is_light)) as produced,
        closing(_encodings(produced, encoder)) as encodings,
        closing(ahead(encodings, _is_long)) as ready,
    ):
        async for pieces in ready:
            pieces.reverse()
            while pieces:
                yield pieces.pop()


async def behind(first: list[_Item], rest: AsyncIterator[_Item]) -> AsyncIterator[_Item]:
    """Yield what is in *first*, and *rest*."""
    yield first.pop()
    async for item in rest:
        first.append(item)
        del item
        yield first.pop()


async def _encodings(
    batches: AsyncIterator[pa.RecordBatch], encoder: Encoder
) -> AsyncIterator[list[bytes | memoryview]]:
    loop = asyncio.get_running_loop()
    async for batch in batches:
        if not is_large_batch(batch):
            # A hand-over to a thread would cost more.
            yield pieces_of(encoder, batch)
            continue
        parts = _parts(batch)
        del batch
        while parts:
            # The thread lets go of the last one, too: to give much memory back takes its time.
            yield await loop.run_in_executor(None, _taken, encoder, parts)


def _taken(encoder: Encoder, parts: list[pa.RecordBatch]) -> list[bytes | memoryview]:
    return pieces_of(encoder, parts.pop())


def pieces_of(encoder: Encoder, batch: pa.RecordBatch) -> list[bytes | memoryview]:
    """Return the bytes of a small batch."""
    return list(encoder.pieces(batch))


def is_large_batch(batch: pa.RecordBatch) -> bool:
    """Tell whether encoding *batch* takes so long that a thread does it."""
    return (
        int(batch.num_rows) > _INLINE_ROWS
        or int(batch.num_columns) > _INLINE_COLUMNS
        or _size(batch) > _INLINE_BYTES
    )


def _size(batch: pa.RecordBatch) -> int:
    """Return how many bytes the rows of *batch* have, or those that it is a slice of where that takes less to say."""
    whole = int(batch.get_total_buffer_size())
    return whole if whole <= _INLINE_BYTES or batch.num_columns > _INLINE_COLUMNS else int(batch.nbytes)


def _is_light(batch: pa.RecordBatch) -> bool:
    return is_large_batch(batch) and _size(batch) <= _HEAVY_BYTES


def _parts(batch: pa.RecordBatch) -> list[pa.RecordBatch]:
    """Cut a batch of long rows; the last part comes first."""
    size, rows = _size(batch), batch.num_rows
    if size > _HEAVY_BYTES:
        rows = max(1, rows * _PART_BYTES // size)
    return [batch.slice(start, rows) for start in reversed(range(0, batch.num_rows, rows))]


def _is_long(pieces: list[bytes | memoryview]) -> bool:
    return sum(map(len, pieces)) > GATHER_BYTES


async def ahead(items: AsyncIterator[_Item], is_large: Callable[[_Item], bool]) -> AsyncIterator[_Item]:
    """Yield *items*; from the first large one on the next is already being made while one is used."""
    held: list[_Item] = []
    async for first in items:
        large = is_large(first)
        held.append(first)
        del first
        yield held.pop()
        if large:
            break
    else:
        return
    task = asyncio.ensure_future(_next(items))
    try:
        while (item := await task) is not None:
            task = asyncio.ensure_future(_next(items))
            held.append(item)
            del item
            yield held.pop()
    finally:
        # What was begun is let end: it is one batch, and the engine must not be left in the middle of it.
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()


async def _next(items: AsyncIterator[_Item]) -> _Item | None:
    return await anext(items, None)


@asynccontextmanager
async def closing(items: AsyncIterator[_Item]) -> AsyncIterator[AsyncIterator[_Item]]:
    """Close a stream that is left before its end, so that what feeds it stops."""
    try:
        yield items
    finally:
        await close(items)


async def close(items: AsyncIterator[_Item]) -> None:
    """Close a stream, read to its end or not."""
    ending = getattr(items, "aclose", None)
    if ending is not None:
        await ending()
