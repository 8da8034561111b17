"""Sessions that read the catalog while others change it: each sees what is committed and what it did itself."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

_READERS, _WRITERS, _TURNS = 4, 2, 12
_MINE = "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = %s AND a.attnum > 0"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("readers")) as running:
        yield running


class Session(threading.Thread):
    """Runs its turns; keeps what went wrong."""

    def __init__(self, dsn: str, number: int) -> None:
        super().__init__(daemon=True)
        self.problems: list[str] = []
        self._dsn, self._number = dsn, number

    def run(self) -> None:
        try:
            with psycopg.connect(self._dsn, autocommit=True) as connection:
                for turn in range(_TURNS):
                    self.turn(connection, f"t{self._number}_{turn}")
        except Exception as problem:  # noqa: BLE001 - told by the test
            self.problems.append(repr(problem))

    def turn(self, connection: Any, name: str) -> None:
        raise NotImplementedError

    def expect(self, connection: Any, name: str, columns: int) -> None:
        ((found,),) = connection.execute(_MINE, (name,)).fetchall()
        if found != columns:
            self.problems.append(f"{name}: {found} columns instead of {columns}")


class Writer(Session):
    def turn(self, connection: Any, name: str) -> None:
        connection.execute(f"CREATE TABLE {name} (a int, b int)")
        self.expect(connection, name, 2)
        connection.execute("BEGIN")
        self.expect(connection, name, 2)
        connection.execute(f"ALTER TABLE {name} ADD COLUMN c int")
        self.expect(connection, name, 3)
        connection.execute("ROLLBACK")
        self.expect(connection, name, 2)
        connection.execute(f"CREATE TEMP TABLE own_{name} (a int)")
        self.expect(connection, f"own_{name}", 1)
        connection.execute(f"DROP TABLE own_{name}")
        self.expect(connection, f"own_{name}", 0)
        connection.execute(f"DROP TABLE {name}")
        self.expect(connection, name, 0)


class Reader(Session):
    def turn(self, connection: Any, name: str) -> None:
        self.expect(connection, "kept", 1)
        with suppress(psycopg.errors.DivisionByZero):
            connection.execute("SELECT 1/0")
        with connection.transaction():
            connection.execute("SELECT upper('a')")
            self.expect(connection, "kept", 1)
            connection.execute("SELECT * FROM svv_columns").fetchall()
        with psycopg.connect(self._dsn, autocommit=True) as brief:
            self.expect(brief, "kept", 1)


def test_everyone_sees_what_is_there(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (a int)")
    sessions = [Writer(server.dsn, number) for number in range(_WRITERS)]
    sessions += [Reader(server.dsn, number + _WRITERS) for number in range(_READERS)]
    for session in sessions:
        session.start()
    for session in sessions:
        session.join(120)
    assert [problem for session in sessions for problem in session.problems] == []
    assert not any(session.is_alive() for session in sessions)


def test_a_change_is_seen_at_once(server: Server) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as reader, psycopg.connect(server.dsn, autocommit=True) as other:
        for turn in range(3):
            reader.execute("SELECT count(*) FROM pg_class").fetchall()
            other.execute(f"COMMENT ON TABLE kept IS 'turn {turn}'")
            ((found,),) = reader.execute("SELECT obj_description('kept'::regclass)").fetchall()
            assert found == f"turn {turn}"
