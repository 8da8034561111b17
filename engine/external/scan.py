"""An external table as a view of the engine for one statement: partitions left out, files found, rows read.

Which partitions a query can need is found by planning it over stand-ins: the engine's optimizer throws away those
that its conditions rule out, wherever they stand. What is left is listed and read.
"""

import json
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import duckdb

from core import nested
from core.names import literal, quote
from core.nested import Nested, Scalar
from core.types import ColumnType
from engine.external import federated, readers, serialization
from engine.external.files import ScanFile, orc_to_parquet, unpacked
from engine.external.formats import TEXTUAL, FileFormat, compression_of, fields, format_of, is_iceberg
from engine.external.managed import listed
from engine.iceberg import reading
from engine.iceberg.manifests import ContentFile
from engine.load.plan import Compression
from storage.datacatalog import Partition, Storage, Table
from storage.objects import ObjectStore

PATH: Final = "$path"
SIZE: Final = "$size"
OID: Final = "$spectrum_oid"
OUTLINE: Final = "outline_"
"""What the names of the tables begin with that stand for external ones in plans."""
_MARK: Final = 1 << 50
"""Stand-ins are told apart by how many rows they say they have: this many and their number more."""
_OPAQUE: Final = _MARK - 1
_MANY: Final = 20_000
"""With more partitions than this, planning over stand-ins costs more than it saves."""
_RANGE: Final = "RANGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """An external table that a statement reads."""

    view: str
    """The engine's name for it."""
    oid: int
    table: Table
    columns: tuple[tuple[str, Nested], ...]
    keys: tuple[tuple[str, ColumnType], ...]
    serialized: bool
    """Whether nested values are read as JSON text (json_serialization_enable)."""
    parsed: bool = False
    """Whether strings in them that are JSON are written as it (json_serialization_parse_nested_strings)."""
    partitions: Callable[[], Sequence[Partition]]
    store: Callable[[str], ObjectStore]
    """Returns the store of a location."""


Folders = list[tempfile.TemporaryDirectory[str]]


def prepare(
    connection: duckdb.DuckDBPyConnection, scans: Sequence[Scan], query: str | None, folders: Folders, text: str = ""
) -> None:
    """Make the views that *query* (engine SQL; None: any) reads its external tables by.

    *text* is the query before its parameters were put in. What had to be unpacked is in *folders*, which must live as
    long as rows are read.
    """
    for setting in federated.settings({scan.table.type for scan in scans}, text):
        connection.execute(setting)
    parts = [_parts(scan) for scan in scans]
    needed = _needed(connection, scans, parts, query)
    for scan, part, chosen in zip(scans, parts, needed, strict=True):
        connection.execute(_view(scan, _rows(connection, scan, part, chosen, folders)))


def changeable(
    connection: duckdb.DuckDBPyConnection, scan: Scan, name: str, query: str | None
) -> Sequence[ContentFile]:
    """Make a temporary table *name* of an Iceberg table's rows, each with its file's number and its place in it.

    Those of files that *query* (engine SQL over *name*; None: any) cannot have rows of are left out. Returns the files.
    """
    # EXPLAIN leaves one behind.
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    part = _Parts(snapshot=reading.snapshot(scan.table, scan.store))
    chosen = _needed(connection, [replace(scan, view=name)], [part], query)[0]
    connection.execute(f"DROP VIEW IF EXISTS {name}")
    rows = _iceberg(connection, scan, part, chosen, changed=True)
    connection.execute(f"CREATE OR REPLACE TEMPORARY TABLE {name} AS {rows}")
    return [part.snapshot.data[index] for index in chosen] if part.snapshot is not None else []


def outline(connection: duckdb.DuckDBPyConnection, scans: Sequence[Scan]) -> None:
    """Make views over tables that are called as the views are, of any values: what EXPLAIN plans over."""
    for scan in scans:
        table = scan.view.removeprefix("temp.main.").replace('"rs_', f'"{OUTLINE}rs_', 1)
        extremes = " UNION ALL ".join(_extreme(scan, last=last) for last in (False, True))
        connection.execute(f"CREATE OR REPLACE TEMPORARY TABLE {table} AS {extremes}")
        connection.execute(_view(scan, f"SELECT * FROM temp.main.{table}"))


