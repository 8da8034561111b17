"""Single tables of snapshots, brought back into the running server."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.support import aws
from tests.support.server import Server
from tests.support.snapshots import command, keeping, run


def by_the_interfaces(server: Server) -> None:
    """Restore a table by both services and by the command line."""
    api = aws.client("redshift", server)
    run(server, "CREATE TABLE plain AS SELECT n FROM generate_series(1, 3000) AS g(n)", "CALL duckshift_create_snapshot('mine')")
    ours = {"ClusterIdentifier": "duckshift", "SnapshotIdentifier": "mine", "SourceDatabaseName": "dev"}
    begun = api.restore_table_from_cluster_snapshot(**ours, SourceTableName="PLAIN", NewTableName="again")["TableRestoreStatus"]
    number = begun["TableRestoreRequestId"]

    def state() -> dict[str, Any]:
        return api.describe_table_restore_status(TableRestoreRequestId=number)["TableRestoreStatusDetails"][0]

    settled(lambda: state()["Status"])
    assert (state()["Status"], state()["TargetSchemaName"], state()["NewTableName"]) == ("SUCCEEDED", "public", "again")
    assert run(server, "SELECT COUNT(*) FROM again") == [(3000,)]
    for given, fault in (
        ({"SourceTableName": "plain", "NewTableName": "again"}, "InvalidTableRestoreArgument"),
        ({"SourceTableName": "plain", "NewTableName": "x", "TargetSchemaName": "none"}, "InvalidTableRestoreArgument"),
        ({"SourceTableName": "plain", "NewTableName": "x", "SnapshotIdentifier": "none"}, "ClusterSnapshotNotFound"),
        ({"SourceTableName": "plain", "NewTableName": "x", "ClusterIdentifier": "none"}, "ClusterNotFound"),
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
    number = serverless.restore_table_from_snapshot(**given, sourceTableName="plain", newTableName="third")["tableRestoreStatus"]["tableRestoreRequestId"]
    settled(lambda: serverless.get_table_restore_status(tableRestoreRequestId=number)["tableRestoreStatus"]["status"])
    assert [each["status"] for each in serverless.list_table_restore_status()["tableRestoreStatuses"]] == ["SUCCEEDED", "FAILED", "SUCCEEDED"]
    key, secret, _ = aws.KEYS["alice"]
    reach = {"DUCKSHIFT_API_LISTEN": aws.api(server), "DUCKSHIFT_API_ACCESS_KEY_ID": key, "DUCKSHIFT_API_SECRET_ACCESS_KEY": secret}
    done = command("x", Path(server.data), "restore", "mine", "--table", "dev.public.plain", "--to", "dev.public.fourth", **reach)
    assert (done.returncode, run(server, "SELECT COUNT(*) FROM fourth")) == (0, [(3000,)]), done.stderr
    assert "go together" in command("x", Path(server.data), "restore", "mine", "--table", "dev.public.plain", **reach).stderr


def settled(status: Callable[[], str]) -> None:
    deadline = time.monotonic() + 60
    while status() in {"PENDING", "IN_PROGRESS"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_single_tables(tmp_path: Path) -> None:
    """Redshift, "Restoring a table from a snapshot": in a warehouse that is encrypted, which has one more thing to open."""
    configuration = tmp_path / "duckshift.toml"
    configuration.write_text(aws.CONFIG)
    variables = {"DUCKSHIFT_STORAGE_ENCRYPTED": "true", "DUCKSHIFT_CONFIG": str(configuration)}
    with keeping(tmp_path / "data", str(tmp_path / "snapshots"), **variables) as server:
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
        run(server, "DELETE FROM t WHERE d > 10", "VACUUM FULL t TO 100 PERCENT", "CALL duckshift_create_snapshot('one')", "DELETE FROM t", "DROP TABLE parents CASCADE")
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
        assert run(server, "SELECT MAX(d), COUNT(*) FROM other.public.\"then one\" WHERE d > 10") == [(3000, 2990)]
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
        by_the_interfaces(server)
        for damaged in (tmp_path / "snapshots" / "files").rglob("*.parquet"):
            damaged.write_bytes(b"nothing")
        with pytest.raises(psycopg.errors.IoError, match="is damaged"):
            run(server, "CALL duckshift_restore_table('one', 'public.t', 'public.x')")
        assert run(server, "SELECT COUNT(*) FROM back") == [(11,)]
    assert not list(Path(tempfile.gettempdir()).glob("duckshift-past-*"))
