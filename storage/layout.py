"""How tables lie in their files: what is small, deleted or out of order, and the SQL that writes files anew.

A file is written anew by an INSERT of the rows that it still has and a DELETE of those that were there, in one
transaction. DuckLake ends the old files with that and keeps them for older versions, whose rows and statistics stay
what they were: ``ducklake_rewrite_data_files`` narrows the statistics of a table's columns for its past as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from core.names import literal, quote
from storage.database import LAKE, Database
from storage.sizes import inlined

REWRITTEN: Final = "rewritten"
"""What a commit says of itself that moved rows and changed none."""
_METADATA: Final = f'"__ducklake_metadata_{LAKE}"'
_SURVEY: Final = """
    SELECT s.schema_name, t.table_name, coalesce(f.files, 0), coalesce(f.rows, 0), coalesce(d.rows, 0),
        coalesce(f.small, 0), t.table_id, coalesce(x.record_count, 0) > coalesce(f.rows, 0)
    FROM {m}.ducklake_table AS t
    JOIN {m}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
    LEFT JOIN (
        SELECT table_id, count(*) AS files, sum(record_count) AS rows,
            count(*) FILTER (file_size_bytes < $1) AS small
        FROM {m}.ducklake_data_file WHERE end_snapshot IS NULL GROUP BY table_id) AS f ON f.table_id = t.table_id
    LEFT JOIN (
        SELECT f.table_id, sum(d.delete_count) AS rows
        FROM {m}.ducklake_delete_file AS d JOIN {m}.ducklake_data_file AS f USING (data_file_id)
        WHERE d.end_snapshot IS NULL AND f.end_snapshot IS NULL GROUP BY f.table_id) AS d ON d.table_id = t.table_id
    LEFT JOIN {m}.ducklake_table_stats AS x ON x.table_id = t.table_id
    WHERE t.end_snapshot IS NULL
"""
_COLUMN: Final = """
    SELECT t.table_id, c.column_id
    FROM {m}.ducklake_table AS t JOIN {m}.ducklake_schema AS s USING (schema_id)
    LEFT JOIN {m}.ducklake_column AS c
        ON c.table_id = t.table_id AND c.end_snapshot IS NULL AND c.parent_column IS NULL AND c.column_name = $3
    WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL AND s.schema_name = $1 AND t.table_name = $2
"""
_FILES: Final = """
    SELECT l.data_file, f.record_count, coalesce(d.delete_count, 0), f.file_size_bytes, {low}, {high},
        f.begin_snapshot < coalesce(
            (SELECT max(begin_snapshot) FROM {m}.ducklake_sort_info WHERE table_id = $1 AND end_snapshot IS NULL), 0)
    FROM ducklake_list_files({lake}, {table}, schema => {schema}) AS l
    JOIN {m}.ducklake_data_file AS f
        ON f.table_id = $1 AND f.end_snapshot IS NULL AND parse_filename(f.path) = parse_filename(l.data_file)
    LEFT JOIN {m}.ducklake_delete_file AS d ON d.data_file_id = f.data_file_id AND d.end_snapshot IS NULL
    LEFT JOIN {m}.ducklake_file_column_stats AS c ON c.data_file_id = f.data_file_id AND c.column_id = $2
"""
_KEYED: Final = """
    SELECT s.schema_name, t.table_name, c.column_type, f.record_count, f.file_size_bytes, x.min_value, x.max_value,
        f.begin_snapshot < i.begin_snapshot
    FROM {m}.ducklake_sort_info AS i
    JOIN {m}.ducklake_sort_expression AS e ON e.sort_id = i.sort_id AND e.table_id = i.table_id AND e.sort_key_index = 0
    JOIN {m}.ducklake_table AS t ON t.table_id = i.table_id AND t.end_snapshot IS NULL
    JOIN {m}.ducklake_schema AS s ON s.schema_id = t.schema_id AND s.end_snapshot IS NULL
    JOIN {m}.ducklake_column AS c ON c.table_id = i.table_id AND c.end_snapshot IS NULL AND c.parent_column IS NULL
        AND lower(c.column_name) = lower(CASE WHEN starts_with(e.expression, '"')
            THEN replace(substr(e.expression, 2, length(e.expression) - 2), '""', '"') ELSE e.expression END)
    JOIN {m}.ducklake_data_file AS f ON f.table_id = i.table_id AND f.end_snapshot IS NULL
    LEFT JOIN {m}.ducklake_file_column_stats AS x ON x.data_file_id = f.data_file_id AND x.column_id = c.column_id
    WHERE i.end_snapshot IS NULL
