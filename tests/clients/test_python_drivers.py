"""Drivers for Python as their users install them: newest and older versions, each program in its environment."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import programs
from tests.support.environments import python_of
from tests.support.server import Server

PROGRAMS = (
    # mark, environment, program
    (pytest.mark.client("redshift_connector_pandas"), "drivers", "redshift_connector_cases.py"),
    (pytest.mark.client("redshift_connector_older"), "older_drivers", "redshift_connector_cases.py"),
    (pytest.mark.client("psycopg_older"), "older_drivers", "psycopg_cases.py"),
    (pytest.mark.client("asyncpg_older"), "older_drivers", "asyncpg_cases.py"),
    (pytest.mark.client("psqlodbc"), "drivers", "odbc_cases.py"),
    (pytest.mark.client("psycopg2"), "drivers", "psycopg2_cases.py"),
    (pytest.mark.client("pg8000"), "drivers", "pg8000_cases.py"),
    (pytest.mark.client("tokio_postgres"), "drivers", "psqlpy_cases.py"),
    (pytest.mark.client("pg8000_older"), "older_drivers", "pg8000_cases.py"),
)
CASES = [
    pytest.param(environment, program, case, marks=mark, id=f"{environment}-{Path(program).stem}-{case}")
    for mark, environment, program in PROGRAMS
    for case in programs.cases(program)
]


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What each program said; it runs when its first case is asked for."""
    said: dict[tuple[str, str], dict[str, str | None]] = {}

    def ask(environment: str, program: str) -> dict[str, str | None]:
        key = environment, program
        if key not in said:
            schema = f"{environment}_{Path(program).stem}"
            command = [python_of(environment), "-W", "ignore", programs.FOLDER / program]
            folder = str(tmp_path_factory.mktemp("program"))
            said[key] = programs.outcomes(command, server, CASE_SCHEMA=schema, CASE_FOLDER=folder)
        return said[key]

    yield ask


@pytest.mark.parametrize(("environment", "program", "case"), CASES)
def test_case(found: Any, environment: str, program: str, case: str) -> None:
    programs.judge(found(environment, program), case)
