"""SERIALIZABLE: which transactions may not both commit.

Redshift, "Isolation levels": under SERIALIZABLE a transaction whose commit would leave no serial order
gets error 1023. Reads and writes are known by table. The graph holds an edge A → B when A must come
before B: B wrote what A read in an older state, or B read or wrote what A had written before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from core.errors import SerializationFailure
from core.sqlstate import SqlState

_MOST: Final = 100
"""Transactions that are remembered beside those that open ones overlap: no longer chain is followed to its end."""


@dataclass(eq=False, slots=True)
class Footprint:
    """What one serializable transaction read and wrote, and when it ran."""

    number: int
    """The transaction's number, as the error names it."""
    started: int
    reads: frozenset[int] = frozenset()
    writes: frozenset[int] = frozenset()
    committed: int | None = None


class SerializationGraph:
    """The serializable transactions that still matter: the open ones and those they overlap."""

    def __init__(self) -> None:
        """Start empty."""
        self._time = 0
        self._open: set[Footprint] = set()
        self._done: list[Footprint] = []

    def begin(self, number: int) -> Footprint:
        """Return the footprint of a transaction whose snapshot is taken now: nothing is committed before it is."""
        footprint = Footprint(number, self._time)
        self._open.add(footprint)
        return footprint

    def commit(self, mine: Footprint) -> None:
        """Let *mine* commit, or raise 40001 where that closes a circle."""
        circle = self._circle(mine)
        if circle is not None:
            self.forget(mine)
            cycle, table = circle
            numbers = ", ".join(str(item.number) for item in cycle)
            raise SerializationFailure(
                SqlState.SERIALIZATION_FAILURE,
                f"1023: Serializable isolation violation on table - {table}, "
                f"transactions forming the cycle are: {numbers}",
            )
        # Who begins from now on may or may not see it, until it is settled: they overlap.
        mine.committed = self._time + 1
        self._open.discard(mine)
        self._done.append(mine)
        self._prune()

    @contextmanager
    def settling(self) -> Iterator[None]:
        """Take note when the commit that is under way has ended: who begins after that sees it."""
        try:
            yield
        finally:
            self._time += 1
            self._prune()

    def forget(self, mine: Footprint) -> None:
        """Drop a transaction that was rolled back."""
        self._open.discard(mine)
        self._done = [item for item in self._done if item is not mine]
        self._prune()

    def _prune(self) -> None:
        oldest = direct = min((item.started for item in self._open), default=self._time)
        kept: list[Footprint] = []
        # In order of commits, the newest first. What an open one overlaps may itself have overlapped something older.
        for item in reversed(self._done):
            if item.committed is None or item.committed <= oldest:
                continue
            if item.committed <= direct and len(kept) >= _MOST:
                continue
            kept.append(item)
            oldest = min(oldest, item.started)
        self._done = kept[::-1]

    def _circle(self, mine: Footprint) -> tuple[list[Footprint], int] | None:
        nodes = [*self._done, mine]
        path: list[Footprint] = []
        seen: set[int] = set()

        def walk(node: Footprint) -> list[Footprint] | None:
            path.append(node)
            for other in nodes:
                if other is node or not _before(node, other):
                    continue
                if other is mine:
                    return list(path)
                if id(other) not in seen:
                    seen.add(id(other))
                    found = walk(other)
                    if found is not None:
                        return found
            path.pop()
            return None

        cycle = walk(mine)
        if cycle is None:
            return None
        tables = mine.reads & cycle[1].writes or mine.writes & (cycle[-1].reads | cycle[-1].writes)
        return cycle, min(tables)


def _before(first: Footprint, second: Footprint) -> bool:
    """Tell whether *first* must come before *second* in any serial order."""
    if _overlap(first, second):
        return bool(first.reads & second.writes)
    ended = first.committed is not None and first.committed <= second.started
    return ended and bool(first.writes & (second.reads | second.writes) or first.reads & second.writes)


def _overlap(first: Footprint, second: Footprint) -> bool:
    first_end = first.committed if first.committed is not None else float("inf")
    second_end = second.committed if second.committed is not None else float("inf")
    return first.started < second_end and second.started < first_end
