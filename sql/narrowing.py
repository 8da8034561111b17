"""System views are read with the columns alone that a statement names: the engine plans what it is told of.

While a statement is translated a place stands for each system view; what it holds is known when all is written.
"""

import re
from collections.abc import Mapping
from typing import Final

from sql.facts import Source

_PLACE: Final = re.compile(
    r"'(?:[^']|'')*'|\(\0(?P<view>\d+)\0\) AS (?P<alias>\"(?:[^\"]|\"\")*\"|\w+)|\"(?:[^\"]|\"\")*\""
)
_STARRED: Final = re.compile(r"(?:\bSELECT|[,.])\s?\*(?! FROM \(SELECT )")
"""All columns of something that may be a place: of a query in parentheses they were written one by one."""


def place(source: Source) -> str:
    """Return what stands for a system view in FROM."""
    return f"(\0{source.oid}\0)"


def filled(sql: str, sources: Mapping[int, Source]) -> str:
    """Return *sql* with the views, by OID, in their places."""
    if "\0" not in sql:
        return sql
    starred = _STARRED.search(sql) is not None

    def view(found: re.Match[str]) -> str:
        if found["view"] is None:
            return found[0]
        source, alias = sources[int(found["view"])], found["alias"]
        if starred or source.narrow is None:
            return f"({source.definition}) AS {alias}"
        names = re.findall(rf'(?<![\w"]){re.escape(alias)}\."((?:[^"]|"")+)"', sql)
        return f"({source.narrow(frozenset(names))}) AS {alias}"

    return _PLACE.sub(view, sql)
