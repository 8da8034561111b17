"""How much the engine may spill."""

import re
import shutil
from pathlib import Path

import duckdb
import pytest

from storage import spilling

_UNITS = {"MiB": 20, "GiB": 30, "TiB": 40}


def allowed(connection: duckdb.DuckDBPyConnection) -> float:
    row = connection.execute("SELECT current_setting('max_temp_directory_size')").fetchone()
    assert row is not None
    found = re.fullmatch(r"([\d.]+) (\w+)", row[0])
    assert found is not None
    return float(found[1]) * (1 << _UNITS[found[2]])


@pytest.mark.parametrize("folder", [".", "not/there/yet"])
def test_a_third_of_what_is_free_is_for_what_is_spilled(tmp_path: Path, folder: str) -> None:
    connection = duckdb.connect()
    spilling.limit(connection, tmp_path / folder)
    assert allowed(connection) == pytest.approx(shutil.disk_usage(tmp_path).free / 3, rel=0.1)


def test_it_can_be_said() -> None:
    connection = duckdb.connect()
    spilling.limit(connection, Path("nowhere"), "512MiB")
    assert allowed(connection) == 512 << 20


def test_what_was_left_by_a_server_that_was_killed_goes(tmp_path: Path) -> None:
    (tmp_path / "duckdb_temp_storage-0.tmp").write_bytes(b"x")
    (tmp_path / "other").write_bytes(b"x")
    assert spilling.cleared(tmp_path) == tmp_path
    assert [left.name for left in tmp_path.iterdir()] == ["other"]
