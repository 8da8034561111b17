"""psycopg connections to the shared server, for the modules that do not make their own."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.server import Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let reports tell which client a test is of (``make clients`` counts by it)."""
    for item in items:
        item.user_properties += [("client", mark.args[0]) for mark in item.iter_markers("client")]


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
