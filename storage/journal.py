"""The journal: what happened, kept outside the transactions that it happened in.

A COPY that fails rolls its transaction back and still leaves its rows in STL_LOAD_ERRORS. So the journal
writes on a connection of its own, into tables of the lake schema ``duckshift``. Its columns are those of
Redshift's views of the same names ("System tables and views"); ``catalog.system`` presents them.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from core.names import quote
from storage.database import LAKE, METADATA_SCHEMA

_KEEP_ROWS: Final = 1_000
"""Rows of one INSERT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalTable:
    """One kind of event."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """(name, engine type)"""

    @property
    def engine_name(self) -> str:
        """Return the quoted, qualified DuckDB name."""
        return f"{LAKE}.{quote(METADATA_SCHEMA)}.{quote(self.name)}"


# fmt: off
_TABLES: Final = (
    JournalTable(name="load_errors", columns=(
        ("userid", "INTEGER"), ("slice", "INTEGER"), ("tbl", "INTEGER"), ("starttime", "TIMESTAMP"),
        ("session", "INTEGER"),
        ("query", "INTEGER"), ("filename", "VARCHAR"), ("line_number", "BIGINT"), ("colname", "VARCHAR"),
        ("type", "VARCHAR"),
        ("col_length", "VARCHAR"), ("position", "INTEGER"), ("raw_line", "VARCHAR"), ("raw_field_value", "VARCHAR"),
        ("err_code", "INTEGER"), ("err_reason", "VARCHAR"), ("is_partial", "INTEGER"),
        ("start_offset", "BIGINT"), ("copy_job_id", "BIGINT"),
    )),
    JournalTable(name="load_commits", columns=(
        ("userid", "INTEGER"), ("query", "INTEGER"), ("slice", "INTEGER"), ("name", "VARCHAR"), ("filename", "VARCHAR"),
        ("byte_offset", "INTEGER"), ("lines_scanned", "INTEGER"), ("errors", "INTEGER"), ("curtime", "TIMESTAMP"),
        ("status", "INTEGER"),
        ("file_format", "VARCHAR"), ("is_partial", "INTEGER"), ("start_offset", "BIGINT"), ("copy_job_id", "BIGINT"),
    )),
    JournalTable(name="unload_log", columns=(
        ("userid", "INTEGER"), ("query", "INTEGER"), ("slice", "INTEGER"), ("pid", "INTEGER"), ("path", "VARCHAR"),
        ("start_time", "TIMESTAMP"), ("end_time", "TIMESTAMP"), ("line_count", "BIGINT"), ("transfer_size", "BIGINT"),
        ("file_format", "VARCHAR"), ("user_query_id", "BIGINT"), ("transaction_id", "BIGINT"),
    )),
)
# fmt: on
TABLES: Final = {table.name: table for table in _TABLES}


def made() -> list[str]:
    """Return the statements that make the tables where there are none."""
    return [
        f"CREATE TABLE IF NOT EXISTS {table.engine_name}"
        f" ({', '.join(f'{quote(name)} {kind}' for name, kind in table.columns)})"
        for table in _TABLES
    ]


class Journal:
    """Appends events and says where they can be read."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the tables where there are none; *connection* is the journal's alone from now on."""
        self._connection = connection
        self._lock = threading.Lock()
        connection.execute(";\n".join(("BEGIN", *made(), "COMMIT")))

    def reconnect(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Go on with *connection*, to a new instance."""
        with self._lock:
            self._connection = connection

    def append(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add *rows* (values in the order of the table's columns) and commit them; blocking."""
        target = TABLES[table]
        place = f"({', '.join('?' * len(target.columns))})"
        pending = list(rows)
        with self._lock:
            for start in range(0, len(pending), _KEEP_ROWS):
                part = pending[start : start + _KEEP_ROWS]
                values = [value for row in part for value in row]
                self._connection.execute(
                    f"INSERT INTO {target.engine_name} VALUES {', '.join([place] * len(part))}", values
                )


def source_sql(table: str) -> str:
    """Return the engine SQL that reads a journal table, for a system view's source."""
    return f"SELECT * FROM {TABLES[table].engine_name}"
