"""The lake's side of snapshots: the catalogue as it is at one moment, and a lake made of a snapshot's files."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from core.names import literal, quote
from storage import extracts
from storage.database import LAKE, METADATA_SCHEMA, Database, S3Access, WarehouseError, attach, loaded
from storage.keys import DataKey
from storage.reaching import s3_secret

_METADATA: Final = f"__ducklake_metadata_{LAKE}"
_COPY: Final = "duckshift_snapshot"
_PATHS: Final = """
SELECT CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END
FROM {m}.{files} AS f JOIN {m}.ducklake_table AS t USING (table_id) JOIN {m}.ducklake_schema AS s USING (schema_id)
"""


@dataclass(frozen=True, slots=True)
class DataPath:
    """Where a lake's Parquet files are, and how they are reached if that is S3."""

    path: str
    access: S3Access


def take_catalog(database: Database, target: Path) -> tuple[int, list[str]]:
    """Copy the catalogue into the file *target*; return its newest lake snapshot and the Parquet files it names.

    It blocks, in a transaction of its own: writers go on, and what they commit meanwhile is not in the copy.
    """
    connection = database.cursor()
    keys = database.location.secrets("catalog")
    key = keys[0] if keys else ""
    shared = database.metadata_schema == "public"
    try:
        if shared:
            extracts.make(connection, database, target, key)
        connection.execute(_attached(target, _COPY, key))
        try:
            if shared:
                extracts.copy(connection, _METADATA, _COPY)
            else:
                connection.execute(f"COPY FROM DATABASE {quote(_METADATA)} TO {_COPY}")
            return _named(connection, f"{_COPY}.main")
        finally:
            connection.execute(f"DETACH {_COPY}")
    finally:
        connection.close()


def changed_bytes(database: Database, since: int) -> int:
    """Return how many bytes of Parquet files were written after the lake's snapshot *since*; it blocks."""
    connection = database.cursor()
    try:
        place = f"{quote(_METADATA)}.{quote(database.metadata_schema)}"
        row = connection.execute(
            f"SELECT coalesce(sum(file_size_bytes), 0) FROM {place}.ducklake_data_file WHERE begin_snapshot > $1",
            [since],
        ).fetchone()
    finally:
        connection.close()
    return int(row[0]) if row else 0


def settle_catalog(catalog: Path, data_path: str, keys: tuple[DataKey, ...]) -> None:
    """Tell a copied catalogue where its Parquet files are now."""
    connection = loaded()
    try:
        secrets = [key.secret("catalog") for key in keys] or [""]
        attach(connection, lambda key: _attached(catalog, _COPY, key), secrets)
        path = literal(data_path.rstrip("/") + "/")
        connection.execute(f"UPDATE {_COPY}.ducklake_metadata SET value = {path} WHERE key = 'data_path'")
        connection.execute(f"DETACH {_COPY}")
    finally:
        connection.close()


def rewind(old: Path, new: Path, data: DataPath, at: datetime, keys: tuple[DataKey, ...]) -> None:
    """Make a lake in *new*, its files in *data*, of what the lake of the catalogue *old* was at a time.

    Raises ``WarehouseError`` where the lake did not exist then.
    """
    connection = loaded()
    secrets = [key.secret("catalog") for key in keys] or [""]
    moment = literal(at.isoformat(sep=" "))
    encrypted = ["ENCRYPTED"] if keys else []
    try:
        attach(connection, lambda key: _lake(old, "past", key, [f"SNAPSHOT_TIME {moment}", "READ_ONLY"]), secrets)
        if data.path.startswith("s3://"):
            connection.execute(s3_secret(data.access, data.path))
        options = [f"DATA_PATH {literal(data.path.rstrip('/') + '/')}", *encrypted]
        attach(connection, lambda key: _lake(new, "fresh", key, options), secrets[:1])
        # The log is the warehouse's own first table; before it there was none.
        connection.execute(f"SELECT 1 FROM past.{quote(METADATA_SCHEMA)}.log LIMIT 0")
        connection.execute("COPY FROM DATABASE past TO fresh")
    except duckdb.Error as error:
        raise WarehouseError(f"the warehouse cannot be had as it was then: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()


def _named(connection: duckdb.DuckDBPyConnection, place: str) -> tuple[int, list[str]]:
    newest = connection.execute(f"SELECT max(snapshot_id) FROM {place}.ducklake_snapshot").fetchone()
    paths = {
        str(path)
        for files in ("ducklake_data_file", "ducklake_delete_file")
        for (path,) in connection.execute(_PATHS.format(m=place, files=files)).fetchall()
    }
    return int(newest[0]) if newest else 0, sorted(paths)


def _attached(place: Path, name: str, key: str) -> str:
    return f"ATTACH {literal(str(place))} AS {name}" + (f" (ENCRYPTION_KEY {literal(key)})" if key else "")


def _lake(place: Path, name: str, key: str, options: list[str]) -> str:
    given = [*options, *([f"META_ENCRYPTION_KEY {literal(key)}"] if key else [])]
    return f"ATTACH {literal(f'ducklake:{place}')} AS {name}" + (f" ({', '.join(given)})" if given else "")
