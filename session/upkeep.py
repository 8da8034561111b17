"""What is done without being asked: inlined rows are flushed once there are many, views refreshed, snapshots taken.

Small inserts go into the lake's catalog, where they are cheap to write and dear to scan. After a number of
writes to one table its rows are moved into a Parquet file, under the table's lock, between two writers. How files
lie is looked after by ``session.rounds``.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from catalog.model import Relation, Schema
from core.errors import SqlError
from session.anticipation import Anticipation
from session.autorefresh import AutoRefresh
from session.copying import CopyJobs
from session.lake_schema import DDL
from session.locks import Mode
from session.polling import Polling
from session.rounds import Rounds
from session.tidying import Stored, Tidying

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
WRITES_BEFORE_FLUSH: Final = 500
"""Committed writes to a table after which its inlined rows are flushed."""
_FLUSH_S: Final = 5.0
"""How long a table is left alone after that: a file has what was written meanwhile."""


class Upkeep:
    """Counts writes and flushes in the background, one table at a time."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*."""
        self._warehouse = warehouse
        self._writes: dict[int, int] = {}
        self._rests: dict[int, float] = {}
        """Table → until when it is left alone."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.vacuuming: dict[str, str] = {}
        """Table → what is being done to it, in SVV_VACUUM_PROGRESS's words."""
        self.views = AutoRefresh(warehouse)
        self.streams = Polling(warehouse)
        self.jobs = CopyJobs(warehouse)
        self.anticipation = Anticipation(warehouse)
        self.rounds = Rounds(warehouse, warehouse.limits.upkeep)

    def start(self) -> None:
        """Go on with what waited when the server ended, and begin to ask streams."""
        self.views.resume()
        self.streams.start()
        self.jobs.start()
        self.rounds.start()
        self._warehouse.replication.start()
        keeper = self._warehouse.limits.snapshots
        if keeper is not None:
            keeper.leads = lambda: self._warehouse.leads
            keeper.settled = self._warehouse.small_writes.settled
            keeper.start()

    def note(self, tables: Iterable[int], writes: int = 1) -> None:
        """Take note that a transaction which wrote *tables* (OIDs) has committed, or several *writes* have."""
        self.views.note(frozenset(tables))
        self.anticipation.note(tables)
        loop = asyncio.get_running_loop()
        for oid in tables:
            self._writes[oid] = self._writes.get(oid, 0) + writes
            if self._writes[oid] >= WRITES_BEFORE_FLUSH and loop.time() >= self._rests.get(oid, 0.0):
                self._rests[oid] = loop.time() + _FLUSH_S
                task = loop.create_task(self._flush(oid))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._warehouse.limits.snapshots is not None:
            await self._warehouse.limits.snapshots.close()
        await self.anticipation.close()
        await self.rounds.close()
        await self.jobs.close()
        await self._warehouse.replication.close()
        await self.streams.close()
        await self.views.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def shown(self) -> list[dict[str, Any]]:
        """Return the tables that are being put in order, as ``sys_vacuuming``."""
        return [{"name": name, "status": status} for name, status in self.vacuuming.items()]

    async def flush(self, oid: int) -> None:
        """Move a table's rows from the catalog into files, as far as nobody is in the way."""
        await self._flush(oid)

    async def _flush(self, oid: int) -> None:
        warehouse = self._warehouse
        # Sessions own locks by their numbers, which are positive.
        owner = -oid
        engine = warehouse.connect()
        flushing = False
        try:
            await warehouse.locks.acquire(owner, oid, Mode.SHARE_ROW_EXCLUSIVE)
            # To flush is to change the lake's schema: inlined rows are in tables of their own.
            flushing = await warehouse.locks.attempt(owner, DDL, Mode.ACCESS_EXCLUSIVE)
            relation = warehouse.store.state.objects.get(oid)
            schema = warehouse.store.state.objects.get(relation.schema) if isinstance(relation, Relation) else None
            if flushing and isinstance(relation, Relation) and isinstance(schema, Schema) and not relation.temporary:
                await Tidying(warehouse).flush(engine, Stored(relation=relation, schema=schema))
        except SqlError as error:
            # The rows stay where they are, and nothing is lost but speed.
            _log.warning("could not flush a table", extra={"table": oid, "state": error.state.value})
        finally:
            self._writes.pop(oid, None)
            if flushing:
                warehouse.lake_schema.settle(owner)
            else:
                self._writes[oid] = WRITES_BEFORE_FLUSH - 1
            warehouse.locks.release_all(owner)
            engine.close()
