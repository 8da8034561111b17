"""One server among several on a lake: what the others have committed becomes known here, in the lake's order.

Before a statement begins the lake's newest snapshot is asked for. What snapshots of others did since the last look is
taken in at once, in one turn of the event loop: their catalogue entries, and that what was known of the tables that
they wrote (files, copies, answers) holds no more. Readers take no locks: what a statement saw of the catalogue is
compared with what is known after it has begun, and where a table of its was altered in between it begins again.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from catalog.model import CatalogState, Relation, Schema
from catalog.store import Changes
from core.errors import SqlError
from session.fleet.horizons import Horizons
from session.fleet.keeping import Keeping
from session.fleet.locks import FleetLocks
from session.fleet.numbers import Allotment
from session.fleet.presence import Presence
from session.fleet.signals import KEY, Signals
from session.locks import Mode
from storage.coordination import SLOT_BITS, Coordination, Step
from storage.metastore import Entry

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_TABLE: Final = re.compile(r"\w+:(\d+)")
FIRST_PROCESS: Final = 1_073_741_824
"""Redshift's process numbers begin about here."""
_LOOK_S: Final = 0.5
"""How often a server looks that has nothing to do."""
_LEADER: Final = "leader"
_LEADER_OWNER: Final = -(1 << 42)
_OIDS: Final = 1_000
_NUMBERS: Final = 10_000
"""Numbers that a server takes at once: of objects; of statements and transactions."""


