"""The SQL that makes, changes and drops physical tables of the lake.

Text only: the session runs it in its own transaction. Logical facts (lengths, keys, encodings, defaults)
live in the catalog; the lake knows names, engine types, NOT NULL and the sort order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.names import literal, quote
from storage.database import LAKE, METADATA_SCHEMA

_TEMPORARY: Final = "temp.main"
_ENDLESS: Final = 1 << 40


@dataclass(frozen=True, slots=True)
class PhysicalColumn:
    """A column as the lake stores it."""

    name: str
    engine_type: str
    not_null: bool = False


def schema_name(database: str, schema: str) -> str:
    """Return the bare lake schema of *schema* in *database*."""
    return f"{database}.{schema}"


def qualified(schema: str, table: str | None = None) -> str:
    """Return the quoted, qualified engine name of a lake schema (bare) or of a table in it."""
    place = f"{LAKE}.{quote(schema)}"
    return place if table is None else f"{place}.{quote(table)}"


def temporary_name(table: str) -> str:
    """Return the quoted, qualified engine name of a session's temporary table."""
    return f"{_TEMPORARY}.{quote(table)}"


def newest_schema() -> str:
    """Return a query that reads the lake's schema as it is now, and no rows."""
    return f"SELECT 1 FROM {qualified(METADATA_SCHEMA, 'log')} LIMIT 0"


def held(snapshot: int | None) -> str:
    """Return a query that reads the lake's schema at *snapshot*, None for now, and whose many rows nobody reads."""
    moment = "" if snapshot is None else f" AT (VERSION => {snapshot})"
    return f"FROM range({_ENDLESS}) UNION ALL SELECT 1 FROM {qualified(METADATA_SCHEMA, 'log')}{moment} WHERE FALSE"


def sign(author: str, note: str = "") -> str:
    """Return the statement that puts a name, and a *note*, to what the transaction commits."""
    return f"CALL {LAKE}.set_commit_message({literal(author)}, {literal(note)})"


def create_schema(schema: str) -> list[str]:
    """Return the statements that make a lake schema (bare name)."""
    return [f"CREATE SCHEMA IF NOT EXISTS {qualified(schema)}"]


def drop_schema(schema: str) -> list[str]:
    """Return the statements that drop an empty lake schema (bare name)."""
    return [f"DROP SCHEMA IF EXISTS {qualified(schema)}"]


def create_table(name: str, columns: Sequence[PhysicalColumn], *, temporary: bool = False) -> list[str]:
    """Return the statements that make a table called *name* (quoted, qualified)."""
    body = ", ".join(
        f"{quote(column.name)} {column.engine_type}{' NOT NULL' if column.not_null else ''}" for column in columns
    )
    return [f"CREATE {'TEMPORARY ' if temporary else ''}TABLE {name} ({body})"]


def drop_table(name: str) -> list[str]:
    """Return the statements that drop a table."""
    return [f"DROP TABLE {name}"]


def rename_table(name: str, new: str) -> list[str]:
    """Return the statements that rename a table within its schema."""
    return [f"ALTER TABLE {name} RENAME TO {quote(new)}"]


def add_column(name: str, column: PhysicalColumn, default_sql: str | None) -> list[str]:
    """Return the statements that add a column, old rows getting *default_sql* (engine SQL) or NULL."""
    statements = [f"ALTER TABLE {name} ADD COLUMN {quote(column.name)} {column.engine_type}"]
    if default_sql is not None:
        statements.append(f"UPDATE {name} SET {quote(column.name)} = {default_sql}")
    if column.not_null:
        statements.append(f"ALTER TABLE {name} ALTER COLUMN {quote(column.name)} SET NOT NULL")
    return statements


def drop_column(name: str, column: str) -> list[str]:
    """Return the statements that drop a column."""
    return [f"ALTER TABLE {name} DROP COLUMN {quote(column)}"]


def rename_column(name: str, column: str, new: str) -> list[str]:
    """Return the statements that rename a column."""
    return [f"ALTER TABLE {name} RENAME COLUMN {quote(column)} TO {quote(new)}"]


def sort_by(name: str, columns: Sequence[str]) -> list[str]:
    """Return the statements that make later writes sorted, so that zone maps prune; none resets it."""
    if not columns:
        return [f"ALTER TABLE {name} RESET SORTED BY"]
    return [f"ALTER TABLE {name} SET SORTED BY ({', '.join(quote(column) for column in columns)})"]


def flush(schema: str, table: str) -> list[str]:
    """Return the statements that move a table's inlined rows (bare names) into a Parquet file."""
    where, named = literal(schema), literal(table)
    return [f"CALL ducklake_flush_inlined_data({literal(LAKE)}, schema_name => {where}, table_name => {named})"]


def rewrite(name: str, key: Sequence[str]) -> list[str]:
    """Return the statements that write a table anew, in the order of *key* if it has one."""
    order = f" ORDER BY {', '.join(quote(column) for column in key)}" if key else ""
    kept = f'{_TEMPORARY}."duckshift_vacuum"'
    return [
        f"CREATE OR REPLACE TEMPORARY TABLE {kept} AS SELECT * FROM {name}",
        f"DELETE FROM {name}",
        f"INSERT INTO {name} SELECT * FROM {kept}{order}",
        f"DROP TABLE {kept}",
    ]
