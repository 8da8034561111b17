"""Clusters beside the server itself, by boto3 and Amazon's driver: made, used, paused, restored, deleted, found again."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redshift_connector
from botocore.exceptions import ClientError

from tests.support import aws
from tests.support.environments import program_of
from tests.support.server import Server

pytestmark = [
    pytest.mark.client("boto3"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
ROLE = "arn:aws:iam::123456789012:role/load"
PASSWORD = "Another1Password"
QUICK = {"Delay": 1, "MaxAttempts": 100}


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("parent")
    configuration = folder / "duckshift.toml"
    configuration.write_text(f'{aws.CONFIG}\n[roles."{ROLE}"]\naccess_key_id = "a"\nsecret_access_key = "b"\n')
    environment = {
        "DUCKSHIFT_CLUSTERS_FOLDER": str(folder / "clusters"),
        "DUCKSHIFT_CLUSTERS_MOST": "3",
        "DUCKSHIFT_CLUSTERS_MEMORY_LIMIT": "500MB",
        "DUCKSHIFT_SNAPSHOTS_DESTINATION": str(folder / "snapshots"),
        "DUCKSHIFT_SNAPSHOTS_INTERVAL_HOURS": "0",
        "DUCKSHIFT_SNAPSHOTS_CHANGED_MB": "0",
    }
    with Server(folder / "data", arguments=("--config", str(configuration)), environment=environment) as server:
        yield server


@pytest.fixture(scope="module")
def redshift(parent: Server) -> Any:
    return aws.client("redshift", parent)


@pytest.fixture(scope="module")
def serverless(parent: Server) -> Any:
    return aws.client("redshift-serverless", parent)


@pytest.fixture(scope="module")
def one(redshift: Any) -> dict[str, Any]:
    """A cluster that is there."""
    made = redshift.create_cluster(
        ClusterIdentifier="one", NodeType="ra3.xlplus", NumberOfNodes=2, MasterUsername="boss", MasterUserPassword=PASSWORD,
        DBName="sales", IamRoles=[ROLE], Tags=[{"Key": "team", "Value": "a"}],
    )["Cluster"]  # fmt: skip
    assert (made["ClusterStatus"], made["MasterUsername"], made["DBName"], made["NumberOfNodes"]) == ("creating", "boss", "sales", 2)
    return available(redshift, "one")


def available(redshift: Any, name: str) -> dict[str, Any]:
    redshift.get_waiter("cluster_available").wait(ClusterIdentifier=name, WaiterConfig=QUICK)
    return redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]


def paused(redshift: Any, name: str) -> None:
    deadline = time.monotonic() + 60
    while redshift.describe_clusters(ClusterIdentifier=name)["Clusters"][0]["ClusterStatus"] != "paused":
        assert time.monotonic() < deadline
        time.sleep(0.2)


def settled(serverless: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while (found := serverless.get_workgroup(workgroupName=name)["workgroup"])["status"] != "AVAILABLE":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return caught.value.response["Error"]["Code"]


def run(cluster: dict[str, Any], *statements: str, user: str = "boss", password: str = PASSWORD, database: str = "sales") -> list[Any]:
    endpoint = cluster.get("Endpoint") or cluster["endpoint"]
    address, port = endpoint.get("Address") or endpoint["address"], endpoint.get("Port") or endpoint["port"]
    with psycopg.connect(host=address, port=port, user=user, password=password, dbname=database, autocommit=True) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def statement(data: Any, sql: str, **where: str) -> list[Any]:
    begun = data.execute_statement(Sql=sql, WaitTimeSeconds=20, **where)
    found = data.describe_statement(Id=begun["Id"])
    assert found["Status"] == "FINISHED", found
    return [[next(iter(value.values())) for value in row] for row in data.get_statement_result(Id=begun["Id"])["Records"]]


def test_a_cluster_of_its_own(redshift: Any, one: dict[str, Any], parent: Server) -> None:
    assert run(one, "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)", "SELECT current_user, current_database(), a FROM t") == [("boss", "sales", 1)]
    assert one["Endpoint"]["Port"] != parent.port and one["NodeType"] == "ra3.xlplus" and one["Encrypted"] is False
    assert [role["IamRoleArn"] for role in one["IamRoles"]] == [ROLE]
    names = [each["ClusterIdentifier"] for each in redshift.describe_clusters()["Clusters"]]
    assert names == ["duckshift", "one"]
    assert [each["ClusterIdentifier"] for each in redshift.describe_clusters(TagKeys=["team"])["Clusters"]] == ["one"]
    with psycopg.connect(parent.dsn) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT a FROM t")


@pytest.mark.parametrize(
    ("operation", "given", "expected"),
    [
        ("create_cluster", {"ClusterIdentifier": "one"}, "ClusterAlreadyExists"),
        ("create_cluster", {"ClusterIdentifier": "duckshift"}, "ClusterAlreadyExists"),
        ("create_cluster", {"ClusterIdentifier": "x--y"}, "ValidationError"),
        ("create_cluster", {"ClusterIdentifier": "two", "MasterUserPassword": "short"}, "ValidationError"),
        ("create_cluster", {"ClusterIdentifier": "two", "MasterUsername": "Boss X"}, "ValidationError"),
        ("create_cluster", {"ClusterIdentifier": "two", "IamRoles": ["arn:aws:iam::1:role/no"]}, "ValidationError"),
        ("create_cluster", {"ClusterIdentifier": "two", "KmsKeyId": "k"}, "UnsupportedOperation"),
        ("create_cluster", {"ClusterIdentifier": "two", "AutomatedSnapshotRetentionPeriod": 36}, "InvalidRetentionPeriodFault"),
        ("delete_cluster", {"ClusterIdentifier": "one"}, "InvalidParameterCombination"),
        ("resume_cluster", {"ClusterIdentifier": "one"}, "InvalidClusterState"),
        ("modify_cluster", {"ClusterIdentifier": "one", "NumberOfNodes": 4}, "UnsupportedOptionFault"),
        ("pause_cluster", {"ClusterIdentifier": "two"}, "ClusterNotFound"),
        ("restore_from_cluster_snapshot", {"ClusterIdentifier": "two", "SnapshotIdentifier": "no"}, "ClusterSnapshotNotFound"),
    ],
)
def test_what_cannot_be_done(redshift: Any, one: dict[str, Any], operation: str, given: dict[str, Any], expected: str) -> None:
    new = {"NodeType": "ra3.xlplus", "MasterUsername": "boss", "MasterUserPassword": PASSWORD} if operation == "create_cluster" else {}
    with pytest.raises(ClientError) as caught:
        getattr(redshift, operation)(**{**new, **given})
    assert code(caught) == expected


def test_policies_are_about_each_cluster(parent: Server, one: dict[str, Any]) -> None:
    bob = aws.client("redshift", parent, "bob")
    assert bob.describe_clusters(ClusterIdentifier="one")["Clusters"]
    for refused in (lambda: bob.pause_cluster(ClusterIdentifier="one"), lambda: bob.create_cluster_snapshot(ClusterIdentifier="one", SnapshotIdentifier="x")):
        with pytest.raises(ClientError) as caught:
            refused()
        assert code(caught) == "AccessDenied"


def test_credentials_and_statements_reach_it(redshift: Any, parent: Server, one: dict[str, Any]) -> None:
    run(one, "CREATE USER ann PASSWORD DISABLE", "CREATE TABLE seen AS SELECT 7 AS a", "GRANT SELECT ON seen TO ann")
    given = redshift.get_cluster_credentials(ClusterIdentifier="one", DbUser="ann", DbName="sales")
    assert run(one, "SELECT current_user, a FROM seen", user=given["DbUser"], password=given["DbPassword"]) == [("ann", 7)]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host=parent.host, port=parent.port, user=given["DbUser"], password=given["DbPassword"], dbname="dev")
    data = aws.client("redshift-data", parent)
    assert statement(data, "select a from seen", ClusterIdentifier="one", Database="sales", DbUser="ann") == [[7]]
    assert statement(data, "select current_database()", ClusterIdentifier="duckshift", Database="dev", DbUser="awsuser") == [["dev"]]
    held = data.execute_statement(Sql="create temp table mine as select 3 as b", ClusterIdentifier="one", Database="sales", DbUser="boss", SessionKeepAliveSeconds=60, WaitTimeSeconds=20)
    assert statement(data, "select b from mine", SessionId=held["SessionId"]) == [[3]]
    assert [each["QueryString"] for each in data.list_statements(ClusterIdentifier="one")["Statements"]][-1] == "select a from seen"
    with pytest.raises(ClientError) as caught:
        data.execute_statement(Sql="select 1", ClusterIdentifier="two", Database="sales")
    assert code(caught) == "ValidationException"


@pytest.mark.client("awscli")
def test_the_cli_waits_and_describes(parent: Server, one: dict[str, Any], tmp_path: Path) -> None:
    key, secret, _ = aws.KEYS["alice"]
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path), "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": aws.REGION, "AWS_ENDPOINT_URL": aws.api(parent), "AWS_CA_BUNDLE": aws.trusted(parent),
    }  # fmt: skip
    command = [str(program_of("aws", "aws")), "redshift", "describe-clusters", "--cluster-identifier", "one"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(done.stdout)["Clusters"][0]["Endpoint"] == one["Endpoint"]


@pytest.mark.client("redshift_connector")
def test_amazons_driver_with_iam(parent: Server, one: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SSL_CERT_FILE", "AWS_CA_BUNDLE"):
        monkeypatch.setenv(variable, aws.trusted(parent))
    key, secret, _ = aws.KEYS["alice"]
    with redshift_connector.connect(
        iam=True, endpoint_url=aws.api(parent), region="us-east-1", database="sales", cluster_identifier="one", db_user="boss",
        access_key_id=key, secret_access_key=secret, timeout=60, iam_disable_cache=True,
    ) as connection, connection.cursor() as cursor:  # fmt: skip
        cursor.execute("select current_user, current_database()")
        assert cursor.fetchone() == ["boss", "sales"]


def test_a_snapshot_makes_another_cluster(redshift: Any, parent: Server, one: dict[str, Any]) -> None:
    run(one, "CREATE TABLE kept AS SELECT n FROM generate_series(1, 3000) AS g(n)")
    redshift.create_cluster_snapshot(ClusterIdentifier="one", SnapshotIdentifier="before")
    redshift.get_waiter("snapshot_available").wait(SnapshotIdentifier="before", WaiterConfig=QUICK)
    run(one, "DROP TABLE kept")
    restored = redshift.restore_from_cluster_snapshot(ClusterIdentifier="two", SnapshotIdentifier="before")["Cluster"]
    assert (restored["RestoreStatus"]["Status"], restored["MasterUsername"]) == ("restoring", "boss")
    redshift.get_waiter("cluster_restored").wait(ClusterIdentifier="two", WaiterConfig=QUICK)
    assert run(available(redshift, "two"), "SELECT COUNT(*) FROM kept") == [(3000,)]
    (snapshot,) = redshift.describe_cluster_snapshots(ClusterIdentifier="one")["Snapshots"]
    assert (snapshot["DBName"], snapshot["SnapshotArn"]) == ("sales", "arn:aws:redshift:us-east-1:123456789012:snapshot:one/before")
    redshift.delete_cluster(ClusterIdentifier="two", FinalClusterSnapshotIdentifier="last")
    redshift.get_waiter("cluster_deleted").wait(ClusterIdentifier="two", WaiterConfig=QUICK)
    (last,) = redshift.describe_cluster_snapshots(SnapshotIdentifier="last")["Snapshots"]
    assert (last["ClusterIdentifier"], last["DBName"]) == ("two", "sales")
    assert not (Path(parent.data).parent / "clusters" / "cluster-two" / "data").exists()
    for name in ("last", "before"):
        assert redshift.delete_cluster_snapshot(SnapshotIdentifier=name)["Snapshot"]["Status"] == "deleted"
    assert redshift.describe_cluster_snapshots()["Snapshots"] == []


def test_snapshot_schedules(redshift: Any, parent: Server, one: dict[str, Any]) -> None:
    both = {"duckshift": Path(parent.data), "one": Path(parent.data).parent / "clusters" / "cluster-one" / "data"}
    now = datetime.now(UTC)
    # Far from now: none is taken by it while this runs.
    hour = (now.hour + 12) % 24
    made = redshift.create_snapshot_schedule(ScheduleIdentifier="noon", ScheduleDefinitions=[f"cron(30 {hour} *)"], ScheduleDescription="d", Tags=[{"Key": "a", "Value": "b"}], NextInvocations=2)
    first, second = made["NextInvocations"]
    assert second - first == timedelta(days=1) and now < first <= now + timedelta(days=1) and f"{first.astimezone(UTC):%H:%M:%S}" == f"{hour:02}:30:00"
    dry = redshift.create_snapshot_schedule(ScheduleIdentifier="other", ScheduleDefinitions=["cron(0 17 SAT,SUN)", "cron(0 9,17 MON-FRI)"], DryRun=True, NextInvocations=3)
    assert len(dry["NextInvocations"]) == 3
    for cluster in both:
        redshift.modify_cluster_snapshot_schedule(ClusterIdentifier=cluster, ScheduleIdentifier="noon")
        shown = redshift.describe_clusters(ClusterIdentifier=cluster)["Clusters"][0]
        assert (shown["SnapshotScheduleIdentifier"], shown["SnapshotScheduleState"]) == ("noon", "ACTIVE")
    (noon,) = redshift.describe_snapshot_schedules(ClusterIdentifier="one", TagKeys=["a"])["SnapshotSchedules"]
    assert (noon["ScheduleDescription"], noon["AssociatedClusterCount"], [each["ClusterIdentifier"] for each in noon["AssociatedClusters"]]) == ("d", 2, ["duckshift", "one"])
    arn = "arn:aws:redshift:us-east-1:123456789012:snapshotschedule:noon"
    redshift.create_tags(ResourceName=arn, Tags=[{"Key": "c", "Value": "d"}])
    redshift.delete_tags(ResourceName=arn, TagKeys=["a"])
    (tag,) = redshift.describe_tags(ResourceType="snapshotschedule")["TaggedResources"]
    assert tag == {"Tag": {"Key": "c", "Value": "d"}, "ResourceName": arn, "ResourceType": "snapshotschedule"}
    for operation, given, expected in [
        ("create_snapshot_schedule", {"ScheduleIdentifier": "noon", "ScheduleDefinitions": ["rate(8 hours)"]}, "SnapshotScheduleAlreadyExists"),
        ("create_snapshot_schedule", {"ScheduleIdentifier": "bad", "ScheduleDefinitions": ["cron(0,30 12 *)"]}, "InvalidSchedule"),
        ("create_snapshot_schedule", {"ScheduleIdentifier": "bad"}, "InvalidSchedule"),
        ("create_snapshot_schedule", {"ScheduleIdentifier": "bad", "ScheduleDefinitions": ["at(2026-11-25T10:00:00)"]}, "ScheduleDefinitionTypeUnsupported"),
        ("modify_snapshot_schedule", {"ScheduleIdentifier": "other", "ScheduleDefinitions": ["rate(8 hours)"]}, "SnapshotScheduleNotFound"),
        ("modify_cluster_snapshot_schedule", {"ClusterIdentifier": "one", "ScheduleIdentifier": "other"}, "SnapshotScheduleNotFound"),
        ("modify_cluster_snapshot_schedule", {"ClusterIdentifier": "two", "ScheduleIdentifier": "noon"}, "ClusterNotFound"),
        ("delete_snapshot_schedule", {"ScheduleIdentifier": "noon"}, "InvalidClusterSnapshotScheduleState"),
        ("create_cluster", {"ClusterIdentifier": "two", "NodeType": "ra3.xlplus", "MasterUsername": "boss", "MasterUserPassword": PASSWORD, "SnapshotScheduleIdentifier": "other"}, "SnapshotScheduleNotFound"),
        ("modify_cluster", {"ClusterIdentifier": "duckshift", "AutomatedSnapshotRetentionPeriod": 36}, "InvalidRetentionPeriodFault"),
    ]:  # fmt: skip
        with pytest.raises(ClientError) as caught:
            getattr(redshift, operation)(**given)
        assert code(caught) == expected, (operation, given)
    redshift.modify_snapshot_schedule(ScheduleIdentifier="noon", ScheduleDefinitions=["rate(1 hour)"])
    for cluster, data in both.items():
        assert automated(redshift, cluster) == []
        redshift.modify_cluster(ClusterIdentifier=cluster, ManualSnapshotRetentionPeriod=5)
        rules = json.loads((data / "snapshot_rules.json").read_text())
        assert rules["definitions"] == ["rate(1 hour)"]
        since = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
        (data / "other.json").write_text(json.dumps({**rules, "since": since}))
        (data / "other.json").replace(data / "snapshot_rules.json")
        woken = redshift.create_cluster_snapshot(ClusterIdentifier=cluster, SnapshotIdentifier=f"wake-{cluster}")["Snapshot"]
        assert woken["ManualSnapshotRetentionPeriod"] == 5
        redshift.delete_cluster_snapshot(SnapshotIdentifier=f"wake-{cluster}")
        until(lambda cluster=cluster: len(automated(redshift, cluster)) == 1)
        redshift.modify_cluster(ClusterIdentifier=cluster, AutomatedSnapshotRetentionPeriod=0, ManualSnapshotRetentionPeriod=-1)
        assert redshift.describe_clusters(ClusterIdentifier=cluster)["Clusters"][0]["AutomatedSnapshotRetentionPeriod"] == 0
        redshift.create_cluster_snapshot(ClusterIdentifier=cluster, SnapshotIdentifier=f"wake-{cluster}")
        until(lambda cluster=cluster: automated(redshift, cluster) == [])
        redshift.delete_cluster_snapshot(SnapshotIdentifier=f"wake-{cluster}")
        redshift.modify_cluster_snapshot_schedule(ClusterIdentifier=cluster, DisassociateSchedule=True)
        assert "SnapshotScheduleIdentifier" not in redshift.describe_clusters(ClusterIdentifier=cluster)["Clusters"][0]
        redshift.modify_cluster(ClusterIdentifier=cluster, AutomatedSnapshotRetentionPeriod=1)
    redshift.delete_snapshot_schedule(ScheduleIdentifier="noon")
    assert redshift.describe_snapshot_schedules()["SnapshotSchedules"] == []


def automated(redshift: Any, cluster: str) -> list[str]:
    found = redshift.describe_cluster_snapshots(ClusterIdentifier=cluster, SnapshotType="automated")["Snapshots"]
    return [each["SnapshotIdentifier"] for each in found]


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_pause_change_and_resume(redshift: Any, one: dict[str, Any]) -> None:
    redshift.modify_cluster(ClusterIdentifier="one", MasterUserPassword="Changed1Password")
    assert run(one, "SELECT 1", password="Changed1Password") == [(1,)]
    redshift.modify_cluster(ClusterIdentifier="one", MasterUserPassword=PASSWORD)
    assert redshift.pause_cluster(ClusterIdentifier="one")["Cluster"]["ClusterStatus"] == "pausing"
    paused(redshift, "one")
    with pytest.raises(psycopg.OperationalError):
        run(one, "SELECT 1")
    with pytest.raises(ClientError) as caught:
        redshift.get_cluster_credentials(ClusterIdentifier="one", DbUser="ann")
    assert code(caught) == "InvalidClusterState"
    redshift.resume_cluster(ClusterIdentifier="one")
    assert available(redshift, "one")["Endpoint"] == one["Endpoint"]


def test_a_namespace_and_its_workgroup(redshift: Any, serverless: Any, parent: Server) -> None:
    namespace = serverless.create_namespace(namespaceName="space", adminUsername="boss", adminUserPassword=PASSWORD, dbName="sales")["namespace"]
    assert namespace["status"] == "AVAILABLE"
    with pytest.raises(ClientError) as caught:
        serverless.get_workgroup(workgroupName="group")
    assert code(caught) == "ResourceNotFoundException"
    assert serverless.create_workgroup(workgroupName="group", namespaceName="space", baseCapacity=16)["workgroup"]["status"] == "CREATING"
    workgroup = settled(serverless, "group")
    assert (workgroup["namespaceName"], workgroup["baseCapacity"]) == ("space", 16)
    run(workgroup, "CREATE TABLE t AS SELECT 1 AS a")
    data = aws.client("redshift-data", parent)
    assert statement(data, "select current_database()", WorkgroupName="group", Database="sales") == [["sales"]]
    given = serverless.get_credentials(workgroupName="group", dbName="sales")
    assert run(workgroup, "SELECT current_user", user=given["dbUser"], password=given["dbPassword"]) == [("IAM:alice",)]
    time.sleep(1.1)
    moment = datetime.now(UTC).isoformat()
    time.sleep(1.1)
    run(workgroup, "INSERT INTO t VALUES (2)")
    serverless.create_snapshot(namespaceName="space", snapshotName="first", retentionPeriod=5)
    run(workgroup, "DROP TABLE t")
    assert serverless.restore_from_recovery_point(namespaceName="space", workgroupName="group", recoveryPointId=moment)["recoveryPointId"] == moment
    assert run(settled(serverless, "group"), "SELECT a FROM t") == [(1,)]
    serverless.restore_from_snapshot(namespaceName="space", workgroupName="group", snapshotName="first")
    assert run(settled(serverless, "group"), "SELECT a FROM t ORDER BY 1") == [(1,), (2,)]
    with pytest.raises(ClientError) as caught:
        serverless.restore_from_recovery_point(namespaceName="space", workgroupName="group", recoveryPointId=datetime.now(UTC).isoformat())
    assert code(caught) == "ResourceNotFoundException"
    assert [each["snapshotName"] for each in serverless.list_snapshots(namespaceName="space")["snapshots"]] == ["first"]
    serverless.update_namespace(namespaceName="space", adminUserPassword="Changed1Password")
    assert run(workgroup, "SELECT 1", password="Changed1Password") == [(1,)]
    with pytest.raises(ClientError) as caught:
        serverless.delete_namespace(namespaceName="space")
    assert code(caught) == "ConflictException"
    serverless.delete_workgroup(workgroupName="group")
    assert [each["workgroupName"] for each in serverless.list_workgroups()["workgroups"]] == ["duckshift"]
    assert serverless.delete_snapshot(snapshotName="first")["snapshot"]["status"] == "DELETED"
    deadline = time.monotonic() + 60
    while True:
        try:
            serverless.delete_namespace(namespaceName="space")
            break
        except ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_clusters_come_back_with_the_server(redshift: Any, one: dict[str, Any], parent: Server) -> None:
    record = Path(parent.data).parent / "clusters" / "cluster-one"
    pid = int((record / "data" / "duckshift.lock").read_text())
    parent.kill()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    parent.log.clear()
    parent.start()
    again = aws.client("redshift", parent)
    assert available(again, "one")["Endpoint"] == one["Endpoint"]
    assert run(one, "SELECT a FROM t") == [(1,)]
    child = (record / "data" / "duckshift.lock").read_text().strip()
    os.kill(int(child), 9)
    time.sleep(0.5)
    deadline = time.monotonic() + 60
    while (record / "data" / "duckshift.lock").read_text().strip() in {"", child}:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    available(again, "one")
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            assert run(one, "SELECT a FROM t") == [(1,)]
            break
        assert time.monotonic() < deadline
        time.sleep(0.2)
