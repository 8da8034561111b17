"""Where a warehouse may live: Parquet in S3, the catalogue in SQLite or PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres, s3
from tests.support.server import Server


@contextmanager
def connected(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname=server.database,
        autocommit=True,
    ) as connection:
        yield connection


def story(server: Server) -> None:
    """Write, restart, read."""
    with server:
        with connected(server) as connection:
            connection.execute("CREATE TABLE t (a int SORTKEY, b varchar(20))")
            connection.execute("INSERT INTO t SELECT n, 'row ' || n FROM generate_series(1, 5000) AS g(n)")
            connection.execute("INSERT INTO t VALUES (0, 'alone')")
            connection.execute("DELETE FROM t WHERE a = 17")
            connection.execute("CREATE TABLE u AS SELECT a, count(*) AS n FROM t GROUP BY a")
        assert server.stop() == 0
        server.start()
        with connected(server) as connection:
            assert connection.execute("SELECT count(*), min(a), max(b) FROM t").fetchone() == (5000, 0, "row 999")
            assert connection.execute("SELECT count(*) FROM u WHERE n = 1").fetchone() == (5000,)
            connection.execute("VACUUM t")
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (5000,)


def test_parquet_in_s3(tmp_path: Path) -> None:
    with s3.endpoint("lake-bucket") as store:
        environment = {
            "DUCKSHIFT_STORAGE_FOLDER": str(tmp_path / "state"),
            "DUCKSHIFT_S3_ENDPOINT": store.address,
            "DUCKSHIFT_S3_ACCESS_KEY_ID": s3.KEY_ID,
            "DUCKSHIFT_S3_SECRET_ACCESS_KEY": s3.SECRET,
            "DUCKSHIFT_S3_URL_STYLE": "path",
            "DUCKSHIFT_S3_USE_SSL": "false",
        }
        story(Server("s3://lake-bucket/warehouse", environment=environment))
        listed = store.client.list_objects_v2(Bucket="lake-bucket", Prefix="warehouse/")
        assert any(item["Key"].endswith(".parquet") for item in listed["Contents"])
        assert not list((tmp_path / "state").rglob("*.parquet"))


def test_catalog_in_sqlite(tmp_path: Path) -> None:
    story(
        Server(tmp_path / "data", environment={"DUCKSHIFT_STORAGE_CATALOG": f"sqlite:{tmp_path / 'catalog.sqlite'}"})
    )
    assert (tmp_path / "catalog.sqlite").exists()


@pytest.mark.postgres
def test_catalog_in_postgresql(tmp_path: Path) -> None:
    with postgres.running() as database:
        address = f"postgres://postgres@{database.host}:{database.port}/postgres"
        story(Server(tmp_path / "data", environment={"DUCKSHIFT_STORAGE_CATALOG": address}))
        with psycopg.connect(address) as connection:
            assert connection.execute("SELECT count(*) > 0 FROM ducklake_snapshot").fetchone() == (True,)


def test_what_a_killed_server_has_spilled_is_no_obstacle(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        server.kill()
        left = tmp_path / "data" / "tmp" / "duckdb_temp_storage_DEFAULT-0.tmp"
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"\0" * 4096)
        server.start()
        assert not left.exists()
        with connected(server) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
