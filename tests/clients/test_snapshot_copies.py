"""A second place for snapshots, with S3 keys of its own."""

import json
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support import aws, s3
from tests.support.server import Server
from tests.support.snapshots import command, run


def test_a_second_place(tmp_path: Path) -> None:
    """In a bucket with keys of its own: copied to, verified, repaired from either side, restored from when the first is lost."""
    place, configuration = tmp_path / "snapshots", tmp_path / "duckshift.toml"
    with s3.endpoint("backup") as store:
        role = f'[roles.elsewhere]\nendpoint = "{store.address}"\nuse_ssl = false\nurl_style = "path"\nregion = "eu-west-1"\naccess_key_id = "{s3.KEY_ID}"\nsecret_access_key = "{s3.SECRET}"\n'
        configuration.write_text(aws.CONFIG + role)
        arguments = ("--config", str(configuration))
        variables = {
            "DUCKSHIFT_SNAPSHOTS_DESTINATION": str(place), "DUCKSHIFT_SNAPSHOTS_COPY_TO": "s3://backup/far", "DUCKSHIFT_SNAPSHOTS_COPY_ROLE": "elsewhere",
            "DUCKSHIFT_SNAPSHOTS_VERIFY_HOURS": "1",
        }  # fmt: skip

        def far(*words: str, data: Path = tmp_path / "none") -> str:
            done = command(str(place), data, *words, "--copy", *arguments, **variables)
            return done.stdout + done.stderr

        def copied(name: str) -> None:
            deadline = time.monotonic() + 60
            while not store.client.list_objects_v2(Bucket="backup", Prefix=f"far/snapshots/{name}/manifest")["KeyCount"]:
                assert time.monotonic() < deadline
                time.sleep(0.2)

        with Server(tmp_path / "data", arguments=arguments, environment=variables) as server:
            api = aws.client("redshift", server)
            run(server, "CREATE TABLE t AS SELECT n FROM generate_series(1, 3000) AS g(n)", "CALL duckshift_create_snapshot('one')")
            copied("one")
            api_of_copies(api)
            recovery_points(aws.client("redshift-serverless", server))
            copied("two")
            (place / "snapshots" / "one" / "catalog.ducklake").write_bytes(b"damaged")
            assert run(server, "CALL duckshift_verify_snapshot('one')") == [("catalog.ducklake", "is damaged", True)]
        victim = next(path for path in (place / "files").rglob("*.parquet") if "/t/" in str(path))
        victim.unlink()
        shutil.rmtree(tmp_path / "data" / "data")
        state = tmp_path / "data" / "snapshots.json"
        state.write_text(json.dumps(json.loads(state.read_text()) | {"verified": "2001-01-01T00:00:00+00:00"}))
        assert command(str(place), tmp_path / "whole", "restore", "one", *arguments, **variables).returncode == 0
        assert not victim.exists()
        with Server(tmp_path / "whole", arguments=arguments, environment=variables) as server:
            assert run(server, "SELECT COUNT(*) FROM t") == [(3000,)]
            deadline = time.monotonic() + 60
            while not victim.exists():
                assert time.monotonic() < deadline
                time.sleep(0.1)
        shutil.rmtree(place)
        assert "what snapshot one was" in far("restore", "one", data=tmp_path / "restored")
        assert [path.name for path in (tmp_path / "restored" / "data").rglob("*.parquet") if "/t/" in str(path)] == [victim.name]


