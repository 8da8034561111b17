"""Many changes of rows folded into few: what a table must lose and get so that it is as after the last of them.

Pure. A change of a key that was already changed replaces what was there; what is deleted after it was inserted leaves
nothing. A transaction is folded in when it ends, unless it is too long to be kept.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from storage import pgoutput
from storage.pgoutput import KEPT, Cell, Row

Key = tuple[Cell, ...]
CHUNK: Final = 50_000
"""Changes that are gathered before they are handed on, if a transaction ends; and of one transaction at most."""
_RECENT: Final = 10_000
Convert = Callable[[str], str]
RowChange = pgoutput.Insert | pgoutput.Update | pgoutput.Delete
Change = RowChange | pgoutput.Truncate


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What folding must know of a relation whose changes are wanted."""

    shape: tuple[tuple[str, int, int], ...]
    key: tuple[int, ...]
    shows: Callable[[int], bool]
    """Whether the rows have a transaction's (xid) changes already."""
    converts: tuple[tuple[int, Convert], ...] = ()
    """Columns whose text is to be another."""


@dataclass(slots=True)
class Folded:
    """What is to be done with one table's rows."""

    known: Known
    truncated: bool = False
    rows: dict[Key, Row | None] = field(default_factory=dict)
    """Rows as they end, None for those that are gone."""
    stale: set[Key] = field(default_factory=set)
    """Keys of rows that the table may have and that are not right any more."""
    bases: dict[Key, Key] = field(default_factory=dict)
    """Key of a row with values that are as they were → the key that the table has it under."""
    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    def take(self, change: RowChange) -> None:
        """Fold a change in."""
        if isinstance(change, pgoutput.Insert):
            self.inserted += 1
            row = self._converted(change.new)
            self._put(self._key(row), row)
        elif isinstance(change, pgoutput.Update):
            self.updated += 1
            self._update(change)
        else:
            self.deleted += 1
            key = self._key(self._converted(change.old))
            if key not in self.rows:
                self.stale.add(key)
            self._drop(key)

    def truncate(self) -> None:
        """Fold in that all rows are gone."""
        self.truncated = True
        self.rows.clear()
        self.stale.clear()
        self.bases.clear()

    def _update(self, change: pgoutput.Update) -> None:
        row = self._converted(change.new)
        before = self._key(self._converted(change.old)) if change.old is not None else self._key(row)
        base, prior = self.bases.get(before), self.rows.get(before)
        if before not in self.rows:
            self.stale.add(before)
            base = before
        elif prior is not None:
            row = tuple(old if new is KEPT else new for old, new in zip(prior, row, strict=True))
        # A key that was not sent is what it was.
        key = tuple(old if new is KEPT else new for old, new in zip(before, self._key(row), strict=True))
        if key != before:
            self._drop(before)
            cells = list(row)
            for place, cell in zip(self.known.key, key, strict=True):
                cells[place] = cell
            row = tuple(cells)
        self._put(key, row)
        if base is not None and KEPT in row:
            self.bases[key] = base

    def _put(self, key: Key, row: Row) -> None:
        self.rows[key] = row
        self.bases.pop(key, None)

    def _drop(self, key: Key) -> None:
        self.rows[key] = None
        self.bases.pop(key, None)

    def _key(self, row: Row) -> Key:
        return tuple([row[place] for place in self.known.key])

    def _converted(self, row: Row) -> Row:
        if not self.known.converts:
            return row
        cells = list(row)
        for place, convert in self.known.converts:
            cell = cells[place]
            if isinstance(cell, str):
                cells[place] = convert(cell)
        return tuple(cells)


@dataclass(slots=True)
class Batch:
    """What was folded, and where the source is with it."""

    tables: dict[int, Folded] = field(default_factory=dict)
    """By the relation's OID there."""
    end_lsn: int = 0
    """Where the last whole transaction of it ends, 0 for none."""
    moment_us: int = 0
    """When it was committed."""
    changes: int = 0
    whole: bool = True
    """Whether it ends where a transaction does."""
    changed: int = 0
    """OID of a relation that looks different from now on; 0 for none."""
    ended: bool = False
    """Whether there is nothing more."""
    size_bytes: int = 0

    def of(self, relation: int, known: Known) -> Folded:
        """Return what is folded of a relation."""
        found = self.tables.get(relation)
        if found is None:
            found = self.tables[relation] = Folded(known)
        return found


