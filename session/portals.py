"""Prepared statements and portals of the extended protocol, and SQL cursors.

PostgreSQL, section 55.2.3. The unnamed statement and portal are replaced by the next Parse and Bind; named
ones must be closed first. Portals end with their transaction.
"""

from dataclasses import dataclass, field
from datetime import datetime

from core.types import Column, ColumnType
from session.answers import Value
from session.streams import Page, Reader
from sql.facts import Settings
from sql.statement import Statement


@dataclass(slots=True)
class Prepared:
    """What Parse or PREPARE made."""

    name: str
    statement: Statement | None
    """None for the empty query."""
    parameter_oids: tuple[int, ...]
    parameter_types: tuple[ColumnType, ...] = ()
    columns: tuple[Column, ...] | None = None
    """What its rows look like, once it was described."""
    naming: Settings = ()
    """What decided what names in it mean when it was made."""
    described: object = None
    """The translation key under which ``columns`` was found."""

    @property
    def returns_rows(self) -> bool:
        """Whether it is a query."""
        return self.statement is not None and self.statement.rule.returns_rows


@dataclass(slots=True)
class Portal:
    """What Bind made: a statement with its parameters."""

    name: str
    prepared: Prepared
    values: tuple[Value, ...]
    result_formats: tuple[int, ...]
    columns: tuple[Column, ...] | None = None
    reader: Reader | None = None
    """Open once Execute has begun to read a query."""
    tag: str = "SELECT"
    done: str | None = None
    """The tag of a command that has run; a second Execute of it is an error in PostgreSQL."""
    page: Page | None = None

    def close(self) -> None:
        """Give up what was not read."""
        if self.reader is not None:
            self.reader.close()
            self.reader = None


@dataclass(slots=True)
class Cursor:
    """What DECLARE made."""

    name: str
    columns: tuple[Column, ...]
    reader: Reader
    query: str
    position: int = 0
    queued: bool = False
    """Whether its query reads tables: to make more of its rows takes a place in a queue."""
    declared: datetime | None = None
    hold: bool = False
    """WITH HOLD: it outlives the commit of its transaction."""
    kept: bool = False
    """Whether it has: its rows are at hand, and no transaction's end closes it."""


@dataclass(slots=True)
class Shelf:
    """All of one session."""

    statements: dict[str, Prepared] = field(default_factory=dict)
    portals: dict[str, Portal] = field(default_factory=dict)
    cursors: dict[str, Cursor] = field(default_factory=dict)

    async def keep(self) -> None:
        """Read to their ends the cursors that are to outlive the transaction."""
        for cursor in self.cursors.values():
            if cursor.hold and not cursor.kept:
                cursor.reader = await cursor.reader.kept()
                cursor.kept = True

    def end_transaction(self) -> None:
        """Close what lives no longer than a transaction."""
        for portal in self.portals.values():
            portal.close()
        self.portals.clear()
        for name, cursor in list(self.cursors.items()):
            if not cursor.kept:
                cursor.reader.close()
                del self.cursors[name]
