"""Which reads can be joined with what is asked for; what becomes of them is tried in ``engine.together``'s tests."""

import pytest

from sql.members import Members
from sql.shapes import Gapped

TYPED = "CAST(${} AS INTEGER)"


def members(sql: str, *parameters: str) -> Members:
    pieces = tuple(sql.split("?"))
    return Members(Gapped(pieces, tuple(range(len(pieces) - 1))), parameters or (TYPED,) * (len(pieces) - 1))


def test_parameters_are_numbered_member_by_member() -> None:
    read = members('SELECT 1 FROM t WHERE ("a" = ?) AND ("b" > ?)')
    values = [f"CAST(${number} AS INTEGER)" for number in range(1, 5)]
    one = 'SELECT 1 FROM t WHERE ("a" = {}) AND ("b" > {})'
    assert read.united(1) == one.format(*values)
    assert read.united(2) == (
        f'SELECT *, 0 AS "member of all" FROM ({one.format(*values[:2])}) UNION ALL '
        f'SELECT *, 1 AS "member of all" FROM ({one.format(*values[2:])})'
    )
    rows, each = read.joined(2)
    assert f"(VALUES (0, {values[0]}, {values[1]}), (1, {values[2]}, {values[3]}))" in rows
    assert each.startswith(rows)


def test_groups_are_each_member_s_own() -> None:
    (sql,) = members('SELECT "b", count(*) FROM t WHERE ("a" = ?) GROUP BY "b" HAVING (count(*) > 1)').joined(1)
    assert sql.endswith('GROUP BY "asked of all"."member of all", "b" HAVING (count(*) > 1)')


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT 1 FROM t WHERE ("a" = ?)',
        'SELECT 1 FROM t AS "OVER" WHERE ("a" = ?)',
        "SELECT 'x UNION y' FROM t WHERE (\"a\" = ?)",
        "SELECT 'it''s, FROM' FROM t WHERE (\"a\" = ?)",
        'SELECT extract(YEAR FROM "d") FROM t WHERE ("a" = ?)',
        'SELECT 1 FROM t WHERE ("a" = CAST(? AS BIGINT))',
        'SELECT CASE "b" WHEN 1 THEN 2 END FROM t WHERE ("a" = ?)',
        'select 1 from t /* WHERE */ where ("a" = ?)',
    ],
)
def test_a_query_of_one_table_that_compares_for_equality_can_be_joined(sql: str) -> None:
    assert members(sql).joined(1)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM t",
        'SELECT 1 FROM t WHERE ("a" > ?)',
        'SELECT 1 FROM t WHERE ("a" = ?) OR ("b" = 1)',
        'SELECT 1 FROM t WHERE NOT ("a" = ?)',
        'SELECT 1 FROM t, u WHERE ("a" = ?)',
        'SELECT 1 FROM t INNER JOIN u ON (t."a" = u."a") WHERE ("a" = ?)',
        'SELECT 1 FROM t WHERE ("a" = ?) ORDER BY 1',
        'SELECT 1 FROM t WHERE ("a" = ?) LIMIT 1',
        'SELECT DISTINCT 1 FROM t WHERE ("a" = ?)',
        'SELECT sum("b") OVER () FROM t WHERE ("a" = ?)',
        'SELECT count(*) FROM t WHERE ("a" = ?) HAVING (count(*) > 1)',
        'SELECT 1 FROM t WHERE ("a" = ?) GROUP BY ALL',
        'SELECT count(*) FROM t WHERE ("a" = ?) GROUP BY ()',
        'SELECT 1 FROM t WHERE ("a" = ?) GROUP BY CUBE ("b")',
        'SELECT 1 FROM t WHERE ("a" = ?) UNION ALL SELECT 2 FROM t',
        'SELECT (SELECT 1) FROM t WHERE ("a" = ?)',
        'SELECT 1 FROM (SELECT 2) AS t WHERE ("a" = ?)',
        'WITH t AS (SELECT 1) SELECT 1 FROM t WHERE ("a" = ?)',
        "SELECT E'\\\\'' FROM t WHERE (\"a\" = ?)",
        'SELECT $$ FROM $$ FROM t WHERE ("a" = ?)',
        'VALUES (?)',
    ],
)
def test_others_are_not(sql: str) -> None:
    assert members(sql).joined(1) == ()
