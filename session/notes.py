"""What a transaction's commit writes to the lake's log beside catalog objects: numbers, refreshes, positions, drops."""

from typing import TYPE_CHECKING

from session.lake_schema import DROPPED
from storage.metastore import STREAM, Entry

if TYPE_CHECKING:
    from session.warehouse import Warehouse


class Notes:
    """Those of one transaction."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Start with none."""
        self._warehouse = warehouse
        self._reserved: dict[int, tuple[Entry, int]] = {}
        self._refreshed: dict[int, int | None] = {}
        self._streamed: dict[int, str | None] = {}
        self.dropped: dict[int, str] = {}
        """Tables (OID → engine name) that are dropped once it has committed."""

    def reserve(self, table: int, step: int, rows: int) -> None:
        """Count *rows* IDENTITY values of *table* as used, to be written down with the commit."""
        mark = self._warehouse.identities.counter(table, 1).mark
        entry = self._warehouse.identities.reserve(table, step, rows)
        if entry is not None:
            first = self._reserved.get(table)
            self._reserved[table] = (entry, first[1] if first else mark)

    def refreshed(self, view: int, snapshot: int | None) -> None:
        """Note the snapshot that a materialized view's rows are made from, None for no committed one."""
        self._refreshed[view] = snapshot

    def streamed(self, view: int, position: str | None) -> None:
        """Note up to where a materialized view has taken its stream in, None for a view that goes."""
        self._streamed[view] = position

    def position(self, view: int) -> str | None:
        """Return up to where a materialized view has taken its stream in, None for not at all."""
        return self._streamed[view] if view in self._streamed else self._warehouse.streamed.get(view)

    def entries(self) -> list[Entry]:
        """Return what is to be written."""
        return [
            *(entry for entry, _ in self._reserved.values()),
            *(self._warehouse.refresh_entry(view, snapshot) for view, snapshot in self._refreshed.items()),
            *(Entry(STREAM, view, position) for view, position in self._streamed.items()),
            *(Entry(DROPPED, oid, name) for oid, name in self.dropped.items()),
        ]

    def publish(self) -> None:
        """Make what is committed what everyone sees."""
        self._warehouse.note_refreshes(self._refreshed, self._streamed)

    def undo(self) -> None:
        """Take back what is not committed."""
        for table, (_, mark) in self._reserved.items():
            self._warehouse.identities.unreserve(table, mark)
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self._reserved.clear()
        self._refreshed.clear()
        self._streamed.clear()
        self.dropped = {}
