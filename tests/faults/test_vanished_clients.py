"""Clients that vanish in the middle of what they do: what was committed is known, what was not is gone."""

import random
import time
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.server import Server
from tests.support.wire import Wire

ROUNDS = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("vanished") / "data") as running:
        yield running


def alone(connection: psycopg.Connection) -> None:
    """Wait until the server has taken note that everybody else has gone."""
    deadline = time.monotonic() + 60
    while connection.execute("SELECT count(*) FROM stv_sessions WHERE process <> pg_backend_pid()").fetchone() != (0,):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def known(connection: psycopg.Connection) -> set[str]:
    """Return the tables that the catalogue has, after each has been read."""
    names = [name for (name,) in connection.execute("SELECT relname FROM pg_class WHERE relname LIKE 'vanished%'")]
    for name in names:
        connection.execute(f"SELECT a FROM {name}")
    return set(names)


@pytest.mark.fault("clients that vanish while they commit")
def test_the_catalogue_and_the_tables_agree(server: Server) -> None:
    chance = random.Random(5439)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for number in range(ROUNDS):
            with Wire(server.host, server.port) as wire:
                wire.login(server.user, server.password, server.database)
                table = f"vanished_{number % 7}"
                wire.send(
                    f'Query {{"query": "DROP TABLE IF EXISTS {table}; CREATE TABLE {table} (a INT)"}}',
                    f'Query {{"query": "INSERT INTO {table} VALUES (1); DROP TABLE {table}"}}',
                    f'Query {{"query": "CREATE TABLE {table} (a INT); ALTER TABLE {table} ADD COLUMN b INT"}}',
                )
                time.sleep(chance.random() * 0.4)
            alone(connection)
            known(connection)
        found = known(connection)
        for name in found:
            connection.execute(f"DROP TABLE {name}")
        assert known(connection) == set()
        # What the lake still has under these names would be in the way.
        for number in range(7):
            connection.execute(f"CREATE TABLE vanished_{number} AS SELECT {number} AS a")
            assert connection.execute(f"SELECT a FROM vanished_{number}").fetchone() == (number,)
