"""How large the stored tables are, from DuckLake's own statistics."""

from dataclasses import dataclass
from typing import Final

from core.names import quote
from storage.database import LAKE, Database

_SIZES: Final = """
    SELECT s.schema_name, t.table_name, coalesce(max(x.record_count), 0),
        coalesce(sum(f.file_size_bytes), 0), count(f.data_file_id)
    FROM {m}.ducklake_table AS t
    JOIN {m}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
    LEFT JOIN {m}.ducklake_table_stats AS x ON x.table_id = t.table_id
    LEFT JOIN {m}.ducklake_data_file AS f ON f.table_id = t.table_id AND f.end_snapshot IS NULL
    WHERE t.end_snapshot IS NULL
    GROUP BY s.schema_name, t.table_name
"""


@dataclass(frozen=True, slots=True)
class TableSize:
    """One stored table; names are the lake's own."""

    schema: str
    table: str
    rows: int
    """Rows ever inserted and not yet rewritten away: an upper bound where rows were deleted."""
    size_bytes: int
    files: int


def sizes(database: Database) -> list[TableSize]:
    """Return the size of every table; blocking, on a connection of its own."""
    place = f'"__ducklake_metadata_{LAKE}".{quote(database.metadata_schema)}'
    connection = database.cursor()
    try:
        rows = connection.execute(_SIZES.format(m=place)).fetchall()
    finally:
        connection.close()
    return [TableSize(schema, table, int(count), int(size), int(files)) for schema, table, count, size, files in rows]
