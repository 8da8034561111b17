"""Marks in engine SQL: whose trailing blanks are cut, so that it can be left out where a column's values have none.

Strings are compared without trailing blanks (``sql.keys``), which few values have. Whether a table's have any is known
only to who has looked through them, when a statement is run: a mark says which column it would be about.
"""

from typing import Final

from sql.value import Value

_WITHOUT: Final = {"rs_bare": "", "suffix": "FALSE AND suffix"}
"""What stands for a function that cuts trailing blanks, or looks for them, where there are none."""


def marked(function: str, value: Value) -> str:
    """Return the name of *function*, one of those above, for a call of it for *value*."""
    stored = value.stored
    if stored is None or stored.of != value.sql:
        return function
    return function + _mark(stored.table, stored.column)


def has_marks(sql: str) -> bool:
    """Tell whether there may be marks in *sql*."""
    return "*/(" in sql


def without(sql: str, table: int, columns: frozenset[int]) -> dict[str, str]:
    """Return what to replace in *sql* where the values of *columns* of *table* (OID) have no trailing blanks."""
    found = ((function, _mark(table, column)) for column in columns for function in _WITHOUT)
    return {function + mark: _WITHOUT[function] for function, mark in found if function + mark in sql}


def _mark(table: int, column: int) -> str:
    return f"/*{table}.{column}*/"
