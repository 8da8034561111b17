"""Deletion vectors: positions of deleted rows, as Iceberg's version 3 keeps them in Puffin files.

Apache Iceberg, "Puffin Spec": ``deletion-vector-v1``; RoaringBitmap, "Portable 64-bit" and "Format Specification".
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Iterator
from typing import Final

from engine.iceberg.types import unreadable

_MAGIC: Final = b"\xd1\xd3\x39\x64"
_WITH_RUNS: Final = 12347
_WITHOUT_RUNS: Final = 12346
_FEW: Final = 4
_SPARSE: Final = 4096
_BITMAP_BYTES: Final = 8192


def positions(blob: bytes, place: str) -> list[int]:
    """Return the positions that a vector holds, in order; *place* is what an error names."""
    try:
        return list(_positions(blob))
    except (struct.error, IndexError, ValueError):
        raise unreadable(place) from None


def _positions(blob: bytes) -> Iterator[int]:
    size = struct.unpack_from(">I", blob)[0]
    body = blob[4 : 4 + size]
    if body[:4] != _MAGIC or zlib.crc32(body) != struct.unpack_from(">I", blob, 4 + size)[0]:
        raise ValueError
    count, place = struct.unpack_from("<Q", body, 4)[0], 12
    for _ in range(count):
        high = struct.unpack_from("<I", body, place)[0]
        found, place = _bitmap(body, place + 4)
        for item in found:
            yield high << 32 | item


def _bitmap(data: bytes, start: int) -> tuple[list[int], int]:
    """Return the values of a 32-bit bitmap, and where it ends."""
    cookie, place, runs = struct.unpack_from("<I", data, start)[0], start + 4, b""
    if cookie & 0xFFFF == _WITH_RUNS:
        size = (cookie >> 16) + 1
        runs = data[place : place + (size + 7) // 8]
        place += len(runs)
    elif cookie == _WITHOUT_RUNS:
        size = struct.unpack_from("<I", data, place)[0]
        place += 4
    else:
        raise ValueError
    heads = struct.unpack_from(f"<{2 * size}H", data, place)
    place += 4 * size
    if not runs or size >= _FEW:
        place += 4 * size
    found: list[int] = []
    for index in range(size):
        key, cardinality = heads[2 * index] << 16, heads[2 * index + 1] + 1
        run = bool(runs) and bool(runs[index // 8] >> index % 8 & 1)
        values, place = _container(data, place, cardinality, run=run)
        found += [key | value for value in values]
    return found, place


def _container(data: bytes, place: int, cardinality: int, *, run: bool) -> tuple[list[int], int]:
    if run:
        count = struct.unpack_from("<H", data, place)[0]
        pairs = struct.unpack_from(f"<{2 * count}H", data, place + 2)
        values = [value for first, more in zip(pairs[::2], pairs[1::2], strict=True)
                  for value in range(first, first + more + 1)]  # fmt: skip
        return values, place + 2 + 4 * count
    if cardinality <= _SPARSE:
        short = array("H", data[place : place + 2 * cardinality])
        if sys.byteorder == "big":
            short.byteswap()
        return short.tolist(), place + 2 * cardinality
    bits = int.from_bytes(data[place : place + _BITMAP_BYTES], "little")
    return [index for index in range(8 * _BITMAP_BYTES) if bits >> index & 1], place + _BITMAP_BYTES
