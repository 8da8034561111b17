"""The upkeep's rounds: what nobody asks for is done to one table at a time, while there is nothing better to do.

A round looks at the lake's figures and does the worst of what ``session.chores`` finds: flushes rows of the catalog,
puts small files together, removes deleted rows, sorts. Files are written anew without the table's lock, which is taken
for the commit; nothing is waited for, and what cannot be had now is tried again, at last in the queue. A kill leaves
the table as it was.
"""

import asyncio
import contextlib
import logging
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from catalog.model import BOOTSTRAP_USER, CatalogState, Schema
from core.errors import Canceled, SqlError
from core.sqlstate import SqlState
from session import chores
from session.chores import SMALL_BYTES, Aims
from session.expiry import Expiry
from session.lake_schema import DDL
from session.locks import Mode
from session.tidying import Stored, Tidying, Vacuuming, asked, plain_now, record
from storage import layout
from storage.expiry import ExpiryError
from storage.layout import DataFile, MovedError, TableLayout

if TYPE_CHECKING:
    from engine.cursors import DuckDbEngine
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
# Sessions own locks by positive numbers, flushes after many writes by negative OIDs, others further below.
_OWNER: Final = -(1 << 39)
_LOCKED_BYTES: Final = 32 << 20
"""Bytes of files that are written anew in a moment: the table is locked from the beginning, so nothing is lost.

No more than that, or one file, is done to a table that there is a queue for."""
_TRIES: Final = 5
"""How often a table is given up for others before they are not waited for any more."""
_LOCK_TRIES: Final = 40
_LOCK_PAUSE_S: Final = 0.05
_TABLE_PATIENCE_S: Final = 2.0
_SCHEMA_PATIENCE_S: Final = 10.0
"""How long is waited in the queue for what old versions wait for, or was given up: who comes after it waits as well."""
_BLOCK: Final = timedelta(minutes=1)
"""Transactions that have been open for longer are not waited for: whoever holds them may have gone home."""
_EXPIRY_ROUNDS: Final = 5
"""As often as there are so many rounds old versions are looked for."""
_PATIENCE: Final = 10
"""Rounds that are left out while statements run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the administrator allows."""

    enabled: bool = True
    interval_s: float = 60.0
    """Time between two looks."""
    job_bytes: int = 1 << 30
    """Bytes of files that are written anew at a time."""
    share: float = 0.2
    """Share of the time that the work may take."""
    kept: timedelta = timedelta(days=1)
    """How long the lake's older versions are kept."""
    grace: timedelta = timedelta(days=1)
    """How long files are kept that nothing names any more."""


class LaterError(Exception):
    """Others are in the way."""


