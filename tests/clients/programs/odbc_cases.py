"""psqlODBC, the Unicode and the ANSI driver, through pyodbc: catalog functions, cursors, parameters, transactions."""

import datetime as dt
import decimal
import os
import threading

import cases
import pyodbc
from cases import raises

SCHEMA = os.environ["CASE_SCHEMA"]


def connect(driver="PostgreSQL Unicode", autocommit=True, **others):
    words = {
        "DRIVER": f"{{{driver}}}", "SERVER": cases.HOST, "PORT": cases.PORT, "DATABASE": cases.DATABASE,
        "UID": cases.USER, "PWD": cases.PASSWORD, "SSLmode": "require", "Protocol": "7.4-0", **others,
    }
    made = pyodbc.connect(";".join(f"{name}={value}" for name, value in words.items()), autocommit=autocommit, timeout=60)
    made.execute(f"set search_path to {SCHEMA}, public")
    return made


_FIRST = pyodbc.connect(
    f"DRIVER={{PostgreSQL Unicode}};SERVER={cases.HOST};PORT={cases.PORT};DATABASE={cases.DATABASE};UID={cases.USER};PWD={cases.PASSWORD}",
    autocommit=True,
)
for _statement in (
    f"create schema {SCHEMA}",
    f"create table {SCHEMA}.venue (venueid integer not null primary key, name varchar(100) default 'x', seats smallint)",
    f"create table {SCHEMA}.event (eventid bigint identity(1,1), venueid integer references {SCHEMA}.venue(venueid), price numeric(8,2) not null, at timestamp)",
    f"create view {SCHEMA}.cheap as select eventid, price from {SCHEMA}.event",
    f"create procedure {SCHEMA}.doubled(a inout integer) as $$ begin a := a * 2; end $$ language plpgsql",
):
    _FIRST.execute(_statement)
_FIRST.close()
CONNECTION = connect(ApplicationName=f"listed_{SCHEMA}")


def ask(text, *values, connection=CONNECTION):
    return [tuple(row) for row in connection.execute(text, *values).fetchall()]


def rows(call, *columns, **arguments):
    found = getattr(CONNECTION.cursor(), call)(**arguments).fetchall()
    return [tuple(row[place] for place in columns) for row in found]


def case_is_listed():
    # The driver tells its own name and gives no choice of it to servers before 9.0.
    ((name, *_),) = found = ask(cases.LISTED)
    cases.listed([[*row[:2], str(row[2]) in {"1", "True"}, *row[3:7], str(row[7]) in {"1", "True"}, *row[8:]] for row in found], name)


def case_versions():
    assert CONNECTION.getinfo(pyodbc.SQL_DBMS_NAME) == "PostgreSQL"
    assert CONNECTION.getinfo(pyodbc.SQL_DBMS_VER).startswith("8.0.2")


def case_tables():
    assert rows("tables", 1, 2, 3, schema=SCHEMA) == [
        (SCHEMA, "cheap", "VIEW"), (SCHEMA, "event", "TABLE"), (SCHEMA, "venue", "TABLE"),
    ]
    assert rows("tables", 0, 2, schema=SCHEMA, table="ven%", tableType="TABLE") == [("dev", "venue")]
    assert (SCHEMA,) in rows("tables", 1, catalog="", schema="%", table="")
    assert ("TABLE",) in rows("tables", 3, catalog="", schema="", table="", tableType="%")


def case_columns():
    assert rows("columns", 3, 5, 6, 10, 16, schema=SCHEMA, table="venue") == [
        ("venueid", "int4", 10, 0, 1), ("name", "varchar", 100, 1, 2), ("seats", "int2", 5, 1, 3),
    ]
    assert rows("columns", 3, 5, 6, 8, schema=SCHEMA, table="event", column="pri%") == [("price", "numeric", 8, 2)]
    names = [name for (name,) in rows("columns", 2, schema=SCHEMA) if name != "venue_pkey"]
    assert names == ["cheap"] * 2 + ["event"] * 4 + ["venue"] * 3, names


def case_keys_and_indexes():
    assert rows("primaryKeys", 2, 3, 4, 5, schema=SCHEMA, table="venue") == [("venue", "venueid", 1, "venue_pkey")]
    assert rows("statistics", 2, 3, 5, 8, schema=SCHEMA, table="venue", unique=True)[-1] == ("venue", 0, "venue_pkey", "venueid")
    rows("rowIdColumns", 1, schema=SCHEMA, table="venue")
    rows("rowVerColumns", 1, schema=SCHEMA, table="venue")


