"""How large the stored tables are, from DuckLake's own statistics."""

from dataclasses import dataclass
from typing import Final

import duckdb

from core.names import literal, quote
from storage.database import LAKE, Database

_SIZES: Final = """
    SELECT t.table_id, s.schema_name, t.table_name, coalesce(f.rows, 0) - coalesce(d.rows, 0), coalesce(f.bytes, 0),
        coalesce(f.files, 0)
    FROM {m}.ducklake_table AS t
    JOIN {m}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
    LEFT JOIN (
        SELECT table_id, sum(record_count) AS rows, sum(file_size_bytes) AS bytes, count(*) AS files
        FROM {m}.ducklake_data_file WHERE end_snapshot IS NULL GROUP BY table_id) AS f ON f.table_id = t.table_id
    LEFT JOIN (
        SELECT table_id, sum(delete_count) AS rows
        FROM {m}.ducklake_delete_file WHERE end_snapshot IS NULL GROUP BY table_id) AS d ON d.table_id = t.table_id
    WHERE t.end_snapshot IS NULL
"""
_INLINED: Final = "SELECT table_id, table_name FROM {m}.ducklake_inlined_data_tables"
_DELETIONS: Final = """
    SELECT table_name FROM duckdb_tables()
    WHERE database_name = {metadata} AND table_name LIKE 'ducklake_inlined_delete_%'
"""
_AT_ONCE: Final = 200
"""Tables of inlined rows that one statement counts."""


@dataclass(frozen=True, slots=True)
class TableSize:
    """One stored table; names are the lake's own."""

    schema: str
    table: str
    rows: int
    """Rows that it has now."""
    size_bytes: int
    files: int


def sizes(database: Database) -> list[TableSize]:
    """Return the size of every table; blocking, on a connection of its own and of one moment."""
    metadata = f"__ducklake_metadata_{LAKE}"
    place = f"{quote(metadata)}.{quote(database.metadata_schema)}"
    connection = database.cursor()
    try:
        connection.execute("BEGIN")
        rows = connection.execute(_SIZES.format(m=place)).fetchall()
        small = _inlined(connection, place)
        for table, count in _deleted(connection, metadata, place).items():
            small[table] = small.get(table, 0) - count
    finally:
        connection.close()
    return [
        TableSize(schema, table, int(count) + small.get(number, 0), int(size), int(files))
        for number, schema, table, count, size, files in rows
    ]


def _inlined(connection: duckdb.DuckDBPyConnection, place: str) -> dict[int, int]:
    """Return how many rows of tables (by DuckLake's numbers) are in its catalog."""
    tables = connection.execute(_INLINED.format(m=place)).fetchall()
    return _counted(connection, place, tables, " WHERE end_snapshot IS NULL")


def _deleted(connection: duckdb.DuckDBPyConnection, metadata: str, place: str) -> dict[int, int]:
    """Return how many rows in files were deleted by a note in DuckLake's catalog."""
    names = connection.execute(_DELETIONS.format(metadata=literal(metadata))).fetchall()
    tables = [(int(name.rpartition("_")[2]), name) for (name,) in names]
    return _counted(connection, place, tables, "")


def _counted(
    connection: duckdb.DuckDBPyConnection, place: str, tables: list[tuple[int, str]], where: str
) -> dict[int, int]:
    found: dict[int, int] = {}
    for first in range(0, len(tables), _AT_ONCE):
        parts = [
            f"SELECT {number}, count(*) FROM {place}.{quote(name)}{where}"
            for number, name in tables[first : first + _AT_ONCE]
        ]
        for number, count in connection.execute(" UNION ALL ".join(parts)).fetchall():
            found[number] = found.get(number, 0) + count
    return found
