"""Calls ``native/fields.c``: whole lines of delimited text or CSV in, an Arrow batch out.

The structures repeat those of the C source. What it cannot take plainly it refuses, and the caller loads it in a slower
way; so is everything where the library is not there.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa

from core.types import ColumnType
from engine.load.plan import Conversion, CopyPlan, Format, Layout, LoadColumn

LIBRARY: Final = Path(__file__).parent / "native" / "fields.so"
_INT2, _INT4, _INT8, _NUMERIC, _DATE, _TIMESTAMP, _STRING, _PADDED = range(1, 9)
_KINDS: Final = {
    "int2": _INT2, "int4": _INT4, "int8": _INT8, "numeric": _NUMERIC, "date": _DATE, "timestamp": _TIMESTAMP,
    "varchar": _STRING, "bpchar": _PADDED,
}  # fmt: skip
_WIDTHS: Final = {_INT2: 2, _INT4: 4, _INT8: 8, _NUMERIC: 16, _DATE: 4, _TIMESTAMP: 8, _STRING: 4, _PADDED: 4}
_COLUMNS: Final = 1_600
_BLANK: Final = -2


class RefusedError(Exception):
    """A line is not plainly what its columns want."""


class BlankLineError(Exception):
    """A line is blank, which the engine's own reader would pass over."""


class _Column(ctypes.Structure):
    _fields_: ClassVar[Sequence[Any]] = (
        ("kind", ctypes.c_int32), ("precision", ctypes.c_int32), ("scale", ctypes.c_int32),
        ("not_null", ctypes.c_int32), ("nulls", ctypes.c_int64), ("valid", ctypes.c_void_p),
        ("values", ctypes.c_void_p), ("text", ctypes.c_void_p), ("room", ctypes.c_int64),
    )  # fmt: skip


class _Layout(ctypes.Structure):
    _fields_: ClassVar[Sequence[Any]] = (
        ("delimiter", ctypes.c_uint8), ("quote", ctypes.c_uint8), ("skip_blank", ctypes.c_uint8),
        ("round", ctypes.c_uint8), ("null_bytes", ctypes.c_int32), ("null_as", ctypes.c_char_p),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How one column is read: as values of its type, or as text that SQL makes values of."""

    kind: int
    arrow: pa.DataType
    limit: int = 0
    """Bytes of a string, digits of a NUMERIC."""
    scale: int = 0
    not_null: bool = False

    @property
    def is_text(self) -> bool:
        """Whether there is a value still to be made of it."""
        return self.kind == _STRING and not self.limit


@cache
def _library() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(str(LIBRARY))
    except OSError:
        return None
    library.take_rows.restype = ctypes.c_int64
    library.take_rows.argtypes = (
        ctypes.c_char_p, ctypes.c_int64, ctypes.POINTER(_Layout), ctypes.POINTER(_Column), ctypes.c_int32,
    )  # fmt: skip
    return library


def possible(plan: CopyPlan) -> bool:
    """Return whether the files' lines can be read here."""
    layout = plan.layout
    needs_care = (
        _library() is None,
        layout.format not in (Format.DELIMITED, Format.CSV),
        layout.escape,
        layout.remove_quotes,
        layout.fill_record,
        layout.replace_invalid is not None,
        layout.encoding != "utf-8",
        len(layout.delimiter.encode()) != 1 or layout.delimiter in "\r\n\0",
        layout.format is Format.CSV and (len(layout.quote.encode()) != 1 or layout.quote in "\r\n\0"),
        any(char in layout.null_as for char in "\0\r\n"),
        len(plan.columns) > _COLUMNS,
    )
    return not any(needs_care)


def shapes(plan: CopyPlan) -> list[Shape]:
    """Return how each column of *plan* is read."""
    return [_shape(column, plan.conversion) for column in plan.columns]


def _shape(column: LoadColumn, conversion: Conversion) -> Shape:
    kind, not_null = column.type, column.not_null
    form = _KINDS.get(kind.type.name, _STRING)
    if form == _DATE and not conversion.date_format:
        return Shape(kind=form, arrow=pa.date32(), not_null=not_null)
    if form == _TIMESTAMP and not conversion.time_format:
        return Shape(kind=form, arrow=pa.timestamp("us"), not_null=not_null)
    if form == _NUMERIC and kind.precision is not None:
        arrow = pa.decimal128(kind.precision, kind.scale or 0)
        return Shape(kind=form, arrow=arrow, limit=kind.precision, scale=kind.scale or 0, not_null=not_null)
    if form in _INTEGERS:
        return Shape(kind=form, arrow=_INTEGERS[form], not_null=not_null)
    if form in (_STRING, _PADDED) and kind.type.name in _KINDS and _plain(kind, conversion):
        return Shape(kind=form, arrow=pa.string(), limit=kind.length or 0, not_null=not_null)
    return Shape(kind=_STRING, arrow=pa.string())


_INTEGERS: Final = {_INT2: pa.int16(), _INT4: pa.int32(), _INT8: pa.int64()}


def _plain(kind: ColumnType, conversion: Conversion) -> bool:
    """Return whether a string is kept as it is, or refused."""
    changed = (
        conversion.blanks_as_null, conversion.empty_as_null, conversion.trim_blanks, conversion.truncate_columns,
    )  # fmt: skip
    return bool(kind.length) and not any(changed)


def batch(data: bytes, layout: Layout, columns: Sequence[Shape], *, round_decimals: bool) -> pa.RecordBatch:
    """Return the rows of *data*, whole lines; raises ``RefusedError``."""
    library = _library()
    assert library is not None  # noqa: S101 - asked before
    most = data.count(b"\n")
    given = (_Column * len(columns))()
    held = [_room(column, target, most, len(data)) for column, target in zip(columns, given, strict=True)]
    null_as = layout.null_as.encode()
    form = _Layout(
        delimiter=layout.delimiter.encode()[0],
        quote=layout.quote.encode()[0] if layout.format is Format.CSV else 0,
        skip_blank=layout.ignore_blank_lines,
        round=round_decimals,
        null_bytes=len(null_as),
        null_as=null_as,
    )
    rows = library.take_rows(data, len(data), ctypes.byref(form), given, len(columns))
    if rows < 0:
        raise BlankLineError if rows == _BLANK else RefusedError
    arrays = [
        pa.Array.from_buffers(
            column.arrow, rows, [buffers[0] if target.nulls else None, *buffers[1:]], null_count=target.nulls
        )
        for column, target, buffers in zip(columns, given, held, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, names=[f"c{number}" for number in range(len(columns))])


def _room(column: Shape, target: _Column, rows: int, size: int) -> list[pa.Buffer]:
    """Make the buffers of a column and say in *target* where they are."""
    text = column.kind in (_STRING, _PADDED)
    valid = pa.allocate_buffer((rows + 7) // 8)
    values = pa.allocate_buffer((rows + text) * _WIDTHS[column.kind])
    ctypes.memset(valid.address, 0xFF, valid.size)
    target.kind, target.precision, target.scale = column.kind, column.limit, column.scale
    target.not_null, target.valid, target.values = column.not_null, valid.address, values.address
    if not text:
        return [valid, values]
    room = min(size, rows * column.limit) if column.limit else size
    letters = pa.allocate_buffer(room)
    ctypes.memset(values.address, 0, 4)
    target.text, target.room = letters.address, room
    return [valid, values, letters]
