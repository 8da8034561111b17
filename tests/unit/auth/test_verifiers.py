"""Verifiers against ones that PostgreSQL 15 made, and against the RFC's vector."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth.verifiers import (
    is_md5,
    make_md5,
    make_scram,
    matches_md5,
    matches_scram,
    md5_answer,
    mock_scram,
    parse_scram,
    prepared,
    proves,
    server_signature,
)

# Made by PostgreSQL 15: create role … password 'Secret12', and one whose characters SASLprep changes.
ALICE = (
    "SCRAM-SHA-256$4096:DHTO0dMK0lsLkVVGjwRh+w==$iEFaVFMzEctSnPzb5RIgvEXQpPznF51GMgDDxNI0mp0="
    ":tRx+X5HoVfpEHkj/aEJWzezx1WuPjkV739bx9TMdlrs="
)
BOB = (
    "SCRAM-SHA-256$4096:rCNgk2jM+AJsobeIT1s1eQ==$+gJotEOb5Ff0f07o1reNURCT6NLBSWX9svp6KKm70iM="
    ":kJ2dOyZlB8i02Uf0EZSumc1tFahVYtCN/SRfOjvnB8w="
)
BOB_PASSWORD = "Größe  ½ Ⅸ"
CAROL = "md51fb1ee0ef57e48e2692fc0ca5c359412"


@pytest.mark.parametrize(("text", "password"), [(ALICE, "Secret12"), (BOB, BOB_PASSWORD)])
def test_postgresql_verifiers(text: str, password: str) -> None:
    verifier = parse_scram(text)
    assert verifier is not None
    assert verifier.text == text
    assert make_scram(password, salt=verifier.salt).text == text
    assert matches_scram(verifier, password.encode())
    assert not matches_scram(verifier, password.encode() + b"x")
    assert not matches_scram(verifier, b"")


def test_md5_verifiers() -> None:
    assert make_md5("Secret12", "carol") == CAROL
    assert make_md5("ez", "user1") == "md5153c434b4b77c89e6b94f12c5393af5b"  # Redshift, "CREATE USER"
    assert matches_md5(CAROL, b"Secret12", "carol")
    assert not matches_md5(CAROL, b"Secret12", "alice")
    assert not matches_md5(CAROL, b"Secret13", "carol")


def test_md5_answer() -> None:
    # PostgreSQL, "Password Authentication": concat('md5', md5(concat(md5(concat(password, username)), salt))).
    inner = hashlib.md5(b"Secret12carol").hexdigest().encode()
    assert md5_answer(CAROL, b"\1\2\3\4") == b"md5" + hashlib.md5(inner + b"\1\2\3\4").hexdigest().encode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "md5",
        CAROL,
        ALICE[:-1],
        ALICE + "=",
        ALICE.replace("4096", "0"),
        ALICE.replace("4096", "1000001"),
        ALICE.replace("4096", "x"),
        ALICE.replace("SHA-256", "SHA-512"),
        ALICE.replace("iEFa", "iEF$"),
        "SCRAM-SHA-256$4096:DHTO$AAAA:AAAA",
    ],
)
def test_what_is_no_scram_verifier(text: str) -> None:
    assert parse_scram(text) is None


@pytest.mark.parametrize("text", ["", "md5", CAROL[:-1], CAROL + "0", CAROL.upper(), CAROL[:-1] + "g", "MD5" + CAROL[3:]])
def test_what_is_no_md5_verifier(text: str) -> None:
    assert not is_md5(text)


def test_rfc_7677_vector() -> None:
    verifier = make_scram("pencil", salt=base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    message = (
        f"n=user,r=rOprNGfwEbeRWgbNEkqO,r={nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r={nonce}".encode()
    )
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    assert proves(verifier, message, proof)
    assert not proves(verifier, message + b"x", proof)
    assert not proves(verifier, message, bytes(32))
    assert base64.b64encode(server_signature(verifier, message)) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


# RFC 4013, section 3; what is prohibited stays as it is, as in PostgreSQL.
@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("I­X", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("ª", "a"),
        ("Ⅸ", "IX"),
        ("é", "é"),
        ("a b", "a b"),
        ("é\x07", "é\x07"),
        ("\u06271", "\u06271"),
    ],
)
def test_saslprep(given_: str, expected: str) -> None:
    assert prepared(given_.encode()) == expected.encode()


def test_saslprep_leaves_other_encodings_alone() -> None:
    assert prepared(b"gr\xfc\xdfe") == b"gr\xfc\xdfe"


@given(st.binary(max_size=40))
def test_saslprep_never_fails(password: bytes) -> None:
    assert prepared(prepared(password)) is not None


@settings(max_examples=15, deadline=None)
@given(st.text(min_size=1, max_size=20), st.binary(min_size=1, max_size=20))
def test_made_verifiers_can_be_read_back(password: str, salt: bytes) -> None:
    verifier = make_scram(password, salt=salt, iterations=7)
    assert parse_scram(verifier.text) == verifier
    assert matches_scram(verifier, password.encode())


def test_salts_are_random() -> None:
    assert make_scram("Secret12").salt != make_scram("Secret12").salt


def test_mock_verifier() -> None:
    first, again = mock_scram("nobody", b"secret"), mock_scram("nobody", b"secret")
    assert (first.salt, first.iterations) == (again.salt, again.iterations)
    assert len(first.salt) == 16
    assert first.salt != mock_scram("nobody", b"other").salt != mock_scram("somebody", b"other").salt
    # What would be salt to an attacker who knows the name alone must not be.
    assert first.salt != hmac.digest(b"", b"nobody", "sha256")[:16]
    assert first.stored_key != again.stored_key


def test_keys_do_not_show_in_logs() -> None:
    verifier = make_scram("Secret12")
    assert repr(verifier.stored_key) not in repr(verifier)
    assert repr(verifier.server_key) not in repr(verifier)
