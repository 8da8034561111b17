"""The threads that run DuckDB, so that the event loop never waits for it.

A pool serves all sessions: a connection is used by one thread at a time, and a session that is idle holds
none. As many functions run at once as there are cores, because more of them only take the interpreter's
lock from each other; when those that run take long, others are let in beside them, up to the pool's size,
so that a short statement waits milliseconds and not for the long ones to end.
"""

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from storage.threads import give_way

T = TypeVar("T")
_PATIENCE_S: Final = 0.005
"""How long waiting functions wait before one more is let in."""
_LOOK_S: Final = 0.005
_OUTLAST_MOST_S: Final = 10.0
"""How long ``outlast`` waits for what neither ends nor computes: it waits for something else."""


class _Running:
    """A function that was given to a thread, and how much processor time that thread has spent on it."""

    def __init__(self) -> None:
        self.old = False
        self._clock: int | None = None
        self._before = 0.0

    def begin(self) -> None:
        """Take note that it begins, on this thread."""
        self._before = time.thread_time()
        self._clock = time.pthread_getcpuclockid(threading.get_ident())

    @property
    def computed_s(self) -> float:
        """Return the processor time; asked while the thread is there."""
        return 0.0 if self._clock is None else time.clock_gettime(self._clock) - self._before


class Executor:
    """Runs blocking functions on worker threads."""

    def __init__(self, workers: int, cores: int = 0, niceness: int = 0) -> None:
        """Make room for *workers* functions at a time, on threads so nice; *cores* is 0 for the machine's."""
        self._pool = ThreadPoolExecutor(
            max_workers=workers, thread_name_prefix="engine", initializer=give_way, initargs=(niceness,)
        )
        self._most = workers
        self._usual = min(workers, cores or os.cpu_count() or 1)
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: dict[asyncio.Future[Any], _Running] = {}

    async def run(self, function: Callable[[], T]) -> T:
        """Run *function* on a worker and return its result; a cancelled caller does not stop it."""
        loop = asyncio.get_running_loop()
        if self._active >= self._usual:
            await self._turn(loop)
        self._active += 1
        running = _Running()

        def work() -> T:
            running.begin()
            return function()

        task: asyncio.Future[T] = loop.run_in_executor(self._pool, work)
        self._running[task] = running
        task.add_done_callback(self._ended)
        # Where the caller is cancelled the function still runs, and still counts.
        return await asyncio.shield(task)

    async def outlast(self, work_s: float) -> None:
        """Wait until each function that runs now has ended, or has computed for *work_s* (of processor time).

        Time on the clock says nothing of how far a function is: on a busy machine its thread may not have had a turn.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + _OUTLAST_MOST_S
        young = [task for task, running in self._running.items() if not running.old]
        while young := [task for task in young if task in self._running and self._running[task].computed_s < work_s]:
            if loop.time() > end:
                for task in young:
                    self._running[task].old = True
                return
            await asyncio.wait(young, timeout=_LOOK_S)

    @property
    def idle(self) -> bool:
        """Whether nothing runs, nor waits to."""
        return not self._running and not self._waiting

    @property
    def running(self) -> frozenset[Hashable]:
        """What runs now: something for each function, that is another's when the function has ended."""
        return frozenset(self._running)

    async def ended(self, wait_s: float) -> bool:
        """Wait until each function that runs now has ended; false where one has not after *wait_s*."""
        running = list(self._running)
        return not running or not (await asyncio.wait(running, timeout=wait_s))[1]

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
        self._running.pop(task, None)
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
