"""The second engine: queries that a Spark Connect server runs give what DuckDB gives, and come back when it cannot."""

import socket
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from threading import Timer
from typing import Any

import duckdb
import psycopg
import pytest

from bench import tpch
from tests.support import s3
from tests.support.sail import sail
from tests.support.server import Server

SCALE = 0.01
QUEUES = '[{"query_group":["cluster"],"engine":"spark","auto_wlm":true},{"auto_wlm":true}]'
TABLE = """
    CREATE TABLE scalars (n int, i2 smallint, i8 bigint, d9 decimal(9,2), d18 decimal(18,4), d38 decimal(38,10), r4 real,
        r8 double precision, c char(6), v varchar(20), b boolean, day date, ts timestamp, tz timestamptz, bytes varbyte(9))
"""
ROWS = """
    INSERT INTO scalars VALUES
    (1, -7, 9000000000, 12.34, 12345678901234.5678, 123456789012345678901234567.0123456789, 1.5, 2.25, 'ab', 'xY', true,
     '2024-02-29', '2024-02-29 13:14:15.123456', '2024-02-29 13:14:15.5+02', 'abc'),
    (2, 7, -9000000000, -0.05, -0.0001, -0.0000000001, -0.25, 1e300, 'a', 'x ', false, '1969-12-31',
     '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999+00', ''),
    (3, 32767, 9223372036854775807, 9999999.99, 99999999999999.9999, 0, 0, 0, '', '', NULL, '9999-12-31',
     '2000-01-01', '2000-01-01 00:00:00+00', NULL),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'it''s', true, NULL, NULL, NULL, NULL),
    (NULL, 0, 0, 0, 0, 7, 3, -1, 'xY', NULL, NULL, '2024-01-31', '2024-01-31 00:00:00', NULL, 'é')
"""
FIT = (
    "SELECT * FROM scalars ORDER BY n",
    "SELECT * FROM scalars ORDER BY n DESC LIMIT 3 OFFSET 1",
    "SELECT n FROM scalars ORDER BY d9 DESC, v NULLS FIRST",
    "SELECT n + i2, n - i8, n * i2, i8 / n, i8 % n, -n, abs(i2), i8 * 1.5, n / 2, mod(n, 3) FROM scalars WHERE n < 3",
    "SELECT d9 + d18, d9 - d38, d9 * d9, d9 * n, d9 / 3, d9 / d9, d9 * 0.07, d9 + 1, -d9 FROM scalars WHERE n < 3",
    "SELECT round(d18, 2), trunc(d18), trunc(d18, 1), ceil(d9), floor(d9), abs(d9), d9::int, d18::decimal(18,2), n::decimal(9,3)"
    " FROM scalars WHERE n < 3",
    "SELECT r4 + r8, r8 * 2, r8 / 3, sqrt(abs(r4)), n::float8, d9::float8, r8 > 0, r4 = r8 FROM scalars WHERE n < 3",
    "SELECT sum(n), sum(i2), sum(i8 / 2), sum(d9), sum(d18), avg(n), avg(d9), avg(r8), count(*), count(v),"
    " min(v), max(day), min(ts), max(d38), max(tz) FROM scalars",
    "SELECT sum(n), count(*), max(v) FROM scalars WHERE n > 100",
    "SELECT v, count(*), sum(n) FROM scalars GROUP BY v ORDER BY v",
    "SELECT count(DISTINCT b), count(DISTINCT v), sum(DISTINCT n), min(i2) FROM scalars",
    "SELECT b, count(*) FILTER (WHERE n > 1), bool_or(n > 2), bool_and(n > 2) FROM scalars GROUP BY b HAVING count(*) > 0 ORDER BY b",
    "SELECT DISTINCT v, c FROM scalars ORDER BY 1, 2",
    "SELECT DISTINCT b FROM scalars ORDER BY 1 DESC",
    "SELECT n FROM scalars WHERE v = 'x' OR c = 'ab   ' OR v = 'it''s' ORDER BY n",
    "SELECT n, c = v, c < v, c || '|' || v, c || 'x', v || NULL FROM scalars ORDER BY n",
    "SELECT n FROM scalars WHERE v LIKE 'x%' ORDER BY 1",
    "SELECT n FROM scalars WHERE v LIKE '%\\\\_%' OR v ILIKE 'XY' OR v NOT LIKE 'x_' ORDER BY 1",
    "SELECT upper(v), lower(v), length(v), len(c), substring(v, 2, 1), left(v, 1), right(v, 1), rtrim(c), btrim(v, 'x'),"
    " replace(v, 'x', 'zz'), position('Y' in v), strpos(v, 's'), octet_length(v) FROM scalars ORDER BY n",
    "SELECT n, coalesce(v, c, '?'), nvl(n, 0), nullif(n, 2), greatest(n, i2), least(n, 3), decode(n, 1, 'one', 2, 'two', 'more'),"
    " CASE WHEN n IS NULL THEN 'none' WHEN b THEN 'true' ELSE v END, nvl2(v, 1, 0) FROM scalars ORDER BY n",
    "SELECT n, b AND n > 1, b OR n IS NULL, NOT b, b IS TRUE, b IS NOT FALSE, n BETWEEN 1 AND 2, n IN (1, NULL, 3), n NOT IN (1, 2)"
    " FROM scalars ORDER BY n",
    "SELECT day + 1, day - 1, day - date '2000-01-01', extract(year from day), date_part(month, ts), extract(dow from day),"
    " extract(hour from ts), date_part(quarter, day), date_trunc('month', ts), date_trunc('week', ts), last_day(day)"
    " FROM scalars WHERE n < 3 OR n IS NULL ORDER BY n",
    "SELECT dateadd(month, 1, day), dateadd(day, -3, ts), ts + interval '2 days', day - interval '1 month',"
    " datediff(day, day, ts), datediff(month, day, date '2024-07-01'), datediff(year, ts, day), ts::date, day::timestamp"
    " FROM scalars WHERE n < 3 OR n IS NULL ORDER BY n",
    "SELECT n FROM scalars WHERE ts > '2000-01-01' AND day < date '2025-01-01' AND tz >= '1969-01-01 00:00:00+00' ORDER BY 1",
    "SELECT n::varchar, i8::varchar, d9::varchar, day::varchar FROM scalars ORDER BY n",
    "SELECT s.n, t.v FROM scalars s LEFT JOIN scalars t ON s.n = t.i2 - 6 ORDER BY 1, 2",
    "SELECT count(*) FROM scalars s JOIN scalars t USING (b)",
    "SELECT s.n, t.n FROM scalars s FULL JOIN (SELECT n, i2 FROM scalars WHERE n > 2) t ON s.n = t.n ORDER BY 1, 2",
    "SELECT a.n, b.n FROM scalars a CROSS JOIN scalars b WHERE a.n < b.n ORDER BY 1, 2",
    "SELECT n FROM scalars s WHERE EXISTS (SELECT 1 FROM scalars t WHERE t.n = s.n + 1) ORDER BY 1",
    "SELECT n FROM scalars WHERE n NOT IN (SELECT n FROM scalars WHERE n < 3)",
    "SELECT n, (SELECT max(t.n) FROM scalars t WHERE t.b = s.b) FROM scalars s ORDER BY 1",
    "SELECT n FROM scalars WHERE n > (SELECT avg(n) FROM scalars) ORDER BY 1",
    "WITH a AS (SELECT n, v FROM scalars WHERE n > 1), b(k) AS (SELECT n FROM a) SELECT * FROM a JOIN b ON a.n = b.k ORDER BY 1",
    "SELECT n FROM scalars UNION SELECT i2 FROM scalars ORDER BY 1",
    "SELECT n FROM scalars UNION ALL SELECT d9 FROM scalars ORDER BY 1",
    "SELECT n FROM scalars INTERSECT SELECT i2 - 6 FROM scalars ORDER BY 1",
    "SELECT n FROM scalars EXCEPT SELECT 2 ORDER BY 1",
    "SELECT n, row_number() OVER (ORDER BY n), rank() OVER (PARTITION BY b ORDER BY i2 DESC), lag(n) OVER (ORDER BY n),"
    " lead(v, 2) OVER (ORDER BY n), sum(d9) OVER (PARTITION BY b ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW),"
    " max(n) OVER (), first_value(n) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),"
    " dense_rank() OVER (ORDER BY b), count(*) OVER (PARTITION BY b) FROM scalars ORDER BY n",
    "SELECT b, v, grouping(b), grouping(b, v), count(*), sum(n) FROM scalars GROUP BY ROLLUP(b, v) ORDER BY 3, 4, 1, 2",
    "SELECT b, n, count(*) FROM scalars GROUP BY GROUPING SETS ((b), (n), ()) ORDER BY 1, 2, 3",
    "SELECT (SELECT n FROM scalars WHERE v = 'xY'), n FROM scalars ORDER BY 2",
    "SELECT current_user, n FROM scalars WHERE day < getdate() AND ts < sysdate ORDER BY 2",
    "SELECT 'quote '' and \\\\ back', 1, 1.50, true, NULL, date '2024-01-01' FROM scalars LIMIT 1",
)
UNFIT = (
    ("SELECT upper(v) || 'é' FROM accents", "could not run"),
    ("SELECT upper(v) FROM accents", "could not run"),
    ("SELECT sum(d38) FROM scalars", "could not run"),
    ("SELECT listagg(v, ',') WITHIN GROUP (ORDER BY v) FROM scalars", "listagg"),
    ("SELECT to_char(day, 'YYYY') FROM scalars WHERE n = 1", "alike"),
    ("SELECT tz::date FROM scalars WHERE n = 1", "TIMESTAMPTZ"),
    ("SELECT r4 = 1.5 FROM scalars WHERE n = 1", "REAL"),
    ("SELECT r8::int FROM scalars WHERE n = 1", "DOUBLE"),
    ("SELECT stddev_samp(n) FROM scalars", "stddev_samp"),
)


