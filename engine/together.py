"""Reads that come again and again: their plans are kept for all sessions, for one read or for several at once.

A plan that all use stays in the processor's caches; one of each session's own does not. And half of what a brief read
takes of the engine is the same for one and for eight: EXECUTE, which is planned, and the rows' way to Arrow. So those
who ask while others do are gathered until the event loop has heard everybody, and up to eight become the members of a
UNION ALL. It runs on the event loop: the engine takes the interpreter's lock between its steps, and on a thread would
wait for the loop each time. Who asks alone waits for nobody. Where anything goes wrong each is told to ask for itself,
and meets its own error.
"""

import asyncio
import logging
import time
from bisect import bisect_right
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import duckdb
import pyarrow as pa

from engine.cursors import Connection, DuckDbEngine
from engine.executor import Executor
from engine.plan_keeping import keep
from engine.streams import RowStream, read_batch
from storage.abandoned import part_with

_log = logging.getLogger(__name__)
_TIMES: Final = 5
"""How often a read must have come for its plans to be kept."""
_SIZES: Final = (8, 4, 2, 1)
"""How many reads become one statement, the largest first."""
_QUIET: Final = 3
"""Turns of the event loop that bring nobody else: on its way to here a read takes some."""
_LONGEST_S: Final = 0.003
"""What a statement of several may take of the event loop."""
_TAKES_S: Final = 0.0002
"""What a read is taken for that nothing is known of."""
_WEIGHT: Final = 0.25
"""How much a statement counts against those before it."""
_ROWS_MAX: Final = 2_048
"""Rows of a statement; what gives more is not for here."""
_READS_MAX: Final = 256
"""Reads that are known."""
_PLANNED_MAX: Final = 16
"""Those whose plans are kept, for any number of them."""


@dataclass(slots=True, eq=False)
class Shared:
    """A read as all have it who ask for it."""

    zone: str
    """The time zone that it is read in, empty for the engine's own."""
    parameters: int
    written: Callable[[int], str]
    """Its SQL, whose parameters are numbered from behind so many on."""
    most: int = _SIZES[0]
    """How many may become one statement; 0 where it is not for here."""
    fits: int = _SIZES[0]
    """How many take no longer together than one statement may."""
    schema: pa.Schema | None = None
    """Its rows', once they have been seen."""
    times: int = 0
    """How often it has come."""
    plans: dict[int, str] = field(default_factory=dict)
    """The names of its plans, by how many they read."""
    _takes_s: float = _TAKES_S

    def took(self, seconds: float) -> None:
        """Take note of what one read took, of processor time."""
        self._takes_s += (seconds - self._takes_s) * _WEIGHT
        self.fits = next((size for size in _SIZES if size * self._takes_s <= _LONGEST_S), 1)


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
        if read.schema is None or read.times < _TIMES or not read.most:
            read.times += 1
            return None
        if self._executor.alone(engine) or min(read.most, read.fits) == 1:
            alone = self._tried(read, [arguments])
            found = alone[0] if alone is not None else None
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
            read.plans.clear()
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
        if waiting < _SIZES[0] and quiet:
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
        most = max(min(len(same), read.most, read.fits), 1)
        part = same[: next(size for size in _SIZES if size <= most)]
        for asked in part:
            self._asked.remove(asked)
        waiting = any(not asked.found.done() for asked in part)
        found = self._tried(read, [asked.arguments for asked in part]) if waiting else None
        for place, asked in enumerate(part):
            if not asked.found.done():
                asked.found.set_result(found[place] if found is not None else None)

    def _tried(self, read: Shared, asked: Sequence[Sequence[str]]) -> list[_Found] | None:
        begun, size = time.thread_time(), len(asked)
        if self.others and size not in read.plans:
            return None
        try:
            rows = self._read(read, asked)
        except Exception as error:  # noqa: BLE001 - each asks for itself then, and meets its own error
            _log.debug("a read is to be carried out by itself", exc_info=error)
            # One with an error would take the others with it, each time.
            read.most = min(read.most, 1 if size in read.plans else 0)
            if isinstance(error, duckdb.FatalException) or not isinstance(error, duckdb.Error):
                # Whatever state the connections are in.
                self.close()
            return None
        if rows is None:
            read.most = 0
            return None
        took = (time.thread_time() - begun) / size
        read.took(took)
        return [_Found(each, took) for each in rows]

    def _read(self, read: Shared, asked: Sequence[Sequence[str]]) -> list[pa.RecordBatch | None] | None:
        """Return the rows for each of *asked*; None where there are too many, or others than were expected."""
        size = len(asked)
        connection, name = self._kept(read, size)
        arguments = ", ".join([argument for each in asked for argument in each])
        statement = connection.extract_statements(f"EXECUTE {name}({arguments})")[0]
        reader = connection.execute(statement).to_arrow_reader(_ROWS_MAX)
        batch = read_batch(reader)
        if batch is None:
            return [None] * size
        columns, schema = batch.columns, read.schema
        members = columns.pop() if size > 1 else None
        if read_batch(reader) is not None or schema is None or [each.type for each in columns] != schema.types:
            return None
        if members is None:
            return [batch]
        return [*apart(pa.RecordBatch.from_arrays(columns, schema=schema), members.to_pylist(), size)]

    def _kept(self, read: Shared, size: int) -> tuple[Connection, str]:
        """Return the plan for so many, and where it is."""
        connection = self._connections.get(read.zone)
        if connection is None:
            connection = self._connections[read.zone] = self._connect()
            if read.zone:
                connection.execute(f"SET TimeZone = '{read.zone}'")
        self._planned[read] = None
        self._planned.move_to_end(read)
        name = read.plans.get(size)
        if name is not None:
            return connection, name
        if len(self._planned) > _PLANNED_MAX:
            oldest = self._planned.popitem(last=False)[0]
            for each in oldest.plans.values():
                self._connections[oldest.zone].execute(f"DEALLOCATE {each}")
            oldest.plans.clear()
        self._number += 1
        name = f"together_{self._number}"
        texts = [read.written(member * read.parameters) for member in range(size)]
        members = [f"SELECT *, {member} AS member FROM ({sql})" for member, sql in enumerate(texts)]
        keep(connection, name, " UNION ALL ".join(members) if size > 1 else texts[0], lean=True)
        read.plans[size] = name
        _log.debug("keeps a plan for reads at once" if size > 1 else "keeps a plan", extra={"reads": size})
        return connection, name


_EACH_ONE: Final = list(range(_SIZES[0]))
"""The members' numbers where each has one row."""


def apart(rows: pa.RecordBatch, numbers: list[int], size: int) -> list[pa.RecordBatch]:
    """Return the rows of each of *size* members, of whom *numbers* has one for each row."""
    if numbers == _EACH_ONE[:size]:
        return [rows.slice(number, 1) for number in numbers]
    # One after the other so far; but nothing in the engine promises that.
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    if order != list(range(len(numbers))):
        rows, numbers = rows.take(pa.array(order)), sorted(numbers)
    ends = [bisect_right(numbers, member) for member in range(-1, size)]
    return [rows.slice(begin, end - begin) for begin, end in pairwise(ends)]
