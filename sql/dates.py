"""Dates and times as people write them in literals: read once, at translation.

Redshift, "Datetime literals". What is in columns is read by the engine's macros (``rs_date`` and so on).
"""

import re
from contextvars import ContextVar
from datetime import date, timedelta
from typing import Final

_MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_LAST_YEAR: Final = 9999
_LARGEST_YEAR: Final = 294276
_ISO: Final = re.compile(r"(\d{4,6})-(\d{1,2})-(\d{1,2})\Z")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})\Z")
_SHORT: Final = re.compile(r"(\d{2})(\d{2})(\d{2})\Z")
_ORDINAL: Final = re.compile(r"(\d{4})[.-](\d{3})\Z")
_NUMBERS: Final = re.compile(r"(\d{1,4})[/.-](\d{1,2})[/.-](\d{2,4})\Z")
_TIME: Final = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d+)?)?\Z")
_TIME_COMPACT: Final = re.compile(r"(\d{2})(\d{2})(\d{2})(\.\d+)?\Z")
_ZONE: Final = re.compile(r"([+-]\d{1,2}(?::?\d{2})?|z|[a-z]+(?:/[a-z_]+)*)\Z", re.IGNORECASE)
_OFFSET: Final = re.compile(r"([+-])(\d{1,2}):?(\d{2})?\Z")
ZONES: Final = {
    "z": "+00", "utc": "+00", "gmt": "+00", "ut": "+00", "est": "-05", "edt": "-04", "cst": "-06", "cdt": "-05",
    "mst": "-07", "mdt": "-06", "pst": "-08", "pdt": "-07", "cet": "+01", "cest": "+02", "bst": "+01",
    "jst": "+09", "ist": "+05:30",
}  # fmt: skip
"""Abbreviations and their offsets from UTC."""


class Moment:
    """A date, a time of day and a zone, each perhaps missing."""

    __slots__ = ("date", "time", "zone")

    def __init__(self) -> None:
        """Start with nothing known."""
        self.date: str | None = None
        self.time: str | None = None
        self.zone: str | None = None


ORDER: Final = ContextVar("order", default="MDY")
"""The order of a date's parts in DateStyle, MDY, DMY or YMD, for the translation that runs."""


def order_of(style: str) -> str:
    """Return the order that DateStyle *style* (``ISO, MDY``) names."""
    return style.rpartition(" ")[2] or "MDY"


def read(text: str, *, time: bool = False) -> Moment | None:
    """Return what *text* says, ISO parts, or None when it is no date or time.

    Two-digit years below 70 are this century's. Ambiguous days and months are as ``ORDER`` says; six
    digits are a date, or a time of day where only that is asked for (*time*).
    """
    moment = Moment()
    words = re.sub(r"(?<=\d)T(?=\d)", " ", text.strip()).replace(",", " ").split()
    before_christ = bool(words) and words[-1].upper() == "BC"
    words = words[:-1] if before_christ else words
    dates, rest = ([], words) if time and len(words) == 1 and _TIME_COMPACT.match(words[0]) else _split(words)
    moment.date = _date(dates, ORDER.get())
    if dates and moment.date is None:
        return None
    if before_christ:
        # As the engine writes it; there is no such year in Python's calendar.
        moment.date = f"{moment.date} (BC)" if moment.date else None
    if not _clock(rest, moment):
        return None
    return moment if moment.date or moment.time else None


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """Part the words of a date from those of a time and zone."""
    dates: list[str] = []
    rest: list[str] = []
    for word in words:
        is_date = word[:3].lower() in _MONTHS and (word[:1].isalpha()) and "/" not in word
        if is_date or (_looks_dated(word) and not rest and len(dates) < 3) or (dates and rest and len(word) == 4
                                                                            and word.isdigit() and len(dates) == 2):
            dates.append(word)
        else:
            rest.append(word)
    return dates, rest


