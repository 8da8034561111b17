"""The lake's own schema changes in one transaction at a time, and what is still to do when that one has ended.

DuckLake (of DuckDB 1.5.5) keeps each version of its schema in a cache, and an open transaction's new tables point into
it. Two statements that meet a new version at the same time both read it, and the later throws the earlier one's away:
whose transaction points there reads freed memory. So a transaction that changes the schema hands its lock over at its
commit, and the next one begins when the new version has been read and nobody can be reading it any more: what ran then
has ended, or has spent several times the processor time that it takes to get there.

DuckLake also gives versions up where memory is scarce, and keeps those that are being read. So a query that stays open
beside it reads the version that a transaction sees which changes the schema (decision 53).

A DROP does not wait for the lock. The table is gone from the catalog with its commit, and from the lake as soon as it
is its turn; the metadata log remembers what is left, for a server that ends before.

To read a version takes time in proportion to the number of tables: 0.6 s for ten thousand. So it is read once, whoever
needs it waits for that, and where there are many tables names change in the catalog alone and drops are gathered.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final

from core.errors import SqlError
from engine.cursors import DuckDbEngine
from session.locks import Mode
from storage import lake
from storage.changes import snapshot_sql
from storage.metastore import Entry

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
DDL: Final = "ddl"
"""The lock of transactions that change the lake's schema."""
DROPPED: Final = "dropped"
"""The log's kind of entry for a table whose storage is left."""
# Who holds the lock here: sessions have positive numbers, and upkeep negative OIDs.
_SETTLER: Final = -(1 << 40)
_REMOVER: Final = _SETTLER - 1
_CLOSING_S: Final = 10
_MANY: Final = 1_000
"""Objects of a catalog from which on a reading of the lake's schema is felt."""
_GATHERED_S: Final = 1.0
_BINDING_S: Final = 0.03
_BINDING_MOST_S: Final = 0.5
"""Processor time within which a statement has surely looked its tables up, beside what the schema takes."""


