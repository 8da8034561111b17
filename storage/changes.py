"""What happened to tables since a snapshot of the lake, and the rows that came and went.

DuckLake writes down what every snapshot did (``ducklake_snapshot_changes``) and can list the rows that were
inserted and deleted between two of them. Moving rows from the catalog into files, or writing files anew, is no
change of what a table holds, but the lists of rows cannot be trusted across it. Nor does anything tell what happened
in snapshots that have been expired.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import duckdb

from core.names import literal, quote
from storage.database import LAKE, Database
from storage.layout import REWRITTEN

_TABLES: Final = """
    SELECT s.schema_name, t.table_name, t.table_id
    FROM {m}.ducklake_table AS t JOIN {m}.ducklake_schema AS s USING (schema_id)
    WHERE t.end_snapshot IS NULL AND s.end_snapshot IS NULL
"""
_CHANGES: Final = """
    SELECT commit_message, changes_made FROM {m}.ducklake_snapshot_changes WHERE snapshot_id > ? AND snapshot_id <= ?
"""
_OLDEST: Final = "SELECT min(snapshot_id) FROM {m}.ducklake_snapshot"
_LATEST: Final = "SELECT max(snapshot_id) FROM {m}.ducklake_snapshot"
_NEWEST: Final = "SELECT max(snapshot_id), max(schema_version) FROM {m}.ducklake_snapshot"
_CHANGE: Final = re.compile(r"(\w+):(\d+)")
_INSERTS: Final = frozenset({"inserted_into_table", "inlined_insert"})
_DELETES: Final = frozenset({"deleted_from_table", "inlined_delete"})
_ALTERED: Final = "altered_table"
Place = tuple[str, str]
"""Bare lake names of a schema and a table."""


@dataclass(slots=True)
class Change:
    """What happened to one table."""

    inserted: bool = False
    deleted: bool = False
    altered: bool = False
    """Whether its columns were changed, or it cannot be told what was."""
    moved: bool = False
    """Whether rows were moved between files: no change by itself."""

    @property
    def any(self) -> bool:
        """Whether the table may hold something else than before."""
        return self.inserted or self.deleted or self.altered

    @property
    def listed(self) -> bool:
        """Whether the rows that came and went can be listed."""
        return not self.altered and not self.moved


def changes(database: Database, places: Sequence[Place], since: int, until: int | None = None) -> dict[Place, Change]:
    """Return what happened to the tables *places* after the snapshot *since*; blocking, on its own connection.

    *until* is the last snapshot to look at, the newest where it is None. A table that the lake does not know
    (any more) counts as altered.
    """
    connection = database.cursor()
    try:
        metadata = f'"__ducklake_metadata_{LAKE}".{quote(database.metadata_schema)}'
        return _changes(connection, metadata, places, since, until)
    finally:
        connection.close()


def _changes(
    connection: duckdb.DuckDBPyConnection, metadata: str, places: Sequence[Place], since: int, until: int | None
) -> dict[Place, Change]:
    wanted = set(places)
    ids = {
        (schema, name): int(number)
        for schema, name, number in connection.execute(_TABLES.format(m=metadata)).fetchall()
        if (schema, name) in wanted
    }
    found = {number: Change() for number in ids.values()}
    if until is None:
        row = connection.execute(_LATEST.format(m=metadata)).fetchone()
        until = int(row[0]) if row else since
    row = connection.execute(_OLDEST.format(m=metadata)).fetchone()
    if row is None or row[0] is None or row[0] > since + 1:
        # What was done right after that snapshot is not known any more.
        return {place: Change(altered=True) for place in places}
    for message, made in connection.execute(_CHANGES.format(m=metadata), [since, until]).fetchall():
        _note(str(made or ""), found, moved=message == REWRITTEN)
    return {place: found[ids[place]] if place in ids else Change(altered=True) for place in places}


def _note(made: str, found: dict[int, Change], *, moved: bool = False) -> None:
    """Note in *found* (by DuckLake's table number) what one snapshot did, or that it *moved* rows."""
    words: dict[int, set[str]] = {}
    for word, number in _CHANGE.findall(made):
        if int(number) in found:
            words.setdefault(int(number), set()).add(word)
    for number, done in words.items():
        change = found[number]
        if _ALTERED in done:
            change.altered = True
        if moved or done - _INSERTS - _DELETES - {_ALTERED}:
            # A flush or a merge is a transaction of its own, and deletes what it moves.
            change.moved = True
            continue
        change.inserted |= bool(done & _INSERTS)
        change.deleted |= bool(done & _DELETES)


def newest_snapshot(database: Database) -> int:
    """Return the lake's newest snapshot; blocking, on a connection of its own."""
    return newest_version(database).number


@dataclass(frozen=True, slots=True)
class Version:
    """A version of the lake."""

    number: int
    schema: int
    """Which of the lake's schemas it has: they are numbered in their order."""


def newest_version(database: Database) -> Version:
    """Return the lake's newest version; blocking, on a connection of its own."""
    connection = database.cursor()
    try:
        metadata = f'"__ducklake_metadata_{LAKE}".{quote(database.metadata_schema)}'
        row = connection.execute(_NEWEST.format(m=metadata)).fetchone()
    finally:
        connection.close()
    return Version(int(row[0]), int(row[1])) if row and row[0] is not None else Version(0, 0)


def snapshot_sql() -> str:
    """Return the engine SQL that tells which snapshot the transaction reads."""
    return f"SELECT id FROM {LAKE}.current_snapshot()"


def inserted(place: Place, columns: Sequence[str], first: int, last: int) -> str:
    """Return the engine SQL, to stand in FROM, of the rows inserted by the snapshots *first* to *last*."""
    return _listed("ducklake_table_insertions", place, columns, first, last)


def deleted(place: Place, columns: Sequence[str], first: int, last: int) -> str:
    """Return the engine SQL, to stand in FROM, of the rows deleted by the snapshots *first* to *last*."""
    return _listed("ducklake_table_deletions", place, columns, first, last)


def _listed(function: str, place: Place, columns: Sequence[str], first: int, last: int) -> str:
    names = ", ".join(quote(name) for name in columns)
    schema, table = place
    call = f"{function}({literal(LAKE)}, {literal(schema)}, {literal(table)}, {first}, {last})"
    return f"(SELECT {names} FROM {call})"


def past(engine_name: str, snapshot: int) -> str:
    """Return the engine SQL, to stand in FROM, of a table as it was at *snapshot*."""
    return f"(SELECT * FROM {engine_name} AT (VERSION => {snapshot}))"
