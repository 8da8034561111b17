"""Whatever one client asks for, the event loop soon hears the others: the processor time of its turns is bounded."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

Connection = psycopg.Connection[tuple[Any, ...]]
LIMIT_MS = 5
MOST_MS = 150
"""What a turn may take of the processor here; on an idle machine it is 20. Translation took 400, and a virtual machine counts as
used what others took of its processors."""
_TOLD = re.compile(r"the event loop was busy ms=(\S+) processor_ms=(\S+) at=(.*)")
_REPORT = """
    WITH ranked AS (SELECT a, b, c, d, row_number() OVER (PARTITION BY d ORDER BY c) AS place_{n} FROM loads),
         last AS (SELECT d, max(place_{n}) AS m FROM ranked GROUP BY d)
    SELECT r.d, r.b, last.m, datediff(day, r.d, getdate()) AS days, nvl(r.b, 'z'), decode(r.a, 1, 'one', 'many'),
           listagg(r.b, ',') WITHIN GROUP (ORDER BY r.b)
    FROM ranked r JOIN last ON r.d = last.d AND r.place_{n} = last.m WHERE r.a > {n} GROUP BY 1, 2, 3, 4, 5, 6
"""


def _connects(server: Server, _: Connection) -> None:
    for _ in range(5):
        psycopg.connect(server.dsn).close()


def _loads(_: Server, connection: Connection) -> None:
    connection.execute("CREATE TABLE loads (a int, b varchar(20), c numeric(12,2), d date)")
    with connection.cursor() as cursor, cursor.copy("COPY loads FROM STDIN CSV") as copy:
        for _ in range(20):
            copy.write("".join(f"{n},name {n},{n}.25,2024-01-{n % 28 + 1:02d}\n" for n in range(5_000)))


def _small(_: Server, connection: Connection) -> None:
    for number in range(100):
        connection.execute("SELECT 1").fetchall()
        connection.execute("SELECT count(*) FROM loads WHERE a = %s", [number]).fetchall()


def _reports(_: Server, connection: Connection) -> None:
    for number in range(5):
        connection.execute(_REPORT.format(n=number)).fetchall()


def _long_texts(_: Server, connection: Connection) -> None:
    numbers = ",".join(map(str, range(20_000)))
    connection.execute(f"SELECT a FROM loads WHERE a IN ({numbers})").fetchall()
    connection.execute(f"SELECT count(*) FROM loads WHERE a IN ({numbers}) AND b <> %s", ["x"]).fetchall()


def _large_results(_: Server, connection: Connection) -> None:
    connection.execute("SELECT * FROM loads").fetchall()
    with connection.cursor(binary=True) as cursor:
        cursor.execute("SELECT * FROM loads").fetchall()
    connection.execute("SELECT repeat(b, 3000) FROM loads LIMIT 500").fetchall()


def _changes(_: Server, connection: Connection) -> None:
    for number in range(5):
        connection.execute(f"CREATE TABLE made_{number} (a int, b varchar(20))")
        connection.execute(f"ALTER TABLE made_{number} ADD COLUMN c int")
    connection.execute("INSERT INTO made_0 VALUES " + ", ".join(f"({n}, 'n{n}')" for n in range(3_000)))


def _crawls(_: Server, connection: Connection) -> None:
    for name in ("svv_columns", "pg_class", "information_schema.columns", "svv_table_info", "sys_query_history"):
        connection.execute(f"SELECT * FROM {name}").fetchall()


@pytest.fixture(scope="module")
def turns(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[float, str, str]]:
    """The processor time of long turns, what was done then, and where in the program they were."""
    found: list[tuple[float, str, str]] = []
    environment = {"DUCKSHIFT_LOG_SLOW_TURN_MS": str(LIMIT_MS)}
    with Server(tmp_path_factory.mktemp("busy") / "data", environment=environment) as server, \
            psycopg.connect(server.dsn, autocommit=True) as connection:  # fmt: skip
        for work in (_connects, _loads, _small, _reports, _long_texts, _large_results, _changes, _crawls):
            told = len(server.log)
            work(server, connection)
            lines = (_TOLD.search(line) for line in server.log[told:])
            found += [(float(line[2]), work.__name__, line[3]) for line in lines if line is not None]
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a thread's own on Linux only")
def test_the_engines_threads_give_way_to_the_event_loop(tmp_path: Path) -> None:
    with Server(tmp_path / "data", environment={"DUCKSHIFT_ENGINE_NICENESS": "10"}) as server:
        with psycopg.connect(server.dsn) as connection:
            connection.execute("SELECT sum(x * y) FROM generate_series(1, 3000) a(x), generate_series(1, 3000) b(y)")
        assert server.process is not None
        pid = server.process.pid
        niceness = {int(task.name): _niceness(task / "stat") for task in Path(f"/proc/{pid}/task").iterdir()}
    assert niceness.pop(pid) == os.getpriority(os.PRIO_PROCESS, 0)
    # Those that run statements, and DuckDB's own beside them.
    assert sum(each == 10 for each in niceness.values()) >= (os.cpu_count() or 1)


def _niceness(stat: Path) -> int:
    return int(stat.read_text().rpartition(")")[2].split()[16])


def test_no_turn_of_the_event_loop_takes_long(turns: list[tuple[float, str, str]]) -> None:
    assert [turn for turn in turns if turn[0] > MOST_MS] == []
