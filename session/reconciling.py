"""Which tables a copied database has, and their columns: what the source's own are, found out and followed.

A table that is new is copied; so is one whose rows would not stay right when its columns change. What cannot be copied
fails with a reason, and is tried again when the table changes or ALTER DATABASE asks for it.
"""

from collections.abc import Container
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Final

from catalog.replicas import Replica, State
from core.errors import SqlError
from core.sqlstate import SqlState
from session import replicas
from session.feed import Feed
from storage.replication import Source, SourceTable

UNCOPIED: Final = frozenset({State.REQUIRED, State.INITIATED})


class Tables:
    """Makes one database's tables what they are at the source."""

    def __init__(self, feed: Feed, source: Source, patterns: tuple[str, ...]) -> None:
        """Follow the tables of *source* whose names fit *patterns*, or all."""
        self._feed = feed
        self._source = source
        self._patterns = patterns

    async def look(self) -> dict[int, SourceTable]:
        """Return the source's tables as they are now."""
        return {table.oid: table for table in await self._feed.call(self._source.tables) if self._is_wanted(table)}

    def _is_wanted(self, table: SourceTable) -> bool:
        name = f"{table.schema}.{table.name}"
        return not self._patterns or any(fnmatchcase(name, pattern) for pattern in self._patterns)

    async def reshape(self, oid: int, shape: tuple[tuple[str, int, int], ...]) -> None:
        """Give a table the columns that it has from the next transaction on, or have it copied anew."""
        each, found = self._feed.replicas[oid], (await self.look()).get(oid)
        if found is not None and found.shape == shape and replicas.aligns(each.source, found):
            await self._alter(each, found)
        else:
            await self._renew(each, found)

    async def renew(self, oid: int) -> None:
        """Have a table copied anew, with the columns that it has at the source now."""
        await self._renew(self._feed.replicas[oid], (await self.look()).get(oid))

    async def _renew(self, each: Replica, found: SourceTable | None) -> None:
        again = replace(each, state=State.REQUIRED, reason="")
        if found is None or found == each.source:
            await self._feed.mark(again)
        else:
            # The copy that follows asks for columns: those that it had there may be gone.
            await self._compare(again, found)

    async def reconcile(self, tables: dict[int, SourceTable]) -> None:
        """Make the tables here what they are there; all that was before they looked so has been taken in."""
        for each in list(self._feed.replicas.values()):
            if each.source.oid not in tables:
                await self._remove(each)
        for oid, table in tables.items():
            known = self._feed.replicas.get(oid)
            if known is None:
                await self._add(table)
            elif oid not in self._feed.touched:
                await self._compare(known, table)

    async def _remove(self, each: Replica) -> None:
        work = await self._feed.work()
        await replicas.drop(work, each)
        await work.session.commit()
        del self._feed.replicas[each.source.oid]
        self._feed.tell(replace(each, state=State.DELETED))

    async def _add(self, table: SourceTable) -> None:
        work = await self._feed.work()
        each = Replica(oid=work.next_oid(), database=self._feed.oid, source=table)
        reason = replicas.unfit(table) or await self._publish(table)
        state = State.FAILED if reason else State.REQUIRED
        after = 0 if table.published else await self._after()
        await self._feed.mark(replace(each, state=state, reason=reason, after=after))

    async def _publish(self, table: SourceTable) -> str:
        """Have changes of a table told; return why that cannot be, nothing where it can."""
        if table.published:
            return ""
        try:
            await self._feed.call(lambda: self._source.publish(table))
        except SqlError as error:
            return f"The table cannot be published: {error.detail}"
        return ""

    async def _after(self) -> int:
        """Return a transaction number: of those before it, what they did until now may not be told."""
        return (await self._feed.call(self._source.standing)).next_xid

    async def _compare(self, each: Replica, table: SourceTable) -> None:
        """Follow what became of a known table."""
        reason = replicas.unfit(table)
        if reason:
            if self._source.keeps and table.published:
                await self._feed.call(lambda: self._source.withdraw(table))
            if (reason, State.FAILED) != (each.reason, each.state):
                await self._feed.mark(replace(each, state=State.FAILED, reason=reason))
        elif not table.published or (each.state is State.FAILED and each.source.shape != table.shape):
            # What made it fail is mended, or its changes were not told for a while.
            await self._add_again(each, table)
        elif each.source != table:
            await self._alter(each, table)

    async def _add_again(self, each: Replica, table: SourceTable) -> None:
        reason = await self._publish(table)
        if not reason:
            again = replace(each, state=State.REQUIRED, reason="", after=await self._after())
            await self._alter(again, table)
        elif (reason, State.FAILED) != (each.reason, each.state):
            await self._feed.mark(replace(each, state=State.FAILED, reason=reason))

    async def _alter(self, each: Replica, table: SourceTable) -> None:
        """Give a table here the columns and name that it has there; its rows stay where they can."""
        stays = replicas.aligns(each.source, table)
        work = await self._feed.work()
        try:
            each = await replicas.alter(work, each, table)
        except SqlError as error:
            await self._feed.rollback()
            await self._feed.mark(replace(each, state=State.FAILED, reason=error.message))
            return
        if not stays and each.state is State.SYNCED:
            each = replace(each, state=State.REQUIRED)
        await self._feed.mark(each)

    async def copy(self, seen: Container[int]) -> bool:
        """Copy the tables that have no rows yet; tell whether one has to wait for transactions at the source.

        *seen* are the numbers of transactions that were passed over lately.
        """
        waits = False
        for each in list(self._feed.replicas.values()):
            if each.state in UNCOPIED:
                waits |= not await self._copy(each, seen)
        return waits

    async def _copy(self, each: Replica, seen: Container[int]) -> bool:
        feed = self._feed
        if each.relation and each.state is State.REQUIRED:
            await feed.mark(replace(each, state=State.INITIATED))
        if reason := replicas.unfit(each.source):
            await feed.mark(replace(each, state=State.FAILED, reason=reason))
            return True
        work, begun, cuts = await feed.work(), feed.now(), feed.integration.truncate_columns
        try:
            made = await replicas.fill(work, each, self._source, seen, truncates=cuts)
        except SqlError as error:
            await feed.rollback()
            if error.state is SqlState.CONNECTION_FAILURE:
                raise
            await feed.mark(replace(each, state=State.FAILED, reason=error.message))
            return True
        if made is None:
            await feed.rollback()
            return False
        await feed.mark(made)
        feed.report("snapshot", None, None, 1, begun)
        return True
