"""COPY … FROM files, carried out: the quickest way first, the careful way where that one stumbles.

Everything here blocks and runs on an engine thread. An error inside a transaction ends it in DuckDB, so
what may fail for its data runs where that does no harm: in a transaction that has done nothing yet
(``fresh``), which is begun again, or as a check on a connection of its own.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState
from engine.load import fields
from engine.load.avro import as_documents
from engine.load.careful import CarefulLoad, TooManyErrorsError
from engine.load.columnar import COLUMNAR, load_columnar
from engine.load.direct import check_sql, insert_sql, possible
from engine.load.fields import BlankLineError
from engine.load.parsed import count_parsed, load_parsed
from engine.load.plan import FAILED, Compression, CopyPlan, Format, Loaded, Rejection, Simplified
from engine.load.progress import Progress
from engine.load.source import decoded, unpack_to, unpacked
from storage.database import beside
from storage.objects import ObjectStore, StoredObject

_REASON_CHARS: Final = 100
_UNPACKED_FIRST: Final = frozenset({Compression.BZIP2, Compression.LZOP})
"""What DuckDB cannot unpack itself."""
_LINES: Final = frozenset({Format.DELIMITED, Format.CSV, Format.FIXED, Format.JSON})
"""Formats whose rows are lines, as a rule."""


class LoadFailedError(SqlError):
    """A load that was given up for its data; the rejected records go to STL_LOAD_ERRORS."""

    def __init__(self, table: str, rejections: tuple[Rejection, ...], simplified: tuple[Simplified, ...] = ()) -> None:
        """Say what Redshift says, and keep what was rejected, and tried before."""
        super().__init__(SqlState.INTERNAL_ERROR, FAILED.format(table=table))
        self.rejections = rejections
        self.simplified = simplified


def load(
    connection: duckdb.DuckDBPyConnection,
    plan: CopyPlan,
    store: ObjectStore,
    objects: Sequence[StoredObject],
    *,
    fresh: bool = False,
    progress: Progress | None = None,
) -> Loaded:
    """Load *objects* in the transaction that is open on *connection*, telling *progress* how far it is.

    *fresh* allows to roll that transaction back and begin it again: it holds nothing yet. Raises
    ``LoadFailedError`` when too many records are bad, and leaves the table as it was then.
    """
    if not objects:
        return Loaded(rows=0)
    progress = progress or Progress()
    packed = plan.layout.compression is not Compression.NONE
    if not progress.objects:
        progress.begin(store, objects, packed=packed, lines=plan.layout.format in _LINES)
    if plan.layout.format in COLUMNAR:
        return _load_columns(connection, plan, store, objects, progress)
    if plan.layout.format is Format.AVRO:
        with as_documents(connection, plan, store, objects) as (changed, converted):
            return load(connection, changed, converted, converted.objects(), fresh=fresh, progress=progress)
    try:
        rows = _load_quickly(connection, _Parsing(plan, store, objects, progress), fresh=fresh)
    except BlankLineError:
        progress.restart()
        return _load_carefully(connection, plan, store, objects, progress)
    if rows is None:
        with _readable(plan, store, objects) as (direct_plan, paths), progress.watching(connection):
            rows = _load_directly(connection, direct_plan, paths, fresh=fresh)
    if rows is not None:
        return Loaded(rows=rows)
    return _load_carefully(connection, plan, store, objects, progress)


def _load_columns(
    connection: duckdb.DuckDBPyConnection,
    plan: CopyPlan,
    store: ObjectStore,
    objects: Sequence[StoredObject],
    progress: Progress,
) -> Loaded:
    try:
        with progress.watching(connection):
            loaded = load_columnar(connection, plan, store, objects)
    except duckdb.ConstraintException:
        raise LoadFailedError(plan.table, ()) from None
    if loaded.rejections and plan.gives_up(len(loaded.rejections)):
        raise LoadFailedError(plan.table, loaded.rejections, loaded.simplified)
    return loaded


@contextmanager
def _readable(
    plan: CopyPlan, store: ObjectStore, objects: Sequence[StoredObject]
) -> Iterator[tuple[CopyPlan, list[str]]]:
    """Give the paths that DuckDB can read, unpacking first what it cannot unpack."""
    if plan.layout.compression not in _UNPACKED_FIRST:
        yield plan, [store.engine_path(item.location) for item in objects]
        return
    plain = replace(plan, layout=replace(plan.layout, compression=Compression.NONE))
    if not possible(plain):
        yield plan, []
        return
    with tempfile.TemporaryDirectory(prefix="duckshift-load-") as folder:
        paths = [Path(folder, f"{number}") for number in range(len(objects))]
        for item, path in zip(objects, paths, strict=True):
            with _reading(plan, item):
                unpack_to(store, item.location, plan.layout.compression, path)
        yield plain, [str(path) for path in paths]


def _load_directly(
    connection: duckdb.DuckDBPyConnection, plan: CopyPlan, paths: Sequence[str], *, fresh: bool
) -> int | None:
    """Return the number of rows, None where the careful way is needed."""
    if not possible(plan):
        return None
    return _attempted(
        connection,
        lambda target: _count(target.execute(insert_sql(plan, paths))),
        lambda side: _count(side.execute(check_sql(plan, paths))),
        fresh=fresh,
        no_load=plan.no_load,
    )


_Attempt = Callable[[duckdb.DuckDBPyConnection], int]


@dataclass(frozen=True, slots=True)
class _Parsing:
    """The quickest way for one load."""

    plan: CopyPlan
    store: ObjectStore
    objects: Sequence[StoredObject]
    progress: Progress

    def insert(self, connection: duckdb.DuckDBPyConnection) -> int:
        return load_parsed(connection, self.plan, self.store, self.objects, self.progress)

    def count(self, connection: duckdb.DuckDBPyConnection) -> int:
        return count_parsed(connection, self.plan, self.store, self.objects, self.progress)


def _load_quickly(connection: duckdb.DuckDBPyConnection, work: _Parsing, *, fresh: bool) -> int | None:
    """Return the number of rows, None where another way is needed."""
    if not fields.possible(work.plan):
        return None
    rows = _attempted(connection, work.insert, work.count, fresh=fresh, no_load=work.plan.no_load)
    if rows is None:
        work.progress.restart()
    return rows


def _attempted(
    connection: duckdb.DuckDBPyConnection, insert: _Attempt, check: _Attempt, *, fresh: bool, no_load: bool
) -> int | None:
    """Return what *insert* does, None where the data are not for it, the transaction being as it was.

    It is checked before on a connection of its own unless the transaction may be begun again.
    """
    if fresh and not no_load:
        try:
            return insert(connection)
        except duckdb.InterruptException:
            raise
        except (duckdb.Error, BlankLineError) as error:
            connection.execute("ROLLBACK")
            connection.execute("BEGIN TRANSACTION")
            if isinstance(error, BlankLineError):
                raise
            return None
    zone = connection.execute("SELECT current_setting('TimeZone')").fetchone()
    side = beside(connection)
    try:
        side.execute(f"SET TimeZone = {literal(str(zone[0]) if zone else 'UTC')}")
        rows = check(side)
    except duckdb.Error:
        return None
    finally:
        side.close()
    return rows if no_load else insert(connection)


def _load_carefully(
    connection: duckdb.DuckDBPyConnection,
    plan: CopyPlan,
    store: ObjectStore,
    objects: Sequence[StoredObject],
    progress: Progress,
) -> Loaded:
    work = CarefulLoad(connection, plan, progress)
    try:
        for item in objects:
            with (
                _reading(plan, item),
                unpacked(store, item.location, plan.layout.compression) as packed,
                decoded(packed, plan.layout.encoding) as stream,
            ):
                work.read(item.location, stream)
            progress.finish_file()
        rows = work.good if plan.no_load else work.insert()
        return Loaded(rows=rows, rejections=tuple(work.rejections), replacements=tuple(work.replacements))
    except TooManyErrorsError:
        raise LoadFailedError(plan.table, tuple(work.rejections)) from None
    finally:
        work.close()


@contextmanager
def _reading(plan: CopyPlan, item: StoredObject) -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError, ValueError) as error:
        # What the unpackers raise for a file that is not what the statement says.
        raise SqlError(
            SqlState.BAD_COPY_FILE_FORMAT,
            f"The file '{item.location}' cannot be read as {plan.layout.compression or plan.layout.encoding}",
        ) from error


def _count(cursor: duckdb.DuckDBPyConnection) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """Which load it was: whose, into which table (OID), in which session, as which statement, of which copy job."""

    user: int
    table: int
    started: datetime
    session: int
    query: int
    job: int = -1


def error_rows(rejections: Sequence[Rejection], of: Occasion) -> list[tuple[Any, ...]]:
    """Return the rows of ``storage.journal``'s load_errors for *rejections*."""
    return [
        (
            of.user, 0, of.table, of.started.replace(tzinfo=None), of.session, of.query, item.filename[:256],
            item.line_number,
            item.column.name if item.column else "", item.column.type.type.name if item.column else "",
            _length(item), item.fault.position, item.raw_line.replace("\0", ""), item.raw_value.replace("\0", ""),
            item.fault.code, item.fault.reason[:_REASON_CHARS], 0, 0, of.job,
        )
        for item in rejections
    ]  # fmt: skip


def _length(item: Rejection) -> str:
    kind = item.column.type if item.column else None
    if kind is None:
        return ""
    if kind.precision is not None:
        return f"{kind.precision}, {kind.scale}"
    return str(kind.length or 0)
