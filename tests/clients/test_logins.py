"""How real clients log in: psycopg (libpq), asyncpg and redshift_connector against each kind of user."""

import asyncio
import gc
import hashlib
from collections.abc import Iterator

import asyncpg
import psycopg
import pytest
import redshift_connector

from tests.support.server import Server

PASSWORD = "Reader123x"
SALT = bytes(range(32))
DIGEST = hashlib.sha256(PASSWORD.encode() + SALT).hexdigest()
USERS = {
    "login_scram": f"PASSWORD '{PASSWORD}'",
    # In PostgreSQL: select 'md5' || md5('Reader123x' || 'login_md5').
    "login_md5": "PASSWORD 'md5436bc497a1ac28cbe57aaea135b84a32'",
    "login_sha256": f"PASSWORD 'sha256|{DIGEST}|{SALT.hex()}'",
    "login_off": "PASSWORD DISABLE",
    "login_old": f"PASSWORD '{PASSWORD}' VALID UNTIL '2020-01-01'",
    "login_new": f"PASSWORD '{PASSWORD}' VALID UNTIL '2120-01-01'",
}
REFUSED = ("login_off", "login_old", "login_nobody")


@pytest.fixture(scope="module")
def users(server: Server) -> Iterator[Server]:
    with psycopg.connect(dsn(server, server.user, server.password), autocommit=True) as admin:
        for name, options in USERS.items():
            admin.execute(f"CREATE USER {name} {options}")
        yield server
        for name in USERS:
            admin.execute(f"DROP USER {name}")


def dsn(server: Server, user: str, password: str, **more: str) -> str:
    extra = " ".join(f"{name}={value}" for name, value in more.items())
    return f"host={server.host} port={server.port} user={user} password={password} dbname=dev {extra}"


@pytest.mark.parametrize("sslmode", ["disable", "require"])
@pytest.mark.parametrize(
    ("user", "method"), [("login_scram", "scram-sha-256"), ("login_new", "scram-sha-256"), ("login_md5", "md5")]
)
def test_libpq(users: Server, user: str, method: str, sslmode: str) -> None:
    options = {"sslmode": sslmode, "require_auth": method}
    with psycopg.connect(dsn(users, user, PASSWORD, **options)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (user,)
    with pytest.raises(psycopg.OperationalError, match=f'password authentication failed for user "{user}"'):
        psycopg.connect(dsn(users, user, "Wrong123x", **options))


def test_libpq_binds_the_channel(users: Server) -> None:
    with psycopg.connect(dsn(users, "login_scram", PASSWORD, sslmode="require", channel_binding="require")):
        pass


@pytest.mark.parametrize("sslmode", ["disable", "require"])
@pytest.mark.parametrize("user", REFUSED)
def test_libpq_is_refused(users: Server, user: str, sslmode: str) -> None:
    with pytest.raises(psycopg.OperationalError, match=f'password authentication failed for user "{user}"'):
        psycopg.connect(dsn(users, user, PASSWORD, sslmode=sslmode))


# asyncpg leaves the transport of a refused login to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("ssl", [False, "require"])
@pytest.mark.parametrize("user", ["login_scram", "login_md5"])
def test_asyncpg(users: Server, user: str, ssl: bool | str) -> None:
    async def run(password: str) -> object:
        connection = await asyncpg.connect(
            host=users.host, port=users.port, user=user, password=password, database="dev", ssl=ssl
        )
        try:
            return await connection.fetchval("SELECT current_user")
        finally:
            await connection.close()

    assert asyncio.run(run(PASSWORD)) == user
    with pytest.raises(asyncpg.InvalidPasswordError):
        asyncio.run(run("Wrong123x"))


# The driver makes its TLS context an old way, and leaves its socket open after a refusal.
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("ssl", [False, True])
@pytest.mark.parametrize("user", ["login_scram", "login_md5"])
def test_redshift_connector(users: Server, user: str, ssl: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if ssl:
        monkeypatch.setenv("SSL_CERT_FILE", str(users.data / "tls" / "server.crt"))

    def connect(password: str) -> redshift_connector.Connection:
        return redshift_connector.connect(
            host=users.host, port=users.port, user=user, password=password, database="dev", ssl=ssl, sslmode="verify-ca"
        )

    with connect(PASSWORD) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert list(cursor.fetchone()) == [user]
    with pytest.raises(redshift_connector.error.Error, match="28P01"):
        connect("Wrong123x")
    gc.collect()


def test_a_renamed_user_keeps_a_scram_password_only(users: Server) -> None:
    with psycopg.connect(dsn(users, users.user, users.password), autocommit=True) as admin:
        notices: list[str] = []
        admin.add_notice_handler(lambda diagnosis: notices.append(diagnosis.message_primary or ""))
        for user in ("login_scram", "login_md5"):
            admin.execute(f"ALTER USER {user} RENAME TO {user}_2")
        try:
            with psycopg.connect(dsn(users, "login_scram_2", PASSWORD)):
                pass
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(dsn(users, "login_md5_2", PASSWORD))
        finally:
            admin.execute("ALTER USER login_scram_2 RENAME TO login_scram")
            admin.execute("ALTER USER login_md5_2 RENAME TO login_md5")
    assert "MD5 password cleared because of user rename" in notices


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("ssl", [False, True])
def test_redshift_driver_answers_its_own_digest(users: Server, ssl: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if ssl:
        monkeypatch.setenv("SSL_CERT_FILE", str(users.data / "tls" / "server.crt"))

    def connect(password: str) -> redshift_connector.Connection:
        return redshift_connector.connect(
            host=users.host, port=users.port, user="login_sha256", password=password, database="dev", ssl=ssl,
            sslmode="verify-ca",
        )  # fmt: skip

    with connect(PASSWORD) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        assert tuple(cursor.fetchone()) == ("login_sha256",)
    with pytest.raises(redshift_connector.error.Error, match="28P01"):
        connect("Wrong123x")
    gc.collect()


def test_libpq_sends_such_a_users_password_over_tls_only(users: Server) -> None:
    with psycopg.connect(dsn(users, "login_sha256", PASSWORD, sslmode="require")) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("login_sha256",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dsn(users, "login_sha256", "Wrong123x", sslmode="require"))
    with pytest.raises(psycopg.OperationalError, match="needs an encrypted connection"):
        psycopg.connect(dsn(users, "login_sha256", PASSWORD, sslmode="disable"))