def _extreme(scan: Scan, *, last: bool) -> str:
    """Return a row of the first or last values that there are: no condition can be seen to be false."""
    columns = [(name, _shown(scan, kind)) for name, kind in scan.columns]
    columns += [(name, kind.engine()) for name, kind in scan.keys]
    columns += [(PATH, "VARCHAR"), (SIZE, "BIGINT"), (OID, "BIGINT")]
    values = [(_EXTREMES.get(kind, ("NULL", "NULL"))[last], kind, quote(name)) for name, kind in columns]
    return f"SELECT {', '.join(f'CAST({value} AS {kind}) AS {name}' for value, kind, name in values)}"


_EXTREMES: Final = {
    "SMALLINT": ("-32768", "32767"), "INTEGER": ("-2147483648", "2147483647"), "BOOLEAN": ("false", "true"),
    "BIGINT": ("-9223372036854775808", "9223372036854775807"), "REAL": ("-3e38", "3e38"), "DOUBLE": ("-1e308", "1e308"),
    "DATE": ("'-4712-01-01'", "'9999-12-31'"), "TIMESTAMP": ("'-4712-01-01'", "'9999-12-31'"),
    "VARCHAR": ("''", "'~~~'"),
}  # fmt: skip


def outline_changeable(connection: duckdb.DuckDBPyConnection, scan: Scan, name: str) -> None:
    """Make the table *name* that ``changeable`` would make, of any values: what EXPLAIN plans over."""
    rows = " UNION ALL ".join(_extreme(scan, last=last) for last in (False, True))
    marks = _marks(("0", "0"))
    connection.execute(f"CREATE OR REPLACE TEMPORARY TABLE {name} AS SELECT *{marks} FROM ({rows})")


def describe(connection: duckdb.DuckDBPyConnection, scans: Sequence[Scan]) -> None:
    """Make views of the right shape without rows."""
    for scan in scans:
        connection.execute(_view(scan, _nothing(scan)))


def _view(scan: Scan, query: str) -> str:
    return f"CREATE OR REPLACE TEMPORARY VIEW {scan.view} AS {query}"


# Partitions


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What a table consists of: partitions, or an Iceberg table's files."""

    partitions: Sequence[Partition] = ()
    snapshot: reading.Snapshot | None = None

    def __len__(self) -> int:
        return len(self.partitions) if self.snapshot is None else len(self.snapshot.data)


def _parts(scan: Scan) -> _Parts:
    if is_iceberg(scan.table):
        return _Parts(snapshot=reading.snapshot(scan.table, scan.store))
    return _Parts(partitions=list(scan.partitions()) if scan.keys else ())


def _needed(
    connection: duckdb.DuckDBPyConnection, scans: Sequence[Scan], parts: Sequence[_Parts], query: str | None
) -> list[list[int]]:
    """Return, for each scan, the numbers of the parts that *query* can have rows of."""
    everything = [list(range(len(part))) for part in parts]
    count = sum(map(len, parts))
    if query is None or not 1 < count <= _MANY:
        return everything
    start = _MARK
    starts: list[int] = []
    for scan, part in zip(scans, parts, strict=True):
        shown = _told(scan, part, query)
        starts.append(start)
        connection.execute(_view(scan, _stand_ins(scan, shown, start) or _nothing(scan)))
        start += len(shown)
    left = _left(connection, query)
    if left is None or not all(_OPAQUE <= mark < start for mark in left):
        return everything
    return [
        [mark - first for mark in sorted(left) if first <= mark < first + len(part)]
        for first, part in zip(starts, parts, strict=True)
    ]


def opaque(columns: Sequence[tuple[str, str]]) -> str:
    """Return a relation of columns (names and engine types) that the optimizer knows nothing of.

    It stands for a stored table while partitions are chosen: what is known of that table's rows is true for a moment.
    """
    shown = ", ".join(_unknown(columns))
    return f"(SELECT {shown} FROM range({_OPAQUE}))"


def _unknown(columns: Sequence[tuple[str, str]]) -> list[str]:
    """Return columns (names and engine types) of whose values the optimizer must not know anything.

    They are made by way of text, and each in its own way: two columns of one expression would be equal.
    """
    return [
        f"CAST(CAST(range AS VARCHAR) || '{index}' AS {kind}) AS {quote(name)}"
        for index, (name, kind) in enumerate(columns)
    ]


