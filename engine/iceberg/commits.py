"""A snapshot more: manifests of what was added, their list, and the metadata file that names it.

Apache Iceberg, "Iceberg Table Spec": "Snapshots", "Optimistic Concurrency". Nothing here is seen before a catalog
points to the new metadata file; who loses the race for that has left files behind that nobody names.
"""

import json
import secrets
import uuid
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from core.errors import not_supported
from engine.iceberg import manifests
from engine.iceberg.manifests import ContentFile
from engine.iceberg.metadata import (
    LOCATION,
    PREVIOUS,
    Stores,
    continued,
    folder,
    manifest_list,
    next_place,
    snapshot,
    spec,
)
from engine.iceberg.writing import partition_types
from storage.datacatalog import Table

_COUNTS: Final = (
    "added_files_count", "existing_files_count", "deleted_files_count", "added_rows_count", "existing_rows_count",
    "deleted_rows_count",
)  # fmt: skip
_TOTALS: Final = ("data-files", "records", "files-size", "delete-files", "position-deletes", "equality-deletes")


def begin(document: Any, store: Stores, scratch: Path) -> str:
    """Write a new table's metadata file; return where it is."""
    return _document(document, None, store, scratch)


def rewrite(document: Any, place: str, store: Stores, scratch: Path) -> str:
    """Write a table's metadata file after the one at *place*; return where it is."""
    return _document(document, place, store, scratch)


def add(document: Any, place: str, files: Sequence[ContentFile], moment_ms: int, store: Stores, scratch: Path) -> str:
    """Write what makes *files* part of the table whose metadata *document* is at *place*; return the new place."""
    number, sequence = secrets.randbits(62), document.get("last-sequence-number", 0) + 1
    moment = max(moment_ms, document.get("last-updated-ms", 0) + 1)
    root, mark = folder(document, "metadata"), uuid.uuid4()
    entries = [_kept(entry) for entry in manifests.listed(manifest_list(document), store)]
    ordered = sorted(files, key=lambda item: (item.content, item.spec))
    for index, (_, group) in enumerate(groupby(ordered, key=lambda item: (item.content, item.spec))):
        added = list(group)
        partition = partition_types(document, added[0].spec)
        content = manifests.manifest(number, added, partition, _heads(document, added[0]))
        location = f"{root}{mark}-m{index}.avro"
        _write(store, location, content, scratch)
        entries.append(manifests.manifest_entry(location, content, number, sequence, added))
    before = snapshot(document)
    listing = f"{root}snap-{number}-1-{mark}.avro"
    parent = before["snapshot-id"] if before else None
    heads = {"snapshot-id": str(number), "parent-snapshot-id": str(parent) if before else "null",
             "sequence-number": str(sequence)}  # fmt: skip
    _write(store, listing, manifests.manifest_list(entries, heads), scratch)
    added_ = {
        "snapshot-id": number,
        "sequence-number": sequence,
        "timestamp-ms": moment,
        "manifest-list": listing,
        "summary": _summary(files, before),
        "schema-id": document.get("current-schema-id", 0),
    } | ({"parent-snapshot-id": parent} if before else {})
    return _document(continued(document, place, added_), place, store, scratch)


def moved(table: Table, place: str) -> Table:
    """Return *table* as it points to the metadata at *place*."""
    before = table.parameter(LOCATION)
    return table.with_parameters((*(((PREVIOUS, before),) if before else ()), (LOCATION, place)))


def _document(document: Any, place: str | None, store: Stores, scratch: Path) -> str:
    location = next_place(document, place)
    _write(store, location, json.dumps(document).encode(), scratch)
    return location


def _write(store: Stores, location: str, content: bytes, scratch: Path) -> None:
    path = scratch / str(uuid.uuid4())
    path.write_bytes(content)
    store(location).write(location, path)
    path.unlink()


def _kept(entry: Any) -> Any:
    if any(entry.get(name) is None for name in _COUNTS):
        raise not_supported("writing to an Iceberg table that was of version 1 when it was last written")
    return entry


def _heads(document: Any, file: ContentFile) -> dict[str, Any]:
    current = document.get("current-schema-id", 0)
    schema = next(item for item in document["schemas"] if item.get("schema-id", 0) == current)
    parts = [
        {"name": item.name, "transform": item.transform, "source-id": item.source, "field-id": item.id}
        for item in spec(document, file.spec)
    ]
    return {"schema": schema, "schema-id": str(current), "partition-spec": parts}


def _summary(files: Sequence[ContentFile], before: Any) -> dict[str, str]:
    data = [item for item in files if not item.content]
    deletes = [item for item in files if item.content]
    added = {
        "data-files": len(data),
        "records": sum(item.records for item in data),
        "files-size": sum(item.size_bytes for item in files),
        "delete-files": len(deletes),
        "position-deletes": sum(item.records for item in deletes),
        "equality-deletes": 0,
    }
    known = before.get("summary", {}) if before else {}
    operation = "append" if not deletes else "overwrite" if data else "delete"
    summary = {"operation": operation, "engine-name": "duckshift"}
    summary |= {f"added-{name}": str(count) for name, count in added.items() if count}
    for name in _TOTALS:
        total = known.get(f"total-{name}", None if before else "0")
        if total is not None and str(total).isdigit():
            summary[f"total-{name}"] = str(int(total) + added[name])
    return summary
