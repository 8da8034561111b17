"""Texts that differ only in the numbers that something is compared with: their shape, and translations by shape.

An application that writes its keys into the text sends a new text each time. What it becomes is nearly always what
the text before it became, with another number; whether that is so is tried out with made-up numbers before it is
relied on. Only whole numbers of up to nine digits behind a comparison operator count: all are INTEGER.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from sql.translate import Translated

_PIECE: Final = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|(?P<odd>--|/\*|\$|')|(?<=[=<>])(?P<gap>\s*)(?P<number>\d{1,9})(?![\w.])"
)
_NUMBERS_MAX: Final = 8
_TRIALS: Final = (800_000_011, 70_001)
"""Where made-up numbers begin: large and small ones, each used once in a text."""
_STEP: Final = 1_009


@dataclass(frozen=True, slots=True)
class Shape:
    """A text without its numbers."""

    pieces: tuple[str, ...]
    numbers: tuple[str, ...]

    def filled(self, numbers: Sequence[str]) -> str:
        """Return the text with other numbers."""
        return _joined(self.pieces, numbers)


@dataclass(frozen=True, slots=True)
class Gapped:
    """A text in pieces, between which values stand."""

    pieces: tuple[str, ...]
    order: tuple[int, ...]
    """Which value stands behind each piece but the last."""

    @property
    def size(self) -> int:
        """How many characters it has."""
        return sum(map(len, self.pieces))

    def filled(self, values: Sequence[str]) -> str:
        """Return the text with *values*."""
        if not self.order:
            return self.pieces[0]
        return _joined(self.pieces, [values[index] for index in self.order])


@dataclass(frozen=True, slots=True)
class Template:
    """What the texts of one shape become."""

    translated: Translated
    sql: Gapped
    """The engine SQL, without the numbers."""

    def filled(self, numbers: Sequence[str]) -> Translated:
        """Return the translation of the text with *numbers*."""
        return self.translated.written(self.sql.filled(numbers))


@lru_cache(64)
def shape(text: str) -> Shape | None:
    """Return the shape of *text*, None where it has no such numbers or what is hard to read past."""
    if "\\" in text:
        return None
    pieces: list[str] = []
    numbers: list[str] = []
    begin = 0
    for match in _PIECE.finditer(text):
        if match["odd"]:
            return None
        number = match["number"]
        if number is None:
            continue
        if number != "0" and number.startswith("0"):
            return None
        pieces.append(text[begin : match.start("number")])
        numbers.append(number)
        begin = match.end()
    if not numbers or len(numbers) > _NUMBERS_MAX:
        return None
    return Shape((*pieces, text[begin:]), tuple(numbers))


def template(found: Shape, translate: Callable[[str], Translated]) -> Template | None:
    """Return what all texts of a shape become, None where that depends on the numbers."""
    made = [[str(start + _STEP * index) for index in range(len(found.numbers))] for start in _TRIALS]
    tried = [_taken_apart(translate(found.filled(numbers)), numbers) for numbers in made]
    if not all(same == tried[0] for same in tried) or not tried[0].translated.cacheable:
        return None
    real = translate(found.filled(found.numbers))
    return tried[0] if tried[0].filled(found.numbers) == real else None


def _taken_apart(translated: Translated, numbers: Sequence[str]) -> Template:
    places = {number: index for index, number in enumerate(numbers)}
    parts = re.split(rf"(?<![\w.])({'|'.join(numbers)})(?![\w.])", translated.engine_sql)
    return Template(translated.written(""), Gapped(tuple(parts[::2]), tuple(places[part] for part in parts[1::2])))


def _joined(pieces: Sequence[str], between: Sequence[str]) -> str:
    parts = [pieces[0]]
    for number, piece in zip(between, pieces[1:], strict=True):
        parts += (number, piece)
    return "".join(parts)
