"""Reads that several ask for at once, as one statement of the engine."""

import asyncio
from typing import Any

import pyarrow as pa
import pytest

from core.errors import Canceled
from core.sqlstate import SqlState
from engine.together import apart
from sql.members import Members
from sql.shapes import Gapped
from tests.support.gathering import BELOW, INTEGER, Bench, Rows, reckoned


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reckoned(monkeypatch)


def below(number: int) -> Rows:
    return [(each, each) for each in range(min(number, 10))]


def test_reads_that_are_asked_for_at_once_are_one_statement_and_each_has_its_own_rows() -> None:
    bench = Bench()
    limits = [3, 0, 1, 10, 7, 0, 2, 9]
    assert bench.run(bench.gathered(bench.shared(), [str(limit) for limit in limits])) == [below(each) for each in limits]
    assert bench.reads == [8]


@pytest.mark.parametrize(("asked", "reads"), [(1, [1]), (2, [2]), (3, [2, 1]), (7, [4, 2, 1]), (13, [8, 4, 1])])
def test_some_plans_serve_any_number(asked: int, reads: list[int]) -> None:
    bench = Bench()
    found = bench.run(bench.gathered(bench.shared(), [str(number) for number in range(asked)]))
    assert bench.reads == reads
    assert found == [below(number) for number in range(asked)]


def test_who_asks_alone_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    monkeypatch.setattr("engine.executor._AT_ONCE_S", 0)
    assert bench.run(bench.gathered(bench.shared(), ["1", "2"])) == [below(1), below(2)]
    assert bench.reads == [1, 1]


