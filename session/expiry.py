"""The end of old versions of the lake: of those that nobody may ask for any more, and of the files that were theirs.

A version ends when nobody on any server reads it or an older one (``session.horizon``): a transaction needs what came
after its own to see whom it is in conflict with. And to end it is to have DuckLake forget the schema that it had, which
DuckDB 1.5.5 does not survive where somebody is reading that, in a later version. So where the schema is the newest, it
is done in a moment in which nothing runs and no transaction is open here, on the event loop: it takes a tenth of a
second, and nobody can begin meanwhile. Where there is no such moment the lake gets another schema, of the same tables,
and the versions end when all that runs has begun after that.
"""

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from catalog.model import Relation
from core.errors import SqlError
from session.fleet import commits
from session.fleet.horizons import NEVER
from session.freshness import stale
from session.horizon import Horizon
from session.lake_schema import DDL
from session.locks import Mode
from session.tidying import asked
from storage import changes, expiry
from storage.changes import Version

if TYPE_CHECKING:
    from engine.cursors import DuckDbEngine
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
# Below who makes the rounds.
_OWNER: Final = -(1 << 39) - 1
_LOWEST: Final = -(1 << 40)
"""What owners at and below this hold is not for long, or no table: commits, the lake's schema, leading."""
_UNNAMED: Final = timedelta(days=1)
"""How old files are at least that no version names: whoever writes them may not have committed yet."""
_LOOKS: Final = 40
_PAUSE_S: Final = 0.05