class Notices(list[str]):
    """What a connection was told."""

    def __call__(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self.append(diagnostic.message_primary or "")


Connect = Callable[..., psycopg.Connection[Any]]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    pytest.importorskip("grpc")
    with sail() as url:
        yield url


@pytest.fixture(scope="module")
def server(cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("spark")
    environment = {
        "DUCKSHIFT_SPARK_URL": cluster, "DUCKSHIFT_SPARK_SCAN_MB": "1", "DUCKSHIFT_WLM_JSON_CONFIGURATION": QUEUES,
        "DUCKSHIFT_COPY_LOCAL_FOLDERS": str(folder), "DUCKSHIFT_LOG_LEVEL": "debug",
    }  # fmt: skip
    with Server(folder / "data", environment=environment) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            connection.execute(TABLE)
            connection.execute(ROWS)
            connection.execute("CREATE TABLE inlined AS SELECT * FROM scalars")
            connection.execute("VACUUM scalars")
            connection.execute("CREATE TABLE accents (v varchar(20))")
            connection.execute("INSERT INTO accents VALUES ('straße'), ('plain')")
            _load_tpch(connection, folder)
        yield running


def _load_tpch(connection: psycopg.Connection[Any], folder: Path) -> None:
    raw = duckdb.connect(config={"extension_directory": str(folder / "extensions")})
    extensions = pytest.importorskip("duckdb_extensions")
    extensions.import_extension("tpch", con=raw)
    raw.execute(f"LOAD tpch; CALL dbgen(sf={SCALE})")
    for table, definition in tpch.TABLES.items():
        file = folder / f"{table}.parquet"
        raw.execute(f"COPY {table} TO '{file}' (FORMAT parquet)")
        connection.execute(f"CREATE TABLE {table} ({definition})")
        connection.execute(f"COPY {table} FROM 'file://{file}' FORMAT AS PARQUET")
    raw.close()


@pytest.fixture
def notices() -> Notices:
    return Notices()


@pytest.fixture
def connection(server: Server, notices: Notices) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server.dsn, autocommit=True) as made:
        made.add_notice_handler(notices)
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
    # DuckLake calls its folders after schema and table.
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
    deadline = time.monotonic() + 5
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
    for sql in (
        "CREATE TABLE guarded (owner varchar(20), n int, card varchar(20))",
        "INSERT INTO guarded VALUES ('reader', 1, '1111'), ('other', 0, '2222'), ('reader', 3, '3333')",
        "CREATE USER reader PASSWORD 'Reader1password'",
        "GRANT SELECT ON guarded TO reader",
        "CREATE RLS POLICY own WITH (owner varchar(20)) USING (owner = current_user)",
        "ATTACH RLS POLICY own ON guarded TO reader",
        "ALTER TABLE guarded ROW LEVEL SECURITY ON",
        "CREATE MASKING POLICY hidden WITH (card varchar(20)) USING ('****'::varchar(20))",
        "ATTACH MASKING POLICY hidden ON guarded (card) TO reader",
    ):
        connection.execute(sql)
    dsn = server.dsn.replace("user=awsuser", "user=reader").replace(server.password, "Reader1password")
    with psycopg.connect(dsn, autocommit=True) as reader:
        reader.add_notice_handler(notices)
        reader.execute("SET duckshift.engine TO spark")
        assert reader.execute("SELECT * FROM guarded ORDER BY n").fetchall() == [("reader", 1, "****"), ("reader", 3, "****")]
        # The row that would fail is hidden, and nothing tells that there is one.
        assert reader.execute("SELECT 6 / n FROM guarded ORDER BY n").fetchall() == [(6,), (2,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute("SELECT * FROM scalars")
    assert notices == []
    connection.execute("DROP TABLE guarded CASCADE")


def test_cancel_and_time_out(connection: psycopg.Connection[Any], notices: Notices) -> None:
    slow = "SELECT a.l_comment || b.l_comment FROM lineitem a JOIN lineitem b ON a.l_linenumber = b.l_linenumber"
    timer = Timer(1, connection.cancel)
    timer.start()
    start = time.monotonic()
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(slow)
    connection.execute("SET statement_timeout TO 500")
    with pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute(slow)
    connection.execute("SET statement_timeout TO 0")
    assert time.monotonic() - start < 10
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
        connection.execute(before)
        # What the tables' sizes are is looked up in the background.
        connection.execute(f"SELECT max(1) FROM {table}")
        time.sleep(0.3)
        connection.execute(f"SELECT count(*) FROM {table} {mark}")
        assert _ran_on(connection, mark) == [(engine, int(engine == "spark"), int(engine == "spark"))]


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
            made.execute("SET duckshift.engine TO spark")
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
