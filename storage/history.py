"""The history: what was run, who connected, what was loaded; kept for days, in a DuckDB file of its own.

Recording is an append to a list, cheap enough for every statement. A background task writes what has gathered
once a second, so a kill loses at most that; what is read has been written first. It is no part of any
transaction of the lake, and every server keeps its own. The columns are those of the sources of
``catalog.system``, which presents them as Redshift's STL and SYS views.
"""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from core.names import literal, quote
from storage import renaming
from storage.database import attach, beside

CATALOG: Final = "duckshift_history"
"""The name that the file is attached as."""
FILE: Final = "history.duckdb"
_WAITING: Final = 100_000
"""Rows of a kind that may wait to be written; older ones are lost beyond that."""
_BEGINNING: Final = datetime.fromisoformat("1970-01-01")
_ROWS_AT_A_TIME: Final = 1_000
_DELIVERIES: Final = f"{CATALOG}.main.audit_deliveries"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryTable:
    """One kind of event."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """(name, engine type)"""
    moment: str
    """The column by which old rows are told."""

    @property
    def engine_name(self) -> str:
        """Return the quoted, qualified DuckDB name."""
        return f"{CATALOG}.main.{quote(self.name)}"

    @property
    def schema(self) -> pa.Schema:
        """Return the shape of rows that wait."""
        return pa.schema([(name, _ARROW[kind]) for name, kind in self.columns])


_ARROW: Final = {
    "INTEGER": pa.int32(), "BIGINT": pa.int64(), "VARCHAR": pa.string(), "TIMESTAMP": pa.timestamp("us"),
    "BOOLEAN": pa.bool_(), "DOUBLE": pa.float64(),
}  # fmt: skip


def _table(name: str, moment: str, text: str) -> HistoryTable:
    pairs = tuple((part.split()[0], part.split()[1]) for part in text.split(","))
    return HistoryTable(name=name, columns=pairs, moment=moment)


_PLACE: Final = (
    "service_class INTEGER, service_class_name VARCHAR, slots INTEGER, queue_started TIMESTAMP, queue_us BIGINT,"
    "waited_us BIGINT, priority VARCHAR, memory BIGINT, task BIGINT"
)
"""Where a statement ran, and how long it waited for that: nothing for the leader's own."""
_TABLES: Final = (
    _table("queries", "ended",
           "query BIGINT, userid INTEGER, user_name VARCHAR, label VARCHAR, xid BIGINT, pid INTEGER, database VARCHAR,"
           "text VARCHAR, kind VARCHAR, status VARCHAR, error VARCHAR, started TIMESTAMP, ended TIMESTAMP,"
           "rows BIGINT, bytes BIGINT, cached BOOLEAN, steps VARCHAR," + _PLACE + ",source BIGINT"),
    _table("evictions", "ended", "query BIGINT, userid INTEGER, xid BIGINT, pid INTEGER, ended TIMESTAMP," + _PLACE),
    _table("rule_actions", "recordtime",
           "userid INTEGER, query BIGINT, service_class INTEGER, service_class_name VARCHAR, rule VARCHAR,"
           "action VARCHAR, action_value VARCHAR, recordtime TIMESTAMP"),
    _table("connections", "time",
           "event VARCHAR, time TIMESTAMP, host VARCHAR, port VARCHAR, pid INTEGER, database VARCHAR,"
           "user_name VARCHAR, method VARCHAR, duration BIGINT, tls_version VARCHAR, tls_cipher VARCHAR,"
           "application VARCHAR, driver VARCHAR, os VARCHAR, plugin VARCHAR, protocol INTEGER"),
    _table("loads", "ended",
           "query BIGINT, userid INTEGER, xid BIGINT, pid INTEGER, database VARCHAR, relation BIGINT,"
           "relation_name VARCHAR, status VARCHAR, started TIMESTAMP, ended TIMESTAMP, source VARCHAR,"
           "format VARCHAR, rows BIGINT, bytes BIGINT, files INTEGER, errors BIGINT, job BIGINT"),
    _table("load_files", "ended",
           "query BIGINT, userid INTEGER, filename VARCHAR, lines BIGINT, bytes BIGINT, ended TIMESTAMP,"
           "format VARCHAR, job BIGINT"),
    _table("replacements", "started",
           "userid INTEGER, query BIGINT, tbl INTEGER, started TIMESTAMP, pid INTEGER, filename VARCHAR, line BIGINT,"
           "colname VARCHAR, raw_line VARCHAR"),
    _table("simplifications", "recorded",
           "userid INTEGER, query BIGINT, recorded TIMESTAMP, maximum DOUBLE, line BIGINT, initial_size BIGINT,"
           "simplified VARCHAR, final_size BIGINT, tolerance DOUBLE"),
    _table("job_messages", "time",
           "job BIGINT, userid INTEGER, name VARCHAR, database VARCHAR, time TIMESTAMP, message VARCHAR"),
    _table("mv_refreshes", "ended",
           "userid INTEGER, pid INTEGER, xid BIGINT, database VARCHAR, schema_name VARCHAR, view BIGINT, name VARCHAR,"
           "refresh_type VARCHAR, status VARCHAR, started TIMESTAMP, ended TIMESTAMP"),
    _table("share_changes", "time",
           "userid INTEGER, username VARCHAR, pid INTEGER, xid BIGINT, share_id BIGINT, share_name VARCHAR,"
           "source_id BIGINT, source_name VARCHAR, time TIMESTAMP, action VARCHAR, consumer_account VARCHAR,"
           "consumer_namespace VARCHAR, producer_account VARCHAR, producer_namespace VARCHAR"),
    _table("stream_scans", "time",
           "userid INTEGER, schema_name VARCHAR, stream VARCHAR, view VARCHAR, xid BIGINT, query BIGINT,"
           "time TIMESTAMP, part VARCHAR, position VARCHAR, scanned BIGINT, skipped BIGINT, bytes BIGINT,"
           "first TIMESTAMP, last TIMESTAMP"),
    _table("stream_errors", "time",
           "userid INTEGER, schema_name VARCHAR, stream VARCHAR, view VARCHAR, xid BIGINT, query BIGINT,"
           "time TIMESTAMP, part VARCHAR, position VARCHAR, kind VARCHAR, arrived TIMESTAMP, code INTEGER,"
           "reason VARCHAR"),
    _table("integration_runs", "ended",
           "integration_id VARCHAR, database VARCHAR, checkpoint VARCHAR, type VARCHAR, bytes BIGINT,"
           "committed TIMESTAMP, tables INTEGER, started TIMESTAMP, ended TIMESTAMP"),
    _table("integration_changes", "time",
           "integration_id VARCHAR, checkpoint VARCHAR, database VARCHAR, schema_name VARCHAR, name VARCHAR,"
           "relation BIGINT, time TIMESTAMP, xid BIGINT, inserted BIGINT, deleted BIGINT, updated BIGINT,"
           "bytes BIGINT"),
    _table("integration_states", "time",
           "integration_id VARCHAR, database VARCHAR, schema_name VARCHAR, name VARCHAR, state VARCHAR,"
           "checkpoint VARCHAR, reason VARCHAR, time TIMESTAMP"),
    _table("vacuums", "ended",
           "userid INTEGER, xid BIGINT, query BIGINT, database VARCHAR, schema_name VARCHAR, relation BIGINT,"
           "name VARCHAR, mode VARCHAR, status VARCHAR, started TIMESTAMP, ended TIMESTAMP, rows BIGINT,"
           "automatic BOOLEAN, deleted BIGINT, sorted BIGINT, blocks BIGINT, rows_after BIGINT, sorted_after BIGINT,"
           "blocks_after BIGINT"),
    _table("user_changes", "recordtime",
           "userid INTEGER, username VARCHAR, oldusername VARCHAR, action VARCHAR, usecreatedb INTEGER,"
           "usesuper INTEGER, valuntil TIMESTAMP, pid INTEGER, xid BIGINT, recordtime TIMESTAMP"),
    _table("transactions", "ended",
           "userid INTEGER, xid BIGINT, pid INTEGER, isolation VARCHAR, status VARCHAR, started TIMESTAMP,"
           "ended TIMESTAMP"),
    _table("conflicts", "ended",
           "xid BIGINT, pid INTEGER, started TIMESTAMP, ended TIMESTAMP, relation BIGINT"),
    _table("analyzes", "ended",
           "userid INTEGER, xid BIGINT, query BIGINT, database VARCHAR, schema_name VARCHAR, relation BIGINT,"
           "name VARCHAR, status VARCHAR, started TIMESTAMP, ended TIMESTAMP"),
    _table("terminations", "eventtime", "pid INTEGER, eventtime TIMESTAMP, userid INTEGER, type VARCHAR"),
    _table("calls", "endtime",
           "userid INTEGER, session_userid INTEGER, query BIGINT, label VARCHAR, xid BIGINT, pid INTEGER,"
           "database VARCHAR, querytxt VARCHAR, starttime TIMESTAMP, endtime TIMESTAMP, aborted INTEGER,"
           "from_sp_call BIGINT"),
    _table("messages", "recordtime",
           "userid INTEGER, session_userid INTEGER, pid INTEGER, xid BIGINT, query BIGINT, recordtime TIMESTAMP,"
           "loglevel INTEGER, loglevel_text VARCHAR, message VARCHAR, linenum INTEGER, querytxt VARCHAR,"
           "label VARCHAR, aborted INTEGER"),
    _table("unloads", "ended",
           "query BIGINT, userid INTEGER, xid BIGINT, pid INTEGER, database VARCHAR, path VARCHAR, format VARCHAR,"
           "started TIMESTAMP, ended TIMESTAMP, rows BIGINT, bytes BIGINT, status VARCHAR, error VARCHAR,"
           "compression VARCHAR"),
)  # fmt: skip
TABLES: Final = {table.name: table for table in _TABLES}