class Rounds:
    """The rounds of one server; of several with one lake the leader makes them."""

    def __init__(self, warehouse: "Warehouse", policy: Policy) -> None:
        """Look after *warehouse* as far as *policy* allows."""
        self._warehouse, self._policy = warehouse, policy
        self._tidying = Tidying(warehouse)
        self._expiry = Expiry(warehouse, policy.kept, policy.grace)
        self._next_expiry = 0.0
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._engine: DuckDbEngine | None = None
        self._settled = -1
        """What ``Scans.changes`` was when there was nothing to do."""
        self._looked: dict[int, int] = {}
        """Table → the same of its last write, when there was nothing to do for it."""
        self._given_up: dict[int, int] = {}
        self._left_out = 0
        self._by_table = False

    def start(self) -> None:
        """Begin."""
        if self._policy.enabled or self._warehouse.fleet is not None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Break off what is under way, which undoes it, and end."""
        self._closing.set()
        if self._engine is not None:
            self._engine.interrupt(Canceled(SqlState.QUERY_CANCELED, "the server is shutting down"))
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        while not self._closing.is_set():
            begun = clock()
            worked = False
            try:
                worked = self._policy.enabled and await self.round()
                if clock() >= self._next_expiry:
                    self._next_expiry = clock() + _EXPIRY_ROUNDS * self._policy.interval_s
                    worked |= await self._end_old()
            except (SqlError, MovedError, ExpiryError) as error:
                _log.warning("could not look after the tables' files", extra={"reason": str(error)})
            pause = (clock() - begun) * (1 / self._policy.share - 1) if worked else self._policy.interval_s
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), pause)

    async def round(self) -> bool:
        """Do the worst that there is to do, if nothing is in the way; tell whether something was done."""
        warehouse = self._warehouse
        if not warehouse.leads or self._busy():
            return False
        changes = warehouse.scans.changes
        if changes == self._settled:
            return False
        database = warehouse.database
        seen = await asked(warehouse, lambda: layout.survey(database, SMALL_BYTES))
        later = False
        for table, figures in await asyncio.to_thread(self._candidates, seen):
            if self._closing.is_set():
                return False
            try:
                if await self._tend(table, figures):
                    return True
            except LaterError:
                later = True
                oid = table.relation.oid
                self._given_up[oid] = self._given_up.get(oid, 0) + 1
        if not later:
            self._settled = changes
        return False

    async def _end_old(self) -> bool:
        """End old versions, or flush the tables that have to be for that; tell whether more can end at once."""
        if not self._warehouse.leads or not self._policy.enabled:
            await self._expiry.forget()
            return False
        waiting = await self._expiry.expire()
        known = await asyncio.to_thread(_stored, self._warehouse.store.state) if waiting else {}
        for place in waiting or []:
            if place in known:
                with contextlib.suppress(LaterError):
                    await self._flush(known[place], patient=True)
        await self._expiry.remove()
        await self._expiry.prune()
        if waiting or self._expiry.waits:
            self._next_expiry = 0.0
        return waiting is None

    def _busy(self) -> bool:
        """Tell whether statements run that should have the machine for themselves; not for ever."""
        running = self._policy.share < 1 and any(session.active for session in self._warehouse.sessions.values())
        self._left_out = self._left_out + 1 if running and self._left_out < _PATIENCE else 0
        return self._left_out > 0

    def _candidates(self, seen: Iterable[TableLayout]) -> list[tuple[Stored, TableLayout]]:
        """Return the tables to look at: the worst first, then those with a sort key."""
        known = _stored(self._warehouse.store.state)
        tables = {(each.schema, each.table): each for each in seen}
        asked = [(each, False) for each in chores.worst(tables.values())]
        asked += [(each, True) for each in tables.values() if each.files > 1]
        found: dict[int, tuple[Stored, TableLayout]] = {}
        for each, needs_key in asked:
            table = known.get((each.schema, each.table))
            if table is not None and (table.key or not needs_key) and not self._is_settled(table):
                found.setdefault(table.relation.oid, (table, each))
        return list(found.values())

    def _is_settled(self, table: Stored) -> bool:
        oid = table.relation.oid
        changed = self._warehouse.scans.changed([oid])
        return changed is None or self._looked.get(oid) == changed

    async def _tend(self, table: Stored, figures: TableLayout) -> bool:
        oid = table.relation.oid
        changed = self._warehouse.scans.changed([oid])
        patient = self._given_up.get(oid, 0) >= _TRIES
        if figures.inlined >= chores.AUTOMATIC.inlined_rows:
            await self._flush(table, patient=patient)
            self._given_up.pop(oid, None)
            return True
        if not patient:
            return await self._put_in_order(table, figures, changed, self._policy.job_bytes)
        await self._queue(oid, Mode.SHARE_ROW_EXCLUSIVE, _TABLE_PATIENCE_S)
        await self._lock(table, tries=1)
        try:
            return await self._put_in_order(table, figures, changed, min(self._policy.job_bytes, _LOCKED_BYTES))
        finally:
            self._warehouse.locks.release_all(_OWNER)

    async def _put_in_order(self, table: Stored, figures: TableLayout, changed: int | None, limit: int) -> bool:
        """Write files of a table anew, *limit* bytes of them or one; tell whether there were any."""
        oid = table.relation.oid
        files = await self._tidying.files(table)
        wanted = chores.aims(figures, files, keyed=bool(table.key))
        found = chores.groups(files, wanted, limit)
        if not found or not layout.movable([column.engine_name for column in table.relation.columns]):
            if self._given_up.pop(oid, 0) < _TRIES and changed is not None:
                self._looked[oid] = changed
            return False
        started = plain_now(self._warehouse)
        await self._move(table, found[0])
        self._given_up.pop(oid, None)
        await self._record(table, wanted, started, files)
        return True

    async def _flush(self, table: Stored, *, patient: bool = False) -> None:
        """Move a table's rows from the catalog into files; where it is *patient*, others wait for that, not long."""
        warehouse = self._warehouse
        if patient:
            # For one of the two locks, another each time: who holds it may be waiting for the other.
            self._by_table = not self._by_table
            if self._by_table:
                await self._queue(table.relation.oid, Mode.SHARE_ROW_EXCLUSIVE, _TABLE_PATIENCE_S)
            else:
                await self._queue(DDL, Mode.ACCESS_EXCLUSIVE, _SCHEMA_PATIENCE_S)
        tries = _LOCK_TRIES if patient else 1
        await self._lock(table, tries=tries)
        for _ in range(tries):
            if await warehouse.locks.attempt(_OWNER, DDL, Mode.ACCESS_EXCLUSIVE):
                break
            await asyncio.sleep(_LOCK_PAUSE_S)
        else:
            warehouse.locks.release_all(_OWNER)
            raise LaterError
        engine = self._engine = warehouse.connect()
        try:
            await self._tidying.flush(engine, table)
        finally:
            self._engine = None
            # To flush is to change the lake's schema: inlined rows are in tables of their own.
            warehouse.lake_schema.settle(_OWNER)
            warehouse.locks.release_all(_OWNER)
            engine.close()
        _log.debug("flushed a table", extra={"table": table.relation.oid})

    async def _queue(self, key: Hashable, mode: Mode, patience_s: float) -> None:
        """Wait in the queue for a lock, for no longer than *patience_s*."""
        loop = asyncio.get_running_loop()
        closing = loop.create_task(self._closing.wait())
        waiting = loop.create_task(self._warehouse.locks.acquire(_OWNER, key, mode))
        await asyncio.wait({closing, waiting}, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting

    async def _move(self, table: Stored, files: list[DataFile]) -> None:
        warehouse, name = self._warehouse, table.relation.name
        self._wait_for_none(table)
        if sum(file.bytes for file in files) <= _LOCKED_BYTES:
            await self._lock(table, tries=1)
        engine = self._engine = warehouse.connect()

        async def ready() -> None:
            await self._lock(table, tries=_LOCK_TRIES)
            self._wait_for_none(table)

        warehouse.upkeep.vacuuming[name] = f"Vacuum {name}"
        try:
            await self._tidying.move(engine, table, files, _OWNER, ready)
        except SqlError as error:
            if self._closing.is_set():
                raise
            # Somebody has deleted rows of these files meanwhile, most likely.
            _log.debug("gave files up", extra={"table": table.relation.oid, "state": error.state.value})
            raise LaterError from error
        finally:
            self._engine = None
            warehouse.upkeep.vacuuming.pop(name, None)
            warehouse.locks.release_all(_OWNER)
            engine.close()
        _log.debug("wrote files anew", extra={"table": table.relation.oid, "files": len(files)})

    async def _lock(self, table: Stored, *, tries: int) -> None:
        """Take the table's lock without getting into a queue; raises ``LaterError``, also where it was altered."""
        oid, locks = table.relation.oid, self._warehouse.locks
        for _ in range(tries):
            if await locks.attempt(_OWNER, oid, Mode.SHARE_ROW_EXCLUSIVE):
                break
            await asyncio.sleep(_LOCK_PAUSE_S)
        else:
            locks.release_all(_OWNER)
            raise LaterError
        if self._warehouse.store.state.objects.get(oid) is not table.relation:
            locks.release_all(_OWNER)
            raise LaterError

    def _wait_for_none(self, table: Stored) -> None:
        """Raise ``LaterError`` where a transaction is open that may yet delete rows which it saw in the old files."""
        if self._given_up.get(table.relation.oid, 0) >= _TRIES:
            return
        begun = self._warehouse.clock.now() - _BLOCK
        for session in self._warehouse.sessions.values():
            tx = session.tx
            if (tx.block or tx.held) and not tx.failed and tx.started > begun:
                raise LaterError

    async def _record(self, table: Stored, wanted: Aims, started: datetime, before: list[DataFile]) -> None:
        mode = "SORT ONLY" if wanted.ordered else "DELETE ONLY"
        if wanted.ordered and wanted.deleted is not None:
            mode = "FULL"
        number = self._warehouse.next_transaction()
        done = Vacuuming(table=table, mode=mode, started=started, user=BOOTSTRAP_USER, transaction=number)
        record(self._warehouse, done, before, await self._tidying.files(table))


def _stored(state: CatalogState) -> dict[tuple[str, str], Stored]:
    """Return the tables that have files, by their names in the lake."""
    found = {}
    for relation in state.relations():
        schema = state.objects.get(relation.schema)
        if isinstance(schema, Schema) and relation.engine_table and not relation.temporary:
            found[schema.engine_name, relation.engine_table] = Stored(relation=relation, schema=schema)
    return found
