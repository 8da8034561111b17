"""External tables of the built-in data catalog over local folders: they survive restarts and writers side by side."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.server import Server

LISTED = (
    "SELECT * FROM svv_external_schemas ORDER BY schemaname",
    "SELECT * FROM svv_external_tables ORDER BY schemaname, tablename",
    "SELECT * FROM svv_external_columns ORDER BY schemaname, tablename, columnnum",
    "SELECT * FROM svv_external_partitions ORDER BY schemaname, tablename, 3",
    "SELECT a, d FROM ext.parts ORDER BY a",
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "files"
    folder.mkdir()
    with Server(tmp_path / "data", environment={"DUCKSHIFT_COPY_LOCAL_FOLDERS": str(folder)}) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute(
                "CREATE EXTERNAL SCHEMA ext FROM DATA CATALOG DATABASE 'db' IAM_ROLE default"
                " CREATE EXTERNAL DATABASE IF NOT EXISTS"
            )
            connection.execute(
                f"CREATE EXTERNAL TABLE ext.parts PARTITIONED BY (d) STORED AS PARQUET LOCATION '{folder}/parts/'"
                " AS SELECT 1 AS a, 'x'::varchar(10) AS d UNION ALL SELECT 2, 'y'"
            )
        yield running


def test_they_are_there_after_a_restart(server: Server, tmp_path: Path) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute(
            "CREATE EXTERNAL TABLE ext.nested (a struct<b:array<int>>) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'"
            f" WITH SERDEPROPERTIES ('dots.in.keys'='true') LOCATION '{tmp_path}/files/n/' TABLE PROPERTIES ('x'='y')"
        )
        before = [connection.execute(query).fetchall() for query in LISTED]
    server.kill()
    server.start()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        assert [connection.execute(query).fetchall() for query in LISTED] == before
        connection.execute("DROP SCHEMA ext DROP EXTERNAL DATABASE")
    server.stop()
    server.start()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM svv_external_databases").fetchone() == (0,)


def test_writers_side_by_side_add_all_their_partitions(server: Server) -> None:
    failures: list[Exception] = []

    def write(writer: int) -> None:
        try:
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                for number in range(5):
                    connection.execute(f"INSERT INTO ext.parts SELECT {number}, 'w{writer}-{number}'")
        except Exception as failure:  # noqa: BLE001 - it is told below
            failures.append(failure)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM svv_external_partitions").fetchone() == (22,)
        assert connection.execute("SELECT count(*) FROM ext.parts WHERE d LIKE 'w%'").fetchone() == (20,)
        found = connection.execute("SELECT parameters FROM svv_external_tables").fetchone()
        assert found is not None
        assert '"numRows":"22"' in found[0]


def test_only_allowed_folders_are_read(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for place in ("/etc/", "/etc/passwd", "file:///etc/passwd"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not allowed"):
                connection.execute(f"CREATE EXTERNAL TABLE ext.out (a varchar(10)) STORED AS TEXTFILE LOCATION '{place}'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not allowed"):
            connection.execute("ALTER TABLE ext.parts ADD PARTITION (d='z') LOCATION '/etc/'")
