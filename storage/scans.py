"""Where a table's rows lie right now: the short way to read them.

DuckLake plans every scan from its catalog, which costs milliseconds a query. A table whose present rows are
exactly some Parquet files (none inlined, none deleted, columns never altered) can be scanned by naming
those files. The caller keeps the answer as long as nobody writes the table.
"""

from typing import Final

import duckdb

from core.names import literal, quote
from storage.abandoned import part_with
from storage.database import LAKE, Database

_METADATA: Final = f'"__ducklake_metadata_{LAKE}"'
FILES_MAX: Final = 200
"""With more files than this, DuckLake's own statistics by file are worth their price."""

_TABLE: Final = """
    SELECT t.table_id, t.begin_snapshot
    FROM {m}.ducklake_table AS t JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND s.schema_name = ? AND t.table_name = ?
"""
_SIZE: Final = """
    SELECT coalesce(sum(f.record_count), 0), coalesce(sum(f.file_size_bytes), 0)
    FROM {m}.ducklake_data_file AS f JOIN {m}.ducklake_table AS t USING (table_id)
    JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE f.end_snapshot IS NULL AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL
      AND s.schema_name = ? AND t.table_name = ?
"""
_ALTERED: Final = """
    SELECT count(*) FROM {m}.ducklake_column WHERE table_id = ? AND (end_snapshot IS NOT NULL OR begin_snapshot > ?)
"""
_INLINED: Final = "SELECT table_name FROM {m}.ducklake_inlined_data_tables WHERE table_id = ?"
_RECORDED: Final = """
    SELECT coalesce(sum(record_count), 0) FROM {m}.ducklake_data_file WHERE table_id = ? AND end_snapshot IS NULL
"""
_LIVING: Final = "SELECT EXISTS (SELECT 1 FROM {m}.{table} WHERE end_snapshot IS NULL)"


def files(database: Database, schema: str, table: str) -> list[str] | None:
    """Return the files that hold exactly the rows of a table (bare lake names), None where there is no such list.

    Blocking; runs on a connection and in a transaction of its own.
    """
    connection = database.cursor()
    try:
        return _files(connection, f"{_METADATA}.{quote(database.metadata_schema)}", schema, table)
    finally:
        part_with(connection)


def _files(connection: duckdb.DuckDBPyConnection, place: str, schema: str, table: str) -> list[str] | None:
    connection.execute("BEGIN")
    try:
        found = connection.execute(_TABLE.format(m=place), [schema, table]).fetchone()
        if found is None or _is_mixed(connection, place, found[0], found[1]):
            return None
        rows = connection.execute(
            f"SELECT data_file, delete_file, data_file_encryption_key "
            f"FROM ducklake_list_files({literal(LAKE)}, {literal(table)}, schema => {literal(schema)})"
        ).fetchall()
        if _has_lost_rows(connection, place, found[0], f"{LAKE}.{quote(schema)}.{quote(table)}"):
            return None
    finally:
        connection.execute("COMMIT")
    if not rows or len(rows) > FILES_MAX or any(deleted or key for _, deleted, key in rows):
        return None
    return [row[0] for row in rows]


def _has_lost_rows(connection: duckdb.DuckDBPyConnection, place: str, table: int, name: str) -> bool:
    """Tell whether rows of the files were deleted: few deletes are kept in the catalog, and no list names them."""
    living = connection.execute(f"SELECT count(*) FROM {name}").fetchone()
    recorded = connection.execute(_RECORDED.format(m=place), [table]).fetchone()
    return living is None or recorded is None or living[0] != recorded[0]


def size(database: Database, schema: str, table: str) -> tuple[int, int]:
    """Return how many rows a table's files hold, deleted ones among them, and how large they are; blocking."""
    connection = database.cursor()
    try:
        place = f"{_METADATA}.{quote(database.metadata_schema)}"
        found = connection.execute(_SIZE.format(m=place), [schema, table]).fetchone()
    finally:
        connection.close()
    return (0, 0) if found is None else (int(found[0]), int(found[1]))


def sql(paths: list[str]) -> str:
    """Return the engine SQL that scans *paths*."""
    return f"read_parquet([{', '.join(literal(path) for path in paths)}])"


def _is_mixed(connection: duckdb.DuckDBPyConnection, place: str, table: int, begun: int) -> bool:
    altered = connection.execute(_ALTERED.format(m=place), [table, begun]).fetchone()
    if altered is None or altered[0]:
        return True
    return has_inlined(connection, place, table)


def has_inlined(connection: duckdb.DuckDBPyConnection, place: str, table: int) -> bool:
    """Tell whether rows of a table (its number in the catalog at *place*) are in the catalog itself."""
    inlined = connection.execute(_INLINED.format(m=place), [table]).fetchall()
    return any(
        (living := connection.execute(_LIVING.format(m=place, table=quote(name))).fetchone()) is None or living[0]
        for (name,) in inlined
    )

