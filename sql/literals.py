"""Calls ``native/literals.c``: long texts of SQL that Python would take too long over.

The structures repeat those of the C source. What it cannot take plainly it refuses, and the caller reads the text in a
slower way; so is everything where the library is not there.
"""

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

from core.types import ColumnType

LIBRARY: Final = Path(__file__).parent / "native" / "literals.so"
_WIDTH_MAX: Final = 1_600
_TYPES_MAX: Final = 16
"""Spellings of types in one list that are worth going through it again for."""
_BYTES_MAX: Final = 2**31 - 1
_ASKED: Final = -2
_DEFAULTS, _SAME = 0, 15
_USUAL: Final = -1
_KINDS: Final = {
    name: number
    for number, name in enumerate(
        ("int2", "int4", "int8", "numeric", "float4", "float8", "varchar", "bpchar", "super", "bool", "date", "time",
         "timestamp", "timestamptz"),
        start=1,
    )
}  # fmt: skip
_BITS: Final = {
    "int2": 16, "int4": 32, "int8": 64, "numeric": 128, "float4": 32, "float8": 64, "bool": 1, "date": 32, "time": 64,
    "timestamp": 64,
}  # fmt: skip
"""Bits of a value; other kinds are strings."""
_SPAN_BYTES: Final = 16
Accepts = Callable[[str, bool], bool]
"""Tells whether a cell may be cast to the type that is spelled so; the flag is whether it stands before the string."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A column whose cells are read; without a *type* each must be *same* as it is written, or say DEFAULT."""

    type: ColumnType | None
    same: str = ""
    not_null: bool = False
    accepts: Accepts | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The values of a column in Arrow's layout."""

    kind: str
    """The type's name; strings are ``text``."""
    precision: int
    scale: int
    rows: int
    nulls: int
    buffers: tuple[bytearray, ...]
    """Which values are there, the values; of strings where each begins, and all of them."""


class _Column(ctypes.Structure):
    _fields_: ClassVar[Sequence[Any]] = (
        ("kind", ctypes.c_int32), ("limit", ctypes.c_int32), ("scale", ctypes.c_int32), ("not_null", ctypes.c_int32),
        ("nulls", ctypes.c_int64), ("room", ctypes.c_int64), ("valid", ctypes.c_void_p), ("values", ctypes.c_void_p),
        ("known", ctypes.c_char_p), ("known_bytes", ctypes.c_int64),
    )  # fmt: skip


class _Question(ctypes.Structure):
    _fields_: ClassVar[Sequence[Any]] = (
        ("start", ctypes.c_int64), ("end", ctypes.c_int64), ("column", ctypes.c_int32), ("before", ctypes.c_int32),
    )  # fmt: skip


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    text = (ctypes.c_char_p, ctypes.c_int64, ctypes.c_int64)
    library.take_width.restype = ctypes.c_int32
    library.take_width.argtypes = (*text, ctypes.c_void_p, ctypes.c_int32)
    library.take_values.restype = ctypes.c_int64
    library.take_values.argtypes = (
        *text, ctypes.POINTER(_Column), ctypes.c_int32, ctypes.c_int64, ctypes.POINTER(_Question),
    )  # fmt: skip
    library.take_strings.restype = None
    library.take_strings.argtypes = (
        ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p,
    )  # fmt: skip
    library.calm_until.restype = ctypes.c_int64
    library.calm_until.argtypes = text
    return library


@cache
def _brief_library() -> ctypes.PyDLL | None:
    """The same, keeping the interpreter's lock: getting it back from another thread takes longer than a short text."""
    try:
        library = ctypes.PyDLL(str(LIBRARY))
    except OSError:
        return None
    library.has_long_name.restype = ctypes.c_int32
    library.has_long_name.argtypes = (ctypes.c_char_p, ctypes.c_int64, ctypes.c_int64)
    return library


def readable(type_: ColumnType) -> bool:
    """Tell whether a column of this type can be read here."""
    return type_.type.name in _KINDS


def calm_until(text: str, place: int) -> int:
    """Return a place up to which *text* has, from *place*, no semicolon, comment or dollar quote outside quotes."""
    library = _library()
    if library is None or not text.isascii():
        return place
    return int(library.calm_until(text.encode(), len(text), place))


def has_long_name(text: str, least: int) -> bool:
    """Tell whether *text* may hold a name of at least so many characters."""
    library = _brief_library()
    if library is None:
        return True
    data = text.encode()
    return bool(library.has_long_name(data, len(data), least))


