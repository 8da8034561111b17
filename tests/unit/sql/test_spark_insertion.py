"""INSERT … SELECT in two parts, whatever stands in texts and parentheses."""

import pytest

from sql.spark.insertion import insertion

HEAD = 'INSERT INTO lake."s"."t" ("a", "b") SELECT '


@pytest.mark.parametrize(
    ("before", "listed", "query"),
    [
        ("", 'given."a", given."b" ', "SELECT 1 AS a, 2 AS b"),
        ("WITH c AS (SELECT ') AS given' AS x) ", 'given."a", NULL ', "SELECT x AS a FROM (SELECT x FROM c) AS y"),
        ("", "f('FROM (''', extract(year FROM (given.\"FROM (\"))), 1 ", "SELECT ')' AS a FROM (SELECT 1) AS given"),
    ],
)
def test_parts(before: str, listed: str, query: str) -> None:
    found = insertion(f"{before}{HEAD}{listed}FROM ({query}) AS given", HEAD)
    assert found is not None
    assert found.query == before + query
    assert found.over("rows") == f"{HEAD}{listed}FROM rows AS given"


@pytest.mark.parametrize(
    "sql",
    [f"{HEAD}1, 2 FROM (SELECT 1) AS one", "DELETE FROM t", f"WITH c AS (SELECT '{HEAD}') {HEAD}1, 2 FROM (SELECT 1) AS given"],
)
def test_others(sql: str) -> None:
    assert insertion(sql, HEAD) is None
