"""Materialized views over streams that refresh by themselves: each has a task that asks its stream again and again.

Redshift, "Streaming ingestion to a materialized view" (AUTO REFRESH YES). A view is refreshed as its owner in a session
that no client sees (``session.autorefresh``). Where a stream cannot be read, it is asked less and less often.
"""

import asyncio
import contextlib
import json
import logging
from typing import TYPE_CHECKING, Final

from catalog.model import Relation
from core.errors import SqlError
from session.autorefresh import refreshed_alone
from session.external.catalogs import streams_of
from session.external.streams import stream_over

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_LOOK_S: Final = 0.5
"""How often the catalog is looked at for views that have come or gone."""
_LONGEST_S: Final = 60.0
_CLOSING_S: Final = 5.0


class Polling:
    """The tasks of all views over streams that refresh by themselves."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s views."""
        self._warehouse = warehouse
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End after the refreshes that are under way; one that takes long is ended, and reads its part again."""
        self._closing.set()
        tasks = [task for task in (self._task, *self._tasks.values()) if task is not None]
        if tasks:
            _, left = await asyncio.wait(tasks, timeout=_CLOSING_S)
            for task in left:
                task.cancel()

    async def _sleep(self, pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), pause_s)

    async def _run(self) -> None:
        version = -1
        while not self._closing.is_set():
            state = self._warehouse.store.state
            if state.version != version:
                version = state.version
                self._adjust({view.oid for view in state.relations() if _polled(view)})
            await self._sleep(_LOOK_S)

    def _adjust(self, wanted: set[int]) -> None:
        for view in self._tasks.keys() - wanted:
            # One that is refreshing ends by itself: the view is gone, or will not be asked for again.
            del self._tasks[view]
        for view in wanted - self._tasks.keys():
            self._tasks[view] = asyncio.get_running_loop().create_task(self._poll(view))

    async def _poll(self, view: int) -> None:
        usual_s = self._warehouse.limits.stream_poll_ms / 1_000
        pause_s = usual_s
        while self._tasks.get(view) is asyncio.current_task() and not self._closing.is_set():
            try:
                if await self._pending(view) and not await refreshed_alone(self._warehouse, view):
                    pause_s = min(pause_s * 2, _LONGEST_S)
                else:
                    pause_s = usual_s
            except SqlError as error:
                _log.warning("could not ask a stream", extra={"view": view, "state": error.state.value})
                pause_s = min(pause_s * 2, _LONGEST_S)
            await self._sleep(pause_s)

    async def _pending(self, oid: int) -> bool:
        warehouse = self._warehouse
        view = warehouse.store.state.objects.get(oid)
        stream = stream_over(warehouse.store.state, view) if isinstance(view, Relation) else None
        if stream is None or not warehouse.leads:
            return False
        positions = json.loads(warehouse.streamed.get(oid) or "{}")
        limits, origin, name = warehouse.limits, stream.origin, stream.name
        return await warehouse.executor.run(lambda: streams_of(limits, origin).pending(name, positions))


def _polled(view: Relation) -> bool:
    return view.materialized is not None and view.materialized.auto_refresh and bool(view.materialized.stream)