def first_row(text: bytes, place: int) -> list[str] | None:
    """Return each cell of the row at *place*: DEFAULT, a lone word or call as it is written, nothing for a literal.

    None where there is anything else in it.
    """
    library = _library()
    if library is None or len(text) > _BYTES_MAX:
        return None
    found = (ctypes.c_int64 * (2 * _WIDTH_MAX))()
    width = library.take_width(text, len(text), place, found, _WIDTH_MAX)
    places = [(found[2 * index], found[2 * index + 1]) for index in range(width)]
    cells = ["DEFAULT" if start == _USUAL else "" if start < 0 else text[start:end].decode() for start, end in places]
    return None if width < 0 else cells


def packed(text: bytes, place: int, columns: Sequence[Wanted]) -> list[Packed | None] | None:
    """Return the columns of the rows ``(…), (…)`` from *place* to the end, None where one is not plainly of its type.

    There is nothing for a column that is not read.
    """
    known = [b"" for _ in columns]
    for _ in range(_TYPES_MAX):
        attempt = _Attempt(text, place, columns, known)
        asked = attempt.question
        if attempt.rows >= 0:
            return attempt.columns()
        if attempt.rows != _ASKED:
            return None
        spelled = text[asked.start : asked.end]
        accepts = columns[asked.column].accepts
        if accepts is None or not spelled.isascii() or not accepts(spelled.decode(), bool(asked.before)):
            return None
        known[asked.column] += b"'" * asked.before + spelled + b"\0"
    return None


class _Attempt:
    """One reading of all rows."""

    def __init__(self, text: bytes, place: int, columns: Sequence[Wanted], known: Sequence[bytes]) -> None:
        library = _library()
        assert library is not None  # noqa: S101 - asked before
        self._library, self._text, self._wanted = library, text, columns
        # No row is shorter than two characters a cell, whatever its strings hold.
        most = min(text.count(b"(", place), (len(text) - place) // (2 * len(columns)) + 1)
        self._given = (_Column * len(columns))()
        self._held = [
            _room(column, target, accepted, most)
            for column, target, accepted in zip(columns, self._given, known, strict=True)
        ]
        self.question = _Question()
        self.rows: int = library.take_values(
            text, len(text), place, self._given, len(columns), most, ctypes.byref(self.question)
        )

    def columns(self) -> list[Packed | None]:
        """Return what was read."""
        return [
            None if column.type is None else self._packed(column.type, target, buffers)
            for column, target, buffers in zip(self._wanted, self._given, self._held, strict=True)
        ]

    def _packed(self, type_: ColumnType, target: _Column, buffers: tuple[bytearray, ...]) -> Packed:
        name = type_.type.name
        if name not in _BITS:
            name, buffers = "text", (buffers[0], *self._strings(target))
        return Packed(
            kind=name, precision=target.limit, scale=target.scale, rows=self.rows, nulls=target.nulls, buffers=buffers
        )

    def _strings(self, target: _Column) -> tuple[bytearray, bytearray]:
        offsets, letters = bytearray(4 * (self.rows + 1)), bytearray(target.room)
        self._library.take_strings(self._text, target.values, self.rows, _address(offsets), _address(letters))
        return offsets, letters


def _room(column: Wanted, target: _Column, known: bytes, rows: int) -> tuple[bytearray, ...]:
    """Make the buffers of a column and say in *target* where they are."""
    if column.type is None:
        same = column.same.encode()
        target.kind, target.known, target.known_bytes = _SAME if same else _DEFAULTS, same, len(same)
        return (bytearray(same),)
    name = column.type.type.name
    bits = _BITS.get(name, 8 * _SPAN_BYTES)
    valid, values = bytearray(b"\xff") * ((rows + 7) // 8), bytearray((rows * bits + 7) // 8)
    target.kind, target.not_null = _KINDS[name], column.not_null
    target.limit = (column.type.precision or 38) if name == "numeric" else column.type.length or 0
    target.scale = column.type.scale or 0
    target.known, target.known_bytes = known, len(known)
    target.valid, target.values = _address(valid), _address(values)
    return valid, values


def _address(buffer: bytearray) -> int:
    return ctypes.addressof((ctypes.c_char * len(buffer)).from_buffer(buffer)) if buffer else 0
