"""System views without what is idle have the same rows."""

from typing import Any

import duckdb
import pytest

from catalog.model import Database, Relation, RelationKind, Schema
from catalog.system.listings import ROWS as LISTED
from catalog.system.reduction import narrowed, only_database, reduced, without_rows
from catalog.system.spec import SUPERUSER
from catalog.system.views import ROWS, VIEWS
from tests.unit.catalog.test_system_views import ADMIN, BOB, FAR_SCHEMA, OTHER, STATE, connect

HERE = STATE.with_changes((), (FAR_SCHEMA, OTHER))
EMPTY = without_rows(STATE)
READ = [view for view in ROWS if view.query]


@pytest.fixture(scope="module", params=[(ADMIN, STATE), (BOB, STATE), (ADMIN, HERE)], ids=["all", "some", "here"])
def who(request: pytest.FixtureRequest) -> tuple[int, duckdb.DuckDBPyConnection, bool]:
    user, state = request.param
    return user, connect(state, user), state is HERE


def rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    return sorted(map(str, connection.execute(sql).fetchall()))


def _tried(sql: str, user: int, alone: bool) -> bool:
    return (user == ADMIN and not alone) or (SUPERUSER if user == BOB else "COALESCE(") in sql


def test_every_view_has_the_same_rows(who: tuple[int, duckdb.DuckDBPyConnection, bool]) -> None:
    user, connection, alone = who
    for view in READ:
        if not _tried(view.definition, user, alone):
            continue
        names = [name for name, _ in view.columns][::3]
        less = reduced(view.definition, superuser=user == ADMIN, alone=alone, empty=EMPTY)
        few = narrowed(less, frozenset(names))
        shown = ", ".join(f'"{name}"' for name in names)
        asked = f"SELECT {shown} FROM ({{}})"
        assert rows(connection, asked.format(few)) == rows(connection, asked.format(view.definition)), view.name


def test_every_listing_has_the_same_rows(who: tuple[int, duckdb.DuckDBPyConnection, bool]) -> None:
    user, connection, alone = who
    for listing in LISTED:
        if not _tried(listing.query, user, alone):
            continue
        less = reduced(listing.query, superuser=user == ADMIN, alone=alone, empty=EMPTY)
        assert rows(connection, less) == rows(connection, listing.query), listing.topic


@pytest.mark.parametrize(
    ("change", "source"),
    [
        (Schema(oid=1, database=90, name="ext", owner=1, external=object()), "sys_external_columns"),  # type: ignore[arg-type]
        (Database(oid=1, name="shared", owner=1, share=object()), "sys_shared_relations"),  # type: ignore[arg-type]
        (Relation(oid=1, schema=2_200, name="v", owner=1, type=RelationKind.VIEW, late_binding=True), "sys_late_columns"),
    ],
)  # fmt: skip
def test_a_source_is_read_once_it_has_rows(change: Any, source: str) -> None:
    assert source in EMPTY
    assert source not in without_rows(STATE.with_changes((change,)))


def test_the_only_database_is_known() -> None:
    assert only_database(HERE) == 90
    assert only_database(STATE) == 0
    definition = VIEWS["pg_catalog", "pg_attribute"].definition
    alone = reduced(definition, superuser=True, alone=True, empty=EMPTY)
    assert "sys_relations" not in narrowed(alone, frozenset({"attrelid", "attname"}))


def test_a_superuser_is_not_asked_for() -> None:
    view = VIEWS["pg_catalog", "svv_columns"]
    assert "sys_grants" not in reduced(view.definition, superuser=True, alone=False, empty=EMPTY)
    assert "sys_grants" in reduced(view.definition, superuser=False, alone=False, empty=EMPTY)


def test_columns_and_what_they_alone_needed_go() -> None:
    view = VIEWS["pg_catalog", "pg_class"].definition
    assert "sys_storage" in narrowed(view, frozenset({"reltuples"}))
    few = narrowed(view, frozenset({"oid", "relname"}))
    assert "sys_storage" not in few
    assert "relkind" not in few


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("SELECT 1 FROM a WHERE EXISTS (SELECT 1 FROM sys_gone AS g)", "SELECT 1 FROM a WHERE FALSE"),
        ("SELECT 1 WHERE (a OR EXISTS (SELECT 1 FROM b JOIN sys_gone AS g ON x))", "SELECT 1 WHERE (a)"),
        ("SELECT 1 FROM sys_gone UNION ALL SELECT ')' FROM b", "SELECT 1 FROM sys_gone UNION ALL SELECT ')' FROM b"),
        ("SELECT 1 FROM b UNION ALL SELECT 2 FROM (SELECT * FROM sys_gone) AS g", "SELECT 1 FROM b"),
        ("SELECT 1 FROM b UNION ALL SELECT max(x) FROM sys_gone", "SELECT 1 FROM b UNION ALL SELECT max(x) FROM sys_gone"),
        ("SELECT 1 FROM b UNION ALL SELECT 2 FROM c LEFT JOIN sys_gone AS g ON x",
         "SELECT 1 FROM b UNION ALL SELECT 2 FROM c LEFT JOIN sys_gone AS g ON x"),
    ],
)  # fmt: skip
def test_what_reads_nothing_goes(sql: str, left: str) -> None:
    assert reduced(sql, superuser=False, alone=False, empty=frozenset({"sys_gone"})) == left
