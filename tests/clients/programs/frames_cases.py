"""Data frames: pandas over SQLAlchemy 2, Polars, connectorx, awswrangler, and DuckDB's postgres extension."""

import contextlib
import datetime as dt
import os

import awswrangler as wr
import cases
import connectorx
import duckdb
import pandas as pd
import polars as pl
import redshift_connector
import sqlalchemy as sa
from cases import CERTIFICATE, DATABASE, HOST, PASSWORD, PORT, USER
from duckdb_extensions import import_extension

SCHEMA = os.environ["CASE_SCHEMA"]
os.environ["SSL_CERT_FILE"] = CERTIFICATE
URI = f"postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{DATABASE}"
SQLALCHEMY = URI.replace("postgresql://", "postgresql+psycopg://")
REDSHIFT = redshift_connector.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE)
REDSHIFT.autocommit = True
ROWS = 3000


def ask(text):
    with REDSHIFT.cursor() as cursor:
        cursor.execute(text)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


ask(f"create schema {SCHEMA}")
ask(f"create table {SCHEMA}.sales (id int, name varchar(20), price decimal(8,2), share float8, at timestamp, day date, ok boolean)")
ask(
    f"insert into {SCHEMA}.sales with recursive n(i) as (select 1 union all select i + 1 from n where i < {ROWS}) "
    "select i, 'name ' || i, i / 4.0, i / 8.0::float8, dateadd(second, i, '2024-01-01'::timestamp), "
    "dateadd(day, i % 100, '2024-01-01')::date, i % 2 = 0 from n"
)
ask(f"insert into {SCHEMA}.sales (id) values (0)")
QUERY = f"select * from {SCHEMA}.sales order by id"


def checked(id_, name, price, at):
    """Fail unless these columns (lists) are the table's."""
    assert len(id_) == ROWS + 1
    assert id_[:2] == [0, 1]
    assert name[1] == "name 1"
    assert float(price[4]) == 1.0
    assert at[1] == dt.datetime(2024, 1, 1, 0, 0, 1)


def postgresql():
    """SQLAlchemy's own dialect; looking hstore up would take a savepoint, which Redshift has not."""
    return sa.create_engine(SQLALCHEMY, use_native_hstore=False)


@contextlib.contextmanager
def raises_in(place):
    """Give what goes wrong where columns are reflected by way of *place*."""
    try:
        sa.inspect(place).get_columns("own", schema=SCHEMA)
    except sa.exc.DBAPIError as error:
        yield [error]
    else:
        raise AssertionError("nothing went wrong")


def case_is_listed():
    """By the name that it gives, its driver's, or the one in its connection string."""
    told = {"driver": "Redshift Python Driver", "system": "Linux", "level": 2}
    cases.listed(wr.redshift.read_sql_query(cases.LISTED, con=REDSHIFT).values.tolist(), "__main__", **told)
    cases.listed(pd.read_sql(sa.text(cases.LISTED), sa.create_engine(f"{SQLALCHEMY}?application_name=pandas", use_native_hstore=False)).values.tolist(), "pandas")
    cases.listed(pl.read_database_uri(cases.LISTED, f"{URI}?application_name=polars&sslmode=require").rows(), "polars")
    with duckdb.connect() as here:
        import_extension("postgres", con=here)
        for given, name in (("", ""), (" application_name=duckdb", "duckdb")):
            here.execute(f"attach 'host={HOST} port={PORT} user={USER} password={PASSWORD} dbname={DATABASE}{given}' as far (type postgres)")
            cases.listed(here.execute("from postgres_query('far', ?)", [cases.LISTED]).fetchall(), name)
            here.execute("detach far")


def case_pandas_reads():
    engine = postgresql()
    with engine.connect() as connection:
        frame = pd.read_sql(sa.text(QUERY), connection)
        parts = list(pd.read_sql(sa.text(QUERY), connection, chunksize=1000))
    checked(frame["id"].tolist(), frame["name"].tolist(), frame["price"].tolist(), frame["at"].tolist())
    assert [len(one) for one in parts] == [1000, 1000, 1000, 1]
    assert frame["ok"].isna().sum() == 1


def case_pandas_writes():
    engine = postgresql()
    frame = pd.DataFrame({"a": range(700), "b": [f"it's {n}" for n in range(700)], "c": pd.date_range("2024-01-01", periods=700), "d": [None, 1.5] * 350})
    frame.to_sql("written", engine, schema=SCHEMA, index=False, method="multi", chunksize=300)
    frame.to_sql("written", engine, schema=SCHEMA, index=False, if_exists="append")
    assert ask(f"select count(*), sum(a), max(c)::varchar, count(d) from {SCHEMA}.written") == [(1400, 489300, "2025-11-30 00:00:00", 700)]


