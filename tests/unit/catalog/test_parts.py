"""Sources built part by part are what they would be if they were built whole."""

from dataclasses import replace

import pyarrow as pa
import pytest

from catalog.model import CatalogState, Constraint, Database, Grant, Relation, RelationKind, Schema, TableColumn, User
from catalog.system import sources
from catalog.system.build import Live
from catalog.system.parts import Part, Parts
from core import types

_SOURCES = ("sys_relations", "sys_columns", "sys_constraints", "sys_grants", "sys_dependencies")
_COUNT = 1_000
_FIRST = 100_010


def relation(number: int, **more: object) -> Relation:
    column = TableColumn(name="a", type=types.of("int4"), number=1, default="1")
    key = Constraint(name=f"t{number}_pkey", kind="p", columns=("a",))
    foreign = Constraint(name=f"t{number}_fk", kind="f", columns=("a",), references=_FIRST, referenced_columns=("a",))
    made = Relation(oid=_FIRST + number, schema=2_200, name=f"t{number}", owner=100, columns=(column,),
                    constraints=(key, foreign), acl=(Grant(101, 100, frozenset({"SELECT"})),))
    return replace(made, **more)  # type: ignore[arg-type]


STATE = CatalogState().with_changes((
    Database(oid=90, name="dev", owner=1), Schema(oid=2_200, database=90, name="public", owner=1),
    User(oid=100, name="awsuser"), User(oid=101, name="bob"), *(relation(number) for number in range(_COUNT)),
))  # fmt: skip
VIEW = relation(5_000, type=RelationKind.VIEW, constraints=(), depends=(_FIRST + 3,), definition="SELECT 1")
CHANGES = {
    "a comment": lambda state: state.with_changes((relation(700, comment="new"),)),
    "a new view": lambda state: state.with_changes((VIEW,)),
    "a dropped table": lambda state: state.with_changes((), (_FIRST + 200,)),
    "another name of what keys refer to": lambda state: state.with_changes((relation(0, name="first"),)),
    "another name of the schema": lambda state: state.with_changes(
        (Schema(oid=2_200, database=90, name="renamed", owner=1),)),
    "another name of a grantee": lambda state: state.with_changes((User(oid=101, name="eve"),)),
    "a key that goes": lambda state: state.with_changes((relation(999, constraints=()),)),
}  # fmt: skip


def rows(state: CatalogState, parts: Parts) -> dict[str, list[dict[str, object]]]:
    live = Live(database="dev", parts=parts)
    return {name: sources.SOURCES[name](state, live).to_pylist() for name in _SOURCES}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_kept_is_brought_up_to_date(change: str) -> None:
    parts = Parts()
    before = rows(STATE, parts)
    changed = CHANGES[change](STATE)
    after = rows(changed, parts)
    assert after != before
    assert after == rows(changed, Parts())
    assert rows(STATE, parts) == before


def test_only_the_parts_that_changed_are_built() -> None:
    parts, built = Parts(), []

    def build(part: Part) -> pa.Table:
        built.append(len(part))
        return pa.table({"oid": [each.oid for each in part]})

    parts.table("source", STATE, build, lambda _: None)
    assert sum(built) == _COUNT
    assert len(built) > 3
    built.clear()
    parts.table("source", STATE.with_changes((relation(700, comment="new"),)), build, lambda _: None)
    assert len(built) == 1


def test_few_versions_of_a_whole_source_are_kept() -> None:
    parts, built = Parts(), []

    def ask(token: int) -> None:
        parts.whole("source", token, lambda: built.append(token) or pa.table({"n": [token]}))

    for token in (1, 2, 2, 3, 4, 4, 1):
        ask(token)
    assert built == [1, 2, 3, 4, 1]
