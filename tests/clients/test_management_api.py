"""Clusters, workgroups and temporary credentials by boto3; the credentials are used on the PostgreSQL port."""

import time
from typing import Any

import psycopg
import pytest
import redshift_connector
from botocore.exceptions import ClientError

from tests.support import aws
from tests.support.server import Server

pytestmark = [
    pytest.mark.client("boto3"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
OURS = {"ClusterIdentifier": "duckshift"}


@pytest.fixture(scope="module")
def served(doors: Server) -> Server:
    with psycopg.connect(doors.dsn, autocommit=True) as connection:
        connection.execute("create user ann password disable")
        connection.execute("create group readers")
        connection.execute("create group writers")
        connection.execute("create table seen (a int)")
        connection.execute("grant select on seen to group readers")
    return doors


@pytest.fixture(scope="module")
def redshift(served: Server) -> Any:
    return aws.client("redshift", served)


@pytest.fixture(scope="module")
def serverless(served: Server) -> Any:
    return aws.client("redshift-serverless", served)


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return caught.value.response["Error"]["Code"]


def login(served: Server, given: dict[str, Any], **others: Any) -> psycopg.Connection:
    user, password = given.get("DbUser") or given["dbUser"], given.get("DbPassword") or given["dbPassword"]
    asked = {"dbname": "dev", **others}
    return psycopg.connect(host=served.host, port=served.port, user=user, password=password, autocommit=True, **asked)


def one(connection: psycopg.Connection, sql: str) -> Any:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return row[0]


def test_the_server_is_one_cluster(redshift: Any, served: Server) -> None:
    (cluster,) = redshift.describe_clusters()["Clusters"]
    assert cluster == redshift.describe_clusters(**OURS)["Clusters"][0]
    assert (cluster["ClusterStatus"], cluster["Endpoint"]["Port"], cluster["MasterUsername"]) == ("available", served.port, "awsuser")
    assert cluster["Endpoint"]["Address"] == "127.0.0.1" and cluster["NumberOfNodes"] == 1
    with pytest.raises(ClientError) as caught:
        redshift.describe_clusters(ClusterIdentifier="other")
    assert code(caught) == "ClusterNotFound" and caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize(
    ("operation", "given", "expected"),
    [
        ("create_cluster", {"ClusterIdentifier": "two", "NodeType": "ra3.xlplus", "MasterUsername": "a"}, "ClusterQuotaExceeded"),
        ("delete_cluster", OURS, "InvalidClusterState"),
        ("create_cluster_snapshot", {**OURS, "SnapshotIdentifier": "s"}, "InvalidClusterState"),
        ("delete_cluster_snapshot", {"SnapshotIdentifier": "s"}, "ClusterSnapshotNotFound"),
        ("restore_from_cluster_snapshot", {"ClusterIdentifier": "two", "SnapshotIdentifier": "s"}, "ClusterQuotaExceeded"),
        ("modify_cluster", {**OURS, "NumberOfNodes": 4}, "UnsupportedOptionFault"),
        ("modify_cluster", {**OURS, "MasterUserPassword": "short"}, "ValidationError"),
        ("pause_cluster", {"ClusterIdentifier": "two"}, "ClusterNotFound"),
        ("resume_cluster", OURS, "InvalidClusterState"),
        ("describe_storage", {}, "UnsupportedOperation"),
    ],
)
def test_what_a_server_cannot_do_is_an_error_of_aws(redshift: Any, operation: str, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(redshift, operation)(**given)
    assert code(caught) == expected


def test_there_are_no_snapshots_without_a_place_for_them(redshift: Any) -> None:
    assert redshift.describe_cluster_snapshots()["Snapshots"] == []
    assert redshift.describe_logging_status(**OURS)["LoggingEnabled"] is False


def test_the_first_superusers_password_can_be_changed(redshift: Any, served: Server) -> None:
    redshift.modify_cluster(MasterUserPassword="Another1Password", **OURS)
    dsn = served.dsn.replace(served.password, "Another1Password")
    with psycopg.connect(dsn) as connection:
        assert one(connection, "select current_user") == "awsuser"
    redshift.modify_cluster(MasterUserPassword=served.password, **OURS)


def test_credentials_log_in_as_a_user(redshift: Any, served: Server) -> None:
    given = redshift.get_cluster_credentials(DbUser="ann", DbName="dev", **OURS)
    assert given["DbUser"] == "IAM:ann"
    for sslmode in ("require", "disable"):
        with login(served, given, sslmode=sslmode) as connection:
            assert one(connection, "select current_user") == "ann"
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(served, {**given, "DbUser": "ann"})
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(served, {**given, "DbUser": "IAM:awsuser"})
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(served, {**given, "DbPassword": "wrong"})


def test_several_credentials_are_good_at_a_time(redshift: Any, served: Server) -> None:
    both = [redshift.get_cluster_credentials(DbUser="ann", **OURS) for _ in range(2)]
    assert both[0]["DbPassword"] != both[1]["DbPassword"]
    for given in both:
        with login(served, given) as connection:
            assert one(connection, "select current_user") == "ann"


def test_credentials_are_bound_to_the_database_that_was_named(redshift: Any, served: Server) -> None:
    given = redshift.get_cluster_credentials(DbUser="ann", DbName="other", **OURS)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        login(served, given)


def test_a_user_is_made_and_joins_groups_for_the_session(redshift: Any, served: Server) -> None:
    given = redshift.get_cluster_credentials(DbUser="fresh", AutoCreate=True, DbGroups=["readers"], **OURS)
    assert given["DbUser"] == "IAMA:fresh"
    with login(served, given) as connection:
        assert one(connection, "select current_user") == "fresh"
        assert one(connection, "select count(*) from seen") == 0
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("insert into seen values (1)")
    without = redshift.get_cluster_credentials(DbUser="fresh", **OURS)
    with login(served, without) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select count(*) from seen")
    missing = redshift.get_cluster_credentials(DbUser="fresh", DbGroups=["nowhere"], **OURS)
    with pytest.raises(psycopg.OperationalError, match='group "nowhere" does not exist'):
        login(served, missing)


def test_a_user_who_does_not_exist_gets_a_password_that_is_no_use(redshift: Any, served: Server) -> None:
    given = redshift.get_cluster_credentials(DbUser="ghost", **OURS)
    with pytest.raises(psycopg.OperationalError, match='user "ghost" does not exist'):
        login(served, given)


def test_an_identity_logs_in_as_itself(redshift: Any, serverless: Any, served: Server) -> None:
    given = redshift.get_cluster_credentials_with_iam(DbName="dev", DurationSeconds=3600, **OURS)
    with login(served, given) as connection:
        assert one(connection, "select current_user") == "IAM:alice" == given["DbUser"]
    role = aws.client("redshift-serverless", served, "etl").get_credentials(workgroupName="duckshift", dbName="dev")
    with login(served, role) as connection:
        assert one(connection, "select current_user") == "IAMR:etl" == role["dbUser"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"DbUser": "ann", "DurationSeconds": 899}, "ValidationError"),
        ({"DbUser": "ann", "DurationSeconds": 3601}, "ValidationError"),
        ({"DbUser": "public"}, "ValidationError"),
        ({"DbUser": "rdsdb"}, "ValidationError"),
        ({"DbUser": 'x" superuser'}, "ValidationError"),
        ({"DbUser": "ann", "ClusterIdentifier": "other"}, "ClusterNotFound"),
        ({"DbUser": "ann", "CustomDomainName": "x.example"}, "UnsupportedOperation"),
    ],
)
def test_credentials_that_cannot_be_had(redshift: Any, given: dict[str, Any], expected: str) -> None:
    with pytest.raises(ClientError) as caught:
        redshift.get_cluster_credentials(**{**OURS, **given})
    assert code(caught) == expected


