"""Reads that come again and again: their plans are kept for all sessions, for one read or for several at once.

A plan that all use stays in the processor's caches; one of each session's own does not. And most of what a brief read
takes of the engine is the same for one and for many: EXECUTE, which is planned, the rows' way to Arrow, a scan. So
those who ask while others do are gathered until the event loop has heard everybody, and become one statement.
There are two ways of that: a UNION ALL, and where the read allows it a join with the values that they ask for, which
scans once and looks into an index. Which one is taken is a matter of what each took so far.

It runs on the event loop: the engine takes the interpreter's lock between its steps, and on a thread would wait for the
loop each time. Who asks alone waits for nobody. Where anything goes wrong each is told to ask for itself, and meets its
own error.
"""

import asyncio
import logging
import math
import time
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Protocol

import duckdb
import pyarrow as pa

from engine.cursors import Connection, DuckDbEngine
from engine.executor import Executor
from engine.plan_keeping import keep
from engine.streams import RowStream, read_batch
from engine.ways import MOST, Way, best
from storage.abandoned import part_with

_log = logging.getLogger(__name__)
_TIMES: Final = 5
"""How often a read must have come for its plans to be kept."""
_QUIET: Final = 3
"""Turns of the event loop that bring nobody else: on its way to here a read takes some."""
_AGAIN_S: Final = 0.005
"""How soon those who asked at once may ask again: who is first then is not alone."""
_ROWS_MAX: Final = 2_048
"""Rows of a statement; what gives more is not for here."""
_BYTES_MAX: Final = 4 << 20
"""Bytes of them; the same."""
_READS_MAX: Final = 256
"""Reads that are known."""
_PLANNED_MAX: Final = 16
"""Those whose plans are kept, for any number of them."""


class Members(Protocol):
    """What is written for a read, or several."""

    def united(self, size: int) -> str:
        """Return *size* reads as one statement, with the member's number as last column where they are several."""

    def joined(self, size: int) -> Sequence[str]:
        """Return statements that may be *size* reads joined with what they ask for, the first that is taken is.

        A member without rows has those of number *size*, if there are such.
        """


