"""Snapshots: taken while others write, whole, each file once, restored elsewhere, verified, deleted."""

import os
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.support import aws, s3
from tests.support.server import Server
from tests.support.snapshots import command, keeping, restored, run


def files(place: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (place / "files").rglob("*.parquet")}


def test_a_snapshot_is_one_moment(tmp_path: Path) -> None:
    """Money moves from account to account, in one database, and is counted in another, all the time."""
    place, stop = tmp_path / "snapshots", threading.Event()
    with keeping(tmp_path / "data", str(place)) as server:
        run(
            server,
            "CREATE TABLE accounts AS SELECT n AS id, 1000 AS money FROM generate_series(1, 3000) AS g(n)",
            "CREATE TABLE moves (source INT, target INT)",
            "CREATE DATABASE other",
            "CREATE USER ann PASSWORD 'Secret123'",
            "GRANT SELECT ON accounts TO ann",
        )

        def move() -> None:
            with psycopg.connect(server.dsn) as connection:
                number = 0
                while not stop.is_set():
                    number = number % 2999 + 1
                    connection.execute("UPDATE accounts SET money = money - 1 WHERE id = %s", [number])
                    connection.execute("UPDATE accounts SET money = money + 1 WHERE id = %s", [number + 1])
                    connection.execute("INSERT INTO moves VALUES (%s, %s)", [number, number + 1])
                    connection.commit()

        mover = threading.Thread(target=move)
        mover.start()
        try:
            for number in range(3):
                assert run(server, f"CALL duckshift_create_snapshot('busy-{number}')")[0][:2] == (f"busy-{number}", "manual")
                time.sleep(0.3)
        finally:
            stop.set()
            mover.join()
        names = [row[0] for row in run(server, "CALL duckshift_list_snapshots()")]
    assert names == ["busy-0", "busy-1", "busy-2"]
    seen = []
    for name in names[:2]:
        with restored(str(place), name, tmp_path / name) as server:
            total, moves = run(server, "SELECT SUM(money), (SELECT COUNT(*) FROM moves) FROM accounts")[0]
            balance = run(
                server,
                "SELECT COUNT(*) FROM accounts AS a WHERE money <> 1000 "
                "- (SELECT COUNT(*) FROM moves WHERE source = a.id) + (SELECT COUNT(*) FROM moves WHERE target = a.id)",
            )
            assert (total, balance) == (3_000_000, [(0,)])
            seen.append(moves)
            with psycopg.connect(server.dsn, user="ann", password="Secret123") as connection:
                assert connection.execute("SELECT COUNT(*) FROM accounts").fetchone() == (3000,)
            assert run(server, "SELECT datname FROM pg_database WHERE datname = 'other'") == [("other",)]
            # It goes on from there.
            run(server, "INSERT INTO accounts VALUES (0, 0)", "CREATE TABLE fresh (a INT)", "INSERT INTO fresh VALUES (1)")
    assert seen[0] < seen[1]


def test_files_are_copied_once_and_go_with_the_last_snapshot(tmp_path: Path) -> None:
    place = tmp_path / "snapshots"
    with keeping(tmp_path / "data", str(place)) as server:
        run(server, "CREATE TABLE t AS SELECT n FROM generate_series(1, 5000) AS g(n)", "CALL duckshift_create_snapshot('one')")
        first = files(place)
        run(server, "INSERT INTO t SELECT n FROM generate_series(1, 5000) AS g(n)", "CALL duckshift_create_snapshot('two')")
        second = files(place)
        assert len(second) == len(first) + 1 and first.items() < second.items()
        run(server, "CALL duckshift_delete_snapshot('one')")
        assert files(place) == second
        with pytest.raises(psycopg.errors.UndefinedObject, match='snapshot "one" does not exist'):
            run(server, "CALL duckshift_delete_snapshot('one')")
    with restored(str(place), "two", tmp_path / "restored") as server:
        assert run(server, "SELECT COUNT(*) FROM t") == [(10_000,)]
    assert command(str(place), tmp_path / "x", "delete", "two").returncode == 0
    assert files(place) == {}


