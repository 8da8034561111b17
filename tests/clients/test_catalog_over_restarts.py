"""The catalog and the history after a restart, also on a history that an older version began; who sees which steps."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from tests.support.server import Server

_OIDS = (
    "SELECT 'class', relname, oid FROM pg_class UNION ALL SELECT 'type', typname, oid FROM pg_type UNION ALL"
    " SELECT 'namespace', nspname, oid FROM pg_namespace UNION ALL SELECT 'constraint', conname, oid FROM pg_constraint"
    " UNION ALL SELECT 'proc', proname, oid FROM pg_proc UNION ALL SELECT 'attrdef', adrelid || '', oid FROM pg_attrdef"
)
_STEPS = "SELECT trim(perm_table_name) FROM stl_scan ORDER BY 1"


def ask(dsn: str, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements[:-1]:
            connection.execute(statement)
        return connection.execute(statements[-1]).fetchall()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder: Path = tmp_path_factory.mktemp("restarted") / "data"
    found: dict[str, Any] = {}
    with Server(folder) as server:
        ask(
            server.dsn,
            "CREATE TABLE kept (id int PRIMARY KEY, other int DEFAULT 1, UNIQUE (other))",
            "CREATE TABLE theirs (id int REFERENCES kept (id))",
            "CREATE VIEW seen AS SELECT id FROM kept",
            "CREATE FUNCTION twice (int) RETURNS int IMMUTABLE AS $$ SELECT $1 * 2 $$ LANGUAGE sql",
            "CREATE USER bob PASSWORD 'Ticket5ales'",
            "GRANT SELECT ON theirs TO bob",
            "SELECT * FROM kept",
        )
        found["before"] = sorted(ask(server.dsn, _OIDS))
        found["bob"] = server.dsn.replace("user=awsuser", "user=bob")
        found["admin scans"] = ask(server.dsn, _STEPS)
        ask(found["bob"], "SELECT * FROM theirs")
        found["bob scans"] = ask(found["bob"], _STEPS)
    with duckdb.connect(str(folder / "history.duckdb")) as history:
        # What a version before steps left behind.
        history.execute("ALTER TABLE queries DROP COLUMN steps")
        history.execute("DROP TABLE user_changes")
    with Server(folder) as server:
        found["after"] = sorted(ask(server.dsn, _OIDS))
        found["queries"] = ask(server.dsn, "SELECT trim(querytxt) FROM stl_query WHERE querytxt LIKE '%FROM kept'")
        ask(server.dsn, "SELECT * FROM theirs")
        found["scans"] = ask(server.dsn, _STEPS)
        found["sessions"] = ask(server.dsn, "SELECT count(*) > 2 FROM stl_sessions WHERE endtime > starttime")
        yield found


def test_oids_stay(runs: dict[str, Any]) -> None:
    assert runs["before"] == runs["after"]
    assert ("class", "kept") in {row[:2] for row in runs["before"]}


def test_the_history_goes_on_from_an_older_version(runs: dict[str, Any]) -> None:
    assert runs["queries"] == [("SELECT * FROM kept",)]
    assert runs["scans"] == [("theirs",)]


def test_steps_are_seen_by_whose_they_are(runs: dict[str, Any]) -> None:
    assert runs["admin scans"] == [("kept",)]
    assert runs["bob scans"] == [("theirs",)]


def test_ended_sessions_are_told_with_how_long_they_were(runs: dict[str, Any]) -> None:
    assert runs["sessions"] == [(True,)]
