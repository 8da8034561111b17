"""For which texts the engine can keep a plan, and when a kept one is used."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest

from engine.cursors import DuckDbEngine
from engine.executor import Executor
from session.again import KeptPlans, Types, gap_types
from session.rewriting import gapped
from sql.facts import SourceKind
from sql.shapes import Gapped
from sql.translate import Translated

NOTHING = Translated(engine_sql="", columns=(), parameter_types=(), uses=())
COMPARED = Gapped(('SELECT 1 FROM t AS "t" WHERE ("t"."id" = ', ")"), (0,))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (COMPARED, ("INTEGER",)),
        (gapped('SELECT 1 WHERE ("t"."id" = CAST($1 AS BIGINT))'), ("BIGINT",)),
        (gapped("SELECT CAST($2 AS DATE), CAST($1 AS DECIMAL(18, 2))"), ("DECIMAL(18, 2)", "DATE")),
        (gapped("SELECT CAST($1 AS INT), CAST($1 AS INT)"), ("INT",)),
        (gapped("SELECT CAST($1 AS INT), CAST($1 AS BIGINT)"), ()),
        (gapped("SELECT TRY_CAST($1 AS INT)"), ()),
        (gapped("SELECT $1"), ()),
        (gapped("SELECT CAST($2 AS INT)"), ()),
        (Gapped(('SELECT 1 FROM t WHERE ("t"."id" = ', " + 1)"), (0,)), ()),
        (Gapped(('SELECT 1 FROM t WHERE ("t"."id" + 1 = ', ")"), (0,)), ()),
        (gapped("SELECT 1"), ()),
    ],
)
def test_the_types_that_a_plan_is_kept_for(text: Gapped, expected: Types) -> None:
    assert gap_types(NOTHING, text) == expected


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ({"id": "int8"}, ("BIGINT",)),
        ({"id": "int4"}, ("INTEGER",)),
        ({"id": "int2", "n": "int8"}, ("INTEGER",)),
        ({"id": "int8", "f": "float4"}, ()),
    ],
)
def test_a_number_is_as_long_as_the_column_that_it_is_compared_with(types: dict[str, str], expected: Types) -> None:
    columns = [SimpleNamespace(name=name, type=SimpleNamespace(type=SimpleNamespace(name=kind))) for name, kind in types.items()]
    use = SimpleNamespace(source=SimpleNamespace(kind=SourceKind.TABLE, columns=columns))
    assert gap_types(cast(Any, SimpleNamespace(uses=[use])), COMPARED) == expected


def test_a_plan_is_kept_after_some_reads_and_anew_when_copies_have_changed() -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t AS SELECT 7 AS id")
    store = SimpleNamespace(version=1)
    executor = Executor(1)
    engine = DuckDbEngine(lambda: connection, executor)
    kept = KeptPlans(cast(Any, store))

    def read(number: int) -> str:
        return asyncio.run(kept.sql(engine, COMPARED, ("INTEGER",), [str(number)]))

    plain = 'SELECT 1 FROM t AS "t" WHERE ("t"."id" = 7)'
    assert [read(7) for _ in range(5)] == [plain] * 5
    first = read(7)
    assert first.startswith("EXECUTE ")
    assert connection.execute(first).fetchall() == [(1,)]
    assert connection.execute(read(8)).fetchall() == []
    store.version = 2
    assert read(7) == plain
    assert [read(7) for _ in range(4)] == [plain] * 4
    second = read(7)
    assert second.startswith("EXECUTE ")
    assert second != first
    with pytest.raises(duckdb.Error):
        connection.execute(first)
    asyncio.run(kept.clear(engine))
    assert read(7) == plain
    with pytest.raises(duckdb.Error):
        connection.execute(second)
    executor.close()
