"""A session's wait for a lock: it can be interrupted, has a time-out, and leaves the queue for running statements."""

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING

from core.errors import Canceled, SqlError
from core.sqlstate import SqlState
from session.fleet.views import overtaken
from session.locks import Mode
from session.settings import Settings

if TYPE_CHECKING:
    from session.warehouse import Warehouse


class Waits:
    """The locks that one session takes."""

    def __init__(self, owner: int, warehouse: "Warehouse", settings: Settings) -> None:
        """Take locks for the session whose number is *owner*."""
        self._owner, self._warehouse, self._settings = owner, warehouse, settings
        self._waiting: asyncio.Task[None] | None = None
        self._reason: SqlError | None = None

    async def lock(self, key: Hashable, mode: Mode) -> None:
        """Take a lock to the end of the transaction."""
        if self._warehouse.locks.try_acquire(self._owner, key, mode):
            return
        session = self._warehouse.sessions.get(self._owner)
        paused = session is not None and session.admission.pause()
        await self._wait_for(key, mode)
        if session is not None and paused:
            await session.admission.resume()

    async def lock_again(self, key: Hashable, mode: Mode) -> None:
        """Take a lock where a weaker one may be held of what rows are only taken down for; raises 40001.

        Who waits for a stronger lock with a weaker one may wait for another who does.
        """
        warehouse = self._warehouse
        if warehouse.locks.try_acquire(self._owner, key, mode):
            return
        version = warehouse.store.state.version if warehouse.locks.release(self._owner, key) else None
        await self.lock(key, mode)
        if version not in (None, warehouse.store.state.version):
            raise overtaken()

    def interrupt(self, reason: Canceled) -> None:
        """End a wait with *reason*."""
        if self._waiting is not None:
            self._reason = reason
            self._waiting.cancel()

    async def _wait_for(self, key: Hashable, mode: Mode) -> None:
        locks = self._warehouse.locks
        self._waiting = asyncio.ensure_future(locks.acquire(self._owner, key, mode))
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