def _told(scan: Scan, part: _Parts, query: str) -> list[tuple[list[str], str]]:
    """Return what is known of each part's rows: the values of its keys, and a condition that holds."""
    if part.snapshot is not None:
        known = part.snapshot
        named = [name for name, _ in scan.columns if name in query]
        return [([], reading.bounds(known, named, file)) for file in known.data]
    if scan.keys:
        return [(_key_values(scan, item), "") for item in part.partitions]
    # A table without keys is one stand-in too: nothing is to be known of its rows either.
    return [([], "")]


def _stand_ins(scan: Scan, parts: Sequence[tuple[list[str], str]], start: int) -> str:
    """Return stand-ins for parts of a table, each with what is known of it."""
    pieces = []
    for number, (keys, holds) in enumerate(parts):
        columns = [(name, _shown(scan, kind)) for name, kind in scan.columns]
        data = _unknown([*columns, (PATH, "VARCHAR"), (SIZE, "BIGINT"), (OID, "BIGINT")])
        shown = [*data[: len(columns)], *keys, *data[len(columns) :]]
        piece = f"SELECT {', '.join(shown)} FROM range({start + number})"
        pieces.append(f"SELECT * FROM ({piece}) WHERE {holds}" if holds else piece)
    return " UNION ALL ".join(pieces)


def _key_values(scan: Scan, partition: Partition) -> list[str]:
    return [
        f"{readers.key(kind, value)} AS {quote(name)}"
        for (name, kind), value in zip(scan.keys, partition.values, strict=False)
    ]


def _left(connection: duckdb.DuckDBPyConnection, query: str) -> set[int] | None:
    """Return the marks of the stand-ins that the plan of *query* still has; None where that cannot be told."""
    try:
        answer = connection.execute(f"EXPLAIN (FORMAT json) {query}").fetchall()
    except duckdb.Error:
        # What is wrong with the query is for its own run to say.
        return None
    found_: set[int] = set()
    todo: list[Any] = [node for _, text in answer for node in json.loads(text)]
    while todo:
        node = todo.pop()
        todo += node.get("children", ())
        facts = node.get("extra_info", {})
        if node.get("name", "").strip() == _RANGE or facts.get("Function") == _RANGE:
            mark = str(facts.get("Estimated Cardinality", ""))
            if not mark.isdigit():
                return None
            found_.add(int(mark))
    return found_


# Rows


def _nothing(scan: Scan, more: str = "") -> str:
    shown = [f"CAST(NULL AS {_shown(scan, kind)}) AS {quote(name)}" for name, kind in scan.columns]
    shown += [f"CAST(NULL AS {kind.engine()}) AS {quote(name)}" for name, kind in scan.keys]
    shown.append(f"CAST(NULL AS VARCHAR) AS {quote(PATH)}")
    shown += [f"CAST(NULL AS BIGINT) AS {quote(name)}" for name in (SIZE, OID)]
    return f"SELECT {', '.join(shown)}{more} WHERE false"


def _shown(scan: Scan, kind: Nested) -> str:
    return "VARCHAR" if scan.serialized and not isinstance(kind, Scalar) else nested.engine(kind)


def _rows(
    connection: duckdb.DuckDBPyConnection, scan: Scan, part: _Parts, chosen: Sequence[int], folders: Folders
) -> str:
    if scan.table.type in federated.DIALECTS:
        return federated.select(scan.table, [(name, nested.engine(kind)) for name, kind in scan.columns])
    if part.snapshot is not None:
        return _iceberg(connection, scan, part, chosen)
    form, partitions = format_of(scan.table), part.partitions
    places = [(number, partitions[number].storage) for number in chosen] if scan.keys else [(0, scan.table.storage)]
    groups: OrderedDict[tuple[Compression, Any], list[ScanFile]] = OrderedDict()
    for number, storage in places:
        layout = fields(scan.table, storage) if form in TEXTUAL else None
        for file in _files(scan, form, number, storage, folders):
            groups.setdefault((file.compression, layout), []).append(file)

    def types_of(sql: str) -> Mapping[str, str]:
        return {str(row[0]).lower(): str(row[1]) for row in connection.execute(f"DESCRIBE {sql}").fetchall()}

    if not groups:
        return _nothing(scan)
    pieces = []
    for (_, layout), files in groups.items():
        read = _reader(form, files, scan.columns, layout, types_of)
        pieces.append(_selected(scan, read, files, partitions))
    return " UNION ALL ".join(pieces)


