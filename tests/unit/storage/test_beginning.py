"""What a new lake begins with."""

from pathlib import Path

import pytest

from storage import copied, journal, metastore
from storage.beginning import begin
from storage.database import Database, LakeLocation, Resources


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(LakeLocation(folder=tmp_path), Resources(threads=1))
    yield opened
    opened.close()


def version(database: Database) -> int:
    return database.cursor().execute("SELECT schema_version FROM lake.current_snapshot() JOIN lake.snapshots() ON snapshot_id = id").fetchall()[0][0]


def test_all_tables_are_made_in_one_change_of_the_schema(database: Database) -> None:
    before = version(database)
    begin(database)
    assert version(database) == before + 1
    journal.Journal(database.cursor())
    metastore.Metastore(database.cursor())
    copied.prepare(database.cursor(), [])
    begin(database)
    assert version(database) == before + 1


def test_a_lake_that_has_a_log_is_left_as_it_is(database: Database) -> None:
    database.cursor().execute(metastore.MADE)
    before = version(database)
    begin(database)
    assert version(database) == before
