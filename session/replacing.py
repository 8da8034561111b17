"""What is done when DuckDB's instance has met a fatal error: another takes its place, under the sessions that go on.

DuckDB refuses everything then until it is started anew. All that is committed is in the lake. What is lost is what
was open: transactions, and the sessions' temporary tables.
"""

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING, Final

from catalog.model import Relation
from catalog.store import Changes
from core.errors import Canceled, SqlError
from core.sqlstate import SqlState
from storage.database import WarehouseError

if TYPE_CHECKING:
    from session.session import Session
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
MOST: Final = 3
"""How many instances may fail within ``WITHIN_S``: each leaves its memory behind."""
WITHIN_S: Final = 600.0
_TRIES: Final = 50
_RETRY_S: Final = 0.1
_ENDING_S: Final = 60.0
"""How long is waited for what runs in the instance that has failed."""
_PRESSED_S: Final = 0.02


class GivenUpError(Exception):
    """There is no going on: whoever watches over the server is to start it anew."""


class Replacing:
    """Replaces the warehouse's instance."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s."""
        self._warehouse = warehouse
        self._failures: deque[float] = deque(maxlen=MOST)
        warehouse.database.renewed.append(self._renewed)

    async def replace_copies(self) -> bool:
        """Do without the second instance, of copies, where it has failed; false where it has not."""
        hot = self._warehouse.hot
        if not await asyncio.to_thread(hot.store.is_spoiled):
            return False
        hot.restart()
        for session in self._warehouse.sessions.values():
            session.hot.restart()
        return True

    async def replace(self) -> None:
        """Go on with a new instance; raises ``GivenUpError``."""
        now = time.monotonic()
        if len(self._failures) == MOST and now - self._failures[0] < WITHIN_S:
            raise GivenUpError("the engine has failed too often")
        self._failures.append(now)
        await self._end_all()
        database = self._warehouse.database
        for attempt in range(_TRIES):
            try:
                await asyncio.to_thread(database.replace)
                break
            except WarehouseError as error:
                _log.warning("the engine cannot be started anew yet", exc_info=error, extra={"attempt": attempt})
                await asyncio.sleep(_RETRY_S)
        else:
            raise GivenUpError("the engine cannot be started anew")
        self._take_in()
        for session in list(self._warehouse.sessions.values()):
            if session.instance != database.failures:
                _renew(session)

    async def _end_all(self) -> None:
        """Let what runs in the old instance come to its end; nothing new can begin there."""
        sessions = self._warehouse.sessions
        reason = Canceled(SqlState.CRASH_SHUTDOWN, "the execution engine had to be started anew")
        end = time.monotonic() + _ENDING_S
        while running := [session for session in sessions.values() if session.engine.running]:
            for session in running:
                session.engine.interrupt(reason)
            if time.monotonic() > end:
                raise GivenUpError("a statement does not end")
            await asyncio.sleep(_PRESSED_S)
        if not await self._warehouse.executor.ended(_ENDING_S):
            raise GivenUpError("a statement does not end")
        for session in list(sessions.values()):
            session.engine.interrupt(reason)
            await session.tx.break_off(reason)

    def _renewed(self) -> None:
        """Have those who keep something in the instance begin anew; on the thread that has made the new one."""
        warehouse = self._warehouse
        database, udfs = warehouse.database, warehouse.limits.udfs
        for kept in (warehouse.metastore, warehouse.journal, warehouse.recorder.history):
            kept.reconnect(database.cursor())
        warehouse.shared.reconnect(database)
        warehouse.effects.forget()
        if udfs is not None:
            udfs.forget()
        self._entries = [] if warehouse.fleet is not None else warehouse.metastore.unsettled()

    def _take_in(self) -> None:
        """See what a commit has left whose end nobody saw."""
        warehouse = self._warehouse
        warehouse.take_in(self._entries)
        warehouse.cache.restart()
        relations = (item.oid for item in warehouse.store.state.objects.values() if isinstance(item, Relation))
        warehouse.scans.forget(frozenset(relations))


def _renew(session: "Session") -> None:
    """Give *session* a connection to the new instance."""
    warehouse, tx = session.warehouse, session.tx
    session.engine.reconnect()
    session.instance = warehouse.database.failures
    session.variables.clear()
    session.zone = "UTC"
    tx.filled.clear()
    if tx.temporaries:
        tx.temporaries = Changes(serial=tx.temporaries.serial + 1)
        session.lost = SqlError(
            SqlState.CRASH_SHUTDOWN,
            "the execution engine had to be started anew: the session's temporary tables are lost",
            hint="Create them again.",
        )
