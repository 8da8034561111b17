"""A snapshot's lake beside the running one: attached for reading, of its files only those that are wanted."""

import shutil
import tempfile
import uuid
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from storage.database import CATALOG_FILE, METADATA_SCHEMA, Database, attach
from storage.keys import DataKey
from storage.metastore import Entry
from storage.snapshots import Snapshot, Snapshots
from storage.taking import settle_catalog

_LOG: Final = "log"
_PATHS: Final = """
SELECT CASE WHEN f.path_is_relative THEN s.path || t.path || f.path ELSE f.path END
FROM {m}.{files} AS f JOIN {m}.ducklake_table AS t USING (table_id) JOIN {m}.ducklake_schema AS s USING (schema_id)
WHERE s.schema_name = $1 AND t.table_name = $2
"""


class Past:
    """What a warehouse was, attached to the engine of one that runs. Every method blocks and raises ``SqlError``."""

    def __init__(self, database: Database, snapshots: Snapshots, snapshot: Snapshot, keys: tuple[DataKey, ...]) -> None:
        """Bring the catalogue of *snapshot*, which *keys* open."""
        self._database, self._snapshots, self._snapshot = database, snapshots, snapshot
        self._folder = Path(tempfile.mkdtemp(prefix="duckshift-past-"))
        self._secrets = [key.secret("catalog") for key in keys] or [""]
        self._name = f"past_{uuid.uuid4().hex}"
        self._at = ""
        try:
            snapshots.fetch_catalog(snapshot, self._catalog)
            settle_catalog(self._catalog, str(self._folder), keys)
        except BaseException:
            self.close()
            raise

    def open(self, at: datetime | None = None) -> list[Entry]:
        """Attach the lake, as it was *at* a moment if one is given, and return its metadata log."""
        self._at = f", SNAPSHOT_TIME {literal(at.isoformat(sep=' '))}" if at is not None else ""
        self.fetch(METADATA_SCHEMA, _LOG)
        connection = self._database.cursor()
        try:
            attach(connection, self._attached, self._secrets)
            rows = connection.execute(
                "SELECT kind, oid, arg_max(body, change), arg_max(body IS NULL, change) "
                f"FROM {self.place(METADATA_SCHEMA, _LOG)} GROUP BY kind, oid ORDER BY kind, oid"
            ).fetchall()
        except duckdb.Error as error:
            raise SqlError(SqlState.UNDEFINED_OBJECT, "the warehouse cannot be had as it was then") from error
        finally:
            connection.close()
        return [Entry(kind, oid, body) for kind, oid, body, gone in rows if not gone]

    def fetch(self, schema: str, table: str) -> int:
        """Bring the files of a table (bare names of the lake) and return their bytes."""
        wanted = set(self._paths(schema, table))
        files = [file for file in self._snapshot.files if file.path in wanted]
        for file in files:
            target = self._folder / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            self._snapshots.fetch(file, target)
        return sum(file.size for file in files)

    def place(self, schema: str, table: str) -> str:
        """Return the engine's name of a table (bare names of the lake)."""
        return f"{self._name}.{quote(schema)}.{quote(table)}"

    def close(self) -> None:
        """Let go of it."""
        connection = self._database.cursor()
        try:
            connection.execute(f"DETACH DATABASE IF EXISTS {self._name}")
        finally:
            connection.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _catalog(self) -> Path:
        return self._folder / CATALOG_FILE

    def _attached(self, key: str) -> str:
        secret = f", META_ENCRYPTION_KEY {literal(key)}" if key else ""
        return f"ATTACH {literal(f'ducklake:{self._catalog}')} AS {self._name} (READ_ONLY{secret}{self._at})"

    def _paths(self, schema: str, table: str) -> list[str]:
        connection = self._database.cursor()
        name = f"{self._name}_files"
        place = f"{name}.main"
        try:
            attach(connection, lambda key: _plain(self._catalog, name, key), self._secrets)
            try:
                return [
                    str(path)
                    for files in ("ducklake_data_file", "ducklake_delete_file")
                    for (path,) in connection.execute(_PATHS.format(m=place, files=files), [schema, table]).fetchall()
                ]
            finally:
                connection.execute(f"DETACH {name}")
        finally:
            connection.close()


def _plain(catalog: Path, name: str, key: str) -> str:
    secret = f", ENCRYPTION_KEY {literal(key)}" if key else ""
    return f"ATTACH {literal(str(catalog))} AS {name} (READ_ONLY{secret})"
