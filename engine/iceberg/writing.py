"""The files that are added to an Iceberg table: rows by partition, and the places of rows that are deleted.

Apache Iceberg, "Iceberg Table Spec": "Writer requirements", "Position Delete Files", "Column metrics".
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from engine.iceberg import transforms, types
from engine.iceberg.manifests import DATA, POSITIONS, ContentFile, PartitionType
from engine.iceberg.metadata import Field, PartitionField, Stores, folder, schema, spec
from engine.results import without_views

_FILE_BYTES: Final = 256 << 20
"""What a data file is closed at."""
_GROUP_BYTES: Final = 64 << 20
_CODECS: Final = {"zstd": "zstd", "snappy": "snappy", "gzip": "gzip", "uncompressed": "none", "none": "none"}
_FILE_PATH, _POS = 2147483546, 2147483545
_ID: Final = b"PARQUET:field_id"
_ESCAPED: Final = frozenset('"#%\'*/:=?\\{[]^\x7f')
_CONTROL: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What files of a table look like, as its metadata says now."""

    document: Any
    fields: Sequence[Field]
    parts: Sequence[PartitionField]
    spec: int
    codec: str

    @classmethod
    def of(cls, document: Any) -> "Layout":
        """Return the layout of new files."""
        said = document.get("properties", {}).get("write.parquet.compression-codec", "zstd").lower()
        return cls(
            document=document, fields=schema(document), parts=spec(document),
            spec=document.get("default-spec-id", 0), codec=_CODECS.get(said, "zstd"),
        )  # fmt: skip

    def partition(self) -> list[PartitionType]:
        """Return the fields of the partition of new files."""
        return partition_types(self.document, self.spec)

    def query(self, rows: str, names: Mapping[str, str]) -> str:
        """Return engine SQL for what is written of *rows* (a relation): columns and partition keys, in their order.

        *names* are the engine's names of the columns.
        """
        shown = [f"{names[item.name.lower()]} AS {quote(f'v{index}')}" for index, item in enumerate(self.fields)]
        shown += [f"{value} AS {quote(f'k{index}')}" for index, value in enumerate(self._keys(names))]
        order = ", ".join(quote(f"k{index}") for index in range(len(self.parts)))
        return f"SELECT {', '.join(shown)} FROM {rows}{order and f' ORDER BY {order}'}"

    def _keys(self, names: Mapping[str, str]) -> list[str]:
        by_number = {item.id: item for item in self.fields}
        found = []
        for part in self.parts:
            column = by_number.get(part.source)
            value = names[column.name.lower()] if column is not None else "NULL"
            found.append(transforms.sql(part.transform, column.type if column is not None else "int", value))
        return found


def partition_types(document: Any, number: int) -> list[PartitionType]:
    """Return the fields of the partition of files of a spec."""
    ever = {item["id"]: item["type"] for some in document["schemas"] for item in some["fields"]}
    return [
        PartitionType(id=item.id, name=item.name, type=transforms.result(item.transform, ever[item.source]))
        for item in spec(document, number)
    ]


@dataclass(slots=True)
class _Open:
    """A data file that is being written."""

    partition: tuple[Any, ...]
    location: str
    path: Path
    writer: pq.ParquetWriter
    rows: int = 0
    pending: list[pa.RecordBatch] = field(default_factory=list)
    pending_bytes: int = 0


