"""Which of several routines of one name a call means.

PostgreSQL 8.0, "Function type resolution", as far as Redshift's own conversions go: an exact match wins, then
the one that most arguments match, then the one with the cheapest conversions. Redshift, "Type compatibility and
conversion" (implicit conversions).
"""

from collections.abc import Sequence
from typing import Final

from core.types import ColumnType
from sql.value import Value

_RANK: Final = {"int2": 0, "int4": 1, "int8": 2, "numeric": 3, "float4": 4, "float8": 5}
_STAMPS: Final = {"date": 0, "timestamp": 1, "timestamptz": 2}
_NARROWING: Final = 10
"""What a conversion that may lose digits costs: taken only where nothing else fits."""
_TO_TEXT: Final = 20


def choose(signatures: Sequence[tuple[ColumnType | None, ...]], values: tuple[Value, ...]) -> list[int]:
    """Return the indexes of the best among *signatures* for *values*: none, one, or several that are as good.

    A parameter's type None takes any (ANYELEMENT).
    """
    costs = {
        index: cost
        for index, signature in enumerate(signatures)
        if len(signature) == len(values) and (cost := _cost(signature, values)) is not None
    }
    best = min(costs.values(), default=None)
    return [index for index, cost in costs.items() if cost == best]


def _cost(signature: tuple[ColumnType | None, ...], values: tuple[Value, ...]) -> tuple[int, int] | None:
    total = inexact = 0
    for wanted, value in zip(signature, values, strict=True):
        cost = _conversion(value, wanted)
        if cost is None:
            return None
        total += cost
        inexact += cost > 0
    return inexact, total


def _conversion(value: Value, wanted: ColumnType | None) -> int | None:
    """Return what it costs to hand *value* to a parameter, None where it cannot be."""
    if wanted is None:
        return 1
    if value.open:
        # A literal takes any type, a string's first.
        return 0 if wanted.type.category == "S" or value.null else 1
    have, want = value.name, wanted.type.name
    if have == want:
        return 0
    if have in _RANK and want in _RANK:
        steps = _RANK[want] - _RANK[have]
        return steps if steps > 0 else _NARROWING - steps
    if have in _STAMPS and want in _STAMPS:
        return max(_STAMPS[want] - _STAMPS[have], 0) or _NARROWING
    return _across(value, wanted)


def _across(value: Value, wanted: ColumnType) -> int | None:
    have, want = value.type.type, wanted.type
    if want.category == "S" or want.name == "refcursor":
        # bpchar, varchar, text and name are one another's; numbers and dates have a text.
        return 1 if have.category == "S" else (_TO_TEXT if have.category in "NDT" else None)
    if want.name == "super" or have.name == "super":
        return _TO_TEXT + 1
    if have.category == want.category == "T":
        return 1
    return None
