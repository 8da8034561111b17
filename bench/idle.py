"""What connections cost that do nothing: memory of the server for each, and how fast they are taken.

    python -m bench.idle [--connections 5000] [--tls] [--busy]

Each connects with its password and runs ``SELECT 1``; with ``--busy`` a query of a table too, as a connection of a pool
has. The wanted figure is 5,000 in under 500 MB.
"""

import argparse
import os
import resource
import ssl
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import report
from bench.client import Client
from bench.goals import IDLE, Seen
from bench.workloads import OURS, Figure, Setup
from tests.support.server import Server

IDLE_COUNT: Final = 5_000
WANTED_BYTES: Final = 500_000_000 // IDLE_COUNT
_SPARE: Final = 100
_BUFFER: Final = 4_096


def idle(setup: Setup) -> list[Figure]:
    """Measure row 16 as a group of ``bench.compare``: 5,000 connections at scale 1."""
    count = round(IDLE_COUNT * min(setup.scale, 1))
    with _server(setup.folder / "idle", count) as server:
        grown = measure(server, count, tls=True) / 1e6
    seen = (Seen(IDLE, "", grown),) if count == IDLE_COUNT else ()
    name = f"{count:,} idle TLS connections"
    return [Figure(group="j", name=name, unit="MB", values={OURS: grown}, more_is_better=False, seen=seen)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code tells whether a connection is small enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=IDLE_COUNT)
    parser.add_argument("--tls", action="store_true", help="encrypted connections")
    parser.add_argument("--busy", action="store_true", help="each has read a table before")
    chosen = parser.parse_args(arguments)
    place = tempfile.TemporaryDirectory(prefix="duckshift-idle-")
    with place as folder, _server(folder, chosen.connections) as server:
        grown = measure(server, chosen.connections, tls=chosen.tls, busy=chosen.busy)
    if chosen.tls and chosen.connections == IDLE_COUNT and not chosen.busy:
        report.keep([Seen(IDLE, "", grown / 1e6)], f"{os.cpu_count()} cores")
    return 1 if grown > chosen.connections * WANTED_BYTES else 0


def _server(folder: Path | str, connections: int) -> Server:
    """Return a server that takes so many; it and its clients may have the descriptors."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return Server(folder, environment={
        "DUCKSHIFT_LOG_LEVEL": "error",
        "DUCKSHIFT_SERVER_MAX_CONNECTIONS": str(connections + _SPARE),
    })  # fmt: skip


def measure(server: Server, count: int, *, tls: bool = False, busy: bool = False) -> int:
    """Open *count* connections, print what they cost, and return by how many bytes the server grew."""
    statements = ["SELECT 1", *(["SELECT count(*) FROM pooled"] if busy else [])]
    context = _context() if tls else None
    first = _connected(server, context)
    first.simple("CREATE TABLE IF NOT EXISTS pooled (a int)")
    for statement in statements:
        first.simple(statement)
    before, begun = _memory(server), time.perf_counter()
    clients = []
    for _ in range(count):
        client = _connected(server, context)
        for statement in statements:
            client.simple(statement)
        clients.append(client)
    took, grown = time.perf_counter() - begun, _memory(server) - before
    each = f"{grown / count / 1e3:.1f} kB each, {took / count * 1e3:.1f} ms to take one"
    print(f"{count:,} idle connections: {grown / 1e6:.0f} MB, {each}")
    for client in (*clients, first):
        client.close()
    return grown


def _connected(server: Server, context: ssl.SSLContext | None) -> Client:
    return Client(
        server.host, server.port, server.user, server.password, server.database, buffer_bytes=_BUFFER, tls=context
    )


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _memory(server: Server) -> int:
    assert server.process is not None
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
