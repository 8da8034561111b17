"""Reads that skip the lake's planning: scans over the files that are known to hold a table's rows.

Only for a statement that writes nothing and whose transaction sees of its tables what is committed now
(``session.present``). What is known of a table is forgotten when a transaction that wrote it commits; all of one
statement's tables are looked at in one turn of the event loop, so they belong to one moment.
"""

import itertools
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from catalog.model import CatalogState, Relation, Schema
from engine.cursors import DuckDbEngine
from session.hot import HotTables, Taken
from session.rewriting import substituted
from session.table_cache import Borrowed, TableCache
from sql.blanks import without
from sql.shapes import Gapped
from storage import scans
from storage.database import Database

_TRIES: Final = 3
_MIXED: Final = 2
_NEVER: Final = itertools.repeat(0)
"""When a table was written of which nothing is known."""
_LONG_SQL: Final = 100_000
"""Characters of a statement in which it takes too long to put files in the place of tables."""
# Columns of one table and nothing else.
_PLAIN: Final = re.compile(
    r'SELECT (?:"(?:[^"]|"")*"\."(?:[^"]|"")*" AS "(?:[^"]|"")*"(?:, | ))+FROM lake\.[^\s()]+ AS "(?:[^"]|"")*"'
    r"(?: LIMIT \d+)?"
)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A statement as it is run; ``release`` once the engine has begun it."""

    sql: str
    borrowed: Borrowed | None = None

    def release(self) -> None:
        """Let the copies go that it reads."""
        if self.borrowed is not None:
            self.borrowed.release()


class Scans:
    """What is known of the tables' files, for all sessions."""

    def __init__(
        self, database: Database, hot: HotTables, cache: TableCache, caught_up: Callable[[], Awaitable[None]]
    ) -> None:
        """Look into *database*'s catalog on a connection of its own, made when first wanted.

        *caught_up* is awaited for what other servers have written meanwhile.
        """
        self._database, self._caught_up = database, caught_up
        self._hot, self._cache = hot, cache
        self._changing: frozenset[int] = frozenset()
        self._known: dict[int, list[str] | None] = {}
        self.changes = 0
        """How many times tables were written; every commit counts twice, when it begins and when it has ended."""
        self._changed: dict[int, int] = {}

    def changed(self, tables: Iterable[int]) -> int | None:
        """Return what ``changes`` was when one of *tables* was last written, None while one is being written."""
        if not self._changing.isdisjoint(tables):
            return None
        return max([0, *map(self._changed.get, tables, _NEVER)])

    def forget(self, tables: frozenset[int]) -> None:
        """Take note that *tables* (OIDs) were written."""
        self.changes += 1
        for oid in tables:
            self._known.pop(oid, None)
            self._changed[oid] = self.changes
        self._hot.forget(tables)
        self._cache.forget(tables)

    @contextmanager
    def changing(self, tables: frozenset[int]) -> Iterator[None]:
        """Let *tables* be read through the lake only while a transaction that wrote them commits.

        Nobody can tell then whether a reader will see it; but who has seen it must not see what was before.
        Commits come one at a time.
        """
        self._changing = tables
        self.forget(tables)
        try:
            yield
        finally:
            self._changing = frozenset()
            self.forget(tables)

    def copied(self, text: Gapped, tables: frozenset[int], state: CatalogState) -> Taken | None:
        """Return engine SQL reading copies in memory where all of *tables* have one, None otherwise."""
        if tables & self._changing or text.size > _LONG_SQL:
            return None
        return self._hot.take(text, tables, state)

    async def rewritten(
        self, sql: str, tables: frozenset[int], state: CatalogState, engine: DuckDbEngine, still: Callable[[], bool], *,
        streamed: bool = False,
    ) -> Rewritten:  # fmt: skip
        """Return *sql* reading copies and files where the tables that it names allow that.

        *still* tells whether what is committed of them now may be read. What is only *streamed* reads files, which the
        second instance has, too.
        """
        stored = [item for oid in tables if isinstance(item := state.objects.get(oid), Relation) and not item.temporary]
        if not stored or tables & self._changing or len(sql) > _LONG_SQL:
            return Rewritten(sql)
        await self._look_up(stored, state, engine, streamed=streamed)
        # From here on in one turn of the event loop, so that all of them belong to one moment.
        if tables & self._changing or not still():
            return Rewritten(sql)
        known = {item.engine_name: place for item in stored if (place := self._place(item.oid, streamed)) is not None}
        if not streamed:
            self._want([item for item in stored if self._cache.find(item.oid) is None], state)
        # All or none: DuckLake would take the snapshot of the others later than these files were looked up.
        if len(known) < len(stored):
            return Rewritten(sql)
        if streamed:
            return Rewritten(substituted(sql, known))
        copies = {item.oid: copy for item in stored if (copy := self._cache.find(item.oid)) is not None}
        known |= without(sql, {oid: copy.unpadded for oid, copy in copies.items()})
        return Rewritten(substituted(sql, known), self._cache.borrow(list(copies)))

    async def _look_up(
        self, stored: list[Relation], state: CatalogState, engine: DuckDbEngine, *, streamed: bool
    ) -> None:
        if not streamed and len(stored) >= _MIXED:
            await self.copy_small(stored, state, engine)
        for _ in range(_TRIES):
            unknown = [item for item in stored if not (self._place(item.oid, streamed) or item.oid in self._known)]
            if not unknown:
                return
            for item in unknown:
                await self._learn(item, state, engine)

    def _place(self, table: int, streamed: bool) -> str | None:
        """Return what is read in place of a table; None where nothing is known of it, or it has no list of files."""
        copy = None if streamed else self._cache.find(table)
        if copy is not None:
            return copy.table.name
        paths = self._known.get(table)
        return None if paths is None else scans.sql(paths)

    async def copy_small(
        self, stored: list[Relation], state: CatalogState, engine: DuckDbEngine, *, filled_only: bool = False
    ) -> None:
        """Copy tables that have no list of files, if they have few rows, so that the others can be read from theirs.

        *filled_only* leaves those that have none.
        """
        for item in stored:
            schema = state.objects.get(item.schema)
            if isinstance(schema, Schema) and self._cache.find(item.oid) is None and not self._known.get(item.oid):
                if item.oid not in self._known:
                    await self._learn(item, state, engine)
                if self._known.get(item.oid) is None:
                    await self._cache.want_small(item, schema.engine_name, engine, filled_only=filled_only)

    def _want(self, stored: list[Relation], state: CatalogState) -> None:
        for item in stored:
            schema = state.objects.get(item.schema)
            if isinstance(schema, Schema):
                self._cache.want(item, schema.engine_name, self._known.get(item.oid))

    async def anticipate(self, relation: Relation, state: CatalogState, engine: DuckDbEngine) -> None:
        """Have a table copied before it is read."""
        schema = state.objects.get(relation.schema)
        if relation.oid not in self._known:
            await self._learn(relation, state, engine)
        if isinstance(schema, Schema) and relation.oid not in self._changing:
            self._cache.anticipate(relation, schema.engine_name, self._known.get(relation.oid))

    def is_plain(self, sql: str) -> bool:
        """Tell whether *sql* does nothing with rows but send them, from files that the second instance can read.

        There one thread reads, which is what keeps pace with one client, and takes a third less of the processor.
        """
        return self._hot.store.reads_files and _PLAIN.fullmatch(sql) is not None

    def reads(self, table: int, path: str) -> bool:
        """Tell whether *path*, of a file or a copy, is known to hold rows of *table* (OID)."""
        copy = self._cache.find(table)
        return path in (self._known.get(table) or ()) or (copy is not None and path == copy.table.name)

    async def _learn(self, relation: Relation, state: CatalogState, engine: DuckDbEngine) -> None:
        schema = state.objects.get(relation.schema)
        if not isinstance(schema, Schema):
            return
        changes = self.changes

        def look() -> list[str] | None:
            return scans.files(self._database, schema.engine_name, relation.engine_table)

        found = await engine.work(look)
        await self._caught_up()
        # Something was committed meanwhile, perhaps to this table: look again another time.
        if changes == self.changes:
            self._known[relation.oid] = found
