"""What all tests share: ``.pgt`` files as tests, and a running server for those that ask for one."""

from collections.abc import Iterator

import pytest

from tests.support.outside import Outside
from tests.support.server import Server
from tests.support.transcripts import pytest_addoption, pytest_collect_file

__all__ = ["outside", "pytest_addoption", "pytest_collect_file", "server"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A duckshift server with an empty data folder, started once for all tests that ask for it."""
    with Server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """A bucket and a data catalog, with servers over them that start when they are first asked for."""
    with Outside(tmp_path_factory.mktemp("outside")) as running:
        yield running
