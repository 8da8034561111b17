"""Engine SQL with other names or constants in it: what is found by pattern, string literals left alone."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from engine.constants import constant
from engine.cursors import Value
from sql.blanks import without
from sql.shapes import Gapped

_PARAMETER: Final = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\d+)")
_TEXT_MAX: Final = 1_000


def substituted(sql: str, names: dict[str, str]) -> str:
    """Return *sql* with the engine names in *names* replaced, string literals left alone."""
    pairs = tuple(names.items())
    brief = len(sql) + sum(len(new) for _, new in pairs) <= _KEPT_CHARACTERS
    return _kept(sql, pairs) if brief else _substituted(sql, pairs)


def _substituted(sql: str, pairs: tuple[tuple[str, str], ...]) -> str:
    names = dict(pairs)
    pattern = "|".join(["'(?:[^']|'')*'", *(re.escape(name) for name in sorted(names, key=len, reverse=True))])
    return re.sub(pattern, lambda match: names.get(match[0], match[0]), sql)


_FEW: Final = 500
"""Parameters that are worth writing out."""
_KEPT_CHARACTERS: Final = 10_000
_kept = lru_cache(500)(_substituted)
"""For statements that are repeated while their tables stay as they are."""


def reading(text: Gapped, names: dict[str, str], bare: Mapping[int, frozenset[int]]) -> Gapped:
    """Return *text* with names replaced, and as it is where the columns *bare*, by table, have no trailing blanks."""
    whole = _GAP.join(text.pieces)
    return Gapped(tuple(substituted(whole, names | without(whole, bare)).split(_GAP)), text.order)


_GAP: Final = "\0"
"""What no text has."""


def gapped(sql: str) -> Gapped:
    """Return *sql* with gaps for its parameters."""
    if "$" not in sql:
        return Gapped((sql,), ())
    pieces, order, begin = [], [], 0
    for match in _PARAMETER.finditer(sql):
        if match[1]:
            pieces.append(sql[begin : match.start()])
            order.append(int(match[1]) - 1)
            begin = match.end()
    return Gapped((*pieces, sql[begin:]), tuple(order))


def constants(parameters: Sequence[Value]) -> list[str] | None:
    """Return *parameters* as they are written in engine SQL, None where one cannot be.

    The translator casts each parameter to its type, so a constant means the same; the engine is spared
    preparing, and sees what it may skip.
    """
    if len(parameters) > _FEW or not all(map(_writable, parameters)):
        return None
    return [constant(value) for value in parameters]


def inlined(sql: str, parameters: Sequence[Value]) -> tuple[str, Sequence[Value]]:
    """Return *sql* with its parameters written out, and those that are left: all where one cannot be."""
    texts = constants(parameters) if parameters else None
    return (sql, parameters) if texts is None else (gapped(sql).filled(texts), ())


def _writable(value: Value) -> bool:
    # The engine reads a number with a point as DECIMAL, not as the binary number that it is.
    return value is None or isinstance(value, int) or (isinstance(value, str) and len(value) <= _TEXT_MAX)
