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

from bench.client import Client
from tests.support.server import Server

WANTED_BYTES: Final = 500_000_000 // 5_000
_SPARE: Final = 100
_BUFFER: Final = 4_096


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code tells whether a connection is small enough."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=5_000)
    parser.add_argument("--tls", action="store_true", help="encrypted connections")
    parser.add_argument("--busy", action="store_true", help="each has read a table before")
    chosen = parser.parse_args(arguments)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    environment = {
        "DUCKSHIFT_LOG_LEVEL": "error",
        "DUCKSHIFT_SERVER_MAX_CONNECTIONS": str(chosen.connections + _SPARE),
    }
    place = tempfile.TemporaryDirectory(prefix="duckshift-idle-")
    with place as folder, Server(folder, environment=environment) as server:
        return measure(server, chosen.connections, tls=chosen.tls, busy=chosen.busy)


def measure(server: Server, count: int, *, tls: bool = False, busy: bool = False) -> int:
    """Open *count* connections and print what they cost; return 1 where that is too much."""
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
    return 1 if grown > count * WANTED_BYTES else 0


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
