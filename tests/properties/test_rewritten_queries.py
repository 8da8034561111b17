"""Generated queries answer the same whether or not they may read materialized views in place of tables."""

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

_QUERIES = 80
_SETUP = (
    "CREATE TABLE aq_shop (shop int, city varchar(12), size int)",
    "CREATE TABLE aq_sold (id int, shop int, region varchar(8), code char(4), d date, qty int, price decimal(8,2),"
    " big bigint, at timestamptz, s super)",
    "CREATE TABLE aq_goal (region varchar(8), wanted int)",
    "INSERT INTO aq_shop VALUES (1, 'Rome', 10), (2, 'Oslo ', 20), (3, NULL, 30), (4, 'Rome ', NULL), (5, 'Bonn', 5)",
    "INSERT INTO aq_goal VALUES ('east', 5), ('west', 7), ('west', 8), (NULL, 1)",
    "INSERT INTO aq_sold SELECT i, CASE WHEN i % 11 = 0 THEN NULL ELSE i % 6 END,"
    " CASE i % 5 WHEN 0 THEN 'east' WHEN 1 THEN 'west' WHEN 2 THEN 'west ' WHEN 3 THEN NULL ELSE '' END,"
    " CASE i % 3 WHEN 0 THEN 'ab' WHEN 1 THEN 'b' END, DATEADD(day, i % 70, '2024-01-01')::date,"
    " CASE WHEN i % 7 = 0 THEN NULL ELSE i % 9 - 3 END, (i % 13) * 1.37, i * 1000000007::bigint,"
    " DATEADD(hour, i, '2024-01-01')::timestamptz, JSON_PARSE('{\"k\":' || (i % 4) || '}') FROM generate_series(1, 300) g(i)",
    "CREATE MATERIALIZED VIEW aq_plain AS SELECT id, shop, region, d, qty, price, qty + shop AS both FROM aq_sold"
    " WHERE qty > 0",
    "CREATE MATERIALIZED VIEW aq_joined AS SELECT f.id, f.qty, f.region, f.big, s.shop, s.city, f.code, f.s"
    " FROM aq_sold f JOIN aq_shop s ON f.shop = s.shop",
    "CREATE MATERIALIZED VIEW aq_days (region, d, sold, n, known, low, high, worth) AS SELECT region, d, sum(qty),"
    " count(*), count(qty), min(price), max(price), sum(price) FROM aq_sold GROUP BY 1, 2",
    "CREATE MATERIALIZED VIEW aq_months AS SELECT date_trunc('month', d) AS m, shop, code, sum(big) AS big,"
    " count(1) AS n, max(region) AS r, sum(qty * price) AS turnover FROM aq_sold GROUP BY date_trunc('month', d), 2, 3",
    "CREATE MATERIALIZED VIEW aq_cities AS SELECT s.city, f.region, s.size, count(*) AS n, sum(f.qty) AS qty,"
    " count(f.qty) AS k, min(f.at) AS first FROM aq_sold f, aq_shop s WHERE s.shop = f.shop AND f.qty > 0"
    " GROUP BY s.city, f.region, s.size",
    "CREATE MATERIALIZED VIEW aq_all AS SELECT count(*), sum(qty), max(d) FROM aq_sold",
    "CREATE VIEW aq_view AS SELECT region, d, qty, price, shop, code, big FROM aq_sold WHERE d > '2024-01-10'",
)
_FROM = (
    "aq_sold f", "aq_sold f", "aq_sold f", "aq_sold f JOIN aq_shop s ON f.shop = s.shop",
    "aq_shop s, aq_sold f", "aq_shop s JOIN aq_sold f USING (shop)", "aq_sold f JOIN aq_goal g ON g.region = f.region",
    "aq_sold f JOIN aq_shop s ON s.shop = f.shop JOIN aq_goal g ON f.region = g.region", "aq_view f",
    "aq_sold f LEFT JOIN aq_shop s ON f.shop = s.shop", "(SELECT * FROM aq_sold WHERE qty > 0) f",
    "aq_sold f, (SELECT region, max(wanted) AS wanted FROM aq_goal GROUP BY 1) g",
)  # fmt: skip
_KEYS = ("f.region", "f.d", "f.shop", "date_trunc('month', f.d)", "f.code", "upper(f.region)", "f.qty + f.shop", "f.qty")
_SHOP_KEYS = ("s.city", "s.size", "s.shop")
_CONDITIONS = (
    "f.qty > 0", "0 < f.qty", "f.region = 'west'", "f.region IN ('east', 'west ')", "f.d > '2024-02-01'",
    "f.d BETWEEN '2024-01-05' AND '2024-02-20'", "f.region IS NULL", "f.qty + f.shop > 4", "f.code = 'b'",
    "date_trunc('month', f.d) = '2024-02-01'", "len(f.region) = 4", "f.shop IN (SELECT shop FROM aq_shop WHERE size > 5)",
    "f.price > 3.5 OR f.region = 'east'", "f.region LIKE 'w%%'", "f.qty > 2", "f.shop = 2", "f.region <> 'east'",
)  # fmt: skip
_TOTALS = (
    "count(*)", "sum(f.qty)", "count(f.qty)", "avg(f.qty)", "min(f.price)", "max(f.price)", "sum(f.price)",
    "avg(f.price)", "sum(f.big)", "max(f.region)", "count(DISTINCT f.region)", "max(f.d)", "sum(f.qty * f.price)",
    "sum(f.qty) * 1.0 / nullif(count(*), 0)", "count(1)", "count(DISTINCT f.d)", "sum(f.shop)", "stddev(f.qty)",
    "min(f.at)", "max(f.d) - min(f.d)", "sum(sum(f.qty)) OVER ()", "rank() OVER (ORDER BY count(*) DESC)",
)  # fmt: skip


