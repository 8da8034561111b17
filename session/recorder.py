"""What becomes history: statements, connections, loads and unloads, as rows of ``storage.history``."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from core.clock import Clock
from core.errors import Canceled, SqlError
from sql.redact import redacted
from sql.statement import QUERIES, Kind
from storage.history import History, HistoryError
from storage.journal import Journal

if TYPE_CHECKING:
    from session.session import Session

_log = logging.getLogger(__name__)
_EVERY_S: Final = 1.0
_PRUNE_EVERY: Final = timedelta(hours=1)
_TEXT: Final = 200_000
"""Characters of a statement that are kept."""
_ERROR: Final = 512
_DDL: Final = frozenset({
    Kind.CREATE_TABLE, Kind.ALTER_TABLE, Kind.ALTER_TABLE_APPEND, Kind.TRUNCATE, Kind.CREATE_VIEW, Kind.DROP,
    Kind.CREATE_MATERIALIZED_VIEW, Kind.ALTER_MATERIALIZED_VIEW, Kind.CREATE_SCHEMA, Kind.ALTER_SCHEMA,
    Kind.CREATE_DATABASE, Kind.ALTER_DATABASE, Kind.DROP_DATABASE, Kind.CREATE_USER, Kind.ALTER_USER, Kind.DROP_USER,
    Kind.CREATE_GROUP, Kind.ALTER_GROUP, Kind.DROP_GROUP, Kind.CREATE_ROLE, Kind.ALTER_ROLE, Kind.DROP_ROLE,
    Kind.GRANT, Kind.REVOKE, Kind.ALTER_DEFAULT_PRIVILEGES, Kind.COMMENT, Kind.CREATE_PROCEDURE,
    Kind.CREATE_FUNCTION, Kind.ALTER_ROUTINE, Kind.CREATE_RLS_POLICY, Kind.ALTER_RLS_POLICY,
    Kind.CREATE_MASKING_POLICY, Kind.ALTER_MASKING_POLICY, Kind.DROP_POLICY, Kind.ATTACH_RLS_POLICY,
    Kind.ATTACH_MASKING_POLICY,
})  # fmt: skip
_TYPES: Final = {
    Kind.SELECT: "SELECT", Kind.INSERT: "INSERT", Kind.UPDATE: "UPDATE", Kind.DELETE: "DELETE", Kind.MERGE: "MERGE",
    Kind.CREATE_TABLE_AS: "CTAS", Kind.COPY: "COPY", Kind.COPY_STDIN: "COPY", Kind.UNLOAD: "UNLOAD",
    Kind.CALL: "CALL", Kind.FETCH: "SELECT", Kind.EXECUTE: "SELECT",
}  # fmt: skip


def query_type(kind: Kind | None) -> str:
    """Return SYS_QUERY_HISTORY.query_type."""
    if kind in _DDL:
        return "DDL"
    return _TYPES.get(kind, "UTILITY") if kind is not None else "UTILITY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is kept of a COPY."""

    relation: int
    relation_name: str
    source: str
    format: str
    started: datetime
    rows: int = 0
    errors: int = 0
    files: tuple[tuple[str, int], ...] = ()
    """(location, bytes)"""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    """Where a warehouse keeps what happened."""

    journal: Journal
    recorder: "Recorder"


class Recorder:
    """Turns what happens in sessions into history."""

    def __init__(self, history: History, clock: Clock) -> None:
        """Record into *history*."""
        self.history = history
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._pruned: datetime | None = None

    def start(self) -> None:
        """Begin to write what gathers, in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Write what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        try:
            await asyncio.to_thread(self.history.flush)
        except HistoryError:
            _log.exception("could not write the history")

    def statement(self, session: "Session", kind: Kind | None, rows: int, error: SqlError | None = None) -> None:
        """Take note of a statement that has ended."""
        text = session.query_text
        if kind not in QUERIES:
            text = redacted(text)
        status = "success" if error is None else "canceled" if isinstance(error, Canceled) else "failed"
        self.history.record("queries", (
            session.query, session.user.oid, session.user.name, session.settings.get("query_group"),
            session.tx.number, session.pid, session.database.name, text[:_TEXT], query_type(kind), status,
            error.message[:_ERROR] if error is not None else "", _plain(session.query_started),
            _plain(self._clock.now()), rows, 0, False,
        ))  # fmt: skip

    def connection(  # noqa: PLR0913 - an event's own facts
        self, event: str, *, peer: str, user: str, database: str, pid: int = 0, since: datetime | None = None,
        tls: bool = False, application: str = "", method: str = "", driver: str = "", system: str = "",
    ) -> None:  # fmt: skip
        """Take note of what happened to a connection; *since* is when it began, for its end."""
        host, _, port = peer.rpartition(":")
        now = self._clock.now()
        duration = 0 if since is None else (now - since) // timedelta(microseconds=1)
        self.history.record("connections", (
            event, _plain(now), host or peer, port, pid, database, user, method, duration,
            "TLS" if tls else "", "", application[:250], driver, system, "", 0,
        ))  # fmt: skip

    def load(self, session: "Session", load: Load) -> None:
        """Take note of a COPY."""
        now = _plain(self._clock.now())
        files = load.files
        self.history.record("loads", (
            session.query, session.user.oid, session.tx.number, session.pid, session.database.name, load.relation,
            load.relation_name, "failed" if load.failed else "completed", _plain(load.started), now, load.source,
            load.format, load.rows, sum(size for _, size in files), len(files), load.errors,
        ))  # fmt: skip
        lines = load.rows if len(files) == 1 else None
        for name, size in files:
            self.history.record(
                "load_files", (session.query, session.user.oid, name, lines, size, now, load.format)
            )

    def unload(
        self, session: "Session", form: str, files: list[tuple[str, int, int]], started: datetime
    ) -> None:
        """Take note of an UNLOAD: *files* are (path, rows, bytes)."""
        now = _plain(self._clock.now())
        for path, rows, size in files:
            self.history.record("unloads", (
                session.query, session.user.oid, session.tx.number, session.pid, session.database.name, path, form,
                _plain(started), now, rows, size,
            ))  # fmt: skip

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_EVERY_S)
            try:
                if self.history.waiting:
                    await asyncio.to_thread(self.history.flush)
                now = self._clock.now()
                if self._pruned is None or now - self._pruned > _PRUNE_EVERY:
                    self._pruned = now
                    await asyncio.to_thread(self.history.prune, now)
            except HistoryError:
                # History is worth less than the server: that it could not be written is told in the log.
                _log.exception("could not write the history")


def _plain(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)
