"""Values on their way: rows of a result to a procedure's texts, texts to what RAISE shows."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from core.types import Column, ColumnType


def rows_of(batch: pa.RecordBatch) -> Iterator[tuple[str | None, ...]]:
    """Yield the rows of *batch* as texts in the engine's form."""
    return zip(*([_text(item) for item in column.to_pylist()] for column in batch.columns), strict=True)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return _TEXTS.get(type(value), str)(value)


def _moment(value: datetime) -> str:
    text = value.isoformat(sep=" ")
    return text.removesuffix(":00") if value.tzinfo is not None else text


def _interval(value: Any) -> str:
    return f"{value.months} months {value.days} days {value.nanoseconds // 1000} microseconds"


_TEXTS: Final[dict[type, Callable[[Any], str]]] = {
    bool: lambda value: "true" if value else "false",
    float: repr,
    bytes: lambda value: "".join(f"\\x{byte:02X}" for byte in value),
    datetime: _moment,
    pa.MonthDayNano: _interval,
}


def shown(value: str | None, kind: ColumnType) -> str:
    """Return a value as RAISE writes it into a message."""
    if value is None:
        return "<NULL>"
    show = _SHOWN.get(kind.type.name)
    return value if show is None else show(value, kind)


def _float(digits: int) -> Callable[[str, ColumnType], str]:
    def show(text: str, kind: ColumnType) -> str:
        number = float(text)
        return {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(str(number)) or format(number, f".{digits}g")

    return show


def _hex(text: str, kind: ColumnType) -> str:
    """Return VARBYTE in hexadecimal digits; the engine's text escapes what is not printable."""
    data = re.sub(r"\\x([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), text)
    return data.encode("latin-1").hex()


_MARKED: Final = re.compile('"\ufdd0([^"]*)"')
"""A number in SUPER as the engine keeps it (``engine.super_values``)."""
_SHOWN: Final[dict[str, Callable[[str, ColumnType], str]]] = {
    "bool": lambda text, _: "t" if text in {"true", "t"} else "f",
    "float4": _float(6),
    "float8": _float(15),
    "varbyte": _hex,
    "bpchar": lambda text, kind: text.ljust(kind.length or 0),
    "super": lambda text, _: _MARKED.sub(r"\1", text),
}


def fields_of(
    columns: tuple[Column, ...], row: tuple[str | None, ...] | None
) -> dict[str, tuple[ColumnType, str | None]]:
    """Return a record's fields for a row; without one they are NULL."""
    found: dict[str, tuple[ColumnType, str | None]] = {}
    for index, column in enumerate(columns):
        found.setdefault(column.name, (column.type, None if row is None else row[index]))
    return found
