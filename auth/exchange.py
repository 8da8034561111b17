"""One attempt to prove an identity: what all methods of authentication share.

An exchange is told what the client answered and tells what to send; it knows no sockets.
PostgreSQL, "Start-up" (protocol flow) and "Message Formats", AuthenticationXxx.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final, Protocol

from auth.validity import expired
from auth.verifiers import ScramVerifier, make_md5, mock_scram, parse_scram
from core.errors import ConnectionFatal
from core.sqlstate import SqlState

PASSWORD_BYTES: Final = 8_192
"""Longest answer that is looked at; passwords made by machines can be long."""


class Code(IntEnum):
    """The int32 that begins an authentication message."""

    CLEARTEXT_PASSWORD = 3
    MD5_PASSWORD = 5
    SASL = 10
    SASL_CONTINUE = 11
    SASL_FINAL = 12
    DIGEST = 13
    """Redshift's own."""
    IDP_TOKEN = 14
    """Redshift's own: the token of an identity provider."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Whom a proof lets in, where that is not simply who it named."""

    user: str
    groups: tuple[str, ...] = ()
    """Groups that the session joins besides the user's own."""
    method: str = "password"
    """How the identity was proved, for the log of connections."""
    roles: tuple[str, ...] = ()
    """Roles that the session holds besides the user's own."""
    makes: bool = False
    """Whether the user, and ``new_roles``, are made where there are none."""
    new_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Temporary:
    """A password that is good for a while, as verifiers."""

    scram: ScramVerifier
    md5: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class Challenge:
    """A request to send; the client's answer is the next step."""

    code: int
    payload: bytes = b""
    """What follows the code on the wire."""
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Success:
    """The identity is proven; a message with *code* goes out before AuthenticationOk, where there is one."""

    code: int | None = None
    payload: bytes | None = None
    entry: Entry | None = None
    """None where the user is the one that was named."""


class Exchange(Protocol):
    """One attempt; used once, from one thread at a time."""

    def start(self) -> Challenge:
        """Return the first request."""
        ...

    def step(self, response: bytes) -> Challenge | Success:
        """Judge the body of a ``p`` message; raises ``ConnectionFatal``, 28P01 for a wrong password."""
        ...


class TlsFacts(Protocol):
    """What is known of an encrypted connection."""

    @property
    def certificate_hash(self) -> bytes:
        """The server certificate's hash for tls-server-end-point (RFC 5929); empty for no channel binding."""
        ...


class Account(Protocol):
    """What is looked at of a user (``catalog.model.User``)."""

    @property
    def name(self) -> str:
        """The user's name."""
        ...

    @property
    def scram(self) -> str | None:
        """SCRAM-SHA-256 verifier in text form."""
        ...

    @property
    def md5(self) -> str | None:
        """md5 verifier."""
        ...

    @property
    def sha256(self) -> str | None:
        """SHA-256 digest of password and salt, and the salt."""
        ...

    @property
    def valid_until(self) -> str | None:
        """When the password ends, ISO 8601."""
        ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who claims to be someone, with verifiers to judge that by.

    A user who does not exist, has no password or one that has expired is given a verifier like any other,
    which nothing matches: answers and their timing do not tell such a user from a wrong password.
    """

    name: str
    scram: ScramVerifier
    md5: str | None = None
    sha256: str | None = None
    has_scram: bool = False
    """Whether ``scram`` is the user's own."""
    temporaries: tuple[Temporary, ...] = ()
    """Passwords that would do as well; their SCRAM verifiers have the salt of ``scram``."""

    def refused(self) -> ConnectionFatal:
        """Return the error for every way of not being who one claims to be."""
        return ConnectionFatal(SqlState.INVALID_PASSWORD, f'password authentication failed for user "{self.name}"')


def candidate(account: Account | None, name: str, secret: bytes, now: datetime) -> Candidate:
    """Return who *name* is judged as."""
    usable = account is not None and not expired(account.valid_until, now)
    own = parse_scram(account.scram) if usable and account is not None and account.scram else None
    return Candidate(
        name=name,
        # Made for everyone, so that making it takes no time that could be told.
        scram=own or mock_scram(name, secret),
        md5=account.md5 if usable and account is not None else None,
        sha256=account.sha256 if usable and account is not None else None,
        has_scram=own is not None,
    )


def temporary_candidate(name: str, secret: bytes, temporaries: tuple[Temporary, ...]) -> Candidate:
    """Return who *name* is judged as by *temporaries* alone; its other verifiers are matched by nothing."""
    return Candidate(
        name=name,
        scram=mock_scram(name, secret),
        md5=make_md5(secrets.token_hex(), name),
        has_scram=True,
        temporaries=temporaries,
    )


def password_sent(response: bytes, who: Candidate) -> bytes:
    """Return the password in a PasswordMessage; raises 08P01 for a malformed one."""
    if not response.endswith(b"\0") or response.count(b"\0") != 1 or len(response) > PASSWORD_BYTES:
        raise ConnectionFatal(SqlState.PROTOCOL_VIOLATION, "invalid password packet size")
    if response == b"\0":
        raise who.refused()
    return response[:-1]
