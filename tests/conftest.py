"""What all tests share: ``.pgt`` files as tests, and a running server for those that ask for one."""

from collections.abc import Iterator

import pytest

from tests.support import aws
from tests.support.outside import Outside
from tests.support.server import Server
from tests.support.transcripts import pytest_addoption, pytest_collect_file
from tests.support.warm import Nursery

__all__ = ["doors", "nursery", "outside", "pytest_addoption", "pytest_collect_file", "server"]


@pytest.fixture(scope="session", autouse=True)
def nursery() -> Iterator[None]:
    """Servers start from a process that has imported the program already."""
    Server.nursery = Nursery()
    yield
    Server.nursery.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A duckshift server with an empty data folder, started once for all tests that ask for it."""
    # What VACUUM has done is counted, so nobody else must do it.
    unkept = {"DUCKSHIFT_UPKEEP_ENABLED": "false"}
    with Server(tmp_path_factory.mktemp("server") / "data", environment=unkept) as running:
        yield running


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """A bucket and a data catalog, with servers over them that start when they are first asked for."""
    with Outside(tmp_path_factory.mktemp("outside")) as running:
        yield running


@pytest.fixture(scope="session")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with all its doors open, and limits that tests can reach."""
    folder = tmp_path_factory.mktemp("doors")
    (folder / "duckshift.toml").write_text(aws.CONFIG)
    environment = {
        "DUCKSHIFT_API_RUNNING_STATEMENTS": "4",
        "DUCKSHIFT_API_ACTIVE_STATEMENTS": "12",
        "DUCKSHIFT_API_RESULT_MB": "16",
        "DUCKSHIFT_FLIGHT_LISTEN": "grpc+tls://127.0.0.1:0",
        "DUCKSHIFT_FLIGHT_MAX_CONNECTIONS": "60",
    }
    arguments = ("--config", str(folder / "duckshift.toml"))
    with Server(folder / "data", arguments=arguments, environment=environment) as running:
        yield running
