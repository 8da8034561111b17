"""The engine fails and is replaced under its sessions: a real FatalException, of a log that cannot be synchronised.

A library before libc's has ``fdatasync`` and ``fsync`` of the catalogue's log fail with EIO as long as a file is there.
"""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

Connection = psycopg.Connection[tuple[Any, ...]]
pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None, reason="a C compiler makes the library that fails"),
    pytest.mark.fault("the engine ended by a fatal error"),
]
SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(int file) {
    const char *trigger = getenv("FAIL_SYNC");
    if (!trigger || access(trigger, F_OK)) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 4) return 0;
    path[length] = 0;
    return strstr(path, "catalog.ducklake") != NULL && strcmp(path + length - 4, ".wal") == 0;
}

int fsync(int file) {
    if (fails(file)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file);
}

int fdatasync(int file) {
    if (fails(file)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file);
}
"""


class Fragile:
    """A server whose catalogue's log can be made to fail."""

    def __init__(self, folder: Path) -> None:
        self.trigger = folder / "trigger"
        library = folder / "failing.so"
        (folder / "failing.c").write_text(SOURCE)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, folder / "failing.c", "-ldl"], check=True)
        environment = {"LD_PRELOAD": str(library), "FAIL_SYNC": str(self.trigger)}
        self.server = Server(folder / "data", environment=environment)

    def connect(self) -> Connection:
        """Return a new session."""
        return psycopg.connect(self.server.dsn, autocommit=True)

    def fail(self, connection: Connection, sql: str = "INSERT INTO victims SELECT 1") -> psycopg.Error:
        """Have the engine fail at the commit of *sql*, and return what its client is told."""
        self.trigger.touch()
        try:
            with pytest.raises(psycopg.Error) as failed:
                connection.execute(sql)
        finally:
            self.trigger.unlink()
        return failed.value

    def wait_for_failure(self, count: int) -> None:
        """Wait until the engine has failed so often."""
        end = time.monotonic() + 60
        while sum("the engine has failed" in line for line in self.server.log) < count:
            assert time.monotonic() < end
            time.sleep(0.02)

    def replaced(self) -> int:
        """Return how often the engine was replaced."""
        return sum("the engine is replaced" in line for line in self.server.log)


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fragile]:
    """A server with a table of ten rows and one that is written to as it fails."""
    made = Fragile(tmp_path_factory.mktemp("fragile"))
    with made.server:
        with made.connect() as connection:
            connection.execute("CREATE TABLE victims (x int)")
            connection.execute("CREATE TABLE things (x int)")
            connection.execute("INSERT INTO things VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
        yield made


def _count(connection: Connection, table: str = "things") -> int:
    row = connection.execute(f"SELECT count(*) + 0 * random() FROM {table}").fetchone()
    return int(row[0]) if row else -1


def test_sessions_go_on_and_each_is_told_what_it_lost(fragile: Fragile) -> None:
    with fragile.connect() as victim, fragile.connect() as idle, fragile.connect() as temporary, \
            fragile.connect() as block, fragile.connect() as slow:  # fmt: skip
        idle.execute("SET search_path TO public, pg_catalog")
        idle.execute("SET timezone TO 'Europe/Berlin'")
        idle.execute("PREPARE counted AS SELECT count(*) FROM things WHERE x < $1")
        temporary.execute("CREATE TEMPORARY TABLE mine AS SELECT 1 AS x")
        block.execute("BEGIN")
        block.execute("DELETE FROM things WHERE x < 5")
        pids = [each.info.backend_pid for each in (victim, idle, temporary, block, slow)]
        counted: list[int] = []
        long = "SELECT count(*) FROM things a, things b, things c, things d, things e, things f WHERE md5(a.x || b.x || f.x) > '0'"
        running = threading.Thread(target=lambda: counted.extend(slow.execute(long).fetchone() or ()))
        running.start()
        time.sleep(0.3)

        error = fragile.fail(victim)
        assert error.sqlstate == "08007"
        assert "may have been committed or not" in str(error)
        # Who met nothing sees nothing of it, neither before nor after.
        assert idle.execute("EXECUTE counted (3)").fetchone() == (3,)
        assert idle.execute("SHOW timezone").fetchone() == ("Europe/Berlin",)
        assert idle.execute("SELECT '2026-07-01 12:00+00'::timestamptz::text").fetchone() == ("2026-07-01 14:00:00+02",)
        assert _count(victim) == 10
        running.join(60)
        assert counted == [10**6]
        # Nothing is lost in silence.
        with pytest.raises(psycopg.errors.CrashShutdown, match="temporary tables are lost"):
            temporary.execute("SELECT count(*) FROM things")
        assert _count(temporary) == 10
        with pytest.raises(psycopg.errors.UndefinedTable):
            temporary.execute("SELECT * FROM mine")
        temporary.execute("CREATE TEMPORARY TABLE mine (x int)")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            block.execute("SELECT count(*) FROM things")
        block.execute("ROLLBACK")
        assert block.execute("DELETE FROM things WHERE x < 5").rowcount == 5
        assert _count(idle) == 5
        assert [each.info.backend_pid for each in (victim, idle, temporary, block, slow)] == pids
        # The system views and the history are there, and so are functions that live in the instance.
        assert idle.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'things'").fetchone() == (1,)
        query = "SELECT count(*) FROM sys_query_history WHERE query_text LIKE 'DELETE FROM things%'"
        assert (idle.execute(query).fetchone() or (0,))[0] >= 2
        assert idle.execute("SELECT strtol('ff', 16), initcap(lower('ABC'))").fetchone() == (255, "Abc")
    assert fragile.replaced() == 1
    assert fragile.server.stop() == 0
    assert _files(fragile) >= {"catalog.ducklake", "history.duckdb"}
    with fragile.server.start() and fragile.connect() as again:
        assert _count(again) == 5


def test_what_a_commit_left_is_known_and_a_server_that_fails_again_and_again_ends(fragile: Fragile) -> None:
    before = fragile.replaced()
    with fragile.connect() as victim, fragile.connect() as other:
        assert fragile.fail(victim, "CREATE TABLE doubtful (x int)").sqlstate == "08007"
        found = other.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'doubtful'").fetchone()
        if found == (0,):
            other.execute("CREATE TABLE doubtful (x int)")
        # A writer that begins when the engine has failed already is not disturbed.
        assert fragile.fail(victim).sqlstate == "08007"
        assert other.execute("INSERT INTO doubtful SELECT 7").rowcount == 1
        # What is acknowledged and only logged yet goes into the lake once.
        fragile.trigger.touch()
        assert other.execute("INSERT INTO doubtful VALUES (8)").rowcount == 1
        fragile.wait_for_failure(before + 3)
        fragile.trigger.unlink()
        assert other.execute("SELECT x FROM doubtful ORDER BY x").fetchall() == [(7,), (8,)]
        assert fragile.replaced() == before + 3
        fragile.fail(victim)
        with pytest.raises(psycopg.OperationalError):
            _count(victim)
    assert fragile.server.process is not None
    assert fragile.server.process.wait(60) == 1
    assert any("to be started anew" in line for line in fragile.server.log)
    # As it is after a crash.
    assert any("~" in path.name for path in Path(fragile.server.data).iterdir())
    with fragile.server.start() and fragile.connect() as again:
        assert again.execute("SELECT x FROM doubtful ORDER BY x").fetchall() == [(7,), (8,)]
        assert _count(again) == 5
    assert _files(fragile) >= {"catalog.ducklake", "history.duckdb"}


def _files(fragile: Fragile) -> set[str]:
    names = {path.name for path in Path(fragile.server.data).iterdir()}
    assert not any("~" in name for name in names)
    return names
