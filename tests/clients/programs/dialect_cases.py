"""SQLAlchemy's own postgresql dialect over its drivers, for who has not the dialect for Redshift."""

import asyncio
import os
import ssl
from decimal import Decimal

import cases
import sqlalchemy as sa
from cases import CERTIFICATE, DATABASE, HOST, PASSWORD, PORT, USER
from sqlalchemy.ext.asyncio import create_async_engine

SCHEMA = os.environ["CASE_SCHEMA"]
PLACE = f"{USER}:{PASSWORD}@{HOST}:{PORT}/{DATABASE}"
LIBPQ = {"sslmode": "verify-ca", "sslrootcert": CERTIFICATE}
TRUST = ssl.create_default_context(cafile=CERTIFICATE)
TRUST.check_hostname = False
METADATA = sa.MetaData(schema=SCHEMA)


def table(name):
    return sa.Table(
        name, METADATA, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), sa.Column("name", sa.String(40)),
        sa.Column("price", sa.Numeric(8, 2)), sa.Column("at", sa.DateTime), sa.Column("ok", sa.Boolean), sa.Column("share", sa.Double),
    )  # fmt: skip


def rows(count):
    return [{"id": n, "name": f"it's {n} %", "price": Decimal(n) / 4, "ok": n % 2 == 0, "share": n / 8} for n in range(count)]


def through(connection, own):
    """Fail unless what users do by a connection goes well."""
    METADATA.create_all(connection, tables=[own])
    METADATA.create_all(connection, tables=[own])
    connection.execute(own.insert(), rows(50))
    connection.execute(own.update().where(own.c.id.in_([1, 2])).values(name="changed", at=sa.func.getdate()))
    assert connection.scalar(sa.select(sa.func.sum(own.c.price))) == Decimal("306.25")
    found = connection.execute(sa.select(own.c.name, own.c.ok, own.c.share).where(own.c.id.between(1, 3), own.c.name.like("%it's%")).order_by(own.c.id)).all()
    assert [tuple(row) for row in found] == [("it's 3 %", False, 0.375)]
    assert connection.execute(sa.select(sa.func.count(own.c.at))).scalar() == 2
    assert connection.execute(own.delete().where(own.c.id > 40)).rowcount == 9
    several = sa.select(own.c.ok, sa.func.count().label("n")).group_by(own.c.ok).having(sa.func.count() > 1).order_by("n").limit(5).offset(0)
    assert sorted(row.n for row in connection.execute(several)) == [20, 21]
    connection.commit()
    connection.execute(own.delete())
    connection.rollback()
    assert connection.scalar(sa.select(sa.func.count()).select_from(own)) == 41
    inspector = sa.inspect(connection)
    assert inspector.has_table(own.name, schema=SCHEMA) and not inspector.has_table("nowhere", schema=SCHEMA)
    assert own.name in inspector.get_table_names(schema=SCHEMA) and SCHEMA in inspector.get_schema_names()
    columns = {column["name"]: str(column["type"]) for column in inspector.get_columns(own.name, schema=SCHEMA)}
    assert columns == {"id": "INTEGER", "name": "VARCHAR(40)", "price": "NUMERIC(8, 2)", "at": "TIMESTAMP", "ok": "BOOLEAN", "share": "DOUBLE PRECISION"}, columns
    assert inspector.get_pk_constraint(own.name, schema=SCHEMA)["constrained_columns"] == ["id"]
    error = cases.raises(sa.exc.DBAPIError, connection.execute, sa.text("select * from nowhere"))
    assert "nowhere" in str(error)
    connection.rollback()
    METADATA.drop_all(connection, tables=[own])
    connection.commit()


def by(driver, **options):
    engine = sa.create_engine(f"postgresql+{driver}://{PLACE}", **options)
    with engine.connect() as connection:
        through(connection, table(f"by_{driver}"))
        cases.listed(connection.execute(sa.text(cases.LISTED)).all(), f"listed_{driver}")
    engine.dispose()


def case_psycopg2():
    by("psycopg2", connect_args=LIBPQ | {"application_name": "listed_psycopg2"})


def case_psycopg():
    by("psycopg", connect_args=LIBPQ | {"application_name": "listed_psycopg"}, use_native_hstore=False)


def case_pg8000():
    by("pg8000", connect_args={"ssl_context": TRUST, "application_name": "listed_pg8000"})


def case_asyncpg():
    async def over():
        engine = create_async_engine(f"postgresql+asyncpg://{PLACE}", connect_args={"ssl": TRUST, "server_settings": {"application_name": "listed_asyncpg"}})
        async with engine.connect() as connection:
            await connection.run_sync(through, table("by_asyncpg"))
            cases.listed((await connection.execute(sa.text(cases.LISTED))).all(), "listed_asyncpg")
        await engine.dispose()

    asyncio.run(over())


with sa.create_engine(f"postgresql+psycopg2://{PLACE}").begin() as first:
    first.execute(sa.text(f"create schema {SCHEMA}"))

cases.run(globals())
