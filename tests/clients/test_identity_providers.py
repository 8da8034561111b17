"""Users of an identity provider: Redshift's Python driver brings their tokens, signed as a provider would sign them."""

import base64
import gc
import hmac
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redshift_connector
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from tests.support.server import Server
from tests.support.wire import Wire

# The driver makes its TLS context an old way, and leaves its socket open after a refusal.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

ISSUER = "https://sts.example.com/tenant/"
AUDIENCE = "https://analysis.example.com/redshift"
KEYS = [RSAKey.generate_key(2048, {"kid": "one"}), ECKey.generate_key("P-256", {"kid": "two"})]


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("keys") / "issuer.jwks"
    publish(place, KEYS[:1])
    return place


def publish(place: Path, keys: list[Any]) -> None:
    place.write_text(json.dumps(KeySet(keys).as_dict(private=False)))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("identity")
    configuration = folder / "duckshift.toml"
    configuration.write_text(f'[issuers]\n"{ISSUER}" = "{keys}"\n')
    with Server(folder / "data", arguments=("--config", str(configuration))) as running:
        run(
            running,
            f"""CREATE IDENTITY PROVIDER entra TYPE azure NAMESPACE 'aad' PARAMETERS
                '{{"issuer": "{ISSUER}", "client_id": "87f4aa26", "client_secret": "Hush", "audience": ["{AUDIENCE}"]}}'
                AUTO_CREATE_ROLES TRUE EXCLUDE GROUPS LIKE 'hidden%'""",
            "CREATE TABLE sales (a INT)",
            "INSERT INTO sales VALUES (1)",
            'CREATE ROLE "aad:analysts"',
            'GRANT SELECT ON sales TO ROLE "aad:analysts"',
        )
        yield running