@pytest.mark.parametrize("given", [{"DbUser": "awsuser"}, {"DbUser": "made", "AutoCreate": True}, {"DbUser": "ann", "DbGroups": ["writers"]}])
def test_policies_limit_credentials(served: Server, given: dict[str, Any]) -> None:
    bob = aws.client("redshift", served, "bob")
    assert bob.get_cluster_credentials(DbUser="ann", **OURS)["DbUser"] == "IAM:ann"
    with pytest.raises(ClientError) as caught:
        bob.get_cluster_credentials(**given, **OURS)
    assert code(caught) == "AccessDenied"


def test_a_workgroup_and_its_namespace(serverless: Any, served: Server) -> None:
    (workgroup,) = serverless.list_workgroups()["workgroups"]
    assert workgroup == serverless.get_workgroup(workgroupName="duckshift")["workgroup"]
    assert workgroup["endpoint"]["port"] == served.port and workgroup["status"] == "AVAILABLE"
    (namespace,) = serverless.list_namespaces()["namespaces"]
    assert namespace == serverless.get_namespace(namespaceName="duckshift")["namespace"]
    assert (namespace["adminUsername"], namespace["dbName"]) == ("awsuser", "dev")
    for call in (lambda: serverless.get_workgroup(workgroupName="other"), lambda: serverless.get_credentials(workgroupName="other")):
        with pytest.raises(ClientError) as caught:
            call()
        assert code(caught) == "ResourceNotFoundException"


def test_signatures_are_for_one_service(served: Server) -> None:
    data = aws.client("redshift-data", served)
    data.meta.events.register("before-sign", lambda request, **_: request.context.update({"signing": {"signing_name": "redshift"}}))
    with pytest.raises(ClientError) as caught:
        data.list_statements()
    assert code(caught) == "InvalidSignatureException"


