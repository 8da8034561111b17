"""What is done when the engine has given up the lake's catalogue: it is opened anew, under the sessions that go on.

DuckDB puts a database out of use whose checkpoint failed, for want of disk space say; what is committed is in its
log, but every statement fails until the file is opened again. That takes the end of all transactions that have
touched it, and they could not go on anyway. Where the whole instance has failed, ``session.replacing`` is asked.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from core.errors import Canceled, SqlError
from core.sqlstate import SqlState
from engine.errors import EngineFault
from session.replacing import GivenUpError, Replacing

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_SUSPICIOUS: Final = frozenset({SqlState.IO_ERROR, SqlState.CRASH_SHUTDOWN, SqlState.INTERNAL_ERROR})
"""What statements fail with that meet it."""
_RETRY_S: Final = 0.05
_COMPLAIN: Final = 200
"""After how many attempts it is told that the file cannot be opened."""


def _stay() -> None:
    return


class Mending:
    """The health of a warehouse's lake."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s lake."""
        self._warehouse = warehouse
        self._task: asyncio.Task[None] | None = None
        self._replacing = Replacing(warehouse)
        self.generation = 0
        """How often the lake was opened anew."""
        self.give_up: Callable[[], None] = _stay
        """Ends the server, for whoever watches over it to start it anew; who can sets it."""

    @property
    def busy(self) -> bool:
        """Whether the lake is being mended."""
        return self._task is not None

    async def settled(self) -> None:
        """Wait until the lake is as it should be."""
        if self._task is not None:
            await asyncio.shield(self._task)

    def suspect(self, error: SqlError | None) -> None:
        """Look whether *error*, which a statement has ended with, came of a fault of the whole instance."""
        if isinstance(error, EngineFault) and self._task is None:
            self._begin(self._replace())

    async def mended(self, error: SqlError, since: int) -> bool:
        """Tell whether *error* came of a fault that is mended now; *since* is the generation that the statement met."""
        if self.generation == since and self._task is None:
            self.suspect(error)
            if self._task is None:
                if error.state not in _SUSPICIOUS or not self._warehouse.database.reopens:
                    return False
                self._begin(self._mend())
        await self.settled()
        return self.generation != since

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(self._settle(work))

    async def _settle(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        finally:
            self._task = None

    async def _replace(self) -> None:
        if not await asyncio.to_thread(self._warehouse.database.is_spoiled):
            if await self._replacing.replace_copies():
                _log.error("the engine of copies has failed and is replaced")
                self.generation += 1
            return
        _log.error("the engine has failed and is replaced")
        self.generation += 1
        try:
            await self._replacing.replace()
        except GivenUpError as error:
            _log.critical("the server ends and is to be started anew", extra={"reason": str(error)})
            self.give_up()
            # Nobody is told anything else.
            await asyncio.Event().wait()
        _log.warning("the engine is replaced")

    async def _mend(self) -> None:
        warehouse = self._warehouse
        run, database = warehouse.executor.run, warehouse.database
        if await run(database.is_sound):
            return
        _log.error("the catalogue is out of use and is opened anew")
        self.generation += 1
        await run(database.let_go)
        attempts = 0
        while True:
            await self._end_transactions()
            if await run(database.reopen):
                _log.warning("the catalogue is open again")
                return
            attempts += 1
            if attempts % _COMPLAIN == 0:
                _log.error("the catalogue cannot be opened", extra={"attempts": attempts})
            await asyncio.sleep(_RETRY_S)

    async def _end_transactions(self) -> None:
        """End what sessions have open in the engine: as long as they have, the file is not let go of."""
        reason = Canceled(SqlState.IO_ERROR, "the catalogue had to be opened anew")
        for session in list(self._warehouse.sessions.values()):
            # What runs is stopped, and ends its transaction by itself.
            session.engine.interrupt(reason)
            if not session.engine.running:
                await session.tx.break_off(reason)
