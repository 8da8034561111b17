"""The engine moves nothing of a statement below the barrier of ``sql.guards``: what a policy hides is never looked at."""

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from sql.guards import BARRIER

_GUARDED = "(SELECT * FROM (SELECT id, kind, note FROM t WHERE {policy}) AS g {barrier}) AS q"
_POLICIES = ("kind <> 'h'", "kind IN (SELECT k FROM look)", "EXISTS (SELECT 1 FROM look WHERE look.k = t.kind)")
_STATEMENTS = (
    "SELECT id FROM {q} WHERE note LIKE 'probe%'",
    "SELECT count(*) FROM {q} WHERE note LIKE 'probe%'",
    "SELECT id FROM {q} JOIN look ON look.k = q.kind WHERE note LIKE 'probe%'",
    "SELECT id FROM look LEFT JOIN {q} ON look.k = q.kind WHERE q.note LIKE 'probe%'",
    "SELECT k FROM look WHERE k IN (SELECT kind FROM {q} WHERE note LIKE 'probe%')",
    "WITH c AS (SELECT * FROM {q}) SELECT * FROM c WHERE note LIKE 'probe%'",
    "WITH c AS MATERIALIZED (SELECT * FROM {q}) SELECT * FROM c WHERE note LIKE 'probe%'",
    "SELECT * FROM (SELECT kind, note, count(*) FROM {q} GROUP BY ALL) AS r WHERE note LIKE 'probe%'",
    "SELECT id FROM (SELECT * FROM {q} UNION ALL SELECT 1, k, k FROM look) AS r(id, kind, note) WHERE note LIKE 'probe%'",
    "SELECT id FROM {q} WHERE note LIKE 'probe%' ORDER BY id LIMIT 3",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t AS SELECT i AS id, 'h' AS kind, 'n' || i AS note FROM range(10000) AS r(i)")
    connection.execute("CREATE TABLE look AS SELECT 'a' AS k")
    yield connection
    connection.close()


def _nodes(plan: dict[str, Any], *, below: bool = False) -> Iterator[tuple[str, bool]]:
    """Yield the operators' texts, and whether they stand below the barrier."""
    yield json.dumps(plan.get("extra_info")), below
    below = below or "SAMPLE" in plan["name"]
    for child in plan.get("children", ()):
        yield from _nodes(child, below=below)


@pytest.mark.parametrize("policy", _POLICIES)
@pytest.mark.parametrize("statement", _STATEMENTS)
def test_nothing_is_pushed_below_the_barrier(
    engine: duckdb.DuckDBPyConnection, statement: str, policy: str
) -> None:
    sql = statement.format(q=_GUARDED.format(policy=policy, barrier=BARRIER))
    ((_, text),) = engine.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchall()
    places = [below for found, below in _nodes(json.loads(text)[0]) if "probe" in found]
    assert places
    assert not any(places)


def test_the_barrier_lets_every_row_through(engine: duckdb.DuckDBPyConnection) -> None:
    rows = engine.execute(f"SELECT count(*), count(DISTINCT id) FROM (SELECT * FROM t {BARRIER})").fetchall()
    assert rows == [(10_000, 10_000)]