class Fleet:
    """A server's view of the others. Lives on the event loop."""

    def __init__(self, coordination: Coordination) -> None:
        """Look by *coordination*; ``open`` and ``follow`` come first."""
        self._coordination = coordination
        self._warehouse: Warehouse | None = None
        self.keeping: Keeping | None = None
        self.locks = FleetLocks(coordination, self.sync)
        self.signals, self.horizons = Signals(coordination), Horizons(coordination)
        self.presence = Presence(coordination)
        self.position = 0
        """The newest snapshot of the lake that is known here."""
        self.moment = 0
        """How many times the catalogue has changed."""
        self.leads = False
        """Whether this server does what is to be done by one."""
        self.alone = False
        """Whether there was no other server at the start."""
        self.schemas = 0
        """How many times others have changed the lake's own schema."""
        self._schema_version = 0
        self._altered: dict[int, int] = {}
        self._own: set[str] = set()
        self._commits = 0
        self._names: tuple[CatalogState | None, dict[tuple[str, str], int]] = (None, {})
        self._look: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._numbers: tuple[Allotment, ...] = ()

    async def open(self) -> None:
        """Take a place among the servers; from now on nothing that they commit is missed."""
        self.alone = await self._coordination.join(self.signals.heard)
        self.position, self._schema_version = await self._coordination.newest()

    async def follow(self, warehouse: "Warehouse") -> None:
        """Begin to tell *warehouse* what others do, and have it give out numbers that they do not."""
        self._warehouse = warehouse
        self.keeping = Keeping(self._coordination, warehouse)
        self.signals.warehouse = warehouse
        oids = Allotment(self._coordination, "oids", _OIDS, next(warehouse.store.oids))
        queries = Allotment(self._coordination, "queries", _NUMBERS, next(warehouse.queries))
        transactions = Allotment(self._coordination, "transactions", _NUMBERS, next(warehouse.transactions))
        self._numbers = (oids, queries, transactions)
        await self._fill()
        warehouse.store.oids, warehouse.queries, warehouse.transactions = oids, queries, transactions

    def start(self) -> None:
        """Look now and then, and do the work of one where nobody does."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._watch()), loop.create_task(self._stand())]

    async def close(self) -> None:
        """Leave."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.locks.release_all(_LEADER_OWNER)
        await self.locks.close()
        await self.presence.settled()
        with contextlib.suppress(SqlError):
            await self.horizons.leave()
        await self._coordination.close()

    def pass_on(self, pid: int, secret: bytes) -> None:
        """Have a session of another server cancelled, for who has its key."""
        if self.elsewhere(pid):
            self.signals.send(KEY, pid, secret=secret)

    def elsewhere(self, pid: int) -> bool:
        """Tell whether a process number is one that other servers give out."""
        number = pid - FIRST_PROCESS
        return number >= 0 and number >> SLOT_BITS != self._coordination.slot

    def process(self, number: int) -> int:
        """Return the process number of this server's session *number*: it tells the server too."""
        return FIRST_PROCESS + (self._coordination.slot << SLOT_BITS) + number % (1 << SLOT_BITS)

    # What statements ask.

    async def sync(self) -> None:
        """Take in all that was committed before now; raises 08006."""
        # A look that is under way may have been answered before now. The next one serves all who wait for it.
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._follow(self._look))
        await asyncio.shield(self._next)

    def overtaken(self, tables: Iterable[int], since: int) -> bool:
        """Tell whether one of *tables* (OIDs) was altered after the moment *since*."""
        return any(self._altered.get(oid, 0) > since for oid in tables)

    def published(self, changes: Changes, before: CatalogState) -> None:
        """Take note of catalogue changes that are about to be laid over *before*."""
        self.moment += 1
        gone = [oid for oid in changes.drops if isinstance(before.objects.get(oid), Relation)]
        changed = [oid for oid, item in changes.puts.items() if _altered(before.objects.get(oid), item)]
        for oid in (*gone, *changed):
            self._altered[oid] = self.moment

    def author(self) -> str:
        """Return a name for a commit that is about to be made here."""
        self._commits += 1
        name = f"{self._coordination.member}:{self._commits}"
        self._own.add(name)
        return name

    async def happened(self, author: str, since: int) -> bool:
        """Tell whether a commit of this server's that failed was made after all; raises 08006 where nobody can tell."""
        if self.keeping is not None:
            return await self.keeping.settle(author)
        return await self._coordination.happened(author, since)

    def disown(self, author: str, since: int) -> None:
        """Take a commit of this server's, of which nobody can tell whether it was made, for another's."""
        self._own.discard(author)
        self.position = min(self.position, since)

    # What happens elsewhere.

    async def _follow(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._look, self._next = asyncio.current_task(), None
        await self._catch_up()

    async def _catch_up(self) -> None:
        newest, version = await self._coordination.newest()
        await self._fill()
        if self.keeping is not None:
            await self.keeping.settle_all()
        if newest != self.position:
            await self._take_in(newest)
        if version != self._schema_version:
            self._schema_version = version
            self.schemas += 1
            if self._warehouse is not None:
                await self._warehouse.lake_schema.renew()

    async def _fill(self) -> None:
        for numbers in self._numbers:
            await numbers.fill()

    async def _take_in(self, newest: int) -> None:
        warehouse = self._warehouse
        if warehouse is None:
            return
        steps = await self._coordination.steps(self.position, newest)
        passed = {step.author for step in steps} & self._own
        foreign = [step for step in steps if step.author not in passed]
        numbers = _tables(foreign)
        places = await self._coordination.tables(numbers) if numbers else []
        metastore = warehouse.metastore
        if len(steps) < newest - self.position:
            # Some have been expired: this server has looked at nothing for longer than the lake keeps its versions.
            places = [metastore.place, *_names(warehouse.store.state)]
        entries: list[Entry] = []
        change = metastore.change
        if metastore.place in places:
            entries, change = await warehouse.executor.run(lambda: metastore.since(change, newest))
        # From here on in one turn of the event loop.
        written = self._oids(places)
        if entries:
            warehouse.take_in(entries)
            metastore.change = max(metastore.change, change)
            written |= self._oids(places)
        self._own -= passed
        self.position = max(self.position, newest)
        if written:
            warehouse.scans.forget(frozenset(written))
            warehouse.upkeep.views.note(frozenset(written))

    def _oids(self, places: list[tuple[str, str]]) -> set[int]:
        assert self._warehouse is not None  # noqa: S101 - asked by who has one
        state = self._warehouse.store.state
        if self._names[0] is not state:
            self._names = state, _names(state)
        return {oid for place in places if (oid := self._names[1].get(place)) is not None}

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            with contextlib.suppress(SqlError):
                await self.sync()

    async def _stand(self) -> None:
        """Do the work of one as long as nobody else does."""
        while True:
            self.leads = False
            try:
                await self.locks.acquire(_LEADER_OWNER, _LEADER, Mode.ACCESS_EXCLUSIVE)
                self.leads = True
                _log.info("this server does the background work")
                if self._warehouse is not None:
                    self._warehouse.upkeep.views.resume()
                    self._warehouse.lake_schema.remove({})
                if self.keeping is not None:
                    await self.keeping.settle_left()
                await self.locks.lasts(_LEADER_OWNER, _LEADER)
            except SqlError:
                await asyncio.sleep(_LOOK_S)
            finally:
                self.leads = False
                self.locks.release_all(_LEADER_OWNER)


def _tables(steps: Iterable[Step]) -> list[int]:
    return sorted({int(number) for step in steps for number in _TABLE.findall(step.made)})


def _names(state: CatalogState) -> dict[tuple[str, str], int]:
    found = {}
    for relation in state.relations():
        schema = state.objects.get(relation.schema)
        if isinstance(schema, Schema) and relation.engine_table:
            found[schema.engine_name, relation.engine_table] = relation.oid
    return found


def _altered(before: object, now: object) -> bool:
    """Tell whether a table is read otherwise than before."""
    if not isinstance(before, Relation) or not isinstance(now, Relation):
        return False
    return (before.engine_name, before.columns) != (now.engine_name, now.columns)