def _attached(file: Path, key: str) -> str:
    return f"ATTACH {literal(str(file))} AS {CATALOG}" + (f" (ENCRYPTION_KEY {literal(key)})" if key else "")


def _lacking(connection: duckdb.DuckDBPyConnection, table: HistoryTable) -> list[str]:
    """Return what makes *table*, or adds to it what a file of an older version lacks."""
    try:
        there = {found[0] for found in connection.execute(f"FROM {table.engine_name} LIMIT 0").description}
    except duckdb.CatalogException:
        columns = ", ".join(f"{quote(name)} {kind}" for name, kind in table.columns)
        return [f"CREATE TABLE {table.engine_name} ({columns})"]
    return [
        f"ALTER TABLE {table.engine_name} ADD COLUMN {quote(name)} {kind}"
        for name, kind in table.columns
        if name not in there
    ]


class HistoryError(Exception):
    """The history cannot be written."""


class History:
    """Records events, writes them, reads them back."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        *,
        retention_days: int,
        rows: int,
        secrets: Sequence[str] = (),
    ) -> None:
        """Attach the file in *folder*; *connection* is the history's alone from now on.

        One of *secrets* opens the file; with none it is plain.
        """
        self._connection = connection
        self._folder, self._secrets = folder, secrets or [""]
        self._lock = threading.Lock()
        self._retention = timedelta(days=retention_days)
        self._rows = rows
        self._waiting: dict[str, deque[Sequence[Any]]] = {name: deque(maxlen=_WAITING) for name in TABLES}
        self._open()
        made = [f"CREATE TABLE IF NOT EXISTS {_DELIVERIES} (upto TIMESTAMP, done BOOLEAN)"]
        for table in _TABLES:
            made += _lacking(connection, table)
        connection.execute(";\n".join(("BEGIN", *made, "COMMIT")))

    def reconnect(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Go on with *connection*, to a new instance; the old one keeps the file's name. To be tried again."""
        with self._lock:
            renaming.turn(self._folder, FILE)
            self._connection = connection
            self._open()

    def _open(self) -> None:
        attach(self._connection, lambda key: _attached(renaming.place(self._folder, FILE), key), self._secrets)

    def record(self, table: str, row: Sequence[Any]) -> None:
        """Take note of an event: *row* holds values in the order of the table's columns. Never blocks."""
        self._waiting[table].append(row)

    @property
    def waiting(self) -> bool:
        """Whether there is something to write."""
        return any(self._waiting.values())

    def flush(self) -> None:
        """Write what waits; blocking."""
        with self._lock:
            for name, waiting in self._waiting.items():
                rows = [waiting.popleft() for _ in range(len(waiting))]
                if rows:
                    try:
                        self._write(TABLES[name], rows)
                    except HistoryError:
                        waiting.extendleft(reversed(rows))
                        raise

    def read(self, table: str) -> pa.Table:
        """Return all rows of a kind, written or not; blocking."""
        self.flush()
        found: pa.Table = (
            beside(self._connection).execute(f"SELECT * FROM {TABLES[table].engine_name}").to_arrow_table()
        )
        return found

    def last(self, table: str, column: str) -> int:
        """Return the highest number that *column* has held, 0 for none."""
        name = TABLES[table].engine_name
        row = beside(self._connection).execute(f"SELECT max({quote(column)}) FROM {name}").fetchone()
        return int(row[0]) if row and row[0] is not None else 0

    def delivered(self) -> datetime:
        """Return until when the audit log has been delivered."""
        return self._deliveries("done") or _BEGINNING

    def planned(self) -> datetime | None:
        """Return the end of an interval whose delivery was begun and not finished."""
        return self._deliveries("NOT done")

    def plan(self, upto: datetime) -> None:
        """Take note that the interval up to *upto* is going to be delivered."""
        self._deliver("NOT done", upto, done=False)

    def settle(self, upto: datetime) -> None:
        """Take note that everything up to *upto* has been delivered."""
        self._deliver("true", upto, done=True)

    def between(self, table: str, after: datetime, upto: datetime) -> Iterator[dict[str, Any]]:
        """Yield the rows of a kind whose moment is past *after* and not past *upto*, the oldest first."""
        self.flush()
        kind = TABLES[table]
        moment = quote(kind.moment)
        cursor = beside(self._connection)
        cursor.execute(
            f"SELECT * FROM {kind.engine_name} WHERE {moment} > $1 AND {moment} <= $2 ORDER BY {moment}", [after, upto]
        )
        names = [name for name, _ in kind.columns]
        while rows := cursor.fetchmany(_ROWS_AT_A_TIME):
            for row in rows:
                yield dict(zip(names, row, strict=True))

    def _deliveries(self, condition: str) -> datetime | None:
        with self._lock:
            row = self._connection.execute(f"SELECT max(upto) FROM {_DELIVERIES} WHERE {condition}").fetchone()
        return row[0] if row else None

    def _deliver(self, replaced: str, upto: datetime, *, done: bool) -> None:
        with self._lock:
            self._connection.execute("BEGIN")
            self._connection.execute(f"DELETE FROM {_DELIVERIES} WHERE {replaced}")
            self._connection.execute(f"INSERT INTO {_DELIVERIES} VALUES ($1, $2)", [upto, done])
            self._connection.execute("COMMIT")

    def prune(self, now: datetime) -> None:
        """Forget what is older than the retention, and of each kind all but the newest rows; blocking."""
        oldest = (now - self._retention).replace(tzinfo=None).isoformat(sep=" ")
        with self._lock:
            for table in _TABLES:
                moment = quote(table.moment)
                try:
                    self._connection.execute(
                        f"DELETE FROM {table.engine_name} WHERE {moment} < TIMESTAMP {literal(oldest)}"
                        f" OR rowid <= (SELECT max(rowid) - {self._rows} FROM {table.engine_name})"
                    )
                except duckdb.Error as error:
                    raise HistoryError(str(error)) from error

    def _write(self, table: HistoryTable, rows: list[Sequence[Any]]) -> None:
        schema = table.schema
        columns = [pa.array([row[place] for row in rows], field.type) for place, field in enumerate(schema)]
        try:
            self._connection.register("duckshift_waiting", pa.table(columns, schema=schema))
            self._connection.execute(f"INSERT INTO {table.engine_name} BY NAME SELECT * FROM duckshift_waiting")
        except duckdb.Error as error:
            raise HistoryError(str(error)) from error
        finally:
            with contextlib.suppress(duckdb.Error):
                self._connection.unregister("duckshift_waiting")
