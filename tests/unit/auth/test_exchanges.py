"""Exchanges, played by a client written here from the RFCs."""

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth import verifiers
from auth.exchange import Challenge, Exchange, Success, candidate
from auth.hba import read_rules
from auth.methods import METHODS, Policy, begin
from auth.scram import ScramExchange
from auth.verifiers import make_md5, make_scram
from core.errors import ConnectionFatal
from core.sqlstate import SqlState

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HASH = hashlib.sha256(b"certificate").digest()
SECRET = b"server secret"


@dataclass(frozen=True)
class User:
    name: str = "alice"
    scram: str | None = None
    md5: str | None = None
    sha256: str | None = None
    valid_until: str | None = None


@dataclass(frozen=True)
class Tls:
    certificate_hash: bytes = HASH


class Clock:
    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0


SCRAM = User(scram=make_scram("Secret12").text)
MD5 = User(md5=make_md5("Secret12", "alice"))
BOTH = User(scram=SCRAM.scram, md5=make_md5("Secret34", "alice"))
EXPIRED = User(scram=SCRAM.scram, valid_until="2026-01-01T23:59:59+00:00")
TLS = Tls()
JDBC = {"driver_version": "Redshift JDBC Driver 2.1.0.30", "client_protocol_version": "3"}
PYTHON = {"driver_version": "Redshift Python Driver 2.1.8", "client_protocol_version": "2"}


def exchange(user: User | None, tls: Tls | None = None, rules: str = "host all all all auto", **parameters: str) -> Exchange:
    policy = Policy(secret=SECRET, rules=read_rules([rules]), clock=Clock())
    return begin(user, "alice", rules=policy, tls=tls, peer="10.1.2.3", parameters={"database": "dev", **parameters})


def initial(mechanism: str, message: bytes) -> bytes:
    return mechanism.encode() + b"\0" + struct.pack("!i", len(message)) + message


def scram(under: Exchange, password: str, *, header: str = "n,,", bound: bytes = b"", plus: bool = False) -> bytes:
    """Play a client; return the server's signature after checking it."""
    bare = "n=,r=clientnonce"
    mechanism = "SCRAM-SHA-256-PLUS" if plus else "SCRAM-SHA-256"
    challenge = under.step(initial(mechanism, f"{header}{bare}".encode()))
    assert isinstance(challenge, Challenge)
    assert challenge.code == 11
    first = challenge.payload.decode()
    nonce, salt, iterations = (part[2:] for part in first.split(","))
    assert nonce.startswith("clientnonce")
    assert len(nonce) > len("clientnonce") + 17
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(iterations))
    key = hmac.digest(salted, b"Client Key", "sha256")
    final = f"c={base64.b64encode(header.encode() + bound).decode()},r={nonce}"
    message = f"{bare},{first},{final}".encode()
    signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
    success = under.step(f"{final},p={proof}".encode())
    assert isinstance(success, Success)
    assert success.code == 12
    expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
    assert success.payload == b"v=" + base64.b64encode(expected)
    return success.payload


def refused(caught: pytest.ExceptionInfo[ConnectionFatal]) -> bool:
    error = caught.value
    return (error.state, error.message, error.detail, error.hint) == (
        SqlState.INVALID_PASSWORD,
        'password authentication failed for user "alice"',
        None,
        None,
    )


def test_scram() -> None:
    under = exchange(SCRAM)
    assert under.start() == Challenge(10, b"SCRAM-SHA-256\0\0")
    scram(under, "Secret12")


def test_redshifts_python_driver_reads_the_list_to_its_last_byte_but_one() -> None:
    payload = exchange(SCRAM, **PYTHON).start().payload
    assert payload[:-1].split(b"\0") == [b"SCRAM-SHA-256"]


