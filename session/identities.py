"""The next values of the tables' IDENTITY columns, in blocks that the metadata log keeps."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from storage.metastore import Entry

IDENTITY: Final = "identity"
"""The log's kind of entry for a mark."""
_BLOCK: Final = 100_000
"""Values that are reserved at once; a restart leaves a gap of at most as many."""
_SHARED_BLOCK: Final = 100
"""The same where servers take turns: every turn leaves a gap."""


@dataclass(slots=True)
class IdentityCounter:
    """The next value of a table's IDENTITY column and the mark up to which values are reserved."""

    next: int
    mark: int


class Identities:
    """The counters of one warehouse. Who counts holds the table's lock."""

    def __init__(self, entries: Iterable[Entry], *, shared: bool) -> None:
        """Go on where the log's *entries* end; *shared* with other servers."""
        self._counters: dict[int, IdentityCounter] = {}
        self._block = _SHARED_BLOCK if shared else _BLOCK
        for entry in entries:
            if entry.kind == IDENTITY:
                self.take_in(entry)

    def take_in(self, entry: Entry) -> None:
        """Go on where another server has ended."""
        if entry.body is not None:
            self._counters[entry.oid] = IdentityCounter(int(entry.body), int(entry.body))

    def counter(self, table: int, seed: int) -> IdentityCounter:
        """Return the counter of a table's IDENTITY column."""
        return self._counters.setdefault(table, IdentityCounter(seed, seed))

    def reserve(self, table: int, step: int, rows: int) -> Entry | None:
        """Count *rows* values as used; return the log entry that must be committed with them, if any.

        A mark that is not committed after all is taken back by ``unreserve``.
        """
        counter = self._counters[table]
        counter.next += step * rows
        ahead = (counter.mark - counter.next) * (1 if step > 0 else -1)
        if ahead >= 0:
            return None
        counter.mark = counter.next + step * self._block
        return Entry(IDENTITY, table, str(counter.mark))

    def draw(self, table: int, identity: tuple[int, int], rows: int) -> int | None:
        """Count *rows* values of an IDENTITY (seed, step) as used; return the first, None where none are left."""
        seed, step = identity
        counter = self.counter(table, seed)
        after = counter.next + step * rows
        if (counter.mark - after) * step < 0:
            return None
        first, counter.next = counter.next, after
        return first

    def unreserve(self, table: int, mark: int) -> None:
        """Take back a mark that was not committed, so that the next insert writes it anew."""
        self._counters[table].mark = mark
