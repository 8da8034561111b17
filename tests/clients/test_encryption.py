"""Encryption at rest: nothing of a table's content lies in the data folder as it is, and keys can be changed."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path

import boto3
import duckdb
import psycopg
import pytest

from storage.database import WarehouseError
from storage.keys import FILE, KeySource, open_ring
from storage.write_log import WriteLog
from tests.support import s3
from tests.support.server import ROOT, Server

CANARY = "Canary-7f3a"
NUMBER = 7_305_219_684_301_775_561
"""Occurs nowhere by chance: eight bytes that are looked for in both byte orders."""


def traces(folder: Path) -> set[str]:
    """Return the kinds of files below *folder* in which the canary can be read."""
    needles = [CANARY.encode(), NUMBER.to_bytes(8, "little"), NUMBER.to_bytes(8, "big"), str(NUMBER).encode()]
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and any(needle in path.read_bytes() for needle in needles):
            found.add(path.name if path.suffix != ".parquet" else "parquet")
    return found


def fill(server: Server) -> None:
    """Leave the canary wherever a statement can leave something."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE inlined (a VARCHAR(64), b BIGINT)")
        connection.execute(f"INSERT INTO inlined VALUES ('{CANARY}', {NUMBER})")
        connection.execute("UPDATE inlined SET a = a || '!'")
        connection.execute(
            f"CREATE TABLE written AS SELECT '{CANARY}' || n AS a, {NUMBER} AS b FROM generate_series(1, 5000) AS g(n)"
        )
        connection.execute(f"CREATE MATERIALIZED VIEW kept AS SELECT a, b FROM written WHERE a <> '{CANARY}'")
        connection.execute(f"CREATE TEMPORARY TABLE passing AS SELECT '{CANARY}' AS a, {NUMBER} AS b")
        connection.execute(f"COMMENT ON TABLE written IS '{CANARY}'")
        with connection.cursor() as cursor, cursor.copy("COPY inlined FROM STDIN") as copy:
            copy.write_row([CANARY, NUMBER])
        with pytest.raises(psycopg.Error):
            connection.execute(f"SELECT '{CANARY}'::INT")


def log(server: Server) -> None:
    """Leave the canary in the log of small writes, if it is looked for soon."""
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for _ in range(2):
            connection.execute(f"INSERT INTO inlined VALUES ('{CANARY}', {NUMBER})")


def encrypted(folder: Path, **variables: str) -> Server:
    return Server(folder, environment={"DUCKSHIFT_STORAGE_ENCRYPTED": "true"} | variables)


