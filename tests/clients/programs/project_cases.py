"""dbt with dbt-redshift: the example project built, tested, changed and built again, with TLS and its defaults.

The file is not called dbt_…: dbt would take it for a plug-in and import it.
"""

import contextlib
import io
import json
import os
import shutil
from pathlib import Path

import cases
import redshift_connector
import yaml
from cases import CERTIFICATE, DATABASE, HOST, PASSWORD, PORT, USER

FOLDER = Path(os.environ["CASE_FOLDER"])
PROJECT = FOLDER / "project"
shutil.copytree(Path(__file__).parents[3] / "examples/dbt", PROJECT)
# A second environment, for what takes the first one's tables.
profiles = yaml.safe_load((PROJECT / "profiles.yml").read_text())
outputs = profiles["tickets"]["outputs"]
outputs["elsewhere"] = outputs["dev"] | {"schema": "elsewhere"}
(PROJECT / "profiles.yml").write_text(yaml.safe_dump(profiles))
os.environ |= {
    "DUCKSHIFT_HOST": HOST, "DUCKSHIFT_PORT": str(PORT), "DUCKSHIFT_USER": USER,
    "DBT_ENV_SECRET_DUCKSHIFT_PASSWORD": PASSWORD, "SSL_CERT_FILE": CERTIFICATE,
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_PROFILES_DIR": str(PROJECT), "DBT_PROJECT_DIR": str(PROJECT),
    "DBT_TARGET_PATH": str(FOLDER / "target"), "DBT_LOG_PATH": str(FOLDER / "logs"), "DBT_LOG_LEVEL_FILE": "error", "DBT_QUIET": "true",
}  # fmt: skip

from dbt.cli.main import dbtRunner  # noqa: E402  (it reads the variables above)

MONTHS = ("--event-time-start", "2008-01-01", "--event-time-end", "2008-03-01")
CONNECTION = redshift_connector.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE)
CONNECTION.autocommit = True


def dbt(*words, fails=False):
    """Run a command of dbt; return the state of each node by its name."""
    told = []
    result = dbtRunner(callbacks=[lambda event: told.append(event.info.msg) if event.info.level == "error" else None]).invoke(list(words))
    assert result.success is not fails, (words, result.exception, told)
    return {one.node.name: str(getattr(one.status, "value", one.status)) for one in getattr(result.result, "results", ()) if hasattr(one, "node")}


