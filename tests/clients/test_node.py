"""Clients for Node: node-postgres with its packages for cursors, streams and COPY, postgres.js, knex, Kysely and others."""

from typing import Any

import pytest

from tests.support import programs
from tests.support.environments import modules_of
from tests.support.server import Server

PROGRAMS = (
    # mark, environment, program
    (pytest.mark.client("node_postgres"), "node", "node_cases.js"),
    (pytest.mark.client("postgres_js"), "node", "postgresjs_cases.js"),
    (pytest.mark.client("knex"), "node", "knex_cases.js"),
    (pytest.mark.client("orms"), "orms", "orm_cases.js"),
)
ENVIRONMENTS = {program: environment for _, environment, program in PROGRAMS}
CASES = [
    pytest.param(program, case, marks=mark, id=f"{program}-{case}")
    for mark, _, program in PROGRAMS
    for case in programs.cases(program)
]


@pytest.fixture(scope="module")
def found(server: Server) -> Any:
    """What each program said; it runs when its first case is asked for."""
    said: dict[str, dict[str, str | None]] = {}

    def ask(program: str) -> dict[str, str | None]:
        if program not in said:
            more = {"CASE_SCHEMA": program.removesuffix(".js"), "NODE_PATH": str(modules_of(ENVIRONMENTS[program]))}
            said[program] = programs.outcomes(["node", programs.FOLDER / program], server, **more)
        return said[program]

    return ask


@pytest.mark.parametrize(("program", "case"), CASES)
def test_case(found: Any, program: str, case: str) -> None:
    programs.judge(found(program), case)