def case_foreign_keys():
    CONNECTION.execute("create table pair (a int, b int, primary key (b, a))")
    CONNECTION.execute("create table refers (x int, y int, n int primary key, constraint to_pair foreign key (x, y) references pair (b, a))")
    # Of which table, by which columns, in what order, what happens on update and delete: nothing, as 3 says.
    expected = [("pair", "b", "refers", "x", 1, 3, 3, "to_pair"), ("pair", "a", "refers", "y", 2, 3, 3, "to_pair")]
    places = (2, 3, 6, 7, 8, 9, 10, 11)
    assert rows("foreignKeys", *places, schema=SCHEMA, table="pair") == expected
    assert rows("foreignKeys", *places, foreignSchema=SCHEMA, foreignTable="refers") == expected
    assert rows("foreignKeys", *places, schema=SCHEMA, table="pair", foreignSchema=SCHEMA, foreignTable="refers") == expected
    assert rows("foreignKeys", 6, 7, schema=SCHEMA, table="venue") == [("event", "venueid")]
    assert rows("foreignKeys", 6, schema=SCHEMA, table="refers") == []


def case_procedures():
    assert rows("procedures", 1, 2, schema=SCHEMA) == [(SCHEMA, "doubled")]
    assert ("doubled", "a", "int4") in rows("procedureColumns", 2, 3, 6, schema=SCHEMA, procedure="doubled")


def case_type_info():
    names = {name for (name,) in rows("getTypeInfo", 0)}
    assert {"int2", "int4", "int8", "numeric", "float4", "float8", "varchar", "date", "timestamptz"} <= names, names


def case_parameters_of_every_type():
    values = (
        True, 1, 2**40, 1.5, decimal.Decimal("12.345"), "it's \\n ü 漢", dt.date(2024, 2, 29), dt.time(1, 2, 3),
        dt.datetime(2024, 2, 29, 1, 2, 3), None,
    )
    text = "select ?::boolean, ?::int, ?::bigint, ?::float8, ?::numeric(8,3), ?::varchar, ?::date, ?::time, ?::timestamp, ?::int"
    (found,) = ask(text, *values)
    assert str(found[0]) in {"True", "1"}, found
    assert found[1:] == values[1:], found


def case_columns_of_every_type():
    CONNECTION.execute("create table kinds (a smallint, b bigint, c real, d double precision, e numeric(38,10), f char(5), g varchar(20), h date, i time, k timestamp, l timestamptz, m boolean, n super, o varbyte)")
    CONNECTION.execute("insert into kinds values (1, 2, 1.5, 2.5, 1234567890123456789.0123456789, 'ab', 'ü', '2024-02-29', '01:02:03', '2024-02-29 01:02:03', '2024-02-29 01:02:03+00', true, json_parse('{\"a\":[1]}'), 'abc')")
    (found,) = ask("select * from kinds")
    assert found[:5] == (1, 2, 1.5, 2.5, decimal.Decimal("1234567890123456789.0123456789")), found
    assert found[5:10] == ("ab   ", "ü", dt.date(2024, 2, 29), dt.time(1, 2, 3), dt.datetime(2024, 2, 29, 1, 2, 3)), found
    assert found[12] == '{"a":[1]}', found
    told = [(column[0], column[4], column[5]) for column in CONNECTION.execute("select e, g from kinds").description]
    assert told == [("e", 38, 10), ("g", 20, 0)], told


def case_unicode_names_and_values():
    CONNECTION.execute('create table "größe" ("straße" varchar(20))')
    CONNECTION.execute('insert into "größe" values (?)', "漢字 🦆")
    assert ask('select "straße" from "größe"') == [("漢字 🦆",)]


def case_the_ansi_driver():
    made = connect(driver="PostgreSQL ANSI")
    # pyodbc asks for wide characters, which this one does not give.
    assert ask("select ?::int, 1.5::float8", 1, connection=made) == [(1, 1.5)]
    made.close()


def case_many_parameters_at_once():
    CONNECTION.execute("create table many (n int, name varchar(20))")
    made = connect(autocommit=False)
    cursor = made.cursor()
    cursor.executemany("insert into many values (?, ?)", [(n, f"it's {n}") for n in range(200)])
    cursor.fast_executemany = True
    cursor.executemany("insert into many values (?, ?)", [(n, f"row {n}") for n in range(200, 400)])
    made.commit()
    made.close()
    assert ask("select count(*), sum(n) from many") == [(400, 79800)]


