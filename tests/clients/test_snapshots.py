"""Snapshots: taken while others write, whole, each file once, restored elsewhere, verified, deleted."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.support import aws, s3
from tests.support.server import ROOT, Server


def keeping(data: Path, place: str, **variables: str) -> Server:
    quiet = {"DUCKSHIFT_SNAPSHOTS_INTERVAL_HOURS": "0", "DUCKSHIFT_SNAPSHOTS_CHANGED_MB": "0"}
    return Server(data, environment={"DUCKSHIFT_SNAPSHOTS_DESTINATION": place} | quiet | variables)


def run(server: Server, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def command(place: str, data: Path, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run ``duckshift snapshot``."""
    line = [sys.executable, "-P", "-m", "server.main", "snapshot", *words, "--data", str(data)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DUCKSHIFT_SNAPSHOTS_DESTINATION": place} | variables
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=100, check=False)


def restored(place: str, name: str, data: Path, *words: str, **variables: str) -> Server:
    """Return a server of what a snapshot was."""
    done = command(place, data, "restore", name, *words, **variables)
    assert done.returncode == 0, done.stderr
    return Server(data, environment=variables)


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
        run(server, "INSERT INTO t VALUES (2, 'second')", "DROP USER ann", "DELETE FROM big WHERE n > 10", "CREATE TABLE later (a INT)")
        run(server, "CALL duckshift_create_snapshot('all')")
        too_late = datetime.now(UTC).isoformat()
    with restored(str(place), "all", tmp_path / "then", "--at", moment) as server:
        assert run(server, "SELECT a, b FROM t") == [(1, "first")]
        assert run(server, "SELECT COUNT(*) FROM big") == [(5000,)]
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


def tables_by_the_management_api(server: Server, api: Any) -> None:
    """Restore a table of the snapshot ``mine``, by both services and by the command line."""
    ours = {"ClusterIdentifier": "duckshift", "SnapshotIdentifier": "mine", "SourceDatabaseName": "dev"}
    begun = api.restore_table_from_cluster_snapshot(**ours, SourceTableName="T", NewTableName="again")["TableRestoreStatus"]
    number = begun["TableRestoreRequestId"]

    def state() -> dict[str, Any]:
        return api.describe_table_restore_status(TableRestoreRequestId=number)["TableRestoreStatusDetails"][0]

    settled(lambda: state()["Status"])
    assert (state()["Status"], state()["TargetSchemaName"], state()["NewTableName"]) == ("SUCCEEDED", "public", "again")
    assert run(server, "SELECT COUNT(*) FROM again") == [(3000,)]
    for given, fault in (
        ({"SourceTableName": "t", "NewTableName": "again"}, "InvalidTableRestoreArgument"),
        ({"SourceTableName": "t", "NewTableName": "x", "TargetSchemaName": "none"}, "InvalidTableRestoreArgument"),
        ({"SourceTableName": "t", "NewTableName": "x", "SnapshotIdentifier": "none"}, "ClusterSnapshotNotFound"),
        ({"SourceTableName": "t", "NewTableName": "x", "ClusterIdentifier": "none"}, "ClusterNotFound"),
    ):
        with pytest.raises(ClientError, match=fault):
            api.restore_table_from_cluster_snapshot(**{**ours, **given})
    number = api.restore_table_from_cluster_snapshot(**ours, SourceTableName="none", NewTableName="x")["TableRestoreStatus"]["TableRestoreRequestId"]
    settled(lambda: state()["Status"])
    assert (state()["Status"], state()["Message"]) == ("FAILED", 'relation "public.none" is not in the snapshot')
    with pytest.raises(ClientError, match="TableRestoreNotFound"):
        api.describe_table_restore_status(TableRestoreRequestId="none")
    serverless = aws.client("redshift-serverless", server)
    given = {"namespaceName": "duckshift", "workgroupName": "duckshift", "snapshotName": "mine", "sourceDatabaseName": "dev"}
    number = serverless.restore_table_from_snapshot(**given, sourceTableName="t", newTableName="third")["tableRestoreStatus"]["tableRestoreRequestId"]
    settled(lambda: serverless.get_table_restore_status(tableRestoreRequestId=number)["tableRestoreStatus"]["status"])
    assert [each["status"] for each in serverless.list_table_restore_status()["tableRestoreStatuses"]] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    key, secret, _ = aws.KEYS["alice"]
    reach = {"DUCKSHIFT_API_LISTEN": aws.api(server), "DUCKSHIFT_API_ACCESS_KEY_ID": key, "DUCKSHIFT_API_SECRET_ACCESS_KEY": secret}
    done = command("x", Path(server.data), "restore", "mine", "--table", "dev.public.t", "--to", "dev.public.fourth", **reach)
    assert (done.returncode, run(server, "SELECT COUNT(*) FROM fourth")) == (0, [(3000,)]), done.stderr
    assert "go together" in command("x", Path(server.data), "restore", "mine", "--table", "dev.public.t", **reach).stderr


