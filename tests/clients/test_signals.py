"""PG_CANCEL_BACKEND and PG_TERMINATE_BACKEND: who may end whose statements and sessions."""

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import errors

from tests.support.canceling import until_it_runs

_LONG = "select count(*) from generate_series(1, 1000000) a(x), generate_series(1, 1000000) b(y) where x + y = 7"


@pytest.fixture
def users(own: psycopg.Connection) -> Iterator[None]:
    for name in ("signal_bob", "signal_eve"):
        own.execute(f"create user {name} password 'Secret123'")
    yield
    for name in ("signal_bob", "signal_eve"):
        own.execute(f"drop user {name}")


def _as(url: dict[str, Any], user: str) -> psycopg.Connection:
    return psycopg.connect(**(url | {"user": user, "password": "Secret123"}), autocommit=True)


def _pid(connection: psycopg.Connection) -> int:
    row = connection.execute("select pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


def _running(
    own: psycopg.Connection, victim: psycopg.Connection, statement: str
) -> tuple[threading.Thread, list[BaseException]]:
    caught: list[BaseException] = []

    def run() -> None:
        try:
            victim.execute(statement)
        except psycopg.Error as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    until_it_runs(own, victim.info.backend_pid)
    return thread, caught


def test_a_running_statement_is_canceled_and_its_session_stays(own: psycopg.Connection, url: dict[str, Any]) -> None:
    with psycopg.connect(**url, autocommit=True) as victim:
        pid = _pid(victim)
        thread, caught = _running(own, victim, _LONG)
        assert own.execute("select pg_cancel_backend(%s)", [pid]).fetchone() == (1,)
        thread.join(60)
        assert isinstance(caught[0], errors.QueryCanceled)
        assert victim.execute("select 1").fetchone() == (1,)


def test_a_session_is_terminated_with_what_it_runs(own: psycopg.Connection, url: dict[str, Any]) -> None:
    victim = psycopg.connect(**url, autocommit=True)
    pid = _pid(victim)
    thread, caught = _running(own, victim, _LONG)
    found = own.execute(f"select pg_terminate_backend(process) from stv_sessions where process = {pid}").fetchall()
    assert found == [(1,)]
    thread.join(60)
    assert isinstance(caught[0], errors.AdminShutdown)
    victim.close()


def test_an_idle_session_is_terminated(own: psycopg.Connection, url: dict[str, Any], users: None) -> None:
    victim = _as(url, "signal_bob")
    assert own.execute("select pg_terminate_backend(%s)", [_pid(victim)]).fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError):
        victim.execute("select 1")
    victim.close()
    assert own.execute("select count(*) from stv_sessions where user_name = 'signal_bob'").fetchone() == (0,)


def test_users_end_their_own_sessions_only(url: dict[str, Any], users: None) -> None:
    with _as(url, "signal_bob") as bob, _as(url, "signal_eve") as eve:
        pid = _pid(bob)
        for function in ("pg_cancel_backend", "pg_terminate_backend"):
            with pytest.raises(errors.InsufficientPrivilege):
                eve.execute(f"select {function}({pid})")
        with pytest.raises(errors.InsufficientPrivilege):
            eve.execute("select change_session_priority(-1, 'low')")
        assert bob.execute("select 1").fetchone() == (1,)
        with _as(url, "signal_bob") as other:
            assert other.execute(f"select pg_terminate_backend({pid})").fetchone() == (1,)


def test_a_session_ends_itself(url: dict[str, Any]) -> None:
    victim = psycopg.connect(**url, autocommit=True)
    with pytest.raises(errors.AdminShutdown):
        victim.execute("select pg_terminate_backend(pg_backend_pid())")
    victim.close()


def test_all_sessions_of_a_user_are_ended_by_one_statement(
    own: psycopg.Connection, url: dict[str, Any], users: None
) -> None:
    victims = [_as(url, "signal_bob") for _ in range(3)]
    spared = _as(url, "signal_eve")
    pids = sorted(_pid(victim) for victim in victims)
    rows = own.execute(
        "select process, case when pg_terminate_backend(process) = 1 then 'gone' end from stv_sessions "
        "where trim(user_name) = 'signal_bob' order by process"
    ).fetchall()
    assert rows == [(pid, "gone") for pid in pids]
    for victim in victims:
        with pytest.raises(psycopg.OperationalError):
            victim.execute("select 1")
    assert spared.execute("select 1").fetchone() == (1,)
    spared.close()


def test_an_expression_needs_the_right_to_signal(own: psycopg.Connection, url: dict[str, Any], users: None) -> None:
    with _as(url, "signal_bob") as bob, pytest.raises(errors.InsufficientPrivilege):
        bob.execute("select pg_cancel_backend(%s) + 1", [_pid(own)])


def test_a_session_ends_itself_in_the_middle_of_an_expression(url: dict[str, Any]) -> None:
    with psycopg.connect(**url, autocommit=True) as victim:
        with pytest.raises(errors.AdminShutdown):
            victim.execute("select pg_terminate_backend(pg_backend_pid()) + 1")
        assert victim.closed
    # Whoever gave the engine its functions is gone; others go on using them.
    with psycopg.connect(**url, autocommit=True) as later:
        assert later.execute("select pg_cancel_backend(1) + 1").fetchone() == (1,)
