"""dbt, as its user runs it: the example project of examples/dbt from nothing to documentation, and on from there."""


import pytest

from tests.support import programs
from tests.support.environments import python_of
from tests.support.server import Server

PROGRAM = "project_cases.py"
pytestmark = [pytest.mark.client("dbt"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    command = [python_of("dbt"), "-W", "ignore", programs.FOLDER / PROGRAM]
    return programs.outcomes(command, server, 580, CASE_FOLDER=str(tmp_path_factory.mktemp("dbt")))


@pytest.mark.parametrize("case", programs.cases(PROGRAM))
def test_case(found: dict[str, str | None], case: str) -> None:
    programs.judge(found, case)
