"""Drivers for other languages: Perl's DBD::Pg, PHP's PDO, Ruby's pg, Go's pgx and lib/pq, as Debian has them."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import programs
from tests.support.server import Server

PROGRAMS = (
    # mark, what runs it, program
    (pytest.mark.client("dbd_pg"), ["perl"], "dbd_pg_cases.pl"),
    (pytest.mark.client("php"), ["php"], "pdo_cases.php"),
    (pytest.mark.client("ruby_pg"), ["ruby"], "ruby_cases.rb"),
    (pytest.mark.client("pgx"), [], "pgx_cases.go"),
)
CASES = [
    pytest.param(program, case, marks=mark, id=f"{program}-{case}")
    for mark, _, program in PROGRAMS
    for case in programs.cases(program)
]
DEBIAN_SOURCES = "/usr/share/gocode"
_TIMEOUT_S = 300


def built(program: str, folder: Path) -> list[str | Path]:
    """Compile a program of Go against what Debian packages; return what starts it."""
    target = folder / Path(program).stem
    environment = os.environ | {"GO111MODULE": "off", "GOPATH": DEBIAN_SOURCES, "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    subprocess.run(
        ["go", "build", "-o", target, programs.FOLDER / program], env=environment, check=True, timeout=_TIMEOUT_S
    )
    return [target]


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What each program said; it runs when its first case is asked for."""
    said: dict[str, dict[str, str | None]] = {}

    def ask(program: str) -> dict[str, str | None]:
        if program not in said:
            runner = next(runner for _, runner, name in PROGRAMS if name == program)
            command = [*runner, programs.FOLDER / program] if runner else built(program, tmp_path_factory.mktemp("go"))
            said[program] = programs.outcomes(command, server, CASE_SCHEMA=Path(program).stem)
        return said[program]

    return ask


@pytest.mark.timeout(400)
@pytest.mark.parametrize(("program", "case"), CASES)
def test_case(found: Any, program: str, case: str) -> None:
    programs.judge(found(program), case)