_PROFILES = (
    ("aq_sold f", ("f.region", "f.d", "date_trunc('week', f.d)"), ("f.d > '2024-02-01'", "f.region = 'west'"), _TOTALS[:8]),
    ("aq_sold f JOIN aq_goal g ON g.region = f.region", ("g.wanted", "f.d"), ("g.wanted > 5",), _TOTALS[:6]),
    ("aq_sold f", ("date_trunc('month', f.d)", "f.shop", "f.code"), ("f.code = 'b'", "f.shop > 1"),
     ("count(*)", "sum(f.big)", "max(f.region)", "sum(f.qty * f.price)")),
    ("aq_shop s JOIN aq_sold f USING (shop)", ("s.city", "f.region", "s.size"), ("f.qty > 0", "s.size > 9"),
     ("count(*)", "sum(f.qty)", "avg(f.qty)", "min(f.at)")),
    ("aq_sold f", (), (), ("count(*)", "sum(f.qty)", "max(f.d)", "sum(f.qty) / count(*)")),
)  # fmt: skip
"""What each of the views that group can answer: FROM, keys, conditions, aggregates."""


class _Generator:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def query(self) -> tuple[str, list[str]]:
        """Return a query and its parameters."""
        if self._random.random() < 0.4:
            return self._profiled(), []
        pick, chance = self._random.choice, self._random.random
        source = pick(_FROM)
        keys = list(_KEYS) + (list(_SHOP_KEYS) if " s " in f"{source} " and "f" in source else [])
        if "aq_shop s" not in source:
            keys = list(_KEYS)
        conditions = list(dict.fromkeys(pick(_CONDITIONS) for _ in range(self._random.choice((0, 0, 1, 1, 2, 3)))))
        if source == "aq_shop s, aq_sold f":
            conditions.append("s.shop = f.shop")
        if ", (SELECT" in source:
            conditions.append("g.region = f.region")
        parameters = []
        if chance() < 0.15:
            conditions.append("f.region = %s")
            parameters.append(pick(("west", "east")))
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        text = self._grouped(keys) if chance() < 0.75 else self._plain(keys)
        text = text.format(read=f"FROM {source}{where}")
        if chance() < 0.15:
            text = f"WITH q AS ({text}) SELECT * FROM q"
        elif chance() < 0.1:
            text = f"SELECT count(*) FROM ({text}) q"
        return text, parameters

    def _profiled(self) -> str:
        source, keys, asked, totals = self._random.choice(_PROFILES)
        conditions = [item for item in asked if self._random.random() < 0.6]
        if "f.qty > 0" in asked:
            conditions.append("f.qty > 0")
        where = f" WHERE {' AND '.join(dict.fromkeys(conditions))}" if conditions else ""
        return self._grouped(list(keys), totals).format(read=f"FROM {source}{where}")

    def _grouped(self, keys: list[str], totals: tuple[str, ...] = _TOTALS) -> str:
        by = self._random.sample(keys, min(len(keys), self._random.choice((0, 1, 1, 2, 2, 3))))
        totals = tuple(self._random.sample(totals, self._random.choice((1, 2, 3))))
        named = [f"{item} AS c{place}" for place, item in enumerate([*by, *totals])]
        text = f"SELECT {', '.join(named)} {{read}}"
        if by:
            styles = ", ".join(by), ", ".join(str(place + 1) for place in range(len(by))), f"ROLLUP ({', '.join(by)})"
            text += f" GROUP BY {self._random.choice((*styles[:2], *styles))}"
        if self._random.random() < 0.2:
            text += f" HAVING {self._random.choice(('count(*) > 3', 'sum(f.qty) > 5', 'max(f.price) > 10'))}"
        return text

    def _plain(self, keys: list[str]) -> str:
        items = self._random.sample([*keys, "f.price", "f.qty * 2"], self._random.choice((1, 2, 3, 4)))
        return f"SELECT {', '.join(f'{item} AS c{place}' for place, item in enumerate(items))} {{read}}"


@pytest.fixture(scope="module")
def warehouse(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("SET enable_result_cache_for_session TO off")
        for statement in _SETUP:
            connection.execute(statement)
        yield connection
        connection.execute("DROP TABLE aq_shop, aq_sold, aq_goal CASCADE")


def _answer(connection: psycopg.Connection, text: str, parameters: list[str]) -> Any:
    try:
        cursor = connection.execute(text, parameters)
    except psycopg.Error as error:
        return error.sqlstate, str(error)
    columns = [(item.name, item.type_code, item.type_display) for item in cursor.description or ()]
    rows = [tuple(value.rstrip(" ") if isinstance(value, str) else value for value in row) for row in cursor]
    return columns, sorted(map(repr, rows))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_answers_are_the_same(warehouse: psycopg.Connection, seed: int) -> None:
    generator, rewritten = _Generator(seed), 0
    for _ in range(_QUERIES):
        text, parameters = generator.query()
        warehouse.execute("SET mv_enable_aqmv_for_session TO off")
        plain = _answer(warehouse, text, parameters)
        warehouse.execute("SET mv_enable_aqmv_for_session TO on")
        assert _answer(warehouse, text, parameters) == plain, text
        if not parameters and isinstance(plain[0], list):
            plan = warehouse.execute(f"EXPLAIN {text}", ()).fetchall()
            rewritten += any("mv_tbl__aq_" in line for (line,) in plan)
    assert rewritten > _QUERIES // 4
