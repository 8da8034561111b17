"""Intervals: literals with and without a qualifier, the fields of the two types, conversions between them.

Redshift, "Interval data types and literals". INTERVAL YEAR TO MONTH is a number of months, INTERVAL DAY TO SECOND
one of microseconds; the interval without a qualifier has months, days and microseconds of its own.
"""

import re
from contextvars import ContextVar
from typing import Final

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from sql.value import INTERVAL, Value

FIELDS: Final = ("year", "month", "day", "hour", "minute", "second")
YEAR_MONTH: Final = ("year", "month")
_BITS: Final = {"year": 2, "month": 1, "day": 3, "hour": 10, "minute": 11, "second": 12}
"""Bits of a typmod's range, as PostgreSQL has them."""
_WHOLE: Final = 0xFFFF
_SPELLINGS: Final = {
    "millennium": "millennium millennia mil mils", "century": "century centuries c cent cents",
    "decade": "decade decades dec decs", "year": "year years y yr yrs", "quarter": "quarter quarters qtr qtrs",
    "month": "month months mon mons", "week": "week weeks w", "day": "day days d", "hour": "hour hours h hr hrs",
    "minute": "minute minutes m min mins", "second": "second seconds s sec secs",
    "millisecond": "millisecond milliseconds ms msec msecs", "microsecond": "microsecond microseconds us usec usecs",
}  # fmt: skip
_UNITS: Final = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
_MONTHS: Final = {"millennium": 12000, "century": 1200, "decade": 120, "year": 12, "quarter": 3, "month": 1}
MICROSECONDS: Final = {
    "week": 604_800_000_000, "day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000,
    "second": 1_000_000, "millisecond": 1000, "microsecond": 1,
}  # fmt: skip
_DAYS_OF_MONTH: Final = 30
_YEAR_MONTH: Final = re.compile(r"([+-]?)(\d+)-(\d+)\Z")
_CLOCK: Final = re.compile(r"([+-]?)(\d+):(\d+)(?::(\d+(?:\.\d*)?))?\Z|([+-]?)(\d+):(\d+\.\d*)\Z")
_AMOUNT: Final = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)([a-z]*)\Z", re.IGNORECASE)

Amounts = tuple[int, int, int]
"""Months, days, microseconds."""


def kind(first: str, last: str = "", precision: int | None = None) -> ColumnType:
    """Return the type that a qualifier names: ``YEAR TO MONTH``, ``SECOND (3)`` and so on."""
    last = last or first
    start, end = FIELDS.index(first), FIELDS.index(last)
    months = last in YEAR_MONTH
    if start > end or (first in YEAR_MONTH) != months:
        raise SqlError(SqlState.SYNTAX_ERROR, f'syntax error at or near "{last}"')
    if precision is not None and not (0 <= precision <= 6 and last == "second"):
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, f"INTERVAL({precision}) precision must be between 0 and 6"
        )
    name = "intervaly2m" if months else "intervald2s"
    if (first, last, precision) in {("year", "month", None), ("day", "second", None)}:
        return types.of(name)
    ranged = sum(1 << _BITS[field] for field in FIELDS[start : end + 1])
    return types.of(name, (ranged << 16) | (_WHOLE if precision is None else precision))


def _last(type_: ColumnType) -> tuple[str, int]:
    """Return the smallest field of a type and the digits of its seconds."""
    if type_.modifier < 0:
        return ("month" if type_.type.name == "intervaly2m" else "second"), 6
    ranged, precision = type_.modifier >> 16, type_.modifier & _WHOLE
    field = next(field for field in reversed(FIELDS) if ranged & (1 << _BITS[field]))
    return field, 6 if precision == _WHOLE else precision


FORBIDS_BOTH: Final = ContextVar("forbids_both", default=True)
"""interval_forbid_composite_literals, for the translation that runs."""


def literal(content: str, type_: ColumnType, first: str = "") -> str | None:
    """Return the engine SQL of an interval's text, None when it is none.

    Raises where it has months and days and the type has no room for both, or leaves those out that it has not.
    """
    last, _ = _last(type_)
    found = read(content, "second" if type_ == INTERVAL else last, first)
    if found is None or type_ == INTERVAL:
        return found and _written(found)
    months = (found[0], 0, 0)
    rest = (0, *found[1:])
    if any(months) and any(rest):
        if FORBIDS_BOTH.get():
            raise _composite(type_)
        found = months if type_.type.name == "intervaly2m" else rest
    return narrowed(_written(found), type_)


