"""INSERTs of plain values are logged and go into the lake later: nobody may ever be able to tell."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.server import Server

Connection = psycopg.Connection[tuple[Any, ...]]
Connect = Callable[[], Connection]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("small") / "data"
    with Server(folder, environment={"DUCKSHIFT_LOG_LEVEL": "debug"}) as running:
        yield running


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    opened: list[Connection] = []

    def open_one() -> Connection:
        opened.append(psycopg.connect(server.dsn, autocommit=True))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def table(connect: Connect) -> Iterator[Connection]:
    connection = connect()
    connection.execute("CREATE TABLE small (id int NOT NULL, note varchar(8), amount decimal(6,2), day date)")
    yield connection
    connection.execute("DROP TABLE IF EXISTS small CASCADE")


def rows(connection: Connection, sql: str = "SELECT id, note FROM small ORDER BY id, note") -> list[tuple[Any, ...]]:
    return connection.execute(sql.encode()).fetchall()


def logged(server: Server, more: int = 0) -> int:
    """Return how often something was logged so far; wait a moment until it is *more*."""
    end = time.monotonic() + 60
    while True:
        found = sum("logged small writes" in line for line in server.log)
        if found >= more or time.monotonic() > end:
            return found
        time.sleep(0.01)


TAKEN = [
    "INSERT INTO taken (note) VALUES ('a')",
    "insert into taken values (1.5, 'it''s', default), (2, null, default)",
    "INSERT INTO taken (amount) VALUES (NULL)",
    "INSERT INTO taken (note, amount) VALUES (DEFAULT, 3)",
    "BEGIN; INSERT INTO taken (note) VALUES ('a'); INSERT INTO taken (amount) VALUES (2); COMMIT",
    "SELECT 1; INSERT INTO taken (note) VALUES ('a')",
    "INSERT INTO fleeting (a, zoned) VALUES (1, '2024-01-01 00:00:00')",
]
RUN = [
    "INSERT INTO taken (note) SELECT 'a'",
    "INSERT INTO taken (note) VALUES (upper('a'))",
    "BEGIN; INSERT INTO taken (note) VALUES ('a'); SELECT count(*) FROM taken; COMMIT",
    "SET timezone TO 'Europe/Paris'; INSERT INTO fleeting (a) VALUES (1)",
    "RESET timezone",
    "INSERT INTO semi VALUES ('{\"a\": 1}')",
]


def test_what_is_logged_and_what_is_run(server: Server, connect: Connect) -> None:
    connection = connect()
    connection.execute("CREATE TABLE taken (amount decimal(6,2) DEFAULT 1, note varchar(8) DEFAULT 'x', id int IDENTITY(1,1))")
    connection.execute("CREATE TABLE fleeting (a int, made timestamp DEFAULT getdate(), zoned timestamptz)")
    connection.execute("CREATE TABLE semi (s super)")
    # The first row has numbers set aside.
    connection.execute("INSERT INTO taken (note) VALUES ('first')")
    before = logged(server)
    for number, text in enumerate(TAKEN, start=1):
        connection.execute(text.encode())
        assert logged(server, before + number) == before + number, text
    for text in RUN:
        connection.execute(text.encode())
    assert logged(server) == before + len(TAKEN)
    assert rows(connection, "SELECT count(*), count(DISTINCT id), sum(amount)::varchar FROM taken") == [(12, 12, "15.50")]
    for name in ("taken", "fleeting", "semi"):
        connection.execute(f"DROP TABLE {name}".encode())


def test_what_was_written_is_seen_at_once(table: Connection, connect: Connect) -> None:
    other = connect()
    for number in range(1, 13):
        table.execute(f"INSERT INTO small VALUES ({number * 10}, 'n{number}', {number}.5, '2024-01-{number:02}')".encode())
        # Bounds that the table's statistics did not have before.
        assert rows(other, f"SELECT note FROM small WHERE id = {number * 10}") == [(f"n{number}",)]
        assert rows(other, f"SELECT count(*) FROM small WHERE amount >= {number}.5") == [(1,)]
        assert rows(other, f"SELECT id FROM small WHERE day > '2024-01-{number - 1:02}'" if number > 1 else "SELECT 10") == [
            (number * 10,)
        ]
        assert rows(other, "SELECT max(id), count(*) FROM small") == [(number * 10, number)]
    table.execute("INSERT INTO small (id, day) VALUES (-5, NULL)")
    assert rows(other, "SELECT id, note IS NULL FROM small WHERE id < 0") == [(-5, True)]
    assert rows(other, "SELECT count(*) FROM small WHERE day IS NULL") == [(1,)]


def test_changes_meet_what_was_just_written(table: Connection) -> None:
    for number in range(4):
        table.execute(f"INSERT INTO small VALUES ({number}, 'a', 1, NULL)".encode())
    assert table.execute("UPDATE small SET note = 'b' WHERE id = 3").rowcount == 1
    table.execute("INSERT INTO small VALUES (4, 'c', 1, NULL)")
    assert table.execute("DELETE FROM small WHERE id >= 3").rowcount == 2
    table.execute("INSERT INTO small VALUES (5, 'd', 1, NULL)")
    table.execute("ALTER TABLE small ADD COLUMN more int DEFAULT 7")
    table.execute("INSERT INTO small VALUES (6, 'e', 1, NULL, 8)")
    assert rows(table, "SELECT id, more FROM small ORDER BY 1") == [(0, 7), (1, 7), (2, 7), (5, 7), (6, 8)]
    table.execute("INSERT INTO small (id) VALUES (7)")
    table.execute("ALTER TABLE small RENAME TO renamed")
    table.execute("INSERT INTO renamed (id) VALUES (8)")
    table.execute("CREATE TABLE small AS SELECT id, note FROM renamed")
    assert rows(table, "SELECT count(*), max(id) FROM small") == [(7, 8)]
    table.execute("DROP TABLE renamed")
    table.execute("INSERT INTO small VALUES (9, 'x')")
    table.execute("TRUNCATE small")
    assert rows(table) == []


def test_what_is_wrong_is_refused_as_ever(table: Connection) -> None:
    wrong = {
        "VALUES (1, 'too long for it', 1, NULL)": "22001",
        "VALUES (NULL, 'a', 1, NULL)": "23502",
        "(note) VALUES ('a')": "23502",
        "VALUES (3000000000, 'a', 1, NULL)": "22003",
        "VALUES (1, 'a', 12345.5, NULL)": "22003",
        "VALUES (1, 'a', 1, '2024-02-30')": "22008",
        "VALUES (1, 'a', 1, NULL, 5)": "42601",
        "(id, nothing) VALUES (1, 2)": "42703",
    }
    for text, state in wrong.items():
        for _ in range(2):
            with pytest.raises(psycopg.Error) as caught:
                table.execute(f"INSERT INTO small {text}".encode())
            assert caught.value.sqlstate == state, text
    assert rows(table) == []
    table.execute("INSERT INTO small VALUES (1, 'a  ', 1.005, '2024-02-29')")
    assert rows(table, "SELECT note, amount::varchar, day::varchar FROM small") == [("a  ", "1.01", "2024-02-29")]


def test_what_is_left_out_gets_its_default_or_number(table: Connection, connect: Connect) -> None:
    table.execute(
        "CREATE TABLE filled (id bigint IDENTITY(10, 5), note varchar(9) NOT NULL DEFAULT 'none', amount decimal(6,2) DEFAULT 1.255,"
        " made timestamp DEFAULT getdate(), day date DEFAULT '2024-02-29')"
    )
    other = connect()
    for number in range(4):
        connection = (table, other)[number % 2]
        connection.execute(f"INSERT INTO filled (note, made) VALUES ('n{number}', '2024-01-01 00:00:0{number}')".encode())
    other.execute("INSERT INTO filled (note, made, amount) VALUES ('two', NULL, 2), ('rows', NULL, 3)")
    table.execute("INSERT INTO filled (made) VALUES (NULL)")
    table.execute("INSERT INTO filled (amount) VALUES (7)")
    table.execute("INSERT INTO filled (amount, note) SELECT 8, 'query'")
    table.execute("INSERT INTO filled (id, note, made) VALUES (DEFAULT, 'last', DEFAULT)")
    assert rows(table, "SELECT id, note, amount::varchar, day::varchar FROM filled ORDER BY id") == [
        *((10 + 5 * number, f"n{number}", "1.26", "2024-02-29") for number in range(4)),
        (30, "two", "2.00", "2024-02-29"), (35, "rows", "3.00", "2024-02-29"), (40, "none", "1.26", "2024-02-29"),
        (45, "none", "7.00", "2024-02-29"), (50, "query", "8.00", "2024-02-29"), (55, "last", "1.26", "2024-02-29"),
    ]  # fmt: skip
    assert rows(table, "SELECT count(*) FROM filled WHERE made > dateadd(minute, -5, getdate())") == [(3,)]
    table.execute("DROP TABLE filled")
    table.execute("CREATE TABLE strict (a int, b varchar(3) NOT NULL DEFAULT NULL, c varchar(2) DEFAULT 'long')")
    for text, state in (("(a) VALUES (1)", "23502|22001"), ("(a, b) VALUES (1, 'x')", "22001")):
        with pytest.raises(psycopg.Error) as caught:
            table.execute(f"INSERT INTO strict {text}".encode())
        assert str(caught.value.sqlstate) in state
    assert rows(table, "SELECT count(*) FROM strict") == [(0,)]
    table.execute("DROP TABLE strict")


def test_prepared_statements_are_taken_too(table: Connection, connect: Connect) -> None:
    for number in range(8):
        table.execute("INSERT INTO small VALUES (%s, %s, %s, %s)", (number, f"p{number}", number / 2, None), prepare=True)
    table.execute("PREPARE adding AS INSERT INTO small (id, note) VALUES ($1, $2)")
    table.execute("EXECUTE adding (8, 'p8')")
    table.execute("DEALLOCATE adding")
    found = rows(connect(), "SELECT id, note FROM small ORDER BY id")
    assert found == [(number, f"p{number}") for number in range(9)]


def test_statements_of_one_message_are_one_transaction(table: Connection) -> None:
    table.execute("INSERT INTO small (id) VALUES (1); INSERT INTO small (id) VALUES (2)")
    assert rows(table, "SELECT id FROM small ORDER BY id") == [(1,), (2,)]
    with pytest.raises(psycopg.Error):
        table.execute("INSERT INTO small (id) VALUES (3); SELECT 1/0")
    with pytest.raises(psycopg.Error):
        table.execute("INSERT INTO small (id) VALUES (3); INSERT INTO small (id) VALUES (NULL)")
    assert rows(table, "SELECT count(*) FROM small") == [(2,)]
    found = table.execute("INSERT INTO small (id) VALUES (3); SELECT count(*) FROM small")
    assert found.nextset() and found.fetchall() == [(3,)]
    table.execute("INSERT INTO small (id) VALUES (4); UPDATE small SET note = 'x'; INSERT INTO small (id) VALUES (5)")
    assert rows(table, "SELECT count(*), count(note) FROM small") == [(5, 4)]
    table.execute("INSERT INTO small (id) VALUES (6); CREATE TABLE with_it AS SELECT id FROM small; DROP TABLE with_it")
    assert rows(table, "SELECT count(*) FROM small") == [(6,)]
    with table.pipeline():
        for number in range(7, 10):
            table.execute("INSERT INTO small (id, note) VALUES (%s, %s)", (number, "p"))
    assert rows(table, "SELECT count(*), count(note) FROM small WHERE id >= 7") == [(3, 3)]


def test_a_block_sees_what_was_committed_before_it_began(table: Connection, connect: Connect) -> None:
    other = connect()
    table.execute("INSERT INTO small (id) VALUES (1)")
    with other.transaction():
        assert rows(other, "SELECT count(*) FROM small") == [(1,)]
        table.execute("INSERT INTO small (id) VALUES (2)")
        assert rows(table, "SELECT count(*) FROM small") == [(2,)]
        assert rows(other, "SELECT count(*) FROM small") == [(1,)]
        table.execute("INSERT INTO small (id) VALUES (3)")
        assert rows(other, "SELECT count(*) FROM small") == [(1,)]
    assert rows(other, "SELECT count(*) FROM small") == [(3,)]


def _blocks(start: int) -> Callable[[Connection], None]:
    """Write blocks of three rows into a table, and look at both in some; see that a moment is a moment."""

    def work(connection: Connection) -> None:
        table = ("small", "other")[start % 2]
        for number in range(start * 1_000, start * 1_000 + 20):
            with connection.transaction():
                for part in range(3):
                    connection.execute(f"INSERT INTO {table} (id, note) VALUES ({number}, 'b{part}')".encode())
                    if part == number % 7:
                        before = rows(connection, "SELECT count(*) FROM small UNION ALL SELECT count(*) FROM other")
                        time.sleep(0.01)
                        after = rows(connection, "SELECT count(*) FROM small UNION ALL SELECT count(*) FROM other")
                        assert before == after
                        assert sum(count for (count,) in before) % 3 == part + 1 - 3 * (part == 2), (before, part)

    return work


def _single(start: int) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        for number in range(start * 1_000, start * 1_000 + 60):
            connection.execute(f"INSERT INTO third VALUES ({number})".encode())

    return work


def _whole(stop: threading.Event) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        while not stop.is_set():
            found = rows(connection, "SELECT id, count(*) FROM (SELECT id FROM small UNION ALL SELECT id FROM other) AS s GROUP BY id")
            assert {count for _, count in found} <= {3}

    return work


def test_blocks_are_seen_whole_and_see_one_moment(table: Connection, connect: Connect) -> None:
    """Six write blocks into two tables, two single rows into a third, one changes it, one looks at all."""
    table.execute("CREATE TABLE other (id int NOT NULL, note varchar(8))")
    table.execute("CREATE TABLE third (id int)")
    stop = threading.Event()
    with ThreadPoolExecutor(10) as pool:
        others = [pool.submit(_whole(stop), connect())]
        writers = [pool.submit(_blocks(place), connect()) for place in range(6)]
        writers += [pool.submit(_single(place), connect()) for place in range(2)]
        try:
            for each in writers:
                each.result(90)
        finally:
            stop.set()
        for each in others:
            each.result(60)
    found = "SELECT count(*), count(DISTINCT id) FROM {}"
    assert [rows(table, found.format(name)) for name in ("small", "other", "third")] == [[(180, 60)], [(180, 60)], [(120, 120)]]
    table.execute("DROP TABLE other")
    table.execute("DROP TABLE third")


def test_a_block_of_many_rows(server: Server, table: Connection, connect: Connect) -> None:
    before = logged(server)
    with table.transaction(), table.cursor() as cursor:
        cursor.executemany("INSERT INTO small (id, note) VALUES (%s, %s)", [(number, "m") for number in range(300)])
    assert logged(server, before + 1) == before + 1
    with table.cursor() as cursor:
        cursor.executemany("INSERT INTO small (id, note) VALUES (%s, %s)", [(number, "m") for number in range(300, 600)])
    assert logged(server, before + 2) == before + 2
    values = ", ".join(f"({number}, 'v')" for number in range(600, 700))
    with table.transaction():
        for _ in range(60):
            # More than are taken down at a time.
            table.execute(f"INSERT INTO small (id, note) VALUES {values}".encode())
    assert rows(connect(), "SELECT count(*), count(DISTINCT id) FROM small") == [(6_600, 700)]


def test_a_circle_of_serializable_transactions_is_refused(table: Connection, connect: Connect) -> None:
    other = connect()
    table.execute("CREATE TABLE second (id int)")
    other.execute("BEGIN ISOLATION LEVEL SERIALIZABLE")
    assert rows(other, "SELECT count(*) FROM small") == [(0,)]
    other.execute("INSERT INTO second SELECT count(*) FROM small")
    with table.transaction():
        table.execute("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        assert rows(table, "SELECT count(*) FROM second") == [(0,)]
        table.execute("INSERT INTO small (id) VALUES (1)")
    with pytest.raises(psycopg.errors.SerializationFailure):
        other.execute("COMMIT")
    table.execute("DROP TABLE second")


def test_materialized_views_take_it_in(table: Connection) -> None:
    table.execute("INSERT INTO small VALUES (1, 'a', 2, NULL)")
    table.execute("CREATE MATERIALIZED VIEW sums AS SELECT note, sum(amount) AS total, count(*) AS c FROM small GROUP BY note")
    table.execute("INSERT INTO small VALUES (2, 'a', 3, NULL)")
    table.execute("INSERT INTO small VALUES (3, 'b', 4, NULL)")
    # A query that the view could answer, were it up to date.
    assert rows(table, "SELECT note, count(*) FROM small GROUP BY note ORDER BY 1") == [("a", 2), ("b", 1)]
    table.execute("REFRESH MATERIALIZED VIEW sums")
    assert rows(table, "SELECT note, total::varchar, c FROM sums ORDER BY 1") == [("a", "5.00", 2), ("b", "4.00", 1)]
    table.execute("DROP MATERIALIZED VIEW sums")


def _writer(start: int) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        for number in range(start, start + 40):
            connection.execute(f"INSERT INTO small (id, note) VALUES ({number}, 'w')".encode())
            if number % 10 == 0:
                assert rows(connection, f"SELECT count(*) FROM small WHERE id = {number}") == [(1,)]

    return work


def _reader(stop: threading.Event) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        before = 0
        while not stop.is_set():
            [(count,)] = rows(connection, "SELECT count(*) FROM small")
            assert count >= before
            before = count

    return work


def _changer(stop: threading.Event) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        while not stop.is_set():
            connection.execute("UPDATE small SET note = 'u' WHERE id = 1000")
            time.sleep(0.05)

    return work


def test_writers_and_readers_at_a_time(table: Connection, connect: Connect) -> None:
    """Eight write, one changes rows, two read: each reader sees more and more, and all of it is there at the end."""
    stop = threading.Event()
    with ThreadPoolExecutor(11) as pool:
        others = [pool.submit(work(stop), connect()) for work in (_reader, _reader, _changer)]
        writers = [pool.submit(_writer(place * 1_000), connect()) for place in range(8)]
        try:
            for each in writers:
                each.result(60)
        finally:
            stop.set()
        for each in others:
            each.result(60)
    assert rows(table, "SELECT count(*), count(DISTINCT id) FROM small") == [(320, 320)]


def test_they_are_there_after_a_restart(server: Server, connect: Connect) -> None:
    before = connect()
    before.execute("CREATE TABLE kept (id int)")
    for number in range(3):
        before.execute(f"INSERT INTO kept VALUES ({number})".encode())
    assert server.stop() == 0
    assert (Path(server.data) / "writes.log").stat().st_size == 0
    server.start()
    after = connect()
    assert rows(after, "SELECT count(*) FROM kept") == [(3,)]
    after.execute("DROP TABLE kept")
