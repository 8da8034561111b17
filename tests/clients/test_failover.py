"""Pools and drivers that are told of two servers of one lake: where one is killed they go on with the other."""

import asyncio
import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import psycopg
import pytest

from tests.support import postgres, programs
from tests.support.fleet import connect, member, start, stop
from tests.support.server import ADMIN_PASSWORD, ADMIN_USER, DATABASE, Server

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400)]
_JAR = Path("/usr/share/java/postgresql.jar")
Done = dict[str, int]
"""How far each client has come, by its table."""


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Server]]:
    root = tmp_path_factory.mktemp("lake")
    with postgres.running() as catalog:
        pair = member(root, catalog, "one"), member(root, catalog, "two")
        try:
            start(*pair)
            yield pair
        finally:
            stop(*pair)


@pytest.mark.client("pgjdbc")
@pytest.mark.fault("kill -9 of the server that pools and drivers are connected to")
def test_clients_go_on_with_the_other_server(servers: tuple[Server, Server], tmp_path: Path) -> None:
    done, ended = Done(), threading.Event()
    with connect(servers[1]) as watcher:
        for name in ("jdbc", "libpq", "asyncpg"):
            watcher.execute(f"CREATE TABLE {name} (n int)".encode())
        clients = [threading.Thread(target=client, args=(servers, done, ended)) for client in (_libpq, _asyncpg)]
        with _java(tmp_path, servers, done):
            for client in clients:
                client.start()
            try:
                _eventually(lambda: len(done) == 3)
                servers[0].kill()
                before = dict(done)
                _eventually(lambda: all(done[name] > before[name] + 2 for name in before))
            finally:
                ended.set()
                for client in clients:
                    client.join(60)
        for name, last in done.items():
            found = watcher.execute(f"SELECT count(*), count(DISTINCT n), max(n) FROM {name}".encode()).fetchone()
            # The last may have been written and not told of.
            assert found in {(last, last, last), (last + 1, last + 1, last + 1)}, name


@contextlib.contextmanager
def _java(folder: Path, servers: tuple[Server, Server], done: Done) -> Iterator[None]:
    """PostgreSQL's JDBC driver with a URL of both."""
    source = programs.FOLDER / "Failover.java"
    subprocess.run(["javac", "-nowarn", "-d", str(folder), str(source)], check=True, timeout=100)
    hosts = ",".join(f"{server.host}:{server.port}" for server in servers)
    url = f"jdbc:postgresql://{hosts}/{DATABASE}?sslmode=disable&connectTimeout=5&hostRecheckSeconds=1"
    java = ["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}:{_JAR}", "Failover"]
    process = subprocess.Popen(
        [*java, url, ADMIN_USER, ADMIN_PASSWORD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    lines = process.stdout

    def read() -> None:
        for line in lines:
            done["jdbc"] = int(line.split()[0])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield
    finally:
        process.stdin.close()
        process.wait(60)
        reader.join(10)
        process.stdout.close()


def _libpq(servers: tuple[Server, Server], done: Done, ended: threading.Event) -> None:
    """libpq, which tries one host after the other."""
    hosts, ports = (",".join(str(each) for each in given) for given in zip(*((s.host, s.port) for s in servers), strict=True))
    text = f"host={hosts} port={ports} user={ADMIN_USER} password={ADMIN_PASSWORD} dbname={DATABASE} connect_timeout=5"
    number = 1
    while not ended.is_set():
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(text, autocommit=True) as connection:
            while not ended.is_set():
                if connection.execute("SELECT count(*) FROM libpq WHERE n = %s", [number]).fetchone() == (0,):
                    connection.execute("INSERT INTO libpq VALUES (%s)", [number])
                done["libpq"] = number
                number += 1


def _asyncpg(servers: tuple[Server, Server], done: Done, ended: threading.Event) -> None:
    """A pool that knows both."""

    async def work() -> None:
        number = 1
        async with asyncpg.create_pool(
            host=[server.host for server in servers], port=[server.port for server in servers], user=ADMIN_USER,
            password=ADMIN_PASSWORD, database=DATABASE, min_size=1, max_size=2, ssl=False, timeout=5,
        ) as pool:  # fmt: skip
            while not ended.is_set():
                with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    async with pool.acquire() as connection:
                        if await connection.fetchval("SELECT count(*) FROM asyncpg WHERE n = $1", number) == 0:
                            await connection.execute("INSERT INTO asyncpg VALUES ($1)", number)
                        done["asyncpg"] = number
                        number += 1

    asyncio.run(work())


def _eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)
