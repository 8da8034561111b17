"""The catalog's present state, and how changes of a transaction become it.

Holds the newest committed ``CatalogState`` in memory; ``storage.metastore`` keeps the documents. Several
transactions may prepare changes side by side: locks on names and objects keep them apart, so a commit
only lays its own objects over what is newest.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from catalog.documents import document
from catalog.model import FIRST_OID, CatalogObject, CatalogState


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What the metadata log is to keep of one object."""

    kind: str
    oid: int
    body: str | None


@dataclass(slots=True)
class Changes:
    """What one transaction did to the catalog so far."""

    puts: dict[int, CatalogObject] = field(default_factory=dict)
    drops: dict[int, str] = field(default_factory=dict)
    """OID → kind."""
    serial: int = 0
    """Grows with every change, so that a cached state can be told from a stale one."""

    def put(self, *items: CatalogObject) -> None:
        """Record new or changed objects."""
        for item in items:
            self.puts[item.oid] = item
            self.drops.pop(item.oid, None)
        self.serial += 1

    def drop(self, items: Iterable[CatalogObject]) -> None:
        """Record dropped objects."""
        for item in items:
            self.puts.pop(item.oid, None)
            self.drops[item.oid] = item.kind
        self.serial += 1

    def take_in(self, oid: int, kind: str, item: "CatalogObject | None") -> None:
        """Record what became of an object, None for one that was dropped."""
        if item is not None:
            self.put(item)
            return
        self.puts.pop(oid, None)
        self.drops[oid] = kind
        self.serial += 1

    def over(self, state: CatalogState) -> CatalogState:
        """Return *state* as the transaction sees it."""
        return state.with_changes(tuple(self.puts.values()), tuple(self.drops)) if self else state

    def lasting(self, temporaries: "Changes") -> "Changes":
        """Return what of it concerns others than the session whose temporary objects are *temporaries*."""
        mine = Changes()
        mine.puts = {oid: item for oid, item in self.puts.items() if not getattr(item, "temporary", False)}
        mine.drops = {oid: kind for oid, kind in self.drops.items() if oid not in temporaries.puts}
        return mine

    def entries(self) -> list[LogEntry]:
        """Return what the metadata log is to keep; temporary tables are a session's own."""
        gone = [LogEntry(kind, oid, None) for oid, kind in self.drops.items()]
        kept = [item for item in self.puts.values() if not getattr(item, "temporary", False)]
        return gone + [LogEntry(item.kind, item.oid, document(item)) for item in kept]

    def __bool__(self) -> bool:
        """Tell whether there is any change."""
        return bool(self.puts or self.drops)


class CatalogStore:
    """The newest committed state and the next free OID."""

    def __init__(self, objects: Iterable[CatalogObject], highest_oid: int) -> None:
        """Start from the *objects* that the metadata log holds."""
        self.state = replace(CatalogState().with_changes(tuple(objects)), version=1)
        self.oids: Iterator[int] = itertools.count(max(FIRST_OID, highest_oid + 1))
        """The numbers that new objects get."""

    def next_oid(self) -> int:
        """Return an OID that was never given out before."""
        return next(self.oids)

    def publish(self, changes: Changes) -> None:
        """Make committed *changes* what everyone sees."""
        self.state = changes.over(self.state)
