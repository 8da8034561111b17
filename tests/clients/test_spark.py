"""The second engine: queries that a Spark Connect server runs give what DuckDB gives, and come back when it cannot."""

import socket
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from bench import tpch
from tests.support import s3
from tests.support.canceling import canceled
from tests.support.sail import sail
from tests.support.server import Server
from tests.support.spark import FIT, REMOTE, ROWS, TABLE, UNFIT, Notices, load_tpch

QUEUES = '[{"query_group":["cluster"],"engine":"spark","auto_wlm":true},{"auto_wlm":true}]'


@pytest.fixture(scope="module")
def server(cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("spark")
    environment = {
        "DUCKSHIFT_SPARK_URL": cluster, "DUCKSHIFT_SPARK_SCAN_MB": "1", "DUCKSHIFT_WLM_JSON_CONFIGURATION": QUEUES,
        "DUCKSHIFT_COPY_LOCAL_FOLDERS": str(folder), "DUCKSHIFT_LOG_LEVEL": "debug",
        # A cluster that has just started takes its time.
        **({"DUCKSHIFT_SPARK_CONNECT_TIMEOUT_S": "60"} if REMOTE else {}),
    }  # fmt: skip
    with Server(folder / "data", environment=environment) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute(TABLE)
            connection.execute(ROWS)
            connection.execute("CREATE TABLE inlined AS SELECT n, i2, i8, d9, d18, d38, c, v, b, day, ts, tz, bytes FROM scalars")
            connection.execute("VACUUM scalars")
            connection.execute("CREATE TABLE accents (v varchar(20))")
            connection.execute("INSERT INTO accents VALUES ('straße'), ('plain')")
            load_tpch(connection, folder)
        yield running


@pytest.fixture
def connection(server: Server, notices: Notices) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.dsn, autocommit=True) as made:
        made.add_notice_handler(notices)
        made.execute("SET enable_result_cache_for_session TO off")
        made.execute("SET duckshift.engine TO spark")
        yield made


def _answer(connection: psycopg.Connection[Any], sql: str, engine: str, *, binary: bool = False) -> tuple[Any, Any]:
    connection.execute(f"SET duckshift.engine TO {engine}")
    with connection.cursor(binary=binary) as cursor:
        cursor.execute(sql)
        shape = [(column.name, column.type_code, column.precision, column.scale) for column in cursor.description or ()]
        result = cursor.pgresult
        assert result is not None
        rows = [
            tuple(result.get_value(row, column) for column in range(result.nfields)) for row in range(result.ntuples)
        ]
        return shape, rows


@cache
def _queries() -> list[str]:
    extensions = pytest.importorskip("duckdb_extensions")
    raw = duckdb.connect()
    extensions.import_extension("tpch", con=raw)
    raw.execute("LOAD tpch")
    return tpch.queries(raw)


@pytest.mark.parametrize("number", range(1, 23))
def test_tpch(connection: psycopg.Connection[Any], notices: Notices, number: int) -> None:
    text = _queries()[number - 1]
    assert _answer(connection, text, "spark") == _answer(connection, text, "duckdb")
    assert notices == []


@pytest.mark.parametrize("sql", FIT)
def test_query(connection: psycopg.Connection[Any], notices: Notices, sql: str) -> None:
    assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    assert _answer(connection, sql, "spark", binary=True) == _answer(connection, sql, "duckdb", binary=True)
    assert notices == []


