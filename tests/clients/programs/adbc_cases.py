"""ADBC's PostgreSQL driver, which reads through COPY TO STDOUT and writes through COPY FROM STDIN, both binary."""

import datetime as dt
import decimal
import os

import cases
import pandas as pd
import polars as pl
import pyarrow as pa
from adbc_driver_manager import ProgrammingError
from adbc_driver_postgresql import StatementOptions, dbapi
from cases import DATABASE, HOST, PASSWORD, PORT, USER

SCHEMA = os.environ["CASE_SCHEMA"]
URI = f"postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{DATABASE}?application_name=adbc_{SCHEMA}"
ROWS = 30_000
CONNECTION = dbapi.connect(URI, autocommit=True)


def table(text, parameters=None, connection=CONNECTION, **options):
    with connection.cursor() as cursor:
        if options:
            cursor.adbc_statement.set_options(**options)
        cursor.execute(text, parameters)
        return cursor.fetch_arrow_table() if cursor.description else None


def rows(text, parameters=None, **more):
    return [tuple(row.values()) for row in table(text, parameters, **more).to_pylist()]


rows_of_ddl = (
    f"create schema {SCHEMA}",
    f"create table {SCHEMA}.kept (id int primary key, name varchar(20) unique, price decimal(8,2))",
    f"create table {SCHEMA}.lines (kept int references {SCHEMA}.kept(id), n int, primary key (kept, n))",
    f"create view {SCHEMA}.shown as select id, name from {SCHEMA}.kept",
    f"insert into {SCHEMA}.kept values (1, 'one', 1.5), (2, null, null)",
    f"comment on column {SCHEMA}.kept.name is 'what it is called'",
)
for statement in rows_of_ddl:
    table(statement)

EACH_TYPE = (
    # expression, Arrow type, value
    ("true", pa.bool_(), True),
    ("1::int2", pa.int16(), 1),
    ("-2", pa.int32(), -2),
    ("3000000000::int8", pa.int64(), 3_000_000_000),
    ("1.5::float4", pa.float32(), 1.5),
    ("2.5::float8", pa.float64(), 2.5),
    ("'ab'::char(4)", pa.string(), "ab  "),
    ("'größe'::varchar", pa.string(), "größe"),
    ("date '1999-12-31'", pa.date32(), dt.date(1999, 12, 31)),
    ("time '01:02:03.000004'", pa.time64("us"), dt.time(1, 2, 3, 4)),
    ("timestamp '2024-01-02 03:04:05.678901'", pa.timestamp("us"), dt.datetime(2024, 1, 2, 3, 4, 5, 678901)),
    ("timestamptz '2024-01-02 03:04:05+02'", pa.timestamp("us", "UTC"), dt.datetime(2024, 1, 2, 1, 4, 5, tzinfo=dt.UTC)),
    ("json_parse('{\"a\": [1, null]}')", pa.string(), '{"a":[1,null]}'),
    ("'\x61b'::varbyte", pa.binary(), b"ab"),
    ("st_point(1, 2)", pa.string(), "0101000000000000000000F03F0000000000000040"),
    ("16::oid", pa.int32(), 16),
    ("'abc'::name", pa.string(), "abc"),
)  # fmt: skip


def case_reads_each_type():
    for text, kind, value in EACH_TYPE:
        found = table(f"select {text} as x union all select null")
        assert found.schema.field("x").type == kind, (text, found.schema)
        assert len(found) == 2, text
        if value is not None:
            assert sorted(found["x"].to_pylist(), key=str) == sorted([value, None], key=str), (text, found)


def case_reads_decimals_as_strings():
    found = table("select 12345678901234567890.123456789::numeric(38,9) as a, -0.5::numeric(4,2) as b, 0::numeric(18,0) as c, null::numeric(5,1) as d")
    values = [None if item is None else decimal.Decimal(str(item)) for item in found.to_pylist()[0].values()]
    assert values == [decimal.Decimal("12345678901234567890.123456789"), decimal.Decimal("-0.5"), decimal.Decimal(0), None]


