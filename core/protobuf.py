"""Protocol Buffers' wire format, as much as Flight SQL and Spark Connect need, driven by tables of fields.

Protocol Buffers, "Encoding". A message is a dict of its fields by name; a field that was not sent is absent,
one that is not known is skipped. Numbers are varints; groups and fixed-width numbers are skipped only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST: Final = 10
_WORD: Final = (1 << 64) - 1


class Kind(Enum):
    """What a field's value is."""

    TEXT = "text"
    BYTES = "bytes"
    NUMBER = "number"
    FLAG = "flag"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message."""

    name: str
    kind: Kind
    repeated: bool = False
    shape: "Shape | None" = None
    """Of a message."""


Shape = Mapping[int, Field]


class Malformed(Exception):
    """Bytes that are no message."""


def decode(shape: Shape, data: bytes) -> dict[str, Any]:
    """Return the fields of *data*; raises ``Malformed``."""
    found: dict[str, Any] = {}
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        wire = key & 7
        value, place = _value(data, place, wire)
        field = shape.get(key >> 3)
        if field is None or value is None:
            continue
        for item in _values(field, wire, value):
            if field.repeated:
                found.setdefault(field.name, []).append(item)
            else:
                found[field.name] = item
    return found


def _value(data: bytes, place: int, wire: int) -> tuple[int | bytes | None, int]:
    if wire == _VARINT:
        return _varint(data, place)
    if wire == _BYTES:
        length, place = _varint(data, place)
        if length > len(data) - place:
            raise Malformed("a field is cut off")
        return data[place : place + length], place + length
    size = {_FIXED64: 8, _FIXED32: 4}.get(wire)
    if size is None or size > len(data) - place:
        raise Malformed("a field cannot be read")
    return None, place + size


def _values(field: Field, wire: int, value: int | bytes) -> list[Any]:
    numeric = field.kind in {Kind.NUMBER, Kind.FLAG}
    if isinstance(value, bytes) and numeric and field.repeated:
        return [_number(field, number) for number in _packed(value)]
    if isinstance(value, bytes) is numeric:
        raise Malformed(f"{field.name} has the wrong form")
    if isinstance(value, int):
        return [_number(field, value)]
    if field.kind is Kind.MESSAGE and field.shape is not None:
        return [decode(field.shape, value)]
    if field.kind is Kind.TEXT:
        try:
            return [value.decode()]
        except UnicodeDecodeError:
            raise Malformed(f"{field.name} is no text") from None
    return [value]


def _number(field: Field, value: int) -> int | bool:
    if field.kind is Kind.FLAG:
        return bool(value)
    return value - (1 << 64) if value >> 63 else value


def _packed(data: bytes) -> list[int]:
    numbers, place = [], 0
    while place < len(data):
        number, place = _varint(data, place)
        numbers.append(number)
    return numbers


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for index in range(_LONGEST):
        if place + index >= len(data):
            raise Malformed("a number is cut off")
        byte = data[place + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & _WORD, place + index + 1
    raise Malformed("a number is too long")


def encode(shape: Shape, message: Mapping[str, Any]) -> bytes:
    """Return the bytes of a message."""
    pieces = []
    for number, field in sorted(shape.items()):
        if field.name not in message:
            continue
        given = message[field.name]
        pieces += [_written(number, field, item) for item in (given if field.repeated else [given])]
    return b"".join(pieces)


def _written(number: int, field: Field, value: Any) -> bytes:
    if field.kind in {Kind.NUMBER, Kind.FLAG}:
        return _as_varint(number << 3 | _VARINT) + _as_varint(int(value) & _WORD)
    if field.kind is Kind.MESSAGE and field.shape is not None:
        value = encode(field.shape, value)
    data = value.encode() if isinstance(value, str) else bytes(value)
    return _as_varint(number << 3 | _BYTES) + _as_varint(len(data)) + data


def _as_varint(value: int) -> bytes:
    pieces = bytearray()
    while value > 0x7F:
        pieces.append(value & 0x7F | 0x80)
        value >>= 7
    pieces.append(value)
    return bytes(pieces)
