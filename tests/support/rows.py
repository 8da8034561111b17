"""DataRow messages taken apart, and the plainest possible writer of them to compare encoders with."""

import datetime as dt
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_EPOCH = dt.datetime(2000, 1, 1)


def parse(data: bytes | memoryview) -> list[list[bytes | None]]:
    """Return the values of each DataRow message in *data*, which holds nothing else."""
    stream = bytes(data)
    rows: list[list[bytes | None]] = []
    position = 0
    while position < len(stream):
        tag, length, count = struct.unpack_from(">cih", stream, position)
        assert tag == b"D"
        end = position + 1 + length
        position += 7
        row: list[bytes | None] = []
        for _ in range(count):
            (size,) = struct.unpack_from(">i", stream, position)
            position += 4
            row.append(None if size < 0 else stream[position : position + size])
            position += max(size, 0)
        assert position == end
        rows.append(row)
    return rows


def build(rows: Sequence[Sequence[bytes | None]]) -> bytes:
    """Return the DataRow messages of *rows*."""
    out = b""
    for row in rows:
        body = struct.pack(">h", len(row))
        for value in row:
            body += struct.pack(">i", -1) if value is None else struct.pack(">i", len(value)) + value
        out += b"D" + struct.pack(">i", len(body) + 4) + body
    return out


def text_value(value: Any, kind: str) -> bytes | None:
    """Return PostgreSQL's text of a Python value, years 1 to 9999, ISO dates, zone UTC."""
    if value is None:
        return None
    if kind == "bool":
        return b"t" if value else b"f"
    if kind == "varbyte":
        return bytes(value).hex().encode()
    if kind in {"float4", "float8"}:
        return float_text(value, 6 if kind == "float4" else 15)
    if kind == "numeric":
        return format(value, "f").encode()
    if kind in {"timestamp", "timestamptz"}:
        zone = "+00" if kind == "timestamptz" else ""
        return f"{value.year:04d}{value:-%m-%d %H:%M:%S}{_fraction(value.microsecond)}{zone}".encode()
    if kind == "time":
        return f"{value:%H:%M:%S}{_fraction(value.microsecond)}".encode()
    return str(value).encode()


def _fraction(us: int) -> str:
    return f".{us:06d}".rstrip("0") if us else ""


def float_text(value: float, digits: int) -> bytes:
    """Return printf's %.*g with PostgreSQL's names of what is no number."""
    if value != value:
        return b"NaN"
    if value in {float("inf"), float("-inf")}:
        return b"Infinity" if value > 0 else b"-Infinity"
    return (b"%%.%dg" % digits) % value


def binary_value(value: Any, kind: str) -> bytes | None:
    """Return PostgreSQL's binary form of a Python value."""
    if value is None:
        return None
    if kind == "numeric":
        return numeric(value)
    if kind in _PACKED:
        return struct.pack(_PACKED[kind], value)
    if kind == "date":
        return struct.pack(">i", (value - _EPOCH.date()).days)
    if kind in {"timestamp", "timestamptz"}:
        return struct.pack(">q", (value.replace(tzinfo=None) - _EPOCH) // dt.timedelta(microseconds=1))
    if kind == "time":
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return struct.pack(">q", seconds * 1_000_000 + value.microsecond)
    return bytes(value) if isinstance(value, bytes) else str(value).encode()


_PACKED = {"bool": ">?", "int2": ">h", "int4": ">i", "int8": ">q", "oid": ">I", "float4": ">f", "float8": ">d"}


def numeric(value: Decimal) -> bytes:
    """Return numeric_send's form, made from the decimal text."""
    scale = -int(value.as_tuple().exponent)
    whole, _, fraction = format(value.copy_abs(), "f").partition(".")
    whole = whole.zfill(-(-len(whole) // 4) * 4)
    fraction = fraction.ljust(-(-len(fraction) // 4) * 4, "0")
    groups = [int((whole + fraction)[i : i + 4]) for i in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups.pop(0)
        weight -= 1
    while groups and groups[-1] == 0:
        groups.pop()
    sign = 0x4000 if value < 0 else 0
    return struct.pack(f">HhHH{len(groups)}H", len(groups), weight if groups else 0, sign, scale, *groups)
