"""Ibis with its PostgreSQL backend: tables made, listed and described, expressions of every kind compared with pandas."""

import datetime as dt
import os

import cases
import ibis
import pandas as pd
import psycopg
from cases import CERTIFICATE, DATABASE, HOST, PASSWORD, PORT, USER
from ibis import _

SCHEMA = os.environ["CASE_SCHEMA"]
with psycopg.connect(f"host={HOST} port={PORT} user={USER} password={PASSWORD} dbname={DATABASE}", autocommit=True) as made:
    made.execute(f"create schema {SCHEMA}")
DB = ibis.postgres.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE, schema=SCHEMA, application_name=f"listed_{SCHEMA}", sslmode="verify-ca", sslrootcert=CERTIFICATE)
FRAME = pd.DataFrame({
    "id": range(1, 101), "name": [None if n % 10 == 0 else f"it's {n}" for n in range(1, 101)], "price": [n / 4 for n in range(1, 101)],
    "at": pd.date_range("2024-01-01", periods=100, freq="13h"), "ok": [n % 2 == 0 for n in range(1, 101)], "kind": [("a", "b", "c")[n % 3] for n in range(1, 101)],
})  # fmt: skip


def ask(text):
    with DB.raw_sql(text) as cursor:
        return cursor.fetchall()


def case_is_listed():
    cases.listed(ask(cases.LISTED), f"listed_{SCHEMA}")


def case_tables_are_made_and_listed():
    DB.create_table("sales", FRAME)
    assert "sales" in DB.list_tables()
    assert SCHEMA in DB.list_databases()
    schema = DB.table("sales").schema()
    assert {name: str(kind) for name, kind in schema.items()} == {"id": "int64", "name": "string(256)", "price": "float64", "at": "timestamp(6)", "ok": "boolean", "kind": "string(256)"}, schema
    assert DB.table("sales").count().execute() == 100
    DB.create_view("some", DB.table("sales").filter(_.id < 11))
    assert DB.table("some").count().execute() == 10
    DB.create_table("made", schema=ibis.schema({"a": "int32", "b": "decimal(8,2)", "c": "date"}))
    DB.insert("made", pd.DataFrame({"a": [1, 2], "b": ["1.25", "2.50"], "c": [dt.date(2024, 1, 1)] * 2}))
    assert DB.table("made").b.sum().execute() == 3.75
    DB.drop_view("some")
    DB.drop_table("made")
    assert "made" not in DB.list_tables()


def sales():
    return DB.table("sales")


def same(found, wanted):
    pd.testing.assert_frame_equal(found.reset_index(drop=True), wanted.reset_index(drop=True), check_dtype=False)


def case_rows_make_the_trip():
    same(sales().order_by("id").execute(), FRAME)
    table = sales().order_by("id").to_pyarrow()
    assert table.num_rows == 100 and table["name"].null_count == 10
    assert sum(batch.num_rows for batch in sales().to_pyarrow_batches(chunk_size=30)) == 100


def case_filters_and_projections():
    found = sales().filter((_.price > 5) & _.name.notnull() & _.kind.isin(["a", "b"])).select("id", twice=_.price * 2).order_by(ibis.desc("id")).limit(5).execute()
    wanted = FRAME[(FRAME.price > 5) & FRAME.name.notna() & FRAME.kind.isin(["a", "b"])].sort_values("id", ascending=False).head(5)
    same(found, pd.DataFrame({"id": wanted.id, "twice": wanted.price * 2}))


def case_groups():
    found = sales().group_by("kind").agg(n=_.count(), total=_.price.sum(), mean=_.price.mean(), top=_.id.max(), names=_.name.nunique(), spread=_.price.std()).order_by("kind").execute()
    groups = FRAME.groupby("kind")
    wanted = pd.DataFrame({"kind": list("abc"), "n": groups.size().values, "total": groups.price.sum().values, "mean": groups.price.mean().values, "top": groups.id.max().values, "names": groups.name.nunique().values, "spread": groups.price.std().values})
    same(found, wanted)


