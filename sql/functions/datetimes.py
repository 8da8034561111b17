"""Date and time functions. A date part may be a bare word or a string, in any of its spellings."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion, zones
from sql.functions.spec import Call, Function, Write
from sql.inference import is_float
from sql.value import DATE, FLOAT8, INT4, INT8, TIME, TIMESTAMP, TIMESTAMPTZ, TIMETZ, Value, made

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
_WEEKDAYS: Final = {
    spelling: number
    for number, spellings in enumerate(
        ("m mo mon monday", "tu tue tues tuesday", "w we wed wednesday", "th thu thur thurs thursday", "f fr fri friday",
         "sa sat saturday", "su sun sunday"), start=1)
    for spelling in spellings.split()
}  # fmt: skip
_MICROS: Final = {"hour": 3_600_000_000, "minute": 60_000_000, "second": 1_000_000, "millisecond": 1000,
                  "microsecond": 1}  # fmt: skip
_SPANS: Final = frozenset({*_MONTHS, *_DAYS, *_MICROS})
"""Parts that are lengths of time: what DATEADD, DATEDIFF and DATE_TRUNC take."""
_AGES: Final = {"millennium": 1000, "century": 100}
"""Years of the parts that begin with a year 1."""
NOW: Final = "rs_instant(getvariable('transaction_timestamp'))"
"""When the transaction began, TIMESTAMPTZ."""
STATEMENT: Final = "rs_instant(getvariable('statement_timestamp'))"
"""When the statement began, TIMESTAMPTZ."""
_UTC: Final = "timezone('UTC', {0})"


Parted = Callable[[Call, str], Value]
"""What writes a call for one date part; raises 22023 where the part does not fit."""


def _by_part(write: Parted) -> Write:
    """Return what writes a call by the date part that its first argument names, now or row by row."""

    def written(call: Call) -> Value:
        node = call.nodes[0]
        name = node.name.lower().strip() if isinstance(node, exp.Column | exp.Var | exp.Literal | exp.Identifier) else ""
        if (part := PARTS.get(name)) is not None:
            return write(call, part)
        return _late(call, write, _computed(call, name))

    return written


def _computed(call: Call, name: str) -> str:
    """Return the engine SQL of a date part that is a parameter, a column or an expression, or raise 22023."""
    node = call.nodes[0]
    unknown = SqlError(
        SqlState.INVALID_PARAMETER_VALUE,
        f'timestamp units "{name}" not recognized',
        position=call.scope.writer.position(node),
    )
    if isinstance(node, exp.Literal | exp.Var | exp.Identifier):
        raise unknown
    try:
        return conversion.string(call.scope.value(node)).sql
    except SqlError as error:
        raise unknown if error.state is SqlState.UNDEFINED_COLUMN else error from None


def _late(call: Call, write: Parted, name: str) -> Value:
    """Write a call whose date part is known row by row: a branch for each part that fits."""
    branches: dict[str, Value] = {}
    for part in dict.fromkeys(PARTS.values()):
        with suppress(SqlError):
            branches[part] = write(call, part)
    table = ", ".join(f"'{spelling}': '{part}'" for spelling, part in PARTS.items() if part in branches)
    cases = " ".join(f"WHEN '{part}' THEN {value.sql}" for part, value in branches.items())
    type_ = next(iter(branches.values())).type
    return made(f"CASE rs_part_name(MAP {{{table}}}, {name}) {cases} END", type_, exact=True)


def _check_span(call: Call, part: str) -> None:
    """Raise 22023 for a part that is no length of time."""
    if part not in _SPANS:
        raise _unfit("timestamp", call)


def _unfit(kind: str, call: Call) -> SqlError:
    return SqlError(
        SqlState.INVALID_PARAMETER_VALUE,
        f'{kind} units "{call.nodes[0].name.lower()}" not supported',
        position=call.scope.writer.position(call.nodes[0]),
    )


def _stamped(value: Value) -> Value:
    """Return a timestamp or time; a date becomes its midnight, TIMETZ is brought to UTC as Redshift keeps it."""
    if value.name == "timetz":
        return made(_UTC.format(value.sql), TIMETZ, exact=True)
    return value if value.name in {"timestamp", "timestamptz", "time"} else conversion.cast(value, TIMESTAMP)


def _whole(value: Value) -> str:
    """Write an amount as a whole number: what is behind the point does not count."""
    if is_float(value.type):
        return f"CAST(trunc({value.sql}) AS BIGINT)"
    return conversion.exact(conversion.coerce(value, INT8)).sql


def _dateadd(call: Call, part: str) -> Value:
    _check_span(call, part)
    amount = _whole(call.values[1])
    value = _stamped(call.values[2])
    if part in _MONTHS:
        months = f"CAST({amount} * {_MONTHS[part]} AS INTEGER)"
        macro = "rs_add_years" if _MONTHS[part] >= _MONTHS["year"] else ""
        sql = f"{macro}({value.sql}, {months})" if macro else f"({value.sql} + to_months({months}))"
        return made(sql, value.type, exact=True)
    if part in _DAYS:
        interval = f"to_days(CAST({amount} * {_DAYS[part]} AS INTEGER))"
    else:
        interval = f"to_microseconds({amount} * {_MICROS[part]})"
    return made(f"({value.sql} + {interval})", value.type, exact=True)


def _datediff(call: Call, part: str) -> Value:
    _check_span(call, part)
    first, second = _comparable(call.values[1], call.values[2])
    if part in _AGES:
        return made(f"(date_part('{part}', {second.sql}) - date_part('{part}', {first.sql}))", INT8, exact=True)
    if part == "week" and first.name != "time":
        # The engine counts weeks from the epoch's day, Redshift from Mondays.
        mondays = [f"CAST(date_trunc('week', {value.sql}) AS DATE)" for value in (second, first)]
        return made(f"(({mondays[0]} - {mondays[1]}) // 7)", INT8, exact=True)
    return made(f"date_diff('{part}', {first.sql}, {second.sql})", INT8, exact=True)


_TIMES: Final = frozenset({"time", "timetz"})


def _comparable(first: Value, second: Value) -> tuple[Value, Value]:
    """Return two moments of one type: times of day, or timestamps."""
    goal = TIMESTAMP
    if {first.name, second.name} & _TIMES:
        goal = TIME
    sides = [_stamped(value) if value.category == "D" else conversion.coerce(value, goal) for value in (first, second)]
    if goal is TIME:
        sides = [made(f"CAST({value.sql} AS TIME)", TIME, exact=True) if value.name == "timetz" else value
                 for value in sides]  # fmt: skip
    elif first.name != second.name:
        sides = [conversion.cast(value, TIMESTAMP) for value in sides]
    return sides[0], sides[1]


_FRACTIONS: Final = {"millisecond": 1000, "microsecond": 1_000_000}
_CLOCK: Final = frozenset({*_MICROS, "epoch"})
_ZONED: Final = frozenset({"timezone", "timezone_hour", "timezone_minute"})


def _having(call: Call, part: str) -> Value:
    """Return the value that has the part, or raise 22023."""
    value = call.values[1]
    if part in _ZONED and value.name not in {"timestamptz", "timetz"}:
        raise _unfit(value.type.type.sql, call)
    if value.name in _TIMES and part not in _CLOCK | _ZONED:
        raise _unfit(value.type.type.sql, call)
    return value


def _part(part: str, value: Value) -> str:
    if part == "decade" and value.category == "D":
        # The first decade is that of the years 1 to 9.
        return f"(date_part('decade', {value.sql}) + 1)"
    if value.name == "date" and part in _MICROS:
        return f"(0 * date_part('day', {value.sql}))"
    return f"date_part('{part}', {value.sql})"


def _extract(call: Call, part: str) -> Value:
    value = _having(call, part)
    type_ = FLOAT8 if part == "epoch" or value.name == "timestamptz" else INT4
    sql = _part(part, value)
    if part in _FRACTIONS:
        sql = f"({sql} % {_FRACTIONS[part]})"
    return made(f"CAST({sql} AS {type_.engine()})", type_, exact=True)


def _date_part(call: Call, part: str) -> Value:
    """Unlike EXTRACT it gives seconds with their fraction, milliseconds and microseconds with the seconds."""
    value = _having(call, part)
    scale = {"second": 1_000_000, "millisecond": 1000}.get(part)
    if scale and value.name != "date":
        return made(f"(date_part('microsecond', {value.sql}) / {scale}.0::DOUBLE)", FLOAT8, exact=True)
    return made(f"CAST({_part(part, value)} AS DOUBLE)", FLOAT8, exact=True)


def _date_trunc(call: Call, part: str) -> Value:
    _check_span(call, part)
    value = _stamped(call.values[1])
    if part in _AGES:
        return made(f"rs_trunc_years({value.sql}, {_AGES[part]})", value.type, exact=True)
    return made(f"date_trunc('{part}', {value.sql})", value.type, exact=True)


def _convert_timezone(call: Call) -> Value:
    value = call.values[-1]
    if value.name == "timestamptz":
        stamp = _UTC.format(value.sql)
    else:
        stamp = conversion.cast(value, TIMESTAMP).sql
        if len(call.values) == 3:
            stamp = zones.universal(stamp, call.values[0])
    return made(zones.local(stamp, call.values[-2]), TIMESTAMP, exact=True)


def _timezone(call: Call) -> Value:
    zone, value = call.values
    if value.name == "timestamptz":
        return made(zones.local(_UTC.format(value.sql), zone), TIMESTAMP, exact=True)
    stamp = conversion.cast(value, TIMESTAMP).sql
    return made(_UTC.format(zones.universal(stamp, zone)), TIMESTAMPTZ, exact=True)


def _next_day(call: Call) -> Value:
    name = call.values[1].literal
    if name is None:
        table = ", ".join(f"'{key}': {number}" for key, number in _WEEKDAYS.items())
        return made(f"rs_next_day({call.sql[0]}, rs_weekday(MAP {{{table}}}, {call.sql[1]}))", DATE, exact=True)
    number = _WEEKDAYS.get(name.strip().lower())
    if number is None:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'invalid day of the week: "{name}"')
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
    _now("getdate", TIMESTAMP, f"date_trunc('second', CAST({STATEMENT} AS TIMESTAMP))", "r_GETDATE"),
    _now("sysdate", TIMESTAMP, f"CAST({NOW} AS TIMESTAMP)", "r_SYSDATE"),
    _now("localtimestamp", TIMESTAMP, f"CAST({NOW} AS TIMESTAMP)", "c_SQL_reference_funct_unsupported"),
    _now("current_date", DATE, f"CAST({NOW} AS DATE)", "r_CURRENT_DATE_function"),
    _now("now", TIMESTAMPTZ, NOW, "c_SQL_reference_funct_unsupported"),
    _now("current_timestamp", TIMESTAMPTZ, NOW, "c_SQL_reference_funct_unsupported"),
    _now("localtime", types.of("time"), f"CAST(CAST({NOW} AS TIMESTAMP) AS TIME)",
         "c_SQL_reference_funct_unsupported"),
    _now("current_time", types.of("timetz"), f"CAST({NOW} AS TIMETZ)", "c_SQL_reference_funct_unsupported"),
    _now("timeofday", types.of("varchar"), f"strftime({STATEMENT}, '%a %b %d %H:%M:%S.%f %Y UTC')",
         "r_TIMEOFDAY_function"),
    _now("tzdb_version", types.of("varchar"), "'2025b'", "TZDB_VERSION"),
    *(
        Function(name=name, arguments=("open", "amount", "moment"), engine=_by_part(_dateadd), raw=(0,), doc="r_DATEADD_function")
        for name in ("dateadd", "date_add")
    ),
    *(
        Function(name=name, arguments=("open", "when", "when"), engine=_by_part(_datediff), raw=(0,),
                 doc="r_DATEDIFF_function")
        for name in ("datediff", "date_diff")
    ),
    *(
        Function(name=name, arguments=("open", kind), engine=_by_part(engine), raw=(0,), doc=doc)
        for kind in ("interval", "moment")
        for name, engine, doc in (
            ("date_part", _date_part, "r_DATE_PART_function"), ("datepart", _date_part, "r_DATE_PART_function"),
            ("pgdate_part", _date_part, "r_DATE_PART_function"),
            ("extract", _extract, "r_EXTRACT_function"),
        )
    ),
    Function(name="date_trunc", arguments=("open", "stamp"), engine=_by_part(_date_trunc), raw=(0,), doc="r_DATE_TRUNC"),
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
    Function(name="age", arguments=("xid",), returns="int4", exact=True, doc="c_SQL_reference_funct_unsupported",
             engine="CAST(greatest(CAST(getvariable('transaction_id') AS BIGINT) - CAST({0} AS BIGINT), 0) AS INTEGER)"),
    Function(name="age", arguments=("stamp", "stamp?"), engine=_age, doc="c_SQL_reference_funct_unsupported"),
    Function(name="isfinite", arguments=("stamp",), engine="isfinite({0})", returns="bool", exact=True,
             doc="c_SQL_reference_funct_unsupported"),
    _order("interval_cmp", "span", "span"),
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
