"""A catalogue that is in PostgreSQL, copied into a file as DuckLake would have made it there.

Tables of inlined rows have PostgreSQL's types, text where it has none like the lake's: those are brought to the lake's.
"""

from pathlib import Path
from typing import Final

import duckdb

from core.names import literal, quote
from storage.database import Database

_SCRATCH: Final = "scratch"
_INLINED: Final = "ducklake_inlined_"
_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'ducklake\\_%'"
_COLUMNS: Final = """
    SELECT i.table_name, c.column_name, arg_max(c.column_type, c.begin_snapshot)
    FROM {m}.ducklake_inlined_data_tables AS i JOIN {m}.ducklake_column AS c USING (table_id) GROUP BY ALL
"""
_TYPES: Final = {
    "int8": "TINYINT", "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "int128": "HUGEINT",
    "uint8": "UTINYINT", "uint16": "USMALLINT", "uint32": "UINTEGER", "uint64": "UBIGINT", "uint128": "UHUGEINT",
    "float32": "FLOAT", "float64": "DOUBLE", "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "timetz": "TIME WITH TIME ZONE",
}  # fmt: skip
"""DuckLake's names of types, where they are not the engine's."""


def make(connection: duckdb.DuckDBPyConnection, database: Database, target: Path, key: str) -> None:
    """Make the file *target* an empty catalogue."""
    data = database.location.data or str(database.location.folder / "data")
    options = [f"DATA_PATH {literal(data.rstrip('/') + '/')}"]
    options += ["ENCRYPTED", f"META_ENCRYPTION_KEY {literal(key)}"] if key else []
    connection.execute(f"ATTACH {literal(f'ducklake:{target}')} AS {_SCRATCH} ({', '.join(options)})")
    connection.execute(f"DETACH {_SCRATCH}")


def copy(connection: duckdb.DuckDBPyConnection, metadata: str, target: str) -> None:
    """Copy what the database *metadata* holds into the empty catalogue *target*, all of it as of one moment."""
    place = f"{quote(metadata)}.public"
    connection.execute("BEGIN")
    try:
        found = connection.execute(f"FROM postgres_query({literal(metadata)}, {literal(_TABLES)})").fetchall()
        types: dict[str, dict[str, str]] = {}
        for table, column, kind in connection.execute(_COLUMNS.format(m=place)).fetchall():
            types.setdefault(table, {})[column] = _TYPES.get(kind, kind)
        for (name,) in found:
            source, made = f"{place}.{quote(name)}", f"{target}.main.{quote(name)}"
            if name.startswith(_INLINED) and name != f"{_INLINED}data_tables":
                columns = _brought(connection, source, types.get(name, {}))
                connection.execute(f"CREATE TABLE {made} AS SELECT {columns} FROM {source}")
            else:
                connection.execute(f"DELETE FROM {made}")
                connection.execute(f"INSERT INTO {made} BY NAME SELECT * FROM {source}")
        connection.execute("COMMIT")
    except duckdb.Error:
        connection.execute("ROLLBACK")
        raise


def _brought(connection: duckdb.DuckDBPyConnection, source: str, types: dict[str, str]) -> str:
    items = []
    for name, kind, *_ in connection.execute(f"DESCRIBE {source}").fetchall():
        wanted = types.get(name, kind)
        text = kind == "VARCHAR" and wanted.lower() != "varchar"
        items.append(f"CAST({quote(name)} AS {wanted}) AS {quote(name)}" if text else quote(name))
    return ", ".join(items)
