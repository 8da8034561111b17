"""A connection to PostgreSQL that shows its messages byte by byte."""

import socket
import struct

from tests.support import postgres


class Client:
    """Asks PostgreSQL and returns the messages as they came."""

    def __init__(self, server: postgres.Postgres) -> None:
        self._socket = socket.create_connection((server.host, server.port), 10)
        self._data = self._socket.makefile("rb")
        start = struct.pack(">i", 196_608) + b"user\0postgres\0database\0postgres\0client_encoding\0UTF8\0\0"
        self._socket.sendall(struct.pack(">i", len(start) + 4) + start)
        self._messages()

    def _messages(self) -> list[bytes]:
        found = []
        while True:
            head = self._data.read(5)
            message = head + self._data.read(struct.unpack(">i", head[1:])[0] - 4)
            assert message[:1] != b"E", message
            found.append(message)
            if message[:1] == b"Z":
                return found

    def _send(self, *parts: tuple[bytes, bytes]) -> list[bytes]:
        self._socket.sendall(b"".join(tag + struct.pack(">i", len(body) + 4) + body for tag, body in parts))
        return self._messages()

    def run(self, sql: str) -> list[bytes]:
        """Run *sql* by the simple protocol."""
        return self._send((b"Q", sql.encode() + b"\0"))

    def rows(self, sql: str, code: int) -> tuple[bytes, bytes]:
        """Return RowDescription and the DataRows."""
        bind = b"\0\0" + struct.pack(">hhhh", 0, 0, 1, code)
        found = self._send(
            (b"P", b"\0" + sql.encode() + b"\0\0\0"), (b"B", bind), (b"D", b"P\0"), (b"E", b"\0\0\0\0\0"), (b"S", b"")
        )
        by_tag = {tag: b"".join(message for message in found if message[:1] == tag) for tag in (b"T", b"D")}
        return by_tag[b"T"], by_tag[b"D"]

    def copy(self, sql: str) -> bytes:
        """Return what COPY … TO STDOUT sends."""
        return b"".join(message[5:] for message in self.run(sql) if message[:1] == b"d")

    def close(self) -> None:
        """Close the connection."""
        self._data.close()
        self._socket.close()


def quoted(value: object) -> str:
    """Return *value* as a literal of PostgreSQL."""
    return "'" + str(value).replace("'", "''") + "'"
