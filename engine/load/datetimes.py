"""DATEFORMAT and TIMEFORMAT: Redshift's format strings as DuckDB's, and what ``auto`` recognises.

Redshift, "DATEFORMAT and TIMEFORMAT strings" and "Using automatic recognition with DATEFORMAT and
TIMEFORMAT". Parts are told case-blind; ``MI`` is minutes, ``MM`` months.
"""

import re
from typing import Final

from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState

EPOCHS: Final = {"epochsecs": 1_000_000, "epochmillisecs": 1_000}
"""Microseconds of one unit."""

# Longest first: HH24 before HH, MON before MM.
_PARTS: Final = (
    ("YYYY", "%Y"), ("MONTH", "%B"), ("HH24", "%H"), ("HH12", "%I"), ("MON", "%b"), ("DDD", "%j"), ("DAY", "%A"),
    ("YY", "%y"), ("MM", "%m"), ("MI", "%M"), ("DD", "%d"), ("DY", "%a"), ("HH", "%H"), ("SS", "%S"), ("US", "%f"),
    ("MS", "%g"), ("AM", "%p"), ("PM", "%p"), ("OF", "%z"), ("TZ", "%Z"),
)  # fmt: skip
_TOKEN: Final = re.compile("|".join(part for part, _ in _PARTS), re.IGNORECASE)
_DIRECTIVES: Final = dict(_PARTS)

_AUTO_DATES: Final = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y", "%m/%d/%y", "%m-%d-%y",
    "%B %d, %Y", "%b %d, %Y", "%b-%d-%Y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%d.%m.%Y", "%b %d %Y", "%y%m%d",
    "%Y-%b-%d", "%Y %b %d",
)  # fmt: skip
_AUTO_TIMES: Final = (
    "", " %H:%M:%S", " %H:%M:%S.%f", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "T%H:%M:%S", "T%H:%M:%S.%f",
)  # fmt: skip


def directives(text: str) -> str:
    """Return a Redshift format string as strptime directives."""
    translated = _TOKEN.sub(lambda found: _DIRECTIVES[found[0].upper()], text.replace("%", "%%"))
    if "%" not in translated:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"invalid date or time format '{text}'")
    # 12-hour clocks need the other directive for HH.
    return translated.replace("%H", "%I") if "%p" in translated else translated


def date_sql(text: str, date_format: str) -> str:
    """Return engine SQL for *text* (engine SQL) as a DATE, NULL where it is none."""
    if not date_format:
        # Redshift's own wording: "length must be 10 or more".
        return f"CASE WHEN strlen({text}) >= 10 THEN {_iso_date(text)} END"
    if date_format == "auto":
        formats = ", ".join(literal(form) for form in (*_AUTO_DATES, *_with_times(_AUTO_DATES[:1])))
        return f"coalesce({_iso_date(text)}, CAST(try_strptime(trim({text}), [{formats}]) AS DATE))"
    return f"CAST(try_strptime(trim({text}), {literal(directives(date_format))}) AS DATE)"


def _iso_date(text: str) -> str:
    # Cast to a DATE the engine passes over whatever follows the day, cast to a TIMESTAMP it does not; the era it
    # wants in brackets behind the day.
    whole = rf"regexp_replace(trim({text}), '^(\S+)(.*) BC$', '\1 (BC)\2')"
    return (
        f"CASE WHEN strlen({text}) = 10 THEN TRY_CAST({text} AS DATE) "
        f"ELSE CAST(TRY_CAST({whole} AS TIMESTAMP) AS DATE) END"
    )


def timestamp_sql(text: str, time_format: str, *, zoned: bool) -> str:
    """Return engine SQL for *text* (engine SQL) as a TIMESTAMP or TIMESTAMPTZ, NULL where it is none."""
    kind = "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP"
    unit = EPOCHS.get(time_format)
    if unit is not None:
        moment = f"make_timestamp(CAST(TRY_CAST({text} AS DECIMAL(28, 6)) * {unit} AS BIGINT))"
        return f"({moment} AT TIME ZONE 'UTC')" if zoned else moment
    if not time_format:
        return f"TRY_CAST({text} AS {kind})"
    if time_format == "auto":
        formats = ", ".join(literal(form) for form in (*_with_times(_AUTO_DATES),))
        return f"coalesce(TRY_CAST({text} AS {kind}), CAST(try_strptime(trim({text}), [{formats}]) AS {kind}))"
    form = directives(time_format)
    # A fraction of a second is tolerated whether or not the format has one.
    forms = [form, form.replace("%S", "%S.%f")] if "%S" in form and "%f" not in form and "%g" not in form else [form]
    return f"CAST(try_strptime(trim({text}), [{', '.join(literal(item) for item in forms)}]) AS {kind})"


def _with_times(dates: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(date + time for date in dates for time in _AUTO_TIMES)
