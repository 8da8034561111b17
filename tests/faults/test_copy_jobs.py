"""Copy jobs that run by themselves: every file once and only once, whatever happens to the server or the store."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support import faulty, s3
from tests.support.faulty import Fault, FaultyEndpoint
from tests.support.server import Server

ROLE = "arn:aws:iam::123456789012:role/load"
ROUNDS = 2
PATIENCE_S = 60


@pytest.fixture(scope="module")
def bucket() -> Iterator[FaultyEndpoint]:
    with faulty.endpoint("files") as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs")


@pytest.fixture(scope="module")
def server(home: Path, bucket: FaultyEndpoint) -> Iterator[Server]:
    config = home / "duckshift.toml"
    config.write_text(
        f"""
[copy]
local_folders = ["{home}"]
job_poll_ms = 50
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
def inbox(server: Server, bucket: FaultyEndpoint, home: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for the files, and a table for their rows."""
    bucket.fail(lambda method, path, count: None)
    folder = home / request.node.name
    folder.mkdir()
    _run(server, "CREATE TABLE arrived (file int, line int)")
    yield folder
    _run(server, "COPY JOB DROP arrivals", "DROP TABLE arrived")


def _run(server: Server, *statements: str) -> None:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)  # type: ignore[arg-type]


def _eventually(check: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def _ask(server: Server, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        return connection.execute(query).fetchall()  # type: ignore[arg-type]


@pytest.mark.fault("kill -9 while COPY jobs load")
def test_files_are_loaded_once_across_kills(server: Server, inbox: Path) -> None:
    written = list[int]()
    _run(server, f"COPY arrived FROM 'file://{inbox}/f' CSV JOB CREATE arrivals")
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            number = len(written)
            part = inbox / "part"
            part.write_text("".join(f"{number},{line}\n" for line in range(100)))
            part.rename(inbox / f"f{number}")
            written.append(number)
            time.sleep(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    for round_number in range(ROUNDS):
        # Somewhere between a file's arrival and the commit of its rows.
        time.sleep(0.6 + 0.13 * round_number)
        server.kill()
        server.start()
    stop.set()
    writer.join()
    _eventually(lambda: _ask(server, "SELECT count(DISTINCT file) FROM arrived") == [(len(written),)])
    lines = 100 * len(written)
    assert _ask(server, "SELECT count(*), count(DISTINCT file * 1000 + line) FROM arrived") == [(lines, lines)]
    assert _ask(server, "SELECT status, count(*) FROM sys_copy_job_detail GROUP BY status") == [("I", len(written))]


def test_one_bad_file_keeps_none_of_the_others(server: Server, inbox: Path) -> None:
    _run(server, f"COPY arrived (file) FROM 'file://{inbox}/f' CSV JOB CREATE arrivals AUTO OFF")
    for number in range(8):
        (inbox / f"f{number}").write_text("wrong\n" if number == 5 else f"{number}\n")
    _run(server, "COPY JOB ALTER arrivals AUTO ON")
    _eventually(lambda: len(_ask(server, "SELECT 1 FROM sys_copy_job_detail WHERE status IN ('I', 'E')")) == 8)
    assert _ask(server, "SELECT sum(file), count(*) FROM arrived") == [(sum(range(8)) - 5, 7)]
    assert _ask(server, "SELECT file_name FROM sys_copy_job_detail WHERE status = 'E'") == [(f"{inbox}/f5",)]
    [(message,)] = _ask(server, "SELECT trim(message) FROM sys_copy_job_info")
    assert str(message).startswith("Load into table 'arrived' failed.")
    # It is not tried again by itself, but it is when somebody says so.
    (inbox / "f5").write_text("5\n")
    time.sleep(0.5)
    assert _ask(server, "SELECT count(*) FROM arrived") == [(7,)]
    _run(server, "COPY JOB RUN arrivals")
    assert _ask(server, "SELECT sum(file), count(*) FROM arrived") == [(sum(range(8)), 8)]


@pytest.mark.fault("S3 away while COPY jobs load")
def test_files_wait_while_the_store_is_away(server: Server, inbox: Path, bucket: FaultyEndpoint) -> None:
    _run(server, f"COPY arrived (file) FROM 's3://files/in/' IAM_ROLE '{ROLE}' CSV JOB CREATE arrivals")
    bucket.fail(lambda method, path, count: Fault(status=403))
    bucket.client.put_object(Bucket="files", Key="in/1", Body=b"1\n")
    _eventually(lambda: _ask(server, "SELECT 1 FROM sys_copy_job_info WHERE message ILIKE '%403%'") != [])
    assert _ask(server, "SELECT count(*) FROM arrived") == [(0,)]
    bucket.fail(lambda method, path, count: None)
    _eventually(lambda: _ask(server, "SELECT count(*) FROM arrived") == [(1,)])
    # So do files for a table that is gone for a while.
    _run(server, "DROP TABLE arrived")
    bucket.client.put_object(Bucket="files", Key="in/2", Body=b"2\n")
    _eventually(lambda: _ask(server, "SELECT 1 FROM sys_copy_job_info WHERE message ILIKE '%does not exist%'") != [])
    _run(server, "CREATE TABLE arrived (file int, line int)")
    _eventually(lambda: _ask(server, "SELECT file FROM arrived") == [(2,)])
