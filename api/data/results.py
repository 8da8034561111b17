"""Results of the Data API, kept on disk until they are fetched, for a day.

A result is a file of Arrow batches, compressed and encrypted, a batch a page, so that any page is read by itself.
The folder belongs to one run of the server, and so does the key, which is nowhere but in memory: what an earlier
run left is removed, and could not be read.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import pyarrow as pa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from session.answers import Style

PAGE_ROWS: Final = 1_000
_PAGE_BYTES: Final = 1 << 20
_MEBIBYTE: Final = 1 << 20
_NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Result:
    """A result that is complete."""

    columns: tuple[Column, ...]
    style: Style
    rows: int
    size: int
    """Bytes of its values."""
    ends: tuple[int, ...]
    """Where in the file each page ends."""
    place: Path | None
    """None where there are no rows."""

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return len(self.ends)

    @property
    def stored(self) -> int:
        """Bytes on disk."""
        return self.ends[-1] if self.ends else 0


class ResultFolder:
    """Where the results of one server are."""

    def __init__(self, folder: Path, *, result_mb: int, results_mb: int) -> None:
        """Begin with an empty *folder*."""
        self._folder = folder
        self._most = result_mb * _MEBIBYTE
        self._all = results_mb * _MEBIBYTE
        self._cipher = AESGCM(AESGCM.generate_key(256))
        self.used = 0
        """Bytes on disk."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)

    def writer(self, name: str, columns: tuple[Column, ...]) -> "ResultWriter":
        """Return what writes a result."""
        return ResultWriter(self._folder / name.replace(":", "-"), columns, self._most, self._cipher)

    def read_page(self, result: Result, number: int) -> pa.RecordBatch | None:
        """Return a page, None where there is none; blocking."""
        if result.place is None or not 0 <= number < result.pages:
            return None
        start = result.ends[number - 1] if number else 0
        with result.place.open("rb") as file:
            file.seek(start)
            data = file.read(result.ends[number] - start)
        plain = self._cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], _label(result.place, number))
        with pa.ipc.open_stream(plain) as reader:
            batch: pa.RecordBatch = reader.read_next_batch()
        return batch

    def keep(self, result: Result) -> None:
        """Count a result that is complete."""
        self.used += result.stored

    @property
    def crowded(self) -> bool:
        """Whether old results must go."""
        return self.used > self._all

    def drop(self, result: Result) -> None:
        """Give a result up."""
        if result.place is not None:
            self.used -= result.stored
            result.place.unlink(missing_ok=True)

    def close(self) -> None:
        """Give all results up."""
        shutil.rmtree(self._folder, ignore_errors=True)


class ResultWriter:
    """A result in the making; its methods block."""

    def __init__(self, place: Path, columns: tuple[Column, ...], most: int, cipher: AESGCM) -> None:
        """Write up to *most* bytes to *place*, encrypted by *cipher*."""
        self._place = place
        self._columns = columns
        self._most = most
        self._cipher = cipher
        self._file: IO[bytes] | None = None
        self._rows = self._size = 0
        self._ends: list[int] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; raises ``SqlError`` where there are too many."""
        self._rows += batch.num_rows
        self._size += batch.nbytes
        if self._size > self._most:
            raise SqlError(
                SqlState.PROGRAM_LIMIT_EXCEEDED,
                "Database response exceeded size limit",
                detail=f"The limit is {self._most // _MEBIBYTE} MiB.",
            )
        if self._file is None:
            descriptor = os.open(self._place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = os.fdopen(descriptor, "wb")
        for page in _pages(batch):
            nonce = os.urandom(_NONCE_BYTES)
            data = nonce + self._cipher.encrypt(nonce, _written(page), _label(self._place, len(self._ends)))
            self._file.write(data)
            self._ends.append((self._ends[-1] if self._ends else 0) + len(data))

    def finish(self, style: Style) -> Result:
        """Return the result."""
        self._close()
        place = self._place if self._ends else None
        return Result(self._columns, style, self._rows, self._size, tuple(self._ends), place)

    def discard(self) -> None:
        """Give up what was written."""
        with contextlib.suppress(OSError):
            self._close()
        self._place.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def _label(place: Path, number: int) -> bytes:
    """Return what binds a page to its result and place, so that pages cannot change theirs."""
    return f"{place.name} {number}".encode()


def _written(page: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, page.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_batch(page)
    return bytes(sink.getvalue())


def _pages(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if not batch.num_rows:
        return
    average = max(1, batch.nbytes // batch.num_rows)
    step = max(1, min(PAGE_ROWS, _PAGE_BYTES // average))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)
