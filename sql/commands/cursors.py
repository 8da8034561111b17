"""DECLARE, FETCH, MOVE, CLOSE.

Redshift, "DECLARE", "FETCH", "CLOSE". Cursors go forward only; what PostgreSQL has beyond that is read so
that the session can refuse it by name.
"""

from dataclasses import dataclass

from sql.statement import Fragment


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare:
    """DECLARE name CURSOR FOR query."""

    name: str
    query: Fragment
    binary: bool = False
    scroll: bool = False
    hold: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """FETCH [NEXT | ALL | FORWARD [count | ALL]] FROM name."""

    name: str
    count: int | None = 1
    """None is ALL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """MOVE [NEXT | ALL | FORWARD [count | ALL]] FROM name."""

    name: str
    count: int | None = 1
    """None is ALL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """CLOSE name; None is ALL."""

    name: str | None
