"""The keys of what lies on disk: envelope encryption.

A data key, made at random, encrypts the catalogue (which holds the key of every Parquet file), the history and what
spills. It is kept in the data folder, wrapped by a master key that is not: one from a file, from an environment
variable, or one that never leaves AWS's Key Management Service. Changing the master key wraps the data key anew;
``storage.rotation`` changes the data key itself.
"""

import base64
import binascii
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

FILE: Final = "keyring.json"
MASTER_FILE: Final = "master.key"
"""The master key that is made where none is named; it belongs elsewhere."""
_VERSION: Final = 1
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_CONTEXT: Final = "duckshift data key"
"""What a wrapped key is bound to: nothing else that the master key has encrypted passes for one."""


class KeyringError(Exception):
    """A key cannot be had; the message is for the administrator."""


class MasterKey(Protocol):
    """What wraps data keys."""

    @property
    def name(self) -> str:
        """What tells it from other master keys and gives nothing away."""
        ...

    def wrap(self, key: bytes) -> bytes:
        """Return *key*, encrypted."""
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what was wrapped; raises ``KeyringError``."""
        ...


@dataclass(frozen=True, slots=True)
class LocalKey:
    """A master key that this process holds: AES-256 in Galois/Counter Mode."""

    material: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Return a digest of the key."""
        return "local:" + hashlib.sha256(b"duckshift master key" + self.material).hexdigest()[:16]

    def wrap(self, key: bytes) -> bytes:
        """Return *key*, encrypted under a nonce of its own."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + AESGCM(self.material).encrypt(nonce, key, _CONTEXT.encode())

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what was wrapped."""
        try:
            return AESGCM(self.material).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], _CONTEXT.encode())
        except (InvalidTag, ValueError):
            raise KeyringError("the master key does not open the key ring") from None


@dataclass(frozen=True, slots=True)
class KmsKey:
    """A master key of AWS's Key Management Service (Encrypt and Decrypt of its API)."""

    identifier: str
    """The key's id, ARN or alias."""
    client: Any  # boto3 ships no types

    @property
    def name(self) -> str:
        """Return the key's identifier."""
        return f"kms:{self.identifier}"

    def wrap(self, key: bytes) -> bytes:
        """Return *key*, encrypted by the service."""
        return bytes(self._ask(self.client.encrypt, KeyId=self.identifier, Plaintext=key)["CiphertextBlob"])

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return what the service had encrypted."""
        return bytes(self._ask(self.client.decrypt, CiphertextBlob=wrapped)["Plaintext"])

    def _ask(self, operation: Callable[..., Mapping[str, Any]], **given: object) -> Mapping[str, Any]:
        try:
            return operation(**given, EncryptionContext={"purpose": _CONTEXT})
        except (BotoCoreError, ClientError) as error:
            raise KeyringError(f"the master key {self.identifier} cannot be used: {error}") from None


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where a master key comes from."""

    place: str
    """``file:PATH``, ``env:NAME``, ``kms:KEY``; empty is a file in the data folder, made where there is none."""
    folder: Path
    kms: Callable[[], Any]
    """Makes a client of the Key Management Service."""
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def find(self) -> MasterKey:
        """Return the master key; raises ``KeyringError``."""
        kind, _, rest = self.place.partition(":")
        if not self.place:
            return LocalKey(_made(self.folder / MASTER_FILE))
        if kind == "file":
            return LocalKey(_material(_read(Path(rest).expanduser()), f"the file {rest}"))
        if kind == "env":
            given = self.environment.get(rest, "")
            if not given:
                raise KeyringError(f"the variable {rest}, which should hold the master key, is not set")
            return LocalKey(_material(given.encode(), f"the variable {rest}"))
        if kind == "kms" and rest:
            return KmsKey(rest, self.kms())
        raise KeyringError('a master key is named as "file:PATH", "env:NAME" or "kms:KEY"')


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key that encrypts what lies on disk."""

    material: bytes = field(repr=False)

    def secret(self, purpose: str) -> str:
        """Return the key of one file, as DuckDB takes it (base64 of 256 bits)."""
        derived = HKDF(SHA256(), _KEY_BYTES, salt=None, info=f"duckshift {purpose}".encode()).derive(self.material)
        return base64.b64encode(derived).decode()


class Keyring:
    """The data keys of a folder: the one in use and, while it is being changed, the one before."""

    def __init__(self, folder: Path, master: MasterKey, keys: tuple[DataKey, ...]) -> None:
        """Hold *keys*, the newest first; ``open_ring`` finds them."""
        self._folder, self._master = folder, master
        self.keys = keys

    def add(self) -> DataKey:
        """Make a new data key beside those there are; it is safe on disk when this returns."""
        made = DataKey(secrets.token_bytes(_KEY_BYTES))
        self._keep((made, *self.keys))
        return made

    def settle(self) -> None:
        """Forget all data keys but the newest."""
        self._keep(self.keys[:1])

    def save(self) -> None:
        """Write the keys, wrapped by the master key."""
        self._keep(self.keys)

    def found(self) -> None:
        """Make the first data key of a folder; raises ``FileExistsError`` when somebody else has just done so."""
        self._keep((DataKey(secrets.token_bytes(_KEY_BYTES)),), os.link)

    def _keep(self, keys: tuple[DataKey, ...], put: Callable[[Path, Path], None] = os.replace) -> None:
        document = {
            "version": _VERSION,
            "master": self._master.name,
            "keys": [base64.b64encode(self._master.wrap(key.material)).decode() for key in keys],
        }
        place, fresh = self._folder / FILE, self._folder / f"{FILE}.{secrets.token_hex(4)}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        put(fresh, place)
        fresh.unlink(missing_ok=True)
        _sync(self._folder)
        self.keys = keys


def exists(folder: Path) -> bool:
    """Tell whether what is in *folder* is encrypted."""
    return (folder / FILE).exists()


def open_ring(folder: Path, source: KeySource, previous: KeySource | None = None) -> Keyring:
    """Return the data keys of *folder*, made where there are none; raises ``KeyringError``.

    Keys that only the *previous* master key opens are wrapped by the new one.
    """
    master = source.find()
    place = folder / FILE
    if not place.exists():
        ring = Keyring(folder, master, ())
        with suppress(FileExistsError):
            ring.found()
            return ring
    document = _document(place)
    wrapped = [base64.b64decode(text) for text in document["keys"]]
    opener = previous.find() if previous is not None and document["master"] != master.name else master
    keys = tuple(DataKey(opener.unwrap(one)) for one in wrapped)
    ring = Keyring(folder, master, keys)
    if document["master"] != master.name:
        ring.save()
    return ring


def _sync(folder: Path) -> None:
    """Make a file's new name in *folder* outlive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _document(place: Path) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise KeyringError(f"{place} cannot be read") from None
    if document.get("version") != _VERSION:
        raise KeyringError(f"{place} was written by another version")
    return document


def _read(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError as error:
        raise KeyringError(f"the master key in {place} cannot be read: {error.strerror}") from None


def _material(given: bytes, where: str) -> bytes:
    """Return the 32 bytes that *given* is, or is the hexadecimal or base64 text of."""
    if len(given) == _KEY_BYTES:
        return given
    text = given.strip()
    for decode in (bytes.fromhex, _base64):
        with suppress(ValueError):
            material = decode(text.decode("ascii"))
            if len(material) == _KEY_BYTES:
                return material
    raise KeyringError(f"{where} does not hold a master key: 32 bytes, or their hexadecimal or base64 text")


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _made(place: Path) -> bytes:
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES).hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    return _material(_read(place), f"the file {place}")
