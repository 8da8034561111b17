"""What reads have that come at once and are joined with what they ask for: what each has alone."""

import pytest

from sql.members import Members
from sql.shapes import Gapped
from tests.support.gathering import INTEGER, Bench, Rows, reckoned


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    reckoned(monkeypatch)


def test_an_index_is_looked_into_for_several_and_few_ask_for_themselves() -> None:
    bench = Bench()
    read = bench.shared('SELECT n, n FROM things AS t WHERE (t."n" = ?)', alone=False, united=False, joined=True)
    assert bench.run(bench.gathered(read, ["1", "2", "3"])) == [None] * 3
    bench = Bench()
    read = bench.shared('SELECT n, n FROM things AS t WHERE (t."n" = ?)', alone=False, united=False, joined=True)
    assert bench.run(bench.gathered(read, ["1", "2", "77", "4"])) == [[(1, 1)], [(2, 2)], [], [(4, 4)]]


JOINED = [
    "SELECT count(*), sum(m) FROM many AS t WHERE (t.\"n\" = ?) GROUP BY 'x'",
    'SELECT count(*), sum(m) FROM many AS t WHERE (t."n" = ?) GROUP BY NULL',
    'SELECT count(*), sum(m) FROM many AS t WHERE (t."n" = ?) GROUP BY (word), m + 1',
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
    'SELECT count(*), sum(m) FROM many AS t WHERE (t."n" = ?) GROUP BY ()',
    'SELECT word, count(*) FROM many AS t WHERE (t."n" = ?) GROUP BY word, ( )',
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
