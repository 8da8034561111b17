"""What the lake keeps of its past, and how that ends: versions first, then the files that only they had.

DuckLake does both. It writes a list of the files that nothing names any more, and deletes them when they have been on
it for long enough: whoever has learnt of a file reads it within that time. Files that no transaction ever named are
found here, by DuckLake's own names in tables' own folders: whatever else lies there is none of its business.
"""

import ctypes
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from core.names import literal, quote
from storage.changes import Version
from storage.database import LAKE, Database
from storage.objects import LocalStore, ObjectStore, S3Store

_METADATA: Final = f'"__ducklake_metadata_{LAKE}"'
_KEPT: Final = "SELECT max(snapshot_id) FROM {m}.ducklake_snapshot WHERE snapshot_time < $1"
_OLD: Final = """
    SELECT snapshot_id, schema_version FROM {m}.ducklake_snapshot
    WHERE snapshot_id < $1 AND snapshot_id < (SELECT min(snapshot_id) + {most} FROM {m}.ducklake_snapshot)
    ORDER BY snapshot_id
"""
_SCHEMAS: Final = """
    SELECT max(snapshot_id), schema_version FROM {m}.ducklake_snapshot
    WHERE schema_version > $1 AND snapshot_id < $2 GROUP BY schema_version ORDER BY schema_version
"""
_TURNED: Final = "SELECT count(*) FROM {m}.ducklake_schema WHERE schema_name = $1 AND end_snapshot IS NULL"
_NOTED: Final = r"""
    SELECT DISTINCT CAST(unnest(regexp_extract_all(changes_made, 'inlined_delete:(\d+)', 1)) AS BIGINT)
    FROM {m}.ducklake_snapshot_changes WHERE snapshot_id < $1 AND contains(changes_made, 'inlined_delete:')
"""
_PLACE: Final = """
    SELECT s.schema_name, t.table_name FROM {m}.ducklake_table AS t JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE t.table_id = $1 AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL
"""
_STILL_NAMED: Final = """
    SELECT count(*) FROM {m}.ducklake_files_scheduled_for_deletion AS f
    WHERE parse_filename(f.path) IN (
        SELECT parse_filename(path) FROM {m}.ducklake_data_file
        UNION ALL SELECT parse_filename(path) FROM {m}.ducklake_delete_file)
"""
_LOST: Final = """
    SELECT filename FROM read_blob({pattern})
    WHERE last_modified < $1
      AND regexp_full_match(parse_filename(filename), {name})
      AND parse_filename(filename) NOT IN (
        SELECT parse_filename(path) FROM {m}.ducklake_data_file
        UNION ALL SELECT parse_filename(path) FROM {m}.ducklake_delete_file
        UNION ALL SELECT parse_filename(path) FROM {m}.ducklake_files_scheduled_for_deletion)
      AND split_part(replace(filename, {root}, ''), '/', 1) IN (SELECT trim(path, '/') FROM {m}.ducklake_schema)
"""
_KEPT_INLINE: Final = """
    SELECT i.table_name FROM {m}.ducklake_inlined_data_tables AS i
    JOIN {m}.ducklake_table AS t USING (table_id) JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE s.schema_name = $1 AND t.table_name = $2 AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL
"""
_OLDEST: Final = "SELECT min(snapshot_id) FROM {m}.ducklake_snapshot"
_OUTDATED: Final = """
    SELECT row_id FROM {m}.{table} WHERE end_snapshot IS NULL AND begin_snapshot <= $1
    QUALIFY change < max(change) OVER (PARTITION BY kind, oid)
"""
_FEWEST: Final = 1_000
"""Rows of a log from which on it is worth the while to shorten it."""
_NAME: Final = r"ducklake-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}(-delete)?\.parquet"
_TURN: Final = "duckshift_turn"
MOST: Final = 500
"""Versions that end at a time: commits wait meanwhile."""


class ExpiryError(Exception):
    """The lake's own lists contradict each other; nothing was deleted."""


def first_kept(database: Database, moment: datetime) -> int:
    """Return the snapshot that was the newest at *moment*, 0 where there was none; blocking."""
    connection = database.cursor()
    try:
        row = connection.execute(_KEPT.format(m=_place(database)), [moment]).fetchone()
    finally:
        connection.close()
    return int(row[0]) if row and row[0] is not None else 0


def old(database: Database, kept: int) -> list[Version]:
    """Return the oldest of the versions before *kept*; blocking."""
    return _versions(database, _OLD.format(m=_place(database), most=MOST), [kept])


def with_schemas(database: Database, after: int, kept: int) -> list[Version]:
    """Return one version for each schema later than *after* (its number) of those before *kept*; blocking."""
    return _versions(database, _SCHEMAS.format(m=_place(database)), [after, kept])


def _versions(database: Database, sql: str, parameters: list[int]) -> list[Version]:
    connection = database.cursor()
    try:
        return [Version(int(number), int(schema)) for number, schema in connection.execute(sql, parameters).fetchall()]
    finally:
        connection.close()


