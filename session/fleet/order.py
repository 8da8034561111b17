"""What is done in order: commits to a lake come one at a time, whichever server they come from."""

import asyncio
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING

from session.fleet.locks import FleetLocks
from session.locks import LockManager, Mode
from storage.metastore import Metastore

if TYPE_CHECKING:
    from session.fleet.fleet import Fleet

_COMMIT = "commit"
# Sessions have positive numbers; upkeep and the lake's schema have others below.
_OWNER = -(1 << 41)


class CommitOrder:
    """The turn to commit: among this server's transactions first, then among the servers."""

    def __init__(self, locks: FleetLocks, metastore: Metastore) -> None:
        """Take turns by *locks*; what was written to *metastore*'s log and not committed is not counted."""
        self._turn = asyncio.Lock()
        self._locks, self._metastore = locks, metastore

    async def __aenter__(self) -> None:
        """Wait for the turn; all that was committed before is known then."""
        await self._turn.acquire()
        try:
            await self._locks.acquire(_OWNER, _COMMIT, Mode.ACCESS_EXCLUSIVE)
        except BaseException:
            self._locks.release_all(_OWNER)
            self._turn.release()
            raise
        self._change = self._metastore.change

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the next one commit."""
        if kind is not None:
            self._metastore.change = self._change
        self._locks.release_all(_OWNER)
        self._turn.release()


def locks_of(fleet: "Fleet | None") -> LockManager:
    """Return the locks of a server, among others or alone."""
    return LockManager() if fleet is None else fleet.locks


def commit_order(fleet: "Fleet | None", metastore: Metastore) -> AbstractAsyncContextManager[None] | None:
    """Return the turn to commit of a server among others, None for one that is alone."""
    return None if fleet is None else CommitOrder(fleet.locks, metastore)
