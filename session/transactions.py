"""The transaction of one session: idle, open or failed, and what its end means below.

PostgreSQL, section 55.2.2.1: several statements of one simple query, or of one extended batch up to Sync,
share an implicit transaction; BEGIN makes it a block. The engine's own transaction is begun late, at the
first statement of a block that reads or at the first write, because that is when the snapshot is taken:
a writer that had to wait for its table's lock then starts from what its predecessor left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from catalog.model import CatalogState, Relation, Schema
from catalog.store import Changes
from core.errors import Canceled, SqlError
from core.sqlstate import SqlState
from engine.cursors import DuckDbEngine
from session.fleet import commits
from session.fleet.views import View
from session.lake_schema import DDL, DROPPED
from session.locks import Mode
from session.serializability import Footprint
from session.settings import Settings
from storage import lake
from storage.metastore import STREAM, Entry

if TYPE_CHECKING:
    from session.session import Session
    from session.warehouse import Warehouse


class Status(StrEnum):
    """What ReadyForQuery tells of the session's transaction."""

    IDLE = "I"
    OPEN = "T"
    FAILED = "E"


class Transaction:
    """The state of one session's transaction, and the session's own (temporary) catalog objects."""

    def __init__(self, owner: int, warehouse: "Warehouse", engine: DuckDbEngine, settings: Settings) -> None:
        """Start idle; *owner* is the session's number, under which it holds locks."""
        self.owner = owner
        self.number: int = 0
        self.started: datetime = warehouse.clock.now()
        self.status = Status.IDLE
        self.temporaries = Changes()
        self.changes = Changes()
        self.wrote = False
        self.commands = 0
        """How many statements it has begun."""
        self.opened = 0
        """What ``Scans.changes`` was when the engine's transaction began."""
        self.held = False
        """Whether a procedure's statements share one moment, as a block's do."""
        self.filled: dict[str, object] = {}
        """What the connection's copies of the system views' sources were made for."""
        self.last: Callable[[], Awaitable[None]] | None = None
        """What must be done elsewhere when it commits, before anything here; nothing may follow in the transaction."""
        self._warehouse = warehouse
        self._engine = engine
        self._settings = settings
        self._running = False
        self._engine_open = False
        self._footprint: Footprint | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._reason: SqlError | None = None
        self._written = self._read = frozenset[int]()
        self._reserved: dict[int, tuple[Entry, int]] = {}
        self._refreshed: dict[int, int | None] = {}
        self._streamed: dict[int, str | None] = {}
        self._dropped: dict[int, str] = {}
        self._altering = False
        self.view = View(warehouse.fleet)
        self._seen: tuple[tuple[int, int, int], CatalogState] | None = None

    @property
    def state(self) -> CatalogState:
        """The catalog as this transaction sees it: what is committed, and its own changes."""
        newest = self._warehouse.store.state
        if not self.changes and not self.temporaries:
            return newest
        token = self.token
        if self._seen is None or self._seen[0] != token:
            self._seen = (token, self.changes.over(self.temporaries.over(newest)))
        return self._seen[1]

    @property
    def token(self) -> tuple[int, int, int]:
        """A value that is equal exactly while ``state`` is: for caches of this session."""
        return (self._warehouse.store.state.version, self.temporaries.serial, self.changes.serial)

    @property
    def private(self) -> bool:
        """Whether ``state`` holds objects that no other session sees."""
        return bool(self.changes or self.temporaries)

    @property
    def session(self) -> "Session | None":
        """The session that it belongs to, as long as that is open."""
        return self._warehouse.sessions.get(self.owner)

    @property
    def block(self) -> bool:
        """Whether BEGIN was given."""
        return self.status is not Status.IDLE

    @property
    def failed(self) -> bool:
        """Whether the block waits for its end after an error."""
        return self.status is Status.FAILED

    @property
    def single(self) -> bool:
        """Whether a statement would be a transaction of its own: no block, nothing written before it."""
        return not self._engine_open and self.status is Status.IDLE and not self.held

    @property
    def running(self) -> bool:
        """Whether a transaction is open, a block or an implicit one."""
        return self._running

    @property
    def serializable(self) -> bool:
        """Whether the transaction asks for SERIALIZABLE."""
        return self._settings.get("transaction_isolation") == "serializable"

    def start(self) -> None:
        """Enter an implicit transaction where none is open."""
        if not self._running:
            self._running = True
            self.commands = 0
            self.number = self._warehouse.next_transaction()
            self.started = self._warehouse.clock.now()
            self._settings.begin()

    def open_block(self) -> None:
        """BEGIN."""
        self.start()
        self.status = Status.OPEN

    async def reading(self, relations: frozenset[int]) -> None:
        """Prepare for a statement that reads *relations* (OIDs): locks, and a block's snapshot."""
        self._warehouse.replication.refuse_barred(relations)
        if self._warehouse.fleet is None:
            for oid in relations:
                await self.lock(oid, Mode.ACCESS_SHARE)
        self.view.reads(relations)
        if self.status is Status.OPEN or self.held:
            await self._open_engine()
        self._read |= relations

    async def writing(self, relations: frozenset[int], mode: Mode = Mode.SHARE_ROW_EXCLUSIVE) -> None:
        """Prepare for a statement that writes *relations* (OIDs)."""
        if self._settings.on("transaction_read_only"):
            raise SqlError(SqlState.READ_ONLY_SQL_TRANSACTION, "transaction is read-only")
        for oid in sorted(relations):
            await self.lock(oid, mode)
        await self._open_engine()
        self.wrote = True
        self._written |= relations
        self.view.reads(relations)

    async def lock(self, key: Hashable, mode: Mode) -> None:
        """Take a lock to the end of the transaction; a wait can be interrupted and has a time-out."""
        locks = self._warehouse.locks
        if locks.try_acquire(self.owner, key, mode):
            return
        session = self.session
        paused = session is not None and session.admission.pause()
        await self._wait_for(key, mode)
        if session is not None and paused:
            await session.admission.resume()

    async def _wait_for(self, key: Hashable, mode: Mode) -> None:
        locks = self._warehouse.locks
        self._waiting = asyncio.ensure_future(locks.acquire(self.owner, key, mode))
        limit = self._settings.number("lock_timeout") / 1_000 or None
        try:
            async with asyncio.timeout(limit):
                await self._waiting
        except TimeoutError:
            raise SqlError(SqlState.LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout") from None
        except asyncio.CancelledError:
            reason, self._reason = self._reason, None
            if reason is not None:
                raise reason from None
            raise
        finally:
            self._waiting = None

    async def alter_lake(self) -> None:
        """Prepare for a statement that changes the lake's own schema: one transaction at a time, to its end."""
        await self.lock(DDL, Mode.ACCESS_EXCLUSIVE)
        await self._warehouse.lake_schema.taken()
        self._altering = True
        if self._dropped:
            await self._drop_tables(self._dropped)
            self._dropped = {}

    async def drop_tables(self, tables: dict[int, str]) -> None:
        """Drop physical tables of the lake (OID → engine name): now, or after the commit where others alter it."""
        if not tables:
            return
        # Waiting for a transaction could be for ever: a client may wait for its own other connection.
        lake_schema = self._warehouse.lake_schema
        if self._altering or (lake_schema.passing and not lake_schema.large):
            await self.alter_lake()
            await self._drop_tables(tables)
        else:
            self._dropped |= tables

    async def _drop_tables(self, tables: dict[int, str]) -> None:
        await self._engine.script([sql for name in tables.values() for sql in lake.drop_table(name)])

    def reserve(self, table: int, step: int, rows: int) -> None:
        """Count *rows* IDENTITY values of *table* as used, to be written down with the commit."""
        mark = self._warehouse.identity(table, 1).mark
        entry = self._warehouse.reserve(table, step, rows)
        if entry is not None:
            first = self._reserved.get(table)
            self._reserved[table] = (entry, first[1] if first else mark)

    @property
    def written(self) -> frozenset[int]:
        """The tables (OIDs) that this transaction has written so far."""
        return self._written

    def refreshed(self, view: int, snapshot: int | None) -> None:
        """Note the snapshot that a materialized view's rows are made from, None for no committed one."""
        self._refreshed[view] = snapshot

    def streamed(self, view: int, position: str | None) -> None:
        """Note up to where a materialized view has taken its stream in, None for a view that goes."""
        self._streamed[view] = position

    def position(self, view: int) -> str | None:
        """Return up to where a materialized view has taken its stream in, None for not at all."""
        return self._streamed[view] if view in self._streamed else self._warehouse.streamed.get(view)

    def interrupt(self, reason: Canceled) -> None:
        """End a wait for a lock with *reason*."""
        if self._waiting is not None:
            self._reason = reason
            self._waiting.cancel()

    async def commit(self) -> None:
        """End the transaction, keeping what it did; raises and rolls back where that is refused."""
        try:
            if self.last is not None:
                await self.last()
            await self._commit()
        except BaseException:
            await self.rollback()
            raise
        self._finish(committed=True)

    async def rollback(self) -> None:
        """End the transaction, undoing what it did."""
        await self._undo()
        self._finish(committed=False)

    async def fail(self) -> None:
        """Take note of an error: a block waits for its end as failed, anything else is over."""
        if self.status is Status.OPEN:
            self.status = Status.FAILED
            self._altering = False
            await self._undo()
            self._warehouse.locks.release_all(self.owner)
        elif self.status is Status.IDLE and self._running:
            await self.rollback()

    async def break_off(self, reason: SqlError) -> None:
        """Undo what is open in the engine: a block waits for its end as failed, and a statement that runs fails."""
        if self._engine_open:
            if self.status is Status.OPEN:
                self.status = Status.FAILED
            await self._undo()
            if self.session is not None and self.session.active:
                self._engine.barred = reason

    async def _open_engine(self) -> None:
        if self._engine_open:
            return
        if not self._altering:
            await self._warehouse.lake_schema.read()
        self.opened = self._warehouse.scans.changes
        self.view.begin()
        await self._engine.run("BEGIN")
        self._engine_open = True
        if self.serializable:
            self._footprint = self._warehouse.graph.begin(self.number)

    async def _commit(self) -> None:
        if not self._engine_open:
            self._publish()
            return
        warehouse = self._warehouse
        if self._footprint is not None:
            self._footprint.reads, self._footprint.writes = self._read, self._written
        if not self.wrote:
            commits.agree_to_read(warehouse, self._footprint)
            await self._engine.run("COMMIT")
            return
        async with warehouse.commit_lock:
            try:
                await commits.agree(warehouse, self.owner, self._footprint, self.view.since)
            except SqlError:
                warehouse.recorder.conflict(self)
                raise
            entries = [Entry(item.kind, item.oid, item.body) for item in self._permanent().entries()]
            entries += [entry for entry, _ in self._reserved.values()]
            entries += [warehouse.refresh_entry(view, snapshot) for view, snapshot in self._refreshed.items()]
            entries += [Entry(STREAM, view, position) for view, position in self._streamed.items()]
            entries += [Entry(DROPPED, oid, name) for oid, name in self._dropped.items()]
            connection = self._engine.connection

            def finish() -> None:
                warehouse.metastore.append(connection, entries)
                connection.execute("COMMIT")

            with warehouse.graph.settling(), warehouse.scans.changing(self._written):
                await commits.finish(warehouse.fleet, self._engine, finish, self.view.since)
            self._engine_open = False
            warehouse.note_refreshes(self._refreshed, self._streamed)
            self._publish()
        warehouse.upkeep.note(self._written)
        warehouse.lake_schema.remove(self._dropped)

    def _permanent(self) -> Changes:
        mine = Changes()
        mine.puts = {oid: item for oid, item in self.changes.puts.items() if not _temporary(item)}
        mine.drops = {oid: kind for oid, kind in self.changes.drops.items() if oid not in self.temporaries.puts}
        return mine

    def _publish(self) -> None:
        if not self.changes:
            return
        permanent = self._permanent()
        for oid, item in self.changes.puts.items():
            if oid not in permanent.puts:
                self.temporaries.put(item)
        gone = [item for oid, item in self.temporaries.puts.items() if oid in self.changes.drops]
        for item in gone:
            del self.temporaries.puts[item.oid]
            self.temporaries.serial += 1
        if permanent:
            self._warehouse.recorder.users(self, self._warehouse.store.state, permanent)
            self._warehouse.publish(permanent)

    async def _undo(self) -> None:
        self._engine.barred = None
        self.last = None
        self._forget_changes()
        for table, (_, mark) in self._reserved.items():
            self._warehouse.unreserve(table, mark)
        self._reserved.clear()
        self._refreshed.clear()
        self._streamed.clear()
        self._dropped = {}
        if self._footprint is not None:
            self._warehouse.graph.forget(self._footprint)
            self._footprint = None
        if self._engine_open:
            self._engine_open = False
            await self._engine.rollback()
            self.filled.clear()

    def _forget_changes(self) -> None:
        # Where there were none, the state is what it was: what was made of it stays good.
        if self.changes:
            self.changes = Changes(serial=self.changes.serial + 1)

    def _finish(self, *, committed: bool) -> None:
        if self._running and (self.wrote or self.block):
            self._warehouse.recorder.transaction(self, committed=committed)
        self._forget_changes()
        self.status = Status.IDLE
        self.last = None
        self.wrote = self.held = self._running = self._engine_open = False
        self._footprint = None
        self._reserved.clear()
        self._refreshed.clear()
        self._streamed.clear()
        self._dropped = {}
        self._written = self._read = frozenset()
        self.view.end()
        if committed and self._altering:
            self._warehouse.lake_schema.settle(self.owner)
        self._altering = False
        self._warehouse.locks.release_all(self.owner)
        self._settings.end(committed=committed)


def _temporary(item: object) -> bool:
    return isinstance(item, (Relation, Schema)) and item.temporary
