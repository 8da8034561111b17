"""A connection's bytes: the socket, its encryption, and both directions' flow control.

Reads into ``ServerProtocol``'s buffer and stops reading when a message waits there and enough has piled
up; writes with the transport's limits honoured, so that a client which does not read holds up its own
statement and nothing else. Knows no session.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

from server.tls import ALPN, TlsStream
from server.wire.messages import Unread
from server.wire.protocol import Event, ServerProtocol
from server.wire.state import Happening

INPUT_BYTES: Final = 65_536
_INPUT_PAUSE_BYTES: Final = 131_072
_OUTPUT_HIGH_BYTES: Final = 262_144
_OUTPUT_LOW_BYTES: Final = 65_536
GATHER_BYTES: Final = 65_536
_SHARE_S: Final = 0.001
"""How long a client that has sent many messages at once is heard before others are."""
_TURN_BYTES: Final = 131_072
"""What is encrypted at once: others are heard between two of these."""
_TLS_RECORD: Final = 0x16
_LINGER_S: Final = 10
_KEEPALIVE: Final = (
    (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
    (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 60),
    (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 10),
    (socket.IPPROTO_TCP, "TCP_KEEPCNT", 6),
)


class ConnectionLost(Exception):
    """There is no one to talk to any more."""


class Channel(asyncio.BufferedProtocol):
    """One socket. *opened* is called when it is connected, *lost* (settable) once when it is not any more."""

    def __init__(
        self,
        protocol: ServerProtocol,
        opened: Callable[["Channel"], None],
        direct_tls: ssl.SSLContext | None,
        input_buffer: memoryview,
    ) -> None:
        self.protocol = protocol
        self.lost: Callable[[], None] = _nothing
        self.is_lost = False
        self.direct = False
        self._opened = opened
        self._direct_tls = direct_tls
        # Shared by all channels of a loop: what is read into it is taken before anything else is read.
        self._input = input_buffer
        self._transport: asyncio.Transport | None = None
        self._tls: TlsStream | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._reading_paused = False
        self._writing_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._pending: list[bytes] = []
        self.pending_bytes = 0
        """How much the next ``flush`` will send."""
        self._virgin = True
        self._since = 0.0
        self.overdue = False
        """Whether this client's messages have been seen to for a while, and others are to be heard."""
        self._stream: socket.socket | None = None

    @property
    def peer(self) -> str:
        """Return the client's address."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return str(name[0]) if isinstance(name, tuple) else "[local]"

    @property
    def endpoint(self) -> str:
        """Return the client's address and port."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return f"{name[0]}:{name[1]}" if isinstance(name, tuple) else "[local]"

    @property
    def cipher(self) -> tuple[str, str]:
        """Return the version of TLS and the cipher, empty without."""
        return self._tls.cipher if self._tls is not None else ("", "")

    @property
    def encrypted(self) -> bool:
        """Return whether what is said now is encrypted."""
        return self._tls is not None

    # asyncio calls these.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over a new socket."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream server's factory
        self._transport = transport
        transport.set_write_buffer_limits(high=_OUTPUT_HIGH_BYTES, low=_OUTPUT_LOW_BYTES)
        raw = transport.get_extra_info("socket")
        for level, name, value in _KEEPALIVE:
            if raw is not None and raw.family != socket.AF_UNIX and hasattr(socket, name):
                raw.setsockopt(level, getattr(socket, name), value)
        self._opened(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where to read to."""
        return self._input

    def buffer_updated(self, nbytes: int) -> None:
        """Take what was read."""
        data = self._input[:nbytes]
        if self._virgin:
            self._virgin = False
            if data[0] == _TLS_RECORD and self._direct_tls is not None:
                self._tls, self.direct = TlsStream(self._direct_tls), True
                self.protocol.happened(Happening.TLS_ACCEPTED)
        if self._tls is None:
            self.protocol.feed(data)
        else:
            self._decrypt(data)
        if self.protocol.buffered > _INPUT_PAUSE_BYTES and self.protocol.ready():
            self._pause_reading()
        self.wake()

    def eof_received(self) -> bool:
        """Close: a client that has stopped talking is taken for gone."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everyone who waits."""
        self.is_lost = True
        if self._stream is not None:
            # Wakes who waits in a send on it.
            with contextlib.suppress(OSError):
                self._stream.shutdown(socket.SHUT_RDWR)
            self._stream.close()
        if self._linger is not None:
            self._linger.cancel()
        self.wake()
        self.resume_writing()
        self.lost()

    def pause_writing(self) -> None:
        """Note that the client is behind."""
        self._writing_paused = True

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        self._writing_paused = False
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # The connection calls these.

    def next_event(self) -> Event | Unread | None:
        """Return the next message if it is there."""
        if self.is_lost:
            raise ConnectionLost
        event = self.protocol.next_event()
        self.overdue = time.perf_counter() - self._since > _SHARE_S
        if self._reading_paused and not (self.protocol.buffered > _INPUT_PAUSE_BYTES and self.protocol.ready()):
            self._resume_reading()
        return event

    async def wait(self) -> None:
        """Wait until something was received, the client has gone, or ``wake`` is called."""
        if self.is_lost:
            raise ConnectionLost
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None
            self._since = time.perf_counter()

    async def give_way(self) -> None:
        """Let others be heard."""
        await asyncio.sleep(0)
        self._since = time.perf_counter()

    def wake(self) -> None:
        """End a ``wait``."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def send(self, data: bytes) -> None:
        """Append to what the next ``flush`` sends."""
        self._pending.append(data)
        self.pending_bytes += len(data)

    async def flush(self) -> None:
        """Send what is pending in one write, and wait while the client is too far behind."""
        self._write_pending()
        if self.is_lost:
            raise ConnectionLost
        if self._writing_paused:
            self._drained = asyncio.get_running_loop().create_future()
            await self._drained
            self._drained = None
            if self.is_lost:
                raise ConnectionLost

    async def send_piece(self, piece: bytes | memoryview) -> None:
        """Send a part of a stream: gathered while small, written without a copy when large."""
        if len(piece) + self.pending_bytes <= GATHER_BYTES:
            self.send(bytes(piece))
            return
        await self.flush()
        if self._tls is None and self._transport is not None and not self._transport.get_write_buffer_size():
            await self._send_past_transport(self._transport, piece)
            await asyncio.sleep(0)
            return
        view = memoryview(piece)
        for start in range(0, len(view), _TURN_BYTES):
            self._write(view[start : start + _TURN_BYTES])
            await self.flush()
            await asyncio.sleep(0)

    async def _send_past_transport(self, transport: asyncio.Transport, piece: bytes | memoryview) -> None:
        # What a socket does not take at once the transport copies, and moves again after every send: twice
        # the bytes of a large result. A second descriptor of the same socket takes them as they are.
        if self._stream is None:
            raw = transport.get_extra_info("socket")
            self._stream = socket.socket(fileno=os.dup(raw.fileno()))
            self._stream.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_sendall(self._stream, piece)
        except OSError:
            raise ConnectionLost from None

    @property
    def peer_name(self) -> str:
        """Return whom the client's certificate is made out to, empty without one."""
        return self._tls.peer if self._tls is not None else ""

    async def start_tls(self, context: ssl.SSLContext, greeting: bytes) -> None:
        """Send *greeting* in the clear and everything from there on encrypted; wait for the handshake."""
        self._write(greeting)
        self._tls = TlsStream(context)
        while not self._tls.handshaken:
            await self.wait()

    @property
    def speaks_postgresql(self) -> bool:
        """Return whether TLS agreed on our protocol's name."""
        return self._tls is not None and self._tls.alpn == ALPN

    def close(self) -> None:
        """Send what is left and close; a client that does not take it is cut off after a while."""
        if self._transport is None or self.is_lost:
            return
        self._write_pending()
        if self._tls is not None and self._tls.handshaken:
            self._write_raw(self._tls.close())
        self._transport.close()
        self._linger = asyncio.get_running_loop().call_later(_LINGER_S, self.abort)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport is not None and not self.is_lost:
            self._transport.abort()

    def _write_pending(self) -> None:
        if self._pending:
            data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
            self._pending.clear()
            self.pending_bytes = 0
            self._write(data)

    def _write(self, data: bytes | memoryview) -> None:
        if self._tls is None:
            self._write_raw(data)
        elif self._tls.handshaken:
            self._write_raw(self._tls.send(data))

    def _write_raw(self, data: bytes | memoryview) -> None:
        if self._transport is not None and not self.is_lost and len(data):
            self._transport.write(data)

    def _decrypt(self, data: memoryview) -> None:
        assert self._tls is not None  # noqa: S101 - the caller looked
        try:
            for piece in self._tls.receive(data):
                self.protocol.feed(piece)
        except (ssl.SSLError, EOFError):
            self._write_raw(self._tls.outgoing())
            if self._transport is not None:
                self._transport.close()
            return
        self._write_raw(self._tls.outgoing())

    def _pause_reading(self) -> None:
        if not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        self._reading_paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


def _nothing() -> None:
    """Do nothing: no one has asked to be told yet."""