class DataWriter:
    """Rows on their way into files, a partition after the other."""

    def __init__(self, layout: Layout, store: Stores, scratch: Path) -> None:
        """Write files by way of the folder *scratch*."""
        self._layout = layout
        self._store = store
        self._scratch = scratch
        self._types = [types.arrow(item.name, item.type) for item in layout.fields]
        self._schema = pa.schema([
            pa.field(item.name, kind, nullable=not item.required, metadata={_ID: str(item.id).encode()})
            for item, kind in zip(layout.fields, self._types, strict=True)
        ])  # fmt: skip
        self._kinds = [item.type for item in layout.partition()]
        self._open: _Open | None = None
        self._made = 0
        self.files: list[ContentFile] = []

    def write(self, batches: Iterable[pa.RecordBatch]) -> int:
        """Write all rows of what ``Layout.query`` gives; return how many there are."""
        rows = 0
        for batch in batches:
            rows += batch.num_rows
            for partition, some in _split(without_views(batch), len(self._schema), self._kinds):
                self._put(partition, some)
        self._close()
        return rows

    def _put(self, partition: tuple[Any, ...], batch: pa.RecordBatch) -> None:
        if self._open is not None and (self._open.partition != partition or self._full()):
            self._close()
        if self._open is None:
            self._open = self._opened(partition)
        arrays = []
        for index, item in enumerate(self._layout.fields):
            array = batch.column(index).cast(self._types[index])
            if item.required and array.null_count:
                raise SqlError(
                    SqlState.NOT_NULL_VIOLATION, f"Cannot insert a NULL value into column {item.name}"
                )
            arrays.append(array)
        file = self._open
        file.pending.append(pa.record_batch(arrays, schema=self._schema))
        file.pending_bytes += batch.nbytes
        file.rows += batch.num_rows
        if file.pending_bytes >= _GROUP_BYTES:
            self._flush(file)

    def _full(self) -> bool:
        file = self._open
        return file is not None and file.path.exists() and file.path.stat().st_size >= _FILE_BYTES

    def _opened(self, partition: tuple[Any, ...]) -> _Open:
        self._made += 1
        path = self._scratch / f"{self._made}.parquet"
        place = "".join(
            f"{_escaped(part.name)}={_escaped('null' if value is None else str(value))}/"
            for part, value in zip(self._layout.parts, partition, strict=True)
        )
        location = f"{folder(self._layout.document, 'data')}{place}{self._made:05d}-{uuid.uuid4()}.parquet"
        writer = pq.ParquetWriter(
            path, self._schema, compression=self._layout.codec, coerce_timestamps="us", store_schema=False
        )
        return _Open(partition=partition, location=location, path=path, writer=writer)

    def _flush(self, file: _Open) -> None:
        if file.pending:
            table = pa.Table.from_batches(file.pending)
            file.writer.write_table(table, row_group_size=max(1, table.num_rows))
        file.pending, file.pending_bytes = [], 0

    def _close(self) -> None:
        file, self._open = self._open, None
        if file is None:
            return
        self._flush(file)
        file.writer.close()
        measured = _measured(pq.read_metadata(file.path), self._layout.fields)
        partition = tuple(
            _avro(kind, value) for kind, value in zip(self._kinds, file.partition, strict=True)
        )
        self.files.append(_sent(self._store, file.path, ContentFile(
            location=file.location, size_bytes=file.path.stat().st_size, records=file.rows, content=DATA,
            spec=self._layout.spec, partition=partition, **measured,
        )))  # fmt: skip


def _avro(kind: str, value: Any) -> Any:
    size = types.decimal_of(kind)
    if value is None or size is None:
        return value if value is None else types.stored(kind, value)
    return types.least_bytes(types.stored(kind, value), types.decimal_bytes(size[0]))


def _sent(store: Stores, path: Path, file: ContentFile) -> ContentFile:
    store(file.location).write(file.location, path)
    path.unlink()
    return file


def _split(
    batch: pa.RecordBatch, width: int, kinds: Sequence[str]
) -> Iterator[tuple[tuple[Any, ...], pa.RecordBatch]]:
    """Cut a batch that is in the order of its keys where they change."""
    if not kinds:
        yield (), batch
        return
    keys = [batch.column(width + index) for index in range(len(kinds))]
    starts = [0, *_changes(keys, batch.num_rows), batch.num_rows]
    for start, end in pairwise(starts):
        if end > start:
            yield tuple(key[start].as_py() for key in keys), batch.slice(start, end - start)


def _changes(keys: Sequence[pa.Array], count: int) -> list[int]:
    found: set[int] = set()
    for key in keys:
        before, after = key.slice(0, max(count - 1, 0)), key.slice(1)
        same = pc.fill_null(pc.equal(before, after), fill_value=False)
        both = pc.and_(pc.is_null(before), pc.is_null(after))
        other = pc.invert(pc.or_(same, both))
        found.update(index + 1 for index in pc.indices_nonzero(other).to_pylist())
    return sorted(found)


