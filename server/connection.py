"""One connection's life: start-up, authentication, statements, end; and the door where errors become bytes.

Every error of a connection ends here: a ``SqlError`` is told to the client, anything else is logged and
told as an internal error with the number under which it was logged.
"""

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import Protocol

from auth.exchange import Entry
from core.errors import Canceled, ConnectionFatal, SqlError
from core.sqlstate import SqlState
from server.cancel import CancelKeys
from server.channel import Channel, ConnectionLost
from server.delivery import Delivery
from server.dialogue import Dialogue
from server.seams import Authenticate, Exchange, Session, Sessions, Step
from server.tls import Handshake, ServerTls, TlsMode
from server.tokens import IDENTITY_PROVIDER
from server.wire import replies, startup
from server.wire.authentication import AUTHENTICATION_OK, authentication_request
from server.wire.diagnostics import error_response
from server.wire.framing import ProtocolViolation
from server.wire.messages import AuthenticationResponse, Terminate, Unread
from server.wire.protocol import Event
from server.wire.state import Happening, State
from session.failures import told

_log = logging.getLogger(__name__)
_SASL_FINAL = 12
_SHORT_SECRET_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all connections of a listener share."""

    authenticate: Authenticate
    sessions: Sessions
    keys: CancelKeys
    tls: ServerTls | None
    tls_mode: TlsMode
    authentication_timeout_s: float


class Host(Protocol):
    """Who keeps count of connections (the listener)."""

    def admit(self, connection: "Connection") -> None:
        """Take note that a connection has proved who it is; raises 53300 when there are too many."""
        ...


class Connection:
    """A client, from its first byte to its last."""

    def __init__(self, channel: Channel, surroundings: Surroundings, host: Host) -> None:
        self._channel = channel
        self._around = surroundings
        self._host = host
        self._session: Session | None = None
        self._fatal: ConnectionFatal | None = None
        self._interrupted = False
        self._copy_canceled = False
        self._introduced = False
        self._entry: Entry | None = None
        self._certificate_hash = surroundings.tls.certificate_hash if surroundings.tls else b""
        channel.lost = self._abandoned

    async def run(self) -> None:
        """Serve the client until it or we end it; never raises but for cancellation."""
        try:
            await self._converse()
        except ConnectionLost:
            pass
        except Exception as error:
            self._farewell(told(error))
        finally:
            await self._clean_up()

    def shut_down(self, reason: ConnectionFatal) -> None:
        """End the connection as soon as its running statement, if any, has ended."""
        self._fatal = self._fatal or reason
        self._channel.wake()

    def interrupt(self, reason: ConnectionFatal) -> None:
        """End the connection now, its running statement too."""
        self.shut_down(reason)
        self._interrupted = True
        self._cancel()

    def abort(self) -> None:
        """Drop the connection without a word."""
        self._channel.abort()

    @property
    def pid(self) -> int | None:
        """Return the session's number once there is a session."""
        return self._session.pid if self._session else None

    async def _converse(self) -> None:
        packet = await self._prove()
        if packet is None:
            return
        dialogue = await self._open(packet)
        await dialogue.ready()
        while not isinstance(message := await self._receive(), Terminate):
            try:
                await dialogue.handle(message)
            except (ConnectionLost, ConnectionFatal):
                raise
            except Exception as error:
                await self._failed(dialogue, error)

    async def _prove(self) -> startup.Startup | None:
        """Return the start-up packet of a client that has proved who it is, None when it wanted no session."""
        try:
            async with asyncio.timeout(self._around.authentication_timeout_s):
                packet = await self._start()
                if packet is not None:
                    await self._authenticate(packet)
                return packet
        except TimeoutError:
            if not self._introduced:
                raise ConnectionLost from None
            raise ConnectionFatal(SqlState.QUERY_CANCELED, "canceling authentication due to timeout") from None

    async def _start(self) -> startup.Startup | None:
        """Settle encryption and return the start-up packet, None when it was about something else."""
        while True:
            event = await self._receive()
            if isinstance(event, startup.TlsRequest):
                await self._answer_tls_request()
            elif isinstance(event, startup.GssRequest):
                self._channel.send(replies.ENCRYPTION_REFUSED)
                await self._channel.flush()
            elif isinstance(event, startup.CancelRequest):
                self._around.keys.request(event.pid, event.secret)
                return None
            elif isinstance(event, startup.Startup):
                self._check_encryption(event)
                return event

    async def _answer_tls_request(self) -> None:
        protocol = self._channel.protocol
        if self._around.tls is None or self._around.tls_mode is TlsMode.DISABLE:
            protocol.happened(Happening.TLS_REFUSED)
            self._channel.send(replies.ENCRYPTION_REFUSED)
            await self._channel.flush()
            return
        if protocol.buffered:
            # Sent before the client could have been encrypting: injected by someone in the middle.
            raise ProtocolViolation("received unencrypted data after SSL request")
        protocol.happened(Happening.TLS_ACCEPTED)
        self._certificate_hash = self._around.tls.certificate_hash
        await self._channel.start_tls(self._around.tls.context, replies.TLS_ACCEPTED)

    def _check_encryption(self, packet: startup.Startup) -> None:
        self._introduced = True
        if self._channel.direct and not self._channel.speaks_postgresql:
            raise ProtocolViolation(
                "received direct SSL connection request without ALPN protocol negotiation extension"
            )
        if self._around.tls_mode is TlsMode.REQUIRE and not self._channel.encrypted:
            named = dict(packet.parameters)
            raise ConnectionFatal(
                SqlState.INVALID_AUTHORIZATION_SPECIFICATION,
                f'no pg_hba.conf entry for host "{self._channel.peer}", user "{named.get("user", "")}", '
                f'database "{_database(named)}", SSL off',
            )

    async def _authenticate(self, packet: startup.Startup) -> None:
        named = dict(packet.parameters)
        # Whom an identity provider's token lets in is what the token says.
        if not named.get("user") and not named.get(IDENTITY_PROVIDER):
            raise ConnectionFatal(
                SqlState.INVALID_AUTHORIZATION_SPECIFICATION,
                "no PostgreSQL user name specified in startup packet",
            )
        if startup.needs_negotiation(packet):
            self._channel.send(startup.negotiate(packet))
        self._check_certificate(named.get("user", ""))
        await self._around.sessions.expect()
        exchange = self._around.authenticate(
            user=named.get("user", ""),
            database=_database(named),
            parameters=named,
            peer=self._channel.peer,
            tls=Handshake(self._certificate_hash) if self._channel.encrypted else None,
        )
        step = exchange.start()
        # Success carries no code, or that of SASLFinal, which by definition is the last.
        while step.code is not None and step.code != _SASL_FINAL:
            self._channel.send(authentication_request(step.code, step.payload or b""))
            await self._channel.flush()
            response = await self._receive()
            if not isinstance(response, AuthenticationResponse):
                raise ConnectionLost  # Terminate
            # Deriving a key from a password takes milliseconds, which the other connections need not wait.
            step = await self._judged(exchange, response.body, named)
        if step.code is not None:
            self._channel.send(authentication_request(step.code, step.payload or b""))
        self._entry = step.entry
        self._host.admit(self)
        self._channel.send(AUTHENTICATION_OK)
        self._channel.protocol.happened(Happening.AUTHENTICATED)

    def _check_certificate(self, user: str) -> None:
        tls = self._around.tls
        if tls is not None and tls.names_users and self._channel.encrypted and self._channel.peer_name != user:
            raise ConnectionFatal(
                SqlState.INVALID_AUTHORIZATION_SPECIFICATION, f'certificate authentication failed for user "{user}"'
            )

    async def _judged(self, exchange: Exchange, body: bytes, named: dict[str, str]) -> Step:
        try:
            return await asyncio.to_thread(exchange.step, body)
        except ConnectionFatal:
            self._around.sessions.refused(
                user=named.get("user", ""),
                database=_database(named),
                peer=self._channel.endpoint,
                tls=self._channel.encrypted,
            )
            # Whoever was told of one wrong password could else try another one elsewhere before it counts.
            await self._around.sessions.settled()
            raise

    async def _open(self, packet: startup.Startup) -> Dialogue:
        named = dict(packet.parameters)
        session = await self._around.sessions.open(
            user=named.get("user", ""),
            database=_database(named),
            parameters={name: value for name, value in named.items() if name not in {"user", "database"}},
            peer=self._channel.endpoint,
            tls=self._channel.encrypted,
            protocol=packet.version,
            entry=self._entry,
            cipher=self._channel.cipher,
        )
        self._session = session
        secret = session.secret if packet.version >= (3, 2) else session.secret[:_SHORT_SECRET_BYTES]
        self._around.keys.add(session.pid, secret, self._cancel)
        reported = session.parameters_reported
        for name, value in reported:
            self._channel.send(replies.parameter_status(name, value))
        self._channel.send(replies.backend_key_data(session.pid, secret))
        level = dict(reported).get("server_protocol_version", "0")
        delivery = Delivery(self._channel, session, self._receive_copy, int(level) if level.isdigit() else 0)
        return Dialogue(self._channel, session, delivery)

    async def _receive(self) -> Event:
        """Return the next message; an end that was asked for comes when the client waits for nothing."""
        self._copy_canceled = False
        while True:
            if self._fatal and (self._interrupted or self._channel.protocol.state is State.READY):
                raise self._fatal
            event = self._channel.next_event()
            if event is not None:
                if self._channel.overdue:
                    await self._channel.give_way()
                return await asyncio.to_thread(event.read) if isinstance(event, Unread) else event
            if self._fatal:
                raise self._fatal
            await self._channel.wait()

    async def _receive_copy(self) -> Event:
        """Return the next message of a COPY stream, which counts as a running statement."""
        while True:
            if self._fatal and self._interrupted:
                raise self._fatal
            if self._copy_canceled:
                self._copy_canceled = False
                raise Canceled(SqlState.QUERY_CANCELED, "canceling statement due to user request")
            event = self._channel.next_event()
            if event is not None:
                if self._channel.overdue:
                    await self._channel.give_way()
                return event.read() if isinstance(event, Unread) else event
            await self._channel.wait()

    async def _failed(self, dialogue: Dialogue, error: Exception) -> None:
        """Tell the client of an error that it may recover from."""
        if self._fatal and self._interrupted:
            raise self._fatal
        failure = told(error)
        if self._session is not None:
            await self._session.fail(failure)
        self._channel.protocol.happened(Happening.FAILED)
        dialogue.announce()
        self._channel.send(error_response(failure.diagnosis()))
        if self._channel.protocol.state is State.SKIPPING:
            await self._channel.flush()
        else:
            await dialogue.ready()

    def _cancel(self) -> None:
        if self._channel.protocol.state in {State.COPY_SIMPLE, State.COPY_EXTENDED}:
            self._copy_canceled = True
            self._channel.wake()
        if self._session is not None:
            self._session.cancel()

    def _abandoned(self) -> None:
        """Stop working for a client that has gone."""
        if self._session is not None:
            self._session.cancel()

    def _farewell(self, error: SqlError) -> None:
        self._channel.send(error_response(replace(error.diagnosis(), severity="FATAL", position=None)))

    async def _clean_up(self) -> None:
        self._channel.close()
        if self._session is None:
            return
        self._around.keys.remove(self._session.pid)
        try:
            await self._session.close()
        except Exception as error:
            told(error)


def _database(parameters: dict[str, str]) -> str:
    return parameters.get("database") or parameters["user"]
