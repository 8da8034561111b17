"""Accepts connections, keeps their number in bounds, and sends them home when the server stops.

A connection costs nothing but its own task: nothing is awaited between accepting one and the next.
"""

import asyncio
import logging
import os
import socket
from dataclasses import dataclass

from core.errors import ConnectionFatal
from core.sqlstate import SqlState
from server.cancel import CancelKeys
from server.channel import INPUT_BYTES, Channel
from server.connection import Connection, Surroundings
from server.seams import Authenticate, Sessions
from server.tls import ServerTls, TlsMode
from server.wire.diagnostics import error_response
from server.wire.protocol import DEFAULT_MESSAGE_BYTES, ServerProtocol

_log = logging.getLogger(__name__)
_BACKLOG = 512
_ACCEPTED = 4
_INTERRUPT_S = 5
_LOGIN_S = 2.0
"""What logging in takes at most, where a client means to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerSettings:
    """Where to listen and what to allow."""

    host: str = "127.0.0.1"
    port: int = 5439
    """0 for any free port."""
    max_connections: int = 500
    max_unauthenticated: int = 128
    authentication_timeout_s: float = 60
    max_message_bytes: int = DEFAULT_MESSAGE_BYTES
    tls_mode: TlsMode = TlsMode.ALLOW


class Listener:
    """The server's socket and everyone connected to it."""

    def __init__(
        self,
        settings: ListenerSettings,
        *,
        authenticate: Authenticate,
        sessions: Sessions,
        tls: ServerTls | None,
    ) -> None:
        self._settings = settings
        self._around = Surroundings(
            authenticate=authenticate,
            sessions=sessions,
            keys=CancelKeys(),
            tls=tls,
            tls_mode=settings.tls_mode,
            authentication_timeout_s=settings.authentication_timeout_s,
        )
        self._direct_tls = tls.context if tls and settings.tls_mode is not TlsMode.DISABLE else None
        self._input = memoryview(bytearray(INPUT_BYTES))
        self._server: asyncio.Server | None = None
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._admitted: set[Connection] = set()
        self._unproved: dict[Connection, float] = {}
        """Who has yet to prove who it is, the oldest first, and since when."""
        self._draining = False

    async def start(self) -> None:
        """Bind and accept; raises OSError when the address cannot be had."""
        # Where descriptors run out, asyncio stops accepting for a second and tries again.
        self._server = await asyncio.get_running_loop().create_server(
            self._channel, self._settings.host, self._settings.port, backlog=_ACCEPTED
        )
        for bound in self._server.sockets:
            # asyncio takes one number for both: how many may wait, and how many of them are taken in one turn.
            with socket.socket(fileno=os.dup(bound.fileno())) as same:
                same.listen(_BACKLOG)

    @property
    def port(self) -> int:
        """Return the port that was bound."""
        assert self._server is not None  # noqa: S101 - asked after start()
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def keys(self) -> CancelKeys:
        """Return who may interrupt which session."""
        return self._around.keys

    @property
    def connections(self) -> int:
        """Return how many sockets are open."""
        return len(self._connections)

    def terminate(self, pid: int, reason: ConnectionFatal) -> bool:
        """End session *pid* and what it runs; return whether there is one."""
        for connection in self._connections:
            if connection.pid == pid:
                connection.interrupt(reason)
                return True
        return False

    def admit(self, connection: Connection) -> None:
        """Count a connection that has proved who it is."""
        if len(self._admitted) >= self._settings.max_connections:
            raise _too_many()
        self._admitted.add(connection)
        self._unproved.pop(connection, None)

    async def drain(self, grace_s: float) -> None:
        """Stop: no new connections, idle ones end now, running statements may take *grace_s* seconds more."""
        self._draining = True
        if self._server is not None:
            self._server.close()
        reason = ConnectionFatal(SqlState.ADMIN_SHUTDOWN, "terminating connection due to administrator command")
        for connection in list(self._connections):
            connection.shut_down(reason)
        await self._wait(grace_s)
        for connection in list(self._connections):
            connection.interrupt(reason)
        await self._wait(_INTERRUPT_S)
        await self.close()

    async def close(self) -> None:
        """Stop at once."""
        self._draining = True
        if self._server is not None:
            self._server.close()
        for connection, task in list(self._connections.items()):
            connection.abort()
            task.cancel()
        await self._wait(_INTERRUPT_S)

    async def _wait(self, seconds: float) -> None:
        if self._connections:
            await asyncio.wait(self._connections.values(), timeout=seconds)

    def _channel(self) -> Channel:
        protocol = ServerProtocol(max_message_bytes=self._settings.max_message_bytes)
        return Channel(protocol, self._opened, self._direct_tls, self._input)

    def _opened(self, channel: Channel) -> None:
        if self._draining or not self._has_room():
            # Told in the clear: a client that wants TLS first sees a closed connection.
            channel.send(error_response(_too_many().diagnosis()))
            channel.close()
            return
        connection = Connection(channel, self._around, self)
        self._unproved[connection] = asyncio.get_running_loop().time()
        task = asyncio.get_running_loop().create_task(connection.run())
        self._connections[connection] = task
        task.add_done_callback(lambda done: self._ended(connection, done))

    def _has_room(self) -> bool:
        """Tell whether one more may come that has yet to prove who it is.

        Where there is none, the oldest that has had time enough makes room: those who only hold the line must not keep
        out who has something to say.
        """
        if len(self._unproved) < self._settings.max_unauthenticated:
            return True
        oldest, since = next(iter(self._unproved.items()))
        if asyncio.get_running_loop().time() - since < _LOGIN_S:
            return False
        del self._unproved[oldest]
        oldest.abort()
        return True

    def _ended(self, connection: Connection, task: "asyncio.Task[None]") -> None:
        del self._connections[connection]
        self._admitted.discard(connection)
        self._unproved.pop(connection, None)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a connection ended badly", exc_info=task.exception())


def _too_many() -> ConnectionFatal:
    return ConnectionFatal(SqlState.TOO_MANY_CONNECTIONS, "sorry, too many clients already")
