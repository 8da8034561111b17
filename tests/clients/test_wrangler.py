"""awswrangler's module for Redshift, whose COPY and UNLOAD go through S3."""

import pytest

from tests.support import programs, s3
from tests.support.environments import python_of
from tests.support.outside import BUCKET, ROLE, Outside

PROGRAM = "wrangler_cases.py"
pytestmark = pytest.mark.client("awswrangler_redshift")


@pytest.fixture(scope="module")
def found(outside: Outside) -> dict[str, str | None]:
    command = [python_of("frames"), "-W", "ignore", programs.FOLDER / PROGRAM]
    return programs.outcomes(
        command, outside.running("built_in"), CASE_SCHEMA="wrangled", CASE_STAGE=f"s3://{BUCKET}/wrangled", CASE_ROLE=ROLE,
        CASE_S3=f"http://{outside.endpoint.address}", AWS_ACCESS_KEY_ID=s3.KEY_ID, AWS_SECRET_ACCESS_KEY=s3.SECRET,
        AWS_DEFAULT_REGION="us-east-1",
    )  # fmt: skip


@pytest.mark.parametrize("case", programs.cases(PROGRAM))
def test_case(found: dict[str, str | None], case: str) -> None:
    programs.judge(found, case)