def _composite(type_: ColumnType) -> SqlError:
    year_month = type_.type.name == "intervaly2m"
    name, other = ("Year To Month", "day-second") if year_month else ("Day To Second", "year-month")
    return SqlError(
        SqlState.INVALID_DATETIME_FORMAT,
        f"Interval {name} literal cannot contain {other} parts. Disable the GUC interval_forbid_composite_literals to "
        f"suppress this error and silently discard the {other} part.",
    )


def _written(amounts: Amounts) -> str:
    months, days, micros = amounts
    return f"(to_months({months}) + to_days({days}) + to_microseconds({micros}))"


def bad(content: str) -> SqlError:
    """Return the error for text that is no interval."""
    return SqlError(SqlState.INVALID_DATETIME_FORMAT, f'invalid input syntax for type interval: "{content}"')


def read(content: str, unit: str, first: str = "") -> Amounts | None:
    """Return what *content* says; a number alone counts *unit*, ``2:30`` begins with *first* or the hours."""
    words = content.replace(",", " ").split()
    ago = bool(words) and words[-1].lower() == "ago"
    months, days, micros = 0, 0, 0
    words = words[:-1] if ago else words
    if not words:
        return None
    while words:
        more = _word(words, unit, first)
        if more is None:
            return None
        months, days, micros = months + more[0], days + more[1], micros + more[2]
    return (-months, -days, -micros) if ago else (months, days, micros)


def _word(words: list[str], unit: str, first: str) -> Amounts | None:
    word = words.pop(0)
    if found := _YEAR_MONTH.match(word):
        total = int(found[2]) * 12 + int(found[3])
        return (-total if found[1] == "-" else total), 0, 0
    if ":" in word:
        return _clock(word, unit, first)
    found = _AMOUNT.match(word)
    if found is None:
        return None
    sign, number, name = found.groups()
    if not name and words and words[0][0].isalpha():
        name = words.pop(0)
    elif not name and words and ":" in words[0]:
        name = "day"
    return _amount(float(number), _UNITS.get(name.lower() or unit), -1 if sign == "-" else 1)


def _amount(amount: float, unit: str | None, sign: int) -> Amounts | None:
    if unit is None:
        return None
    if unit in _MONTHS:
        whole = amount * _MONTHS[unit]
        return sign * int(whole), sign * round((whole - int(whole)) * _DAYS_OF_MONTH), 0
    if unit in {"day", "week"}:
        total = amount * (7 if unit == "week" else 1)
        return 0, sign * int(total), sign * round((total - int(total)) * MICROSECONDS["day"])
    return 0, 0, sign * round(amount * MICROSECONDS[unit])


def _clock(word: str, unit: str, first: str) -> Amounts | None:
    if _CLOCK.match(word) is None:
        return None
    sign = -1 if word.startswith("-") else 1
    parts = [float(part) for part in word.lstrip("+-").split(":")]
    if len(parts) == 2:
        minutes_first = (first or unit) == "minute" if unit == "second" else False
        parts = [0.0, *parts] if minutes_first or "." in word else [*parts, 0.0]
    return 0, 0, sign * round((parts[0] * 3600 + parts[1] * 60 + parts[2]) * 1_000_000)


# In the engine


def narrowed(sql: str, type_: ColumnType) -> str:
    """Return an interval as *type_* keeps it: only its fields, the smaller ones cut off."""
    if type_ == INTERVAL:
        return sql
    field, digits = _last(type_)
    if type_.type.name == "intervaly2m":
        return f"to_months(rs_months({sql}) // {_MONTHS[field]} * {_MONTHS[field]})"
    total = f"rs_microseconds({sql})"
    if field == "second":
        step = 10 ** (6 - digits)
        rounded = total if step == 1 else f"CAST(round({total} / {step}.0::DOUBLE) AS BIGINT) * {step}"
    else:
        rounded = f"{total} // {MICROSECONDS[field]} * {MICROSECONDS[field]}"
    return f"rs_days({rounded})"


def of_text(value: Value, target: ColumnType, word: str) -> str:
    """Write text as an interval."""
    unit = "second" if target == INTERVAL else _last(target)[0]
    lax = "try_" if word == "TRY_CAST" else ""
    return narrowed(f"rs_{lax}interval({value.sql}, '{unit}')", target)


def of_interval(value: Value, target: ColumnType, word: str) -> str:
    """Write an interval as another type of interval."""
    return narrowed(value.sql, target)


def to_text(value: Value, target: ColumnType, word: str) -> str:
    """Write an interval as text."""
    return f"rs_interval_text({value.sql})"


def together(left: Value, right: Value) -> ColumnType:
    """Return the type of a sum or difference of two intervals."""
    return types.of(left.name) if left.name == right.name else INTERVAL
