"""Files of the program lzop, decompressed while they are read.

The format is that of lzop 1.x: a header, then blocks of LZO1X data with checksums, ended by a length of nought.
"""

import importlib.util
import io
import struct
import zlib
from typing import IO, Final, cast

from core.errors import SqlError
from core.sqlstate import SqlState

_MAGIC: Final = b"\x89LZO\0\r\n\x1a\n"
_PLAIN_ADLER, _PACKED_ADLER, _EXTRA, _PLAIN_CRC, _PACKED_CRC, _FILTER = 0x1, 0x2, 0x40, 0x100, 0x200, 0x800
_WITH_LEVEL: Final = 0x0940
"""Versions from this one on write the level and the upper half of the time."""
_BLOCK_BYTES: Final = 64 << 20


class Lzop(io.RawIOBase):
    """The plain bytes of a stream in lzop's format; raises ``ValueError`` where it is not one."""

    def __init__(self, packed: IO[bytes]) -> None:
        """Read the header of *packed*; raises 0A000 without the package lzallright."""
        if importlib.util.find_spec("lzallright") is None:
            raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "LZOP is not supported without the package lzallright")
        from lzallright import LZOCompressor

        self._decompress = LZOCompressor.decompress
        self._packed = packed
        self._block = b""
        self._ended = False
        self._flags = self._header()

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill *buffer* with the next bytes."""
        target = memoryview(cast("bytearray", buffer))
        while not self._block and not self._ended:
            self._block = self._next()
        count = min(len(target), len(self._block))
        target[:count] = self._block[:count]
        self._block = self._block[count:]
        return count

    def _header(self) -> int:
        if self._take(len(_MAGIC)) != _MAGIC:
            raise ValueError("no lzop file")
        version, _, _, _ = struct.unpack(">HHHB", self._take(7))
        if version >= _WITH_LEVEL:
            self._take(1)
        flags = int(struct.unpack(">I", self._take(4))[0])
        if flags & _FILTER:
            raise ValueError("lzop filters are not known")
        self._take(12 if version >= _WITH_LEVEL else 8)
        self._take(self._take(1)[0] + 4)
        if flags & _EXTRA:
            self._take(self._number() + 4)
        return flags

    def _next(self) -> bytes:
        plain_size = self._number()
        if not plain_size:
            self._ended = True
            return b""
        packed_size = self._number()
        if max(plain_size, packed_size) > _BLOCK_BYTES:
            raise ValueError("an lzop block is too large")
        sums = [self._number() for flag in (_PLAIN_ADLER, _PLAIN_CRC) if self._flags & flag]
        if packed_size < plain_size:
            self._take(4 * sum(bool(self._flags & flag) for flag in (_PACKED_ADLER, _PACKED_CRC)))
        data = self._take(packed_size)
        plain = bytes(self._decompress(data, plain_size)) if packed_size < plain_size else data
        kinds = [kind for flag, kind in ((_PLAIN_ADLER, zlib.adler32), (_PLAIN_CRC, zlib.crc32)) if self._flags & flag]
        if len(plain) != plain_size or any(kind(plain) != told for kind, told in zip(kinds, sums, strict=True)):
            raise ValueError("an lzop block is damaged")
        return plain

    def _number(self) -> int:
        return int(struct.unpack(">I", self._take(4))[0])

    def _take(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._packed.read(count - len(data))
            if not piece:
                raise EOFError("an lzop file ends early")
            data += piece
        return data
