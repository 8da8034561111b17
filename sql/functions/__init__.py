"""The functions that exist, a module a family; everything else is refused by name."""

from typing import Final

from sql.functions import (
    administration,
    aggregates,
    catalog,
    conditionals,
    datetimes,
    documents,
    formats,
    hashes,
    intervals,
    math,
    regexps,
    session,
    sets,
    sketches,
    spatial,
    strings,
    supers,
    varbytes,
)
from sql.functions.spec import Function

TABLE: Final[tuple[Function, ...]] = (
    *supers.TABLE,
    *administration.TABLE,
    *aggregates.TABLE,
    *catalog.TABLE,
    *conditionals.TABLE,
    *datetimes.TABLE,
    *documents.TABLE,
    *formats.TABLE,
    *hashes.TABLE,
    *intervals.TABLE,
    *math.TABLE,
    *regexps.TABLE,
    *session.TABLE,
    *sketches.TABLE,
    *spatial.TABLE,
    *sets.TABLE,
    *strings.TABLE,
    *varbytes.TABLE,
)


def _by_name() -> dict[str, tuple[Function, ...]]:
    found: dict[str, tuple[Function, ...]] = {}
    for row in TABLE:
        found[row.name] = (*found.get(row.name, ()), row)
    return found


FUNCTIONS: Final = _by_name()
"""Every form of each function, in the order that they are tried."""