def shown(*words):
    """Return the rows that ``dbt show`` shows."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        dbt("show", "--output", "json", *words)
    return json.loads(said.getvalue())["show"]


def ask(text):
    with CONNECTION.cursor() as cursor:
        cursor.execute(text)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def case_debug():
    dbt("debug")


def case_connections_are_listed():
    """It names none itself: its driver tells the module that connects."""
    assert ask(
        "select distinct trim(remotehost), trim(authmethod), trim(username), left(sslversion, 4), trim(driver_version) like 'Redshift Python Driver %',"
        " (select count(*) > 0 from sys_session_history h join sys_connection_log c on c.session_id = h.session_id where c.application_name = l.application_name)"
        " from stl_connection_log l where application_name = 'dbt.adapters.base.connections' and event = 'initiating session'"
    ) == [("127.0.0.1", "password", USER, "TLSv", True, True)]
    name = "dbt.adapters.base.connections"
    before = ask(f"select count(*) from stl_connection_log where application_name = '{name}' and event = 'disconnecting session'")[0][0]
    # A query that asks who is there finds its own session.
    asked = f"select count(*) as n from stv_sessions s join stl_connection_log l on l.pid = s.process where s.process = pg_backend_pid() and l.application_name = '{name}' and l.event = 'initiating session'"
    assert shown("--inline", asked) == [{"n": 1}]
    assert ask(f"select count(*) from stl_connection_log where application_name = '{name}' and event = 'disconnecting session'")[0][0] > before


def case_seed():
    assert set(dbt("seed").values()) == {"success"}
    assert ask("select count(*), min(sold_at)::varchar from tickets_raw.sales") == [(2000, "2008-01-01 00:22:23")]
    assert ask("select venue_name, seats from tickets_raw.venues where venue_id = 1") == [("Last Arena 1", 42200)]


def case_a_seed_of_ten_thousand_rows():
    lines = ["id,name,amount,day", *(f"{n},\"it's {n}\",{n / 4},2024-01-{n % 28 + 1:02}" for n in range(10_000))]
    (PROJECT / "seeds/many.csv").write_text("\n".join([*lines, ""]))
    assert dbt("seed", "--select", "many")["many"] == "success"
    (PROJECT / "seeds/many.csv").unlink()
    assert ask("select count(*), sum(id), sum(amount)::bigint, max(name) from tickets_raw.many") == [(10_000, 49_995_000, 12_498_750, "it's 9999")]


def case_freshness():
    dbt("run-operation", "load_clicks", "--args", "{clicks: 60}")
    assert dbt("source", "freshness")["clicks"] == "pass"


def case_build_with_several_threads():
    states = dbt("build", "--exclude-resource-type", "seed", *MONTHS)
    assert set(states.values()) <= {"success", "pass"}, states
    assert len(states) > 40
    assert ask("select count(*) from tickets_marts.fct_sales") == [(2000,)]
    assert ask("select count(*), sum(sales) from tickets_marts.sales_by_hour") == ask(
        "select count(distinct date_trunc('hour', sold_at)), count(*) from tickets_raw.sales where sold_at < '2008-03-01'"
    )


def case_docs():
    dbt("docs", "generate")
    found = json.loads((FOLDER / "target/catalog.json").read_text())
    nodes = {name.rpartition(".")[2]: node for name, node in (found["nodes"] | found["sources"]).items()}
    assert found["errors"] is None
    assert {name: node["metadata"]["type"] for name, node in nodes.items()} == {
        **dict.fromkeys(("categories", "venues", "users", "events", "sales", "clicks"), "BASE TABLE"),
        **dict.fromkeys(("users_history", "sales_history", "dim_users", "fct_sales", "click_log"), "BASE TABLE"),
        **dict.fromkeys(("daily_revenue", "sales_by_hour", "group_revenue", "calendar"), "BASE TABLE"),
        "stg_sales": "VIEW", "stg_users": "VIEW", "stg_clicks": "LATE BINDING VIEW", "monthly_revenue": "MATERIALIZED VIEW",
    }
    users = nodes["dim_users"]
    assert users["metadata"]["owner"] == USER
    assert users["metadata"]["comment"].startswith('Who buys and sells. It\'s "one row" a user;')
    assert {name: column["type"] for name, column in users["columns"].items()} == {
        "user_id": "integer", "user_name": "character varying(8)", "full_name": "character varying(61)",
        "city": "character varying(30)", "state": "character varying(2)", "has_bought": "boolean",
    }
    assert users["columns"]["has_bought"]["comment"] == "Whether the user ever bought a ticket."
    stats = {name: one["value"] for name, one in users["stats"].items()}
    assert (stats["diststyle"], stats["sortkey1"], stats["sortkey_num"], stats["rows"]) == ("KEY(user_id)", "state", 2, 400)
    assert nodes["monthly_revenue"]["columns"]["revenue"]["type"] == "numeric(38,2)"
    assert nodes["stg_clicks"]["columns"]["page"]["type"] == "character varying(10)"


def case_contract_and_grants():
    assert ask("select column_name, is_nullable from information_schema.columns where table_schema = 'tickets_marts' and table_name = 'dim_users' and is_nullable = 'NO'") == [("user_id", "NO")]
    assert ask(
        "select contype, conkey[1] from pg_constraint c join pg_class r on r.oid = c.conrelid join pg_namespace n on n.oid = r.relnamespace where nspname = 'tickets_marts' and relname = 'dim_users' order by 1"
    ) == [("p", 1), ("u", 2)]
    for name in ("dim_users", "fct_sales", "monthly_revenue"):
        assert ask(f"select has_table_privilege('ticket_reports', 'tickets_marts.{name}', 'select')") == [(True,)], name
    (PROJECT / "models/marts/dim_users.sql").write_text(
        (PROJECT / "models/marts/dim_users.sql").read_text().replace("full_name,", "42 as full_name,")
    )
    dbt("run", "--select", "dim_users", fails=True)
    (PROJECT / "models/marts/dim_users.sql").write_text(
        (PROJECT / "models/marts/dim_users.sql").read_text().replace("42 as full_name,", "full_name,")
    )
    assert dbt("retry")["dim_users"] == "success"


def case_what_changed_since():
    before = ask("select (select count(*) from tickets_marts.click_log), (select sum(revenue) from tickets_marts.monthly_revenue)")[0]
    ask("update tickets_raw.users set city = 'Oslo' where user_id in (1, 2)")
    ask("delete from tickets_raw.users where user_id = 400")
    ask("insert into tickets_raw.sales values (2001, 1, 2, 3, 2, 100.00, 15.00, '2008-12-31 23:00:00')")
    ask("insert into tickets_web.clicks values (1, 'seats', dateadd(hour, 1, getdate())), (2, 'event', dateadd(hour, 1, getdate()))")
    states = dbt("build", "--select", "users_history", "sales_history", "fct_sales", "daily_revenue", "click_log", "monthly_revenue")
    assert set(states.values()) <= {"success", "pass"}, states
    assert ask("select count(*), count(distinct sale_id), max(earned) from tickets_marts.fct_sales where sale_id > 2000") == [(1, 1, 85)]
    assert ask("select count(*) from tickets_marts.fct_sales") == [(2001,)]
    assert ask("select tickets, revenue from tickets_marts.daily_revenue where sold_on = '2008-12-31' and tickets = 2 and revenue = 100") == [(2, 100)]
    assert ask("select count(*) from tickets_marts.click_log") == [(before[0] + 2,)]
    assert ask("select sum(revenue) from tickets_marts.monthly_revenue") == [(before[1] + 100,)]
    assert ask("select city, dbt_valid_to is null from tickets_history.users_history where user_id = 1 order by dbt_valid_from, dbt_valid_to nulls last")[1] == ("Oslo", True)
    assert ask("select count(*) from tickets_history.users_history where dbt_valid_to is not null") == [(3,)]


def case_metadata_by_show():
    states = dbt("run", "--target", "show", "--select", "dim_users", "stg_clicks", "click_log", "monthly_revenue")
    assert set(states.values()) == {"success"}, states
    dbt("docs", "generate", "--target", "show", "--no-compile")
    nodes = json.loads((FOLDER / "target/catalog.json").read_text())["nodes"]
    assert nodes["model.tickets.dim_users"]["columns"]["full_name"]["type"].startswith("character varying")
    assert nodes["model.tickets.monthly_revenue"]["metadata"]["type"] in {"MATERIALIZED VIEW", "VIEW"}


def case_a_full_refresh():
    states = dbt("run", "--full-refresh", "--select", "fct_sales", "monthly_revenue", "click_log")
    assert set(states.values()) == {"success"}, states
    assert ask("select count(*) from tickets_marts.fct_sales") == [(2001,)]
    assert ask("select sum(revenue) - (select sum(price_paid) from tickets_raw.sales) from tickets_marts.monthly_revenue") == [(0,)]


def case_show():
    found = shown("--select", "daily_revenue", "--limit", "2")
    assert [set(row) for row in found] == [{"day_key", "sold_on", "category_name", "tickets", "revenue"}] * 2
    found = shown("--inline", "select user_id, has_bought, current_date - 1 as day, 1.5::decimal(5,2) as price, null as nothing from {{ ref('dim_users') }} where user_id = 1")
    assert found[0]["user_id"] == 1 and found[0]["price"] == 1.5 and found[0]["nothing"] is None, found


def case_failures_are_stored():
    (PROJECT / "tests/no_user_one.sql").write_text("select user_id, 'it''s one' as why from {{ ref('dim_users') }} where user_id = 1")
    assert dbt("test", "--select", "no_user_one", "--store-failures", fails=True)["no_user_one"] == "fail"
    (PROJECT / "tests/no_user_one.sql").unlink()
    assert ask("select user_id, why from tickets_dbt_test__audit.no_user_one") == [(1, "it's one")]


def case_clone_and_defer():
    (FOLDER / "state").mkdir()
    dbt("compile")
    shutil.copy(FOLDER / "target/manifest.json", FOLDER / "state")
    there = ("--target", "elsewhere", "--state", str(FOLDER / "state"))
    # Redshift has no clones: they are views over what is cloned.
    assert set(dbt("clone", "--select", "dim_users", "daily_revenue", *there).values()) == {"success"}
    assert ask("select count(*), sum(revenue) from elsewhere_marts.daily_revenue") == ask("select count(*), sum(revenue) from tickets_marts.daily_revenue")
    assert ask("select count(*) from pg_views where schemaname = 'elsewhere_marts' and viewname in ('dim_users', 'daily_revenue')") == [(2,)]
    deferred = ("--defer", "--favor-state", *there)
    assert dbt("run", "--select", "group_revenue", *deferred)["group_revenue"] == "success"
    assert ask("select count(*), min(month) from elsewhere_marts.group_revenue") == ask("select count(distinct date_trunc('month', sold_at)), min(date_trunc('month', sold_at)) from tickets_raw.sales")


def case_empty_and_sampled_runs():
    there = ("--target", "elsewhere", "--defer", "--favor-state", "--state", str(FOLDER / "state"))
    assert dbt("run", "--empty", "--select", "daily_revenue", *there)["daily_revenue"] == "success"
    assert ask("select count(*) from elsewhere_marts.daily_revenue") == [(0,)]
    assert dbt("run", "--sample", "{'start': '2008-01-01', 'end': '2008-02-01'}", "--select", "sales_by_hour", *there)["sales_by_hour"] == "success"
    assert ask("select count(*) from elsewhere_marts.sales_by_hour where sold_hour < '2008-02-01'") == ask("select count(distinct date_trunc('hour', sold_at)) from tickets_raw.sales where sold_at < '2008-02-01'")


cases.run(globals())
