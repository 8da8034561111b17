"""COPY and UNLOAD while S3 has a bad day: what passes is tried again, what does not is told and leaves nothing behind."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from pyarrow import orc

from tests.support import faulty, s3
from tests.support.canceling import canceled
from tests.support.faulty import Fault, FaultyEndpoint
from tests.support.server import Server

ROLE = "arn:aws:iam::123456789012:role/load"
ROWS = 60_000
KINDS = {
    "fast": "text CSV",
    "careful": "text CSV ACCEPTINVCHARS",
    "packed": "text.bz2 CSV BZIP2",
    "parquet": "data.parquet PARQUET",
    "orc": "data.orc ORC",
}


@pytest.fixture(scope="module")
def bucket() -> Iterator[FaultyEndpoint]:
    with faulty.endpoint("files") as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, bucket: FaultyEndpoint) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("faults")
    config = home / "duckshift.toml"
    config.write_text(
        f"""
[roles."{ROLE}"]
endpoint = "{bucket.address}"
access_key_id = "{s3.KEY_ID}"
secret_access_key = "{s3.SECRET}"
url_style = "path"
use_ssl = false
"""
    )
    with Server(home / "data", arguments=("--config", str(config))) as running:
        yield running


@pytest.fixture
def db(server: Server, bucket: FaultyEndpoint) -> Iterator[psycopg.Connection]:
    bucket.fail(lambda method, path, count: None)
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS loaded; CREATE TABLE loaded (a int, b varchar(40))")
        yield connection
        bucket.fail(lambda method, path, count: None)


@pytest.fixture(scope="module")
def files(bucket: FaultyEndpoint, tmp_path_factory: pytest.TempPathFactory) -> None:
    import bz2

    import pyarrow.parquet as pq

    folder = tmp_path_factory.mktemp("written")
    for part in range(2):
        numbers = list(range(part * ROWS // 2, (part + 1) * ROWS // 2))
        words = [f"words of line {number * 7919 % ROWS}" for number in numbers]
        text = "".join(f"{number},{word}\n" for number, word in zip(numbers, words, strict=True)).encode()
        table = pa.table({"a": pa.array(numbers, pa.int32()), "b": words})
        pq.write_table(table, folder / "parquet", compression="none")
        orc.write_table(table, folder / "orc")
        for name, body in (
            ("text", text),
            ("text.bz2", bz2.compress(text)),
            ("data.parquet", (folder / "parquet").read_bytes()),
            ("data.orc", (folder / "orc").read_bytes()),
        ):
            bucket.client.put_object(Bucket="files", Key=f"{name}/part-{part}", Body=body)


def copy(db: psycopg.Connection, kind: str) -> None:
    folder, _, options = KINDS[kind].partition(" ")
    db.execute(f"COPY loaded FROM 's3://files/{folder}/' IAM_ROLE '{ROLE}' {options}")  # type: ignore[arg-type]


def total(db: psycopg.Connection) -> tuple[object, ...] | None:
    return db.execute("SELECT count(*), sum(a) FROM loaded").fetchone()


WHOLE = (ROWS, ROWS * (ROWS - 1) // 2)
PASSING = {
    "internal errors": lambda method, path, count: Fault(status=500) if "part-1" in path and count < 2 else None,
    "slow down": lambda method, path, count: Fault(status=503) if count < 2 else None,
    "bodies cut short": lambda method, path, count: Fault(cut=True) if "part-1" in path and method == "GET" and count < 2 else None,
    "slow answers": lambda method, path, count: Fault(wait_s=0.5) if count < 2 else None,
}


# Every kind of reader and every kind of fault, not every pair: waiting between attempts takes its time.
TRIED = [
    *((kind, fault) for kind in KINDS for fault in ("internal errors", "bodies cut short")),
    ("fast", "slow down"),
    ("orc", "slow down"),
    ("parquet", "slow answers"),
]


@pytest.mark.fault("S3: time-outs, errors, cut bodies that pass")
@pytest.mark.parametrize(("kind", "fault"), TRIED)
def test_what_passes_is_tried_again(db: psycopg.Connection, bucket: FaultyEndpoint, files: None, kind: str, fault: str) -> None:
    bucket.fail(PASSING[fault])
    copy(db, kind)
    assert total(db) == WHOLE


LASTING = {
    "internal errors": lambda method, path, count: Fault(status=500) if "part-1" in path else None,
    "gone since it was listed": lambda method, path, count: Fault(status=404) if "part-1" in path else None,
    "denied": lambda method, path, count: Fault(status=403) if "part-1" in path else None,
    "always cut short": lambda method, path, count: Fault(cut=True) if "part-1" in path and method == "GET" else None,
}


@pytest.mark.fault("S3: faults that last")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", LASTING)
def test_what_lasts_is_told_and_loads_nothing(
    db: psycopg.Connection, bucket: FaultyEndpoint, files: None, kind: str, fault: str
) -> None:
    db.execute("INSERT INTO loaded VALUES (-1, 'earlier')")
    bucket.fail(LASTING[fault])
    with pytest.raises(psycopg.Error) as caught:
        copy(db, kind)
    told = f"{caught.value.diag.message_primary} {caught.value.diag.message_detail}"
    assert caught.value.sqlstate in {"XX000", "58030", "42501", "58P01"}, told
    assert "s3://files/" in told, told
    assert "internal error" not in told, told
    assert "X-Amz" not in told and bucket.address not in told, told
    assert total(db) == (1, -1)


@pytest.mark.fault("a load cancelled half way")
@pytest.mark.parametrize("kind", KINDS)
def test_cancelled_half_way(db: psycopg.Connection, bucket: FaultyEndpoint, files: None, kind: str) -> None:
    bucket.fail(lambda method, path, count: Fault(wait_s=2) if "part-1" in path else None)
    with canceled(db, 1):
        copy(db, kind)
    assert total(db) == (0, None)


@pytest.mark.fault("S3: errors while UNLOAD writes")
def test_unload_over_errors(db: psycopg.Connection, bucket: FaultyEndpoint, files: None) -> None:
    copy(db, "parquet")
    bucket.fail(lambda method, path, count: Fault(status=503) if method == "PUT" and count < 2 else None)
    db.execute(f"UNLOAD ('SELECT * FROM loaded') TO 's3://files/out/a_' IAM_ROLE '{ROLE}' CSV")  # type: ignore[arg-type]
    db.execute("TRUNCATE loaded")
    db.execute(f"COPY loaded FROM 's3://files/out/a_' IAM_ROLE '{ROLE}' CSV")  # type: ignore[arg-type]
    assert total(db) == WHOLE
    bucket.fail(lambda method, path, count: Fault(status=500) if method in {"PUT", "POST"} else None)
    with pytest.raises(psycopg.Error, match="S3ServiceException"):
        db.execute(f"UNLOAD ('SELECT * FROM loaded') TO 's3://files/out/b_' IAM_ROLE '{ROLE}' CSV")  # type: ignore[arg-type]
    assert bucket.client.list_objects_v2(Bucket="files", Prefix="out/b_").get("KeyCount") == 0


def test_scratch_files_go_away(server: Server, db: psycopg.Connection, bucket: FaultyEndpoint, files: None, tmp_path: Path) -> None:
    import tempfile

    before = set(Path(tempfile.gettempdir()).glob("duckshift-load-*"))
    bucket.fail(LASTING["internal errors"])
    for kind in ("packed", "orc"):
        with pytest.raises(psycopg.Error):
            copy(db, kind)
    assert set(Path(tempfile.gettempdir()).glob("duckshift-load-*")) <= before


RUNNING = "SELECT lines, bytes_loaded, bytes_to_load, num_files, num_files_complete, trim(current_file) FROM stv_load_state"


@pytest.mark.parametrize("kind", ["fast", "careful"])
def test_a_running_load_is_listed(db: psycopg.Connection, server: Server, bucket: FaultyEndpoint, files: None, kind: str) -> None:
    held, go = threading.Event(), threading.Event()

    def slowly(method: str, path: str, count: int) -> Fault | None:
        if "part-1" not in path or method != "GET":
            return None
        held.set()
        go.wait(25)
        return None

    bucket.fail(slowly)
    load = threading.Thread(target=copy, args=(db, kind))
    load.start()
    assert held.wait(60)
    with psycopg.connect(server.dsn, autocommit=True) as other:
        end = time.monotonic() + 60
        while True:
            [(lines, loaded, total_bytes, count, complete, current)] = other.execute(RUNNING).fetchall()
            if complete or kind == "fast" or time.monotonic() > end:
                break
            time.sleep(0.05)
        listed = other.execute(
            "SELECT trim(table_name), source_file_count, end_time FROM sys_load_history WHERE status = 'running'"
        ).fetchall()
        go.set()
        load.join()
        assert other.execute(RUNNING).fetchall() == []
        last = other.execute("SELECT status, loaded_rows FROM sys_load_history ORDER BY query_id DESC LIMIT 1").fetchone()
    assert listed == [("loaded", 2, None)]
    assert count == 2 and total_bytes > 0
    if kind == "careful":
        # The first file is done to its last row.
        assert (lines, complete, current) == (ROWS // 2, 1, "s3://files/text/part-1")
        assert 0 < loaded < total_bytes
    assert last == ("completed", ROWS)
