"""What copy jobs have taken in: a table of the lake, written in the transaction that loads the rows.

So a file is loaded once, whenever the server dies: either its rows and its entry are there, or neither. Entries are
only ever added; those of jobs that are gone go when the server starts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import duckdb

from core.names import literal, quote
from storage.database import LAKE, METADATA_SCHEMA, beside
from storage.objects import StoredObject

_TABLE: Final = f"{LAKE}.{quote(METADATA_SCHEMA)}.copied_files"
_COLUMNS: Final = (
    "job BIGINT, location VARCHAR, bytes BIGINT, version VARCHAR, modified TIMESTAMP, enqueued TIMESTAMP,"
    " status VARCHAR"
)
MADE: Final = f"CREATE TABLE IF NOT EXISTS {_TABLE} ({_COLUMNS})"
"""The statement that makes the table where there is none."""
_ROWS: Final = 1_000
"""Rows of one INSERT."""
LOADED: Final = "I"
FAILED: Final = "E"
THERE_BEFORE: Final = "B"
"""A file that was there when the job was made: it is not the job's, unless it is written anew."""


@dataclass(frozen=True, slots=True)
class Known:
    """The files that a job has to do with no more."""

    loaded: frozenset[str]
    failed: frozenset[str]
    before: frozenset[tuple[str, str]]
    """(location, version)"""

    def new(self, objects: Iterable[StoredObject], *, again: bool) -> list[StoredObject]:
        """Return those of *objects* that are still to be loaded; *again* takes those that have failed too."""
        refused = self.loaded if again else self.loaded | self.failed
        return [
            item
            for item in objects
            if item.location not in refused and (item.location, item.version) not in self.before
        ]


def prepare(connection: duckdb.DuckDBPyConnection, jobs: Iterable[int]) -> None:
    """Make the table where there is none, and forget all jobs but *jobs*; only while nobody else writes."""
    connection.execute(MADE)
    living = ", ".join(str(job) for job in jobs)
    gone = f"job NOT IN ({living})" if living else "true"
    if connection.execute(f"SELECT count(*) FROM {_TABLE} WHERE {gone}").fetchall()[0][0]:
        connection.execute(f"DELETE FROM {_TABLE} WHERE {gone}")


def note(
    connection: duckdb.DuckDBPyConnection, job: int, objects: Sequence[StoredObject], status: str, now: datetime
) -> None:
    """Take note of what became of *objects*, in the transaction that is open on *connection*."""
    enqueued = _plain(now)
    for start in range(0, len(objects), _ROWS):
        part = objects[start : start + _ROWS]
        values = [
            value
            for item in part
            for value in (
                job, item.location, item.size_bytes, item.version, _plain(item.modified) if item.modified else None,
                enqueued, status,
            )
        ]  # fmt: skip
        places = ", ".join(["(?, ?, ?, ?, ?, ?, ?)"] * len(part))
        connection.execute(f"INSERT INTO {_TABLE} VALUES {places}", values)


def known(connection: duckdb.DuckDBPyConnection, job: int) -> Known:
    """Return what *job* has done: what is committed, and what the transaction on *connection* adds to that."""
    question = f"SELECT DISTINCT location, version, status FROM {_TABLE} WHERE job = {literal(str(job))}::BIGINT"
    # A block may have begun before another's commit.
    side = beside(connection)
    try:
        rows = [*side.execute(question).fetchall(), *connection.execute(question).fetchall()]
    finally:
        side.close()
    return Known(
        loaded=frozenset(location for location, _, status in rows if status == LOADED),
        failed=frozenset(location for location, _, status in rows if status == FAILED),
        before=frozenset((location, version) for location, version, status in rows if status == THERE_BEFORE),
    )


def source_sql() -> str:
    """Return the engine SQL that reads the table, for a system view's source: of a file the newest entry."""
    return (
        f"SELECT * FROM {_TABLE} WHERE status <> {literal(THERE_BEFORE)} "
        "QUALIFY row_number() OVER (PARTITION BY job, location ORDER BY enqueued DESC) = 1"
    )


def _plain(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)
