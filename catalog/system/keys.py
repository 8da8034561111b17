"""The sources that follow from tables' keys: constraints, and the indexes that stand for them."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from catalog import oids
from catalog.model import CatalogState, Constraint, Relation
from catalog.system.build import Live, Place, empty, places_of, surroundings, table
from catalog.system.parts import Part
from core.names import quote_if_needed


def constraints(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_constraints."""
    places = places_of(state, live)
    around = surroundings(state)

    def build(part: Part) -> pa.Table:
        return table("sys_constraints", _constraint_rows(part, state, places))

    def context(part: Part) -> object:
        return around, [state.objects.get(key.references or 0) for each in part for key in each.constraints]

    made = live.parts.table("sys_constraints", state, build, context)
    return pa.concat_tables([empty("sys_constraints"), *made])


def _constraint_rows(
    part: Part, state: CatalogState, places: Callable[[Relation], Place]
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for each in part:
        for place, key in enumerate(each.constraints):
            target = state.objects.get(key.references or 0)
            other = target if isinstance(target, Relation) else None
            rows.append((
                oids.constraint(each.oid, place), key.name, places(each)[0], each.oid, key.kind, list(key.columns),
                _numbers(each, key.columns), other.oid if other else 0, list(key.referenced_columns),
                _numbers(other, key.referenced_columns), _index(each, place, other),
                _constraint_text(each, key, other, places), _target_key(key, other),
            ))  # fmt: skip
    return rows


def key_columns(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_key_columns."""

    def build(part: Part) -> pa.Table:
        return table("sys_key_columns", _key_column_rows(part, state))

    def context(part: Part) -> object:
        return [state.objects.get(key.references or 0) for each in part for key in each.constraints]

    made = live.parts.table("sys_key_columns", state, build, context)
    return pa.concat_tables([empty("sys_key_columns"), *made])


def _key_column_rows(part: Part, state: CatalogState) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for each in part:
        for key in each.constraints:
            target = state.objects.get(key.references or 0)
            other = target if isinstance(target, Relation) else None
            found, oid = _target_key(key, other), other.oid if other else 0
            rows += [
                (key.name, key.kind, each.oid, place, column, oid, referenced, found)
                for place, (column, referenced) in enumerate(zip_longest(key.columns, key.referenced_columns), start=1)
                if column is not None
            ]
    return rows


def _target_key(key: Constraint, other: Relation | None) -> str | None:
    """Return the name of the key that a foreign key refers to."""
    keys = [] if other is None else [each for each in other.constraints if each.kind in "pu"]
    return min((each.name for each in keys if each.columns == key.referenced_columns), default=None)


def linked(state: CatalogState) -> set[int]:
    """Return the relations that refer to others or are referred to: PostgreSQL keeps triggers on them."""
    keys = [(each.oid, key.references) for each in state.relations() for key in each.constraints if key.kind == "f"]
    return {oid for pair in keys for oid in pair if oid is not None}


def index_columns(part: Part) -> pa.Table:
    """Return the rows of sys_columns for the indexes of some relations."""
    rows: list[tuple[Any, ...]] = []
    for each in part:
        for place, key in enumerate(each.constraints):
            if key.kind not in "pu":
                continue
            for number, name in enumerate(key.columns, 1):
                column = each.column(name)
                if column is not None:
                    kind = column.type
                    rows.append((
                        oids.index(each.oid, place), name, number, kind.type.oid, kind.modifier, str(kind), False,
                        None, False, "none", False, 0, None, None, None, number,
                    ))  # fmt: skip
    return table("sys_columns", rows)


def _constraint_text(
    relation: Relation, key: Constraint, other: Relation | None, places: Callable[[Relation], Place]
) -> str:
    listed = ", ".join(quote_if_needed(name) for name in key.columns)
    if key.kind != "f" or other is None:
        return f"{'PRIMARY KEY' if key.kind == 'p' else 'UNIQUE'} ({listed})"
    target = quote_if_needed(other.name)
    if places(other)[0] != places(relation)[0]:
        target = f"{quote_if_needed(places(other)[1])}.{target}"
    referenced = ", ".join(quote_if_needed(name) for name in key.referenced_columns)
    return f"FOREIGN KEY ({listed}) REFERENCES {target}({referenced})"


def _index(relation: Relation, place: int, other: Relation | None) -> int:
    """Return the index that a key stands for or refers to, 0 for none: pg_constraint.conindid."""
    key = relation.constraints[place]
    if key.kind != "f":
        return oids.index(relation.oid, place)
    for number, target in enumerate(other.constraints if other is not None else ()):
        if target.kind != "f" and set(target.columns) == set(key.referenced_columns):
            return oids.index(other.oid, number) if other is not None else 0
    return 0


def _numbers(relation: Relation | None, names: tuple[str, ...]) -> list[int]:
    if relation is None:
        return []
    found = (relation.column(name) for name in names)
    return [column.number for column in found if column is not None]
