"""SQLAlchemy with sqlalchemy-redshift, over the driver that CASE_DRIVER names: DDL, reflection, COPY and UNLOAD, ORM."""

import datetime as dt
import decimal
import os

import cases
import sqlalchemy as sa
from cases import CERTIFICATE, DATABASE, HOST, PASSWORD, PORT, USER
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy_redshift import dialect as redshift

DRIVER, SCHEMA = os.environ["CASE_DRIVER"], os.environ["CASE_SCHEMA"]
os.environ["SSL_CERT_FILE"] = CERTIFICATE
TLS = {"sslmode": "verify-ca", "sslrootcert": CERTIFICATE} if DRIVER == "psycopg2" else {"sslmode": "verify-ca"}
URL = sa.URL.create(f"redshift+{DRIVER}", USER, PASSWORD, HOST, PORT, DATABASE)
ENGINE = sa.create_engine(URL, connect_args=TLS)
METADATA = sa.MetaData(schema=SCHEMA)

venues = sa.Table(
    "venues", METADATA,
    sa.Column("venue_id", sa.Integer, primary_key=True, redshift_identity=(1, 1)),
    sa.Column("name", sa.String(100), nullable=False, comment="as it's written outside", info={"encode": "zstd"}),
    sa.Column("seats", sa.BigInteger, server_default=sa.text("0")),
    redshift_diststyle="ALL", comment="Where events take place",
)  # fmt: skip
events = sa.Table(
    "events", METADATA,
    sa.Column("event_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("venue_id", sa.Integer, sa.ForeignKey(venues.c.venue_id, name="events_venue")),
    sa.Column("title", sa.String(200)),
    sa.Column("price", sa.Numeric(8, 2)),
    sa.Column("starts_at", sa.DateTime),
    sa.Column("sold_out", sa.Boolean),
    sa.UniqueConstraint("title", "starts_at", name="events_title"),
    redshift_diststyle="KEY", redshift_distkey="venue_id", redshift_sortkey=["starts_at", "event_id"],
)  # fmt: skip


def run(text, **values):
    with ENGINE.begin() as connection:
        result = connection.execute(sa.text(text), values)
        return [tuple(row) for row in result] if result.returns_rows else None


def case_is_listed():
    # Either driver may be told a name to give; sqlalchemy-redshift gives none of its own.
    told = {"driver": "Redshift Python Driver", "system": "Linux", "level": 2} if DRIVER == "redshift_connector" else {}
    named = sa.create_engine(URL, connect_args=TLS | {"application_name": f"listed_{SCHEMA}"})
    with named.connect() as connection:
        rows = connection.execute(sa.text(cases.LISTED.replace(":", "\\:"))).fetchall()
    cases.listed(rows, f"listed_{SCHEMA}", **told)


def case_connect():
    with ENGINE.connect() as connection:
        assert connection.dialect.server_version_info[:2] == (8, 0)
        assert connection.dialect.default_schema_name == "public"
        assert connection.scalar(sa.select(sa.literal("it's"))) == "it's"


def case_create_tables():
    run(f"create schema {SCHEMA}")
    METADATA.create_all(ENGINE)
    run(f"create view {SCHEMA}.bound as select title, price from {SCHEMA}.events")
    run(f"create view {SCHEMA}.unbound as select title, price * 2 as twice from {SCHEMA}.events with no schema binding")
    METADATA.create_all(ENGINE)


def case_insert_and_select():
    with ENGINE.begin() as connection:
        connection.execute(venues.insert(), [{"name": "Last Arena", "seats": 42}, {"name": "Hall", "seats": 7}])
        connection.execute(
            events.insert(),
            [
                {"event_id": n, "venue_id": n % 2 + 1, "title": f"E{n}", "price": decimal.Decimal("1.25") * n,
                 "starts_at": dt.datetime(2024, 1, n), "sold_out": n == 3}
                for n in range(1, 6)
            ],
        )  # fmt: skip
        query = sa.select(venues.c.name, sa.func.count(), sa.func.sum(events.c.price)).join(events).group_by(venues.c.name).order_by(venues.c.name)
        assert [tuple(row) for row in connection.execute(query)] == [
            ("Hall", 3, decimal.Decimal("11.25")), ("Last Arena", 2, decimal.Decimal("7.50")),
        ]  # fmt: skip
        page = sa.select(events.c.title).where(events.c.starts_at >= dt.datetime(2024, 1, 2)).order_by(events.c.title).limit(2).offset(1)
        assert connection.scalars(page).all() == ["E3", "E4"]


def case_tables_and_views():
    seen = sa.inspect(ENGINE)
    assert SCHEMA in seen.get_schema_names()
    assert sorted(seen.get_table_names(schema=SCHEMA)) == ["events", "venues"]
    assert sorted(seen.get_view_names(schema=SCHEMA)) == ["bound", "unbound"]
    assert seen.has_table("events", schema=SCHEMA)
    assert not seen.has_table("nothing", schema=SCHEMA)
    assert "price" in seen.get_view_definition("bound", schema=SCHEMA)


def case_columns():
    columns = {one["name"]: one for one in sa.inspect(ENGINE).get_columns("venues", schema=SCHEMA)}
    assert list(columns) == ["venue_id", "name", "seats"]
    assert [type(one["type"]).__name__ for one in columns.values()] == ["INTEGER", "VARCHAR", "BIGINT"]
    assert columns["name"]["type"].length == 100
    assert columns["name"]["comment"] == "as it's written outside"
    assert [one["nullable"] for one in columns.values()] == [False, False, True]
    assert columns["seats"]["default"] == "0"
    prices = {one["name"]: one for one in sa.inspect(ENGINE).get_columns("events", schema=SCHEMA)}["price"]["type"]
    assert (prices.precision, prices.scale) == (8, 2)


def case_columns_of_views():
    seen = sa.inspect(ENGINE)
    assert [one["name"] for one in seen.get_columns("bound", schema=SCHEMA)] == ["title", "price"]
    late = {one["name"]: one["type"] for one in seen.get_columns("unbound", schema=SCHEMA)}
    assert late["title"].length == 200
    assert type(late["twice"]).__name__ == "NUMERIC"


def case_constraints():
    seen = sa.inspect(ENGINE)
    assert seen.get_pk_constraint("events", schema=SCHEMA)["constrained_columns"] == ["event_id"]
    (key,) = seen.get_foreign_keys("events", schema=SCHEMA)
    assert (key["constrained_columns"], key["referred_table"], key["referred_columns"]) == (["venue_id"], "venues", ["venue_id"])
    (unique,) = seen.get_unique_constraints("events", schema=SCHEMA)
    assert (unique["name"], sorted(unique["column_names"])) == ("events_title", ["starts_at", "title"])
    assert seen.get_indexes("events", schema=SCHEMA) == []


def case_the_dialect_of_postgresql():
    if DRIVER != "psycopg2":
        return
    plain = sa.create_engine(URL.set(drivername="postgresql+psycopg2"), connect_args=TLS)
    seen, read = sa.inspect(plain), sa.MetaData()
    read.reflect(plain, schema=SCHEMA, views=True)
    assert sorted(table.name for table in read.tables.values()) == ["bound", "events", "unbound", "venues"]
    table = read.tables[f"{SCHEMA}.events"]
    assert [column.name for column in table.primary_key] == ["event_id"]
    assert [key.target_fullname for key in table.foreign_keys] == [f"{SCHEMA}.venues.venue_id"]
    (unique,) = seen.get_unique_constraints("events", schema=SCHEMA)
    assert unique["column_names"] == ["title", "starts_at"]
    (index,) = seen.get_indexes("events", schema=SCHEMA)
    assert (index["column_names"], index["duplicates_constraint"]) == (["title", "starts_at"], "events_title")
    assert seen.get_table_comment("venues", schema=SCHEMA) == {"text": "Where events take place"}
    assert seen.get_check_constraints("events", schema=SCHEMA) == []


def case_options_and_comments():
    seen = sa.inspect(ENGINE)
    assert seen.get_table_comment("venues", schema=SCHEMA) == {"text": "Where events take place"}
    options = seen.get_table_options("events", schema=SCHEMA)
    assert options["redshift_diststyle"] == "KEY"
    assert str(options["redshift_distkey"]) == "venue_id" or options["redshift_distkey"] is None
    assert seen.get_table_options("venues", schema=SCHEMA)["redshift_diststyle"] == "ALL"


def case_a_table_is_made_anew_from_its_reflection():
    read = sa.MetaData()
    table = sa.Table("events", read, schema=SCHEMA, autoload_with=ENGINE)
    assert set(read.tables) == {f"{SCHEMA}.events", f"{SCHEMA}.venues"}
    text = str(sa.schema.CreateTable(table).compile(dialect=ENGINE.dialect))
    assert "DISTKEY" in text.upper()
    copy = table.to_metadata(read, name="events_again")
    with ENGINE.begin() as connection:
        connection.execute(sa.schema.CreateTable(copy))
        connection.execute(copy.insert().from_select([one.name for one in table.columns], sa.select(table)))
        assert connection.scalar(sa.select(sa.func.count()).select_from(copy)) == 5
        connection.execute(sa.schema.DropTable(copy))


def case_commands():
    text = str(
        redshift.UnloadFromSelect(
            select=sa.select(events.c.title), unload_location="s3://b/p", iam_role_arns="arn:aws:iam::123456789012:role/r", format=redshift.Format.csv, header=True,
        ).compile(dialect=ENGINE.dialect)
    )  # fmt: skip
    assert "UNLOAD" in text
    command = redshift.CopyCommand(
        events, data_location="s3://nowhere-at-all/key", iam_role_arns="arn:aws:iam::123456789012:role/nobody", format=redshift.Format.csv, ignore_header=1,
    )  # fmt: skip
    if DRIVER == "redshift_connector":
        # It leaves the credentials to the server as a parameter, where COPY takes none.
        command = str(command.compile(dialect=ENGINE.dialect, compile_kwargs={"literal_binds": True}))
        assert command.startswith("COPY")
        return
    try:
        with ENGINE.begin() as connection:
            connection.execute(command)
    except sa.exc.DBAPIError as error:
        assert "syntax" not in str(error.orig).lower(), error.orig
    else:
        raise AssertionError("the role is known to nobody")


def case_materialized_view():
    view = redshift.CreateMaterializedView(
        f"{SCHEMA}.by_venue", sa.select(events.c.venue_id, sa.func.count().label("n")).group_by(events.c.venue_id), diststyle="EVEN",
    )  # fmt: skip
    with ENGINE.begin() as connection:
        connection.execute(view)
    assert run(f"select n from {SCHEMA}.by_venue order by venue_id") == [(2,), (3,)]
    with ENGINE.begin() as connection:
        connection.execute(redshift.DropMaterializedView(f"{SCHEMA}.by_venue"))


def case_orm():
    class Base(DeclarativeBase):
        metadata = sa.MetaData(schema=SCHEMA)

    class Buyer(Base):
        __tablename__ = "buyers"
        id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
        name: Mapped[str] = mapped_column(sa.String(30))

    Base.metadata.create_all(ENGINE)
    with Session(ENGINE) as session:
        session.add_all([Buyer(id=n, name=f"B{n}") for n in range(20)])
        session.commit()
        one = session.get(Buyer, 7)
        one.name = "Bea"
        session.commit()
        session.delete(session.get(Buyer, 8))
        session.rollback()
        assert session.scalars(sa.select(Buyer.name).where(Buyer.id.in_([7, 8])).order_by(Buyer.id)).all() == ["Bea", "B8"]


def case_an_error_leaves_the_pool_sound():
    try:
        run("select * from nothing_of_this_name")
    except sa.exc.ProgrammingError as error:
        assert "does not exist" in str(error.orig)
    assert run("select 1") == [(1,)]


cases.run(globals())
