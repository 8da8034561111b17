"""The AWS CLI and awswrangler, as their users call them, with nothing but the endpoint told."""

import json
import os
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support import aws
from tests.support.environments import program_of, python_of
from tests.support.server import Server

Aws = Callable[..., Any]
HERE = ("--cluster-identifier", "duckshift", "--database", "dev", "--db-user", "awsuser")
_TIMEOUT_S = 120
# Where a statement's own connection is listed.
LISTED = (
    "select trim(application_name) as a, trim(authmethod) as m, trim(username) as u, trim(dbname) as d,"
    " (select count(*) from stv_sessions where process = pid) as s,"
    " (select count(*) from sys_session_history where session_id = pid) as h"
    " from stl_connection_log where pid = pg_backend_pid() and event = 'initiating session'"
)


@pytest.fixture(scope="module")
def served(doors: Server) -> Server:
    return doors


@pytest.fixture(scope="module")
def environment(served: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    key, secret, _ = aws.KEYS["alice"]
    home = tmp_path_factory.mktemp("home")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": aws.REGION,
        "AWS_ENDPOINT_URL": aws.api(served),
        "AWS_CA_BUNDLE": aws.trusted(served),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.fixture(scope="module")
def cli(environment: dict[str, str]) -> Aws:
    def run(*arguments: str) -> Any:
        command = [str(program_of("aws", "aws")), *arguments, "--output", "json"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout) if done.stdout.strip() else None

    return run


@pytest.mark.client("awscli")
def test_the_cli_runs_statements_and_fetches_results(cli: Aws) -> None:
    begun = cli("redshift-data", "execute-statement", *HERE, "--sql", "select :n::int + 1 as n, 'é' as t", "--parameters", "name=n,value=41")
    answer = cli("redshift-data", "get-statement-result", "--id", begun["Id"], "--wait-time-seconds", "20")
    assert answer["Records"] == [[{"longValue": 42}, {"stringValue": "é"}]]
    assert [column["name"] for column in answer["ColumnMetadata"]] == ["n", "t"]


@pytest.mark.client("awscli")
def test_the_cli_lists_what_there_is(cli: Aws) -> None:
    cli("redshift-data", "batch-execute-statement", *HERE, "--sqls", "create schema tool", "create table tool.one (a int)", "--wait-time-seconds", "20")
    assert cli("redshift-data", "list-tables", *HERE, "--schema-pattern", "tool")["Tables"] == [{"name": "one", "type": "TABLE", "schema": "tool"}]
    assert cli("redshift-data", "describe-table", *HERE, "--schema", "tool", "--table", "one")["ColumnList"][0]["typeName"] == "int4"


@pytest.mark.client("awscli")
def test_the_cli_tells_errors(cli: Aws) -> None:
    with pytest.raises(RuntimeError, match="ClusterNotFound"):
        cli("redshift", "describe-clusters", "--cluster-identifier", "other")


@pytest.mark.client("awscli")
def test_the_cli_manages_the_cluster_and_gets_credentials(cli: Aws, served: Server) -> None:
    (cluster,) = cli("redshift", "describe-clusters")["Clusters"]
    given = cli("redshift", "get-cluster-credentials", "--cluster-identifier", "duckshift", "--db-user", "clara", "--auto-create", "--db-name", "dev")
    connection = psycopg.connect(
        host=cluster["Endpoint"]["Address"], port=cluster["Endpoint"]["Port"],
        user=given["DbUser"], password=given["DbPassword"], dbname="dev", sslmode="require",
    )  # fmt: skip
    with connection:
        assert connection.execute("select current_user").fetchone() == ("clara",)
    assert cli("redshift-serverless", "list-workgroups")["workgroups"][0]["workgroupName"] == "duckshift"


@pytest.mark.client("awscli")
def test_the_connections_of_the_cli_are_listed(cli: Aws) -> None:
    begun = cli("redshift-data", "execute-statement", *HERE, "--sql", LISTED)
    (found,) = cli("redshift-data", "get-statement-result", "--id", begun["Id"], "--wait-time-seconds", "20")["Records"]
    assert [next(iter(value.values())) for value in found] == ["RedshiftDataAPI", "IAM", "awsuser", "dev", 1, 1]


WRANGLER = """
import json
import awswrangler as wr

client = wr.data_api.redshift.connect(**ASKED)
sql = "select 1 as n, 'x'::varchar(5) as t, null::varchar(3) as m, 1.5::float8 as f, true as b union all select 2, 'y', 'z', 2.5, false order by 1"
frame = wr.data_api.redshift.read_sql_query(sql, con=client)
many = wr.data_api.redshift.read_sql_query("select a from generate_series(1, 2500) as g(a)", con=client)
if "workgroup_name" not in ASKED:  # whose user is none of those who see the log
    assert wr.data_api.redshift.read_sql_query(LISTED, con=client).values.tolist() == [["RedshiftDataAPI", "IAM", "awsuser", "dev", 1, 1]]
print(json.dumps([list(frame.columns), frame.astype(object).where(frame.notna(), None).values.tolist(), len(many), int(many.a.astype(int).sum())]))
"""


@pytest.mark.client("awswrangler")
@pytest.mark.parametrize(
    "asked",
    [
        {"cluster_id": "duckshift", "database": "dev", "db_user": "awsuser"},
        {"workgroup_name": "duckshift", "database": "dev"},
        {"cluster_id": "duckshift", "database": "dev", "secret_arn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:admin"},
    ],
    ids=["user", "workgroup", "secret"],
)
def test_awswrangler_reads_through_the_data_api(environment: dict[str, str], asked: dict[str, str]) -> None:
    command = [str(python_of("aws")), "-c", WRANGLER.replace("ASKED", repr(asked)).replace("LISTED", repr(LISTED))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    columns, rows, count, total = json.loads(done.stdout)
    assert columns == ["n", "t", "m", "f", "b"]
    assert rows == [[1, "x", None, 1.5, True], [2, "y", "z", 2.5, False]]
    assert (count, total) == (2500, 2500 * 2501 // 2)


TEMPORARY = """
import json
import awswrangler as wr
import pandas as pd

connection = wr.redshift.connect_temp(cluster_identifier="duckshift", user="wrangler", database="dev", auto_create=True, db_groups=["loaders"])
frame = pd.DataFrame({"n": [1, 2, 3], "t": ["a", None, "c"]})
wr.redshift.to_sql(df=frame, con=connection, table="wrangled", schema="public", mode="overwrite", index=False)
found = wr.redshift.read_sql_query("select n, t, current_user as u from wrangled order by n", con=connection)
print(json.dumps(found.astype(object).where(found.notna(), None).values.tolist()))
input()
"""


@pytest.mark.client("awswrangler")
def test_awswrangler_connects_with_temporary_credentials(environment: dict[str, str], served: Server) -> None:
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        connection.execute("create group loaders")
        connection.execute("grant all on schema public to group loaders")
    given = environment | {"SSL_CERT_FILE": environment["AWS_CA_BUNDLE"]}
    command = [str(python_of("aws")), "-c", TEMPORARY]
    with subprocess.Popen(command, env=given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdin and running.stdout and running.stderr
        line = running.stdout.readline()
        assert line, running.stderr.read()
        with psycopg.connect(served.dsn, autocommit=True) as connection:
            asked = LISTED.replace("pid = pg_backend_pid()", "username = 'wrangler'")
            assert connection.execute(asked).fetchall() == [("awswrangler._utils", "IAM", "wrangler", "dev", 1, 1)]
        running.communicate("\n", timeout=_TIMEOUT_S)
    assert json.loads(line) == [[1, "a", "wrangler"], [2, None, "wrangler"], [3, "c", "wrangler"]]
