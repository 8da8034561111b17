"""Results that nobody reads take little memory: of rows that may be wide few are made before they are asked for."""

import asyncio

import duckdb
import pytest

from engine.cursors import DuckDbEngine
from engine.executor import Executor
from engine.streams import BATCH_ROWS, is_wide
from storage.database import beside


@pytest.mark.parametrize(("row_bytes", "wide"), [(8, False), (1_024, False), (1_025, True), (65_535, True)])
def test_what_rows_may_take_decides(row_bytes: int, wide: bool) -> None:
    assert is_wide(row_bytes) is wide


@pytest.mark.parametrize(
    ("length", "wide", "most"),
    [(1, False, BATCH_ROWS), (1, True, BATCH_ROWS), (1_000, True, 4_608), (10_000, True, 512)],
)
def test_batches_are_as_large_as_their_rows_allow(length: int, wide: bool, most: int) -> None:
    async def story() -> None:
        executor = Executor(2)
        engine = DuckDbEngine(lambda: beside(duckdb.connect(config={"threads": 1})), executor)
        stream = await engine.rows(f"SELECT i, repeat('x', {length}) FROM range(20000) t(i)", wide=wide)
        sizes = [batch.num_rows async for batch in stream.batches()]
        assert sum(sizes) == 20_000
        assert max(sizes) == most
        engine.close()
        executor.close()

    asyncio.run(story())


def test_a_result_that_is_not_read_is_not_made() -> None:
    async def made(wide: bool, least: int = 1) -> int:
        executor = Executor(2)
        connection = beside(duckdb.connect(config={"threads": 1}))
        connection.execute("CREATE SEQUENCE made")
        engine = DuckDbEngine(lambda: connection, executor)
        # Another statement's setting must not stay.
        (await engine.rows("SELECT 1", wide=not wide)).close()
        stream = await engine.rows("SELECT nextval('made'), repeat('x', 3000) FROM range(1000000) t(i)", wide=wide)
        count, before = 0, -1
        while count < least or count > before:
            await asyncio.sleep(0.3)
            before, count = count, connection.cursor().execute("SELECT currval('made')").fetchall()[0][0]
        stream.close()
        engine.close()
        executor.close()
        return int(count)

    assert asyncio.run(made(wide=True)) <= 3 * 2_048
    # Of narrow rows a little is at hand.
    assert BATCH_ROWS < asyncio.run(made(wide=False, least=BATCH_ROWS + 1)) <= BATCH_ROWS + 6 * 2_048