def test_a_damaged_file_is_named_and_repaired(tmp_path: Path) -> None:
    place = tmp_path / "snapshots"
    server = keeping(tmp_path / "data", str(place))
    with server:
        run(server, "CREATE TABLE t AS SELECT n FROM generate_series(1, 5000) AS g(n)", "CALL duckshift_create_snapshot('one')")
    assert command(str(place), tmp_path / "data", "verify", "one").stdout == ""
    (victim,) = files(place)
    whole = victim.read_bytes()
    victim.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    name = str(victim.relative_to(place / "files"))
    nowhere = command(str(place), tmp_path / "nowhere", "verify", "one")
    assert (nowhere.returncode, nowhere.stdout) == (1, f"{name} is damaged\n")
    refused = command(str(place), tmp_path / "restored", "restore", "one")
    assert refused.returncode == 1 and f"the snapshot's file {name} is damaged" in refused.stderr
    assert not (tmp_path / "restored" / "catalog.ducklake").exists()
    with server:
        assert run(server, "CALL duckshift_verify_snapshot('one')") == [(name, "is damaged", True)]
        victim.unlink()
        assert run(server, "CALL duckshift_verify_snapshot('one')") == [(name, "is missing", True)]
        assert run(server, "CALL duckshift_verify_snapshot('one')") == []
    assert victim.read_bytes() == whole


def test_as_it_was_at_a_moment(tmp_path: Path) -> None:
    place = tmp_path / "snapshots"
    with keeping(tmp_path / "data", str(place)) as server:
        run(server, "CREATE TABLE t (a INT NOT NULL, b VARCHAR(10))", "INSERT INTO t VALUES (1, 'first')", "CREATE USER ann PASSWORD 'Secret123'")
        run(server, "CREATE TABLE big AS SELECT n FROM generate_series(1, 5000) AS g(n)")
        time.sleep(1.1)
        moment = datetime.now(UTC).isoformat()
        time.sleep(1.1)
        run(server, "INSERT INTO t VALUES (2, 'second')", "DROP USER ann", "DELETE FROM big WHERE n > 10", "VACUUM big", "CREATE TABLE later (a INT)")
        run(server, "CALL duckshift_create_snapshot('all')")
        too_late = datetime.now(UTC).isoformat()
    with restored(str(place), "all", tmp_path / "then", "--at", moment) as server:
        assert run(server, "SELECT a, b FROM t") == [(1, "first")]
        assert run(server, "SELECT COUNT(*), MAX(n) FROM big") == [(5000, 5000)]
        assert run(server, "SELECT usename FROM pg_user WHERE usename = 'ann'") == [("ann",)]
        with pytest.raises(psycopg.errors.UndefinedTable):
            run(server, "SELECT * FROM later")
        with pytest.raises(psycopg.errors.NotNullViolation):
            run(server, "INSERT INTO t VALUES (NULL, 'x')")
        run(server, "INSERT INTO t VALUES (3, 'third')")
    assert not (tmp_path / "then" / "past").exists()
    refused = command(str(place), tmp_path / "no", "restore", "all", "--at", too_late)
    assert refused.returncode == 1 and "before that" in refused.stderr
    refused = command(str(place), tmp_path / "no", "restore", "all", "--at", "2001-01-01T00:00:00")
    assert refused.returncode == 1 and "cannot be had as it was then" in refused.stderr


def test_encrypted_snapshots(tmp_path: Path) -> None:
    place, key = tmp_path / "snapshots", tmp_path / "master.key"
    key.write_bytes(os.urandom(32))
    secret = {"DUCKSHIFT_STORAGE_ENCRYPTED": "true", "DUCKSHIFT_STORAGE_MASTER_KEY": f"file:{key}"}
    with keeping(tmp_path / "data", str(place), **secret) as server:
        run(server, "CREATE TABLE t (a VARCHAR(40))", "INSERT INTO t VALUES ('Canary-9c1e')", "CALL duckshift_create_snapshot('one')")
    assert not any(b"Canary-9c1e" in path.read_bytes() for path in place.rglob("*") if path.is_file())
    assert "is encrypted" in command(str(place), tmp_path / "plain", "restore", "one").stderr
    with restored(str(place), "one", tmp_path / "restored", **secret) as server:
        assert run(server, "SELECT a FROM t") == [("Canary-9c1e",)]


