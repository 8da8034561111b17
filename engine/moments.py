"""Macros that read dates and timestamps in strings of columns; literals are read by ``sql.dates``.

Redshift, "Datetime literals" and "datestyle". What is written with the year first is the engine's own form. For
the rest there are macros by the order of day and month: ``rs_date`` has the month first, ``rs_date_dmy`` the day,
``rs_date_ymd`` a year of two digits.
"""

from typing import Final

from engine.macro import Macro, raising

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


def _own(kind: str) -> str:
    """Read what the engine reads by itself: not a year of one or two digits, which is no year but a day or month."""
    start = "left(ltrim(x), 3)"
    return f"CASE WHEN NOT (contains({start}, '-') OR contains({start}, '/')) THEN TRY_CAST(trim(x) AS {kind}) END"


def _raising(name: str, kind: str, suffix: str) -> Macro:
    error = raising("22007", f"'invalid input syntax for type {kind}: \"' || x || '\"'")
    return Macro(
        name=f"rs_{name}{suffix}", arguments="x",
        body=f"CASE WHEN x IS NULL THEN NULL WHEN rs_try_{name}{suffix}(x) IS NULL THEN {error}"
             f" ELSE rs_try_{name}{suffix}(x) END",
        doc="r_Dates_and_times",
    )  # fmt: skip


def _macros(suffix: str, order: tuple[str, str, str]) -> tuple[Macro, ...]:
    dates = _dates(order)
    days, stamps = _listed(dates), _listed(tuple(f"{day}{time}" for day in dates[:-1] for time in _TIMES))
    return (
        Macro(name=f"rs_try_date{suffix}", arguments="x",
              body=f"coalesce({_own('DATE')}, CAST({_own('TIMESTAMP')} AS DATE),"
                   f" CAST(try_strptime(trim(x), {days}) AS DATE), CAST(try_strptime(trim(x), {stamps}) AS DATE))",
              doc="r_Dates_and_times"),
        _raising("date", "date", suffix),
        Macro(name=f"rs_try_timestamp{suffix}", arguments="x",
              body=f"coalesce({_own('TIMESTAMP')}, try_strptime(trim(x), {stamps}), try_strptime(trim(x), {days}))",
              doc="r_Dates_and_times"),
        _raising("timestamp", "timestamp", suffix),
        Macro(name=f"rs_try_timestamptz{suffix}", arguments="x",
              body=f"coalesce({_own('TIMESTAMPTZ')}, CAST(rs_try_timestamp{suffix}(x) AS TIMESTAMPTZ))",
              doc="r_Dates_and_times"),
        _raising("timestamptz", "timestamp with time zone", suffix),
    )  # fmt: skip


TABLE: Final = tuple(macro for suffix, order in _ORDERS.items() for macro in _macros(suffix, order))
