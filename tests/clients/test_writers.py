"""Several writers of one table: they wait for its lock in order, and none fails or is lost."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

WRITERS = 6
TURNS = 8


@pytest.fixture
def dsn(server: Server) -> str:
    return f"host={server.host} port={server.port} user={server.user} password={server.password} dbname=dev"


def _together(work: Any) -> None:
    failures: list[Exception] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except (psycopg.Error, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_updates_of_one_row_add_up(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE writers_counter (n int)")
        connection.execute("INSERT INTO writers_counter VALUES (0)")

        def work(number: int) -> None:
            with psycopg.connect(dsn, autocommit=True) as own:
                for _ in range(TURNS):
                    own.execute("UPDATE writers_counter SET n = n + 1")

        _together(work)
        assert connection.execute("SELECT n FROM writers_counter").fetchone() == (WRITERS * TURNS,)
        connection.execute("DROP TABLE writers_counter")


def test_blocks_that_write_first_wait_and_do_not_conflict(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE writers_log (writer int, turn int)")

        def work(number: int) -> None:
            with psycopg.connect(dsn) as own:
                for turn in range(TURNS):
                    own.execute("DELETE FROM writers_log WHERE writer = %s AND turn < %s", (number, turn))
                    own.execute("INSERT INTO writers_log VALUES (%s, %s)", (number, turn))
                    own.commit()

        _together(work)
        rows = connection.execute("SELECT writer, turn FROM writers_log ORDER BY writer").fetchall()
        assert rows == [(number, TURNS - 1) for number in range(WRITERS)]
        connection.execute("DROP TABLE writers_log")


def test_swaps_by_rename_side_by_side(dsn: str) -> None:
    def work(number: int) -> None:
        with psycopg.connect(dsn) as own:
            for turn in range(3):
                table = f"swap_{number}"
                own.execute(f"CREATE TABLE {table}__tmp AS SELECT {turn} AS turn")
                if turn:
                    own.execute(f"ALTER TABLE {table} RENAME TO {table}__backup")
                own.execute(f"ALTER TABLE {table}__tmp RENAME TO {table}")
                if turn:
                    own.execute(f"DROP TABLE {table}__backup CASCADE")
                own.commit()

    _together(work)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for number in range(WRITERS):
            assert connection.execute(f"SELECT turn FROM swap_{number}").fetchone() == (2,)
            connection.execute(f"DROP TABLE swap_{number}")


def test_a_waiting_writer_can_be_canceled(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as holder, psycopg.connect(dsn, autocommit=True) as waiter:
        holder.execute("CREATE TABLE writers_held (a int)")
        holder.execute("BEGIN")
        holder.execute("INSERT INTO writers_held VALUES (1)")
        waiter.execute("SET statement_timeout TO 200")
        with pytest.raises(psycopg.errors.QueryCanceled):
            waiter.execute("INSERT INTO writers_held VALUES (2)")
        holder.execute("COMMIT")
        waiter.execute("INSERT INTO writers_held VALUES (3)")
        assert holder.execute("SELECT count(*) FROM writers_held").fetchone() == (2,)
        holder.execute("DROP TABLE writers_held")


def test_a_drop_does_not_wait_for_another_transactions_ddl(dsn: str) -> None:
    """A client may hold a lock of its own round DROP, as dbt does: waiting for its other connection would be for ever."""
    with psycopg.connect(dsn) as long, psycopg.connect(dsn, autocommit=True) as other:
        other.execute("SET statement_timeout TO 10000")
        other.execute("CREATE TABLE writers_old AS SELECT 1 AS a")
        other.execute("CREATE VIEW writers_view AS SELECT a FROM writers_old")
        long.execute("CREATE TABLE writers_new AS SELECT 2 AS a")
        other.execute("ALTER TABLE writers_view RENAME TO writers_renamed")
        other.execute("BEGIN")
        other.execute("DROP TABLE writers_old CASCADE")
        with pytest.raises(psycopg.errors.UndefinedTable):
            other.execute("SELECT * FROM writers_old")
        other.execute("ROLLBACK")
        assert other.execute("SELECT a FROM writers_renamed").fetchone() == (1,)
        other.execute("DROP TABLE writers_old CASCADE")
        long.commit()
        # The name is free for another table, whose storage would be in the way of the old one's.
        other.execute("CREATE TABLE writers_old (b varchar)")
        other.execute("INSERT INTO writers_old VALUES ('new')")
        assert other.execute("SELECT * FROM writers_old").fetchall() == [("new",)]
        other.execute("DROP TABLE writers_old")
        other.execute("DROP TABLE writers_new")


def test_a_drop_and_what_follows_in_one_transaction(dsn: str) -> None:
    with psycopg.connect(dsn) as long, psycopg.connect(dsn) as other:
        other.execute("CREATE TABLE writers_again AS SELECT 1 AS a")
        other.commit()
        long.execute("CREATE TABLE writers_meanwhile (a int)")
        other.execute("DROP TABLE writers_again")
        long.commit()
        other.execute("CREATE TABLE writers_again AS SELECT 'two' AS b")
        other.commit()
        assert other.execute("SELECT b FROM writers_again").fetchone() == ("two",)
        other.execute("DROP TABLE writers_again")
        other.execute("DROP TABLE writers_meanwhile")
        other.commit()


def test_a_server_that_ends_before_the_storage_is_gone_removes_it_at_its_start(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    server.start()
    try:
        long, other = psycopg.connect(server.dsn), psycopg.connect(server.dsn, autocommit=True)
        with closing(long), closing(other):
            other.execute("CREATE TABLE writers_left AS SELECT 1 AS a")
            long.execute("CREATE TABLE writers_unfinished AS SELECT 2 AS a")
            other.execute("DROP TABLE writers_left")
            server.kill()
        server.start()
        with psycopg.connect(server.dsn, autocommit=True) as other:
            other.execute("CREATE TABLE writers_left AS SELECT 'new' AS b")
            assert other.execute("SELECT * FROM writers_left").fetchall() == [("new",)]
            other.execute("CREATE TABLE writers_unfinished (a int)")
    finally:
        server.stop()