def _escaped(text: str) -> str:
    return "".join(f"%{ord(char):02X}" if char in _ESCAPED or ord(char) < _CONTROL else char for char in text)


def _measured(footer: Any, fields: Sequence[Field]) -> dict[str, Any]:
    """Return the counts and bounds of a file's columns."""
    found: dict[str, dict[int, Any]] = {name: {} for name in ("sizes", "values", "nulls", "lower", "upper")}
    groups = [footer.row_group(index) for index in range(footer.num_row_groups)]
    for index, item in enumerate(fields):
        chunks = [group.column(index) for group in groups]
        found["sizes"][item.id] = sum(chunk.total_compressed_size for chunk in chunks)
        found["values"][item.id] = footer.num_rows
        statistics = [chunk.statistics for chunk in chunks]
        if any(one is None or not one.has_null_count for one in statistics):
            continue
        found["nulls"][item.id] = sum(one.null_count for one in statistics)
        filled = [one for one in statistics if one.null_count < one.num_values + one.null_count]
        if not filled or not all(one.has_min_max for one in filled):
            continue
        lower = types.bound(item.type, min(_value(item.type, one, "min") for one in filled), upper=False)
        upper = types.bound(item.type, max(_value(item.type, one, "max") for one in filled), upper=True)
        found["lower"] |= {} if lower is None else {item.id: lower}
        found["upper"] |= {} if upper is None else {item.id: upper}
    return {**found, "splits": tuple(group.column(0).file_offset or 4 for group in groups)}


def _value(kind: str, statistics: Any, which: str) -> Any:
    # Days and microseconds as they are stored: Python's calendar is shorter.
    raw = kind in ("date", "timestamp", "timestamptz")
    return getattr(statistics, f"{which}_raw" if raw else which)


def delete_files(
    layout: Layout, rows: Sequence[tuple[ContentFile, Sequence[int]]], store: Stores, scratch: Path
) -> list[ContentFile]:
    """Write which *rows* (positions in data files, in order) are deleted: a file for each partition."""
    made = []
    ordered = sorted(rows, key=lambda item: (item[0].spec, repr(item[0].partition), item[0].location))
    for (number, _), group in groupby(ordered, key=lambda item: (item[0].spec, item[0].partition)):
        made.append(_delete_file(layout, number, list(group), store, scratch))
    return made


_DELETES: Final = pa.schema([
    pa.field("file_path", pa.string(), nullable=False, metadata={_ID: str(_FILE_PATH).encode()}),
    pa.field("pos", pa.int64(), nullable=False, metadata={_ID: str(_POS).encode()}),
])  # fmt: skip


def _delete_file(
    layout: Layout, number: int, group: Sequence[tuple[ContentFile, Sequence[int]]], store: Stores, scratch: Path
) -> ContentFile:
    path = scratch / f"deletes-{uuid.uuid4()}.parquet"
    with pq.ParquetWriter(path, _DELETES, compression=layout.codec, store_schema=False) as writer:
        for file, positions in group:
            places = pa.array([file.location] * len(positions), pa.string())
            writer.write_table(pa.table([places, pa.array(positions, pa.int64())], schema=_DELETES))
    locations = [file.location.encode() for file, _ in group]
    every = [position for _, positions in group for position in positions]
    location = f"{folder(layout.document, 'data')}{uuid.uuid4()}-deletes.parquet"
    return _sent(store, path, ContentFile(
        location=location,
        size_bytes=path.stat().st_size,
        records=len(every),
        content=POSITIONS,
        spec=number,
        partition=group[0][0].partition,
        lower={_FILE_PATH: min(locations), _POS: min(every).to_bytes(8, "little")},
        upper={_FILE_PATH: max(locations), _POS: max(every).to_bytes(8, "little")},
        values={_FILE_PATH: len(every), _POS: len(every)},
        nulls={_FILE_PATH: 0, _POS: 0},
    ))  # fmt: skip
