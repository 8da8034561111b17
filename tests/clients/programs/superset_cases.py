"""Apache Superset's own models and commands over a Redshift connection, without its web pages.

Its metadata is a SQLite file of CASE_FOLDER. Everything is asked over both drivers that it may be given.
"""

import io
import logging
import os
import sys
import threading
import time
import warnings
from contextlib import closing
from datetime import datetime
from pathlib import Path

from cases import CERTIFICATE, DATABASE, HOST, LISTED, PASSWORD, PORT, USER, listed, raises, run

FOLDER = Path(os.environ["CASE_FOLDER"])
(FOLDER / "superset_config.py").write_text(
    f'SECRET_KEY = "metadata of a test"\nSQLALCHEMY_DATABASE_URI = "sqlite:///{FOLDER}/metadata.db?check_same_thread=false"\n'
    "PREVENT_UNSAFE_DB_CONNECTIONS = False\nRATELIMIT_ENABLED = False\nTALISMAN_ENABLED = False\n"
)
os.environ["SUPERSET_CONFIG_PATH"] = str(FOLDER / "superset_config.py")
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
sys.stdout, kept = sys.stderr, sys.stdout
from superset.app import create_app  # noqa: E402

APP = create_app()
sys.stdout = kept
CONTEXT = APP.test_request_context()
CONTEXT.push()

import psycopg2  # noqa: E402
import redshift_connector  # noqa: E402
from flask import g  # noqa: E402
from flask_appbuilder import Model  # noqa: E402
from superset import db, security_manager  # noqa: E402
from superset.commands.chart.data.get_data_command import ChartDataCommand  # noqa: E402
from superset.commands.database.create import CreateDatabaseCommand  # noqa: E402
from superset.commands.database.exceptions import DatabaseTestConnectionFailedError  # noqa: E402
from superset.commands.database.tables import TablesDatabaseCommand  # noqa: E402
from superset.commands.database.test_connection import TestConnectionDatabaseCommand  # noqa: E402
from superset.commands.database.uploaders.base import UploadCommand  # noqa: E402
from superset.commands.database.uploaders.csv_reader import CSVReader  # noqa: E402
from superset.commands.dataset.create import CreateDatasetCommand  # noqa: E402
from superset.common.query_context_factory import QueryContextFactory  # noqa: E402
from superset.databases.utils import get_table_metadata  # noqa: E402
from superset.errors import SupersetErrorType  # noqa: E402
from superset.exceptions import SupersetErrorsException, SupersetException  # noqa: E402
from superset.models.sql_lab import Query  # noqa: E402
from superset.sql.parse import Table  # noqa: E402
from superset.sqllab.api import SqlLabRestApi  # noqa: E402
from superset.sqllab.sqllab_execution_context import SqlJsonExecutionContext  # noqa: E402
from werkzeug.datastructures import FileStorage  # noqa: E402

Model.metadata.create_all(db.engine)
security_manager.add_role("Admin")
security_manager.sync_role_definitions()
g.user = security_manager.add_user(
    "admin", "a", "b", "a@example.org", security_manager.find_role("Admin"), password="admin"
)

SCHEMA = os.environ.get("CASE_SCHEMA", "superset")
ARGUMENTS = {
    "psycopg2": f'{{"sslmode": "verify-ca", "sslrootcert": "{CERTIFICATE}"}}',
    "redshift_connector": '{"ssl": false}',
}


def properties(driver, *, password=PASSWORD, database=DATABASE):
    uri = f"redshift+{driver}://{USER}:{password}@{HOST}:{PORT}/{database}"
    return {
        "database_name": f"warehouse by {driver}", "sqlalchemy_uri": uri, "expose_in_sqllab": True, "allow_ctas": True,
        "allow_cvas": True, "allow_dml": True, "allow_file_upload": True,
        "extra": f'{{"engine_params": {{"connect_args": {ARGUMENTS[driver]}}}, "allows_virtual_table_explore": true}}',
    }


WAREHOUSES = {}
DATASETS = {}


def each():
    """Return the connections, by driver."""
    assert len(WAREHOUSES) == len(ARGUMENTS), "the connections were not made"
    return WAREHOUSES.items()


def execute(database, *statements):
    with database.get_raw_connection() as connection, closing(connection.cursor()) as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()


