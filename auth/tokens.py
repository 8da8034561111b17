"""Tokens of identity providers: JSON Web Tokens, verified by the issuer's public keys.

The keys lie in files (JSON Web Key Sets, RFC 7517), which are read again when they change. A token is good for an
issuer and an audience that the database knows, between the times that it says; only signatures by public keys count.
Redshift, "Native identity provider (IdP) federation"; RFC 7519.
"""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from auth.exchange import Challenge, Code, Entry, Success
from core.clock import Clock
from core.errors import ConnectionFatal
from core.sqlstate import SqlState

_ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_TOKEN_BYTES: Final = 64 * 1024
_LEEWAY_S: Final = 60
"""How far clocks may be apart."""
_NAMES: Final = ("upn", "preferred_username", "unique_name", "email", "sub")
"""Claims that say who it is: the first there is. Entra ID's first version has upn, its second preferred_username."""
_GROUPS: Final = ("groups", "roles")
METHOD: Final = "idp"


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says, once it is proved."""

    issuer: str
    audiences: frozenset[str]
    user: str
    groups: tuple[str, ...]


class TokenError(Exception):
    """A token that proves nothing."""


class Issuers:
    """The public keys of issuers, from files."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """Know the issuers whose key sets are *files*."""
        self._files = files
        self._lock = threading.Lock()
        self._read: dict[str, tuple[int, KeySet]] = {}

    def claims(self, token: str, clock: Clock) -> Claims:
        """Return what *token* says; raises ``TokenError``. It reads files."""
        issuer = _issuer(token)
        try:
            found = jwt.decode(token, self._keys(issuer), algorithms=_ALGORITHMS)
            now = int(clock.now().timestamp())
            registry = jwt.JWTClaimsRegistry(
                now=now, leeway=_LEEWAY_S, iss={"essential": True, "value": issuer}, exp={"essential": True}
            )
            registry.validate(found.claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise TokenError(str(error)) from None
        return _claims(found.claims)

    def _keys(self, issuer: str) -> KeySet:
        place = self._files.get(issuer)
        if place is None:
            raise TokenError("the issuer is not known")
        try:
            changed = place.stat().st_mtime_ns
            with self._lock:
                kept = self._read.get(issuer)
                if kept is None or kept[0] != changed:
                    kept = (changed, KeySet.import_key_set(json.loads(place.read_text(encoding="utf-8"))))
                    self._read[issuer] = kept
        except (OSError, ValueError, KeyError, TypeError, JoseError):
            raise TokenError("the issuer's keys cannot be read") from None
        return kept[1]


class TokenExchange:
    """AuthenticationIdp, Redshift's code 14: the client sends its token."""

    def __init__(self, judge: Callable[[str], Entry]) -> None:
        """Let in whom *judge* names; it raises ``TokenError``."""
        self._judge = judge

    def start(self) -> Challenge:
        """Ask for the token."""
        return Challenge(Code.IDP_TOKEN)

    def step(self, response: bytes) -> Success:
        """Judge the token."""
        try:
            if len(response) > _TOKEN_BYTES:
                raise TokenError("the token is too long")
            return Success(entry=self._judge(response.removesuffix(b"\0").decode("ascii")))
        except (TokenError, UnicodeDecodeError):
            # Which of all ways to be wrong it was is nobody's business.
            raise ConnectionFatal(
                SqlState.INVALID_AUTHORIZATION_SPECIFICATION, "the identity provider's token was not accepted"
            ) from None


def _issuer(token: str) -> str:
    """Return whose token it claims to be, which its signature has to prove."""
    try:
        claims = json.loads(_payload(token))
        return str(claims["iss"])
    except (ValueError, KeyError, TypeError):
        raise TokenError("no token") from None


def _payload(token: str) -> bytes:
    """Return the second part of a compact JSON Web Token, decoded and proved by nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("a token has three parts")
    return base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))


def _claims(found: Mapping[str, Any]) -> Claims:
    user = next((found[name] for name in _NAMES if isinstance(found.get(name), str) and found[name]), "")
    if not user:
        raise TokenError("the token names nobody")
    audience = found.get("aud", [])
    return Claims(
        issuer=str(found["iss"]),
        audiences=frozenset([audience] if isinstance(audience, str) else audience),
        user=user,
        groups=tuple(dict.fromkeys(group for claim in _GROUPS for group in _texts(found.get(claim)))),
    )


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
