"""Partition transforms: what of a column's value a file's rows have in common.

Apache Iceberg, "Iceberg Table Spec": "Partition Transforms", "Appendix B: 32-bit Hash Requirements".
"""

import re
from typing import Any, Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from engine.iceberg.types import decimal_of

_WITH_NUMBER: Final = re.compile(r"(bucket|truncate)\[(\d+)\]")
_DATES: Final = frozenset({"date", "timestamp", "timestamptz"})
_TEMPORAL: Final = {
    "year": "date_part('year', {at}) - 1970",
    "month": "(date_part('year', {at}) - 1970) * 12 + date_part('month', {at}) - 1",
    "day": "date_diff('day', DATE '1970-01-01', CAST({at} AS DATE))",
    "hour": "date_diff('hour', TIMESTAMP '1970-01-01', {at})",
}
_HASHED: Final = frozenset({"int", "long", "date", "timestamp", "timestamptz", "string", "binary"})
_TRUNCATED: Final = frozenset({"int", "long", "string"})
_IDENTICAL: Final = frozenset({"boolean", "int", "long", "string", "date", "timestamp", "timestamptz"})


def check(transform: str, column: str, kind: Any) -> None:
    """Raise where a column cannot be partitioned by a transform."""
    if _fits(transform, kind):
        return
    raise SqlError(
        SqlState.INVALID_TABLE_DEFINITION, f'column "{column}" cannot be partitioned by the transform {transform}'
    )


def _fits(transform: str, kind: Any) -> bool:
    if not isinstance(kind, str):
        return False
    match = _WITH_NUMBER.fullmatch(transform)
    number = decimal_of(kind) is not None
    if match:
        return int(match[2]) > 0 and (number or kind in (_HASHED if match[1] == "bucket" else _TRUNCATED))
    if transform in _TEMPORAL:
        return kind in _DATES and not (transform == "hour" and kind == "date")
    return transform == "identity" and (number or kind in _IDENTICAL)


def shown(transform: str, column: str) -> str:
    """Return a transform of a column as SQL writes it."""
    match = _WITH_NUMBER.fullmatch(transform)
    if match:
        return f"{match[1]}({match[2]}, {column})"
    return column if transform == "identity" else f"{transform}({column})"


def result(transform: str, kind: str) -> str:
    """Return the type of a transform's values."""
    if transform == "day":
        return "date"
    return kind if transform in ("identity", "void") or transform.startswith("truncate") else "int"


def sql(transform: str, kind: str, value: str) -> str:
    """Return engine SQL for a transform of *value*, of an Iceberg type; raises 0A000 for one that is not known."""
    if transform == "identity":
        return value
    if transform == "void":
        return "NULL"
    if transform in _TEMPORAL:
        at = f"timezone('UTC', {value})" if kind == "timestamptz" else value
        number = f"CAST({_TEMPORAL[transform].format(at=at)} AS INTEGER)"
        return f"(DATE '1970-01-01' + {number})" if transform == "day" else number
    match = _WITH_NUMBER.fullmatch(transform)
    if match is None:
        raise not_supported(f"the Iceberg partition transform {transform}")
    return _bucket(kind, value, int(match[2])) if match[1] == "bucket" else _truncated(kind, value, int(match[2]))


def _truncated(kind: str, value: str, width: int) -> str:
    if kind == "string":
        return f"left({value}, {width})"
    size = decimal_of(kind)
    if size is None:
        # Towards minus infinity, whatever the sign.
        return f"({value} - ((({value} % {width}) + {width}) % {width}))"
    step = f"CAST('{width}e-{size[1]}' AS DECIMAL(38, {size[1]}))"
    wide = f"CAST({value} AS DECIMAL(38, {size[1]}))"
    return f"CAST({wide} - ((({wide} % {step}) + {step}) % {step}) AS DECIMAL({size[0]}, {size[1]}))"


def _bucket(kind: str, value: str, count: int) -> str:
    return f"CAST((rs_murmur({_hashed(kind, value)}, 0) & 2147483647) % {count} AS INTEGER)"


def _hashed(kind: str, value: str) -> str:
    """Return the list of bytes that a value is hashed as."""
    match kind:
        case "string":
            return f"rs_bytes(encode({value}))"
        case "binary":
            return f"rs_bytes({value})"
        case "date":
            return f"rs_little(date_diff('day', DATE '1970-01-01', {value}), 8)"
        case "timestamp" | "timestamptz":
            return f"rs_little(epoch_us({value}), 8)"
        case "int" | "long":
            return f"rs_little({value}, 8)"
    return f"rs_least_bytes(CAST(replace(CAST({value} AS VARCHAR), '.', '') AS HUGEINT))"
