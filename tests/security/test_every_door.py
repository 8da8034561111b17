"""One user, three doors: the PostgreSQL port, the Data API and Arrow Flight show and refuse the same.

What is right is said here by hand; that the PostgreSQL port has it so is tests/conformance/security's business too.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.flight as pf
import pytest

from tests.support import aws
from tests.support.flight import Door
from tests.support.server import Server

USER, PASSWORD = "reader", "Secret123"
SETUP = (
    f"CREATE USER {USER} PASSWORD '{PASSWORD}'",
    "CREATE USER others PASSWORD DISABLE",
    "CREATE TABLE people (name VARCHAR(20), land VARCHAR(2), card VARCHAR(20))",
    "INSERT INTO people VALUES ('ann', 'at', '4111'), ('bob', 'ch', '4222'), ('cat', 'at', '4333')",
    "GRANT SELECT ON people TO reader",
    "CREATE RLS POLICY austrians WITH (land VARCHAR(2)) USING (land = 'at')",
    "ATTACH RLS POLICY austrians ON people TO reader",
    "ALTER TABLE people ROW LEVEL SECURITY ON",
    "CREATE MASKING POLICY stars WITH (card VARCHAR(20)) USING ('****'::VARCHAR(20))",
    "ATTACH MASKING POLICY stars ON people(card) TO reader",
    "CREATE TABLE hidden (a INT)",
    "INSERT INTO hidden VALUES (7)",
    "CREATE VIEW window AS SELECT a FROM hidden",
    "GRANT SELECT ON window TO reader",
    "CREATE TABLE parts (open_part INT, closed_part INT)",
    "INSERT INTO parts VALUES (1, 2)",
    "GRANT SELECT (open_part) ON parts TO reader",
)
SHOWN = {
    "SELECT name, card FROM people ORDER BY name": [["ann", "****"], ["cat", "****"]],
    "SELECT count(*) FROM people WHERE card = '4222'": [[0]],
    "SELECT max(land) FROM people": [["at"]],
    "SELECT p.name FROM people AS p JOIN people AS q ON p.name = q.name WHERE 1 / (CASE WHEN p.land = 'ch' THEN 0 ELSE 1 END) = 1 ORDER BY 1": [["ann"], ["cat"]],
    "SELECT a FROM window": [[7]],
    "SELECT open_part FROM parts": [[1]],
    "SELECT current_user": [[USER]],
    "SELECT count(*) FROM sys_query_history WHERE query_text LIKE 'CREATE USER%'": [[0]],
}
REFUSED = (
    "SELECT * FROM hidden",
    "SELECT closed_part FROM parts",
    "SELECT * FROM parts",
    "INSERT INTO people VALUES ('x', 'at', '1')",
    "DELETE FROM people",
    "DROP TABLE people",
    "ALTER TABLE people ROW LEVEL SECURITY OFF",
    "DETACH MASKING POLICY stars ON people(card) FROM reader",
    "GRANT SELECT ON hidden TO reader",
    "CREATE USER mine PASSWORD 'Secret123'",
    "SET SESSION AUTHORIZATION awsuser",
    "COPY people FROM '/etc/passwd'",
    "UNLOAD ('SELECT 1') TO '/tmp/door'",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM duckdb_settings()",
    "SELECT getenv('HOME')",
    "SELECT * FROM '/etc/passwd'",
    "ATTACH '/tmp/x.db' AS x",
    "PRAGMA database_list",
    "INSTALL httpfs",
    "SELECT * FROM lake.duckshift.log",
    "SELECT passwd FROM pg_shadow",
)
DOORS = ("postgresql", "data api", "flight")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("every-door")
    configuration = folder / "duckshift.toml"
    configuration.write_text(aws.CONFIG)
    environment = {"DUCKSHIFT_FLIGHT_LISTEN": "grpc+tls://127.0.0.1:0"}
    with Server(folder / "data", arguments=("--config", str(configuration)), environment=environment) as running:
        with psycopg.connect(running.dsn, autocommit=True) as connection:
            for statement in SETUP:
                connection.execute(statement)
        yield running


class Refused(Exception):
    """The door did not do it."""


def asked(served: Server, door: str, sql: str) -> list[list[Any]]:
    return {"postgresql": _by_postgresql, "data api": _by_data_api, "flight": _by_flight}[door](served, sql)


def _by_postgresql(served: Server, sql: str) -> list[list[Any]]:
    with psycopg.connect(served.dsn, user=USER, password=PASSWORD, autocommit=True) as connection:
        try:
            cursor = connection.execute(sql)
        except psycopg.Error as error:
            raise Refused(str(error)) from None
        return [list(row) for row in cursor.fetchall()] if cursor.description else []


def _by_data_api(served: Server, sql: str) -> list[list[Any]]:
    api = aws.client("redshift-data", served)
    begun = api.execute_statement(
        Sql=sql, ClusterIdentifier="duckshift", Database="dev", DbUser=USER, WaitTimeSeconds=30
    )
    done = api.describe_statement(Id=begun["Id"])
    if done["Status"] != "FINISHED":
        raise Refused(done.get("Error", done["Status"]))
    if not done["HasResultSet"]:
        return []
    records = api.get_statement_result(Id=begun["Id"])["Records"]
    return [[next(iter(field.values())) for field in row] for row in records]


def _by_flight(served: Server, sql: str) -> list[list[Any]]:
    door = Door(served, USER, PASSWORD)
    try:
        return [list(row.values()) for row in door.read(sql).to_pylist()]
    except (pf.FlightError, ValueError, OSError, KeyError, NotImplementedError) as error:
        raise Refused(str(error)) from None
    finally:
        door.client.close()


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("sql", SHOWN)
def test_what_is_shown(served: Server, door: str, sql: str) -> None:
    assert asked(served, door, sql) == SHOWN[sql]


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("sql", REFUSED)
def test_what_is_refused(served: Server, door: str, sql: str) -> None:
    with pytest.raises(Refused) as caught:
        asked(served, door, sql)
    assert not any(word in str(caught.value) for word in ("Traceback", "DuckDB", str(Path(served.data))))


def test_nothing_was_done(served: Server) -> None:
    with psycopg.connect(served.dsn) as connection:
        assert connection.execute("SELECT count(*), min(card) FROM people").fetchone() == (3, "4111")
        assert connection.execute("SELECT count(*) FROM pg_user WHERE usename = 'mine'").fetchone() == (0,)
