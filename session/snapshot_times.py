"""When a snapshot schedule has snapshots taken: the expressions of CreateSnapshotSchedule, read, and their moments.

Redshift, "Snapshot schedule format": ``rate(12 hours)`` and ``cron(Minutes Hours Day-of-week)``, in UTC, at most one
an hour. A rate counts from when the schedule was written.
"""

import heapq
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile
from typing import Final, Protocol

from core.errors import SqlError
from core.sqlstate import SqlState

_FORM: Final = re.compile(r"\s*(?P<kind>\w+)\s*\((?P<inside>[^()]*)\)\s*")
_RATE: Final = re.compile(r"\s*(\d{1,3})\s+hours?\s*", re.IGNORECASE)
_ITEM: Final = re.compile(r"(?:\*|\?|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>\d{1,2}))?")
_DAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MINUTES, _HOURS, _WEEK = range(60), range(24), range(1, 8)
_LEAST: Final = timedelta(hours=1)
_MOST_HOURS: Final = 24
_MOST_VALUES: Final = 24
_REPEATS: Final = timedelta(weeks=24)
"""After this time all hours of rates and weeks of crons have met."""


class _Moments(Protocol):
    def after(self, moment: datetime) -> Iterator[datetime]: ...


class _Rate:
    def __init__(self, every: timedelta, since: datetime) -> None:
        self._every, self._since = every, since

    def after(self, moment: datetime) -> Iterator[datetime]:
        done = max(0, (moment - self._since) // self._every)
        while True:
            done += 1
            yield self._since + done * self._every


class _Cron:
    def __init__(self, minutes: Sequence[int], hours: Sequence[int], days: Sequence[int]) -> None:
        self._offsets = sorted(
            timedelta(days=day - 1, hours=hour, minutes=minute) for day in days for hour in hours for minute in minutes
        )

    def after(self, moment: datetime) -> Iterator[datetime]:
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        sunday = day - timedelta(days=day.isoweekday() % 7)
        while True:
            yield from (sunday + offset for offset in self._offsets if sunday + offset > moment)
            sunday += timedelta(weeks=1)


class SnapshotTimes:
    """The moments of one schedule."""

    def __init__(self, definitions: Iterable[str], since: datetime) -> None:
        """Read *definitions*, written at the moment *since*; raises 22023, and 0A000 for other kinds of them."""
        since = since.astimezone(UTC).replace(second=0, microsecond=0)
        self._parts = [_read(text, since) for text in definitions]
        if not self._parts:
            raise _invalid("a schedule needs a definition")
        until = since + _REPEATS
        for earlier, later in pairwise(takewhile(lambda each: each < until, self.after(since))):
            if later - earlier < _LEAST:
                raise _invalid(f"snapshots would be taken within an hour: {earlier:%a %H:%M} and {later:%a %H:%M}")

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Return the moments after *moment*, endlessly."""
        return heapq.merge(*(part.after(moment.astimezone(UTC)) for part in self._parts))


def _read(text: str, since: datetime) -> _Moments:
    form = _FORM.fullmatch(text)
    if form is None:
        raise _invalid(f"{text} is no definition of a schedule")
    kind, inside = form["kind"].lower(), form["inside"]
    if kind == "rate":
        return _Rate(timedelta(hours=_hours(text, inside)), since)
    if kind == "cron":
        return _cron(text, inside)
    raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f"{text} is neither rate(...) nor cron(...)")


def _hours(text: str, inside: str) -> int:
    found = _RATE.fullmatch(inside)
    if found is None or not 1 <= int(found[1]) <= _MOST_HOURS:
        raise _invalid(f"{text} must be of 1 to {_MOST_HOURS} hours")
    return int(found[1])


def _cron(text: str, inside: str) -> _Cron:
    fields = inside.split()
    if len(fields) != 3:
        raise _invalid(f"{text} must have three fields: minutes, hours, day of the week")
    minutes, hours, days = fields
    return _Cron(_field(text, minutes, _MINUTES), _field(text, hours, _HOURS), _field(text, days, _WEEK))


def _field(text: str, field: str, values: range) -> list[int]:
    found = {value for item in field.split(",") for value in _item(text, item, values)}
    if len(found) > _MOST_VALUES:
        raise _invalid(f"{text} would take snapshots more often than once an hour")
    return sorted(found)


def _item(text: str, item: str, values: range) -> list[int]:
    parts = _ITEM.fullmatch(item)
    step = int(parts["step"] or 1) if parts is not None else 0
    if parts is None or not step:
        raise _invalid(f"{item} in {text} is no value of its field")
    first = values.start if parts["first"] is None else _value(text, parts["first"], values)
    if parts["last"] is not None:
        last = _value(text, parts["last"], values)
    else:
        last = values.stop - 1 if parts["first"] is None or parts["step"] else first
    # From Saturday to Sunday a range goes on with the next week.
    length = (last - first) % len(values)
    return [values.start + (first - values.start + offset) % len(values) for offset in range(0, length + 1, step)]


def _value(text: str, word: str, values: range) -> int:
    if values is _WEEK and word.upper() in _DAYS:
        return _DAYS.index(word.upper()) + 1
    if not word.isdecimal() or int(word) not in values:
        raise _invalid(f"{word} in {text} is no value of its field")
    return int(word)


def _invalid(message: str) -> SqlError:
    return SqlError(SqlState.INVALID_PARAMETER_VALUE, message)
