"""What the second engine is tested with: a table of all types that go there, queries over it, and others that stay."""

import os
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from bench import tpch

REMOTE = os.environ.get("SPARK_REMOTE", "")
"""A cluster of the same machine to test with instead of Sail, as ``sc://127.0.0.1:15002``."""
_SCALE = 0.01
TABLE = """
    CREATE TABLE scalars (n int, i2 smallint, i8 bigint, d9 decimal(9,2), d18 decimal(18,4), d38 decimal(38,10), r4 real,
        r8 double precision, c char(6), v varchar(20), b boolean, day date, ts timestamp, tz timestamptz, bytes varbyte(9))
"""
ROWS = """
    INSERT INTO scalars VALUES
    (1, -7, 9000000000, 12.34, 12345678901234.5678, 123456789012345678901234567.0123456789, 1.5, 2.25, 'ab', 'xY', true,
     '2024-02-29', '2024-02-29 13:14:15.123456', '2024-02-29 13:14:15.5+02', 'abc'),
    (2, 7, -9000000000, -0.05, -0.0001, -0.0000000001, -0.25, 1e300, 'a', 'x ', false, '1969-12-31',
     '1969-12-31 23:59:59.999999', '1969-12-31 23:59:59.999999+00', ''),
    (3, 32767, 9223372036854775807, 9999999.99, 99999999999999.9999, 0, 0, 0, '', '', NULL, '9999-12-31',
     '2000-01-01', '2000-01-01 00:00:00+00', NULL),
    (4, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'it''s', true, NULL, NULL, NULL, NULL),
    (NULL, 0, 0, 0, 0, 7, 3, -1, 'xY', NULL, NULL, '2024-01-31', '2024-01-31 00:00:00', NULL, 'é')
"""
FIT = (
    "SELECT * FROM scalars ORDER BY n",
    "SELECT * FROM scalars ORDER BY n DESC LIMIT 3 OFFSET 1",
    "SELECT n FROM scalars ORDER BY d9 DESC, v NULLS FIRST",
    "SELECT n + i2, n - i8, n * i2, i8 / n, i8 % n, -n, abs(i2), i8 * 1.5, n / 2, mod(n, 3) FROM scalars WHERE n < 3",
    "SELECT d9 + d18, d9 - d38, d9 * d9, d9 * n, d9 / 3, d9 / d9, d9 * 0.07, d9 + 1, -d9 FROM scalars WHERE n < 3",
    "SELECT round(d18, 2), trunc(d18), trunc(d18, 1), ceil(d9), floor(d9), abs(d9), d9::int, d18::decimal(18,2), n::decimal(9,3)"
    " FROM scalars WHERE n < 3",
    "SELECT r4 + r8, r8 * 2, r8 / 3, sqrt(abs(r4)), n::float8, d9::float8, r8 > 0, r4 = r8 FROM scalars WHERE n < 3",
    "SELECT sum(n), sum(i2), sum(i8 / 2), sum(d9), sum(d18), avg(n), avg(d9), avg(r8), count(*), count(v),"
    " min(v), max(day), min(ts), max(d38), max(tz) FROM scalars",
    "SELECT sum(n), count(*), max(v) FROM scalars WHERE n > 100",
    "SELECT v, count(*), sum(n) FROM scalars GROUP BY v ORDER BY v",
    "SELECT count(DISTINCT b), count(DISTINCT v), sum(DISTINCT n), min(i2) FROM scalars",
    "SELECT b, count(*) FILTER (WHERE n > 1), bool_or(n > 2), bool_and(n > 2) FROM scalars GROUP BY b HAVING count(*) > 0 ORDER BY b",
    "SELECT b, count(*) FROM scalars GROUP BY ROLLUP(b) ORDER BY 1, 2",
    "SELECT b, v, sum(n), grouping(b), grouping(v, b) FROM scalars GROUP BY CUBE(b, v) ORDER BY 4, 5, 1, 2, 3",
    "SELECT day, c, count(*) FROM scalars WHERE c = 'ab' GROUP BY GROUPING SETS ((day, c), (c), (), ()) HAVING count(*) > 0"
    " ORDER BY day DESC, c NULLS FIRST, count(*)",
    "SELECT b, v, count(*), sum(n), max(v) FROM scalars WHERE n > 100 GROUP BY ROLLUP(b, v) ORDER BY 1",
    "SELECT upper(v), n + 1, avg(d9), max(ts), min(tz) FROM scalars GROUP BY n, ROLLUP((v, d9), c) ORDER BY n, grouping(v) + grouping(c), v, c",
    "SELECT o.x, o.s, rank() OVER (ORDER BY o.s, o.x) FROM (SELECT b AS x, sum(i2) AS s FROM scalars WHERE b GROUP BY ROLLUP(b)) o ORDER BY 1, 2",
    "WITH w AS (SELECT n, b, v FROM scalars) SELECT DISTINCT b, count(DISTINCT v) FROM w GROUP BY ROLLUP(b, n) ORDER BY 1, 2 LIMIT 5",
    "SELECT o_orderpriority, o_orderstatus, count(*), sum(l_quantity) FROM lineitem JOIN orders ON l_orderkey = o_orderkey"
    " WHERE o_orderstatus = 'F' GROUP BY CUBE(o_orderpriority, o_orderstatus) ORDER BY 1, 2, 3",
    "SELECT n FROM scalars WHERE n < (SELECT max(q.k) FROM (SELECT count(*) AS k FROM scalars t GROUP BY ROLLUP(t.b)) q) ORDER BY 1",
    "SELECT DISTINCT v, c FROM scalars ORDER BY 1, 2",
    "SELECT DISTINCT b FROM scalars ORDER BY 1 DESC",
    "SELECT n FROM scalars WHERE v = 'x' OR c = 'ab   ' OR v = 'it''s' ORDER BY n",
    "SELECT n, c = v, c < v, c || '|' || v, c || 'x', v || NULL FROM scalars ORDER BY n",
    "SELECT n FROM scalars WHERE v LIKE 'x%' ORDER BY 1",
    "SELECT n FROM scalars WHERE v LIKE '%\\\\_%' OR v ILIKE 'XY' OR v NOT LIKE 'x_' ORDER BY 1",
    "SELECT upper(v), lower(v), length(v), len(c), substring(v, 2, 1), left(v, 1), right(v, 1), rtrim(c), btrim(v, 'x'),"
    " replace(v, 'x', 'zz'), position('Y' in v), strpos(v, 's'), octet_length(v) FROM scalars ORDER BY n",
    "SELECT n, coalesce(v, c, '?'), nvl(n, 0), nullif(n, 2), greatest(n, i2), least(n, 3), decode(n, 1, 'one', 2, 'two', 'more'),"
    " CASE WHEN n IS NULL THEN 'none' WHEN b THEN 'true' ELSE v END, nvl2(v, 1, 0) FROM scalars ORDER BY n",
    "SELECT n, b AND n > 1, b OR n IS NULL, NOT b, b IS TRUE, b IS NOT FALSE, n BETWEEN 1 AND 2, n IN (1, NULL, 3), n NOT IN (1, 2)"
    " FROM scalars ORDER BY n",
    "SELECT day + 1, day - 1, day - date '2000-01-01', extract(year from day), date_part(month, ts), extract(dow from day),"
    " extract(hour from ts), date_part(quarter, day), date_trunc('month', ts), date_trunc('week', ts), last_day(day)"
    " FROM scalars WHERE n < 3 OR n IS NULL ORDER BY n",
    "SELECT dateadd(month, 1, day), dateadd(day, -3, ts), ts + interval '2 days', day - interval '1 month',"
    " datediff(day, day, ts), datediff(month, day, date '2024-07-01'), datediff(year, ts, day), ts::date, day::timestamp"
    " FROM scalars WHERE n < 3 OR n IS NULL ORDER BY n",
    "SELECT n FROM scalars WHERE ts > '2000-01-01' AND day < date '2025-01-01' AND tz >= '1969-01-01 00:00:00+00' ORDER BY 1",
    "SELECT n::varchar, i8::varchar, d9::varchar, day::varchar FROM scalars ORDER BY n",
    "SELECT s.n, t.v FROM scalars s LEFT JOIN scalars t ON s.n = t.i2 - 6 ORDER BY 1, 2",
    "SELECT count(*) FROM scalars s JOIN scalars t USING (b)",
    "SELECT s.n, t.n FROM scalars s FULL JOIN (SELECT n, i2 FROM scalars WHERE n > 2) t ON s.n = t.n ORDER BY 1, 2",
    "SELECT a.n, b.n FROM scalars a CROSS JOIN scalars b WHERE a.n < b.n ORDER BY 1, 2",
    "SELECT n FROM scalars s WHERE EXISTS (SELECT 1 FROM scalars t WHERE t.n = s.n + 1) ORDER BY 1",
    "SELECT n FROM scalars WHERE n NOT IN (SELECT n FROM scalars WHERE n < 3)",
    "SELECT n, (SELECT max(t.n) FROM scalars t WHERE t.b = s.b) FROM scalars s ORDER BY 1",
    "SELECT n FROM scalars WHERE n > (SELECT avg(n) FROM scalars) ORDER BY 1",
    "WITH a AS (SELECT n, v FROM scalars WHERE n > 1), b(k) AS (SELECT n FROM a) SELECT * FROM a JOIN b ON a.n = b.k ORDER BY 1",
    "SELECT n FROM scalars UNION SELECT i2 FROM scalars ORDER BY 1",
    "SELECT n FROM scalars UNION ALL SELECT d9 FROM scalars ORDER BY 1",
    "SELECT n FROM scalars INTERSECT SELECT i2 - 6 FROM scalars ORDER BY 1",
    "SELECT n FROM scalars EXCEPT SELECT 2 ORDER BY 1",
    "SELECT n, row_number() OVER (ORDER BY n), rank() OVER (PARTITION BY b ORDER BY i2 DESC), lag(n) OVER (ORDER BY n),"
    " lead(v, 2) OVER (ORDER BY n), sum(d9) OVER (PARTITION BY b ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW),"
    " max(n) OVER (), first_value(n) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING),"
    " dense_rank() OVER (ORDER BY b), count(*) OVER (PARTITION BY b) FROM scalars ORDER BY n",
    # What a condition or a constant fixes on one side only must sort as all else.
    "SELECT n, i2 FROM scalars WHERE n = 1 UNION ALL SELECT n, i2 FROM scalars WHERE n = 3 ORDER BY 1 DESC, 2",
    "SELECT 2 AS x, n FROM scalars UNION ALL SELECT 1, n FROM scalars ORDER BY 1, 2",
    "SELECT b, count(*) FROM scalars WHERE b GROUP BY b HAVING count(*) > 0 ORDER BY 1",
    "SELECT n, rank() OVER (ORDER BY b) FROM scalars WHERE b = true ORDER BY 2, 1",
    "SELECT (SELECT n FROM scalars WHERE v = 'xY'), n FROM scalars ORDER BY 2",
    "SELECT current_user, n FROM scalars WHERE day < getdate() AND ts < sysdate ORDER BY 2",
    "SELECT 'quote '' and \\\\ back', 1, 1.50, true, NULL, date '2024-01-01' FROM scalars LIMIT 1",
)
UNFIT = (
    ("SELECT upper(v) || 'é' FROM accents", "could not run"),
    ("SELECT upper(v) FROM accents", "could not run"),
    ("SELECT sum(d38) FROM scalars", "could not run"),
    ("SELECT listagg(v, ',') WITHIN GROUP (ORDER BY v) FROM scalars", "listagg"),
    ("SELECT to_char(day, 'YYYY') FROM scalars WHERE n = 1", "alike"),
    ("SELECT tz::date FROM scalars WHERE n = 1", "TIMESTAMPTZ"),
    ("SELECT r4 = 1.5 FROM scalars WHERE n = 1", "REAL"),
    ("SELECT r8::int FROM scalars WHERE n = 1", "DOUBLE"),
    ("SELECT b, rank() OVER (ORDER BY count(*), b) FROM scalars GROUP BY ROLLUP(b) ORDER BY 1, 2", "grouping sets"),
    ("SELECT s.n, t.one FROM scalars s LEFT JOIN (SELECT n, 1 AS one FROM scalars WHERE n > 2) t ON s.n = t.n ORDER BY 2, 1", "outer join"),
    ("SELECT t.n, s.n FROM (SELECT n FROM scalars WHERE n = 2) t RIGHT JOIN scalars s ON s.n = t.n ORDER BY 1, 2", "outer join"),
    ("SELECT t.n, s.n FROM (SELECT n FROM scalars WHERE n = 2) t FULL JOIN scalars s ON s.n = t.n ORDER BY 1 DESC, 2 DESC", "outer join"),
    ("SELECT stddev_samp(n) FROM scalars", "stddev_samp"),
)


class Notices(list[str]):
    """What a connection was told."""

    def __call__(self, diagnostic: psycopg.errors.Diagnostic) -> None:
        self.append(diagnostic.message_primary or "")


def load_tpch(connection: psycopg.Connection[Any], folder: Path) -> None:
    """Make TPC-H's tables and fill them by way of files in *folder*."""
    raw = duckdb.connect(config={"extension_directory": str(folder / "extensions")})
    extensions = pytest.importorskip("duckdb_extensions")
    extensions.import_extension("tpch", con=raw)
    raw.execute(f"LOAD tpch; CALL dbgen(sf={_SCALE})")
    for table, definition in tpch.TABLES.items():
        file = folder / f"{table}.parquet"
        raw.execute(f"COPY {table} TO '{file}' (FORMAT parquet)")
        connection.execute(f"CREATE TABLE {table} ({definition})")
        connection.execute(f"COPY {table} FROM 'file://{file}' FORMAT AS PARQUET")
    raw.close()
