"""Redshift's own challenge, code 13, for users whose password was given as a SHA-256 digest.

Known from Redshift's drivers (redshift_connector, ``utils/extensible_digest.py``): the client answers
SHA-256(SHA-256(password, salt), server's nonce, client's nonce). No better than the digest itself against someone who
reads along; Redshift's drivers alone know it.
"""

import hashlib
import hmac
import secrets
import struct
from typing import Final

from auth.exchange import PASSWORD_BYTES, Candidate, Challenge, Code, Success
from auth.verifiers import sha256_parts
from core.errors import ConnectionFatal
from core.sqlstate import SqlState

_SHA256: Final = 0
"""The first of the algorithms that drivers know."""
_NONCE_BYTES: Final = 32


class DigestExchange:
    """AuthenticationDigest."""

    def __init__(self, who: Candidate, nonce: bytes | None = None) -> None:
        self._who = who
        self._nonce = secrets.token_bytes(_NONCE_BYTES) if nonce is None else nonce
        self._digest, self._salt = sha256_parts(who.sha256 or "")

    def start(self) -> Challenge:
        """Ask for the hash of password, salt and nonces."""
        return Challenge(Code.DIGEST, struct.pack("!i", _SHA256) + _counted(self._salt) + _counted(self._nonce))

    def step(self, response: bytes) -> Success:
        """Judge the hash."""
        if len(response) > PASSWORD_BYTES:
            raise _malformed()
        answer, rest = _taken(response)
        nonce, rest = _taken(rest)
        if rest:
            raise _malformed()
        expected = hashlib.sha256(self._digest + self._nonce + nonce).digest()
        if not hmac.compare_digest(answer, expected) or self._who.sha256 is None:
            raise self._who.refused()
        return Success()


def _counted(data: bytes) -> bytes:
    return struct.pack("!i", len(data)) + data


def _taken(data: bytes) -> tuple[bytes, bytes]:
    if len(data) < 4:
        raise _malformed()
    (length,) = struct.unpack_from("!i", data)
    if not 0 <= length <= len(data) - 4:
        raise _malformed()
    return data[4 : 4 + length], data[4 + length :]


def _malformed() -> ConnectionFatal:
    return ConnectionFatal(SqlState.PROTOCOL_VIOLATION, "invalid digest response packet size")
