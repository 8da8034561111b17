"""Results of the Data API, kept on disk until they are fetched, for a day.

A result is a file of Arrow batches, compressed, a batch a page, so that any page is read by itself. The folder
belongs to one run of the server: what an earlier one left is removed.
"""

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from session.session import Style

PAGE_ROWS: Final = 1_000
_PAGE_BYTES: Final = 1 << 20
_MEBIBYTE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Result:
    """A result that is complete."""

    columns: tuple[Column, ...]
    style: Style
    rows: int
    size: int
    """Bytes of its values."""
    pages: int
    place: Path | None
    """None where there are no rows."""


class ResultFolder:
    """Where the results of one server are."""

    def __init__(self, folder: Path, *, result_mb: int, results_mb: int) -> None:
        """Begin with an empty *folder*."""
        self._folder = folder
        self._most = result_mb * _MEBIBYTE
        self._all = results_mb * _MEBIBYTE
        self.used = 0
        """Bytes on disk."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)

    def writer(self, name: str, columns: tuple[Column, ...]) -> "ResultWriter":
        """Return what writes a result."""
        return ResultWriter(self._folder / name.replace(":", "-"), columns, self._most)

    def keep(self, result: Result) -> None:
        """Count a result that is complete."""
        self.used += _size(result)

    @property
    def crowded(self) -> bool:
        """Whether old results must go."""
        return self.used > self._all

    def drop(self, result: Result) -> None:
        """Give a result up."""
        if result.place is not None:
            self.used -= _size(result)
            result.place.unlink(missing_ok=True)

    def close(self) -> None:
        """Give all results up."""
        shutil.rmtree(self._folder, ignore_errors=True)


def read_page(result: Result, number: int) -> pa.RecordBatch | None:
    """Return a page, None where there is none; blocking."""
    if result.place is None or not 0 <= number < result.pages:
        return None
    with pa.OSFile(str(result.place), "rb") as file:
        batch: pa.RecordBatch = pa.ipc.open_file(file).get_batch(number)
        return batch


class ResultWriter:
    """A result in the making; its methods block."""

    def __init__(self, place: Path, columns: tuple[Column, ...], most: int) -> None:
        """Write up to *most* bytes to *place*."""
        self._place = place
        self._columns = columns
        self._most = most
        self._file: pa.PythonFile | None = None
        self._writer: pa.RecordBatchFileWriter | None = None
        self._rows = self._size = self._pages = 0

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
        if self._writer is None:
            descriptor = os.open(self._place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            self._file = pa.PythonFile(os.fdopen(descriptor, "wb"), "w")
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            self._writer = pa.ipc.new_file(self._file, batch.schema, options=options)
        for page in _pages(batch):
            self._writer.write_batch(page)
            self._pages += 1

    def finish(self, style: Style) -> Result:
        """Return the result."""
        self._close()
        place = self._place if self._pages else None
        return Result(self._columns, style, self._rows, self._size, self._pages, place)

    def discard(self) -> None:
        """Give up what was written."""
        with contextlib.suppress(OSError, pa.ArrowException):
            self._close()
        self._place.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._file is not None:
            self._file.close()


def _pages(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    if not batch.num_rows:
        return
    average = max(1, batch.nbytes // batch.num_rows)
    step = max(1, min(PAGE_ROWS, _PAGE_BYTES // average))
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)


def _size(result: Result) -> int:
    return result.place.stat().st_size if result.place is not None and result.place.exists() else 0
