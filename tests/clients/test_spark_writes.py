"""Writes whose queries the second engine runs: CREATE TABLE AS, INSERT … SELECT, UNLOAD hold what DuckDB gives."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.canceling import canceled
from tests.support.server import Server
from tests.support.spark import ROWS, TABLE, Notices

_COLUMNS = "n, i2, i8, d9, d18, d38, r4, r8, c, v, b, day, ts, tz"
_COMPARED = "SELECT * FROM {} ORDER BY 1, 2"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("spark")


@pytest.fixture(scope="module")
def server(cluster: str, folder: Path) -> Iterator[Server]:
    environment = {"DUCKSHIFT_SPARK_URL": cluster, "DUCKSHIFT_COPY_LOCAL_FOLDERS": str(folder)}
    with Server(folder / "data", environment=environment) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute(TABLE)
            connection.execute(ROWS)
            connection.execute(
                "CREATE TABLE many AS SELECT i AS a, i % 7 AS k, 'text ' || i AS t FROM generate_series(1, 60000) AS g(i)"
            )
        yield running


@pytest.fixture
def connection(server: Server, notices: Notices) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.dsn, autocommit=True) as made:
        made.add_notice_handler(notices)
        made.execute("SET enable_result_cache_for_session TO off")
        made.execute("SET duckshift.engine TO spark")
        yield made
        made.execute("DROP TABLE IF EXISTS made, other, target")


def _same(connection: psycopg.Connection[Any], one: str, other: str) -> None:
    connection.execute("SET duckshift.engine TO duckdb")
    first, second = (connection.execute(_COMPARED.format(each).encode()).fetchall() for each in (one, other))
    assert first == second
    connection.execute("SET duckshift.engine TO spark")


def _engine(connection: psycopg.Connection[Any], text: str) -> str:
    connection.execute("SET duckshift.engine TO duckdb")
    found = connection.execute(
        f"SELECT trim(compute_type) FROM sys_query_history WHERE query_text LIKE '{text}%' ORDER BY query_id DESC LIMIT 1"
    ).fetchone()
    connection.execute("SET duckshift.engine TO spark")
    assert found is not None
    return str(found[0])


def test_create_table_as(connection: psycopg.Connection[Any], notices: Notices) -> None:
    done = connection.execute(f"CREATE TABLE made AS SELECT {_COLUMNS} FROM scalars")
    assert done.statusmessage == "SELECT 5"
    assert _engine(connection, "CREATE TABLE made AS") == "spark"
    _same(connection, "made", f"(SELECT {_COLUMNS} FROM scalars)")
    connection.execute("CREATE TEMP TABLE other DISTKEY (k) AS SELECT k, count(*) AS n, max(t) AS t FROM many GROUP BY k")
    _same(connection, "other", "(SELECT k, count(*), max(t) FROM many GROUP BY k)")
    connection.execute("SELECT a, a AS b INTO target FROM many WHERE a < 0")
    assert connection.execute("SELECT count(*) FROM target").fetchone() == (0,)
    assert notices == []


def test_insert_of_a_query(connection: psycopg.Connection[Any], notices: Notices) -> None:
    connection.execute("CREATE TABLE target (a bigint NOT NULL, t varchar(30), k int DEFAULT 5, m decimal(12,2))")
    query = "SELECT a, t, k / 2 FROM many WHERE k < %s"
    assert connection.execute(f"INSERT INTO target (a, t, m) {query}", (3,)).rowcount == 25_715
    assert _engine(connection, "INSERT INTO target (a, t, m)") == "spark"
    _same(connection, "target", f"(SELECT a, t, 5, m FROM ({query % 3}) AS q(a, t, m))")
    # Into the table that is read, beside others, in a block that is rolled back.
    connection.execute("BEGIN")
    done = connection.execute(
        "INSERT INTO target WITH few AS (SELECT a FROM many WHERE a < 10) SELECT t.a, t.t, 1, t.m FROM target t JOIN few ON few.a = t.a"
    )
    assert done.rowcount == 5
    assert connection.execute("SELECT count(*) FROM target").fetchone() == (25_720,)
    connection.execute("ROLLBACK")
    assert connection.execute("SELECT count(*) FROM target").fetchone() == (25_715,)
    assert notices == []


def test_what_a_table_demands_is_held(connection: psycopg.Connection[Any]) -> None:
    connection.execute("CREATE TABLE target (a int NOT NULL, t varchar(3), i int IDENTITY(1, 1))")
    with pytest.raises(psycopg.errors.StringDataRightTruncation):
        connection.execute("INSERT INTO target (a, t) SELECT a, t FROM many")
    with pytest.raises(psycopg.errors.NotNullViolation):
        connection.execute("INSERT INTO target (a) SELECT n FROM scalars")
    assert connection.execute("SELECT count(*) FROM target").fetchone() == (0,)
    connection.execute("INSERT INTO target (a) SELECT a FROM many WHERE a <= 3")
    assert _engine(connection, "INSERT INTO target (a) SELECT a") == "spark"
    numbers = connection.execute("SELECT a, i FROM target ORDER BY a").fetchall()
    assert [number for number, _ in numbers] == [1, 2, 3]
    assert len({drawn for _, drawn in numbers}) == 3
    connection.execute("INSERT INTO target VALUES (4, 'x')")
    assert connection.execute("UPDATE target SET t = 'y' WHERE a > 2").rowcount == 2


@pytest.mark.parametrize("options", ["FORMAT PARQUET", "CSV HEADER PARALLEL OFF", "JSON MAXFILESIZE 5 MB"])
def test_unload(connection: psycopg.Connection[Any], notices: Notices, folder: Path, options: str) -> None:
    place = folder / f"unloaded-{options.split()[0].lower()}-{options.split()[-1].lower()}"
    place.mkdir()
    connection.execute(
        f"UNLOAD ('SELECT a, k, t FROM many WHERE k <> 3') TO '{place}/' IAM_ROLE default {options}"
    )
    assert _engine(connection, "UNLOAD") == "spark"
    assert [text for text in notices if "DuckDB runs" in text] == []
    connection.execute("CREATE TABLE target (a int, k int, t varchar(20))")
    words = {"FORMAT": "FORMAT PARQUET", "CSV": "CSV IGNOREHEADER 1", "JSON": "JSON 'auto'"}
    connection.execute(f"COPY target FROM '{place}/' IAM_ROLE default {words[options.split()[0]]}")
    _same(connection, "target", "(SELECT a, k, t FROM many WHERE k <> 3)")


@pytest.mark.parametrize("options", ["CSV PARALLEL OFF MAXFILESIZE 5 MB", "CSV PARALLEL OFF HEADER GZIP"])
def test_unload_in_order(connection: psycopg.Connection[Any], notices: Notices, folder: Path, options: str) -> None:
    written = []
    for engine in ("spark", "duckdb"):
        place = folder / f"ordered-{engine}-{len(options)}"
        place.mkdir()
        connection.execute(f"SET duckshift.engine TO {engine}")
        connection.execute(f"UNLOAD ('SELECT t, k, a FROM many WHERE k <> 3 ORDER BY k DESC, t, a') TO '{place}/' IAM_ROLE default {options}")
        assert _engine(connection, "UNLOAD") == {"spark": "spark", "duckdb": "primary"}[engine]
        names = sorted(place.iterdir())
        written.append(b"".join(gzip.decompress(name.read_bytes()) if "GZIP" in options else name.read_bytes() for name in names))
    assert written[0] == written[1] and written[0].count(b"\n") > 40_000
    assert [text for text in notices if "DuckDB runs" in text] == []


def test_cancelling_leaves_nothing(connection: psycopg.Connection[Any]) -> None:
    with canceled(connection, 1.5):
        connection.execute("CREATE TABLE made AS SELECT x.a, y.t FROM many x JOIN many y ON x.k = y.k")
    assert connection.execute("SELECT count(*) FROM pg_class WHERE relname = 'made'").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM many").fetchone() == (60_000,)
