"""How long a snapshot takes, and the way back from it.

    python -m bench.recovery [--megabytes 1000]

A warehouse with that much Parquet: a snapshot, one more when little has changed, the restore of all into a new
folder until it answers, of all as it was at a moment before, and of one table into the running server.
Everything lies on one disk.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.client import Client
from bench.workloads import OURS, Figure, Setup
from tests.support.server import ROOT, Server

_MEGABYTES: Final = 1_000
_ROW_BYTES: Final = 40
"""About what a row of the table takes as Parquet."""
_TABLES: Final = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=_MEGABYTES)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="duckshift-recovery-") as folder:
        for name, took in measure(Path(folder), chosen.megabytes):
            print(f"{name}: {took:.1f} s", flush=True)
    return 0


def recovery(setup: Setup) -> list[Figure]:
    """Measure a warehouse of 1 GB (at scale 1) as a group of ``bench.compare``."""
    megabytes = round(_MEGABYTES * setup.scale)
    return [
        Figure(group="h", name=f"{megabytes:,} MB: {name}", unit="s", values={OURS: took}, more_is_better=False)
        for name, took in measure(setup.folder / "recovery", megabytes)
    ]


def measure(folder: Path, megabytes: int) -> Iterator[tuple[str, float]]:
    """Yield what was done to a warehouse of about *megabytes* in *folder*, and the seconds that it took."""
    place = {"DUCKSHIFT_SNAPSHOTS_DESTINATION": str(folder / "snapshots"), "DUCKSHIFT_LOG_LEVEL": "error"}
    quiet = {"DUCKSHIFT_SNAPSHOTS_INTERVAL_HOURS": "0", "DUCKSHIFT_SNAPSHOTS_CHANGED_MB": "0"}
    with Server(folder / "data", environment=place | quiet) as server:
        client = _connected(server)
        rows = megabytes * 1_000_000 // _ROW_BYTES // _TABLES
        for number in range(_TABLES):
            client.simple(
                f"CREATE TABLE t{number} AS SELECT n AS id, n % 1000 AS k, random() AS x, md5(n::varchar) AS a, "
                f"md5((n + 1)::varchar) AS b FROM generate_series(1, {rows}) AS g(n)"
            )
        time.sleep(1.1)
        moment = datetime.now(UTC).isoformat()
        time.sleep(1.1)
        client.simple("INSERT INTO t0 SELECT * FROM t0 LIMIT 1000")
        for what, snapshot in (("a snapshot", "one"), ("the next one, after a small change", "two")):
            taking = f"CALL duckshift_create_snapshot('{snapshot}')"
            yield _timed(what, lambda statement=taking: client.simple(statement))  # type: ignore[misc]
            client.simple("INSERT INTO t0 SELECT * FROM t0 LIMIT 1000")
        back = "CALL duckshift_restore_table('one', 'public.t1', 'public.back')"
        yield _timed("one table of four back", lambda: client.simple(back))
        client.close()
    yield _timed("all back, and answering", lambda: _restored(folder / "whole", place))
    yield _timed("all as it was before, and answering", lambda: _restored(folder / "then", place, "--at", moment))


def _restored(data: Path, place: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-P", "-m", "server.main", "snapshot", "restore", "one", "--data", str(data), *words]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)} | place, check=True, stdout=subprocess.DEVNULL)
    with Server(data) as server:
        client = _connected(server)
        client.simple("SELECT COUNT(*) FROM t0")
        client.close()


def _connected(server: Server) -> Client:
    return Client(server.host, server.port, server.user, server.password, server.database)


def _timed(what: str, work: Callable[[], object]) -> tuple[str, float]:
    begun = time.perf_counter()
    work()
    return what, time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
