"""Clients for Node: node-postgres with the packages that read by cursor, stream and copy, postgres.js, knex."""

from typing import Any

import pytest

from tests.support import programs
from tests.support.environments import modules_of
from tests.support.server import Server

PROGRAMS = (
    (pytest.mark.client("node_postgres"), "node_cases.js"),
    (pytest.mark.client("postgres_js"), "postgresjs_cases.js"),
    (pytest.mark.client("knex"), "knex_cases.js"),
)
CASES = [
    pytest.param(program, case, marks=mark, id=f"{program}-{case}")
    for mark, program in PROGRAMS
    for case in programs.cases(program)
]


@pytest.fixture(scope="module")
def found(server: Server) -> Any:
    """What each program said; it runs when its first case is asked for."""
    said: dict[str, dict[str, str | None]] = {}

    def ask(program: str) -> dict[str, str | None]:
        if program not in said:
            more = {"CASE_SCHEMA": program.removesuffix(".js"), "NODE_PATH": str(modules_of("node"))}
            said[program] = programs.outcomes(["node", programs.FOLDER / program], server, **more)
        return said[program]

    return ask


@pytest.mark.parametrize(("program", "case"), CASES)
def test_case(found: Any, program: str, case: str) -> None:
    programs.judge(found(program), case)
