"""Engine SQL written as Spark SQL: what is spelled out, and what is refused. Answers are compared in tests/clients."""

import pytest

from sql.spark.scope import Table
from sql.spark.statement import spark_query
from sql.spark.values import UnfitError

TABLES = {
    'lake."dev.public"."t"': Table(
        {"a": "INTEGER", "B": "VARCHAR", "d": "DECIMAL(18,2)", "w": "DECIMAL(38,4)", "i": "TIME", "f": "DOUBLE"}
    )
}


def written(sql: str) -> str:
    return spark_query(sql, TABLES, {"TimeZone": "UTC", "who": "it's"}.get).sql


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        # NULLs sort as they do in the engine.
        ('SELECT t.a FROM lake."dev.public".t AS t ORDER BY t.a DESC', "DESC NULLS FIRST"),
        ('SELECT t.a FROM lake."dev.public".t AS t ORDER BY t.a', "ASC NULLS LAST"),
        ('SELECT t.a FROM lake."dev.public".t AS t ORDER BY t.a DESC NULLS LAST', "DESC NULLS LAST"),
        # Whole numbers do not wrap.
        ('SELECT t.a + t.a FROM lake."dev.public".t AS t', "CAST((CAST(n1.n2 AS BIGINT) + CAST(n1.n2 AS BIGINT)) AS INT)"),
        # Products keep their places in both clusters.
        ('SELECT t.w * t.d FROM lake."dev.public".t AS t', "CAST(n1.n2 AS DECIMAL(19,4)) * n1.n3"),
        ('SELECT t.d * t.d FROM lake."dev.public".t AS t', "AS DECIMAL(18,4))"),
        # Nothing of a literal or a variable ends it.
        ("SELECT 'it''s \\' AS x", "'it\\'s \\\\'"),
        ("SELECT getvariable('who') AS x", "'it\\'s'"),
        # Grouping sets are groups of rows that are taken once a set; the grand total, of no rows too, is another query.
        ('SELECT t.a FROM lake."dev.public".t AS t GROUP BY ROLLUP (t.a)', "GROUP BY n1.n4, n3.n2) UNION ALL (SELECT CASE WHEN false THEN"),
        ('SELECT t.a FROM lake."dev.public".t AS t GROUP BY GROUPING SETS ((t.a, t.d), (t.d))', "GROUP BY CASE WHEN (n3.n2 IN (CAST(0 AS INT))) THEN n1.n4 ELSE NULL END, n1.n6, n3.n2) AS"),
        # Division by zero is what it is in the engine.
        ('SELECT t.a / t.a FROM lake."dev.public".t AS t', "NULLIF(n1.n2, 0)"),
        ('SELECT rs_divide(t.a, t.a) FROM lake."dev.public".t AS t', "raise_error('duckshift: division by zero')"),
    ],
)
def test_written(sql: str, part: str):
    assert part in written(sql)


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT t.i FROM lake."dev.public".t AS t',
        'SELECT * FROM lake."dev.public".t AS t',
        'SELECT CAST(t."B" AS INTEGER) FROM lake."dev.public".t AS t',
        'SELECT CAST(t.f AS INTEGER) FROM lake."dev.public".t AS t',
        'SELECT regexp_matches(t."B", \'x\') FROM lake."dev.public".t AS t',
        'SELECT t."B" LIKE t."B" FROM lake."dev.public".t AS t',
        'SELECT t."B" LIKE \'a\\_\' FROM lake."dev.public".t AS t',
        'SELECT sum(t.a ORDER BY t.a) FROM lake."dev.public".t AS t',
        'SELECT list(t.a) FROM lake."dev.public".t AS t',
        'SELECT rank() OVER (ORDER BY count(*)) FROM lake."dev.public".t AS t GROUP BY ROLLUP (t.a)',
        'SELECT (SELECT t.a) FROM lake."dev.public".t AS t GROUP BY ROLLUP (t.a)',
        'SELECT count(*) FROM lake."dev.public".t AS t GROUP BY ROLLUP (t.a, 1)',
        'SELECT count(*) FROM lake."dev.public".t AS t LEFT JOIN lake."dev.public".t AS u ON t.a = u.a GROUP BY CUBE (t.a)',
        'SELECT grouping(t."B") FROM lake."dev.public".t AS t GROUP BY ROLLUP (t.a)',
        'SELECT count(*) FROM lake."dev.public".t AS t GROUP BY CUBE (t.a, t.b, t.d, t.w, t.f, t.a + 1, t.a + 2)',
        'SELECT t.a FROM lake."dev.public".t AS t QUALIFY row_number() OVER () = 1',
        'SELECT t.a FROM lake."dev.public".t AS t USING SAMPLE 10 PERCENT (bernoulli)',
        'SELECT t.a FROM lake."dev.public".t AS t, LATERAL (SELECT 1) AS l',
        "SELECT * FROM read_parquet('/etc/passwd') AS x",
        "SELECT * FROM '/etc/passwd' AS x",
        "SELECT 1 AS a FROM main.elsewhere AS x",
        "WITH RECURSIVE r(a) AS (SELECT 1 UNION ALL SELECT r.a FROM r) SELECT r.a FROM r",
        "SELECT now()",
        "COPY (SELECT 1) TO '/tmp/x'",
        "DROP TABLE t",
    ],
)
def test_refused(sql: str):
    with pytest.raises(UnfitError):
        written(sql)


def test_only_columns_that_are_read_matter():
    query = spark_query('SELECT t.a, t."B" FROM lake."dev.public".t AS t', TABLES, lambda name: None)
    (used,) = query.tables.values()
    assert used.columns == {"a": ("n2", "INT"), "b": ("n3", "STRING")}
    assert [kind.name for kind in query.columns] == ["INTEGER", "VARCHAR"]


def test_the_time_now_is_utcs_or_none():
    sql = "SELECT CAST(rs_instant('2024-01-02 03:04:05.5') AS DATE) AS d"
    assert "DATE" in spark_query(sql, {}, {"TimeZone": "UTC"}.get).sql
    with pytest.raises(UnfitError):
        spark_query(sql, {}, {"TimeZone": "Asia/Tokyo"}.get)


def test_what_is_too_deep_stays():
    sql = "t.a"
    for _ in range(60):
        sql = f"({sql} + 1)"
    with pytest.raises(UnfitError, match="too deep"):
        written(f'SELECT {sql} AS x FROM lake."dev.public".t AS t')
    assert written("SELECT '" + "(" * 200 + "' AS x")
