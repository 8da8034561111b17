"""Which engine SQL has read all that it adds up before its first row comes."""

import pytest

from session.hopes import is_whole


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT sum(a * b) FROM t", True),
        ("SELECT sum(a * b) FROM t UNION ALL SELECT sum(a * c) FROM t", False),
        ("SELECT sum(a * b) FROM t UNION ALL SELECT sum(a * c) FROM t ORDER BY 1", True),
        ("SELECT s FROM (SELECT sum(a * b) AS s FROM t UNION ALL SELECT 1) ORDER BY s LIMIT 1", True),
        ("SELECT sum(a * b) FROM t UNION ALL (SELECT a FROM u ORDER BY a)", False),
        ("SELECT a, row_number() OVER (PARTITION BY b ORDER BY c) FROM t EXCEPT SELECT 1, 2", False),
        ("SELECT ' ORDER BY ' FROM t INTERSECT SELECT \" ORDER BY \" FROM t", False),
        ("SELECT '(' FROM t INTERSECT SELECT ')(' FROM t ORDER BY 1", True),
        ("WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2) SELECT * FROM r", False),
    ],
)
def test_what_is_sorted_in_the_end_has_been_read(sql: str, expected: bool) -> None:
    assert is_whole(sql) == expected
