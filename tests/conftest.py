"""What all tests share: ``.pgt`` files as tests, and a running server for those that ask for one."""

from collections.abc import Iterator

import pytest

from tests.support.server import Server
from tests.support.transcripts import pytest_addoption, pytest_collect_file

__all__ = ["pytest_addoption", "pytest_collect_file", "server"]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A duckshift server with an empty data folder, started once for all tests that ask for it."""
    with Server(tmp_path_factory.mktemp("server") / "data") as running:
        yield running
