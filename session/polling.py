"""Materialized views over streams that refresh by themselves: each has a task that asks its stream again and again.

Redshift, "Streaming ingestion to a materialized view" (AUTO REFRESH YES). A view is refreshed as its owner in a session
that no client sees (``session.autorefresh``). Where a stream cannot be read, it is asked less and less often.
"""

import json
import logging
from typing import TYPE_CHECKING, Final

from catalog.model import CatalogState, Relation
from core.errors import SqlError
from session.autorefresh import refreshed_alone
from session.external.catalogs import streams_of
from session.external.streams import stream_over
from session.watching import Watch

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_LONGEST_S: Final = 60.0


class Polling:
    """The tasks of all views over streams that refresh by themselves."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s views."""
        self._warehouse = warehouse
        self._watch = Watch(lambda: warehouse.store.state, _polled, self._poll)

    def start(self) -> None:
        """Begin."""
        self._watch.start()

    async def close(self) -> None:
        """End after the refreshes that are under way; one that takes long is ended, and reads its part again."""
        await self._watch.close()

    async def _poll(self, view: int) -> None:
        usual_s = self._warehouse.limits.stream_poll_ms / 1_000
        pause_s = usual_s
        while self._watch.is_on(view):
            try:
                if await self._pending(view) and not await refreshed_alone(self._warehouse, view):
                    pause_s = min(pause_s * 2, _LONGEST_S)
                else:
                    pause_s = usual_s
            except SqlError as error:
                _log.warning("could not ask a stream", extra={"view": view, "state": error.state.value})
                pause_s = min(pause_s * 2, _LONGEST_S)
            await self._watch.sleep(pause_s)

    async def _pending(self, oid: int) -> bool:
        warehouse = self._warehouse
        view = warehouse.store.state.objects.get(oid)
        stream = stream_over(warehouse.store.state, view) if isinstance(view, Relation) else None
        if stream is None or not warehouse.leads:
            return False
        positions = json.loads(warehouse.streamed.get(oid) or "{}")
        limits, origin, name = warehouse.limits, stream.origin, stream.name
        return await warehouse.executor.run(lambda: streams_of(limits, origin).pending(name, positions))


def _polled(state: CatalogState) -> set[int]:
    return {
        view.oid
        for view in state.relations()
        if view.materialized is not None and view.materialized.auto_refresh and view.materialized.stream
    }
