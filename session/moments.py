"""Moments: which state of the lake a transaction block sees whose first statement adds rows that are only taken down.

A block sees the lake as it was when its first statement ran. To have the engine take that snapshot costs more than many
rows, and a block that only adds rows never looks. So its moment is noted, and the engine's transaction begins when the
block does something else or, at the latest, before anything goes into the lake that the block must not see.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from core.errors import SqlError

_log: Final = logging.getLogger(__name__)


class Moment:
    """The moment of one block."""

    def __init__(self, until: int, begin: Callable[[], Awaitable[None]]) -> None:
        """See what was committed up to the position *until* of the log; *begin* begins the engine's transaction."""
        self.until, self._begin = until, begin
        self.settled = False
        """Whether that has been done, or cannot be."""
        self.lost: SqlError | None = None
        """Why it cannot be seen any more."""

    async def begin(self) -> None:
        """Have the engine's transaction begin."""
        try:
            await self._begin()
        except SqlError as error:
            # Others are not to be kept from their commits: the block learns of it when it looks.
            _log.warning("could not begin a transaction", extra={"state": error.state.value})
            self.lost = error
        finally:
            self.settled = True


class Moments:
    """Those that are only noted, oldest first."""

    def __init__(self) -> None:
        """Start with none."""
        self._noted: dict[Moment, None] = {}

    def __contains__(self, moment: Moment) -> bool:
        """Tell whether *moment* is noted still."""
        return moment in self._noted

    def note(self, moment: Moment) -> None:
        """Take note of a moment that is now."""
        self._noted[moment] = None

    def forget(self, moment: Moment) -> bool:
        """Drop *moment*; tell whether it was noted still."""
        found = moment in self._noted
        self._noted.pop(moment, None)
        return found

    def before(self, until: int | None) -> list[Moment]:
        """Return those that do not see all up to the position *until* of the log, or all without one."""
        return [moment for moment in self._noted if until is None or moment.until < until]
