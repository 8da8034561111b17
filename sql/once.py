"""Expressions that are written once where what looks at them has them several times.

The engine puts a macro's arguments into every place that names them, so what is in one another would grow without end.
"""

from collections.abc import Callable, Sequence
from typing import Final

LONG: Final = 250
"""Engine SQL of more characters is not written again and again."""


def once(written: Callable[..., str], *values: str, heavy: bool = False) -> str:
    """Return *written* of *values*, or of names that stand for them where one is long, or *heavy* to work out."""
    if not heavy and all(len(value) <= LONG for value in values):
        return written(*values)
    return named("rs_v", values, written(*names("rs_v", values)))


def names(row: str, values: Sequence[str]) -> list[str]:
    """Return what stands for *values* in an expression that ``named`` is given."""
    # ``rs_v.v0`` would be a column to the engine in HAVING.
    return [f"{row}['v{place}']" for place in range(len(values))]


def named(row: str, values: Sequence[str], inner: str) -> str:
    """Return *inner*, in which *values* have names."""
    fields = ", ".join(f"'v{place}': {value}" for place, value in enumerate(values))
    return f"list_transform([{{{fields}}}], lambda {row}: {inner})[1]"
