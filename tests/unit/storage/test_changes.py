"""What the lake says of changes: which tables, what kind, and the rows that came and went."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from storage import changes, inlining, lake, layout, scans
from storage.changes import Change
from storage.database import Database, LakeLocation, Resources

PLACE = ("dev.public", "t")
TABLE = lake.qualified(*PLACE)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(LakeLocation(folder=tmp_path, inline_row_limit=10), Resources())
    connection = made.cursor()
    for sql in [*lake.create_schema(PLACE[0]), f"CREATE TABLE {TABLE} (a INTEGER, b INTEGER)"]:
        connection.execute(sql)
    connection.close()
    yield made
    made.close()


@pytest.fixture
def connection(database: Database) -> duckdb.DuckDBPyConnection:
    return database.cursor()


def now(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute(changes.snapshot_sql()).fetchone()
    assert row is not None
    return int(row[0])


def since(database: Database, snapshot: int) -> Change:
    return changes.changes(database, [PLACE], snapshot)[PLACE]


def test_each_kind_of_change_is_told(database: Database, connection: duckdb.DuckDBPyConnection) -> None:
    start = now(connection)
    assert since(database, start) == Change()
    connection.execute(f"INSERT INTO {TABLE} VALUES (1, 1), (2, 2)")
    assert since(database, start) == Change(inserted=True)
    start = now(connection)
    connection.execute(f"DELETE FROM {TABLE} WHERE a = 1")
    assert since(database, start) == Change(deleted=True)
    start = now(connection)
    connection.execute(f"UPDATE {TABLE} SET b = 5")
    assert since(database, start) == Change(inserted=True, deleted=True)


def test_moving_rows_is_no_change_but_no_list_of_rows_reaches_over_it(
    database: Database, connection: duckdb.DuckDBPyConnection
) -> None:
    connection.execute(f"INSERT INTO {TABLE} VALUES (1, 1), (2, 2)")
    start = now(connection)
    for sql in lake.flush(*PLACE):
        connection.execute(sql)
    found = since(database, start)
    assert not found.any
    assert not found.listed


def test_files_written_anew_are_no_change(database: Database, connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"INSERT INTO {TABLE} SELECT i, 0 FROM range(100) AS r(i)")
    connection.execute(f"INSERT INTO {TABLE} SELECT i, 1 FROM range(50, 90) AS r(i)")
    connection.execute(f"DELETE FROM {TABLE} WHERE a = 7 OR a > 60")
    start = now(connection)
    paths = [file.path for file in layout.files(database, *PLACE)]
    assert len(paths) == 2
    inlining.inline(connection, 0)
    connection.execute("BEGIN")
    assert layout.moved(connection, TABLE, paths, ["a"]) == 71
    connection.execute(lake.sign("", layout.REWRITTEN))
    connection.execute("COMMIT")
    found = since(database, start)
    assert not found.any
    assert not found.listed
    files = layout.files(database, *PLACE, ("a", "INTEGER"))
    assert [(file.rows, file.deleted, file.low, file.high) for file in files] == [(71, 0, 0, 60)]
    assert [(table.rows, table.deleted, table.small) for table in layout.survey(database, 1 << 20)] == [(71, 0, 1)]
    past = connection.execute(f"SELECT count(*), max(a) FROM {changes.past(TABLE, start)}").fetchone()
    assert past == (71, 60)
    before = connection.execute(f"SELECT count(*), max(a) FROM {changes.past(TABLE, start - 1)}").fetchone()
    assert before == (140, 99)


def test_what_happened_in_expired_snapshots_is_not_known(
    database: Database, connection: duckdb.DuckDBPyConnection
) -> None:
    start = now(connection)
    for _ in range(2):
        connection.execute(f"INSERT INTO {TABLE} VALUES (1, 1)")
    last = now(connection)
    connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{', '.join(map(str, range(last)))}])")
    assert since(database, start).altered
    assert since(database, last - 1) == Change(inserted=True)
    assert since(database, last) == Change()


def test_an_altered_or_dropped_table_has_no_list(database: Database, connection: duckdb.DuckDBPyConnection) -> None:
    start = now(connection)
    connection.execute(f"ALTER TABLE {TABLE} ADD COLUMN c INTEGER")
    assert since(database, start).any
    assert not since(database, start).listed
    connection.execute(f"DROP TABLE {TABLE}")
    assert since(database, now(connection)).altered


def test_the_rows_that_came_and_went_are_listed(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"INSERT INTO {TABLE} SELECT i, 0 FROM range(100) AS r(i)")
    start = now(connection)
    connection.execute(f"INSERT INTO {TABLE} VALUES (500, 1)")
    connection.execute(f"DELETE FROM {TABLE} WHERE a IN (7, 500)")
    span = (start + 1, now(connection))
    came = connection.execute(f"SELECT * FROM {changes.inserted(PLACE, ['a', 'b'], *span)}").fetchall()
    went = connection.execute(f"SELECT * FROM {changes.deleted(PLACE, ['a'], *span)}").fetchall()
    before = connection.execute(f"SELECT count(*) FROM {changes.past(TABLE, start)}").fetchone()
    assert came == [(500, 1)]
    assert sorted(went) == [(7,), (500,)]
    assert before == (100,)


def test_files_are_no_table_once_rows_are_deleted(database: Database, connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(f"INSERT INTO {TABLE} SELECT i, 0 FROM range(100) AS r(i)")
    assert len(scans.files(database, *PLACE) or []) == 1
    connection.execute(f"DELETE FROM {TABLE} WHERE a = 7")
    assert scans.files(database, *PLACE) is None


def test_how_keyed_tables_lie(database: Database, connection: duckdb.DuckDBPyConnection) -> None:
    assert layout.keyed(database) == {}
    connection.execute(f"INSERT INTO {TABLE} SELECT i, 0 FROM range(200, 250) AS r(i)")
    connection.execute(f"ALTER TABLE {TABLE} SET SORTED BY (a)")
    connection.execute(f"INSERT INTO {TABLE} SELECT i, 0 FROM range(90, 120) AS r(i)")
    files = sorted(layout.keyed(database)[PLACE], key=lambda file: file.rows)
    assert [(file.rows, file.low, file.high, file.disordered) for file in files] == [
        (30, 90, 119, False), (50, 200, 249, True),
    ]  # fmt: skip
