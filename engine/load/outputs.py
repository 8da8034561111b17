"""The files of an UNLOAD while they are written: lines packed or not, and Parquet."""

import bz2
import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from core.types import Column
from engine.load.lines import header
from engine.load.plan import Compression, Format, UnloadPlan

_GZIP_LEVEL: Final = 6


class Output(Protocol):
    """One file: written to, closed, then read from ``path``."""

    location: str
    path: Path
    rows: int

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        ...

    def size(self) -> int:
        """Return roughly how many bytes the file has by now."""
        ...

    def close(self) -> None:
        """Write what is pending."""
        ...


def outputs(plan: UnloadPlan) -> Callable[[str, Path, Sequence[Column], pa.Schema], Output]:
    """Return what makes an output of (location, local path, columns, schema of the batches)."""
    kind: Any = _ParquetOutput if plan.format is Format.PARQUET else _LinesOutput
    return lambda location, path, columns, schema: kind(plan, location, path, columns, schema)


class _LinesOutput:
    """A file of lines."""

    def __init__(
        self, plan: UnloadPlan, location: str, path: Path, columns: Sequence[Column], schema: pa.Schema
    ) -> None:
        self.location, self.path, self.rows = location, path, 0
        self._raw = path.open("wb")
        self._packed = _packer(plan.compression, self._raw)
        if plan.header:
            self._packed.write(header(plan, columns).encode())

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows: the text buffer of the line column is what the file gets."""
        lines = batch.column(batch.num_columns - 1)
        self.rows += len(lines)
        self._packed.write(_buffer(lines))

    def size(self) -> int:
        """Return how many bytes have reached the file."""
        return self._raw.tell()

    def close(self) -> None:
        """Finish the packing and the file."""
        if self._packed is not self._raw:
            self._packed.close()
        self._raw.close()


def _buffer(lines: pa.Array) -> memoryview | bytes:
    if not len(lines):
        return b""
    wide = pa.types.is_large_string(lines.type)
    offsets = memoryview(lines.buffers()[1]).cast("q" if wide else "i")
    start, end = offsets[lines.offset], offsets[lines.offset + len(lines)]
    data = lines.buffers()[2]
    return b"" if data is None else memoryview(data)[start:end]


def _packer(compression: Compression, raw: IO[bytes]) -> Any:  # four writers without a common base
    match compression:
        case Compression.GZIP:
            return gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=_GZIP_LEVEL, mtime=0)
        case Compression.BZIP2:
            return bz2.BZ2File(raw, "wb")
        case Compression.ZSTD:
            return pa.CompressedOutputStream(pa.PythonFile(_Kept(raw), mode="w"), "zstd")
        case Compression.NONE:
            return raw


class _Kept:
    """A file that pyarrow may close without closing it."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self.closed = False

    def write(self, data: bytes) -> int:
        return self._raw.write(data)

    def flush(self) -> None:
        self._raw.flush()

    def tell(self) -> int:
        return self._raw.tell()

    def close(self) -> None:
        self.closed = True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False


class _ParquetOutput:
    """A Parquet file: version 1 pages and Snappy, as Redshift writes."""

    def __init__(
        self, plan: UnloadPlan, location: str, path: Path, columns: Sequence[Column], schema: pa.Schema
    ) -> None:
        self.location, self.path, self.rows = location, path, 0
        names = unique([column.name for column in columns])
        fields = list(schema)[-len(names) :]
        # Plain types: the engine's extension types (JSON) would be lost on other readers.
        pairs = zip(names, fields, strict=True)
        self._schema = pa.schema([pa.field(name, _plain(field.type)) for name, field in pairs])
        self._writer = pq.ParquetWriter(
            path,
            self._schema,
            version="1.0",
            compression="snappy",
            coerce_timestamps="us",
            allow_truncated_timestamps=True,
        )
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0
        self._group_bytes = plan.row_group_bytes

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; they become a row group once there are enough."""
        held = batch.columns[-len(self._schema) :]
        arrays = [array.cast(field.type) for array, field in zip(held, self._schema, strict=True)]
        self._pending.append(pa.record_batch(arrays, schema=self._schema))
        self._pending_bytes += batch.nbytes
        self.rows += batch.num_rows
        if self._pending_bytes >= self._group_bytes:
            self._flush()

    def size(self) -> int:
        """Return how many bytes have reached the file."""
        return self.path.stat().st_size if self.path.exists() else 0

    def close(self) -> None:
        """Write the last row group and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._pending:
            table = pa.Table.from_batches(self._pending)
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._pending, self._pending_bytes = [], 0


def _plain(kind: pa.DataType) -> pa.DataType:
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type
    return kind


def unique(names: list[str]) -> list[str]:
    """Return *names* with numbers behind those that come again."""
    found: list[str] = []
    for name in names:
        number, candidate = 1, name
        while candidate in found:
            candidate, number = f"{name}_{number}", number + 1
        found.append(candidate)
    return found
