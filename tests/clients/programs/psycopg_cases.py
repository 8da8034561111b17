"""psycopg 3 as it was: what its newest version is tested with at greater length (test_psycopg.py)."""

import datetime as dt
import decimal
import os

import cases
import psycopg
from cases import raises

SCHEMA = os.environ["CASE_SCHEMA"]
DSN = f"host={cases.HOST} port={cases.PORT} user={cases.USER} password={cases.PASSWORD} dbname={cases.DATABASE}"
CONNECTION = psycopg.connect(DSN, autocommit=True, application_name=f"listed_{SCHEMA}")
CONNECTION.execute(f"create schema {SCHEMA}")
CONNECTION.execute(f"set search_path to {SCHEMA}")


def case_is_listed():
    cases.listed(CONNECTION.execute(cases.LISTED).fetchall(), f"listed_{SCHEMA}")


def case_parameters_in_text_and_binary():
    values = (1, 2**40, 1.5, decimal.Decimal("12.345"), "it's \\n", dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3), None, True)
    text = "select %s::int, %s::bigint, %s::float8, %s::numeric(8,3), %s::varchar, %s::date, %s::timestamp, %s::int, %s::boolean"
    for binary in (False, True):
        assert CONNECTION.cursor(binary=binary).execute(text, values).fetchone() == values
        assert CONNECTION.cursor(binary=binary).execute(text.replace("%s", "%b"), values).fetchone() == values


def case_prepared_after_five_runs():
    for n in range(12):
        assert CONNECTION.execute("select %s::int + 1", (n,)).fetchone() == (n + 1,)


def case_pipelines():
    with CONNECTION.pipeline():
        found = [CONNECTION.execute("select %s::int", (n,)) for n in range(20)]
    assert [one.fetchone()[0] for one in found] == list(range(20))


def case_server_side_cursors():
    with psycopg.connect(DSN) as made, made.cursor("portion") as cursor:
        cursor.execute("select n from generate_series(1, 1000) as g(n) order by n")
        assert [row[0] for row in cursor.fetchmany(3)] == [1, 2, 3]
        assert sum(row[0] for row in cursor) == 500500 - 6


def case_copy_both_ways():
    CONNECTION.execute("create table copied (n int, name varchar(20))")
    with CONNECTION.cursor() as cursor:
        with cursor.copy("copy copied from stdin") as stream:
            stream.write_row((1, "a\tb"))
            stream.write_row((2, None))
        with cursor.copy("copy (select * from copied order by n) to stdout") as stream:
            stream.set_types(["int4", "varchar"])
            assert list(stream.rows()) == [(1, "a\tb"), (2, None)]


def case_errors_and_transactions():
    raises(psycopg.errors.UndefinedTable, CONNECTION.execute, "select * from nowhere")
    CONNECTION.execute("create table moved (a int)")
    try:
        with CONNECTION.transaction():
            CONNECTION.execute("insert into moved values (1)")
            CONNECTION.execute("select 1/0")
    except psycopg.errors.DivisionByZero:
        pass
    assert CONNECTION.execute("select count(*) from moved").fetchone() == (0,)


if __name__ == "__main__":
    cases.run(globals())
