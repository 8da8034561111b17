"""Following one source: what changed there since last time is brought here, again and again.

A round takes what the source's slot tells, in the order of commits, makes the tables what they are there, and copies
those that have no rows yet. Where the source is with each commit is an entry of the metadata log, in the transaction
that has the rows; the slot is advanced after that. So a server that ends half-way, here or there, loses nothing and
doubles nothing.
"""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Final

from catalog.replicas import Integration, Replica, State
from core.errors import SqlError
from core.sqlstate import SqlState
from session import replicas
from session.feed import Feed, Run
from session.reconciling import UNCOPIED, Tables
from storage.folding import Batch, Folding
from storage.replication import PEEKED, Source, Standing

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_BEHIND: Final = 16 << 20
"""Bytes of the source's log after which the slot is advanced although nothing of it was wanted."""


_REMEMBERED: Final = 50_000
"""Transactions of which it is known for a while that they were passed over."""


class Follower:
    """Follows one source for one database."""

    def __init__(self, warehouse: "Warehouse", database: int, source: Source, patterns: tuple[str, ...]) -> None:
        """Follow *source* for *database* (OID): the tables whose names fit *patterns*, or all."""
        self._feed = Feed(warehouse, database)
        self._source = source
        self._tables = Tables(self._feed, source, patterns)
        self._looked: int | None = None
        self._seen: dict[int, None] = {}
        self._advanced = 0
        self.fresh: datetime | None = None
        """When the last round began after which nothing was left to be done."""

    @property
    def integration(self) -> Integration:
        """What its database says of it."""
        return self._feed.integration

    async def close(self) -> None:
        """Let go of the source."""
        await self._feed.leave()
        await self._feed.call(self._source.close)

    async def end(self) -> None:
        """Remove what was made at the source: the database is gone."""
        await self._feed.call(self._source.open)
        await self._feed.call(self._source.end)

    async def round(self) -> None:
        """Bring what the source has at this moment."""
        try:
            await self._round()
        except BaseException:
            await self._feed.leave()
            raise

    async def _round(self) -> None:
        feed, started = self._feed, self._feed.now()
        if not self._source.is_open:
            await feed.call(self._source.open)
        standing = await feed.call(self._source.standing)
        feed.load()
        taken = feed.position
        if standing.confirmed is None or taken is None or standing.confirmed > taken:
            standing = await self._begin()
        asked = any(each.state in UNCOPIED for each in feed.replicas.values())
        tables = await self._tables.look() if asked or self._looked != standing.lsn else None
        await self._take()
        if tables is not None:
            await self._tables.reconcile(tables)
        waits = await self._tables.copy(self._seen)
        await self._advance(standing)
        self._looked = None if waits else standing.lsn
        self.fresh = started

    async def _begin(self) -> Standing:
        """Begin anew: what was between the last position and now is not to be had."""
        lsn = await self._feed.call(self._source.begin)
        await self._feed.lose(lsn)
        self._advanced, self._looked = lsn, None
        return await self._feed.call(self._source.standing)

    async def _take(self) -> None:
        """Take in what the slot tells, to its end."""
        feed, ended = self._feed, False
        while not ended:
            folding = Folding(self._source.messages(), feed.position or 0, replace=feed.integration.accept_invalid)
            ended = await self._taken(folding)
            self._remember(folding)
            if ended and folding.count >= PEEKED:
                # The next answer begins where the slot is.
                await self._settle(folding.end_lsn)
                ended = False

    def _remember(self, folding: Folding) -> None:
        self._seen |= folding.seen
        if len(self._seen) > 2 * _REMEMBERED:
            self._seen = dict.fromkeys(list(self._seen)[-_REMEMBERED:])

    async def _taken(self, folding: Folding) -> bool:
        """Work one answer of the slot in; false where it has to be asked for anew."""
        run = Run(self._feed.now())
        while True:
            batch = await self._folded(folding)
            failed = await self._apply(batch, run)
            if failed is not None or (batch.changed and not batch.whole):
                # What was done of the transaction goes; the table will be copied anew, or not at all.
                await self._feed.rollback()
                await (self._tables.renew(batch.changed) if failed is None else self._feed.mark(failed))
                return False
            run.take(batch)
            if batch.whole and run.batches:
                await self._feed.commit(run)
                run = Run(self._feed.now())
            if batch.changed:
                await self._tables.reshape(batch.changed, folding.shape(batch.changed))
            if batch.ended:
                return True

    async def _folded(self, folding: Folding) -> Batch:
        known = {oid: replicas.known(each) for oid, each in self._feed.replicas.items() if each.state is State.SYNCED}
        try:
            return await self._feed.call(lambda: folding.batch(known))
        except UnicodeDecodeError:
            raise SqlError(
                SqlState.CHARACTER_NOT_IN_REPERTOIRE, "The source holds text that is not UTF-8."
            ) from None

    async def _apply(self, batch: Batch, run: Run) -> Replica | None:
        """Change the rows; return the table that failed, as it is then."""
        if not batch.tables:
            return None
        work = await self._feed.work()
        changed = {oid: self._feed.replicas[oid] for oid in batch.tables}
        await work.tx.writing(frozenset(each.relation for each in changed.values()))
        run.batches.append(batch)
        for oid, folded in batch.tables.items():
            try:
                await replicas.change(work, changed[oid], folded, truncates=self.integration.truncate_columns)
            except SqlError as error:
                return replace(changed[oid], state=State.FAILED, reason=error.message)
        return None

    async def _advance(self, standing: Standing) -> None:
        """Let the source forget what is committed here."""
        taken = self._feed.position or 0
        if standing.lsn - taken > _BEHIND:
            await self._settle(standing.lsn)
        elif taken != self._advanced:
            await self._feed.call(lambda: self._source.advance(taken))
            self._advanced = taken

    async def _settle(self, lsn: int) -> None:
        """Take *lsn* for where the source was taken in up to."""
        await self._feed.reach(lsn)
        taken = self._feed.position or 0
        await self._feed.call(lambda: self._source.advance(taken))
        self._advanced = taken
