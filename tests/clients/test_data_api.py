"""The Data API by boto3 with nothing changed but the endpoint; each response is held against the service's model."""

import threading
import time
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.support import aws
from tests.support.server import Server

pytestmark = pytest.mark.client("boto3")
HERE = {"ClusterIdentifier": "duckshift", "Database": "dev"}
ADMIN = {**HERE, "DbUser": "awsuser"}
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:admin"


@pytest.fixture(scope="module")
def served(doors: Server) -> Server:
    with psycopg.connect(doors.dsn, autocommit=True) as connection:
        connection.execute("create user reporter password disable")
    return doors


@pytest.fixture(scope="module")
def api(served: Server) -> Any:
    return aws.client("redshift-data", served)


def finished(api: Any, sql: str, **given: Any) -> dict[str, Any]:
    begun = api.execute_statement(Sql=sql, WaitTimeSeconds=30, **{**ADMIN, **given})
    return api.describe_statement(Id=begun["Id"])


def rows(api: Any, sql: str, **given: Any) -> list[list[Any]]:
    done = finished(api, sql, **given)
    assert done["Status"] == "FINISHED", done.get("Error")
    return [[None if "isNull" in field else next(iter(field.values())) for field in row] for row in api.get_statement_result(Id=done["Id"])["Records"]]


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return caught.value.response["Error"]["Code"]


def test_a_statement_passes_through_its_states(api: Any) -> None:
    begun = api.execute_statement(Sql="select 1 as one", StatementName="states", **ADMIN)
    assert begun["ClusterIdentifier"] == "duckshift" and begun["DbUser"] == "awsuser"
    seen = api.describe_statement(Id=begun["Id"], WaitTimeSeconds=30)
    assert seen["Status"] == "FINISHED" and seen["HasResultSet"] and seen["ResultRows"] == 1
    assert seen["QueryString"] == "select 1 as one" and seen["RedshiftQueryId"] > 0 and seen["Duration"] > 0
    assert api.get_statement_result(Id=begun["Id"])["Records"] == [[{"longValue": 1}]]


@pytest.mark.parametrize(
    ("sql", "field", "type_name"),
    [
        ("7::smallint", {"longValue": 7}, "int2"),
        ("9223372036854775807::bigint", {"longValue": 9223372036854775807}, "int8"),
        ("null::int", {"isNull": True}, "int4"),
        ("1.25::float4", {"doubleValue": 1.25}, "float4"),
        ("'NaN'::float8", {"stringValue": "NaN"}, "float8"),
        ("12.50::decimal(10,2)", {"stringValue": "12.50"}, "numeric"),
        ("false", {"booleanValue": False}, "bool"),
        ("'a\"b\\\\c\nd'::varchar(20)", {"stringValue": 'a"b\\c\nd'}, "varchar"),
        ("''::varchar(5)", {"stringValue": ""}, "varchar"),
        ("'ab'::char(4)", {"stringValue": "ab  "}, "bpchar"),
        ("date '2020-02-29'", {"stringValue": "2020-02-29"}, "date"),
        ("timestamp '2020-02-29 01:02:03.5'", {"stringValue": "2020-02-29 01:02:03.5"}, "timestamp"),
        ("json_parse('[1,{\"a\":null}]')", {"stringValue": '[1,{"a":null}]'}, "super"),
        ("to_varbyte('4142','hex')", {"stringValue": "4142"}, "varbyte"),
    ],
)
def test_values_have_the_fields_of_their_types(api: Any, sql: str, field: dict[str, Any], type_name: str) -> None:
    done = finished(api, f"select {sql} as v")
    answer = api.get_statement_result(Id=done["Id"])
    assert answer["Records"] == [[field]]
    assert answer["ColumnMetadata"][0]["typeName"] == type_name and answer["ColumnMetadata"][0]["label"] == "v"


