"""Who calls by Flight: a user and password in the first call, a bearer token in the others.

Arrow Flight, "Authentication": the password comes as HTTP's Basic authorization, the token goes back the same
way. gRPC hands headers over before a call begins and the client's address only afterwards, so the rules by
address are asked at the call.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow.flight as pf

from auth.exchange import Entry
from core.clock import Clock
from core.errors import ConnectionFatal
from flight.errors import flight_error
from flight.lanes import Link
from flight.seams import Judge

_TOKEN_BYTES: Final = 32
_AT_ONCE: Final = 8
"""Passwords that are judged at a time: each takes milliseconds of a core."""
_TOKENS: Final = 10_000
_DATABASE: Final = "database"
_APPLICATION: Final = "Arrow Flight SQL"
MIDDLEWARE: Final = "identity"


class Tokens:
    """All bearer tokens, as hashes."""

    def __init__(self, judge: Judge, clock: Clock, *, database: str, encrypted: bool, idle_s: float) -> None:
        """Let in whom *judge* lets in, into *database* where a client names none; tokens end when not used."""
        self.judge = judge
        self._clock = clock
        self._database = database
        self._encrypted = encrypted
        self._idle_s = idle_s
        self._secret = secrets.token_bytes(_TOKEN_BYTES)
        self._links: dict[bytes, Link] = {}
        self._basic: dict[bytes, str] = {}
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._lock = threading.Lock()

    def of(self, token: str) -> Link | None:
        """Return the connection that *token* stands for."""
        link = self._links.get(_hash(token))
        if link is None or link.closed:
            return None
        # One with sessions is ended with them (``flight.lanes``).
        unused = self._clock.monotonic() - link.used > self._idle_s
        return None if unused and not link.lanes else link

    def enter(self, user: str, password: str, headers: Mapping[str, Sequence[str]], *, anew: bool) -> str:
        """Return a token for a user whose password is right; the one it has, unless *anew*.

        Raises ``ConnectionFatal`` for a wrong password.
        """
        database = _header(headers, _DATABASE) or self._database
        known = hmac.digest(self._secret, repr((user, password, database)).encode(), "sha256")
        token = self._basic.get(known)
        if token is not None and not anew and self.of(token) is not None:
            return token
        with self._turns:
            entry = self.judge.password(user, password, database)
        application = _header(headers, "user-agent") or _APPLICATION
        token = self._add(user, database, entry, application)
        if not anew:
            self._basic[known] = token
        return token

    def _add(self, user: str, database: str, entry: Entry, application: str) -> str:
        link = Link(
            user=user,
            database=database,
            entry=entry,
            encrypted=self._encrypted,
            application=application[:250],
            used=self._clock.monotonic(),
        )
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._lock:
            if len(self._links) >= _TOKENS:
                self._sweep()
            self._links[_hash(token)] = link
        return token

    def _sweep(self) -> None:
        gone = [key for key, link in self._links.items() if link.closed or not link.lanes]
        for key in gone:
            del self._links[key]
        self._basic = {known: token for known, token in self._basic.items() if _hash(token) in self._links}


class Handshake(pf.ServerAuthHandler):  # type: ignore[misc]  # pyarrow has no types
    """Lets Handshake calls through to the middleware, which does the work."""

    def authenticate(self, outgoing: Any, incoming: Any) -> None:
        """Do nothing: the headers have said it."""

    def is_valid(self, token: bytes) -> bytes:
        """Accept what the middleware has accepted."""
        return b""


class Identity(pf.ServerMiddleware):  # type: ignore[misc]  # pyarrow has no types
    """Who makes one call."""

    def __init__(self, link: Link, token: str) -> None:
        """Belong to the call of *link*."""
        self.link = link
        self._token = token

    def sending_headers(self) -> dict[str, str]:
        """Send the token back."""
        return {"authorization": f"Bearer {self._token}"}


class Doorkeeper(pf.ServerMiddlewareFactory):  # type: ignore[misc]  # pyarrow has no types
    """Finds out who makes a call, before it begins."""

    def __init__(self, tokens: Tokens) -> None:
        """Know *tokens*."""
        self._tokens = tokens

    def start_call(self, info: Any, headers: Mapping[str, Sequence[str]]) -> Identity:
        """Return who calls; raises where nobody is let in."""
        scheme, _, given = _header(headers, "authorization").partition(" ")
        token = given
        if scheme.lower() == "basic":
            user, password = _basic(given)
            try:
                token = self._tokens.enter(user, password, headers, anew=info.method == pf.FlightMethod.HANDSHAKE)
            except ConnectionFatal as error:
                raise flight_error(error) from None
        elif scheme.lower() != "bearer":
            raise pf.FlightUnauthenticatedError("no credentials: authorization must be Basic or Bearer")
        link = self._tokens.of(token)
        if link is None:
            raise pf.FlightUnauthenticatedError("the token is not valid, or has ended")
        return Identity(link, token)


def _basic(given: str) -> tuple[str, str]:
    try:
        user, colon, password = base64.b64decode(given + "=" * (-len(given) % 4), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user = colon = password = ""
    if not colon or not user or "\0" in user + password:
        raise pf.FlightUnauthenticatedError("the credentials cannot be read")
    return user, password


def _header(headers: Mapping[str, Sequence[str]], name: str) -> str:
    values = headers.get(name) or [""]
    return str(values[0])


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
