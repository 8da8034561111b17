"""Tables that are read repeatedly are read from copies in the engine's own format: nobody may ever be able to tell."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from session.table_cache import READS
from tests.support.copies import ASKED, ASKED_PADDED, CHANGES, PADDED, STRINGS, TYPES, VALUES
from tests.support.server import Server

Connect = Callable[[], psycopg.Connection]
_CACHED = "cached a table"
_ENVIRONMENT = {"DUCKSHIFT_LOG_LEVEL": "debug", "DUCKSHIFT_ENGINE_HOT_TABLES_MB": "0"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("cache") / "data"
    with Server(folder, environment=_ENVIRONMENT) as running:
        yield running


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    opened: list[psycopg.Connection] = []

    def open_one() -> psycopg.Connection:
        opened.append(_connection(server))
        return opened[-1]

    yield open_one
    for connection in opened:
        connection.close()


@pytest.fixture
def table(server: Server, connect: Connect) -> Iterator[str]:
    connection = connect()
    connection.execute("DROP TABLE IF EXISTS hot CASCADE")
    connection.execute("CREATE TABLE hot (id int, word varchar(20))")
    connection.execute("INSERT INTO hot VALUES (1, 'one'), (2, 'two'), (3, 'three')")
    warm(server, connection)
    yield "hot"
    connection.execute("DROP TABLE IF EXISTS hot CASCADE")


def _connection(server: Server) -> psycopg.Connection:
    return psycopg.connect(
        server.dsn, autocommit=True, options="-c enable_result_cache_for_session=off -c statement_timeout=30000"
    )


def cached(server: Server, what: str = "") -> int:
    return sum(_CACHED in line and what in line for line in server.log)


def warm(
    server: Server, connection: psycopg.Connection, sql: str = "SELECT count(*) FROM hot", copies: int = 1
) -> None:
    """Read until there are so many more copies, and once more so that they are read."""
    before = cached(server)
    deadline = time.monotonic() + 60
    while cached(server) < before + copies:
        assert time.monotonic() < deadline, "no copy was made"
        for _ in range(READS):
            connection.execute(sql).fetchall()
        time.sleep(0.02)
    connection.execute(sql).fetchall()


def ids(connection: psycopg.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM hot ORDER BY id").fetchall()]


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_at_once(table: str, connect: Connect, name: str) -> None:
    reader, writer = connect(), connect()
    text, expected = CHANGES[name]
    assert ids(reader) == [1, 2, 3]
    for statement in text.split(";"):
        writer.execute(statement)
    assert ids(reader) == ids(writer) == expected


def test_a_transaction_sees_its_own_rows_and_its_own_moment(table: str, connect: Connect) -> None:
    writer, reader = connect(), connect()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO hot VALUES (4, 'four')")
    for _ in range(2 * READS):
        assert ids(writer) == [1, 2, 3, 4]
        assert ids(reader) == [1, 2, 3]
    writer.execute("ROLLBACK")
    assert ids(writer) == ids(reader) == [1, 2, 3]
    reader.execute("BEGIN")
    assert ids(reader) == [1, 2, 3]
    writer.execute("DELETE FROM hot WHERE id = 1")
    assert ids(writer) == [2, 3]
    assert ids(reader) == [1, 2, 3]
    reader.execute("COMMIT")
    assert ids(reader) == [2, 3]


def test_blocks_have_tables_copied_and_read_their_own_moment(server: Server, table: str, connect: Connect) -> None:
    reader, writer = connect(), connect()
    writer.execute("DROP TABLE IF EXISTS beside; CREATE TABLE beside (n int)")
    writer.execute("INSERT INTO beside VALUES (7)")
    writer.execute("INSERT INTO hot VALUES (4, 'four')")
    before, deadline = cached(server), time.monotonic() + 60
    while cached(server) == before:
        assert time.monotonic() < deadline, "what blocks read is not copied"
        with reader.transaction():
            assert ids(reader) == [1, 2, 3, 4]
    reader.execute("BEGIN")
    assert reader.execute("SELECT n FROM beside").fetchall() == [(7,)]
    writer.execute("DELETE FROM hot WHERE id < 3")
    warm(server, writer)
    # The copy is newer than the block, though the block has read nothing of the table before.
    assert ids(reader) == [1, 2, 3, 4]
    reader.execute("COMMIT")
    assert ids(reader) == [3, 4]
    reader.execute("BEGIN")
    assert ids(reader) == [3, 4]
    both = "SELECT id, n FROM hot, beside ORDER BY id"
    for _ in range(2 * READS):  # Copies of few rows are made beside the block, and are seen in it.
        assert writer.execute(both).fetchall() == reader.execute(both).fetchall() == [(3, 7), (4, 7)]
    reader.execute("UPDATE hot SET id = id + 10")
    assert reader.execute(both).fetchall() == [(13, 7), (14, 7)]
    assert writer.execute(both).fetchall() == [(3, 7), (4, 7)]
    reader.execute("ROLLBACK")
    assert ids(reader) == [3, 4]
    writer.execute("DROP TABLE beside")


def test_columns_of_a_changed_table(server: Server, table: str, connect: Connect) -> None:
    reader, writer = connect(), connect()
    writer.execute("ALTER TABLE hot ADD COLUMN n int DEFAULT 5")
    assert reader.execute("SELECT * FROM hot WHERE id = 1").fetchall() == [(1, "one", 5)]
    warm(server, reader)
    writer.execute("ALTER TABLE hot RENAME COLUMN n TO m")
    assert reader.execute("SELECT m FROM hot WHERE id = 1").fetchall() == [(5,)]
    writer.execute("ALTER TABLE hot DROP COLUMN m")
    assert reader.execute("SELECT * FROM hot WHERE id = 1").fetchall() == [(1, "one")]


@pytest.mark.parametrize("stored", ["INSERT INTO hot VALUES (9, 'nine')", "VACUUM hot"])
def test_a_table_as_it_was_is_not_the_copy(server: Server, connect: Connect, table: str, stored: str) -> None:
    connection = connect()
    connection.execute(stored)
    now = ids(connection)
    warm(server, connection)
    connection.execute("UPDATE hot SET id = id + 100")
    warm(server, connection)
    assert ids(connection) == [number + 100 for number in now]


def test_values_of_all_types_are_the_same(connect: Connect, server: Server) -> None:
    connection = connect()
    connection.execute(TYPES)
    connection.execute(VALUES)
    sql = "SELECT *, s.a[0] AS first FROM typed WHERE i4 IS NULL OR i4 = -2 ORDER BY i4"
    binary = connection.cursor(binary=True)
    expected = [connection.execute(sql).fetchall(), binary.execute(sql).fetchall()]
    for _ in range(2):  # From the lake's catalog, and from a file.
        warm(server, connection, sql)
        assert [connection.execute(sql).fetchall(), binary.execute(sql).fetchall()] == expected
        connection.execute("VACUUM typed")
    connection.execute("DROP TABLE typed")


def test_strings_are_compared_as_ever_with_and_without_trailing_blanks(connect: Connect, server: Server) -> None:
    connection = connect()
    connection.execute(STRINGS)
    for asked, change in ((ASKED, PADDED), (ASKED_PADDED, "DELETE FROM named WHERE id = 8"), (ASKED, "DROP TABLE named")):
        for _ in range(2):  # From the lake's catalog, and from a file.
            warm(server, connection, "SELECT count(*) FROM named")
            assert {sql: connection.execute(sql).fetchone() for sql in asked} == {
                sql: (count,) for sql, count in asked.items()
            }
            connection.execute("VACUUM named")
        connection.execute(change)


def test_blanks_that_a_mask_puts_behind_strings_are_seen(connect: Connect, server: Server) -> None:
    connection = connect()
    connection.execute(STRINGS)
    connection.execute("CREATE MASKING POLICY wide WITH (word varchar(20)) USING ((word || '  ')::varchar(20))")
    connection.execute("CREATE USER masked PASSWORD 'Ticket5ales'; GRANT SELECT ON named TO masked")
    connection.execute("ATTACH MASKING POLICY wide ON named (word) TO masked")
    warm(server, connection, "SELECT count(*) FROM named")
    dsn = f"host={server.host} port={server.port} user=masked password=Ticket5ales dbname=dev"
    with psycopg.connect(dsn, autocommit=True) as other:
        for sql, count in ASKED.items():
            assert other.execute(sql).fetchone() == (count,)
        assert other.execute("SELECT max(length(word)) FROM named").fetchone() == (7,)
    connection.execute("DETACH MASKING POLICY wide ON named (word) FROM masked; DROP MASKING POLICY wide")
    connection.execute("DROP TABLE named; DROP USER masked")


def test_tables_of_few_rows_are_joined_with_files(connect: Connect, table: str) -> None:
    connection, writer = connect(), connect()
    connection.execute("CREATE TABLE large AS SELECT n, n % 3 + 1 AS id FROM generate_series(1, 200000) AS s(n)")
    sql = "SELECT word, count(*) FROM hot JOIN large USING (id) GROUP BY 1 ORDER BY 1"
    expected = {"one": 66_666, "three": 66_667, "two": 66_667}
    for _ in range(4 * READS):
        assert dict(connection.execute(sql).fetchall()) == expected
    writer.execute("INSERT INTO hot VALUES (1, 'uno')")
    assert dict(connection.execute(sql).fetchall()) == expected | {"uno": 66_666}
    writer.execute("DELETE FROM large WHERE id = 2")
    assert dict(connection.execute(sql).fetchall()) == {"one": 66_666, "three": 66_667, "uno": 66_666}
    connection.execute("DROP TABLE large")


def test_a_large_table_is_copied_before_it_is_read_but_not_for_nothing_again(server: Server, connect: Connect) -> None:
    connection = connect()
    connection.execute("CREATE SCHEMA bulk")
    connection.execute("SET search_path TO bulk")
    # Few rows, and nobody reads them: they are copied with what is beside them.
    connection.execute("CREATE TABLE few (id int, name varchar(20))")
    connection.execute("INSERT INTO few VALUES (0, 'none'), (1, 'one'), (2, 'two')")
    connection.execute("CREATE VIEW seen AS SELECT name FROM few")
    connection.execute(
        "CREATE TABLE loaded AS SELECT n, md5(n::varchar) AS word FROM generate_series(1, 400000) AS g(n)"
    )
    # Others may be copied now, too.
    oids = connection.execute("SELECT oid FROM pg_class WHERE relname IN ('few', 'loaded') ORDER BY relname").fetchall()
    few, loaded = (f" table={oid} " for (oid,) in oids)
    deadline = time.monotonic() + 60
    while not (cached(server, loaded) and cached(server, few)):
        assert time.monotonic() < deadline, "no copies were made"
        time.sleep(0.05)
    # That copy goes unread.
    connection.execute("INSERT INTO loaded SELECT n + 400000, word FROM loaded WHERE n <= 50000")
    time.sleep(3)
    assert cached(server, loaded) == 1
    assert connection.execute("SELECT count(*), max(n) FROM loaded").fetchone() == (450_000, 450_000)
    sql = "SELECT name, count(*) FROM loaded JOIN few ON n % 3 = id GROUP BY 1 ORDER BY 1"
    expected = [("none", 150_000), ("one", 150_000), ("two", 150_000)]
    assert connection.execute(sql).fetchall() == expected
    connection.execute("UPDATE few SET name = 'uno' WHERE id = 1")
    assert connection.execute(sql).fetchall() == [expected[0], expected[2], ("uno", 150_000)]
    connection.execute("DROP SCHEMA bulk CASCADE")


def test_tables_that_are_made_first_and_loaded_one_after_the_other_are_copied(server: Server, connect: Connect) -> None:
    connection = connect()
    connection.execute("CREATE SCHEMA rows_come_later")
    connection.execute("SET search_path TO rows_come_later")
    connection.execute("CREATE TABLE sooner (n int, word varchar(40))")
    connection.execute("CREATE TABLE later (n int, word varchar(40))")
    (sooner,), (later,) = connection.execute(
        "SELECT oid FROM pg_class WHERE relname IN ('sooner', 'later') ORDER BY relname DESC"
    ).fetchall()
    for table, oid in (("sooner", sooner), ("later", later)):
        # All of them may be copied at a moment when only one is loaded.
        time.sleep(2)
        connection.execute(
            f"INSERT INTO {table} SELECT n, md5(n::varchar) FROM generate_series(1, 400000) AS g(n)"  # type: ignore[arg-type]
        )
        deadline = time.monotonic() + 30
        while cached(server, f" table={oid} ") == cached(server, f" table={oid} bytes=0"):
            assert time.monotonic() < deadline, f"{table} was not copied with its rows"
            time.sleep(0.05)
    connection.execute("DROP SCHEMA rows_come_later CASCADE")


def test_a_stream_outlives_its_copy(table: str, connect: Connect, server: Server) -> None:
    connection, writer = connect(), connect()
    connection.execute("INSERT INTO hot SELECT n, 'x' FROM generate_series(1, 300000) AS s(n)")
    warm(server, connection)
    with connection.cursor() as cursor:
        rows = cursor.stream("SELECT id + 1 FROM hot")
        got = [next(rows)]
        writer.execute("DELETE FROM hot")
        assert ids(writer) == []
        got += rows
    assert len(got) == 300_003


def test_readers_never_see_less_than_was_committed(table: str, connect: Connect) -> None:
    written = 3
    done = threading.Event()
    problems: list[str] = []

    def read(connection: psycopg.Connection, sql: str) -> None:
        last = 0
        while not done.is_set():
            least = written
            found = connection.execute(sql).fetchone()
            count = found[0] if found else 0
            if count < max(least, last):
                problems.append(f"{count} rows, {least} were committed, {last} had been seen")
            last = count

    texts = ("SELECT count(*) FROM hot", "SELECT count(*) FROM hot a, (SELECT 1) b", "SELECT count(a.id) FROM hot a")
    readers = [threading.Thread(target=read, args=(connect(), sql)) for sql in texts]
    for reader in readers:
        reader.start()
    writer = connect()
    for number in range(40):
        writer.execute(f"INSERT INTO hot VALUES ({number}, 'n')")
        written += 1
        time.sleep(0.02 * (number % 4))
    done.set()
    for reader in readers:
        reader.join()
    assert problems == []


@pytest.mark.fault("a server that is killed while it keeps copies, encrypted ones")
def test_what_a_killed_server_leaves_is_taken_away(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    keys = {"DUCKSHIFT_STORAGE_ENCRYPTED": "true"}
    with Server(folder, environment=_ENVIRONMENT | keys) as server:
        with _connection(server) as connection:
            connection.execute(
                "CREATE TABLE hot AS SELECT n AS id, 'secretword' AS word FROM generate_series(1, 50000) AS s(n)"
            )
            warm(server, connection)
            assert ids(connection) == list(range(1, 50_001))
        copies = list((folder / "cache").glob("*.duckdb"))
        assert len(copies) == 1
        assert b"secretword" not in copies[0].read_bytes()
        server.kill()
        assert list((folder / "cache").iterdir()) == copies
        server.start()
        assert not (folder / "cache").exists()
        with _connection(server) as connection:
            assert connection.execute("SELECT count(*) FROM hot").fetchone() == (50_000,)