def prune(database: Database, schema: str, log: str) -> int:
    """Remove rows of a *log* whose newer ones all versions show that are kept; return how many. Blocking.

    Of rows that lie in DuckLake's catalog, as small writes do, and not by a transaction of DuckLake's: whoever has
    begun to append would be refused. For all versions that there are the log says the same as before.
    """
    connection, place = database.cursor(), _place(database)
    try:
        oldest = connection.execute(_OLDEST.format(m=place)).fetchall()[0][0]
        tables = connection.execute(_KEPT_INLINE.format(m=place), [schema, log]).fetchall()
        return sum(_pruned(connection, place, quote(str(name)), oldest) for (name,) in tables)
    finally:
        connection.close()


def _pruned(connection: duckdb.DuckDBPyConnection, place: str, table: str, oldest: int) -> int:
    outdated = connection.execute(_OUTDATED.format(m=place, table=table), [oldest]).fetchall()
    if len(outdated) < _FEWEST:
        return 0
    for first in range(0, len(outdated), _FEWEST):
        numbers = ", ".join(str(int(number)) for (number,) in outdated[first : first + _FEWEST])
        connection.execute(f"DELETE FROM {place}.{table} WHERE row_id IN ({numbers})")
    return len(outdated)


def turn(database: Database) -> str:
    """Return the statement that gives the lake another schema, with the same tables; blocking."""
    connection = database.cursor()
    try:
        row = connection.execute(_TURNED.format(m=_place(database)), [_TURN]).fetchone()
    finally:
        connection.close()
    return f"{'DROP' if row and row[0] else 'CREATE'} SCHEMA {LAKE}.{quote(_TURN)}"


def noted(database: Database, kept: int) -> list[tuple[str, str]]:
    """Return the tables (bare lake names) of which deletes before *kept* are in DuckLake's catalog still; blocking.

    That they are there is told by those snapshots' own records alone (``storage.sizes``).
    """
    connection, place = database.cursor(), _place(database)
    found = []
    try:
        for (number,) in connection.execute(_NOTED.format(m=place), [kept]).fetchall():
            table = connection.execute(_PLACE.format(m=place), [number]).fetchone()
            if table is not None and _has_notes(connection, place, number, kept):
                found.append((str(table[0]), str(table[1])))
    finally:
        connection.close()
    return found


def _has_notes(connection: duckdb.DuckDBPyConnection, place: str, number: int, kept: int) -> bool:
    try:
        name = quote(f"ducklake_inlined_delete_{number}")
        row = connection.execute(f"SELECT count(*) FROM {place}.{name} WHERE begin_snapshot < $1", [kept]).fetchone()
    except duckdb.CatalogException:
        return False
    return bool(row and row[0])


def expire(versions: Sequence[Version]) -> str:
    """Return the statement that ends *versions*.

    It takes the schemas that they had out of DuckLake's memory, at once and even where it is rolled back. DuckDB 1.5.5
    must not be reading one, nor have a transaction open that has.
    """
    numbers = ", ".join(str(version.number) for version in versions)
    return f"CALL ducklake_expire_snapshots({literal(LAKE)}, versions => [{numbers}])"


def trim() -> None:
    """Give memory back to the system that is free here, where the system's library can."""
    release = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if release is not None:
        release(0)


def remove(database: Database, listed_before: datetime) -> int:
    """Delete the files that have been on DuckLake's list since before a moment; return how many. Blocking."""
    connection = database.cursor()
    try:
        row = connection.execute(_STILL_NAMED.format(m=_place(database))).fetchone()
        if row is None or row[0]:
            raise ExpiryError("files are to be deleted that the lake still names")
        sql = f"SELECT count(*) FROM ducklake_cleanup_old_files({literal(LAKE)}, older_than => $1)"
        found = connection.execute(sql, [listed_before]).fetchone()
    finally:
        connection.close()
    return int(found[0]) if found else 0


def remove_lost(database: Database, written_before: datetime) -> int:
    """Delete files that were written before a moment and never named; return how many. Blocking."""
    location = database.location
    root = location.data.rstrip("/") or str(location.folder / "data")
    connection = database.cursor()
    try:
        sql = _LOST.format(
            m=_place(database), pattern=literal(f"{root}/*/*/ducklake-*.parquet"), root=literal(f"{root}/"),
            name=literal(_NAME),
        )  # fmt: skip
        found = [str(path) for (path,) in connection.execute(sql, [written_before]).fetchall()]
    except duckdb.IOException:
        # There is no file yet.
        return 0
    finally:
        connection.close()
    store: ObjectStore = S3Store(location.s3) if root.startswith("s3://") else LocalStore((root,))
    for path in found:
        store.delete(path if root.startswith("s3://") else str(Path(path)))
    return len(found)


def _place(database: Database) -> str:
    return f"{_METADATA}.{quote(database.metadata_schema)}"
