"""Apache Airflow's Amazon provider: the hooks and operators for Redshift, by SQL, by the Data API, from and to S3."""

import os
from pathlib import Path

FOLDER = Path(os.environ["CASE_FOLDER"])
os.environ |= {
    "AIRFLOW_HOME": str(FOLDER / "airflow"), "AIRFLOW__CORE__LOAD_EXAMPLES": "false", "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "false", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{FOLDER}/airflow.db",
}  # fmt: skip

import json  # noqa: E402
import logging  # noqa: E402

import cases  # noqa: E402
from cases import DATABASE, HOST, PASSWORD, PORT, USER  # noqa: E402

SCHEMA = os.environ["CASE_SCHEMA"]
os.environ["SSL_CERT_FILE"] = cases.CERTIFICATE
os.environ["AIRFLOW_CONN_WAREHOUSE"] = json.dumps({
    "conn_type": "redshift", "host": HOST, "port": PORT, "login": USER, "password": PASSWORD, "schema": DATABASE,
    "extra": {"application_name": f"listed_{SCHEMA}"},
})  # fmt: skip
os.environ["AIRFLOW_CONN_CLOUD"] = json.dumps({
    "conn_type": "aws", "login": os.environ["AWS_ACCESS_KEY_ID"], "password": os.environ["AWS_SECRET_ACCESS_KEY"],
    "extra": {"region_name": "us-east-1", "endpoint_url": os.environ["CASE_API"], "verify": cases.CERTIFICATE},
})  # fmt: skip

os.environ["AIRFLOW_CONN_ROLE"] = json.dumps({"conn_type": "aws", "extra": {"role_arn": os.environ["CASE_ROLE"]}})

import boto3  # noqa: E402
from airflow.providers.amazon.aws.hooks.redshift_cluster import RedshiftHook  # noqa: E402
from airflow.providers.amazon.aws.hooks.redshift_data import RedshiftDataHook  # noqa: E402
from airflow.providers.amazon.aws.hooks.redshift_sql import RedshiftSQLHook  # noqa: E402
from airflow.providers.amazon.aws.operators.redshift_data import RedshiftDataOperator  # noqa: E402
from airflow.providers.amazon.aws.sensors.redshift_cluster import RedshiftClusterSensor  # noqa: E402
from airflow.providers.amazon.aws.transfers.redshift_to_s3 import RedshiftToS3Operator  # noqa: E402
from airflow.providers.amazon.aws.transfers.s3_to_redshift import S3ToRedshiftOperator  # noqa: E402
from airflow.providers.common.sql.operators.sql import (  # noqa: E402
    SQLColumnCheckOperator,
    SQLExecuteQueryOperator,
    SQLTableCheckOperator,
    SQLValueCheckOperator,
)
from airflow.providers.common.sql.sensors.sql import SqlSensor  # noqa: E402

logging.disable(logging.CRITICAL)
BUCKET = os.environ["CASE_BUCKET"]
STORE = boto3.client("s3", endpoint_url=os.environ["CASE_S3"], region_name="us-east-1", aws_access_key_id=os.environ["S3_ACCESS_KEY_ID"], aws_secret_access_key=os.environ["S3_SECRET_ACCESS_KEY"])
HOOK = RedshiftSQLHook(redshift_conn_id="warehouse")
DATA = {"cluster_identifier": "duckshift", "database": DATABASE, "db_user": USER, "aws_conn_id": "cloud"}


def ask(text, parameters=None):
    return [tuple(row) for row in HOOK.get_records(text, parameters)]


HOOK.run(f"create schema {SCHEMA}")


def case_is_listed():
    cases.listed(ask(cases.LISTED), f"listed_{SCHEMA}", driver="Redshift Python Driver", system="Linux", level=2)


def case_hook_runs_and_reads():
    HOOK.run([f"create table {SCHEMA}.sales (id int, name varchar(20), price decimal(8,2))", f"insert into {SCHEMA}.sales values (1, 'it''s', 1.25)"])
    HOOK.run(f"insert into {SCHEMA}.sales values (%s, %s, %s)", parameters=(2, "two", None))
    assert ask(f"select id, name from {SCHEMA}.sales where id = %s", (1,)) == [(1, "it's")]
    assert tuple(HOOK.get_first(f"select count(*) from {SCHEMA}.sales")) == (2,)
    HOOK.insert_rows(f"{SCHEMA}.sales", [(n, f"row {n}", n / 4) for n in range(10, 60)], target_fields=["id", "name", "price"], commit_every=20)
    assert ask(f"select count(*), max(name) from {SCHEMA}.sales") == [(52, "two")]
    assert HOOK.test_connection()[0]