def test_named_parameters_take_the_type_of_their_place(api: Any) -> None:
    finished(api, "create table par (a int, b varchar(20), c timestamp, d decimal(6,2))")
    given = {"a": "5", "b": "it's :x", "c": "2020-02-03 04:05:06", "d": "1.5"}
    parameters = [{"name": name, "value": value} for name, value in given.items()]
    done = finished(api, "insert into par values (:a, :b, :c, :d)", Parameters=parameters)
    assert (done["Status"], done["ResultRows"], done["HasResultSet"]) == ("FINISHED", 1, False)
    found = rows(api, "select b, ':a' as lit, a::bigint from par where a = :a and a = :a -- :a", Parameters=parameters[:1])
    assert found == [["it's :x", ":a", 5]]


@pytest.mark.parametrize("names", [["a", "b"], ["a", "a"]])
def test_parameters_that_no_statement_uses_are_refused(api: Any, names: list[str]) -> None:
    with pytest.raises(ClientError) as caught:
        api.execute_statement(Sql="select :a", Parameters=[{"name": name, "value": "1"} for name in names], **ADMIN)
    assert code(caught) == "ValidationException"


def test_a_failing_statement_tells_where(api: Any) -> None:
    done = finished(api, "select * from nowhere")
    assert done["Status"] == "FAILED"
    assert done["Error"] == 'ERROR: relation "nowhere" does not exist\n  Position: 15'
    with pytest.raises(ClientError) as caught:
        api.get_statement_result(Id=done["Id"])
    assert code(caught) == "ResourceNotFoundException"


def test_large_results_come_in_pages(api: Any) -> None:
    done = finished(api, "select a, repeat('x', 20) as b from generate_series(1, 4500) as g(a) order by a")
    assert done["ResultRows"] == 4500
    pages = list(api.get_paginator("get_statement_result").paginate(Id=done["Id"]))
    assert len(pages) > 1 and all(len(page["Records"]) <= 1000 for page in pages)
    assert [row[0]["longValue"] for page in pages for row in page["Records"]] == list(range(1, 4501))
    with pytest.raises(ClientError) as caught:
        api.get_statement_result(Id=done["Id"], NextToken="nonsense")
    assert code(caught) == "ValidationException"


def test_a_result_beyond_the_limit_fails_and_leaves_nothing(api: Any, served: Server) -> None:
    done = finished(api, "select repeat('x', 1000) from generate_series(1, 40000)")
    assert done["Status"] == "FAILED" and "exceeded size limit" in done["Error"]
    assert not (Path(served.data) / "api-results" / done["Id"]).exists()


def test_results_are_not_on_disk_in_the_clear(api: Any, served: Server) -> None:
    done = finished(api, "select repeat('secret-value', 10) || a from generate_series(1, 3000) as g(a)")
    data = (Path(served.data) / "api-results" / done["Id"]).read_bytes()
    assert len(data) > 1_000 and b"secret" not in data


def test_csv_has_its_own_operation(api: Any) -> None:
    done = finished(api, "select 1 as a, null as b, 'x,\"y\"' as c union all select 2, '', 'z' order by 1", ResultFormat="CSV")
    answer = api.get_statement_result_v2(Id=done["Id"])
    assert answer["Records"] == [{"CSVRecords": '1,,"x,""y"""\n2,"",z\n'}] and answer["ResultFormat"] == "CSV"
    with pytest.raises(ClientError):
        api.get_statement_result(Id=done["Id"])


def test_a_batch_is_one_transaction(api: Any) -> None:
    finished(api, "create table bat (a int)")
    good = api.batch_execute_statement(Sqls=["insert into bat values (1)", "select * from bat"], WaitTimeSeconds=30, **ADMIN)
    assert good["Status"] == "FINISHED"
    assert api.get_statement_result(Id=f"{good['Id']}:2")["Records"] == [[{"longValue": 1}]]
    bad = api.batch_execute_statement(
        Sqls=["insert into bat values (2)", "select 1/0", "select 3"], WaitTimeSeconds=30, **ADMIN
    )
    seen = api.describe_statement(Id=bad["Id"])
    assert seen["Status"] == "FAILED" and seen["Error"].startswith("Query #2 failed with ERROR: ")
    assert [sub["Status"] for sub in seen["SubStatements"]] == ["FINISHED", "FAILED", "ABORTED"]
    assert rows(api, "select a from bat") == [[1]]


