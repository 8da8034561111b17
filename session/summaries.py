"""Which materialized views queries may read in place of their tables, and which of them are up to date.

Redshift, "Automatic query rewriting to use materialized views". The statement is planned as it stands first, so
rights, locks and errors are those of what its user wrote. A view is up to date as long as none of its tables was
written since that was last looked up, which costs a comparison of numbers (``Scans.changed``).
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from catalog.model import CatalogState, Database, Relation, Schema
from core.errors import SqlError
from session.freshness import stale, tables
from session.locks import Mode
from session.plans import Plan
from sql.canon import Pattern
from sql.summaries import Summary, pattern

if TYPE_CHECKING:
    from session.context import Work
    from session.session import Session
    from session.warehouse import Warehouse

_VIEWS_MAX: Final = 20
"""Materialized views that one statement is compared with."""
_PATTERNS_MAX: Final = 500


@dataclass(frozen=True, slots=True)
class _Kept:
    """A materialized view with the tables (OIDs) that say whether it is up to date, its own among them."""

    view: Relation
    bases: frozenset[int]
    own: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """A plan that reads views in place of tables, as long as those have not changed."""

    plan: Plan
    tables: frozenset[int]
    changed: int


class Summaries:
    """The materialized views of all sessions. Lives on the event loop."""

    def __init__(self, warehouse: "Warehouse") -> None:
        """Look after *warehouse*'s."""
        self._warehouse = warehouse
        self._by_table: tuple[int, dict[int, list[_Kept]]] = (-1, {})
        self._patterns: OrderedDict[Hashable, Pattern | None] = OrderedDict()
        self._fresh: dict[int, tuple[tuple[int, int], bool]] = {}

    def over(self, read: Iterable[int]) -> list[_Kept]:
        """Return the views that have no other tables than those *read* (OIDs)."""
        state = self._warehouse.store.state
        if self._by_table[0] != state.version:
            self._by_table = state.version, _by_table(state)
        known, asked = self._by_table[1], frozenset(read)
        if not known:
            return []
        found = {kept.own: kept for oid in asked for kept in known.get(oid, ()) if kept.bases <= asked}
        return list(found.values())

    def pattern(self, session: "Session", view: Relation) -> Pattern | None:
        """Return what a view holds, as the settings of *session* read its query; None where it is not read."""
        key = (session.translation_key(), view.oid)
        if key in self._patterns:
            return self._patterns[key]
        found = self._patterns[key] = _pattern(session, view)
        if len(self._patterns) > _PATTERNS_MAX:
            self._patterns.popitem(last=False)
        return found

    def eligible(self, session: "Session", view: Relation) -> bool:
        """Tell whether queries may read a view in place of its tables while it is up to date."""
        known = any(kept.view.oid == view.oid for kept in self.over(view.depends))
        return known and self.pattern(session, view) is not None

    async def is_fresh(self, kept: _Kept) -> bool:
        """Tell whether a view holds all that its tables do."""
        warehouse, view = self._warehouse, kept.view
        since = warehouse.refreshed.get(view.oid)
        changed = warehouse.scans.changed(kept.bases | {kept.own})
        if since is None or changed is None:
            return False
        known = self._fresh.get(view.oid)
        if known is not None and known[0] == (since, changed):
            return known[1]
        state = warehouse.store.state
        found = not await warehouse.executor.run(lambda: stale(warehouse, state, [view]))
        if (warehouse.refreshed.get(view.oid), warehouse.scans.changed(kept.bases | {kept.own})) != (since, changed):
            return False
        self._fresh[view.oid] = (since, changed), found
        return found

    def unchanged(self, chosen: Chosen) -> bool:
        """Tell whether what was chosen still holds what the tables do."""
        return self._warehouse.scans.changed(chosen.tables) == chosen.changed


def _by_table(state: CatalogState) -> dict[int, list[_Kept]]:
    found: dict[int, list[_Kept]] = {}
    for view in state.relations():
        if view.materialized is None or view.materialized.mutable:
            continue
        bases = tables(state, view)
        if not bases or any(oid != table.oid or table.temporary for oid, table in bases.items()):
            # Views on views are not read in place of anything.
            continue
        kept = _Kept(view, frozenset(bases), view.materialized.table)
        for oid in bases:
            found.setdefault(oid, []).append(kept)
    return found


def _pattern(session: "Session", view: Relation) -> Pattern | None:
    state, visible = session.tx.state, session.visible()
    storage = state.objects.get(view.materialized.table) if view.materialized is not None else None
    schema = state.objects.get(view.schema)
    database = state.objects.get(schema.database) if isinstance(schema, Schema) else None
    if not isinstance(storage, Relation) or not isinstance(database, Database):
        return None
    seen = {item.relation: item.columns for item in view.seen}
    summary = Summary(
        oid=view.oid, definition=view.definition or "", database=database.name, storage=visible.stored(storage),
        seen=seen, settings=view.settings,
    )  # fmt: skip
    return pattern(summary, visible)


async def chosen(work: "Work", plan: Plan, again: Callable[[tuple[Pattern, ...]], Plan]) -> Chosen | None:
    """Return a plan that does what *plan* does over materialized views, None where it stays as it is.

    *again* plans the statement with some views to be read.
    """
    summaries = work.warehouse.summaries
    found = summaries.over(plan.tables) if plan.tables else []
    if not found or not work.settings.on("mv_enable_aqmv_for_session") or work.tx.changes:
        return None
    token = work.tx.token
    usable = [kept for kept in found if _readable(work, kept) and await summaries.is_fresh(kept)]
    patterns = [made for kept in usable if (made := summaries.pattern(work.session, kept.view)) is not None]
    if not patterns or token != work.tx.token:
        return None
    ranked = tuple(sorted(patterns, key=lambda made: (made.rank, made.oid))[:_VIEWS_MAX])
    better = again(ranked)
    return _locked(work, better, [kept for kept in usable if kept.view.oid in better.translated.instead])


def _readable(work: "Work", kept: _Kept) -> bool:
    """Tell whether the user may read a view, and the transaction sees what it and its tables hold now."""
    try:
        work.require("SELECT", kept.view, frozenset(column.name for column in kept.view.columns))
    except SqlError:
        return False
    if work.tx.single:
        return True
    involved = kept.bases | {kept.own}
    changed = work.warehouse.scans.changed(involved)
    return changed is not None and changed <= work.tx.opened and work.tx.written.isdisjoint(involved)


def _locked(work: "Work", plan: Plan, used: list[_Kept]) -> Chosen | None:
    owner, locks = work.tx.owner, work.warehouse.locks
    if not used:
        return None
    # Where servers share the lake, readers take no locks.
    free = work.warehouse.fleet is not None
    if not free and not all(locks.try_acquire(owner, oid, Mode.ACCESS_SHARE) for oid in plan.tables):
        return None
    involved = frozenset(oid for kept in used for oid in (*kept.bases, kept.own))
    changed = work.warehouse.scans.changed(involved)
    if changed is None or not all(_readable(work, kept) for kept in used):
        return None
    return Chosen(plan, involved, changed)