@pytest.mark.parametrize(("sql", "why"), UNFIT)
def test_what_only_duckdb_runs(connection: psycopg.Connection[Any], notices: Notices, sql: str, why: str) -> None:
    assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    assert len(notices) == 1
    assert why in notices[0]
    assert notices[0].startswith("DuckDB runs this statement: ")


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT 1 / (n - 1) FROM scalars", psycopg.errors.DivisionByZero),
        ("SELECT n * 2000000000 FROM scalars", psycopg.errors.NumericValueOutOfRange),
        ("SELECT i8 + 1 FROM scalars", psycopg.errors.NumericValueOutOfRange),
        ("SELECT (SELECT n FROM scalars) FROM scalars", psycopg.errors.CardinalityViolation),
    ],
)
def test_errors_are_duckdbs(connection: psycopg.Connection[Any], sql: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        connection.execute(sql)
    assert connection.execute("SELECT count(*) FROM scalars").fetchone() == (5,)


def test_parameters(connection: psycopg.Connection[Any], notices: Notices) -> None:
    found = connection.execute("SELECT n, v FROM scalars WHERE n > %s AND v <> %s ORDER BY 1", (1, "it's")).fetchall()
    assert found == [(2, "x "), (3, "")]
    assert notices == []


def test_rows_of_all_types_in_files_and_in_the_catalog(
    connection: psycopg.Connection[Any], notices: Notices, server: Server
) -> None:
    for table in ("scalars", "inlined"):
        sql = f"SELECT * FROM {table} ORDER BY n"
        assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    assert notices == []
    # DuckLake calls its folders after schema and table. Floats are in files only, however few.
    assert list(Path(server.data).glob("data/**/scalars/*.parquet"))
    assert not list(Path(server.data).glob("data/**/inlined/*.parquet"))


def test_a_column_called_as_the_lakes_own(connection: psycopg.Connection[Any], notices: Notices, tmp_path: Path) -> None:
    """A column ``filename`` hides the lake's: its values are no files to be read."""
    outside = tmp_path / "outside.parquet"
    duckdb.execute(f"COPY (SELECT 666 AS n, '{outside}' AS filename) TO '{outside}' (FORMAT parquet)")
    connection.execute("CREATE TABLE named (n int, filename varchar(500))")
    connection.execute(f"INSERT INTO named VALUES (1, '{outside}'), (2, 'x')")
    sql = "SELECT n, filename FROM named ORDER BY n"
    assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    connection.execute("DROP TABLE named")
    assert notices == []


def test_changed_tables(connection: psycopg.Connection[Any], notices: Notices) -> None:
    """Deleted, updated, inlined and uncommitted rows; renamed, added and dropped columns."""
    connection.execute("CREATE TABLE changing (a int, b varchar(10), gone int)")
    connection.execute("INSERT INTO changing SELECT l_orderkey, l_linenumber, 1 FROM lineitem WHERE l_orderkey < 3000")
    connection.execute("INSERT INTO changing SELECT l_orderkey, l_linenumber, 2 FROM lineitem WHERE l_orderkey >= 59000")
    steps = (
        "DELETE FROM changing WHERE a = 1",
        "UPDATE changing SET b = 'new' WHERE a IN (2, 59001)",
        "INSERT INTO changing VALUES (-1, 'small', 3)",
        "ALTER TABLE changing RENAME COLUMN b TO bb",
        "ALTER TABLE changing DROP COLUMN gone",
        "ALTER TABLE changing ADD COLUMN c decimal(9,2) DEFAULT 1.5",
        "INSERT INTO changing VALUES (-2, NULL, NULL)",
        "DELETE FROM changing WHERE a BETWEEN 100 AND 200",
        "VACUUM changing",
    )
    sql = "SELECT * FROM changing ORDER BY 1, 2"
    for step in steps:
        connection.execute(step)
        assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb"), step
        assert notices == [], step
    connection.execute("BEGIN")
    connection.execute("DELETE FROM changing WHERE a < 0")
    assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    connection.execute("ROLLBACK")
    connection.execute("DELETE FROM changing")
    assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    connection.execute("DROP TABLE changing")
    assert notices == []


def test_many_changed_rows_go_by_a_file(
    connection: psycopg.Connection[Any], notices: Notices, server: Server
) -> None:
    connection.execute("SET duckshift.engine TO duckdb")
    connection.execute("CREATE TABLE wide (a bigint, b varchar(400))")
    connection.execute(
        "INSERT INTO wide SELECT l_orderkey * 10 + l_linenumber, repeat(l_comment, 4) || repeat('x', 200) FROM lineitem"
    )
    connection.execute("INSERT INTO wide SELECT a + 10000000, b FROM wide")
    connection.execute("DELETE FROM wide WHERE a IN (11, 12)")
    sql = "SELECT count(*), sum(a), min(b), max(b) FROM wide"
    assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    assert notices == []
    left = Path(server.data) / "handover"
    assert left.is_dir()
    deadline = time.monotonic() + 60
    while list(left.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(left.iterdir()) == []
    connection.execute("DROP TABLE wide")


def test_temporary_tables_and_views(connection: psycopg.Connection[Any], notices: Notices) -> None:
    connection.execute("CREATE TEMP TABLE mine AS SELECT n, v FROM scalars")
    connection.execute("CREATE VIEW seen AS SELECT n, upper(v) AS u FROM scalars WHERE n > 1")
    for sql in ("SELECT * FROM mine ORDER BY n", "SELECT m.n, s.u FROM seen s JOIN mine m ON m.n = s.n ORDER BY 1"):
        assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    connection.execute("DROP VIEW seen")
    assert notices == []


def test_a_large_answer_streams(connection: psycopg.Connection[Any], notices: Notices) -> None:
    sql = "SELECT l_orderkey, l_linenumber, l_extendedprice, l_comment FROM lineitem ORDER BY 1, 2"
    assert _answer(connection, sql, "spark") == _answer(connection, sql, "duckdb")
    connection.execute("SET duckshift.engine TO spark")
    connection.execute("BEGIN")
    connection.execute("DECLARE c CURSOR FOR SELECT l_orderkey FROM lineitem ORDER BY 1")
    assert len(connection.execute("FETCH 10 FROM c").fetchall()) == 10
    assert len(connection.execute("FETCH 2000 FROM c").fetchall()) == 2000
    connection.execute("ROLLBACK")
    assert notices == []


def test_policies_and_masks_hold(connection: psycopg.Connection[Any], notices: Notices, server: Server) -> None:
    """What is masked is masked on the cluster; rows that are hidden never go there."""
    for sql in (
        "CREATE TABLE guarded (owner varchar(20), n int, card varchar(20))",
        "INSERT INTO guarded VALUES ('reader', 1, '1111'), ('other', 0, '2222'), ('reader', 3, '3333')",
        "CREATE USER reader PASSWORD 'Reader1password'",
        "GRANT SELECT ON guarded TO reader",
        "CREATE MASKING POLICY hidden WITH (card varchar(20)) USING ('****'::varchar(20))",
        "ATTACH MASKING POLICY hidden ON guarded (card) TO reader",
        "CREATE RLS POLICY own WITH (owner varchar(20)) USING (owner = current_user)",
        "ATTACH RLS POLICY own ON guarded TO reader",
    ):
        connection.execute(sql)
    dsn = server.dsn.replace("user=awsuser", "user=reader").replace(server.password, "Reader1password")
    with psycopg.connect(dsn, autocommit=True) as reader:
        reader.add_notice_handler(notices)
        reader.execute("SET enable_result_cache_for_session TO off")
        reader.execute("SET duckshift.engine TO spark")
        sql = "SELECT n, card, card = '1111' FROM guarded ORDER BY n"
        assert reader.execute(sql).fetchall() == [(0, "****", False), (1, "****", False), (3, "****", False)]
        assert notices == []
        connection.execute("ALTER TABLE guarded ROW LEVEL SECURITY ON")
        assert reader.execute(sql).fetchall() == [(1, "****", False), (3, "****", False)]
        assert reader.execute("SELECT 6 / n FROM guarded ORDER BY n").fetchall() == [(6,), (2,)]
        assert [text.rpartition(": ")[2] for text in notices] == [
            "Spark is not known to answer row-level security alike"
        ] * 2
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("SELECT * FROM scalars")
    connection.execute("DROP TABLE guarded CASCADE")


def test_cancel_and_time_out(connection: psycopg.Connection[Any], notices: Notices) -> None:
    slow = "SELECT a.l_comment || b.l_comment FROM lineitem a JOIN lineitem b ON a.l_linenumber = b.l_linenumber"
    with canceled(connection, 1):
        connection.execute(slow)
    # Spark itself sends the rows of a task once it has them all.
    if not REMOTE:
        connection.execute("BEGIN")
        connection.execute(f"DECLARE c CURSOR FOR {slow}")
        assert connection.execute("FETCH 1 FROM c").fetchall()
        with canceled(connection, 1):
            connection.execute("FETCH ALL FROM c")
        connection.execute("ROLLBACK")
    connection.execute("SET statement_timeout TO 500")
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(slow)
    connection.execute("SET statement_timeout TO 0")
    assert connection.execute("SELECT count(*) FROM scalars").fetchone() == (5,)
    assert notices == []


def _ran_on(connection: psycopg.Connection[Any], mark: str) -> list[tuple[Any, ...]]:
    connection.execute("SET duckshift.engine TO duckdb")
    return connection.execute(
        "SELECT trim(h.compute_type), q.concurrency_scaling_status, count(d.step_id)"
        " FROM sys_query_history h JOIN stl_query q ON q.query = h.query_id"
        " LEFT JOIN sys_query_detail d ON d.query_id = h.query_id AND trim(d.step_name) = 'spark'"
        f" WHERE h.query_text LIKE 'SELECT count%%{mark}' GROUP BY 1, 2"
    ).fetchall()


@pytest.mark.parametrize(
    ("before", "table", "engine"),
    [
        ("SET duckshift.engine TO spark", "scalars", "spark"),
        ("SET duckshift.engine TO auto", "lineitem", "spark"),
        ("SET duckshift.engine TO auto", "scalars", "primary"),
        ("SET query_group TO cluster", "scalars", "spark"),
        ("SET duckshift.engine TO duckdb", "lineitem", "primary"),
    ],
)
def test_who_runs_it(server: Server, before: str, table: str, engine: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        mark = f"-- {before} {table}"
        connection.execute("SET enable_result_cache_for_session TO off")
        connection.execute(before)
        # What the tables' sizes are is looked up in the background.
        connection.execute(f"SELECT max(1) FROM {table}")
        time.sleep(0.3)
        connection.execute(f"SELECT count(*) FROM {table} {mark}")
        assert _ran_on(connection, mark) == [(engine, int(engine == "spark"), int(engine == "spark"))]


def test_results_are_kept(connection: psycopg.Connection[Any], notices: Notices) -> None:
    connection.execute("SET enable_result_cache_for_session TO on")
    sql = "SELECT v, sum(n) FROM scalars GROUP BY v ORDER BY v"
    first = connection.execute(sql).fetchall()
    assert connection.execute(sql).fetchall() == first
    connection.execute("SET enable_result_cache_for_session TO off")
    found = connection.execute("SELECT compute_type, result_cache_hit FROM sys_query_history WHERE query_text LIKE"
                               " 'SELECT v, sum(n)%' ORDER BY query_id").fetchall()  # fmt: skip
    assert [hit for _, hit in found[-2:]] == [False, True]
    assert found[-2][0] == "spark"
    assert notices == []


def test_setting(connection: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        connection.execute("SET duckshift.engine TO presto")
    assert connection.execute("SHOW duckshift.engine").fetchone() == ("spark",)


def test_a_cluster_that_is_away(tmp_path: Path, notices: Notices) -> None:
    """It is silent: DuckDB answers, and only the first statement waits for it."""
    pytest.importorskip("grpc")
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"sc://127.0.0.1:{silent.getsockname()[1]}"
    environment = {"DUCKSHIFT_SPARK_URL": url, "DUCKSHIFT_SPARK_CONNECT_TIMEOUT_S": "1"}
    with Server(tmp_path / "data", environment=environment) as server, psycopg.connect(server.dsn, autocommit=True) as made:
        made.add_notice_handler(notices)
        made.execute("CREATE TABLE t AS SELECT 7 AS n")
        made.execute("SET enable_result_cache_for_session TO off")
        made.execute("SET duckshift.engine TO spark")
        for _ in range(2):
            assert made.execute("SELECT n FROM t").fetchall() == [(7,)]
    silent.close()
    assert notices == [
        "DuckDB runs this statement: the Spark cluster is away: DEADLINE_EXCEEDED",
        "DuckDB runs this statement: the Spark cluster is away: it was away a moment ago",
    ]


def test_a_lake_in_s3(tmp_path: Path, notices: Notices) -> None:
    pytest.importorskip("grpc")
    with s3.endpoint("lake-bucket") as store:
        reached = {
            "AWS_ENDPOINT": f"http://{store.address}", "AWS_ACCESS_KEY_ID": s3.KEY_ID, "AWS_SECRET_ACCESS_KEY": s3.SECRET,
            "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true",
        }  # fmt: skip
        environment = {
            "DUCKSHIFT_STORAGE_FOLDER": str(tmp_path / "state"), "DUCKSHIFT_S3_ENDPOINT": store.address,
            "DUCKSHIFT_S3_ACCESS_KEY_ID": s3.KEY_ID, "DUCKSHIFT_S3_SECRET_ACCESS_KEY": s3.SECRET,
            "DUCKSHIFT_S3_URL_STYLE": "path", "DUCKSHIFT_S3_USE_SSL": "false",
        }  # fmt: skip
        with sail(**reached) as url, Server(
            "s3://lake-bucket/warehouse", environment=environment | {"DUCKSHIFT_SPARK_URL": url}
        ) as server, psycopg.connect(server.dsn, autocommit=True) as made:  # fmt: skip
            made.add_notice_handler(notices)
            made.execute("CREATE TABLE t (n int, filler varchar(2000))")
            digits = "(SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4)"
            joined = " CROSS JOIN ".join(f"{digits} d{place}" for place in range(6))
            made.execute(f"INSERT INTO t SELECT row_number() OVER (), repeat('x', 1500) FROM {joined}")
            made.execute("SET enable_result_cache_for_session TO off")
            for step in ("SELECT 1", "DELETE FROM t WHERE n = 7"):
                made.execute(step)
                sql = "SELECT count(*), sum(n), max(filler) FROM t"
                assert _answer(made, sql, "spark") == _answer(made, sql, "duckdb")
        listed = store.client.list_objects_v2(Bucket="lake-bucket", Prefix="warehouse/handover/")
        assert listed.get("Contents", []) == []
    assert notices == []


def test_explain(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for before, sql, remark in (
            ("SET duckshift.engine TO spark", "SELECT n FROM scalars WHERE n > 1", "----- Spark runs this query -----"),
            ("SET query_group TO cluster", "SELECT regexp_count(v, 'x') FROM scalars", "----- DuckDB runs this query: "),
            ("SET duckshift.engine TO duckdb", "SELECT n FROM scalars", ""),
        ):
            connection.execute("RESET ALL")
            connection.execute(before)
            last = connection.execute(f"EXPLAIN {sql}").fetchall()[-1][0]
            assert last.startswith(remark)
            assert last.startswith("-----") is bool(remark)
