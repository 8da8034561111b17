"""The engine's memory runs out in one session while another is in the middle of changing tables."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.support.server import Server

# What cannot be written to disk: one value that is larger than the memory.
GREEDY = "SELECT len(listagg(repeat('x', 10000) || n) WITHIN GROUP (ORDER BY n)) FROM generate_series(1, 20000) AS n"


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(
        tmp_path_factory.mktemp("tight") / "data", environment={"DUCKSHIFT_ENGINE_MEMORY_LIMIT": "160MB"}
    ) as started:
        yield started


@pytest.mark.parametrize("reads_first", [False, True])
def test_a_block_that_changes_tables_goes_on(tight: Server, reads_first: bool) -> None:
    """DuckLake gives its schema up then, which tables made in the block point to."""
    with psycopg.connect(tight.dsn) as changing, psycopg.connect(tight.dsn, autocommit=True) as greedy:
        greedy.execute("CREATE TABLE kept (n int)")
        greedy.execute("INSERT INTO kept VALUES (1)")
        if reads_first:
            changing.execute("SELECT n FROM kept")
            greedy.execute("CREATE TABLE newer (n int)")
        changing.execute("CREATE TABLE made AS SELECT n + 1 AS n FROM kept")
        for place in range(3):
            with pytest.raises(psycopg.errors.OutOfMemory):
                greedy.execute(GREEDY)
            assert greedy.execute("SELECT n FROM kept").fetchall() == [(1,)]
            changing.execute(f"ALTER TABLE {'made' if place == 0 else f'made_{place - 1}'} RENAME TO made_{place}")
            changing.execute(f"INSERT INTO made_{place} VALUES ({place})")
        changing.commit()
        assert greedy.execute("SELECT n FROM made_2 ORDER BY n").fetchall() == [(0,), (1,), (2,), (2,)]
        greedy.execute("DROP TABLE made_2; DROP TABLE kept; DROP TABLE IF EXISTS newer")
