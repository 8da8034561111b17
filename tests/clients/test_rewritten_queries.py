"""Which queries read a materialized view in place of their tables, and when: told by EXPLAIN."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

_TICKETS = """
    CREATE MATERIALIZED VIEW rw_tickets AS
    SELECT catgroup, e.catid, sum(qtysold) AS sold, count(*) AS n, count(qtysold) AS k, sum(paid) AS paid, min(d) AS first
    FROM rw_category c, rw_event e, rw_sales s
    WHERE c.catid = e.catid AND e.eventid = s.eventid AND s.paid > 0
    GROUP BY catgroup, e.catid
"""
_FROM = "FROM rw_category c JOIN rw_event e ON e.catid = c.catid JOIN rw_sales s ON s.eventid = e.eventid WHERE s.paid > 0"
_SOLD = f"SELECT catgroup, sum(qtysold) {_FROM} GROUP BY 1"


@pytest.fixture(scope="module")
def tickets(url: dict[str, Any]) -> Iterator[psycopg.Connection]:
    with psycopg.connect(**url, autocommit=True) as connection:
        connection.execute("SET enable_result_cache_for_session TO off")
        connection.execute("CREATE TABLE rw_category (catid int, catgroup varchar(10))")
        connection.execute("CREATE TABLE rw_event (eventid int, catid int, d date)")
        connection.execute("CREATE TABLE rw_sales (eventid int, qtysold int, paid decimal(8,2), rate float8)")
        connection.execute("INSERT INTO rw_category VALUES (1, 'Sports'), (2, 'Shows')")
        connection.execute("INSERT INTO rw_event VALUES (1, 1, '2024-01-01'), (2, 2, '2024-02-02'), (3, 2, '2024-01-03')")
        connection.execute("INSERT INTO rw_sales VALUES (1, 2, 9.5, 1), (2, 3, 8, 2), (3, NULL, 7, 3), (3, 4, 0, 4)")
        connection.execute(_TICKETS)
        connection.execute("CREATE MATERIALIZED VIEW rw_rows AS SELECT eventid, catid, eventid * 10 + catid AS code FROM rw_event")
        yield connection
        connection.execute("DROP TABLE rw_category, rw_event, rw_sales CASCADE")


@pytest.fixture
def fresh(tickets: psycopg.Connection) -> psycopg.Connection:
    tickets.execute("REFRESH MATERIALIZED VIEW rw_tickets")
    tickets.execute("REFRESH MATERIALIZED VIEW rw_rows")
    return tickets


def _reads(connection: psycopg.Connection, text: str, view: str = "rw_tickets") -> bool:
    return any(f"mv_tbl__{view}__0" in line for (line,) in connection.execute(f"EXPLAIN {text}"))


@pytest.mark.parametrize(
    "text",
    [
        _SOLD,
        f"SELECT catgroup, e.catid, sum(qtysold), count(*) {_FROM} GROUP BY 1, 2",
        f"SELECT c.catid, avg(qtysold), count(1) {_FROM} AND catgroup = 'Shows' GROUP BY c.catid",
        f"SELECT count(*), sum(paid) {_FROM}",
        f"SELECT catgroup FROM (SELECT catgroup, sum(paid) AS p {_FROM} GROUP BY 1) q WHERE p > 1",
        f"WITH q AS ({_SOLD}) SELECT * FROM q UNION ALL SELECT 'all', count(*) FROM rw_event",
        f"SELECT catgroup, sum(qtysold) AS s {_FROM} GROUP BY 1 HAVING count(*) > 1 ORDER BY sum(paid) DESC LIMIT 1",
        f"SELECT catgroup, sum(sum(qtysold)) OVER (ORDER BY catgroup ROWS UNBOUNDED PRECEDING) {_FROM} GROUP BY 1",
        "SELECT sum(qtysold) FROM rw_sales s, rw_event e, rw_category c"
        " WHERE 0 < paid AND s.eventid = e.eventid AND e.catid = c.catid AND e.catid IN (1, 2)",
        f"SELECT g.x, sum(qtysold) {_FROM.replace('WHERE', 'JOIN (SELECT 2 AS x) g ON g.x = e.catid WHERE')} GROUP BY 1",
        f"SELECT count(DISTINCT catgroup), max(e.catid) {_FROM}",
    ],
)
def test_read(fresh: psycopg.Connection, text: str) -> None:
    assert _reads(fresh, text)
    found = sorted(map(repr, fresh.execute(text).fetchall()))
    fresh.execute("SET mv_enable_aqmv_for_session TO false")
    assert not _reads(fresh, text)
    assert sorted(map(repr, fresh.execute(text).fetchall())) == found
    fresh.execute("RESET mv_enable_aqmv_for_session")


@pytest.mark.parametrize(
    "text",
    [
        "SELECT count(*) FROM rw_sales",  # a table less
        _SOLD.replace(" WHERE s.paid > 0", ""),  # the view lacks rows
        f"SELECT catgroup, max(paid) {_FROM} GROUP BY 1",  # it does not know
        f"SELECT catgroup, sum(qtysold) {_FROM} AND qtysold > 1 GROUP BY 1",
        f"SELECT catgroup {_FROM}",  # the rows themselves
        f"SELECT catgroup, sum(e.catid) {_FROM} GROUP BY 1",
        f"SELECT DISTINCT catgroup, sum(qtysold) {_FROM} GROUP BY 1",
        f"SELECT length(catgroup), sum(qtysold) {_FROM} GROUP BY 1",  # of which blanks are part
        _SOLD.replace("JOIN rw_sales", "LEFT JOIN rw_sales"),
        f"SELECT catgroup, sum(rate) {_FROM} GROUP BY 1",
        f"SELECT catgroup, sum(s.qtysold) {_FROM.replace('WHERE', 'JOIN rw_event x ON x.eventid = e.eventid WHERE')} GROUP BY 1",
    ],
)
def test_left_alone(fresh: psycopg.Connection, text: str) -> None:
    assert not _reads(fresh, text)


def test_rows_of_a_view_without_groups(fresh: psycopg.Connection) -> None:
    for text in (
        "SELECT eventid, catid FROM rw_event WHERE catid = 2",
        "SELECT e.eventid * 10 + e.catid, count(*) FROM rw_event e GROUP BY 1",
        "SELECT c.catgroup, stddev(e.eventid) FROM rw_category c, rw_event e WHERE e.catid = c.catid GROUP BY 1",
        "SELECT * FROM (SELECT catid FROM rw_event) q",
    ):
        assert _reads(fresh, text, "rw_rows"), text
    assert not _reads(fresh, "SELECT * FROM rw_event", "rw_rows")


def test_only_while_up_to_date(fresh: psycopg.Connection) -> None:
    assert _reads(fresh, _SOLD)
    fresh.execute("INSERT INTO rw_sales VALUES (1, 100, 1, 1)")
    assert not _reads(fresh, _SOLD)
    assert dict(fresh.execute(_SOLD).fetchall())["Sports"] == 102
    fresh.execute("REFRESH MATERIALIZED VIEW rw_tickets")
    assert _reads(fresh, _SOLD)
    assert dict(fresh.execute(_SOLD).fetchall())["Sports"] == 102
    fresh.execute("DELETE FROM rw_sales WHERE qtysold = 100")
    assert dict(fresh.execute(_SOLD).fetchall())["Sports"] == 2


def test_not_in_a_transaction_that_changed_a_table(fresh: psycopg.Connection) -> None:
    with fresh.transaction():
        assert _reads(fresh, _SOLD)
        fresh.execute("INSERT INTO rw_sales VALUES (1, 7, 1, 1)")
        assert not _reads(fresh, _SOLD)
        assert dict(fresh.execute(_SOLD).fetchall())["Sports"] == 9
        raise psycopg.Rollback
    assert _reads(fresh, _SOLD)


def test_a_transaction_reads_what_was_when_it_began(fresh: psycopg.Connection, own: psycopg.Connection) -> None:
    with own.transaction():
        assert dict(own.execute(_SOLD).fetchall())["Sports"] == 2
        fresh.execute("INSERT INTO rw_sales VALUES (1, 50, 1, 1)")
        fresh.execute("REFRESH MATERIALIZED VIEW rw_tickets")
        assert dict(fresh.execute(_SOLD).fetchall())["Sports"] == 52
        assert not _reads(own, _SOLD)
        assert dict(own.execute(_SOLD).fetchall())["Sports"] == 2
    assert _reads(own, _SOLD)
    fresh.execute("DELETE FROM rw_sales WHERE qtysold = 50")


def test_rights_are_those_of_the_tables_and_of_the_view(fresh: psycopg.Connection, url: dict[str, Any]) -> None:
    fresh.execute("CREATE USER rw_reader PASSWORD 'Reader123x'")
    with psycopg.connect(**{**url, "user": "rw_reader", "password": "Reader123x"}, autocommit=True) as reader:
        fresh.execute("GRANT SELECT ON rw_tickets TO rw_reader")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(_SOLD)
        fresh.execute("GRANT SELECT ON rw_sales, rw_event, rw_category TO rw_reader")
        assert _reads(reader, _SOLD)
        fresh.execute("REVOKE SELECT ON rw_tickets FROM rw_reader")
        assert not _reads(reader, _SOLD)
        assert dict(reader.execute(_SOLD).fetchall())["Sports"] == 2
    fresh.execute("REVOKE SELECT ON rw_sales, rw_event, rw_category FROM rw_reader")
    fresh.execute("DROP USER rw_reader")


def test_parameters_cursors_and_procedures(fresh: psycopg.Connection) -> None:
    text = f"SELECT catgroup, sum(paid) {_FROM} AND catgroup = %s AND e.catid < %s GROUP BY 1"
    for _ in range(3):
        assert fresh.execute(text, ("Shows", 3)).fetchall()[0][0] == "Shows"
    with fresh.transaction():
        fresh.execute(f"DECLARE rw_c CURSOR FOR {_SOLD} ORDER BY 1")
        assert fresh.execute("FETCH ALL FROM rw_c").fetchall() == [("Shows", 3), ("Sports", 2)]
    fresh.execute(
        f"CREATE PROCEDURE rw_p(g varchar(10), INOUT n bigint) AS $$ BEGIN"
        f" SELECT INTO n count(*) {_FROM} AND catgroup = g; END $$ LANGUAGE plpgsql"
    )
    assert fresh.execute("CALL rw_p('Shows', 0)").fetchall() == [(2,)]
    fresh.execute("DROP PROCEDURE rw_p(varchar, bigint)")
