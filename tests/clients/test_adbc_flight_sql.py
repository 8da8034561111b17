"""ADBC's driver of Arrow Flight SQL, as it comes: queries, parameters, transactions, bulk loads, metadata."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support import aws
from tests.support.environments import python_of
from tests.support.server import Server

pytestmark = pytest.mark.client("adbc_flightsql")
PRELUDE = """
import datetime as dt, decimal, json, sys
import adbc_driver_flightsql.dbapi as dbapi
import pyarrow as pa
url, certificate, user, password = sys.argv[1:5]

def connect(**given):
    options = {"username": user, "password": password, "adbc.flight.sql.client_option.tls_root_certs": open(certificate).read()}
    return dbapi.connect(url, {**options, **given.pop("db_kwargs", {})}, **given)

def told(call):
    try:
        return call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
"""


@pytest.fixture(scope="module")
def served(doors: Server) -> Server:
    return doors


Run = Callable[[str], Any]


@pytest.fixture(scope="module")
def adbc(served: Server) -> Run:
    def run(script: str) -> Any:
        """Run *script*, whose ``answer`` comes back as JSON."""
        text = f"{PRELUDE}\n{script}\nprint(json.dumps(answer, default=str))"
        arguments = [aws.flight(served), aws.trusted(served), served.user, served.password]
        command = [str(python_of("flight")), "-c", text, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_queries_and_parameters(adbc: Run) -> None:
    answer = adbc("""
with connect(autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute("create table q (a int, b varchar(20), c timestamp, d decimal(8,2), e varbyte(10), f date)")
    cursor.execute("insert into q values (1, 'x', '2020-01-01 01:02:03', 1.5, null, '2020-02-29')")
    rows = [(2, "é", dt.datetime(2021, 1, 1, 3, 4, 5, 6), decimal.Decimal("2.25"), b"ab", dt.date(1999, 12, 31)), (3, None, None, None, None, None)]
    cursor.executemany("insert into q values (?, ?, ?, ?, ?, ?)", rows)
    cursor.execute("select * from q order by a")
    answer = [cursor.fetchall()]
    cursor.execute("select b from q where a = ? and d > ?", (2, decimal.Decimal("1")))
    answer.append(cursor.fetchall())
    cursor.execute("select $2::varchar as y, $1::int as x", (41, "z"))
    answer.append(cursor.fetchall())
    answer.append(told(lambda: cursor.execute("select * from nowhere")))
    cursor.execute("select 1 as still")
    answer.append(cursor.fetchall())
""")
    assert answer[0] == [
        [1, "x", "2020-01-01 01:02:03", "1.50", None, "2020-02-29"],
        [2, "é", "2021-01-01 03:04:05.000006", "2.25", "b'ab'", "1999-12-31"],
        [3, None, None, None, None, None],
    ]
    assert answer[1:3] == [[["é"]], [["z", 41]]]
    assert "42P01" in answer[3] and answer[4] == [[1]]


def test_transactions(adbc: Run, served: Server) -> None:
    answer = adbc("""
with connect(autocommit=True) as other, connect() as connection:
    other.cursor().execute("create table t (a int)")
    cursor = connection.cursor()
    counts = []
    def count(where):
        with where.cursor() as reading:
            reading.execute("select count(*) from t")
            counts.append(reading.fetchone()[0])
    cursor.execute("insert into t values (1)")
    count(connection), count(other)
    connection.rollback()
    count(connection)
    cursor.execute("insert into t values (2)")
    connection.commit()
    count(other)
    cursor.execute("select count(*) from t")
    counts.append(cursor.fetchone()[0])
    connection.commit()
    cursor.execute("select count(*) from t")
    counts.append(cursor.fetchone()[0])
    answer = counts
""")
    assert answer == [1, 0, 0, 1, 1, 1]


def test_bulk_loads_and_large_results(adbc: Run, served: Server) -> None:
    answer = adbc("""
table = pa.table({"a": pa.array(range(300_000)), "b": ["text"] * 300_000, "c": pa.array([1.5, None] * 150_000)})
with connect(autocommit=True) as connection, connection.cursor() as cursor:
    answer = [cursor.adbc_ingest("loaded", table, mode="create"), cursor.adbc_ingest("loaded", table.slice(0, 10), mode="append")]
    answer.append(told(lambda: cursor.adbc_ingest("loaded", table, mode="create")))
    answer.append(cursor.adbc_ingest("held", table.slice(0, 5), mode="create", temporary=True))
    cursor.execute("select count(*) from held")
    answer.append(cursor.fetchone()[0])
    cursor.execute("select * from loaded")
    answer.append(sum(batch.num_rows for batch in cursor.fetch_record_batch()))
""")
    assert answer[:2] == [300_000, 10] and "42P07" in answer[2] and answer[3:] == [5, 5, 300_010]
    with psycopg.connect(served.dsn) as connection:
        assert connection.execute("select count(*), count(c) from loaded").fetchone() == (300_010, 150_005)


def test_metadata(adbc: Run) -> None:
    answer = adbc("""
with connect(autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute("create table meta (id int not null primary key, name varchar(10))")
    (catalog,) = connection.adbc_get_objects(db_schema_filter="public", table_name_filter="meta").read_all().to_pylist()
    (schema,) = catalog["catalog_db_schemas"]
    (table,) = schema["db_schema_tables"]
    answer = [
        catalog["catalog_name"], schema["db_schema_name"], table["table_name"], table["table_type"],
        [(column["column_name"], column["xdbc_type_name"]) for column in table["table_columns"]],
        connection.adbc_get_table_schema("meta", db_schema_filter="public").names,
        "VIEW" in connection.adbc_get_table_types(), connection.adbc_get_info()["vendor_name"],
        cursor.adbc_execute_schema("select id from meta").names,
    ]
""")
    assert answer == [
        "dev", "public", "meta", "TABLE", [["id", "integer"], ["name", "character varying(10)"]], ["id", "name"], True, "duckshift", ["id"],
    ]  # fmt: skip


def test_a_wrong_password_and_a_private_certificate(adbc: Run) -> None:
    answer = adbc("""
answer = [
    told(lambda: connect(db_kwargs={"password": "wrong"}).cursor().execute("select 1")),
    told(lambda: dbapi.connect(url, {"username": user, "password": password}).cursor().execute("select 1")),
]
""")
    assert "28P01" in answer[0] and "certificate" in answer[1]


def test_a_connection_is_listed_by_the_drivers_name(adbc: Run) -> None:
    ((name, method, user, sessions, history),) = adbc("""
with connect(autocommit=True) as connection, connection.cursor() as cursor:
    cursor.execute(
        "select trim(application_name), trim(authmethod), trim(username), (select count(*) from stv_sessions where process = pg_backend_pid()),"
        " (select count(*) from sys_session_history where session_id = pg_backend_pid() and status = 'active')"
        " from stl_connection_log where pid = pg_backend_pid() and event = 'initiating session'"
    )
    answer = cursor.fetchall()
""")
    assert "ADBC Flight SQL Driver" in name
    assert (method, user, sessions, history) == ("password", "awsuser", 1, 1)
