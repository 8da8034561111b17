"""Answers that are neither rows, errors, COPY nor authentication, as bytes.

PostgreSQL, "Message Formats".
"""

import struct
from typing import Final

PARSE_COMPLETE: Final = b"1\0\0\0\4"
BIND_COMPLETE: Final = b"2\0\0\0\4"
CLOSE_COMPLETE: Final = b"3\0\0\0\4"
NO_DATA: Final = b"n\0\0\0\4"
EMPTY_QUERY: Final = b"I\0\0\0\4"
PORTAL_SUSPENDED: Final = b"s\0\0\0\4"
TLS_ACCEPTED: Final = b"S"
ENCRYPTION_REFUSED: Final = b"N"
_READY: Final = {status: b"Z\0\0\0\5" + status.encode() for status in "ITE"}


def message(tag: bytes, body: bytes) -> bytes:
    """Return *body* with its type and length in front."""
    return tag + struct.pack("!I", len(body) + 4) + body


def cstring(text: str) -> bytes:
    """Return *text* with its terminator; a NUL inside cannot be sent and is left out."""
    return text.replace("\0", "").encode("utf-8", "replace") + b"\0"


def ready_for_query(status: str) -> bytes:
    """Return ReadyForQuery for transaction status I, T or E."""
    return _READY[status]


def command_complete(tag: str) -> bytes:
    """Return CommandComplete."""
    return message(b"C", cstring(tag))


def parameter_status(name: str, value: str) -> bytes:
    """Return ParameterStatus."""
    return message(b"S", cstring(name) + cstring(value))


def backend_key_data(pid: int, secret: bytes) -> bytes:
    """Return BackendKeyData."""
    return message(b"K", struct.pack("!i", pid) + secret)


def parameter_description(oids: tuple[int, ...]) -> bytes:
    """Return ParameterDescription."""
    return message(b"t", struct.pack(f"!H{len(oids)}I", len(oids), *oids))