class Expiry:
    """Ends versions of one lake."""

    def __init__(self, warehouse: "Warehouse", kept: timedelta, grace: timedelta) -> None:
        """Keep versions for *kept*, and files for *grace* after the last version that named them."""
        self._warehouse, self._kept, self._grace = warehouse, kept, grace
        self._horizon = Horizon(warehouse)
        self._forgotten = -1
        """The newest schema that this server has been made to forget, of those whose versions others end."""
        self.waits = False
        """Whether it only has to be waited for what runs now."""

    async def look(self) -> Version | None:
        """Find out, and have the other servers know, how far back in the lake's versions this server reads."""
        return await self._horizon.look()

    async def expire(self) -> list[tuple[str, str]] | None:
        """End what is old; return tables (bare lake names) that must be flushed first, None where there is more."""
        warehouse, database = self._warehouse, self._warehouse.database
        moment = warehouse.clock.now() - self._kept
        read = await self.look()
        others = await warehouse.fleet.horizons.others() if warehouse.fleet is not None else NEVER
        self.waits = read is None or others is None
        if read is None or others is None:
            return []
        first = min(await asked(warehouse, lambda: expiry.first_kept(database, moment)), read.number, others)
        versions = await asked(warehouse, lambda: expiry.old(database, first))
        if not versions:
            return []
        tables = await asked(warehouse, lambda: expiry.noted(database, versions[-1].number + 1))
        if tables:
            return tables
        ended = await self._end(versions, read)
        if not ended:
            return []
        _log.info("ended old versions of the lake", extra={"versions": ended})
        await warehouse.executor.run(expiry.trim)
        return None if ended == expiry.MOST else []

    async def forget(self) -> None:
        """Have the engine forget the schemas of versions that are old, which another server ends."""
        warehouse, database = self._warehouse, self._warehouse.database
        moment = warehouse.clock.now() - self._kept / 2
        read = await self.look()
        if read is None:
            return
        first = min(await asked(warehouse, lambda: expiry.first_kept(database, moment)), read.number)
        found = await asked(warehouse, lambda: expiry.with_schemas(database, self._forgotten, first))
        versions = [version for version in found if version.schema < read.schema]
        if not versions:
            return
        engine = warehouse.connect()
        try:
            await engine.run("BEGIN")
            async with warehouse.commit_lock:
                await engine.fetch(expiry.expire(versions))
                await engine.rollback()
        finally:
            engine.close()
        self._forgotten = versions[-1].schema
        await warehouse.executor.run(expiry.trim)

    async def remove(self) -> None:
        """Delete the files that have been nobody's for long enough."""
        warehouse, database = self._warehouse, self._warehouse.database
        keeper = warehouse.limits.snapshots
        if keeper is not None and keeper.busy:
            return
        begun = [session.tx.started for session in warehouse.sessions.values() if session.tx.running]
        before = min([warehouse.clock.now() - self._grace, *begun])
        count = await asked(warehouse, lambda: expiry.remove(database, before))
        unnamed = min(before, warehouse.clock.now() - _UNNAMED)
        count += await asked(warehouse, lambda: expiry.remove_lost(database, unnamed))
        if count:
            _log.info("deleted old files of the lake", extra={"files": count})

    async def prune(self) -> None:
        """Remove from the catalogue's log what no version shows any more."""
        warehouse, database = self._warehouse, self._warehouse.database
        count = await asked(warehouse, lambda: expiry.prune(database, *warehouse.metastore.place))
        if count:
            _log.info("shortened the catalogue's log", extra={"rows": count})

    async def _bring_on(self, view: Relation) -> None:
        """Note that a view whose tables have not changed holds what they do now: the record of that is to end.

        A view that is behind is computed anew when it is refreshed (``storage.changes``).
        """
        warehouse, state = self._warehouse, self._warehouse.store.state
        own = view.materialized.table if view.materialized is not None else 0
        # A refresh takes this lock, too.
        if not await warehouse.locks.attempt(_OWNER, own, Mode.SHARE_ROW_EXCLUSIVE):
            return
        engine, metastore = warehouse.connect(), warehouse.metastore
        try:
            newest = await asked(warehouse, lambda: changes.newest_snapshot(warehouse.database))
            if await asked(warehouse, lambda: stale(warehouse, state, [view])):
                return
            entry = warehouse.refresh_entry(view.oid, newest)

            def write() -> None:
                metastore.append(engine.connection, [entry])
                engine.connection.execute("COMMIT")

            await warehouse.lake_schema.read()
            since = warehouse.fleet.position if warehouse.fleet is not None else 0
            await engine.run("BEGIN")
            async with warehouse.commit_lock:
                await commits.finish(warehouse, engine, write, since)
                warehouse.note_refreshes({view.oid: newest}, {})
        except SqlError:
            await engine.rollback()
            raise
        finally:
            warehouse.locks.release_all(_OWNER)
            engine.close()

    async def _bring_views_on(self, kept: int) -> None:
        warehouse = self._warehouse
        for view in [item for item in warehouse.store.state.relations() if item.materialized is not None]:
            if warehouse.refreshed.get(view.oid, kept) < kept:
                await self._bring_on(view)

    async def _end(self, versions: list[Version], read: Version) -> int:
        """End *versions*, or those of them that can end while others work; return how many."""
        warehouse = self._warehouse
        unread = [version for version in versions if version.schema < read.schema]
        if len(unread) < len(versions):
            self.waits = True
            newest = await asked(warehouse, lambda: changes.newest_version(warehouse.database))
            if newest.schema == versions[-1].schema:
                await self._bring_views_on(versions[-1].number + 1)
                if await self._end_in_silence(versions):
                    self.waits = False
                    return len(versions)
                await self._turn()
        if unread:
            await self._bring_views_on(unread[-1].number + 1)
            engine = warehouse.connect()
            try:
                async with warehouse.commit_lock:
                    await engine.fetch(expiry.expire(unread))
            finally:
                engine.close()
        return len(unread)

    async def _turn(self) -> None:
        """Give the lake another schema: what has the one that it has now is not read for ever then."""
        warehouse = self._warehouse
        if not await warehouse.locks.attempt(_OWNER, DDL, Mode.ACCESS_EXCLUSIVE):
            return
        await warehouse.lake_schema.taken()
        statement = await asked(warehouse, lambda: expiry.turn(warehouse.database))
        engine = warehouse.connect()
        try:
            since = warehouse.fleet.position if warehouse.fleet is not None else 0
            await engine.run("BEGIN")
            await engine.run(statement)
            async with warehouse.commit_lock:
                await commits.finish(warehouse, engine, lambda: _commit(engine), since)
        except SqlError:
            await engine.rollback()
            raise
        finally:
            engine.close()
            warehouse.lake_schema.settle(_OWNER)
            warehouse.locks.release_all(_OWNER)

    async def _end_in_silence(self, versions: list[Version]) -> bool:
        warehouse = self._warehouse
        if not await warehouse.locks.attempt(_OWNER, DDL, Mode.ACCESS_EXCLUSIVE):
            return False
        engine, ended = warehouse.connect(), False
        try:
            for _ in range(_LOOKS):
                if self._is_quiet():
                    async with warehouse.commit_lock:
                        if self._is_quiet():
                            await engine.fetch(expiry.expire(versions), instant=True)
                            ended = True
                            break
                await asyncio.sleep(_PAUSE_S)
        finally:
            engine.close()
            if ended:
                # The newest schema has to be read again.
                warehouse.lake_schema.settle(_OWNER)
            warehouse.locks.release_all(_OWNER)
        return ended

    def _is_quiet(self) -> bool:
        """Tell whether nothing runs in the engine and no transaction is open."""
        warehouse = self._warehouse
        if not warehouse.executor.idle:
            return False
        if any(owner > _LOWEST and owner != _OWNER for _, owner, _, _ in warehouse.locks.held()):
            return False
        return not any(
            session.active or ((session.tx.running or session.tx.held) and not session.tx.failed)
            for session in warehouse.sessions.values()
        )


def _commit(engine: "DuckDbEngine") -> None:
    engine.connection.execute("COMMIT")
