"""Operators on dates, times and intervals, by their operands' kinds.

Redshift, "Dates and times", "Interval data types and literals".
"""

from collections.abc import Callable
from typing import Final

from core import types
from core.types import ColumnType
from sql import intervals
from sql.value import INT4, INTERVAL, TIMESTAMP, TIMESTAMPTZ, Value, made

_STAMPS: Final = frozenset({"timestamp", "timestamptz"})


def _plain(sign: str, result: ColumnType | None = None) -> Callable[[Value, Value], Value]:
    def write(left: Value, right: Value) -> Value:
        type_ = result or left.type
        return made(f"({left.sql} {sign} {right.sql})", type_, exact=True)

    return write


def _date_days(sign: str) -> Callable[[Value, Value], Value]:
    def write(left: Value, right: Value) -> Value:
        return made(f"({left.sql} {sign} CAST({right.sql} AS INTEGER))", left.type, exact=True)

    return write


def _stamp_days(sign: str) -> Callable[[Value, Value], Value]:
    def write(left: Value, right: Value) -> Value:
        return made(f"({left.sql} {sign} to_days(CAST({right.sql} AS INTEGER)))", left.type, exact=True)

    return write


def _swapped(write: Callable[[Value, Value], Value]) -> Callable[[Value, Value], Value]:
    return lambda left, right: write(right, left)


def _days_between(left: Value, right: Value) -> Value:
    return made(f"CAST({left.sql} - {right.sql} AS INTEGER)", INT4, exact=True)


def _stamps_between(left: Value, right: Value) -> Value:
    def plain(value: Value) -> str:
        return value.sql if value.name in _STAMPS else f"CAST({value.sql} AS TIMESTAMP)"

    return made(f"({plain(left)} - {plain(right)})", INTERVAL, exact=True)


def _scaled(left: Value, right: Value) -> Value:
    sql = f"rs_interval_times({left.sql}, CAST({right.sql} AS DOUBLE))"
    return made(sql, types.of(left.name), exact=True)


def _shrunk(left: Value, right: Value) -> Value:
    sql = f"rs_interval_times({left.sql}, rs_divide(1.0, CAST({right.sql} AS DOUBLE)))"
    return made(sql, types.of(left.name), exact=True)


def _intervals(sign: str) -> Callable[[Value, Value], Value]:
    def write(left: Value, right: Value) -> Value:
        return made(f"({left.sql} {sign} {right.sql})", intervals.together(left, right), exact=True)

    return write


def _date_interval(sign: str) -> Callable[[Value, Value], Value]:
    """Months leave a date a date, anything else makes a timestamp of it."""

    def write(left: Value, right: Value) -> Value:
        sql = f"({left.sql} {sign} {right.sql})"
        if right.name == "intervaly2m":
            return made(f"CAST({sql} AS DATE)", left.type, exact=True)
        return made(sql, TIMESTAMP, exact=True)

    return write


TABLE: Final[dict[tuple[str, str, str], Callable[[Value, Value], Value]]] = {
    ("+", "date", "number"): _date_days("+"),
    ("-", "date", "number"): _date_days("-"),
    ("+", "number", "date"): _swapped(_date_days("+")),
    ("-", "date", "date"): _days_between,
    ("-", "stamp", "stamp"): _stamps_between,
    ("-", "date", "stamp"): _stamps_between,
    ("-", "stamp", "date"): _stamps_between,
    ("+", "stamp", "number"): _stamp_days("+"),
    ("-", "stamp", "number"): _stamp_days("-"),
    ("+", "date", "interval"): _date_interval("+"),
    ("-", "date", "interval"): _date_interval("-"),
    ("+", "interval", "date"): _swapped(_date_interval("+")),
    ("+", "stamp", "interval"): _plain("+"),
    ("-", "stamp", "interval"): _plain("-"),
    ("+", "interval", "stamp"): _swapped(_plain("+")),
    ("+", "time", "interval"): _plain("+"),
    ("-", "time", "interval"): _plain("-"),
    ("+", "date", "time"): _plain("+", TIMESTAMP),
    ("+", "time", "date"): _swapped(_plain("+", TIMESTAMP)),
    ("+", "date", "timetz"): _plain("+", TIMESTAMPTZ),
    ("+", "interval", "interval"): _intervals("+"),
    ("-", "interval", "interval"): _intervals("-"),
    ("*", "interval", "number"): _scaled,
    ("*", "number", "interval"): _swapped(_scaled),
    ("/", "interval", "number"): _shrunk,
}
