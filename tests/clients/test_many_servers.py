"""Two servers on one lake: what one commits the other sees at once, and writers of both come in order."""

import contextlib
import itertools
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from tests.support import postgres
from tests.support.canceling import canceled, repeated
from tests.support.fleet import connect, front_door, member, start, stop
from tests.support.postgres import Postgres
from tests.support.server import Server

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(400)]
_names = (f"t{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def catalog() -> Iterator[Postgres]:
    with postgres.running() as running:
        yield running


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lake")


@pytest.fixture(scope="module")
def servers(catalog: Postgres, root: Path) -> Iterator[tuple[Server, Server]]:
    # Started together on nothing: one makes the lake, the other finds it.
    pair = member(root, catalog, "one"), member(root, catalog, "two")
    try:
        start(*pair)
        yield pair
    finally:
        stop(*pair)


@pytest.fixture
def one(servers: tuple[Server, Server]) -> Iterator[psycopg.Connection]:
    with connect(servers[0]) as made:
        yield made


@pytest.fixture
def two(servers: tuple[Server, Server]) -> Iterator[psycopg.Connection]:
    with connect(servers[1]) as made:
        yield made


@pytest.fixture
def t() -> str:
    return next(_names)


def rows(connection: psycopg.Connection, sql: str) -> list[tuple[object, ...]]:
    return connection.execute(sql.encode()).fetchall()


def run(*work: Callable[[], object]) -> None:
    with ThreadPoolExecutor(len(work)) as pool:
        for done in [pool.submit(each) for each in work]:
            done.result(100)


def fails(connection: psycopg.Connection, sql: str) -> str | None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(sql.encode())
    return caught.value.sqlstate


def test_definitions_are_seen_at_once(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t} (a int, b varchar(10))")
    two.execute(f"INSERT INTO {t} VALUES (1, 'x'), (2, NULL)")
    assert rows(one, f"SELECT a, b FROM {t} ORDER BY a") == [(1, "x"), (2, None)]
    one.execute(f"ALTER TABLE {t} ADD COLUMN c int DEFAULT 5")
    assert rows(two, f"SELECT * FROM {t} ORDER BY a") == [(1, "x", 5), (2, None, 5)]
    two.execute(f"ALTER TABLE {t} RENAME COLUMN c TO d")
    two.execute(f"CREATE VIEW v_{t} AS SELECT a + d AS s FROM {t}")
    assert rows(one, f"SELECT s FROM v_{t} ORDER BY s") == [(6,), (7,)]
    one.execute(f"ALTER TABLE {t} RENAME TO {t}_new")
    assert fails(two, f"SELECT * FROM {t}") == "42P01"
    assert rows(two, f"SELECT count(*) FROM {t}_new") == [(2,)]
    one.execute(f"DROP TABLE {t}_new CASCADE")
    assert fails(two, f"SELECT * FROM v_{t}") == "42P01"
    two.execute(f"CREATE TABLE {t} (z int)")
    assert rows(one, f"SELECT * FROM {t}") == []
    assert rows(one, f"SELECT \"column\" FROM pg_table_def WHERE tablename = '{t}'") == [("z",)]


def test_schemas_and_routines(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE SCHEMA s_{t}")
    two.execute(f"CREATE TABLE s_{t}.x AS SELECT 1 AS a")
    one.execute(f"CREATE FUNCTION f_{t} (int) RETURNS int IMMUTABLE AS $$ SELECT $1 + 1 $$ LANGUAGE sql")
    assert rows(two, f"SELECT f_{t}(a) FROM s_{t}.x") == [(2,)]
    two.execute(f"DROP SCHEMA s_{t} CASCADE")
    assert fails(one, f"SELECT * FROM s_{t}.x") in {"42P01", "3F000"}


def test_users_and_privileges(
    servers: tuple[Server, Server], one: psycopg.Connection, two: psycopg.Connection, t: str
) -> None:
    one.execute(f"CREATE TABLE {t} (a int)")
    one.execute(f"CREATE USER u_{t} PASSWORD 'Ticket5ales'")
    with connect(servers[1], user=f"u_{t}") as user:
        assert fails(user, f"SELECT * FROM {t}") == "42501"
        one.execute(f"GRANT SELECT ON {t} TO u_{t}")
        assert rows(user, f"SELECT * FROM {t}") == []
        two.execute(f"REVOKE SELECT ON {t} FROM u_{t}")
        assert fails(user, f"SELECT * FROM {t}") == "42501"
        one.execute(f"CREATE ROLE r_{t}")
        two.execute(f"GRANT SELECT ON {t} TO ROLE r_{t}")
        one.execute(f"GRANT ROLE r_{t} TO u_{t}")
        assert rows(user, f"SELECT * FROM {t}") == []
    two.execute(f"ALTER USER u_{t} PASSWORD 'Another5ales'")
    with pytest.raises(psycopg.OperationalError, match="password"):
        connect(servers[0], user=f"u_{t}")


def test_prepared_statements_learn_of_changes(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t} (a int)")
    for number in range(8):
        assert two.execute(f"SELECT count(*) FROM {t} WHERE a >= %s", (0,), prepare=True).fetchone() == (number,)
        one.execute(f"INSERT INTO {t} VALUES (%s)", (number,), prepare=True)
    one.execute(f"ALTER TABLE {t} ADD COLUMN b int DEFAULT 3")
    assert two.execute(f"SELECT sum(b) FROM {t} WHERE a >= %s", (0,), prepare=True).fetchone() == (24,)


def test_temporary_tables_are_a_sessions_own(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TEMP TABLE {t} AS SELECT 1 AS a")
    two.execute(f"CREATE TEMP TABLE {t} AS SELECT 2 AS a")
    assert rows(one, f"SELECT a FROM {t}") == [(1,)]
    assert rows(two, f"SELECT a FROM {t}") == [(2,)]


def test_copies_of_read_tables_are_not_old(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t} AS SELECT n AS a, 0 AS b FROM generate_series(1, 500) AS g(n)")
    for number in range(1, 5):
        for _ in range(12):
            assert rows(two, f"SELECT b FROM {t} WHERE a = 7") == [(number - 1,)]
        one.execute(f"UPDATE {t} SET b = {number} WHERE a = 7")
        assert rows(two, f"SELECT b FROM {t} WHERE a = 7") == [(number,)]


def test_identities_stay_unique(servers: tuple[Server, Server], one: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t} (id int IDENTITY(1, 1), who int)")

    def insert(server: Server, who: int) -> None:
        with connect(server) as connection:
            for _ in range(6):
                connection.execute(f"INSERT INTO {t} (who) VALUES ({who}), ({who})")

    run(*(lambda server=server, who=who: insert(server, who) for who, server in enumerate((*servers, *servers))))
    assert rows(one, f"SELECT count(*), count(DISTINCT id), count(DISTINCT who) FROM {t}") == [(48, 48, 4)]


def test_money_is_neither_made_nor_lost(servers: tuple[Server, Server], one: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t} AS SELECT n AS id, 100 AS amount FROM generate_series(1, 8) AS g(n)")

    def transfer(server: Server, seed: int) -> None:
        choose = random.Random(seed)
        with connect(server, autocommit=False) as connection:
            for _ in range(5):
                giver, taker = choose.sample(range(1, 9), 2)
                connection.execute(f"UPDATE {t} SET amount = amount - 1 WHERE id = {giver}")
                connection.execute(f"UPDATE {t} SET amount = amount + 1 WHERE id = {taker}")
                connection.commit()

    def watch(server: Server) -> None:
        with connect(server) as connection:
            for _ in range(15):
                assert rows(connection, f"SELECT sum(amount) FROM {t}") == [(800,)]

    work = [lambda server=server, seed=seed: transfer(server, seed) for seed, server in enumerate((*servers, *servers))]
    run(*work, *(lambda server=server: watch(server) for server in servers))
    assert rows(one, f"SELECT sum(amount), count(*) FROM {t}") == [(800, 8)]


def test_the_same_name_is_made_once(servers: tuple[Server, Server], t: str) -> None:
    made, refused = [], []

    def create(server: Server) -> None:
        with connect(server) as connection:
            try:
                connection.execute(f"CREATE TABLE {t} (a int)")
                made.append(server)
            except psycopg.Error as error:
                refused.append(error.sqlstate)

    run(*(lambda server=server: create(server) for server in (*servers, *servers)))
    assert len(made) == 1
    assert refused == ["42P07"] * 3


def test_write_skew_is_refused(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t}_a AS SELECT 1 AS on_call")
    one.execute(f"CREATE TABLE {t}_b AS SELECT 1 AS on_call")
    for connection, read, written in ((one, f"{t}_a", f"{t}_b"), (two, f"{t}_b", f"{t}_a")):
        connection.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
        assert rows(connection, f"SELECT on_call FROM {read}") == [(1,)]
        connection.execute(f"UPDATE {written} SET on_call = 0")
    one.execute("COMMIT")
    assert fails(two, "COMMIT") == "40001"
    assert rows(two, f"SELECT a.on_call + b.on_call FROM {t}_a AS a, {t}_b AS b") == [(1,)]


def test_deadlocks_are_found(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    for name in (f"{t}_a", f"{t}_b"):
        one.execute(f"CREATE TABLE {name} AS SELECT 1 AS a")
    for connection, name in ((one, f"{t}_a"), (two, f"{t}_b")):
        connection.execute("BEGIN")
        connection.execute(f"UPDATE {name} SET a = 2")
    states = []

    def cross(connection: psycopg.Connection, name: str) -> None:
        try:
            connection.execute(f"UPDATE {name} SET a = 3")
        except psycopg.Error as error:
            states.append(error.sqlstate)
        connection.execute("ROLLBACK")

    run(lambda: cross(one, f"{t}_b"), lambda: cross(two, f"{t}_a"))
    assert states == ["40P01"]


def test_locks_hold_across_servers(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t} AS SELECT 1 AS a")
    one.execute("BEGIN")
    one.execute(f"LOCK TABLE {t}")
    two.execute("SET lock_timeout TO 300")
    assert fails(two, f"INSERT INTO {t} VALUES (2)") == "55P03"
    one.execute("COMMIT")
    two.execute("SET lock_timeout TO 0")
    two.execute(f"INSERT INTO {t} VALUES (2)")
    assert rows(one, f"SELECT count(*) FROM {t}") == [(2,)]


def test_a_block_does_not_mix_two_shapes_of_a_table(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t} AS SELECT 1 AS a, 2 AS b")
    two.execute("BEGIN")
    assert rows(two, f"SELECT b FROM {t}") == [(2,)]
    one.execute(f"ALTER TABLE {t} DROP COLUMN b")
    one.execute(f"ALTER TABLE {t} ADD COLUMN b int DEFAULT 7")
    assert fails(two, f"SELECT b FROM {t}") == "40001"
    two.execute("ROLLBACK")
    assert rows(two, f"SELECT b FROM {t}") == [(7,)]


def test_readers_survive_that_another_server_moves_rows(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    """Small inserts before and after ALTER TABLE are in two tables of the catalogue; a flush empties both."""
    one.execute(f"CREATE TABLE {t} (a int)")
    one.execute(f"CREATE TABLE {t}_other AS SELECT 1 AS a")
    one.execute(f"INSERT INTO {t} VALUES (1), (2)")
    one.execute(f"ALTER TABLE {t} ADD COLUMN b int DEFAULT 5")
    one.execute(f"INSERT INTO {t} VALUES (3, 6)")
    two.execute(f"DELETE FROM {t} WHERE a = 2")
    both = [(1, 5), (3, 6)]
    assert rows(two, f"SELECT * FROM {t} ORDER BY a") == both
    two.execute("BEGIN")
    assert rows(two, f"SELECT a FROM {t}_other") == [(1,)]
    one.execute(f"VACUUM {t}")
    assert rows(two, f"SELECT * FROM {t} ORDER BY a") == both
    two.execute("COMMIT")
    assert rows(two, f"SELECT * FROM {t} ORDER BY a") == both
    two.execute(f"INSERT INTO {t} VALUES (4, 7)")
    two.execute(f"UPDATE {t} SET b = 0 WHERE a = 3")
    one.execute(f"VACUUM {t}")
    for connection in (one, two):
        assert rows(connection, f"SELECT * FROM {t} ORDER BY a") == [(1, 5), (3, 0), (4, 7)]


def test_materialized_views(one: psycopg.Connection, two: psycopg.Connection, t: str) -> None:
    one.execute(f"CREATE TABLE {t} AS SELECT 1 AS k, 10 AS v")
    two.execute(f"CREATE MATERIALIZED VIEW m_{t} AS SELECT k, sum(v) AS total FROM {t} GROUP BY k")
    two.execute(f"CREATE MATERIALIZED VIEW a_{t} AUTO REFRESH YES AS SELECT k, count(*) AS n FROM {t} GROUP BY k")
    one.execute(f"INSERT INTO {t} VALUES (1, 5), (2, 1)")
    one.execute(f"REFRESH MATERIALIZED VIEW m_{t}")
    assert rows(two, f"SELECT k, total FROM m_{t} ORDER BY k") == [(1, 15), (2, 1)]
    two.execute(f"INSERT INTO {t} VALUES (2, 4)")
    two.execute(f"REFRESH MATERIALIZED VIEW m_{t}")
    assert rows(one, f"SELECT k, total FROM m_{t} ORDER BY k") == [(1, 15), (2, 5)]
    # One server does it, whichever was written to.
    for connection in (one, two):
        _eventually(lambda connection=connection: rows(connection, f"SELECT sum(n) FROM a_{t}") == [(4,)])


def test_cancelling_and_ending_sessions_of_the_other_server(
    servers: tuple[Server, Server], one: psycopg.Connection
) -> None:
    slow = b"SELECT count(*) FROM generate_series(1, 3000000) AS a(n), generate_series(1, 3000000) AS b(m)"
    for function, state in (("pg_cancel_backend", "57014"), ("pg_terminate_backend", "57P01")):
        with connect(servers[1]) as other:
            pid = other.info.backend_pid
            assert pid != one.info.backend_pid
            signal = f"SELECT {function}({pid})".encode()
            with repeated(lambda signal=signal: one.execute(signal), 0.5), pytest.raises(psycopg.Error) as caught:
                other.execute(slow)
            assert caught.value.sqlstate == state


def _eventually(holds: Callable[[], bool], limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.fault("kill -9 of one of several servers on one lake")
def test_the_death_of_one_loses_nothing(servers: tuple[Server, Server], root: Path, t: str) -> None:
    """Clients behind the front door go on with the other server, and another joins while they do."""
    with front_door(root, servers) as port, connect(servers[0]) as one:
        one.execute(f"CREATE TABLE {t} (who int, n int)")
        done: dict[int, int] = {}
        ended = threading.Event()

        def write(who: int) -> None:
            acknowledged, unsure = 0, 0
            while not ended.is_set():
                with contextlib.suppress(psycopg.OperationalError), _through(port) as connection:
                    while not ended.is_set():
                        unsure = acknowledged + 1
                        if rows(connection, f"SELECT count(*) FROM {t} WHERE who = {who} AND n = {unsure}") == [(0,)]:
                            connection.execute(f"INSERT INTO {t} VALUES ({who}, {unsure})")
                        acknowledged = done[who] = unsure

        writers = [threading.Thread(target=write, args=(who,)) for who in range(4)]
        for writer in writers:
            writer.start()
        try:
            _eventually(lambda: len(done) == 4)
            servers[1].kill()
            before = dict(done)
            _eventually(lambda: all(done[who] > before[who] + 1 for who in before))
            start(servers[1])
            with connect(servers[1]) as joined:
                joined.execute(f"INSERT INTO {t} VALUES (9, 1)")
        finally:
            ended.set()
            for writer in writers:
                writer.join(60)
        found = rows(one, f"SELECT who, count(*), count(DISTINCT n), max(n) FROM {t} WHERE who < 9 GROUP BY who")
        assert {who: (count, distinct, last) for who, count, distinct, last in found} == {
            who: (last, last, last) for who, last in done.items()
        }


def _through(port: int) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=port, user=Server.user, password=Server.password, dbname=Server.database,
        autocommit=True, connect_timeout=30,
    )  # fmt: skip


def test_cancelling_through_the_front_door(servers: tuple[Server, Server], root: Path) -> None:
    with front_door(root, servers) as port:
        # One of them is on the other server than the cancel request, which is a connection of its own.
        for connection in (_through(port), _through(port), _through(port)):
            with connection, canceled(connection, 0.5):
                connection.execute(
                    "SELECT count(*) FROM generate_series(1, 3000000) AS a(n), generate_series(1, 3000000) AS b(m)"
                )


@pytest.mark.fault("the catalogue's PostgreSQL away")
def test_a_lost_catalogue_connection(
    servers: tuple[Server, Server], one: psycopg.Connection, catalog: Postgres, t: str
) -> None:
    one.execute(f"CREATE TABLE {t} AS SELECT 1 AS a")
    one.execute("BEGIN")
    one.execute(f"UPDATE {t} SET a = 2")
    with psycopg.connect(catalog.dsn, autocommit=True) as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
    # The lock has gone with its connection: another may have written meanwhile.
    with connect(servers[1]) as two:
        two.execute(f"UPDATE {t} SET a = a + 10")
        assert fails(one, "COMMIT") in {"40001", "08006", "58030"}
        assert rows(one, f"SELECT a FROM {t}") == [(11,)]
        assert rows(two, f"SELECT a FROM {t}") == [(11,)]