def case_connections_are_tested_and_made():
    for driver in ARGUMENTS:
        TestConnectionDatabaseCommand(properties(driver)).run()
        WAREHOUSES[driver] = CreateDatabaseCommand(properties(driver)).run()
        assert WAREHOUSES[driver].backend == "redshift"
    execute(
        WAREHOUSES["psycopg2"],
        f"CREATE SCHEMA {SCHEMA}",
        f"CREATE TABLE {SCHEMA}.customers (id int NOT NULL, city varchar(40), PRIMARY KEY (id))",
        f"CREATE TABLE {SCHEMA}.orders (id int NOT NULL, customer_id int REFERENCES {SCHEMA}.customers (id),"
        " amount decimal(12,2), ordered timestamp, day date, seconds bigint, ok boolean, note varchar(200),"
        " PRIMARY KEY (id)) DISTKEY (customer_id) SORTKEY (ordered)",
        f"COMMENT ON TABLE {SCHEMA}.orders IS 'Orders placed'",
        f"COMMENT ON COLUMN {SCHEMA}.orders.note IS 'Free text'",
        f"CREATE VIEW {SCHEMA}.sums AS SELECT customer_id, sum(amount) AS total FROM {SCHEMA}.orders GROUP BY 1",
        f"CREATE VIEW {SCHEMA}.late AS SELECT id, city FROM {SCHEMA}.customers WITH NO SCHEMA BINDING",
        f"INSERT INTO {SCHEMA}.customers VALUES (1, 'Oslo'), (2, 'Rome'), (3, NULL)",
        f"INSERT INTO {SCHEMA}.orders VALUES (1, 1, 10.50, '2024-01-31 10:04:37', '2024-01-31', 1706695477, true, 'x'),"
        " (2, 1, 20.25, '2024-02-29 11:48:02', '2024-02-29', 1709207282, false, NULL),"
        " (3, 2, 5, '2024-02-29 11:59:59', '2024-02-29', 1709207999, NULL, 'xy'),"
        " (4, 3, 7, '2025-03-03 00:00:00', '2025-03-03', 1740960000, true, '')",
    )


def case_connections_are_listed():
    by_redshift = {"driver": "Redshift Python Driver", "system": "Linux", "level": 2, "tls": False}
    told = {"psycopg2": ("", {}), "redshift_connector": ("sqlalchemy-redshift", by_redshift)}
    for driver, database in each():
        listed(database.get_df(LISTED, schema=SCHEMA).values.tolist(), told[driver][0], **told[driver][1])


def case_refused_connections_say_why():
    for driver in ARGUMENTS:
        error = raises(SupersetErrorsException, TestConnectionDatabaseCommand(properties(driver, password="wrong")).run)
        assert error.errors[0].error_type == SupersetErrorType.CONNECTION_ACCESS_DENIED_ERROR, error.errors
        assert "password" in error.errors[0].message
        error = raises(
            (SupersetErrorsException, DatabaseTestConnectionFailedError),
            TestConnectionDatabaseCommand(properties(driver, database="nowhere")).run,
        )
        assert error.errors[0].error_type == SupersetErrorType.CONNECTION_UNKNOWN_DATABASE_ERROR, error.errors


def case_schemas_tables_and_views_are_listed():
    for driver, database in each():
        schemas = database.get_all_schema_names(catalog=None)
        assert {SCHEMA, "public"} <= set(schemas), (driver, schemas)
        assert database.get_default_schema(None) == "public"
        listed = TablesDatabaseCommand(database.id, None, SCHEMA, True).run()
        found = {(item["value"], item["type"]) for item in listed["result"]}
        assert found == {("customers", "table"), ("orders", "table"), ("sums", "view"), ("late", "view")}, found


def case_columns_keys_and_comments():
    for _, database in each():
        told = get_table_metadata(database, Table("orders", SCHEMA))
        assert told["comment"] == "Orders placed"
        assert [(item["name"], item["longType"], item["comment"]) for item in told["columns"]] == [
            ("id", "INTEGER", None), ("customer_id", "INTEGER", None), ("amount", "NUMERIC(12, 2)", None),
            ("ordered", "TIMESTAMP", None), ("day", "DATE", None), ("seconds", "BIGINT", None), ("ok", "BOOLEAN", None),
            ("note", "VARCHAR(200)", "Free text"),
        ]  # fmt: skip
        assert [key["column_names"] for key in told["foreignKeys"]] == [["customer_id"]], told
        with database.get_inspector(schema=SCHEMA) as inspector:
            assert inspector.get_pk_constraint("orders", SCHEMA)["constrained_columns"] == ["id"]
        late = get_table_metadata(database, Table("late", SCHEMA))
        # Its dialect numbers such columns with NULL and orders them by that.
        assert {(item["name"], item["longType"]) for item in late["columns"]} == {("id", "INTEGER"), ("city", "VARCHAR(40)")}


