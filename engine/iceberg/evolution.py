"""An Iceberg table's definition, changed: columns, how new files are partitioned, properties.

Apache Iceberg, "Iceberg Table Spec": "Schema Evolution", "Partition Evolution". Files are left as they are: they know
columns by their numbers, and the partition that they were written with.
"""

from typing import Any, Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from engine.iceberg import transforms
from engine.iceberg.metadata import FIRST_PARTITION_FIELD, spec
from engine.iceberg.types import decimal_of

_WIDER: Final = {("int", "long"), ("float", "double")}
_CODEC: Final = "write.parquet.compression-codec"
_PREFIXES: Final = ("write.", "read.", "commit.", "history.", "gc.", "comment")


def with_column(document: Any, name: str, kind: str) -> Any:
    """Return *document* with a column more."""
    fields = _fields(document)
    _require_free(fields, name)
    number = document["last-column-id"] + 1
    added = {"id": number, "name": name, "required": False, "type": kind}
    return _with_fields(document, [*fields, added]) | {"last-column-id": number}


def without_column(document: Any, name: str) -> Any:
    """Return *document* without a column."""
    fields = _fields(document)
    field = _found(fields, name)
    if any(item.source == field["id"] for item in spec(document)):
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST, f'cannot drop column "{name}": the table is partitioned by it'
        )
    if len(fields) == 1:
        raise SqlError(SqlState.INVALID_TABLE_DEFINITION, "cannot drop the only column of a table")
    return _with_fields(document, [item for item in fields if item is not field])


def with_name(document: Any, name: str, new: str) -> Any:
    """Return *document* with a column called otherwise."""
    fields = _fields(document)
    field = _found(fields, name)
    _require_free(fields, new)
    return _with_fields(document, [item | {"name": new} if item is field else item for item in fields])


def with_type(document: Any, name: str, kind: str) -> Any:
    """Return *document* with a column of a wider type."""
    fields = _fields(document)
    field = _found(fields, name)
    before, after = decimal_of(field["type"]), decimal_of(kind)
    wider = before and after and before[1] == after[1] and before[0] <= after[0]
    if not wider and (field["type"], kind) not in _WIDER and field["type"] != kind:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f'column "{name}" cannot be changed from {field["type"]} to {kind}'
        )
    return _with_fields(document, [item | {"type": kind} if item is field else item for item in fields])


def with_properties(document: Any, properties: "dict[str, str]") -> Any:
    """Return *document* with properties set, of a compression what is called so in SQL."""
    found = dict(document.get("properties", {}))
    for name, value in properties.items():
        if name.lower() == "compression_type":
            found[_CODEC] = value.lower().replace("none", "uncompressed")
        elif name.startswith(_PREFIXES):
            found[name] = value
        else:
            raise not_supported(f"the table property '{name}'")
    return document | {"properties": found}


def with_part(document: Any, column: str, transform: str, name: str) -> Any:
    """Return *document* with new files partitioned by a value more."""
    field = _found(_fields(document), column)
    transforms.check(transform, column, field["type"])
    parts = _parts(document)
    if any((item["source-id"], item["transform"]) == (field["id"], transform) for item in parts):
        raise SqlError(
            SqlState.DUPLICATE_OBJECT, f"the table is partitioned by {transforms.shown(transform, column)} already"
        )
    return _with_parts(document, [*parts, {"source-id": field["id"], "transform": transform, "name": name}])


def without_part(document: Any, column: str, transform: str) -> Any:
    """Return *document* with new files no longer partitioned by a value."""
    field, parts = _found(_fields(document), column), _parts(document)
    kept = [item for item in parts if (item["source-id"], item["transform"]) != (field["id"], transform)]
    if len(kept) == len(parts):
        raise SqlError(
            SqlState.UNDEFINED_OBJECT, f"the table is not partitioned by {transforms.shown(transform, column)}"
        )
    return _with_parts(document, kept)


def _fields(document: Any) -> list[dict[str, Any]]:
    current = document["current-schema-id"]
    found: list[dict[str, Any]] = next(item for item in document["schemas"] if item["schema-id"] == current)["fields"]
    if any(not isinstance(item["type"], str) for item in found):
        raise not_supported("ALTER TABLE of an Iceberg table with nested columns")
    return found


def _found(fields: "list[dict[str, Any]]", name: str) -> dict[str, Any]:
    found = next((item for item in fields if item["name"].lower() == name), None)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{name}" does not exist')
    return found


def _require_free(fields: "list[dict[str, Any]]", name: str) -> None:
    if any(item["name"].lower() == name for item in fields):
        raise SqlError(SqlState.DUPLICATE_COLUMN, f'column "{name}" already exists')


def _with_fields(document: Any, fields: "list[dict[str, Any]]") -> Any:
    number = max(item["schema-id"] for item in document["schemas"]) + 1
    made = {"type": "struct", "schema-id": number, "fields": fields}
    return document | {"schemas": [*document["schemas"], made], "current-schema-id": number}


def _parts(document: Any) -> list[dict[str, Any]]:
    return [
        {"source-id": item.source, "transform": item.transform, "name": item.name, "field-id": item.id}
        for item in spec(document)
    ]


def _with_parts(document: Any, parts: "list[dict[str, Any]]") -> Any:
    """Return *document* with another spec; a value that there was before is known by its number of then."""
    before = {
        (item["source-id"], item["transform"]): item.get("field-id")
        for some in document["partition-specs"] for item in some["fields"]
    }  # fmt: skip
    last = document.get("last-partition-id", FIRST_PARTITION_FIELD - 1)
    numbered = []
    for part in parts:
        number = before.get((part["source-id"], part["transform"]))
        if number is None:
            last += 1
            number = last
        numbered.append(part | {"field-id": number})
    same = next((item for item in document["partition-specs"] if item["fields"] == numbered), None)
    if same is not None:
        return document | {"default-spec-id": same["spec-id"]}
    spec_id = max(item["spec-id"] for item in document["partition-specs"]) + 1
    return document | {
        "partition-specs": [*document["partition-specs"], {"spec-id": spec_id, "fields": numbered}],
        "default-spec-id": spec_id,
        "last-partition-id": last,
    }
