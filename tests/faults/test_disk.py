"""A full disk refuses what needs room, and nothing else: what is committed stays, and all goes on when there is room."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
import pytest

from tests.support.server import Server

Connection = psycopg.Connection[tuple[Any, ...]]
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Leave no room on *disk* for a while."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            _fill(file)
            yield
        finally:
            (disk / "filler").unlink()


def _fill(file: BinaryIO) -> None:
    for size in (1 << 20, 4_096):
        try:
            while True:
                file.write(bytes(size))
        except OSError:
            continue


@pytest.mark.fault("a full disk")
def test_what_is_committed_stays_and_work_goes_on(small_disk: Path, tmp_path: Path) -> None:
    environment = {"DUCKSHIFT_ENGINE_TEMP_FOLDER": str(tmp_path / "temporary")}
    with Server(small_disk / "data", environment=environment) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (n int, word varchar(40))")
            connection.execute("INSERT INTO kept VALUES " + ", ".join(f"({n}, 'word')" for n in range(1_000)))
            with filled(small_disk):
                _refused(connection)
            connection.execute("CREATE TABLE made_later (n int)")
            connection.execute("INSERT INTO kept SELECT n + 1000, word FROM kept")
            assert connection.execute("SELECT count(*), max(n) FROM kept").fetchone() == (2_000, 1_999)
        server.kill()
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            assert connection.execute("SELECT count(*), max(n) FROM kept").fetchone() == (2_000, 1_999)
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            assert tables.fetchall() == [("kept",), ("made_later",)]


def _refused(connection: Connection) -> None:
    for text in (
        "INSERT INTO kept SELECT a.n, md5(a.n::varchar || b.n) FROM kept a, kept b",
        "CREATE TABLE copied AS SELECT a.n, md5(a.n::varchar || b.n) AS word FROM kept a, kept b",
        "UPDATE kept SET word = md5(word || n)",
    ):
        with pytest.raises(psycopg.errors.DiskFull, match="Disk Full"):
            connection.execute(text)
        assert connection.execute("SELECT count(*), count(DISTINCT word) FROM kept").fetchone() == (1_000, 1)
    # What would be logged only, which a few bytes are enough for, could not be read then.
    for number in range(3):
        with pytest.raises(psycopg.errors.DiskFull, match="Disk Full"):
            connection.execute(f"INSERT INTO kept VALUES ({number}, 'small')".encode())
        assert connection.execute("SELECT count(*), count(DISTINCT word) FROM kept").fetchone() == (1_000, 1)
    # The catalogue's log grows by pages: some small changes still fit, none is half done.
    for number in range(200):
        try:
            connection.execute(f"CREATE TABLE small_{number} (n int)")
        except psycopg.errors.DiskFull:
            break
        connection.execute(f"DROP TABLE small_{number}")
    else:
        pytest.fail("the catalogue did not meet the end of the disk")
    assert connection.execute("SELECT tablename FROM pg_tables WHERE tablename LIKE 'small%'").fetchall() == []
