"""Temporary passwords: bound to name, database and time, kept as verifiers only."""

import datetime as dt
from typing import Any

import pytest

from auth.cleartext import CleartextExchange
from auth.exchange import Entry, temporary_candidate
from auth.temporary import TemporaryPasswords
from core.errors import ConnectionFatal

SECRET = b"s" * 32


class Clock:
    def __init__(self) -> None:
        self.time = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

    def now(self) -> dt.datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def passwords(clock: Clock) -> TemporaryPasswords:
    return TemporaryPasswords(SECRET, clock)


def issue(passwords: TemporaryPasswords, login: str = "IAM:ann", user: str = "ann", **given: Any) -> str:
    asked = {"database": None, "lifetime": dt.timedelta(minutes=15), **given}
    return passwords.issue(login, Entry(user), **asked)[0]


def enters(passwords: TemporaryPasswords, login: str, password: str, database: str = "dev") -> str | None:
    exchange = CleartextExchange(temporary_candidate(login, SECRET, passwords.good(login, database)))
    try:
        success = exchange.step(password.encode() + b"\0")
    except ConnectionFatal:
        return None
    return success.entry.user if success.entry else ""


def test_a_password_is_for_its_name_until_it_ends(passwords: TemporaryPasswords, clock: Clock) -> None:
    password = issue(passwords)
    assert enters(passwords, "IAM:ann", password) == "ann"
    assert enters(passwords, "IAM:bob", password) is None
    assert enters(passwords, "ann", password) is None
    clock.time += dt.timedelta(minutes=15)
    assert enters(passwords, "IAM:ann", password) is None


def test_one_name_may_mean_two_users(passwords: TemporaryPasswords) -> None:
    as_user, as_identity = issue(passwords), issue(passwords, user="IAM:ann")
    assert enters(passwords, "IAM:ann", as_user) == "ann"
    assert enters(passwords, "IAM:ann", as_identity) == "IAM:ann"


def test_a_database_that_was_named_is_the_only_one(passwords: TemporaryPasswords) -> None:
    password = issue(passwords, database="dev")
    assert enters(passwords, "IAM:ann", password) == "ann"
    assert enters(passwords, "IAM:ann", password, "other") is None


def test_passwords_are_not_kept(passwords: TemporaryPasswords) -> None:
    password = issue(passwords)
    assert password not in repr(vars(passwords))


def test_their_number_is_bounded(passwords: TemporaryPasswords, clock: Clock) -> None:
    first = issue(passwords)
    for _ in range(32):
        last = issue(passwords)
    assert len(passwords.good("IAM:ann", "dev")) == 32
    assert enters(passwords, "IAM:ann", first) is None and enters(passwords, "IAM:ann", last) == "ann"
    clock.time += dt.timedelta(hours=1)
    issue(passwords, login="IAM:bob")
    assert list(passwords._issued) == ["IAM:bob"]