"""
_NUMBERS: Final = ("int", "uint", "float", "decimal")
_FILENAME: Final = "filename"
"""DuckLake's column of the file that a row is in; a table's own hides it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout:
    """One table's files in figures; names are the lake's own."""

    schema: str
    table: str
    files: int = 0
    rows: int = 0
    """Rows in files, deleted ones among them."""
    deleted: int = 0
    small: int = 0
    """Files below the size that was asked about."""
    inlined: int = 0
    """Rows in DuckLake's catalog."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFile:
    """One file that holds rows of a table now."""

    path: str
    rows: int
    deleted: int
    bytes: int
    low: Any = None
    """The least value of the column that was asked about, None where that is not known."""
    high: Any = None
    disordered: bool = False
    """Whether it was written before the table had its present sort key."""


def survey(database: Database, small_bytes: int) -> list[TableLayout]:
    """Return how the tables lie, files below *small_bytes* being small; blocking, on a connection of its own."""
    connection = database.cursor()
    try:
        connection.execute("BEGIN")
        rows = connection.execute(_SURVEY.format(m=_place(database)), [small_bytes]).fetchall()
        # Only tables that were given more rows than their files hold can have some in the catalog.
        noted = inlined(connection, _place(database), {row[6] for row in rows if row[7]})
    finally:
        connection.close()
    return [
        TableLayout(
            schema=schema, table=table, files=int(files), rows=int(count), deleted=int(deleted), small=int(small),
            inlined=noted.get(number, 0),
        )
        for schema, table, files, count, deleted, small, number, _ in rows
    ]  # fmt: skip


def files(database: Database, schema: str, table: str, column: tuple[str, str] | None = None) -> list[DataFile]:
    """Return the files of a table (bare lake names), with the extent of a *column* (its name and engine type).

    Blocking, on a connection of its own. Deletes that are noted in DuckLake's catalog do not count.
    """
    place = _place(database)
    connection = database.cursor()
    try:
        connection.execute("BEGIN")
        name, kind = column or ("", "VARCHAR")
        found = connection.execute(_COLUMN.format(m=place), [schema, table, name]).fetchone()
        if found is None:
            return []
        sql = _FILES.format(
            m=place, lake=literal(LAKE), table=literal(table), schema=literal(schema),
            low=f"TRY_CAST(c.min_value AS {kind})", high=f"TRY_CAST(c.max_value AS {kind})",
        )  # fmt: skip
        rows = connection.execute(sql, [found[0], found[1]]).fetchall()
    finally:
        connection.close()
    return [
        DataFile(
            path=path, rows=int(count), deleted=int(deleted), bytes=int(size), low=low, high=high, disordered=old
        )
        for path, count, deleted, size, low, high, old in rows
    ]  # fmt: skip


def keyed(database: Database) -> dict[tuple[str, str], list[DataFile]]:
    """Return the files of every table with a sort key, nameless, with the extent of its first column; blocking."""
    connection = database.cursor()
    try:
        rows = connection.execute(_KEYED.format(m=_place(database))).fetchall()
    finally:
        connection.close()
    found: dict[tuple[str, str], list[DataFile]] = {}
    for schema, table, kind, count, size, low, high, old in rows:
        read = _number if str(kind).startswith(_NUMBERS) else _text
        file = DataFile(
            path="", rows=int(count), deleted=0, bytes=int(size), low=read(low), high=read(high), disordered=old
        )
        found.setdefault((schema, table), []).append(file)
    return found


def _number(text: str | None) -> float | None:
    """Return a number that DuckLake has written down; one that is none says nothing of where a file begins."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _text(text: str | None) -> str | None:
    """Return what has the order of its characters: strings, and dates as DuckLake writes them."""
    return text


def moved(connection: duckdb.DuckDBPyConnection, name: str, paths: Sequence[str], key: Sequence[str]) -> int:
    """Write the rows of the files *paths* of a table (quoted, qualified) anew, in the order of *key*.

    Blocking, in the transaction that is open on *connection*, which must inline nothing: a file whose rows are
    noted as deleted stays. Returns how many rows there are; raises ``MovedError`` where it is not as many as were
    taken away.
    """
    order = f" ORDER BY {', '.join(quote(column) for column in key)}" if key else ""
    among = f"{_FILENAME} IN ({', '.join(literal(path) for path in paths)})"
    written = _count(connection, f"INSERT INTO {name} SELECT * FROM {name} WHERE {among}{order}")
    taken = _count(connection, f"DELETE FROM {name} WHERE {among}")
    if written != taken:
        raise MovedError(f"{written} rows were written for {taken}")
    return written


def movable(columns: Sequence[str]) -> bool:
    """Tell whether single files of a table with *columns* can be written anew."""
    return _FILENAME not in {column.lower() for column in columns}


class MovedError(Exception):
    """Rows were not moved as they should have been: whatever was done must not be committed."""


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _place(database: Database) -> str:
    return f"{_METADATA}.{quote(database.metadata_schema)}"
