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
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.client import Client
from tests.support.server import ROOT, Server

_ROW_BYTES: Final = 40
"""About what a row of the table takes as Parquet."""
_TABLES: Final = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=1_000)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="duckshift-recovery-") as folder:
        measure(Path(folder), chosen.megabytes)
    return 0


def measure(folder: Path, megabytes: int) -> None:
    """Print the times for a warehouse of *megabytes* in *folder*."""
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
        size = sum(path.stat().st_size for path in (folder / "data").rglob("*.parquet"))
        print(f"{size / 1e6:,.0f} MB in {_TABLES} tables")
        time.sleep(1.1)
        moment = datetime.now(UTC).isoformat()
        time.sleep(1.1)
        client.simple("INSERT INTO t0 SELECT * FROM t0 LIMIT 1000")
        _timed("a snapshot", lambda: client.simple("CALL duckshift_create_snapshot('one')"))
        client.simple("INSERT INTO t0 SELECT * FROM t0 LIMIT 1000")
        _timed("the next one", lambda: client.simple("CALL duckshift_create_snapshot('two')"))
        back = "CALL duckshift_restore_table('one', 'public.t1', 'public.back')"
        _timed("one table back", lambda: client.simple(back))
        client.close()
    _timed("all back, and answering", lambda: _restored(folder / "whole", place))
    _timed("all as it was before, and answering", lambda: _restored(folder / "then", place, "--at", moment))


def _restored(data: Path, place: dict[str, str], *words: str) -> None:
    command = [sys.executable, "-P", "-m", "server.main", "snapshot", "restore", "one", "--data", str(data), *words]
    subprocess.run(command, env=os.environ | {"PYTHONPATH": str(ROOT)} | place, check=True, stdout=subprocess.DEVNULL)
    with Server(data) as server:
        client = _connected(server)
        client.simple("SELECT COUNT(*) FROM t0")
        client.close()


def _connected(server: Server) -> Client:
    return Client(server.host, server.port, server.user, server.password, server.database)


def _timed(what: str, work: Callable[[], object]) -> None:
    begun = time.perf_counter()
    work()
    print(f"{what}: {time.perf_counter() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
