"""psqlpy: Rust's tokio-postgres, which prepares each statement and sends and takes every value in binary."""

import asyncio
import datetime as dt
import os
import uuid
from decimal import Decimal

import cases
import psqlpy
from cases import CERTIFICATE, DATABASE, HOST, PASSWORD, PORT, USER
from psqlpy import exceptions

SCHEMA = os.environ["CASE_SCHEMA"]
LOOP = asyncio.new_event_loop()
GIVEN = {"host": HOST, "port": PORT, "username": USER, "password": PASSWORD, "db_name": DATABASE, "ssl_mode": psqlpy.SslMode.VerifyCa, "ca_file": CERTIFICATE}


def run(awaitable):
    return LOOP.run_until_complete(asyncio.wait_for(awaitable, 30))


async def _connect(**more):
    return await psqlpy.connect(**GIVEN | more)


DB = run(_connect(application_name=f"listed_{SCHEMA}"))


def ask(text, values=(), connection=DB):
    return [tuple(row.values()) for row in run(connection.execute(text, list(values))).result()]


def refused(state, text, values=()):
    error = cases.raises(exceptions.Error, ask, text, values)
    assert state in str(error), error


run(DB.execute(f"create schema {SCHEMA}"))
run(DB.execute(f"set search_path to {SCHEMA}"))


def case_is_listed():
    cases.listed(ask(cases.LISTED), f"listed_{SCHEMA}")


def case_parameters_of_every_type():
    moment = dt.datetime(2024, 2, 29, 1, 2, 3, 500000)
    given = [True, 7, 70000, 1 << 40, 1.5, -2.25, Decimal("-12.345"), "it's \\n 漢", moment, moment.replace(tzinfo=dt.UTC), dt.date(2024, 2, 29), dt.time(1, 2, 3), None]
    types = ("boolean", "smallint", "int", "bigint", "real", "float8", "numeric(8,3)", "varchar", "timestamp", "timestamptz", "date", "time", "int")
    found = ask("select " + ", ".join(f"${n}::{type_} as c{n}" for n, type_ in enumerate(types, 1)), given)
    assert found == [tuple(given)], found


def case_nulls_of_every_type():
    types = ("boolean", "smallint", "int", "bigint", "real", "float8", "numeric(8,3)", "varchar", "char(3)", "timestamp", "timestamptz", "date", "time")
    assert ask("select " + ", ".join(f"null::{type_} as c{n}" for n, type_ in enumerate(types))) == [(None,) * len(types)]


def case_numerics():
    # Rust's Decimal has 96 bits.
    for text in ("0", "1", "-1.5", "10000", "1234567890123456789.123456789", "0.0001", "9999999999999999999999999999"):
        value = Decimal(text)
        places = max(-value.as_tuple().exponent, 0)
        assert ask(f"select $1::numeric(38,{places}) as n", [value]) == [(value,)], text


def case_rows_written_and_read():
    run(DB.execute("create table written (n int, name varchar(20), price decimal(8,2), at timestamp, ok boolean)"))
    rows = [[n, f"it's {n}", Decimal(n) / 4, dt.datetime(2024, 1, 1) + dt.timedelta(seconds=n), n % 2 == 0] for n in range(200)]
    run(DB.execute_many("insert into written values ($1, $2, $3, $4, $5)", rows))
    assert ask("select count(*), sum(price), max(at) from written") == [(200, Decimal("4975.00"), dt.datetime(2024, 1, 1, 0, 3, 19))]
    assert ask("select n, name, price, ok from written where n in ($1, $2) and name like $3 order by n", [3, 4, "it%"]) == [(3, "it's 3", Decimal("0.75"), False), (4, "it's 4", Decimal("1.00"), True)]
    assert run(DB.fetch_val("select price from written where n = $1", [3])) == Decimal("0.75")


