"""Select items that name other items: written out or computed in a query below, they mean the same."""

import random

import duckdb
import pytest

from core.errors import SqlError
from sql import laterals
from sql.translate import Translated, translate
from tests.support.warehouse import Warehouse, engine

_CASES = (
    "SELECT qty + 1 AS a, a * 2 AS b, b + a AS c, c FROM sales WHERE c > 30",
    "SELECT qty AS a, a + salesid AS b, b || buyerid AS c, upper(c) AS d, d || c AS e FROM sales ORDER BY e DESC, b",
    "SELECT *, price * qty AS worth, worth / 2 AS half, half + worth AS both FROM sales ORDER BY both LIMIT 2",
    "SELECT DISTINCT sellerid + 0 AS a, a % 2 AS b, b + a AS c FROM sales",
    "SELECT row_number() OVER (ORDER BY qty DESC) AS r, r + 1 AS s, s * r AS t FROM sales QUALIFY t < 7",
    "SELECT s.qty + e.id AS a, a + 1 AS b, (SELECT max(m.id) FROM emp m WHERE m.id < a) AS c, c + b AS d"
    " FROM sales s JOIN emp e ON e.id = s.sellerid WHERE s.qty IN (SELECT qty FROM sales)",
    "SELECT e.name || 'x' AS a, m.name || a AS b, b || a AS c FROM emp e LEFT JOIN emp m ON m.id = e.manager_id WHERE b LIKE '%x%' OR b IS NULL",
    "SELECT id + 1 AS a, a + 1 AS a, a AS b, b + id AS c FROM emp",
    "SELECT id AS name, name || 'q' AS a, a || name AS b FROM emp",
    "SELECT id, a.salesid + id AS x, x + x AS y, y + x AS z FROM emp JOIN (SELECT sellerid AS id, salesid FROM sales) a USING (id)",
    "SELECT o.s.a.b AS v, v AS w, i.n AS n, n AS o, (v + 1) AS u, u + u AS t FROM sup o, o.s.items i",
    "SELECT code AS a, a || note AS b, b || a AS c, note AS d, d || '|' AS e FROM codes",
    "SELECT count(*) FROM (SELECT qty + 1 AS a, a + a AS b, b + b AS c FROM sales) q WHERE q.c > 100",
    "SELECT qty + 1 AS a, a + a AS b, b + a AS c FROM sales UNION ALL SELECT id + 1 AS a, a, a + a AS c FROM emp",
    "SELECT NULL AS a, a AS b, coalesce(b, 1) AS c, c + 1 AS d, 'x' AS e, e || e AS f FROM emp",
    "WITH q AS (SELECT id * 2 AS a, a * 2 AS b, a + b AS c FROM emp) SELECT b + 1 AS d, d + c AS e, e + d AS f FROM q",
    "SELECT sum(qty) AS a, a + 1 AS b, b + a AS c FROM sales GROUP BY sellerid ORDER BY c",
    "SELECT 1 AS a, a + 1 AS b, b + a AS c",
    "SELECT sellerid AS k, sum(qty) AS a, a + count(*) AS b, b + a + k AS c FROM sales GROUP BY 1 HAVING a > 1 AND count(*) > 0 ORDER BY c, max(price)",
    "SELECT sum(qty) AS a, a + 1 AS b, b + a AS c, avg(price), min(price) FROM sales",
    "SELECT s.sellerid % 2, s.sellerid % 2 + 1 AS a, a + sum(s.qty) AS b, b * a AS c, rank() OVER (ORDER BY c DESC) AS r"
    " FROM sales s GROUP BY s.sellerid % 2 ORDER BY r LIMIT 3",
    "SELECT buyerid, listagg(d, ',') WITHIN GROUP (ORDER BY d) AS a, a || buyerid AS b, b || a AS c FROM sales GROUP BY buyerid",
    "SELECT qty + 1 AS k, k + sum(salesid) AS a, a + k AS b, b + a AS c FROM sales GROUP BY k",
    'SELECT count(*) AS g1, sum(qty) AS g0, g0 + g1 AS a, a + g0 AS b, b + a AS "rs:0" FROM sales GROUP BY sellerid',
    "SELECT DISTINCT count(*) AS a, a + 1 AS b, a + b AS c FROM sales GROUP BY sellerid",
    "SELECT sellerid, sum(qty) AS a, sum(a) OVER () AS b, a + b AS c FROM sales GROUP BY sellerid QUALIFY row_number() OVER (ORDER BY a) = 1",
    "SELECT sellerid, (SELECT max(id) FROM emp WHERE id <= sellerid) AS a, a + count(*) AS b, b + a AS c FROM sales GROUP BY sellerid",
)


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return engine()