def case_reads_without_copy():
    off = {StatementOptions.USE_COPY.value: "false"}
    for text, kind, value in EACH_TYPE:
        found = table(f"select {text} as x", **off)
        assert found.schema.field("x").type == kind, text
        if value is not None:
            assert found["x"].to_pylist() == [value], text
    assert rows("show search_path", **off)


def case_knows_types_by_its_own_table():
    """The driver's other way: it does not ask pg_type."""
    options = {"uri": URI, "adbc.postgresql.type_resolver_mode": "builtin"}
    with dbapi.connect(URI, db_kwargs=options, autocommit=True) as connection:
        assert rows("select 1, 'x'::varchar, date '2024-01-01'", connection=connection) == [(1, "x", dt.date(2024, 1, 1))]


def case_large_results():
    text = f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS}) select i, 'row ' || i as t, i / 7.0::float8 as f from n"
    found = table(text)
    assert len(found) == ROWS
    assert sum(found["i"].to_pylist()) == ROWS * (ROWS + 1) // 2
    with CONNECTION.cursor() as cursor:
        cursor.execute(text)
        read = sum(len(batch) for batch in cursor.fetch_record_batch())
    assert read == ROWS


def case_empty_results_and_no_results():
    found = table(f"select id, name from {SCHEMA}.kept where false")
    assert (len(found), found.schema.names) == (0, ["id", "name"])
    with CONNECTION.cursor() as cursor:
        cursor.execute(f"update {SCHEMA}.kept set price = price where id = 1")
        assert cursor.rowcount in {1, -1}


def case_parameters():
    assert rows("select $1 + 1, $2::varchar, $3::float8, $4::bool", (41, "it's", 2.5, None)) == [(42, "it's", 2.5, None)]
    assert rows(f"select name from {SCHEMA}.kept where id = $1", (1,)) == [("one",)]
    day = dt.date(2024, 2, 29)
    assert rows("select $1::date + 1, $2::timestamp", (day, dt.datetime(2024, 1, 1))) == [(dt.date(2024, 3, 1), dt.datetime(2024, 1, 1))]
    assert rows(f"select id from {SCHEMA}.kept where id = $1", pa.table({"id": [1, 2, 7]})) == [(1,), (2,)]


def case_executemany():
    table(f"create table {SCHEMA}.many (a int, b varchar(10))")
    with CONNECTION.cursor() as cursor:
        cursor.executemany(f"insert into {SCHEMA}.many values ($1, $2)", [(n, f"r{n}") for n in range(20)])
    assert rows(f"select count(*), sum(a), max(b) from {SCHEMA}.many") == [(20, 190, "r9")]


def case_transactions():
    table(f"create table {SCHEMA}.turns (a int)")
    with dbapi.connect(URI) as connection:
        table(f"insert into {SCHEMA}.turns values (1)", connection=connection)
        connection.rollback()
        table(f"insert into {SCHEMA}.turns values (2)", connection=connection)
        connection.commit()
        table(f"insert into {SCHEMA}.turns values (3)", connection=connection)
    assert rows(f"select a from {SCHEMA}.turns") == [(2,)]


def case_errors():
    error = cases.raises(ProgrammingError, table, "select nosuch from nosuch")
    assert (error.sqlstate, "does not exist" in str(error)) == ("42P01", True)
    assert rows("select 1") == [(1,)]


GIVEN = pa.table({
    "a": pa.array([1, 2, None], pa.int32()), "b": ["x", None, "it's"], "c": pa.array([1.5, None, -2], pa.float64()),
    "d": [True, False, None], "e": pa.array([dt.date(2024, 1, 1), None, dt.date(1950, 5, 5)]),
    "f": pa.array([dt.datetime(2024, 1, 1, 1, 2, 3, 4), None, None], pa.timestamp("us")),
    "g": pa.array([2**40, None, 0], pa.int64()), "h": pa.array([1, 2, 3], pa.int16()),
    "i": pa.array([dt.datetime(2024, 1, 1), None, None], pa.timestamp("us", "UTC")),
})  # fmt: skip


