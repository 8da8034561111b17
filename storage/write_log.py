"""The log of small writes: rows that are committed and not in the lake yet, in a file that a kill leaves whole.

One line for all that is committed at a time: a checksum, a blank, JSON documents that have a position each, encrypted
where all else is. Positions grow; the lake remembers the last one that it has (``storage.small_writes``), so lines that
are in both are no harm. A line that was not written to its end was not committed, and nothing of it.

What is no longer wanted is written over: a file that grows costs a commit of the file system's own journal, too, each
time that it is flushed. So the first line is a name, new each time the file is begun anew, which goes into the
checksums: what still stands behind the last line is not taken for one.
"""

import base64
import errno
import json
import os
import re
import secrets
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from storage.database import WarehouseError
from storage.keys import DataKey

FILES: Final = ("writes.log", "writes.refused")
"""What is committed, and what the lake did not take of it."""
_PURPOSE: Final = "small writes"
_SALT: Final = 16
_NONCE: Final = 12
_MARK: Final = 9
"""Characters of the checksum and the blank."""
_ROOM: Final = 8 << 20
"""Bytes that must be free on its disk."""
_STEP: Final = 256 << 10
"""Bytes by which the file grows."""
_KEPT: Final = 4 << 20
"""A longer file is given back when it is begun anew."""
_NAME: Final = 8
"""Random bytes of a name."""
_NAMED: Final = re.compile(rb"#[0-9a-f]{16}\n\Z")


class _Form(Protocol):
    """How documents are written."""

    def written(self, data: bytes) -> bytes:
        """Return what stands in the line."""
        ...

    def read(self, body: bytes) -> bytes:
        """Return what was written; raises ``InvalidTag``."""
        ...


class _Plain:
    """As they are."""

    def written(self, data: bytes) -> bytes:
        """Return what stands in the line."""
        return data

    def read(self, body: bytes) -> bytes:
        """Return what was written."""
        return body


class _Encrypted:
    """By a key that is derived anew each time the file is opened, so that no two lines can share key and nonce."""

    def __init__(self, keys: Sequence[DataKey]) -> None:
        """Write by the first of *keys*, read by any."""
        self._keys = keys
        self._salt = secrets.token_bytes(_SALT)
        self._cipher = _cipher(keys[0], self._salt)
        self._known: dict[bytes, list[AESGCM]] = {}

    def written(self, data: bytes) -> bytes:
        """Return what stands in the line."""
        nonce = secrets.token_bytes(_NONCE)
        return base64.b64encode(self._salt + nonce + self._cipher.encrypt(nonce, data, None))

    def read(self, body: bytes) -> bytes:
        """Return what was written; raises ``InvalidTag``."""
        sealed = base64.b64decode(body)
        salt, nonce, rest = sealed[:_SALT], sealed[_SALT : _SALT + _NONCE], sealed[_SALT + _NONCE :]
        if salt not in self._known:
            self._known[salt] = [_cipher(key, salt) for key in self._keys]
        for cipher in self._known[salt][:-1]:
            try:
                return cipher.decrypt(nonce, rest, None)
            except InvalidTag:
                continue
        return self._known[salt][-1].decrypt(nonce, rest, None)


def _cipher(key: DataKey, salt: bytes) -> AESGCM:
    return AESGCM(base64.b64decode(key.secret(f"{_PURPOSE} {salt.hex()}")))


class WriteLog:
    """The file. Every method blocks."""

    def __init__(self, path: Path, keys: Sequence[DataKey] = ()) -> None:
        """Open *path*, making it where there is none; with *keys*, the newest first, it is encrypted."""
        self._form: _Form = _Encrypted(keys) if keys else _Plain()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._long = os.fstat(self._file).st_size
        """Bytes that the file has, written or to be written over."""
        self._name = b""
        """Its first line; none in files of earlier versions."""
        self.size = 0
        """Bytes of it that say something."""
        for line in self._lines():
            self.size += len(line)

    def documents(self) -> Iterator[dict[str, Any]]:
        """Yield what is in it, oldest first, up to the first line that is not whole; raises ``WarehouseError``."""
        for line in self._lines():
            if line == self._name:
                continue
            try:
                found = json.loads(self._form.read(line[_MARK:-1]))
            except InvalidTag:
                raise WarehouseError("the log of small writes is encrypted with another key") from None
            # One document a line is how earlier versions wrote them.
            yield from found if isinstance(found, list) else [found]

    def append(self, documents: Iterable[str]) -> None:
        """Write *documents* (JSON), all or none; they are on disk when it returns. Raises ``OSError`` otherwise.

        Where the disk is nearly full it refuses them: what it takes must find room in the lake, too.
        """
        body = self._form.written(f"[{','.join(documents)}]".encode())
        name = self._name if self.size else b"#%s\n" % secrets.token_hex(_NAME).encode()
        data = _checksum(body, name) + body + b"\n"
        if not self.size:
            data = name + data
        try:
            space = os.fstatvfs(self._file)
            if space.f_bavail * space.f_frsize < _ROOM:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self.size + len(data) > self._long:
                _write(self._file, bytes(len(data) + _STEP), self._long)
                self._long += len(data) + _STEP
            _write(self._file, data, self.size)
            os.fdatasync(self._file)
        except OSError:
            self._shorten()
            raise
        self._name = name
        self.size += len(data)

    def clear(self) -> None:
        """Forget all."""
        self.size = 0
        if self._long > _KEPT:
            self._shorten()
        elif self._long:
            _write(self._file, bytes(min(self._long, len(self._name) + _MARK)), 0)

    def close(self) -> None:
        """Let go of the file."""
        self._shorten()
        os.close(self._file)

    def _shorten(self) -> None:
        os.ftruncate(self._file, self.size)
        self._long = self.size

    def _lines(self) -> Iterator[bytes]:
        """Yield the lines that are whole; the first may be the name, of which is known whether it is one."""
        place = 0
        with os.fdopen(os.dup(self._file), "rb") as lines:
            lines.seek(0)
            for line in lines:
                if not place and _NAMED.match(line):
                    self._name = line
                elif not line.endswith(b"\n") or line[:_MARK] != _checksum(line[_MARK:-1], self._name):
                    return
                place += len(line)
                yield line


def rewrite(path: Path, keys: Sequence[DataKey]) -> None:
    """Have *path*, where there is one, encrypted by the first of *keys*; it was by any of them."""
    if not path.exists():
        return
    fresh = path.with_name(f"{path.name}.rotated")
    fresh.unlink(missing_ok=True)
    before, after = WriteLog(path, keys), WriteLog(fresh, keys)
    try:
        if documents := list(before.documents()):
            after.append(map(json.dumps, documents))
    finally:
        before.close()
        after.close()
    fresh.replace(path)


def _checksum(body: bytes, name: bytes) -> bytes:
    return b"%08x " % zlib.crc32(body, zlib.crc32(name))


def _write(file: int, data: bytes, place: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(file, data[done:], place + done)