def _answer(translated: Translated, connection: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    rows = connection.execute(translated.engine_sql).fetchall()
    columns = [(column.name, column.type, column.table_oid, column.attribute) for column in translated.columns]
    return columns, sorted(map(repr, rows))


def _both(text: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Translated, Translated]:
    monkeypatch.setattr(laterals, "LONG", 10**9)
    plain = translate(text, Warehouse())
    monkeypatch.setattr(laterals, "LONG", 0)
    return plain, translate(text, Warehouse())


@pytest.mark.parametrize("text", _CASES)
def test_the_same_answer(text: str, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    plain, layered = _both(text, monkeypatch)
    assert _answer(layered, connection) == _answer(plain, connection)
    assert layered.uses == plain.uses


def test_layers_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, layered = _both("SELECT qty + 1 AS a, a + a AS b, b + b AS c FROM sales", monkeypatch)
    assert "l_1" not in plain.engine_sql
    assert layered.engine_sql == (
        'SELECT "l_1_2"."a0" AS "a", "l_1_2"."a1" AS "b", ("l_1_2"."a1" + "l_1_2"."a1") AS "c" FROM '
        '(SELECT "l_1_1"."a0" AS "a0", ("l_1_1"."a0" + "l_1_1"."a0") AS "a1" FROM '
        '(SELECT ("sales"."qty" + 1) AS "a0" FROM main."sales" AS "sales") AS "l_1_1") AS "l_1_2"'
    )


@pytest.mark.parametrize("seed", range(40))
def test_generated(seed: int, connection: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = random.Random(seed)
    names = ["qty", "salesid", "sellerid"]
    items = []
    for number in range(chosen.randint(3, 8)):
        left, right = chosen.choice(names), chosen.choice(names)
        shape = chosen.choice(
            ("{0} + {1}", "{0} * 2 - {1}", "CASE WHEN {0} > {1} THEN {0} ELSE 1 END", "nullif({0}, {1})",
             "sum({0}) OVER (PARTITION BY {1})", "(SELECT max(id) FROM emp WHERE id < {0}) + {1}")
        )  # fmt: skip
        if any(f"x{index}" in (left, right) for index in range(number)):
            shape = "{0} - {1}" if "OVER" in shape or ("SELECT" in shape and " OVER " in " ".join(items)) else shape
        items.append(f"{shape.format(left, right)} AS x{number}")
        names.append(f"x{number}")
    where = chosen.choice(("", " WHERE x0 > 1", " WHERE qty > 10"))
    text = f"SELECT {', '.join(items)} FROM sales{where if 'OVER' not in items[0] else ''} ORDER BY {chosen.choice(names)}"
    plain, layered = _both(text, monkeypatch)
    assert _answer(layered, connection) == _answer(plain, connection)


@pytest.mark.parametrize("step", ["a{} + a{}", "(a{} + a{}) % 1000", "CASE WHEN a{} > 3 THEN a{} - 1 ELSE 5 END"])
def test_long_chains_grow_by_layers(step: str) -> None:
    items = ", ".join(f"{step.format(number - 1, number - 1)} AS a{number}" for number in range(1, 100))
    assert len(translate(f"SELECT qty % 2 AS a0, {items} FROM sales", Warehouse()).engine_sql) < 60_000


@pytest.mark.parametrize("start", ["sum(qty)", "max(salesid) + count(*)"])
def test_chains_over_groups_too(start: str) -> None:
    items = ", ".join(f"(a{number - 1} + a{number - 1}) % 1000 AS a{number}" for number in range(1, 100))
    text = f"SELECT sellerid AS k, {start} AS a0, {items} FROM sales GROUP BY k ORDER BY a99"
    assert len(translate(text, Warehouse()).engine_sql) < 60_000


def test_errors_are_those_of_the_text() -> None:
    long = " || ".join(["buyerid"] * 50)
    for text, state in (
        (f"SELECT {long} AS a, a || a AS b, c AS d FROM sales", "42703"),
        (f"SELECT {long} AS a, a || a AS b, sum(qty) FROM sales", "42803"),
        (f"SELECT {long} AS a, a + 1 + a + '2008-01-01'::date * 2 AS b FROM sales", "42883"),
    ):
        with pytest.raises(SqlError) as raised:
            translate(text, Warehouse())
        assert raised.value.state == state


