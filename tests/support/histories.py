"""Which anomalies a history of transactions shows: lists that are appended to, as Jepsen's checker Elle reads them.

Every append adds a number that is used once, and a read returns the whole list. So the lists tell the order of the
appends (ww), whose append a read saw (wr), and which append it did not see yet (rw). A cycle is an anomaly: Adya's G0 of
ww alone, G1c with wr, G-single with one rw, G2 with more. Serializability forbids all; snapshot isolation those in
which no two rw follow one another. What had ended before a transaction began is in its snapshot (rt), here in both:
nobody reads what is stale. The order of serializable transactions need not be that of the clock, as in PostgreSQL.
"""

import graphlib
import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

Key = str
Values = tuple[int, ...]
_MISSED: Final = "rw"
_EARLIER: Final = "rt"
Edges = dict[int, dict[int, list[str]]]
"""From a transaction to those that come after it, and why."""


@dataclass(frozen=True, slots=True)
class Append:
    """A number at the end of a list."""

    key: Key
    value: int


@dataclass(frozen=True, slots=True)
class Read:
    """A list as it was read."""

    key: Key
    values: Values


@dataclass(slots=True)
class Transaction:
    """What a client saw of one transaction."""

    number: int
    began: float
    ended: float = 0.0
    committed: bool | None = None
    """None where the client cannot know: its connection was lost during COMMIT."""
    steps: list[Append | Read] = field(default_factory=list)

    @property
    def appends(self) -> list[Append]:
        """What it wrote."""
        return [step for step in self.steps if isinstance(step, Append)]

    @property
    def reads(self) -> list[Read]:
        """What it read of others: without the end of each list that it wrote itself."""
        own = {(step.key, step.value) for step in self.appends}
        return [
            Read(step.key, tuple(value for value in step.values if (step.key, value) not in own))
            for step in self.steps if isinstance(step, Read)
        ]  # fmt: skip


def anomalies(history: Iterable[Transaction], *, serializable: bool) -> list[str]:
    """Return what a history shows that its isolation level forbids, in words; empty for a sound one."""
    known = {item.number: item for item in history}
    found = [problem for item in known.values() for problem in _own(item)] + list(_reads(known))
    if found:
        return found
    edges = _edges(known)
    found = list(_cycle(_snapshots(edges)))
    return found or (list(_cycle(_without(edges, _EARLIER))) if serializable else [])


def _own(item: Transaction) -> Iterator[str]:
    """Yield where a transaction does not see what it has written so far, at the end of the list."""
    written: dict[Key, Values] = {}
    for step in item.steps:
        mine = written.get(step.key, ())
        if isinstance(step, Append):
            written[step.key] = (*mine, step.value)
        elif mine and step.values[-len(mine) :] != mine:
            yield f"transaction {item.number} wrote {mine} to {step.key} and read {step.values}"


def _reads(known: dict[int, Transaction]) -> Iterator[str]:
    author = _authors(known)
    last = {(number, step.key): step.value for number, item in known.items() for step in item.appends}
    longest: dict[Key, Values] = {}
    for number, item in known.items():
        for read in item.reads:
            before = longest.setdefault(read.key, read.values)
            short, long = sorted((before, read.values), key=len)
            longest[read.key] = long
            if long[: len(short)] != short or len(set(long)) < len(long):
                yield f"two orders of {read.key}: {before} and {read.values}"
            for value in read.values:
                writer = author.get((read.key, value))
                if writer is None:
                    yield f"transaction {number} read {value} of {read.key}, which nobody wrote"
                elif known[writer].committed is False:
                    yield f"transaction {number} read {value} of {read.key}, which was rolled back"
            writer = author.get((read.key, read.values[-1])) if read.values else None
            if writer is not None and last[writer, read.key] != read.values[-1]:
                yield f"transaction {number} read {read.key} in the middle of transaction {writer}"


def _authors(known: dict[int, Transaction]) -> dict[tuple[Key, int], int]:
    return {(step.key, step.value): item.number for item in known.values() for step in item.appends}


def _edges(known: dict[int, Transaction]) -> Edges:
    author = _authors(known)
    order: dict[Key, Values] = {}
    for item in known.values():
        for read in item.reads:
            order[read.key] = max(order.get(read.key, ()), read.values, key=len)
    seen = {author[key, value] for key, values in order.items() for value in values}
    happened = {number: item for number, item in known.items() if item.committed or number in seen}
    edges: Edges = defaultdict(dict)
    for first, then, why in (
        *_writes(order, author), *_seen(happened, order, author), *_times(list(happened.values()))
    ):  # fmt: skip
        if first != then and {first, then} <= happened.keys():
            edges[first].setdefault(then, []).append(why)
    return edges


def _writes(order: dict[Key, Values], author: dict[tuple[Key, int], int]) -> Iterator[tuple[int, int, str]]:
    for key, values in order.items():
        for first, then in itertools.pairwise(values):
            yield author[key, first], author[key, then], "ww"


def _seen(
    happened: dict[int, Transaction], order: dict[Key, Values], author: dict[tuple[Key, int], int]
) -> Iterator[tuple[int, int, str]]:
    for number, item in happened.items():
        for read in item.reads:
            if read.values:
                yield author[read.key, read.values[-1]], number, "wr"
            for value in order[read.key][len(read.values) :][:1]:
                yield number, author[read.key, value], _MISSED


def _times(happened: list[Transaction]) -> Iterator[tuple[int, int, str]]:
    """Yield who had ended before whom began: the next to begin only, the others follow from those."""
    by_start = sorted(happened, key=lambda item: item.began)
    for item in happened:
        horizon = float("inf")
        for other in by_start:
            if item.committed and item.ended < other.began <= horizon:
                yield item.number, other.number, _EARLIER
                horizon = min(horizon, other.ended) if other.committed else horizon


def _without(edges: Edges, reason: str) -> Edges:
    kept = {
        first: {then: [why for why in all_why if why != reason] for then, all_why in after.items()}
        for first, after in edges.items()
    }
    return {first: {then: why for then, why in after.items() if why} for first, after in kept.items()}


def _snapshots(edges: Edges) -> Edges:
    """Return what snapshot isolation orders: every edge but rw, and what an rw after one of them leads to.

    Cerone and Gotsman, "Analysing Snapshot Isolation", theorem 9.
    """
    composed = _without(edges, _MISSED)
    for first, after in [(first, dict(after)) for first, after in composed.items()]:
        for then, why in after.items():
            for third, reasons in edges.get(then, {}).items():
                if _MISSED in reasons:
                    composed[first].setdefault(third, [f"{why[0]} {then} {_MISSED}"])
    return composed


def _cycle(edges: Edges) -> Iterator[str]:
    before: dict[int, list[int]] = defaultdict(list)
    for first, after in edges.items():
        for then in after:
            before[then].append(first)
    try:
        graphlib.TopologicalSorter(before).prepare()
    except graphlib.CycleError as error:
        numbers: list[int] = error.args[1]
        words = (f"({edges[first][then][0]}) {then}" for first, then in itertools.pairwise(numbers))
        yield f"a cycle: {numbers[0]} {' '.join(words)}"
