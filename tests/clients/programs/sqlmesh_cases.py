"""SQLMesh with its Redshift adapter: plans, virtual environments, incremental models, seeds, snapshots, audits, tests."""

import datetime as dt
import os
from pathlib import Path

import cases
import redshift_connector
from cases import CERTIFICATE, DATABASE, HOST, PASSWORD, PORT, USER

os.environ |= {"SSL_CERT_FILE": CERTIFICATE, "DO_NOT_TRACK": "1", "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "1"}

from sqlmesh import Context
from sqlmesh.core.config import Config, GatewayConfig, ModelDefaultsConfig
from sqlmesh.core.config.connection import RedshiftConnectionConfig
from sqlmesh.core.console import (
    NoopConsole,
    set_console,
)

SCHEMA = os.environ["CASE_SCHEMA"]
FOLDER = Path(os.environ["CASE_FOLDER"])
FILES = {
    "seeds/kinds.csv": "kind,label\na,first\nb,it's second\n",
    "models/kinds.sql": f"MODEL (name {SCHEMA}.kinds, kind SEED (path '../seeds/kinds.csv'), columns (kind varchar(2), label varchar(20)));",
    "models/sales.sql": f"""
        MODEL (name {SCHEMA}.sales, kind INCREMENTAL_BY_TIME_RANGE (time_column day), start '2024-01-01', cron '@daily',
               audits (not_null(columns := (id))), description 'One row a sale', column_descriptions (id = 'Which sale'));
        SELECT id::int AS id, kind::varchar(2) AS kind, price::decimal(8, 2) AS price, day::date AS day
        FROM {SCHEMA}_raw.sales WHERE day BETWEEN @start_date AND @end_date""",
    "models/sums.sql": f"""
        MODEL (name {SCHEMA}.sums, kind FULL, physical_properties (diststyle = 'ALL'));
        SELECT k.label, SUM(s.price) AS total, COUNT(*) AS n FROM {SCHEMA}.sales s JOIN {SCHEMA}.kinds k USING (kind) GROUP BY k.label""",
    "models/looks.sql": f"MODEL (name {SCHEMA}.looks, kind VIEW); SELECT label, total FROM {SCHEMA}.sums WHERE total > 10",
    "models/newest.sql": f"""
        MODEL (name {SCHEMA}.newest, kind INCREMENTAL_BY_UNIQUE_KEY (unique_key kind));
        SELECT kind, MAX(day) AS day FROM {SCHEMA}.sales GROUP BY kind""",
    "models/history.sql": f"""
        MODEL (name {SCHEMA}.history, kind SCD_TYPE_2_BY_COLUMN (unique_key kind, columns [label]));
        SELECT kind, label FROM {SCHEMA}.kinds""",
    "tests/test_sums.yaml": f"""
test_sums:
  model: {SCHEMA}.sums
  inputs:
    {SCHEMA}.sales:
      rows: [{{id: 1, kind: a, price: 1.5, day: 2024-01-01}}, {{id: 2, kind: a, price: 2, day: 2024-01-01}}]
    {SCHEMA}.kinds:
      rows: [{{kind: a, label: first}}]
  outputs:
    query:
      rows: [{{label: first, total: 3.5, n: 2}}]
""",
}  # fmt: skip
for name, text in FILES.items():
    (FOLDER / name).parent.mkdir(exist_ok=True)
    (FOLDER / name).write_text(text)
set_console(NoopConsole())


def login(application):
    return RedshiftConnectionConfig(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE, concurrent_tasks=4, application_name=application)


def project():
    gateway = GatewayConfig(connection=login(f"listed_{SCHEMA}"), test_connection={"type": "duckdb"})
    config = Config(gateways={"here": gateway}, default_gateway="here", model_defaults=ModelDefaultsConfig(dialect="redshift", start="2024-01-01"))
    return Context(paths=[str(FOLDER)], config=config)


CONNECTION = redshift_connector.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE)
CONNECTION.autocommit = True


def ask(text):
    with CONNECTION.cursor() as cursor:
        cursor.execute(text)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


ask(f"create schema {SCHEMA}_raw")
ask(f"create table {SCHEMA}_raw.sales (id int, kind varchar(2), price decimal(8,2), day date)")
ask(f"insert into {SCHEMA}_raw.sales select n, case when n % 2 = 0 then 'a' else 'b' end, n, dateadd(day, n, '2024-01-01')::date from generate_series(0, 9) as g(n)")
END = "2024-01-10"


