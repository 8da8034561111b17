"""A second DuckDB instance, with one thread: for copies of small tables, and for files that are read and only sent.

A query of it runs where it is called and wakes nobody. A read of a copy plans nothing of the lake and opens no
file, which is a third of the time. What is copied when, and when a copy may no longer be read, is ``session.hot``'s
business; nothing is ever written to a copy. An index on one makes reads by a key quicker still.
"""

import itertools
import threading
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from core.names import literal, quote
from storage import scans, spilling
from storage.abandoned import abandon
from storage.database import LAKE, SETTINGS, Database, Install, beside

COPY: Final = "memory.main.copy_"
"""What the names of copies begin with, and nothing else does."""
_WORK_BYTES: Final = 512 << 20
"""Memory for queries, beside the copies and as much again."""
_BATCH_ROWS: Final = 50_000
_TYPES: Final = frozenset(
    {
        "BOOLEAN", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "JSON", "BLOB", "DATE",
        "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE",
    }
)  # fmt: skip
"""Types whose values survive the way from one instance to the other."""
_KEYS: Final = frozenset({"SMALLINT", "INTEGER", "BIGINT", "DATE"})
Column = tuple[str, str]
"""A column as it is written: quoted name and engine type."""
_REFERENCE_BYTES: Final = 16
"""What a value of variable length takes in the instance beside its bytes."""


@dataclass(frozen=True, slots=True)
class HotTable:
    """One copy."""

    name: str
    """Its qualified name in the instance, which nothing in a query can hide."""
    size_bytes: int
    rows: int = 0
    columns: tuple[Column, ...] = ()
    unpadded: frozenset[str] = frozenset()
    """The strings among them, as they are written, of which no value ends in a blank."""

    def has_key(self, column: str) -> bool:
        """Tell whether *column*, as it is written, can have an index that is small and quick."""
        return any(name == column and kind in _KEYS for name, kind in self.columns)


class HotStore:
    """The instance, started when it is first used. Blocking; ``load`` and ``drop`` may run at once."""

    def __init__(self, database: Database, memory_bytes: int, install: Install) -> None:
        """Copy from *database*; *memory_bytes* is for copies."""
        self._database = database
        self._memory_bytes = memory_bytes
        self._install = install
        self._lock = threading.Lock()
        self._root: duckdb.DuckDBPyConnection | None = None
        self._numbers = itertools.count(1)
        self.version = 1
        """Grows when copies or their indexes come or go."""

    @property
    def reads_files(self) -> bool:
        """Whether the lake's files can be read in it: those that are local."""
        return not self._database.location.data

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a new connection to the instance."""
        with self._lock:
            if self._root is None:
                self._root = self._start()
            return beside(self._root)

    def rows(self, schema: str, table: str) -> int:
        """Return how many rows a table (bare lake names) has now, as far as the lake knows."""
        return scans.size(self._database, schema, table)[0]

    def load(self, schema: str, table: str, rows_max: int, bytes_max: int) -> HotTable | None:
        """Copy a table (bare lake names) as it is now; None where it is larger than that or not fit."""
        rows = self.rows(schema, table)
        if rows > rows_max:
            return None
        relation = f"{LAKE}.{quote(schema)}.{quote(table)}"
        source, target = self._database.cursor(), self.cursor()
        try:
            found = columns(source, relation)
            if found is None:
                return None
            name = f"{COPY}{next(self._numbers)}"
            target.execute(f"CREATE TABLE {name} ({', '.join(' '.join(column) for column in found)})")
            reader = source.execute(f"SELECT * FROM {relation} LIMIT {rows_max + 1}").to_arrow_reader(_BATCH_ROWS)
            size = filled(target, name, found, reader, (rows_max, bytes_max))
            if size is None:
                target.execute(f"DROP TABLE {name}")
                return None
            return HotTable(name, size, rows, tuple(found), unpadded(target, name, found))
        finally:
            self.version += 1
            source.close()
            target.close()

    def index(self, table: HotTable, column: str) -> None:
        """Have the engine find the rows of a copy by *column*; it goes with the copy."""
        connection = self.cursor()
        try:
            connection.execute(f"CREATE INDEX key_{next(self._numbers)} ON {table.name} ({column})")
        finally:
            self.version += 1
            connection.close()

    def drop(self, name: str) -> None:
        """Give up the copy called *name*; queries that are reading it go on."""
        connection = self.cursor()
        try:
            connection.execute(f"DROP TABLE {name}")
        finally:
            self.version += 1
            connection.close()

    def used(self) -> int:
        """Return the bytes that the instance's tables take."""
        connection = self.cursor()
        try:
            row = connection.execute(_USED).fetchone()
        finally:
            connection.close()
        return 0 if row is None else int(row[0])

    def is_spoiled(self) -> bool:
        """Tell whether the instance has met a fatal error, and refuses everything."""
        with self._lock:
            try:
                if self._root is not None:
                    self._root.cursor().execute("SELECT 1")
            except duckdb.FatalException:
                return True
            return False

    def restart(self) -> None:
        """Do without the instance, which has failed: the next who wants one gets another."""
        with self._lock:
            if self._root is not None:
                abandon(self._root)
                self._root = None

    def close(self) -> None:
        """End the instance."""
        with self._lock:
            if self._root is not None:
                self._root.close()
                self._root = None

    def _start(self) -> duckdb.DuckDBPyConnection:
        folder = self._database.location.folder
        spilled = spilling.cleared(folder / "tmp-hot")
        config: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": f"{2 * self._memory_bytes + _WORK_BYTES}B",
            "temp_directory": str(spilled),
            "extension_directory": str(folder / "extensions"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_unsigned_extensions": "false",
            "allow_community_extensions": "false",
        }
        root = duckdb.connect(":memory:", config=config)
        spilling.limit(root, spilled, self._database.resources.temp_limit)
        for setting in SETTINGS:
            root.execute(f"SET GLOBAL {setting}")
        self._install(root)
        root.execute("SET GLOBAL parquet_metadata_cache = true")
        if self.reads_files:
            root.execute(f"SET GLOBAL allowed_directories = [{literal(f'{folder}/data/')}]")
        root.execute("SET GLOBAL enable_external_access = false")
        return root