@pytest.mark.client("redshift_connector")
@pytest.mark.parametrize(
    "asked",
    [
        {"cluster_identifier": "duckshift", "db_user": "ann"},
        {"cluster_identifier": "duckshift", "db_user": "ann", "host": "127.0.0.1"},
        {"cluster_identifier": "duckshift", "db_user": "drv", "auto_create": True, "db_groups": ["readers"]},
        {"cluster_identifier": "duckshift", "group_federation": True},
        {"is_serverless": True, "serverless_work_group": "duckshift", "serverless_acct_id": "123456789012"},
    ],
    ids=["lookup", "host", "create", "itself", "serverless"],
)
def test_amazons_python_driver_with_iam(served: Server, asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = aws.trusted(served)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate)
    key, secret, _ = aws.KEYS["alice"]
    connection = redshift_connector.connect(
        iam=True, endpoint_url=aws.api(served), region="us-east-1", database="dev", port=served.port,
        access_key_id=key, secret_access_key=secret, timeout=60, iam_disable_cache=True, **asked,
    )  # fmt: skip
    try:
        with connection.cursor() as cursor:
            cursor.execute("select current_user")
            assert cursor.fetchone() == [asked.get("db_user", "IAM:alice")]
    finally:
        connection.close()


def test_the_log_of_connections_says_how_they_proved_who_they_are(redshift: Any, served: Server) -> None:
    with login(served, redshift.get_cluster_credentials(DbUser="ann", **OURS), application_name="with-iam"):
        pass
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        for _ in range(300):
            found = connection.execute("select distinct trim(authmethod), trim(username) from stl_connection_log where application_name = 'with-iam' and event like 'authenticated%'").fetchall()
            if found:
                break
            time.sleep(0.2)
    assert found == [("IAM", "ann")]


def test_pause_and_resume(redshift: Any, served: Server) -> None:
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        assert redshift.pause_cluster(**OURS)["Cluster"]["ClusterStatus"] == "paused"
        try:
            with pytest.raises(psycopg.OperationalError):
                connection.execute("select 1")
            with pytest.raises(psycopg.OperationalError, match="the cluster is paused"):
                psycopg.connect(served.dsn)
            assert redshift.describe_clusters()["Clusters"][0]["ClusterStatus"] == "paused"
        finally:
            assert redshift.resume_cluster(**OURS)["Cluster"]["ClusterStatus"] == "available"
    with psycopg.connect(served.dsn, autocommit=True) as connection:
        assert one(connection, "select 1") == 1
        redshift.reboot_cluster(**OURS)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("select 1")
    psycopg.connect(served.dsn).close()


def test_tags(redshift: Any) -> None:
    def tagged(**asked: Any) -> dict[str, str]:
        found = redshift.describe_tags(**asked)["TaggedResources"]
        assert {(each["ResourceName"], each["ResourceType"]) for each in found} <= {(arn, "cluster")}
        return {each["Tag"]["Key"]: each["Tag"]["Value"] for each in found}

    arn = "arn:aws:redshift:us-east-1:123456789012:cluster:duckshift"
    redshift.create_tags(ResourceName=arn, Tags=[{"Key": "team", "Value": "bi"}, {"Key": "cost", "Value": ""}])
    redshift.create_tags(ResourceName=arn, Tags=[{"Key": "team", "Value": "data"}])
    assert tagged() == tagged(ResourceName=arn) == tagged(ResourceType="cluster") == {"team": "data", "cost": ""}
    assert tagged(TagKeys=["team"]) == tagged(TagValues=["data"]) == {"team": "data"}
    assert tagged(ResourceType="snapshot") == tagged(TagKeys=["other"]) == {}
    shown = redshift.describe_clusters(TagKeys=["cost"])["Clusters"][0]["Tags"]
    assert {each["Key"] for each in shown} == {"team", "cost"}
    redshift.delete_tags(ResourceName=arn, TagKeys=["team", "none"])
    assert tagged() == {"cost": ""}
    for given, expected in (
        ({"ResourceName": f"{arn}2", "Tags": [{"Key": "a", "Value": "b"}]}, "ResourceNotFoundFault"),
        ({"ResourceName": arn, "Tags": [{"Key": "aws:a", "Value": "b"}]}, "InvalidTagFault"),
        ({"ResourceName": arn, "Tags": [{"Key": str(n), "Value": ""} for n in range(50)]}, "TagLimitExceededFault"),
    ):
        with pytest.raises(ClientError) as caught:
            redshift.create_tags(**given)
        assert code(caught) == expected
    redshift.delete_tags(ResourceName=arn, TagKeys=["cost"])