class LakeSchema:
    """Takes the lock over from transactions that have ended."""

    def __init__(self, warehouse: "Warehouse", entries: list[Entry], *, alone: bool = True) -> None:
        """Remove what the log's *entries* say is left of the last run, if no other server is there; blocking."""
        self._warehouse = warehouse
        self._left: dict[int, str] = {}
        self._removing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._holders: dict[int, DuckDbEngine] = {}
        self._known = asyncio.Event()
        self._known.set()
        self._closing = asyncio.Event()
        self._renewed = 0
        left = {entry.oid: entry.body for entry in entries if entry.kind == DROPPED and entry.body}
        if not alone:
            self._left = left
        elif left:
            connection = warehouse.database.cursor()
            connection.execute("BEGIN")
            for name in left.values():
                connection.execute(f"DROP TABLE IF EXISTS {name}")
            warehouse.metastore.append(connection, [Entry(DROPPED, oid, None) for oid in left])
            connection.execute("COMMIT")
            connection.close()

    @property
    def large(self) -> bool:
        """Whether every change of the lake's schema costs a time that is felt."""
        return len(self._warehouse.store.state.objects) >= _MANY

    @property
    def left(self) -> frozenset[str]:
        """The engine's names of tables that are dropped and still in the lake."""
        return frozenset(self._left.values())

    def left_behind(self, oid: int, name: str | None) -> None:
        """Take note that another server has dropped a table (OID), which is still in the lake as *name*, or not."""
        if name is None:
            self._left.pop(oid, None)
        else:
            self._left[oid] = name

    async def renew(self) -> None:
        """Read the version of the schema that another server has made, before anybody else does."""
        self._known.clear()
        await self._read_newest()

    async def taken(self) -> None:
        """Let statements end that may be reading what another server has changed, for who has the lock now."""
        fleet = self._warehouse.fleet
        if fleet is not None and fleet.schemas != self._renewed:
            self._renewed = fleet.schemas
            await self._warehouse.executor.outlast(_BINDING_MOST_S)

    async def hold(self, owner: int, engine: DuckDbEngine | None) -> None:
        """Have the engine keep the version that the transaction of *owner* sees, who has the lock, until ``let_go``.

        *engine* is where the transaction is open, None where it will see the newest.
        """
        if owner in self._holders:
            return
        seen = None if engine is None else (await engine.fetch(snapshot_sql()))[0][0]
        holder = self._holders[owner] = self._warehouse.connect()
        await holder.work(lambda: holder.connection.execute(lake.held(seen)))

    def let_go(self, owner: int) -> None:
        """Take note that the transaction of *owner* has ended."""
        holder = self._holders.pop(owner, None)
        if holder is not None:
            holder.close()

    async def read(self) -> None:
        """Wait until the newest version has been read: to read it beside would take twice as long."""
        await self._known.wait()

    def settle(self, owner: int) -> None:
        """Take over the lock of *owner*, who has committed a change, until the next may change something."""
        self.let_go(owner)
        self._known.clear()
        self._warehouse.locks.hand_over(DDL, owner, _SETTLER)
        self._begin(self._settle())

    def remove(self, tables: Mapping[int, str]) -> None:
        """Drop *tables* (OID → engine name) from the lake once nobody else changes its schema."""
        self._left |= tables
        if self._left and not self._removing:
            self._removing = True
            self._begin(self._remove_all())

    @property
    def passing(self) -> bool:
        """Whether the lock is held by no client, and none waits for it."""
        return self._warehouse.locks.is_held_only_by(DDL, frozenset({_SETTLER, _REMOVER}))

    async def close(self) -> None:
        """Wait for what is under way."""
        self._closing.set()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSING_S)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self) -> None:
        try:
            await self._settled()
        finally:
            self._warehouse.locks.release_all(_SETTLER)

    async def _settled(self) -> None:
        """Read the newest schema, and let statements end that may be reading it."""
        self._known.clear()
        took_s = await self._read_newest()
        # What has worked for longer has looked its tables up before, in another version.
        await self._warehouse.executor.outlast(min(_BINDING_S + 3 * took_s, _BINDING_MOST_S))

    async def _read_newest(self) -> float:
        """Read the newest schema and return the processor time that it took."""
        engine = self._warehouse.connect()

        def work() -> float:
            begun_s = time.thread_time()
            engine.connection.execute(lake.newest_schema()).fetchall()
            return time.thread_time() - begun_s

        try:
            return await engine.work(work)
        except SqlError as error:
            _log.warning("could not read the lake's schema", extra={"state": error.state.value})
            return _BINDING_MOST_S
        finally:
            engine.close()
            self._known.set()

    async def _remove_all(self) -> None:
        if self.large:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _GATHERED_S)
        while self._left:
            try:
                await self._warehouse.locks.acquire(_REMOVER, DDL, Mode.ACCESS_EXCLUSIVE)
                await self.taken()
                tables, self._left = self._left, {}
                if tables:
                    await self._remove(tables)
                    await self._settled()
            except SqlError as error:
                # The next start tries again; until then a new table cannot have the name.
                _log.warning("could not remove dropped tables", extra={"state": error.state.value})
                break
            finally:
                self._warehouse.locks.release_all(_REMOVER)
        self._removing = False

    async def _remove(self, tables: Mapping[int, str]) -> None:
        warehouse = self._warehouse
        engine = warehouse.connect()
        statements = [sql for name in tables.values() for sql in lake.drop_table(name)]

        def finish() -> None:
            warehouse.metastore.append(engine.connection, [Entry(DROPPED, oid, None) for oid in tables])
            engine.connection.execute("COMMIT")

        try:
            await engine.run("BEGIN")
            await engine.script(statements)
            async with warehouse.commit_lock:
                await engine.work(finish)
        except SqlError:
            await engine.rollback()
            raise
        finally:
            engine.close()
