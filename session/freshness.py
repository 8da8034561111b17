"""What materialized views read, and whether they hold all of it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from catalog.model import CatalogState, Relation, Schema
from storage import changes
from storage.changes import Change, Place

if TYPE_CHECKING:
    from session.warehouse import Warehouse


def tables(state: CatalogState, view: Relation) -> dict[int, Relation]:
    """Return the stored tables that a materialized view reads, by the OID that it knows them by."""
    found = {}
    storage = view.materialized.table if view.materialized is not None else 0
    for oid in view.depends:
        if oid == storage:
            continue
        relation = state.objects.get(oid)
        if isinstance(relation, Relation) and relation.materialized is not None:
            relation = state.objects.get(relation.materialized.table)
        if isinstance(relation, Relation):
            found[oid] = relation
    return found


def upstream(state: CatalogState, view: Relation) -> list[Relation]:
    """Return the materialized views that *view* reads, and those that they read, nearest last."""
    found: list[Relation] = []
    for oid in view.depends:
        other = state.objects.get(oid)
        if isinstance(other, Relation) and other.materialized is not None:
            found += [item for item in (*upstream(state, other), other) if item not in found]
    return found


def place(state: CatalogState, table: Relation) -> Place:
    """Return a table's bare names in the lake."""
    schema = state.objects.get(table.schema)
    return (schema.engine_name if isinstance(schema, Schema) else "", table.engine_table)


def stale(warehouse: "Warehouse", state: CatalogState, views: Iterable[Relation]) -> set[int]:
    """Return which of the materialized *views* (OIDs) hold less than their tables; blocking."""
    found = set()
    for view in views:
        since = warehouse.refreshed.get(view.oid)
        places = [place(state, table) for table in tables(state, view).values()]
        mutable = view.materialized is not None and view.materialized.mutable
        if mutable or (since is not None and _any(changes.changes(warehouse.database, places, since))):
            found.add(view.oid)
    return found


def _any(found: Mapping[Place, Change]) -> bool:
    return any(change.any for change in found.values())
