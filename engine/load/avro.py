"""Avro files as JSON documents, one a record, which then load as JSON does.

Redshift, "COPY from Avro format": fields are matched to columns by name or by JSONPaths; arrays, maps and records
load as the JSON text of their data, enumerations as their symbol.
"""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import duckdb

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from engine.load.aside import Aside
from engine.load.plan import CopyPlan, Format
from storage.database import beside
from storage.objects import ObjectStore, StoredObject

_EPOCHS: Final = {"epochsecs": "epoch", "epochmillisecs": "epoch_ms"}


@contextmanager
def as_documents(
    connection: duckdb.DuckDBPyConnection, plan: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject]
) -> Iterator[tuple[CopyPlan, Aside]]:
    """Give *plan* as one of JSON files, and these; they are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="duckshift-load-") as folder:
        paths = {}
        side = beside(connection)
        try:
            for number, item in enumerate(objects):
                paths[item.location] = Path(folder, str(number))
                _convert(side, store.engine_path(item.location), paths[item.location], plan.conversion.time_format)
        finally:
            side.close()
        yield replace(plan, layout=replace(plan.layout, format=Format.JSON)), Aside(paths)


def _convert(side: duckdb.DuckDBPyConnection, source: str, target: Path, time_format: str) -> None:
    reader = f"read_avro({literal(source)})"
    try:
        described = side.execute(f"SELECT * FROM {reader} LIMIT 0").description or []
        columns = [(quote(column[0]), str(column[1])) for column in described]
        fields = ", ".join(f"{_field(name, kind, time_format)} AS {name}" for name, kind in columns)
        side.execute(f"COPY (SELECT {fields} FROM {reader}) TO {literal(str(target))} (FORMAT json)")
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error:
        raise SqlError(SqlState.BAD_COPY_FILE_FORMAT, "a file cannot be read as Avro") from None


def _field(name: str, kind: str, time_format: str) -> str:
    if kind.startswith("TIMESTAMP") and time_format in _EPOCHS:
        # Redshift takes the number that a timestamp-millis is written as.
        return f"CAST({_EPOCHS[time_format]}({name}) AS BIGINT)"
    # A union of several types is the value itself, without the name of its type.
    return f"CAST({name} AS VARCHAR)" if kind.startswith("UNION") else name
