"""node-postgres, with the packages that read by cursor, stream and copy."""

import pytest

from tests.support import programs
from tests.support.environments import modules_of
from tests.support.server import Server

pytestmark = pytest.mark.client("node_postgres")
PROGRAM = "node_cases.js"


@pytest.fixture(scope="module")
def found(server: Server) -> dict[str, str | None]:
    command = ["node", programs.FOLDER / PROGRAM]
    return programs.outcomes(command, server, CASE_SCHEMA="node_cases", NODE_PATH=str(modules_of("node")))


@pytest.mark.parametrize("case", programs.cases(PROGRAM))
def test_case(found: dict[str, str | None], case: str) -> None:
    programs.judge(found, case)