def test_a_batch_may_commit_each_statement(api: Any) -> None:
    finished(api, "create table auto (a int)")
    begun = api.batch_execute_statement(
        Sqls=["insert into auto values (:n)", "select * from nowhere", "select a from auto"],
        Parameters=[{"name": "n", "value": "4"}], ExecutionMode="AUTO_COMMIT", WaitTimeSeconds=30, **ADMIN,
    )  # fmt: skip
    seen = api.describe_statement(Id=begun["Id"])
    assert [sub["Status"] for sub in seen["SubStatements"]] == ["FINISHED", "FAILED", "FINISHED"]
    assert api.get_statement_result(Id=f"{begun['Id']}:3")["Records"] == [[{"longValue": 4}]]


def test_a_session_is_kept_and_used_again(api: Any) -> None:
    first = api.execute_statement(Sql="create temp table mine (a int)", SessionKeepAliveSeconds=60, WaitTimeSeconds=30, **ADMIN)
    assert first["Status"] == "FINISHED"
    again = api.execute_statement(Sql="insert into mine values (3)", SessionId=first["SessionId"], WaitTimeSeconds=30)
    assert again["Status"] == "FINISHED" and again["SessionId"] == first["SessionId"]
    last = api.execute_statement(Sql="select a from mine", SessionId=first["SessionId"], WaitTimeSeconds=30)
    assert api.get_statement_result(Id=last["Id"])["Records"] == [[{"longValue": 3}]]
    listed = api.list_sessions(SessionId=first["SessionId"])["Sessions"]
    assert [(item["Status"], item["DbUser"]) for item in listed] == [("AVAILABLE", "awsuser")]
    ended = api.execute_statement(Sql="select 1", SessionId=first["SessionId"], SessionKeepAliveSeconds=0, WaitTimeSeconds=30)
    assert ended["Status"] == "FINISHED"
    with pytest.raises(ClientError) as caught:
        api.execute_statement(Sql="select 1", SessionId=first["SessionId"])
    assert code(caught) == "ResourceNotFoundException"


def test_the_same_client_token_begins_one_statement(api: Any) -> None:
    finished(api, "create table once (a int)")
    given = {"Sql": "insert into once values (1)", "ClientToken": "token-1", "WaitTimeSeconds": 30}
    assert api.execute_statement(**given, **ADMIN)["Id"] == api.execute_statement(**given, **ADMIN)["Id"]
    assert rows(api, "select count(*) from once") == [[1]]


SLOW = "select count(*) from (select a from generate_series(1,3000000) as g(a)) x, (select b from generate_series(1,300000) as h(b)) y where x.a % 7 = y.b % 5 and x.a * y.b % 3 = 1"


def test_statements_are_canceled_running_and_waiting(api: Any) -> None:
    begun = [api.execute_statement(Sql=SLOW, **ADMIN)["Id"] for _ in range(6)]
    deadline = time.monotonic() + 60
    while [api.describe_statement(Id=each)["Status"] for each in begun].count("STARTED") < 4 and time.monotonic() < deadline:
        time.sleep(0.1)
    states = [api.describe_statement(Id=each)["Status"] for each in begun]
    assert states.count("STARTED") == 4 and states.count("SUBMITTED") == 2
    assert all(api.cancel_statement(Id=each)["Status"] for each in reversed(begun))
    ends = [api.describe_statement(Id=each, WaitTimeSeconds=30)["Status"] for each in begun]
    assert ends == ["ABORTED"] * 6
    with pytest.raises(ClientError) as caught:
        api.cancel_statement(Id=begun[0])
    assert code(caught) == "ValidationException"


