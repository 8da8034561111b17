"""The engine SQL that reads what a snapshot of an Iceberg table holds.

Columns are found by their field's number, so renamed and added ones are right. Rows are left out that position
deletes, deletion vectors or equality deletes name.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import pyarrow as pa

from core import nested
from core.names import literal, quote
from engine.external.files import ScanFile
from engine.iceberg import manifests, vectors
from engine.iceberg.manifests import DATA, EQUALITY, POSITIONS, ContentFile
from engine.iceberg.metadata import FACTS, Stores
from engine.iceberg.types import constant, hive
from storage.datacatalog import Table

Columns = Sequence[tuple[str, str]]
"""Names and engine types."""

FILE: Final = "rs_file"
"""The column, of rows that are to be changed, that says which of the data files a row is of."""
POSITION: Final = "rs_position"
"""… and which row of it it is."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a table's current snapshot is made of."""

    fields: Mapping[str, int]
    """The numbers of its columns."""
    ever: Mapping[str, Any]
    """Number → [name, type] of the columns that it has had."""
    data: Sequence[ContentFile]
    deletes: Sequence[ContentFile]


def snapshot(table: Table, store: Stores) -> Snapshot:
    """Return what a *table*, as ``metadata.described`` gave it, is made of. It blocks."""
    facts = json.loads(table.parameter(FACTS) or "{}")
    found = manifests.files(facts["manifests"], store)
    return Snapshot(
        fields=facts["fields"],
        ever=facts["ever"],
        data=[item for item in found if item.content == DATA],
        deletes=[item for item in found if item.content != DATA],
    )


def bounds(known: Snapshot, columns: Sequence[str], file: ContentFile) -> str:
    """Return what holds of all rows of a file, of *columns* that have a value in each, as engine SQL."""
    found = []
    for name in columns:
        number = known.fields[name]
        if file.nulls.get(number) != 0:
            continue
        kind = known.ever[str(number)][1]
        for sign, values in ((">=", file.lower), ("<=", file.upper)):
            value = constant(kind, values[number]) if values.get(number) is not None else None
            if value is not None:
                found.append(f"{quote(name)} {sign} {value}")
    return " AND ".join(found)


def scanned(files: Sequence[ContentFile], store: Stores) -> list[ScanFile]:
    """Return files as the engine reads them."""
    return [
        ScanFile(location=place, size_bytes=item.size_bytes, path=store(place).engine_path(place))
        for item in files for place in (item.location,)
    ]  # fmt: skip


def source(
    connection: duckdb.DuckDBPyConnection, known: Snapshot, columns: Columns, data: Sequence[ContentFile],
    files: Sequence[ScanFile], store: Stores,
) -> str:  # fmt: skip
    """Return FROM over *data*, which are *files*: the columns as the table has them, file_index and file_row_number."""
    compared = sorted({number for item in known.deletes if item.content == EQUALITY for number in item.equality})
    more = {number: f"rs_field_{number}" for number in compared if number not in known.fields.values()}
    shape = [(known.fields[name], name, kind) for name, kind in columns]
    shape += [(number, name, _engine(known, number)) for number, name in more.items()]
    read = _read(files, shape)
    conditions = [
        condition
        for condition in (
            _without_positions(known, data, store),
            _without_vectors(connection, known, data, store),
            *_without_equal(known, data, store, {number: name for number, name, _ in shape}),
        )
        if condition
    ]
    if not conditions:
        return read
    shown = ", ".join([f"d.{quote(name)}" for name, _ in columns])
    return f"(SELECT {shown}, file_index, file_row_number FROM {read} AS d WHERE {' AND '.join(conditions)})"


def _engine(known: Snapshot, number: int) -> str:
    return nested.stored(nested.parsed(hive(known.ever[str(number)][1])))


