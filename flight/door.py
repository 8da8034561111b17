"""The door of Arrow Flight SQL, put together, and its life."""

import asyncio
import threading
from pathlib import Path

from core.clock import Clock
from core.config import FlightOptions
from core.errors import ConnectionFatal
from flight.bridge import Bridge
from flight.identity import Tokens
from flight.lanes import Links
from flight.seams import Codec, Judge
from flight.server import FlightSqlServer
from flight.statements import Statements
from session.sessions import SessionFactory
from session.warehouse import Warehouse

_LEAVE_S = 1.0
_POLL_S = 0.05


class FlightDoor:
    """One listening port."""

    def __init__(  # noqa: PLR0913 - what a server is made of
        self,
        location: str,
        options: FlightOptions,
        *,
        warehouse: Warehouse,
        sessions: SessionFactory,
        codec: Codec,
        judge: Judge,
        clock: Clock,
        database: str,
        certificate: tuple[Path, Path] | None,
    ) -> None:
        """Serve at *location* (``grpc+tls://HOST:PORT``) with *certificate*, or ``grpc://`` without."""
        self._location = location
        self._codec = codec
        self._certificates = [(part.read_text() for part in certificate)] if certificate is not None else []
        self._links = Links(sessions, clock, idle_s=options.idle_timeout_s, most=options.max_connections)
        self._statements = Statements(self._links, codec, lambda: warehouse.store.state)
        self._tokens = Tokens(
            judge, clock, database=database, encrypted=certificate is not None, idle_s=options.idle_timeout_s
        )
        self._server: FlightSqlServer | None = None
        self._bridge: Bridge | None = None
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Listen; raises OSError when the address cannot be had."""
        self._bridge = Bridge(asyncio.get_running_loop())
        self._server = await asyncio.to_thread(self._made, self._bridge)
        # It serves from its making. Its serve() would wait for signals, and take them from the event loop.
        self._links.start()

    def _made(self, bridge: Bridge) -> FlightSqlServer:
        return FlightSqlServer(
            self._location,
            bridge=bridge,
            links=self._links,
            statements=self._statements,
            tokens=self._tokens,
            codec=self._codec,
            certificates=[(first, second) for first, second in self._certificates],
        )

    @property
    def port(self) -> int:
        """The port that was bound."""
        assert self._server is not None  # noqa: S101 - asked after start()
        return int(self._server.port)

    def terminate(self, pid: int, reason: ConnectionFatal) -> bool:
        """End the session *pid*; return whether there is one here."""
        return self._links.terminate(pid, reason)

    async def drain(self, grace_s: float) -> None:
        """Stop: no new calls; what runs may take *grace_s* seconds more."""
        if self._server is None:
            return
        # It waits for every call to end, which a client that has stopped reading never does: not to be waited for.
        self._thread = threading.Thread(target=self._server.shutdown, name="flight-end", daemon=True)
        self._thread.start()
        await self._ended(self._thread, grace_s)
        if self._bridge is not None:
            self._bridge.end_streams()
        await self._links.drain()
        await self._ended(self._thread, _LEAVE_S)

    @property
    def stuck(self) -> bool:
        """Whether a call is left that gRPC would wait for without end."""
        return self._thread is not None and self._thread.is_alive()

    async def _ended(self, thread: threading.Thread, seconds: float) -> None:
        """Wait for the server's thread to end, for *seconds* at most."""
        for _ in range(int(seconds / _POLL_S) + 1):
            if not thread.is_alive():
                return
            await asyncio.sleep(_POLL_S)
