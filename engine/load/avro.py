"""Avro files as JSON documents, one a record, which then load as JSON does.

Redshift, "COPY from Avro format": fields are matched to columns by name or by JSONPaths; arrays, maps and records
load as the JSON text of their data, enumerations as their symbol. Logical types load as what they mean; a column
of whole numbers gets the number that a date, time or moment is written as.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import duckdb

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from engine.iceberg.avro import headed, heading
from engine.load.aside import Aside
from engine.load.documents import steps
from engine.load.logical import Meaning, known, logical_type, written
from engine.load.plan import Compression, CopyPlan, Format
from engine.load.source import unpack_to
from storage.database import beside
from storage.objects import ObjectStore, StoredObject

_EPOCHS: Final = {"epochsecs": "epoch", "epochmillisecs": "epoch_ms"}
_NUMBERS: Final = frozenset({"int2", "int4", "int8"})
_HEADER_BYTES: Final = 8 << 20
"""Redshift takes a header of 1 MB."""
_SCHEMA: Final = "avro.schema"


@contextmanager
def as_documents(
    connection: duckdb.DuckDBPyConnection, plan: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject]
) -> Iterator[tuple[CopyPlan, Aside]]:
    """Give *plan* as one of JSON files, and these; they are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="duckshift-load-") as folder:
        paths = {}
        side = beside(connection)
        source = Path(folder, "source")
        try:
            for number, item in enumerate(objects):
                paths[item.location] = Path(folder, str(number))
                unpack_to(store, item.location, Compression.NONE, source)
                _convert(side, plan, source, paths[item.location])
        finally:
            side.close()
        source.with_suffix(".avro").unlink(missing_ok=True)
        yield replace(plan, layout=replace(plan.layout, format=Format.JSON)), Aside(paths)


def _convert(side: duckdb.DuckDBPyConnection, plan: CopyPlan, source: Path, target: Path) -> None:
    try:
        reader, meanings = _understood(plan, source)
        described = side.execute(f"SELECT * FROM {reader} LIMIT 0").description or []
        columns = [(quote(column[0]), str(column[1])) for column in described]
        chosen = [
            f"{_field(meaning(name) if meaning else name, kind, plan.conversion.time_format, zone)} AS {name}"
            for (name, kind), (meaning, zone) in zip(columns, meanings, strict=True)
        ]
        side.execute(f"COPY (SELECT {', '.join(chosen)} FROM {reader}) TO {literal(str(target))} (FORMAT json)")
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except (duckdb.Error, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise SqlError(SqlState.BAD_COPY_FILE_FORMAT, "a file cannot be read as Avro") from None


def _field(value: str, kind: str, time_format: str, zone: str) -> str:
    if kind.startswith("TIMESTAMP"):
        if time_format in _EPOCHS:
            # Redshift takes the number that a timestamp-millis is written as.
            return f"CAST({_EPOCHS[time_format]}({value}) AS BIGINT)"
        # To microseconds, and into TIMESTAMPTZ with the zone that the moment is told in.
        return f"CAST(CAST({value} AS TIMESTAMP) AS VARCHAR) || {literal(zone)}"
    # A union of several types is the value itself, without the name of its type.
    return f"CAST({value} AS VARCHAR)" if kind.startswith("UNION") else value


def _understood(plan: CopyPlan, source: Path) -> tuple[str, list[tuple[Meaning | None, str]]]:
    """Return what reads *source*, and of each of its fields the meaning and the zone, where it has one.

    The file's schema is written anew for the engine, which refuses files of logical types that it does not know.
    """
    with source.open("rb") as stream:
        content = stream.read(_HEADER_BYTES)
    facts, end = heading(content)
    schema = json.loads(facts[_SCHEMA])
    targets, named = _targets(plan), dict[str, Meaning | None]()
    fields, meanings = [], []
    for item in schema["fields"]:
        name = item["name"].lower() if plan.layout.json_ignore_case else item["name"]
        kind = targets.get(name, "")
        bare = written(item["type"]) if kind in _NUMBERS else item["type"]
        changed, meaning = known(bare, named, text=kind != "super")
        fields.append(item | {"type": changed})
        moment = (logical_type(bare) or "").startswith("timestamp-")
        meanings.append((meaning, "+00" if moment and kind == "timestamptz" else ""))
    return _reader(source, end, facts, schema | {"fields": fields}), meanings


def _reader(source: Path, start: int, facts: Mapping[str, bytes], schema: Any) -> str:
    changed = source.with_suffix(".avro")
    with source.open("rb") as stream, changed.open("wb") as out:
        out.write(headed({**facts, _SCHEMA: json.dumps(schema).encode()}))
        stream.seek(start)
        shutil.copyfileobj(stream, out, 1 << 20)
    source.unlink()
    return f"read_avro({literal(str(changed))})"


def _targets(plan: CopyPlan) -> dict[str, str]:
    """Return the type of the column that a whole field goes into, by the field's name."""
    if plan.layout.json_paths is None:
        return {column.name: column.type.type.name for column in plan.columns}
    found = {}
    for path, column in zip(plan.layout.json_paths, plan.columns, strict=False):
        name, *deeper = steps(path)
        if isinstance(name, str) and not deeper:
            found[name] = column.type.type.name
    return found