def test_there_is_a_limit_of_active_statements(api: Any) -> None:
    begun: list[str] = []
    with pytest.raises(ClientError) as caught:
        for _ in range(13):
            begun.append(api.execute_statement(Sql=SLOW, **ADMIN)["Id"])
    assert code(caught) == "ActiveStatementsExceededException" and len(begun) == 12
    for each in reversed(begun):
        api.cancel_statement(Id=each)
    for each in begun:
        api.describe_statement(Id=each, WaitTimeSeconds=30)


def test_statements_are_listed_for_who_sent_them(api: Any, served: Server) -> None:
    for number in range(3):
        finished(api, f"select {number}", StatementName=f"listed-{number}")
    page = api.list_statements(StatementName="listed-", MaxResults=2)
    assert [item["StatementName"] for item in page["Statements"]] == ["listed-2", "listed-1"]
    rest = api.list_statements(StatementName="listed-", MaxResults=2, NextToken=page["NextToken"])
    assert [item["StatementName"] for item in rest["Statements"]] == ["listed-0"] and "NextToken" not in rest
    other = aws.client("redshift-data", served, "bob")
    assert other.list_statements()["Statements"] == []
    with pytest.raises(ClientError) as caught:
        other.describe_statement(Id=page["Statements"][0]["Id"])
    assert code(caught) == "ResourceNotFoundException"


def test_catalogs_are_listed(api: Any) -> None:
    finished(api, "create schema cat")
    finished(api, "create table cat.things (id int not null, name varchar(30) default 'x', price decimal(8,2))")
    finished(api, "create view cat.shown as select id from cat.things")
    assert "dev" in api.list_databases(**ADMIN)["Databases"]
    assert api.list_schemas(SchemaPattern="ca_", **ADMIN)["Schemas"] == ["cat"]
    tables = api.list_tables(SchemaPattern="cat", **ADMIN)["Tables"]
    assert tables == [{"name": "shown", "schema": "cat", "type": "VIEW"}, {"name": "things", "schema": "cat", "type": "TABLE"}]
    page = api.list_tables(SchemaPattern="cat", MaxResults=1, **ADMIN)
    assert [item["name"] for item in page["Tables"]] == ["shown"] and page["NextToken"]
    columns = api.describe_table(Schema="cat", Table="things", **ADMIN)["ColumnList"]
    assert [(item["name"], item["typeName"], item["nullable"]) for item in columns] == [
        ("id", "int4", 0), ("name", "varchar", 1), ("price", "numeric", 1),
    ]  # fmt: skip
    assert (columns[1]["length"], columns[2]["precision"], columns[2]["scale"]) == (30, 8, 2)


def test_an_identity_is_a_database_user(api: Any, served: Server) -> None:
    assert rows(api, "select current_user", DbUser="reporter") == [["reporter"]]
    as_itself = api.execute_statement(Sql="select current_user", WaitTimeSeconds=30, **HERE)
    assert api.get_statement_result(Id=as_itself["Id"])["Records"] == [[{"stringValue": "IAM:alice"}]]
    role = aws.client("redshift-data", served, "etl")
    begun = role.execute_statement(Sql="select current_user", WaitTimeSeconds=30, WorkgroupName="duckshift", Database="dev")
    assert role.get_statement_result(Id=begun["Id"])["Records"] == [[{"stringValue": "IAMR:etl"}]]
    by_secret = api.execute_statement(Sql="select current_user", SecretArn=SECRET, WaitTimeSeconds=30, **HERE)
    assert api.get_statement_result(Id=by_secret["Id"])["Records"] == [[{"stringValue": "awsuser"}]]
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        connection.execute("create table for_etl (a int)")
        connection.execute('grant select on for_etl to "IAMR:etl"')
    begun = role.execute_statement(Sql="select count(*) from for_etl", WaitTimeSeconds=30, **HERE)
    assert begun["Status"] == "FINISHED"


