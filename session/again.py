"""Reads of copies that come again and again: the engine keeps their plans for all sessions (``engine.together``).

Half of what a brief read takes is the engine's planning. A plan with a parameter in a condition is made anew each time,
because the engine pushes such conditions into scans with the value that it sees; so it is told not to. What is kept
is good for the copies as they are: when one comes or goes, reads count from one again.

EXECUTE is a statement that is planned, too. Its arguments are literals of the parameters' own types where there are
such, because a cast takes as long as all else of it.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from engine.together import Shared, Together
from engine.ways import ways
from sql.facts import SourceKind
from sql.members import Members
from sql.shapes import Gapped
from sql.translate import Translated
from storage.hot import COPY

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


class Asked(NamedTuple):
    """A read with its values."""

    shared: Shared
    arguments: tuple[str, ...]


class Place(NamedTuple):
    """Where copies are read."""

    together: Together
    version: int
    """The copies'."""
    zone: str
    """The time zone that plans depend on."""


def asked(place: Place, text: Gapped, types: Types, values: Sequence[str], *, indexed: bool = False) -> Asked | None:
    """Return *text* with *values* as a read that plans can be kept for; None where it is none.

    Of what is *indexed* the engine finds the rows by a value that it knows, or by those that a join brings, but not by
    a value that a plan is given.
    """
    if not types or len(types) != len(values):
        return None
    arguments, parameters = zip(*map(_argument, values, types), strict=True)

    def begin() -> Shared:
        members = Members(text, parameters)
        once = sum([piece.count(COPY) for piece in text.pieces]) == 1
        many = once and not any(map(_ORDERED.search, text.pieces))
        known = ways(alone=once and not indexed, united=many and not indexed, joined=many and bool(members.joined(1)))
        return Shared(place.zone, members, known)

    key = (place.version, place.zone, text.pieces, text.order, parameters, indexed)
    return Asked(place.together.read(key, begin), arguments)
