"""Copies of tables in the engine's own format, which it reads as fast as it can: files that nobody misses.

A large table is written by a second DuckDB instance with one thread, on a thread that yields to all others, and the
first attaches the finished file to read it only: what goes wrong while a file is written touches nothing else, and no
two things are written in one instance. A table whose few rows are in the lake's catalog is copied into memory.
What is copied when, and when a copy may no longer be read, is ``session.table_cache``'s business.
"""

import contextlib
import itertools
import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from core.names import literal, quote
from storage import scans
from storage.abandoned import part_with
from storage.database import LAKE, Database, loaded
from storage.hot import Column, columns, filled, unpadded
from storage.threads import BACKGROUND, give_way

_MEMORY_LIMIT: Final = "1GB"
"""What writing a file may take beside the engine's own memory."""
SMALL_ROWS: Final = 10_000
SMALL_BYTES: Final = 4 << 20
_GROWTH: Final = 3
"""How many times larger than its Parquet files a copy is at most, as a rule."""
_UNPACKED: Final = 10
"""How many times larger its rows are while they are sorted."""
_PLAIN: Final = 6
"""How many times larger it is, as a rule, where it is not compressed."""
_SORTED_BYTES: Final = 4 << 30
"""Tables whose files are larger are copied in the order that they have."""
_SORTED_ROWS: Final = 500_000
"""Tables of fewer rows are a few blocks, of which none can be left out."""
_CLUSTERED: Final = 0.1
"""What part of all days the rows of one block may come from for a table to be sorted well enough."""
_BATCH_ROWS: Final = 50_000
_SMALL_BATCH: Final = 1_000
_ENDLESS: Final = 1 << 62


