"""Objects that the client encrypts: an object store over S3 whose files only the holder of a key can read.

Redshift, "Loading encrypted data files from Amazon S3" and "Unloading encrypted data files". As the encryption client
of AWS's SDK for Java does in its first version: every object has a key of its own for AES in CBC mode, which is
encrypted by the master key (AES, ECB) and kept with the object's metadata. An object without such metadata is taken as
it is: a manifest may be plain.
"""

import base64
import binascii
import io
import secrets
import tempfile
import weakref
from pathlib import Path
from typing import IO, Final, cast

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from core.errors import SqlError
from core.sqlstate import SqlState
from storage.objects import S3Store, StoredObject

_KEY: Final = "x-amz-key"
_IV: Final = "x-amz-iv"
_KEY_BYTES: Final = (16, 24, 32)
_BLOCK_BITS: Final = 128
_PIECE_BYTES: Final = 1 << 20


class EnvelopeStore:
    """An object store that encrypts what is written and decrypts what is read."""

    def __init__(self, inner: S3Store, master_key: str) -> None:
        """Use a master key as a statement gives it, in base64; raises 22023."""
        self._inner = inner
        try:
            self._master = base64.b64decode(master_key, validate=True)
        except binascii.Error:
            self._master = b""
        if len(self._master) not in _KEY_BYTES:
            raise SqlError(
                SqlState.INVALID_PARAMETER_VALUE,
                "invalid MASTER_SYMMETRIC_KEY",
                hint="It is a key of 128, 192 or 256 bits in base64.",
            )
        self._folder: Path | None = None

    def list(self, prefix: str) -> list[StoredObject]:
        """Return the objects whose location starts with *prefix*, in order."""
        return self._inner.list(prefix)

    def size(self, location: str) -> int | None:
        """Return an object's size as it is stored."""
        return self._inner.size(location)

    def read(self, location: str) -> IO[bytes]:
        """Open an object and read it decrypted."""
        metadata = self._inner.metadata(location)
        stream = self._inner.read(location)
        if _KEY not in metadata:
            return stream
        try:
            key = _unpadded(_opened(self._master, base64.b64decode(metadata[_KEY])))
            cipher = Cipher(AES(key), CBC(base64.b64decode(metadata.get(_IV, "")))).decryptor()
        except ValueError:
            stream.close()
            raise _unreadable(location) from None
        return cast("IO[bytes]", io.BufferedReader(_Decrypted(stream, cipher, location), _PIECE_BYTES))

    def write(self, location: str, source: Path) -> None:
        """Put the content of a local file, encrypted under a new key."""
        key, vector = secrets.token_bytes(32), secrets.token_bytes(16)
        sealed = Cipher(AES(self._master), ECB()).encryptor()  # noqa: S305 - what the other clients do
        padder = padding.PKCS7(_BLOCK_BITS).padder()
        envelope = sealed.update(padder.update(key) + padder.finalize()) + sealed.finalize()
        with tempfile.TemporaryDirectory(prefix="duckshift-unload-") as folder:
            path = Path(folder, "file")
            _encrypt(source, path, Cipher(AES(key), CBC(vector)).encryptor())
            self._inner.write(
                location,
                path,
                {
                    _KEY: base64.b64encode(envelope).decode(),
                    _IV: base64.b64encode(vector).decode(),
                    "x-amz-matdesc": "{}",
                    "x-amz-unencrypted-content-length": str(source.stat().st_size),
                },
            )

    def delete(self, location: str) -> None:
        """Remove an object."""
        self._inner.delete(location)

    def engine_path(self, location: str) -> str:
        """Return the path of a decrypted copy that holds as long as this store does."""
        if self._folder is None:
            kept = tempfile.TemporaryDirectory(prefix="duckshift-load-")
            weakref.finalize(self, kept.cleanup)
            self._folder = Path(kept.name)
        path = Path(tempfile.mkdtemp(dir=self._folder), "file")
        with self.read(location) as stream, path.open("wb") as out:
            while piece := stream.read(_PIECE_BYTES):
                out.write(piece)
        return str(path)


class _Decrypted(io.RawIOBase):
    """A stream decrypted as it is read."""

    def __init__(self, stream: IO[bytes], cipher: CipherContext, location: str) -> None:
        self._stream, self._cipher, self._location = stream, cipher, location
        self._unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
        self._rest, self._ended = b"", False

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def close(self) -> None:
        """Let go of the object."""
        self._stream.close()
        super().close()

    def readinto(self, buffer: object) -> int:
        """Fill *buffer* with the next bytes; raises ``SqlError`` for what another key encrypted."""
        target = memoryview(cast("bytearray", buffer))
        while not self._rest and not self._ended:
            piece = self._stream.read(_PIECE_BYTES)
            try:
                if piece:
                    self._rest = self._unpadder.update(self._cipher.update(piece))
                else:
                    self._ended = True
                    self._rest = self._unpadder.update(self._cipher.finalize()) + self._unpadder.finalize()
            except ValueError:
                raise _unreadable(self._location) from None
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _opened(key: bytes, data: bytes) -> bytes:
    cipher = Cipher(AES(key), ECB()).decryptor()  # noqa: S305 - a random key, as other clients write it
    return cipher.update(data) + cipher.finalize()


def _unpadded(data: bytes) -> bytes:
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    return unpadder.update(data) + unpadder.finalize()


def _encrypt(source: Path, target: Path, cipher: CipherContext) -> None:
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    with source.open("rb") as file, target.open("wb") as out:
        while piece := file.read(_PIECE_BYTES):
            out.write(cipher.update(padder.update(piece)))
        out.write(cipher.update(padder.finalize()) + cipher.finalize())


def _unreadable(location: str) -> SqlError:
    return SqlError(
        SqlState.INTERNAL_ERROR,
        f"the object '{location}' cannot be decrypted",
        hint="MASTER_SYMMETRIC_KEY must be the key that it was encrypted with.",
    )
