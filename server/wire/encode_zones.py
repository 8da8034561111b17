"""Offsets and abbreviations of a time zone for a column of instants, without a loop over the rows.

Arrow's kernels know each zone up to 2037 only (they ignore the rule for the years after a zone file's last
transition), so later instants go through ``zoneinfo``, once each value that occurs: in practice a handful of
sentinels like 9999-12-31.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import SqlError
from core.sqlstate import SqlState

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US_SECOND: Final = 1_000_000
_US_400_YEARS: Final = 146_097 * 86_400 * _US_SECOND
"""The calendar repeats after that, weekdays and daylight saving rules included."""
_FIRST: Final = -62_135_596_800 * _US_SECOND + 86_400 * _US_SECOND
"""0001-01-02, below which local time was the zone's mean solar time for ever."""
_LAST: Final = 2_114_380_800 * _US_SECOND
"""2037-01-01"""
_FIXED: Final = re.compile(r"([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?\Z")
_UTC_NAMES: Final = frozenset({"utc", "etc/utc", "uct", "etc/uct", "gmt", "etc/gmt", "zulu", "etc/zulu", "z"})


def constant_offset_us(zone: str) -> int | None:
    """Return the offset of a zone that never had another, None where it depends on the instant."""
    if zone.lower() in _UTC_NAMES:
        return 0
    match = _FIXED.match(zone)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
    total = (hours * 3600 + minutes * 60 + seconds) * _US_SECOND
    return -total if match[1] == "-" else total


def offsets_us(instants: pa.Array, zone: str) -> pa.Array:
    """Return local time minus UTC in microseconds for each of *instants* (int64 microseconds since 1970)."""

    def quick(values: pa.Array) -> pa.Array:
        local = pc.local_timestamp(values.view(pa.timestamp("us", zone)))
        return pc.subtract(local.view(pa.int64()), values)

    def slow(moment: datetime) -> int:
        return int((moment.utcoffset() or timedelta()).total_seconds()) * _US_SECOND

    return _each(instants, zone, (quick, slow, pa.int64()))


def abbreviations(instants: pa.Array, zone: str) -> pa.Array | None:
    """Return what the zone is called at each of *instants*; None for a zone given as an offset."""
    if constant_offset_us(zone) is not None:
        if zone.lower() not in _UTC_NAMES:
            return None
        return pa.repeat(pa.scalar("GMT" if "gmt" in zone.lower() else "UTC"), len(instants))

    def quick(values: pa.Array) -> pa.Array:
        return pc.strftime(values.view(pa.timestamp("us", zone)), format="%Z")

    def slow(moment: datetime) -> str:
        return moment.tzname() or ""

    return _each(instants, zone, (quick, slow, pa.string()))


_Ways = tuple[Callable[[pa.Array], pa.Array], Callable[[datetime], Any], pa.DataType]


def _each(instants: pa.Array, zone: str, ways: _Ways) -> pa.Array:
    quick, slow, kind = ways
    info = _zone(zone)
    bounds = pc.min_max(instants)
    lowest, highest = bounds["min"].as_py(), bounds["max"].as_py()
    if lowest is None or (lowest >= _FIRST and highest < _LAST):
        return quick(instants)
    near = pc.and_(pc.greater_equal(instants, _FIRST), pc.less(instants, _LAST))
    far = pc.unique(pc.filter(instants, pc.invert(near)))
    answers = pa.array([slow(_moment(value, info)) for value in far.to_pylist() if value is not None], kind)
    found = pc.take(answers, pc.index_in(instants, value_set=pc.drop_null(far)))
    return pc.if_else(near, quick(pc.if_else(near, instants, 0)), found)


def _moment(us: int, info: ZoneInfo) -> datetime:
    if us < _FIRST:
        us = _FIRST
    elif us >= _LAST:
        us = _LAST + (us - _LAST) % _US_400_YEARS
    return (_EPOCH + timedelta(microseconds=us)).astimezone(info)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'unrecognized time zone name: "{name}"') from None