def case_previews_of_tables():
    for _, database in each():
        statement = database.select_star(
            Table("orders", SCHEMA), limit=2, show_cols=True, indent=True, latest_partition=False
        )
        frame = database.get_df(statement, schema=SCHEMA)
        assert len(frame) == 2 and list(frame.columns)[:4] == ["id", "customer_id", "amount", "ordered"]


def laboratory(database, statement, **more):
    """Run a text as SQL Lab does and return what it shows."""
    asked = {
        "database_id": database.id, "sql": statement, "schema": SCHEMA, "runAsync": False, "client_id": more.pop("client"),
        "queryLimit": more.pop("limit", 1000), "tab": "test", "sql_editor_id": "1", "expand_data": False, **more,
    }  # fmt: skip
    command = SqlLabRestApi._create_sql_json_command(SqlJsonExecutionContext(asked), None)
    payload = command.run()["payload"]
    if isinstance(payload, str):
        from superset.utils import json

        payload = json.loads(payload)
    return payload


def case_the_laboratory_runs_statements():
    for number, (driver, database) in enumerate(each()):
        shown = laboratory(
            database, f"SELECT id, amount, ordered, ok, note FROM {SCHEMA}.orders ORDER BY id", client=f"a{number}", limit=3
        )
        assert shown["status"] == "success", shown
        assert shown["columns"][0]["type"] in {"INTEGER", "INT"}, shown["columns"]
        assert len(shown["data"]) == 3 and shown["data"][0]["note"] == "x" and shown["data"][0]["id"] == 1, shown["data"]
        assert str(shown["data"][1]["amount"]) == "20.25" and shown["data"][2]["ok"] is None
        assert "2024-01-31" in str(shown["data"][0]["ordered"])
        made = f"{SCHEMA}.made_{number}"
        shown = laboratory(
            database,
            f"CREATE TABLE {made} AS SELECT customer_id, count(*) AS n FROM {SCHEMA}.orders GROUP BY 1;\n"
            f"-- a comment; with a semicolon\nINSERT INTO {made} VALUES (9, 9);\nSELECT sum(n) AS n FROM {made}",
            client=f"b{number}",
        )
        assert shown["status"] == "success" and shown["data"] == [{"n": 13}], (driver, shown)
        shown = laboratory(
            database, "SELECT 1 AS one, 'a' AS text", client=f"c{number}", select_as_cta=True, ctas_method="TABLE",
            tmp_table_name=f"kept_{number}",
        )  # fmt: skip
        assert shown["status"] == "success", shown
        assert list(database.get_df(f"SELECT one, text FROM public.kept_{number}").iloc[0]) == [1, "a"]
        execute(database, f"DROP TABLE {made}", f"DROP TABLE public.kept_{number}")


def case_the_laboratory_shows_errors():
    for number, (_, database) in enumerate(each()):
        error = raises(SupersetException, lambda d=database, n=number: laboratory(d, f"SELECT absent FROM {SCHEMA}.orders", client=f"d{n}"))
        assert "absent" in str(error.to_dict()), error.to_dict()
        assert laboratory(database, "SELECT 1 AS a", client=f"e{number}")["data"] == [{"a": 1}]


def case_datasets_learn_their_columns():
    for driver, database in each():
        asked = {"database": database.id, "schema": SCHEMA, "owners": []}
        physical = CreateDatasetCommand({**asked, "table_name": "orders"}).run()
        text = f"SELECT c.city, o.amount, o.ordered FROM {SCHEMA}.orders o JOIN {SCHEMA}.customers c ON c.id = o.customer_id"
        virtual = CreateDatasetCommand({**asked, "table_name": "sales", "sql": text}).run()
        DATASETS[driver] = (physical, virtual)
        kinds = {column.column_name: (str(column.type), column.is_dttm) for column in physical.columns}
        assert kinds["ordered"][1] and kinds["day"] == ("DATE", True) and not kinds["amount"][1], kinds
        kinds = {column.column_name: (str(column.type), bool(column.is_dttm)) for column in virtual.columns}
        assert set(kinds) == {"city", "amount", "ordered"} and kinds["ordered"][1], kinds