def _read(files: Sequence[ScanFile], shape: Sequence[tuple[int, str, str]]) -> str:
    described = ", ".join(
        f"{number}: {{name: {literal(name)}, type: {literal(kind)}, default_value: NULL}}"
        for number, name, kind in shape
    )
    return f"read_parquet([{', '.join(literal(file.path) for file in files)}], schema=MAP{{{described}}})"


def _of_file(values: Sequence[str], alias: str) -> str:
    """Return the one of *values* that stands for the file that a row is of."""
    if len(set(values)) == 1:
        return values[0]
    return f"([{', '.join(values)}])[CAST({alias}.file_index AS BIGINT) + 1]"


def _without_positions(known: Snapshot, data: Sequence[ContentFile], store: Stores) -> str:
    deletes = [item for item in known.deletes if item.content == POSITIONS and item.format == "PARQUET"]
    wanted = {item.location for item in data}
    deletes = [item for item in deletes if not item.referenced or item.referenced in wanted]
    if not deletes:
        return ""
    paths = ", ".join(literal(file.path) for file in scanned(deletes, store))
    place = _of_file([literal(item.location) for item in data], "d")
    return (
        f"NOT EXISTS (SELECT 1 FROM read_parquet([{paths}]) AS x"
        f" WHERE x.pos = d.file_row_number AND x.file_path = {place})"
    )


def _without_vectors(
    connection: duckdb.DuckDBPyConnection, known: Snapshot, data: Sequence[ContentFile], store: Stores
) -> str:
    places = {item.location: index for index, item in enumerate(data)}
    files: list[int] = []
    rows: list[int] = []
    for item in known.deletes:
        index = places.get(item.referenced)
        if item.format != "PUFFIN" or index is None:
            continue
        start = item.offset or 0
        blob = manifests.content_of(item.location, store)[start : start + item.length]
        found = vectors.positions(blob, item.location)
        files += [index] * len(found)
        rows += found
    if not rows:
        return ""
    table = f"rs_vectors_{abs(hash(tuple(places)))}"
    connection.register(table, pa.table({"f": pa.array(files, pa.uint64()), "p": pa.array(rows, pa.int64())}))
    return f"NOT EXISTS (SELECT 1 FROM {table} AS v WHERE v.p = d.file_row_number AND v.f = d.file_index)"


def _without_equal(
    known: Snapshot, data: Sequence[ContentFile], store: Stores, names: Mapping[int, str]
) -> list[str]:
    """Return a condition for each set of columns that equality deletes compare.

    They are about files that were added before them, of their own partition, or of any where they have none.
    """
    found = []
    newest = min((item.sequence for item in data), default=0)
    deletes = [item for item in known.deletes if item.content == EQUALITY and item.sequence > newest]
    for numbers in sorted({item.equality for item in deletes}):
        group = [item for item in deletes if item.equality == numbers]
        files = scanned(group, store)
        read = _read(files, [(number, names[number], _engine(known, number)) for number in numbers])
        compared = [quote(names[number]) for number in numbers]
        same = " AND ".join(f"x.{name} IS NOT DISTINCT FROM d.{name}" for name in compared)
        before = _of_file([str(item.sequence) for item in data], "d")
        after = _of_file([str(item.sequence) for item in group], "x")
        where = _same_partition(data, group)
        found.append(f"NOT EXISTS (SELECT 1 FROM {read} AS x WHERE {same} AND {before} < {after}{where})")
    return found


def _same_partition(data: Sequence[ContentFile], deletes: Sequence[ContentFile]) -> str:
    if not any(item.partition for item in deletes):
        return ""
    places = {place: index for index, place in enumerate(sorted({_partition(item) for item in (*data, *deletes)}))}
    of_data = _of_file([str(places[_partition(item)]) for item in data], "d")
    of_deletes = _of_file([str(places[_partition(item)] if item.partition else -1) for item in deletes], "x")
    return f" AND ({of_deletes} = -1 OR {of_deletes} = {of_data})"


def _partition(item: ContentFile) -> str:
    return repr((item.spec, item.partition))
