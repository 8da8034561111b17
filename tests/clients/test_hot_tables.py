"""Tables that are read often are read from copies in memory: nobody may ever be able to tell."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from session.hot import READS
from tests.support.canceling import canceled
from tests.support.copies import ASKED, ASKED_PADDED, CHANGES, PADDED, STRINGS, TYPES, VALUES
from tests.support.server import Server

Connect = Callable[[], psycopg.Connection]
_COPIED = "copied a table"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("hot") / "data"
    with Server(folder, environment={"DUCKSHIFT_LOG_LEVEL": "debug"}) as running:
        yield running


def address(server: Server) -> str:
    who = f"user={server.user} password={server.password} dbname=dev"
    return f"host={server.host} port={server.port} {who} options='-c enable_result_cache_for_session=off'"


@pytest.fixture
def connect(server: Server) -> Iterator[Connect]:
    opened: list[psycopg.Connection] = []

    def open_one() -> psycopg.Connection:
        opened.append(psycopg.connect(address(server), autocommit=True))
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
    heat(server, connection)
    yield "hot"
    connection.execute("DROP TABLE IF EXISTS hot CASCADE")


def copies(server: Server) -> int:
    return sum(_COPIED in line for line in server.log)


def heat(server: Server, connection: psycopg.Connection, sql: str = "SELECT count(*) FROM hot") -> None:
    """Read until there is one more copy, and once more so that it is read."""
    before = copies(server)
    deadline = time.monotonic() + 60
    while copies(server) == before:
        assert time.monotonic() < deadline, "no copy was made"
        for _ in range(READS):
            connection.execute(sql).fetchall()
        time.sleep(0.02)
    connection.execute(sql).fetchall()


def ids(connection: psycopg.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM hot ORDER BY id").fetchall()]


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("who", ["own", "other"])
def test_a_change_is_seen_at_once(table: str, connect: Connect, name: str, who: str) -> None:
    reader = connect()
    writer = reader if who == "own" else connect()
    text, expected = CHANGES[name]
    assert ids(reader) == [1, 2, 3]
    for statement in text.split(";"):
        writer.execute(statement)
    assert ids(reader) == expected
    assert ids(connect()) == expected


def test_columns_of_a_changed_table(server: Server, table: str, connect: Connect) -> None:
    reader, writer = connect(), connect()
    writer.execute("ALTER TABLE hot ADD COLUMN n int DEFAULT 5")
    assert reader.execute("SELECT * FROM hot WHERE id = 1").fetchall() == [(1, "one", 5)]
    heat(server, reader)
    writer.execute("ALTER TABLE hot RENAME COLUMN n TO m")
    assert reader.execute("SELECT m FROM hot WHERE id = 1").fetchall() == [(5,)]
    heat(server, reader)
    writer.execute("ALTER TABLE hot DROP COLUMN m")
    assert reader.execute("SELECT * FROM hot WHERE id = 1").fetchall() == [(1, "one")]


def test_what_is_not_committed_is_seen_by_its_own_transaction_only(table: str, connect: Connect) -> None:
    writer, reader = connect(), connect()
    writer.execute("BEGIN")
    writer.execute("INSERT INTO hot VALUES (4, 'four')")
    for _ in range(2 * READS):
        assert ids(writer) == [1, 2, 3, 4]
        assert ids(reader) == [1, 2, 3]
    writer.execute("ROLLBACK")
    assert ids(writer) == ids(reader) == [1, 2, 3]
    writer.execute("BEGIN")
    writer.execute("DELETE FROM hot")
    assert ids(writer) == []
    assert ids(reader) == [1, 2, 3]
    writer.execute("COMMIT")
    assert ids(writer) == ids(reader) == []


def test_a_block_keeps_its_snapshot(table: str, connect: Connect) -> None:
    writer, reader = connect(), connect()
    reader.execute("BEGIN")
    assert ids(reader) == [1, 2, 3]
    writer.execute("INSERT INTO hot VALUES (4, 'four')")
    assert ids(writer) == [1, 2, 3, 4]
    assert ids(reader) == [1, 2, 3]
    reader.execute("COMMIT")
    assert ids(reader) == [1, 2, 3, 4]


def test_several_statements_of_one_query(table: str, connect: Connect) -> None:
    connection = connect()
    cursor = connection.execute("INSERT INTO hot VALUES (4, 'four'); SELECT count(*) FROM hot; DELETE FROM hot")
    cursor.nextset()
    assert cursor.fetchall() == [(4,)]
    assert ids(connection) == []


def test_a_temporary_table_of_the_same_name(table: str, connect: Connect) -> None:
    connection, other = connect(), connect()
    connection.execute("CREATE TEMP TABLE hot (id int)")
    connection.execute("INSERT INTO hot VALUES (42)")
    for _ in range(2 * READS):
        assert ids(connection) == [42]
        assert ids(other) == [1, 2, 3]
    connection.execute("DROP TABLE hot")
    assert ids(connection) == [1, 2, 3]


def test_rights_are_asked_for_each_time(table: str, connect: Connect, server: Server) -> None:
    admin = connect()
    admin.execute("DROP USER IF EXISTS cold")
    admin.execute("CREATE USER cold PASSWORD 'Ticket5ales'")
    admin.execute("GRANT SELECT ON hot TO cold")
    dsn = f"host={server.host} port={server.port} user=cold password=Ticket5ales dbname=dev"
    with psycopg.connect(dsn, autocommit=True) as other:
        assert ids(other) == [1, 2, 3]
        admin.execute("REVOKE SELECT ON hot FROM cold")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ids(other)


def test_values_of_all_types_are_the_same(connect: Connect, server: Server) -> None:
    connection = connect()
    connection.execute(TYPES)
    connection.execute(VALUES)
    sql = "SELECT *, s.a[0] AS first FROM typed WHERE i4 IS NULL OR i4 = -2 ORDER BY i4"
    binary = connection.cursor(binary=True)
    cold = [connection.execute(sql).fetchall(), binary.execute(sql).fetchall()]
    described = [(column.name, column.type_code, column.internal_size) for column in binary.description or ()]
    heat(server, connection, sql)
    assert [connection.execute(sql).fetchall(), binary.execute(sql).fetchall()] == cold
    assert [(column.name, column.type_code, column.internal_size) for column in binary.description or ()] == described
    assert cold[0][0][9] == "ab   "
    connection.execute("SET timezone TO 'Asia/Tokyo'")
    assert connection.execute("SELECT tz::varchar FROM typed WHERE i4 = -2").fetchone() == ("2024-06-01 19:00:00+09",)
    connection.execute("DROP TABLE typed")


def test_strings_are_compared_as_ever_with_and_without_trailing_blanks(connect: Connect, server: Server) -> None:
    connection = connect()
    connection.execute(STRINGS)
    for asked, change in ((ASKED, PADDED), (ASKED_PADDED, "DELETE FROM named WHERE id = 8"), (ASKED, "DROP TABLE named")):
        heat(server, connection, "SELECT count(*) FROM named")
        assert {sql: connection.execute(sql).fetchone() for sql in asked} == {
            sql: (count,) for sql, count in asked.items()
        }
        word = "SELECT count(*) FROM named WHERE word = %s"
        for _ in range(10):  # A plan that is kept is given other values.
            assert connection.execute(word, ("one ",), prepare=True).fetchone() == (2 if asked is ASKED_PADDED else 1,)
        connection.execute(change)


def test_a_long_read_of_a_copy_is_cancelled(table: str, connect: Connect) -> None:
    connection = connect()
    connection.execute("INSERT INTO hot SELECT a.n, 'x' FROM generate_series(1, 2000) AS a(n)")
    for _ in range(4 * READS):
        ids(connection)
    with canceled(connection):
        connection.execute("SELECT count(*) FROM hot a, hot b, hot c, hot d WHERE a.id + b.id + c.id + d.id = 17")
    assert ids(connection)[:3] == [1, 1, 2]


def test_a_stream_outlives_its_copy(table: str, connect: Connect, server: Server) -> None:
    connection, writer = connect(), connect()
    connection.execute("INSERT INTO hot SELECT a.n, 'x' FROM generate_series(1, 120000) AS a(n)")
    heat(server, connection, "SELECT count(*) FROM hot")
    with connection.cursor() as cursor:
        rows = cursor.stream("SELECT id FROM hot")
        got = [next(rows)]
        writer.execute("TRUNCATE hot")
        assert ids(writer) == []
        got += rows
    assert len(got) == 120_003
    assert ids(connection) == []


def test_prepared_statements_with_any_parameters(table: str, connect: Connect) -> None:
    connection = connect()
    for round_ in range(2 * READS):
        for value, expected in (("two", 1), ("it's $1", 0), ("", 0), (None, 0), ("x" * 5_000, 0)):
            found = connection.execute("SELECT count(*) FROM hot WHERE word = %s", [value], prepare=True).fetchone()
            assert found == (expected,)
        half = connection.execute("SELECT count(*) FROM hot WHERE id * 0.5::float8 = %s", [0.5], prepare=True)
        assert half.fetchone() == (1,)
        text = connection.execute(f"SELECT '$1', id FROM hot WHERE id < {round_ % 3 + 1} ORDER BY id").fetchall()
        assert text == [("$1", number) for number in range(1, round_ % 3 + 1)]


def test_readers_never_see_less_than_was_committed(table: str, connect: Connect) -> None:
    written = 3
    done = threading.Event()
    problems: list[str] = []

    def read(connection: psycopg.Connection) -> None:
        last = 0
        while not done.is_set():
            least = written
            found = connection.execute("SELECT count(*) FROM hot").fetchone()
            count = found[0] if found else 0
            if count < max(least, last):
                problems.append(f"{count} rows, {least} were committed, {last} had been seen")
            last = count

    readers = [threading.Thread(target=read, args=(connect(),)) for _ in range(3)]
    for reader in readers:
        reader.start()
    writer = connect()
    for number in range(60):
        writer.execute(f"INSERT INTO hot VALUES ({number}, 'n')")
        written += 1
        time.sleep(0.01 * (number % 3))
    done.set()
    for reader in readers:
        reader.join()
    assert problems == []


def test_reads_that_come_again_and_again_with_other_values(connect: Connect, server: Server) -> None:
    connection = connect()
    connection.execute("DROP TABLE IF EXISTS many")
    connection.execute("CREATE TABLE many (id bigint, small smallint, exact decimal(5,2), rough real, word varchar, at timestamptz)")
    connection.execute(
        "INSERT INTO many SELECT n, n, n / 4.0, n / 3.0::real, 'w' || n, '2020-01-01 00:00:00+00'::timestamptz + n * INTERVAL '1 hour'"
        " FROM generate_series(1, 200) AS g(n)"
    )
    heat(server, connection, "SELECT count(*) FROM many")
    for number in range(1, 25):
        same = f"WHERE id = {number}"
        assert connection.execute(f"SELECT small, word FROM many {same}").fetchall() == [(number, f"w{number}")]
        assert connection.execute(f"SELECT count(*) FROM many WHERE small > {number}").fetchone() == (200 - number,)
        assert connection.execute(f"SELECT count(*) FROM many WHERE exact = {number}").fetchone() == (1,)
        assert connection.execute(f"SELECT count(*) FROM many WHERE small < {number * 100_000}").fetchone() == (200,)
        assert connection.execute("SELECT id FROM many WHERE word = %s", [f"w{number}"]).fetchone() == (number,)
        assert connection.execute("SELECT id FROM many WHERE id = %s AND small < %s", [number, 500]).fetchone() == (number,)
        assert connection.execute("SELECT count(*) FROM many WHERE id = %s", [None]).fetchone() == (0,)
        connection.execute(f"SET TimeZone TO 'Etc/GMT-{number % 3}'")
        shown = connection.execute(f"SELECT to_char(at, 'HH24') FROM many WHERE id = {number}").fetchone()
        assert shown == (f"{(number + number % 3) % 24:02}",)
    connection.execute("UPDATE many SET word = 'other' WHERE id = 7")
    heat(server, connection, "SELECT count(*) FROM many")
    for number in (7, 8) * 6:
        expected = ("other" if number == 7 else f"w{number}",)
        assert connection.execute(f"SELECT word FROM many WHERE id = {number}").fetchone() == expected
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        for number in [*map(str, range(10)), "ten"]:
            connection.execute("SELECT count(*) FROM many WHERE id = %s::varchar::bigint", [number])
    connection.execute("DROP TABLE many")


def test_clients_that_ask_at_once_each_have_their_own_answer(connect: Connect, server: Server) -> None:
    connection = connect()
    connection.execute("DROP TABLE IF EXISTS shared")
    connection.execute("CREATE TABLE shared (id bigint, word varchar)")
    connection.execute("INSERT INTO shared SELECT n, 'w' || n FROM generate_series(1, 2000) AS g(n)")
    heat(server, connection, "SELECT count(*) FROM shared")
    problems: list[str] = []

    def read(number: int, connection: psycopg.Connection) -> None:
        for turn in range(60):
            wanted = 1 + (number * 61 + turn * 7) % 2000
            found = connection.execute("SELECT word FROM shared WHERE id = %s", [wanted], prepare=bool(number % 2))
            if (rows := found.fetchall()) != [(f"w{wanted}",)]:
                problems.append(f"{number}: {wanted} gave {rows}")
            if turn % 10 == number:
                try:
                    connection.execute(f"SELECT 1 / (id - {wanted}) FROM shared WHERE id = {wanted}")
                    problems.append(f"{number}: no error")
                except psycopg.errors.DivisionByZero:
                    pass

    readers = [threading.Thread(target=read, args=(number, connect())) for number in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert problems == []
    connection.execute("DROP TABLE shared")


class Readers:
    """Clients that read again and again, and note what they should not have seen."""

    def __init__(self) -> None:
        self.committed = 0
        """The newest word of all rows."""
        self.end = threading.Event()
        self.wrong: list[str] = []

    def read(self, reader: psycopg.Connection, number: int) -> None:
        seen = 0
        while not self.end.is_set() and not self.wrong:
            known = self.committed
            # Some ask for a row that there is, some for none.
            found = reader.execute("SELECT id, word FROM hot WHERE id = %s", (number,), prepare=True).fetchall()
            if [row[0] for row in found] != ([number] if number <= 3 else []):
                self.wrong.append(f"{number} found {found}")
            seen, before = int(found[0][1]) if found else known, seen
            if seen < max(known, before):
                self.wrong.append(f"{number} saw {seen} behind {max(known, before)}")


def is_logged(server: Server, before: int, text: str) -> bool:
    return any(text in line for line in server.log[before:])


def at_once(connections: list[psycopg.Connection], texts: list[str]) -> list[list[bytes | None]]:
    """Return the first row for each of *texts*, all of which are sent before any is answered."""
    for connection, text in zip(connections, texts, strict=True):
        connection.pgconn.send_query(text.encode())
    rows = []
    for connection in connections:
        found = connection.pgconn.get_result()
        assert found is not None
        assert connection.pgconn.get_result() is None
        assert found.ntuples == 1, found.get_error_message()
        rows.append([found.get_value(0, column) for column in range(found.nfields)])
    return rows


def test_aggregates_that_are_asked_for_at_once_are_joined_and_each_is_of_its_own_rows(
    server: Server, connect: Connect
) -> None:
    connections, before, deadline = [connect() for _ in range(16)], len(server.log), time.monotonic() + 60
    connections[0].execute("CREATE TABLE summed AS SELECT g AS id, 'w' || g AS word FROM generate_series(1, 2000) AS g")
    heat(server, connections[0], "SELECT count(*) FROM summed")
    for turn in itertools.count(1):
        wanted = [(number * 97 + turn * 13) % 3_000 for number in range(16)]
        texts = [f"SELECT sum(id), count(*), max(word) FROM summed WHERE id = {number}" for number in wanted]
        expected = [[b"%d" % number, b"1", b"w%d" % number] if 1 <= number <= 2_000 else [None, b"0", None] for number in wanted]
        assert at_once(connections, texts) == expected
        if turn % 100 == 0 and is_logged(server, before, "joins reads at once"):
            break
        assert time.monotonic() < deadline, "no reads were joined"
    connections[0].execute("DROP TABLE summed")


def test_reads_at_once_have_their_own_rows_and_what_was_committed_before_them(
    server: Server, connect: Connect, table: str
) -> None:
    writer, readers, before = connect(), Readers(), len(server.log)
    writer.execute("UPDATE hot SET word = '0'")
    threads = [threading.Thread(target=readers.read, args=(connect(), 1 + index % 4)) for index in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 60
    while not readers.wrong and (readers.committed < 5 or not is_logged(server, before, "reads at once")):
        assert time.monotonic() < deadline, "no reads were gathered"
        time.sleep(0.3 + readers.committed / 10)
        writer.execute(f"UPDATE hot SET word = '{readers.committed + 1}'")
        readers.committed += 1
    readers.end.set()
    for thread in threads:
        thread.join()
    assert not readers.wrong
