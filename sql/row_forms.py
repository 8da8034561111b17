"""Texts of INSERTs that differ only in their values: what stands round the values, and the values.

Applications and loaders send a new text for each row. What it becomes depends on the table, the columns and what kinds
of values there are (number, string, NULL, parameter), so that is found out once (``sql.bulk``) and kept by form.
"""

import re
from dataclasses import dataclass
from typing import Final

_HEAD: Final = re.compile(
    r"\s*+(INSERT\s++INTO\s++[^'()$\s][^'()$]*?(?:\([^'()$]++\)\s*+|\s)VALUES)\s*+(?=\()", re.IGNORECASE
)
_CELL: Final = re.compile(
    r"\s*+(?:(?P<number>-?[0-9]++(?:\.[0-9]*+)?(?:[eE][-+]?[0-9]++)?)|(?P<string>'(?:[^'\\]++|\\[^x]|'')*+')"
    r"|(?P<word>NULL|TRUE|FALSE|DEFAULT|\$[0-9]++))"
    r"(?P<cast>\s*+::\s*+[A-Za-z0-9]++)?\s*+(?P<sign>[,)])",
    re.IGNORECASE | re.DOTALL,
)
_BETWEEN: Final = re.compile(r"\s*+,\s*+\(")
_TRUTH: Final = frozenset({"true", "false"})


@dataclass(frozen=True, slots=True)
class RowForm:
    """An INSERT without its values."""

    head: str
    marks: tuple[frozenset[str], ...]
    """What kinds of values each column has."""


def row_form(text: str) -> tuple[RowForm, list[tuple[str, ...]]] | None:
    """Return the form of *text* and its values column by column, None where it is no INSERT of plain values."""
    head = _HEAD.match(text)
    if head is None:
        return None
    rows: list[list[str]] = []
    marks: list[list[str]] = []
    place = head.end()
    while True:
        found = _row(text, place + 1)
        if found is None or (rows and len(found[0]) != len(rows[0])):
            return None
        rows.append(found[0])
        marks.append(found[1])
        between = _BETWEEN.match(text, found[2])
        if between is None:
            break
        place = between.end() - 1
    if text[found[2] :].strip():
        return None
    return RowForm(head[1], tuple(map(frozenset, zip(*marks, strict=True)))), list(zip(*rows, strict=True))


def _row(text: str, place: int) -> tuple[list[str], list[str], int] | None:
    """Return the values of a row from *place* on, their kinds, and where it ends; None where it is not plain."""
    cells: list[str] = []
    marks: list[str] = []
    while True:
        cell = _CELL.match(text, place)
        if cell is None:
            return None
        number, string, word, cast, sign = cell.groups()
        cells.append(number or string or word)
        kind = "number" if number else "string" if string else word.lower()
        marks.append(("truth" if kind in _TRUTH else kind) + (cast or ""))
        place = cell.end()
        if sign == ")":
            return cells, marks, place
