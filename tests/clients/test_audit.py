"""The audit log as files: whole, in Redshift's form, without secrets, in a folder or in S3, and across a crash."""

import gzip
import re
import time
from pathlib import Path

import psycopg
import pytest

from tests.support import s3
from tests.support.server import Server

_NAME = re.compile(
    r"AWSLogs/\d{12}/redshift/[a-z0-9-]+/\d{4}/\d\d/\d\d/"
    r"\d{12}_redshift_[a-z0-9-]+_\w[\w-]*_(connectionlog|userlog|useractivitylog)_\d{4}-\d\d-\d\dT[\d:.]+\.gz"
)


def logs(folder: Path) -> dict[str, list[str]]:
    """Return the lines of each log, file after file."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.gz")):
        name = _NAME.fullmatch(str(path.relative_to(folder)))
        assert name, path
        found.setdefault(name[1], []).extend(gzip.decompress(path.read_bytes()).decode().splitlines())
    return found


def work(server: Server) -> None:
    """Connect, fail to connect, change users, privileges and data."""
    with psycopg.connect(server.dsn, autocommit=True, application_name="audited|app") as connection:
        connection.execute("CREATE USER ann PASSWORD 'Hush4ever'")
        connection.execute("ALTER USER ann RENAME TO anna")
        connection.execute("CREATE TABLE t (a INT)")
        connection.execute("GRANT SELECT ON t TO anna")
        connection.execute("REVOKE SELECT ON t FROM anna")
        with pytest.raises(psycopg.Error):
            connection.execute("SELECT no_such_column FROM t")
    with pytest.raises(psycopg.Error):
        psycopg.connect(server.dsn, user="anna", password="Wrong4ever", sslmode="require")


def test_files_in_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    with Server(tmp_path / "data", environment={"DUCKSHIFT_AUDIT_DESTINATION": str(folder)}) as server:
        work(server)
    found = logs(folder)
    connections = [line.split("|") for line in found["connectionlog"]]
    assert {len(fields) for fields in connections} == {22}
    assert [fields[0] for fields in connections if fields[15] == "audited/app"] == [
        "authenticated", "initiating session", "disconnecting session"
    ]  # fmt: skip
    refused = [fields for fields in connections if fields[0] == "authentication failure"]
    assert [(fields[5], fields[6]) for fields in refused] == [("dev", "anna")]
    users = [line.split("|") for line in found["userlog"]]
    assert [(fields[1], fields[2], fields[3]) for fields in users] == [("ann", "", "create"), ("anna", "ann", "rename")]
    activity = "\n".join(found["useractivitylog"])
    for text in ("GRANT SELECT ON t TO anna", "REVOKE SELECT ON t FROM anna", "SELECT no_such_column FROM t"):
        assert re.search(
            r"^'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ UTC \[ db=dev user=awsuser pid=\d+ userid=\d+ xid=\d+ \]' LOG: "
            + re.escape(text) + "$", activity, re.MULTILINE,
        ), text  # fmt: skip
    assert "Hush4ever" not in activity and "Wrong4ever" not in activity


def test_files_in_s3(tmp_path: Path) -> None:
    with s3.endpoint("audit") as place:
        environment = {
            "DUCKSHIFT_AUDIT_DESTINATION": "s3://audit/cluster",
            "DUCKSHIFT_AUDIT_INTERVAL_S": "1",
            "DUCKSHIFT_S3_ENDPOINT": f"http://{place.address}",
            "DUCKSHIFT_S3_ACCESS_KEY_ID": s3.KEY_ID,
            "DUCKSHIFT_S3_SECRET_ACCESS_KEY": s3.SECRET,
        }
        with Server(tmp_path / "data", environment=environment) as server:
            work(server)
            # They come while the server runs, too.
            deadline = time.monotonic() + 60
            while "Contents" not in place.client.list_objects_v2(Bucket="audit", Prefix="cluster/"):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        listed = place.client.list_objects_v2(Bucket="audit")["Contents"]
        for one in listed:
            path = tmp_path / "fetched" / one["Key"].removeprefix("cluster/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(place.client.get_object(Bucket="audit", Key=one["Key"])["Body"].read())
    found = logs(tmp_path / "fetched")
    assert sum("LOG: GRANT SELECT" in line for line in found["useractivitylog"]) == 1


def test_nothing_is_told_twice_or_never(tmp_path: Path) -> None:
    """Servers that are stopped, killed between deliveries, and cut off from their folder."""
    folder = tmp_path / "audit"
    server = Server(
        tmp_path / "data",
        environment={"DUCKSHIFT_AUDIT_DESTINATION": str(folder), "DUCKSHIFT_AUDIT_INTERVAL_S": "1"},
    )
    for number in range(4):
        with server:
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                for part in range(3):
                    connection.execute(f"SELECT 'told {number} {part}'")
                # Read from the history: what is read has been written, and outlives a kill.
                connection.execute("SELECT count(*) FROM sys_query_history")
            if number == 1:
                folder.rename(tmp_path / "away")
                folder.write_text("in the way")
            if number == 2:
                folder.unlink()
                (tmp_path / "away").rename(folder)
            if number % 2:
                time.sleep(number / 2)
                server.kill()
    told = [line.partition("LOG: ")[2] for line in logs(folder)["useractivitylog"] if "'told" in line]
    expected = [f"SELECT 'told {number} {part}'" for number in range(4) for part in range(3)]
    assert sorted(told) == expected


def test_a_destination_that_cannot_be_written_does_not_stop_the_server(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("in the way")
    environment = {"DUCKSHIFT_AUDIT_DESTINATION": str(place), "DUCKSHIFT_AUDIT_INTERVAL_S": "1"}
    with Server(tmp_path / "data", environment=environment) as server:
        work(server)
        time.sleep(1.5)
        with psycopg.connect(server.dsn) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert any("could not deliver the audit log" in line for line in server.log)
