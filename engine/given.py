"""Rows that a statement brings with it, as an Arrow table that the engine reads."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

_TYPES: Final = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "text": pa.string()}


def table(columns: Sequence[tuple[str, str, list[object]]]) -> pa.Table:
    """Return the table of (name, kind, values); a kind is one of ``int``, ``float``, ``bool``, ``text``."""
    return pa.table({name: pa.array(values, type=_TYPES[kind]) for name, kind, values in columns})
