"""For which texts the engine can keep a plan, and what it is given."""

from types import SimpleNamespace
from typing import Any, cast

import duckdb
import pytest

from engine.executor import Executor
from engine.plan_keeping import keep
from engine.together import Together
from session.again import Place, Types, asked, gap_types
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
    executor = Executor(1)
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE copy_1 AS SELECT CAST({value} AS {kind}) AS id")
    text = gapped(f"SELECT id FROM memory.main.copy_1 WHERE (id IS NOT DISTINCT FROM CAST($1 AS {kind}))")
    found = asked(Place(Together(connection.cursor, executor), 1, "UTC"), text, (kind,), [value])
    assert found is not None
    assert found.arguments == (argument,)
    keep(connection, "kept", found.shared.members.united(1))
    expected = connection.execute("SELECT id FROM copy_1").fetchall()
    assert connection.execute(f"EXECUTE kept({argument})").fetchall() == expected
    executor.close()


EQUAL = 'SELECT 1 FROM memory.main.copy_1 WHERE ("id" = CAST($1 AS INT))'


@pytest.mark.parametrize(
    ("sql", "indexed", "united", "joined"),
    [
        (EQUAL, False, [1, 2, 4, 8], True),
        (EQUAL.replace("=", "<"), False, [1, 2, 4, 8], False),
        (EQUAL + " ORDER BY 1", False, [1], False),
        (EQUAL + " LIMIT 1 OFFSET 2", False, [1], False),
        (EQUAL, True, [], True),
        (EQUAL.replace("=", "<"), True, [], False),
        ('SELECT 1 FROM memory.main.copy_1, memory.main.copy_1 AS u WHERE (u."id" = CAST($1 AS INT))', False, [], False),
        ('SELECT 1 FROM memory.main.copy_1, memory.main.copy_2 WHERE ("id" = CAST($1 AS INT))', False, [], False),
    ],
)
def test_what_a_read_of_one_copy_can_be(sql: str, indexed: bool, united: list[int], joined: bool) -> None:
    executor = Executor(1)
    found = asked(Place(Together(duckdb.connect, executor), 1, "UTC"), gapped(sql), ("INT",), ["7"], indexed=indexed)
    assert found is not None
    assert [way.size for way in found.shared.ways if not way.joined] == united
    assert any(way.joined for way in found.shared.ways) == joined
    executor.close()


def test_reads_are_shared_by_all_sessions_of_a_time_zone_as_long_as_the_copies_are_the_same() -> None:
    executor = Executor(1)
    together = Together(duckdb.connect, executor)
    places = [Place(together, *where) for where in [(1, "UTC"), (1, "UTC"), (1, "Asia/Tokyo"), (2, "UTC")]]
    found = [asked(place, COMPARED, ("INTEGER",), ["7"]) for place in places]
    shared = [each.shared for each in found if each is not None]
    assert shared[0] is shared[1]
    assert len(set(map(id, shared))) == 3
    assert shared[2].zone == "Asia/Tokyo"
    executor.close()


def test_what_no_plan_is_kept_for_is_no_read_of_this_kind() -> None:
    executor = Executor(1)
    place = Place(Together(duckdb.connect, executor), 1, "UTC")
    assert asked(place, COMPARED, (), ["7"]) is None
    assert asked(place, COMPARED, ("INT",), ["7", "8"]) is None
    executor.close()
