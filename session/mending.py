"""What is done when the engine has given up the lake's catalogue: it is opened anew, under the sessions that go on.

DuckDB puts a database out of use whose checkpoint failed, for want of disk space say; what is committed is in its
log, but every statement fails until the file is opened again. That takes the end of all transactions that have
touched it, and they could not go on anyway.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from core.errors import Canceled, SqlError
from core.sqlstate import SqlState

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_SUSPICIOUS: Final = frozenset({SqlState.IO_ERROR, SqlState.CRASH_SHUTDOWN, SqlState.INTERNAL_ERROR})
"""What statements fail with that meet it."""
_RETRY_S: Final = 0.05
_COMPLAIN: Final = 200
"""After how many attempts it is told that the file cannot be opened."""


class Mending:
    """The health of a warehouse's lake."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s lake."""
        self._warehouse = warehouse
        self._task: asyncio.Task[bool] | None = None
        self.generation = 0
        """How often the lake was opened anew."""

    async def settled(self) -> None:
        """Wait until the lake is as it should be."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def mended(self, error: SqlError, since: int) -> bool:
        """Tell whether *error* came of a fault that is mended now; *since* is the generation that the statement met."""
        if self.generation == since and self._task is None:
            if error.state not in _SUSPICIOUS or not self._warehouse.database.reopens:
                return False
            self._task = asyncio.get_running_loop().create_task(self._mend())
        await self.settled()
        return self.generation != since

    async def _mend(self) -> bool:
        warehouse = self._warehouse
        run, database = warehouse.executor.run, warehouse.database
        try:
            if await run(database.is_sound):
                return False
            _log.error("the catalogue is out of use and is opened anew")
            self.generation += 1
            await run(database.let_go)
            attempts = 0
            while True:
                await self._end_transactions()
                if await run(database.reopen):
                    _log.warning("the catalogue is open again")
                    return True
                attempts += 1
                if attempts % _COMPLAIN == 0:
                    _log.error("the catalogue cannot be opened", extra={"attempts": attempts})
                await asyncio.sleep(_RETRY_S)
        finally:
            self._task = None

    async def _end_transactions(self) -> None:
        """End what sessions have open in the engine: as long as they have, the file is not let go of."""
        reason = Canceled(SqlState.IO_ERROR, "the catalogue had to be opened anew")
        for session in list(self._warehouse.sessions.values()):
            # What runs is stopped, and ends its transaction by itself.
            session.engine.interrupt(reason)
            if not session.engine.running:
                await session.tx.break_off(reason)