@dataclass(frozen=True, slots=True)
class CachedTable:
    """One copy."""

    name: str
    """Its qualified name in the engine, which nothing in a query can hide."""
    size_bytes: int
    path: Path | None = None
    """Its file; None for one in memory."""
    unpadded: frozenset[str] = frozenset()
    """The strings among its columns, as they are written, of which it is known that no value ends in a blank."""

    @property
    def database(self) -> str:
        """What it is attached as."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Order:
    """What a copy is sorted by, so that filters leave most of it unread."""

    columns: tuple[str, ...] = ()
    """Their names in the lake; none leave the rows as they are."""
    declared: bool = False
    """Whether the table has it as its sort key, by which the lake sorts each of its files."""


class Stopped(Exception):
    """A copy that was being written is not wanted any more."""


class Writing:
    """A copy while it is written: another thread may ask it to stop, and does so again until it has."""

    def __init__(self) -> None:
        """Begin."""
        self._lock = threading.Lock()
        self._writer: duckdb.DuckDBPyConnection | None = None
        self.stopped = False

    def stop(self) -> None:
        """Have it end; the engine forgets what it is told between two statements."""
        with self._lock:
            self.stopped = True
            if self._writer is not None:
                self._writer.interrupt()

    def run(self, writer: duckdb.DuckDBPyConnection, work: Callable[[], None]) -> None:
        """Do *work*, which works with *writer*; raises ``Stopped``."""
        with self._lock:
            self._writer = writer
        try:
            if not self.stopped:
                work()
        except duckdb.Error:
            if not self.stopped:
                raise
        finally:
            with self._lock:
                self._writer = None
            writer.close()
        if self.stopped:
            raise Stopped


class CacheStore:
    """The copies' files and their names in the engine. Blocking; one ``load`` at a time."""

    def __init__(self, database: Database, size_bytes: int) -> None:
        """Copy from *database* into files of up to *size_bytes*, below its folder."""
        self._database = database
        self._size_bytes = size_bytes
        self._folder = database.location.folder / "cache"
        self._numbers = itertools.count(1)
        # What a server that was killed has left.
        shutil.rmtree(self._folder, ignore_errors=True)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a new connection to the engine."""
        return self._database.cursor()

    def load_small(self, schema: str, table: str, *, filled_only: bool = False) -> CachedTable | None:
        """Copy a table (bare lake names) of few rows into memory; None where it has many or is not fit.

        *filled_only* leaves one that has none.
        """
        if scans.size(self._database, schema, table)[0] > SMALL_ROWS:
            return None
        relation = _relation(schema, table)
        source, target = self._database.cursor(), self._database.cursor()
        try:
            found = columns(source, relation)
            if found is None:
                return None
            if filled_only and source.execute(f"SELECT 1 FROM {relation} LIMIT 1").fetchone() is None:
                return None
            # A database of its own: transactions that have begun see it, as they would not see a new table in one.
            place = f"kept_{next(self._numbers)}"
            target.execute(f"ATTACH ':memory:' AS {place}")
            name = f"{place}.main.copied"
            target.execute(_created(name, found))
            reader = source.execute(f"SELECT * FROM {relation} LIMIT {SMALL_ROWS + 1}").to_arrow_reader(_SMALL_BATCH)
            size = filled(target, name, found, reader, (SMALL_ROWS, SMALL_BYTES))
            if size is None:
                target.execute(f"DETACH {place}")
                return None
            return CachedTable(name, size, unpadded=unpadded(target, name, found))
        finally:
            part_with(source)
            part_with(target)

    def looked_up(
        self, schema: str, table: str, paths: list[str] | None, order: Order = Order(), *, used: int = 0
    ) -> "Rows | None":
        """Return the rows of a table (bare lake names) as it is now, for ``load``; None where it is not fit.

        *paths* are the files that hold them, where there is such a list; *used* are the bytes of all other copies.
        """
        count, parquet_bytes = scans.size(self._database, schema, table)
        if not self._has_room(parquet_bytes, _GROWTH, self._size_bytes):
            return None
        source = self._database.cursor()
        try:
            found = columns(source, _relation(schema, table))
            direct = self._direct(paths)
            worth = count >= _SORTED_ROWS and self._has_room(parquet_bytes, _UNPACKED, _SORTED_BYTES)
            by = order.columns if worth and not _is_sorted(source, order, direct) else ()
            come = source.execute(f"SELECT * FROM {_relation(schema, table)}") if found and direct is None else direct
        except BaseException:
            part_with(source)
            raise
        if found is None or come is None:
            part_with(source)
            return None
        return Rows(source, found, come, by, self._may_be_plain(parquet_bytes, used))

    def load(self, rows: "Rows", writing: Writing) -> CachedTable | None:
        """Copy *rows*; None where they are too many. Raises ``Stopped``."""
        name = f"cached_{next(self._numbers)}"
        path = self._folder / f"{name}.duckdb"
        key = secrets.token_hex(32) if self._database.location.encrypted else ""
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._write(path, key, writing, rows)
            size = path.stat().st_size
            if size > self._size_bytes:
                _remove(path)
                return None
            rows.connection.execute(f"ATTACH {literal(str(path))} AS {name} ({', '.join(['READ_ONLY', *_key(key)])})")
            bare = self._warm(rows.connection, f"{name}.main.copied", rows.columns, size)
        except BaseException:
            _remove(path)
            raise
        finally:
            part_with(rows.connection)
        return CachedTable(f"{name}.main.copied", size, path, bare)

    def drop(self, copy: CachedTable) -> None:
        """Give up a copy; queries that are reading it go on."""
        connection = self._database.cursor()
        try:
            connection.execute(f"DETACH {copy.database}")
        finally:
            connection.close()
            if copy.path is not None:
                _remove(copy.path)

    def close(self) -> None:
        """Take the files away."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _warm(
        self, connection: duckdb.DuckDBPyConnection, name: str, found: list[Column], size: int
    ) -> frozenset[str]:
        """Read a copy into memory where that takes no more than half of what is free; return its ``unpadded``."""
        used = connection.execute(_USED).fetchone()
        if used is not None and 2 * size <= self._database.memory_bytes() - used[0]:
            # Where memory is short after all, who reads it waits.
            with contextlib.suppress(duckdb.Error):
                return unpadded(connection, name, found)
        return frozenset()

    def _may_be_plain(self, parquet_bytes: int, used: int) -> bool:
        """Tell whether a copy need not be compressed: half of the memory is enough for it and all others."""
        room = min(self._database.memory_bytes(), self._size_bytes) // 2 - used
        return parquet_bytes * _PLAIN <= room and self._has_room(parquet_bytes, _UNPACKED, self._size_bytes)

    def _direct(self, paths: list[str] | None) -> list[str] | None:
        """Return *paths* where the writer can read them by itself."""
        location = self._database.location
        return None if location.data or location.encrypted else paths

    def _has_room(self, parquet_bytes: int, growth: int, most: int) -> bool:
        # What a disk has left is for the lake first.
        free = shutil.disk_usage(self._database.location.folder).free
        return parquet_bytes <= most and parquet_bytes * growth <= free // 2

    def _write(self, path: Path, key: str, writing: Writing, rows: "Rows") -> None:
        writer = loaded() if key else duckdb.connect(":memory:")
        options = ", ".join(_key(key))

        def work() -> None:
            give_way(BACKGROUND)
            for setting in (
                "enable_progress_bar = false",
                "threads = 1",
                f"memory_limit = '{_MEMORY_LIMIT}'",
                f"temp_directory = {literal(f'{path}.tmp')}",
                f"temp_file_encryption = {str(bool(key)).lower()}",
                "preserve_insertion_order = true",
            ):
                writer.execute(f"SET {setting}")
            if rows.plain:
                writer.execute("SET force_compression = 'uncompressed'")
            writer.execute(f"ATTACH {literal(str(path))} AS written" + (f" ({options})" if options else ""))
            rows.write(writer, "written.main.copied")
            writer.execute("DETACH written")

        writing.run(writer, work)


