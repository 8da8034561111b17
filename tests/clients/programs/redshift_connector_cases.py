"""redshift_connector with numpy and pandas, in its newest and in an older version."""

import datetime as dt
import decimal
import os
from pathlib import Path

import cases
import numpy as np
import pandas as pd
import redshift_connector
from cases import raises


def connect(**others):
    given = {
        "host": cases.HOST, "port": cases.PORT, "user": cases.USER, "password": cases.PASSWORD,
        "database": cases.DATABASE, "ssl": False,
    }
    made = redshift_connector.connect(**{**given, **others})
    made.autocommit = True
    return made


CONNECTION = connect(application_name="listed_by_a_program")
SCHEMA = os.environ["CASE_SCHEMA"]
with CONNECTION.cursor() as _cursor:
    _cursor.execute(f"create schema {SCHEMA}")
    _cursor.execute(f"set search_path to {SCHEMA}")


def ask(text, values=None, connection=CONNECTION):
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return [tuple(row) for row in cursor.fetchall()]


def run(text, connection=CONNECTION):
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.rowcount


def case_is_listed():
    told = {"driver": "Redshift Python Driver", "system": "Linux", "level": 2}
    cases.listed(ask(cases.LISTED), "listed_by_a_program", tls=False, **told)
    os.environ["SSL_CERT_FILE"] = cases.CERTIFICATE
    made = connect(application_name="encrypted", ssl=True)
    cases.listed(ask(cases.LISTED, connection=made), "encrypted", **told)
    made.close()
    del os.environ["SSL_CERT_FILE"]


def case_versions():
    assert CONNECTION._client_protocol_version == 2
    ((version,),) = ask("select version()")
    assert version.startswith("PostgreSQL 8.0.2 on ") and "Redshift 1.0." in version


def case_fetch_dataframe():
    run("create table frames (n int, price numeric(8,2), name varchar(10), at timestamp, ok boolean)")
    run("insert into frames values (1, 1.50, 'ä', '2024-02-29 12:00:00', true), (null, null, null, null, null)")
    with CONNECTION.cursor() as cursor:
        cursor.execute("select * from frames order by n nulls last")
        frame = cursor.fetch_dataframe()
        assert list(frame.columns) == ["n", "price", "name", "at", "ok"]
        assert frame.iloc[0].tolist() == [1, decimal.Decimal("1.50"), "ä", pd.Timestamp("2024-02-29 12:00:00"), True]
        assert frame.iloc[1].isna().all()
        cursor.execute("select n from frames where false")
        assert len(cursor.fetch_dataframe()) == 0
        cursor.execute("select n from frames order by n nulls last")
        assert len(cursor.fetch_dataframe(1)) == 1


def case_fetch_numpy_array():
    with CONNECTION.cursor() as cursor:
        cursor.execute("select 1::int, 2.5::float8 union all select 2, 3.5 order by 1")
        assert np.array_equal(cursor.fetch_numpy_array(), np.array([[1, 2.5], [2, 3.5]]))


def case_write_dataframe():
    run("create table written (n int, name varchar(10), price float8, day date)")
    frame = pd.DataFrame({
        "n": [1, 2, 3], "name": pd.Series(["a", "it's", None], dtype=object), "price": [1.5, -2.25, 0.0],
        "day": [dt.date(2024, 2, 29), dt.date(1999, 12, 31), None],
    })
    with CONNECTION.cursor() as cursor:
        cursor.write_dataframe(frame, "written")
    assert ask("select * from written order by n") == [
        (1, "a", 1.5, dt.date(2024, 2, 29)), (2, "it's", -2.25, dt.date(1999, 12, 31)), (3, None, 0.0, None),
    ]


def case_write_dataframe_of_many_rows():
    run("create table many_written (n int, half float8)")
    frame = pd.DataFrame({"n": range(400), "half": [n / 2 for n in range(400)]})
    CONNECTION.autocommit = False
    with CONNECTION.cursor() as cursor:
        cursor.write_dataframe(frame, "many_written")
    CONNECTION.commit()
    CONNECTION.autocommit = True
    assert ask("select count(*), sum(n), sum(half) from many_written") == [(400, 79800, 39900.0)]


def case_insert_data_bulk():
    with CONNECTION.cursor() as cursor:
        if not hasattr(cursor, "insert_data_bulk"):
            return
        run("create table bulk (a int, b varchar(10), c numeric(6,2))")
        path = Path(os.environ["CASE_FOLDER"], f"{SCHEMA}.csv")
        with path.open("w") as file:
            file.write("a,b,c\n" + "".join(f"{n},row {n},{n}.25\n" for n in range(250)))
        cursor.insert_data_bulk(
            filename=str(path), table_name="bulk", parameter_indices=[0, 1, 2], column_names=["a", "b", "c"],
            delimiter=",", batch_size=100,
        )
    assert ask("select count(*), sum(c), max(b) from bulk") == [(250, decimal.Decimal("31187.50"), "row 99")]


def case_executemany_in_every_paramstyle():
    run("create table styles (a int, b varchar(20))")
    texts = {
        "format": ("%s, %s", lambda n: (n, "it's")), "qmark": ("?, ?", lambda n: (n, "it's")),
        "numeric": (":1, :2", lambda n: (n, "it's")), "named": (":a, :b", lambda n: {"a": n, "b": "it's"}),
        "pyformat": ("%(a)s, %(b)s", lambda n: {"a": n, "b": "it's"}),
    }
    for style, (places, values) in texts.items():
        with CONNECTION.cursor() as cursor:
            cursor.paramstyle = style
            cursor.executemany(f"insert into styles values ({places})", [values(n) for n in range(5)])
    assert ask("select count(*), sum(a), min(b) from styles") == [(25, 50, "it's")]


