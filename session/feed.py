"""What a copied database is written with: the session, what is known of its tables, and what is told of it all.

Each change of a replica's document is a transaction, or part of the one in which its rows or its columns change.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from catalog.model import Database, User
from catalog.replicas import Integration, Replica, State, replica
from core.errors import SqlError
from core.sqlstate import SqlState
from session.context import Work
from session.locks import Mode
from session.replicalog import ASKED, LOCK, checkpoint, keep, place, position
from session.session import Session
from storage.folding import Batch
from storage.pgoutput import lsn_text

if TYPE_CHECKING:
    from session.warehouse import Warehouse

T = TypeVar("T")
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Run:
    """Changes that are committed together."""

    def __init__(self, begun: datetime) -> None:
        """Begin with none."""
        self.begun = begun
        self.batches: list[Batch] = []
        self.end_lsn = self.moment_us = 0

    def take(self, batch: Batch) -> None:
        """Take note of where the source is with a batch."""
        if batch.end_lsn:
            self.end_lsn, self.moment_us = batch.end_lsn, batch.moment_us


class Feed:
    """Writes one database (OID) that is made of an integration."""

    def __init__(self, warehouse: "Warehouse", database: int) -> None:
        """Write *database*."""
        self.warehouse = warehouse
        self.oid = database
        self.replicas: dict[int, Replica] = {}
        """What is known of the tables, by the source's OIDs."""
        self.touched: set[int] = set()
        """The source's OIDs of tables about which something was written in this round."""
        self._bodies: dict[int, tuple[str, Replica | None]] = {}
        self._session: Session | None = None

    @property
    def database(self) -> Database:
        """The database as it is now."""
        found = self.warehouse.store.state.objects.get(self.oid)
        if not isinstance(found, Database):
            raise SqlError(SqlState.INVALID_CATALOG_NAME, "the database of an integration is gone")
        return found

    @property
    def integration(self) -> Integration:
        """What the database says of its integration."""
        found = self.database.integration
        if found is None:
            raise SqlError(SqlState.INVALID_CATALOG_NAME, "the database is not made of an integration")
        return found

    @property
    def position(self) -> int | None:
        """Up to where the source was taken in, None for not yet."""
        return position(self.warehouse, self.oid)

    def now(self) -> datetime:
        """Return the moment."""
        return self.warehouse.clock.now()

    async def call(self, function: Callable[[], T]) -> T:
        """Run what blocks on a worker thread."""
        return await self.warehouse.executor.run(function)

    async def work(self) -> Work:
        """Return what statements work with, a transaction open."""
        database = self.database
        session = self._session
        if session is None or (session.database is not database and not session.tx.running):
            await self.leave()
            owner = self.warehouse.store.state.objects.get(database.owner)
            if not isinstance(owner, User):
                raise SqlError(SqlState.UNDEFINED_OBJECT, "the owner of the database is gone")
            # Clients' sessions have positive numbers.
            self._session = session = Session(-self.oid, self.warehouse, owner, database, "")
            session.arrival = replace(session.arrival, feeds=self.oid)
            await session.open({"enable_case_sensitive_identifier": "true"})
        session.tx.start()
        await session.tx.lock((LOCK, self.oid), Mode.ACCESS_SHARE)
        if self.database.integration is None:
            raise SqlError(SqlState.INVALID_CATALOG_NAME, "the database of an integration is gone")
        return Work(session)

    async def rollback(self) -> None:
        """Undo what was done in the open transaction."""
        if self._session is not None:
            self._session.end_statement()
            await self._session.rollback()

    async def leave(self) -> None:
        """End the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def load(self) -> None:
        """Read what the log says of the tables: ALTER DATABASE may have changed it."""
        found: dict[int, Replica] = {}
        for oid, body in list(self.warehouse.streamed.items()):
            known = self._bodies.get(oid)
            before = None if known is None else known[1]
            if known is None or known[0] != body:
                known = self._bodies[oid] = (body, replica(body, self.oid))
            if known[1] is not None:
                found[known[1].source.oid] = known[1]
                self._tell_of(before, known[1])
        self.replicas = found
        self.touched.clear()

    async def mark(self, each: Replica) -> None:
        """Write down what became of a table, in a transaction that may hold what was done to it."""
        work = await self.work()
        await work.tx.writing(frozenset())
        if self._is_asked_for(each):
            each = replace(each, state=State.REQUIRED, reason=ASKED)
        each = keep(work, each)
        await work.session.commit()
        self._bodies[each.oid] = (each.document, each)
        before = self.replicas.get(each.source.oid)
        self.replicas[each.source.oid] = each
        self.touched.add(each.source.oid)
        if before is None:
            self.tell(each)
        self._tell_of(before, each)

    def _tell_of(self, before: Replica | None, each: Replica) -> None:
        """Tell of a known table's state if it has changed."""
        if before is not None and (before.state, before.reason) != (each.state, each.reason):
            self.tell(each)

    def _is_asked_for(self, each: Replica) -> bool:
        """Tell whether ALTER DATABASE has asked for a copy since the log was read."""
        known, now = self._bodies.get(each.oid), self.warehouse.streamed.get(each.oid)
        return known is not None and now is not None and now != known[0]

    async def lose(self, lsn: int) -> None:
        """Write down that the source begins anew at *lsn*: all tables are to be copied."""
        work = await self.work()
        await work.tx.writing(frozenset())
        for each in list(self.replicas.values()):
            if each.state is not State.FAILED:
                lost = replace(each, state=State.REQUIRED, reason="The changes of the source were lost.")
                self.replicas[each.source.oid] = keep(work, lost)
        place(work, self.oid, lsn)
        await work.session.commit()
        self.warehouse.replication.bar()

    async def reach(self, lsn: int) -> None:
        """Write down that there is nothing before *lsn* that is wanted."""
        if lsn > (self.position or 0):
            work = await self.work()
            await work.tx.writing(frozenset())
            place(work, self.oid, lsn)
            await work.session.commit()

    async def commit(self, run: Run) -> None:
        """Commit the changes of *run* with where the source is after them, and tell of it."""
        work = await self.work()
        place(work, self.oid, run.end_lsn)
        xid = work.tx.number
        await work.session.commit()
        size = sum(batch.size_bytes for batch in run.batches)
        changed = {oid for batch in run.batches for oid in batch.tables}
        committed = _plain(_EPOCH + timedelta(microseconds=run.moment_us))
        self.report("cdc", size, committed, len(changed), run.begun)
        integration, now, history = self.integration, _plain(self.now()), self.warehouse.recorder.history
        for oid in changed:
            each = self.replicas[oid]
            parts = [batch.tables[oid] for batch in run.batches if oid in batch.tables]
            history.record("integration_changes", (
                integration.id, lsn_text(run.end_lsn), self.database.name, each.source.schema, each.source.name,
                each.relation, now, xid, sum(part.inserted for part in parts), sum(part.deleted for part in parts),
                sum(part.updated for part in parts), size if len(changed) == 1 else None,
            ))  # fmt: skip

    def report(self, kind: str, size: int | None, committed: datetime | None, tables: int, begun: datetime) -> None:
        """Tell of what was brought (SYS_INTEGRATION_ACTIVITY)."""
        now = _plain(self.now())
        self.warehouse.recorder.history.record("integration_runs", (
            self.integration.id, self.database.name, checkpoint(self.warehouse, self.oid), kind, size,
            committed or now, tables, _plain(begun), now,
        ))  # fmt: skip

    def tell(self, each: Replica) -> None:
        """Tell of a table's state (SYS_INTEGRATION_TABLE_STATE_CHANGE)."""
        self.warehouse.replication.bar()
        self.warehouse.recorder.history.record("integration_states", (
            self.integration.id, self.database.name, each.source.schema, each.source.name, each.state.value,
            checkpoint(self.warehouse, self.oid), each.reason, _plain(self.now()),
        ))  # fmt: skip


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
