"""psycopg connections to the shared server, for the modules that do not make their own."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.clients import clients
from tests.support.sail import sail
from tests.support.server import Server
from tests.support.spark import REMOTE, Notices

APART = {client.name for client in clients() if client.apart}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let reports tell which client a test is of (``make clients`` counts by it); leave out those that are apart."""
    left: list[pytest.Item] = []
    for item in items:
        names = {mark.args[0] for mark in item.iter_markers("client")}
        item.user_properties += [("client", name) for name in names]
        if names and names <= APART and "ALL_CLIENTS" not in os.environ:
            left.append(item)
    items[:] = [item for item in items if item not in left]
    config.hook.pytest_deselected(items=left)


@pytest.fixture(scope="module")
def url(server: Server) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "dbname": server.database,
    }


@pytest.fixture(scope="module")
def connection(url: dict[str, Any]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(**url, autocommit=True) as made:
        yield made


@pytest.fixture
def own(url: dict[str, Any]) -> Iterator[psycopg.Connection]:
    """A connection whose state a test may spoil."""
    with psycopg.connect(**url, autocommit=True) as made:
        yield made


@pytest.fixture(scope="session")
def cluster() -> Iterator[str]:
    """The address of a Spark Connect server."""
    pytest.importorskip("grpc")
    if REMOTE:
        yield REMOTE
        return
    with sail() as url:
        yield url


@pytest.fixture
def notices() -> Notices:
    """What the connection of a test is told."""
    return Notices()
