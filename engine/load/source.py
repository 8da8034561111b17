"""The files of a COPY: what a prefix or manifest stands for, and their bytes unpacked.

Redshift, "Loading data from Amazon S3" and "Using a manifest to specify data files".
"""

import bz2
import codecs
import gzip
import io
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import pyarrow as pa

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.load.lzop import Lzop
from engine.load.plan import Compression
from storage.objects import ObjectStore, StoredObject

_MANIFEST_BYTES: Final = 64 << 20
_PIECE_BYTES: Final = 1 << 20


def files(store: ObjectStore, location: str) -> list[StoredObject]:
    """Return the objects whose key starts with *location*; raises where there are none."""
    found = existing(store, location)
    if not found:
        raise SqlError(SqlState.INTERNAL_ERROR, f"The specified S3 prefix '{_key(location)}' does not exist")
    return found


def existing(store: ObjectStore, location: str) -> list[StoredObject]:
    """Return the objects whose key starts with *location*, but for the marks of empty folders."""
    return [item for item in store.list(location) if not (item.location.endswith("/") and not item.size_bytes)]


def manifest_files(store: ObjectStore, location: str) -> list[StoredObject]:
    """Return the objects that the manifest at *location* names."""
    found = []
    for entry in _entries(store, location):
        url = entry.get("url")
        if not isinstance(url, str) or not url or url.endswith("/"):
            raise SqlError(
                SqlState.INTERNAL_ERROR, "The manifest contains an entry that is not a full object key (error 8001)"
            )
        size = store.size(url)
        if size is not None:
            found.append(StoredObject(url, size))
        elif entry.get("mandatory") is True:
            raise SqlError(SqlState.INTERNAL_ERROR, f"Problem reading manifest file - mandatory file '{url}' not found")
    return found


def _entries(store: ObjectStore, location: str) -> list[dict[str, Any]]:
    document = read_json(store, location, "Problem reading manifest file")
    entries = document.get("entries") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise SqlError(SqlState.INTERNAL_ERROR, 'Problem reading manifest file - it has no list "entries"')
    return entries


def read_json(store: ObjectStore, location: str, failure: str) -> object:
    """Return the JSON document at *location*."""
    size = store.size(location)
    if size is None:
        raise SqlError(SqlState.INTERNAL_ERROR, f"{failure} - '{location}' not found")
    if size > _MANIFEST_BYTES:
        raise SqlError(SqlState.PROGRAM_LIMIT_EXCEEDED, f"{failure} - '{location}' is too large")
    with store.read(location) as stream:
        try:
            document: object = json.loads(stream.read())
        except ValueError:
            raise SqlError(SqlState.INTERNAL_ERROR, f"{failure} - '{location}' is not valid JSON") from None
    return document


def json_paths(store: ObjectStore, location: str) -> tuple[str, ...] | None:
    """Return a JSONPaths file's expressions; one without the key "jsonpaths" means 'auto' (None)."""
    document = read_json(store, location, "Problem reading JSONPaths file")
    paths = document.get("jsonpaths") if isinstance(document, dict) else None
    if paths is None:
        return None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise SqlError(SqlState.INTERNAL_ERROR, "Invalid JSONPath format: not an array of expressions")
    return tuple(paths)


@contextmanager
def unpacked(store: ObjectStore, location: str, compression: Compression) -> Iterator[IO[bytes]]:
    """Open an object and read it decompressed."""
    with store.read(location) as raw:
        match compression:
            case Compression.NONE:
                yield raw
            case Compression.GZIP:
                yield cast("IO[bytes]", gzip.GzipFile(fileobj=raw))
            case Compression.BZIP2:
                yield cast("IO[bytes]", bz2.BZ2File(raw))
            case Compression.LZOP:
                yield cast("IO[bytes]", io.BufferedReader(Lzop(raw), _PIECE_BYTES))
            case Compression.ZSTD:
                yield cast("IO[bytes]", pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd"))


@contextmanager
def decoded(stream: IO[bytes], encoding: str) -> Iterator[IO[bytes]]:
    """Read a stream of text in *encoding* as UTF-8."""
    yield stream if encoding == "utf-8" else cast("IO[bytes]", codecs.EncodedFile(stream, "utf-8", encoding))


def unpack_to(store: ObjectStore, location: str, compression: Compression, target: Path) -> None:
    """Write an object's decompressed content to a local file, for a packing that DuckDB cannot read."""
    with unpacked(store, location, compression) as stream, target.open("wb") as out:
        shutil.copyfileobj(stream, out, _PIECE_BYTES)


def _key(location: str) -> str:
    return location.removeprefix("s3://").partition("/")[2] if location.startswith("s3://") else location
