"""JDBC: PostgreSQL's driver as Debian has it, and Amazon's own."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import programs
from tests.support.environments import jar_of
from tests.support.server import Server

POSTGRESQL = Path("/usr/share/java/postgresql.jar")
PROGRAM = "Jdbc.java"
CASES = [
    pytest.param(kind, case, marks=mark, id=f"{kind}-{case}")
    for kind, mark in (("postgresql", pytest.mark.client("pgjdbc")), ("redshift", pytest.mark.client("redshift_jdbc")))
    for case in programs.cases(PROGRAM)
]
Found = Callable[[str], dict[str, str | None]]


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What the program said with each driver; it runs when the first case is asked for."""
    classes = tmp_path_factory.mktemp("classes")
    command = ["javac", "-nowarn", "-cp", str(POSTGRESQL), "-d", str(classes), str(programs.FOLDER / PROGRAM)]
    subprocess.run(command, check=True, timeout=100)
    said: dict[str, dict[str, str | None]] = {}

    def ask(kind: str) -> dict[str, str | None]:
        if kind not in said:
            jars = [classes, POSTGRESQL, *([jar_of("redshift_jdbc")] if kind == "redshift" else [])]
            java = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, jars)), "Jdbc", kind]
            said[kind] = programs.outcomes(java, server, CASE_SCHEMA=f"jdbc_{kind}")
        return said[kind]

    return ask


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_case(found: Found, kind: str, case: str) -> None:
    programs.judge(found(kind), case)