def case_hook_tells_of_tables():
    HOOK.run(f"create table {SCHEMA}.keyed (a int, b int, primary key (a, b))")
    assert sorted(HOOK.get_table_primary_key("keyed", schema=SCHEMA)) == ["a", "b"]
    assert HOOK.get_openlineage_default_schema() == "public"


def case_sqlalchemy_engine():
    # psycopg's look-up of hstore takes a savepoint, which Redshift has not.
    with HOOK.get_sqlalchemy_engine({"use_native_hstore": False}).connect() as connection:
        assert connection.exec_driver_sql("select 1").scalar() == 1


def case_sql_operators():
    there = {"conn_id": "warehouse"}
    found = SQLExecuteQueryOperator(task_id="query", sql=f"select id, name from {SCHEMA}.sales where id = %s", parameters=(2,), **there).execute({})
    assert [tuple(row) for row in found] == [(2, "two")]
    SQLExecuteQueryOperator(task_id="several", sql=f"create table {SCHEMA}.several (a int); insert into {SCHEMA}.several values (1); select * from {SCHEMA}.several;", split_statements=True, **there).execute({})
    SQLColumnCheckOperator(task_id="columns", table=f"{SCHEMA}.sales", column_mapping={"id": {"null_check": {"equal_to": 0}, "distinct_check": {"geq_to": 52}, "max": {"equal_to": 59}}}, **there).execute({})
    SQLTableCheckOperator(task_id="table", table=f"{SCHEMA}.sales", checks={"many": {"check_statement": "count(*) > 50"}, "cheap": {"check_statement": "coalesce(price, 0) < 100"}}, **there).execute({})
    SQLValueCheckOperator(task_id="value", sql=f"select count(*) from {SCHEMA}.sales", pass_value=52, **there).execute({})
    failing = SQLColumnCheckOperator(task_id="failing", table=f"{SCHEMA}.sales", column_mapping={"price": {"null_check": {"equal_to": 0}}}, **there)
    cases.raises(Exception, failing.execute, {})
    assert SqlSensor(task_id="sensor", sql=f"select count(*) from {SCHEMA}.sales", **there).poke({})


def case_data_api_hook():
    hook = RedshiftDataHook(aws_conn_id="cloud")
    told = hook.execute_query(sql=f"select id, name from {SCHEMA}.sales where id = :id", parameters=[{"name": "id", "value": "2"}], poll_interval=1, **{name: value for name, value in DATA.items() if name != "aws_conn_id"})
    records = hook.conn.get_statement_result(Id=told.statement_id)["Records"]
    assert records == [[{"longValue": 2}, {"stringValue": "two"}]], records
    error = cases.raises(Exception, lambda: hook.execute_query(sql="select * from nowhere", poll_interval=1, database=DATABASE, cluster_identifier="duckshift", db_user=USER))
    assert "nowhere" in str(error)


def case_data_api_operator():
    for sql in (f"insert into {SCHEMA}.several values (2)", [f"insert into {SCHEMA}.several values (3)", f"insert into {SCHEMA}.several values (4)"]):
        RedshiftDataOperator(task_id="data", sql=sql, wait_for_completion=True, poll_interval=1, **DATA).execute({})
    assert ask(f"select count(*) from {SCHEMA}.several") == [(4,)]


def case_s3_to_redshift():
    STORE.put_object(Bucket=BUCKET, Key="airflow/in/one.csv", Body=b"id,name,price\n1,new,9\n500,far,5\n")
    for method, count in (("APPEND", 54), ("UPSERT", 53), ("REPLACE", 2)):
        S3ToRedshiftOperator(
            task_id=f"load_{method.lower()}", schema=SCHEMA, table="sales", s3_bucket=BUCKET, s3_key="airflow/in/", redshift_conn_id="warehouse",
            aws_conn_id="role", copy_options=["csv", "ignoreheader 1"], method=method, upsert_keys=["id"],
        ).execute({})  # fmt: skip
        assert ask(f"select count(*) from {SCHEMA}.sales") == [(count,)], method


def case_redshift_to_s3():
    RedshiftToS3Operator(
        task_id="unload", s3_bucket=BUCKET, s3_key="airflow/out", schema=SCHEMA, table="sales", redshift_conn_id="warehouse", aws_conn_id="role",
        unload_options=["header", "parallel off", "csv"], include_header=True,
    ).execute({})  # fmt: skip
    (key,) = [found["Key"] for found in STORE.list_objects_v2(Bucket=BUCKET, Prefix="airflow/out")["Contents"]]
    assert STORE.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode().splitlines()[0] == "id,name,price"


def case_clusters():
    hook = RedshiftHook(aws_conn_id="cloud")
    assert hook.cluster_status("duckshift") == "available"
    assert RedshiftClusterSensor(task_id="cluster", cluster_identifier="duckshift", target_status="available", aws_conn_id="cloud").poke({})


cases.run(globals())