def run(server: Server, *statements: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


def token(key: Any = KEYS[0], algorithm: str = "RS256", **claims: object) -> str:
    now = int(time.time())
    given = {"iss": ISSUER, "aud": AUDIENCE, "upn": "Ann@example.com", "iat": now, "exp": now + 600} | claims
    header = {"alg": algorithm, "kid": getattr(key, "kid", "one")}
    return jwt.encode(
        header, {name: value for name, value in given.items() if value is not None}, key, algorithms=[algorithm]
    )


def signed_with_what_all_know() -> str:
    """Return a token whose symmetric signature is made with the public key."""
    header = base64.urlsafe_b64encode(b'{"alg":"HS256","kid":"one"}').rstrip(b"=")
    signed = header + b"." + token().split(".")[1].encode()
    mark = hmac.digest(KEYS[0].as_pem(private=False), signed, "sha256")
    return (signed + b"." + base64.urlsafe_b64encode(mark).rstrip(b"=")).decode()


def connected(server: Server, text: str, **more: object) -> redshift_connector.Connection:
    return redshift_connector.connect(
        host=server.host, port=server.port, database="dev", ssl=True, sslmode="verify-ca", iam=True,
        credentials_provider="BasicJwtCredentialsProvider", web_identity_token=text, iam_disable_cache=True, **more,
    )  # fmt: skip


@pytest.fixture(autouse=True)
def trusted(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", f"{server.data}/tls/server.crt")
    yield
    gc.collect()


def asked(server: Server, text: str, *statements: str) -> tuple[Any, ...]:
    with connected(server, text) as connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        rows: tuple[Any, ...] = cursor.fetchall()
    return rows


def test_a_token_makes_its_user(server: Server) -> None:
    assert asked(server, token(), "SELECT current_user") == (["aad:ann@example.com"],)
    assert asked(server, token(), "SELECT session_user") == (["aad:ann@example.com"],)
    assert run(server, "SELECT usename, usesuper FROM pg_user WHERE usename LIKE 'aad:%'") == [
        ("aad:ann@example.com", False)
    ]
    logged = "SELECT DISTINCT TRIM(authmethod) FROM stl_connection_log WHERE username LIKE 'aad:%' AND event = 'authenticated'"
    assert run(server, logged) == [("idp",)]


def test_groups_are_roles_for_the_session_only(server: Server) -> None:
    assert asked(server, token(groups=["Analysts", "new", "hidden one"]), "SELECT a FROM sales") == ([1],)
    names = [name for (name,) in run(server, "SELECT role_name FROM svv_roles WHERE role_name LIKE 'aad:%' ORDER BY 1")]
    assert names == ["aad:analysts", "aad:new"]
    with pytest.raises(redshift_connector.ProgrammingError, match="permission denied for relation sales"):
        asked(server, token(groups=["other"]), "SELECT a FROM sales")
    with pytest.raises(redshift_connector.ProgrammingError, match="permission denied for relation sales"):
        asked(server, token(), "SELECT a FROM sales")


def test_a_role_brings_what_it_was_granted(server: Server) -> None:
    run(server, 'CREATE ROLE "aad:makers"', 'GRANT CREATE SCHEMA TO ROLE "aad:makers"')
    asked(server, token(groups=["makers"]), "CREATE SCHEMA made_by_ann", "DROP SCHEMA made_by_ann", "SELECT 1")
    with pytest.raises(redshift_connector.ProgrammingError, match="permission denied"):
        asked(server, token(), "CREATE SCHEMA made_by_ann")


@pytest.mark.parametrize(
    "text",
    [
        "no token", "a.b.c", token() + "x", token()[:-4] + "AAAA",
        token(iss="https://other.example.com/"), token(aud="https://elsewhere"), token(aud=None),
        token(exp=int(time.time()) - 3600), token(exp=None), token(nbf=int(time.time()) + 3600),
        token(upn=None), token(upn="a\u0000b"), token(upn="x" * 200),
        token(RSAKey.generate_key(2048, {"kid": "one"})),
        token(KEYS[1], "ES256"),
        # The public key as the secret of a symmetric signature, which whoever has that key could make.
        signed_with_what_all_know(),
        token().rsplit(".", 1)[0] + ".",
    ],
    ids=range(17),
)  # fmt: skip
def test_what_lets_nobody_in(server: Server, text: str) -> None:
    before = run(server, "SELECT count(*) FROM pg_user")
    with pytest.raises(redshift_connector.Error):
        connected(server, text)
    assert run(server, "SELECT count(*) FROM pg_user") == before


def test_tokens_are_not_sent_in_the_clear(server: Server) -> None:
    with Wire(server.host, server.port) as wire:
        wire.send('Startup {"parameters": {"database": "dev", "idp_type": "AzureAD"}}')
        answer = wire.receive()
    assert answer.name == "ErrorResponse" and "on an unencrypted connection" in answer.fields["message"]


def test_keys_are_read_again_when_they_change(server: Server, keys: Path) -> None:
    publish(keys, KEYS[1:])
    try:
        assert asked(server, token(KEYS[1], "ES256"), "SELECT 1") == ([1],)
        with pytest.raises(redshift_connector.Error):
            connected(server, token())
    finally:
        publish(keys, KEYS[:1])


def test_a_provider_that_is_off_or_gone(server: Server) -> None:
    run(server, "ALTER IDENTITY PROVIDER entra DISABLE")
    with pytest.raises(redshift_connector.Error):
        connected(server, token())
    run(server, "ALTER IDENTITY PROVIDER entra ENABLE")
    assert asked(server, token(), "SELECT 1") == ([1],)
    with pytest.raises(redshift_connector.Error):
        connected(server, token(), provider_name="other")


def test_secrets_are_not_kept(server: Server) -> None:
    texts = run(server, "SELECT query_text FROM sys_query_history WHERE query_text LIKE '%IDENTITY PROVIDER%'")
    assert texts and not any("Hush" in text for (text,) in texts)
    assert not any("Hush" in str(row) for row in run(server, "SELECT * FROM svv_identity_providers"))
