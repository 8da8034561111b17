"""Floods of connections and slow clients: other clients are served, newcomers come in, memory stays bounded."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psycopg
import pytest

from tests.support.server import Server
from tests.support.wire import Wire, encode

UNAUTHENTICATED = 40
SESSIONS = 60
STARTUP = encode('Startup {"parameters": {"user": "awsuser", "database": "dev"}}')


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    environment = {
        "DUCKSHIFT_SERVER_MAX_UNAUTHENTICATED": str(UNAUTHENTICATED),
        "DUCKSHIFT_SERVER_MAX_CONNECTIONS": str(SESSIONS),
    }
    with Server(tmp_path_factory.mktemp("floods") / "data", environment=environment) as running:
        yield running


@pytest.fixture
def bystander(server: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        yield connection
        assert connection.execute("SELECT 1").fetchone() == (1,)


def newcomer(server: Server, patience_s: float = 60) -> bool:
    """Tell whether somebody who tries again and again comes in."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with suppress(psycopg.OperationalError), psycopg.connect(server.dsn, connect_timeout=10) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
        time.sleep(0.2)
    return False


def memory_mb(server: Server) -> int:
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) // 1000


def test_connections_that_say_nothing(server: Server, bystander: psycopg.Connection) -> None:
    with ExitStack() as stack:
        for _ in range(5 * UNAUTHENTICATED):
            stack.enter_context(closing(socket.create_connection((server.host, server.port), timeout=10)))
        assert bystander.execute("SELECT 1").fetchone() == (1,)
        assert newcomer(server)


def test_connections_that_introduce_themselves_slowly(server: Server, bystander: psycopg.Connection) -> None:
    stop = threading.Event()

    def trickle() -> None:
        while not stop.is_set():
            with ExitStack() as stack, suppress(OSError):
                sockets = [
                    stack.enter_context(closing(socket.create_connection((server.host, server.port), timeout=10)))
                    for _ in range(UNAUTHENTICATED)
                ]
                for byte in STARTUP:
                    for one in sockets:
                        with suppress(OSError):
                            one.sendall(bytes([byte]))
                    if stop.wait(0.1):
                        break

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        for _ in range(20):
            assert bystander.execute("SELECT 1").fetchone() == (1,)
            time.sleep(0.05)
        assert newcomer(server)
    finally:
        stop.set()
        thread.join(30)


def test_sessions_that_do_not_read(server: Server, bystander: psycopg.Connection) -> None:
    """Each asks for some 400 MB of rows and reads none; the engine is up to a hundred vectors ahead of who reads."""
    text = "SELECT repeat('x', 400) FROM generate_series(1, 1000000)"
    before = memory_mb(server)
    with ExitStack() as stack:
        for _ in range(10):
            wire = stack.enter_context(Wire(server.host, server.port))
            wire.login(server.user, server.password, server.database)
            wire.send(f'Query {{"query": "{text}"}}')
        for _ in range(20):
            assert bystander.execute("SELECT 1").fetchone() == (1,)
            time.sleep(0.1)
        assert newcomer(server)
        assert memory_mb(server) - before < 1_000
    assert bystander.execute("SELECT 1").fetchone() == (1,)


def test_no_more_sessions_than_there_may_be(server: Server, bystander: psycopg.Connection) -> None:
    with ExitStack() as stack:
        with pytest.raises(psycopg.OperationalError, match="too many clients already"):
            for _ in range(SESSIONS + 1):
                stack.enter_context(psycopg.connect(server.dsn))
        assert bystander.execute("SELECT 1").fetchone() == (1,)
    assert newcomer(server)
