"""An Iceberg table's metadata file: read, begun, and continued by a snapshot.

Apache Iceberg, "Iceberg Table Spec": "Table Metadata". A catalog keeps where the newest file is. Documents are JSON
values as they are in the file, for what others have put into one must stay.
"""

import gzip
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any, Final, cast

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from engine.iceberg.types import hive, unreadable
from storage.datacatalog import Column, Table
from storage.objects import ObjectStore

Stores = Callable[[str], ObjectStore]
"""Returns the store of a location."""

LOCATION: Final = "metadata_location"
PREVIOUS: Final = "previous_metadata_location"
FACTS: Final = "iceberg.facts"
"""The table property, never stored, that says what a statement must know of the metadata (``facts``)."""
_WRITABLE: Final = 2
_NO_SNAPSHOT: Final = -1
_LOGGED: Final = 100
FIRST_PARTITION_FIELD: Final = 1000
MAIN: Final = "main"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A column of a schema."""

    id: int
    name: str
    type: Any
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionField:
    """A value that a table's files are apart by."""

    source: int
    """The column's field."""
    transform: str
    """``identity``, ``bucket[16]`` …"""
    name: str
    id: int


def described(table: Table, store: Stores) -> Table:
    """Return *table* with the columns of its current schema, and the facts that reading it takes. It blocks."""
    document = load(table, store)
    fields = schema(document)
    columns = tuple(Column(item.name.lower(), hive(item.type)) for item in fields)
    return replace(table.with_parameters(((FACTS, json.dumps(facts(document))),)), columns=columns, keys=())


def load(table: Table, store: Stores) -> Any:
    """Return the metadata that a catalog's *table* points to."""
    place = table.parameter(LOCATION)
    if not place:
        raise SqlError(SqlState.INTERNAL_ERROR, f'the Iceberg table "{table.name}" has no metadata location')
    return document_at(store(place), place)


def document_at(store: ObjectStore, place: str) -> Any:
    """Return a metadata file's content."""
    try:
        with store.read(place) as raw:
            packed = place.endswith(".gz") or ".gz.metadata" in place
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
            return json.loads(stream.read())
    except (ValueError, OSError):
        raise unreadable(place) from None


def schema(document: Any) -> list[Field]:
    """Return the current columns."""
    current = document.get("current-schema-id")
    schemas = _schemas(document)
    found = next((item for item in schemas if item.get("schema-id") == current), schemas[-1])
    return [_field(item) for item in found["fields"]]


def _schemas(document: Any) -> list[Any]:
    return document.get("schemas") or [document["schema"]]


def _field(item: Any) -> Field:
    return Field(id=item["id"], name=item["name"], type=item["type"], required=bool(item.get("required")))


def facts(document: Any) -> dict[str, Any]:
    """Return what reading the current snapshot takes: columns by number, and its list of manifests."""
    ever = {str(item["id"]): [item["name"], item["type"]] for some in _schemas(document) for item in some["fields"]}
    return {
        "fields": {item.name.lower(): item.id for item in schema(document)},
        "ever": ever | {str(item.id): [item.name, item.type] for item in schema(document)},
        "manifests": manifest_list(document),
    }


def snapshot(document: Any) -> Any:
    """Return the current snapshot, None before there is one."""
    current = document.get("current-snapshot-id")
    return next((item for item in document.get("snapshots", ()) if item["snapshot-id"] == current), None)


def manifest_list(document: Any) -> Any:
    """Return the current snapshot's list of manifests: its place, or of an old table the manifests themselves."""
    found = snapshot(document)
    return [] if found is None else found.get("manifest-list") or found.get("manifests", [])


def spec(document: Any, number: int | None = None) -> list[PartitionField]:
    """Return how files are partitioned: as new ones are, or as a spec's *number* says."""
    wanted = document.get("default-spec-id", 0) if number is None else number
    found = next((item for item in document.get("partition-specs", ()) if item["spec-id"] == wanted), {"fields": ()})
    return [
        PartitionField(
            source=item["source-id"], transform=item["transform"], name=item["name"],
            id=item.get("field-id", FIRST_PARTITION_FIELD + index),
        )
        for index, item in enumerate(found["fields"])
    ]  # fmt: skip


