"""Macros that read dates and timestamps in strings of columns; literals are read by ``sql.dates``.

Redshift, "Datetime literals" and "datestyle". What is written with the year first is the engine's own form. For
the rest there are macros by the order of day and month: ``rs_date`` has the month first, ``rs_date_dmy`` the day,
``rs_date_ymd`` a year of two digits.
"""

from typing import Final

from engine.macro import Macro

_TIMES: Final = (" %H:%M:%S.%f", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", " %H%M%S")
_SIGNS: Final = "/-."
_NAMED: Final = (
    "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%y", "%d-%b-%Y", "%Y-%b-%d",
    "%b-%d-%Y", "%Y.%m.%d",
)  # fmt: skip
_ORDERS: Final = {"": ("%m", "%d", "%Y"), "_dmy": ("%d", "%m", "%Y"), "_ymd": ("%y", "%m", "%d")}
"""What a macro's name ends with, and the order of a date's parts."""


def _listed(formats: tuple[str, ...]) -> str:
    return "[" + ", ".join(f"'{item}'" for item in formats) + "]"


def _dates(order: tuple[str, str, str]) -> tuple[str, ...]:
    short = (*order[:2], "%y") if order[2] == "%Y" else order
    # %Y takes 19 for a year of the first century, so %y comes first.
    orders = dict.fromkeys((short, order))
    numbers = tuple(sign.join(parts) for parts in orders for sign in _SIGNS)
    return ("%Y%m%d", "%Y.%j", *numbers, *_NAMED, "%y%m%d")


_AFTERNOON: Final = _listed(
    tuple(
        f"%Y{sign}%m{sign}%d {time}" for sign in "-/" for time in ("%I:%M:%S %p", "%I:%M %p", "%I:%M:%S%p", "%I:%M%p")
    )
)


def _own(kind: str) -> str:
    """Read what the engine reads by itself: not a year of one or two digits, which is no year but a day or month."""
    start, text = "left(ltrim(x), 3)", "trim(x)"
    short = f"(contains({start}, '-') OR contains({start}, '/') OR contains(lower(x), 'inf'))"
    christ = f"TRY_CAST(left({text}, -2) || '(BC)' AS {kind})"
    # As a date the engine takes anything that begins with one.
    read = f"TRY_CAST({text} AS {kind})"
    read = f"CASE WHEN length({text}) <= 10 THEN {read} END" if kind == "DATE" else read
    return f"CASE WHEN suffix(upper({text}), ' BC') THEN {christ} WHEN NOT {short} THEN {read} END"


_LATE: Final = (
    "CASE WHEN suffix(upper(trim(x)), 'M') AND regexp_matches(x, '^\\s*\\d{4}') THEN"
    f" try_strptime(trim(x), {_AFTERNOON}) END"
)
"""A year of four digits with a time before or after noon."""
_ZONED: Final = (
    "TRY_CAST(regexp_extract(x, '^\\s*(\\d{4}-\\d+-\\d+[ T]\\d+:\\d+(:\\d+(\\.\\d+)?)?) +[A-Za-z/_]+\\s*$', 1)"
    " AS TIMESTAMP)"
)
"""A zone behind it means nothing to a TIMESTAMP."""
_LOOKS: Final = "'^\\s*(\\d+[-/.]\\d+[-/.]\\d+|\\d+:\\d+(:\\d+(\\.\\d+)?)?\\s*$)'"


def _raising(name: str, kind: str, suffix: str = "") -> Macro:
    error = (
        f"error('duckshift:' || CASE WHEN regexp_matches(x, {_LOOKS}) THEN '22008:date/time field value out of range'"
        f" ELSE '22007:invalid input syntax for type {kind}' END || ': \"' || x || '\"')"
    )
    return Macro(
        name=f"rs_{name}{suffix}", arguments="x",
        body=f"CASE WHEN x IS NULL THEN NULL WHEN rs_try_{name}{suffix}(x) IS NULL THEN {error}"
             f" ELSE rs_try_{name}{suffix}(x) END",
        doc="r_Dates_and_times",
    )  # fmt: skip


def _macros(suffix: str, order: tuple[str, str, str]) -> tuple[Macro, ...]:
    dates = _dates(order)
    days, stamps = _listed(dates), _listed(tuple(f"{day}{time}" for day in dates[:-1] for time in _TIMES))
    found = (
        f"coalesce({_own('TIMESTAMP')}, {_LATE}, try_strptime(trim(x), {stamps}), try_strptime(trim(x), {days}),"
        f" {_ZONED})"
    )
    return (
        Macro(name=f"rs_try_timestamp{suffix}", arguments="x",
              body=f"CASE WHEN NOT contains(lower(x), 'inf') THEN {found} END", doc="r_Dates_and_times"),
        _raising("timestamp", "timestamp", suffix),
        Macro(name=f"rs_try_date{suffix}", arguments="x",
              body=f"coalesce({_own('DATE')}, CAST(rs_try_timestamp{suffix}(x) AS DATE))", doc="r_Dates_and_times"),
        _raising("date", "date", suffix),
        Macro(name=f"rs_try_timestamptz{suffix}", arguments="x",
              body=f"coalesce({_own('TIMESTAMPTZ')}, CAST(rs_try_timestamp{suffix}(x) AS TIMESTAMPTZ))",
              doc="r_Dates_and_times"),
        _raising("timestamptz", "timestamp with time zone", suffix),
    )  # fmt: skip


_CLOCKS: Final = _listed(("%H%M%S", "%I:%M:%S %p", "%I:%M %p", "%I:%M:%S%p", "%I:%M%p"))
_HALVES: Final = "suffix(upper(trim(x)), 'M')"

TABLE: Final = (
    *(macro for suffix, order in _ORDERS.items() for macro in _macros(suffix, order)),
    Macro(name="rs_try_time", arguments="x",
          body=f"coalesce(CASE WHEN NOT {_HALVES} AND contains(x, ':') THEN TRY_CAST(trim(x) AS TIME) END,"
               f" CAST(try_strptime(trim(x), {_CLOCKS}) AS TIME))",
          doc="r_Dates_and_times"),
    _raising("time", "time"),
    Macro(name="rs_try_timetz", arguments="x",
          body=f"coalesce(CASE WHEN NOT {_HALVES} AND contains(x, ':') THEN TRY_CAST(trim(x) AS TIMETZ) END,"
               " CAST(rs_try_time(x) AS TIMETZ))",
          doc="r_Dates_and_times"),
    _raising("timetz", "time with time zone"),
)  # fmt: skip
