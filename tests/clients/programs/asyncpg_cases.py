"""asyncpg as it was: what its newest version is tested with at greater length (test_asyncpg.py)."""

import asyncio
import datetime as dt
import decimal
import os

import asyncpg
import cases

SCHEMA = os.environ["CASE_SCHEMA"]
GIVEN = {
    "host": cases.HOST, "port": cases.PORT, "user": cases.USER, "password": cases.PASSWORD,
    "database": cases.DATABASE, "ssl": "require", "server_settings": {"application_name": f"listed_{SCHEMA}"},
}  # fmt: skip


def alone(work):
    async def scene():
        connection = await asyncpg.connect(**GIVEN)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(scene())


def case_is_listed():
    async def work(db):
        cases.listed(await db.fetch(cases.LISTED), f"listed_{SCHEMA}")

    alone(work)


def case_parameters_of_every_type():
    async def work(db):
        values = (True, 1, 2**40, 1.5, decimal.Decimal("12.345"), "it's \\n", dt.date(2024, 2, 29), dt.datetime(2024, 2, 29, 1, 2, 3), None)
        text = "select $1::boolean, $2::int, $3::bigint, $4::float8, $5::numeric(8,3), $6::varchar, $7::date, $8::timestamp, $9::int"
        assert tuple(await db.fetchrow(text, *values)) == values

    alone(work)


def case_types_that_it_looks_up():
    """The driver reads arrays and vectors by what pg_type says of them; of Redshift's types it refuses low OIDs itself."""

    async def work(db):
        assert await db.fetchval("select $1::oid[]", [16, 17]) == [16, 17]
        found = await db.fetch("select typname from pg_type where oid = any($1::oid[]) order by 1", [16, 23])
        assert [row[0] for row in found] == ["bool", "int4"]
        await db.execute("create temp table looked (a int, b int, primary key (b, a))")
        assert await db.fetchval("select indkey from pg_index where indrelid = 'looked'::regclass") == [2, 1]
        assert await db.fetchval("select array_agg(attname::text order by attnum) from pg_attribute where attrelid = 'looked'::regclass and attnum > 0") == ["a", "b"]
        await db.execute("grant select on looked to public")
        assert isinstance((await db.fetchval("select relacl from pg_class where oid = 'looked'::regclass"))[0], str)
        assert await db.fetchval("select typreceive from pg_type where typname = 'bool'") == "boolrecv"
        try:
            await db.fetchval("select json_parse('[1]')")
        except asyncpg.UnsupportedClientFeatureError as error:
            assert "'super'" in str(error)

    alone(work)


def case_super_with_a_codec():
    async def work(db):
        await db.set_type_codec("super", schema="pg_catalog", encoder=str, decoder=str, format="text")
        assert await db.fetchval("select json_parse('{\"a\":[1]}')") == '{"a":[1]}'

    alone(work)


def case_cursors_and_prepared_statements():
    async def work(db):
        async with db.transaction():
            numbers = [row[0] async for row in db.cursor("select n from generate_series(1, 120) as g(n) order by n")]
            assert numbers == list(range(1, 121))
        prepared = await db.prepare("select $1::int * 2")
        assert [await prepared.fetchval(n) for n in range(6)] == [n * 2 for n in range(6)]

    alone(work)


def case_pools_give_connections_back():
    async def scene():
        async with asyncpg.create_pool(min_size=1, max_size=3, **GIVEN) as pool:
            found = await asyncio.gather(*(pool.fetchval("select $1::int", n) for n in range(12)))
            assert found == list(range(12))

    asyncio.run(scene())


def case_many_rows_at_once():
    async def work(db):
        await db.execute(f"create schema if not exists {SCHEMA}")
        await db.execute(f"create table {SCHEMA}.many (n int, name varchar(20))")
        await db.executemany(f"insert into {SCHEMA}.many values ($1, $2)", [(n, f"it's {n}") for n in range(50)])
        await db.copy_records_to_table("many", schema_name=SCHEMA, records=[(n, "copied") for n in range(50, 100)])
        assert tuple(await db.fetchrow(f"select count(*), sum(n) from {SCHEMA}.many")) == (100, 4950)

    alone(work)


if __name__ == "__main__":
    cases.run(globals())
