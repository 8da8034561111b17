"""Statements of the shared grammar, by the dozen: the same seed gives the same ones."""

import random
import re
from collections.abc import Iterator
from typing import Final

from tests.differential.grammar import COLUMNS, FORMS, LITERALS, STATEMENTS

_HOLE: Final = re.compile(r"\{([\w:]+)\}")
_DEPTH: Final = 3
_OWN: Final = {"small": ("s",), "varchar": ("v",), "char": ("c",)}
"""Kinds of column that are narrower than a kind of value."""


class Generator:
    """Statements from one seed."""

    def __init__(self, seed: int) -> None:
        """Begin anew with *seed*."""
        self._random = random.Random(seed)

    def statements(self, count: int) -> Iterator[str]:
        """Yield *count* statements, every shape in its turn."""
        for number in range(count):
            yield self._filled(STATEMENTS[number % len(STATEMENTS)], _DEPTH)

    def _filled(self, form: str, depth: int) -> str:
        return _HOLE.sub(lambda hole: self._value(hole[1], depth), form)

    def _value(self, kind: str, depth: int) -> str:
        if kind.startswith("col:"):
            return self._column(kind[4:])
        if kind in LITERALS and (depth <= 0 or self._random.random() < 0.3):
            return self._leaf(kind)
        forms = FORMS[kind]
        if depth <= 0:
            forms = tuple(form for form in forms if not _HOLE.search(form) or "{col:" in form) or forms
        return self._filled(self._random.choice(forms), depth - 1)

    def _leaf(self, kind: str) -> str:
        if kind != "itv" and self._random.random() < 0.6:
            return self._column(kind)
        return self._random.choice(LITERALS[kind])

    def _column(self, kind: str) -> str:
        names = _OWN.get(kind) or tuple(name for name, own, _ in COLUMNS if own == kind)
        return f"a.{self._random.choice(names)}"
