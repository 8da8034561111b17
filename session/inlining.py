"""Up to how many rows of a write to tables may stay in the lake's catalogue (``storage.inlining``)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from catalog.model import CatalogState, Relation
from storage import inlining

if TYPE_CHECKING:
    from session.warehouse import Warehouse


def inlined(warehouse: "Warehouse", state: CatalogState, relations: Iterable[int]) -> int:
    """Return how many rows may, of a write to all of *relations* (OIDs)."""
    found = (state.objects.get(oid) for oid in relations)
    types = {column.type.type.engine for each in found if isinstance(each, Relation) for column in each.columns}
    return inlining.rows(warehouse.database.location, types)
