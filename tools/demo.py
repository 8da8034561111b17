"""The story end to end: ticket sales from S3 files to two reports, with stock psql over TLS.

    python -m tools.demo [--scale 1.0] [--keep FOLDER]

Starts an S3 endpoint on loopback (moto's server), generates the data, puts it there, starts the server with a role
mapped to the endpoint's credentials, and plays ``examples/tickets``. The reports are checked against the files. Exits
with 0 only if everything was right, and leaves nothing behind.
"""

import argparse
import collections
import contextlib
import logging
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from moto.server import ThreadedMotoServer

from tools import ticket_data

ROOT: Final = Path(__file__).parents[1]
SCRIPTS: Final = ("1_create.sql", "2_copy.sql", "3_reports.sql", "4_unload.sql")
ROLE: Final = "arn:aws:iam::123456789012:role/tickets"
BUCKET: Final = "tickets"
_REGION: Final = "us-east-1"
_READY: Final = re.compile(r"duckshift ready on \S+:(\d+)")
_START_TIMEOUT_S: Final = 120
_STOP_TIMEOUT_S: Final = 30
_MUSIC: Final = ("Musicals", "Opera", "Pop", "Jazz", "Classical")


class DemoFailedError(Exception):
    """Something in the story was not as it should be."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The S3 of the demo."""

    address: str
    key_id: str
    secret: str
    client: Any


def play(folder: Path, scale: float = 1.0) -> None:
    """Play the story in *folder*; raises ``DemoFailedError``."""
    if shutil.which("psql") is None:
        message = "psql is not installed (Debian: postgresql-client)"
        raise DemoFailedError(message)
    with _step("Generating ticket sales"):
        counts = ticket_data.write(folder / "files", scale=scale)
    _say("  " + ", ".join(f"{rows:,} {table}" for table, rows in counts.items()))
    with _endpoint() as endpoint:
        with _step(f"Putting the files into s3://{BUCKET}/tickit/ at {endpoint.address}"):
            for path in sorted((folder / "files").iterdir()):
                endpoint.client.upload_file(str(path), BUCKET, f"tickit/{path.name}")
        password = f"Demo{secrets.token_hex(8)}1"
        with _server(folder, endpoint, password) as port:
            _say(f"The server listens on 127.0.0.1:{port}")
            _story(folder, endpoint, port, password)


def _story(folder: Path, endpoint: Endpoint, port: int, password: str) -> None:
    shown = {}
    for script in SCRIPTS:
        with _step(f"psql -f examples/tickets/{script}"):
            shown[script] = _psql(port, password, ROOT / "examples" / "tickets" / script)
        if script != "1_create.sql":
            _say(shown[script].rstrip())
    if "SSL connection" not in _psql(port, password, None):
        message = "the connection was not encrypted"
        raise DemoFailedError(message)
    _check_reports(folder / "files", shown["3_reports.sql"])
    _check_unloaded(endpoint)
    _say("The reports agree with the files. That is the whole story.")


