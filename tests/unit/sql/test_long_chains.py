"""Long chains of operators: translated without going deep, and written so that the engine keeps its time."""

import time

import duckdb
import pytest

from sql.translate import translate
from tests.support.warehouse import Warehouse, engine


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    return engine()


_CHAINS = (
    ("qty" + "".join(f" + {number}" for number in range(400)), 10 + sum(range(400))),
    ("(qty" + " - 1" * 300 + ")", 10 - 300),
    ("qty" + " * 1" * 300 + " + qty" * 100, 10 + 1000),
    ("1" + "".join(f" + {number}" for number in range(900)), 1 + sum(range(900))),
    ("buyerid" + "".join(f" || '{number}'" for number in range(3000)), "a" + "".join(map(str, range(3000)))),
    ("'x' || (buyerid" + " || buyerid" * 500 + ") || 'y'", "x" + "a" * 501 + "y"),
    ("CASE WHEN " + " AND ".join(f"qty <> {number + 100}" for number in range(3000)) + " THEN 1 END", 1),
    ("CASE WHEN " + " OR ".join(f"(qty = {number} AND buyerid = 'a')" for number in range(300)) + " THEN 1 END", 1),
    ("CASE " + " ".join(f"WHEN qty = {number} THEN {number * 2}" for number in range(2000)) + " END", 20),
    ("json_extract_path_text(" * 12 + "'" + '{"a":' * 12 + "1" + "}" * 12 + "'" + ", 'a')" * 12, "1"),
    ("sqrt(1 + 1 / " * 30 + "(qty::float8 / 10)" + ")" * 30, pytest.approx(1.3247179572447)),
)


@pytest.mark.parametrize(("text", "value"), _CHAINS, ids=range(len(_CHAINS)))
def test_value(text: str, value: object, connection: duckdb.DuckDBPyConnection) -> None:
    began = time.process_time()
    translated = translate(f"SELECT {text} FROM sales WHERE salesid = 1", Warehouse())
    assert connection.execute(translated.engine_sql).fetchall() == [(value,)]
    # Of the processor's time, which others on the machine take none of: where each operator doubles the work, minutes.
    assert time.process_time() - began < 10


def test_alternatives_keep_null(connection: duckdb.DuckDBPyConnection) -> None:
    many = " OR ".join(f"(manager_id = {number} AND name = 'x')" for number in range(30))
    found = connection.execute(translate(f"SELECT id, ({many}) FROM emp ORDER BY id", Warehouse()).engine_sql).fetchall()
    # NULL AND FALSE is FALSE: the first one has no manager, and no such name.
    assert found == [(1, False), (2, False), (3, False), (4, False)]
    many = " OR ".join(f"(manager_id = {number} AND name = 'A')" for number in range(30))
    assert connection.execute(translate(f"SELECT ({many}) FROM emp WHERE id = 1", Warehouse()).engine_sql).fetchall() == [(None,)]


def test_a_long_sum_that_overflows_still_does(connection: duckdb.DuckDBPyConnection) -> None:
    text = "2147483000" + " + 10" * 100
    with pytest.raises(duckdb.OutOfRangeException):
        connection.execute(translate(f"SELECT {text} FROM sales", Warehouse()).engine_sql).fetchall()
