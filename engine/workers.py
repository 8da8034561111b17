"""Threads that work for one event loop, and hand back what they have done with as little ado as can be.

The standard library's way from a loop to a thread and back makes two futures, a lock and a wake-up of the loop for
each function, which costs more than many a statement. Here results gather while the loop is busy, and it is woken once
for all of them.
"""

import asyncio
import atexit
import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeVar

T = TypeVar("T")
_END: Final = None


class Task:
    """A function that was given to a thread, and who waits for it."""

    __slots__ = ("_before", "_ended", "_error", "_function", "_result", "_thread", "future", "old")

    def __init__(
        self, function: Callable[[], Any], ended: Callable[["Task"], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        """Nothing has begun yet; *ended* is called on *loop* when all is done."""
        self._function, self._ended = function, ended
        self._thread, self._before = 0, 0.0
        self._result: Any = None
        self._error: BaseException | None = None
        self.future: asyncio.Future[Any] = loop.create_future()
        """What the function returns or raises, until it has ended; who waits may give up, the function goes on."""
        self.old = False
        """Whether nobody waits for it to come any further."""

    @property
    def computed_s(self) -> float:
        """Return how much processor time its thread has spent on it; asked before it has ended."""
        if not self._thread:
            return 0.0
        return time.clock_gettime(time.pthread_getcpuclockid(self._thread)) - self._before

    def run(self) -> None:
        """Work; this is on a thread."""
        self._before = time.thread_time()
        self._thread = threading.get_ident()
        try:
            self._result = self._function()
        except BaseException as error:  # noqa: BLE001 - whoever waits is to have it, whatever it is
            self._error = error
        finally:
            del self._function

    def settle(self) -> None:
        """Tell who waits; this is on the loop."""
        # Who remembers the task need not keep what it made.
        future, result, error = self.future, self._result, self._error
        del self.future, self._result, self._error
        try:
            self._ended(self)
        finally:
            if not future.done():
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(_tellable(error))


class Workers:
    """Some threads of one event loop, each started when there is nobody else to work."""

    def __init__(self, most: int, name: str, begin: Callable[[], None] | None = None) -> None:
        """Start up to *most* threads called *name*; each calls *begin* first."""
        self._most, self._name, self._begin = most, name, begin
        self._tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
        self._done: deque[Task] = deque()
        self._threads: list[threading.Thread] = []
        self._told = self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self.pending = 0
        """Functions that have not ended."""

    async def run(self, function: Callable[[], T]) -> T:
        """Run *function* on a thread and return its result; a cancelled caller does not stop it."""
        result: T = await self.start(function, _nothing).future
        return result

    def start(self, function: Callable[[], Any], ended: Callable[[Task], None]) -> Task:
        """Have *function* run on a thread; *ended* is called on the loop when it has, whoever still waits for it."""
        if self._closed:
            raise RuntimeError("these threads have ended")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        task = Task(function, ended, self._loop)
        self.pending += 1
        if self.pending > len(self._threads) and len(self._threads) < self._most:
            self._grow()
        self._tasks.put(task)
        return task

    def close(self) -> None:
        """Let all that was given to them end, and the threads."""
        self._closed = True
        atexit.unregister(self.close)
        for _ in self._threads:
            self._tasks.put(_END)
        for thread in self._threads:
            thread.join()

    def _grow(self) -> None:
        if not self._threads:
            # The engine must not be at work when the interpreter ends.
            atexit.register(self.close)
        name = self._name if self._most == 1 else f"{self._name}_{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        if self._begin is not None:
            self._begin()
        while (task := self._tasks.get()) is not _END:
            task.run()
            self._done.append(task)
            if not self._told:
                self._told = True
                self._tell()

    def _tell(self) -> None:
        # A loop that has been closed wants to know nothing any more.
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        self._told = False
        while self._done:
            task = self._done.popleft()
            self.pending -= 1
            task.settle()


def _nothing(_: Task) -> None:
    """Nobody has to be told but who waits."""


def _tellable(error: BaseException) -> BaseException:
    # A future cannot hold this one.
    if isinstance(error, StopIteration):
        told = RuntimeError("a function raised StopIteration")
        told.__cause__ = error
        return told
    return error
