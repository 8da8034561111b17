"""redshift_connector's metadata calls, which browse with SHOW commands whose names are parameters."""

import gc
import warnings
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import redshift_connector

from tests.support.server import Server

pytestmark = [
    pytest.mark.client("redshift_connector"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SETUP = """
CREATE SCHEMA rsmeta;
CREATE TABLE rsmeta.venue (venueid integer NOT NULL PRIMARY KEY, name varchar(100) DEFAULT 'x' COLLATE CASE_INSENSITIVE) SORTKEY (venueid);
CREATE TABLE rsmeta.event (eventid bigint IDENTITY(1,1), venueid integer REFERENCES rsmeta.venue(venueid), price numeric(8,2));
CREATE VIEW rsmeta.cheap AS SELECT eventid, price FROM rsmeta.event WHERE price < 10;
COMMENT ON TABLE rsmeta.venue IS 'where it happens';
CREATE PROCEDURE rsmeta.cancel(a integer, reason INOUT varchar(10)) AS $$ BEGIN reason := 'x'; END $$ LANGUAGE plpgsql;
CREATE FUNCTION rsmeta.twice(integer, numeric(10,2)) RETURNS integer STABLE AS $$ SELECT $1 * 2 $$ LANGUAGE sql;
CREATE FUNCTION rsmeta.nothing() RETURNS integer STABLE AS $$ SELECT 1 $$ LANGUAGE sql;
CREATE USER rsmeta_reader PASSWORD 'Ticket5ales';
GRANT SELECT ON rsmeta.event TO rsmeta_reader WITH GRANT OPTION;
GRANT SELECT (name) ON rsmeta.venue TO rsmeta_reader;
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    # Of its own: the driver asks every database there is for what a test names, and fails where one lacks it.
    with Server(tmp_path_factory.mktemp("metadata") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def cursor(server: Server) -> Iterator[Any]:
    with psycopg.connect(server.dsn, autocommit=True) as admin:
        for statement in SETUP.strip().split("\n"):
            admin.execute(statement)
        made = redshift_connector.connect(
            host=server.host, port=server.port, user=server.user, password=server.password,
            database=server.database, ssl=False,
        )  # fmt: skip
        made.autocommit = True
        yield made.cursor()
        made.close()
        admin.execute("DROP SCHEMA rsmeta CASCADE")
        admin.execute("DROP USER rsmeta_reader")
    with warnings.catch_warnings(action="ignore"):
        gc.collect()


def rows(cursor: Any, call: str, *columns: int, **arguments: Any) -> list[tuple[Any, ...]]:
    found = getattr(cursor, call)(**arguments)
    return [tuple(row[place] for place in columns) if columns else tuple(row) for row in found]


def test_catalogs(cursor: Any) -> None:
    assert ("dev",) in rows(cursor, "get_catalogs")


def test_schemas(cursor: Any) -> None:
    assert {("public", "dev"), ("rsmeta", "dev"), ("pg_catalog", "dev")} <= set(rows(cursor, "get_schemas"))
    assert rows(cursor, "get_schemas", schema_pattern="rsm%") == [("rsmeta", "dev")]
    assert rows(cursor, "get_schemas", catalog="nowhere") == []


def test_tables(cursor: Any) -> None:
    assert rows(cursor, "get_tables", 0, 1, 2, 3, 4, 10, schema_pattern="rsmeta") == [
        ("dev", "rsmeta", "cheap", "VIEW", None, "awsuser"),
        ("dev", "rsmeta", "event", "TABLE", None, "awsuser"),
        ("dev", "rsmeta", "venue", "TABLE", "where it happens", "awsuser"),
    ]
    found = rows(cursor, "get_tables", 2, schema_pattern="rsmeta", table_name_pattern="%e_t", types=["TABLE"])
    assert found == [("event",)]
    assert rows(cursor, "get_tables", 2, schema_pattern="rsmeta", table_name_pattern="even") == []
    assert len(rows(cursor, "get_tables")) > 200


def test_columns(cursor: Any) -> None:
    # COLUMN_NAME, DATA_TYPE, TYPE_NAME, COLUMN_SIZE, DECIMAL_DIGITS, NULLABLE, COLUMN_DEF, ORDINAL_POSITION,
    # IS_NULLABLE, IS_AUTOINCREMENT
    columns = (3, 4, 5, 6, 8, 10, 12, 16, 17, 22)
    assert rows(cursor, "get_columns", *columns, schema_pattern="rsmeta", tablename_pattern="venue") == [
        ("venueid", 4, "int4", 10, 0, 0, None, 1, "NO", "NO"),
        ("name", 12, "varchar", 100, 0, 1, "'x'", 2, "YES", "NO"),
    ]
    assert rows(cursor, "get_columns", 3, 4, 5, 6, 8, 22, schema_pattern="rsmeta", tablename_pattern="event") == [
        ("eventid", -5, "int8", 19, 0, "YES"),
        ("venueid", 4, "int4", 10, 0, "NO"),
        ("price", 2, "numeric", 8, 2, "NO"),
    ]
    assert rows(cursor, "get_columns", 2, 3, schema_pattern="rsm%", columnname_pattern="pr%") == [
        ("cheap", "price"), ("event", "price"),
    ]  # fmt: skip


def test_keys(cursor: Any) -> None:
    assert rows(cursor, "get_primary_keys", schema="rsmeta", table="venue") == [
        ("dev", "rsmeta", "venue", "venueid", 1, "venue_pkey")
    ]
    key = ("dev", "rsmeta", "venue", "venueid", "dev", "rsmeta", "event", "venueid", 1, 3, 3,
           "event_venueid_fkey", "venue_pkey", 7)  # fmt: skip
    assert rows(cursor, "get_imported_keys", schema="rsmeta", table="event") == [key]
    assert rows(cursor, "get_exported_keys", schema="rsmeta", table="venue") == [key]
    assert rows(cursor, "get_exported_keys", schema="rsmeta", table="event") == []
    best = rows(cursor, "get_best_row_identifier", 1, 2, 3, schema="rsmeta", table="venue", scope=1, nullable=True)
    assert best == [("venueid", 4, "int4")]


def test_privileges(cursor: Any) -> None:
    found = rows(cursor, "get_table_privileges", schema_pattern="rsmeta", table_name_pattern="%")
    assert found == [("dev", "rsmeta", "event", "awsuser", "rsmeta_reader", "SELECT", "YES")]
    found = rows(cursor, "get_column_privileges", schema="rsmeta", table="venue", column_name_pattern="%")
    assert found == [("dev", "rsmeta", "venue", "name", "awsuser", "rsmeta_reader", "SELECT", "NO")]


def test_procedures(cursor: Any) -> None:
    found = rows(cursor, "get_procedures", 0, 1, 2, 7, 8, schema_pattern="rsmeta", procedure_name_pattern="%")
    assert found == [("dev", "rsmeta", "cancel", 2, "cancel(integer, character varying)")]
    # COLUMN_NAME, COLUMN_TYPE (1 IN, 2 INOUT), DATA_TYPE, TYPE_NAME, ORDINAL_POSITION
    found = rows(
        cursor, "get_procedure_columns", 3, 4, 5, 6, 17,
        schema_pattern="rsmeta", procedure_name_pattern="can%", column_name_pattern="%",
    )  # fmt: skip
    assert found == [("a", 1, 4, "int4", 1), ("reason", 2, 12, "varchar", 2)]


def test_functions(cursor: Any) -> None:
    found = rows(cursor, "get_functions", 0, 1, 2, 4, 5, schema_pattern="rsmeta", function_name_pattern="%")
    assert found == [
        ("dev", "rsmeta", "nothing", 1, "nothing()"), ("dev", "rsmeta", "twice", 1, "twice(integer, numeric)"),
    ]  # fmt: skip
    found = rows(cursor, "get_function_columns", 2, 5, 6, 14, schema_pattern="rsmeta", function_name_pattern="twice")
    assert found == [("twice", 4, "int4", 1), ("twice", 2, "numeric", 2)]


def test_table_types(cursor: Any) -> None:
    assert ("TABLE",) in rows(cursor, "get_table_types")


@pytest.mark.parametrize(
    ("text", "values", "state"),
    [
        ("SHOW TABLES FROM SCHEMA %s.%s", ("dev", "nowhere"), "3F000"),
        ("SHOW SCHEMAS FROM DATABASE %s", ("nowhere",), "3D000"),
        ("SHOW COLUMNS FROM TABLE %s.%s.%s", ("dev", "rsmeta", "'; DROP TABLE rsmeta.venue; --"), "42P01"),
        ("SHOW TABLES FROM SCHEMA %s.%s", ("dev", None), "22023"),
        ("SHOW PARAMETERS OF PROCEDURE %s.%s.%s(%s)", ("dev", "rsmeta", "cancel", "integer) LIKE 'x'"), "42601"),
        ("SHOW %s", ("timezone",), "42601"),
    ],
)
def test_parameters_are_names_and_nothing_else(cursor: Any, text: str, values: tuple[Any, ...], state: str) -> None:
    with pytest.raises(redshift_connector.ProgrammingError) as caught:
        cursor.execute(text, values)
    assert caught.value.args[0]["C"] == state
    cursor.execute("SHOW TABLES FROM SCHEMA %s.%s LIKE %s", ("dev", "RsMeta", "ven%"))
    assert [row[2] for row in cursor.fetchall()] == ["venue"]