def rotated(folder: Path, **variables: str) -> str:
    """Run ``duckshift rotate-keys`` and return what it said."""
    command = [sys.executable, "-P", "-m", "server.main", "rotate-keys", "--data", str(folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DUCKSHIFT_STORAGE_ENCRYPTED": "true"} | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stderr


def refusal(server: Server) -> str:
    """Return why *server* does not start."""
    with pytest.raises(RuntimeError) as caught:
        server.start()
    return str(caught.value)


def count(server: Server) -> int:
    with psycopg.connect(server.dsn) as connection:
        row = connection.execute("SELECT count(*) FROM written, inlined").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_nothing_can_be_read_from_an_encrypted_folder(tmp_path: Path, ending: str) -> None:
    server = encrypted(tmp_path / "data").start()
    fill(server)
    assert traces(tmp_path / "data") == set()
    log(server)
    getattr(server, ending)()
    assert traces(tmp_path / "data") == set()
    files = list((tmp_path / "data" / "data").rglob("*.parquet"))
    # PARE instead of PAR1 marks a Parquet file whose footer is encrypted.
    assert files and all(path.read_bytes()[-4:] == b"PARE" for path in files)
    with server:
        assert count(server) == 5_000 * 4


def test_what_the_search_finds_in_a_plain_folder(tmp_path: Path) -> None:
    with Server(tmp_path / "data") as server:
        fill(server)
    assert {"catalog.ducklake", "history.duckdb"} <= traces(tmp_path / "data")
    with duckdb.connect() as connection:
        files = f"{tmp_path}/data/data/**/*.parquet"
        assert connection.execute(
            "SELECT count(*) > 0 FROM read_parquet(?, union_by_name => true)", [files]
        ).fetchone() == (True,)


def test_a_master_key_from_a_file(tmp_path: Path) -> None:
    first, second = tmp_path / "first.key", tmp_path / "second.key"
    first.write_bytes(secrets.token_bytes(32))
    second.write_text(secrets.token_hex(32) + "\n")
    data = tmp_path / "data"
    with encrypted(data, DUCKSHIFT_STORAGE_MASTER_KEY=f"file:{first}") as server:
        fill(server)
    assert not (data / "master.key").exists()
    assert "does not open the key ring" in refusal(encrypted(data, DUCKSHIFT_STORAGE_MASTER_KEY=f"file:{second}"))
    assert "No such file" in refusal(encrypted(data, DUCKSHIFT_STORAGE_MASTER_KEY=f"file:{tmp_path / 'no.key'}"))
    before = json.loads((data / FILE).read_text())
    change = {
        "DUCKSHIFT_STORAGE_MASTER_KEY": f"file:{second}",
        "DUCKSHIFT_STORAGE_PREVIOUS_MASTER_KEY": f"file:{first}",
    }
    with encrypted(data, **change) as server:
        assert count(server) == 10_000
    first.unlink()
    with encrypted(data, DUCKSHIFT_STORAGE_MASTER_KEY=f"file:{second}") as server:
        assert count(server) == 10_000
    assert json.loads((data / FILE).read_text())["master"] != before["master"]


def test_a_master_key_from_a_variable(tmp_path: Path) -> None:
    named = {"DUCKSHIFT_STORAGE_MASTER_KEY": "env:WAREHOUSE_KEY"}
    with encrypted(tmp_path / "data", WAREHOUSE_KEY=secrets.token_hex(32), **named) as server:
        fill(server)
    assert "is not set" in refusal(encrypted(tmp_path / "data", **named))
    assert "32 bytes" in refusal(encrypted(tmp_path / "data", WAREHOUSE_KEY="short", **named))
    other = encrypted(tmp_path / "data", WAREHOUSE_KEY=secrets.token_hex(32), **named)
    assert "does not open the key ring" in refusal(other)


def test_a_master_key_of_the_key_management_service(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with s3.endpoint() as place:
        client = boto3.client(
            "kms", endpoint_url=f"http://{place.address}", region_name="us-east-1",
            aws_access_key_id=s3.KEY_ID, aws_secret_access_key=s3.SECRET,
        )  # fmt: skip
        first, second = (client.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
        reached = {
            "DUCKSHIFT_S3_SERVICES": f"kms=http://{place.address}",
            "DUCKSHIFT_S3_ACCESS_KEY_ID": s3.KEY_ID,
            "DUCKSHIFT_S3_SECRET_ACCESS_KEY": s3.SECRET,
        }
        with encrypted(data, DUCKSHIFT_STORAGE_MASTER_KEY=f"kms:{first}", **reached) as server:
            fill(server)
        assert not (data / "master.key").exists()
        # Its ciphertexts name their key, so a change needs no word of the one before.
        with encrypted(data, DUCKSHIFT_STORAGE_MASTER_KEY=f"kms:{second}", **reached) as server:
            assert count(server) == 10_000
        assert json.loads((data / FILE).read_text())["master"] == f"kms:{second}"
    # Where the service is away, nothing opens.
    assert "cannot be used" in refusal(encrypted(data, DUCKSHIFT_STORAGE_MASTER_KEY=f"kms:{second}", **reached))


def test_a_new_data_key(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with encrypted(data) as server:
        fill(server)
        assert "in use by another" in rotated(data)
    old = open_ring(data, KeySource("", data, kms=lambda: None)).keys[0]
    assert "has a new key" in rotated(data)
    assert traces(data) == set()
    for file, purpose in (("catalog.ducklake", "catalog"), ("history.duckdb", "history")):
        with duckdb.connect() as connection, pytest.raises(duckdb.Error, match="Wrong encryption key"):
            connection.execute(f"ATTACH '{data / file}' AS x (READ_ONLY, ENCRYPTION_KEY '{old.secret(purpose)}')")
    with encrypted(data) as server:
        assert count(server) == 10_000
        with psycopg.connect(server.dsn) as connection:
            found = connection.execute(
                "SELECT count(*) FROM sys_query_history WHERE query_text LIKE 'CREATE TABLE written%'"
            )
            assert found.fetchone() == (1,)


def test_a_new_data_key_for_what_is_in_the_log_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    server = encrypted(data).start()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE inlined (a VARCHAR(64), b BIGINT)")
    log(server)
    server.kill()
    assert (data / "writes.log").stat().st_size > 0
    old = open_ring(data, KeySource("", data, kms=lambda: None)).keys
    assert "has a new key" in rotated(data)
    assert traces(data) == set()
    with pytest.raises(WarehouseError):
        list(WriteLog(data / "writes.log", old).documents())
    with server, psycopg.connect(server.dsn) as connection:
        assert connection.execute("SELECT a, b FROM inlined").fetchall() == [(CANARY, NUMBER)] * 2


def test_a_change_of_keys_that_was_cut_short(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with encrypted(data) as server:
        fill(server)
    ring = open_ring(data, KeySource("", data, kms=lambda: None))
    ring.add()
    with encrypted(data) as server:
        assert count(server) == 10_000
    assert "has a new key" in rotated(data)
    with encrypted(data) as server:
        assert count(server) == 10_000


def test_what_cannot_be_encrypted(tmp_path: Path) -> None:
    plain, secret = tmp_path / "plain", tmp_path / "secret"
    with Server(plain):
        pass
    with encrypted(secret):
        pass
    assert "cannot be changed afterwards" in refusal(encrypted(plain))
    assert "the data folder is encrypted" in refusal(Server(secret))
    sqlite = {"DUCKSHIFT_STORAGE_CATALOG": f"sqlite:{tmp_path / 'catalog.sqlite'}"}
    assert "SQLite does not encrypt" in refusal(encrypted(tmp_path / "third", **sqlite))
    assert "not an encrypted data folder" in rotated(plain)