def chart(dataset, query):
    """Return the rows of a chart's query."""
    context = QueryContextFactory().create(
        datasource={"id": dataset.id, "type": "table"}, queries=[{"row_limit": 1000, **query}], force=True
    )
    (answer,) = ChartDataCommand(context).run()["queries"]
    assert answer["status"] == "success" and not answer["error"], (answer["error"], answer["query"])
    return answer["df"] if "df" in answer else answer["data"], answer["query"]


def rows(frame, *names):
    return [tuple(row[name] for name in names) for row in (frame if isinstance(frame, list) else frame.to_dict("records"))]


TOTAL = {"expressionType": "SIMPLE", "column": {"column_name": "amount"}, "aggregate": "SUM", "label": "Total"}
GRAINS = {
    # grain → the moments that the four orders fall into
    None: ("2024-01-31 10:04:37", "2024-02-29 11:48:02", "2024-02-29 11:59:59", "2025-03-03 00:00:00"),
    "PT1S": ("2024-01-31 10:04:37", "2024-02-29 11:48:02", "2024-02-29 11:59:59", "2025-03-03 00:00:00"),
    "PT5S": ("2024-01-31 10:04:35", "2024-02-29 11:48:00", "2024-02-29 11:59:55", "2025-03-03 00:00:00"),
    "PT30S": ("2024-01-31 10:04:30", "2024-02-29 11:48:00", "2024-02-29 11:59:30", "2025-03-03 00:00:00"),
    "PT1M": ("2024-01-31 10:04:00", "2024-02-29 11:48:00", "2024-02-29 11:59:00", "2025-03-03 00:00:00"),
    "PT5M": ("2024-01-31 10:00:00", "2024-02-29 11:45:00", "2024-02-29 11:55:00", "2025-03-03 00:00:00"),
    "PT10M": ("2024-01-31 10:00:00", "2024-02-29 11:40:00", "2024-02-29 11:50:00", "2025-03-03 00:00:00"),
    "PT15M": ("2024-01-31 10:00:00", "2024-02-29 11:45:00", "2024-02-29 11:45:00", "2025-03-03 00:00:00"),
    "PT30M": ("2024-01-31 10:00:00", "2024-02-29 11:30:00", "2024-02-29 11:30:00", "2025-03-03 00:00:00"),
    "PT1H": ("2024-01-31 10:00:00", "2024-02-29 11:00:00", "2024-02-29 11:00:00", "2025-03-03 00:00:00"),
    "P1D": ("2024-01-31 00:00:00", "2024-02-29 00:00:00", "2024-02-29 00:00:00", "2025-03-03 00:00:00"),
    "P1W": ("2024-01-29 00:00:00", "2024-02-26 00:00:00", "2024-02-26 00:00:00", "2025-03-03 00:00:00"),
    "P1M": ("2024-01-01 00:00:00", "2024-02-01 00:00:00", "2024-02-01 00:00:00", "2025-03-01 00:00:00"),
    "P3M": ("2024-01-01 00:00:00", "2024-01-01 00:00:00", "2024-01-01 00:00:00", "2025-01-01 00:00:00"),
    "P1Y": ("2024-01-01 00:00:00", "2024-01-01 00:00:00", "2024-01-01 00:00:00", "2025-01-01 00:00:00"),
}  # fmt: skip
AMOUNTS = (10.5, 20.25, 5.0, 7.0)


def case_charts_over_every_grain_of_time():
    for driver, database in each():
        physical, _ = DATASETS[driver]
        assert set(database.db_engine_spec.get_time_grain_expressions()) == set(GRAINS)
        for grain, moments in GRAINS.items():
            column = {
                "expressionType": "SQL", "label": "ordered", "sqlExpression": "ordered", "columnType": "BASE_AXIS",
                "timeGrain": grain,
            }  # fmt: skip
            frame, _ = chart(physical, {"columns": [column], "metrics": [TOTAL], "orderby": []})
            wanted = {}
            for moment, amount in zip(moments, AMOUNTS, strict=True):
                wanted[moment] = wanted.get(moment, 0) + amount
            found = {str(moment)[:19].replace("T", " "): float(total) for moment, total in _timed(frame)}
            assert found == wanted, (driver, grain, found)


def _timed(frame):
    """Return moments and totals; as data, moments are milliseconds since 1970."""
    for moment, total in rows(frame, "ordered", "Total"):
        shown = moment
        if isinstance(moment, int | float):
            shown = datetime.utcfromtimestamp(moment / 1000)
        yield shown, total


