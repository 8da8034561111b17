"""Two servers on a lake whose files are in S3, and on one that is encrypted; a snapshot that becomes a shared lake."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from storage import superseded
from tests.support import postgres, s3
from tests.support.fleet import connect, member, start, stop
from tests.support.postgres import Postgres
from tests.support.s3 import Endpoint
from tests.support.server import Server
from tests.support.snapshots import command, keeping, run

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400)]
_ROWS = "INSERT INTO t (v) SELECT 'x' || n FROM generate_series(1, 500) AS g(n)"


@pytest.fixture(scope="module")
def catalog() -> Iterator[Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture(scope="module")
def bucket() -> Iterator[Endpoint]:
    with s3.endpoint("lake") as running:
        yield running


@pytest.fixture(params=["plain", "encrypted"])
def servers(
    request: pytest.FixtureRequest, catalog: Postgres, bucket: Endpoint, tmp_path: Path
) -> Iterator[tuple[Server, Server]]:
    name = request.param
    with psycopg.connect(catalog.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    environment = {
        "DUCKSHIFT_STORAGE_CATALOG": f"{catalog.dsn.rpartition('/')[0]}/{name}",
        "DUCKSHIFT_STORAGE_DATA": f"s3://lake/{name}",
        "DUCKSHIFT_STORAGE_ENCRYPTED": str(name == "encrypted").lower(),
        "DUCKSHIFT_UPKEEP_INTERVAL_S": "1",
        "DUCKSHIFT_UPKEEP_KEEP_S": "3",
        "DUCKSHIFT_UPKEEP_GRACE_S": "1",
        **bucket.environment(),
    }
    pair = member(tmp_path, catalog, "one", **environment), member(tmp_path, catalog, "two", **environment)
    for server in pair:
        server.data = environment["DUCKSHIFT_STORAGE_DATA"]
    try:
        start(*pair)
        yield pair
    finally:
        stop(*pair)


def test_all_servers_read_and_write(servers: tuple[Server, Server], catalog: Postgres, bucket: Endpoint) -> None:
    with connect(servers[0]) as one, connect(servers[1]) as two:
        one.execute("CREATE TABLE u (a int)")
        one.execute("CREATE TABLE t (id int IDENTITY(1, 1), v varchar(20))")
        for connection in (one, two, one, two):
            connection.execute(_ROWS)
            connection.execute("INSERT INTO t (v) VALUES ('small')")
        # The later ones by the short ways: files by name, copies in memory.
        for connection in (one, two, two, two, one, one):
            found = connection.execute("SELECT count(*), count(DISTINCT id), min(v), max(v) FROM t").fetchone()
            assert found == (2004, 2004, "small", "x99")
        two.execute("UPDATE t SET v = 'y' WHERE v LIKE 'x%'")
        one.execute("DELETE FROM t WHERE v = 'small'")
        two.execute("ALTER TABLE t ADD COLUMN w int DEFAULT 3")
        assert one.execute("SELECT v, sum(w) FROM t GROUP BY v").fetchall() == [("y", 6000)]
        two.execute("CREATE USER reader PASSWORD 'Ticket5ales'")
        one.execute("GRANT SELECT ON t TO reader")
        with connect(servers[0], user="reader") as reader:
            assert reader.execute("SELECT count(*) FROM t").fetchone() == (2000,)
        one.execute("VACUUM t")
        assert two.execute("SELECT v, sum(w) FROM t GROUP BY v").fetchall() == [("y", 6000)]
    servers[1].kill()
    with connect(servers[0]) as one:
        one.execute(_ROWS)
        assert one.execute("SELECT count(*), count(DISTINCT id) FROM t").fetchone() == (2500, 2500)
        start(servers[1])
        with connect(servers[1]) as two:
            assert two.execute("SELECT count(*), count(DISTINCT id) FROM t").fetchone() == (2500, 2500)
            two.execute("TRUNCATE t")
            assert one.execute("SELECT count(*) FROM t").fetchone() == (0,)
    name = str(servers[0].data).rpartition("/")[2]
    before = _files(bucket, name)
    with connect(servers[0]) as one, connect(servers[1]) as two:
        two.execute(_ROWS)
        until = time.monotonic() + 60
        while len(before & _files(bucket, name)) > len(before) // 2:
            assert time.monotonic() < until
            one.execute("INSERT INTO u VALUES (1)")
            time.sleep(1)
        for connection in (one, two):
            assert connection.execute("SELECT count(*), count(DISTINCT id), max(v) FROM t").fetchone() == (500, 500, "x99")
    _drops_superseded(f"{catalog.dsn.rpartition('/')[0]}/{name}", *servers)
    files = [bucket.client.get_object(Bucket="lake", Key=key)["Body"].read(4) for key in _files(bucket, name)]
    # PARE instead of PAR1 marks a Parquet file whose footer is encrypted.
    assert set(files) == {b"PARE" if name == "encrypted" else b"PAR1"}


def test_a_snapshot_becomes_a_shared_lake(catalog: Postgres, tmp_path: Path) -> None:
    place = str(tmp_path / "snapshots")
    with keeping(tmp_path / "data", place) as server:
        run(
            server,
            "CREATE TABLE t (id int IDENTITY(1, 1), v varchar(20), d decimal(38, 10), s super, at timestamptz) SORTKEY (id)",
            "INSERT INTO t (v, d) SELECT 'x', n FROM generate_series(1, 500) AS g(n)",
            """INSERT INTO t (v, d, s, at) VALUES ('small', 1.5, JSON_PARSE('{"a": [1]}'), '2026-01-02 03:04:05+01')""",
            "ALTER TABLE t ADD COLUMN w int DEFAULT 3",
            "INSERT INTO t (v, w) VALUES ('other', NULL)",
            "DELETE FROM t WHERE id < 3",
            "CREATE USER reader PASSWORD 'Ticket5ales'",
            "GRANT SELECT ON t TO reader",
            "CALL duckshift_create_snapshot('one')",
        )
    found = [("other", 1, None, None, None), ("small", 1, Decimal("1.5"), "[1]", 3), ("x", 498, Decimal(500), None, 1494)]
    question = "SELECT v, count(*), max(d), max(json_serialize(s.a)), sum(w) FROM t GROUP BY v ORDER BY v"
    shared = _restored(catalog, tmp_path, "again", place, "one")
    with shared, connect(shared) as connection:
        assert connection.execute(question).fetchall() == found
        assert connection.execute("SELECT at FROM t WHERE v = 'small'").fetchone() == (
            datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC),
        )
        with connect(shared, user="reader") as reader:
            assert reader.execute("SELECT count(*) FROM t").fetchone() == (500,)
        time.sleep(1.1)
        moment = datetime.now(UTC).isoformat()
        time.sleep(1.1)
        connection.execute("INSERT INTO t (v) VALUES ('new')")
        connection.execute("UPDATE t SET w = 0")
        connection.execute("VACUUM t")
        assert connection.execute("SELECT count(*), count(DISTINCT id), sum(w) FROM t").fetchone() == (501, 501, 0)
        connection.execute("CALL duckshift_create_snapshot('two')")
    then = _restored(catalog, tmp_path, "then", place, "two", "--at", moment)
    with then, connect(then) as connection:
        assert connection.execute(question).fetchall() == found
        connection.execute("INSERT INTO t (v) VALUES ('new')")
        assert connection.execute("SELECT count(*), count(DISTINCT id) FROM t").fetchone() == (501, 501)


def _restored(catalog: Postgres, root: Path, name: str, place: str, *words: str) -> Server:
    """Return a server of a shared lake that a snapshot was restored to."""
    with psycopg.connect(catalog.dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE \"{name}\"")
    environment = {
        "DUCKSHIFT_STORAGE_SHARED": "true",
        "DUCKSHIFT_STORAGE_CATALOG": f"{catalog.dsn.rpartition('/')[0]}/{name}",
        "DUCKSHIFT_STORAGE_FOLDER": str(root / f"{name}-state"),
    }
    done = command(place, root / name, "restore", *words, **environment)
    assert done.returncode == 0, done.stderr
    other = environment | {"DUCKSHIFT_STORAGE_FOLDER": str(root / "elsewhere")}
    assert "holds a lake already" in command(place, root / "other", "restore", *words, **other).stderr
    return keeping(root / name, place, **environment)


def _files(bucket: Endpoint, name: str) -> set[str]:
    keys = {str(item["Key"]) for item in bucket.client.list_objects_v2(Bucket="lake")["Contents"]}
    return {key for key in keys if key.endswith(".parquet") and key.startswith(f"{name}/")}


def _drops_superseded(dsn: str, *servers: Server) -> None:
    """What ALTER TABLE has superseded is kept while there are servers, and goes when there are none."""
    stop(*servers)
    superseded_tables = (
        "SELECT count(*), count(DISTINCT table_id), count(to_regclass(table_name)) FROM ducklake_inlined_data_tables"
        " WHERE table_id IN (SELECT table_id FROM ducklake_table WHERE table_name = 't')"
    )
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.execute(superseded_tables).fetchone() == (2, 1, 2)
        connection.execute(superseded.DROP.encode())
        assert connection.execute(superseded_tables).fetchone() == (1, 1, 1)
