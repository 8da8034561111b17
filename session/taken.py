"""What a transaction has only taken down: rows that it adds, and the moment from which on it sees the lake."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from core.errors import SerializationFailure
from engine.cursors import DuckDbEngine
from session.logged_rows import Addition
from session.moments import Moment

if TYPE_CHECKING:
    from session.transactions import Transaction
    from session.warehouse import Warehouse

_MOST: Final = 5_000
"""Rows that are taken down before they are inserted."""


class Taken:
    """What one transaction has taken down."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Start with nothing."""
        self._warehouse = warehouse
        self.additions: list[Addition] = []
        """The rows, in their order."""
        self._rows = 0
        self.moment: Moment | None = None
        """When the transaction began to see the lake, where the engine was not told then."""

    @property
    def full(self) -> bool:
        """Whether there are so many rows that they had better be inserted."""
        return self._rows > _MOST

    def add(self, addition: Addition) -> None:
        """Take down rows."""
        self._rows += addition.rows
        last = self.additions[-1] if self.additions else None
        if last is not None and last.form is addition.form:
            last.extend(addition)
        else:
            self.additions.append(addition)

    async def note(self, begin: Callable[[], Awaitable[None]]) -> None:
        """Take down that the transaction sees the lake as it is now: *begin* has the engine's transaction begin."""
        self.moment = await self._warehouse.small_writes.noted(begin)

    async def insert(self, engine: DuckDbEngine) -> None:
        """Insert the rows into the transaction that is open on *engine*."""
        additions, self.additions, self._rows = self.additions, [], 0
        await self._warehouse.small_writes.run(engine, additions)

    async def log(self, tx: "Transaction") -> None:
        """Commit *tx*, which has done nothing else: its rows are logged."""
        try:
            await self._warehouse.small_writes.commit(self.additions, tx.footprint)
        except SerializationFailure:
            self._warehouse.recorder.conflict(tx)
            raise

    async def leave(self) -> None:
        """Do without the moment: from here on the engine's transaction begins by itself no more."""
        if self.moment is not None:
            moment, self.moment = self.moment, None
            await self._warehouse.small_writes.forget(moment)

    def clear(self) -> None:
        """Begin anew."""
        self.additions, self._rows, self.moment = [], 0, None
