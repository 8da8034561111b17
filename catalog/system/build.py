"""Rows and columns of Python values as Arrow tables of the sources' shapes, and what the builders share."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from catalog.model import CatalogState, Database, Group, Relation, Schema, User
from catalog.roles import Role
from catalog.system import shapes
from catalog.system.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """What the running server knows, beside the catalog."""

    database: str
    """The session's database: its temporary tables are listed there."""
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    """Tables of ``shapes.LIVE`` by name; build them with ``live_table``."""
    parts: Parts = field(default_factory=Parts)
    """What was built of the relations before."""


Source = Callable[[CatalogState, Live], pa.Table]
Place = tuple[int, str, str | None]


def live_table(name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Return the source *name* of ``shapes.LIVE`` with *rows*; keys that a row lacks are null."""
    return pa.Table.from_pylist(list(rows), schema=shapes.LIVE[name])


def empty(name: str) -> pa.Table:
    """Return the source *name* without rows, as creating the macros needs it."""
    return (shapes.CATALOG.get(name) or shapes.LIVE[name]).empty_table()


def table(name: str, rows: list[tuple[Any, ...]]) -> pa.Table:
    """Return the catalog source *name* with *rows*."""
    if not rows:
        return empty(name)
    return arrays(name, list(zip(*rows, strict=True)))


def arrays(name: str, data: list[Any]) -> pa.Table:
    """Return the catalog source *name* with the columns *data*."""
    schema = shapes.CATALOG[name]
    made = [pa.array(cells, item.type) for cells, item in zip(data, schema, strict=True)]
    return pa.Table.from_arrays(made, schema=schema)


def surroundings(state: CatalogState) -> tuple[Database | Schema | User | Group | Role, ...]:
    """Return what the rows of relations depend on beside the relations: where they are, and who is named in ACLs."""
    return (*state.databases(), *state.schemas(), *state.users(), *state.groups(), *state.of(Role))


def places_of(state: CatalogState, live: Live) -> Callable[[Relation], Place]:
    """Return a function from a relation to its schema's OID and name and its database's name."""
    of = {each.oid: each.name for each in state.databases()}
    schemas = {each.oid: (each.oid, each.name, of.get(each.database)) for each in state.schemas()}
    nowhere = (0, "", live.database)

    def place(relation: Relation) -> Place:
        return schemas.get(relation.schema, nowhere)

    return place
