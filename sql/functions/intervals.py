"""Interval literals as calls, which ``sql.dialect`` makes of them; SUM and AVG of intervals."""

from typing import Final

from core import types
from core.errors import SqlError
from sql import intervals
from sql.dialect import DAY_SECOND, PLAIN_INTERVAL, YEAR_MONTH
from sql.functions.spec import Call, Function
from sql.value import INTERVAL, Value, made


def _literal(call: Call) -> Value:
    content, *rest = ((value.literal or "").strip() if index else value.literal or "" for index, value in enumerate(call.values))
    first, last, precision = rest or ("", "", "")
    position = call.scope.writer.position(call.node)
    try:
        type_ = intervals.kind(first, last, int(precision) if precision else None) if first else INTERVAL
    except SqlError as error:
        error.position = position
        raise
    sql = intervals.literal(content, type_, first)
    if sql is None:
        wrong = intervals.bad(content)
        wrong.position = position
        raise wrong
    return Value(sql=sql, type=types.of(type_.type.name), exact=True, fixed=True)


def _sum(call: Call) -> Value:
    return _totalled(call, "")


def _avg(call: Call) -> Value:
    value = call.values[0]
    return _totalled(call, f" // count({call.distinct}{value.sql}){call.over}")


def _totalled(call: Call, divided: str) -> Value:
    """Write a sum of months and one of microseconds, as far as the type has both."""
    value = call.values[0]

    def total(part: str, type_: str) -> str:
        return f"CAST(sum({call.distinct}{part}){call.over}{divided} AS {type_})"

    months = f"to_months({total(f'rs_months({value.sql})', 'INTEGER')})"
    days = f"rs_days({total(f'rs_microseconds({value.sql}) - rs_months({value.sql}) * 2592000000000', 'BIGINT')})"
    sql = {"intervaly2m": months, "intervald2s": days}.get(value.name, f"({months} + {days})")
    return made(sql, types.of(value.name), exact=True)


TABLE: Final = (
    *(
        Function(name=name, arguments=("open", "open?", "open?", "open?"), engine=_literal, doc="r_interval_data_types")
        for name in (PLAIN_INTERVAL, YEAR_MONTH, DAY_SECOND)
    ),
    Function(name="sum", arguments=("interval",), engine=_sum, kind="aggregate", doc="r_interval_data_types"),
    Function(name="avg", arguments=("interval",), engine=_avg, kind="aggregate", doc="r_interval_data_types"),
)
