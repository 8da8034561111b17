"""Libraries above the drivers: SQLAlchemy with Redshift's dialect, data frames, DuckDB as a client."""

from typing import Any

import pytest

from tests.support import programs
from tests.support.environments import python_of
from tests.support.server import Server

PROGRAMS = (
    # mark, environment, program, variables
    (pytest.mark.client("sqlalchemy_redshift"), "sqlalchemy", "sqlalchemy_cases.py", {"CASE_DRIVER": "psycopg2"}),
    (pytest.mark.client("sqlalchemy_redshift"), "sqlalchemy", "sqlalchemy_cases.py", {"CASE_DRIVER": "redshift_connector"}),
    (pytest.mark.client("frames"), "frames", "frames_cases.py", {}),
    (pytest.mark.client("adbc_postgresql"), "frames", "adbc_cases.py", {}),
)
CASES = [
    pytest.param(place, case, marks=mark, id=f"{environment}-{place}-{case}")
    for place, (mark, environment, program, _) in enumerate(PROGRAMS)
    for case in programs.cases(program)
]


@pytest.fixture(scope="module")
def found(server: Server) -> Any:
    """What each program said; it runs when its first case is asked for."""
    said: dict[int, dict[str, str | None]] = {}

    def ask(place: int) -> dict[str, str | None]:
        if place not in said:
            _, environment, program, variables = PROGRAMS[place]
            command = [python_of(environment), "-W", "ignore", programs.FOLDER / program]
            said[place] = programs.outcomes(command, server, CASE_SCHEMA=f"{environment}_{place}", **variables)
        return said[place]

    return ask


@pytest.mark.parametrize(("place", "case"), CASES)
def test_case(found: Any, place: int, case: str) -> None:
    programs.judge(found(place), case)