def api_of_copies(api: Any) -> None:
    """Ask for copies, their retention, and the retention of snapshots; make a manual snapshot of an automated one."""
    ours = {"ClusterIdentifier": "duckshift"}

    def refused(code: str, operation: str, **given: Any) -> None:
        with pytest.raises(ClientError) as caught:
            getattr(api, operation)(**given)
        assert caught.value.response["Error"]["Code"] == code

    assert api.describe_clusters()["Clusters"][0]["ClusterSnapshotCopyStatus"] == {"DestinationRegion": "eu-west-1", "RetentionPeriod": 7, "ManualSnapshotRetentionPeriod": -1}
    refused("SnapshotCopyAlreadyEnabledFault", "enable_snapshot_copy", DestinationRegion="eu-west-1", **ours)
    assert "ClusterSnapshotCopyStatus" not in api.disable_snapshot_copy(**ours)["Cluster"]
    refused("SnapshotCopyAlreadyDisabledFault", "disable_snapshot_copy", **ours)
    refused("SnapshotCopyDisabledFault", "modify_snapshot_copy_retention_period", RetentionPeriod=3, **ours)
    refused("UnknownSnapshotCopyRegionFault", "enable_snapshot_copy", DestinationRegion="us-west-1", **ours)
    assert api.enable_snapshot_copy(DestinationRegion="eu-west-1", RetentionPeriod=3, **ours)["Cluster"]["ClusterSnapshotCopyStatus"]["RetentionPeriod"] == 3
    changed = api.modify_snapshot_copy_retention_period(RetentionPeriod=30, Manual=True, **ours)["Cluster"]["ClusterSnapshotCopyStatus"]
    assert (changed["RetentionPeriod"], changed["ManualSnapshotRetentionPeriod"]) == (3, 30)
    refused("InvalidRetentionPeriodFault", "modify_snapshot_copy_retention_period", RetentionPeriod=36, **ours)
    (automated,) = api.describe_cluster_snapshots(SnapshotType="automated")["Snapshots"]
    made = api.copy_cluster_snapshot(SourceSnapshotIdentifier=automated["SnapshotIdentifier"], TargetSnapshotIdentifier="two", ManualSnapshotRetentionPeriod=10)["Snapshot"]
    assert (made["SnapshotType"], made["ManualSnapshotRetentionPeriod"], made["ManualSnapshotRemainingDays"]) == ("manual", 10, 10)
    refused("InvalidClusterSnapshotState", "copy_cluster_snapshot", SourceSnapshotIdentifier="one", TargetSnapshotIdentifier="three")
    refused("InvalidClusterSnapshotState", "modify_cluster_snapshot", SnapshotIdentifier=automated["SnapshotIdentifier"], ManualSnapshotRetentionPeriod=4)
    assert api.modify_cluster_snapshot(SnapshotIdentifier="two", ManualSnapshotRetentionPeriod=20)["Snapshot"]["ManualSnapshotRemainingDays"] == 20
    batch = api.batch_modify_cluster_snapshots(SnapshotIdentifierList=["two", "none"], ManualSnapshotRetentionPeriod=-1)
    assert (batch["Resources"], [each["FailureCode"] for each in batch["Errors"]]) == (["two"], ["ClusterSnapshotNotFound"])
    api.create_cluster_snapshot(SnapshotIdentifier="three", ManualSnapshotRetentionPeriod=1, **ours)
    batch = api.batch_delete_cluster_snapshots(Identifiers=[{"SnapshotIdentifier": "three"}, {"SnapshotIdentifier": "none"}])
    assert (batch["Resources"], [each["FailureCode"] for each in batch["Errors"]]) == (["three"], ["ClusterSnapshotNotFound"])


def recovery_points(serverless: Any) -> None:
    """Automated snapshots, as redshift-serverless calls them."""
    (point,) = serverless.list_recovery_points(namespaceName="duckshift")["recoveryPoints"]
    assert serverless.get_recovery_point(recoveryPointId=point["recoveryPointId"])["recoveryPoint"] == point
    assert serverless.list_recovery_points(endTime=datetime(2001, 1, 1, tzinfo=UTC))["recoveryPoints"] == []
    made = serverless.convert_recovery_point_to_snapshot(recoveryPointId=point["recoveryPointId"], snapshotName="five")["snapshot"]
    assert (made["snapshotName"], made["snapshotRetentionPeriod"]) == ("five", -1)
    assert serverless.update_snapshot(snapshotName="five", retentionPeriod=9)["snapshot"]["snapshotRetentionPeriod"] == 9
    assert serverless.delete_snapshot(snapshotName="five")["snapshot"]["status"] == "DELETED"
    with pytest.raises(ClientError, match="ResourceNotFound"):
        serverless.get_recovery_point(recoveryPointId="five")