def case_sqlalchemys_own_dialect():
    """It works but for what Redshift has not: savepoints, by which hstore is looked up."""
    with raises_in(sa.create_engine(SQLALCHEMY)) as error:
        assert 'SQL command "SAVEPOINT' in str(error[0])
    engine = postgresql()
    metadata = sa.MetaData(schema=SCHEMA)
    table = sa.Table("own", metadata, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), sa.Column("name", sa.String(20)), sa.Column("price", sa.Numeric(8, 2)))
    metadata.create_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        assert connection.dialect.server_version_info == (8, 0, 2)
        connection.execute(table.insert(), [{"id": n, "name": f"row {n}", "price": n} for n in range(5)])
        connection.execute(table.update().where(table.c.id == 1).values(name="it's"))
        assert connection.execute(sa.select(table.c.name).where(table.c.id.in_([1, 2])).order_by(table.c.id)).scalars().all() == ["it's", "row 2"]
        assert connection.scalar(sa.select(sa.func.sum(table.c.price))) == 10
    inspector = sa.inspect(engine)
    assert inspector.has_table("own", schema=SCHEMA)
    assert "own" in inspector.get_table_names(schema=SCHEMA)
    assert SCHEMA in inspector.get_schema_names()
    read = sa.MetaData()
    read.reflect(engine, schema=SCHEMA, only=["own"])
    found = read.tables[f"{SCHEMA}.own"]
    assert [(column.name, column.primary_key) for column in found.c] == [("id", True), ("name", False), ("price", False)]
    assert (found.c.name.type.length, found.c.price.type.precision) == (20, 8)
    metadata.drop_all(engine)
    assert not sa.inspect(engine).has_table("own", schema=SCHEMA)


def case_polars_reads_by_connectorx():
    frame = pl.read_database_uri(QUERY, URI)
    checked(frame["id"].to_list(), frame["name"].to_list(), frame["price"].to_list(), frame["at"].to_list())
    parts = connectorx.read_sql(URI, f"select id, name from {SCHEMA}.sales", partition_on="id", partition_num=3)
    assert len(parts) == ROWS + 1


def case_polars_reads_by_a_connection():
    frame = pl.read_database(QUERY, REDSHIFT.cursor())
    checked(frame["id"].to_list(), frame["name"].to_list(), frame["price"].to_list(), frame["at"].to_list())


def case_duckdb_attaches():
    here = duckdb.connect()
    import_extension("postgres", con=here)
    here.execute("load postgres")
    here.execute(f"attach 'host={HOST} port={PORT} user={USER} password={PASSWORD} dbname={DATABASE}' as far (type postgres)")
    assert ("sales",) in here.execute(f"select table_name from duckdb_tables() where database_name = 'far' and schema_name = '{SCHEMA}'").fetchall()
    found = here.execute(f'select id, name, price, "at" from far.{SCHEMA}.sales order by id').fetchall()
    checked(*(list(column) for column in zip(*found, strict=True)))
    assert here.execute(f"select count(*), sum(price) from far.{SCHEMA}.sales where id <= 8").fetchone()[0] == 9
    here.execute(f"create table far.{SCHEMA}.by_duckdb as select range::int as n, 'row ' || range as t from range(2500)")
    here.execute(f"insert into far.{SCHEMA}.by_duckdb values (-1, null)")
    assert ask(f"select count(*), sum(n), count(t) from {SCHEMA}.by_duckdb") == [(2501, 2500 * 2499 // 2 - 1, 2500)]
    assert here.execute(f"from postgres_query('far', 'select top 2 id from {SCHEMA}.sales order by 1')").fetchall() == [(0,), (1,)]


def case_awswrangler_reads_and_writes():
    frame = wr.redshift.read_sql_query(QUERY, con=REDSHIFT)
    assert len(frame) == ROWS + 1
    assert frame["name"].tolist()[1] == "name 1"
    assert len(wr.redshift.read_sql_table("sales", schema=SCHEMA, con=REDSHIFT)) == ROWS + 1
    given = pd.DataFrame({"id": [1, 2, 3], "v": ["a", "b", "c"], "at": pd.to_datetime(["2024-01-01"] * 3)})
    REDSHIFT.autocommit = False
    try:
        wr.redshift.to_sql(given, con=REDSHIFT, table="wrangled", schema=SCHEMA, mode="overwrite", primary_keys=["id"], diststyle="KEY", distkey="id", sortkey=["id"])
        wr.redshift.to_sql(given.assign(v="z").head(1), con=REDSHIFT, table="wrangled", schema=SCHEMA, mode="upsert", primary_keys=["id"])
        REDSHIFT.commit()
    finally:
        REDSHIFT.rollback()
        REDSHIFT.autocommit = True
    assert ask(f"select id, v from {SCHEMA}.wrangled order by id") == [(1, "z"), (2, "b"), (3, "c")]


cases.run(globals())
