"""The first packets of a connection: requests for encryption, cancel requests, start-up parameters.

Reads them and builds the one answer that belongs to them, NegotiateProtocolVersion. What the parameters
mean is the session's business. PostgreSQL, "Start-up" and "Protocol Versions".
"""

import struct
from dataclasses import dataclass
from typing import Final

from core.names import cut
from core.sqlstate import SqlState
from server.wire.framing import Body, Malformed, ProtocolViolation, utf8

PACKET_BYTES: Final = 10_000
"""PostgreSQL's MAX_STARTUP_PACKET_LENGTH."""
SECRET_BYTES: Final = 256
"""The longest cancel key of protocol 3.2."""
NEWEST_MINOR: Final = 2
_NAMES: Final = frozenset({"user", "database"})
"""Parameters that are names, which no catalog has longer than names can be."""

_CANCEL: Final = (1234, 5678)
_TLS: Final = (1234, 5679)
_GSS: Final = (1234, 5680)
_REDSHIFT_DRIVER: Final = frozenset({"driver_version", "client_protocol_version"})


@dataclass(frozen=True, slots=True)
class TlsRequest:
    """SSLRequest."""


@dataclass(frozen=True, slots=True)
class GssRequest:
    """GSSENCRequest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequest:
    """Interrupt what the session *pid* runs, if *secret* is its secret."""

    pid: int
    secret: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Startup:
    """StartupMessage: the version asked for, the parameters, the protocol options (all unknown to us)."""

    minor: int
    parameters: tuple[tuple[str, str], ...]
    options: tuple[str, ...] = ()

    @property
    def version(self) -> tuple[int, int]:
        """Return the version to be spoken."""
        return 3, min(self.minor, NEWEST_MINOR)


StartupMessage = TlsRequest | GssRequest | CancelRequest | Startup


def check_length(length: int) -> None:
    """Refuse a packet by the length that it claims (which counts its own four bytes)."""
    if not 8 <= length <= PACKET_BYTES:
        raise ProtocolViolation("invalid length of startup packet")


def read(data: bytes) -> StartupMessage:
    """Return what a packet (without its length) asks for."""
    major, minor = struct.unpack_from("!HH", data)
    rest = data[4:]
    if (major, minor) == _CANCEL:
        return _cancel(rest)
    if (major, minor) in {_TLS, _GSS}:
        if rest:
            raise ProtocolViolation("invalid length of startup packet")
        return TlsRequest() if minor == _TLS[1] else GssRequest()
    if major != 3:
        raise unsupported(major, minor)
    pairs = _pairs(rest)
    parameters = tuple(
        (name, cut(value) if name in _NAMES else value) for name, value in pairs if not name.startswith("_pq_.")
    )
    options = tuple(name for name, _ in pairs if name.startswith("_pq_."))
    if any(name in _REDSHIFT_DRIVER for name, _ in parameters):
        # Redshift's JDBC and ODBC drivers offer compression by default and take no NegotiateProtocolVersion
        # for an answer: theirs is an offer that is declined by sending nothing compressed.
        options = tuple(name for name in options if name != "_pq_.compression")
    return Startup(minor=minor, parameters=parameters, options=options)


def unsupported(major: int, minor: int) -> ProtocolViolation:
    """Return the refusal of a version."""
    return ProtocolViolation(
        f"unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.{NEWEST_MINOR}",
        SqlState.FEATURE_NOT_SUPPORTED,
    )


def _cancel(rest: bytes) -> CancelRequest:
    if not 4 < len(rest) <= 4 + SECRET_BYTES:
        raise ProtocolViolation("invalid length of cancel request packet")
    return CancelRequest(pid=struct.unpack_from("!i", rest)[0], secret=rest[4:])


def _pairs(rest: bytes) -> tuple[tuple[str, str], ...]:
    body = Body(rest)
    pairs = []
    try:
        while name := body.cstring():
            pairs.append((utf8(name), _value(name, body)))
        body.end()
    except Malformed:
        # Redshift's ODBC driver leaves its last string open; whom it logs in as is never read so leniently.
        if not pairs or body.rest():
            raise ProtocolViolation("invalid startup packet layout: expected terminator as last byte") from None
    return tuple(pairs)


def _value(name: bytes, body: Body) -> str:
    try:
        value = body.cstring()
    except Malformed:
        if name in _STRICT:
            raise
        value = body.rest()
    if name in _STRICT:
        return utf8(value)
    # Drivers send bytes of any encoding here, and no such value is worth a refused connection.
    return value.decode(errors="replace")


_STRICT: Final = frozenset({b"user", b"database"})


def needs_negotiation(message: Startup) -> bool:
    """Return whether the client asked for more than is spoken here."""
    return message.minor > NEWEST_MINOR or bool(message.options)


def negotiate(message: Startup) -> bytes:
    """Return NegotiateProtocolVersion: the version to be spoken and the options not known."""
    major, minor = message.version
    names = b"".join(name.encode() + b"\0" for name in message.options)
    return struct.pack("!cIHHI", b"v", 12 + len(names), major, minor, len(message.options)) + names
