"""Who is connected by Flight, and in which sessions their statements run.

A connection is what a bearer token stands for: one user in one database. Its first session runs its statements
one after the other, so that settings and temporary tables last; a statement that comes while that session is
busy with a stream gets another one. A transaction has a session to itself until it ends. All of it lives on
the event loop; ``flight.server`` calls from its threads.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from auth.exchange import Entry
from core.clock import Clock
from core.errors import Canceled, ConnectionFatal, SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from session.calls import run
from session.session import Session
from session.sessions import SessionFactory

_PROTOCOL: Final = (3, 0)
_HANDLE_BYTES: Final = 16
_LANES: Final = 16
"""Sessions of one connection at a time."""
_PRESSED_S: Final = 60
"""Seconds without a call after which a connection makes room for another where there is none."""
_PREPARED: Final = 1_000
"""Prepared statements of one connection at a time."""


@dataclass(eq=False, slots=True)
class Lane:
    """A session and its turn: whoever holds ``lock`` may call the session."""

    session: Session
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    transaction: bytes = b""
    """The identifier of the transaction that it is reserved for."""
    portals: int = 0


@dataclass(eq=False, slots=True)
class PreparedStatement:
    """What CreatePreparedStatement made: the text; each run parses it anew, in whichever session it runs."""

    query: str
    transaction: bytes
    parameter_types: tuple[ColumnType, ...] = ()
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    """Values that were bound by DoPut, a row each."""


@dataclass(eq=False, slots=True, kw_only=True)
class Link:
    """One connection."""

    user: str
    database: str
    entry: Entry
    encrypted: bool
    application: str
    used: float
    peer: str = ""
    lanes: list[Lane] = field(default_factory=list)
    prepared: dict[bytes, PreparedStatement] = field(default_factory=dict)
    running: dict[bytes, Lane] = field(default_factory=dict)
    """By the nonce of a ticket, for cancelling."""
    closed: bool = False


class Links:
    """All connections."""

    def __init__(self, sessions: SessionFactory, clock: Clock, *, idle_s: float, most: int) -> None:
        """Open sessions by *sessions*; connections end after *idle_s* seconds without a call."""
        self._factory = sessions
        self._clock = clock
        self._idle_s = idle_s
        self._most = most
        self._links: set[Link] = set()
        self._pids: dict[int, Link] = {}
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to watch for connections that are not used."""
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def begin_transaction(self, link: Link) -> bytes:
        """Reserve a session, begin a transaction in it and return its identifier."""
        lane = await self._free(link)
        try:
            await run(lane.session, "BEGIN")
            lane.transaction = secrets.token_bytes(_HANDLE_BYTES)
            return lane.transaction
        finally:
            lane.lock.release()

    async def end_transaction(self, link: Link, transaction: bytes, *, commit: bool) -> None:
        """End a transaction and give its session back."""
        lane = _of(link, transaction)
        async with lane.lock:
            lane.transaction = b""
            await run(lane.session, "COMMIT" if commit else "ROLLBACK")

    @asynccontextmanager
    async def turn(self, link: Link, transaction: bytes = b"") -> AsyncIterator[Lane]:
        """Lend a session for one call: the transaction's own, or one that is free."""
        if link.closed:
            raise ConnectionFatal(SqlState.ADMIN_SHUTDOWN, "the connection is closed")
        link.used = self._clock.monotonic()
        if transaction:
            lane = _of(link, transaction)
            await lane.lock.acquire()
        else:
            lane = await self._free(link)
        try:
            yield lane
        finally:
            lane.lock.release()
            link.used = self._clock.monotonic()

    def current(self, link: Link, transaction: bytes) -> bytes:
        """Return the transaction that a statement prepared in *transaction* belongs to now.

        ADBC goes on using it after a commit: then it belongs to the connection's one open transaction, if any.
        """
        opened = [lane.transaction for lane in link.lanes if lane.transaction]
        if not transaction or transaction in opened:
            return transaction
        return opened[0] if len(opened) == 1 else b""

    def prepare(self, link: Link, statement: PreparedStatement) -> bytes:
        """Keep a prepared statement and return its handle."""
        if len(link.prepared) >= _PREPARED:
            raise SqlError(SqlState.PROGRAM_LIMIT_EXCEEDED, "too many prepared statements")
        handle = secrets.token_bytes(_HANDLE_BYTES)
        link.prepared[handle] = statement
        return handle

    def cancel(self, link: Link, nonce: bytes) -> bool:
        """Stop the statement that a ticket began; return whether it runs."""
        lane = link.running.get(nonce)
        if lane is None:
            return False
        lane.session.cancel()
        return True

    async def close(self, link: Link) -> None:
        """End a connection."""
        link.closed = True
        self._links.discard(link)
        for lane in link.lanes:
            lane.session.interrupt(Canceled(SqlState.ADMIN_SHUTDOWN, "the connection is closed"))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await lane.lock.acquire()
            self._pids.pop(lane.session.pid, None)
            await lane.session.close()
        link.lanes.clear()

    def terminate(self, pid: int, reason: ConnectionFatal) -> bool:
        """End the connection that the session *pid* is of; return whether there is one."""
        link = self._pids.get(pid)
        if link is None:
            return False
        link.closed = True
        for lane in link.lanes:
            lane.session.interrupt(Canceled(reason.state, reason.message))
        task = asyncio.get_running_loop().create_task(self.close(link))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        return True

    async def drain(self) -> None:
        """End all connections."""
        if self._task is not None:
            self._task.cancel()
        for link in list(self._links):
            await self.close(link)
        if self._ending:
            await asyncio.wait(self._ending)

    async def _free(self, link: Link) -> Lane:
        """Return a session that nobody uses, locked; opened now where all are busy."""
        for lane in link.lanes:
            if not lane.transaction and not lane.lock.locked():
                await lane.lock.acquire()
                return lane
        if len(link.lanes) >= _LANES:
            raise SqlError(SqlState.PROGRAM_LIMIT_EXCEEDED, "too many statements at a time on one connection")
        if link not in self._links and len(self._links) >= self._most:
            await self._make_room()
        self._links.add(link)
        session = await self._factory.open(
            user=link.user,
            database=link.database,
            parameters={"application_name": link.application},
            peer=link.peer,
            tls=link.encrypted,
            protocol=_PROTOCOL,
            entry=link.entry,
        )
        lane = Lane(session)
        await lane.lock.acquire()
        link.lanes.append(lane)
        self._pids[session.pid] = link
        return lane

    async def _make_room(self) -> None:
        """End the connection that was not used for longest: a client that hangs up is not noticed by gRPC."""
        idle = [
            link
            for link in self._links
            if not any(lane.transaction or lane.lock.locked() for lane in link.lanes)
            and self._clock.monotonic() - link.used > _PRESSED_S
        ]
        if not idle:
            raise ConnectionFatal(SqlState.TOO_MANY_CONNECTIONS, "sorry, too many clients already")
        await self.close(min(idle, key=lambda link: link.used))

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(self._idle_s, 10))
            limit = self._clock.monotonic() - self._idle_s
            for link in list(self._links):
                if link.used < limit and not any(lane.lock.locked() for lane in link.lanes):
                    await self.close(link)


def _of(link: Link, transaction: bytes) -> Lane:
    for lane in link.lanes:
        if lane.transaction and secrets.compare_digest(lane.transaction, transaction):
            return lane
    raise SqlError(SqlState.NO_ACTIVE_SQL_TRANSACTION, "the transaction does not exist or has ended")
