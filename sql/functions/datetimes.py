"""Date and time functions. A date part may be a bare word or a string, in any of its spellings."""

from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion
from sql.functions.spec import Call, Function
from sql.value import DATE, FLOAT8, INT4, INT8, TIMESTAMP, TIMESTAMPTZ, Value, made

_SPELLINGS: Final = (
    ("millennium", "millennium millennia mil mils"),
    ("century", "century centuries c cent cents"),
    ("decade", "decade decades dec decs"),
    ("year", "year years y yr yrs"),
    ("quarter", "quarter quarters qtr qtrs"),
    ("month", "month months mon mons"),
    ("week", "week weeks w"),
    ("day", "day days d"),
    ("hour", "hour hours h hr hrs"),
    ("minute", "minute minutes m min mins"),
    ("second", "second seconds s sec secs"),
    ("millisecond", "millisecond milliseconds ms msec msecs msecond mseconds millisec millisecs millisecon"),
    ("microsecond", "microsecond microseconds microsec microsecs usecond useconds us usec usecs"),
    ("epoch", "epoch"),
    ("dow", "dayofweek dow dw weekday"),
    ("isodow", "isodow"),
    ("doy", "dayofyear doy dy yearday"),
    ("isoyear", "isoyear"),
    ("week", "isoweek"),
    ("timezone", "timezone"),
    ("timezone_hour", "timezone_hour"),
    ("timezone_minute", "timezone_minute"),
)
PARTS: Final = {spelling: part for part, spellings in _SPELLINGS for spelling in spellings.split()}
_MONTHS: Final = {"millennium": 12000, "century": 1200, "decade": 120, "year": 12, "quarter": 3, "month": 1}
_DAYS: Final = {"week": 7, "day": 1}
_MICROS: Final = {"hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000, "millisecond": 1000,
                  "microsecond": 1}  # fmt: skip
_WEEKDAYS: Final = {"mo": 1, "tu": 2, "we": 3, "th": 4, "fr": 5, "sa": 6, "su": 7}
NOW: Final = "rs_instant(getvariable('transaction_timestamp'))"
"""When the transaction began, TIMESTAMPTZ."""


def part_of(call: Call, index: int = 0) -> str:
    """Return the date part that an argument names, or raise 22023."""
    node = call.nodes[index]
    name = node.name.lower() if isinstance(node, exp.Column | exp.Var | exp.Literal | exp.Identifier) else ""
    found = PARTS.get(name.strip())
    if found is None:
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE,
            f'timestamp units "{name}" not recognized',
            position=call.scope.writer.position(node),
        )
    return found


def _stamped(value: Value) -> Value:
    return value if value.name in {"timestamp", "timestamptz", "time", "timetz"} else conversion.cast(value, TIMESTAMP)


def _dateadd(call: Call) -> Value:
    part = part_of(call)
    amount = conversion.exact(call.values[1]).sql
    value = _stamped(call.values[2])
    if part in _MONTHS:
        interval = f"to_months(CAST({amount} * {_MONTHS[part]} AS INTEGER))"
    elif part in _DAYS:
        interval = f"to_days(CAST({amount} * {_DAYS[part]} AS INTEGER))"
    else:
        interval = f"to_microseconds({amount} * {_MICROS[part]})"
    return made(f"({value.sql} + {interval})", value.type, exact=True)


def _datediff(call: Call) -> Value:
    part = part_of(call)
    first, second = (_stamped(value) for value in call.values[1:])
    if first.type != second.type and first.name in {"timestamp", "timestamptz"}:
        first, second = (conversion.cast(value, TIMESTAMP) for value in (first, second))
    return made(f"date_diff('{part}', {first.sql}, {second.sql})", INT8, exact=True)


_FRACTIONS: Final = {"millisecond": 1000, "microsecond": 1_000_000}