@dataclass(slots=True, eq=False)
class Shared:
    """A read as all have it who ask for it."""

    zone: str
    """The time zone that it is read in, empty for the engine's own."""
    members: Members
    ways: list[Way]
    """What can be done for it; none where it is not for here."""
    schema: pa.Schema | None = None
    """Its rows', once they have been seen."""
    times: int = 0
    """How often it has come."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """A read that waits."""

    read: Shared
    arguments: Sequence[str]
    found: "asyncio.Future[_Found | None]"


@dataclass(frozen=True, slots=True)
class _Found:
    rows: pa.RecordBatch | None
    took_s: float


class Together:
    """The reads of all sessions on one instance. Lives on the event loop."""

    def __init__(self, connect: Callable[[], Connection], executor: Executor) -> None:
        """Read on connections of its own that *connect* makes, one for each time zone."""
        self._connect = connect
        self._executor = executor
        self._asked: deque[_Asked] = deque()
        self._looks = False
        """Whether those who have asked will be looked at."""
        self._reads: OrderedDict[Hashable, Shared] = OrderedDict()
        self._planned: OrderedDict[Shared, None] = OrderedDict()
        self._connections: dict[str, Connection] = {}
        self._number = 0
        self._several = -math.inf
        """When several were answered at once."""
        self.others = 0
        """Statements that the instance may be planning on threads: what ``keep`` switches off is off for them, too."""

    def read(self, key: Hashable, make: Callable[[], Shared]) -> Shared:
        """Return what is shared of the read that is known by *key*; *make* begins it."""
        known = self._reads.get(key)
        if known is None:
            known = self._reads[key] = make()
            if len(self._reads) > _READS_MAX:
                self._reads.popitem(last=False)
        return known

    async def rows(self, engine: DuckDbEngine, read: Shared, arguments: Sequence[str]) -> RowStream | None:
        """Return the rows of *read* for who uses *engine*; None where it is to be carried out there, by itself."""
        if read.schema is None or read.times < _TIMES or not read.ways:
            read.times += 1
            return None
        alone = self._executor.alone(engine) and time.perf_counter() - self._several > _AGAIN_S
        if alone or len(read.ways) == 1:
            way = best(read.ways, 1)
            found = self._tried(read, way, [arguments])[0] if way is not None else None
        else:
            found = await engine.elsewhere(self._gathered(read, arguments))
        if found is None:
            return None
        engine.profile = ""
        stream = RowStream(engine, read.schema, None, [found.rows] if found.rows else [])
        stream.begun_s = found.took_s
        return stream

    def close(self) -> None:
        """Give the connections back; blocking, but for a moment only."""
        for read in self._planned:
            for way in read.ways:
                way.name = ""
        self._planned.clear()
        while self._connections:
            part_with(self._connections.popitem()[1])

    def _gathered(self, read: Shared, arguments: Sequence[str]) -> "asyncio.Future[_Found | None]":
        loop = asyncio.get_running_loop()
        asked = _Asked(read, arguments, loop.create_future())
        self._asked.append(asked)
        if not self._looks:
            self._looks = True
            loop.call_soon(self._look, loop, 1, _QUIET)
        return asked.found

    def _look(self, loop: asyncio.AbstractEventLoop, before: int, quiet: int) -> None:
        """Begin where enough have asked, or some turns have brought nobody else."""
        waiting = len(self._asked)
        quiet = quiet - 1 if waiting == before else _QUIET
        if waiting < MOST and quiet:
            loop.call_soon(self._look, loop, waiting, quiet)
            return
        self._next()
        self._looks = bool(self._asked)
        if self._looks:
            loop.call_soon(self._look, loop, len(self._asked), _QUIET)

    def _next(self) -> None:
        """Carry out one statement: of the first who has asked, and of others who have asked the same."""
        read = self._asked[0].read
        same = [asked for asked in self._asked if asked.read is read]
        way = best(read.ways, len(same))
        if way is not None and way.size > 1 and not way.name and self._kept(read, way):
            # That was enough for a turn of the event loop.
            return
        part = same[: way.size] if way is not None else same
        for asked in part:
            self._asked.remove(asked)
        if all(asked.found.done() for asked in part):
            return
        found = self._tried(read, way, [asked.arguments for asked in part]) if way is not None else [None] * len(part)
        if len(part) > 1:
            self._several = time.perf_counter()
        for place, asked in enumerate(part):
            if not asked.found.done():
                asked.found.set_result(found[place])

    def _tried(self, read: Shared, way: Way, asked: Sequence[Sequence[str]]) -> Sequence[_Found | None]:
        """Return what was found for each of *asked*, None for who is to ask for itself."""
        nobody = [None] * len(asked)
        if not self._kept(read, way):
            return nobody
        begun = time.thread_time()
        try:
            rows = _rows(self._connection(read), read, way, asked)
        except Exception as error:  # noqa: BLE001 - each asks for itself then, and meets its own error
            self._failed(read, way, error)
            return nobody
        if rows is None:
            # For fewer it may do.
            self._give_up(read, lambda known: known.joined == way.joined and known.size >= way.size)
            return nobody
        seconds = time.thread_time() - begun
        way.took(seconds)
        took = seconds / len(asked)
        return [_Found(each, took) for each in rows]

    def _kept(self, read: Shared, way: Way) -> bool:
        """Tell whether the engine has a plan of *way*, made now if need be."""
        if way.name:
            return True
        if self.others:
            return False
        try:
            self._keep(self._connection(read), read, way)
        except Exception as error:  # noqa: BLE001 - the same
            self._failed(read, way, error)
            return False
        return True

    def _failed(self, read: Shared, way: Way, error: Exception) -> None:
        _log.debug("a read is to be carried out by itself", exc_info=error)
        planned = bool(way.name)
        if isinstance(error, duckdb.FatalException) or not isinstance(error, duckdb.Error):
            # Whatever state the connections are in.
            self.close()
        # One with an error would take the others with it, each time.
        self._give_up(read, lambda known: known.joined if way.joined else known.size > 1 or not planned)

    def _give_up(self, read: Shared, which: Callable[[Way], bool]) -> None:
        """Do without some ways of a read."""
        for way in [known for known in read.ways if which(known)]:
            read.ways.remove(way)
            self._forget(read, way)

    def _forget(self, read: Shared, way: Way) -> None:
        if way.name:
            with suppress(duckdb.Error):
                self._connections[read.zone].execute(f"DEALLOCATE {way.name}")
            way.name = ""

    def _connection(self, read: Shared) -> Connection:
        """Return where the plans of *read* are."""
        connection = self._connections.get(read.zone)
        if connection is None:
            connection = self._connections[read.zone] = self._connect()
            if read.zone:
                connection.execute(f"SET TimeZone = '{read.zone}'")
        self._planned[read] = None
        self._planned.move_to_end(read)
        return connection

    def _keep(self, connection: Connection, read: Shared, way: Way) -> None:
        """Have the engine plan *way*."""
        if len(self._planned) > _PLANNED_MAX:
            oldest = self._planned.popitem(last=False)[0]
            for known in oldest.ways:
                self._forget(oldest, known)
        self._number += 1
        name = f"together_{self._number}"
        if way.joined:
            _keep_first(connection, name, read.members.joined(way.size))
        else:
            keep(connection, name, read.members.united(way.size))
        way.name = name
        what = "joins reads at once" if way.joined else "unites reads at once" if way.size > 1 else "keeps a plan"
        _log.debug(what, extra={"reads": way.size})


def _keep_first(connection: Connection, name: str, tried: Sequence[str]) -> None:
    """Keep the first of some statements that the engine takes."""
    for sql in tried[:-1]:
        with suppress(duckdb.BinderException):
            return keep(connection, name, sql)
    return keep(connection, name, tried[-1])


def _rows(
    connection: Connection, read: Shared, way: Way, asked: Sequence[Sequence[str]]
) -> list[pa.RecordBatch | None] | None:
    """Return the rows for each of *asked*; None where there are too many, or others than were expected."""
    size = len(asked)
    given = [*asked, *[asked[-1]] * (way.size - size)]
    arguments = ", ".join([argument for each in given for argument in each])
    statement = connection.extract_statements(f"EXECUTE {way.name}({arguments})")[0]
    reader = connection.execute(statement).to_arrow_reader(_ROWS_MAX)
    batch = read_batch(reader)
    if batch is None:
        return [None] * size
    columns, schema = batch.columns, read.schema
    members = columns.pop() if way.size > 1 else None
    if batch.nbytes > _BYTES_MAX or read_batch(reader) is not None:
        return None
    if schema is None or [each.type for each in columns] != schema.types:
        return None
    if members is None:
        return [batch]
    others = way.size if way.joined else _NOBODY
    return apart(pa.RecordBatch.from_arrays(columns, schema=schema), members.to_pylist(), size, others)


_NOBODY: Final = -1


def apart(rows: pa.RecordBatch, numbers: list[int], size: int, others: int = _NOBODY) -> list[pa.RecordBatch | None]:
    """Return the rows of each of *size* members, None for none; *numbers* has a member for each row.

    Where none has more than one, who has none has that of the member *others*.
    """
    places = dict(zip(numbers, range(len(numbers)), strict=True))
    if len(places) == len(numbers):
        other = places.get(others)
        found = [places.get(member, other) for member in range(size)]
        return [None if place is None else rows.slice(place, 1) for place in found]
    # One after the other where they are members of a UNION ALL; but nothing in the engine promises that.
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    if order != list(range(len(numbers))):
        rows, numbers = rows.take(pa.array(order)), sorted(numbers)
    ends = [bisect_right(numbers, member) for member in range(-1, size)]
    return [rows.slice(begin, end - begin) if begin < end else None for begin, end in pairwise(ends)]
