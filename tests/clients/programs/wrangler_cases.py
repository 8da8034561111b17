"""awswrangler's module for Redshift, with its files in S3: COPY and UNLOAD in all modes, to_sql, reading in chunks."""

import os

import awswrangler as wr
import cases
import pandas as pd
import redshift_connector
from cases import DATABASE, HOST, PASSWORD, PORT, USER, raises

SCHEMA, STAGE, ROLE = os.environ["CASE_SCHEMA"], os.environ["CASE_STAGE"], os.environ["CASE_ROLE"]
wr.config.s3_endpoint_url = os.environ["CASE_S3"]
CONNECTION = redshift_connector.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE, ssl=False)
FRAME = pd.DataFrame({"id": [1, 2, 3], "name": ["one", None, "it's"], "at": pd.to_datetime(["2024-01-01 01:02:03"] * 3), "ok": [True, False, True], "price": [1.5, None, -2.25]})
HERE = {"con": CONNECTION, "schema": SCHEMA}


def ask(text):
    with CONNECTION.cursor() as cursor:
        cursor.execute(text)
        rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
    CONNECTION.commit()
    return rows


ask(f"create schema {SCHEMA}")


def names(table):
    return ask(f"select id, name from {SCHEMA}.{table} order by id, name")


GIVEN = [(1, "one"), (2, None), (3, "it's")]


def case_is_listed():
    told = {"driver": "Redshift Python Driver", "system": "Linux", "level": 2, "tls": False}
    cases.listed(wr.redshift.read_sql_query(cases.LISTED, con=CONNECTION).values.tolist(), "__main__", **told)


def case_to_sql_in_all_modes():
    wr.redshift.to_sql(FRAME, table="written", mode="append", **HERE)
    wr.redshift.to_sql(FRAME.head(1), table="written", mode="append", use_column_names=True, **HERE)
    assert names("written") == [(1, "one"), *GIVEN]
    for method in ("drop", "cascade", "truncate", "delete"):
        wr.redshift.to_sql(FRAME, table="written", mode="overwrite", overwrite_method=method, **HERE)
        assert names("written") == GIVEN, method
    changed = FRAME.assign(name="new").tail(1)
    wr.redshift.to_sql(pd.concat([changed, changed.assign(id=4)]), table="written", mode="upsert", primary_keys=["id"], **HERE)
    assert names("written") == [*GIVEN[:2], (3, "new"), (4, "new")]
    wr.redshift.to_sql(FRAME.assign(more=7), table="written", mode="append", use_column_names=True, add_new_columns=True, **HERE)
    assert ask(f"select count(*), count(more) from {SCHEMA}.written") == [(7, 3)]


def case_to_sql_with_a_table_of_its_own_kind():
    wr.redshift.to_sql(
        FRAME, table="kinds", mode="overwrite", diststyle="KEY", distkey="id", sortstyle="COMPOUND", sortkey=["at", "id"], primary_keys=["id"],
        varchar_lengths={"name": 40}, dtype={"price": "decimal(8,2)"}, index=False, chunksize=2, lock=True, **HERE,
    )
    ask(f"set search_path to {SCHEMA}, public")
    found = ask(f"select \"column\", type, distkey, sortkey from pg_table_def where tablename = 'kinds' and schemaname = '{SCHEMA}' order by 1")
    assert ("name", "character varying(40)", False, 0) in found, found
    assert {("at", 1), ("id", 2)} <= {(row[0], row[3]) for row in found}, found
    assert ask(f"select sum(price) from {SCHEMA}.kinds")[0][0] is not None


