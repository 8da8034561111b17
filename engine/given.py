"""Rows that a statement brings with it, as an Arrow table that the engine reads."""

from collections.abc import Sequence
from typing import Final, Protocol

import pyarrow as pa

_TYPES: Final = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string()}
_PACKED: Final = {
    "int2": pa.int16(), "int4": pa.int32(), "int8": pa.int64(), "float4": pa.float32(), "float8": pa.float64(),
    "bool": pa.bool_(), "text": pa.string(), "date": pa.date32(), "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
}  # fmt: skip


class Packed(Protocol):
    """The values of a column, in Arrow's layout already."""

    @property
    def precision(self) -> int:
        """Return the digits of a NUMERIC."""
        ...

    @property
    def scale(self) -> int:
        """Return those of them behind the point."""
        ...

    @property
    def rows(self) -> int:
        """Return how many values there are."""
        ...

    @property
    def nulls(self) -> int:
        """Return how many of them are NULL."""
        ...

    @property
    def buffers(self) -> Sequence[bytearray]:
        """Return Arrow's buffers: which values are there, then the values."""
        ...


def table(columns: "Sequence[tuple[str, str, list[object] | Packed]]") -> pa.Table:
    """Return the table of (name, kind, values); the kind of a list is one of ``int``, ``float``, ``bool``, ``text``."""
    return pa.table({
        name: pa.array(values, type=_TYPES[kind]) if isinstance(values, list) else _unpacked(kind, values)
        for name, kind, values in columns
    })  # fmt: skip


def _unpacked(kind: str, values: Packed) -> pa.Array:
    type_ = pa.decimal128(values.precision, values.scale) if kind == "numeric" else _PACKED[kind]
    buffers = [pa.py_buffer(buffer) for buffer in values.buffers]
    return pa.Array.from_buffers(type_, values.rows, buffers, null_count=values.nulls)