_USED: Final = "SELECT coalesce(sum(memory_usage_bytes), 0) FROM duckdb_memory() WHERE tag = 'IN_MEMORY_TABLE'"


def columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[Column] | None:
    """Return the columns of *relation*; None where one's values would not survive being copied."""
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    if any(str(row[1]).partition("(")[0] not in _TYPES for row in described):
        return None
    return [(quote(row[0]), str(row[1])) for row in described]


def unpadded(connection: duckdb.DuckDBPyConnection, name: str, columns: list[Column]) -> frozenset[str]:
    """Return the strings among the *columns* of the copy *name* of which no value ends in a blank.

    What is no string is read, too, so that all of a copy is in memory behind this.
    """
    strings = [column for column, kind in columns if kind == "VARCHAR"]
    padded = [f"bool_or(suffix({column}, ' '))" for column in strings]
    others = [f"any_value({column})" for column, kind in columns if kind != "VARCHAR"]
    row = connection.execute(f"SELECT {', '.join(padded + others)} FROM {name}").fetchone()
    return frozenset() if row is None else frozenset(
        column for column, found in zip(strings, row, strict=False) if not found
    )


def filled(
    target: duckdb.DuckDBPyConnection,
    name: str,
    columns: list[Column],
    reader: pa.RecordBatchReader,
    limits: tuple[int, int],
) -> int | None:
    """Write all that *reader* has into the table *name* and return its size; None where that is too much."""
    values = ", ".join(f"CAST({column} AS {kind})" for column, kind in columns)
    rows = size = 0
    for batch in reader:
        rows += batch.num_rows
        size += batch.nbytes + batch.num_rows * sum(_REFERENCE_BYTES for _, kind in columns if kind in _LONG)
        if rows > limits[0] or size > limits[1]:
            return None
        target.register("batch", pa.Table.from_batches([batch]))
        target.execute(f"INSERT INTO {name} SELECT {values} FROM batch")
        target.unregister("batch")
    return size


_LONG: Final = frozenset({"VARCHAR", "JSON", "BLOB"})
