"""The ratios that are wanted, and whether a run has reached them.

A row is one measure of this server against another in the same run; docs/benchmarks.md tells what stands in the
way of those that are not reached.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One row."""

    row: int
    measure: str
    reach: float
    moonshot: float
    more_is_better: bool
    unit: str = "x"

    def verdict(self, seen: float) -> str:
        """Say what *seen* is worth."""
        if self._meets(seen, self.moonshot):
            return "moonshot"
        return "reached" if self._meets(seen, self.reach) else "NOT REACHED"

    def shown(self, value: float) -> str:
        """Return a bound as it is printed."""
        return f"{'>=' if self.more_is_better else '<='} {value:g}"

    def _meets(self, seen: float, bound: float) -> bool:
        return seen >= bound if self.more_is_better else seen <= bound


GOALS: Final = (
    Goal(
        row=1,
        measure="lineitem to a draining client: rows/s over PostgreSQL's",
        reach=2,
        moonshot=4,
        more_is_better=True,
    ),
    Goal(
        row=2,
        measure="lineitem through real clients: time over PostgreSQL's",
        reach=1.1,
        moonshot=0.95,
        more_is_better=False,
    ),
    Goal(
        row=3,
        measure="server's processor time a value, text, over PostgreSQL's",
        reach=0.5,
        moonshot=0.2,
        more_is_better=False,
    ),
    Goal(
        row=4,
        measure="memory growth while a slow client reads lineitem",
        reach=64,
        moonshot=16,
        more_is_better=False,
        unit="MB",
    ),
    Goal(row=5, measure="SELECT 1, one client: latency over PostgreSQL's", reach=5, moonshot=2, more_is_better=False),
    Goal(
        row=6,
        measure="point aggregate, 16 clients: statements/s over PostgreSQL's",
        reach=2,
        moonshot=10,
        more_is_better=True,
    ),
    Goal(
        row=7,
        measure="TPC-H, geometric mean: time over raw DuckDB's, native tables",
        reach=1.2,
        moonshot=0.9,
        more_is_better=False,
    ),
    Goal(
        row=8, measure="TPC-H, geometric mean: times faster than PostgreSQL", reach=7, moonshot=10, more_is_better=True
    ),
    Goal(
        row=9, measure="a report from the result cache: times faster than its first run", reach=20, moonshot=20,
        more_is_better=True,
    ),
    Goal(
        row=10, measure="first run of a new text over its repeat", reach=50, moonshot=5, more_is_better=False,
        unit="ms",
    ),
    Goal(
        row=11,
        measure="COPY lineitem CSV: time over raw DuckDB's into DuckLake",
        reach=1.15,
        moonshot=1.02,
        more_is_better=False,
    ),
    Goal(row=12, measure="single-row INSERT commits/s over PostgreSQL's", reach=0.1, moonshot=0.4, more_is_better=True),
    Goal(
        row=13, measure="INSERT of 10,000 rows in VALUES: time over PostgreSQL's", reach=1.5, moonshot=1,
        more_is_better=False,
    ),
    Goal(
        row=14, measure="short statements beside a heavy one: p99 over idle p99", reach=3, moonshot=1.5,
        more_is_better=False,
    ),
)  # fmt: skip
CRAWL: Final = Goal(
    row=15, measure="crawl of 10,000 tables", reach=1, moonshot=0.2, more_is_better=False, unit="s"
)
IDLE: Final = Goal(
    row=16, measure="5,000 idle TLS connections", reach=500, moonshot=240, more_is_better=False, unit="MB"
)
REPEATED: Final = Goal(
    row=9, measure="the report itself, from the cache", reach=1, moonshot=1, more_is_better=False, unit="ms"
)
INDEXED: Final = Goal(
    row=6, measure="the same, PostgreSQL with an index on the key", reach=0.03, moonshot=0.2, more_is_better=True
)
ALL: Final = tuple(sorted((*GOALS, INDEXED, REPEATED, CRAWL, IDLE), key=lambda goal: goal.row))
"""Every goal; of one row, the main one first."""
_BY_ROW: Final = {goal.row: goal for goal in GOALS}


def goal(row: int) -> Goal:
    """Return the goal numbered *row*."""
    return _BY_ROW[row]


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run gave for a row, or for one of several ways to measure it."""

    goal: Goal
    name: str
    value: float


def table(seen: Iterable[Seen]) -> Iterator[str]:
    """Yield the lines of the verdict."""
    yield f"{'row':>3}  {'measure':62} {'reach':>8} {'moonshot':>9} {'seen':>9}  verdict"
    last: Goal | None = None
    for item in sorted(seen, key=lambda item: (item.goal.row, item.goal in (INDEXED, REPEATED))):
        if item.goal is not last:
            last = item.goal
            bounds = f"{last.shown(last.reach):>8} {last.shown(last.moonshot):>9}"
            yield f"{last.row:>3}  {last.measure:62} {bounds}"
        yield f"{'':5}  {item.name:60} {'':18} {item.value:>8.3g} {item.goal.unit:2} {item.goal.verdict(item.value)}"
