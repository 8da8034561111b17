"""The table cache: copies of tables in the engine's own format, which queries read in place of the lake's files.

Like ``session.scans``, whose part it is, this is for statements whose transaction sees what is committed now. A copy
holds what was committed when it was made, and is not read any more from the moment on at which a transaction that
wrote its table begins to commit. Small copies in an engine of their own, for brief statements, are ``session.hot``'s.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from catalog.model import Relation
from core.errors import SqlError
from engine.cursors import DuckDbEngine
from engine.executor import Executor
from engine.together import Together
from session.functions import install_functions
from session.hot import HotTables, Wish, nobody_else, unpadded
from storage.hot import HotStore
from storage.table_cache import CachedTable, CacheStore, Order, Stopped, Writing

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
T = TypeVar("T")
READS: Final = 2
"""Reads of an unchanged table after which it is copied; one of few rows, which the lake keeps apart, at the first."""
_MOST: Final = 500
"""Copies at most, however small."""
_TIMES: Final = frozenset({"date", "timestamp", "timestamptz"})
_LOOK_S: Final = 0.1
"""How often is looked whether a copy that is being written is still wanted."""


@dataclass(slots=True)
class Copy:
    """One copy, and how many statements are about to read it."""

    table: CachedTable
    unpadded: frozenset[int] = frozenset()
    """The numbers of columns of strings of which it is known that no value ends in a blank."""
    served: int = 0
    users: int = 0
    dropped: bool = False


class Borrowed:
    """Copies that a statement is about to read; ``release`` once the engine has begun it."""

    def __init__(self, owner: "TableCache", copies: list[Copy]) -> None:
        self._owner = owner
        self._copies = copies
        for copy in copies:
            copy.users += 1
            copy.served += 1

    def release(self) -> None:
        """Let the copies go: what the engine has begun to read stays until it has been read."""
        for copy in self._copies:
            copy.users -= 1
            self._owner.settle(copy)
        self._copies = []


class TableCache:
    """Which tables have copies, for all sessions. Lives on the event loop."""

    def __init__(
        self, store: CacheStore, size_bytes: int, executor: Executor,
        caught_up: Callable[[], Awaitable[None]] = nobody_else,
    ) -> None:  # fmt: skip
        """Keep copies of *size_bytes* in *store*, 0 for none; tables are looked up on *executor*, as by statements.

        *caught_up* is awaited for what other servers have written while a copy was made.
        """
        self._store, self._executor, self._caught_up = store, executor, caught_up
        self._size_bytes = size_bytes
        self._copies: OrderedDict[int, Copy] = OrderedDict()
        self._wishes: dict[int, Wish] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()
        # One that writes, which gives way to all else, and one that drops.
        self._writers, self._droppers = Executor(1), Executor(1)
        self._closing = False
        self.used = 0

    @property
    def reading(self) -> frozenset[Hashable]:
        """What is being copied now: something for each copy, that is another's when it has been made."""
        return self._writers.running

    def find(self, table: int) -> Copy | None:
        """Return the copy of a table (OID), if there is one."""
        return self._copies.get(table)

    def borrow(self, tables: list[int]) -> Borrowed:
        """Return the copies that there are of *tables*, kept as long as they are needed."""
        found = [(oid, copy) for oid in tables if (copy := self._copies.get(oid)) is not None]
        for oid, _ in found:
            self._copies.move_to_end(oid)
        return Borrowed(self, [copy for _, copy in found])

    def want(self, relation: Relation, schema: str, paths: list[str] | None) -> None:
        """Take note that a table without a copy is read, from the files *paths* where there is such a list."""
        wish = self._wish(relation.oid)
        wish.reads += 1
        if self._size_bytes and wish.reads >= wish.needed and not wish.settled:
            wish.settled = True
            self._begin(self._load(relation, schema, paths, wish))

    def anticipate(self, relation: Relation, schema: str, paths: list[str] | None) -> None:
        """Copy a table that nobody has asked for yet, where copies have paid off so far."""
        wish = self._wish(relation.oid)
        if self._size_bytes and wish.needed <= READS and not wish.settled and relation.oid not in self._copies:
            wish.settled = True
            self._begin(self._load(relation, schema, paths, wish))

    async def want_small(
        self, relation: Relation, schema: str, engine: DuckDbEngine, *, filled_only: bool = False
    ) -> None:
        """Copy a table at once, before it is read, if it has few rows and that has paid off so far.

        *filled_only* leaves one that has none.
        """
        wish = self._wish(relation.oid)
        if not self._size_bytes or wish.tried or READS * (wish.reads + 1) < wish.needed:
            return
        wish.tried, changes = not filled_only, wish.changes
        try:
            table = await engine.work(
                lambda: self._store.load_small(schema, relation.engine_table, filled_only=filled_only)
            )
        except SqlError as error:
            _log.warning("could not copy a table", extra={"table": relation.oid, "state": error.state.value})
            return
        if table is not None:
            await self._keep(relation, table, wish, changes)

    def forget(self, tables: frozenset[int]) -> None:
        """Take note that *tables* (OIDs) are being written or were."""
        for oid in tables:
            wish = self._wishes.get(oid)
            if wish is None:
                continue
            copy = self._copies.pop(oid, None)
            wish.changed(None if copy is None else copy.served, READS)
            if copy is not None:
                self._give_up(copy)

    def settle(self, copy: Copy) -> None:
        """Drop a copy that was given up, once nobody is about to read it."""
        if copy.dropped and not copy.users:
            self._begin(self._drop(copy.table))

    def restart(self) -> None:
        """Begin anew without copies: another instance has taken the place of the engine's."""
        self._copies.clear()
        self.used = 0
        self._store.close()

    async def rest(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Stop what is under way and take the copies away."""
        self._closing = True
        await self.rest()
        while self._copies:
            self._give_up(self._copies.popitem()[1])
        await self.rest()
        self._writers.close()
        self._droppers.close()
        self._store.close()

    def _wish(self, oid: int) -> Wish:
        return self._wishes.setdefault(oid, Wish(needed=READS))

    async def _load(self, relation: Relation, schema: str, paths: list[str] | None, wish: Wish) -> None:
        changes = wish.changes
        async with self._one_by_one:
            if changes != wish.changes or self._closing:
                return
            writing = Writing()
            table, order = relation.engine_table, _order(relation)
            try:
                # Who changes the lake's schema waits for what is looking tables up there: not for a thread that yields.
                used = self.used
                rows = await self._work(
                    self._executor, lambda: self._store.looked_up(schema, table, paths, order, used=used)
                )
                if rows is None:
                    return
                work = asyncio.ensure_future(self._work(self._writers, lambda: self._store.load(rows, writing)))
                while not (await asyncio.wait({work}, timeout=_LOOK_S))[0]:
                    if changes != wish.changes or self._closing:
                        writing.stop()
                copied = work.result()
            except Stopped:
                return
            except SqlError as error:
                # Dropped meanwhile, for one. Reads go on as they did.
                _log.warning("could not copy a table", extra={"table": relation.oid, "state": error.state.value})
                return
            if copied is not None:
                await self._keep(relation, copied, wish, changes)

    async def _work(self, executor: Executor, function: Callable[[], T]) -> T:
        engine = DuckDbEngine(self._store.cursor, executor)
        try:
            return await engine.work(function)
        finally:
            engine.close()

    async def _keep(self, relation: Relation, table: CachedTable, wish: Wish, changes: int) -> None:
        copy = Copy(table, unpadded(relation, table.unpadded))
        self.used += table.size_bytes
        try:
            await self._caught_up()
        except SqlError:
            self._give_up(copy)
            return
        if changes != wish.changes or relation.oid in self._copies or self._closing:
            # It was written meanwhile, or copied twice.
            self._give_up(copy)
            return
        self._copies[relation.oid] = copy
        _log.debug("cached a table", extra={"table": relation.oid, "bytes": table.size_bytes})
        while self.used > self._size_bytes or len(self._copies) > _MOST:
            oid, oldest = self._copies.popitem(last=False)
            self._wishes.pop(oid, None)
            self._give_up(oldest)

    def _give_up(self, copy: Copy) -> None:
        copy.dropped = True
        self.used -= copy.table.size_bytes
        self.settle(copy)

    async def _drop(self, table: CachedTable) -> None:
        try:
            await self._work(self._droppers, lambda: self._store.drop(table))
        except SqlError as error:
            # Its instance has failed.
            _log.debug("could not drop a copy", extra={"state": error.state.value})

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _order(relation: Relation) -> Order:
    """Return what a table's copy is sorted by: its sort key, or the first day or moment that its rows have.

    Reports ask for some time, and what else rows say of time is near that.
    """
    if relation.sorted_by:
        return Order(tuple(column.engine_name for column in relation.sorted_by), declared=True)
    return Order(tuple(column.engine_name for column in relation.columns if column.type.type.name in _TIMES)[:1])


def copies(warehouse: "Warehouse", hot_bytes: int, cache_bytes: int) -> tuple[HotTables, TableCache, Together]:
    """Return what holds copies of tables for *warehouse* in so many bytes of memory and of disk, and reads those."""
    database, caught_up = warehouse.database, warehouse.caught_up
    hot = HotTables(HotStore(database, hot_bytes, install_functions), warehouse.connect, hot_bytes, caught_up)
    cache = TableCache(CacheStore(database, cache_bytes), cache_bytes, warehouse.executor, caught_up)
    return hot, cache, Together(hot.store.cursor, warehouse.executor)