def _part(call: Call) -> str:
    part = part_of(call)
    value = call.values[1]
    if part in _FRACTIONS:
        return f"(date_part('{part}', {value.sql}) % {_FRACTIONS[part]})"
    if value.name == "date" and part in {"hour", "minute", "second"}:
        return f"(0 * date_part('day', {value.sql}))"
    return f"date_part('{part}', {value.sql})"


def _extract(call: Call) -> Value:
    type_ = FLOAT8 if part_of(call) == "epoch" else INT4
    return made(f"CAST({_part(call)} AS {type_.engine()})", type_, exact=True)


def _date_part(call: Call) -> Value:
    return made(f"CAST({_part(call)} AS DOUBLE)", FLOAT8, exact=True)


def _date_trunc(call: Call) -> Value:
    part = part_of(call)
    value = _stamped(call.values[1])
    return made(f"date_trunc('{part}', {value.sql})", value.type, exact=True)


def _zone(value: Value) -> str:
    """Return a time zone's name for the engine: POSIX offsets have their sign turned round."""
    content = value.literal
    if content is None:
        return value.sql
    text = content.strip()
    offset = text.split()[-1] if text else ""
    if offset[:1] in "+-" and offset[1:].isdigit():
        return literal(f"Etc/GMT{'+' if offset[0] == '+' else '-'}{int(offset[1:])}")
    return literal(text)


def _convert_timezone(call: Call) -> Value:
    value = call.values[-1]
    target = _zone(call.values[-2])
    if value.name == "timestamptz":
        return made(f"timezone({target}, {value.sql})", TIMESTAMP, exact=True)
    source = _zone(call.values[0]) if len(call.values) == 3 else "'UTC'"
    stamp = conversion.cast(value, TIMESTAMP).sql
    return made(f"timezone({target}, timezone({source}, {stamp}))", TIMESTAMP, exact=True)


def _timezone(call: Call) -> Value:
    value = call.values[1]
    zone = _zone(call.values[0])
    if value.name == "timestamptz":
        return made(f"timezone({zone}, {value.sql})", TIMESTAMP, exact=True)
    return made(f"timezone({zone}, {conversion.cast(value, TIMESTAMP).sql})", TIMESTAMPTZ, exact=True)


def _next_day(call: Call) -> Value:
    name = call.values[1].literal
    if name is None or name.strip().lower()[:2] not in _WEEKDAYS:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "invalid day of the week")
    number = _WEEKDAYS[name.strip().lower()[:2]]
    return made(f"rs_next_day({call.sql[0]}, {number})", DATE, exact=True)


def _age(call: Call) -> Value:
    values = [conversion.cast(value, TIMESTAMP).sql for value in call.values]
    if len(values) == 1:
        values.insert(0, f"CAST(CAST({NOW} AS DATE) AS TIMESTAMP)")
    return made(f"age({', '.join(values)})", types.of("interval"), exact=True)


def _now(name: str, type_: ColumnType, sql: str, doc: str) -> Function:
    return Function(name=name, engine=sql, returns=type_.type.name, exact=True, doc=doc)


def _order(name: str, first: str, second: str) -> Function:
    return Function(name=name, arguments=(first, second), engine="CAST(rs_compare({0}, {1}) AS INTEGER)",
                    returns="int4", exact=True, doc=f"r_{name.upper()}")


