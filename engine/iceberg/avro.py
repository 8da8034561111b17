"""Avro's object container files, in memory: the form that Iceberg's lists of files have.

Apache Avro, "Specification": binary encoding, object container files. Logical types are left as what they are
stored as. Schemas are JSON values; records are dictionaries.
"""

import io
import json
import os
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from core.errors import SqlError
from core.sqlstate import SqlState

Schema = Any
"""A name of a primitive type, a list (a union) or an object."""

_MAGIC: Final = b"Obj\x01"
_SYNC_BYTES: Final = 16
_LAST: Final = 0x80


class _Input:
    """Bytes and how far they are read."""

    __slots__ = ("data", "place")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.place = 0

    def take(self, count: int) -> bytes:
        start = self.place
        self.place = start + count
        if count < 0 or self.place > len(self.data):
            raise ValueError
        return self.data[start : self.place]

    def long(self) -> int:
        value, shift = 0, 0
        data, place = self.data, self.place
        while True:
            byte = data[place]
            place += 1
            value |= (byte & 0x7F) << shift
            if byte < _LAST:
                break
            shift += 7
        self.place = place
        return (value >> 1) ^ -(value & 1)


Read = Callable[[_Input], Any]


def _length(data: _Input) -> int:
    return data.long()


def _bytes(data: _Input) -> bytes:
    return data.take(data.long())


def _text(data: _Input) -> str:
    return data.take(data.long()).decode()


_READ: Final[Mapping[str, Read]] = {
    "null": lambda _: None,
    "boolean": lambda data: data.take(1) == b"\x01",
    "int": _length,
    "long": _length,
    "float": lambda data: struct.unpack("<f", data.take(4))[0],
    "double": lambda data: struct.unpack("<d", data.take(8))[0],
    "bytes": _bytes,
    "string": _text,
}


def _reader(schema: Schema, named: dict[str, Read]) -> Read:
    """Return what reads a value of *schema*; *named* are the types that it may name."""
    if isinstance(schema, str):
        return _READ.get(schema) or named[schema]
    if isinstance(schema, list):
        branches = [_reader(item, named) for item in schema]
        return lambda data: branches[data.long()](data)
    kind = schema["type"]
    made = _NESTED.get(kind) if isinstance(kind, str) else None
    return made(schema, named) if made is not None else _reader(kind, named)


def _record(schema: Schema, named: dict[str, Read]) -> Read:
    fields: list[tuple[str, Read]] = []

    def read(data: _Input) -> Any:
        return {name: field(data) for name, field in fields}

    named[schema["name"]] = read
    fields += [(field["name"], _reader(field["type"], named)) for field in schema["fields"]]
    return read


def _fixed(schema: Schema, named: dict[str, Read]) -> Read:
    size = int(schema["size"])
    named[schema["name"]] = lambda data: data.take(size)
    return named[schema["name"]]


def _enum(schema: Schema, named: dict[str, Read]) -> Read:
    symbols = schema["symbols"]
    named[schema["name"]] = lambda data: symbols[data.long()]
    return named[schema["name"]]


def _array(schema: Schema, named: dict[str, Read]) -> Read:
    item = _reader(schema["items"], named)
    return lambda data: _blocks(data, item)


def _map(schema: Schema, named: dict[str, Read]) -> Read:
    value = _reader(schema["values"], named)
    return lambda data: dict(_blocks(data, lambda inner: (_text(inner), value(inner))))


def _blocks(data: _Input, item: Read) -> list[Any]:
    found: list[Any] = []
    while count := data.long():
        if count < 0:
            count = -count
            data.long()
        found += [item(data) for _ in range(count)]
    return found


_NESTED: Final[Mapping[str, Callable[[Schema, dict[str, Read]], Read]]] = {
    "record": _record, "fixed": _fixed, "enum": _enum, "array": _array, "map": _map,
}  # fmt: skip


def read(content: bytes) -> tuple[dict[str, str], list[Any]]:
    """Return a file's metadata and its records; raises ``XX000`` where it is none."""
    try:
        return _file(_Input(content))
    except (ValueError, KeyError, IndexError, TypeError, struct.error, zlib.error, pa.ArrowException):
        raise SqlError(SqlState.INTERNAL_ERROR, "an Iceberg manifest cannot be read") from None


def heading(content: bytes) -> tuple[dict[str, bytes], int]:
    """Return the metadata of a file that begins with *content*, and where they end.

    Raises ``ValueError`` or ``IndexError`` where it is none, or where more of it is needed.
    """
    data = _Input(content)
    if data.take(len(_MAGIC)) != _MAGIC:
        raise ValueError
    return dict(_blocks(data, lambda inner: (_text(inner), _bytes(inner)))), data.place


