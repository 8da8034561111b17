"""The threads that run DuckDB, so that the event loop never waits for it.

A pool serves all sessions: a connection is used by one thread at a time, and a session that is idle holds
none. As many functions run at once as there are cores, because more of them only take the interpreter's
lock from each other; when those that run take long, others are let in beside them, up to the pool's size,
so that a short statement waits milliseconds and not for the long ones to end.

Reads that take less than a hand-over run where they are asked for, on the event loop. Where several sessions ask at
once one thread more takes a few of them: while the engine computes there, the loop goes on.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any, Final, TypeVar

from engine.workers import Task, Workers
from storage.threads import give_way

T = TypeVar("T")
_PATIENCE_S: Final = 0.005
"""How long waiting functions wait before one more is let in."""
_LOOK_S: Final = 0.005
_OUTLAST_MOST_S: Final = 10.0
"""How long ``outlast`` waits for what neither ends nor computes: it waits for something else."""
_AT_ONCE_S: Final = 0.002
"""Brief functions of two sessions that come within this time are taken for asked at once."""
_BESIDE_MOST: Final = 4
"""Brief functions that run or wait beside the event loop: it takes the others itself."""


class Executor:
    """Runs blocking functions on worker threads."""

    def __init__(self, workers: int, cores: int = 0, niceness: int = 0) -> None:
        """Make room for *workers* functions at a time, on threads so nice; *cores* is 0 for the machine's."""
        self._pool = Workers(workers, "engine", lambda: give_way(niceness))
        # Whom the event loop waits for does not give way to it.
        self._beside = Workers(1, "brief")
        self._last: tuple[int, float] = (0, 0.0)
        self._most = workers
        self._usual = min(workers, cores or os.cpu_count() or 1)
        self._active = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: set[Task] = set()
        self._watchers: set[asyncio.Future[None]] = set()

    async def run(self, function: Callable[[], T]) -> T:
        """Run *function* on a worker and return its result; a cancelled caller does not stop it."""
        loop = asyncio.get_running_loop()
        if self._active >= self._usual:
            await self._turn(loop)
        self._active += 1
        result: T = await self._begun(self._pool.start(function, self._left))
        return result

    async def brief(self, function: Callable[[], T], who: object) -> T:
        """Run a *function* of *who* that takes less than a hand-over: here and now, or beside where others ask, too."""
        if self.alone(who) or self._beside.pending >= _BESIDE_MOST:
            return function()
        result: T = await self._begun(self._beside.start(function, self._ended))
        return result

    def alone(self, who: object) -> bool:
        """Take note that *who* asks for something brief, and tell whether nobody else does."""
        before, self._last = self._last, (id(who), time.perf_counter())
        return before[0] == id(who) or self._last[1] - before[1] > _AT_ONCE_S

    def _begun(self, task: Task) -> "asyncio.Future[Any]":
        # Where who waits is cancelled the function still runs, and still counts.
        self._running.add(task)
        return task.future

    def _ended(self, task: Task) -> None:
        self._running.discard(task)
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)

    async def outlast(self, work_s: float) -> None:
        """Wait until each function that runs now has ended, or has computed for *work_s* (of processor time).

        Time on the clock says nothing of how far a function is: on a busy machine its thread may not have had a turn.
        """
        end = time.monotonic() + _OUTLAST_MOST_S
        young = {running for running in self._running if not running.old}
        while young := {running for running in young & self._running if running.computed_s < work_s}:
            if time.monotonic() > end:
                for running in young:
                    running.old = True
                return
            await self._one_ends(_LOOK_S)

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
        running, end = set(self._running), time.monotonic() + wait_s
        while running := running & self._running:
            if time.monotonic() > end:
                return False
            await self._one_ends(end - time.monotonic())
        return True

    async def _one_ends(self, wait_s: float) -> None:
        """Wait until a function has ended, but no longer than *wait_s*."""
        watcher = asyncio.get_running_loop().create_future()
        self._watchers.add(watcher)
        try:
            await asyncio.wait([watcher], timeout=max(wait_s, 0))
        finally:
            self._watchers.discard(watcher)

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._beside.close()
        self._pool.close()

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

    def _left(self, task: Task) -> None:
        self._ended(task)
        self._active -= 1
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
