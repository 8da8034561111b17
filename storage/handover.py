"""Tables as another engine can read them: their files of one moment, and the rows that no file holds as they are.

A file is handed over where all its rows are living and its columns are the table's. What was deleted from is read
here instead, as are rows in the catalog: a few go along in memory, many are written to a file of their own. The
connection's transaction decides which moment it is, so tables that are asked for in one belong together.
"""

import contextlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from core.names import literal, quote
from storage.aws import s3_client
from storage.database import LAKE, Database

FOLDER: Final = "handover"
"""Where rows are written to, beside or below the lake's data."""
_METADATA: Final = f'"__ducklake_metadata_{LAKE}"'
_INLINE_BYTES: Final = 16 << 20
"""Bytes of rows that go along in memory."""
_BATCH_ROWS: Final = 50_000
_FILENAME: Final = "filename"
"""What the lake calls the file that a row lies in."""
_UNSAFE: Final = frozenset("*?[]{}\\%")
"""Characters that a cluster would take for a pattern."""
_COLUMNS: Final = """
    SELECT c.column_name, c.column_id, c.initial_default IS NOT NULL
    FROM {m}.ducklake_column AS c JOIN {m}.ducklake_table AS t USING (table_id)
    JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE c.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND c.parent_column IS NULL
      AND s.schema_name = ? AND t.table_name = ?
"""
_FIELDS: Final = """
    SELECT file_name, name, field_id, concat_ws(' ', type, converted_type, scale, precision, logical_type)
    FROM parquet_schema([{files}]) WHERE field_id IS NOT NULL
"""


class NotHandedError(Exception):
    """A table cannot be handed over; the text says why."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A table, by its engine name."""

    engine_name: str
    schema: str
    table: str
    """Bare lake names; empty for a temporary table."""


@dataclass(frozen=True, slots=True)
class Files:
    """Parquet files whose columns lie alike."""

    paths: tuple[str, ...]
    names: Mapping[str, str | None]
    """Column → what the files call it, None where they have none: it is NULL."""


@dataclass(slots=True)
class Handed:
    """One table's rows."""

    files: list[Files] = field(default_factory=list)
    rows: pa.Table | None = None
    written: str = ""
    """A file that was made for the statement."""


class Handover:
    """Hands tables over. Blocking."""

    def __init__(self, database: Database) -> None:
        """Look into *database*'s lake."""
        self._database = database
        folder = database.location.folder / FOLDER
        # What a server that was killed has left.
        for left in folder.glob("*.parquet"):
            left.unlink(missing_ok=True)

    def table(self, connection: duckdb.DuckDBPyConnection, stored: Stored, columns: Sequence[str]) -> Handed:
        """Hand over *columns* of a table as the transaction of *connection* sees it; raises ``NotHandedError``."""
        handed = Handed()
        if not stored.table:
            return self._rest(connection, stored, columns, handed, [])
        if self._database.location.encrypted:
            raise NotHandedError("the warehouse's files are encrypted")
        known = self._columns(connection, stored)
        if not {name.lower() for name in columns} <= known.keys():
            raise NotHandedError("the transaction has changed a table's columns")
        if _FILENAME in known:
            # A column of the table's own hides the lake's; its values are not to be taken for files.
            return self._rest(connection, stored, columns, handed, [])
        counts = dict(connection.execute(f"SELECT filename, count(*) FROM {stored.engine_name} GROUP BY 1").fetchall())
        paths = [path for path in counts if path.endswith(".parquet")]
        whole: list[str] = []
        if paths:
            if any(not _UNSAFE.isdisjoint(path) for path in paths):
                raise NotHandedError("a file's name has characters that mean something else")
            rows = connection.execute(f"SELECT file_name, num_rows FROM parquet_file_metadata([{_list(paths)}])")
            whole = [path for path, count in rows.fetchall() if counts.get(path) == count]
            handed.files = _alike(connection, known, columns, whole)
            whole = [path for files in handed.files for path in files.paths]
        return handed if len(whole) == len(counts) else self._rest(connection, stored, columns, handed, whole)

    def forget(self, handed: Sequence[Handed]) -> None:
        """Remove what was written for a statement that has ended."""
        for each in handed:
            if each.written.startswith("s3://"):
                bucket, _, key = each.written.removeprefix("s3://").partition("/")
                s3_client(self._database.location.s3).delete_object(Bucket=bucket, Key=key)
            elif each.written:
                with contextlib.suppress(OSError):
                    Path(each.written).unlink()

    def _columns(self, connection: duckdb.DuckDBPyConnection, stored: Stored) -> dict[str, tuple[int, bool]]:
        """Return the table's columns, folded: by which number files know it, and whether older rows have a default."""
        place = f"{_METADATA}.{quote(self._database.metadata_schema)}"
        rows = connection.execute(_COLUMNS.format(m=place), [stored.schema, stored.table]).fetchall()
        return {str(name).lower(): (number, default) for name, number, default in rows}

    def _rest(
        self, connection: duckdb.DuckDBPyConnection, stored: Stored, columns: Sequence[str], handed: Handed,
        whole: list[str],
    ) -> Handed:  # fmt: skip
        """Add the rows that lie in no file of *whole*."""
        listed = ", ".join(quote(name) for name in columns) or "1 AS n0"
        sql = f"SELECT {listed} FROM {stored.engine_name}"
        if whole:
            sql += f" WHERE filename NOT IN ({_list(whole)})"
        reader = connection.execute(sql).to_arrow_reader(_BATCH_ROWS)
        batches, size = [], 0
        for batch in reader:
            batches.append(batch)
            size += batch.nbytes
            if size > _INLINE_BYTES:
                break
        else:
            handed.rows = pa.Table.from_batches(batches, reader.schema)
            return handed
        if self._database.location.encrypted:
            raise NotHandedError("the warehouse's files are encrypted")
        handed.written = self._place()
        connection.execute(f"COPY ({sql}) TO {literal(handed.written)} (FORMAT parquet, COMPRESSION zstd)")
        handed.files.append(Files((handed.written,), {name: name for name in columns}))
        return handed

    def _place(self) -> str:
        location, name = self._database.location, f"{uuid.uuid4()}.parquet"
        if location.data:
            return f"{location.data.rstrip('/')}/{FOLDER}/{name}"
        folder = location.folder / FOLDER
        folder.mkdir(mode=0o700, exist_ok=True)
        return str(folder / name)


def _alike(
    connection: duckdb.DuckDBPyConnection, known: Mapping[str, tuple[int, bool]], columns: Sequence[str],
    paths: list[str],
) -> list[Files]:  # fmt: skip
    """Return the files by how the columns lie in them, without those that lack one which had a default."""
    if not paths:
        return []
    fields: dict[str, dict[int, tuple[str, str]]] = {path: {} for path in paths}
    for path, name, number, kind in connection.execute(_FIELDS.format(files=_list(paths))).fetchall():
        fields[path][number] = (name, kind)
    found: dict[tuple[Any, ...], list[str]] = {}
    for path, present in fields.items():
        lie = tuple(present.get(known[name.lower()][0]) for name in columns)
        if any(place is None and known[name.lower()][1] for name, place in zip(columns, lie, strict=True)):
            continue
        found.setdefault(lie, []).append(path)
    return [
        Files(tuple(group), {name: place and place[0] for name, place in zip(columns, lie, strict=True)})
        for lie, group in found.items()
    ]


def _list(paths: Sequence[str]) -> str:
    return ", ".join(literal(path) for path in paths)