class Folding:
    """Reads one answer of a source's slot."""

    def __init__(self, messages: Iterator[bytes], after: int, *, replace: bool) -> None:
        """Read *messages*, passing over transactions that were committed before *after* (LSN)."""
        self._messages = messages
        self._after = after
        self._replace = replace
        self._held: list[bytes] = []
        """What was read of the transaction that is not folded in yet."""
        self._again: Iterator[bytes] = iter(())
        self._transaction: pgoutput.Begin | None = None
        self._spilled = False
        self._shapes: dict[int, tuple[tuple[str, int, int], ...]] = {}
        """What relations look like at this place."""
        self.count = 0
        """Messages that were read."""
        self.end_lsn = 0
        """Where the last transaction that was read ends."""
        self.seen: dict[int, None] = {}
        """Numbers of the transactions that were read last."""

    def batch(self, known: Mapping[int, Known]) -> Batch:
        """Return what comes next, of the relations that are *known*; blocking."""
        made = Batch()
        changes: list[Change] = []
        for data in self._next():
            message = pgoutput.read(data, replace=self._replace)
            if isinstance(message, pgoutput.Commit):
                self._fold(made, changes, known)
                changes.clear()
                if self._commit(made, message):
                    return made
            elif isinstance(message, pgoutput.Begin | pgoutput.Relation):
                self._note(message)
            elif message is not None and self._wanted:
                if (changed := self._differs(message, known)) != 0:
                    return self._stopped(made, changed)
                changes.append(message)
                made.size_bytes += len(data)
                if len(changes) >= CHUNK:
                    return self._spill(made, changes, known)
        made.ended = True
        return made

    def _next(self) -> Iterator[bytes]:
        for data in self._again:
            self._held.append(data)
            yield data
        for data in self._messages:
            self.count += 1
            self._held.append(data)
            yield data

    @property
    def _wanted(self) -> bool:
        return self._transaction is not None and self._transaction.lsn >= self._after

    def _note(self, message: pgoutput.Begin | pgoutput.Relation) -> None:
        if isinstance(message, pgoutput.Relation):
            self._shapes[message.oid] = tuple((each.name, each.type, each.modifier) for each in message.columns)
            return
        self._transaction, self._spilled = message, False
        self.seen[message.xid] = None
        if len(self.seen) > _RECENT:
            del self.seen[next(iter(self.seen))]

    def _commit(self, made: Batch, message: pgoutput.Commit) -> bool:
        """Take note of a transaction's end; tell whether enough is gathered."""
        self._transaction = None
        self._held.clear()
        self.end_lsn = message.end_lsn
        if message.end_lsn > self._after:
            made.end_lsn, made.moment_us, made.whole = message.end_lsn, message.moment_us, True
        return made.changes >= CHUNK

    def _spill(self, made: Batch, changes: list[Change], known: Mapping[int, Known]) -> Batch:
        """Hand a part of a transaction on."""
        self._fold(made, changes, known)
        self._spilled, made.whole = True, False
        self._held.clear()
        return made

    def shape(self, relation: int) -> tuple[tuple[str, int, int], ...]:
        """Return the columns (name, type, modifier) that a relation has where reading has stopped."""
        return self._shapes.get(relation, ())

    def _differs(self, message: Change, known: Mapping[int, Known]) -> int:
        """Return the relation of a change if it does not look as it is known to, else 0."""
        if isinstance(message, pgoutput.Truncate):
            return 0
        wanted, shape = known.get(message.relation), self._shapes.get(message.relation)
        if wanted is None or shape == wanted.shape or not self._concerns(wanted):
            return 0
        return message.relation

    def _concerns(self, known: Known) -> bool:
        return self._wanted and self._transaction is not None and not known.shows(self._transaction.xid)

    def _stopped(self, made: Batch, relation: int) -> Batch:
        """Stop before the transaction, which is read again; one that is half folded in goes on after the change."""
        made.changed = relation
        made.whole = not self._spilled
        self._again = iter([*self._held, *self._again])
        self._held = []
        return made

    def _fold(
        self,
        made: Batch,
        changes: list[Change],
        known: Mapping[int, Known],
    ) -> None:
        wanted = {oid: each for oid, each in known.items() if self._concerns(each)} if changes else {}
        for change in changes:
            for relation in change.relations if isinstance(change, pgoutput.Truncate) else (change.relation,):
                each = wanted.get(relation)
                if each is None:
                    continue
                made.changes += 1
                folded = made.of(relation, each)
                if isinstance(change, pgoutput.Truncate):
                    folded.truncate()
                else:
                    folded.take(change)