@dataclass(frozen=True, slots=True)
class Rows:
    """What is copied: files that the writer reads by itself, or else what comes through the lake."""

    connection: duckdb.DuckDBPyConnection
    columns: list[Column]
    come: list[str] | duckdb.DuckDBPyConnection
    order: tuple[str, ...]
    plain: bool = False
    """Whether it is read quickly rather than small: what is not compressed is read as fast as what is in memory."""

    def write(self, writer: duckdb.DuckDBPyConnection, name: str) -> None:
        """Make the table *name*."""
        writer.execute(_created(name, self.columns))
        if not isinstance(self.come, list):
            writer.register("given", self.come.to_arrow_reader(_BATCH_ROWS))
        values = ", ".join(f"CAST({column} AS {kind})" for column, kind in self.columns)
        order = f" ORDER BY {', '.join(map(quote, self.order))}" if self.order else ""
        rows = scans.sql(self.come) if isinstance(self.come, list) else "given"
        writer.execute(f"INSERT INTO {name} SELECT {values} FROM {rows}{order}")


def _is_sorted(connection: duckdb.DuckDBPyConnection, order: Order, paths: list[str] | None) -> bool:
    """Tell whether the rows in *paths* have nearly the order that is wanted, or there is none."""
    if not order.columns or paths is None:
        return not order.columns
    if order.declared:
        return len(paths) == 1
    blocks = f"parquet_metadata([{', '.join(literal(path) for path in paths)}])"
    found = connection.execute(_SPREAD.format(blocks=blocks), [order.columns[0]]).fetchone()
    return found is not None and found[0] is not None and found[0] <= _CLUSTERED


_USED: Final = "SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory()"
_SPREAD: Final = """
    SELECT avg(epoch(high) - epoch(low)) / nullif(epoch(max(high)) - epoch(min(low)), 0)
    FROM (SELECT TRY_CAST(stats_min_value AS TIMESTAMP) AS low, TRY_CAST(stats_max_value AS TIMESTAMP) AS high
          FROM {blocks} WHERE path_in_schema = ?)
"""


def _key(key: str) -> list[str]:
    return [f"ENCRYPTION_KEY {literal(key)}"] if key else []


def _relation(schema: str, table: str) -> str:
    return f"{LAKE}.{quote(schema)}.{quote(table)}"


def _created(name: str, found: list[Column]) -> str:
    return f"CREATE TABLE {name} ({', '.join(' '.join(column) for column in found)})"


def _remove(path: Path) -> None:
    """Take a copy's file away, with what stands beside one that was not finished: a log, and what spilled."""
    for left in path.parent.glob(f"{path.name}*"):
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)
