"""Several writers of one table: they wait for its lock in order, and none fails or is lost."""

import threading
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