def case_rowcounts():
    run("create table counted (a int)")
    assert run("insert into counted values (1), (2), (3)") == 3
    assert run("update counted set a = a + 1 where a > 1") == 2
    assert run("delete from counted") == 3
    with CONNECTION.cursor() as cursor:
        cursor.execute("select a from counted")
        assert cursor.fetchone() is None


def case_transactions():
    other = connect()
    other.autocommit = False
    run(f"create table {SCHEMA}.kept (a int)", other)
    other.rollback()
    known = f"select count(*) from svv_tables where table_schema = '{SCHEMA}' and table_name = 'kept'"
    assert ask(known) == [(0,)]
    run(f"create table {SCHEMA}.kept (a int)", other)
    run(f"insert into {SCHEMA}.kept values (1)", other)
    assert ask(known) == [(0,)]
    other.commit()
    assert ask("select a from kept") == [(1,)]
    error = raises(redshift_connector.ProgrammingError, run, "select 1/0", other)
    assert error.args[0]["C"] == "22012", error
    error = raises(redshift_connector.ProgrammingError, run, "select 1", other)
    assert error.args[0]["C"] == "25P02", error
    other.rollback()
    other.close()


def case_switching_autocommit():
    other = connect()
    run(f"create table {SCHEMA}.switched (a int)", other)
    other.autocommit = False
    run(f"insert into {SCHEMA}.switched values (1)", other)
    other.rollback()
    other.autocommit = True
    run(f"insert into {SCHEMA}.switched values (2)", other)
    other.close()
    assert ask("select a from switched") == [(2,)]


def case_sslmodes():
    raises(redshift_connector.InterfaceError, lambda: connect(ssl=True))
    os.environ["SSL_CERT_FILE"] = cases.CERTIFICATE
    try:
        for sslmode in ("verify-ca", "verify-full"):
            made = connect(ssl=True, sslmode=sslmode)
            assert ask("select 1", connection=made) == [(1,)]
            made.close()
    finally:
        del os.environ["SSL_CERT_FILE"]


def case_callproc():
    run("create procedure doubled(a inout int) as $$ begin a := a * 2; end $$ language plpgsql")
    assert ask("call doubled(%s)", (21,)) == [(42,)]
    with CONNECTION.cursor() as cursor:
        if hasattr(cursor, "callproc"):
            cursor.callproc("doubled", [4])
            assert [tuple(row) for row in cursor.fetchall()] == [(8,)]


def case_numeric_to_float():
    made = connect(numeric_to_float=True)
    assert ask("select 1.25::numeric(10,2), sum(0.5)", connection=made) == [(1.25, 0.5)]
    made.close()


def case_parameters_of_every_type():
    values = (
        True, 1, 2**40, 1.5, decimal.Decimal("12.345"), "text", dt.date(2024, 2, 29), dt.time(1, 2, 3),
        dt.datetime(2024, 2, 29, 1, 2, 3), dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.UTC), None,
    )
    places = "%s, %s, %s, %s, %s::numeric(10,3), %s, %s, %s, %s, %s, %s"
    assert ask(f"select {places}", values) == [values]


def case_arrays_of_the_catalog():
    run("create table keyed (a int, b int, primary key (b, a))")
    keys = ask(f"select conkey from pg_constraint where conrelid = '{SCHEMA}.keyed'::regclass and contype = 'p'")
    assert [list(row[0]) for row in keys] == [[2, 1]], keys


def case_cursors_of_sql():
    other = connect()
    other.autocommit = False
    with other.cursor() as cursor:
        cursor.execute("declare portion cursor for select n from generate_series(1, 10) as g(n) order by n")
        cursor.execute("fetch forward 4 from portion")
        assert [row[0] for row in cursor.fetchall()] == [1, 2, 3, 4]
        cursor.execute("close portion")
    other.rollback()
    other.close()


def case_metadata_calls():
    run("create table browsed (id int primary key, name varchar(20))")
    run("create view browsed_view as select id from browsed")
    for single in (True, False):
        other = connect(database_metadata_current_db_only=single)
        with other.cursor() as cursor:
            assert ["dev"] in [list(row[:1]) for row in cursor.get_catalogs()]
            assert SCHEMA in [row[0] for row in cursor.get_schemas()]
            tables = cursor.get_tables(schema_pattern=SCHEMA, table_name_pattern="browsed%")
            assert {(row[2], row[3]) for row in tables} == {("browsed", "TABLE"), ("browsed_view", "VIEW")}, tables
            columns = cursor.get_columns(schema_pattern=SCHEMA, tablename_pattern="browsed")
            assert [(row[3], row[4], row[5], row[6]) for row in columns] == [("id", 4, "int4", 10), ("name", 12, "varchar", 20)]
            assert [row[3] for row in cursor.get_primary_keys(schema=SCHEMA, table="browsed")] == ["id"]
            procedures = cursor.get_procedures(schema_pattern=SCHEMA, procedure_name_pattern="doubled")
            assert [row[2] for row in procedures] == ["doubled"]
        other.close()


def case_prepared_statements_are_kept_and_let_go():
    made = connect(max_prepared_statements=3)
    for n in range(20):
        assert ask(f"select {n} + %s::int", (1,), connection=made) == [(n + 1,)]
    made.close()



if __name__ == "__main__":
    cases.run(globals())
