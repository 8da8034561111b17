"""UNLOAD: a query's rows written to files under a prefix, as text, CSV, JSON or Parquet.

Parquet is mostly the engine's to write. DuckDB renders each row to its line, so that a batch's text buffer is a file's
next piece; no value passes through Python. Files are finished locally and then put, so that a failure leaves no half
of one. Redshift, "UNLOAD".
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import SqlError, not_supported
from core.names import literal, quote
from core.sqlstate import SqlState
from core.types import Column
from engine.load.lines import line_sql
from engine.load.outputs import Output, outputs, unique
from engine.load.plan import SUFFIXES, USUAL_GROUP_BYTES, Format, Unloaded, UnloadedFile, UnloadPlan
from engine.load.progress import Progress
from engine.results import without_views
from storage.objects import ObjectStore

_BATCH_ROWS: Final = 10_000
_SLICES: Final = 2
_LINE: Final = "duckshift_line"
_NO_PARTITION: Final = "__HIVE_DEFAULT_PARTITION__"
_NO_KEYS: Final = frozenset({"super", "varbyte", "geometry", "geography", "hllsketch"})
"""Types whose values name no folder."""
_NOT_EMPTY: Final = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, "
    "manually removing the target files in S3, or using the ALLOWOVERWRITE option."
)
_EXTENSIONS: Final = {Format.PARQUET: ".parquet", Format.JSON: ""}


def unload(
    connection: duckdb.DuckDBPyConnection,
    plan: UnloadPlan,
    columns: Sequence[Column],
    store: ObjectStore,
    progress: Progress | None = None,
) -> Unloaded:
    """Run the plan's query on *connection* and write its rows; *columns* say how they are shown.

    *progress* is told how far that is.
    """
    progress = progress or Progress()
    _check(plan, columns)
    existing = store.list(plan.destination)
    if existing and not plan.allow_overwrite and not plan.clean_path:
        raise SqlError(SqlState.INTERNAL_ERROR, _NOT_EMPTY)
    with tempfile.TemporaryDirectory(prefix="duckshift-unload-") as folder:
        write = _written_by_engine if _by_engine(plan) else _written
        finished = write(connection, plan, columns, Path(folder), progress)
        if plan.clean_path:
            for item in existing:
                if _touched(item.location, [output.location for output in finished]):
                    store.delete(item.location)
        done = []
        for output in finished:
            store.write(output.location, output.path)
            done.append(UnloadedFile(location=output.location, rows=output.rows, size_bytes=output.path.stat().st_size))
        if plan.manifest or plan.manifest_verbose:
            listing = Path(folder, "manifest")
            listing.write_text(json.dumps(_manifest(plan, columns, done), indent=2) + "\n", encoding="utf-8")
            store.write(f"{plan.destination}manifest", listing)
    return Unloaded(rows=sum(item.rows for item in done), files=tuple(done))


def _written(
    connection: duckdb.DuckDBPyConnection,
    plan: UnloadPlan,
    columns: Sequence[Column],
    folder: Path,
    progress: Progress,
) -> list["_Finished"]:
    """Write the files batch by batch."""
    writer = _Writer(plan, columns, folder)
    reader = connection.execute(_query(plan, columns)).to_arrow_reader(_BATCH_ROWS)
    for batch in reader:
        writer.write(without_views(batch))
        writer.tell(progress)
    return [_Finished(output.location, output.path, output.rows) for output in writer.finish(reader.schema)]


@dataclass(frozen=True, slots=True)
class _Finished:
    """A file that waits to be put."""

    location: str
    path: Path
    rows: int


def _by_engine(plan: UnloadPlan) -> bool:
    """Return whether the engine's own writer, which has a thread a core, makes such files."""
    usual = plan.row_group_bytes == USUAL_GROUP_BYTES
    return plan.format is Format.PARQUET and plan.parallel and not plan.partition_by and usual


