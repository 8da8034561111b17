"""Which tables are copied in the engine's own format, how much disk copies take, and when they go."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path

import pytest

from catalog.model import Relation
from engine.executor import Executor
from session.table_cache import READS, TableCache
from storage.database import Database, LakeLocation, Resources
from storage.table_cache import CacheStore

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database(LakeLocation(folder=tmp_path_factory.mktemp("lake")), Resources())
    connection = opened.cursor()
    connection.execute("CREATE SCHEMA lake.s")
    for oid in range(1, 4):
        connection.execute(
            f"CREATE TABLE lake.s.t{oid} AS SELECT hash(i) AS h, hash(-i) AS g FROM range(100000) AS r(i)"
        )
        connection.execute(
            f"ALTER TABLE lake.s.t{oid} ALTER h TYPE DOUBLE; ALTER TABLE lake.s.t{oid} ALTER g TYPE DOUBLE"
        )
    connection.execute("CREATE TABLE lake.s.t4 (n INTEGER); INSERT INTO lake.s.t4 VALUES (7)")
    connection.execute("CREATE TABLE lake.s.t5 (n INTERVAL); INSERT INTO lake.s.t5 VALUES (INTERVAL 1 DAY)")
    yield opened
    opened.close()


class World:
    """The tables' copies, in so much space."""

    def __init__(self, database: Database, size_bytes: int) -> None:
        self.database = database
        self.executor = Executor(2)
        self.cache = TableCache(CacheStore(database, size_bytes), size_bytes, self.executor)

    async def read(self, oid: int, times: int = READS) -> bool:
        """Read a table *times* times, and let what begins then end; tell whether the next read reads a copy."""
        for _ in range(times):
            if self.cache.find(oid) is None:
                self.cache.want(self.relation(oid), "s", None)
            else:
                self.cache.borrow([oid]).release()
        await self.cache.rest()
        return self.cache.find(oid) is not None

    def relation(self, oid: int) -> Relation:
        return Relation(oid=oid, schema=1_000, name=f"t{oid}", owner=0, engine_name=f'lake.s."t{oid}"')

    def files(self) -> list[Path]:
        return list((self.database.location.folder / "cache").glob("*"))


def run(database: Database, size_bytes: int, work: Callable[[World], Coroutine[None, None, None]]) -> None:
    async def whole() -> None:
        world = World(database, size_bytes)
        try:
            await work(world)
        finally:
            await world.cache.close()
            world.executor.close()
            assert world.files() == []

    asyncio.run(whole())


def test_a_table_is_copied_after_some_reads_and_not_read_once_it_is_written(database: Database) -> None:
    async def work(world: World) -> None:
        assert not await world.read(1, READS - 1)
        assert await world.read(1, 1)
        copy = world.cache.find(1)
        assert copy is not None
        assert database.cursor().execute(f"SELECT count(*) FROM {copy.table.name}").fetchone() == (100_000,)
        borrowed = world.cache.borrow([1])
        world.cache.forget(frozenset({1}))
        assert world.cache.find(1) is None
        await world.cache.rest()
        assert len(world.files()) == 1
        borrowed.release()
        await world.cache.rest()
        assert world.files() == []
        # It was not worth it: the next takes more reads.
        assert not await world.read(1, READS)
        assert await world.read(1, READS)

    run(database, 100 * MEBIBYTE, work)


def test_what_was_read_least_recently_goes_first_where_space_is_short(database: Database) -> None:
    async def work(world: World) -> None:
        assert await world.read(1)
        assert await world.read(2)
        assert await world.read(1)
        assert await world.read(3)
        assert [world.cache.find(oid) is not None for oid in (1, 2, 3)] == [True, False, True]
        assert world.cache.used == sum(path.stat().st_size for path in world.files()) <= 5 * MEBIBYTE

    run(database, 5 * MEBIBYTE, work)


@pytest.mark.parametrize(("oid", "size_bytes"), [(1, 0), (1, MEBIBYTE), (5, 100 * MEBIBYTE)])
def test_what_has_no_room_or_cannot_be_copied_is_not(database: Database, oid: int, size_bytes: int) -> None:
    async def work(world: World) -> None:
        assert not await world.read(oid, 3 * READS)
        assert world.cache.used == 0

    run(database, size_bytes, work)


def test_a_table_that_is_written_while_it_is_copied_has_no_copy(database: Database) -> None:
    async def work(world: World) -> None:
        for _ in range(READS):
            world.cache.want(world.relation(1), "s", None)
        while not world.files():
            await asyncio.sleep(0.001)
        world.cache.forget(frozenset({1}))
        assert not await world.read(1, 0)
        assert world.files() == []

    run(database, 100 * MEBIBYTE, work)