@pytest.mark.parametrize(("again_s", "reads"), [(60, [2, 2]), (0, [2, 1, 1])])
def test_who_is_first_after_several_waits_for_the_others(
    again_s: int, reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.together._AGAIN_S", again_s)
    bench = Bench()
    read = bench.shared()

    async def play() -> list[Rows]:
        await bench.gathered(read, ["1", "2"])
        # Nobody has asked since.
        return await asyncio.gather(bench.read(1, read, "3"), bench.read(0, read, "4"))

    assert bench.run(play()) == [below(3), below(4)]
    assert bench.reads == reads


def test_what_has_an_order_is_one_statement_for_each() -> None:
    bench = Bench()
    read = bench.shared(BELOW + " ORDER BY n DESC", united=False)
    assert bench.run(bench.gathered(read, ["2", "3"])) == [[(1, 1), (0, 0)], [(2, 2), (1, 1), (0, 0)]]
    assert bench.reads == [1, 1]


def test_a_read_is_kept_once_it_has_come_some_times_and_its_rows_were_seen() -> None:
    bench = Bench()
    new = bench.shared()
    new.schema, new.times = None, 0
    seen = bench.shared().schema

    async def play() -> list[Rows]:
        early = [await bench.read(0, new, "1") for _ in range(6)]
        new.schema = seen
        return [*early, await bench.read(0, new, "1")]

    assert bench.run(play()) == [None] * 6 + [below(1)]


def test_different_reads_are_different_statements() -> None:
    bench = Bench()
    above = "SELECT n FROM things WHERE n > ?"

    async def play() -> list[Rows]:
        bench.executor.alone(object())
        one, other = bench.shared(), bench.shared(above)
        asked = [bench.read(number, other if number % 2 else one, "8") for number in range(4)]
        return await asyncio.gather(*asked)

    assert bench.run(play()) == [below(8), [(9,)]] * 2
    assert bench.reads == [2, 2]


def test_a_plan_is_made_once() -> None:
    bench = Bench()
    read = bench.shared()

    async def play() -> None:
        for _ in range(3):
            await bench.gathered(read, ["1", "2", "3", "4"])

    bench.run(play())
    assert [sql.split(" ")[0] for sql in bench.executed].count("PREPARE") == 1
    assert bench.reads == [4, 4, 4]


def test_plans_of_reads_that_do_not_come_again_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.together._PLANNED_MAX", 2)
    bench = Bench()

    async def play() -> list[list[Rows]]:
        reads = [bench.shared() for _ in range(3)]
        return [await bench.gathered(reads[number], ["1", "2"]) for number in (0, 1, 2, 0)]

    assert bench.run(play()) == [[below(1), below(2)]] * 4
    words = [sql.split(" ")[0] for sql in bench.executed]
    assert (words.count("PREPARE"), words.count("DEALLOCATE")) == (4, 2)


def test_a_read_knows_its_time_zone() -> None:
    sql = "SELECT CAST(TIMESTAMPTZ '2026-01-01 00:00:00+00' AS VARCHAR) AS t FROM things WHERE n = ?"
    bench = Bench()

    async def play() -> list[Rows]:
        zones = ["Asia/Tokyo", "UTC"]
        return [(await bench.gathered(bench.shared(sql, zone), ["1", "2"]))[0] for zone in zones]

    assert bench.run(play()) == [[("2026-01-01 09:00:00+09",)], [("2026-01-01 00:00:00+00",)]]


def test_where_one_fails_each_reads_by_itself_from_then_on() -> None:
    sql = "SELECT CAST(CASE n WHEN ? - 1 THEN '1' ELSE 'x' END AS INTEGER) AS n FROM things WHERE n < 1"
    bench = Bench()

    async def play() -> list[list[Rows]]:
        failing = bench.shared(sql)
        return [await bench.gathered(failing, arguments) for arguments in (["1", "2"], ["1", "2"], ["1", "1"])]

    assert bench.run(play()) == [[None, None], [[(1,)], None], [[(1,)], [(1,)]]]
    assert bench.reads == [2, 1, 1, 1, 1]


def test_nothing_is_planned_while_others_are_on_threads_and_what_was_is_read() -> None:
    bench = Bench()
    read = bench.shared()

    async def play() -> list[Rows]:
        found = []
        for others in (1, 0, 1):
            bench.together.others = others
            found.append(await bench.read(0, read, "1"))
        return found

    assert bench.run(play()) == [None, below(1), below(1)]
    assert sum(sql.startswith("PREPARE ") for sql in bench.executed) == 1


def test_what_cannot_be_planned_is_not_tried_again() -> None:
    bench = Bench()
    read = bench.shared()
    read.members = Members(Gapped(("SELECT nothing",), ()), (INTEGER,))

    async def play() -> list[Rows]:
        return [await bench.read(0, read, "1") for _ in range(3)]

    assert bench.run(play()) == [None] * 3
    assert sum(sql.startswith("PREPARE ") for sql in bench.executed) == 1


@pytest.mark.parametrize(
    ("count", "reads", "found"), [(1_024, [2, 2], [2, 2]), (1_025, [2, 1, 1], [0, 2]), (2_049, [2, 1], [0, 0])]
)
def test_many_rows_are_for_few_at_once_or_none(count: int, reads: list[int], found: list[int]) -> None:
    bench = Bench(count)

    async def play() -> list[list[Rows]]:
        read = bench.shared("SELECT n FROM things WHERE n < ?")
        return [await bench.gathered(read, [str(count)] * 2) for _ in range(3)]

    whole = [(each,) for each in range(count)]
    assert bench.run(play())[:2] == [[whole] * 2 if each else [None] * 2 for each in found]
    assert bench.reads[: len(reads)] == reads


@pytest.mark.parametrize("length", [2_000, 3_000])
def test_large_rows_are_not_gathered(length: int) -> None:
    bench = Bench(1_000)
    read = bench.shared(f"SELECT n, repeat('x', {length}) AS long FROM things WHERE n < ?")
    found = bench.run(bench.gathered(read, ["900", "900"]))
    assert [rows and len(rows) for rows in found] == ([900] * 2 if length == 2_000 else [None] * 2)


def test_each_has_its_own_rows_in_whatever_order_the_engine_finds_them() -> None:
    # A scan is broken off after a hundred thousand rows, for other members' to go on.
    bench = Bench(240_000)
    read = bench.shared("SELECT n FROM things WHERE n % 60000 = ?")
    found = bench.run(bench.gathered(read, [str(number) for number in range(8)]))
    rows = [sorted(each) for each in found if each is not None]
    assert rows == [[(number + 60_000 * place,) for place in range(4)] for number in range(8)]


@pytest.mark.parametrize("numbers", [[0, 1, 2], [0, 0, 2, 2], [2, 0, 1, 0, 2], [1, 0], [2, 2], [0, 2, 1]])
def test_rows_are_told_apart_by_their_members(numbers: list[int]) -> None:
    rows = pa.RecordBatch.from_pydict({"of": numbers, "word": [f"{number} ä" for number in numbers]})
    found = [{"of": [], "word": []} if part is None else part.to_pydict() for part in apart(rows, numbers, 3)]
    assert [part["of"] for part in found] == [[number] * numbers.count(number) for number in range(3)]
    assert [part["word"] for part in found] == [[f"{number} ä"] * numbers.count(number) for number in range(3)]


def test_rows_of_other_types_than_were_expected_are_not_taken() -> None:
    bench = Bench()
    read = bench.shared()
    read.schema = pa.schema([("n", pa.int64()), ("n", pa.int32())])
    assert bench.run(bench.gathered(read, ["1", "2"])) == [None, None]


def test_who_has_no_row_has_the_one_that_is_for_all_such() -> None:
    rows = pa.RecordBatch.from_pydict({"of": [4, 2, 9]})
    found = [part and part.to_pydict() for part in apart(rows, [4, 2, 9], 5, 9)]
    assert found == [{"of": [number]} for number in (9, 9, 2, 9, 4)]


def test_who_gives_up_waiting_leaves_the_others_alone() -> None:
    bench = Bench()
    read = bench.shared()
    reason = Canceled(SqlState.QUERY_CANCELED, "canceling statement due to user request")

    async def play() -> list[Any]:
        bench.executor.alone(object())
        asked = [asyncio.create_task(bench.read(number, read, "2")) for number in range(4)]
        await asyncio.sleep(0)
        bench.engines[1].interrupt(reason)
        asked[2].cancel()
        return await asyncio.gather(*asked, return_exceptions=True)

    found = bench.run(play())
    assert [found[0], found[1], found[3]] == [below(2), reason, below(2)]
    assert isinstance(found[2], asyncio.CancelledError)
    assert not any(engine.running for engine in bench.engines)