def case_plan_and_apply():
    context = project()
    context.plan(execution_time="2024-01-11", auto_apply=True, no_prompts=True)
    assert ask(f"select count(*), sum(price) from {SCHEMA}.sales") == [(10, 45)]
    assert ask(f"select label, total, n from {SCHEMA}.sums order by 1") == [("first", 20, 5), ("it's second", 25, 5)]
    assert ask(f"select label from {SCHEMA}.looks order by 1") == [("first",), ("it's second",)]
    assert ask(f"select kind, day from {SCHEMA}.newest order by 1") == [("a", dt.date(2024, 1, 9)), ("b", dt.date(2024, 1, 10))]
    assert ask(f"select kind, label, valid_to from {SCHEMA}.history order by 1") == [("a", "first", None), ("b", "it's second", None)]


def case_is_listed():
    found = ask(f"select distinct trim(username), trim(authmethod), trim(driver_version) like 'Redshift Python Driver %' from stl_connection_log where application_name = 'listed_{SCHEMA}' and event = 'initiating session'")
    assert found == [(USER, "password", True)], found


def case_comments_and_options():
    assert ask(
        f"select d.objsubid, d.description from pg_description d join pg_class c on c.oid = d.objoid join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'sqlmesh__{SCHEMA}' and c.relname like '{SCHEMA}\\_\\_sales%' order by 1"
    ) == [(0, "One row a sale"), (1, "Which sale")]


def case_tests_and_audits():
    context = project()
    assert context.test().wasSuccessful()
    assert context.audit(start="2024-01-01", end=END) in {None, True}


def case_a_change_in_an_environment_of_its_own():
    path = FOLDER / "models/sums.sql"
    path.write_text(FILES["models/sums.sql"].replace("COUNT(*) AS n", "COUNT(*) AS n, MAX(s.day) AS last"))
    (FOLDER / "tests/test_sums.yaml").write_text(FILES["tests/test_sums.yaml"].replace("n: 2}", "n: 2, last: 2024-01-01}"))
    context = project()
    context.plan("dev", start="2024-01-01", end=END, execution_time="2024-01-11", auto_apply=True, no_prompts=True, include_unmodified=True)
    assert ask(f"select label, last from {SCHEMA}__dev.sums order by 1") == [("first", dt.date(2024, 1, 9)), ("it's second", dt.date(2024, 1, 10))]
    assert [row[:1] for row in ask(f"select * from {SCHEMA}.sums order by 1")] == [("first",), ("it's second",)]
    assert ask(f"select count(*) from svv_columns where table_schema = '{SCHEMA}' and table_name = 'sums' and column_name = 'last'") == [(0,)]
    context.plan(execution_time="2024-01-11", auto_apply=True, no_prompts=True)
    assert ask(f"select max(last) from {SCHEMA}.sums") == [(dt.date(2024, 1, 10),)]


def case_further_runs():
    ask(f"insert into {SCHEMA}_raw.sales values (10, 'a', 100, '2024-01-11')")
    (FOLDER / "seeds/kinds.csv").write_text("kind,label\na,new\nb,it's second\n")
    context = project()
    context.plan(execution_time="2024-01-12", auto_apply=True, no_prompts=True)
    context.run(execution_time="2024-01-12", ignore_cron=True)
    assert ask(f"select count(*), sum(price) from {SCHEMA}.sales") == [(11, 145)]
    assert ask(f"select label, total from {SCHEMA}.sums order by 1") == [("it's second", 25), ("new", 120)]
    assert ask(f"select kind, day from {SCHEMA}.newest order by 1")[0] == ("a", dt.date(2024, 1, 11))
    found = ask(f"select kind, label, valid_to is null from {SCHEMA}.history order by valid_from, kind, 3")
    assert set(found) >= {("a", "first", False), ("a", "new", True), ("b", "it's second", True)}, found


def case_frames_and_errors():
    context = project()
    frame = context.fetchdf(f"SELECT label, total FROM {SCHEMA}.sums ORDER BY 1")
    assert frame.values.tolist()[0][0] == "it's second"
    assert context.evaluate(f"{SCHEMA}.sums", start="2024-01-01", end=END, execution_time="2024-01-11", limit=1).shape[0] == 1
    adapter = context.engine_adapter
    assert adapter.table_exists(f"{SCHEMA}.sums") and not adapter.table_exists(f"{SCHEMA}.nowhere")
    found = {name: kind.sql("redshift") for name, kind in adapter.columns(f"{SCHEMA}.kinds").items()}
    assert found == {"kind": "VARCHAR(2)", "label": "VARCHAR(20)"}, found
    error = cases.raises(Exception, context.fetchdf, "SELECT * FROM nowhere")
    assert "nowhere" in str(error)


def case_environments_are_dropped():
    context = project()
    context.invalidate_environment("dev", sync=True)
    assert ask(f"select count(*) from pg_namespace where nspname = '{SCHEMA}__dev'") == [(0,)]


cases.run(globals())
