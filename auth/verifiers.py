"""Password verifiers: what is stored instead of a password, and how one is judged by it.

SCRAM-SHA-256 verifiers have PostgreSQL's text form ``SCRAM-SHA-256$4096:salt$StoredKey:ServerKey``
(PostgreSQL, "pg_authid"; RFC 5802, RFC 7677); md5 verifiers are ``md5`` and the hex MD5 of password and user
name (Redshift, "CREATE USER"). Which texts may be a password is ``auth.passwords``' business.
"""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import stringprep
import unicodedata
from dataclasses import dataclass, field
from typing import Final

ITERATIONS: Final = 4096
MOST_ITERATIONS: Final = 1_000_000
"""More would make a verifier that someone hands in a way to keep the server busy."""
SALT_BYTES: Final = 16
_KEY_BYTES: Final = 32
_SCRAM: Final = re.compile(r"SCRAM-SHA-256\$(\d{1,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}){8,}")
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}\|.{1,256}", re.DOTALL)
_MD5: Final = re.compile(r"md5[0-9a-f]{32}")
_PROHIBITED: Final = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


@dataclass(frozen=True, slots=True)
class ScramVerifier:
    """What a server knows of a password: enough to check a proof, not enough to make one."""

    iterations: int
    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    @property
    def text(self) -> str:
        """PostgreSQL's text form."""
        parts = (self.salt, self.stored_key, self.server_key)
        salt, stored, server = (base64.b64encode(part).decode() for part in parts)
        return f"SCRAM-SHA-256${self.iterations}:{salt}${stored}:{server}"


def make_scram(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> ScramVerifier:
    """Return a verifier of *password*, with a random salt unless one is given."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    stored_key, server_key = _keys(prepared(password.encode()), salt, iterations)
    return ScramVerifier(iterations, salt, stored_key, server_key)


def parse_scram(text: str) -> ScramVerifier | None:
    """Return the verifier that *text* is, None where it is none."""
    found = _SCRAM.fullmatch(text)
    if found is None:
        return None
    try:
        salt, stored, server = (base64.b64decode(part, validate=True) for part in found.groups()[1:])
    except (binascii.Error, ValueError):
        return None
    iterations = int(found[1])
    if not 1 <= iterations <= MOST_ITERATIONS or len(stored) != _KEY_BYTES or len(server) != _KEY_BYTES:
        return None
    return ScramVerifier(iterations, salt, stored, server)


def mock_scram(name: str, secret: bytes) -> ScramVerifier:
    """Return the verifier shown for a user without a password: always the same for a name, matched by nothing."""
    salt = hmac.digest(secret, b"salt:" + name.encode(errors="surrogateescape"), "sha256")[:SALT_BYTES]
    return ScramVerifier(ITERATIONS, salt, secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES))


def matches_scram(verifier: ScramVerifier, password: bytes) -> bool:
    """Tell whether *password*, as a client sent it in the clear, is the verifier's."""
    _, server_key = _keys(prepared(password), verifier.salt, verifier.iterations)
    return hmac.compare_digest(server_key, verifier.server_key)


def scram_keys(verifier: ScramVerifier, password: bytes) -> tuple[bytes, bytes]:
    """Return what *password* makes with the salt of *verifier*: for verifiers that share it."""
    return _keys(prepared(password), verifier.salt, verifier.iterations)


def holds(verifier: ScramVerifier, keys: tuple[bytes, bytes]) -> bool:
    """Tell whether *keys* (``scram_keys``) are the verifier's."""
    return hmac.compare_digest(keys[1], verifier.server_key)


def proves(verifier: ScramVerifier, message: bytes, proof: bytes) -> bool:
    """Tell whether *proof* is a ClientProof of *message* (AuthMessage) by someone who knows the password."""
    signature = hmac.digest(verifier.stored_key, message, "sha256")
    client_key = bytes(a ^ b for a, b in zip(signature, proof, strict=True))
    return hmac.compare_digest(hashlib.sha256(client_key).digest(), verifier.stored_key)


def server_signature(verifier: ScramVerifier, message: bytes) -> bytes:
    """Return the signature by which the server proves that it knows the verifier."""
    return hmac.digest(verifier.server_key, message, "sha256")


def make_md5(password: str, name: str) -> str:
    """Return the md5 verifier of a user's password."""
    return "md5" + _hex_md5(password.encode() + name.encode())


def is_md5(text: str) -> bool:
    """Tell whether *text* has the form of an md5 verifier; what it was made of cannot be told."""
    return _MD5.fullmatch(text) is not None


def matches_md5(verifier: str, password: bytes, name: str) -> bool:
    """Tell whether *password*, as a client sent it in the clear, is the verifier's."""
    made = "md5" + _hex_md5(password + name.encode(errors="surrogateescape"))
    return hmac.compare_digest(made.encode(), verifier.encode())


def md5_answer(verifier: str, salt: bytes) -> bytes:
    """Return what a client that knows the password answers to a challenge with *salt*."""
    return b"md5" + _hex_md5(verifier[3:].encode() + salt).encode()


def prepared(password: bytes) -> bytes:
    """Return *password* by SASLprep (RFC 4013), or as it is where that does not apply, as PostgreSQL does."""
    try:
        text = password.decode()
    except UnicodeDecodeError:
        return password
    if text.isascii():
        return password
    mapped = (" " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char))
    text = unicodedata.ucd_3_2_0.normalize("NFKC", "".join(mapped))
    if not text or any(table(char) for char in text for table in _PROHIBITED) or _mixes_directions(text):
        return password
    return text.encode()


def _mixes_directions(text: str) -> bool:
    # RFC 3454, section 6.
    if not any(map(stringprep.in_table_d1, text)):
        return False
    ends = stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])
    return not ends or any(map(stringprep.in_table_d2, text))


def _keys(password: bytes, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")


def _hex_md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def is_sha256(text: str) -> bool:
    """Tell whether *text* is ``digest|salt``, as sha256 passwords are given."""
    return _SHA256.fullmatch(text) is not None


def sha256_parts(text: str) -> tuple[bytes, bytes]:
    """Return digest and salt of a sha256 verifier; of none, what nothing matches."""
    digest, _, salt = text.partition("|")
    if not salt:
        return secrets.token_bytes(_KEY_BYTES), secrets.token_bytes(_KEY_BYTES)
    # Redshift's example writes the 256 bits of the salt as digits.
    return bytes.fromhex(digest), bytes.fromhex(salt) if _HEX.fullmatch(salt) else salt.encode()


def matches_sha256(verifier: str | None, password: bytes) -> bool:
    """Tell whether *password*, as a client sent it in the clear, is the verifier's."""
    digest, salt = sha256_parts(verifier or "")
    return hmac.compare_digest(hashlib.sha256(password + salt).digest(), digest)