def ingested(name, mode, given=GIVEN, **more):
    with CONNECTION.cursor() as cursor:
        return cursor.adbc_ingest(name, given, mode=mode, **more)


def case_ingests():
    here = {"db_schema_name": SCHEMA}
    assert ingested("bulk", "create", **here) == 3
    assert table(f"select * from {SCHEMA}.bulk order by h").to_pylist() == GIVEN.to_pylist()
    assert ingested("bulk", "append", **here) == 3
    assert ingested("bulk", "create_append", **here) == 3
    assert rows(f"select count(*) from {SCHEMA}.bulk") == [(9,)]
    assert ingested("bulk", "replace", **here) == 3
    assert rows(f"select count(*) from {SCHEMA}.bulk") == [(3,)]
    cases.raises(ProgrammingError, lambda: ingested("bulk", "create", **here))
    cases.raises(ProgrammingError, lambda: ingested("nosuch", "append", **here))
    ingested("passing", "create", temporary=True)
    assert rows("select count(*) from passing") == [(3,)]


def case_ingests_binary_and_long_strings():
    """There is no BYTEA, and TEXT holds 256 bytes: such tables are made before."""
    table(f"create table {SCHEMA}.wide (b varbyte(100), t varchar(5000))")
    given = pa.table({"b": [b"\x00\xff", None], "t": ["x" * 3000, None]})
    assert ingested("wide", "append", given, db_schema_name=SCHEMA) == 2
    assert table(f"select * from {SCHEMA}.wide order by t").to_pylist() == given.to_pylist()
    cases.raises(Exception, lambda: ingested("narrow", "create", given, db_schema_name=SCHEMA))