TABLE: Final = (
    _now("getdate", TIMESTAMP, f"date_trunc('second', CAST({NOW} AS TIMESTAMP))", "r_GETDATE"),
    _now("sysdate", TIMESTAMP, f"CAST({NOW} AS TIMESTAMP)", "r_SYSDATE"),
    _now("localtimestamp", TIMESTAMP, f"CAST({NOW} AS TIMESTAMP)", "c_SQL_reference_funct_unsupported"),
    _now("current_date", DATE, f"CAST({NOW} AS DATE)", "r_CURRENT_DATE_function"),
    _now("now", TIMESTAMPTZ, NOW, "c_SQL_reference_funct_unsupported"),
    _now("current_timestamp", TIMESTAMPTZ, NOW, "c_SQL_reference_funct_unsupported"),
    _now("localtime", types.of("time"), f"CAST(CAST({NOW} AS TIMESTAMP) AS TIME)",
         "c_SQL_reference_funct_unsupported"),
    _now("current_time", types.of("timetz"), f"CAST({NOW} AS TIMETZ)", "c_SQL_reference_funct_unsupported"),
    _now("timeofday", types.of("varchar"), f"strftime({NOW}, '%a %b %d %H:%M:%S.%f %Y UTC')", "r_TIMEOFDAY_function"),
    *(
        Function(name=name, arguments=("open", "int8", "moment"), engine=_dateadd, raw=(0,), doc="r_DATEADD_function")
        for name in ("dateadd", "date_add")
    ),
    *(
        Function(name=name, arguments=("open", "moment", "moment"), engine=_datediff, raw=(0,),
                 doc="r_DATEDIFF_function")
        for name in ("datediff", "date_diff")
    ),
    *(
        Function(name=name, arguments=("open", kind), engine=engine, raw=(0,), doc=doc)
        for kind in ("interval", "moment")
        for name, engine, doc in (
            ("date_part", _date_part, "r_DATE_PART_function"), ("datepart", _date_part, "r_DATE_PART_function"),
            ("extract", _extract, "r_EXTRACT_function"),
        )
    ),
    Function(name="date_trunc", arguments=("open", "stamp"), engine=_date_trunc, raw=(0,), doc="r_DATE_TRUNC"),
    Function(name="date_part_year", arguments=("date",), engine="CAST(year({0}) AS INTEGER)", returns="int4",
             exact=True, doc="r_DATE_PART_YEAR"),
    Function(name="trunc", arguments=("dated",), engine="CAST({0} AS DATE)", returns="date", exact=True,
             doc="r_TRUNC_date"),
    Function(name="date", arguments=("stamp",), engine="CAST({0} AS DATE)", returns="date", exact=True,
             doc="r_CAST_function"),
    Function(name="last_day", arguments=("stamp",), engine="last_day({0})", returns="date", exact=True,
             doc="r_LAST_DAY"),
    Function(name="add_months", arguments=("timestamp", "int"), engine="rs_add_months({0}, {1})",
             returns="timestamp", exact=True, doc="r_ADD_MONTHS"),
    Function(name="months_between", arguments=("timestamp", "timestamp"), engine="rs_months_between({0}, {1})",
             returns="float8", exact=True, doc="r_MONTHS_BETWEEN_function"),
    Function(name="next_day", arguments=("date", "text"), engine=_next_day, doc="r_NEXT_DAY"),
    Function(name="convert_timezone", arguments=("text", "stamp"), engine=_convert_timezone,
             doc="CONVERT_TIMEZONE"),
    Function(name="convert_timezone", arguments=("text", "text", "stamp"), engine=_convert_timezone,
             doc="CONVERT_TIMEZONE"),
    Function(name="timezone", arguments=("text", "stamp"), engine=_timezone, doc="r_TIMEZONE"),
    Function(name="age", arguments=("stamp", "stamp?"), engine=_age, doc="c_SQL_reference_funct_unsupported"),
    Function(name="isfinite", arguments=("stamp",), engine="isfinite({0})", returns="bool", exact=True,
             doc="c_SQL_reference_funct_unsupported"),
    _order("date_cmp", "date", "date"),
    _order("date_cmp_timestamp", "date", "timestamp"),
    _order("date_cmp_timestamptz", "date", "timestamptz"),
    _order("timestamp_cmp", "timestamp", "timestamp"),
    _order("timestamp_cmp_date", "timestamp", "date"),
    _order("timestamp_cmp_timestamptz", "timestamp", "timestamptz"),
    _order("timestamptz_cmp", "timestamptz", "timestamptz"),
    _order("timestamptz_cmp_date", "timestamptz", "date"),
    _order("timestamptz_cmp_timestamp", "timestamptz", "timestamp"),
)  # fmt: skip
