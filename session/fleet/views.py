"""What one transaction has seen of a lake that several servers share, and whether its catalogue still fits."""

import time
from typing import TYPE_CHECKING

from core.errors import SerializationFailure
from core.sqlstate import SqlState
from session.fleet.keeping import Writes

if TYPE_CHECKING:
    from session.fleet.fleet import Fleet


class Overtaken(Exception):
    """A table was altered between the planning of a statement and its beginning."""


class View:
    """The tables that a transaction has touched, and since when it sees them. Empty where a server is alone."""

    def __init__(self, fleet: "Fleet | None") -> None:
        """Look at the lake as *fleet* knows it."""
        self._fleet = fleet
        self._touched: frozenset[int] = frozenset()
        self._begun: int | None = None
        self._planned = 0
        self.since = 0
        """The snapshot of the lake that it sees, or a later one."""
        self._began = 0.0
        self.pinned = False
        """Whether the engine's transaction is known to have read the lake, which is when it begins to see it."""

    def begin(self) -> None:
        """The engine's transaction begins."""
        self._began = time.monotonic()
        self.pinned = False
        if self._fleet is not None:
            self._begun, self.since = self._fleet.moment, self._fleet.position

    def writes(self, tables: frozenset[int]) -> Writes:
        """Return what the engine's transaction has written, which are *tables*."""
        return Writes(tables, self._began)

    def reads(self, tables: frozenset[int]) -> None:
        """Take note that a statement which was planned just now touches *tables* (OIDs); raises 40001."""
        fleet = self._fleet
        if fleet is None:
            return
        if self._begun is not None and fleet.overtaken(tables, self._begun):
            raise overtaken()
        self._planned = fleet.moment
        self._touched |= tables

    def needs_nothing(self) -> None:
        """Take note that what was read is known to be of one moment."""
        self._touched = frozenset()

    @property
    def begun(self) -> bool:
        """Whether the engine's transaction has begun."""
        return self._begun is not None

    async def fits(self) -> bool:
        """Tell whether no table was altered between planning and now."""
        fleet = self._fleet
        if fleet is None or not self._touched:
            return True
        await fleet.sync()
        return not fleet.overtaken(self._touched, self._planned if self._begun is None else self._begun)

    def end(self) -> None:
        """The transaction has ended."""
        self._touched, self._begun, self.pinned = frozenset(), None, False


def overtaken() -> SerializationFailure:
    """Return what a client is told where the statement cannot be begun again."""
    return SerializationFailure(
        SqlState.SERIALIZATION_FAILURE,
        "1023: Serializable isolation violation on a table: a concurrent transaction altered it",
        hint="Run the transaction again.",
    )
