"""Which versions of the lake end, and which files go then."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from storage import changes, expiry, lake
from storage.database import Database, LakeLocation, Resources

PLACE = ("dev.public", "t")
TABLE = lake.qualified(*PLACE)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(LakeLocation(folder=tmp_path, inline_row_limit=10), Resources())
    connection = made.cursor()
    for sql in [*lake.create_schema(PLACE[0]), f"CREATE TABLE {TABLE} (a INTEGER)"]:
        connection.execute(sql)
    connection.close()
    yield made
    made.close()


@pytest.fixture
def connection(database: Database) -> duckdb.DuckDBPyConnection:
    return database.cursor()


def files(database: Database) -> set[str]:
    return {path.name for path in (database.location.folder / "data").rglob("*.parquet")}


def test_what_was_the_newest_at_the_moment_is_kept(
    database: Database, connection: duckdb.DuckDBPyConnection
) -> None:
    connection.execute(f"INSERT INTO {TABLE} SELECT range FROM range(100)")
    connection.execute(f"DELETE FROM {TABLE}")
    then, kept = datetime.now(UTC), changes.newest_snapshot(database)
    connection.execute(f"INSERT INTO {TABLE} SELECT range FROM range(50)")
    assert expiry.first_kept(database, then) == kept
    assert expiry.first_kept(database, then - timedelta(days=1)) == 0
    versions = expiry.old(database, kept)
    assert [version.number for version in versions] == list(range(kept))
    connection.execute(expiry.expire(versions))
    assert expiry.old(database, kept) == []
    before = files(database)
    assert expiry.remove(database, then - timedelta(hours=1)) == 0
    assert files(database) == before
    assert expiry.remove(database, datetime.now(UTC) + timedelta(seconds=1)) == 1
    assert len(before - files(database)) == 1
    found = connection.execute(f"SELECT count(*) FROM {changes.past(TABLE, kept)}").fetchone()
    assert found == (0,)
    assert connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone() == (50,)


def test_deletes_that_only_old_versions_tell_of_are_named(
    database: Database, connection: duckdb.DuckDBPyConnection
) -> None:
    connection.execute(f"INSERT INTO {TABLE} SELECT range FROM range(100)")
    connection.execute(f"DELETE FROM {TABLE} WHERE a = 5")
    noted = changes.newest_snapshot(database)
    assert expiry.noted(database, noted) == []
    assert expiry.noted(database, noted + 1) == [PLACE]
    for sql in lake.flush(*PLACE):
        connection.execute(sql)
    assert expiry.noted(database, noted + 1) == []


def test_only_files_of_tables_that_nothing_names_are_lost(
    database: Database, connection: duckdb.DuckDBPyConnection
) -> None:
    now = datetime.now(UTC)
    assert expiry.remove_lost(database, now + timedelta(days=1)) == 0
    connection.execute(f"INSERT INTO {TABLE} SELECT range FROM range(100)")
    data = database.location.folder / "data"
    place = next(data.rglob("*.parquet")).parent
    lost = place / f"ducklake-{uuid.uuid4()}.parquet"
    others = [
        place / "unloaded.parquet", data / "other" / "t" / lost.name, data / lost.name,
        place / "deeper" / lost.name, place / f"ducklake-{uuid.uuid4()}.csv", place / f"ducklake-{uuid.uuid4()}.parquet",
    ]  # fmt: skip
    for path in (lost, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    old = (now - timedelta(days=3)).timestamp()
    for path in (lost, *others[:-1]):
        os.utime(path, (old, old))
    assert expiry.remove_lost(database, now - timedelta(days=1)) == 1
    assert not lost.exists()
    assert all(path.exists() for path in others)
    assert connection.execute(f"SELECT count(*) FROM {TABLE}").fetchone() == (100,)
