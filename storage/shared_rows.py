"""What another server is handed of a table: the files that hold its rows in one snapshot, or a file of them.

Files are named where they and their deletes are the whole truth. Where some rows are still in the lake's catalog, the
rows are written to a file of their own; where files are encrypted, the rows themselves are handed over.
"""

import base64
import uuid
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from storage.database import LAKE, Database
from storage.objects import LocalStore, ObjectStore, S3Store
from storage.scans import has_inlined

_METADATA: Final = f'"__ducklake_metadata_{LAKE}"'
_TABLE: Final = """
    SELECT t.table_id
    FROM {m}.ducklake_table AS t JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND s.schema_name = ? AND t.table_name = ?
"""
_RECORDED: Final = """
    SELECT coalesce(sum(f.record_count), 0) - coalesce(sum(d.delete_count), 0)
    FROM {m}.ducklake_data_file AS f
    LEFT JOIN {m}.ducklake_delete_file AS d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL
    WHERE f.table_id = ? AND f.end_snapshot IS NULL
"""
_COLUMNS: Final = """
    SELECT column_id, column_name FROM {m}.ducklake_column
    WHERE table_id = ? AND end_snapshot IS NULL AND parent_column IS NULL
"""
FOLDER: Final = "handed-over"
_MOST: Final = 512 << 20
"""Bytes of rows that are handed over themselves."""
_BATCH: Final = 100_000
KEPT_S: Final = 3_600
"""How long a file of rows is kept: whoever was handed it reads it within that time."""


def files(
    connection: duckdb.DuckDBPyConnection, database: Database, schema: str, table: str
) -> dict[str, Any] | None:
    """Return a table's files in the snapshot of *connection*'s transaction, None where they are not all of it.

    ``files`` are places with that of their deletes or None, ``fields`` the numbers of the columns in them.
    """
    place = f"{_METADATA}.{quote(database.metadata_schema)}"
    found = connection.execute(_TABLE.format(m=place), [schema, table]).fetchone()
    if found is None or database.location.encrypted or has_inlined(connection, place, found[0]):
        return None
    rows = connection.execute(
        f"SELECT data_file, delete_file, data_file_encryption_key"
        f" FROM ducklake_list_files({literal(LAKE)}, {literal(table)}, schema => {literal(schema)})"
    ).fetchall()
    # Rows that are inlined are ruled out: what is missing are rows whose deletes are.
    living = connection.execute(f"SELECT count(*) FROM {LAKE}.{quote(schema)}.{quote(table)}").fetchone()
    recorded = connection.execute(_RECORDED.format(m=place), [found[0]]).fetchone()
    if any(key for _, _, key in rows) or living is None or recorded is None or int(recorded[0]) != living[0]:
        return None
    fields = connection.execute(_COLUMNS.format(m=place), [found[0]]).fetchall()
    return {
        "files": [[data, deletes] for data, deletes, _ in rows],
        "fields": {str(name): int(number) for number, name in fields},
    }


def _store(database: Database, folder: str) -> ObjectStore:
    if folder.startswith("s3://"):
        return S3Store(database.location.s3)
    Path(folder).mkdir(exist_ok=True, mode=0o700)
    return LocalStore((folder,))


def exported(connection: duckdb.DuckDBPyConnection, database: Database, query: str, now: int) -> dict[str, Any]:
    """Return the rows of *query* (engine SQL): a file beside the lake's, or themselves where files are encrypted.

    *now*, in seconds, is part of a file's name.
    """
    if database.location.encrypted:
        return {"rows": _packed(connection, query)}
    root = database.location.data.rstrip("/") or str(database.location.folder / "data")
    folder = f"{root}/{FOLDER}/"
    store = _store(database, folder)
    for item in store.list(folder):
        made = item.location.removeprefix(folder).partition("-")[0]
        if made.isdigit() and int(made) < now - KEPT_S:
            store.delete(item.location)
    place = f"{folder}{now}-{uuid.uuid4()}.parquet"
    connection.execute(f"COPY ({query}) TO {literal(place)} (FORMAT parquet, COMPRESSION zstd)")
    return {"file": place}


def _packed(connection: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return rows as a stream of Arrow's, in base64."""
    reader = connection.execute(query).to_arrow_reader(_BATCH)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, reader.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for batch in reader:
            writer.write_batch(batch)
            if sink.tell() > _MOST:
                raise SqlError(
                    SqlState.PROGRAM_LIMIT_EXCEEDED, "too many rows of an encrypted warehouse are shared at once"
                )
    return base64.b64encode(sink.getvalue()).decode()


def unpacked(rows: str) -> pa.Table:
    """Return the rows that ``exported`` has packed."""
    with pa.ipc.open_stream(base64.b64decode(rows)) as reader:
        return reader.read_all()
