"""COPY FROM STDIN in binary format, read into lines of the text format, which is what a load takes.

PostgreSQL, "COPY", Binary Format; error texts are those of its own COPY. Pieces of the stream may end anywhere;
no more is held than an unfinished row.
"""

import struct
from collections.abc import Sequence
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from server.wire.decode import decode_parameter
from session.answers import Value

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_HEAD_BYTES: Final = len(_SIGNATURE) + 8
_CRITICAL: Final = 0xFFFF0000
_COUNT_BYTES: Final = 2
_TRAILER: Final = -1
_ROW_BYTES: Final = 1 << 26
"""Largest row that is waited for."""
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t"})


class CopyBinaryReader:
    """One stream of binary rows."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._rest = bytearray()
        self._begun = False
        self._ended = False

    def lines(self, piece: bytes) -> bytes:
        """Take a piece of the stream and return the rows that are whole now; raises 22P04 for what is none."""
        data = self._rest
        data += piece
        position = 0 if self._begun else self._start(data)
        found: list[str] = []
        while self._begun and (end := self._row_end(data, position)) is not None:
            if not self._ended:
                found.append(self._line(data, position + _COUNT_BYTES))
            position = end
        del data[:position]
        if len(data) > _ROW_BYTES:
            raise _bad("row is too long")
        return "".join(found).encode()

    def finish(self) -> None:
        """Check that the stream has ended where it may; as in PostgreSQL the trailer may be missing."""
        if not self._begun:
            raise _bad("COPY file signature not recognized")
        if self._rest:
            raise _bad("unexpected EOF in COPY data")

    def _start(self, data: bytearray) -> int:
        if not _SIGNATURE.startswith(data[: len(_SIGNATURE)]):
            raise _bad("COPY file signature not recognized")
        if len(data) < _HEAD_BYTES:
            return 0
        flags, extension = struct.unpack_from(">Ii", data, len(_SIGNATURE))
        if flags & _CRITICAL:
            raise _bad("unrecognized critical flags in COPY file header")
        if extension < 0 or extension > _ROW_BYTES:
            raise _bad("invalid COPY file header (wrong length)")
        if len(data) < _HEAD_BYTES + extension:
            return 0
        self._begun = True
        return _HEAD_BYTES + int(extension)

    def _row_end(self, data: bytearray, position: int) -> int | None:
        """Return where the row that begins at *position* ends, None when it is not whole."""
        if self._ended and position < len(data):
            raise _bad("received copy data after EOF marker")
        if len(data) - position < _COUNT_BYTES:
            return None
        (count,) = struct.unpack_from(">h", data, position)
        position += _COUNT_BYTES
        if count == _TRAILER:
            self._ended = True
            return position
        if count != len(self._columns):
            raise _bad(f"row field count is {count}, expected {len(self._columns)}")
        for _ in self._columns:
            if len(data) - position < 4:
                return None
            (size,) = struct.unpack_from(">i", data, position)
            if size < -1:
                raise _bad("invalid field size")
            position += 4 + max(size, 0)
        return position if position <= len(data) else None

    def _line(self, data: bytearray, position: int) -> str:
        fields = []
        for column in self._columns:
            (size,) = struct.unpack_from(">i", data, position)
            position += 4
            if size < 0:
                fields.append("\\N")
                continue
            fields.append(_text(decode_parameter(column.type, 1, bytes(data[position : position + size]))))
            position += size
        return "\t".join(fields) + "\n"


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, bytes):
        return value.hex()
    return str(value).translate(_ESCAPES)


def _bad(message: str) -> SqlError:
    return SqlError(SqlState.BAD_COPY_FILE_FORMAT, message)