def case_types_to_be_looked_up():
    """tokio-postgres asks the catalogs for those that it does not know; without pg_range it asks once more."""
    decoders = {"s": bytes.decode, "b": lambda raw: raw}
    found = run(DB.execute("select json_parse('{\"a\": [1]}') as s, 'ab'::varbyte as b")).result(custom_decoders=decoders)
    assert found[0]["s"] == '{"a":[1]}' and found[0]["b"] == b"ab", found
    assert ask("select relname, oid::int from pg_class where relname = 'pg_class'")[0][0] == "pg_class"
    assert ask("select current_schemas(false) as s") == [([SCHEMA],)]


def case_statements_prepared_once():
    statement = run(DB.prepare("select $1::int * 2 as twice", [4]))
    assert run(statement.execute()).result() == [{"twice": 8}]
    for n in range(5):
        assert ask("select $1::int * 2 as twice", [n]) == [(n * 2,)]
    columns = [(column.name, column.table_oid) for column in statement.columns()]
    assert columns[0][0] == "twice", columns


def case_transactions():
    async def moved():
        await DB.execute("create table moved (a int)")
        async with DB.transaction() as one:
            await one.execute("insert into moved values ($1)", [1])
        two = DB.transaction()
        await two.begin()
        await two.execute("insert into moved values ($1)", [2])
        await two.rollback()
        three = DB.transaction(isolation_level=psqlpy.IsolationLevel.Serializable, read_variant=psqlpy.ReadVariant.ReadWrite)
        await three.begin()
        try:
            await three.execute("select 1/$1", [0])
        except exceptions.Error as error:
            assert "division by zero" in str(error).lower() or "22012" in str(error), error
        try:
            await three.execute("select 1")
        except exceptions.Error as error:
            assert "aborted" in str(error), error
        await three.rollback()

    run(moved())
    assert ask("select a from moved") == [(1,)]


def case_cursors():
    async def fetched():
        async with DB.transaction() as one:
            cursor = one.cursor("select n from generate_series(1, 100) as g(n) order by n", array_size=30)
            await cursor.start()
            sizes = [len((await cursor.fetchmany(40)).result()) for _ in range(3)]
            cursor.close()
        return sizes

    assert run(fetched()) == [40, 40, 20]


def case_pipelines():
    async def piped():
        async with DB.transaction() as one:
            return [answer.result() for answer in await one.pipeline([(f"select $1::int + {n} as n", [n]) for n in range(5)])]

    assert run(piped()) == [[{"n": n * 2}] for n in range(5)]


def case_errors_and_several_statements():
    refused("nowhere", "select * from nowhere")
    refused("division", "select 1/$1", [0])
    run(DB.execute_batch("create table batched (a int); insert into batched values (1), (2)"))
    assert ask("select sum(a) from batched") == [(3,)]


def case_binary_copy():
    run(DB.execute("create table copied (n int, name varchar(20))"))
    rows = [[n, f"name {n}"] for n in range(300)]
    assert run(DB.copy_records_to_table("copied", records=rows, columns=["n", "name"], schema_name=SCHEMA)) == 300
    assert ask("select count(*), sum(n), max(name) from copied") == [(300, 44850, "name 99")]


def case_pools_and_cancel():
    async def pooled():
        pool = psqlpy.ConnectionPool(**GIVEN, max_db_pool_size=3)

        async def one(n):
            connection = await pool.connection()
            found = (await connection.execute("select $1::int as n", [n])).result()[0]["n"]
            connection.close()
            return found

        found = await asyncio.gather(*(one(n) for n in range(12)))
        pool.close()
        return sum(found)

    assert run(pooled()) == 66
    made = run(_connect(options="-c statement_timeout=500"))
    error = cases.raises(exceptions.Error, ask, "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'", (), made)
    assert "cancel" in str(error) or "timeout" in str(error), error


def case_wrong_passwords():
    error = cases.raises(exceptions.Error, run, _connect(password="not this"))
    assert "password authentication failed" in str(error), error


def case_values_of_a_type_that_redshift_has_not():
    refused("uuid", "select $1::uuid as u", [uuid.uuid4()])


cases.run(globals())
