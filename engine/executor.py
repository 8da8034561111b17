"""The threads that run DuckDB, so that the event loop never waits for it.

A pool serves all sessions: a connection is used by one thread at a time, and a session that is idle holds
none. As many functions run at once as there are cores, because more of them only take the interpreter's
lock from each other; when those that run take long, others are let in beside them, up to the pool's size,
so that a short statement waits milliseconds and not for the long ones to end.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")
_PATIENCE_S: Final = 0.005
"""How long waiting functions wait before one more is let in."""


class Executor:
    """Runs blocking functions on worker threads."""

    def __init__(self, workers: int, cores: int = 0) -> None:
        """Make room for *workers* functions at a time; *cores* is 0 for the machine's."""
        self._pool = ThreadPoolExecutor(max_workers=workers, thread_name_prefix="engine")
        self._most = workers
        self._usual = min(workers, cores or os.cpu_count() or 1)
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._begun: dict[asyncio.Future[Any], float] = {}

    async def run(self, function: Callable[[], T]) -> T:
        """Run *function* on a worker and return its result; a cancelled caller does not stop it."""
        loop = asyncio.get_running_loop()
        if self._active >= self._usual:
            await self._turn(loop)
        self._active += 1
        task: asyncio.Future[T] = loop.run_in_executor(self._pool, function)
        self._begun[task] = loop.time()
        task.add_done_callback(self._ended)
        # Where the caller is cancelled the function still runs, and still counts.
        return await asyncio.shield(task)

    async def outlast(self, age_s: float) -> None:
        """Wait until each function that runs now has ended, or has run for *age_s*."""
        now = asyncio.get_running_loop().time()
        young = [task for task, begun in self._begun.items() if now - begun < age_s]
        if young:
            await asyncio.wait(young, timeout=age_s)

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    async def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        turn = loop.create_future()
        self._waiting.append(turn)
        if self._timer is None:
            self._timer = loop.call_later(_PATIENCE_S, self._impatient)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._next()
            raise

    def _ended(self, task: "asyncio.Future[Any]") -> None:
        self._active -= 1
        self._begun.pop(task, None)
        if self._active < self._usual:
            self._next()

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _impatient(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        if self._active < self._most:
            self._next()
        self._timer = asyncio.get_running_loop().call_later(_PATIENCE_S, self._impatient)
