"""How large the stored tables are, from DuckLake's own statistics."""

import contextlib
from dataclasses import dataclass
from typing import Final

import duckdb

from core.names import quote
from storage.abandoned import part_with
from storage.database import LAKE, Database

_SIZES: Final = """
    SELECT t.table_id, s.schema_name, t.table_name, coalesce(f.rows, 0) - coalesce(d.rows, 0), coalesce(f.bytes, 0),
        coalesce(f.files, 0), coalesce(x.record_count, 0) > coalesce(f.rows, 0),
        coalesce(d.rows, 0)
    FROM {m}.ducklake_table AS t
    JOIN {m}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
    LEFT JOIN (
        SELECT table_id, sum(record_count) AS rows, sum(file_size_bytes) AS bytes, count(*) AS files
        FROM {m}.ducklake_data_file WHERE end_snapshot IS NULL GROUP BY table_id) AS f ON f.table_id = t.table_id
    LEFT JOIN (
        SELECT f.table_id, sum(d.delete_count) AS rows
        FROM {m}.ducklake_delete_file AS d JOIN {m}.ducklake_data_file AS f USING (data_file_id)
        WHERE d.end_snapshot IS NULL AND f.end_snapshot IS NULL GROUP BY f.table_id) AS d ON d.table_id = t.table_id
    LEFT JOIN {m}.ducklake_table_stats AS x ON x.table_id = t.table_id
    WHERE t.end_snapshot IS NULL
"""
_INLINED: Final = "SELECT table_id, table_name FROM {m}.ducklake_inlined_data_tables"
_NOTED: Final = r"""
    SELECT DISTINCT CAST(unnest(regexp_extract_all(changes_made, 'inlined_delete:(\d+)', 1)) AS BIGINT)
    FROM {m}.ducklake_snapshot_changes WHERE contains(changes_made, 'inlined_delete:')
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
    deleted: int = 0
    """Rows that files still hold."""


def sizes(database: Database) -> list[TableSize]:
    """Return the size of every table; blocking, on a connection of its own and of one moment."""
    place = f'"__ducklake_metadata_{LAKE}".{quote(database.metadata_schema)}'
    connection = database.cursor()
    try:
        connection.execute("BEGIN")
        rows = connection.execute(_SIZES.format(m=place)).fetchall()
        # Only tables that were given more rows than their files hold can have some in the catalog.
        small = inlined(connection, place, {row[0] for row in rows if row[6]})
        gone = _deleted(connection, place, [row[0] for row in rows if row[5]])
    finally:
        part_with(connection)
    return [
        TableSize(
            schema, table, int(count) + small.get(number, 0) - gone.get(number, 0), int(size), int(files),
            int(deleted) + gone.get(number, 0),
        )
        for number, schema, table, count, size, files, _, deleted in rows
    ]  # fmt: skip


def inlined(connection: duckdb.DuckDBPyConnection, place: str, wanted: set[int]) -> dict[int, int]:
    """Return how many rows of *wanted* tables (by DuckLake's numbers) are in its catalog."""
    found = connection.execute(_INLINED.format(m=place)).fetchall() if wanted else []
    tables = [(number, name) for number, name in found if number in wanted]
    return _counted(connection, place, tables, " WHERE end_snapshot IS NULL")


def _deleted(connection: duckdb.DuckDBPyConnection, place: str, tables: list[int]) -> dict[int, int]:
    """Return how many rows in the files of *tables* were deleted by a note in DuckLake's catalog."""
    found: dict[int, int] = {}
    # To list the tables of such notes, or to ask for one that is not there, has the engine look through all tables.
    noted = {row[0] for row in connection.execute(_NOTED.format(m=place)).fetchall()}
    for number in noted.intersection(tables):
        with contextlib.suppress(duckdb.CatalogException):
            name = quote(f"ducklake_inlined_delete_{number}")
            # A file that has gone keeps its deletes.
            living = f"SELECT data_file_id FROM {place}.ducklake_data_file WHERE end_snapshot IS NULL"
            row = connection.execute(f"SELECT count(*) FROM {place}.{name} WHERE file_id IN ({living})").fetchone()
            found[number] = int(row[0]) if row else 0
    return found


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
