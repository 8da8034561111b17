"""Small writes are inlined, and flushed to Parquet without being asked."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from session.upkeep import WRITES_BEFORE_FLUSH
from tests.support.server import ADMIN_PASSWORD, Server


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
            for _ in range(1_000):
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


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """A server whose upkeep looks all the time."""
    eager = {"DUCKSHIFT_UPKEEP_INTERVAL_S": "1", "DUCKSHIFT_UPKEEP_TIME_PERCENT": "100"}
    server = Server(tmp_path_factory.mktemp("kept") / "data", environment=eager)
    with server, psycopg.connect(server.dsn, autocommit=True) as connection:
        yield connection


def _until(connection: psycopg.Connection, sql: str, expected: list[tuple[Any, ...]], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while (found := connection.execute(sql).fetchall()) != expected:  # type: ignore[call-overload]
        assert time.monotonic() < until, found
        time.sleep(0.3)


def test_small_files_and_deleted_rows_go_by_themselves(kept: psycopg.Connection) -> None:
    kept.execute("CREATE TABLE many (a int, b varchar(10)) SORTKEY (a)")
    kept.execute("CREATE MATERIALIZED VIEW over_many AUTO REFRESH YES AS SELECT b, count(*) AS n FROM many GROUP BY b")
    for number in range(9):
        kept.execute(f"INSERT INTO many SELECT (i * 37) % 1000, 'b{number}' FROM generate_series(1, 400) AS g(i)")
    moment = kept.execute("SELECT CAST(sysdate AS varchar)").fetchall()[0][0]
    kept.execute("DELETE FROM many WHERE a % 2 = 0")
    held = kept.execute("SELECT count(*), sum(a), min(a), max(a), count(DISTINCT b) FROM many").fetchall()
    sizes = "SELECT tbl_rows FROM svv_table_info WHERE \"table\" = 'many'"
    done = "SELECT sum(reclaimed_rows), bool_and(is_automatic), max(query_id) FROM sys_vacuum_history"
    _until(kept, f"{done} WHERE table_name = 'many'", [(1800, True, None)])
    assert kept.execute(sizes).fetchall() == [(1800,)]
    assert kept.execute("SELECT count(*), sum(a), min(a), max(a), count(DISTINCT b) FROM many").fetchall() == held
    past = f"many FOR TIMESTAMP AS OF '{moment}'"
    assert kept.execute(f"SELECT count(*), min(a), max(a) FROM {past}").fetchall() == [(3600, 23, 999)]
    _until(kept, "SELECT count(*), sum(n) FROM over_many", [(9, 1800)])
    # What was moved has not changed: the view is as fresh as before.
    assert kept.execute("SELECT is_stale FROM svv_mv_info WHERE name = 'over_many'").fetchall() == [("f",)]


def test_a_transaction_that_reads_first_may_still_write(kept: psycopg.Connection) -> None:
    kept.execute("CREATE TABLE slow (a int)")
    with psycopg.connect(kept.info.dsn, password=ADMIN_PASSWORD) as other:
        for number in range(9):
            kept.execute(f"INSERT INTO slow SELECT i + {number} FROM generate_series(1, 200) AS g(i)")
        assert other.execute("SELECT count(*) FROM slow").fetchone() == (1800,)
        time.sleep(1.5)
        assert other.execute("DELETE FROM slow WHERE a = 5").rowcount > 0
        other.commit()
    assert kept.execute("SELECT count(*) FROM slow WHERE a = 5").fetchall() == [(0,)]


def test_a_table_that_somebody_always_writes_is_looked_after(kept: psycopg.Connection) -> None:
    kept.execute("CREATE TABLE busy (a int, b int)")
    ended, rows = threading.Event(), []

    def write(number: int) -> None:
        with psycopg.connect(kept.info.dsn, password=ADMIN_PASSWORD) as writer:
            while not ended.is_set():
                # The other one waits for the table meanwhile, so that there is never nobody.
                writer.execute("INSERT INTO busy SELECT i, %s FROM generate_series(1, 200) AS g(i)", [number])
                time.sleep(0.2)
                writer.commit()
                rows.append(200)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        done = "SELECT count(*) > 1, bool_and(is_automatic) FROM sys_vacuum_history WHERE table_name = 'busy'"
        _until(kept, done, [(True, True)], 180)
    finally:
        ended.set()
        for writer in writers:
            writer.join(30)
    assert kept.execute("SELECT count(*) FROM busy").fetchall() == [(sum(rows),)]


@contextlib.contextmanager
def _never_silent(dsn: str) -> Iterator[list[str]]:
    """Have statements overlap, so that there is always one under way; yield what went wrong."""
    wrong: list[str] = []
    ended = threading.Event()

    def read() -> None:
        rows = "SELECT x.n, y.n, z.n FROM still AS x, still AS y, still AS z"
        try:
            with psycopg.connect(dsn, autocommit=True) as one, psycopg.connect(dsn, autocommit=True) as two:
                # A stream that is not read to its end stays under way until it is closed.
                before = one.cursor().stream(rows)
                next(before)
                for connection in itertools.cycle((two, one)):
                    stream = connection.cursor().stream(rows)
                    next(stream)
                    before.close()
                    before = stream
                    if ended.wait(0.3):
                        break
                before.close()
        except psycopg.Error as error:
            wrong.append(str(error))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield wrong
    finally:
        ended.set()
        reader.join(30)


def test_views_are_right_when_the_versions_they_were_made_from_end(tmp_path: Path) -> None:
    brief = {"DUCKSHIFT_UPKEEP_INTERVAL_S": "1", "DUCKSHIFT_UPKEEP_KEEP_S": "1", "DUCKSHIFT_UPKEEP_GRACE_S": "1"}
    server = Server(tmp_path / "data", environment=brief)
    with server, psycopg.connect(server.dsn, autocommit=True) as connection:
        for name in ("still", "moving"):
            connection.execute(f"CREATE TABLE {name} (a int, n int)")  # type: ignore[arg-type]
            connection.execute(f"INSERT INTO {name} SELECT i % 5, i FROM generate_series(1, 500) AS g(i)")  # type: ignore[arg-type]
            query = f"SELECT a, sum(n) AS s FROM {name} GROUP BY a"
            connection.execute(f"CREATE MATERIALIZED VIEW of_{name} AS {query}")  # type: ignore[arg-type]
        connection.execute("DELETE FROM moving WHERE n > 100")
        connection.execute("CREATE TABLE other (a int)")
        # The versions have the newest schema, too, since nobody makes another one.
        numbers = "SELECT a FROM other FOR VERSION AS OF "
        with _never_silent(server.dsn) as wrong:
            for number in range(75):
                connection.execute(f"INSERT INTO other VALUES ({number})")  # type: ignore[arg-type]
                time.sleep(0.4)
                if number > 8 and _has_ended(connection, f"{numbers}15"):
                    break
        assert wrong == []
        assert _has_ended(connection, f"{numbers}15")
        with pytest.raises(psycopg.errors.InvalidParameterValue):
            connection.execute("SELECT * FROM still FOR VERSION AS OF 5")
        shown = "SELECT name, is_stale FROM svv_mv_info ORDER BY name"
        assert [(name.strip(), old) for name, old in connection.execute(shown).fetchall()] == [
            ("of_moving", "t"), ("of_still", "f"),
        ]  # fmt: skip
        connection.execute("INSERT INTO still VALUES (9, 1)")
        for name in ("still", "moving"):
            connection.execute(f"REFRESH MATERIALIZED VIEW of_{name}")  # type: ignore[arg-type]
            query = f"SELECT a, sum(n) FROM {name} GROUP BY a ORDER BY a"
            kept = connection.execute(f"SELECT a, s FROM of_{name} ORDER BY a").fetchall()  # type: ignore[arg-type]
            assert kept == connection.execute(query).fetchall()  # type: ignore[arg-type]


def _has_ended(connection: psycopg.Connection, sql: str) -> bool:
    """Tell whether there is no version any more that a query reads as of."""
    try:
        connection.execute(sql)  # type: ignore[call-overload]
    except psycopg.errors.InvalidParameterValue:
        return True
    except psycopg.errors.UndefinedTable:
        pass
    return False
