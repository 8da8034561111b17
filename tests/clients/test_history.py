"""STL and SYS views tell what happened: statements, failures, connections, loads; also after a restart and a kill."""

import gzip
import time
from pathlib import Path

import psycopg
import pytest

from tests.support.server import Server


def history(db: psycopg.Connection, label: str) -> list[tuple[object, ...]]:
    db.execute("RESET query_group")
    return db.execute(
        "SELECT trim(query_type), trim(status), returned_rows, trim(error_message), trim(query_text) FROM sys_query_history"
        " WHERE trim(query_label) = %s ORDER BY query_id",
        (label,),
    ).fetchall()


def test_statements_are_kept_with_their_ends(own: psycopg.Connection) -> None:
    own.execute("CREATE TABLE kept (a int)")
    own.execute("SET query_group TO 'kept'")
    own.execute("INSERT INTO kept VALUES (1), (2), (3)")
    own.execute("SELECT a FROM kept").fetchall()
    with pytest.raises(psycopg.errors.UndefinedTable):
        own.execute("SELECT * FROM kept_not")
    own.execute("CREATE USER kept_user PASSWORD 'Secret123'")
    own.execute("DROP USER kept_user")
    own.execute("SELECT %s::int", (7,)).fetchall()
    found = history(own, "kept")
    own.execute("DROP TABLE kept")
    assert found == [
        ("UTILITY", "success", 0, "", "SET query_group TO 'kept'"),
        ("INSERT", "success", 3, "", "INSERT INTO kept VALUES (1), (2), (3)"),
        ("SELECT", "success", 3, "", "SELECT a FROM kept"),
        ("SELECT", "failed", 0, 'relation "kept_not" does not exist', "SELECT * FROM kept_not"),
        ("DDL", "success", 0, "", "CREATE USER kept_user PASSWORD '***'"),
        ("DDL", "success", 0, "", "DROP USER kept_user"),
        ("SELECT", "success", 1, "", "SELECT $1::int"),
    ]


def test_stl_query_joins_by_the_last_querys_number(own: psycopg.Connection) -> None:
    own.execute("SELECT 42").fetchall()
    row = own.execute(
        "SELECT trim(querytxt), aborted, pid = pg_backend_pid(), endtime >= starttime FROM stl_query"
        " WHERE query = pg_last_query_id()"
    ).fetchone()
    assert row == ("SELECT 42", 0, True, True)


def test_others_queries_are_not_shown(own: psycopg.Connection) -> None:
    own.execute("SELECT 'a secret'").fetchall()
    own.execute("CREATE USER nosy PASSWORD 'Secret123'")
    try:
        own.execute("SET SESSION AUTHORIZATION nosy")
        texts = own.execute("SELECT querytxt FROM stl_query").fetchall()
        assert not [text for (text,) in texts if "a secret" in text]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            own.execute("SELECT * FROM stl_connection_log")
    finally:
        own.execute("RESET SESSION AUTHORIZATION")
        own.execute("DROP USER nosy")


def test_connections_are_kept(server: Server, own: psycopg.Connection) -> None:
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.dsn.replace("password=", "password=not"))
    with psycopg.connect(server.dsn, application_name="counted") as other:
        pid = other.info.backend_pid
    deadline = time.monotonic() + 60
    events: list[tuple[str]] = []
    while len(events) < 3 and time.monotonic() < deadline:
        events = own.execute(
            "SELECT trim(event) FROM stl_connection_log WHERE pid = %s ORDER BY recordtime", (pid,)
        ).fetchall()
    assert events == [("authenticated",), ("initiating session",), ("disconnecting session",)]
    failures = own.execute(
        "SELECT count(*) FROM stl_connection_log WHERE trim(event) = 'authentication failure' AND trim(username) = 'awsuser'"
    ).fetchone()
    assert failures is not None
    assert failures[0] >= 1


def test_loads_and_unloads_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.csv.gz").write_bytes(gzip.compress(b"1\n2\n3\n"))
    with (
        Server(tmp_path / "data", environment={"DUCKSHIFT_COPY_LOCAL_FOLDERS": str(folder)}) as server,
        psycopg.connect(server.dsn, autocommit=True) as db,
    ):
        db.execute("CREATE TABLE loaded (a int)")
        db.execute(f"COPY loaded FROM 'file://{folder}/a.csv.gz' CSV GZIP")
        load = db.execute(
            "SELECT trim(table_name), trim(status), loaded_rows, source_file_count FROM sys_load_history"
            " WHERE query_id = pg_last_copy_id()"
        ).fetchall()
        assert load == [("loaded", "completed", 3, 1)]
        files = db.execute("SELECT trim(filename), lines_scanned FROM stl_load_commits").fetchall()
        assert [(Path(name).name, lines) for name, lines in files] == [("a.csv.gz", 3)]
        db.execute(f"UNLOAD ('SELECT a FROM loaded') TO '{folder}/out_' CSV PARALLEL OFF")
        unloads = db.execute("SELECT line_count FROM stl_unload_log WHERE query = pg_last_unload_id()").fetchall()
        assert unloads == [(3,)]


def test_history_outlives_a_restart_and_numbers_go_on(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server, psycopg.connect(server.dsn, autocommit=True) as db:
        db.execute("SELECT 'the first life'").fetchall()
        (first,) = db.execute("SELECT max(query_id) FROM sys_query_history").fetchone() or (0,)
        # What a kill loses is at most what gathered in a second.
        time.sleep(2.5)
        server.kill()
    with Server(tmp_path / "data") as server, psycopg.connect(server.dsn, autocommit=True) as db:
        texts = db.execute("SELECT query_id FROM sys_query_history WHERE query_text LIKE '%the first life%'").fetchall()
        assert texts
        db.execute("SELECT 'the second life'").fetchall()
        (second,) = db.execute("SELECT max(query_id) FROM sys_query_history").fetchone() or (0,)
        assert second > first
