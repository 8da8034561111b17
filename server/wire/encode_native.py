"""The compiled encoder behind a Python function: what goes to C, what comes back, and who frees it.

The structures repeat ``native/arrow.h``. ``encode_arrow`` decides how each column is written, ``encode`` has
the public classes. ctypes lets go of the interpreter's lock while C runs.
"""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa

from core.errors import SqlError
from core.sqlstate import SqlState

LIBRARY: Final = Path(__file__).parent / "native" / "encode.so"
PIECE_BYTES: Final = 1 << 20
"""A piece of output is at most this long, except where one row is longer."""
ROW_BYTES_MAX: Final = 1 << 30
_ROOM: Final = 1024
"""Bytes that C keeps free beyond what it writes, and some."""
_VALUE_BYTES: Final = 24
"""A guess at one value, so that a small answer takes a small buffer."""
_ArrowArray: Final = ctypes.c_char * 80
"""``struct ArrowArray``, of which nothing is looked at here."""


class Kind(IntEnum):
    """How a column's values are written: ``enum kind``."""

    ALWAYS_NULL = 0
    BOOL_TEXT = 1
    INT16_TEXT = 2
    INT32_TEXT = 3
    INT64_TEXT = 4
    UINT32_TEXT = 5
    DECIMAL_TEXT = 6
    FLOAT4_TEXT = 7
    FLOAT8_TEXT = 8
    BYTES = 9
    LARGE_BYTES = 10
    BYTES_HEX = 11
    LARGE_BYTES_HEX = 12
    DATE_TEXT = 13
    TIME_TEXT = 14
    TIMESTAMP_TEXT = 15
    TIMESTAMPTZ_TEXT = 16
    INTERVAL_TEXT = 17
    YEAR_MONTH_TEXT = 18
    DAY_SECOND_TEXT = 19
    BOOL_BINARY = 20
    BITS16 = 21
    BITS32 = 22
    BITS64 = 23
    DECIMAL_BINARY = 24
    DECIMAL_RAW8 = 25
    DECIMAL_RAW16 = 26
    DATE_BINARY = 27
    TIMESTAMP_BINARY = 28
    INTERVAL_BINARY = 29
    YEAR_MONTH_BINARY = 30
    DAY_SECOND_BINARY = 31
    PADDED_BYTES = 32
    LARGE_PADDED_BYTES = 33
    SHORT_DECIMAL_TEXT = 34
    SHORT_DECIMAL_BINARY = 35


class Framing(IntEnum):
    """What stands around the values of a row: ``enum framing``."""

    DATA_ROW = 0
    COPY_TEXT = 1
    COPY_CSV = 2
    COPY_BINARY = 3


class DateForm(IntEnum):
    """DateStyle's first word: ``enum date_style``."""

    ISO = 0
    SQL = 1
    POSTGRES = 2
    GERMAN = 3


