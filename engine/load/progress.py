"""How far a COPY or UNLOAD has come, for whoever looks while it runs.

The thread that loads writes, others read; nothing here waits. What DuckDB's own readers load is known by the share of
the files' bytes that they have read: its rows follow from the length of the first lines.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from core.errors import SqlError
from storage.objects import ObjectStore, StoredObject

_SAMPLE_BYTES: Final = 1 << 16
_WHOLE: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What is done at one moment."""

    rows: int = 0
    bytes: int = 0
    files: int = 0
    file: str = ""
    """The one that is being read."""


class Progress:
    """One transfer's counters."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.objects: tuple[StoredObject, ...] = ()
        self.packed = False
        """Whether ``done().bytes`` are of files as they are packed."""
        self.rows = self.bytes = self.files = 0
        self.folder: Path | None = None
        """Of an UNLOAD that the engine writes: where its files grow."""
        self._sampled: tuple[ObjectStore, bool] | None = None
        self._line_bytes = 0.0
        self._watched: duckdb.DuckDBPyConnection | None = None

    @property
    def total(self) -> int:
        """The bytes of all files."""
        return sum(item.size_bytes for item in self.objects)

    def begin(self, store: ObjectStore, objects: Sequence[StoredObject], *, packed: bool, lines: bool) -> None:
        """Take note of the files; *lines* says whether the first bytes tell how long their lines are."""
        self.objects, self.packed = tuple(objects), packed
        self._sampled = (store, lines and not packed)

    def restart(self) -> None:
        """Begin again, in another way."""
        self.rows = self.bytes = self.files = 0

    @contextmanager
    def watching(self, connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """Follow the statement that is run on *connection* meanwhile, which reads all files in order."""
        # It stays on: after an error the connection takes no statement.
        connection.execute("SET enable_progress_bar_print = false")
        connection.execute("SET enable_progress_bar = true")
        self._watched = connection
        try:
            yield
        finally:
            self._watched = None

    def done(self) -> Done:
        """Return what is done so far; blocking where the first lines have not been looked at."""
        watched = self._watched
        if self.folder is not None:
            sizes = [path.stat().st_size for path in self.folder.glob("*")]
            return Done(bytes=sum(sizes), files=len(sizes))
        if watched is None:
            file = self.objects[self.files].location if self.files < len(self.objects) else ""
            return Done(rows=self.rows, bytes=self.bytes, files=self.files, file=file)
        read = int(self.total * min(max(watched.query_progress(), 0.0), _WHOLE) / _WHOLE)
        files, file = self._place(read)
        return Done(rows=int(read / self._per_line()) if self._per_line() else 0, bytes=read, files=files, file=file)

    def finish_file(self) -> None:
        """Take note that a file has been read to its end."""
        self.files += 1
        self.bytes = sum(item.size_bytes for item in self.objects[: self.files])

    def _place(self, read: int) -> tuple[int, str]:
        """Return how many files are read when *read* bytes are, and which one is being read."""
        upto = 0
        for number, item in enumerate(self.objects):
            upto += item.size_bytes
            if read < upto:
                return number, item.location
        return len(self.objects), ""

    def _per_line(self) -> float:
        if self._sampled is None or not self.objects:
            return 0
        store, known = self._sampled
        if known and not self._line_bytes:
            try:
                with store.read(self.objects[0].location) as stream:
                    sample = stream.read(_SAMPLE_BYTES)
            except SqlError:
                sample = b""
            end = sample.rfind(b"\n") + 1
            self._line_bytes = end / sample.count(b"\n") if end else float(self.total or 1)
        return self._line_bytes