def settled(status: Callable[[], str]) -> None:
    deadline = time.monotonic() + 60
    while status() in {"PENDING", "IN_PROGRESS"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_automated_snapshots_and_the_management_api(tmp_path: Path) -> None:
    configuration = tmp_path / "duckshift.toml"
    configuration.write_text(aws.CONFIG)
    environment = {"DUCKSHIFT_SNAPSHOTS_DESTINATION": str(tmp_path / "snapshots")}
    with Server(tmp_path / "data", arguments=("--config", str(configuration)), environment=environment) as server:
        api = aws.client("redshift", server)
        deadline = time.monotonic() + 30
        while not (found := api.describe_cluster_snapshots(ClusterIdentifier="duckshift")["Snapshots"]):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert found[0]["SnapshotType"] == "automated" and found[0]["SnapshotIdentifier"].startswith("rs-duckshift-")
        run(server, "CREATE TABLE t AS SELECT n FROM generate_series(1, 3000) AS g(n)")
        made = api.create_cluster_snapshot(ClusterIdentifier="duckshift", SnapshotIdentifier="mine")["Snapshot"]
        assert (made["SnapshotIdentifier"], made["Status"], made["SnapshotType"]) == ("mine", "available", "manual")
        with pytest.raises(ClientError, match="ClusterSnapshotAlreadyExists"):
            api.create_cluster_snapshot(ClusterIdentifier="duckshift", SnapshotIdentifier="mine")
        (only,) = api.describe_cluster_snapshots(SnapshotIdentifier="mine")["Snapshots"]
        assert only["DBName"] == "dev"
        tables_by_the_management_api(server, api)
        assert api.delete_cluster_snapshot(SnapshotIdentifier="mine")["Snapshot"]["Status"] == "deleted"
        with pytest.raises(ClientError, match="ClusterSnapshotNotFound"):
            api.delete_cluster_snapshot(SnapshotIdentifier="mine")
        with pytest.raises(ClientError, match="AccessDenied"):
            aws.client("redshift", server, "nobody").create_cluster_snapshot(ClusterIdentifier="duckshift", SnapshotIdentifier="x")
        assert api.describe_clusters()["Clusters"][0]["AutomatedSnapshotRetentionPeriod"] == 1


def test_single_tables(tmp_path: Path) -> None:
    """Redshift, "Restoring a table from a snapshot": in a warehouse that is encrypted, which has one more thing to open."""
    secret = {"DUCKSHIFT_STORAGE_ENCRYPTED": "true"}
    with keeping(tmp_path / "data", str(tmp_path / "snapshots"), **secret) as server:
        run(
            server,
            "CREATE USER ann PASSWORD 'Secret123'",
            "CREATE USER bob PASSWORD 'Secret123'",
            "CREATE TABLE parents (id INT PRIMARY KEY)",
            "CREATE TABLE t (id BIGINT IDENTITY(10, 5), \"Mixed\" VARCHAR(10) DEFAULT 'x' NOT NULL, d DECIMAL(38, 4), s SUPER, p INT REFERENCES parents, PRIMARY KEY (id)) DISTKEY (p) COMPOUND SORTKEY (d, id)",
            "COMMENT ON TABLE t IS 'kept'",
            "COMMENT ON COLUMN t.d IS 'money'",
            "INSERT INTO t (d, s, p) SELECT n, JSON_PARSE('{\"a\": ' || n || '}'), 1 FROM generate_series(1, 3000) AS g(n)",
            "INSERT INTO t (d) VALUES (NULL)",
            "DELETE FROM t WHERE d = 7",
            "GRANT SELECT ON t TO bob",
            "GRANT CREATE ON SCHEMA public TO ann",
            "ALTER TABLE t OWNER TO ann",
            "CREATE TABLE guarded AS SELECT 1 AS a",
            "ALTER TABLE guarded ROW LEVEL SECURITY ON",
            "CREATE VIEW v AS SELECT 1 AS a",
            "CREATE DATABASE other",
        )
        time.sleep(1.1)
        moment = datetime.now(UTC).isoformat()
        time.sleep(1.1)
        run(server, "DELETE FROM t WHERE d > 10", "CALL duckshift_create_snapshot('one')", "DELETE FROM t", "DROP TABLE parents CASCADE")
        assert run(server, "CALL duckshift_restore_table('one', 'dev.public.t', 'public.back')")[0][::2] == ("back", 10)
        facts = "SELECT \"column\", type, encoding, distkey, sortkey, \"notnull\" FROM pg_table_def WHERE tablename = '{}' ORDER BY 1"
        assert run(server, facts.format("back")) == run(server, facts.format("t"))
        assert run(server, "SELECT COUNT(*), SUM(d), MAX(s.a), COUNT(DISTINCT id) FROM back") == [(10, 48, "10", 10)]
        assert run(server, "SELECT conname, contype FROM pg_constraint WHERE conrelid = 'back'::regclass") == run(server, "SELECT conname, contype FROM pg_constraint WHERE conrelid = 't'::regclass AND contype = 'p'")
        assert run(server, "SELECT OBJ_DESCRIPTION('back'::regclass), tableowner, HAS_TABLE_PRIVILEGE('bob', 'back', 'SELECT') FROM pg_tables WHERE tablename = 'back'") == [("kept", "ann", False)]
        used = run(server, "SELECT MAX(id) FROM back")[0][0]
        assert run(server, "INSERT INTO back (d) VALUES (1)", f"SELECT MAX(id) > {used}, MAX(\"Mixed\") FROM back") == [(True, "x")]
        run(server, f"CALL duckshift_restore_table_at('one', 'public.t', 'other.public.\"then one\"', '{moment}')", "REVOKE CREATE ON SCHEMA public FROM ann", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        assert run(server, "SELECT COUNT(*), MIN(d) FROM other.public.\"then one\"") == [(3000, 1)]
        run(server, "CALL duckshift_restore_table('one', 'public.t', 'public.mine')", "CALL duckshift_restore_table('one', 'public.guarded', 'public.still')")
        assert run(server, "SELECT tableowner FROM pg_tables WHERE tablename = 'mine'") == [(server.user,)]
        assert run(server, "SELECT is_rls_on FROM svv_rls_relation WHERE relname = 'still'") == [(True,)]
        for call, error in (
            ("'one', 'public.t', 'public.back'", psycopg.errors.DuplicateTable),
            ("'one', 'public.none', 'public.x'", psycopg.errors.UndefinedTable),
            ("'one', 'none.public.t', 'public.x'", psycopg.errors.InvalidCatalogName),
            ("'one', 'public.t', 'none.x'", psycopg.errors.InvalidSchemaName),
            ("'one', 'public.v', 'public.x'", psycopg.errors.WrongObjectType),
            ("'none', 'public.t', 'public.x'", psycopg.errors.UndefinedObject),
            ("'one', 't', 'public.x'", psycopg.errors.InvalidParameterValue),
        ):
            with pytest.raises(error):
                run(server, f"CALL duckshift_restore_table({call})")
        for damaged in (tmp_path / "snapshots" / "files").rglob("*.parquet"):
            damaged.write_bytes(b"nothing")
        with pytest.raises(psycopg.errors.IoError, match="is damaged"):
            run(server, "CALL duckshift_restore_table('one', 'public.t', 'public.x')")
        assert run(server, "SELECT COUNT(*) FROM back") == [(11,)]
    assert not list(Path(tempfile.gettempdir()).glob("duckshift-past-*"))