def case_copies_frames_in_all_modes():
    def copied(frame, **more):
        wr.redshift.copy(frame, path=f"{STAGE}/copied/", table="copied", iam_role=ROLE, **more, **HERE)

    copied(FRAME, mode="append")
    copied(FRAME.head(1), mode="append")
    assert names("copied") == [(1, "one"), *GIVEN]
    for method in ("drop", "cascade", "truncate", "delete"):
        copied(FRAME, mode="overwrite", overwrite_method=method)
        assert names("copied") == GIVEN, method
    copied(FRAME.assign(name="new").tail(1), mode="upsert", primary_keys=["id"])
    assert names("copied") == [*GIVEN[:2], (3, "new")]
    assert wr.s3.list_objects(f"{STAGE}/copied/") == [], "it takes its files away"


def case_copies_files():
    path = f"{STAGE}/files/"
    wr.s3.to_parquet(FRAME, path=path, dataset=True, mode="overwrite")
    given = {"path": path, "iam_role": ROLE, "table": "files", **HERE}
    wr.redshift.copy_from_files(mode="append", **given)
    wr.redshift.copy_from_files(mode="overwrite", varchar_lengths_default=64, **given)
    assert names("files") == GIVEN
    wr.redshift.copy_from_files(mode="upsert", primary_keys=["id"], **given)
    assert names("files") == GIVEN
    assert ask(f"select max(at)::varchar, sum(price) from {SCHEMA}.files") == [("2024-01-01 01:02:03", -0.75)]


def case_unloads_to_frames():
    wr.redshift.to_sql(FRAME, table="source", mode="overwrite", **HERE)
    found = wr.redshift.unload(f"select id, name, price from {SCHEMA}.source where id < 3", path=f"{STAGE}/unloaded/", con=CONNECTION, iam_role=ROLE)
    assert sorted(found["id"].tolist()) == [1, 2]
    parts = wr.redshift.unload(f"select * from {SCHEMA}.source", path=f"{STAGE}/unloaded/", con=CONNECTION, iam_role=ROLE, chunked=2)
    assert sum(len(part) for part in parts) == 3
    assert wr.s3.list_objects(f"{STAGE}/unloaded/") == [], "it takes its files away"


def case_unloads_to_files():
    path = f"{STAGE}/left/"
    wr.redshift.to_sql(FRAME, table="source", mode="overwrite", **HERE)
    text = f"select id, name, price, ok from {SCHEMA}.source"
    wr.redshift.unload_to_files(text, path=path, con=CONNECTION, iam_role=ROLE, partition_cols=["ok"], manifest=True)
    assert len(wr.s3.read_parquet(path, dataset=True, path_suffix=".parquet")) == 3
    wr.redshift.unload_to_files(text, path=f"{path}csv/", con=CONNECTION, iam_role=ROLE, unload_format="CSV", parallel=False, max_file_size=10.0, cleanpath=True)
    (file,) = wr.s3.list_objects(f"{path}csv/")
    assert sorted(wr.s3.read_csv(file, header=None)[0].tolist()) == [1, 2, 3]


def case_reads():
    wr.redshift.to_sql(FRAME, table="read", mode="overwrite", **HERE)
    assert len(wr.redshift.read_sql_table("read", **HERE)) == 3
    parts = list(wr.redshift.read_sql_query(f"select * from {SCHEMA}.read order by id", con=CONNECTION, chunksize=2))
    assert [len(part) for part in parts] == [2, 1]
    assert [len(part) for part in wr.redshift.read_sql_table("read", chunksize=1, **HERE)] == [1, 1, 1]
    found = wr.redshift.read_sql_query(f"select id, price from {SCHEMA}.read where id > %s order by id", con=CONNECTION, params=[1], index_col="id", dtype_backend="pyarrow")
    assert found.index.tolist() == [2, 3]
    empty = wr.redshift.read_sql_query(f"select id from {SCHEMA}.read where false", con=CONNECTION)
    assert len(empty) == 0


def case_errors():
    raises(redshift_connector.ProgrammingError, lambda: wr.redshift.read_sql_query("select * from nowhere", con=CONNECTION))
    CONNECTION.rollback()
    assert ask("select 1") == [(1,)]


cases.run(globals())
