"""The transaction of one session: idle, open or failed, and what its end means below.

PostgreSQL, section 55.2.2.1: several statements of one simple query, or of one extended batch up to Sync,
share an implicit transaction; BEGIN makes it a block. The engine's own transaction is begun late, at the
first statement of a block that reads or at the first write, because that is when the snapshot is taken:
a writer that had to wait for its table's lock then starts from what its predecessor left.
"""

from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from catalog.model import CatalogState
from catalog.store import Changes
from core.errors import Canceled, SqlError
from engine.cursors import DuckDbEngine
from session.aside import apart
from session.fleet import commits
from session.fleet.views import View
from session.inlining import inlined
from session.lake_schema import DDL
from session.locks import Mode
from session.notes import Notes
from session.serializability import Footprint
from session.settings import Settings
from session.taken import Taken
from session.waits import Waits
from storage import lake
from storage.metastore import Entry

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
        self._warehouse, self._engine, self._settings = warehouse, engine, settings
        self._running = self._engine_open = self._altering = self._changed = False
        self.footprint: Footprint | None = None
        self._waits = Waits(owner, warehouse, settings)
        self._written = self._read = frozenset[int]()
        self.notes, self.taken = Notes(warehouse), Taken(warehouse)
        self.view = View(warehouse.fleet)
        self._seen: tuple[tuple[int, int, int], CatalogState] | None = None

    @property
    def state(self) -> CatalogState:
        """The catalog as this transaction sees it: what is committed, and its own changes."""
        newest = self._warehouse.store.state
        if not self.private:
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
        changes, temporaries = self.changes, self.temporaries
        return bool(changes.puts or changes.drops or temporaries.puts or temporaries.drops)

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
        return not self._engine_open and self.status is Status.IDLE and not self.held and not self.taken.additions

    @property
    def adds(self) -> bool:
        """Whether rows may be taken down: they are logged at the commit, or inserted before anything else is done."""
        return not self.held and not self.changes

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
        if self._warehouse.replication.barred:
            self._warehouse.replication.refuse_barred(relations)
        if self._warehouse.fleet is None:
            for oid in relations:
                await self._waits.lock(oid, Mode.ACCESS_SHARE)
        self.view.reads(relations)
        # What reads several tables by itself can come between the commits of two others, as a block can.
        if not self.single or (len(relations) > 1 and self.serializable):
            await self._open_engine()
        self._read |= relations

    async def writing(self, relations: frozenset[int], mode: Mode = Mode.SHARE_ROW_EXCLUSIVE) -> None:
        """Prepare for a statement that writes *relations* (OIDs)."""
        self._settings.refuse_read_only()
        await self._lock_written(relations, mode)
        await self._open_engine()
        await self._engine.inline(inlined(self._warehouse, self.state, relations))
        self.wrote = self._changed = True
        self._written |= relations
        self.view.reads(relations)

    async def _lock_written(self, relations: frozenset[int], mode: Mode) -> None:
        for oid in sorted(relations):
            taken_down = oid in self._written and not self._engine_open
            await (self._waits.lock_again if taken_down else self._waits.lock)(oid, mode)

    async def adding(self, relations: frozenset[int]) -> None:
        """Prepare for a statement that adds rows to *relations* (OIDs) which ``add`` takes down."""
        self._settings.refuse_read_only()
        # Who adds beside others until its commit could not do more afterwards than they.
        await self._lock_written(relations, Mode.SHARE_ROW_EXCLUSIVE if self.block else Mode.ROW_EXCLUSIVE)
        if self.block and not self._engine_open and self.taken.moment is None:
            self.opened = self._warehouse.scans.changes
            await self.taken.note(self._see)
        if self.serializable and self.footprint is None:
            self.footprint = self._warehouse.graph.begin(self.number)
        if self.taken.full:
            await self._open_engine()
        self.wrote = True
        self._written |= relations

    async def fix(self) -> None:
        """Have the engine know of what was only taken down, before anything else is done."""
        if self.taken.additions or (self.taken.moment is not None and not self._engine_open):
            await self._open_engine()

    async def lock(self, key: Hashable, mode: Mode) -> None:
        """Take a lock to the end of the transaction; a wait can be interrupted and has a time-out."""
        await self._waits.lock(key, mode)

    async def alter_lake(self) -> None:
        """Prepare for a statement that changes the lake's own schema: one transaction at a time, to its end."""
        await self.lock(DDL, Mode.ACCESS_EXCLUSIVE)
        await self._warehouse.lake_schema.taken()
        await self._warehouse.lake_schema.hold(self.owner, self._engine if self._engine_open else None)
        self._altering = self._changed = True
        if self.notes.dropped:
            await self._drop_tables(self.notes.dropped)
            self.notes.dropped = {}

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
            self.notes.dropped |= tables

    async def _drop_tables(self, tables: dict[int, str]) -> None:
        await self._engine.script([sql for name in tables.values() for sql in lake.drop_table(name)])

    @property
    def written(self) -> frozenset[int]:
        """The tables (OIDs) that this transaction has written so far."""
        return self._written

    def interrupt(self, reason: Canceled) -> None:
        """End a wait for a lock with *reason*."""
        self._waits.interrupt(reason)

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
            self.status = Status.FAILED if self.status is Status.OPEN else self.status
            await self._undo()
            if self.session is not None and self.session.active:
                self._engine.barred = reason

    async def _open_engine(self) -> None:
        """Have the engine's transaction begin, with what was taken down in it."""
        if not self._engine_open:
            moment = self.taken.moment
            await (self._begin() if moment is None else self._warehouse.small_writes.seen(moment))
        if self.taken.additions:
            self._changed = True
            await self.taken.insert(self._engine)

    async def _begin(self) -> None:
        if not self._altering:
            await self._warehouse.lake_schema.read()
        self.opened = self._warehouse.scans.changes
        self.view.begin()
        await self._engine.run("BEGIN")
        self._engine_open = True
        if self.footprint is not None:
            self._warehouse.graph.forget(self.footprint)
        self.footprint = await commits.begin(self._warehouse, self._engine, self.number if self.serializable else None)

    async def _see(self) -> None:
        """Have the engine's transaction begin that sees the lake as it is now, whatever the session does."""
        await self._warehouse.lake_schema.read()
        connection = self._engine.connection

        def begin() -> None:
            connection.execute("BEGIN")
            connection.execute(lake.newest_schema())

        try:
            await self._engine.settle(begin)
        except SqlError:
            await self._engine.rollback()
            raise
        self._engine_open = True

    async def _commit(self) -> None:
        if self.taken.additions and (self._changed or self.changes):
            await self._open_engine()
        await self.taken.leave()
        if self.footprint is not None:
            self.footprint.reads, self.footprint.writes = self._read, self._written
        if self.taken.additions:
            await self.taken.log(self)
            await self._leave_engine()
        elif self._engine_open:
            await self._commit_engine()
        else:
            self._publish()

    async def _leave_engine(self) -> None:
        """End the engine's transaction, whatever it did."""
        if self._engine_open:
            self._engine_open = False
            await self._engine.rollback()
            self.filled.clear()

    async def _commit_engine(self) -> None:
        warehouse = self._warehouse
        if not self.wrote:
            commits.agree_to_read(warehouse, self.footprint)
            await self._engine.run("COMMIT")
            return
        async with warehouse.commit_lock:
            try:
                await commits.agree(warehouse, self.owner, self.footprint, self.view.since)
            except SqlError:
                warehouse.recorder.conflict(self)
                raise
            lasting = self.changes.lasting(self.temporaries)
            logged = await apart(bool(lasting), lasting.entries)
            entries = [Entry(item.kind, item.oid, item.body) for item in logged] + self.notes.entries()
            writes = self.view.writes(self._written.union(self.changes.puts))

            def finish() -> None:
                warehouse.metastore.append(self._engine.connection, entries)
                self._engine.connection.execute("COMMIT")

            with warehouse.graph.settling(), warehouse.scans.changing(self._written):
                await commits.finish(warehouse, self._engine, finish, self.view.since, writes)
            self._engine_open = False
            self.notes.publish()
            self._publish()
        warehouse.upkeep.note(self._written)
        warehouse.lake_schema.remove(self.notes.dropped)

    def _publish(self) -> None:
        if not self.changes:
            return
        permanent = self.changes.lasting(self.temporaries)
        for oid, item in self.changes.puts.items():
            if oid not in permanent.puts:
                self.temporaries.put(item)
        for item in [item for oid, item in self.temporaries.puts.items() if oid in self.changes.drops]:
            del self.temporaries.puts[item.oid]
            self.temporaries.serial += 1
        if permanent:
            self._warehouse.recorder.users(self, self._warehouse.store.state, permanent)
            self._warehouse.publish(permanent)

    async def _undo(self) -> None:
        self._engine.barred = self.last = None
        self._forget_changes()
        self.notes.undo()
        await self.taken.leave()
        self.taken.clear()
        if self.footprint is not None:
            self._warehouse.graph.forget(self.footprint)
            self.footprint = None
        await self._leave_engine()
        self._warehouse.lake_schema.let_go(self.owner)

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
        self.wrote = self.held = self._running = self._engine_open = self._changed = False
        self.footprint = None
        self.notes.clear()
        self.taken.clear()
        self._written = self._read = frozenset()
        self.view.end()
        if committed and self._altering:
            self._warehouse.lake_schema.settle(self.owner)
        self._altering = False
        self._warehouse.locks.release_all(self.owner)
        self._settings.end(committed=committed)
