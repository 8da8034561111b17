"""For which texts the engine can keep a plan, and when a kept one is used."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest

from engine.cursors import DuckDbEngine
from engine.executor import Executor
from engine.together import Together
from session.again import Found, KeptPlans, Types, gap_types
from session.rewriting import gapped
from sql.facts import SourceKind
from sql.shapes import Gapped
from sql.translate import Translated

NOTHING = Translated(engine_sql="", columns=(), parameter_types=(), uses=())
COMPARED = Gapped(('SELECT 1 FROM memory.main.copy_1 AS "t" WHERE ("t"."id" = ', ")"), (0,))


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


async def found_of(kept: KeptPlans, engine: DuckDbEngine, text: Gapped, types: Types, value: str) -> Found:
    asked = await kept.asked(text, types, [value])
    assert asked is not None
    return await kept.found(Found(engine, text.filled([value])), asked)


def test_a_plan_is_kept_after_some_reads_and_anew_when_copies_have_changed() -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE copy_1 AS SELECT 7 AS id")
    store = SimpleNamespace(version=1, cursor=connection.cursor)
    executor = Executor(1)
    engine = DuckDbEngine(lambda: connection, executor)
    kept = KeptPlans(cast(Any, store), executor, Together(connection.cursor, executor))

    def read(number: int) -> str:
        found = asyncio.run(found_of(kept, engine, COMPARED, ("INTEGER",), str(number)))
        assert (found.engine is engine) == found.sql.startswith("SELECT ")
        places.append(found.engine)
        return found.sql

    def rows(sql: str) -> list[Any]:
        return places[-1].connection.execute(sql).fetchall()

    places: list[DuckDbEngine] = []
    plain = 'SELECT 1 FROM memory.main.copy_1 AS "t" WHERE ("t"."id" = 7)'
    assert [read(7) for _ in range(5)] == [plain] * 5
    first = read(7)
    assert first.startswith("EXECUTE ")
    assert rows(first) == [(1,)]
    assert rows(read(8)) == []
    store.version = 2
    assert read(7) == plain
    assert [read(7) for _ in range(4)] == [plain] * 4
    second = read(7)
    assert second.startswith("EXECUTE ")
    assert second != first
    with pytest.raises(duckdb.Error):
        rows(first)
    asyncio.run(kept.clear("UTC"))
    assert read(7) == plain
    with pytest.raises(duckdb.Error):
        rows(second)
    executor.close()


@pytest.mark.parametrize(
    ("kind", "value", "argument"),
    [
        ("INTEGER", "7", "7"),
        ("BIGINT", "7", "7"),
        ("BIGINT", "999999999", "999999999"),
        ("BIGINT", "3000000000", "CAST(3000000000 AS BIGINT)"),
        ("BIGINT", "-7", "CAST(-7 AS BIGINT)"),
        ("BIGINT", "NULL", "CAST(NULL AS BIGINT)"),
        ("SMALLINT", "7", "CAST(7 AS SMALLINT)"),
        ("VARCHAR", "'7'", "'7'"),
        ("VARCHAR", "NULL", "CAST(NULL AS VARCHAR)"),
        ("DATE", "'2026-01-02'", "CAST('2026-01-02' AS DATE)"),
    ],
)
def test_a_value_is_given_to_a_kept_plan_without_a_cast_where_there_is_a_literal_of_its_type(
    kind: str, value: str, argument: str
) -> None:
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE copy_1 AS SELECT CAST({value} AS {kind}) AS id")
    executor = Executor(1)
    engine = DuckDbEngine(lambda: connection, executor)
    store = SimpleNamespace(version=1, cursor=connection.cursor)
    kept = KeptPlans(cast(Any, store), executor, Together(connection.cursor, executor))
    text = gapped(f"SELECT id FROM memory.main.copy_1 WHERE (id IS NOT DISTINCT FROM CAST($1 AS {kind}))")
    expected = connection.execute("SELECT id FROM copy_1").fetchall()
    read = [asyncio.run(found_of(kept, engine, text, (kind,), value)) for _ in range(6)]
    assert [found.engine.connection.execute(found.sql).fetchall() for found in read] == [expected] * 6
    assert read[-1].sql.endswith(f"({argument})")
    executor.close()


SELF = gapped("SELECT 1 FROM memory.main.copy_1 AS t, memory.main.copy_1 AS u WHERE (u.id = CAST($1 AS INT))")


@pytest.mark.parametrize(("text", "apart"), [(COMPARED, True), (SELF, False)])
def test_a_plan_that_joins_is_kept_where_the_engine_optimizes_what_it_may_have_to_plan_anew(
    text: Gapped, apart: bool
) -> None:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE copy_1 AS SELECT 7 AS id")
    executor = Executor(1)
    engine = DuckDbEngine(lambda: connection, executor)
    store = SimpleNamespace(version=1, cursor=connection.cursor)
    kept = KeptPlans(cast(Any, store), executor, Together(connection.cursor, executor))
    found = [asyncio.run(found_of(kept, engine, text, ("INT",), "7")) for _ in range(6)][-1]
    assert found.sql.startswith("EXECUTE ")
    assert (found.engine is not engine) == apart
    executor.close()


@pytest.mark.parametrize(
    ("sql", "most"),
    [
        ("SELECT 1 FROM memory.main.copy_1 WHERE (id = CAST($1 AS INT))", 8),
        ("SELECT 1 FROM memory.main.copy_1 WHERE (id = CAST($1 AS INT)) ORDER BY 1", 1),
        ("SELECT 1 FROM memory.main.copy_1 WHERE (id = CAST($1 AS INT)) LIMIT 1 OFFSET 2", 1),
        ("SELECT 1 FROM memory.main.copy_1, memory.main.copy_1 AS u WHERE (u.id = CAST($1 AS INT))", 0),
        ("SELECT 1 FROM memory.main.copy_1, memory.main.copy_2 WHERE (id = CAST($1 AS INT))", 0),
    ],
)
def test_a_read_of_one_copy_is_for_all_sessions_and_several_are_one_where_they_have_no_order(sql: str, most: int) -> None:
    store, executor = SimpleNamespace(version=1), Executor(1)
    together = Together(duckdb.connect, executor)

    async def play() -> None:
        plans = [KeptPlans(cast(Any, store), executor, together) for _ in range(3)]
        await plans[2].clear("Asia/Tokyo")
        one, other, elsewhere = [await each.asked(gapped(sql), ("INT",), ["7"]) for each in plans]
        assert one is not None
        assert other is not None
        assert elsewhere is not None
        assert one.shared is other.shared
        assert one.shared is not elsewhere.shared
        assert (one.shared.most, elsewhere.shared.zone) == (most, "Asia/Tokyo")
        store.version = 2
        later = await plans[0].asked(gapped(sql), ("INT",), ["7"])
        assert later is not None
        assert later.shared is not one.shared

    asyncio.run(play())
    executor.close()


def test_what_no_plan_is_kept_for_is_no_read_of_this_kind() -> None:
    executor = Executor(1)
    kept = KeptPlans(cast(Any, SimpleNamespace(version=1)), executor, Together(duckdb.connect, executor))
    assert asyncio.run(kept.asked(COMPARED, (), ["7"])) is None
    assert asyncio.run(kept.asked(COMPARED, ("INT",), ["7", "8"])) is None
    executor.close()
