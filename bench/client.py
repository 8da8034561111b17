"""A client that speaks the protocol and throws rows away: what is measured is the server, not a driver.

Simple and extended queries over one plain socket, password by SCRAM-SHA-256 or none. It looks at the end of
what it receives only; of an answer whose length is known the kernel throws the rest away uncopied, so that six
million rows cost the machine what the server does and next to nothing else.
"""

import base64
import hashlib
import hmac
import re
import secrets
import socket
import ssl
import struct
import time
from dataclasses import dataclass
from typing import Final

TEXT: Final = 0
BINARY: Final = 1
_TLS_REQUEST: Final = 80_877_103
_READY: Final = b"Z\x00\x00\x00\x05"
_TAG: Final = re.compile(rb"C\x00\x00\x00.[A-Z][A-Z ]*(?:\d+ )?(\d+)?\x00Z\x00\x00\x00\x05.\Z", re.DOTALL)
_ERROR: Final = re.compile(rb"\x00M([^\x00]+)\x00")
_SASL: Final = 10
_SASL_CONTINUE: Final = 11
_NO_PASSWORD: Final = frozenset({0, 12})
_TAIL_BYTES: Final = 4_096
_PATIENCE_S: Final = 300


class ServerError(Exception):
    """The server answered with an error."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What went by."""

    rows: int
    size_bytes: int


class Client:
    """One connection."""

    def __init__(
        self, host: str, port: int, user: str, password: str, database: str, *, buffer_bytes: int = 1 << 20,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        """Connect and authenticate; encrypted where *tls* is given."""
        self._socket = socket.create_connection((host, port))
        self._socket.settimeout(_PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket.sendall(struct.pack("!ii", 8, _TLS_REQUEST))
            if self._socket.recv(1) != b"S":
                raise ServerError("the server does not take encrypted connections")
            self._socket = tls.wrap_socket(self._socket)
        self._buffer = bytearray(buffer_bytes)
        pairs = b"".join(part.encode() + b"\0" for part in ("user", user, "database", database)) + b"\0"
        self._socket.sendall(struct.pack("!ii", len(pairs) + 8, 196608) + pairs)
        self._authenticate(password)
        while self._receive()[0] != b"Z":
            pass

    def simple(self, sql: str) -> Drained:
        """Run *sql* by the simple protocol and drain its rows."""
        self._socket.sendall(_message(b"Q", sql.encode() + b"\0"))
        return self._drain()

    def extended(self, sql: str, result_format: int, size_bytes: int = 0) -> Drained:
        """Run *sql* by the extended protocol with results as *result_format* and drain its rows.

        *size_bytes* is the answer's length where that is known from a run before.
        """
        self._begin(sql, result_format)
        left = size_bytes - _TAIL_BYTES
        while left > 0:
            left -= self._some(min(left, len(self._buffer)), socket.MSG_TRUNC)
        return self._drain(max(0, size_bytes - _TAIL_BYTES))

    def slow(self, sql: str, size_bytes: int, seconds: float) -> Drained:
        """Drain as ``extended`` does, a mebibyte at a time with pauses, so that it takes about *seconds*."""
        self._begin(sql, TEXT)
        left, piece = size_bytes - _TAIL_BYTES, 1 << 20
        while left > 0:
            left -= self._some(min(left, piece), socket.MSG_TRUNC)
            time.sleep(seconds * piece / size_bytes)
        return self._drain(max(0, size_bytes - _TAIL_BYTES))

    def _begin(self, sql: str, result_format: int) -> None:
        self._socket.sendall(
            _message(b"P", b"\0" + sql.encode() + b"\0\0\0")
            + _message(b"B", b"\0\0" + struct.pack("!hhhh", 0, 0, 1, result_format))
            + _message(b"E", b"\0" + struct.pack("!i", 0))
            + _message(b"S", b"")
        )

    def _some(self, most: int, flags: int = 0) -> int:
        count = self._socket.recv_into(self._buffer, most, flags)
        if not count:
            raise ServerError("the server closed the connection")
        return count

    def close(self) -> None:
        """Say goodbye."""
        self._socket.sendall(_message(b"X", b""))
        self._socket.close()

    def _drain(self, size: int = 0) -> Drained:
        tail = b""
        view = memoryview(self._buffer)
        while tail[-6:-1] != _READY:
            count = self._some(len(self._buffer))
            size += count
            tail = (tail + bytes(view[max(0, count - _TAIL_BYTES) : count]))[-_TAIL_BYTES:]
        found, error = _TAG.search(tail), _ERROR.search(tail)
        if found is None and error is not None:
            raise ServerError(error[1].decode())
        return Drained(int(found[1] or 0) if found else 0, size)

    def _authenticate(self, password: str) -> None:
        nonce = base64.b64encode(secrets.token_bytes(18)).decode()
        bare = f"n=,r={nonce}"
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise ServerError(body.replace(b"\0", b" ").decode())
            code = struct.unpack("!i", body[:4])[0]
            if code == _SASL:
                first = f"n,,{bare}".encode()
                self._socket.sendall(_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first))
            elif code == _SASL_CONTINUE:
                self._socket.sendall(_message(b"p", _proof(password, bare, body[4:].decode())))
            elif code not in _NO_PASSWORD:
                raise ServerError(f"authentication method {code} is not known here")
            if code == 0:
                return

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("!i", head[1:])[0] - 4)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ServerError("the server closed the connection")
            data += more
        return data


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _proof(password: str, bare: str, server_first: str) -> bytes:
    """Return the client's final message: RFC 5802, section 3."""
    given = dict(part.split("=", 1) for part in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(given["s"]), int(given["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    final = f"c=biws,r={given['r']}"
    signature = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{server_first},{final}".encode(), "sha256")
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    return f"{final},p={base64.b64encode(proof).decode()}".encode()