def test_scram_over_tls_binds_the_channel() -> None:
    under = exchange(SCRAM, TLS)
    assert under.start() == Challenge(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
    scram(under, "Secret12", header="p=tls-server-end-point,,", bound=HASH, plus=True)


def test_scram_over_tls_without_binding() -> None:
    scram(exchange(SCRAM, TLS), "Secret12")


def test_scram_without_tls_of_a_client_that_could_bind() -> None:
    scram(exchange(SCRAM), "Secret12", header="y,,")


def test_scram_downgrade_is_noticed() -> None:
    with pytest.raises(ConnectionFatal, match="channel binding negotiation error"):
        scram(exchange(SCRAM, TLS), "Secret12", header="y,,")


def test_scram_with_another_certificate() -> None:
    with pytest.raises(ConnectionFatal, match="channel binding check failed"):
        scram(exchange(SCRAM, TLS), "Secret12", header="p=tls-server-end-point,,", bound=b"x" * 32, plus=True)


@pytest.mark.parametrize("user", [SCRAM, None, User(), EXPIRED])
def test_scram_refuses_all_alike(user: User | None) -> None:
    password = "Secret12" if user is not SCRAM else "Secret13"
    with pytest.raises(ConnectionFatal) as caught:
        scram(exchange(user), password)
    assert refused(caught)


def test_an_unknown_user_has_always_the_same_salt() -> None:
    answers = []
    for _ in range(2):
        answer = exchange(None).step(initial("SCRAM-SHA-256", b"n,,n=,r=abc"))
        assert isinstance(answer, Challenge)
        answers.append(answer.payload.split(b",")[1:])
    assert answers[0] == answers[1]


def test_scram_initial_response_may_come_later() -> None:
    under = exchange(SCRAM)
    assert under.step(b"SCRAM-SHA-256\0" + struct.pack("!i", -1)) == Challenge(11, b"")
    answer = under.step(b"n,,n=,r=abc")
    assert isinstance(answer, Challenge)
    assert answer.payload.startswith(b"r=abc")


PLUS_FLAG = "p=tls-server-end-point,,n=,r=abc"


@pytest.mark.parametrize(
    ("tls", "response", "message"),
    [
        (None, b"", "malformed SCRAM message"),
        (None, b"SCRAM-SHA-256", "malformed SCRAM message"),
        (None, b"SCRAM-SHA-256\0\0\0", "malformed SCRAM message"),
        (None, b"SCRAM-SHA-256\0\0\0\0\5n,,", "malformed SCRAM message"),
        (None, b"SCRAM-SHA-256\0\xff\xff\xff\xfen,,", "malformed SCRAM message"),
        (None, b"SCRAM-SHA-256\0\x7f\xff\xff\xffn,,", "malformed SCRAM message"),
        (None, initial("SCRAM-SHA-1", b"n,,n=,r=abc"), "invalid SASL authentication mechanism"),
        (None, initial("SCRAM-SHA-256-PLUS", PLUS_FLAG.encode()), "invalid SASL authentication mechanism"),
        (TLS, initial("SCRAM-SHA-256", PLUS_FLAG.encode()), "malformed SCRAM message"),
        (TLS, initial("SCRAM-SHA-256-PLUS", b"n,,n=,r=abc"), "malformed SCRAM message"),
        (TLS, initial("SCRAM-SHA-256-PLUS", b"p=tls-unique,,n=,r=abc"), "unsupported SCRAM channel-binding type"),
        (None, initial("SCRAM-SHA-256", b"n,a=bob,n=,r=abc"), "not supported"),
        (None, initial("SCRAM-SHA-256", b"n,,m=x,n=,r=abc"), "not supported"),
        (None, initial("SCRAM-SHA-256", b"n,,n="), "malformed SCRAM message"),
        (None, initial("SCRAM-SHA-256", b"n,,n=,r="), "malformed SCRAM message"),
        (None, initial("SCRAM-SHA-256", b"n,,n=,r=a c"), "malformed SCRAM message"),
        (None, initial("SCRAM-SHA-256", b"n,,n=,r=\xff"), "malformed SCRAM message"),
        (None, initial("SCRAM-SHA-256", b"n,,n=,r=a\0"), "malformed SCRAM message"),
        (None, initial("SCRAM-SHA-256", b"n,,n=,r=" + b"a" * 9000), "malformed SCRAM message"),
    ],
)
def test_bad_first_messages(tls: Tls | None, response: bytes, message: str) -> None:
    with pytest.raises(ConnectionFatal, match=message):
        exchange(SCRAM, tls).step(response)


@pytest.mark.parametrize(
    ("final", "message"),
    [
        ("", "malformed"),
        ("c=biws", "malformed"),
        ("c=biws,r={nonce}", "malformed"),
        ("c=biws,r={nonce},p=AAAA", "malformed"),
        ("c=biws,r={nonce},p=*", "malformed"),
        ("c=eSws,r={nonce},p=" + "A" * 43 + "=", "channel-binding attribute"),
        ("c=biws,r=other,p=" + "A" * 43 + "=", "invalid SCRAM response"),
        ("c=biws,r={nonce},p=" + "A" * 43 + "=", "password authentication failed"),
    ],
)
def test_bad_final_messages(final: str, message: str) -> None:
    under = exchange(SCRAM)
    answer = under.step(initial("SCRAM-SHA-256", b"n,,n=,r=abc"))
    assert isinstance(answer, Challenge)
    nonce = answer.payload.decode().split(",")[0][2:]
    with pytest.raises(ConnectionFatal, match=message):
        under.step(final.format(nonce=nonce).encode())


@given(st.lists(st.binary(max_size=60), max_size=3), st.booleans())
def test_scram_fails_only_as_it_should(responses: list[bytes], framed: bool) -> None:
    under = ScramExchange(candidate(SCRAM, "alice", SECRET, NOW), HASH)
    for response in responses:
        try:
            assert isinstance(under.step(initial("SCRAM-SHA-256", response) if framed else response), Challenge)
        except ConnectionFatal as error:
            # A guess cannot even be refused: it needs a nonce that only the server's answer tells.
            assert error.state is not SqlState.INVALID_PASSWORD
            break


def test_rfc_7677_conversation() -> None:
    user = User(scram=make_scram("pencil", salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")).text)
    under = ScramExchange(candidate(user, "user", SECRET, NOW), nonce="%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    assert under.step(initial("SCRAM-SHA-256", b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")) == Challenge(
        11, b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    )
    assert under.step(
        b"c=biws,r=" + nonce + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    ) == Success(12, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")


def md5_response(password: str, salt: bytes) -> bytes:
    inner = hashlib.md5(f"{password}alice".encode()).hexdigest().encode()
    return b"md5" + hashlib.md5(inner + salt).hexdigest().encode() + b"\0"


@pytest.mark.parametrize("tls", [None, TLS])
def test_md5(tls: Tls | None) -> None:
    under = exchange(MD5, tls)
    challenge = under.start()
    assert challenge.code == 5
    assert len(challenge.payload) == 4
    assert under.step(md5_response("Secret12", challenge.payload)) == Success()
    for wrong in (md5_response("Secret13", challenge.payload), md5_response("Secret12", b"abcd"), b"Secret12\0", b"\0"):
        with pytest.raises(ConnectionFatal) as caught:
            under.step(wrong)
        assert refused(caught)


def test_md5_salts_differ() -> None:
    assert len({exchange(MD5).start().payload for _ in range(8)}) > 1


@pytest.mark.parametrize(
    ("user", "password", "right"),
    [
        (SCRAM, "Secret12", True),
        (SCRAM, "Secret13", False),
        (MD5, "Secret12", True),
        (MD5, "Secret13", False),
        (BOTH, "Secret12", True),
        (BOTH, "Secret34", True),
        (BOTH, "Secret56", False),
        (None, "Secret12", False),
        (None, "", False),
        (User(), "Secret12", False),
        (EXPIRED, "Secret12", False),
    ],
)
def test_cleartext(user: User | None, password: str, right: bool) -> None:
    under = exchange(user, TLS, **JDBC)
    assert under.start() == Challenge(3, b"")
    if right:
        assert under.step(password.encode() + b"\0") == Success()
        return
    with pytest.raises(ConnectionFatal) as caught:
        under.step(password.encode() + b"\0")
    assert refused(caught)


@pytest.mark.parametrize("response", [b"", b"Secret12", b"Sec\0ret12\0", b"x" * 9000 + b"\0"])
def test_malformed_password_messages(response: bytes) -> None:
    for under in (exchange(MD5), exchange(SCRAM, TLS, **JDBC)):
        with pytest.raises(ConnectionFatal) as caught:
            under.step(response)
        assert caught.value.state is SqlState.PROTOCOL_VIOLATION


@pytest.mark.parametrize("user", [SCRAM, MD5, None, User(), EXPIRED])
def test_cleartext_does_the_same_work_for_everyone(user: User | None, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    derive, digest = hashlib.pbkdf2_hmac, hashlib.md5

    def counted_derive(name: str, password: bytes, salt: bytes, iterations: int) -> bytes:
        steps.append(f"pbkdf2 {iterations}")
        return derive(name, password, salt, iterations)

    def counted_digest(data: bytes, **options: bool) -> object:
        steps.append("md5")
        return digest(data, **options)

    monkeypatch.setattr(verifiers.hashlib, "pbkdf2_hmac", counted_derive)
    monkeypatch.setattr(verifiers.hashlib, "md5", counted_digest)
    with pytest.raises(ConnectionFatal):
        exchange(user, TLS, **JDBC).step(b"Wrong1234\0")
    assert steps == ["pbkdf2 4096", "md5"]


def code(user: User | None, tls: Tls | None = None, rules: str = "host all all all auto", **parameters: str) -> int:
    return exchange(user, tls, rules, **parameters).start().code


@pytest.mark.parametrize(
    ("user", "tls", "parameters", "expected"),
    [
        (SCRAM, None, {}, 10),
        (SCRAM, TLS, {}, 10),
        (None, None, {}, 10),
        (User(), TLS, {}, 10),
        (EXPIRED, TLS, {}, 10),
        (BOTH, None, {}, 10),
        (MD5, None, {}, 5),
        (MD5, TLS, {}, 5),
        (SCRAM, TLS, JDBC, 3),
        (MD5, TLS, JDBC, 3),
        (None, TLS, JDBC, 3),
        (MD5, None, JDBC, 5),
        (BOTH, None, JDBC, 5),
        (SCRAM, None, PYTHON, 10),
        (SCRAM, TLS, PYTHON, 3),
        (SCRAM, TLS, {"client_protocol_version": "1"}, 3),
    ],
)
def test_auto(user: User | None, tls: Tls | None, parameters: dict[str, str], expected: int) -> None:
    assert code(user, tls, **parameters) == expected


@pytest.mark.parametrize("user", [SCRAM, None, User()])
def test_a_driver_without_scram_needs_tls(user: User | None) -> None:
    with pytest.raises(ConnectionFatal, match="needs an encrypted connection") as caught:
        exchange(user, **JDBC)
    assert caught.value.state is SqlState.INVALID_AUTHORIZATION_SPECIFICATION
    assert "TLS" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("method", "user", "tls", "expected"),
    [
        ("scram-sha-256", MD5, None, 10),
        ("md5", MD5, None, 5),
        ("md5", SCRAM, None, 10),
        ("md5", BOTH, None, 5),
        ("password", MD5, TLS, 3),
        ("password", SCRAM, TLS, 3),
    ],
)
def test_fixed_methods(method: str, user: User, tls: Tls | None, expected: int) -> None:
    assert code(user, tls, f"host all all all {method}") == expected


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("host all all all password", "not asked for on an unencrypted connection"),
        ("host all all all reject", "pg_hba.conf rejects connection"),
        ("host all bob all auto", "no pg_hba.conf entry"),
        ("hostssl all all all auto", "no pg_hba.conf entry"),
    ],
)
def test_refusals(rules: str, message: str) -> None:
    with pytest.raises(ConnectionFatal, match=message) as caught:
        exchange(SCRAM, None, rules)
    assert caught.value.state is SqlState.INVALID_AUTHORIZATION_SPECIFICATION
    assert 'host "10.1.2.3", user "alice", database "dev", SSL off' in caught.value.message


def test_there_is_no_trust() -> None:
    assert sorted(METHODS) == ["auto", "md5", "password", "reject", "scram-sha-256"]


@pytest.mark.parametrize(
    ("valid_until", "right"),
    [
        (NOW.isoformat(), False),
        ((NOW - timedelta(seconds=1)).isoformat(), False),
        ((NOW + timedelta(seconds=1)).isoformat(), True),
    ],
)
def test_valid_until(valid_until: str, right: bool) -> None:
    who = candidate(User(scram=SCRAM.scram, md5=MD5.md5, valid_until=valid_until), "alice", SECRET, NOW)
    assert (who.has_scram, who.md5 is not None) == (right, right)
