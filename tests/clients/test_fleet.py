"""What servers of one lake know of each other: which versions are read, who is connected, who is locked out."""

import contextlib
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.support import postgres
from tests.support.fleet import connect, member, start, stop
from tests.support.postgres import Postgres
from tests.support.server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def catalog() -> Iterator[Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture(scope="module")
def pair(catalog: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    brief = {"DUCKSHIFT_UPKEEP_INTERVAL_S": "1", "DUCKSHIFT_UPKEEP_KEEP_S": "1"}
    root = tmp_path_factory.mktemp("lake")
    servers = [member(root, catalog, name, **brief) for name in ("one", "two")]
    try:
        start(*servers)
        yield servers
    finally:
        stop(*servers)


def rows(connection: psycopg.Connection, sql: str) -> list[tuple[object, ...]]:
    return connection.execute(sql.encode()).fetchall()


def test_versions_end_when_no_server_reads_them(catalog: Postgres, pair: list[Server]) -> None:
    with connect(pair[0]) as one, psycopg.connect(catalog.dsn, autocommit=True) as asked:
        one.execute("CREATE TABLE kept AS SELECT 1 AS a")
        # Whichever server ends versions, one of the two blocks is another's.
        blocks = [connect(server, autocommit=False) for server in pair]
        for block in blocks:
            assert rows(block, "SELECT count(*) FROM kept") == [(1,)]
        newest = rows(asked, "SELECT max(snapshot_id) FROM ducklake_snapshot")
        seen = f"SELECT count(*) > 0 FROM ducklake_snapshot WHERE snapshot_id <= {newest[0][0]}"
        for number in range(6):
            one.execute(f"INSERT INTO kept VALUES ({number})")
            time.sleep(0.5)
        assert rows(asked, seen) == [(True,)]
        blocks[0].rollback()
        time.sleep(1.5)
        assert rows(asked, seen) == [(True,)]
        assert rows(blocks[1], "SELECT count(*) FROM kept") == [(1,)]
        blocks[1].rollback()
        until = time.monotonic() + 30
        while rows(asked, seen) == [(True,)]:
            one.execute("INSERT INTO kept VALUES (0)")
            assert time.monotonic() < until, pair[0].log[-20:]
            time.sleep(0.5)
        for block in blocks:
            assert rows(block, "SELECT count(*) > 7 FROM kept") == [(True,)]
            block.close()
    assert not [line for server in pair for line in server.log if "could not look after" in line]


def test_limits_on_connections_count_all_servers(pair: list[Server]) -> None:
    with connect(pair[0]) as one:
        one.execute("CREATE USER limited PASSWORD 'Ticket5ales' CONNECTION LIMIT 2")
        held = [connect(server, user="limited") for server in pair]
        for server in pair:
            with pytest.raises(psycopg.OperationalError, match='too many connections for user "limited"'):
                connect(server, user="limited")
        held.pop().close()
        held.append(_connected(pair[0]))
        one.execute("ALTER USER limited CONNECTION LIMIT UNLIMITED")
        held.append(connect(pair[1], user="limited"))
        for connection in held:
            connection.close()


def test_sessions_of_all_servers_are_listed_and_can_be_ended(pair: list[Server]) -> None:
    with connect(pair[0]) as one, connect(pair[1]) as two, connect(pair[1]) as third:
        pids = [row[0] for connection in (one, two) for row in rows(connection, "SELECT pg_backend_pid()")]
        for connection in (one, two):
            listed = rows(connection, "SELECT process, trim(user_name), trim(db_name) FROM stv_sessions")
            assert {(pid, one.info.user, "dev") for pid in pids} <= set(listed)
        third.execute("SET application_name TO later")
        [(pid,)] = rows(third, "SELECT pg_backend_pid()")
        assert rows(one, f"SELECT count(*) FROM pg_stat_activity WHERE procpid = {pid}") == [(1,)]
        one.execute(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(psycopg.OperationalError):
            for _ in range(300):
                third.execute("SELECT 1")
                time.sleep(0.1)
        _until_gone(one, pid)


def test_wrong_passwords_lock_on_all_servers(pair: list[Server]) -> None:
    with connect(pair[0]) as one, connect(pair[1]) as two:
        one.execute("CREATE USER guessed PASSWORD 'Ticket5ales'")
        connect(pair[1], user="guessed").close()
        for number in range(5):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(pair[number % 2].dsn, user="guessed", password="Wrong5ales")
        for server in pair:
            with pytest.raises(psycopg.OperationalError, match="authentication failed"):
                connect(server, user="guessed")
        for connection in (one, two):
            [shown] = [row for row in rows(connection, "SHOW USER LOCKOUT") if row[0] == "guessed"]
            assert shown[1:3] == (True, "automatic")
        two.execute("ALTER USER guessed LOGIN")
        for server in pair:
            connect(server, user="guessed").close()


def _connected(server: Server) -> psycopg.Connection:
    """Connect as soon as the other server has noticed that there is room."""
    for _ in range(300):
        with contextlib.suppress(psycopg.OperationalError):
            return connect(server, user="limited")
        time.sleep(0.1)
    return connect(server, user="limited")


def _until_gone(connection: psycopg.Connection, pid: object) -> None:
    for _ in range(300):
        if rows(connection, f"SELECT count(*) FROM stv_sessions WHERE process = {pid}") == [(0,)]:
            return
        time.sleep(0.1)
    raise AssertionError(f"session {pid} is still listed")


def test_a_database_that_is_used_on_another_server_stays(pair: list[Server]) -> None:
    with connect(pair[0]) as one:
        one.execute("CREATE DATABASE used")
        with psycopg.connect(pair[1].dsn.replace("dbname=dev", "dbname=used"), autocommit=True) as other:
            assert rows(other, "SELECT current_database()") == [("used",)]
            with pytest.raises(psycopg.errors.ObjectInUse):
                one.execute("DROP DATABASE used")
        for _ in range(300):
            with contextlib.suppress(psycopg.errors.ObjectInUse):
                one.execute("DROP DATABASE used")
                break
            time.sleep(0.1)
        assert rows(one, "SELECT count(*) FROM pg_database WHERE datname = 'used'") == [(0,)]
