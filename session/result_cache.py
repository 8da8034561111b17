"""The result cache: rows of queries that were asked before, over tables that nobody has written since.

Redshift, "Result caching": a repeated query is answered without being run where its text means the same, its tables
have not changed, and nothing in it must be evaluated each time. What was allowed and locked before is asked again; the
engine's SQL is part of the key, with row-level security and masking written into it, so nobody sees another's rows.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from session.present import sees
from session.streams import FixedRows, Source
from session.variables import variable_of

if TYPE_CHECKING:
    from engine.streams import RowStream
    from session.answers import Value
    from session.context import Work
    from session.plans import Plan
    from session.spark import Sent

_SHARE: Final = 16
"""One result takes at most this part of the memory."""
_PARAMETERS_MAX: Final = 1_000
_ENTRY_BYTES: Final = 2_048
"""What is reckoned for a result beside its rows: the key, and batches' own weight."""
_PATIENCE: Final = 64
"""How often a brief query may have been asked for in vain, with whatever numbers, until it is seldom asked for."""
_SELDOM: Final = 16
"""One of so many is then."""
_SHAPES_MAX: Final = 1_000
_SETTINGS: Final = ("timezone", "duckshift.engine")
"""Parameters of the session that may decide what the same engine's SQL gives."""
Version = Callable[[], int | None]
"""Tells which state of its tables a query would read now, None while they are being written."""


@dataclass(frozen=True, slots=True)
class Result:
    """A query's rows, and what they are rows of."""

    schema: pa.Schema
    batches: tuple[pa.RecordBatch, ...]
    version: int
    query: int
    """The number of the query that was run for them."""
    size_bytes: int

    @property
    def rows(self) -> FixedRows:
        """Return the rows to be read."""
        return FixedRows(*self.batches)


class ResultCache:
    """Results of all sessions, in bounded memory; what was asked for least recently goes first."""

    def __init__(self, memory_bytes: int) -> None:
        """Keep results of *memory_bytes*, none for 0."""
        self.result_bytes = memory_bytes // _SHARE
        """What one result may take."""
        self._memory_bytes = memory_bytes
        self._used = 0
        self._results: OrderedDict[Hashable, Result] = OrderedDict()
        self._vain: dict[str, int] = {}
        """How often queries of a shape have been asked for in vain since one was found."""

    def is_worth(self, shape: str) -> bool:
        """Tell whether to ask for a brief query of *shape*: reads by ever another key fill memory for nothing."""
        vain = self._vain.get(shape, 0)
        if vain < _PATIENCE:
            return True
        self._vain[shape] = vain + 1
        return not vain % _SELDOM

    def note(self, shape: str, *, found: bool) -> None:
        """Take note that a query of *shape* was found, or was not."""
        if found:
            self._vain.pop(shape, None)
            return
        if len(self._vain) >= _SHAPES_MAX:
            self._vain.clear()
        self._vain[shape] = self._vain.get(shape, 0) + 1

    def find(self, key: Hashable, version: int) -> Result | None:
        """Return the result under *key* if it is of *version*."""
        found = self._results.get(key)
        if found is None:
            return None
        if found.version != version:
            # The tables' versions only grow: it will not be asked for again.
            self._forget(key)
            return None
        self._results.move_to_end(key)
        return found

    def keep(self, key: Hashable, result: Result) -> None:
        """Keep *result*, forgetting others where there is no room."""
        if key in self._results:
            self._forget(key)
        self._results[key] = result
        self._used += result.size_bytes
        while self._used > self._memory_bytes:
            self._forget(next(iter(self._results)))

    def _forget(self, key: Hashable) -> None:
        self._used -= self._results.pop(key).size_bytes


class _Kept:
    """A source that hands on another's rows and keeps them once they have come to their end."""

    def __init__(self, stream: "RowStream | Sent", ask: "Question", query: int) -> None:
        self._stream = stream
        self._ask: Question | None = ask
        self._query = query
        self._batches: list[pa.RecordBatch] = []
        self._size = _ENTRY_BYTES

    async def next(self) -> pa.RecordBatch | None:
        batch = await self._stream.next()
        ask = self._ask
        if ask is None:
            return batch
        if batch is None:
            # What another server wrote may be among the rows already: it must be known, too.
            await ask.caught_up()
            self._end(ask)
        else:
            self._size += batch.get_total_buffer_size()
            self._batches.append(batch)
            if self._size > ask.cache.result_bytes:
                self._give_up()
        return batch

    def close(self) -> None:
        self._give_up()
        self._stream.close()

    def _end(self, ask: "Question") -> None:
        if ask.now() == ask.version:
            batches = tuple(self._batches)
            ask.cache.keep(ask.key, Result(self._stream.schema, batches, ask.version, self._query, self._size))
        self._give_up()

    def _give_up(self) -> None:
        self._ask = None
        self._batches.clear()


@dataclass(frozen=True, slots=True)
class Question:
    """A query whose rows may be kept: what it is known by, and the state of its tables as it begins."""

    cache: ResultCache
    shape: str
    key: Hashable
    version: int
    now: Version
    caught_up: Callable[[], Awaitable[None]]

    def found(self) -> Result | None:
        """Return the rows, where they are known."""
        found = self.cache.find(self.key, self.version)
        self.cache.note(self.shape, found=found is not None)
        return found

    def kept(self, stream: "RowStream | Sent", query: int) -> Source:
        """Return a source of *stream*'s rows that keeps them for the next who asks; *query* is its number."""
        return _Kept(stream, self, query)


def question(work: "Work", plan: "Plan", parameters: "tuple[Value, ...]") -> Question | None:
    """Return *plan* as a question to the cache, None where it must be run.

    It is planned, allowed and locked already.
    """
    cache, scans = work.warehouse.results, work.warehouse.scans
    if len(parameters) > _PARAMETERS_MAX:
        return None
    if not cache.result_bytes or not plan.repeatable or not work.settings.on("enable_result_cache_for_session"):
        return None
    if work.warehouse.paces.is_brief(plan) and not cache.is_worth(plan.shape):
        return None
    tables = plan.tables
    version = scans.changed(tables)
    if version is None or not sees(work, tables, version):
        return None
    values = tuple(map(type, parameters)), parameters
    variables = tuple([variable_of(work.session, name) for name in plan.variables]) if plan.variables else ()
    settings = tuple(map(work.settings.get, _SETTINGS))
    key = (plan.translated.engine_sql, tables, values, variables, settings)
    return Question(cache, plan.shape, key, version, lambda: scans.changed(tables), work.warehouse.caught_up)
