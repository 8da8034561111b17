"""Which relations a bare name does not mean, though their schema is searched: others of that name come before."""

from functools import cache
from typing import Final

from catalog import oids
from catalog.model import CatalogState, Relation
from catalog.system.views import VIEWS

_TEMPORARY: Final = 0
Names = dict[str, list[int]]


def hidden(state: CatalogState, database: int, path: tuple[str, ...]) -> list[int]:
    """Return the OIDs of what is hidden in *path*, the names of the schemas that are searched after pg_catalog."""
    everything = state.once(_named)
    schemas = [schema.oid for name in path if (schema := state.schema(database, name)) is not None]
    places = [everything.get(_TEMPORARY, {}), _system(), *(everything.get(oid, {}) for oid in dict.fromkeys(schemas))]
    found: list[int] = []
    for number, place in enumerate(places):
        taken = {name for before in places[:number] for name in before.keys() & place.keys()}
        found += [oid for name in taken for oid in place[name]]
    return found


def _named(state: CatalogState) -> dict[int, Names]:
    """Return what there is by schema and name: relations, and the indexes of their keys."""
    found: dict[int, Names] = {}
    for each in state.of(Relation):
        place = found.setdefault(_TEMPORARY if each.temporary else each.schema, {})
        place.setdefault(each.name, []).append(each.oid)
        for number, key in enumerate(each.constraints):
            if key.kind in "pu":
                place.setdefault(key.name, []).append(oids.index(each.oid, number))
    return found


@cache
def _system() -> Names:
    return {name: [view.oid] for (schema, name), view in VIEWS.items() if schema == "pg_catalog"}
