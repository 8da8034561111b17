"""Reads of copies that come again and again: their plans are kept in the engine, on a session's own connection.

Half of what a brief read takes is the engine's planning. A plan with a parameter in a condition is made anew each time,
because the engine pushes such conditions into scans with the value that it sees; so it is told not to. What is kept
is good for the copies as they are: when one comes or goes the engine plans anew by itself, until it is kept again.
"""

import re
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from core.errors import SqlError
from sql.facts import SourceKind
from sql.shapes import Gapped
from sql.translate import Translated

if TYPE_CHECKING:
    from engine.cursors import DuckDbEngine
    from storage.hot import HotStore

_TIMES: Final = 5
"""How often a read must have come to be kept."""
_KEPT_MAX: Final = 8
"""Plans that one connection keeps."""
_COMPARED: Final = re.compile(r'\("(?:[^"]|"")*"\."((?:[^"]|"")*)" (?:=|<>|<=|>=|<|>) \Z')
_CAST: Final = re.compile(r"(?<![\w\"])CAST\(\Z")
_TYPE: Final = re.compile(r" AS (SMALLINT|INTEGER|INT|BIGINT|VARCHAR|TEXT|DATE|TIMESTAMP|DECIMAL\(\d+, ?\d+\))\)")
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


class KeptPlans:
    """Those of one connection."""

    def __init__(self, store: "HotStore") -> None:
        """Keep plans over the copies in *store*."""
        self._store = store
        self._kept: OrderedDict[Gapped, tuple[int, int, str]] = OrderedDict()
        """What was read: the copies' version, how often it has come since, and the kept plan's name, if it has one."""
        self._number = 0

    async def sql(self, engine: "DuckDbEngine", text: Gapped, types: Types, values: Sequence[str]) -> str:
        """Return what to run for *text* with *values*, here and now: a plan that is kept, or the text itself."""
        if not types or len(types) != len(values):
            return text.filled(values)
        version, times, name = self._kept.pop(text, (0, 0, ""))
        if version != self._store.version:
            version, times = self._store.version, 0
        if times == _TIMES:
            name = await self._keep(engine, text, types, name)
        self._kept[text] = version, times + 1, name
        if len(self._kept) > _KEPT_MAX:
            await self._drop(engine, self._kept.popitem(last=False)[1][2])
        if not name or times < _TIMES:
            return text.filled(values)
        typed = [f"CAST({value} AS {kind})" for value, kind in zip(values, types, strict=True)]
        return f"EXECUTE {name}({', '.join(typed)})"

    async def clear(self, engine: "DuckDbEngine") -> None:
        """Begin anew: something is another that plans depend on."""
        while self._kept:
            await self._drop(engine, self._kept.popitem()[1][2])

    async def _drop(self, engine: "DuckDbEngine", name: str) -> None:
        if name:
            await engine.fetch(f"DEALLOCATE {name}", instant=True)

    async def _keep(self, engine: "DuckDbEngine", text: Gapped, types: Types, before: str) -> str:
        await self._drop(engine, before)
        self._number += 1
        name = f"again_{self._number}"
        sql = text.filled([f"CAST(${index} AS {kind})" for index, kind in enumerate(types, start=1)])
        try:
            await engine.keep(name, sql)
        except SqlError:
            return ""
        return name