def _psql(port: int, password: str, script: Path | None) -> str:
    """Run psql over TLS on *script* (None: tell about the connection) and return what it showed."""
    command = ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-v", f"bucket={BUCKET}", "-v", f"role={ROLE}", "-P", "pager=off"]
    command += [f"host=127.0.0.1 port={port} dbname=dev user=awsuser sslmode=require"]
    command += ["-c", r"\conninfo"] if script is None else ["-q", "-f", str(script)]
    done = subprocess.run(
        command,
        env=os.environ | {"PGPASSWORD": password, "PGCLIENTENCODING": "UTF8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        message = f"psql failed with exit status {done.returncode}:\n{done.stdout}"
        raise DemoFailedError(message)
    return done.stdout


@contextlib.contextmanager
def _endpoint() -> Iterator[Endpoint]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    key_id, secret = "AKIDDEMO", secrets.token_urlsafe(16)
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        region_name=_REGION,
    )
    try:
        client.create_bucket(Bucket=BUCKET)
        yield Endpoint(f"{host}:{port}", key_id, secret, client)
    finally:
        client.close()
        server.stop()


@contextlib.contextmanager
def _server(folder: Path, endpoint: Endpoint, password: str) -> Iterator[int]:
    """Run the server and give its port; it is asked to end afterwards, and its status checked."""
    config = folder / "duckshift.toml"
    config.write_text(_config(endpoint), encoding="utf-8")
    config.chmod(0o600)
    log = folder / "server.log"
    environment = os.environ | {"DUCKSHIFT_ADMIN_PASSWORD": password, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-P", "-m", "server.main", "serve", "--config", str(config)]
    command += ["--data", str(folder / "data"), "--host", "127.0.0.1", "--port", "0"]
    with log.open("wb") as written:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stderr=written
        )
        try:
            yield _ready(process, log)
        except BaseException:
            _say(log.read_text(errors="replace"))
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                status = process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                status = process.wait()
    if status:
        message = f"the server ended with status {status}:\n{log.read_text(errors='replace')}"
        raise DemoFailedError(message)


def _config(endpoint: Endpoint) -> str:
    return f"""
[roles."{ROLE}"]
endpoint = "{endpoint.address}"
region = "{_REGION}"
access_key_id = "{endpoint.key_id}"
secret_access_key = "{endpoint.secret}"
url_style = "path"
use_ssl = false
allowed = ["s3://{BUCKET}/"]
"""


def _ready(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        found = _READY.search(log.read_text(errors="replace"))
        if found:
            return int(found[1])
        if process.poll() is not None:
            break
        time.sleep(0.05)
    message = "the server did not start"
    raise DemoFailedError(message)


def _check_reports(files: Path, shown: str) -> None:
    """Compare the reports with sums that are made from the files without any SQL."""
    tickets: collections.Counter[int] = collections.Counter()
    genres: collections.Counter[str] = collections.Counter()
    names = {str(row[0]): row[2] for row in ticket_data.CATEGORIES}
    lines = (files / "allevents_pipe.txt").read_text(encoding="utf-8").splitlines()
    genre_of = {line.split("|", 1)[0]: names[line.split("|")[2]] for line in lines}
    for line in (files / "sales_tab.txt").read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        tickets[int(fields[3])] += int(fields[6])
        genres[genre_of[fields[4]]] += int(fields[6])
    rows = [[cell.strip() for cell in line.split("|")] for line in shown.splitlines() if "|" in line]
    buyers, sold = _below(rows, "firstname"), _below(rows, "genre")
    top = [count for _, count in sorted(tickets.items(), key=lambda item: (-item[1], item[0]))[: len(buyers)]]
    music = sorted(((genre, genres[genre]) for genre in _MUSIC if genres[genre]), key=lambda item: -item[1])
    if [int(row[3]) for row in buyers] != top or [(row[0], int(row[2])) for row in sold] != music:
        message = f"the reports do not agree with the files, which have {top} and {music}"
        raise DemoFailedError(message)


def _below(rows: list[list[str]], title: str) -> list[list[str]]:
    """Return the rows of the report whose header begins with *title*."""
    start = next((index for index, row in enumerate(rows) if row[0] == title), None)
    if start is None:
        message = f'the report with a column "{title}" is missing'
        raise DemoFailedError(message)
    found = []
    for row in rows[start + 1 :]:
        if len(row) != len(rows[start]) or row[0] in {"firstname", "genre"}:
            break
        found.append(row)
    return found


def _check_unloaded(endpoint: Endpoint) -> None:
    listed = endpoint.client.list_objects_v2(Bucket=BUCKET, Prefix="reports/").get("Contents", [])
    keys = [item["Key"] for item in listed]
    csv = [key for key in keys if key.startswith("reports/top_buyers_")]
    parquet = [key for key in keys if key.endswith(".parquet")]
    if len(csv) != 1 or not parquet or not all("/quarter=" in key for key in parquet):
        message = f"UNLOAD wrote something else than one CSV file and Parquet files by quarter: {keys}"
        raise DemoFailedError(message)


@contextlib.contextmanager
def _step(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    _say(f"{what} ({time.monotonic() - started:.1f} s)")


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Play the demo as the command line says and return the exit status."""
    parser = argparse.ArgumentParser(description="Play the ticket-sales story from S3 files to reports.")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the data, 1.0 is about 172,000 sales")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="work in FOLDER and leave everything there")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = arguments.keep
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duckshift-demo-")))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            play(folder, arguments.scale)
        except DemoFailedError as failure:
            _say(f"The demo failed: {failure}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
