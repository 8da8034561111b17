"""dlt with its Redshift destination: loads that append, replace and merge, nested data, new columns, reading back."""

import datetime as dt
import os
from decimal import Decimal
from pathlib import Path

import cases
from cases import DATABASE, HOST, PASSWORD, PORT, USER

FOLDER = Path(os.environ["CASE_FOLDER"])
SCHEMA = os.environ["CASE_SCHEMA"]
os.environ |= {
    "DLT_DATA_DIR": str(FOLDER / "dlt"), "RUNTIME__DLTHUB_TELEMETRY": "false", "RUNTIME__LOG_LEVEL": "CRITICAL",
    "DESTINATION__REDSHIFT__CREDENTIALS": f"postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{DATABASE}", "PGAPPNAME": f"listed_{SCHEMA}",
}  # fmt: skip

import dlt  # noqa: E402  (it reads the variables above)

PIPELINE = dlt.pipeline("loads", destination="redshift", dataset_name=SCHEMA, pipelines_dir=str(FOLDER / "pipelines"))


def ask(text):
    with PIPELINE.sql_client() as client:
        return [tuple(row) for row in client.execute_sql(text)]


def rows(first, last):
    return [
        {"id": n, "name": f"it's \\ {n}\n漢", "price": Decimal(n) / 4, "at": dt.datetime(2024, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=n), "day": dt.date(2024, 1, 1), "ok": n % 2 == 0, "share": n / 8, "big": 1 << 40, "none": None}
        for n in range(first, last)
    ]


def case_append():
    told = PIPELINE.run(rows(0, 300), table_name="sales", write_disposition="append")
    assert not told.has_failed_jobs
    PIPELINE.run(rows(300, 305), table_name="sales", write_disposition="append")
    assert ask("select count(*), sum(id), sum(price), max(at)::varchar(19), count(distinct day), sum(case when ok then 1 else 0 end), max(big) from sales") == [
        (305, 46360, Decimal("11590.000000000"), "2024-01-13 16:00:00", 1, 153, 1 << 40)
    ]
    assert ask("select name from sales where id = 3") == [("it's \\ 3\n漢",)]


def case_is_listed():
    ((application, user, tls),) = set(ask(f"select trim(application_name), trim(username), left(sslversion, 4) from stl_connection_log where application_name = 'listed_{SCHEMA}' and event = 'initiating session'"))
    assert (application, user, tls) == (f"listed_{SCHEMA}", USER, "TLSv")


def case_types_of_columns():
    found = dict(ask(f"select column_name, data_type from svv_columns where table_schema = '{SCHEMA}' and table_name = 'sales'"))
    assert {name: found[name] for name in ("id", "name", "price", "at", "day", "ok", "share")} == {
        "id": "bigint", "name": "character varying", "price": "numeric", "at": "timestamp with time zone", "day": "date", "ok": "boolean", "share": "double precision",
    }  # fmt: skip


def case_replace():
    for strategy in ("truncate-and-insert", "insert-from-staging"):
        os.environ["DESTINATION__REPLACE_STRATEGY"] = strategy
        PIPELINE.run(rows(0, 10), table_name="replaced", write_disposition="replace")
        PIPELINE.run(rows(0, 4), table_name="replaced", write_disposition="replace")
        assert ask("select count(*) from replaced") == [(4,)], strategy


def case_merge():
    PIPELINE.run(rows(0, 10), table_name="merged", write_disposition="merge", primary_key="id")
    changed = [row | {"name": "changed"} for row in rows(5, 15)]
    PIPELINE.run(changed, table_name="merged", write_disposition="merge", primary_key="id")
    assert ask("select count(*), sum(case when name = 'changed' then 1 else 0 end) from merged") == [(15, 10)]


def case_history():
    disposition = {"disposition": "merge", "strategy": "scd2"}
    for name in ("one", "uno"):
        PIPELINE.run([{"id": 1, "name": name}, {"id": 2, "name": "two"}], table_name="history", write_disposition=disposition)
    assert ask("select id, name, _dlt_valid_to is null from history order by id, name") == [(1, "one", False), (1, "uno", True), (2, "two", True)]


def case_nested_data_and_new_columns():
    PIPELINE.run([{"id": 1, "tags": ["a", "b"], "place": {"city": "Oslo", "zip": "0150"}}], table_name="nested", write_disposition="append")
    PIPELINE.run([{"id": 2, "tags": [], "place": {"city": "Rome", "country": "IT"}, "new": 1.5}], table_name="nested", write_disposition="append")
    assert ask("select id, place__city, place__zip, place__country, new from nested order by id") == [(1, "Oslo", "0150", None, None), (2, "Rome", None, "IT", 1.5)]
    assert ask("select t.value, n.id from nested__tags t join nested n on t._dlt_parent_id = n._dlt_id order by 1") == [("a", 1), ("b", 1)]


def case_json_and_hints():
    columns = {"payload": {"data_type": "json"}, "raw": {"data_type": "binary"}, "clock": {"data_type": "time"}}
    PIPELINE.run([{"id": 1, "payload": {"a": [1, {"b": "it's"}]}, "raw": b"\x00\xff", "clock": dt.time(1, 2, 3)}], table_name="hinted", columns=columns)
    assert ask("select payload.a[1].b::varchar, raw, clock::varchar from hinted")[0][0] == "it's"


def case_reading_back():
    dataset = PIPELINE.dataset()
    assert dataset.table("sales").df().shape[0] == 305
    assert dataset("select id from sales where id < 3 order by 1").fetchall() == [(0,), (1,), (2,)]
    assert sum(len(part) for part in dataset.table("sales").iter_df(chunk_size=100)) == 305


def case_state_comes_back():
    other = dlt.pipeline("loads", destination="redshift", dataset_name=SCHEMA, pipelines_dir=str(FOLDER / "elsewhere"))
    other.sync_destination()
    assert "sales" in other.default_schema.tables and "nested__tags" in other.default_schema.tables


def case_errors():
    error = cases.raises(Exception, ask, "select * from nowhere")
    assert 'relation "nowhere" does not exist' in str(error)


def case_datasets_are_dropped():
    with PIPELINE.sql_client() as client:
        client.drop_dataset()
        assert not client.has_dataset()


cases.run(globals())
