"""Bytes to frames and frames to fields, every length checked before it is believed.

Owns the input buffer and the primitive readers. Knows neither which messages exist (``messages``) nor
which are legal now (``state``). PostgreSQL, "Message Data Types".
"""

import struct
from typing import Final

from core.errors import ConnectionFatal
from core.sqlstate import SqlState

HEADER_BYTES: Final = 5
HEADER: Final = struct.Struct("!BI")
"""A frame's type and its length, its own four bytes included."""
_INT16: Final = struct.Struct("!H")
_INT32: Final = struct.Struct("!i")
_UINT32: Final = struct.Struct("!I")
_WIDTHS: Final = ((0xF8, 1), (0xF0, 4), (0xE0, 3), (0xC0, 2))


class Malformed(Exception):
    """The body of a frame does not hold what its type promises; the next frame is not affected."""

    def __init__(self, message: str, state: SqlState = SqlState.PROTOCOL_VIOLATION) -> None:
        super().__init__(message)
        self.message = message
        self.state = state


class ProtocolViolation(ConnectionFatal):
    """The stream can no longer be trusted to hold messages; the connection ends."""

    def __init__(self, message: str, state: SqlState = SqlState.PROTOCOL_VIOLATION) -> None:
        super().__init__(state, message)


class Frames(bytearray):
    """The bytes received and not yet taken. It grows only by what has really arrived."""

    __slots__ = ()

    def first_length(self) -> int | None:
        """Return the length of a frame without a type (the start-up packet), None until it is here."""
        if len(self) < 4:
            return None
        length: int = _UINT32.unpack_from(self)[0]
        return length

    def take(self, size: int, skip: int) -> bytes:
        """Remove the first *size* bytes and return them without the first *skip*."""
        body = bytes(memoryview(self)[skip:size])
        del self[:size]
        return body


class Body:
    """The fields of one frame, read in order."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next *count* bytes."""
        end = self._at + count
        if count < 0 or end > len(self._data):
            raise Malformed("insufficient data left in message")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def byte(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def count(self, item_bytes: int) -> int:
        """Return an unsigned Int16 that counts items of at least *item_bytes* each, all of them present."""
        data, at = self._data, self._at + 2
        if at > len(data):
            raise Malformed("insufficient data left in message")
        count: int = _INT16.unpack_from(data, self._at)[0]
        self._at = at
        if count * item_bytes > len(data) - at:
            raise Malformed("insufficient data left in message")
        return count

    def int16s(self) -> tuple[int, ...]:
        """Return as many unsigned Int16 as the one before them says."""
        count = self.count(2)
        if not count:
            return ()
        found: tuple[int, ...] = struct.unpack_from(f"!{count}H", self._data, self._at)
        self._at += 2 * count
        return found

    def values(self) -> tuple[bytes | None, ...]:
        """Return as many values, each behind its length (-1 for none), as the Int16 before them says."""
        found: list[bytes | None] = []
        count, data = self.count(4), self._data
        at, size = self._at, len(data)
        for _ in range(count):
            if at + 4 > size:
                raise Malformed("insufficient data left in message")
            length: int = _INT32.unpack_from(data, at)[0]
            at += 4
            if length == -1:
                found.append(None)
                continue
            if length < 0 or length > size - at:
                raise Malformed("insufficient data left in message")
            found.append(data[at : at + length])
            at += length
        self._at = at
        return tuple(found)

    def int16(self) -> int:
        """Return the next Int16, unsigned."""
        value: int = _INT16.unpack(self.take(2))[0]
        return value

    def int32(self) -> int:
        """Return the next Int32."""
        value: int = _INT32.unpack(self.take(4))[0]
        return value

    def oid(self) -> int:
        """Return the next Int32, unsigned."""
        value: int = _UINT32.unpack(self.take(4))[0]
        return value

    def value(self) -> bytes | None:
        """Return a length-prefixed value, None for length -1."""
        length = self.int32()
        return None if length == -1 else self.take(length)

    def cstring(self) -> bytes:
        """Return the bytes up to the next NUL."""
        end = self._data.find(b"\0", self._at)
        if end < 0:
            raise Malformed("invalid string in message")
        piece = self._data[self._at : end]
        self._at = end + 1
        return piece

    def text(self) -> str:
        """Return a string, which must be UTF-8 (the one client_encoding that is spoken)."""
        data, at = self._data, self._at
        end = data.find(b"\0", at)
        if end < 0:
            raise Malformed("invalid string in message")
        self._at = end + 1
        return utf8(data[at:end]) if end > at else ""

    def rest(self) -> bytes:
        """Return what is left."""
        return self.take(len(self._data) - self._at)

    def end(self) -> None:
        """Refuse what is left."""
        if self._at != len(self._data):
            raise Malformed("invalid message format")


def utf8(data: bytes) -> str:
    """Return *data* decoded, or raise 22021 naming the bytes as PostgreSQL does."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        lead = data[error.start]
        width = next((width for least, width in _WIDTHS if lead >= least), 1)
        shown = " ".join(f"0x{byte:02x}" for byte in data[error.start : error.start + width])
        raise Malformed(
            f'invalid byte sequence for encoding "UTF8": {shown}', SqlState.CHARACTER_NOT_IN_REPERTOIRE
        ) from None
