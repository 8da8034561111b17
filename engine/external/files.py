"""The files of external tables: what a location stands for, and packings that DuckDB cannot read undone.

Redshift, "CREATE EXTERNAL TABLE": a folder with all below it, names that begin with ``_`` or ``.`` left out,
or a manifest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.load.plan import Compression
from engine.load.source import manifest_files, unpack_to
from storage.objects import ObjectStore, StoredObject

_HIDDEN: Final = ("_", ".")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFile:
    """One file of a scan."""

    location: str
    size_bytes: int
    path: str
    """What DuckDB reads it by."""
    partition: int = 0
    """Which of the table's partitions it is of."""
    compression: Compression = Compression.NONE


def found(store: ObjectStore, location: str) -> list[StoredObject]:
    """Return the files of a table's or partition's location, none where there is no such place."""
    if not location.endswith("/") and store.size(location) is not None:
        return manifest_files(store, location)
    folder = location if location.endswith("/") else f"{location}/"
    return [item for item in store.list(folder) if item.size_bytes and not _hidden(item.location, folder)]


def _hidden(location: str, folder: str) -> bool:
    return any(part.startswith(_HIDDEN) for part in location.removeprefix(folder).split("/"))


def unpacked(store: ObjectStore, location: str, compression: Compression, folder: Path) -> str:
    """Write a packed file's content into *folder*; return its path."""
    target = folder / str(len(list(folder.iterdir())))
    unpack_to(store, location, compression, target)
    return str(target)


def orc_to_parquet(store: ObjectStore, location: str, folder: Path, names: Sequence[str]) -> str:
    """Write an ORC file as Parquet into *folder*, its columns called as *names* where any are given."""
    source, target = (folder / f"{len(list(folder.iterdir()))}.{end}" for end in ("orc", "parquet"))
    unpack_to(store, location, Compression.NONE, source)
    try:
        reader = orc.ORCFile(source)
        schema = _named(reader.schema, names)
        with pq.ParquetWriter(target, schema) as writer:
            for number in range(reader.nstripes):
                batch = reader.read_stripe(number)
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
    except pa.ArrowException:
        raise SqlError(
            SqlState.INTERNAL_ERROR, f"Spectrum Scan Error: the file {location} cannot be read as ORC"
        ) from None
    finally:
        source.unlink(missing_ok=True)
    return str(target)


def _named(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    if not names:
        return schema
    fields = [
        field.with_name(names[index] if index < len(names) else f"_more_{index}") for index, field in enumerate(schema)
    ]
    return pa.schema(fields)