def case_cursors_with_declare_and_fetch():
    for fetch, autocommit in ((1, False), (100, False), (100, True), (3000, False)):
        made = connect(autocommit=autocommit, UseDeclareFetch=1, Fetch=fetch)
        cursor = made.cursor()
        size = 20 if fetch == 1 else 2500
        cursor.execute(f"select n, n::varchar from generate_series(1, {size}) as g(n) order by n")
        assert [row[0] for row in cursor.fetchmany(5)] == [1, 2, 3, 4, 5]
        if not autocommit:
            # A cursor outlives the commit.
            made.commit()
        assert len(cursor.fetchall()) == size - 5
        made.rollback()
        made.close()


def case_large_results():
    made = connect()
    cursor = made.cursor()
    cursor.execute("select n, 'row ' || n::varchar from generate_series(1, 50000) as g(n)")
    assert sum(row[0] for row in cursor) == 1250025000
    made.close()


def case_transactions_with_every_way_of_rolling_back():
    """Protocol=7.4-0 leaves a failed transaction failed, -1 rolls it back, -2 would need savepoints."""
    for protocol in ("7.4-0", "7.4-1"):
        made = connect(autocommit=False, Protocol=protocol)
        cursor = made.cursor()
        cursor.execute("create table if not exists rolled (a int)")
        made.commit()
        cursor.execute("insert into rolled values (1)")
        error = raises(pyodbc.Error, cursor.execute, "select 1/0")
        assert error.args[0] == "22012", error
        made.rollback()
        cursor.execute("select count(*) from rolled")
        assert cursor.fetchone()[0] == 0
        made.rollback()
        made.close()


def case_statements_with_savepoints_between():
    """Redshift knows no savepoints, which the driver's default asks for in a transaction: it is told so."""
    made = connect(Protocol="7.4-2")
    assert ask("select 1", connection=made) == [(1,)]
    made.autocommit = False
    made.execute("create table kept (a int)")
    error = raises(pyodbc.Error, made.execute, "create table kept_too (a int)")
    assert "SAVEPOINT" in str(error), error
    made.close()


def case_errors_carry_their_state():
    error = raises(pyodbc.ProgrammingError, CONNECTION.execute, "select * from nowhere")
    assert error.args[0] == "42P01", error
    assert ask("select 1") == [(1,)]


def case_cancel():
    made = connect()
    cursor = made.cursor()
    ended = threading.Event()

    def cancel():
        # Again and again: on a busy machine the statement may begin late.
        while not ended.wait(0.5):
            cursor.cancel()

    canceling = threading.Thread(target=cancel)
    canceling.start()
    error = raises(pyodbc.Error, cursor.execute, "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'")
    ended.set()
    canceling.join()
    assert "cancel" in str(error), error
    made.close()


def case_time_out():
    made = connect()
    # The driver has no time-out of connections, by which pyodbc would set it.
    made.execute("set statement_timeout to 800")
    error = raises(pyodbc.Error, made.execute, "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'")
    assert "timeout" in str(error) or "cancel" in str(error), error
    assert ask("select 1", connection=made) == [(1,)]
    made.close()


def case_how_values_are_told():
    """Options of the driver that change types: booleans and long texts."""
    for options, kinds in (({"BoolsAsChar": 0, "TextAsLongVarchar": 0}, (bool, str)), ({"BoolsAsChar": 1, "TextAsLongVarchar": 1}, (str, str))):
        made = connect(**options)
        found = made.execute("select true, 'x'::text, repeat('y', 9000)::varchar(9000)").fetchone()
        assert (type(found[0]), type(found[1]), len(found[2])) == (*kinds, 9000), found
        made.close()


def case_calls():
    assert ask("call doubled(?)", 21) == [(42,)]


def case_server_side_prepare_and_without():
    for way in (0, 1):
        made = connect(UseServerSidePrepare=way)
        for n in range(3):
            assert ask("select ?::int + 1, ?::varchar", n, "back\\slash it's", connection=made) == [(n + 1, "back\\slash it's")]
        made.close()


def case_verified_tls():
    made = connect(SSLmode="verify-ca", Pqopt=f"{{sslrootcert={cases.CERTIFICATE}}}")
    assert ask("select 1", connection=made) == [(1,)]
    made.close()


def case_read_only():
    made = connect()
    made.execute("set readonly to 1")
    made.execute("set session characteristics as transaction read only")
    error = raises(pyodbc.Error, made.execute, f"insert into {SCHEMA}.venue values (1, 'x', 1)")
    assert error.args[0] == "25006", error
    assert ask("select 1", connection=made) == [(1,)]
    made.close()


if __name__ == "__main__":
    cases.run(globals())
