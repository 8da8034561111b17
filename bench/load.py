"""COPY and UNLOAD against raw DuckDB in one run: lineitem from CSV and to Parquet, local files and loopback S3.

    python -m bench.load [--scale 1] [--runs 5] [--memory 1GB]

Both sides write tables of DuckLake on the same disk, with all cores, and take turns. DuckDB runs in a process of its
own, as the server does. S3 is ``bench.stub``, a plain server of files: moto would be what is measured. At the end: the
ratios, and the server's highest memory.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import psycopg

from bench import goals, tpch
from tests.support.server import Server

_ROLE: Final = "arn:aws:iam::123456789012:role/bench"
_RAW: Final = """
import os, sys, time, duckdb
# What the engine itself prints must not be taken for an answer.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from duckdb_extensions import import_extension
folder, memory = sys.argv[1:]
con = duckdb.connect(config={"extension_directory": folder + "/extensions", "memory_limit": memory})
for extension in ("ducklake", "httpfs"):
    import_extension(extension, con=con)
    con.execute(f"LOAD {extension}")
con.execute("SET enable_progress_bar = false")
con.execute(f"ATTACH 'ducklake:{folder}/raw.ducklake' AS lake (DATA_PATH '{folder}/raw-files')")
for line in sys.stdin:
    prepare, measured = line.rstrip("\\n").split("\\t")
    for statement in filter(None, prepare.split(";")):
        con.execute(statement)
    started = time.perf_counter()
    con.execute(measured).fetchall()
    print(time.perf_counter() - started, file=answers, flush=True)
"""


class _Raw:
    """DuckDB in a process of its own."""

    def __init__(self, folder: Path, memory: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RAW, str(folder), memory], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def seconds(self, prepare: str, measured: str) -> float:
        """Run statements and then the one that is measured; return its time."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("DuckDB has no pipes")
        self._process.stdin.write(f"{prepare}\t{measured}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="TPC-H scale factor")
    parser.add_argument("--runs", type=int, default=5, help="runs of which the median counts")
    parser.add_argument("--memory", default="1GB", help="both engines' memory limit")
    chosen = parser.parse_args()
    print(f"{os.cpu_count()} cores, TPC-H scale {chosen.scale:g}, {chosen.runs} runs, memory {chosen.memory}\n")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="duckshift-load-bench-")))
        tpch.generate(folder, chosen.scale).close()
        bucket = folder / "s3" / "bench"
        bucket.mkdir(parents=True)
        (folder / "files" / "lineitem.csv").rename(bucket / "lineitem.csv")
        port = stack.enter_context(_stub(folder / "s3"))
        server = stack.enter_context(_server(folder, port, chosen.memory))
        raw = _Raw(folder, chosen.memory)
        stack.callback(raw.close)
        connection = stack.enter_context(psycopg.connect(server.dsn, autocommit=True))
        for name, row, ours, theirs in _measures(folder, bucket, port, connection, raw):
            _report(name, row, ours, theirs, chosen.runs)
        process = server.process
        if process is not None:
            print(f"the server's highest memory: {_peak(process.pid) >> 20} MB")
    return 0


Sample = Callable[[], float]


def _measures(
    folder: Path, bucket: Path, port: int, connection: psycopg.Connection, raw: _Raw
) -> Iterator[tuple[str, int | None, Sample, Sample]]:
    columns = tpch.TABLES["lineitem"]
    lake = "decimal(15,2)".join(columns.split("decimal(15,2)"))
    made = f"DROP TABLE IF EXISTS lake.lineitem;CREATE TABLE lake.lineitem ({lake})"
    form = "(FORMAT csv, DELIMITER '|', HEADER false, QUOTE '')"
    places = (
        ("COPY lineitem CSV, local", f"file://{bucket}/lineitem.csv", "", f"{bucket}/lineitem.csv", 11),
        ("COPY lineitem CSV, S3", "s3://bench/lineitem.csv", f"IAM_ROLE '{_ROLE}'",
         f"http://127.0.0.1:{port}/bench/lineitem.csv", 11),
    )  # fmt: skip
    for name, ours, role, theirs, row in places:
        prepare = ("DROP TABLE IF EXISTS lineitem", f"CREATE TABLE lineitem ({columns})")
        copy = f"COPY lineitem FROM '{ours}' {role} DELIMITER '|'"
        yield (
            name,
            row,
            partial(_timed, connection, prepare, copy),
            partial(raw.seconds, made, f"COPY lake.lineitem FROM '{theirs}' {form}"),
        )
    out = folder / "out"
    unload = f"UNLOAD ('SELECT * FROM lineitem') TO 'file://{out}/ours_' PARQUET ALLOWOVERWRITE"

    def unloaded() -> float:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        return _timed(connection, (), unload)

    yield (
        "UNLOAD lineitem, Parquet, local",
        None,
        unloaded,
        lambda: raw.seconds("", f"COPY (SELECT * FROM lake.lineitem) TO '{folder}/raw.parquet' (FORMAT parquet)"),
    )


def _timed(connection: psycopg.Connection, prepare: tuple[str, ...], measured: str) -> float:
    for statement in prepare:
        connection.execute(statement)
    started = time.perf_counter()
    connection.execute(measured)
    return time.perf_counter() - started


def _report(name: str, row: int | None, ours: Sample, theirs: Sample, runs: int) -> None:
    pairs = [(ours(), theirs()) for _ in range(runs)]
    mine, others = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
    verdict = goals.goal(row or 11).verdict(mine / others)
    print(f"{name:34}{mine:8.2f} s   DuckDB {others:8.2f} s   {mine / others:.2f} x   {verdict}", flush=True)


@contextmanager
def _stub(folder: Path) -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-m", "bench.stub", str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None:
            raise RuntimeError("the stub has no pipe")
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _server(folder: Path, port: int, memory: str) -> Iterator[Server]:
    config = folder / "duckshift.toml"
    config.write_text(
        f'[copy]\nlocal_folders = ["{folder}"]\n[roles."{_ROLE}"]\nendpoint = "127.0.0.1:{port}"\nurl_style = "path"\n'
        'use_ssl = false\naccess_key_id = "a"\nsecret_access_key = "b"\n'
    )
    environment = {"DUCKSHIFT_ENGINE_MEMORY_LIMIT": memory, "DUCKSHIFT_LOG_LEVEL": "error"}
    with Server(folder / "duckshift", arguments=("--config", str(config)), environment=environment) as server:
        yield server


def _peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) << 10


if __name__ == "__main__":
    sys.exit(main())
