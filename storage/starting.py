"""The start of one of several servers of a lake: one at a time, once the catalogue's PostgreSQL is there.

Needs the package asyncpg.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from storage import superseded
from storage.coordination import MEMBERS, connect, key_of
from storage.database import WarehouseError

_log = logging.getLogger(__name__)
_START: Final = "start"
_AGAIN_S: Final = 0.5
_COMPLAIN_S: Final = 10.0
_LONG_UP: Final = "SELECT now() - pg_postmaster_start_time() > interval '1 minute'"


class StartLock:
    """Keeps servers from starting at the same time: held by a thread until ``release``."""

    def __init__(self, address: str, patience_s: float, noted: Callable[[bool], None]) -> None:
        """Wait for the lock, and *patience_s* for a PostgreSQL that is away, of which *noted* is told.

        Raises ``WarehouseError``.
        """
        self._address, self._patience_s, self._noted = address, patience_s, noted
        self._done = threading.Event()
        self._held = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="duckshift-start", daemon=True)
        self._thread.start()
        self._held.wait()
        if self._error is not None:
            said = str(self._error) or type(self._error).__name__
            raise WarehouseError(f"cannot reach the catalogue: {said.splitlines()[0]}") from self._error

    def release(self) -> None:
        """Let the next server start."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._hold())
        except Exception as error:  # noqa: BLE001 - raised where the lock is waited for
            self._error = error
        finally:
            self._held.set()

    async def _hold(self) -> None:
        connection = await self._reached()
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", key_of(_START))
            await _tidied(connection)
            self._held.set()
            await asyncio.to_thread(self._done.wait)
        finally:
            await connection.close()

    async def _reached(self) -> Any:
        """Return a connection, as soon as there can be one."""
        import asyncpg

        passing = (
            OSError, TimeoutError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError,
            asyncpg.TooManyConnectionsError,
        )  # fmt: skip
        until, complain = time.monotonic() + self._patience_s, 0.0
        while True:
            try:
                connection = await connect(self._address)
            except passing as error:
                now = time.monotonic()
                if now >= until:
                    raise
                if now >= complain:
                    complain = now + _COMPLAIN_S
                    facts = {"reason": type(error).__name__, "for_s": round(until - now)}
                    _log.warning("waiting for the catalogue's PostgreSQL", extra=facts)
                    self._noted(True)
                await asyncio.sleep(_AGAIN_S)
            else:
                self._noted(False)
                return connection


async def _tidied(connection: Any) -> None:
    """Do what needs that no other server is there; one that has just lost its connection is counted as one."""
    if not await connection.fetchval(_LONG_UP):
        return
    if await connection.fetchval("SELECT pg_try_advisory_lock($1)", key_of(MEMBERS)):
        await connection.execute(superseded.DROP)
        await connection.execute("SELECT pg_advisory_unlock($1)", key_of(MEMBERS))
