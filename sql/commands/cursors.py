"""DECLARE, FETCH, MOVE, CLOSE.

Redshift, "DECLARE", "FETCH", "CLOSE". Cursors go forward only; what PostgreSQL has beyond that is read so
that the session can refuse it by name.
"""

from dataclasses import dataclass

from core.errors import not_supported
from sql.commands.tables import read_query
from sql.statement import Fragment
from sql.stream import Stream
from sql.tokens import TokenKind


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


def read_declare(stream: Stream) -> Declare:
    """Take DECLARE name [BINARY] [INSENSITIVE] [[NO] SCROLL] CURSOR [WITH | WITHOUT HOLD] FOR query."""
    stream.expect("DECLARE")
    name = stream.identifier()
    words: set[str] = set()
    while not stream.take("CURSOR"):
        if stream.take("NO", "SCROLL"):
            continue
        words.add(stream.expect_any("BINARY", "INSENSITIVE", "SCROLL"))
    hold = stream.take("WITH", "HOLD")
    if not hold:
        stream.take("WITHOUT", "HOLD")
    stream.expect("FOR")
    return Declare(name=name, query=read_query(stream), binary="BINARY" in words, scroll="SCROLL" in words, hold=hold)


def read_fetch(stream: Stream) -> Fetch:
    """Take FETCH direction FROM name."""
    stream.expect("FETCH")
    count = _direction(stream)
    return Fetch(name=stream.identifier(), count=count)


def read_move(stream: Stream) -> Move:
    """Take MOVE direction FROM name."""
    stream.expect("MOVE")
    count = _direction(stream)
    return Move(name=stream.identifier(), count=count)


def _direction(stream: Stream) -> int | None:
    """Take a direction up to FROM or IN, which may be left out; return how many rows, None for all."""
    if stream.at_any("PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE", "BACKWARD", "-"):
        raise not_supported("fetch direction other than forward", position=stream.position)
    count: int | None = 1
    forward = stream.take("FORWARD")
    if stream.take("ALL"):
        count = None
    elif stream.token.kind is TokenKind.NUMBER:
        count = stream.integer()
    elif not forward:
        stream.take("NEXT")
    stream.take_any("FROM", "IN")
    return count


def read_close(stream: Stream) -> Close:
    """Take CLOSE name or CLOSE ALL."""
    stream.expect("CLOSE")
    return Close(name=None if stream.take("ALL") else stream.identifier())
