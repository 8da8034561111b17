"""What is done without being asked: inlined rows are flushed once there are many, views refreshed, snapshots taken.

Small inserts go into the lake's catalog, where they are cheap to write and dear to scan. After a number of
writes to one table its rows are moved into a Parquet file, under the table's lock, between two writers.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from catalog.model import Relation, Schema
from core.errors import SqlError
from session.autorefresh import AutoRefresh
from session.copying import CopyJobs
from session.lake_schema import DDL
from session.locks import Mode
from session.polling import Polling
from storage import lake

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
WRITES_BEFORE_FLUSH: Final = 500
"""Committed writes to a table after which its inlined rows are flushed."""


class Upkeep:
    """Counts writes and flushes in the background, one table at a time."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*."""
        self._warehouse = warehouse
        self._writes: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.views = AutoRefresh(warehouse)
        self.streams = Polling(warehouse)
        self.jobs = CopyJobs(warehouse)

    def start(self) -> None:
        """Go on with what waited when the server ended, and begin to ask streams."""
        self.views.resume()
        self.streams.start()
        self.jobs.start()
        self._warehouse.replication.start()
        keeper = self._warehouse.limits.snapshots
        if keeper is not None:
            keeper.leads = lambda: self._warehouse.leads
            keeper.start()

    def note(self, tables: frozenset[int]) -> None:
        """Take note that a transaction which wrote *tables* (OIDs) has committed."""
        self.views.note(tables)
        for oid in tables:
            count = self._writes[oid] = self._writes.get(oid, 0) + 1
            if count == WRITES_BEFORE_FLUSH:
                task = asyncio.get_running_loop().create_task(self._flush(oid))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Wait for what is under way."""
        if self._warehouse.limits.snapshots is not None:
            await self._warehouse.limits.snapshots.close()
        await self.jobs.close()
        await self._warehouse.replication.close()
        await self.streams.close()
        await self.views.close()
        if self._tasks:
            await asyncio.wait(self._tasks)

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
            if flushing and isinstance(relation, Relation) and not relation.temporary:
                schema = warehouse.store.state.objects[relation.schema]
                place = schema.engine_name if isinstance(schema, Schema) else ""
                async with warehouse.commit_lock:
                    await engine.script(lake.flush(place, relation.engine_table))
                warehouse.scans.forget(frozenset({oid}))
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
