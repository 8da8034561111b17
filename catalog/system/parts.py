"""The relations of a catalog in parts, and what was built of each part, kept while its relations are what they were.

A statement of DDL changes few relations of many, so a source is built anew only where they are. A part is the relations
whose OIDs are near each other: neither a new relation nor a dropped one moves others into another part.
"""

from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, Final

import pyarrow as pa

from catalog.model import CatalogState, Relation

_BITS: Final = 8
"""A part has at most 2 to this power relations."""
_VERSIONS: Final = 3
Part = tuple[Relation, ...]


class Parts:
    """What was built last, by source and part; threads may share it."""

    def __init__(self) -> None:
        """Start with nothing."""
        self._kept: dict[str, dict[int, tuple[Any, pa.Table]]] = {}
        self._wholes: dict[str, dict[Hashable, pa.Table]] = {}
        self._lock = RLock()
        self._grouped: tuple[CatalogState, dict[int, Part]] | None = None

    def whole(self, name: str, token: Hashable, build: Callable[[], pa.Table]) -> pa.Table:
        """Return the source *name* as it was built for *token*, or build it; the last few of each are kept."""
        with self._lock:
            kept = self._wholes.setdefault(name, {})
            found = kept.get(token)
            if found is None:
                while len(kept) >= _VERSIONS:
                    del kept[next(iter(kept))]
                found = kept[token] = build()
            return found

    def table(
        self,
        name: str,
        state: CatalogState,
        build: Callable[[Part], pa.Table],
        context: Callable[[Part], object],
    ) -> list[pa.Table]:
        """Return what *build* makes of each part; it must follow from the part and what *context* says beside it."""
        with self._lock:
            return self._table(self._groups(state), self._kept.setdefault(name, {}), build, context)

    def _table(
        self,
        groups: dict[int, Part],
        kept: dict[int, tuple[Any, pa.Table]],
        build: Callable[[Part], pa.Table],
        context: Callable[[Part], object],
    ) -> list[pa.Table]:
        result: list[pa.Table] = []
        for number, part in groups.items():
            key = (part, context(part))
            found = kept.get(number)
            if found is None or found[0] != key:
                found = kept[number] = (key, build(part))
            result.append(found[1])
        if len(kept) > 2 * len(groups) + 1:
            for number in [number for number in kept if number not in groups]:
                del kept[number]
        return result

    def _groups(self, state: CatalogState) -> dict[int, Part]:
        found = self._grouped
        if found is None or found[0] is not state:
            groups: dict[int, list[Relation]] = {}
            for each in state.relations():
                groups.setdefault(each.oid >> _BITS, []).append(each)
            found = self._grouped = (state, {number: tuple(part) for number, part in groups.items()})
        return found[1]