def require_writable(document: Any) -> None:
    """Raise 0A000 for a table that Redshift writes to and this does not yet, or that neither does."""
    properties = document.get("properties", {})
    if document.get("format-version", 1) != _WRITABLE:
        raise not_supported(f"writing to an Iceberg table of version {document.get('format-version', 1)}")
    if properties.get("write.format.default", "parquet").lower() != "parquet":
        raise not_supported("writing to an Iceberg table whose files are not Parquet")
    if properties.get("write.wap.enabled", "false").lower() == "true":
        raise not_supported("writing to an Iceberg table with write-audit-publish")


# New documents


def begun(
    location: str, columns: Sequence[tuple[str, str]], parts: Sequence[tuple[str, str, str]],
    properties: dict[str, str], moment_ms: int,
) -> Any:  # fmt: skip
    """Return the metadata of a new table without rows.

    *columns* are names and types, *parts* columns, transforms and names of the partition's fields.
    """
    numbers = {name: index for index, (name, _) in enumerate(columns, 1)}
    return {
        "format-version": _WRITABLE,
        "table-uuid": str(uuid.uuid4()),
        "location": location.rstrip("/"),
        "last-sequence-number": 0,
        "last-updated-ms": moment_ms,
        "last-column-id": len(columns),
        "current-schema-id": 0,
        "schemas": [{
            "type": "struct",
            "schema-id": 0,
            "fields": [
                {"id": numbers[name], "name": name, "required": False, "type": kind} for name, kind in columns
            ],
        }],
        "default-spec-id": 0,
        "partition-specs": [{
            "spec-id": 0,
            "fields": [
                {
                    "name": name, "transform": transform, "source-id": numbers[column],
                    "field-id": FIRST_PARTITION_FIELD + index,
                }
                for index, (column, transform, name) in enumerate(parts)
            ],
        }],
        "last-partition-id": FIRST_PARTITION_FIELD - 1 + len(parts),
        "default-sort-order-id": 0,
        "sort-orders": [{"order-id": 0, "fields": []}],
        "properties": properties,
        "current-snapshot-id": _NO_SNAPSHOT,
        "refs": {},
        "snapshots": [],
        "statistics": [],
        "snapshot-log": [],
        "metadata-log": [],
    }  # fmt: skip


def continued(document: Any, place: str, added: Any) -> Any:
    """Return *document*, which is at *place*, with a snapshot more, which is the current one."""
    number, moment = added["snapshot-id"], added["timestamp-ms"]
    return later(document, place, moment) | {
        "last-sequence-number": added["sequence-number"],
        "current-snapshot-id": number,
        "snapshots": [*document.get("snapshots", ()), added],
        "snapshot-log": [*document.get("snapshot-log", ()), {"snapshot-id": number, "timestamp-ms": moment}],
        "refs": document.get("refs", {}) | {MAIN: {"snapshot-id": number, "type": "branch"}},
    }


def later(document: Any, place: str, moment: int) -> Any:
    """Return *document* as of *moment*, with its file before, *place*, noted."""
    log = [
        *document.get("metadata-log", ()), {"timestamp-ms": document["last-updated-ms"], "metadata-file": place}
    ]
    return document | {"last-updated-ms": moment, "metadata-log": log[-_LOGGED:]}


def next_place(document: Any, place: str | None) -> str:
    """Return where the metadata file after the one at *place* goes; None: the first."""
    before = place.rpartition("/")[2].partition("-")[0] if place else ""
    version = int(before) + 1 if before.isdigit() else 0
    return f"{folder(document, 'metadata')}{version:05d}-{uuid.uuid4()}.metadata.json"


def folder(document: Any, kind: str) -> str:
    """Return where files of a kind (``data``, ``metadata``) go."""
    said = document.get("properties", {}).get(f"write.{kind}.path")
    return f"{(said or document['location'] + '/' + kind).rstrip('/')}/"
