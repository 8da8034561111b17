"""Files that have columns of their own, matched by position: Parquet, ORC and shapefiles.

Redshift, "COPY from columnar data formats" and "Loading a shapefile into Amazon Redshift". One bad value ends the
load, and the client is told so; what can be rejected are only shapes that are too large.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from pyarrow import orc

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from engine.errors import from_engine
from engine.load.plan import SUFFIXES, Compression, CopyPlan, Format, LoadColumn, Loaded, Rejection, Simplified
from engine.load.shapes import fitted
from engine.load.source import unpack_to
from storage.database import beside
from storage.objects import ObjectStore, StoredObject, probe

_ORC: Final = "duckshift_load_orc"
_INCOMPATIBLE: Final = "Spectrum Scan Error. Unmatched number of columns between table and file. "
_PARTS: Final = (".shp", ".shx", ".dbf")


@dataclass(frozen=True, slots=True)
class _Scan:
    """What engine SQL reads the files by."""

    source: str
    """What stands after FROM."""
    fields: tuple[str, ...]
    """Engine SQL of each column, in order."""
    simplified: tuple[Simplified, ...] = ()
    rejections: tuple[Rejection, ...] = ()


Opened = AbstractContextManager[_Scan]


def load_columnar(
    connection: duckdb.DuckDBPyConnection, plan: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject]
) -> Loaded:
    """Load *objects* by position in the transaction that is open on *connection*.

    Nothing is loaded where the plan gives up by the rejections that are returned.
    """
    with _failures(plan, store, objects), _SCANS[plan.layout.format](connection, plan, store, objects) as scan:
        found, wanted = len(scan.fields), len(plan.columns)
        if found > wanted or (found < wanted and not plan.layout.fill_record):
            raise SqlError(
                SqlState.INTERNAL_ERROR,
                f"{_INCOMPATIBLE}Table columns: {wanted}, Data columns: {found}, File name: {objects[0].location}",
                detail="code 15007",
            )
        if scan.rejections and plan.gives_up(len(scan.rejections)):
            return Loaded(rows=0, rejections=scan.rejections, simplified=scan.simplified)
        statement = f"SELECT count(*) FROM {scan.source}" if plan.no_load else _insert_sql(plan, scan)
        row = connection.execute(statement).fetchone()
    return Loaded(rows=int(row[0]) if row else 0, rejections=scan.rejections, simplified=scan.simplified)


def _insert_sql(plan: CopyPlan, scan: _Scan) -> str:
    values = [_value(column, field) for column, field in zip(plan.columns, scan.fields, strict=False)]
    values += ["NULL"] * (len(plan.columns) - len(values))
    target = ", ".join(quote(name) for name in plan.target())
    chosen = ", ".join([*values, *(filler.sql for filler in plan.fillers)])
    return f"INSERT INTO {plan.engine_name} ({target}) SELECT {chosen} FROM {scan.source}"


def _value(column: LoadColumn, field: str) -> str:
    kind = column.type
    if kind.type.name in ("varchar", "bpchar"):
        text = f"CAST({field} AS VARCHAR)"
        value = f"rtrim(rs_ascii({text}))" if kind.type.name == "bpchar" else text
        if kind.length is None:
            return value
        reason = f"duckshift:22001:{'Char' if kind.type.name == 'bpchar' else 'String'} length exceeds DDL length"
        fits = f"{field} IS NULL OR strlen({value}) <= {kind.length}"
        return f"CASE WHEN {fits} THEN {value} ELSE error({literal(reason)}) END"
    if kind.type.name == "super":
        return f"rs_try_json_parse(CAST(to_json({field}) AS VARCHAR))"
    return f"CAST({field} AS {kind.engine()})"


@contextmanager
def _parquet(
    connection: duckdb.DuckDBPyConnection, _: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject]
) -> Iterator[_Scan]:
    listed = ", ".join(literal(store.engine_path(item.location)) for item in objects)
    source = f"read_parquet([{listed}], union_by_name=false, hive_partitioning=false)"
    yield _Scan(source, tuple(quote(name) for name in _names(connection, source)))


@contextmanager
def _orc(
    connection: duckdb.DuckDBPyConnection, _: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject]
) -> Iterator[_Scan]:
    with tempfile.TemporaryDirectory(prefix="duckshift-load-") as folder:
        path = Path(folder, "file")
        failures: list[SqlError] = []
        names, reader = _stripes(store, [item.location for item in objects], path, failures)
        connection.register(_ORC, reader)
        try:
            yield _Scan(_ORC, names)
        except duckdb.Error:
            # Met while the engine was asking for rows, and wrapped by it.
            if failures:
                raise failures[0] from None
            raise
        finally:
            connection.unregister(_ORC)


def _stripes(
    store: ObjectStore, locations: Sequence[str], path: Path, failures: list[SqlError]
) -> tuple[tuple[str, ...], pa.RecordBatchReader]:
    """Return names by position and a reader over all files' stripes, one file at a time at *path*.

    What the store raises while the reader is read is added to *failures*.
    """

    def opened(location: str) -> orc.ORCFile:
        try:
            unpack_to(store, location, Compression.NONE, path)
        except SqlError as error:
            failures.append(error)
            raise
        return orc.ORCFile(path)

    first = opened(locations[0])
    names = [f"c{number}" for number in range(len(first.schema))]
    schema = pa.schema([pa.field(name, kind) for name, kind in zip(names, first.schema.types, strict=True)])

    def batches() -> Iterator[pa.RecordBatch]:
        file = first
        for number, location in enumerate(locations):
            file = opened(location) if number else file
            for stripe in range(file.nstripes):
                yield pa.RecordBatch.from_arrays(file.read_stripe(stripe).columns, names=names).cast(schema)

    return tuple(names), pa.RecordBatchReader.from_batches(schema, batches())


@contextmanager
def _shapefile(
    connection: duckdb.DuckDBPyConnection, plan: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject]
) -> Iterator[_Scan]:
    packing = plan.layout.compression
    parts = tuple(part + SUFFIXES[packing] for part in _PARTS)
    stems = sorted({item.location[: -len(parts[0])] for item in objects if item.location.endswith(parts)})
    missing = [part for part in parts for stem in stems if store.size(stem + part) is None]
    if len(stems) != 1 or missing:
        raise SqlError(
            SqlState.INTERNAL_ERROR,
            "a shapefile is one .shp, .shx and .dbf file of one name",
            detail=f"Found {len(stems)} names; missing: {', '.join(missing) or 'none'}.",
        )
    with tempfile.TemporaryDirectory(prefix="duckshift-load-") as folder:
        for name, part in zip(_PARTS, parts, strict=True):
            unpack_to(store, stems[0] + part, packing, Path(folder, "shape" + name))
        source = f"ST_Read({literal(str(Path(folder, 'shape.shp')))})"
        attributes = [quote(name) for name in _names(connection, source) if name not in ("geom", "OGC_FID")]
        side = beside(connection)
        try:
            reading = fitted(side, plan, source, stems[0] + parts[0])
        finally:
            side.close()
        # The geometry comes first, then the attributes.
        fields = (f"rs_ewkb(hex(ST_AsWKB({reading.shape})), 0)", *attributes)
        yield _Scan(reading.source, fields, reading.simplified, reading.rejections)


_SCANS: Final[
    dict[Format, Callable[[duckdb.DuckDBPyConnection, CopyPlan, ObjectStore, Sequence[StoredObject]], Opened]]
] = {Format.PARQUET: _parquet, Format.ORC: _orc, Format.SHAPEFILE: _shapefile}  # fmt: skip
COLUMNAR: Final = frozenset(_SCANS)
"""The formats that are loaded here."""


def _names(connection: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    # On a connection of its own: a file that cannot be read must not end the transaction of the session.
    side = beside(connection)
    try:
        described: list[Any] = side.execute(f"SELECT * FROM {source} LIMIT 0").description or []
        return [column[0] for column in described]
    finally:
        side.close()


@contextmanager
def _failures(plan: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject]) -> Iterator[None]:
    try:
        yield
    except (duckdb.InterruptException, duckdb.OutOfMemoryException, duckdb.ConstraintException):
        raise
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        # A transfer that breaks is no kind of error of its own to DuckDB.
        if isinstance(error, (duckdb.IOException, duckdb.HTTPException)) or type(error) is duckdb.Error:
            probe(store, [item.location for item in objects])
        told = from_engine(error) if isinstance(error, duckdb.Error) else None
        too_long = told is not None and told.state is SqlState.STRING_DATA_RIGHT_TRUNCATION
        shown = _SHOWN[plan.layout.format]
        message = told.message if told and too_long else f"a column has an incompatible {shown} schema"
        raise SqlError(
            SqlState.INTERNAL_ERROR, f"Spectrum Scan Error: {message}", detail=f'Table "{plan.table}", code 15007.'
        ) from None


_SHOWN: Final = {Format.PARQUET: "Parquet", Format.ORC: "ORC", Format.SHAPEFILE: "shapefile"}
