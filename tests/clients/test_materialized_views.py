"""Materialized views over time: what REFRESH says, views that refresh by themselves, a restart in between."""

import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import Server


@pytest.fixture
def notes(own: psycopg.Connection) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    own.add_notice_handler(lambda note: found.append((note.severity or "", note.message_primary or "")))
    return found


def test_refresh_says_how_it_went(own: psycopg.Connection, notes: list[tuple[str, str]]) -> None:
    own.execute("CREATE TABLE told (a int)")
    own.execute("CREATE MATERIALIZED VIEW told_sum AS SELECT sum(a) FROM told")
    own.execute("CREATE MATERIALIZED VIEW told_set AS SELECT DISTINCT a FROM told")
    own.execute("CREATE MATERIALIZED VIEW told_top AS SELECT * FROM told_sum")
    own.execute("REFRESH MATERIALIZED VIEW told_sum")
    own.execute("INSERT INTO told VALUES (1)")
    own.execute("REFRESH MATERIALIZED VIEW told_top")
    own.execute("REFRESH MATERIALIZED VIEW told_sum")
    own.execute("REFRESH MATERIALIZED VIEW told_set")
    own.execute("DROP TABLE told CASCADE")
    assert notes == [
        ("INFO", "Materialized view told_sum is already up to date."),
        (
            "INFO",
            "Materialized view told_top is already up to date."
            "  However, it depends on another materialized view that is not up to date.",
        ),
        ("INFO", "Materialized view told_sum was incrementally updated successfully."),
        ("INFO", "Materialized view told_set was recomputed successfully."),
    ]


def test_views_refresh_by_themselves_one_after_the_other(own: psycopg.Connection) -> None:
    own.execute("CREATE TABLE watched (a int)")
    own.execute("CREATE MATERIALIZED VIEW near AUTO REFRESH YES AS SELECT a, count(*) AS n FROM watched GROUP BY a")
    own.execute("CREATE MATERIALIZED VIEW far AUTO REFRESH YES AS SELECT sum(n) AS n FROM near")
    own.execute("CREATE MATERIALIZED VIEW asked AS SELECT count(*) AS n FROM watched")
    for number in range(5):
        own.execute(f"INSERT INTO watched VALUES ({number})")
    assert _soon(own, "SELECT n FROM far", 5) == 5
    assert _one(own, "SELECT n FROM asked") == 0
    kinds = _one(own, "SELECT DISTINCT trim(refresh_type) FROM svl_mv_refresh_status WHERE mv_name IN ('near', 'far')")
    assert kinds == "Auto"
    own.execute("ALTER MATERIALIZED VIEW asked AUTO REFRESH YES")
    assert _soon(own, "SELECT n FROM asked", 5) == 5
    own.execute("DROP TABLE watched CASCADE")


def test_what_was_refreshed_up_to_is_known_after_a_restart(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    with server, psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (a int)")
        connection.execute("INSERT INTO kept VALUES (1), (2)")
        connection.execute("CREATE MATERIALIZED VIEW kept_sum AS SELECT sum(a) AS a, count(*) AS n FROM kept")
        connection.execute("INSERT INTO kept VALUES (3)")
    with server, psycopg.connect(server.dsn, autocommit=True) as connection:
        assert _one(connection, "SELECT is_stale FROM svv_mv_info") == "t"
        connection.execute("REFRESH MATERIALIZED VIEW kept_sum")
        assert connection.execute("SELECT a, n FROM kept_sum").fetchone() == (6, 3)
        status = "SELECT status FROM sys_mv_refresh_history"
        assert _one(connection, status) == "Refresh successfully updated MV incrementally"


def test_views_that_waited_for_a_refresh_get_it_after_a_restart(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    with server, psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE late (a int)")
        connection.execute("CREATE MATERIALIZED VIEW late_count AUTO REFRESH YES AS SELECT count(*) AS n FROM late")
        connection.execute("INSERT INTO late VALUES (1), (2)")
    with server, psycopg.connect(server.dsn, autocommit=True) as connection:
        assert _soon(connection, "SELECT n FROM late_count", 2) == 2


def _one(connection: psycopg.Connection, sql: str) -> Any:
    row = connection.execute(sql).fetchone()  # type: ignore[arg-type]
    return None if row is None else row[0]


def _soon(connection: psycopg.Connection, sql: str, wanted: object) -> Any:
    found = None
    for _ in range(1_200):
        found = _one(connection, sql)
        if found == wanted:
            break
        time.sleep(0.05)
    return found