def _written_by_engine(
    connection: duckdb.DuckDBPyConnection,
    plan: UnloadPlan,
    columns: Sequence[Column],
    folder: Path,
    progress: Progress,
) -> list[_Finished]:
    """Write Parquet files, one a thread or more, and return those with rows."""
    names = unique([column.name for column in columns])
    named = ", ".join(f"v{index} AS {quote(name)}" for index, name in enumerate(names))
    parts = folder / "parts"
    progress.folder = parts
    rows = connection.execute(
        f"COPY (SELECT {named} FROM ({_query(plan, columns)})) TO {literal(str(parts))} (FORMAT parquet, "
        f"COMPRESSION snappy, PER_THREAD_OUTPUT true, FILE_SIZE_BYTES {plan.max_file_bytes}, RETURN_STATS true)"
    ).fetchall()
    written = [(Path(row[0]), int(row[1])) for row in rows if row[1]]
    return [
        _Finished(_location(plan, (), number % _SLICES, number // _SLICES), path, count)
        for number, (path, count) in enumerate(written)
    ]


def _check(plan: UnloadPlan, columns: Sequence[Column]) -> None:
    names = [column.name for column in columns]
    kinds = {column.name: column.type.type for column in columns}
    for name in plan.partition_by:
        if name not in kinds:
            raise SqlError(SqlState.UNDEFINED_COLUMN, f'partition column "{name}" does not exist in the query')
        if kinds[name].name in _NO_KEYS:
            raise not_supported(f"a partition column of type {kinds[name].sql}")
    if plan.partition_by and not plan.partition_include and len(plan.partition_by) == len(names):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "cannot partition by all columns without INCLUDE")
    if plan.format is Format.JSON and len(set(names)) < len(names):
        raise SqlError(SqlState.DUPLICATE_COLUMN, "UNLOAD to JSON needs unique column names")


def kept(plan: UnloadPlan, columns: Sequence[Column]) -> list[Column]:
    """Return the columns that the files hold."""
    return [column for column in columns if plan.partition_include or column.name not in plan.partition_by]


def _query(plan: UnloadPlan, columns: Sequence[Column]) -> str:
    # Names need not be unique in a query, so its columns are numbered.
    numbered = ", ".join(f"c{index}" for index in range(len(columns)))
    source = f"(SELECT * FROM ({plan.query})) AS rows({numbered})"
    places = {column.name: f"c{index}" for index, column in reversed(list(enumerate(columns)))}
    keys = [
        f"coalesce(CAST({places[name]} AS VARCHAR), '{_NO_PARTITION}') AS k{index}"
        for index, name in enumerate(plan.partition_by)
    ]
    held = [
        (f"c{index}", column)
        for index, column in enumerate(columns)
        if plan.partition_include or column.name not in plan.partition_by
    ]
    if plan.format is Format.PARQUET:
        values = [f"{_parquet_value(place, column)} AS v{index}" for index, (place, column) in enumerate(held)]
    else:
        values = [f"{line_sql(plan, held)} AS {_LINE}"]
    return f"SELECT {', '.join([*keys, *values])} FROM {source}"


def _parquet_value(place: str, column: Column) -> str:
    kind = column.type.type.name
    if kind == "super":
        return f"rs_super_show({place})"
    if kind in ("intervaly2m", "intervald2s", "interval", "timetz"):
        return f"CAST({place} AS VARCHAR)"
    return place


def _touched(location: str, written: Sequence[str]) -> bool:
    # CLEANPATH with PARTITION BY empties only the partitions that get new files.
    folders = {name.rsplit("/", 1)[0] for name in written}
    return location.rsplit("/", 1)[0] in folders


class _Writer:
    """Deals rows out to files."""

    def __init__(self, plan: UnloadPlan, columns: Sequence[Column], folder: Path) -> None:
        self._plan = plan
        self._held = kept(plan, columns)
        self._folder = folder
        self._open: dict[tuple[tuple[str, ...], int], Output] = {}
        self._parts: dict[tuple[tuple[str, ...], int], int] = {}
        self._done: list[Output] = []
        self._turn = self._done_bytes = 0
        self.rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch of rows to the file whose turn it is, or to those of its partitions."""
        self.rows += batch.num_rows
        slice_number = self._turn % _SLICES if self._plan.parallel else 0
        self._turn += 1
        width = len(self._plan.partition_by)
        if not width:
            self._put((), slice_number, batch)
            return
        keys = pa.table({f"k{index}": batch.column(index) for index in range(width)})
        values = pa.record_batch(batch.columns[width:], schema=pa.schema(list(batch.schema)[width:]))
        for row in keys.group_by(keys.column_names).aggregate([]).to_pylist():
            key = tuple(row[name] for name in keys.column_names)
            mask = None
            for index, value in enumerate(key):
                same = pc.equal(batch.column(index), value)
                mask = same if mask is None else pc.and_(mask, same)
            self._put(key, slice_number, values.filter(mask))

    def tell(self, progress: Progress) -> None:
        """Say how much has been written."""
        progress.rows, progress.files = self.rows, len(self._done) + len(self._open)
        # Of partitions there may be too many to ask each.
        growing = sum(output.size() for output in self._open.values()) if len(self._open) <= _SLICES else 0
        progress.bytes = self._done_bytes + growing

    def finish(self, schema: pa.Schema) -> list[Output]:
        """Close the files and return them; text without rows still makes one."""
        plan = self._plan
        if not self._open and not self._done and plan.format is not Format.PARQUET and not plan.partition_by:
            self._output((), 0, schema)
        for output in self._open.values():
            output.close()
        return sorted([*self._done, *self._open.values()], key=lambda output: output.location)

    def _put(self, key: tuple[str, ...], slice_number: int, batch: pa.RecordBatch) -> None:
        # Of a query that is small, all rows are in one file.
        output = self._output(key, slice_number, batch.schema)
        output.write(batch)
        if output.size() >= self._plan.max_file_bytes:
            output.close()
            self._done_bytes += output.path.stat().st_size
            self._done.append(self._open.pop((key, slice_number)))

    def _output(self, key: tuple[str, ...], slice_number: int, schema: pa.Schema) -> Output:
        place = (key, slice_number)
        found = self._open.get(place)
        if found is None:
            part = self._parts.get(place, 0)
            self._parts[place] = part + 1
            local = self._folder / f"{len(self._parts)}-{part}-{slice_number}"
            found = outputs(self._plan)(_location(self._plan, key, slice_number, part), local, self._held, schema)
            self._open[place] = found
        return found


def _location(plan: UnloadPlan, key: tuple[str, ...], slice_number: int, part: int) -> str:
    folder = "".join(f"{name}={_escaped(value)}/" for name, value in zip(plan.partition_by, key, strict=True))
    prefix = plan.destination
    if folder and not prefix.endswith("/"):
        prefix += "/"
    number = f"{slice_number:04d}_part_{part:02d}" if plan.parallel else f"{part:03d}"
    suffix = _EXTENSIONS.get(plan.format, "") + SUFFIXES[plan.compression]
    if plan.extension is not None:
        suffix = "." + plan.extension.removeprefix(".")
    return f"{prefix}{folder}{plan.stem}{number}{suffix}"


def _escaped(value: str) -> str:
    # Hive's escaping of what cannot stand in a path.
    return "".join(f"%{ord(char):02X}" if char in '"#%\'*/:=?\\{[]^\x7f' or ord(char) < 32 else char for char in value)


def _manifest(plan: UnloadPlan, columns: Sequence[Column], done: Sequence[UnloadedFile]) -> dict[str, Any]:
    if not plan.manifest_verbose:
        return {"entries": [{"url": item.location} for item in done]}
    # A header line counts as a row.
    counts = [item.rows + plan.header for item in done]
    return {
        "entries": [
            {"url": item.location, "meta": {"content_length": item.size_bytes, "record_count": count}}
            for item, count in zip(done, counts, strict=True)
        ],
        "schema": {"elements": [_element(column) for column in kept(plan, columns)]},
        "meta": {
            "content_length": sum(item.size_bytes for item in done),
            "record_count": sum(counts),
        },
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    }


def _element(column: Column) -> dict[str, Any]:
    kind: dict[str, Any] = {"base": column.type.type.sql}
    if column.type.length is not None:
        kind["max_length"] = column.type.length
    if column.type.precision is not None:
        kind |= {"precision": column.type.precision, "scale": column.type.scale}
    return {"name": column.name, "type": kind}
