"""Rows that an encrypted warehouse hands over: packed and unpacked they are what they were."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from core.errors import SqlError
from storage import shared_rows
from storage.database import LakeLocation

QUERY = "SELECT range AS a, 'é' || range AS b, CAST(range AS DECIMAL(8, 2)) AS c, NULL::BLOB AS d FROM range(200000)"


@pytest.fixture
def database(tmp_path: Path) -> SimpleNamespace:
    (tmp_path / "data").mkdir()
    return SimpleNamespace(location=LakeLocation(folder=tmp_path))


def test_rows_of_an_encrypted_warehouse_are_handed_over_themselves(database: SimpleNamespace) -> None:
    connection = duckdb.connect()
    database.location = SimpleNamespace(encrypted=True)
    found = shared_rows.exported(connection, database, QUERY, 0)
    assert shared_rows.unpacked(found["rows"]).equals(connection.execute(QUERY).to_arrow_table())


def test_too_many_of_them_are_refused(database: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    database.location = SimpleNamespace(encrypted=True)
    monkeypatch.setattr(shared_rows, "_MOST", 1_000)
    with pytest.raises(SqlError, match="too many rows"):
        shared_rows.exported(duckdb.connect(), database, QUERY, 0)


def test_files_of_rows_go_after_an_hour(database: SimpleNamespace, tmp_path: Path) -> None:
    connection, start = duckdb.connect(), 1_000_000_000
    for moment in itertools.accumulate((start, 1_800, 1_801), lambda before, more: before + more):
        made = shared_rows.exported(connection, database, "SELECT 1 AS a", moment)
    left = sorted(path.name.partition("-")[0] for path in (tmp_path / "data" / shared_rows.FOLDER).iterdir())
    assert left == [str(start + 1_800), str(start + 3_601)]
    assert connection.execute(f"SELECT a FROM '{made['file']}'").fetchall() == [(1,)]
