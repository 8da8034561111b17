"""The metadata log: every object's document, appended in the transaction that changes it.

One table of the lake, ``duckshift.log``. A row says what an object is from now on, or (no body) that it is
gone; the newest row of an object counts. Transactions only ever add rows, because two DuckLake transactions that
delete from one table conflict while two that insert do not. ``compact`` rewrites the log at start; while servers are at
work ``storage.expiry`` removes what no version shows any more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import duckdb

from core.names import quote
from storage.database import LAKE, METADATA_SCHEMA, beside

LOG: Final = f"{LAKE}.{quote(METADATA_SCHEMA)}.log"
MADE: Final = f"CREATE TABLE IF NOT EXISTS {LOG} (change BIGINT, kind VARCHAR, oid BIGINT, body VARCHAR)"
"""The statement that makes the log's table where there is none."""
_COMPACT_FROM_ROWS: Final = 1_000
STREAM: Final = "stream"
"""The kind of entry that says up to where a materialized view has taken its stream in."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One object at one time; no body means that it was dropped."""

    kind: str
    oid: int
    body: str | None


class Metastore:
    """Reads and appends the log on connections that are handed in."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Make the log's table where there is none, using *connection* for maintenance."""
        self._connection = connection
        connection.execute(MADE)
        self.change = self._highest_change()
        """The newest change that is known."""
        self.settled = self.change
        """Up to where everything that was committed has been taken note of."""

    def reconnect(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Go on with *connection*, to a new instance."""
        self._connection = connection

    def load(self, *, compact: bool = False) -> list[Entry]:
        """Return every living object; *compact* the log before, only while nobody else writes."""
        if compact:
            self.compact()
        rows = self._connection.execute(
            f"SELECT kind, oid, arg_max(body, change) AS body, arg_max(body IS NULL, change) AS gone "
            f"FROM {LOG} GROUP BY kind, oid ORDER BY kind, oid"
        ).fetchall()
        return [Entry(kind, oid, body) for kind, oid, body, gone in rows if not gone]

    def since(self, change: int, snapshot: int) -> tuple[list[Entry], int]:
        """Return what others appended after *change* up to a *snapshot* of the lake, and their newest change."""
        connection = beside(self._connection)
        try:
            rows = connection.execute(
                f"SELECT change, kind, oid, body FROM {LOG} AT (VERSION => {int(snapshot)}) "
                f"WHERE change > ? ORDER BY change",
                [change],
            ).fetchall()
        finally:
            connection.close()
        return [Entry(kind, oid, body) for _, kind, oid, body in rows], max((row[0] for row in rows), default=change)

    def unsettled(self) -> list[Entry]:
        """Return what was committed past ``settled``, in order, which is settled then."""
        connection = beside(self._connection)
        try:
            rows = connection.execute(
                f"SELECT change, kind, oid, body FROM {LOG} WHERE change > ? ORDER BY change", [self.settled]
            ).fetchall()
        finally:
            connection.close()
        self.settled = max([self.settled, *(row[0] for row in rows)])
        return [Entry(kind, oid, body) for _, kind, oid, body in rows]

    def highest_oid(self) -> int:
        """Return the largest OID ever used, 0 for none."""
        return self._number("SELECT coalesce(max(oid), 0)")

    @property
    def place(self) -> tuple[str, str]:
        """The bare lake names of the log's schema and table."""
        return METADATA_SCHEMA, "log"

    def append(self, connection: duckdb.DuckDBPyConnection, entries: Iterable[Entry]) -> None:
        """Add *entries* in the transaction that is open on *connection*."""
        rows: list[object] = []
        for entry in entries:
            self.change += 1
            rows += [self.change, entry.kind, entry.oid, entry.body]
        if rows:
            values = ", ".join(["(?, ?, ?, ?)"] * (len(rows) // 4))
            connection.execute(f"INSERT INTO {LOG} VALUES {values}", rows)

    def compact(self) -> None:
        """Rewrite the log to its living rows where most of it is history; only while nobody else writes."""
        rows, living_rows = self._number("SELECT count(*)"), self._number("SELECT count(DISTINCT (kind, oid))")
        if rows < _COMPACT_FROM_ROWS or rows < 2 * living_rows:
            return
        living = self.load()
        connection = self._connection
        connection.execute("BEGIN")
        try:
            # The highest OID must survive its object, or it would be given out again.
            top = self.highest_oid()
            connection.execute(f"DELETE FROM {LOG}")
            self.append(connection, [*living, Entry("oid", top, None)])
            connection.execute("COMMIT")
        except duckdb.Error:
            connection.execute("ROLLBACK")
            raise

    def _highest_change(self) -> int:
        return self._number("SELECT coalesce(max(change), 0)")

    def _number(self, question: str) -> int:
        # A result that is not read to its end keeps its transaction open, and with it all that others do away with:
        # as long as there is one, the engine writes no checkpoint of the catalogue.
        return int(self._connection.execute(f"{question} FROM {LOG}").fetchall()[0][0])
