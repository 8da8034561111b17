"""Apache Iceberg tables: their metadata, and the engine SQL that reads what the current snapshot holds.

Apache Iceberg, "Iceberg Table Spec". Columns are found by their field's number, so renamed and added ones are right;
rows that position deletes name are left out. A catalog keeps where the newest metadata file is.
"""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import IO, Any, Final, cast

import duckdb

from core.errors import SqlError, not_supported
from core.names import literal, quote
from core.sqlstate import SqlState
from engine.external.files import ScanFile
from storage.datacatalog import Column, Table
from storage.objects import ObjectStore

Stores = Callable[[str], ObjectStore]

METADATA: Final = "metadata_location"
_FIELDS: Final = "iceberg.fields"
_MANIFESTS: Final = "iceberg.manifests"
_TYPES: Final = {
    "boolean": "boolean", "int": "int", "long": "bigint", "float": "float", "double": "double", "date": "date",
    "timestamp": "timestamp", "timestamptz": "timestamptz", "string": "string", "binary": "binary",
    "uuid": "varchar(36)", "time": "varchar(15)", "timestamp_ns": "timestamp", "timestamptz_ns": "timestamptz",
}  # fmt: skip
_DELETED: Final = 2
_DATA, _POSITIONS = 0, 1


def described(table: Table, store: Stores) -> Table:
    """Return *table* with the columns of its current schema and the place of its current manifests. It blocks."""
    place = table.parameter(METADATA)
    if not place:
        raise SqlError(SqlState.INTERNAL_ERROR, f'the Iceberg table "{table.name}" has no metadata location')
    document = _document(store(place), place)
    fields = _schema(document)
    facts = {
        _FIELDS: json.dumps({item["name"].lower(): item["id"] for item in fields}),
        _MANIFESTS: json.dumps(_manifests(document)),
    }
    columns = tuple(Column(item["name"].lower(), _hive(item["type"])) for item in fields)
    return replace(table.with_parameters(tuple(facts.items())), columns=columns, keys=())


def _document(store: ObjectStore, place: str) -> Any:
    try:
        with store.read(place) as raw:
            packed = place.endswith(".gz") or ".gz.metadata" in place
            stream = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
            return json.loads(stream.read())
    except (ValueError, OSError):
        raise SqlError(SqlState.INTERNAL_ERROR, f"the Iceberg metadata '{place}' cannot be read") from None


def _schema(document: Any) -> list[Any]:
    current = document.get("current-schema-id")
    schemas = document.get("schemas") or [document["schema"]]
    found = next((item for item in schemas if item.get("schema-id") == current), schemas[-1])
    return list(found["fields"])


def _manifests(document: Any) -> Any:
    """Return the current snapshot's list of manifests: its place, or of an old table the manifests themselves."""
    current = document.get("current-snapshot-id", -1)
    snapshot = next((item for item in document.get("snapshots", ()) if item["snapshot-id"] == current), None)
    if snapshot is None:
        return []
    return snapshot.get("manifest-list") or snapshot.get("manifests", [])


def _hive(kind: Any) -> str:
    """Return an Iceberg type as Hive writes it."""
    if isinstance(kind, str):
        if kind.startswith("decimal"):
            return kind.replace(" ", "")
        if kind.startswith("fixed"):
            return "binary"
        if kind not in _TYPES:
            raise not_supported(f"the Iceberg type {kind}")
        return _TYPES[kind]
    match kind["type"]:
        case "struct":
            inner = [f"{item['name']}:{_hive(item['type'])}" for item in kind["fields"]]
            return f"struct<{','.join(inner)}>"
        case "list":
            return f"array<{_hive(kind['element'])}>"
        case _:
            return f"map<{_hive(kind['key'])},{_hive(kind['value'])}>"


# Files


def files(
    connection: duckdb.DuckDBPyConnection, table: Table, store: Stores
) -> tuple[list[ScanFile], list[ScanFile]]:
    """Return the data files of the current snapshot, and the files of its position deletes."""
    data: list[ScanFile] = []
    deletes: list[ScanFile] = []
    for manifest in _listed(connection, json.loads(table.parameter(_MANIFESTS) or "[]"), store):
        for status, content, location, form, size in _entries(connection, _path(manifest, store)):
            if status == _DELETED:
                continue
            if str(form).upper() != "PARQUET" or content not in (_DATA, _POSITIONS, None):
                raise not_supported(f"an Iceberg table with {'equality deletes' if content == 2 else f'{form} files'}")
            file = ScanFile(location=location, size_bytes=size, path=_path(location, store))
            (deletes if content == _POSITIONS else data).append(file)
    return data, deletes


def _listed(connection: duckdb.DuckDBPyConnection, manifests: Any, store: Stores) -> list[str]:
    if isinstance(manifests, list):
        return [str(item) for item in manifests]
    sql = f"SELECT manifest_path FROM read_avro({literal(_path(manifests, store))})"
    return [row[0] for row in connection.execute(sql).fetchall()]


def _entries(connection: duckdb.DuckDBPyConnection, path: str) -> list[tuple[Any, ...]]:
    source = f"read_avro({literal(path)})"
    shape = connection.execute(f"DESCRIBE SELECT data_file FROM {source}").fetchall()[0][1]
    # Version 1 has data files only and does not say so.
    content = "data_file.content" if '"content"' in shape or "(content " in shape else "0"
    return connection.execute(
        f"SELECT status, {content}, data_file.file_path, data_file.file_format, data_file.file_size_in_bytes"
        f" FROM {source}"
    ).fetchall()


def _path(location: str, store: Stores) -> str:
    return store(location).engine_path(location)


def source(
    table: Table, columns: Sequence[tuple[str, str]], data: Sequence[ScanFile], deletes: Sequence[ScanFile]
) -> str:
    """Return FROM over the files, columns (names and engine types) as the table has them."""
    numbers: Mapping[str, int] = json.loads(table.parameter(_FIELDS) or "{}")
    shape = ", ".join(
        f"{numbers[name]}: {{name: {literal(name)}, type: {literal(kind)}, default_value: NULL}}"
        for name, kind in columns
    )
    read = f"read_parquet({_paths(data)}, schema=MAP{{{shape}}})"
    if not deletes:
        return read
    places = ", ".join(literal(file.location) for file in data)
    listed = ", ".join(f"d.{quote(name)}" for name, _ in columns)
    return (
        f"(SELECT {listed}, file_index FROM {read} AS d WHERE NOT EXISTS (SELECT 1 FROM"
        f" read_parquet({_paths(deletes)}) AS x WHERE x.pos = d.file_row_number"
        f" AND x.file_path = ([{places}])[CAST(d.file_index AS BIGINT) + 1]))"
    )


def _paths(found: Sequence[ScanFile]) -> str:
    return f"[{', '.join(literal(file.path) for file in found)}]"
