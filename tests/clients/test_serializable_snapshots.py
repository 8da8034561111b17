"""SERIALIZABLE transactions whose engine is late: what was committed meanwhile is seen in an order that there can be."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import ROOT, Server

Connection = psycopg.Connection[tuple[Any, ...]]
# Runs in the server's process: the engine's next query waits as long as there is a file.
LATE = '''
import asyncio, os
from engine.cursors import DuckDbEngine

rows = DuckDbEngine.rows

async def late(self, *given, **named):
    asked, held = os.environ["LATE"] + "/asked", os.environ["LATE"] + "/held"
    if os.path.exists(asked):
        os.rename(asked, held)
        while os.path.exists(held):
            await asyncio.sleep(0.01)
    return await rows(self, *given, **named)

DuckDbEngine.rows = late
'''


class Late:
    """A server whose engine can be kept from a query."""

    def __init__(self, folder: Path) -> None:
        (folder / "sitecustomize.py").write_text(LATE)
        path = f"{folder}{os.pathsep}{ROOT}"
        # Copies of tables would be read, of which it is known when they were made.
        bare = {"DUCKSHIFT_ENGINE_TABLE_CACHE_MB": "0", "DUCKSHIFT_ENGINE_HOT_TABLES_MB": "0"}
        self.server = Server(folder / "data", environment={"PYTHONPATH": path, "LATE": str(folder)} | bare)
        self._asked, self._held = folder / "asked", folder / "held"

    def connect(self) -> Connection:
        """Return a session whose transactions are SERIALIZABLE."""
        connection = psycopg.connect(self.server.dsn, autocommit=True)
        connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        connection.execute("SET enable_result_cache_for_session TO off")
        return connection

    def begin(self, connection: Connection, sql: str, found: list[tuple[Any, ...]]) -> threading.Thread:
        """Have *sql* run until its query is given to the engine, which does not get it yet."""
        self._asked.touch()
        running = threading.Thread(target=lambda: found.extend(connection.execute(sql.encode()).fetchall()))
        running.start()
        end = time.monotonic() + 60
        while not self._held.exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        return running

    def go_on(self) -> None:
        """Let the engine have it."""
        self._held.unlink()


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Late]:
    """One server for all."""
    made = Late(tmp_path_factory.mktemp("late"))
    with made.server:
        yield made


@pytest.mark.parametrize("block", [False, True])
def test_nobody_comes_between_two_that_did_not_see_each_other(late: Late, block: bool) -> None:
    with late.connect() as reader, late.connect() as first, late.connect() as second:
        for name in ("one", "other"):
            first.execute(f"DROP TABLE IF EXISTS {name}".encode())
            first.execute(f"CREATE TABLE {name} AS SELECT 0 AS v".encode())
        found: list[tuple[Any, ...]] = []
        if block:
            reader.execute("BEGIN")
        running = late.begin(reader, "SELECT (SELECT v FROM one), (SELECT v FROM other)", found)
        first.execute("BEGIN")
        assert first.execute("SELECT v FROM other").fetchall() == [(0,)]
        second.execute("UPDATE other SET v = 1")
        late.go_on()
        running.join(60)
        if block:
            reader.execute("COMMIT")
        first.execute("UPDATE one SET v = 1")
        # The first comes before the second, whose row it has not seen: who sees that row sees both.
        if found == [(0, 1)]:
            with pytest.raises(psycopg.errors.SerializationFailure):
                first.execute("COMMIT")
        else:
            assert found == [(0, 0)]
            first.execute("COMMIT")