def case_charts_filter_order_and_limit():
    for driver, _ in each():
        physical, virtual = DATASETS[driver]
        frame, text = chart(
            virtual,
            {
                "columns": ["city"], "metrics": [TOTAL, {"expressionType": "SQL", "sqlExpression": "COUNT(*)", "label": "N"}],
                "orderby": [[TOTAL, False]], "granularity": "ordered", "time_range": "2024-01-01 : 2025-01-01",
                "filters": [{"col": "city", "op": "IS NOT NULL"}],
            },
        )  # fmt: skip
        assert [(city, float(total), n) for city, total, n in rows(frame, "city", "Total", "N")] == [
            ("Oslo", 30.75, 2), ("Rome", 5.0, 1)
        ], (text, frame)  # fmt: skip
        assert "TO_TIMESTAMP" in text
        frame, _ = chart(
            physical,
            {
                "columns": ["id"], "orderby": [["id", True]], "row_offset": 1, "row_limit": 2,
                "filters": [{"col": "note", "op": "ILIKE", "val": "X%"}, {"col": "id", "op": "IN", "val": [1, 3]}],
                "extras": {"where": "amount > 1", "having": ""},
            },
        )  # fmt: skip
        assert rows(frame, "id") == [(3,)]
        frame, text = chart(
            physical,
            {
                "columns": ["customer_id"], "metrics": [TOTAL], "series_columns": ["customer_id"], "series_limit": 1,
                "series_limit_metric": TOTAL, "order_desc": True, "is_timeseries": True, "granularity": "ordered",
                "extras": {"time_grain_sqla": "P1Y"},
            },
        )  # fmt: skip
        assert {customer for (customer,) in rows(frame, "customer_id")} == {1}, (text, frame)


def case_seconds_since_1970_are_moments():
    for driver, _ in each():
        physical, _ = DATASETS[driver]
        column = next(item for item in physical.columns if item.column_name == "seconds")
        column.is_dttm, column.python_date_format = True, "epoch_s"
        db.session.commit()
        frame, text = chart(
            physical,
            {
                "columns": ["id"], "granularity": "seconds", "time_range": "2024-02-01 : 2024-03-01", "orderby": [["id", True]],
            },
        )  # fmt: skip
        assert rows(frame, "id") == [(2,), (3,)], text


def case_values_for_filters_and_samples():
    for driver, _ in each():
        _, virtual = DATASETS[driver]
        assert {value for value in virtual.values_for_column("city") if value} == {"Oslo", "Rome"}
        context = QueryContextFactory().create(
            datasource={"id": virtual.id, "type": "table"}, queries=[{"row_limit": 2}], result_type="samples"
        )
        (answer,) = ChartDataCommand(context).run()["queries"]
        assert answer["rowcount"] == 2, answer


def case_csv_files_are_uploaded():
    for number, (driver, database) in enumerate(each()):
        for times in (1, 2):
            file = FileStorage(io.BytesIO("Id,Name,At\n1,Zoë,2024-01-02\n2,,2024-01-03\n".encode()), "people.csv")
            reader = CSVReader({"already_exists": "replace" if times == 1 else "append", "column_dates": ["At"]})
            UploadCommand(database.id, f"people_{number}", file, SCHEMA, reader).run()
        frame = database.get_df(f'SELECT id, name, "at" FROM {SCHEMA}.people_{number} ORDER BY id')
        assert len(frame) == 4, (driver, frame)
        assert [name for name in frame["name"] if name] == ["Zoë", "Zoë"], frame
        assert str(frame["at"].iloc[3])[:10] == "2024-01-03"
        execute(database, f"DROP TABLE {SCHEMA}.people_{number}")


LONG = "SELECT count(*) FROM pg_attribute a, pg_attribute b, pg_attribute c, pg_attribute d"


def _until_cancelled(database, cursor, ended):
    try:
        with APP.app_context():
            database.db_engine_spec.execute(cursor, LONG, database)
    except (SupersetException, psycopg2.Error, redshift_connector.Error) as error:
        ended.append(str(error))


def case_queries_are_cancelled():
    for driver, database in each():
        spec, query, ended = database.db_engine_spec, Query(), []
        with database.get_raw_connection() as connection, closing(connection.cursor()) as cursor:
            process = spec.get_cancel_query_id(cursor, query)
            running = threading.Thread(target=_until_cancelled, args=(database, cursor, ended))
            running.start()
            time.sleep(1)
            with database.get_raw_connection() as other:
                assert spec.cancel_query(other.cursor(), query, process)
            running.join(20)
            assert len(ended) == 1 and "cancel" in ended[0].lower(), (driver, ended)


run(globals())
