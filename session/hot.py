"""Hot tables: small tables that are read often are kept as copies which answer short reads.

Like ``session.scans`` this is for statements that write nothing and whose transaction sees what is committed now. A
copy holds what was committed when it was made, and is not read any more from the moment on at which a transaction
that wrote its table begins to commit.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from catalog.model import CatalogState, Relation, Schema
from core.errors import SqlError
from core.names import quote
from engine.cursors import DuckDbEngine
from engine.executor import Executor
from engine.together import Together
from session.again import Asked, Place, Types, asked
from session.rewriting import reading
from sql.shapes import Gapped
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
_TOGETHER_MAX: Final = 500
_TEXT_MAX: Final = 10_000
INDEX_READS: Final = 200
"""Reads that a copy has served when an index on what is asked for is worth making: it takes as long as these save."""
INDEX_ROWS: Final = 20_000
"""Rows of such a copy at least: reads at once are joined with what they ask for, and look into it."""
FOUND_ROWS: Final = 150_000
"""Rows from which on a read alone does, too: of fewer a kept plan that looks at all takes no longer."""
_INDEX_BYTES: Final = 48
"""What an index takes for a row."""
_INDEXES_MAX: Final = 2


@dataclass(slots=True)
class _Copy:
    table: HotTable
    unpadded: frozenset[int] = frozenset()
    """The numbers of columns of strings of which it is known that no value ends in a blank."""
    served: int = 0
    users: int = 0
    dropped: bool = False
    indexes: dict[str, bool] = field(default_factory=dict)
    """The columns that an index was wanted on, and whether it is there."""

    @property
    def index_bytes(self) -> int:
        return _INDEX_BYTES * self.table.rows

    @property
    def size_bytes(self) -> int:
        return self.table.size_bytes + self.index_bytes * sum(self.indexes.values())


@dataclass(slots=True)
class Wish:
    """How often a table was asked for since it last changed, and how often it takes."""

    reads: int = 0
    needed: int = READS
    settled: bool = False
    """Whether it is being copied, or cannot be."""
    tried: bool = False
    """Whether it is not among the tables of few rows, or is copied as such."""
    unfit: bool = False
    """Whether it cannot be copied, so that copies of what it is read with would be of no use."""
    changes: int = 0

    def changed(self, served: int | None, first: int) -> None:
        """Take note that the table is written, and that its copy served so many reads, None where there was none.

        *first* is how many reads it takes where copies are worth it.
        """
        self.reads, self.settled, self.tried, self.unfit = 0, False, False, False
        self.changes += 1
        if served is not None:
            self.needed = first if served >= _WORTH * self.needed else min(2 * self.needed, _READS_MAX)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A table that is to be copied as it is: what changed it meanwhile is seen by its wish."""

    relation: Relation
    schema: str
    """The lake's name of its schema."""
    wish: Wish
    changes: int

    @property
    def changed(self) -> bool:
        return self.changes != self.wish.changes


class Taken:
    """A statement that reads copies; ``release`` once the engine has begun it."""

    def __init__(self, owner: "HotTables", text: Gapped, copies: Sequence[_Copy]) -> None:
        self.text = text
        self._owner = owner
        self._copies = copies

    def finds(self, column: str) -> bool:
        """Tell whether the engine finds rows by *column*, which the statement asks for, empty for none."""
        return bool(column) and len(self._copies) == 1 and self._owner.indexed(self._copies[0], column)

    def release(self) -> None:
        """Let the copies go: what the engine has begun to read stays until it has been read."""
        for copy in self._copies:
            copy.users -= 1
            if copy.dropped:
                self._owner.settle(copy)


def unpadded(relation: Relation, names: frozenset[str]) -> frozenset[int]:
    """Return the numbers of the columns of *relation* that are called, as engine SQL has it, one of *names*."""
    return frozenset(column.number for column in relation.columns if quote(column.engine_name) in names)


async def nobody_else() -> None:
    """Take in what other servers have written, where there are none."""
    return


