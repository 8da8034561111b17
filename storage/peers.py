"""Other servers of this kind, asked over the PostgreSQL protocol for what they share.

A small client: one statement at a time, answers as text. PostgreSQL, "Frontend/Backend Protocol"; RFC 5802 and 7677.
"""

import base64
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState

_PROTOCOL: Final = 196608
_SSL_REQUEST: Final = 80877103
_TIMEOUT_S: Final = 60
_CLEAR, _MD5, _SASL, _CONTINUE, _FINAL = 3, 5, 10, 11, 12
_MECHANISM: Final = "SCRAM-SHA-256"
_IDLE: Final = 4
"""Connections to one server that are kept."""

Row = tuple[str | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another server, and who to be there."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    tls: str = "prefer"
    """``prefer``, ``require`` or ``disable``."""
    authority: str = ""
    """PEM file with the authority of its certificate, empty for not looking at it."""
    role: str = ""
    """The role whose rights its files in a bucket are read with; empty is the instance's own."""
    admits: str = ""
    """The user here that it asks as."""


class Peers:
    """The servers whose namespaces are configured."""

    def __init__(self, known: Mapping[str, Peer]) -> None:
        """Know servers by the namespaces that they are."""
        self._known = known
        self._lock = threading.Lock()
        self._idle: dict[str, list[_Connection]] = {}

    def knows(self, namespace: str) -> bool:
        """Tell whether a namespace is another server that can be asked."""
        return namespace in self._known and bool(self._known[namespace].host)

    def of(self, namespace: str) -> Peer:
        """Return the server that is *namespace*."""
        return self._known[namespace]

    def namespace_of(self, user: str) -> str | None:
        """Return the namespace that asks as *user*, None for a user like others."""
        return next((name for name, peer in self._known.items() if peer.admits and peer.admits == user), None)

    def ask(self, namespace: str, statement: str) -> list[Row]:
        """Return the rows that a namespace's server answers a statement with; it blocks. Raises what it raised."""
        with self._lock:
            waiting = self._idle.setdefault(namespace, [])
            connection = waiting.pop() if waiting else None
        if connection is not None:
            with suppress(OSError):
                return self._asked(namespace, connection, statement)
        try:
            return self._asked(namespace, _Connection(self._known[namespace]), statement)
        except OSError:
            raise SqlError(
                SqlState.CONNECTION_FAILURE, f"the server of namespace {namespace} cannot be reached"
            ) from None

    def _asked(self, namespace: str, connection: "_Connection", statement: str) -> list[Row]:
        try:
            rows = connection.query(statement)
        except SqlError:
            self._keep(namespace, connection)
            raise
        except BaseException:
            connection.close()
            raise
        self._keep(namespace, connection)
        return rows

    def _keep(self, namespace: str, connection: "_Connection") -> None:
        with self._lock:
            idle = self._idle.setdefault(namespace, [])
            if len(idle) < _IDLE:
                idle.append(connection)
                return
        connection.close()


class _Connection:
    """One connection, which has proved who it is."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._socket: socket.socket = socket.create_connection((peer.host, peer.port), _TIMEOUT_S)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        with suppress(OSError):
            self._socket.sendall(_message(b"X", b""))
        self._socket.close()

    def query(self, statement: str) -> list[Row]:
        self._socket.sendall(_message(b"Q", statement.encode() + b"\0"))
        rows: list[Row] = []
        failure: SqlError | None = None
        while True:
            kind, body = self._receive()
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"E":
                failure = _error(body)
            elif kind == b"Z":
                break
        if failure is not None:
            raise failure
        return rows

    def _begin(self) -> None:
        peer = self._peer
        if peer.tls != "disable":
            self._encrypt()
        facts = {"user": peer.user, "database": peer.database, "client_encoding": "UTF8"}
        body = b"".join(f"{name}\0{value}\0".encode() for name, value in facts.items()) + b"\0"
        self._socket.sendall(struct.pack(">II", len(body) + 8, _PROTOCOL) + body)
        while True:
            kind, body = self._receive()
            if kind == b"E":
                raise _error(body)
            if kind == b"R":
                self._authenticate(struct.unpack(">I", body[:4])[0], body[4:])
            elif kind == b"Z":
                return

    def _encrypt(self) -> None:
        self._socket.sendall(struct.pack(">II", 8, _SSL_REQUEST))
        if self._exactly(1) != b"S":
            if self._peer.tls == "require":
                raise SqlError(SqlState.CONNECTION_FAILURE, "the server of the namespace does not speak TLS")
            return
        context = ssl.create_default_context(cafile=self._peer.authority or None)
        if not self._peer.authority:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        self._socket = context.wrap_socket(self._socket, server_hostname=self._peer.host)

    def _authenticate(self, way: int, body: bytes) -> None:
        peer = self._peer
        if way == _CLEAR:
            self._socket.sendall(_message(b"p", peer.password.encode() + b"\0"))
        elif way == _MD5:
            inner = hashlib.md5((peer.password + peer.user).encode(), usedforsecurity=False).hexdigest()
            outer = hashlib.md5(inner.encode() + body[:4], usedforsecurity=False).hexdigest()
            self._socket.sendall(_message(b"p", f"md5{outer}\0".encode()))
        elif way == _SASL:
            if _MECHANISM.encode() not in body.split(b"\0"):
                raise _unknown_way()
            self._scram()
        elif way:
            raise _unknown_way()

    def _scram(self) -> None:
        first = f"n=,r={secrets.token_urlsafe(18)}"
        begun = f"n,,{first}".encode()
        self._socket.sendall(_message(b"p", _MECHANISM.encode() + b"\0" + struct.pack(">I", len(begun)) + begun))
        challenge = self._step(_CONTINUE).decode()
        said = dict(part.split("=", 1) for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac(
            "sha256", self._peer.password.encode(), base64.b64decode(said["s"]), int(said["i"])
        )
        final = f"c=biws,r={said['r']}"
        signed = f"{first},{challenge},{final}".encode()
        client = _hmac(salted, b"Client Key")
        signature = _hmac(hashlib.sha256(client).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(client, signature, strict=True))
        self._socket.sendall(_message(b"p", f"{final},p={base64.b64encode(proof).decode()}".encode()))
        answer = self._step(_FINAL).decode()
        wanted = base64.b64encode(_hmac(_hmac(salted, b"Server Key"), signed)).decode()
        if not hmac.compare_digest(answer, f"v={wanted}"):
            raise SqlError(SqlState.CONNECTION_FAILURE, "the server of the namespace does not know the password")

    def _step(self, wanted: int) -> bytes:
        kind, body = self._receive()
        if kind == b"E":
            raise _error(body)
        if kind != b"R" or struct.unpack(">I", body[:4])[0] != wanted:
            raise _unknown_way()
        return body[4:]

    def _receive(self) -> tuple[bytes, bytes]:
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack(">I", head[1:])[0] - 4)

    def _exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            some = self._socket.recv(count - len(found))
            if not some:
                raise ConnectionError
            found += some
        return bytes(found)


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">I", len(body) + 4) + body


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _row(body: bytes) -> Row:
    count, place = struct.unpack_from(">H", body)[0], 2
    values: list[str | None] = []
    for _ in range(count):
        size = struct.unpack_from(">i", body, place)[0]
        place += 4
        if size < 0:
            values.append(None)
            continue
        values.append(body[place : place + size].decode())
        place += size
    return tuple(values)


def _error(body: bytes) -> SqlError:
    fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
    try:
        state = SqlState(fields.get(b"C", ""))
    except ValueError:
        state = SqlState.INTERNAL_ERROR
    return SqlError(state, fields.get(b"M", "the server of the namespace failed"))


def _unknown_way() -> SqlError:
    return SqlError(SqlState.CONNECTION_FAILURE, "the server of the namespace wants another kind of authentication")
