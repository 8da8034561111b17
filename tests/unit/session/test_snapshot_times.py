"""Snapshot schedules: the manual's examples ("Snapshot schedule format"), and what is no schedule."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from core.errors import SqlError
from core.sqlstate import SqlState
from session.snapshot_times import SnapshotTimes

SINCE = datetime(2026, 11, 25, 10, 20, 33, tzinfo=UTC)  # a Wednesday


def moments(*definitions: str, count: int = 4, after: datetime = SINCE) -> list[str]:
    return [f"{each:%a %H:%M}" for each in islice(SnapshotTimes(definitions, SINCE).after(after), count)]


@pytest.mark.parametrize(
    ("definitions", "expected"),
    [
        (["cron(15 15/2 *)"], ["Wed 15:15", "Wed 17:15", "Wed 19:15", "Wed 21:15", "Wed 23:15", "Thu 15:15"]),
        (["cron(0 14-20/1 TUE)"], ["Tue 14:00", "Tue 15:00", "Tue 16:00", "Tue 17:00", "Tue 18:00", "Tue 19:00", "Tue 20:00", "Tue 14:00"]),
        (["cron(0 21 MON-FRI)"], ["Wed 21:00", "Thu 21:00", "Fri 21:00", "Mon 21:00"]),
        (["cron(30 0/6 SAT-SUN)"], ["Sat 00:30", "Sat 06:30", "Sat 12:30", "Sat 18:30", "Sun 00:30", "Sun 06:30", "Sun 12:30", "Sun 18:30", "Sat 00:30"]),
        (["cron(30 12/4 *)"], ["Wed 12:30", "Wed 16:30", "Wed 20:30", "Thu 12:30"]),
        (["cron(0 17 SAT,SUN)", "cron(0 9,17 MON-FRI)"], ["Wed 17:00", "Thu 09:00", "Thu 17:00", "Fri 09:00", "Fri 17:00", "Sat 17:00", "Sun 17:00", "Mon 09:00"]),
        (["cron(30 12 *)"], ["Wed 12:30", "Thu 12:30"]),
        (["CRON(5 * 4)"], ["Wed 11:05", "Wed 12:05"]),
        (["rate(12 hours)"], ["Wed 22:20", "Thu 10:20", "Thu 22:20"]),
        (["rate(1 hour)"], ["Wed 11:20", "Wed 12:20"]),
    ],
)  # fmt: skip
def test_moments(definitions: list[str], expected: list[str]) -> None:
    assert moments(*definitions, count=len(expected)) == expected


def test_a_rate_counts_from_when_it_was_written() -> None:
    later = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
    assert moments("rate(12 hours)", count=1, after=later) == ["Thu 10:20"]


@pytest.mark.parametrize(
    ("definitions", "state"),
    [
        ([], SqlState.INVALID_PARAMETER_VALUE),
        (["nonsense"], SqlState.INVALID_PARAMETER_VALUE),
        (["rate(0 hours)"], SqlState.INVALID_PARAMETER_VALUE),
        (["rate(25 hours)"], SqlState.INVALID_PARAMETER_VALUE),
        (["rate(12)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(0 12)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(0 24 *)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(0 12 XYZ)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(0 MON *)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(0 1/0 *)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(* 12 *)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(0,30 12 *)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(0 12 *)", "cron(59 12 MON)"], SqlState.INVALID_PARAMETER_VALUE),
        (["cron(30 23 SAT)", "cron(0 0 SUN)"], SqlState.INVALID_PARAMETER_VALUE),
        (["rate(5 hours)", "cron(0 12 MON)"], SqlState.INVALID_PARAMETER_VALUE),
        (["at(2026-11-25T10:00:00)"], SqlState.FEATURE_NOT_SUPPORTED),
    ],
)
def test_what_is_no_schedule(definitions: list[str], state: SqlState) -> None:
    with pytest.raises(SqlError) as caught:
        SnapshotTimes(definitions, SINCE)
    assert caught.value.state is state
