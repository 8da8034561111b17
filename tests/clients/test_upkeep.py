"""Small writes are inlined, and flushed to Parquet without being asked."""

import time
from pathlib import Path

import psycopg

from session.upkeep import WRITES_BEFORE_FLUSH
from tests.support.server import Server


def test_inlined_rows_are_flushed_after_many_writes(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Server(folder) as server:
        dsn = f"host={server.host} port={server.port} user={server.user} password={server.password} dbname=dev"
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE small (a int)")
            for number in range(5):
                connection.execute(f"INSERT INTO small VALUES ({number})")
            assert not list((folder / "data").rglob("small/*.parquet"))
            for number in range(5, WRITES_BEFORE_FLUSH + 5):
                connection.execute(f"INSERT INTO small VALUES ({number})")
            for _ in range(200):
                if list((folder / "data").rglob("small/*.parquet")):
                    break
                time.sleep(0.05)
            assert list((folder / "data").rglob("small/*.parquet"))
            found = connection.execute("SELECT count(*), count(DISTINCT a) FROM small").fetchone()
            assert found == (WRITES_BEFORE_FLUSH + 5, WRITES_BEFORE_FLUSH + 5)
