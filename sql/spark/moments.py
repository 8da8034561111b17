"""Dates, times and intervals, as functions of both engines make them.

Spark's session has the zone UTC, and zones play no part in what is written here.
"""

from decimal import Decimal
from typing import Final

from sql.spark.values import (
    BIGINT,
    DATE,
    INTERVAL,
    TIMESTAMP,
    VARCHAR,
    Arguments,
    Kind,
    UnfitError,
    Value,
    Write,
    cast,
    written_number,
)

_PARTS: Final = {
    "year": "year({0})", "month": "month({0})", "day": "day({0})", "quarter": "quarter({0})", "hour": "hour({0})",
    "minute": "minute({0})", "second": "second({0})", "doy": "dayofyear({0})", "dow": "(dayofweek({0}) - 1)",
}  # fmt: skip


def part(values: Arguments) -> Value:
    """Write DATE_PART of a written unit."""
    name, value = values
    template = _PARTS.get((name.text or "").lower())
    if template is None or value.kind not in {DATE, TIMESTAMP}:
        raise UnfitError("that part of a date")
    if value.kind == DATE and name.text in {"hour", "minute", "second"}:
        value = cast(value, TIMESTAMP)
    return Value(sql=f"CAST({template.format(value.sql)} AS BIGINT)", kind=BIGINT)


def named_part(name: str) -> Write:
    """Return the writer of a function that is called as its unit."""
    return lambda values: part([Value(sql="", kind=VARCHAR, text=name), *values])


_UNITS: Final = frozenset({"year", "quarter", "month", "week", "day", "hour", "minute", "second"})


def truncated_moment(values: Arguments) -> Value:
    """Write DATE_TRUNC."""
    unit, value = values
    if value.kind != TIMESTAMP or (unit.text or "").lower() not in _UNITS:
        raise UnfitError("DATE_TRUNC of that")
    sql = f"date_trunc('{(unit.text or '').upper()}', {value.sql})"
    return Value(sql=f"CAST({sql} AS TIMESTAMP_NTZ)", kind=TIMESTAMP)


_BETWEEN: Final = {
    "day": "datediff(CAST({1} AS DATE), CAST({0} AS DATE))",
    "month": "((year({1}) - year({0})) * 12 + month({1}) - month({0}))",
    "quarter": "((year({1}) - year({0})) * 4 + quarter({1}) - quarter({0}))",
    "year": "(year({1}) - year({0}))",
}  # fmt: skip


def between(values: Arguments) -> Value:
    """Write DATE_DIFF, which counts boundaries."""
    unit, start, stop = values
    template = _BETWEEN.get((unit.text or "").lower())
    if template is None or not {start.kind, stop.kind} <= {DATE, TIMESTAMP}:
        raise UnfitError("that difference of dates")
    return Value(sql=f"CAST({template.format(start.sql, stop.sql)} AS BIGINT)", kind=BIGINT)


def months(values: Arguments) -> Value:
    """Write an interval of months."""
    return Value(sql="", kind=INTERVAL, months=f"CAST({_whole(values[0])} AS INT)")


def days(values: Arguments) -> Value:
    """Write an interval of days."""
    return Value(sql="", kind=INTERVAL, days=f"CAST({_whole(values[0])} AS INT)")


def microseconds(values: Arguments) -> Value:
    """Write an interval of microseconds."""
    number = Decimal(int(written_number(values[0], -(10**15)))).scaleb(-6)
    return Value(sql="", kind=INTERVAL, seconds=f"CAST({number:f} AS DECIMAL(18,6))" if number else "")


def _whole(value: Value) -> str:
    if not value.kind.whole:
        raise UnfitError("an interval of parts")
    return value.sql


def instant(values: Arguments) -> Value:
    """Write ``rs_instant``, the time at which the statement or transaction began."""
    if values[0].text is None:
        raise UnfitError("the time now")
    moment = cast(values[0], TIMESTAMP)
    return Value(sql=moment.sql, kind=Kind("TIMESTAMPTZ"), text=values[0].text)


