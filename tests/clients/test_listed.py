"""A connection made by a real client is listed with its application name, while it lasts and afterwards."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import psycopg
import pytest
import redshift_connector

from tests.support.clients import listings
from tests.support.server import Server


@contextmanager
def by_psycopg(server: Server, name: str) -> Iterator[None]:
    with psycopg.connect(server.dsn, application_name=name):
        yield


@contextmanager
def by_psql(server: Server, name: str) -> Iterator[None]:
    command = ["psql", "-X", f"{server.dsn} application_name={name}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdin and running.stdout
        running.stdin.write("\\conninfo\n")
        running.stdin.flush()
        running.stdout.readline()
        yield
        running.stdin.close()


@contextmanager
def by_asyncpg(server: Server, name: str) -> Iterator[None]:
    with asyncio.Runner() as runner:
        made = runner.run(
            asyncpg.connect(
                host=server.host, port=server.port, user=server.user, password=server.password,
                database=server.database, ssl="require", server_settings={"application_name": name},
            )
        )  # fmt: skip
        yield
        runner.run(made.close())


@contextmanager
def by_redshift_connector(server: Server, name: str) -> Iterator[None]:
    made = redshift_connector.connect(
        host=server.host, port=server.port, user=server.user, password=server.password, database=server.database,
        ssl=False, application_name=name,
    )  # fmt: skip
    yield
    made.close()


WAYS = [
    pytest.param(by_psycopg, marks=pytest.mark.client("psycopg"), id="psycopg"),
    pytest.param(by_psql, marks=pytest.mark.client("psql"), id="psql"),
    pytest.param(by_asyncpg, marks=pytest.mark.client("asyncpg"), id="asyncpg"),
    pytest.param(by_redshift_connector, marks=pytest.mark.client("redshift_connector"), id="redshift_connector"),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_is_listed(server: Server, own: psycopg.Connection, way: Any) -> None:
    name = f"listed_{way.__name__}"
    with way(server, name):
        assert listings(own, name) == {
            "stv_sessions": 1, "stl_connection_log": 1, "sys_connection_log": 1, "sys_session_history": 1,
        }  # fmt: skip
    assert listings(own, name)["stl_connection_log"] == 1
