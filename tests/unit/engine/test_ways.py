"""Which way of several reads at once is taken, by what each took."""

from collections import Counter
from collections.abc import Callable

import pytest

from engine.ways import Way, best, ways

Cost = Callable[[Way], float]
"""What a way takes, in thousandths of a second."""


def played(cost: Cost, waiting: int, times: int = 400, *, alone: bool = True) -> list[tuple[int, bool]]:
    """Return which ways are taken one after the other by so many as wait each time: how many reads, and whether joined."""
    known, taken = ways(alone=alone, united=alone, joined=True), []
    for _ in range(times):
        way = best(known, waiting)
        if way is None:
            taken.append((0, False))
            continue
        way.took(cost(way) / 1_000)
        taken.append((way.size, way.joined))
    return taken


def costs(each: float, match: float) -> Cost:
    """Return what ways take where a scan takes *each* and the rows that are found, of a join, *match*."""
    return lambda way: 0.6 + way.size * match if way.joined else 0.1 + way.size * each


@pytest.mark.parametrize(
    ("each", "match", "waiting", "expected"),
    [
        # A scan of some thousands of rows, of a hundred thousand, of a million; a row is found.
        (0.02, 0.03, 16, (8, False)),
        (0.15, 0.01, 16, (16, True)),
        (0.15, 0.01, 32, (32, True)),
        (0.15, 0.01, 64, (32, True)),
        (0.15, 0.01, 8, (16, True)),
        (0.15, 0.01, 4, (4, True)),
        (0.15, 0.01, 3, (2, False)),
        (0.15, 0.01, 1, (1, False)),
        (1.2, 0.01, 16, (16, True)),
        # Many rows are found.
        (0.4, 1.0, 16, (4, False)),
        (1.2, 2.0, 16, (2, False)),
        (1.6, 2.0, 16, (1, False)),
    ],
)
def test_the_way_that_takes_least_for_each_is_found(
    each: float, match: float, waiting: int, expected: tuple[int, bool]
) -> None:
    taken = Counter(played(costs(each, match), waiting)[-200:])
    assert taken.most_common(1)[0][0] == expected
    assert taken[expected] > 150


@pytest.mark.parametrize("match", [0.5, 1.0, 3.0, 30.0])
def test_the_event_loop_is_held_up_by_few_trials(match: float) -> None:
    cost = costs(1.2, match)
    taken = [cost(Way(size, joined)) for size, joined in played(cost, 32, 20_000)]
    assert sum(seconds > 3 for seconds in taken) < 200
    assert sum(seconds > 5 for seconds in taken) <= 9


def test_the_first_times_do_not_count() -> None:
    known = ways(alone=True, united=False, joined=True)
    first, join = known[0], known[1]
    for seconds in (0.0003, 0.0002, 0.0002):
        assert best(known, 16) is first
        first.took(seconds)
    for seconds in (0.0045, 0.0035, 0.0008):
        assert best(known, 16) is join
        join.took(seconds)
    assert join.takes_s == 0.0008


def test_what_was_held_up_once_is_tried_again() -> None:
    known = ways(alone=True, united=True, joined=False)
    calm = [played_way(known, 0.2) for _ in range(50)]
    assert calm[-1] == 8
    for way in known:
        way.took(0.02 if way.size == 8 else 0.0002 * way.size)
    assert played_way(known, 0.2) < 8
    assert 8 in [played_way(known, 0.2) for _ in range(1_500)]


def played_way(known: list[Way], each: float) -> int:
    way = best(known, 8)
    assert way is not None
    way.took((0.1 + way.size * each) / 1_000)
    return way.size


def test_who_has_an_index_is_joined_or_alone() -> None:
    assert played(costs(0.2, 0.01), 16, alone=False)[-1] == (16, True)
    assert played(costs(0.2, 0.01), 3, alone=False)[-1] == (0, False)
    assert [(way.size, way.joined) for way in ways(alone=True, united=False, joined=False)] == [(1, False)]