def _looks_dated(word: str) -> bool:
    return word[:1].isdigit() and ":" not in word


def _date(words: list[str], order: str) -> str | None:
    if not words:
        return None
    if len(words) == 1 and (found := _numeric(words[0], order)):
        return found
    parts = [part for word in words for part in re.split(r"[-/.]", word)]
    if len(parts) != 3:
        return None
    named = [part for part in parts if part[:1].isalpha()]
    if len(named) != 1 or named[0][:3].lower() not in _MONTHS:
        return None
    numbers = [part for part in parts if part is not named[0]]
    if not all(part.isdigit() for part in numbers):
        return None
    year, day = numbers if len(numbers[0]) > 2 else reversed(numbers)
    return _iso(_century(year), _MONTHS[named[0][:3].lower()], int(day))


def _numeric(word: str, order: str) -> str | None:
    for pattern in (_ISO, _COMPACT):
        if match := pattern.match(word):
            return _iso(*(int(part) for part in match.groups()))
    if match := _SHORT.match(word):
        return _iso(_century(match[1]), int(match[2]), int(match[3]))
    if match := _ORDINAL.match(word):
        day = date(int(match[1]), 1, 1) + timedelta(days=int(match[2]) - 1)
        return day.isoformat()
    if match := _NUMBERS.match(word):
        first, second, third = match.groups()
        if len(first) > 2:
            return _iso(int(first), int(second), int(third))
        if order == "YMD" and len(third) == 2:
            return _iso(_century(first), int(second), int(third))
        month, day_number = (second, first) if order == "DMY" or int(first) > 12 else (first, second)
        return _iso(_century(third), int(month), int(day_number))
    return None


def _century(year: str) -> int:
    number = int(year)
    if len(year) > 2:
        return number
    return number + (2000 if number < 70 else 1900)


def _iso(year: int, month: int, day: int) -> str | None:
    # Python's calendar ends with the year 9999; it repeats every 400 years.
    late = year > _LAST_YEAR
    try:
        found = date(_LAST_YEAR - 399 + (year - _LAST_YEAR - 1) % 400 if late else year, month, day)
    except ValueError:
        return None
    if year > _LARGEST_YEAR:
        return None
    return f"{year}-{found.isoformat()[-5:]}" if late else found.isoformat()


def _clock(words: list[str], moment: Moment) -> bool:
    for word in words:
        lower = word.lower()
        if lower in {"am", "pm"} and moment.time:
            moment.time = _half(moment.time, lower)
        elif moment.time is None and word[:1].isdigit():
            if not _read_time(word, moment):
                return False
        elif moment.zone is None and (zone := _zone(word)):
            moment.zone = zone
        else:
            return False
    return True


def _read_time(word: str, moment: Moment) -> bool:
    half = word[-2:].lower()
    body = word[:-2] if half in {"am", "pm"} else word
    cut = re.search(r"(?<=\d)([+-]\d{1,2}(?::?\d{2})?|[zZ])\Z", body)
    if cut:
        moment.zone = _zone(cut[0])
        body = body[: cut.start()]
    match = _TIME.match(body) or _TIME_COMPACT.match(body)
    if not match:
        return False
    hour, minute, second, fraction = match.groups()
    if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 60:
        return False
    moment.time = f"{int(hour):02}:{minute}:{second or '00'}{fraction or ''}"
    if half in {"am", "pm"}:
        moment.time = _half(moment.time, half)
    return True


def _half(time: str, half: str) -> str:
    hour = int(time[:2]) % 12 + (12 if half == "pm" else 0)
    return f"{hour:02}{time[2:]}"


def _zone(word: str) -> str | None:
    if word.lower() in ZONES:
        return ZONES[word.lower()]
    if match := _OFFSET.match(word):
        return f"{match[1]}{int(match[2]):02}" + (f":{match[3]}" if match[3] else "")
    return f" {word}" if _ZONE.match(word) and "/" in word else None
