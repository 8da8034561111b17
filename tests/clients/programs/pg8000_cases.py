"""pg8000 in its newest and in an older version: the DB-API and its native interface, everything in text."""

import datetime as dt
import decimal
import io
import os
import ssl

import cases
import pg8000.dbapi
import pg8000.native
from cases import raises

SCHEMA = os.environ["CASE_SCHEMA"]
GIVEN = {"host": cases.HOST, "port": cases.PORT, "user": cases.USER, "password": cases.PASSWORD, "database": cases.DATABASE}
NATIVE = pg8000.native.Connection(**GIVEN, application_name=f"listed_{SCHEMA}")
NATIVE.run(f"create schema {SCHEMA}")
NATIVE.run(f"set search_path to {SCHEMA}")


def case_is_listed():
    rows = NATIVE.run(cases.LISTED)
    # Newer versions encrypt where they can.
    cases.listed(rows, f"listed_{SCHEMA}", tls=rows[0][7])


def case_parameters_of_every_type():
    values = {
        "a": True, "b": 1, "c": 2**40, "d": 1.5, "e": decimal.Decimal("12.345"), "f": "it's \\n", "g": dt.date(2024, 2, 29),
        "h": dt.time(1, 2, 3), "i": dt.datetime(2024, 2, 29, 1, 2, 3), "k": dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.UTC), "l": None,
    }
    found = NATIVE.run(
        "select :a::boolean, :b::int, :c::bigint, :d::float8, :e::numeric(8,3), :f::varchar, :g::date, :h::time,"
        " :i::timestamp, :k::timestamptz, :l::int", **values
    )
    assert found == [list(values.values())], found


def case_columns_are_described():
    NATIVE.run("select 1::int2 as a, 'x'::varchar(7) as b")
    assert [(column["name"], column["type_oid"]) for column in NATIVE.columns] == [("a", 21), ("b", 1043)]


def case_prepared_statements():
    prepared = NATIVE.prepare("select :n::int * 2 as twice")
    assert [prepared.run(n=n) for n in range(8)] == [[[n * 2]] for n in range(8)]
    prepared.close()


def case_copy_both_ways():
    NATIVE.run("create table copied (n int, name varchar(20))")
    NATIVE.run("copy copied from stdin csv", stream=io.BytesIO(b'1,"a, b"\n2,\n'))
    out = io.BytesIO()
    NATIVE.run("copy (select * from copied order by n) to stdout csv", stream=out)
    assert out.getvalue() == b'1,"a, b"\n2,\n', out.getvalue()


def case_tls():
    context = ssl.create_default_context(cafile=cases.CERTIFICATE)
    context.check_hostname = False
    made = pg8000.native.Connection(**GIVEN, ssl_context=context)
    assert made.run("select 1") == [[1]]
    made.close()


def case_errors_carry_their_fields():
    error = raises(pg8000.native.DatabaseError, NATIVE.run, "select * from nowhere")
    assert error.args[0]["C"] == "42P01", error
    assert NATIVE.run("select 1") == [[1]]


def case_transactions_of_the_dbapi():
    made = pg8000.dbapi.connect(**GIVEN)
    cursor = made.cursor()
    cursor.execute(f"create table {SCHEMA}.kept (a int, b varchar(9))")
    made.commit()
    cursor.execute(f"insert into {SCHEMA}.kept values (%s, %s)", (1, "a"))
    made.rollback()
    cursor.executemany(f"insert into {SCHEMA}.kept values (%s, %s)", [(n, "x") for n in range(5)])
    made.commit()
    cursor.execute(f"select count(*), sum(a) from {SCHEMA}.kept")
    assert tuple(cursor.fetchone()) == (5, 10)
    assert cursor.rowcount == 1
    cursor.execute(f"select a from {SCHEMA}.kept order by a")
    assert [row[0] for row in cursor.fetchmany(2)] == [0, 1]
    made.close()


def case_autocommit():
    made = pg8000.dbapi.connect(**GIVEN)
    made.autocommit = True
    cursor = made.cursor()
    cursor.execute(f"create table {SCHEMA}.at_once (a int)")
    assert NATIVE.run("select count(*) from at_once") == [[0]]
    made.close()


def case_notices():
    NATIVE.run("drop table if exists never_there")
    assert any(b"never_there" in notice[b"M"] for notice in NATIVE.notices), NATIVE.notices


def case_settings_are_told():
    told = {name.decode() if isinstance(name, bytes) else name for name, *_ in
            (NATIVE.parameter_statuses.items() if hasattr(NATIVE.parameter_statuses, "items") else NATIVE.parameter_statuses)}
    assert {"server_version", "client_encoding", "TimeZone"} <= told, told


if __name__ == "__main__":
    cases.run(globals())
