"""Sums that are written as if none of their products grew too large, and the note that one was."""

import pytest

from sql.decimals import hoping
from sql.translate import translate
from tests.support.warehouse import Warehouse

FROM = "FROM (SELECT qty AS i, qty::decimal(15,2) AS a, salesid::decimal(15,2) AS b FROM sales) AS t"


@pytest.mark.parametrize(
    ("text", "hopeful"),
    [
        (f"SELECT sum(a * b) {FROM}", True), (f"SELECT avg(a * (1 - b)) {FROM}", True),
        (f"SELECT i, sum(CASE WHEN i = 1 THEN a * b END) {FROM} GROUP BY 1", True), (f"SELECT a * b {FROM}", False),
        (f"SELECT sum(a * b) OVER (PARTITION BY i) {FROM}", False), (f"SELECT sum(DISTINCT a * b) {FROM}", False),
        (f"SELECT sum(a), sum(i * i) {FROM}", False),
    ],
)  # fmt: skip
def test_which_sums_are_hopeful(text: str, hopeful: bool) -> None:
    facts = Warehouse()
    careful = translate(text, facts)
    with hoping():
        found = translate(text, facts)
    assert found.hopeful is hopeful
    assert not careful.hopeful
    assert (found.engine_sql != careful.engine_sql) is hopeful
    assert not hopeful or "BETWEEN" not in found.engine_sql
    assert found.columns == careful.columns
    assert translate(text, facts) == careful