def case_windows():
    found = sales().select("id", running=_.price.cumsum(order_by=_.id), rank=ibis.row_number().over(group_by=_.kind, order_by=ibis.desc(_.price))).order_by("id").execute()
    wanted = pd.DataFrame({"id": FRAME.id, "running": FRAME.price.cumsum(), "rank": FRAME.groupby("kind").price.rank(ascending=False).astype(int) - 1})
    same(found, wanted)


def case_joins_and_unions():
    kinds = ibis.memtable(pd.DataFrame({"kind": ["a", "b"], "label": ["first", "second"]}))
    joined = sales().left_join(kinds, "kind").select("id", "label").order_by("id").execute()
    assert joined.label.isna().sum() == (FRAME.kind == "c").sum()
    both = ibis.union(sales().select("id"), sales().select(id=_.id + 50), distinct=True)
    assert both.count().execute() == 150
    assert sales().filter(_.id.isin(sales().filter(_.ok).id)).count().execute() == 50


def case_texts():
    found = sales().filter(_.name.notnull()).select(a=_.name.upper(), b=_.name.length(), c=_.name.substr(5, 2), d=_.name.replace("it's", "x"), e=_.name.like("%9%"), f=_.name.re_search("[0-9]5$"), g=_.name + "!", h=_.name.find("s"), id=_.id).order_by("id").execute()
    names = FRAME[FRAME.name.notna()]
    wanted = pd.DataFrame({"a": names.name.str.upper(), "b": names.name.str.len(), "c": names.name.str[5:7], "d": names.name.str.replace("it's", "x"), "e": names.name.str.contains("9"), "f": names.name.str.contains("[0-9]5$"), "g": names.name + "!", "h": 3, "id": names.id})
    same(found, wanted)


def case_moments():
    found = sales().select("id", a=_.at.year(), b=_.at.month(), c=_.at.hour(), d=_.at.truncate("D"), e=_.at.date(), f=_.at + ibis.interval(days=2), g=_.at.day_of_week.index()).order_by("id").execute()
    at = FRAME["at"]
    wanted = pd.DataFrame({"id": FRAME.id, "a": at.dt.year, "b": at.dt.month, "c": at.dt.hour, "d": at.dt.floor("D"), "e": at.dt.date, "f": at + pd.Timedelta(days=2), "g": at.dt.dayofweek})
    found["e"] = pd.to_datetime(found["e"]).dt.date
    same(found, wanted)


def case_cases_and_nulls():
    found = sales().select("id", a=_.name.fill_null("none"), b=_.id.cases((1, "one"), (2, "two"), else_="more"), c=ibis.ifelse(_.ok, _.price, 0.0), d=_.price.round(1), e=(_.id % 7).cast("string"), f=ibis.coalesce(_.name, _.kind)).order_by("id").execute()
    wanted = pd.DataFrame({"id": FRAME.id, "a": FRAME.name.fillna("none"), "b": ["one", "two"] + ["more"] * 98, "c": FRAME.price.where(FRAME.ok, 0.0), "d": found.d, "e": (FRAME.id % 7).astype(str), "f": FRAME.name.fillna(FRAME.kind)})
    same(found, wanted)


def case_sql_and_errors():
    # Without a schema it makes a temporary view to learn it, which Redshift has not.
    told = ibis.schema({"kind": "string", "n": "int64"})
    found = DB.sql(f"select kind, count(*) as n from {SCHEMA}.sales group by kind", schema=told).filter(_.n == 34).execute()
    assert found.values.tolist() == [["b", 34]]
    error = cases.raises(Exception, DB.sql("select * from nowhere", schema=told).execute)
    assert 'relation "nowhere" does not exist' in str(error)
    assert sales().count().execute() == 100


def case_values_are_changed():
    DB.create_table("copied", sales().filter(_.id <= 20))
    DB.insert("copied", sales().filter(_.id > 95))
    assert DB.table("copied").count().execute() == 25
    DB.truncate_table("copied")
    assert DB.table("copied").count().execute() == 0


cases.run(globals())
