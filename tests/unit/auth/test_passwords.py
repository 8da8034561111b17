"""PASSWORD: Redshift, "CREATE USER"."""

import hashlib

import pytest

from auth.passwords import Secrets, check_rule, secrets_of
from auth.verifiers import make_scram, matches_scram, matches_sha256, parse_scram
from core.errors import SqlError
from core.sqlstate import SqlState

MD5 = "md5153c434b4b77c89e6b94f12c5393af5b"


@pytest.mark.parametrize("password", ["ABCd4321", "aB3" + "x" * 61, "!#$%&()A1z", "Aa1~~~~~"])
def test_good_passwords(password: str) -> None:
    check_rule(password)
    stored = secrets_of(password)
    assert stored.md5 is None
    assert stored.scram is not None
    verifier = parse_scram(stored.scram)
    assert verifier is not None
    assert matches_scram(verifier, password.encode())
    assert password not in repr(stored)


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("", "at least 8 characters"),
        ("ABCd432", "at least 8 characters"),
        ("aB3" + "x" * 62, "at most 64 characters"),
        ("abcd4321", "uppercase"),
        ("ABCD4321", "lowercase"),
        ("ABCDabcd", "number"),
        ("ÀBCDEFG1a", None),
        *((f"ABCd4321{char}", "not allowed") for char in "'\"\\/@ \x7f\t\0é"),
    ],
)
def test_bad_passwords(password: str, message: str | None) -> None:
    with pytest.raises(SqlError) as caught:
        secrets_of(password)
    assert caught.value.state is SqlState.INVALID_PARAMETER_VALUE
    assert message is None or message in caught.value.message
    assert not password or password not in f"{caught.value.message}{caught.value.hint}"


def test_md5_is_kept_as_given() -> None:
    assert secrets_of(MD5) == Secrets(md5=MD5)


def test_what_only_looks_like_md5_is_a_password() -> None:
    with pytest.raises(SqlError, match="uppercase"):
        secrets_of(MD5[:-1] + "z")


def test_scram_verifier_is_kept_as_given() -> None:
    text = make_scram("ABCd4321").text
    assert secrets_of(text) == Secrets(scram=text)


def test_sha256_of_a_clear_password() -> None:
    stored = secrets_of("sha256|Mypassword1")  # Redshift, "CREATE USER", example
    assert stored.scram is not None
    verifier = parse_scram(stored.scram)
    assert verifier is not None
    assert matches_scram(verifier, b"Mypassword1")
    with pytest.raises(SqlError, match="at least 8"):
        secrets_of("sha256|My1")


def test_sha256_digest_is_kept_as_given() -> None:
    # Redshift, "CREATE USER", example.
    digest = "fe95f2bc7c4a111b6f0f7d0b60bfedd1935fb295f8dce1d62708ab8d2f564baf"
    salt = "c721bff5d9042cf541ff7b9d48fa8a6e545c19a763e3710151f9513038b0f6c6"
    assert secrets_of(f"sha256|{digest}|{salt}") == Secrets(sha256=f"{digest}|{salt}")


@pytest.mark.parametrize("salt", ["c721bff5d9042cf541ff7b9d48fa8a6e", "no digits"])
def test_sha256_digest_is_of_password_and_salt(salt: str) -> None:
    raw = bytes.fromhex(salt) if " " not in salt else salt.encode()
    verifier = f"{hashlib.sha256(b'Mypassword1' + raw).hexdigest()}|{salt}"
    assert matches_sha256(verifier, b"Mypassword1")
    assert not matches_sha256(verifier, b"Mypassword2")
    assert not matches_sha256(None, b"")
