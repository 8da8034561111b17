"""Manifests: which files a snapshot is made of. They are Avro files, named by a list that is one too.

Apache Iceberg, "Iceberg Table Spec": "Manifests", "Manifest Lists".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from core.errors import not_supported
from engine.iceberg import avro
from engine.iceberg.metadata import Stores
from engine.iceberg.types import decimal_bytes, decimal_of

_EXISTING, ADDED, _DELETED = 0, 1, 2
DATA, POSITIONS, EQUALITY = 0, 1, 2
_RENAMED: Final = {
    "added_data_files_count": "added_files_count", "existing_data_files_count": "existing_files_count",
    "deleted_data_files_count": "deleted_files_count",
}  # fmt: skip
"""What older writers call fields of a list."""
Numbers = Mapping[int, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentFile:
    """A file of a snapshot: rows, or which rows are deleted."""

    location: str
    size_bytes: int
    records: int
    content: int = DATA
    format: str = "PARQUET"
    sequence: int = 0
    """Of two files, the one with the greater number was added later."""
    spec: int = 0
    partition: tuple[Any, ...] = ()
    """Values as Avro has them, in the order of the spec's fields."""
    values: Numbers = field(default_factory=dict)
    nulls: Numbers = field(default_factory=dict)
    sizes: Numbers = field(default_factory=dict)
    lower: Numbers = field(default_factory=dict)
    upper: Numbers = field(default_factory=dict)
    equality: tuple[int, ...] = ()
    """Of equality deletes: the columns that are compared."""
    referenced: str = ""
    """Of a deletion vector: the file whose rows it is about."""
    offset: int | None = None
    length: int = 0
    splits: tuple[int, ...] = ()


def listed(manifests: Any, store: Stores) -> list[dict[str, Any]]:
    """Return the entries of a list of manifests, called as the specification calls their fields."""
    if isinstance(manifests, list):
        return [{"manifest_path": str(place), "content": DATA, "sequence_number": 0} for place in manifests]
    entries = avro.read(content_of(manifests, store))[1]
    return [{_RENAMED.get(name, name): value for name, value in entry.items()} for entry in entries]


def content_of(place: str, store: Stores) -> bytes:
    """Return a whole file."""
    with store(place).read(place) as stream:
        return stream.read()


def files(manifests: Any, store: Stores) -> list[ContentFile]:
    """Return the files of a snapshot with this list of manifests. It blocks."""
    return [item for entry in listed(manifests, store) for item in _files(entry, store)]


def _files(manifest: Mapping[str, Any], store: Stores) -> list[ContentFile]:
    entries = avro.read(content_of(manifest["manifest_path"], store))[1]
    return [_file(manifest, entry) for entry in entries if entry["status"] != _DELETED]


def _file(manifest: Mapping[str, Any], entry: Mapping[str, Any]) -> ContentFile:
    facts = entry["data_file"]
    sequence = entry.get("sequence_number")
    form = str(facts["file_format"]).upper()
    content = facts.get("content") or DATA
    if form not in ("PARQUET", "PUFFIN") or (form == "PUFFIN" and content != POSITIONS):
        raise not_supported(f"an Iceberg table with {form} files")
    return ContentFile(
        location=facts["file_path"],
        size_bytes=facts["file_size_in_bytes"],
        records=facts["record_count"],
        content=content,
        format=form,
        # What was added with its manifest has the manifest's number.
        sequence=manifest.get("sequence_number") or 0 if sequence is None else sequence,
        spec=manifest.get("partition_spec_id") or 0,
        partition=tuple((facts.get("partition") or {}).values()),
        values=_numbers(facts.get("value_counts")),
        nulls=_numbers(facts.get("null_value_counts")),
        lower=_numbers(facts.get("lower_bounds")),
        upper=_numbers(facts.get("upper_bounds")),
        equality=tuple(facts.get("equality_ids") or ()),
        referenced=facts.get("referenced_data_file") or "",
        offset=facts.get("content_offset"),
        length=facts.get("content_size_in_bytes") or 0,
    )


def _numbers(found: Any) -> Numbers:
    if isinstance(found, Mapping):
        return {int(key): value for key, value in found.items()}
    return {item["key"]: item["value"] for item in found or ()}


# Writing


def _optional(kind: Any) -> Any:
    return ["null", kind]


def _entry(name: str, number: int, kind: Any) -> dict[str, Any]:
    default = {"default": None} if isinstance(kind, list) else {}
    return {"name": name, "type": kind, "field-id": number, **default}


def _map(key: int, value: int, kind: str) -> Any:
    record = {"type": "record", "name": f"k{key}_v{value}",
              "fields": [_entry("key", key, "int"), _entry("value", value, kind)]}  # fmt: skip
    return _optional({"type": "array", "items": record, "logicalType": "map"})


def _array(number: int, kind: str) -> Any:
    return _optional({"type": "array", "items": kind, "element-id": number})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionType:
    """A field of the partition of a manifest's files."""

    id: int
    name: str
    type: str
    """Iceberg's name of its type."""


def _partition_type(item: PartitionType) -> Any:
    size = decimal_of(item.type)
    if size is not None:
        return {"type": "fixed", "name": f"decimal_{item.id}", "size": decimal_bytes(size[0]),
                "logicalType": "decimal", "precision": size[0], "scale": size[1]}  # fmt: skip
    return _AVRO[item.type]


