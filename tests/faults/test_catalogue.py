"""A shared lake's PostgreSQL away: at the start it is waited for, statements say so, and all goes on when it is back."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support import cutting, postgres
from tests.support.fleet import connect, member
from tests.support.server import ROOT, Server

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400), pytest.mark.fault("the catalogue's PostgreSQL away")]
_LOST = {"08006", "57P03", "40001"}


def test_all_goes_on_when_postgresql_is_back(tmp_path: Path) -> None:
    with postgres.running() as catalog:
        server = member(tmp_path, catalog, "one")
        catalog.stop()
        starter = threading.Thread(target=server.start, args=(120,))
        starter.start()
        _eventually(lambda: "waiting for the catalogue's PostgreSQL" in "".join(server.log))
        assert "waits for the catalogue's PostgreSQL" in _health(server, tmp_path / "one")
        catalog.start()
        starter.join()
        try:
            assert _health(server, tmp_path / "one") == ""
            _go_on(server, catalog, tmp_path / "one")
        finally:
            server.stop()


def _go_on(server: Server, catalog: postgres.Postgres, folder: Path) -> None:
    with connect(server) as idle, connect(server) as writer, connect(server) as reader:
        idle.execute("CREATE TABLE t AS SELECT n AS a FROM generate_series(1, 1000) AS g(n)")
        idle.execute("CREATE TABLE small (a int)")
        idle.execute("INSERT INTO small VALUES (1)")
        writer.execute("BEGIN")
        writer.execute("INSERT INTO t SELECT a FROM t")
        writer.execute("INSERT INTO small VALUES (2)")
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM small").fetchone() == (1,)
        catalog.stop()
        for connection, sql in (
            (idle, "SELECT count(*) FROM t"), (idle, "INSERT INTO small VALUES (3)"), (idle, "CREATE TABLE u (a int)"),
            (reader, "SELECT count(*) FROM t"), (writer, "COMMIT"),
        ):  # fmt: skip
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(sql.encode())
            assert caught.value.sqlstate in _LOST, sql
        with pytest.raises(psycopg.OperationalError, match="the catalogue cannot be reached"):
            connect(server)
        assert "does not answer the server" in _health(server, folder)
        catalog.start()
        reader.execute("ROLLBACK")
        for connection in (idle, writer, reader):
            assert connection.execute("SELECT count(*), sum(a) FROM t").fetchone() == (1000, 500_500)
            assert connection.execute("SELECT a FROM small").fetchall() == [(1,)]
        writer.execute("INSERT INTO small VALUES (2)")
        reader.execute("CREATE TABLE u AS SELECT a FROM small")
        assert idle.execute("SELECT count(*) FROM u").fetchone() == (2,)
        _eventually(lambda: _health(server, folder) == "")
        # Gone and back before anybody could see that.
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM small").fetchone() == (2,)
        writer.execute("BEGIN")
        writer.execute("INSERT INTO small VALUES (4)")
        catalog.restart()
        try:
            # What the block sees can be in a copy, for which no catalogue is asked; and the lake is read at its version.
            assert reader.execute("SELECT sum(a) FROM t").fetchone() == (500_500,)
        except psycopg.Error as error:
            assert error.sqlstate in _LOST
        with pytest.raises(psycopg.Error) as caught:
            writer.execute("COMMIT")
        assert caught.value.sqlstate in _LOST
        with contextlib.suppress(psycopg.Error):
            reader.execute("ROLLBACK")
        for connection in (idle, writer, reader):
            assert connection.execute("SELECT count(*) FROM small").fetchone() == (2,)


@pytest.mark.fault("a commit whose answer is lost")
def test_a_commit_whose_answer_is_lost_keeps_its_files(tmp_path: Path) -> None:
    """DuckLake takes it for failed, and deletes the files that PostgreSQL has in the catalogue by then."""
    with postgres.running() as catalog, cutting.way(catalog.port) as way:
        dsn = catalog.dsn.replace(f":{catalog.port}/", f":{way.port}/")
        server = member(tmp_path, catalog, "one", DUCKSHIFT_STORAGE_CATALOG=dsn)
        server.start(120)
        try:
            with connect(server) as connection:
                connection.execute("CREATE TABLE t (a int)")
                rows = 0
                for sql, more in (
                    ("INSERT INTO t SELECT n FROM generate_series(1, 1000) AS g(n)", 1000),
                    ("CREATE TABLE made AS SELECT a FROM t", 0),
                    ("INSERT INTO t SELECT a FROM t", 1000),
                    ("VACUUM t", 0),
                ):
                    way.cut.clear()
                    way.armed.set()
                    # PostgreSQL, asked again, says that it was done.
                    connection.execute(sql.encode())
                    assert way.cut.wait(20), sql
                    rows += more
                    assert connection.execute("SELECT count(*), sum(a) FROM t").fetchone() == (rows, rows // 2 * 1001), sql
                assert connection.execute("SELECT count(*) FROM made").fetchone() == (1000,)
            assert not list((tmp_path / "shared").rglob("*.kept"))
        finally:
            server.stop()


def test_a_start_does_not_wait_for_ever(tmp_path: Path) -> None:
    with postgres.running() as catalog:
        catalog.stop()
        impatient = member(tmp_path, catalog, "one", DUCKSHIFT_STORAGE_CATALOG_WAIT_S="1")
        # By itself it would wait as long as the test does.
        with pytest.raises(RuntimeError, match="cannot reach the catalogue"):
            impatient.start(60)
        patient = member(tmp_path, catalog, "two")
        starter = threading.Thread(target=_fails, args=(patient,))
        starter.start()
        _eventually(lambda: "waiting for the catalogue's PostgreSQL" in "".join(patient.log))
        assert patient.stop(20) == 0
        starter.join()
        catalog.start()


def _fails(server: Server) -> None:
    with pytest.raises(RuntimeError):
        server.start(60)


def _eventually(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _health(server: Server, folder: Path) -> str:
    """Return what ``duckshift health`` has to complain of."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "server.main", "health", "--port", str(server.port or 1)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "DUCKSHIFT_STORAGE_FOLDER": str(folder)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == bool(done.stderr)
    return done.stderr
