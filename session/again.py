"""Reads of copies that come again and again: their plans are kept in the engine.

Half of what a brief read takes is the engine's planning. A plan with a parameter in a condition is made anew each time,
because the engine pushes such conditions into scans with the value that it sees; so it is told not to. What is kept
is good for the copies as they are: when one comes or goes the engine plans anew by itself, until it is kept again.

Plans that read one copy, once, are kept for all sessions (``engine.together``), others on a session's own connection.
EXECUTE is a statement that is planned, too. Its arguments are literals of the parameters' own
types where there are such, because a cast takes as long as all else of it; and plans that read one copy, once, are
kept on connections that do not optimize. If such a plan is made anew there, it still is a scan.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from core.errors import SqlError
from engine.cursors import DuckDbEngine
from engine.together import Shared, Together
from sql.facts import SourceKind
from sql.shapes import Gapped
from sql.translate import Translated
from storage.hot import COPY

if TYPE_CHECKING:
    from engine.executor import Executor
    from storage.hot import HotStore

_TIMES: Final = 5
"""How often a read must have come to be kept."""
_KEPT_MAX: Final = 8
"""Plans that one connection keeps."""
_COMPARED: Final = re.compile(r'\("(?:[^"]|"")*"\."((?:[^"]|"")*)" (?:=|<>|<=|>=|<|>) \Z')
_CAST: Final = re.compile(r"(?<![\w\"])CAST\(\Z")
_TYPE: Final = re.compile(r" AS (SMALLINT|INTEGER|INT|BIGINT|VARCHAR|TEXT|DATE|TIMESTAMP|DECIMAL\(\d+, ?\d+\))\)")
_ORDERED: Final = re.compile(r"\b(?:ORDER BY|OFFSET|SAMPLE)\b", re.IGNORECASE)
"""What need not have the same rows, or not in the same order, as a member of a UNION ALL."""
_NUMBER: Final = "INTEGER"
_LONG: Final = "BIGINT"
Types = tuple[str, ...]


def gap_types(translated: Translated, text: Gapped) -> Types:
    """Return the engine's types of the values that *text* has gaps for; none where it must know them to plan.

    A number that a column is compared with is taken as INTEGER, which it is, unless the column is not exact. For a
    BIGINT column it is BIGINT: the engine would make it one for each thousand rows.
    """
    found: dict[int, str] = {}
    for place, index in enumerate(text.order):
        before, behind = text.pieces[place], text.pieces[place + 1]
        cast = _TYPE.match(behind) if _CAST.search(before) else None
        kind = cast[1] if cast else _compared(translated, before) if behind.startswith(")") else ""
        if not kind or found.setdefault(index, kind) != kind:
            return ()
    return tuple(found[index] for index in range(len(found))) if set(found) == set(range(len(found))) else ()


def _compared(translated: Translated, before: str) -> str:
    """Return the type of a number that *before*, what stands before it, compares a column with; empty for none."""
    found = _COMPARED.search(before)
    tables = [use.source for use in translated.uses if use.source.kind is SourceKind.TABLE]
    columns = [column for table in tables for column in table.columns]
    if found is None or any(column.type.type.name == "float4" for column in columns):
        return ""
    name = found[1].replace('""', '"')
    return _LONG if {column.type.type.name for column in columns if column.name == name} == {"int8"} else _NUMBER


_DIGITS: Final = 9
"""Whole numbers of up to so many digits are INTEGER to the engine as they are written."""
_SHORT: Final = {
    "INTEGER": "CAST(${} AS INTEGER)",
    "INT": "CAST(${} AS INT)",
    # Without the sum the engine takes the parameter itself for a BIGINT, and plans anew for each INTEGER.
    "BIGINT": "CAST(CAST(${} AS INTEGER) + 0 AS BIGINT)",
}
"""What a parameter is in a plan that such a number is given to, by the type that is wanted."""
_STRINGS: Final = frozenset({"VARCHAR", "TEXT"})


def _argument(value: str, kind: str) -> tuple[str, str]:
    """Return how *value* is given to a plan that wants a *kind*, and what its parameter is there ({} is its number)."""
    if kind in _SHORT and len(value) <= _DIGITS and value.isdigit():
        return value, _SHORT[kind]
    literal = kind in _STRINGS and value.startswith("'")
    return value if literal else f"CAST({value} AS {kind})", f"CAST(${{}} AS {kind})"


@dataclass(slots=True)
class _Read:
    """What is known of a read."""

    version: int
    """The copies'."""
    shared: Shared
    times: int = 0
    """How often it has come since, and was read here."""
    name: str = ""
    """The kept plan's, if it has one."""
    engine: DuckDbEngine | None = None
    """Where it is kept."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A read with its values."""

    read: _Read
    shared: Shared
    text: Gapped
    parameters: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What is run for a read, and where."""

    engine: DuckDbEngine
    sql: str


def _written(text: Gapped, parameters: Sequence[str], first: int = 0) -> str:
    return text.filled([parameter.format(number) for number, parameter in enumerate(parameters, start=first + 1)])


def _is_lean(text: Gapped) -> bool:
    """Tell whether *text* reads one copy, once."""
    return sum([piece.count(COPY) for piece in text.pieces]) == 1


class KeptPlans:
    """Those of one session, and its way to those of all."""

    def __init__(self, store: "HotStore", executor: "Executor", together: Together) -> None:
        """Keep plans over the copies in *store*, where those that are kept *together* for all sessions do not do."""
        self._store = store
        self._executor = executor
        self.together = together
        self._reads: OrderedDict[tuple[object, ...], _Read] = OrderedDict()
        self._number = 0
        self._zone = ""
        self._lean: DuckDbEngine | None = None
        """A connection that does not optimize."""

    async def asked(self, text: Gapped, types: Types, values: Sequence[str]) -> Asked | None:
        """Return *text* with *values* as a read that plans can be kept for; None where it is none."""
        if not types or len(types) != len(values):
            return None
        arguments, parameters = zip(*map(_argument, values, types), strict=True)
        key = (text.pieces, text.order, parameters)
        read, version = self._reads.get(key), self._store.version
        if read is None:
            read = self._reads[key] = _Read(version, self._shared(text, parameters))
            if len(self._reads) > _KEPT_MAX:
                await self._drop(self._reads.popitem(last=False)[1])
        else:
            self._reads.move_to_end(key)
        if read.version != version:
            read.version, read.times, read.shared = version, 0, self._shared(text, parameters)
        return Asked(read, read.shared, text, parameters, arguments)

    def _shared(self, text: Gapped, parameters: tuple[str, ...]) -> Shared:
        def begin() -> Shared:
            written, lean = partial(_written, text, parameters), _is_lean(text)
            ordered = any(map(_ORDERED.search, text.pieces))
            shared = Shared(self._zone, len(parameters), written)
            shared.most = 0 if not lean else 1 if ordered else shared.most
            return shared

        return self.together.read((self._zone, self._store.version, text.pieces, text.order, parameters), begin)

    async def found(self, plain: Found, asked: Asked) -> Found:
        """Return what to run for *asked*, here and now, and where: a plan that is kept on this session, or *plain*."""
        read, text = asked.read, asked.text
        read.times += 1
        if self.together.others:
            read.times = min(read.times, _TIMES)
        if read.times == _TIMES + 1:
            await self._keep(plain.engine, _written(text, asked.parameters), read, lean=_is_lean(text))
        if read.engine is None or read.times <= _TIMES:
            return plain
        return Found(read.engine, f"EXECUTE {read.name}({', '.join(asked.arguments)})")

    async def clear(self, zone: str) -> None:
        """Begin anew in another time zone, on which plans depend."""
        while self._reads:
            await self._drop(self._reads.popitem()[1])
        self.close()
        self._zone = zone

    def interrupt(self, reason: SqlError) -> None:
        """Stop what runs now with *reason*."""
        if self._lean is not None:
            self._lean.interrupt(reason)

    def abandon(self) -> None:
        """Let go of what has failed with its instance."""
        if self._lean is not None:
            self._lean.abandon()
            self._lean = None

    def close(self) -> None:
        """Give the connection back."""
        if self._lean is not None:
            self._lean.close()
            self._lean = None

    async def _drop(self, read: _Read) -> None:
        if read.engine is not None:
            await read.engine.fetch(f"DEALLOCATE {read.name}", instant=True)
            read.engine = None

    async def _keep(self, engine: DuckDbEngine, sql: str, read: _Read, *, lean: bool) -> None:
        await self._drop(read)
        if lean and self._lean is None:
            self._lean = DuckDbEngine(self._store.cursor, self._executor)
            if self._zone:
                await self._lean.fetch(f"SET TimeZone = '{self._zone}'", instant=True)
        place = self._lean if lean and self._lean is not None else engine
        self._number += 1
        read.name = f"again_{self._number}"
        try:
            await place.keep(read.name, sql, lean=lean)
        except SqlError:
            return
        read.engine = place
