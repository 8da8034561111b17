"""Wrong passwords in a row lock a user out, whoever tries; the right one says no more about it than a wrong one.

Redshift, "max_failed_login_attempts", "SHOW USER LOCKOUT", "ALTER USER" (LOGIN, NOLOGIN).
"""

from collections.abc import Iterator

import psycopg
import pytest

from tests.security.conftest import PASSWORD
from tests.support.server import Server


def attempt(server: Server, user: str, password: str) -> str:
    """Return nothing where the password lets *user* in, the error else; one attempt on the wire."""
    try:
        psycopg.connect(
            host=server.host, port=server.port, dbname=server.database, user=user, password=password, sslmode="disable"
        ).close()
    except psycopg.OperationalError as error:
        return str(error).partition("FATAL:")[2].strip()
    return ""


def shown(admin: psycopg.Connection, user: str) -> tuple[object, ...]:
    """Return what SHOW USER LOCKOUT says of *user*: locked, why, attempts, by whom."""
    cursor = admin.execute("SHOW USER LOCKOUT")
    names = [column.name for column in cursor.description or ()]
    assert names == [
        "user_name", "is_locked", "lock_reason", "locked_at", "last_failed_at", "failed_login_attempts", "locked_by",
    ]  # fmt: skip
    (row,) = [row for row in cursor.fetchall() if row[0] == user]
    assert (row[3] is not None) == row[1]
    return row[1], row[2], row[5], row[6]


@pytest.fixture
def carla(admin: psycopg.Connection) -> Iterator[str]:
    admin.execute(f"CREATE USER lockout_carla PASSWORD '{PASSWORD}'")
    yield "lockout_carla"
    admin.execute("DROP USER lockout_carla")


def test_five_wrong_passwords_lock(server: Server, admin: psycopg.Connection, carla: str) -> None:
    for count in range(1, 5):
        assert "password authentication failed" in attempt(server, carla, "Wrong1234")
        assert shown(admin, carla) == (False, None, count, None)
    assert attempt(server, carla, PASSWORD) == ""
    assert shown(admin, carla) == (False, None, 0, None)
    refusals = {attempt(server, carla, "Wrong1234") for _ in range(5)}
    assert shown(admin, carla) == (True, "automatic", 5, None)
    assert {attempt(server, carla, PASSWORD)} == refusals
    admin.execute("ALTER USER lockout_carla LOGIN")
    assert attempt(server, carla, PASSWORD) == ""


def test_a_superuser_locks_and_lets_in_again(server: Server, admin: psycopg.Connection, carla: str) -> None:
    admin.execute("ALTER USER lockout_carla NOLOGIN")
    assert "password authentication failed" in attempt(server, carla, PASSWORD)
    locked, reason, _, by = shown(admin, carla)
    assert (locked, reason, by) == (True, "manual", 100)
    admin.execute("ALTER USER lockout_carla LOGIN")
    assert attempt(server, carla, PASSWORD) == ""
    with pytest.raises(psycopg.Error) as caught:
        admin.execute(f"ALTER USER {server.user} NOLOGIN")
    assert caught.value.sqlstate == "55006"


def test_the_number_is_the_clusters(server: Server, admin: psycopg.Connection, carla: str) -> None:
    for wrong in ("1", "51", "many"):
        with pytest.raises(psycopg.Error) as caught:
            admin.execute(f"ALTER SYSTEM SET max_failed_login_attempts = {wrong}")
        assert caught.value.sqlstate == "22023"
    admin.execute("ALTER SYSTEM SET max_failed_login_attempts TO 2")
    try:
        for _ in range(2):
            attempt(server, carla, "Wrong1234")
        assert shown(admin, carla) == (True, "automatic", 2, None)
        with psycopg.connect(server.dsn) as fresh:
            assert fresh.execute("SHOW max_failed_login_attempts").fetchone() == ("2",)
    finally:
        admin.execute("ALTER SYSTEM SET max_failed_login_attempts = 5")


def test_nobody_else_may(server: Server, admin: psycopg.Connection, carla: str) -> None:
    with psycopg.connect(
        host=server.host, port=server.port, dbname=server.database, user=carla, password=PASSWORD, autocommit=True
    ) as connection:
        for sql in ("SHOW USER LOCKOUT", "ALTER SYSTEM SET max_failed_login_attempts = 9", f"ALTER USER {carla} LOGIN"):
            with pytest.raises(psycopg.Error) as caught:
                connection.execute(sql)
            assert caught.value.sqlstate == "42501", sql


def test_superusers_are_not_locked_out_by_strangers(server: Server, admin: psycopg.Connection) -> None:
    for _ in range(7):
        attempt(server, server.user, "Wrong1234")
    assert shown(admin, server.user)[:2] == (False, None)
    assert attempt(server, server.user, server.password) == ""