def case_ingests_many_rows_in_a_transaction():
    many = pa.table({"n": range(ROWS), "t": [f"row {n}" for n in range(ROWS)]})
    with dbapi.connect(URI) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("undone", many.to_reader(1000), mode="create", db_schema_name=SCHEMA)
        connection.rollback()
        cursor.adbc_ingest("done", many.to_reader(1000), mode="create", db_schema_name=SCHEMA)
        connection.commit()
    assert rows(f"select count(*), sum(n) from {SCHEMA}.done") == [(ROWS, ROWS * (ROWS - 1) // 2)]
    assert rows(f"select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where nspname = '{SCHEMA}' and relname = 'undone'") == [(0,)]


def objects(**filters):
    """Return this database's schemas that answer the filters, by name."""
    found = CONNECTION.adbc_get_objects(**{"catalog_filter": DATABASE, "db_schema_filter": SCHEMA, **filters}).read_all().to_pylist()
    return {one["db_schema_name"]: one["db_schema_tables"] for one in found[0]["catalog_db_schemas"] or ()}


def case_objects():
    found = CONNECTION.adbc_get_objects(depth="catalogs").read_all().to_pylist()
    assert DATABASE in {one["catalog_name"] for one in found}
    assert objects(depth="db_schemas") == {SCHEMA: None}
    kinds = {one["table_name"]: one["table_type"] for one in objects(depth="tables")[SCHEMA]}
    assert (kinds["kept"], kinds["shown"]) == ("table", "view")
    assert [one["table_name"] for one in objects(depth="tables", table_types_filter=["view"])[SCHEMA]] == ["shown"]
    for depth in ("columns", "all"):
        (kept,) = objects(depth=depth, table_name_filter="kept")[SCHEMA]
        columns = {one["column_name"]: one for one in kept["table_columns"]}
        assert {name: (one["ordinal_position"], one["xdbc_type_name"], one["remarks"]) for name, one in columns.items()} == {
            "id": (1, "int4", None), "name": (2, "varchar", "what it is called"), "price": (3, "numeric", None),
        }  # fmt: skip
        keys = {one["constraint_type"]: one["constraint_column_names"] for one in kept["table_constraints"]}
        assert keys == {"PRIMARY KEY": ["id"], "UNIQUE": ["name"]}
    (lines,) = objects(depth="all", table_name_filter="lines")[SCHEMA]
    keys = {one["constraint_type"]: one for one in lines["table_constraints"]}
    assert sorted(keys["PRIMARY KEY"]["constraint_column_names"]) == ["kept", "n"]
    (used,) = keys["FOREIGN KEY"]["constraint_column_usage"]
    assert (used["fk_db_schema"], used["fk_table"], used["fk_column_name"]) == (SCHEMA, "kept", "id")


def case_table_schema():
    found = CONNECTION.adbc_get_table_schema("kept", db_schema_filter=SCHEMA)
    assert found.names == ["id", "name", "price"]
    assert found.types[:2] == [pa.int32(), pa.string()]
    assert CONNECTION.adbc_get_table_schema("shown", db_schema_filter=SCHEMA).names == ["id", "name"]
    cases.raises(ProgrammingError, lambda: CONNECTION.adbc_get_table_schema("nosuch", db_schema_filter=SCHEMA))
    with CONNECTION.cursor() as cursor:
        assert cursor.adbc_execute_schema(f"select * from {SCHEMA}.kept").names == ["id", "name", "price"]


def case_statistics_and_what_it_is():
    assert "table" in CONNECTION.adbc_get_table_types()
    assert CONNECTION.adbc_get_info()["vendor_version"].startswith("8")
    found = CONNECTION.adbc_get_statistics(db_schema_filter=SCHEMA).read_all().to_pylist()
    assert found[0]["catalog_name"] == DATABASE
    assert (CONNECTION.adbc_current_catalog, CONNECTION.adbc_current_db_schema) == (DATABASE, "public")


def case_temporary_schema():
    with dbapi.connect(URI, autocommit=True) as connection:
        assert rows("select pg_my_temp_schema()", connection=connection) == [(0,)]
        table("create temp table own (a int)", connection=connection)
        ((name,),) = rows("select nspname from pg_namespace where oid = pg_my_temp_schema()", connection=connection)
        assert name.startswith("pg_temp_")
        found = connection.adbc_get_objects(depth="tables", catalog_filter=DATABASE, db_schema_filter=name).read_all().to_pylist()
        assert [one["table_name"] for one in found[0]["catalog_db_schemas"][0]["db_schema_tables"]] == ["own"]


def case_cancel():
    with dbapi.connect(URI, autocommit=True) as connection:
        cursor = connection.cursor()
        cursor.execute(f"with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS}) select a.i from n a cross join n b")
        cursor.adbc_cancel()
        cases.raises(Exception, cursor.fetch_arrow_table)


def case_pandas():
    frame = pd.DataFrame({"n": [1, 2, 3], "t": ["a", None, "c"], "at": pd.to_datetime(["2024-01-01"] * 3)})
    assert frame.to_sql("by_pandas", CONNECTION, schema=SCHEMA, index=False) == 3
    frame.to_sql("by_pandas", CONNECTION, schema=SCHEMA, index=False, if_exists="append")
    found = pd.read_sql(f"select n, t from {SCHEMA}.by_pandas order by n, t", CONNECTION)
    assert found["n"].tolist() == [1, 1, 2, 2, 3, 3]
    frame.to_sql("by_pandas", CONNECTION, schema=SCHEMA, index=False, if_exists="replace")
    assert len(pd.read_sql_query(f"select * from {SCHEMA}.by_pandas", CONNECTION)) == 3


def case_polars():
    frame = pl.DataFrame({"n": [1, 2], "t": ["a", None], "d": [dt.date(2024, 1, 1)] * 2})
    assert frame.write_database(f"{SCHEMA}.by_polars", URI, engine="adbc") == 2
    frame.write_database(f"{SCHEMA}.by_polars", URI, engine="adbc", if_table_exists="append")
    found = pl.read_database_uri(f"select * from {SCHEMA}.by_polars order by n", URI, engine="adbc")
    assert found["n"].to_list() == [1, 1, 2, 2]
    frame.write_database(f"{SCHEMA}.by_polars", URI, engine="adbc", if_table_exists="replace")
    assert pl.read_database(f"select n, t, d from {SCHEMA}.by_polars order by n", CONNECTION).equals(frame)


def case_is_listed():
    cases.listed(rows(cases.LISTED), f"adbc_{SCHEMA}")


cases.run(globals())
