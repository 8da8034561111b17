"""How far back in the lake's versions anybody is reading: here, and on the other servers of the lake.

Whoever begins after a version has been looked at sees that one or a later. So a look takes note of the newest version,
and of all that runs at that moment; once none of that runs any more, nobody here reads what is older, however much has
begun meanwhile. What a query reads ``AS OF`` a moment does not count: it has named its files before it reads.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from session.tidying import asked
from storage import changes
from storage.changes import Version

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_MOST: Final = 50
"""Looks that are remembered: beyond a transaction that never ends nothing is seen."""


@dataclass(frozen=True, slots=True)
class _Look:
    newest: Version
    running: set[Hashable]
    """What has run since before it."""


class Horizon:
    """The oldest version that one server reads."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look at what runs in *warehouse*."""
        self._warehouse = warehouse
        self._looks: list[_Look] = []
        self._told = -1

    async def look(self) -> Version | None:
        """Return a version that nobody here reads anything older than, None where none is known yet."""
        warehouse = self._warehouse
        newest = await asked(warehouse, lambda: changes.newest_version(warehouse.database))
        running = self._running()
        for each in self._looks:
            each.running.intersection_update(running)
        if len(self._looks) < _MOST:
            self._looks.append(_Look(newest, set(running)))
        passed = [place for place, each in enumerate(self._looks) if not each.running]
        del self._looks[: passed[-1] if passed else 0]
        seen = self._looks[0].newest if passed else None
        if warehouse.fleet is not None and seen is not None:
            await warehouse.fleet.horizons.tell(seen.number)
        return seen

    def _running(self) -> frozenset[Hashable]:
        """Return something for each statement, transaction and piece of work that may be reading the lake."""
        warehouse = self._warehouse
        found: set[Hashable] = set(warehouse.executor.running | warehouse.cache.reading)
        own = set()
        for session in warehouse.sessions.values():
            own.add(session.engine)
            if (session.tx.running or session.tx.held) and not session.tx.failed:
                found.add(("transaction", session.pid, session.tx.number))
            if session.active:
                found.add(("statement", session.pid, session.query))
        found.update(engine for engine in warehouse.engines if not engine.closed and engine not in own)
        return frozenset(found)