def _file(data: _Input) -> tuple[dict[str, str], list[Any]]:
    if data.take(len(_MAGIC)) != _MAGIC:
        raise ValueError
    facts = dict(_blocks(data, lambda inner: (_text(inner), _bytes(inner).decode())))
    sync = data.take(_SYNC_BYTES)
    record = _reader(json.loads(facts["avro.schema"]), {})
    unpack = _CODECS[facts.get("avro.codec", "null")]
    found: list[Any] = []
    while data.place < len(data.data):
        count = data.long()
        block = _Input(unpack(data.take(data.long())))
        found += [record(block) for _ in range(count)]
        if data.take(_SYNC_BYTES) != sync:
            raise ValueError
    return facts, found


def _snappy(packed: bytes) -> bytes:
    # The length stands first, as Snappy has it; a checksum of four bytes last, as Avro has it.
    size, shift = 0, 0
    for byte in packed:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < _LAST:
            break
    unpacked: bytes = pa.decompress(packed[:-4], decompressed_size=size, codec="snappy", asbytes=True)
    return unpacked


def _zstd(packed: bytes) -> bytes:
    with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
        unpacked: bytes = stream.read()
    return unpacked


_CODECS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "null": lambda packed: packed,
    "deflate": lambda packed: zlib.decompress(packed, -zlib.MAX_WBITS),
    "snappy": _snappy,
    "zstandard": _zstd,
}


# Writing


class _Output:
    """Bytes that are written."""

    __slots__ = ("stream",)

    def __init__(self) -> None:
        self.stream = io.BytesIO()

    def long(self, value: int) -> None:
        value = (value << 1) ^ (value >> 63)
        while value >= _LAST:
            self.stream.write(bytes((value & 0x7F | _LAST,)))
            value >>= 7
        self.stream.write(bytes((value,)))

    def bytes(self, value: bytes) -> None:
        self.long(len(value))
        self.stream.write(value)


def _write(schema: Schema, value: Any, out: _Output) -> None:
    """Write a value; of a union of null and a type, None is null."""
    if isinstance(schema, list):
        branch = next(index for index, item in enumerate(schema) if (item == "null") == (value is None))
        out.long(branch)
        schema = schema[branch]
    kind = schema["type"] if isinstance(schema, dict) else schema
    _WRITE[kind](schema, value, out)


def _write_array(schema: Schema, value: Sequence[Any], out: _Output) -> None:
    if value:
        out.long(len(value))
        for item in value:
            _write(schema["items"], item, out)
    out.long(0)


def _write_record(schema: Schema, value: Mapping[str, Any], out: _Output) -> None:
    for field in schema["fields"]:
        _write(field["type"], value.get(field["name"]), out)


def _write_fixed(_: Schema, value: bytes, out: _Output) -> None:
    out.stream.write(value)


_WRITE: Final[Mapping[str, Callable[[Schema, Any, _Output], None]]] = {
    "null": lambda *_: None,
    "boolean": lambda _, value, out: _write_fixed(_, b"\x01" if value else b"\x00", out),
    "int": lambda _, value, out: out.long(value),
    "long": lambda _, value, out: out.long(value),
    "float": lambda _, value, out: _write_fixed(_, struct.pack("<f", value), out),
    "double": lambda _, value, out: _write_fixed(_, struct.pack("<d", value), out),
    "bytes": lambda _, value, out: out.bytes(value),
    "string": lambda _, value, out: out.bytes(value.encode()),
    "fixed": _write_fixed,
    "array": _write_array,
    "record": _write_record,
}


def write(schema: Schema, records: Sequence[Mapping[str, Any]], facts: Mapping[str, str]) -> bytes:
    """Return a file of *records*, its blocks deflated, with *facts* as metadata beside the schema."""
    out, block = _Output(), _Output()
    for record in records:
        _write(schema, record, block)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(block.stream.getvalue()) + packer.flush()
    sync = os.urandom(_SYNC_BYTES)
    heads = {"avro.schema": json.dumps(schema), "avro.codec": "deflate"} | dict(facts)
    out.stream.write(headed({name: text.encode() for name, text in heads.items()}))
    out.stream.write(sync)
    if records:
        out.long(len(records))
        out.bytes(packed)
        out.stream.write(sync)
    return out.stream.getvalue()


def headed(facts: Mapping[str, bytes]) -> bytes:
    """Return what a file of these metadata begins with, as far as ``heading`` reads."""
    out = _Output()
    out.stream.write(_MAGIC)
    out.long(len(facts))
    for name, value in facts.items():
        out.bytes(name.encode())
        out.bytes(value)
    out.long(0)
    return out.stream.getvalue()