def test_rights_are_the_database_users(api: Any, served: Server) -> None:
    finished(api, "create table secrets (a int)")
    done = finished(api, "select * from secrets", DbUser="reporter")
    assert done["Status"] == "FAILED" and "permission denied" in done["Error"]


@pytest.mark.parametrize(
    ("who", "given"),
    [
        ("nobody", ADMIN),
        ("bob", ADMIN),
        ("bob", HERE),
        ("etl", {**HERE, "DbUser": "reporter"}),
        ("bob", {**HERE, "SecretArn": SECRET}),
    ],
)
def test_policies_refuse(served: Server, who: str, given: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        aws.client("redshift-data", served, who).execute_statement(Sql="select 1", **given)
    assert code(caught) == "AccessDeniedException"


@pytest.mark.parametrize(
    "given",
    [
        {"Database": "dev"},
        {"ClusterIdentifier": "other", "Database": "dev"},
        {"ClusterIdentifier": "duckshift"},
        {**HERE, "DbUser": "rdsdb"},
        {"WorkgroupName": "duckshift", "Database": "dev", "DbUser": "awsuser"},
        {**HERE, "DbUser": "awsuser", "SecretArn": SECRET},
        {**HERE, "SecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:none"},
    ],
)
def test_requests_that_make_no_sense_are_refused(api: Any, given: dict[str, str]) -> None:
    with pytest.raises(ClientError) as caught:
        api.execute_statement(Sql="select 1", **given)
    assert code(caught) == "ValidationException"


def test_a_user_or_database_that_does_not_exist_fails_the_statement(api: Any) -> None:
    assert 'user "nobody" does not exist' in finished(api, "select 1", DbUser="nobody")["Error"]
    assert 'database "none" does not exist' in finished(api, "select 1", Database="none")["Error"]


@pytest.mark.parametrize(
    ("key", "secret", "token", "expected"),
    [
        ("AKIAALICE0000000000", "wrong", None, "InvalidSignatureException"),
        ("AKIAUNKNOWN00000000", "alice-secret", None, "UnrecognizedClientException"),
        ("ASIAETL000000000000", "etl-secret", "other", "UnrecognizedClientException"),
        ("AKIAALICE0000000000", "alice-secret", "token", "UnrecognizedClientException"),
    ],
)
def test_requests_without_the_right_signature_are_refused(served: Server, key: str, secret: str, token: str | None, expected: str) -> None:
    stranger = boto3.client(
        "redshift-data", endpoint_url=aws.api(served), region_name="us-east-1", verify=aws.trusted(served),
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
    )  # fmt: skip
    with pytest.raises(ClientError) as caught:
        stranger.list_statements()
    assert code(caught) == expected


def test_connections_are_in_the_log_of_connections(api: Any, served: Server) -> None:
    finished(api, "select 42")
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        for _ in range(300):
            found = connection.execute(
                "select distinct trim(authmethod), trim(username) from stl_connection_log where application_name = 'RedshiftDataAPI' and event like 'authenticated%'"
            ).fetchall()
            if ("IAM", "awsuser") in found:
                return
            time.sleep(0.2)
    pytest.fail(str(found))


def test_a_session_can_be_ended_from_another(api: Any, served: Server) -> None:
    begun = api.execute_statement(Sql=SLOW, **ADMIN)
    while not (seen := api.describe_statement(Id=begun["Id"])).get("RedshiftPid"):
        time.sleep(0.05)
    time.sleep(0.2)
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        assert connection.execute("select pg_terminate_backend(%s)", (seen["RedshiftPid"],)).fetchone() == (1,)
    ended = api.describe_statement(Id=begun["Id"], WaitTimeSeconds=30)
    assert ended["Status"] == "FAILED" and "terminating connection" in ended["Error"]


def test_clients_at_once_do_not_block_each_other(served: Server) -> None:
    answers: list[int] = []

    def work(number: int) -> None:
        own = aws.client("redshift-data", served)
        answers.append(rows(own, f"select {number}")[0][0])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(answers) == list(range(8))
