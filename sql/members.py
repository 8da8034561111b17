"""A read of one table as the members of one statement: what several ask for at once, each with its own values.

As members of a UNION ALL each has a scan of its own. Joined with a list of what they ask for they share one, and an
index on what they compare is looked into for all of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sql.shapes import Gapped

MEMBER: Final = '"member of all"'
"""The last column of what is returned: whose row it is, counted from 0."""
_ASKED: Final = '"asked of all"'
_TOKEN: Final = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|/\*.*?\*/|(?P<word>[A-Za-z_]\w*)|(?P<mark>[(),])", re.DOTALL
)
_GROUPS: Final = re.compile(r"GROUP\s+BY\s", re.IGNORECASE)
_ALL_ROWS: Final = re.compile(r"\(\s*\)")
_CLAUSES: Final = ("SELECT", "FROM", "WHERE", "GROUP", "HAVING")
"""What a text that can be joined is made of, in this order, each once."""
_OTHERS: Final = frozenset(
    [
        "ALL", "COLUMNS", "CUBE", "DISTINCT", "EXCEPT", "FETCH", "GROUPING", "INTERSECT", "JOIN", "LATERAL", "LIMIT",
        "OFFSET", "ON", "ORDER", "OVER", "PIVOT", "QUALIFY", "RECURSIVE", "ROLLUP", "SAMPLE", "SETS", "TABLESAMPLE",
        "UNION", "UNPIVOT", "USING", "VALUES", "WINDOW", "WITH",
    ]
)  # fmt: skip
"""What it has not, anywhere: of these a member would not have what it has alone, or nobody has looked."""
_EITHER: Final = frozenset({"OR", "NOT", "CASE"})
"""With these a condition need not be one that a hash table serves."""


@dataclass(frozen=True, slots=True)
class Members:
    """A read, and how its parameters are written: ``{}`` is a parameter's number."""

    text: Gapped
    parameters: tuple[str, ...]

    def united(self, size: int) -> str:
        """Return *size* reads as one statement, whose parameters are numbered member by member; the read for one."""
        texts = [self.text.filled(self._values(member)) for member in range(size)]
        if size == 1:
            return texts[0]
        return " UNION ALL ".join([f"SELECT *, {place} AS {MEMBER} FROM ({sql})" for place, sql in enumerate(texts)])

    def joined(self, size: int) -> tuple[str, ...]:
        """Return *size* reads as one statement, joined with what they ask for: the first that the engine takes.

        Without groups it refuses a text that has aggregates; with them, a text whose result takes more from the values
        than which rows there are. A member without rows has those of number *size*. Empty where the text has
        clauses that are not understood, or compares no column for equality.
        """
        names = [f'{_ASKED}."{number}"' for number in range(len(self.parameters))]
        sql = self.text.filled(names)
        places = _clauses(sql)
        if not names or places is None or not _is_compared(sql[places["WHERE"] :], names):
            return ()
        source, where = places["FROM"], places["WHERE"]
        rows = ", ".join([f"({', '.join([str(member), *self._values(member)])})" for member in range(size)])
        columns = ", ".join([MEMBER, *(f'"{number}"' for number in range(len(names)))])
        asked = f"(VALUES {rows}) AS {_ASKED}({columns})"
        first = f"{sql[:source]}, {_ASKED}.{MEMBER} FROM {asked}, {sql[source + len('FROM') : where]}"
        if "GROUP" in places:
            group = places["GROUP"]
            groups = _GROUPS.match(sql, group)
            if _ALL_ROWS.search(sql, group):
                # The group of all rows is there where there are none.
                return ()
            return (f"{first}{sql[where:group]}GROUP BY {_ASKED}.{MEMBER}, {sql[groups.end() :]}",) if groups else ()
        if "HAVING" in places:
            # Nothing tells a member without rows, which may have one, from one whose row is not wanted.
            return ()
        # An aggregate has a row of no rows, too, and a group has not.
        nothing = f"{sql[:source]}, {size} AS {MEMBER} {sql[source:where]}WHERE FALSE"
        return (first + sql[where:], f"{first}{sql[where:]} GROUP BY {_ASKED}.{MEMBER} UNION ALL {nothing}")

    def _values(self, member: int) -> list[str]:
        first = member * len(self.parameters) + 1
        return [each.format(number) for number, each in enumerate(self.parameters, start=first)]


def _is_compared(condition: str, names: Sequence[str]) -> bool:
    words = {match["word"].upper() for match in _TOKEN.finditer(condition) if match["word"]}
    return not words & _EITHER and any(f'" = {cast}{name}' in condition for name in names for cast in ("", "CAST("))


def _clauses(sql: str) -> dict[str, int] | None:
    """Return where the clauses of a query of one table begin; None where it is not such a one."""
    if "\\" in sql or "$" in sql:
        # Strings that are written otherwise.
        return None
    places: dict[str, int] = {}
    depth = 0
    for match in _TOKEN.finditer(sql):
        word, mark = (match["word"] or "").upper(), match["mark"]
        depth += {"(": 1, ")": -1}.get(mark or "", 0)
        if word in _OTHERS or (word == "SELECT" and places):
            return None
        if depth:
            continue
        if word in _CLAUSES:
            if word in places or any(later in places for later in _CLAUSES[_CLAUSES.index(word) :]):
                return None
            places[word] = match.start()
        elif mark == "," and "FROM" in places and "WHERE" not in places:
            return None
    return places if {"SELECT", "FROM", "WHERE"} <= places.keys() else None
