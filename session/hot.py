"""Hot tables: small tables that are read often are kept as copies which answer short reads.

Like ``session.scans`` this is for a statement that is a transaction of its own and writes nothing. A copy holds
what was committed when it was made, and is not read any more from the moment on at which a transaction that
wrote its table begins to commit.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Final, TypeVar

from catalog.model import CatalogState, Relation, Schema
from core.errors import SqlError
from engine.cursors import DuckDbEngine
from engine.executor import Executor
from session.rewriting import substituted
from storage.hot import HotStore, HotTable

_log = logging.getLogger(__name__)
T = TypeVar("T")
ROWS_MAX: Final = 250_000
"""Rows of a hot table at most: two row groups, which several threads would not scan much faster than one."""
READS: Final = 5
"""Reads of an unchanged table after which it is copied."""
_READS_MAX: Final = 1_000
_WORTH: Final = 10
"""How many times the reads that a copy was made for it must have served, or the next takes twice as many."""
_SHARE: Final = 4
"""One table takes at most this part of the memory."""


@dataclass(slots=True)
class _Copy:
    table: HotTable
    served: int = 0
    users: int = 0
    dropped: bool = False


@dataclass(slots=True)
class _Wish:
    """How often a table was asked for since it last changed, and how often it takes."""

    reads: int = 0
    needed: int = READS
    settled: bool = False
    """Whether it is being copied, or cannot be."""
    changes: int = 0


class Taken:
    """A statement that reads copies; ``release`` once the engine has begun it."""

    def __init__(self, owner: "HotTables", sql: str, copies: list[_Copy]) -> None:
        self.sql = sql
        self._owner = owner
        self._copies = copies

    def release(self) -> None:
        """Let the copies go: what the engine has begun to read stays until it has been read."""
        for copy in self._copies:
            copy.users -= 1
            self._owner.settle(copy)


async def _nobody_else() -> None:
    return


class HotTables:
    """Which tables are hot, for all sessions. Lives on the event loop."""

    def __init__(
        self, store: HotStore, connect: Callable[[], DuckDbEngine], memory_bytes: int,
        caught_up: Callable[[], Awaitable[None]] = _nobody_else,
    ) -> None:  # fmt: skip
        """Keep copies of *memory_bytes* in *store*, 0 for none, made on connections that *connect* opens.

        *caught_up* is awaited for what other servers have written while a copy was made.
        """
        self.store, self._caught_up = store, caught_up
        self._connect = connect
        self._memory_bytes = memory_bytes
        self._copies: OrderedDict[int, _Copy] = OrderedDict()
        self._wishes: dict[int, _Wish] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()
        self._used = 0

    def take(self, sql: str, tables: frozenset[int], state: CatalogState) -> Taken | None:
        """Return *sql* reading copies where there is one of each of *tables*; None otherwise."""
        if not self._memory_bytes:
            return None
        relations = [item for oid in tables if isinstance(item := state.objects.get(oid), Relation)]
        if len(relations) < len(tables) or any(item.temporary or not item.engine_name for item in relations):
            return None
        copies = {item.engine_name: self._copies.get(item.oid) for item in relations}
        for item in relations:
            if item.oid not in self._copies:
                self._want(item, state)
        found = {name: copy for name, copy in copies.items() if copy is not None}
        if len(found) < len(tables):
            return None
        for item, copy in zip(relations, found.values(), strict=True):
            self._copies.move_to_end(item.oid)
            copy.served += 1
            copy.users += 1
        return Taken(self, substituted(sql, {name: copy.table.name for name, copy in found.items()}), [*found.values()])

    def forget(self, tables: frozenset[int]) -> None:
        """Take note that *tables* (OIDs) are being written or were."""
        for oid in tables:
            wish = self._wishes.get(oid)
            if wish is None:
                continue
            wish.reads, wish.settled = 0, False
            wish.changes += 1
            copy = self._copies.pop(oid, None)
            if copy is not None:
                worth = copy.served >= _WORTH * wish.needed
                wish.needed = READS if worth else min(2 * wish.needed, _READS_MAX)
                self._give_up(copy)

    def settle(self, copy: _Copy) -> None:
        """Drop a copy that was given up, once nobody is about to read it."""
        if copy.dropped and not copy.users:
            self._begin(self._drop(copy.table))

    async def rest(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Wait for what is under way and give the memory back."""
        await self.rest()
        self.store.close()

    def _want(self, relation: Relation, state: CatalogState) -> None:
        wish = self._wishes.setdefault(relation.oid, _Wish())
        wish.reads += 1
        schema = state.objects.get(relation.schema)
        if wish.reads >= wish.needed and not wish.settled and isinstance(schema, Schema):
            wish.settled = True
            self._begin(self._load(relation, schema.engine_name, wish))

    async def _load(self, relation: Relation, schema: str, wish: _Wish) -> None:
        changes = wish.changes
        async with self._one_by_one:
            if changes != wish.changes:
                return
            limit = self._memory_bytes // _SHARE
            try:
                table = await self._work(lambda: self.store.load(schema, relation.engine_table, ROWS_MAX, limit))
            except SqlError as error:
                # Dropped meanwhile, for one. Reads go on as they did.
                _log.warning("could not copy a table", extra={"table": relation.oid, "state": error.state.value})
                return
            if table is None:
                return
            copy = _Copy(table)
            self._used += table.size_bytes
            try:
                await self._caught_up()
            except SqlError:
                self._give_up(copy)
                return
        if changes != wish.changes:
            # It was written meanwhile.
            self._give_up(copy)
            return
        self._copies[relation.oid] = copy
        _log.debug("copied a table", extra={"table": relation.oid, "bytes": table.size_bytes})
        while self._used > self._memory_bytes:
            oid, oldest = self._copies.popitem(last=False)
            self._wishes.pop(oid, None)
            self._give_up(oldest)

    def _give_up(self, copy: _Copy) -> None:
        copy.dropped = True
        self._used -= copy.table.size_bytes
        self.settle(copy)

    async def _drop(self, table: HotTable) -> None:
        await self._work(lambda: self.store.drop(table.name))

    async def _work(self, function: Callable[[], T]) -> T:
        engine = self._connect()
        try:
            return await engine.work(function)
        finally:
            engine.close()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class HotEngine:
    """A session's connection to the copies, made when it is first wanted."""

    def __init__(self, store: HotStore, executor: Executor) -> None:
        """Connect to *store* and work on *executor*'s threads."""
        self._store = store
        self._executor = executor
        self._engine: DuckDbEngine | None = None
        self._zone = "UTC"

    async def ready(self, zone: str) -> DuckDbEngine:
        """Return the connection, its time zone being *zone*."""
        if self._engine is None:
            self._engine = DuckDbEngine(self._store.cursor(), self._executor)
        if zone != self._zone:
            await self._engine.run(f"SET TimeZone = '{zone}'")
            self._zone = zone
        return self._engine

    def interrupt(self, reason: SqlError) -> None:
        """Stop what runs now with *reason*."""
        if self._engine is not None:
            self._engine.interrupt(reason)

    def close(self) -> None:
        """Give the connection back."""
        if self._engine is not None:
            self._engine.close()