_AVRO: Final = {
    "boolean": "boolean", "int": "int", "long": "long", "float": "float", "double": "double", "string": "string",
    "binary": "bytes", "date": {"type": "int", "logicalType": "date"},
    "timestamp": {"type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": False},
    "timestamptz": {"type": "long", "logicalType": "timestamp-micros", "adjust-to-utc": True},
}  # fmt: skip


def _manifest_schema(partition: Sequence[PartitionType]) -> Any:
    parts = [_entry(item.name, item.id, _optional(_partition_type(item))) for item in partition]
    data = [
        _entry("content", 134, "int"),
        _entry("file_path", 100, "string"),
        _entry("file_format", 101, "string"),
        _entry("partition", 102, {"type": "record", "name": "r102", "fields": parts}),
        _entry("record_count", 103, "long"),
        _entry("file_size_in_bytes", 104, "long"),
        _entry("column_sizes", 108, _map(117, 118, "long")),
        _entry("value_counts", 109, _map(119, 120, "long")),
        _entry("null_value_counts", 110, _map(121, 122, "long")),
        _entry("lower_bounds", 125, _map(126, 127, "bytes")),
        _entry("upper_bounds", 128, _map(129, 130, "bytes")),
        _entry("split_offsets", 132, _array(133, "long")),
        _entry("sort_order_id", 140, _optional("int")),
    ]
    return {"type": "record", "name": "manifest_entry", "fields": [
        _entry("status", 0, "int"),
        _entry("snapshot_id", 1, _optional("long")),
        _entry("sequence_number", 3, _optional("long")),
        _entry("file_sequence_number", 4, _optional("long")),
        _entry("data_file", 2, {"type": "record", "name": "r2", "fields": data}),
    ]}  # fmt: skip


def manifest(
    snapshot: int, added: Sequence[ContentFile], partition: Sequence[PartitionType], facts: Mapping[str, Any]
) -> bytes:
    """Return a manifest of *added* files, all of one content and spec; *facts* are its metadata."""
    content = "deletes" if added[0].content else "data"
    heads = {name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()}
    records = [
        {"status": ADDED, "snapshot_id": snapshot, "data_file": _written(item, partition)} for item in added
    ]
    return avro.write(
        _manifest_schema(partition), records,
        heads | {"format-version": "2", "content": content, "partition-spec-id": str(added[0].spec)},
    )  # fmt: skip


def _written(item: ContentFile, partition: Sequence[PartitionType]) -> dict[str, Any]:
    return {
        "content": item.content,
        "file_path": item.location,
        "file_format": item.format,
        "partition": {part.name: value for part, value in zip(partition, item.partition, strict=True)},
        "record_count": item.records,
        "file_size_in_bytes": item.size_bytes,
        "column_sizes": _pairs(item.sizes),
        "value_counts": _pairs(item.values),
        "null_value_counts": _pairs(item.nulls),
        "lower_bounds": _pairs(item.lower),
        "upper_bounds": _pairs(item.upper),
        "split_offsets": list(item.splits) or None,
        "sort_order_id": None if item.content == POSITIONS else 0,
    }


def _pairs(numbers: Numbers) -> Any:
    return [{"key": key, "value": value} for key, value in sorted(numbers.items())] or None


_SUMMARY: Final = {"type": "record", "name": "r508", "fields": [
    _entry("contains_null", 509, "boolean"),
    _entry("contains_nan", 518, _optional("boolean")),
    _entry("lower_bound", 510, _optional("bytes")),
    _entry("upper_bound", 511, _optional("bytes")),
]}  # fmt: skip
_LIST: Final = {"type": "record", "name": "manifest_file", "fields": [
    _entry("manifest_path", 500, "string"),
    _entry("manifest_length", 501, "long"),
    _entry("partition_spec_id", 502, "int"),
    _entry("content", 517, "int"),
    _entry("sequence_number", 515, "long"),
    _entry("min_sequence_number", 516, "long"),
    _entry("added_snapshot_id", 503, "long"),
    _entry("added_files_count", 504, "int"),
    _entry("existing_files_count", 505, "int"),
    _entry("deleted_files_count", 506, "int"),
    _entry("added_rows_count", 512, "long"),
    _entry("existing_rows_count", 513, "long"),
    _entry("deleted_rows_count", 514, "long"),
    _entry("partitions", 507, _optional({"type": "array", "items": _SUMMARY, "element-id": 508})),
    _entry("key_metadata", 519, _optional("bytes")),
]}  # fmt: skip


def manifest_list(entries: Sequence[Mapping[str, Any]], facts: Mapping[str, str]) -> bytes:
    """Return a list of manifests; entries that are kept are as ``listed`` gave them."""
    return avro.write(_LIST, entries, dict(facts) | {"format-version": "2"})


def manifest_entry(place: str, content: bytes, snapshot: int, sequence: int, added: Sequence[ContentFile]) -> Any:
    """Return the entry of a list for a manifest of *added* files."""
    return {
        "manifest_path": place,
        "manifest_length": len(content),
        "partition_spec_id": added[0].spec,
        "content": 1 if added[0].content else 0,
        "sequence_number": sequence,
        "min_sequence_number": sequence,
        "added_snapshot_id": snapshot,
        "added_files_count": len(added),
        "existing_files_count": 0,
        "deleted_files_count": 0,
        "added_rows_count": sum(item.records for item in added),
        "existing_rows_count": 0,
        "deleted_rows_count": 0,
    }
