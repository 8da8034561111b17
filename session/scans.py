"""Reads that skip the lake's planning: scans over the files that are known to hold a table's rows.

Only for a statement that is a transaction of its own and writes nothing, so that "now" is its snapshot.
What is known of a table is forgotten when a transaction that wrote it commits; all of one statement's
tables are looked at in one turn of the event loop, so they belong to one moment.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from catalog.model import CatalogState, Relation, Schema
from core.names import literal
from engine.cursors import DuckDbEngine
from session.hot import HotTables, Taken
from session.rewriting import substituted
from storage import scans
from storage.database import Database

_TRIES: Final = 3
# Columns of one table and nothing else.
_PLAIN: Final = re.compile(
    r'SELECT (?:"(?:[^"]|"")*"\."(?:[^"]|"")*" AS "(?:[^"]|"")*"(?:, | ))+FROM lake\.[^\s()]+ AS "(?:[^"]|"")*"'
    r"(?: LIMIT \d+)?"
)


class Scans:
    """What is known of the tables' files, for all sessions."""

    def __init__(self, database: Database, hot: HotTables, caught_up: Callable[[], Awaitable[None]]) -> None:
        """Look into *database*'s catalog on a connection of its own, made when first wanted.

        *caught_up* is awaited for what other servers have written meanwhile.
        """
        self._database, self._caught_up = database, caught_up
        self._hot = hot
        self._changing: frozenset[int] = frozenset()
        self._known: dict[int, str | None] = {}
        self.changes = 0
        """How many times tables were written; every commit counts twice, when it begins and when it has ended."""
        self._changed: dict[int, int] = {}

    def changed(self, tables: Iterable[int]) -> int | None:
        """Return what ``changes`` was when one of *tables* was last written, None while one is being written."""
        if not self._changing.isdisjoint(tables):
            return None
        return max((self._changed.get(oid, 0) for oid in tables), default=0)

    def forget(self, tables: frozenset[int]) -> None:
        """Take note that *tables* (OIDs) were written."""
        self.changes += 1
        for oid in tables:
            self._known.pop(oid, None)
            self._changed[oid] = self.changes
        self._hot.forget(tables)

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

    def copied(self, sql: str, tables: frozenset[int], state: CatalogState) -> Taken | None:
        """Return *sql* reading copies in memory where all of *tables* have one, None otherwise."""
        return None if tables & self._changing else self._hot.take(sql, tables, state)

    async def rewritten(self, sql: str, tables: frozenset[int], state: CatalogState, engine: DuckDbEngine) -> str:
        """Return *sql* reading files where the tables that it names allow that."""
        if tables & self._changing:
            return sql
        relations = [item for oid in tables if isinstance(item := state.objects.get(oid), Relation)]
        for _ in range(_TRIES):
            unknown = [item for item in relations if item.oid not in self._known and not item.temporary]
            if not unknown:
                break
            for item in unknown:
                await self._learn(item, state, engine)
        stored = [item for item in relations if not item.temporary]
        known = {item.engine_name: scan for item in stored if (scan := self._known.get(item.oid)) is not None}
        # All or none: DuckLake would take the snapshot of the others later than these files were looked up.
        return substituted(sql, known) if stored and len(known) == len(stored) else sql

    def is_plain(self, sql: str) -> bool:
        """Tell whether *sql* does nothing with rows but send them, from files that the second instance can read.

        There one thread reads, which is what keeps pace with one client, and takes a third less of the processor.
        """
        return self._hot.store.reads_files and _PLAIN.fullmatch(sql) is not None

    def reads(self, table: int, path: str) -> bool:
        """Tell whether the file *path* is known to hold rows of *table* (OID)."""
        return bool(path) and literal(path) in (self._known.get(table) or "")

    async def _learn(self, relation: Relation, state: CatalogState, engine: DuckDbEngine) -> None:
        schema = state.objects.get(relation.schema)
        if not isinstance(schema, Schema):
            return
        changes = self.changes

        def look() -> str | None:
            paths = scans.files(self._database, schema.engine_name, relation.engine_table)
            return None if paths is None else scans.sql(paths)

        found = await engine.work(look)
        await self._caught_up()
        # Something was committed meanwhile, perhaps to this table: look again another time.
        if changes == self.changes:
            self._known[relation.oid] = found
