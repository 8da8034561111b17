"""Which way of several reads at once is taken, and what those have that are joined with what they ask for."""

import pytest

from engine.together import Shared
from sql.members import Members
from sql.shapes import Gapped
from tests.support.gathering import INTEGER, Bench, Rows, reckoned


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reckoned(monkeypatch)


def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.together._LONGEST_S", 0.003)
    monkeypatch.setattr("engine.together._WEIGHT", 0.25)
    monkeypatch.setattr("engine.together._FADES", 0.999)


def taken(read: Shared, waiting: int, costs: dict[tuple[int, bool], float], times: int = 40) -> tuple[int, bool] | None:
    """Return the way that *read* comes to after some statements, each of which takes what *costs* says."""
    for _ in range(times):
        for way in read.ways:
            way.took(costs[way.size, way.joined])
    best = read.best(waiting)
    return None if best is None else (best.size, best.joined)


def costs(united: float, joined: float) -> dict[tuple[int, bool], float]:
    return {(size, False): size * united for size in (1, 2, 4, 8)} | {(size, True): joined for size in (16, 32)}


@pytest.mark.parametrize(
    ("united", "joined", "waiting", "expected"),
    [
        (0.00004, 0.001, 20, (8, False)),
        (0.0002, 0.001, 20, (32, True)),
        (0.0002, 0.001, 16, (16, True)),
        (0.0002, 0.001, 3, (2, False)),
        (0.0004, 0.001, 4, (16, True)),
        (0.001, 0.02, 8, (2, False)),
        (0.01, 0.02, 8, (1, False)),
        (0.01, 0.002, 8, (16, True)),
    ],
)
def test_the_way_that_takes_least_for_each_is_taken_if_it_does_not_take_long(
    united: float, joined: float, waiting: int, expected: tuple[int, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch)
    read = Bench().shared(joined=True)
    assert taken(read, waiting, costs(united, joined)) == expected


def test_what_took_long_is_tried_again_one_day_and_what_took_far_too_long_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured(monkeypatch)

    def again(seconds: float) -> bool:
        read = Bench().shared(joined=True)
        slow = costs(0.0005, seconds)
        assert taken(read, 8, slow) == (4, False)
        for _ in range(5_000):
            way = read.best(8)
            assert way is not None
            if way.joined:
                return True
            way.took(slow[way.size, way.joined])
        return False

    assert again(0.02)
    assert not again(0.031)


def test_an_index_is_looked_into_for_several_and_few_ask_for_themselves() -> None:
    bench = Bench()
    read = bench.shared('SELECT n, n FROM things AS t WHERE (t."n" = ?)', alone=False, united=False, joined=True)
    assert bench.run(bench.gathered(read, ["1", "2", "3"])) == [None] * 3
    bench = Bench()
    read = bench.shared('SELECT n, n FROM things AS t WHERE (t."n" = ?)', alone=False, united=False, joined=True)
    assert bench.run(bench.gathered(read, ["1", "2", "77", "4"])) == [[(1, 1)], [(2, 2)], [], [(4, 4)]]


JOINED = [
    'SELECT n, word FROM many AS t WHERE (t."n" = ?)',
    'SELECT n, word FROM many AS t WHERE (t."n" = ?) AND (t."word" <> \'WHERE\')',
    'SELECT n, word FROM many AS t WHERE (t."n" = ?) AND (t.m > ?)',
    'SELECT ? AS asked, word FROM many AS t WHERE (t."n" = ?)',
    "SELECT sum(m) AS s, count(*), min(word), max(word) || 'x' FROM many AS t WHERE (t.\"n\" = ?)",
    'SELECT word, count(*) FROM many AS t WHERE (t."n" = ?) GROUP BY word',
    'SELECT word, sum(m) FROM many AS t WHERE (t."n" = ?) GROUP BY 1 HAVING sum(m) > 100',
    'SELECT count(*) FILTER (WHERE m > 50) FROM many AS t WHERE (t."n" = ?)',
    'SELECT 1 FROM many AS t WHERE (t."n" = ?)',
    'SELECT t.* FROM many AS t WHERE (t."n" = ?)',
    'SELECT count("m"), sum("nothing") FROM many AS t WHERE (t."n" = ?)',
    'SELECT count(*) FROM many AS t WHERE (t."word" = CAST(? AS VARCHAR))',
]
"""Reads that can be joined with what is asked for."""
OTHERWISE = [
    'SELECT sum(m) AS s FROM many AS t WHERE (t."n" = ?) HAVING count(*) > 1',
    'SELECT sum(m) AS s FROM many AS t WHERE (t."n" = ?) HAVING count(*) < 1',
    'SELECT 7 FROM many AS t WHERE (t."n" = ?) HAVING TRUE',
    'SELECT * FROM many AS t WHERE (t."n" = ?)',
    'SELECT ? AS asked, count(*) FROM many AS t WHERE (t."n" = ?)',
]
"""Reads that look as if they could."""


def many(bench: Bench) -> None:
    bench.root.execute(
        "CREATE TABLE many AS SELECT CASE WHEN i % 5 > 0 THEN i % 23 END AS n, CASE i % 7 WHEN 0 THEN NULL ELSE i END AS m, "
        "CAST(i % 3 AS VARCHAR) AS word, CAST(NULL AS INTEGER) AS nothing FROM range(200) AS r(i)"
    )


@pytest.mark.parametrize("indexed", [False, True])
@pytest.mark.parametrize("sql", JOINED + OTHERWISE)
def test_members_have_what_each_has_alone(sql: str, indexed: bool) -> None:
    bench = Bench()
    many(bench)
    if indexed:
        bench.root.execute("CREATE INDEX found ON many (n)")
    asked = ["1", "22", "23", "0", "CAST(NULL AS INTEGER)", "5", "1", "-1", "7", "11", "2"]
    alone = [bench.root.execute(sql.replace("?", f"CAST({argument} AS INTEGER)")).fetchall() for argument in asked]

    async def play() -> list[list[Rows]]:
        found = []
        for joined in (True, False):
            read = bench.shared(sql, alone=not joined, united=not joined, joined=joined)
            found.append(await bench.gathered(read, asked))
        return found

    joined, united = bench.run(play())
    assert [sorted(rows or [], key=str) for rows in united] == [sorted(rows, key=str) for rows in alone]
    if sql in JOINED:
        assert [sorted(rows or [], key=str) for rows in joined] == [sorted(rows, key=str) for rows in alone]
        assert None not in joined
    else:
        assert joined == [None] * len(asked)


def test_a_join_that_fails_leaves_the_others_to_a_union_and_then_each_to_itself() -> None:
    sql = "SELECT CAST(CASE n WHEN 1 THEN 'x' ELSE n::VARCHAR END AS INTEGER) AS n FROM things AS t WHERE (t.\"n\" = ?)"
    bench = Bench()

    async def play() -> list[list[Rows]]:
        failing = bench.shared(sql.replace("'x'", "'1'"), joined=True)
        failing.members = Members(Gapped(tuple(sql.split("?")), (0,)), (INTEGER,))
        return [await bench.gathered(failing, [str(each) for each in range(8)]) for _ in range(3)]

    alone: list[Rows] = [[(number,)] if number != 1 else None for number in range(8)]
    assert bench.run(play()) == [[None] * 8, [None] * 8, alone]
    assert bench.reads == [16, 8, *[1] * 8]
