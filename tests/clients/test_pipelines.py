"""Tools that build and load warehouses: SQLMesh, dlt, Ibis, SQLAlchemy's own dialect, Airflow's operators for Redshift."""

from typing import Any

import pytest

from tests.support import aws, programs, s3
from tests.support.environments import python_of
from tests.support.outside import BUCKET, ROLE, Outside
from tests.support.server import Server

PROGRAMS = (
    (pytest.mark.client("sqlmesh"), "sqlmesh_cases.py"),
    (pytest.mark.client("dlt"), "dlt_cases.py"),
    (pytest.mark.client("ibis"), "ibis_cases.py"),
    (pytest.mark.client("sqlalchemy"), "dialect_cases.py"),
)
CASES = [
    pytest.param(program, case, marks=mark, id=f"{program}-{case}")
    for mark, program in PROGRAMS
    for case in programs.cases(program)
]
AIRFLOW = "airflow_cases.py"
pytestmark = pytest.mark.timeout(400)
_TIMEOUT_S = 300


@pytest.fixture(scope="module")
def found(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What each program said; it runs when its first case is asked for."""
    said: dict[str, dict[str, str | None]] = {}

    def ask(program: str) -> dict[str, str | None]:
        if program not in said:
            command = [python_of("pipelines"), "-W", "ignore", programs.FOLDER / program]
            given = {"CASE_SCHEMA": program.removesuffix(".py"), "CASE_FOLDER": str(tmp_path_factory.mktemp("program"))}
            said[program] = programs.outcomes(command, server, _TIMEOUT_S, **given)
        return said[program]

    return ask


@pytest.mark.parametrize(("program", "case"), CASES)
def test_case(found: Any, program: str, case: str) -> None:
    programs.judge(found(program), case)


@pytest.fixture(scope="module")
def scheduled(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str | None]:
    """What the program of Airflow said, beside a server with the Data API and a bucket."""
    folder = tmp_path_factory.mktemp("airflow")
    (folder / "duckshift.toml").write_text(f"{aws.CONFIG}\n{outside.config('built_in')}")
    key, secret, _ = aws.KEYS["alice"]
    with Server(folder / "data", arguments=("--config", str(folder / "duckshift.toml"))) as running:
        return programs.outcomes(
            [python_of("airflow"), "-W", "ignore", programs.FOLDER / AIRFLOW], running, _TIMEOUT_S, CASE_SCHEMA="flown",
            CASE_FOLDER=str(folder), CASE_API=aws.api(running), CASE_S3=f"http://{outside.endpoint.address}",
            CASE_BUCKET=BUCKET, CASE_ROLE=ROLE, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret,
            S3_ACCESS_KEY_ID=s3.KEY_ID, S3_SECRET_ACCESS_KEY=s3.SECRET,
        )  # fmt: skip


@pytest.mark.client("airflow")
@pytest.mark.parametrize("case", programs.cases(AIRFLOW))
def test_airflow(scheduled: dict[str, str | None], case: str) -> None:
    programs.judge(scheduled, case)
