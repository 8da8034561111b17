"""Between gRPC's threads and the event loop: calls that are waited for, and streams with a bound.

A thread waits for the loop and never the other way round; what is produced ahead of a slow client is two batches.
"""

import asyncio
import concurrent.futures
import queue
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, TypeVar

import pyarrow as pa

from core.errors import Canceled, SqlError
from core.sqlstate import SqlState
from flight.statements import Stream
from session.failures import told

T = TypeVar("T")
_AHEAD: Final = 2
_POLL_S: Final = 0.2
"""How often a thread looks whether its client is still there."""
_END: Final = object()


class Watched(Protocol):
    """A call of a client (``pyarrow.flight.ServerCallContext``)."""

    def is_cancelled(self) -> bool:
        """Whether the client has gone, or has given the call up."""
        ...


class Bridge:
    """Calls what lives on *loop* from other threads."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Call what lives on *loop*."""
        self._loop = loop
        self._pumps: set[_Pump] = set()

    def end_streams(self) -> None:
        """End all streams, also those whose clients have stopped reading; on the loop."""
        for pump in list(self._pumps):
            pump.end()

    def call(self, work: Coroutine[Any, Any, T], context: Watched | None = None) -> T:
        """Run *work* on the loop and return its result; raises ``SqlError`` and nothing else."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        while True:
            try:
                return future.result(_POLL_S)
            except concurrent.futures.TimeoutError:
                if context is not None and context.is_cancelled():
                    future.cancel()
                    raise _gone() from None
            except concurrent.futures.CancelledError:
                raise _gone() from None
            except Exception as error:
                raise told(error) from None

    def stream(
        self,
        lent: Callable[[], AbstractAsyncContextManager[Stream]],
        cancel: Callable[[], object],
        context: Watched,
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
        """Return the schema and the batches of what *lent* lends; *cancel* interrupts it, on the loop."""
        pump = _Pump(self._loop, lent, cancel, context)
        self._pumps.add(pump)
        pump.finished(self._pumps.discard)
        schema: pa.Schema = pump.take()
        return schema, pump.batches()

    def feed(self, read: Callable[[], pa.RecordBatch | None]) -> Callable[[], Awaitable[pa.RecordBatch | None]]:
        """Return what the loop awaits to have *read* called, which blocks, on a thread."""

        async def following() -> pa.RecordBatch | None:
            return await asyncio.to_thread(read)

        return following


class _Pump:
    """Carries one stream from the loop to a thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        lent: Callable[[], AbstractAsyncContextManager[Stream]],
        cancel: Callable[[], object],
        context: Watched,
    ) -> None:
        self._loop = loop
        self._lent = lent
        self._cancel = cancel
        self._context = context
        self._items: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(_AHEAD)
        self._stopped = False
        self._done = asyncio.run_coroutine_threadsafe(self._run(), loop)

    def take(self) -> Any:
        """Return the next item, waiting for it; raises what the stream ended with."""
        while True:
            try:
                item = self._items.get(timeout=_POLL_S)
            except queue.Empty:
                if self._context.is_cancelled():
                    self.stop()
                    raise _gone() from None
                continue
            if isinstance(item, BaseException):
                raise item
            return item

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the batches; a consumer that leaves early stops what makes them."""
        try:
            while (item := self.take()) is not _END:
                yield item
                self._loop.call_soon_threadsafe(self._room.release)
        finally:
            self.stop()

    def stop(self) -> None:
        """End the stream, if it has not ended."""
        if not self._done.done():
            self._loop.call_soon_threadsafe(self.end)

    def finished(self, forget: Callable[["_Pump"], None]) -> None:
        """Have *forget* called once nothing runs any more."""
        self._done.add_done_callback(lambda _: forget(self))

    def end(self) -> None:
        self._stopped = True
        self._room.release()
        self._cancel()

    async def _run(self) -> None:
        try:
            async with self._lent() as stream:
                self._items.put(stream.schema)
                if stream.batches is not None:
                    async for batch in stream.batches:
                        if batch.num_rows:
                            await self._put(batch)
        except Exception as error:
            self._items.put(told(error))
        except BaseException:
            self._items.put(_gone())
            raise
        else:
            self._items.put(_END)

    async def _put(self, batch: pa.RecordBatch) -> None:
        await self._room.acquire()
        if self._stopped:
            raise _gone()
        self._items.put(batch)


def _gone() -> SqlError:
    return Canceled(SqlState.QUERY_CANCELED, "the client has gone")
