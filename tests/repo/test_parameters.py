"""Every parameter of COPY and UNLOAD has a case among the conformance files of loading."""

import re

import pytest

from sql.options import COPY_OPTIONS, UNLOAD_OPTIONS, Option
from tests.repo.test_sources import ROOT

CASES = ROOT / "tests/conformance/loading"
STATEMENT = re.compile(r"^(COPY|UNLOAD)\b.*?'s3://[^']*'|^(COPY)\b.*?'dynamodb://[^']*'", re.IGNORECASE)
ROWS = [("COPY", option) for option in COPY_OPTIONS] + [("UNLOAD", option) for option in UNLOAD_OPTIONS]


@pytest.fixture(scope="module")
def given() -> dict[str, str]:
    """What follows the source or destination in all statements of the cases, by command; strings are left out."""
    found = {"COPY": "", "UNLOAD": ""}
    for path in sorted(CASES.glob("*.slt")):
        for line in path.read_text().splitlines():
            if start := STATEMENT.match(line):
                found[line.split()[0].upper()] += re.sub(r"'(''|[^'])*'", "''", line[start.end() :]).upper() + "\n"
    return found


@pytest.mark.parametrize(("command", "option"), ROWS, ids=[f"{name}-{' '.join(row.keywords)}" for name, row in ROWS])
def test_a_parameter_has_a_case(command: str, option: Option, given: dict[str, str]) -> None:
    words = " ".join(option.keywords)
    assert re.search(rf"\b{words}\b", given[command])
    assert not option.modifier or re.search(rf"\b{option.modifier}\b", given[command])
