"""Reads that ask for rows by a key: which column it is, so that a copy in memory can have an index on it.

An index pays where it spares the engine a look at many rows for each read. It is the engine that decides whether it
uses one; what is told here only says which would be worth making.
"""

import re
from typing import Final

from sql.shapes import Gapped

_EQUAL: Final = re.compile(r'\(("(?:[^"]|"")*")\.("(?:[^"]|"")*") = (CAST\()?\Z')
_CAST: Final = re.compile(r" AS (?:SMALLINT|INTEGER|INT|BIGINT|DATE)\)\)")


def key(text: Gapped) -> str:
    """Return the column, as it is written, that *text* compares with a value it has a gap for; empty without one.

    Only that of a table that is read alone, and that each row has to fulfil.
    """
    if any(" OR " in piece for piece in text.pieces):
        return ""
    for before, behind in zip(text.pieces, text.pieces[1:], strict=False):
        found = _EQUAL.search(before)
        if found is None or f'" AS {found[1]} WHERE ' not in text.pieces[0]:
            continue
        if _CAST.match(behind) if found[3] else behind.startswith(")"):
            return found[2]
    return ""