def test_in_s3(tmp_path: Path) -> None:
    with s3.endpoint("lake", "backup") as store:
        reach = {
            "DUCKSHIFT_S3_ENDPOINT": store.address,
            "DUCKSHIFT_S3_USE_SSL": "false",
            "DUCKSHIFT_S3_URL_STYLE": "path",
            "DUCKSHIFT_S3_ACCESS_KEY_ID": s3.KEY_ID,
            "DUCKSHIFT_S3_SECRET_ACCESS_KEY": s3.SECRET,
        }
        lake = {"DUCKSHIFT_STORAGE_FOLDER": str(tmp_path / "state")}
        with keeping("s3://lake/one", "s3://backup/here", **reach, **lake) as server:  # type: ignore[arg-type]
            run(server, "CREATE TABLE t AS SELECT n FROM generate_series(1, 5000) AS g(n)", "CALL duckshift_create_snapshot('one')")
        assert "one\tmanual" in command("s3://backup/here", tmp_path / "x", "list", **reach).stdout
        with restored("s3://backup/here", "one", tmp_path / "restored", **reach) as server:
            assert run(server, "SELECT COUNT(*) FROM t") == [(5000,)]


def test_who_may_and_when(tmp_path: Path) -> None:
    with keeping(tmp_path / "data", str(tmp_path / "snapshots")) as server:
        run(server, "CREATE USER ann PASSWORD 'Secret123'", "CALL duckshift_create_snapshot('one')")
        with closing(psycopg.connect(server.dsn, user="ann", password="Secret123", autocommit=True)) as connection:
            for call in ("create_snapshot('x')", "delete_snapshot('one')", "list_snapshots()", "verify_snapshot('one')"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(f"CALL duckshift_{call}")
        with pytest.raises(psycopg.errors.DuplicateObject):
            run(server, "CALL duckshift_create_snapshot('one')")
        for name in ("", "../x", "Upper", "a b", "a--b", "1a"):
            with pytest.raises(psycopg.errors.InvalidParameterValue):
                run(server, f"CALL duckshift_create_snapshot('{name}')")
        with psycopg.connect(server.dsn) as connection, pytest.raises(psycopg.errors.ActiveSqlTransaction):
            connection.execute("BEGIN")
            connection.execute("CALL duckshift_create_snapshot('x')")
        with pytest.raises(psycopg.errors.UndefinedFunction):
            run(server, "CALL duckshift_create_snapshot()")
    refused = command(str(tmp_path / "snapshots"), tmp_path / "data", "restore", "one")
    assert refused.returncode == 1 and "holds a warehouse already" in refused.stderr
    with Server(tmp_path / "none") as server, pytest.raises(psycopg.errors.FeatureNotSupported, match=r"snapshots\.destination"):
        run(server, "CALL duckshift_create_snapshot('x')")


def test_automated_snapshots_and_the_management_api(tmp_path: Path) -> None:
    configuration = tmp_path / "duckshift.toml"
    configuration.write_text(aws.CONFIG)
    environment = {"DUCKSHIFT_SNAPSHOTS_DESTINATION": str(tmp_path / "snapshots")}
    with Server(tmp_path / "data", arguments=("--config", str(configuration)), environment=environment) as server:
        api = aws.client("redshift", server)
        deadline = time.monotonic() + 60
        while not (found := api.describe_cluster_snapshots(ClusterIdentifier="duckshift")["Snapshots"]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert found[0]["SnapshotType"] == "automated" and found[0]["SnapshotIdentifier"].startswith("rs-duckshift-")
        made = api.create_cluster_snapshot(ClusterIdentifier="duckshift", SnapshotIdentifier="mine")["Snapshot"]
        assert (made["SnapshotIdentifier"], made["Status"], made["SnapshotType"]) == ("mine", "available", "manual")
        with pytest.raises(ClientError, match="ClusterSnapshotAlreadyExists"):
            api.create_cluster_snapshot(ClusterIdentifier="duckshift", SnapshotIdentifier="mine")
        (only,) = api.describe_cluster_snapshots(SnapshotIdentifier="mine")["Snapshots"]
        assert only["DBName"] == "dev"
        assert api.delete_cluster_snapshot(SnapshotIdentifier="mine")["Snapshot"]["Status"] == "deleted"
        with pytest.raises(ClientError, match="ClusterSnapshotNotFound"):
            api.delete_cluster_snapshot(SnapshotIdentifier="mine")
        with pytest.raises(ClientError, match="AccessDenied"):
            aws.client("redshift", server, "nobody").create_cluster_snapshot(ClusterIdentifier="duckshift", SnapshotIdentifier="x")
        assert api.describe_clusters()["Clusters"][0]["AutomatedSnapshotRetentionPeriod"] == 1
