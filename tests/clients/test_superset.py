"""Apache Superset, as its users do: a connection, its browser, SQL Lab, datasets, charts, uploads."""

import pytest

from tests.support import programs
from tests.support.environments import python_of
from tests.support.server import Server

PROGRAM = "superset_cases.py"
pytestmark = [pytest.mark.client("superset"), pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    command = [python_of("superset"), "-W", "ignore", programs.FOLDER / PROGRAM]
    return programs.outcomes(command, server, 380, CASE_FOLDER=str(tmp_path_factory.mktemp("superset")))


@pytest.mark.parametrize("case", programs.cases(PROGRAM))
def test_case(found: dict[str, str | None], case: str) -> None:
    programs.judge(found, case)
