"""Materialized views that are refreshed by themselves, soon after a table that they read has changed.

Redshift, "Autorefreshing a materialized view". One view at a time, as its owner, in a session of its own that
no client sees; a refresh changes a table too, which is how views on views follow.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from catalog.model import CatalogState, Database, Relation, Schema, User
from core.errors import SqlError
from session.freshness import stale, tables

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
DELAY_S: Final = 0.2
"""How long further writes are waited for, so that many small ones make one refresh."""


class AutoRefresh:
    """Which views are due, and the task that refreshes them."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s views."""
        self._warehouse = warehouse
        self._watched: tuple[int, dict[int, set[int]]] = (-1, {})
        self._due: dict[int, None] = {}
        self._task: asyncio.Task[None] | None = None

    def note(self, written: frozenset[int]) -> None:
        """Take note that a transaction which wrote the tables *written* (OIDs) has committed."""
        watched = self._watching()
        if not watched:
            return
        for oid in written:
            for view in watched.get(oid, ()):
                self.schedule(view)

    def schedule(self, view: int) -> None:
        """Have a view (OID) refreshed soon."""
        self._due[view] = None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def resume(self) -> None:
        """Have the views looked at that changed tables waited for when the server ended."""
        for views in self._watching().values():
            for view in views:
                self.schedule(view)

    async def close(self) -> None:
        """End after the refresh that is under way."""
        self._due.clear()
        if self._task is not None:
            await asyncio.wait([self._task])

    def _watching(self) -> dict[int, set[int]]:
        """Return table → the views that follow it; looked up anew when the catalog has changed."""
        state = self._warehouse.store.state
        if self._watched[0] != state.version:
            self._watched = (state.version, _followers(state))
        return self._watched[1]

    async def _run(self) -> None:
        while self._due:
            await asyncio.sleep(DELAY_S)
            if not self._warehouse.leads:
                self._due.clear()
            for view in list(self._due):
                if self._due.pop(view, 0) is None:
                    await self._refresh(view)

    async def _refresh(self, oid: int) -> None:
        warehouse = self._warehouse
        view = warehouse.store.state.objects.get(oid)
        if not isinstance(view, Relation) or view.materialized is None:
            return
        state, views = warehouse.store.state, [view]
        await warehouse.caught_up()
        if await warehouse.executor.run(lambda: stale(warehouse, state, views)):
            await refreshed_alone(warehouse, oid)


async def refreshed_alone(warehouse: "Warehouse", oid: int) -> bool:
    """Refresh a view as its owner, in a session of its own; return whether that went well."""
    # Sessions and their handlers know the warehouse, which knows this.
    from session.context import Work
    from session.session import Session
    from session.statements.materialized import run

    state = warehouse.store.state
    view = state.objects.get(oid)
    place = _place(state, view) if isinstance(view, Relation) and view.materialized else None
    if place is None or not isinstance(view, Relation):
        return False
    # Clients' sessions have positive numbers.
    session = Session(-oid, warehouse, place[0], place[1], "")
    try:
        await session.open({})
        session.begin_statement(f"REFRESH MATERIALIZED VIEW {view.name}")
        session.tx.start()
        await run(Work(session), view)
        await session.commit()
    except SqlError as error:
        # The view stays as it was; REFRESH will tell its owner what is wrong.
        _log.warning("could not refresh a view", extra={"view": oid, "state": error.state.value})
        return False
    finally:
        await session.close()
    return True


def _followers(state: CatalogState) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for view in state.relations():
        kept = view.materialized
        if kept is not None and kept.auto_refresh and not kept.mutable and not kept.stream:
            for table in tables(state, view).values():
                found.setdefault(table.oid, set()).add(view.oid)
    return found


def _place(state: CatalogState, view: Relation) -> tuple[User, Database] | None:
    owner, schema = state.objects.get(view.owner), state.objects.get(view.schema)
    database = state.objects.get(schema.database) if isinstance(schema, Schema) else None
    return (owner, database) if isinstance(owner, User) and isinstance(database, Database) else None
