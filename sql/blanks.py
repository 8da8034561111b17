"""Marks in engine SQL: whose trailing blanks are cut, so that it can be left out where a column's values have none.

Strings are compared without trailing blanks (``sql.keys``), which few values have. Whether a table's have any is known
only to who has looked through them, when a statement is run: a mark says which column it would be about.
"""

import re
from collections.abc import Mapping
from typing import Final

from sql.value import Value

_WITHOUT: Final = {"rs_bare": "", "suffix": "FALSE AND suffix", "any_value": ""}
"""What stands for a function that cuts trailing blanks, or looks for them, where there are none.

Or that chooses one of the values of a group, which are the same then.
"""
_MARKED: Final = re.compile(rf"(?:{'|'.join(_WITHOUT)})/\*(\d+)\.(\d+)\*/(?=\()")
_EQUAL: Final = re.compile(
    r"""\((?P<column>"(?:[^"]|"")*"(?:\."(?:[^"]|"")*")*)\ >=\ (?P<text>'(?:[^']|'')*')
        \ AND\ (?P=column)\ <\ '(?:[^']|'')*'
        \ AND\ rs_bare/\*(?P<table>\d+)\.(?P<number>\d+)\*/\((?P=column)\)\ =\ (?P=text)\)""",
    re.VERBOSE,
)
"""A column that equals a literal but for trailing blanks (``sql.keys``): a range and what is in it."""


def marked(function: str, value: Value) -> str:
    """Return the name of *function*, one of those above, for a call of it for *value*."""
    stored = value.stored
    if stored is None or stored.of != value.sql:
        return function
    return f"{function}/*{stored.table}.{stored.column}*/"


def without(sql: str, known: Mapping[int, frozenset[int]]) -> dict[str, str]:
    """Return what to replace in *sql* for the columns, by their tables' OIDs, *known* to have no trailing blanks."""
    if "*/(" not in sql:
        return {}
    marks = {
        found[0]: _WITHOUT[found[0].partition("/")[0]]
        for found in _MARKED.finditer(sql) if int(found[2]) in known.get(int(found[1]), ())
    }  # fmt: skip
    equal = {
        found[0]: f"({found['column']} = {found['text']})"
        for found in _EQUAL.finditer(sql) if int(found["number"]) in known.get(int(found["table"]), ())
    }  # fmt: skip
    return marks | equal
