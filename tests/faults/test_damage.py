"""A damaged file is an error of the queries that read it, not a wrong answer, and a snapshot has what was in it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import ROOT, Server

Connection = psycopg.Connection[tuple[Any, ...]]


def _fill(connection: Connection, table: str) -> None:
    connection.execute(f"CREATE TABLE {table} (n int, word varchar(40))")
    connection.execute(f"INSERT INTO {table} VALUES " + ", ".join(f"({n}, 'word {n}')" for n in range(3_000)))


def _spoil(path: Path) -> None:
    """Turn a byte in sixteen round, wherever it is."""
    data = bytearray(path.read_bytes())
    for place in range(8, len(data) - 8, 16):
        data[place] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.fault("a damaged Parquet file")
def test_a_damaged_file_is_told_and_repaired(tmp_path: Path) -> None:
    environment = {"DUCKSHIFT_SNAPSHOTS_DESTINATION": str(tmp_path / "snapshots")}
    with Server(tmp_path / "data", environment=environment) as server:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            _fill(connection, "whole")
            _fill(connection, "spoilt")
            connection.execute("CALL duckshift_create_snapshot('before')")
        assert server.stop() == 0
        (damaged,) = (tmp_path / "data").rglob("spoilt/*.parquet")
        _spoil(damaged)
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            for text in ("SELECT count(word), sum(n) FROM spoilt", "SELECT * FROM spoilt ORDER BY n"):
                with pytest.raises(psycopg.Error) as error:
                    connection.execute(text)
                assert error.value.sqlstate == "XX001"
                assert str(tmp_path) not in str(error.value)
            assert connection.execute("SELECT count(*), sum(n) FROM whole").fetchone() == (3_000, 4_498_500)
        assert server.stop() == 0
    done = subprocess.run(
        [sys.executable, "-P", "-m", "server.main", "snapshot", "restore", "before", "--data", str(tmp_path / "restored")],
        env=os.environ | {"PYTHONPATH": str(ROOT), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with Server(tmp_path / "restored") as server, psycopg.connect(server.dsn, autocommit=True) as connection:
        assert connection.execute("SELECT count(word), sum(n) FROM spoilt").fetchone() == (3_000, 4_498_500)
