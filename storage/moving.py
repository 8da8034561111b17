"""A lake's catalogue moved from a file into PostgreSQL, where servers share it.

Rows that are inlined in the catalogue have other types there, so they go into files first. The catalogue becomes the
database's in one step at the end: what is cut short leaves nothing that a server would take for a lake.
"""

from pathlib import Path
from typing import Final

import duckdb

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from storage import extensions
from storage.database import WarehouseError, attach, loaded
from storage.keys import DataKey
from storage.reaching import s3_secret
from storage.superseded import NEVER
from storage.taking import DataPath

_SCHEMA: Final = "duckshift_restored"
_OLD: Final = "moved"
_NEW: Final = "target"
_REGISTER: Final = "ducklake_inlined_data_tables"
_PUBLISH: Final = f"""
DO $publish$
DECLARE found record;
BEGIN
    FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = '{_SCHEMA}' LOOP
        EXECUTE format('ALTER TABLE {_SCHEMA}.%I SET SCHEMA public', found.tablename);
    END LOOP;
    DROP SCHEMA {_SCHEMA};
END $publish$
"""


def check_empty(address: str) -> None:
    """Raise where the PostgreSQL database at *address* holds a lake (58P02), or cannot be reached (WarehouseError)."""
    connection = _with_postgres()
    try:
        _target(connection, address)
        if "ducklake_metadata" in _tables(connection, "public"):
            raise SqlError(SqlState.DUPLICATE_FILE, "the catalogue's database holds a lake already")
    finally:
        connection.close()


def move(catalog: Path, address: str, data: DataPath, keys: tuple[DataKey, ...]) -> None:
    """Bring what the file *catalog* holds, of a lake with its files in *data*, into the PostgreSQL at *address*."""
    connection = _with_postgres()
    secrets = [key.secret("catalog") for key in keys] or [""]
    path = literal(data.path.rstrip("/") + "/")
    encrypted = ", ENCRYPTED" if keys else ""
    try:
        if data.path.startswith("s3://"):
            connection.execute(s3_secret(data.access, data.path))
        lake = f"ATTACH {literal(f'ducklake:{catalog}')} AS {_OLD} (DATA_PATH {path}{encrypted}"
        attach(connection, lambda key: f"{lake}{_key('META_ENCRYPTION_KEY', key)})", secrets)
        connection.execute(f"CALL ducklake_flush_inlined_data({literal(_OLD)})")
        connection.execute(f"DETACH {_OLD}")
        plain = f"ATTACH {literal(str(catalog))} AS {_OLD} (READ_ONLY"
        attach(connection, lambda key: f"{plain}{_key('ENCRYPTION_KEY', key)})", secrets)
        _target(connection, address)
        _run(connection, f"DROP SCHEMA IF EXISTS {_SCHEMA} CASCADE; CREATE SCHEMA {_SCHEMA}")
        connection.execute(
            f"ATTACH {literal(f'ducklake:postgres:{address}')} AS fresh"
            f" (DATA_PATH {path}, META_SCHEMA {literal(_SCHEMA)}{encrypted})"
        )
        connection.execute(f"DETACH fresh; DETACH {_NEW}")
        _target(connection, address)
        _copy(connection)
        _run(connection, _PUBLISH)
    except duckdb.Error as error:
        raise WarehouseError(f"the catalogue cannot be moved: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()


def _copy(connection: duckdb.DuckDBPyConnection) -> None:
    tables, old = _tables(connection, _SCHEMA), _table_names(connection, _OLD, "main")
    for name in old - tables:
        # What is left of inlined rows was moved into files; those of snapshots that never come are no rows.
        snapshot = "begin_snapshot" if "_delete_" in name else f"nullif(begin_snapshot, {NEVER})"
        left = connection.execute(f"SELECT count({snapshot}) FROM {_OLD}.{quote(name)}").fetchall()
        if left[0][0]:
            raise WarehouseError(f"the catalogue cannot be moved: {name} is not empty")
    connection.execute("BEGIN")
    for name in tables:
        place = f"{_NEW}.{_SCHEMA}.{quote(name)}"
        connection.execute(f"DELETE FROM {place}")
        if name != _REGISTER:
            connection.execute(f"INSERT INTO {place} BY NAME SELECT * FROM {_OLD}.{quote(name)}")
    connection.execute("COMMIT")


def _with_postgres() -> duckdb.DuckDBPyConnection:
    connection = loaded()
    extensions.load(connection, "postgres")
    return connection


def _target(connection: duckdb.DuckDBPyConnection, address: str) -> None:
    try:
        connection.execute(f"ATTACH {literal(address)} AS {_NEW} (TYPE postgres)")
    except duckdb.Error as error:
        raise WarehouseError(f"cannot reach the catalogue: {str(error).splitlines()[0]}") from error


def _run(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    connection.execute(f"CALL postgres_execute({literal(_NEW)}, {literal(sql)})")


def _tables(connection: duckdb.DuckDBPyConnection, schema: str) -> set[str]:
    return _table_names(connection, _NEW, schema)


def _table_names(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> set[str]:
    found = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = $1 AND schema_name = $2", [database, schema]
    ).fetchall()
    return {str(name) for (name,) in found}


def _key(word: str, key: str) -> str:
    return f", {word} {literal(key)}" if key else ""
