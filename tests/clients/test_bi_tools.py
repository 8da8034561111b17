"""Tools that cannot be installed: what they send, recorded from public sources, over the drivers that they use.

The records are tests/conformance/session/<tool>.slt, whose answers are held here, too.
"""

import base64
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import programs
from tests.support.environments import jar_of, python_of
from tests.support.server import Server
from tests.support.slt import Record, parse

RECORDS = Path(__file__).resolve().parents[1] / "conformance" / "session"
POSTGRESQL = Path("/usr/share/java/postgresql.jar")
TOOLS = [
    # tool, by which driver
    pytest.param("tableau", "odbc", marks=pytest.mark.client("tableau"), id="tableau"),
    pytest.param("powerbi", "odbc", marks=pytest.mark.client("powerbi"), id="powerbi"),
    pytest.param("metabase", "jdbc", marks=pytest.mark.client("metabase"), id="metabase"),
    pytest.param("looker", "jdbc", marks=pytest.mark.client("looker"), id="looker"),
    pytest.param("dbeaver", "jdbc", marks=pytest.mark.client("dbeaver"), id="dbeaver"),
    pytest.param("datagrip", "jdbc", marks=pytest.mark.client("datagrip"), id="datagrip"),
]
_ERROR = re.compile(r"error \((\w+)\)\s*(.*)")
_CLOSE = 1e-12


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-nowarn", "-d", folder, programs.FOLDER / "Statements.java"], check=True, timeout=100)
    return folder


def command(driver: str, request: pytest.FixtureRequest) -> list[Any]:
    """Return what starts the program of a driver."""
    if driver == "odbc":
        return [python_of("drivers"), programs.FOLDER / "odbc_statements.py"]
    jars = f"{request.getfixturevalue('classes')}:{POSTGRESQL}:{jar_of('redshift_jdbc')}"
    return ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", jars, "Statements"]


@pytest.mark.parametrize(("tool", "driver"), TOOLS)
def test_statements(server: Server, tool: str, driver: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    records = [record for record in parse(RECORDS / f"{tool}.slt") if record.case]
    schema = f"slt_{tool}"
    statements = [f"set search_path to {schema}, public", *(record.sql for record in records)]
    lines = tmp_path / "statements"
    lines.write_text("\n".join(base64.b64encode(each.encode()).decode() for each in statements))
    environment = os.environ | {
        "PGHOST": server.host, "PGPORT": str(server.port), "PGUSER": server.user, "PGPASSWORD": server.password,
        "PGDATABASE": server.database, "SERVER_CERTIFICATE": f"{server.data}/tls/server.crt",
        "CASE_STATEMENTS": str(lines), "PYTHONPATH": "",
    }  # fmt: skip
    with psycopg.connect(server.dsn, autocommit=True) as own:
        own.execute(f"drop schema if exists {schema} cascade")
        own.execute(f"create schema {schema}")
        done = subprocess.run(
            command(driver, request), env=environment, capture_output=True, text=True, timeout=100, check=True
        )
        own.execute(f"drop schema {schema} cascade")
    answers = [json.loads(line) for line in done.stdout.splitlines()][1:]
    assert len(answers) == len(records), done.stderr
    wrong = [
        f"line {record.line}: {problem}: {record.sql[:200]}"
        for record, answer in zip(records, answers, strict=True)
        if (problem := problem_of(record, answer))
    ]
    assert not wrong, "\n".join(wrong)


def problem_of(record: Record, answer: dict[str, Any]) -> str:
    """Return what is wrong with an answer, nothing when it is as recorded."""
    if found := _ERROR.match(record.argument):
        right = answer.get("state") == found[1] and re.search(found[2], answer["message"])
        return "" if right else f"expected {record.argument}, got {answer}"
    if "state" in answer:
        return str(answer)
    if record.kind == "statement":
        return ""
    rows = [" | ".join(_text(value) for value in row) for row in answer["rows"]]
    wanted = record.expected
    if "rowsort" in record.argument:
        rows, wanted = sorted(rows), sorted(wanted)
    if len(rows) != len(wanted) or not all(map(_alike, rows, wanted)):
        return f"expected {wanted}, got {rows}"
    return ""


def _text(value: str | None) -> str:
    return "NULL" if value is None else value or "(empty)"


def _alike(found: str, wanted: str) -> bool:
    """Tell whether two rows are the same but for what drivers make of numbers, moments and truth."""
    pairs = list(zip(found.split(" | "), wanted.split(" | "), strict=False))
    return found.count(" | ") == wanted.count(" | ") and all(_same(*pair) for pair in pairs)


def _same(found: str, wanted: str) -> bool:
    if found == wanted or {found, wanted} in ({"t", "true"}, {"f", "false"}, {"t", "1"}, {"f", "0"}):
        return True
    if found.removesuffix(".0") == wanted or found.rstrip() == wanted.rstrip():
        return True
    try:
        return abs(float(found) - float(wanted)) <= _CLOSE * max(1.0, abs(float(wanted)))
    except ValueError:
        return False
