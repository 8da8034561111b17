"""Small writes are inlined, and flushed to Parquet without being asked."""

import time
from pathlib import Path

import duckdb
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


def test_vacuum_leaves_one_file_in_the_order_of_the_sort_key(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with Server(folder) as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE digits AS SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3")
        connection.execute("CREATE TABLE kept (a int, b int) SORTKEY (a)")
        for _ in range(2):
            connection.execute("INSERT INTO kept SELECT 7 - x.d * 3, y.d * 5 - z.d FROM digits x, digits y, digits z")
        for key in ("a, b", "b"):
            connection.execute(f"ALTER TABLE kept ALTER SORTKEY ({key})")  # type: ignore[arg-type]
            connection.execute("VACUUM kept")
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (128,)
            newest = max((folder / "data").rglob("kept/*.parquet"), key=lambda path: path.stat().st_mtime)
            rows = duckdb.execute(f"SELECT {key} FROM '{newest}'").fetchall()
            assert len(rows) == 128
            assert rows == sorted(rows)