class IntervalForm(IntEnum):
    """IntervalStyle: ``enum interval_style``."""

    POSTGRES = 0
    POSTGRES_VERBOSE = 1
    SQL_STANDARD = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one column is written: ``struct plan``."""

    kind: Kind
    scale: int = 0
    width: int = 16
    """Of a decimal the bytes of a value (not read for the short kinds, which are 8), of padded text the characters
    to fill up to."""
    offsets: int = -1
    """Child with the zone's offsets in microseconds; -1 where ``shift_us`` is the offset of all rows."""
    zones: int = -1
    """Child with the zone's abbreviations; -1 where the offset is shown."""
    shift_us: int = 0
    force_quote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What all columns share: ``struct layout``."""

    framing: Framing = Framing.DATA_ROW
    date_form: DateForm = DateForm.ISO
    day_first: bool = False
    interval_form: IntervalForm = IntervalForm.POSTGRES
    float8_digits: int = 15
    float4_digits: int = 6
    null: bytes = b"\\N"
    delimiter: bytes = b"\t"
    quote: bytes = b'"'
    escape: bytes = b'"'
    message: bytes = b"\0"
    """Letter of the message that each row goes in by itself; NUL for bare rows."""


class _Plan(ctypes.Structure):
    _fields_: ClassVar[Sequence[Any]] = (
        ("kind", ctypes.c_int32),
        ("scale", ctypes.c_int32),
        ("offsets", ctypes.c_int32),
        ("zones", ctypes.c_int32),
        ("shift_us", ctypes.c_int64),
        ("force_quote", ctypes.c_int32),
        ("width", ctypes.c_int32),
    )


class _Layout(ctypes.Structure):
    _fields_: ClassVar[Sequence[Any]] = (
        ("framing", ctypes.c_int32),
        ("columns", ctypes.c_int32),
        ("date_style", ctypes.c_int32),
        ("day_first", ctypes.c_int32),
        ("interval_style", ctypes.c_int32),
        ("float8_digits", ctypes.c_int32),
        ("float4_digits", ctypes.c_int32),
        ("null_length", ctypes.c_int32),
        ("null_text", ctypes.c_char_p),
        ("plans", ctypes.POINTER(_Plan)),
        ("delimiter", ctypes.c_uint8),
        ("quote", ctypes.c_uint8),
        ("escape", ctypes.c_uint8),
        ("message", ctypes.c_uint8),
        ("unused", ctypes.c_uint8 * 4),
    )


def _load(kind: type[ctypes.CDLL]) -> ctypes.CDLL:
    try:
        library = kind(str(LIBRARY))
    except OSError as problem:
        raise ImportError(
            f"the result encoder is not compiled (python tools/build_native.py does it): {problem}"
        ) from (problem)
    library.duckshift_encode.argtypes = (
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p,
    )  # fmt: skip
    library.duckshift_encode.restype = ctypes.c_int64
    library.duckshift_release.argtypes = (ctypes.c_void_p,)
    library.duckshift_release.restype = None
    return library


_LIBRARY: Final = _load(ctypes.CDLL)
_BRIEF: Final = _load(ctypes.PyDLL)
"""The same, keeping the interpreter's lock: getting it back from another thread takes longer than a few rows."""
_BRIEF_ROWS: Final = 64


class NativeEncoder:
    """Writes batches whose columns have the Arrow types that *plans* expect."""

    def __init__(self, layout: Layout, plans: Sequence[Plan]) -> None:
        self._width = len(plans)
        # The array and the null text belong to the layout as long as C reads it.
        self._plans = (_Plan * max(1, len(plans)))(*map(_plan, plans))
        self._null = layout.null
        self._layout = _Layout(
            framing=layout.framing,
            columns=len(plans),
            date_style=layout.date_form,
            day_first=layout.day_first,
            interval_style=layout.interval_form,
            float8_digits=layout.float8_digits,
            float4_digits=layout.float4_digits,
            null_length=len(layout.null),
            null_text=self._null,
            plans=self._plans,
            delimiter=layout.delimiter[0],
            quote=layout.quote[0],
            escape=layout.escape[0],
            message=layout.message[0],
        )

    def pieces(self, batch: pa.RecordBatch) -> Iterator[memoryview]:
        """Yield the batch's rows, whole rows a piece; children beyond the plans are zone columns."""
        rows = batch.num_rows
        if rows == 0:
            return
        array = _ArrowArray()
        exported = ctypes.addressof(array)
        batch._export_to_c(exported)  # noqa: SLF001  (pyarrow's only way to the C data interface)
        library = _BRIEF if rows <= _BRIEF_ROWS else _LIBRARY
        row, capacity = 0, PIECE_BYTES
        written = ctypes.c_int64()
        layout, length = ctypes.addressof(self._layout), ctypes.addressof(written)
        try:
            while row < rows:
                wanted = min(capacity, (rows - row) * (self._width * _VALUE_BYTES + 8))
                if capacity > PIECE_BYTES:
                    wanted = capacity
                buffer = pa.allocate_buffer(wanted + _ROOM, resizable=False)
                reached = library.duckshift_encode(exported, layout, row, buffer.address, buffer.size, length)
                if reached < 0:
                    raise SqlError(SqlState.OUT_OF_MEMORY, "out of memory")
                if reached == row:
                    # The next row alone is longer than the buffer.
                    capacity = max(PIECE_BYTES + 1, capacity * 4)
                    if capacity > 2 * ROW_BYTES_MAX:
                        raise SqlError(SqlState.PROGRAM_LIMIT_EXCEEDED, "row is too large to be sent")
                    continue
                row, capacity = reached, PIECE_BYTES
                yield memoryview(buffer)[: written.value]
        finally:
            library.duckshift_release(exported)


def _plan(plan: Plan) -> _Plan:
    return _Plan(
        kind=plan.kind,
        scale=plan.scale,
        width=plan.width,
        offsets=plan.offsets,
        zones=plan.zones,
        shift_us=plan.shift_us,
        force_quote=plan.force_quote,
    )
