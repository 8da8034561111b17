"""Several servers on one lake, with its catalogue in a throw-away PostgreSQL; and the HAProxy of the documentation."""

import contextlib
import itertools
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import psycopg

from tests.support.postgres import Postgres
from tests.support.server import ADMIN_PASSWORD, ADMIN_USER, DATABASE, ROOT, Server

_PAGE: Final = ROOT / "docs" / "howto" / "many-servers.md"
_START_S: Final = 60


def member(root: Path, postgres: Postgres, name: str, **environment: str) -> Server:
    """Return a server (not started) of the lake in *root*, with a folder of its own."""
    return Server(
        root / "shared",
        environment={
            "DUCKSHIFT_STORAGE_SHARED": "true",
            "DUCKSHIFT_STORAGE_CATALOG": postgres.dsn,
            "DUCKSHIFT_STORAGE_FOLDER": str(root / name),
            "DUCKSHIFT_SERVER_DRAIN_GRACE_S": "2",
            "DUCKSHIFT_ENGINE_MEMORY_LIMIT": "1GB",
            **environment,
        },
    )


def start(*servers: Server) -> None:
    """Start servers at the same time."""
    with ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(lambda server: server.start(120), servers))


def stop(*servers: Server) -> None:
    """End those that run."""
    with ThreadPoolExecutor(len(servers)) as pool:
        list(pool.map(lambda server: server.__exit__(), servers))


class Pair:
    """Two servers that clients meet by turns, and of which one is killed and started again, then the other."""

    def __init__(self, one: Server, two: Server) -> None:
        self._servers = itertools.cycle((one, two))
        self._victims = itertools.cycle((one, two))
        self._killed = two

    @property
    def dsn(self) -> str:
        """What libpq needs to connect to the next."""
        return next(self._servers).dsn

    def kill(self) -> None:
        """Kill the next."""
        self._killed = next(self._victims)
        self._killed.kill()

    def start(self) -> None:
        """Start what was killed."""
        self._killed.start(120)


def connect(server: Server, *, user: str = ADMIN_USER, autocommit: bool = True) -> psycopg.Connection:
    """Connect to *server*."""
    return psycopg.connect(
        host=server.host, port=server.port, user=user, password=ADMIN_PASSWORD, dbname=DATABASE, autocommit=autocommit
    )


@contextlib.contextmanager
def front_door(folder: Path, servers: Sequence[Server]) -> Iterator[int]:
    """Run HAProxy with the documentation's configuration in front of *servers*; yield its port."""
    found = re.search(r"```haproxy\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    port = _free_port()
    text = found[1].replace("bind *:5439", f"bind 127.0.0.1:{port}")
    names = iter(servers)
    text = re.sub(r"10\.0\.0\.\d+:5439", lambda _: f"127.0.0.1:{next(names).port}", text)
    place = folder / "haproxy.cfg"
    place.write_text(text, encoding="utf-8")
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    process = subprocess.Popen([program, "-db", "-f", str(place)], stderr=subprocess.DEVNULL)
    try:
        _wait(process, port)
        yield port
    finally:
        process.kill()
        process.wait()


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("HAProxy did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