def _iceberg(
    connection: duckdb.DuckDBPyConnection, scan: Scan, part: _Parts, chosen: Sequence[int], *, changed: bool = False
) -> str:
    known = part.snapshot
    data = [known.data[index] for index in chosen] if known is not None else []
    if known is None or not data:
        return _nothing(scan, _marks(None) if changed else "")
    more = _marks(("file_index", "file_row_number")) if changed else ""
    files = reading.scanned(data, scan.store)
    columns = [(name, nested.stored(kind)) for name, kind in scan.columns]
    read = readers.Read(
        source=reading.source(connection, known, columns, data, files, scan.store),
        columns=tuple(
            f"CAST({readers.rebuilt(quote(name), kind)} AS {nested.engine(kind)})" for name, kind in scan.columns
        ),
    )
    return _selected(scan, read, files, (), more)


def _marks(places: tuple[str, str] | None) -> str:
    """Return the columns that say where a row is."""
    pairs = zip((reading.FILE, reading.POSITION), places or ("NULL", "NULL"), strict=True)
    return "".join(f", CAST({place} AS BIGINT) AS {quote(name)}" for name, place in pairs)


def _reader(
    form: FileFormat, files: Sequence[ScanFile], columns: readers.Columns, layout: Any, types_of: readers.Describe
) -> readers.Read:
    match form:
        case FileFormat.CSV | FileFormat.TEXT:
            return readers.delimited(files, columns, layout)
        case FileFormat.JSON:
            return readers.documents(files, columns, layout)
        case FileFormat.REGEX:
            return readers.by_pattern(files, columns, layout)
        case FileFormat.AVRO:
            return readers.columnar(readers.avro(files), files, columns, types_of)
        case _:
            return readers.columnar(readers.parquet(files), files, columns, types_of)


def _files(
    scan: Scan, form: FileFormat, number: int, storage: Storage, folders: Folders
) -> list[ScanFile]:
    store = scan.store(storage.location)
    files = []
    for item in listed(store, scan.table, storage):
        packing = compression_of(scan.table, item.location) if form in TEXTUAL else Compression.NONE
        file = ScanFile(
            location=item.location, size_bytes=item.size_bytes, path="", partition=number, compression=packing
        )
        files.append(_reachable(scan, form, store, file, folders))
    return files


def _reachable(scan: Scan, form: FileFormat, store: ObjectStore, file: ScanFile, folders: Folders) -> ScanFile:
    """Return the file as DuckDB can read it: by an address, or from a copy where it is packed as DuckDB cannot."""
    if form is FileFormat.ORC:
        by_place = (scan.table.parameter("orc.schema.resolution") or "name") != "name"
        names = [name for name, _ in scan.columns] if by_place else []
        return replace(file, path=orc_to_parquet(store, file.location, _folder(folders), names))
    if file.compression is Compression.BZIP2:
        path = unpacked(store, file.location, file.compression, _folder(folders))
        return replace(file, path=path, compression=Compression.NONE)
    return replace(file, path=store.engine_path(file.location))


def _folder(folders: Folders) -> Path:
    if not folders:
        folders.append(tempfile.TemporaryDirectory(prefix="duckshift-external-"))
    return Path(folders[0].name)


def _selected(
    scan: Scan, read: readers.Read, files: Sequence[ScanFile], partitions: Sequence[Partition], more: str = ""
) -> str:
    shown = []
    for (name, kind), sql in zip(scan.columns, read.columns, strict=True):
        text = scan.serialized and not isinstance(kind, Scalar)
        value = serialization.text(sql, kind, parse=scan.parsed) if text else sql
        shown.append(f"{value} AS {quote(name)}")
    for index, (name, type_) in enumerate(scan.keys):
        values = [readers.key(type_, partitions[file.partition].values[index]) for file in files]
        shown.append(f"{_by_file(values)} AS {quote(name)}")
    shown.append(f"{_by_file([literal(file.location) for file in files])} AS {quote(PATH)}")
    shown.append(f"{_by_file([f'CAST({file.size_bytes} AS BIGINT)' for file in files])} AS {quote(SIZE)}")
    shown.append(f"CAST({scan.oid} AS BIGINT) AS {quote(OID)}")
    return f"SELECT {', '.join(shown)}{more} FROM {read.source}"


def _by_file(values: Sequence[str]) -> str:
    """Return the value of the file that a row is from."""
    return values[0] if len(set(values)) == 1 else f"([{', '.join(values)}])[CAST(file_index AS BIGINT) + 1]"
