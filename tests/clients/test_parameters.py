"""Parameters as drivers write them: without blanks between, and decimals with all their digits."""

from decimal import Decimal

import psycopg
import pytest


def test_parameters_without_blanks_between(connection: psycopg.Connection) -> None:
    connection.execute("create table close_by (a integer, b varchar(5), c numeric(6,3))")
    connection.execute("insert into close_by values (%s,%s,%s),(%s,%s,%s)", (1, "x", Decimal("1.5"), 2, "$1,$2", None))
    rows = connection.execute("select a,b,c from close_by where a in (%s,%s) order by a", (1, 2)).fetchall()
    assert rows == [(1, "x", Decimal("1.500")), (2, "$1,$2", None)]


def test_dollar_quotes_are_strings(connection: psycopg.Connection) -> None:
    assert connection.execute("select $$it's$$, $tag$a $1 b$tag$").fetchone() == ("it's", "a $1 b")


@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.parametrize("binary", [False, True])
def test_decimals_keep_their_digits(connection: psycopg.Connection, *, binary: bool, prepare: bool) -> None:
    cursor = connection.cursor(binary=binary)
    for value in map(Decimal, ("12.345", "-0.05", "7", "0", "12345678901234567890.1234")):
        cursor.execute("select %s, %s + 1, coalesce(%s, 0)", (value,) * 3, prepare=prepare)
        assert cursor.fetchone() == (value, value + 1, value)


def test_decimals_are_stored_and_compared_with_their_digits(connection: psycopg.Connection) -> None:
    connection.execute("create table priced (n numeric(12,4), f double precision, i integer)")
    with connection.cursor() as cursor:
        values = [Decimal("12.345"), Decimal("0.0001"), Decimal(100), None]
        cursor.executemany("insert into priced values (%s, %s, %s)", [(value, value, index) for index, value in enumerate(values)])
    rows = connection.execute("select n, f from priced order by i").fetchall()
    assert rows == [(Decimal("12.3450"), 12.345), (Decimal("0.0001"), 0.0001), (Decimal("100.0000"), 100.0), (None, None)]
    found = connection.execute("select i from priced where n = %s or n < %s order by i", (Decimal("12.345"), Decimal("0.0002")))
    assert found.fetchall() == [(0,), (1,)]
    connection.execute("update priced set n = n * %s where i = 2", (Decimal("0.125"),))
    assert connection.execute("select n from priced where i = 2").fetchone() == (Decimal("12.5000"),)
