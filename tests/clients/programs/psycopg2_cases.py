"""psycopg2 with libpq of its wheel: client-side parameters, named cursors, COPY, its helpers, types."""

import datetime as dt
import decimal
import io
import os
import select
import threading

import cases
import psycopg2
import psycopg2.extensions
import psycopg2.extras
import psycopg2.pool
from cases import raises
from psycopg2 import errorcodes, sql

SCHEMA = os.environ["CASE_SCHEMA"]
DSN = f"host={cases.HOST} port={cases.PORT} user={cases.USER} password={cases.PASSWORD} dbname={cases.DATABASE}"


def connect(**others):
    made = psycopg2.connect(DSN, **others)
    with made.cursor() as cursor:
        cursor.execute(sql.SQL("create schema if not exists {0}; set search_path to {0}").format(sql.Identifier(SCHEMA)))
    made.commit()
    return made


CONNECTION = connect(application_name=f"listed_{SCHEMA}")
CONNECTION.autocommit = True


def ask(text, values=None, connection=CONNECTION):
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return cursor.fetchall() if cursor.description else cursor.rowcount


def case_is_listed():
    cases.listed(ask(cases.LISTED), f"listed_{SCHEMA}")


def case_what_the_server_says_of_itself():
    assert CONNECTION.server_version == 80002
    assert CONNECTION.encoding == "UTF8"
    assert CONNECTION.get_parameter_status("standard_conforming_strings") == "off"
    assert CONNECTION.get_parameter_status("show_discovery") is None, "only Redshift's drivers are told"


def case_parameters_of_every_type():
    values = (
        True, 1, 2**40, 1.5, decimal.Decimal("12.345"), "it's", "back\\slash \\n", dt.date(2024, 2, 29), dt.time(1, 2, 3),
        dt.datetime(2024, 2, 29, 1, 2, 3), dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.UTC), None,
    )
    assert ask("select %s, %s, %s, %s::float8, %s, %s, %s, %s, %s, %s, %s, %s", values) == [values]


def case_lists_in_conditions():
    assert ask("select n from generate_series(1, 9) as g(n) where n in %s order by n", ((2, 3, 5),)) == [(2,), (3,), (5,)]


def case_named_cursors_fetch_in_portions():
    made = connect()
    with made.cursor("portion") as cursor:
        cursor.itersize = 100
        cursor.execute("select n from generate_series(1, 1000) as g(n) order by n")
        assert sum(row[0] for row in cursor) == 500500
    with made.cursor("second") as cursor:
        cursor.execute("select n from generate_series(1, 10) as g(n) order by n")
        assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
        assert cursor.fetchone() == (4,)
        assert len(cursor.fetchall()) == 6
    made.rollback()
    made.close()


def case_copy_both_ways():
    ask("create table copied (n int, name varchar(20))")
    with CONNECTION.cursor() as cursor:
        cursor.copy_expert("copy copied from stdin csv", io.StringIO('1,"a, b"\n2,\n'))
        out = io.StringIO()
        cursor.copy_expert("copy (select * from copied order by n) to stdout csv header", out)
        assert out.getvalue() == 'n,name\n1,"a, b"\n2,\n'


def case_execute_values_and_batches():
    ask("create table batched (n int, name varchar(20))")
    rows = [(n, f"it's {n}") for n in range(1000)]
    with CONNECTION.cursor() as cursor:
        psycopg2.extras.execute_values(cursor, "insert into batched values %s", rows, page_size=250)
        psycopg2.extras.execute_batch(cursor, "insert into batched values (%s, %s)", rows[:40], page_size=10)
    assert ask("select count(*), sum(n), max(name) from batched") == [(1040, 500280, "it's 999")]


def case_dictionaries_and_named_tuples():
    with CONNECTION.cursor(cursor_factory=psycopg2.extras.RealDictCursor) as cursor:
        cursor.execute("select 1 as a, 'x' as b")
        assert dict(cursor.fetchone()) == {"a": 1, "b": "x"}
    with CONNECTION.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor) as cursor:
        cursor.execute("select 1 as a")
        assert cursor.fetchone().a == 1


def case_descriptions():
    with CONNECTION.cursor() as cursor:
        cursor.execute("select 1::int2 as a, 'x'::varchar(7) as b, 1.5::numeric(8,3) as c")
        told = [(column.name, column.type_code, column.precision, column.scale) for column in cursor.description]
        assert told == [("a", 21, None, None), ("b", 1043, None, None), ("c", 1700, 8, 3)], told
        assert cursor.description[1].internal_size in (7, -1), cursor.description


def case_errors_carry_their_fields():
    error = raises(psycopg2.Error, ask, "select * from nowhere")
    assert error.pgcode == errorcodes.UNDEFINED_TABLE
    assert error.diag.severity == "ERROR"
    assert isinstance(error, psycopg2.errors.UndefinedTable)


def case_transactions():
    made = connect()
    with made, made.cursor() as cursor:
        cursor.execute("create table moved (a int)")
    try:
        with made, made.cursor() as cursor:
            cursor.execute("insert into moved values (1)")
            cursor.execute("select 1/0")
    except psycopg2.Error as error:
        assert error.pgcode == "22012"
    assert made.status == psycopg2.extensions.STATUS_READY
    assert ask("select count(*) from moved") == [(0,)]
    made.set_session(isolation_level="SERIALIZABLE", readonly=True)
    with made.cursor() as cursor:
        cursor.execute("select count(*) from moved")
        error = raises(psycopg2.Error, cursor.execute, "insert into moved values (2)")
        assert error.pgcode == "25006", error.pgcode
    made.close()


def case_notices():
    made = connect()
    with made.cursor() as cursor:
        cursor.execute("drop table if exists never_there")
    assert any("never_there" in notice for notice in made.notices), made.notices
    made.close()


def case_cancel_from_another_thread():
    made = connect()
    ended = threading.Event()

    def cancel():
        # Again and again: on a busy machine the statement may begin late.
        while not ended.wait(0.5):
            made.cancel()

    canceling = threading.Thread(target=cancel)
    canceling.start()
    error = raises(psycopg2.Error, ask, "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'", None, made)
    ended.set()
    canceling.join()
    assert error.pgcode == "57014", error
    made.close()


def case_asynchronous_connections():
    made = psycopg2.connect(DSN, async_=True)

    def wait():
        while (state := made.poll()) != psycopg2.extensions.POLL_OK:
            read = [made] if state == psycopg2.extensions.POLL_READ else []
            write = [made] if state == psycopg2.extensions.POLL_WRITE else []
            select.select(read, write, [], 10)

    wait()
    cursor = made.cursor()
    cursor.execute("select 41 + %s", (1,))
    wait()
    assert cursor.fetchall() == [(42,)]
    made.close()


def case_pools_give_connections_back():
    pool = psycopg2.pool.ThreadedConnectionPool(1, 2, DSN)
    for _ in range(3):
        made = pool.getconn()
        assert ask("select 1", connection=made) == [(1,)]
        pool.putconn(made)
    pool.closeall()
    made = connect()
    made.reset()
    assert ask("select 1", connection=made) == [(1,)]
    made.close()


def case_callproc():
    ask("create procedure doubled(a inout int) as $$ begin a := a * 2; end $$ language plpgsql")
    assert ask("call doubled(%s)", (21,)) == [(42,)]


def case_hstore_and_types_are_looked_up():
    assert psycopg2.extras.HstoreAdapter.get_oids(CONNECTION) == ((), ())
    assert ask("select json_parse(%s)", ("[1, 2]",)) == [("[1,2]",)]


if __name__ == "__main__":
    cases.run(globals())
