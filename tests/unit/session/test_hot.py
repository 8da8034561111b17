"""Which tables are copied, how much memory copies take, when they go; and which reads are brief."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, cast

import pytest

from catalog.model import CatalogState, Relation, Schema
from engine.cursors import DuckDbEngine
from engine.executor import Executor
from session.functions import install_functions
from session.hot import FOUND_ROWS, INDEX_READS, INDEX_ROWS, READS, ROWS_MAX, HotTables
from session.paces import BRIEF_S, Paces
from session.plans import Plan
from session.warehouse import Cache
from sql.shapes import Gapped
from storage.database import Database, LakeLocation, Resources
from storage.hot import HotStore

MEBIBYTE = 1 << 20
_SCHEMA = Schema(oid=1_000, database=0, name="s", owner=0, engine_name="s")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database(LakeLocation(folder=tmp_path_factory.mktemp("lake")), Resources(), install_functions)
    opened.cursor().execute("CREATE SCHEMA lake.s")
    yield opened
    opened.close()


@dataclass
class World:
    """Tables 1, 2, … of one lake and the copies of them."""

    database: Database
    store: HotStore
    hot: HotTables
    state: CatalogState

    def make(self, oid: int, select: str) -> None:
        name = f'lake.s."t{oid}"'
        self.database.cursor().execute(f"CREATE OR REPLACE TABLE {name} AS {select}")
        self.state.objects[oid] = Relation(oid=oid, schema=_SCHEMA.oid, name=f"t{oid}", owner=0, engine_name=name)

    async def read(self, *oids: int, times: int = READS) -> str | None:
        """Read *times* times, let what begins then end, and return what the next read would run."""
        for _ in range(times):
            taken = self.take(*oids)
            if taken is not None:
                taken.release()
        await self.hot.rest()
        taken = self.take(*oids)
        if taken is not None:
            taken.release()
        return None if taken is None else taken.text.pieces[0]

    def take(self, *oids: int) -> Any:
        text = Gapped((", ".join(f'lake.s."t{oid}"' for oid in oids),), ())
        return self.hot.take(text, frozenset(oids), self.state)


def play(database: Database, memory_bytes: int, story: Callable[[World], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        executor = Executor(2)
        store = HotStore(database, memory_bytes, install_functions)
        hot = HotTables(store, lambda: DuckDbEngine(database.cursor, executor), memory_bytes)
        await story(World(database, store, hot, CatalogState(objects={_SCHEMA.oid: _SCHEMA})))
        await hot.close()
        executor.close()

    asyncio.run(run())


def test_a_table_is_copied_after_some_reads_and_no_more_read_once_it_is_written(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, "SELECT 42 AS n")
        assert await world.read(1, times=READS - 2) is None
        name = await world.read(1, times=1)
        assert name is not None
        assert world.store.cursor().execute(f"SELECT n FROM {name}").fetchall() == [(42,)]
        world.hot.forget(frozenset({1}))
        assert world.take(1) is None
        await world.hot.rest()
        assert world.store.used() == 0

    play(database, MEBIBYTE, story)


def test_a_table_that_is_read_with_one_of_many_rows_is_not_copied(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, "SELECT 42 AS n")
        world.make(2, f"SELECT * FROM range({ROWS_MAX + 1}) AS r(n)")
        assert await world.read(1, 2, times=3 * READS) is None
        assert world.store.used() == 0
        # Nor is it where the large one was read first, and the other by itself in between.
        world.hot.forget(frozenset({1, 2}))
        assert await world.read(2) is None
        assert await world.read(1, times=READS - 2) is None
        assert await world.read(1, 2, times=3 * READS) is None
        assert world.store.used() == 0
        assert await world.read(1, times=1) is not None
        # One of fewer rows since can be copied.
        world.make(2, "SELECT 7 AS n")
        world.hot.forget(frozenset({2}))
        assert await world.read(1, 2, times=3 * READS) is not None

    play(database, MEBIBYTE, story)


def test_a_copy_that_was_being_made_when_its_table_was_written_is_thrown_away(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, "SELECT 1 AS n")
        for _ in range(READS):
            assert world.take(1) is None
        # The task begins, and then waits for its thread.
        await asyncio.sleep(0)
        world.hot.forget(frozenset({1}))
        await world.hot.rest()
        assert world.take(1) is None
        assert world.store.used() == 0

    play(database, MEBIBYTE, story)


def test_a_copy_stays_until_those_who_took_it_have_begun(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, "SELECT 7 AS n")
        await world.read(1)
        taken = world.take(1)
        world.hot.forget(frozenset({1}))
        await world.hot.rest()
        assert world.store.cursor().execute(f"SELECT n FROM {taken.text.pieces[0]}").fetchall() == [(7,)]
        taken.release()
        await world.hot.rest()
        assert world.store.used() == 0

    play(database, MEBIBYTE, story)


def test_all_tables_of_a_statement_or_none(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, "SELECT 1 AS n")
        world.make(2, "SELECT 2 AS n")
        world.make(3, "SELECT INTERVAL 1 DAY AS n")
        both = await world.read(1, 2)
        assert both is not None
        assert "lake" not in both
        assert await world.read(1, 3) is None
        world.state.objects[4] = Relation(oid=4, schema=0, name="t4", owner=0, engine_name="x", temporary=True)
        assert await world.read(1, 4) is None

    play(database, MEBIBYTE, story)


def test_copies_stay_within_their_memory(database: Database) -> None:
    async def story(world: World) -> None:
        rows = MEBIBYTE // 4 // 10
        for oid in range(1, 11):
            world.make(oid, f"SELECT i, i AS j FROM range({rows // 2}) AS r(i)")
        for oid in range(1, 11):
            assert await world.read(oid) is not None
        # DuckDB counts whole blocks, a quarter of a mebibyte each.
        assert 0 < world.store.used() <= 6 * MEBIBYTE
        kept = [oid for oid in range(1, 11) if world.take(oid) is not None]
        assert kept[-1] == 10
        assert len(kept) < 5

    play(database, MEBIBYTE, story)


@pytest.mark.parametrize(
    "select",
    [
        f"SELECT i FROM range({ROWS_MAX + 1}) AS r(i)",
        "SELECT repeat('x', 1000) AS x FROM range(1000)",
        "SELECT '12:00:00+02'::TIMETZ AS x",
    ],
    ids=["rows", "bytes", "type"],
)
def test_what_does_not_fit_is_not_copied(database: Database, select: str) -> None:
    async def story(world: World) -> None:
        world.make(1, select)
        assert await world.read(1, times=3 * READS) is None
        assert world.store.used() == 0

    play(database, MEBIBYTE, story)


def test_no_memory_no_copies(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, "SELECT 1 AS n")
        assert await world.read(1, times=3 * READS) is None

    play(database, 0, story)


def test_copies_that_serve_little_are_made_less_often(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, "SELECT 1 AS n")
        assert await world.read(1) is not None
        world.hot.forget(frozenset({1}))
        assert await world.read(1, times=READS + 1) is None
        assert await world.read(1) is not None

    play(database, MEBIBYTE, story)


_MANY = f"SELECT CASE WHEN i % 10 = 9 THEN NULL ELSE i // 3 END AS id, i AS n FROM range({FOUND_ROWS}) AS r(i)"
_ASKED = [
    *(f"id {sign} {value}" for sign in ("=", "<", ">=", "<>") for value in (-1, 0, 7, 6_666, 2_147_483_647, 3_000_000_000)),
    "id = 7 AND n > 21", "id = 7 AND id = 8", "id IS NULL", "id IN (3, 7, 70000)", "id = 7 OR n = 5", "id = NULL",
]  # fmt: skip


async def _asked_by_key(world: World, column: str = '"id"') -> bool:
    """Ask for rows by *column* as often as it takes for an index; tell whether there is one."""
    await world.read(1)
    await world.read(1, times=INDEX_READS)
    found = False
    for _ in range(2):
        taken = world.take(1)
        found = bool(taken.finds(column))
        taken.release()
        await world.hot.rest()
    return found


def _indexes(world: World) -> int:
    return len(world.store.cursor().execute("SELECT 1 FROM duckdb_indexes()").fetchall())


def test_a_copy_that_is_asked_for_keys_has_an_index_and_gives_the_same_rows(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, _MANY)
        assert await _asked_by_key(world)
        assert _indexes(world) == 1
        copy = (await world.read(1, times=0)) or ""
        for condition in _ASKED:
            sql = f"SELECT count(*), sum(n), min(id) FROM {{}} WHERE {condition}"
            found = world.store.cursor().execute(sql.format(copy)).fetchall()
            assert found == database.cursor().execute(sql.format('lake.s."t1"')).fetchall(), condition
        world.hot.forget(frozenset({1}))
        await world.hot.rest()
        assert (_indexes(world), world.store.used()) == (0, 0)

    play(database, 16 * MEBIBYTE, story)


@pytest.mark.parametrize(
    ("select", "column", "mebibytes"),
    [
        (_MANY.replace(str(FOUND_ROWS), str(INDEX_ROWS - 1)), '"id"', 16),
        (_MANY.replace("i AS n", "i::DOUBLE AS n"), '"n"', 16),
        (_MANY, '"other"', 16),
        (_MANY, "", 16),
        (f"SELECT i AS id FROM range({FOUND_ROWS}) AS r(i)", '"id"', 5),
    ],
    ids=["few rows", "not exact", "no such column", "no key", "no memory"],
)
def test_an_index_is_made_only_where_it_pays(database: Database, select: str, column: str, mebibytes: int) -> None:
    async def story(world: World) -> None:
        world.make(1, select)
        assert not await _asked_by_key(world, column)
        assert _indexes(world) == 0

    play(database, mebibytes * MEBIBYTE, story)


def test_a_read_alone_does_not_look_into_the_index_of_few_rows(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, _MANY.replace(str(FOUND_ROWS), str(INDEX_ROWS)))
        assert not await _asked_by_key(world)
        assert _indexes(world) == 1

    play(database, 16 * MEBIBYTE, story)


def test_a_copy_that_goes_while_its_index_is_made_goes_whole(database: Database) -> None:
    async def story(world: World) -> None:
        world.make(1, _MANY)
        await world.read(1)
        await world.read(1, times=INDEX_READS)
        taken = world.take(1)
        assert not taken.finds('"id"')
        taken.release()
        await asyncio.sleep(0)
        world.hot.forget(frozenset({1}))
        await world.hot.rest()
        assert (_indexes(world), world.store.used()) == (0, 0)

    play(database, 16 * MEBIBYTE, story)


def paces() -> Paces:
    return Paces(Cache(10))


def plan(shape: str = "SELECT 1", tables: int = 1) -> Plan:
    return Plan(cast(Any, None), (), (), frozenset(range(tables)), False, (), shape)


def test_a_read_is_brief_once_it_was_brief_several_times() -> None:
    known = paces()
    for _ in range(3):
        known.note(plan(), BRIEF_S / 2)
        assert not known.may_be_brief(plan())
    for _ in range(10):
        known.note(plan(), BRIEF_S / 2)
    assert known.may_be_brief(plan())


def test_one_run_that_was_held_up_is_not_the_rule() -> None:
    known = paces()
    for _ in range(20):
        known.note(plan(), BRIEF_S / 2)
    known.note(plan(), BRIEF_S * 2)
    assert known.may_be_brief(plan())
    for _ in range(3):
        known.note(plan(), BRIEF_S * 2)
    assert not known.may_be_brief(plan())


def test_what_takes_somewhat_long_on_a_thread_is_tried_on_the_loop_now_and_then() -> None:
    known = paces()
    for _ in range(20):
        known.note(plan(), BRIEF_S * 1.5)
    asked = [known.may_be_brief(plan()) for _ in range(320)]
    assert asked.count(True) == 40
    known.note(plan(), BRIEF_S * 1.4, brief=True)
    assert [known.may_be_brief(plan()) for _ in range(320)].count(True) == 40
    known.note(plan(), BRIEF_S / 2, brief=True)
    assert all(known.may_be_brief(plan()) for _ in range(320))


def test_what_takes_long_on_a_thread_is_not_tried_on_the_loop() -> None:
    known = paces()
    for _ in range(40):
        known.note(plan(), BRIEF_S * 4)
    assert not any(known.may_be_brief(plan()) for _ in range(320))


@pytest.mark.parametrize(
    ("shape", "tables", "took_s"),
    [
        ("SELECT 1", 1, 1.0),
        ("SELECT 1", 2, 0.0),
        ("SELECT * FROM a AS x JOIN a AS y ON true", 1, 0.0),
        ("SELECT * FROM a WHERE b IN (SELECT c FROM a)", 1, 0.0),
    ],
)
def test_what_may_take_long_is_never_brief(shape: str, tables: int, took_s: float) -> None:
    known = paces()
    known.note(plan(shape, tables), took_s)
    for _ in range(10):
        known.note(plan(shape, tables), 0.0)
    assert not known.may_be_brief(plan(shape, tables))
