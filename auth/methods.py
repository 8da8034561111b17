"""Methods of authentication as a table, and the choice among them.

``auto`` asks for the best that both sides can do: SCRAM-SHA-256 where the client knows it, the password
itself only over TLS, the md5 challenge only for users who have nothing better. There is no ``trust``.
Redshift, "CREATE USER"; PostgreSQL, "Authentication Methods".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from auth.cleartext import CleartextExchange
from auth.digest import DigestExchange
from auth.exchange import Account, Candidate, Entry, Exchange, TlsFacts, candidate, temporary_candidate
from auth.hba import DEFAULT_RULES, Rule, find
from auth.md5 import Md5Exchange
from auth.scram import ScramExchange
from auth.temporary import TemporaryPasswords
from core.clock import Clock, SystemClock
from core.errors import ConnectionFatal
from core.sqlstate import SqlState

_REDSHIFT_DRIVER: Final = frozenset({"driver_version", "client_protocol_version"})
"""Start-up parameters that only Redshift's own drivers send."""
_DRIVER_WITH_SCRAM: Final = "Redshift Python Driver"
_REJECTING: Final = "reject"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How identities are proven on this server."""

    secret: bytes = field(repr=False)
    """Known to nobody else and the same at every start: salts of users who do not exist are made of it."""
    rules: tuple[Rule, ...] = DEFAULT_RULES
    temporaries: TemporaryPasswords | None = None
    """Passwords that are good for a while, where there are such."""
    clock: Clock = field(default_factory=SystemClock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a method may go by."""

    who: Candidate
    tls: TlsFacts | None
    driver: str | None
    """How Redshift's driver names itself, empty where it does not; None for other clients."""
    place: str
    """Host, user and database, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method: a word of a rule, and what it begins."""

    name: str
    begin: Callable[[Attempt], Exchange]
    doc: str


def begin(
    user: Account | None,
    name: str,
    *,
    rules: Policy,
    tls: TlsFacts | None,
    peer: str,
    parameters: Mapping[str, str],
) -> Exchange:
    """Return the exchange by which a client has to prove that it is *name*.

    *user* is None where there is none of that name, *tls* on a connection in the clear; *peer* is an address
    without its port, *parameters* those of the start-up packet. Raises ``ConnectionFatal`` (28000) where no
    rule fits or the method cannot be used.
    """
    database = parameters.get("database") or name
    place = f'host "{peer}", user "{name}", database "{database}", SSL {"on" if tls else "off"}'
    rule = find(rules.rules, peer=peer, user=name, database=database, encrypted=tls is not None)
    if rule is None:
        raise ConnectionFatal(SqlState.INVALID_AUTHORIZATION_SPECIFICATION, f"no pg_hba.conf entry for {place}")
    good = rules.temporaries.good(name, database) if rules.temporaries is not None else ()
    attempt = Attempt(
        who=temporary_candidate(name, rules.secret, good)
        if good
        else candidate(user, name, rules.secret, rules.clock.now()),
        tls=tls,
        driver=parameters.get("driver_version", "") if _REDSHIFT_DRIVER & parameters.keys() else None,
        place=place,
    )
    return METHODS[rule.method].begin(attempt)


def admitted(name: str, *, rules: Policy, peer: str, database: str, encrypted: bool) -> None:
    """Raise ``ConnectionFatal`` (28000) where no rule, or one that rejects, fits a connection of *name*."""
    place = f'host "{peer}", user "{name}", database "{database}", SSL {"on" if encrypted else "off"}'
    rule = find(rules.rules, peer=peer, user=name, database=database, encrypted=encrypted)
    if rule is None or rule.method == _REJECTING:
        verb = "no pg_hba.conf entry" if rule is None else "pg_hba.conf rejects connection"
        raise ConnectionFatal(SqlState.INVALID_AUTHORIZATION_SPECIFICATION, f"{verb} for {place}")


def judged(user: Account | None, name: str, password: str, *, rules: Policy, database: str) -> Entry:
    """Return whom *password*, which came by an interface without a challenge, lets in; raises 28P01."""
    good = rules.temporaries.good(name, database) if rules.temporaries is not None else ()
    who = (
        temporary_candidate(name, rules.secret, good)
        if good
        else candidate(user, name, rules.secret, rules.clock.now())
    )
    success = CleartextExchange(who).step(password.encode() + b"\0")
    return success.entry or Entry(name)


def _auto(attempt: Attempt) -> Exchange:
    knows_scram = attempt.driver is None or attempt.driver.startswith(_DRIVER_WITH_SCRAM)
    if attempt.who.sha256 is not None and not attempt.who.has_scram:
        return _sha256(attempt)
    only_md5 = attempt.who.md5 is not None and not attempt.who.has_scram
    if attempt.driver is not None and attempt.tls is not None:
        return CleartextExchange(attempt.who)
    if only_md5 or (attempt.who.md5 is not None and not knows_scram):
        return Md5Exchange(attempt.who)
    if knows_scram:
        return _scram(attempt)
    raise ConnectionFatal(
        SqlState.INVALID_AUTHORIZATION_SPECIFICATION,
        f"this driver needs an encrypted connection to send its password: {attempt.place}",
        hint="Connect with TLS (JDBC: ssl=true), or set the user's password as an md5 hash.",
    )


def _sha256(attempt: Attempt) -> Exchange:
    if attempt.driver is not None:
        return DigestExchange(attempt.who)
    if attempt.tls is not None:
        return CleartextExchange(attempt.who)
    raise ConnectionFatal(
        SqlState.INVALID_AUTHORIZATION_SPECIFICATION,
        f"this client needs an encrypted connection to send its password: {attempt.place}",
        hint="The user's password was set as a SHA-256 digest, for which only Redshift's drivers know a challenge.",
    )


def _scram(attempt: Attempt) -> Exchange:
    # Redshift's Python driver takes the empty name that ends the list for one more mechanism and gives up
    # (redshift_connector 2.2, core.py, AuthenticationSASL): tests/clients/test_logins.py.
    ended = attempt.driver is None or not attempt.driver.startswith(_DRIVER_WITH_SCRAM)
    return ScramExchange(attempt.who, attempt.tls.certificate_hash if attempt.tls else b"", ended=ended)


def _md5(attempt: Attempt) -> Exchange:
    # As in PostgreSQL, who has a SCRAM verifier is asked for SCRAM.
    return _scram(attempt) if attempt.who.has_scram and attempt.who.md5 is None else Md5Exchange(attempt.who)


def _password(attempt: Attempt) -> Exchange:
    if attempt.tls is None:
        raise ConnectionFatal(
            SqlState.INVALID_AUTHORIZATION_SPECIFICATION,
            f"a password is not asked for on an unencrypted connection: {attempt.place}",
            hint="Connect with TLS.",
        )
    return CleartextExchange(attempt.who)


def _reject(attempt: Attempt) -> Exchange:
    raise ConnectionFatal(
        SqlState.INVALID_AUTHORIZATION_SPECIFICATION, f"pg_hba.conf rejects connection for {attempt.place}"
    )


_ROWS: Final = (
    Method(name="auto", begin=_auto, doc="The best that client and user's verifiers allow."),
    Method(name="scram-sha-256", begin=_scram, doc="SCRAM-SHA-256, bound to the channel over TLS."),
    Method(name="md5", begin=_md5, doc="The md5 challenge; SCRAM for users who have no md5 verifier."),
    Method(name="password", begin=_password, doc="The password itself, over TLS only."),
    Method(name="reject", begin=_reject, doc="No connection."),
)
METHODS: Final = {row.name: row for row in _ROWS}
