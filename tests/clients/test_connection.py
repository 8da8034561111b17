"""How clients may connect, whichever driver it is: libpq's ways, start-up parameters, many at once, leaving."""

import asyncio
from typing import Any

import asyncpg
import psycopg
import pytest
from psycopg import errors, pq

from tests.support.canceling import until_it_runs
from tests.support.server import Server


def _url(server: Server, **others: Any) -> dict[str, Any]:
    return {
        "host": server.host,
        "port": server.port,
        "user": server.user,
        "password": server.password,
        "dbname": server.database,
    } | others


@pytest.mark.skipif(pq.version() < 170000, reason="needs libpq 17")
@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
@pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
def test_ways_into_tls(server: Server, sslmode: str, negotiation: str) -> None:
    certificate = f"{server.data}/tls/server.crt"
    given = _url(server, sslmode=sslmode, sslnegotiation=negotiation, sslrootcert=certificate)
    with psycopg.connect(**given) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("select 1").fetchone() == (1,)


def test_the_password_is_bound_to_the_channel(server: Server) -> None:
    with psycopg.connect(**_url(server, channel_binding="require", require_auth="scram-sha-256")) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    "parameters",
    [
        {"application_name": "Tableau Desktop"},
        {"options": "-c statement_timeout=1000"},
        {"client_encoding": "utf8"},
        {"gssencmode": "prefer"},
    ],
)
def test_what_libpq_says_at_the_start(server: Server, parameters: dict[str, str]) -> None:
    with psycopg.connect(**_url(server, **parameters)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ("-c statement_timeout=1000", "statement_timeout", "1000"),
        ("-csearch_path=sales,public -c query_group=a", "search_path", "sales,public"),
        (r"-c query_group=two\ words\\ -d 5", "query_group", "two words\\"),
        ("--extra-float-digits=2", "extra_float_digits", "2"),
        ("-c nonsense -c no_such=1 -c query_group=last -c", "query_group", "last"),
    ],
)
def test_options_of_the_start_are_in_force(server: Server, options: str, name: str, value: str) -> None:
    with psycopg.connect(**_url(server, options=options)) as connection:
        assert connection.execute(f"SHOW {name}").fetchone() == (value,)


def test_settings_of_the_start_are_in_force(server: Server) -> None:
    async def scene() -> None:
        connection = await asyncpg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=server.database,
            ssl="require",
            server_settings={
                "timezone": "America/New_York",
                "application_name": "reports",
                "query_group": "nightly",
                "driver_version": "Nobody's Driver 1.0",
                "client_protocol_version": "9",
                "idp_type": "",
                "something_unheard_of": "x",
            },
        )
        assert connection.get_settings().TimeZone == "America/New_York"
        for name, value in (("timezone", "America/New_York"), ("query_group", "nightly"), ("application_name", "reports")):
            assert await connection.fetchval(f"show {name}") == value
        await connection.close()

    asyncio.run(scene())


def test_many_at_once(server: Server) -> None:
    async def one(number: int) -> int:
        connection = await asyncpg.connect(
            host=server.host,
            port=server.port,
            user=server.user,
            password=server.password,
            database=server.database,
            ssl="require",
        )
        try:
            return await connection.fetchval("select $1::int", number)
        finally:
            await connection.close()

    async def scene() -> list[int]:
        return await asyncio.gather(*(one(number) for number in range(30)))

    assert asyncio.run(scene()) == list(range(30))


def test_a_client_that_vanishes_leaves_no_lock(server: Server) -> None:
    with psycopg.connect(**_url(server), autocommit=True) as second:
        second.execute("create table con_locked (a int)")
        first = psycopg.connect(**_url(server))
        first.execute("insert into con_locked values (1)")
        first.close()
        second.execute("set statement_timeout to 20000")
        second.execute("insert into con_locked values (2)")
        assert second.execute("select a from con_locked").fetchall() == [(2,)]


def test_a_cancel_reaches_only_its_own(server: Server) -> None:
    with psycopg.connect(**_url(server), autocommit=True) as idle, psycopg.connect(**_url(server)) as busy:
        busy.execute("create temp table con_slow as select 1::int as a")
        for _ in range(12):
            busy.execute("insert into con_slow select a from con_slow")
        text = "select count(*) from con_slow a, con_slow b, con_slow c where a.a + b.a + c.a = 0"
        busy.pgconn.send_query(text.encode())
        busy.pgconn.flush()
        until_it_runs(idle, busy.info.backend_pid)
        idle.cancel_safe(timeout=60)
        assert idle.execute("select 1").fetchone() == (1,)
        busy.pgconn.consume_input()
        assert busy.pgconn.is_busy()
        busy.cancel_safe(timeout=60)
        result = busy.pgconn.get_result()
        assert result is not None
        assert result.error_field(pq.DiagnosticField.SQLSTATE) == b"57014"
        assert busy.pgconn.get_result() is None
        with pytest.raises(errors.InFailedSqlTransaction):
            busy.execute("select 1")
        busy.rollback()