class HotTables:
    """Which tables are hot, for all sessions. Lives on the event loop."""

    def __init__(
        self, store: HotStore, connect: Callable[[], DuckDbEngine], memory_bytes: int,
        caught_up: Callable[[], Awaitable[None]] = nobody_else,
    ) -> None:  # fmt: skip
        """Keep copies of *memory_bytes* in *store*, 0 for none, made on connections that *connect* opens.

        *caught_up* is awaited for what other servers have written while a copy was made.
        """
        self.store, self._caught_up = store, caught_up
        self._connect = connect
        self._memory_bytes = memory_bytes
        self._copies: OrderedDict[int, _Copy] = OrderedDict()
        self._together: dict[frozenset[int], tuple[CatalogState, list[tuple[int, str, _Copy]]]] = {}
        """The copies that statements have read, by their tables; until one of any goes."""
        self._texts: dict[tuple[frozenset[int], Gapped], Gapped] = {}
        """What statements that read them have become; until then, and as long as the tables are called the same."""
        self._wishes: dict[int, Wish] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_by_one = asyncio.Lock()
        self._used = 0

    def take(self, text: Gapped, tables: frozenset[int], state: CatalogState) -> Taken | None:
        """Return engine SQL reading copies where there is one of each of *tables*; None otherwise."""
        known = self._together.get(tables)
        if known is None or known[0] is not state:
            found = self._found(tables, state) if self._memory_bytes else None
            if found is None:
                return None
            if len(self._together) >= _TOGETHER_MAX:
                self._together.clear()
            known = self._together[tables] = state, found
            self._texts.clear()
        copies = known[1]
        for oid, _, copy in copies:
            self._copies.move_to_end(oid)
            copy.served += 1
            copy.users += 1
        read = self._texts.get((tables, text))
        if read is None:
            names = {name: copy.table.name for _, name, copy in copies}
            read = reading(text, names, {oid: copy.unpadded for oid, _, copy in copies})
            if len(self._texts) >= _TOGETHER_MAX:
                self._texts.clear()
            if text.size <= _TEXT_MAX:
                self._texts[tables, text] = read
        return Taken(self, read, [copy for _, _, copy in copies])

    def _found(self, tables: frozenset[int], state: CatalogState) -> list[tuple[int, str, _Copy]] | None:
        """Return the copies of *tables* with what these are called; None, and wishes, where one is missing."""
        relations = [item for oid in tables if isinstance(item := state.objects.get(oid), Relation)]
        if len(relations) < len(tables) or any(item.temporary or not item.engine_name for item in relations):
            return None
        if missing := [item for item in relations if item.oid not in self._copies]:
            self._want(missing, state)
        found = [(item.oid, item.engine_name, self._copies.get(item.oid)) for item in relations]
        copied = [(oid, name, copy) for oid, name, copy in found if copy is not None]
        return copied if len(copied) == len(tables) else None

    def forget(self, tables: frozenset[int]) -> None:
        """Take note that *tables* (OIDs) are being written or were."""
        for oid in tables:
            wish = self._wishes.get(oid)
            if wish is None:
                continue
            copy = self._copies.pop(oid, None)
            self._together.clear()
            wish.changed(None if copy is None else copy.served, READS)
            if copy is not None:
                self._give_up(copy)

    def settle(self, copy: _Copy) -> None:
        """Drop a copy that was given up, once nobody is about to read it."""
        if copy.dropped and not copy.users:
            self._begin(self._drop(copy.table))

    def indexed(self, copy: _Copy, column: str) -> bool:
        """Tell whether *copy* has an index on *column* for who reads alone; one that is worth it is begun."""
        known = copy.indexes.get(column)
        if known is None and copy.served >= INDEX_READS:
            copy.indexes[column] = False
            room = self._used + copy.index_bytes <= self._memory_bytes and len(copy.indexes) <= _INDEXES_MAX
            if room and copy.table.rows >= INDEX_ROWS and copy.table.has_key(column):
                copy.users += 1
                self._begin(self._index(copy, column))
        return known is True and copy.table.rows >= FOUND_ROWS

    async def _index(self, copy: _Copy, column: str) -> None:
        try:
            async with self._one_by_one:
                if copy.dropped:
                    return
                await self._work(lambda: self.store.index(copy.table, column))
                if any(kept is copy for kept in self._copies.values()):
                    copy.indexes[column] = True
                    self._used += copy.index_bytes
        except SqlError as error:
            # Reads go on as they did.
            _log.warning("could not make an index", extra={"table": copy.table.name, "state": error.state.value})
        finally:
            copy.users -= 1
            self.settle(copy)

    def restart(self) -> None:
        """Begin anew without copies: their instance has failed."""
        self._copies.clear()
        self._together.clear()
        self._wishes.clear()
        self._used = 0
        self.store.restart()

    async def rest(self) -> None:
        """Wait for what is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Wait for what is under way and give the memory back."""
        await self.rest()
        self.store.close()

    def _want(self, relations: list[Relation], state: CatalogState) -> None:
        """Take note that tables without copies were read together: who reads copies reads nothing else."""
        wishes = [self._wishes.setdefault(item.oid, Wish()) for item in relations]
        if any(wish.unfit for wish in wishes):
            return
        for wish in wishes:
            wish.reads += 1
        if not all(wish.settled or wish.reads >= wish.needed for wish in wishes):
            return
        wanted = []
        for item, wish in zip(relations, wishes, strict=True):
            schema = state.objects.get(item.schema)
            if not wish.settled and isinstance(schema, Schema):
                wish.settled = True
                wanted.append(_Wanted(item, schema.engine_name, wish, wish.changes))
        if wanted:
            self._begin(self._load_together(wanted))

    async def _load_together(self, wanted: list[_Wanted]) -> None:
        try:
            small = len(wanted) == 1 or await self._all_small(wanted)
        except SqlError as error:
            # Dropped meanwhile, for one. Reads go on as they did.
            _log.warning("could not look for tables' rows", extra={"state": error.state.value})
            return
        for each in wanted:
            if small:
                await self._load(each)
            elif not each.changed:
                each.wish.settled = each.wish.unfit

    async def _all_small(self, wanted: list[_Wanted]) -> bool:
        """Tell whether none of the tables has too many rows; note which have."""
        for each in wanted:
            rows = await self._work(partial(self.store.rows, each.schema, each.relation.engine_table))
            each.wish.unfit = rows > ROWS_MAX and not each.changed
        return not any(each.wish.unfit for each in wanted)

    async def _load(self, wanted: _Wanted) -> None:
        relation = wanted.relation
        async with self._one_by_one:
            if wanted.changed:
                return
            limit = self._memory_bytes // _SHARE
            load = partial(self.store.load, wanted.schema, relation.engine_table, ROWS_MAX, limit)
            try:
                table = await self._work(load)
            except SqlError as error:
                # Dropped meanwhile, for one. Reads go on as they did.
                _log.warning("could not copy a table", extra={"table": relation.oid, "state": error.state.value})
                return
            if table is None:
                wanted.wish.unfit = not wanted.changed
                return
            copy = _Copy(table, unpadded(relation, table.unpadded))
            self._used += table.size_bytes
            try:
                await self._caught_up()
            except SqlError:
                self._give_up(copy)
                return
        if wanted.changed:
            # It was written meanwhile.
            self._give_up(copy)
            return
        self._copies[relation.oid] = copy
        _log.debug("copied a table", extra={"table": relation.oid, "bytes": table.size_bytes})
        while self._used > self._memory_bytes:
            oid, oldest = self._copies.popitem(last=False)
            self._together.clear()
            self._wishes.pop(oid, None)
            self._give_up(oldest)

    def _give_up(self, copy: _Copy) -> None:
        copy.dropped = True
        self._used -= copy.size_bytes
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

    def __init__(self, store: HotStore, executor: Executor, together: Together) -> None:
        """Connect to *store* and work on *executor*'s threads, or *together* with other sessions."""
        self._store = store
        self._executor = executor
        self._engine: DuckDbEngine | None = None
        self._zone = "UTC"
        self.together = together

    async def ready(self, zone: str) -> DuckDbEngine:
        """Return the connection, its time zone being *zone*."""
        if self._engine is None:
            self._engine = DuckDbEngine(self._store.cursor, self._executor)
        if zone != self._zone:
            await self._engine.run(f"SET TimeZone = '{zone}'")
            self._zone = zone
        return self._engine

    def asked(self, text: Gapped, types: Types, values: Sequence[str], *, indexed: bool) -> Asked | None:
        """Return a read of copies as one that plans can be kept for (``session.again``)."""
        return asked(Place(self.together, self._store.version, self._zone), text, types, values, indexed=indexed)

    def restart(self) -> None:
        """Connect anew when it is wanted again."""
        if self._engine is not None:
            self._engine.abandon()
            self._engine = None
            self._zone = "UTC"

    def interrupt(self, reason: SqlError) -> None:
        """Stop what runs now with *reason*."""
        if self._engine is not None:
            self._engine.interrupt(reason)

    def close(self) -> None:
        """Give the connections back."""
        if self._engine is not None:
            self._engine.close()
