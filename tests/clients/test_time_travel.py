"""Tables as they were: FOR TIMESTAMP AS OF, FOR SYSTEM_TIME AS OF and FOR VERSION AS OF."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

Ask = Callable[[str], list[Any]]


def _now(connection: psycopg.Connection) -> str:
    """Return a moment, in UTC, that lies between what was done and what will be."""
    time.sleep(0.01)
    row = connection.execute("SELECT CAST(sysdate AS varchar)").fetchone()
    time.sleep(0.01)
    assert row is not None
    return str(row[0])


@pytest.fixture(scope="module")
def before(connection: psycopg.Connection) -> Iterator[str]:
    """When ``past.t`` had the rows (1, x) and (3, NULL)."""
    connection.execute("CREATE SCHEMA past")
    connection.execute("CREATE TABLE past.t (a int, b varchar(10))")
    connection.execute("INSERT INTO past.t VALUES (1, 'x'), (3, NULL)")
    moment = _now(connection)
    connection.execute("INSERT INTO past.t VALUES (2, 'y')")
    connection.execute("DELETE FROM past.t WHERE a = 1")
    connection.execute("UPDATE past.t SET b = 'z'")
    yield moment
    connection.execute("DROP SCHEMA past CASCADE")


@pytest.fixture
def ask(connection: psycopg.Connection) -> Ask:
    return lambda sql: connection.execute(sql).fetchall()


def _refused(connection: psycopg.Connection, sql: str) -> str:
    with pytest.raises(psycopg.Error) as raised:
        connection.execute(sql)
    return str(raised.value.sqlstate)


@pytest.mark.parametrize("words", ["TIMESTAMP AS OF", "SYSTEM_TIME AS OF", "timestamp as of timestamp"])
def test_a_table_is_read_as_it_was(ask: Ask, before: str, words: str) -> None:
    past = f"past.t FOR {words} '{before}'"
    assert ask(f"SELECT * FROM {past} ORDER BY a") == [(1, "x"), (3, None)]
    assert ask(f"SELECT x.a FROM {past} AS x WHERE x.b IS NULL") == [(3,)]


def test_copies_results_and_views_of_what_is_there_now_are_not_read(ask: Ask, before: str) -> None:
    for _ in range(8):
        assert ask("SELECT a FROM past.t ORDER BY a") == [(2,), (3,)]
        assert ask(f"SELECT a FROM past.t FOR TIMESTAMP AS OF '{before}' ORDER BY a") == [(1,), (3,)]
    ask("SELECT count(*) FROM past.t")
    assert ask(f"SELECT count(*) FROM past.t FOR TIMESTAMP AS OF '{before}' WHERE b = 'x'") == [(1,)]


def test_it_may_stand_wherever_a_table_may(ask: Ask, connection: psycopg.Connection, before: str) -> None:
    past = f"past.t FOR TIMESTAMP AS OF '{before}'"
    both = f"SELECT o.a, n.a FROM {past} o FULL JOIN past.t n ON o.a = n.a ORDER BY coalesce(o.a, n.a)"
    assert ask(both) == [(1, None), (None, 2), (3, 3)]
    assert ask(f"WITH c AS (SELECT a FROM {past}) SELECT max(a), (SELECT min(a) FROM {past}) FROM c") == [(3, 1)]
    assert ask(f"SELECT a FROM past.t WHERE a IN (SELECT a FROM {past})") == [(3,)]
    assert ask(f"SELECT a FROM {past} EXCEPT SELECT a FROM past.t") == [(1,)]
    connection.execute(f"CREATE TABLE past.made AS SELECT * FROM {past}")
    connection.execute(f"INSERT INTO past.made SELECT a + 10, b FROM {past} WHERE a = 1")
    assert ask("SELECT * FROM past.made ORDER BY a") == [(1, "x"), (3, None), (11, "x")]
    connection.execute(f"PREPARE past_rows AS SELECT a FROM {past} WHERE a > $1")
    assert ask("EXECUTE past_rows (2)") == ask("EXECUTE past_rows (2)") == [(3,)]
    assert connection.execute(f"SELECT a FROM {past} WHERE a < %s", (2,)).fetchall() == [(1,)]
    with connection.transaction():
        connection.execute(f"DECLARE past_cursor CURSOR FOR SELECT a FROM {past} ORDER BY a")
        assert ask("FETCH 1 FROM past_cursor") == [(1,)]


def test_lost_rows_are_brought_back(ask: Ask, connection: psycopg.Connection) -> None:
    connection.execute("CREATE TABLE past.lost (a int, b varchar(3))")
    connection.execute("INSERT INTO past.lost VALUES (1, 'x'), (2, 'y')")
    past = f"past.lost FOR TIMESTAMP AS OF '{_now(connection)}'"
    connection.execute("DELETE FROM past.lost")
    connection.execute(f"INSERT INTO past.lost SELECT * FROM {past}")
    assert ask("SELECT * FROM past.lost ORDER BY a") == [(1, "x"), (2, "y")]
    connection.execute("UPDATE past.lost SET b = 'no'")
    connection.execute(f"UPDATE past.lost SET b = old.b FROM {past} AS old WHERE old.a = lost.a AND old.a = 1")
    assert ask("SELECT * FROM past.lost ORDER BY a") == [(1, "x"), (2, "no")]
    connection.execute(f"DELETE FROM past.lost USING {past} AS old WHERE old.a = lost.a AND old.b = 'y'")
    assert ask("SELECT * FROM past.lost ORDER BY a") == [(1, "x")]


def test_a_procedure_reads_what_was(ask: Ask, connection: psycopg.Connection, before: str) -> None:
    connection.execute(
        "CREATE PROCEDURE past.count_then(n OUT int) AS $$ BEGIN "
        f"SELECT INTO n count(*) FROM past.t FOR TIMESTAMP AS OF '{before}' WHERE b = 'x'; END $$ LANGUAGE plpgsql"
    )
    assert ask("CALL past.count_then()") == [(1,)]


def test_a_moment_may_be_computed(ask: Ask, own: psycopg.Connection, before: str) -> None:
    later = "DATEADD(hour, 1, GETDATE())"
    assert ask(f"SELECT a FROM past.t FOR TIMESTAMP AS OF {later} ORDER BY a") == [(2,), (3,)]
    shifted = f"'{before}'::timestamp + interval '1 day' - interval '24 hours'"
    assert ask(f"SELECT a FROM past.t FOR TIMESTAMP AS OF {shifted} ORDER BY a") == [(1,), (3,)]
    assert _refused(own, "SELECT * FROM past.t FOR TIMESTAMP AS OF GETDATE() - interval '100 years'") == "22023"
    own.execute("SET timezone TO 'Asia/Tokyo'")
    tokyo = f"'{before}'::timestamp + interval '9 hours'"
    assert own.execute(f"SELECT count(*) FROM past.t FOR TIMESTAMP AS OF '{before}+00' WHERE a = 1").fetchall() == [
        (1,)
    ]
    assert own.execute(f"SELECT count(*) FROM past.t FOR TIMESTAMP AS OF {tokyo} WHERE a = 1").fetchall() == [(1,)]


def test_a_version_is_a_snapshot_of_the_lake(ask: Ask, connection: psycopg.Connection, before: str) -> None:
    found = {}
    for number in range(1, 100_000):
        try:
            found[number] = ask(f"SELECT a FROM past.t FOR VERSION AS OF {number} ORDER BY a")
        except psycopg.Error as error:
            if error.sqlstate == "22023":
                break
            assert error.sqlstate == "42P01"
    rows = [rows for number, rows in sorted(found.items())]
    assert [rows[0], rows[1], rows[2], rows[3], rows[-1]] == [
        [], [(1,), (3,)], [(1,), (2,), (3,)], [(2,), (3,)], [(2,), (3,)],
    ]  # fmt: skip


def test_a_transaction_reads_what_was_committed_then(own: psycopg.Connection, before: str) -> None:
    past = f"SELECT a FROM past.t FOR TIMESTAMP AS OF '{before}' ORDER BY a"
    own.execute("CREATE TABLE past.other (a int)")
    own.execute("BEGIN")
    own.execute("INSERT INTO past.other VALUES (1)")
    assert own.execute(past).fetchall() == [(1,), (3,)]
    own.execute("INSERT INTO past.t VALUES (100, 'q')")
    assert _refused(own, past) == "0A000"
    own.execute("ROLLBACK")
    assert own.execute(past).fetchall() == [(1,), (3,)]


def test_never_another_table_or_column(own: psycopg.Connection) -> None:
    own.execute("CREATE TABLE past.changed (a int, n int, m varchar(5))")
    own.execute("INSERT INTO past.changed VALUES (1, 2, 'm')")
    at = f"FOR TIMESTAMP AS OF '{_now(own)}'"
    own.execute("ALTER TABLE past.changed DROP COLUMN n")
    own.execute("ALTER TABLE past.changed ADD COLUMN n varchar(3)")
    own.execute("ALTER TABLE past.changed ADD COLUMN later int DEFAULT 4")
    own.execute("ALTER TABLE past.changed RENAME COLUMN m TO called")
    assert own.execute(f"SELECT a FROM past.changed {at}").fetchall() == [(1,)]
    for column in ("n", "later", "called", "*"):
        assert _refused(own, f"SELECT {column} FROM past.changed {at}") == "42703"
    assert _refused(own, f"SELECT m FROM past.changed {at}") == "42703"
    both = f"SELECT o.a, x.later FROM past.changed {at} o JOIN past.changed x ON x.a = o.a"
    assert own.execute(both).fetchall() == [(1, 4)]
    own.execute("DROP TABLE past.changed")
    own.execute("CREATE TABLE past.changed (a int)")
    assert _refused(own, f"SELECT a FROM past.changed {at}") == "42P01"
    own.execute("ALTER TABLE past.changed RENAME TO renamed")
    assert _refused(own, f"SELECT a FROM past.renamed {at}") == "42P01"


@pytest.mark.parametrize("key", ["", "SORTKEY (a)"])
def test_vacuum_leaves_what_was(own: psycopg.Connection, key: str) -> None:
    own.execute(f"CREATE TABLE past.rewritten (a int, b varchar(10)) {key}")  # type: ignore[arg-type]
    own.execute("INSERT INTO past.rewritten SELECT i, 'x' FROM generate_series(1, 5000) AS g(i)")
    own.execute("INSERT INTO past.rewritten VALUES (-1, 'small')")
    table = f"past.rewritten FOR TIMESTAMP AS OF '{_now(own)}'"
    own.execute("DELETE FROM past.rewritten WHERE a > 7")
    own.execute("VACUUM DELETE ONLY past.rewritten")
    between = f"past.rewritten FOR TIMESTAMP AS OF '{_now(own)}'"
    own.execute("UPDATE past.rewritten SET a = a - 100 WHERE a < 3")
    own.execute("VACUUM FULL past.rewritten")
    for _ in range(2):
        assert own.execute(f"SELECT count(*), min(a), max(a), max(b) FROM {table}").fetchall() == [(5001, -1, 5000, "x")]
        assert own.execute(f"SELECT a FROM {table} ORDER BY a DESC LIMIT 2").fetchall() == [(5000,), (4999,)]
        assert own.execute(f"SELECT count(*) FROM {table} WHERE a > 4000").fetchall() == [(1000,)]
        assert own.execute(f"SELECT count(*), min(a), max(a) FROM {between}").fetchall() == [(8, -1, 7)]
        assert own.execute("SELECT min(a), max(a), count(*) FROM past.rewritten").fetchall() == [(-101, 7, 8)]
        own.execute("INSERT INTO past.rewritten VALUES (0, 'y')")
        own.execute("DELETE FROM past.rewritten WHERE b = 'y'")
        own.execute("VACUUM past.rewritten")
    own.execute("DROP TABLE past.rewritten")


def test_privileges_and_policies_are_those_of_now(own: psycopg.Connection, before: str) -> None:
    past = f"past.t FOR TIMESTAMP AS OF '{before}'"
    own.execute("CREATE USER past_reader PASSWORD 'Abcd1234'")
    own.execute("GRANT USAGE ON SCHEMA past TO past_reader")
    own.execute("SET SESSION AUTHORIZATION past_reader")
    assert _refused(own, f"SELECT a FROM {past}") == "42501"
    own.execute("RESET SESSION AUTHORIZATION")
    own.execute("GRANT SELECT ON past.t TO past_reader")
    own.execute("CREATE RLS POLICY past_rows WITH (a int) USING (a > 1)")
    own.execute("ATTACH RLS POLICY past_rows ON past.t TO past_reader")
    own.execute("ALTER TABLE past.t ROW LEVEL SECURITY ON")
    own.execute("SET SESSION AUTHORIZATION past_reader")
    assert own.execute(f"SELECT a FROM {past}").fetchall() == [(3,)]
    own.execute("RESET SESSION AUTHORIZATION")
    own.execute("DROP RLS POLICY past_rows CASCADE")
    own.execute("ALTER TABLE past.t ROW LEVEL SECURITY OFF")
    own.execute("REVOKE ALL ON past.t FROM past_reader")
    own.execute("REVOKE ALL ON SCHEMA past FROM past_reader")
    own.execute("DROP USER past_reader")
