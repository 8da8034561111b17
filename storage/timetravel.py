"""What tables were at a moment: which snapshot of the lake it is, and whether the table is the one that it is now."""

from dataclasses import dataclass
from typing import Final

import duckdb

from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from storage.database import LAKE, Database

_AT: Final = "SELECT max(snapshot_id) FROM {m}.ducklake_snapshot WHERE snapshot_time <= make_timestamptz($1)"
_NUMBERED: Final = "SELECT snapshot_id FROM {m}.ducklake_snapshot WHERE snapshot_id = $1"
_NAMED: Final = """
    SELECT t.table_id FROM {m}.ducklake_table AS t JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE s.schema_name = $1 AND t.table_name = $2 AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL
"""
_NAME: Final = """
    SELECT s.schema_name, t.table_name FROM {m}.ducklake_table AS t JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE t.table_id = $1
      AND t.begin_snapshot <= $2 AND coalesce(t.end_snapshot > $2, true)
      AND s.begin_snapshot <= $2 AND coalesce(s.end_snapshot > $2, true)
"""
_COLUMNS: Final = """
    SELECT column_name, column_id, column_type FROM {m}.ducklake_column
    WHERE table_id = $1 AND parent_column IS NULL AND begin_snapshot <= $2 AND coalesce(end_snapshot > $2, true)
"""
_REWRITTEN: Final = """
    SELECT count(*) FROM {m}.ducklake_snapshot_changes
    WHERE snapshot_id > $2 AND list_contains(string_split(changes_made, ','), 'rewrite_delete:' || $1)
"""
"""Files were rewritten without their deleted rows, which narrows the columns' statistics to what is left. DuckLake
gives those to the engine for older snapshots, too, which then sorts values outside of them wrongly."""
_LATEST: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A table that is to be read as it was."""

    place: tuple[str, str]
    """Bare lake names of its schema and itself."""
    name: str
    """What users call it."""
    columns: tuple[tuple[str, str], ...]
    """Those that are named: what the lake and what users call them."""


def snapshot(database: Database, moment: int | None, tables: list[Wanted], *, numbered: bool) -> int:
    """Return the lake's snapshot at *moment*, its number or microseconds since 1970, if *tables* were there then.

    Blocking, on its own connection. Raises 22023 where nothing is kept of that moment, 42P01 for a table and 42703
    for a column that was not there.
    """
    metadata = f'"__ducklake_metadata_{LAKE}".{quote(database.metadata_schema)}'
    connection = database.cursor()
    try:
        found = _snapshot(connection, metadata, moment, numbered=numbered)
        for table in tables:
            _check(connection, metadata, table, found)
    finally:
        connection.close()
    return found


def _snapshot(connection: duckdb.DuckDBPyConnection, metadata: str, moment: int | None, *, numbered: bool) -> int:
    if moment is None:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "the moment to read a table as of is NULL")
    row = connection.execute((_NUMBERED if numbered else _AT).format(m=metadata), [moment]).fetchone()
    if row is None or row[0] is None:
        said = f"the warehouse keeps no snapshot {moment}" if numbered else "the warehouse keeps nothing that old"
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, said)
    return int(row[0])


def _check(connection: duckdb.DuckDBPyConnection, metadata: str, table: Wanted, at: int) -> None:
    numbers = connection.execute(_NAMED.format(m=metadata), list(table.place)).fetchone()
    names = connection.execute(_NAME.format(m=metadata), [numbers[0], at]).fetchone() if numbers else None
    if numbers is None or names is None:
        raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{table.name}" did not exist then')
    if tuple(names) != table.place:
        raise SqlError(SqlState.UNDEFINED_TABLE, f'relation "{table.name}" was called otherwise then')
    rewritten = connection.execute(_REWRITTEN.format(m=metadata), [numbers[0], at]).fetchone()
    if rewritten is None or rewritten[0]:
        message = f'relation "{table.name}" has been rewritten since by VACUUM: what it was is in snapshots only'
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, message)
    now, then = (
        {str(name): (number, kind) for name, number, kind in connection.execute(sql, [numbers[0], moment]).fetchall()}
        for sql in (_COLUMNS.format(m=metadata),) for moment in (_LATEST, at)
    )  # fmt: skip
    for column, shown in table.columns:
        before, after = then.get(column), now.get(column)
        if before is None or after is None or before[0] != after[0]:
            message = f'column "{shown}" of relation "{table.name}" did not exist then'
            raise SqlError(SqlState.UNDEFINED_COLUMN, message)
        if before[1] != after[1]:
            message = f'column "{shown}" of relation "{table.name}" had another type then'
            raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, message)
