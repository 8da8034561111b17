"""A catalogue that DuckDB has put out of use is opened anew under its sessions: DuckDB's own switch fails a checkpoint."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import ROOT, Server

Connection = psycopg.Connection[tuple[Any, ...]]
# Runs in the server's process, and waits there for a file to appear.
SABOTAGE = '''
import os, threading, time
from storage.database import Database

made = []
start = Database.__init__

def remembered(self, *given, **named):
    start(self, *given, **named)
    made.append(self)

Database.__init__ = remembered

def watch():
    place = os.environ["SABOTAGE"]
    while True:
        time.sleep(0.02)
        if os.path.exists(place):
            sabotage()
            os.unlink(place)

def sabotage():
    cursor = made[0].cursor()
    cursor.execute("SET GLOBAL debug_checkpoint_abort = 'before_header'")
    said = ""
    while "invalidated" not in said:
        try:
            cursor.execute("CHECKPOINT __ducklake_metadata_lake")
        except Exception as error:
            said = str(error)
        time.sleep(0.02)
    cursor.execute("SET GLOBAL debug_checkpoint_abort = 'none'")
    cursor.close()

threading.Thread(target=watch, daemon=True).start()
'''


class Fragile:
    """A server whose catalogue can be broken."""

    def __init__(self, folder: Path) -> None:
        self._trigger = folder / "trigger"
        (folder / "sitecustomize.py").write_text(SABOTAGE)
        path = f"{folder}{os.pathsep}{ROOT}"
        self.server = Server(folder / "data", environment={"PYTHONPATH": path, "SABOTAGE": str(self._trigger)})

    def connect(self) -> Connection:
        """Return a new session."""
        return psycopg.connect(self.server.dsn, autocommit=True)

    def break_catalogue(self) -> None:
        """Have a checkpoint of the catalogue fail."""
        self._trigger.touch()
        end = time.monotonic() + 60
        while self._trigger.exists():
            assert time.monotonic() < end
            time.sleep(0.02)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fragile]:
    """One server for all."""
    made = Fragile(tmp_path_factory.mktemp("fragile"))
    with made.server:
        yield made


@pytest.fixture
def fragile(served: Fragile) -> Fragile:
    """Make a table of ten rows."""
    with served.connect() as connection:
        connection.execute("DROP TABLE IF EXISTS things")
        connection.execute("CREATE TABLE things (x int)")
        connection.execute("INSERT INTO things VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
    return served


def _count(connection: Connection) -> int:
    row = connection.execute("SELECT count(*) + 0 * random() FROM things").fetchone()
    return int(row[0]) if row else -1


def _was_broken(fragile: Fragile) -> bool:
    return any("out of use" in line for line in fragile.server.log)


@pytest.mark.fault("the catalogue put out of use by DuckDB")
def test_statements_go_on(fragile: Fragile) -> None:
    with fragile.connect() as one, fragile.connect() as other:
        one.execute("CREATE TEMPORARY TABLE mine (x int)")
        one.execute("SET search_path TO public")
        pid = one.info.backend_pid
        for _ in range(2):
            before = _count(one)
            fragile.break_catalogue()
            # A write and reads that begin when the catalogue is out of use already.
            assert one.execute("INSERT INTO things VALUES (10)").rowcount == 1
            assert _count(other) == before + 1
            assert _count(one) == before + 1
        assert one.info.backend_pid == pid
        assert one.execute("SELECT count(*) FROM mine").fetchone() == (0,)
        other.execute("CREATE TABLE more AS SELECT x FROM things")
        assert _was_broken(fragile)
    fragile.server.stop()
    with fragile.server.start() and fragile.connect() as again:
        assert _count(again) == 12


@pytest.mark.fault("the catalogue put out of use by DuckDB")
def test_a_block_is_broken_off_and_nothing_of_it_stays(fragile: Fragile) -> None:
    with fragile.connect() as block, fragile.connect() as other:
        block.execute("BEGIN")
        block.execute("DELETE FROM things WHERE x < 5")
        fragile.break_catalogue()
        assert _count(other) == 10
        with pytest.raises(psycopg.Error) as failed:
            block.execute("DELETE FROM things WHERE x = 5")
        assert failed.value.sqlstate == "25P02"
        block.execute("ROLLBACK")
        assert block.execute("DELETE FROM things WHERE x < 5").rowcount == 5
        assert _count(other) == 5


@pytest.mark.fault("the catalogue put out of use by DuckDB")
def test_a_block_that_meets_it_is_told(fragile: Fragile) -> None:
    with fragile.connect() as block:
        block.execute("BEGIN")
        block.execute("DELETE FROM things WHERE x < 5")
        fragile.break_catalogue()
        with pytest.raises(psycopg.errors.SerializationFailure, match="opened anew"):
            block.execute("INSERT INTO things SELECT x + 100 FROM things")
        block.execute("ROLLBACK")
        assert _count(block) == 10
