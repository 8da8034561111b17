"""(g) Two servers on one lake, behind HAProxy: how long a client waits whose server is killed, what sharing costs."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg

from bench.workloads import Figure, Setup
from tests.support import postgres
from tests.support.fleet import connect, front_door, member, start, stop
from tests.support.server import Server

_READS: Final = 200
_COMMITS: Final = 20
_LIMIT_S: Final = 60


def fleet(setup: Setup) -> list[Figure]:
    """Measure fail-over, reads of a small table and commits, alone and shared."""
    with postgres.running("max_connections=200") as catalog:
        root = setup.folder / "fleet"
        pair = member(root, catalog, "one"), member(root, catalog, "two")
        try:
            start(*pair)
            with connect(pair[0]) as connection:
                _prepare(connection)
                shared = _costs(connection)
            found = [_failover(root, pair, setup.runs)]
        finally:
            stop(*pair)
    alone = next(target for target in setup.servers if target.name == "duckshift")
    with psycopg.connect(
        host="127.0.0.1", port=alone.port, user=alone.user, password=alone.password, dbname=alone.database,
        autocommit=True,
    ) as connection:  # fmt: skip
        _prepare(connection)
        own = _costs(connection)
    names = ("a point read that is answered from a copy", "a commit of one row")
    for what, mine, others in zip(names, shared, own, strict=True):
        values, name = {"duckshift": mine, "not shared": others}, f"one of two servers on a lake: {what}"
        found.append(Figure(group="g", name=name, unit="ms", values=values, more_is_better=False))
    return found


def _prepare(connection: psycopg.Connection) -> None:
    connection.execute("DROP TABLE IF EXISTS counted")
    connection.execute("CREATE TABLE counted AS SELECT n AS id, n % 7 AS v FROM generate_series(1, 10000) AS g(n)")
    connection.execute("DROP TABLE IF EXISTS written")
    connection.execute("CREATE TABLE written (n int)")


def _costs(connection: psycopg.Connection) -> tuple[float, float]:
    """Return what a read of a small table and a commit take, in milliseconds."""

    def read(number: int) -> None:
        connection.execute(f"SELECT v FROM counted WHERE id = {number}")

    for number in range(20):
        read(number)
    # The copy is made meanwhile.
    time.sleep(1)
    reads = _times(_READS, lambda number: read(number + 100))
    return reads, _times(_COMMITS, lambda number: connection.execute(f"INSERT INTO written VALUES ({number})"))


def _times(count: int, work: Callable[[int], object]) -> float:
    found = []
    for number in range(count):
        begun = time.perf_counter()
        work(number)
        found.append(time.perf_counter() - begun)
    return statistics.median(found) * 1_000


def _failover(root: Path, servers: tuple[Server, Server], runs: int) -> Figure:
    """Return how long a client waits that connects again and again until it is answered."""
    waits = []
    with front_door(root, servers) as port:
        for _ in range(runs):
            with _through(port) as client:
                pid = client.info.backend_pid
                mine = next(server for server in servers if _is_on(server, pid))
                begun = time.perf_counter()
                mine.kill()
                _go_on(client, port, begun)
                waits.append(time.perf_counter() - begun)
            mine.start(_LIMIT_S * 2)
    name = "a client's server is killed: until the other has committed its next row"
    notes = {"duckshift": f"longest {max(waits):.2f} s"}
    values = {"duckshift": statistics.median(waits)}
    return Figure(group="g", name=name, unit="s", values=values, more_is_better=False, notes=notes)


def _is_on(server: Server, pid: int) -> bool:
    with connect(server) as connection:
        return bool(connection.execute(f"SELECT 1 FROM stv_sessions WHERE process = {pid}").fetchall())


def _go_on(client: psycopg.Connection, port: int, begun: float) -> None:
    while time.perf_counter() - begun < _LIMIT_S:
        try:
            if client.closed:
                client = _through(port)
            client.execute("INSERT INTO written VALUES (0)")
        except psycopg.OperationalError:
            client.close()
            time.sleep(0.05)
        else:
            client.close()
            return
    raise TimeoutError("no server took over")


def _through(port: int) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=port, user=Server.user, password=Server.password, dbname=Server.database,
        autocommit=True, connect_timeout=5,
    )  # fmt: skip
