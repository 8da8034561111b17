"""Connections of several users to the shared server."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.support.server import Server

PASSWORD = "Secret123"
Connect = Callable[[str], psycopg.Connection]


@pytest.fixture(scope="module")
def admin(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn, autocommit=True) as made:
        yield made


@pytest.fixture(scope="module")
def as_user(server: Server) -> Iterator[Connect]:
    """Return a function that connects as a user, once for each."""
    known: dict[str, psycopg.Connection] = {}

    def connect(name: str) -> psycopg.Connection:
        if name not in known:
            known[name] = psycopg.connect(
                host=server.host, port=server.port, dbname=server.database, user=name, password=PASSWORD,
                autocommit=True,
            )  # fmt: skip
        return known[name]

    yield connect
    for connection in known.values():
        connection.close()
