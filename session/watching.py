"""A task for each of some objects of the catalog, begun when the catalog has them and let go when it has not."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Set
from typing import Final

from catalog.model import CatalogState

_LOOK_S: Final = 0.5
"""Between looks at the catalog."""
_CLOSING_S: Final = 5.0
"""Longest wait for what is under way when the server ends."""


class Watch:
    """The tasks, and the one that looks for changes of the catalog."""

    def __init__(
        self,
        state: Callable[[], CatalogState],
        wanted: Callable[[CatalogState], Set[int]],
        work: Callable[[int], Awaitable[None]],
        forget: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Run *work* for the OIDs that are *wanted* of the catalog's *state*; *forget* those that no longer are.

        *Work* goes on while ``is_on`` says so, and pauses by ``sleep``.
        """
        self._state = state
        self._wanted = wanted
        self._work = work
        self._forget = forget
        self._tasks: dict[int, asyncio.Future[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def is_on(self, oid: int) -> bool:
        """Tell whether the running task is still the one that works for *oid*."""
        return self._tasks.get(oid) is asyncio.current_task() and not self._closing.is_set()

    @property
    def is_closing(self) -> bool:
        """Whether the server ends."""
        return self._closing.is_set()

    async def sleep(self, pause_s: float) -> None:
        """Wait, but not longer than the server runs."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), pause_s)

    async def close(self) -> None:
        """End after what is under way; what takes long is ended."""
        self._closing.set()
        tasks = [task for task in (self._task, *self._tasks.values()) if task is not None]
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=_CLOSING_S)
            for task in left:
                task.cancel()

    async def _run(self) -> None:
        version = -1
        while not self._closing.is_set():
            state = self._state()
            if state.version != version:
                version = state.version
                self._adjust(self._wanted(state))
            await self.sleep(_LOOK_S)

    def _adjust(self, wanted: Set[int]) -> None:
        for oid in self._tasks.keys() - wanted:
            # One that is at work ends by itself: its object is gone, or will not be asked for again.
            del self._tasks[oid]
            self._forget(oid)
        for oid in wanted - self._tasks.keys():
            self._tasks[oid] = asyncio.ensure_future(self._work(oid))
