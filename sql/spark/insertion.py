"""An INSERT of a query, in engine SQL, taken apart: the query may run elsewhere, what is made of its rows may not."""

import re
from dataclasses import dataclass
from typing import Final

_TOKENS: Final = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[()]|\bFROM (?=\()""")
_END: Final = ") AS given"


@dataclass(frozen=True, slots=True)
class Insertion:
    """The two parts of an INSERT."""

    query: str
    """What gives the rows."""
    head: str
    """``INSERT INTO … SELECT …`` of columns of ``given``."""

    def over(self, relation: str) -> str:
        """Return the INSERT of the rows of *relation*, whose columns are called as the query's."""
        return f"{self.head}FROM {relation} AS given"


def insertion(engine_sql: str, head: str) -> Insertion | None:
    """Take apart *engine_sql*, in which *head* begins what inserts (``sql.dml``); None for what has no query."""
    before, found, rest = engine_sql.partition(head)
    if not found or head in rest or not rest.endswith(_END):
        return None
    depth = 0
    for token in _TOKENS.finditer(rest):
        word = token[0]
        if word.startswith("FROM") and not depth:
            query = rest[token.end() + 1 : -len(_END)]
            return Insertion(before + query, head + rest[: token.start()])
        depth += {"(": 1, ")": -1}.get(word, 0)
    return None
