"""What becomes history: statements, connections, loads and unloads, as rows of ``storage.history``."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from catalog.copy_jobs import CopyJob
from catalog.model import CatalogState, Relation, Schema, User
from catalog.model import Kind as Kinds
from catalog.store import Changes
from core.clock import Clock
from core.errors import Canceled, SqlError
from engine.load.plan import Replacement, Simplified
from session.steps import recorded
from session.transfers import Transfer
from sql.redact import redacted
from sql.statement import QUERIES, Kind
from storage.history import TABLES, History, HistoryError
from storage.journal import Journal

if TYPE_CHECKING:
    from session.session import Session
    from session.transactions import Transaction

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
    Kind.ATTACH_MASKING_POLICY, Kind.CREATE_IDENTITY_PROVIDER, Kind.ALTER_IDENTITY_PROVIDER,
    Kind.DROP_IDENTITY_PROVIDER,
})  # fmt: skip
_TYPES: Final = {
    Kind.SELECT: "SELECT", Kind.INSERT: "INSERT", Kind.UPDATE: "UPDATE", Kind.DELETE: "DELETE", Kind.MERGE: "MERGE",
    Kind.CREATE_TABLE_AS: "CTAS", Kind.COPY: "COPY", Kind.COPY_STDIN: "COPY", Kind.UNLOAD: "UNLOAD",
    Kind.CALL: "CALL", Kind.FETCH: "SELECT", Kind.EXECUTE: "SELECT",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Who came in from where, and what its driver told of itself."""

    peer: str
    user: str
    database: str
    method: str = "password"
    cipher: tuple[str, str] = ("", "")
    """The version of TLS and the cipher."""
    application: str = ""
    driver: str = ""
    system: str = ""
    plugin: str = ""
    level: int = 0
    """Of Redshift's protocol."""
    feeds: int = 0
    """The database (OID) made of an integration that this session alone may write."""


def address(peer: str) -> tuple[str, str]:
    """Return host and port of ``host:port``; what has no port is a host."""
    host, sign, port = peer.rpartition(":")
    return (host, port) if sign else (peer, "")


def query_type(kind: Kind | None) -> str:
    """Return SYS_QUERY_HISTORY.query_type."""
    if kind in _DDL:
        return "DDL"
    return _TYPES.get(kind, "UTILITY") if kind is not None else "UTILITY"


_RUNS: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "CTAS", "COPY", "UNLOAD"})


def _steps(session: "Session", kind: Kind | None, rows: int, error: SqlError | None) -> str:
    """Return what a statement did, step by step; nothing of one that failed or does nothing with rows."""
    found = recorded(session, kind, rows)
    ran = error is None and session.source_query is None and query_type(kind) in _RUNS
    return found if ran else ""


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
    job: int = -1
    """The copy job that it is of (OID)."""


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
        self.transfers: dict[int, tuple[Session, Transfer]] = {}
        """The COPYs and UNLOADs that are running, by the session's number."""
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
        text, now = session.query_text, self._clock.now().replace(tzinfo=None)
        if kind not in QUERIES:
            text = redacted(text)
        status = "success" if error is None else "canceled" if isinstance(error, Canceled) else "failed"
        self.history.record("queries", (
            session.query, session.user.oid, session.user.name, session.settings.get("query_group"),
            session.tx.number, session.pid, session.database.name, text[:_TEXT], query_type(kind), status,
            error.message[:_ERROR] if error is not None else "", session.query_started.replace(tzinfo=None), now,
            rows, 0, session.source_query is not None, _steps(session, kind, rows, error),
            *session.admission.placed(), session.source_query,
        ))  # fmt: skip

    def evicted(self, session: "Session", spent: tuple[Any, ...]) -> None:
        """Take note of a statement that leaves its queue for another; *spent* is what it did there."""
        now = _plain(self._clock.now())
        self.history.record(
            "evictions", (session.query, session.user.oid, session.tx.number, session.pid, now, *spent)
        )

    def acted(self, session: "Session", number: int, name: str, what: tuple[str, str, str]) -> None:
        """Take note of a rule that was met in a queue: *what* are its name, its action and the action's value."""
        now = _plain(self._clock.now())
        self.history.record("rule_actions", (session.user.oid, session.query, number, name, *what, now))

    def connection(self, event: str, arrival: "Arrival", pid: int = 0, since: datetime | None = None) -> None:
        """Take note of what happened to a connection; *since* is when it began, for its end."""
        host, port = address(arrival.peer)
        now = self._clock.now()
        duration = 0 if since is None else (now - since) // timedelta(microseconds=1)
        version, cipher = arrival.cipher
        self.history.record("connections", (
            event, _plain(now), host, port, pid, arrival.database, arrival.user, arrival.method, duration,
            version, cipher, arrival.application[:250], arrival.driver, arrival.system, arrival.plugin, arrival.level,
        ))  # fmt: skip

    def transaction(self, tx: "Transaction", *, committed: bool) -> None:
        """Take note of the end of a transaction that wrote or that was a block."""
        session = tx.session
        self.history.record("transactions", (
            session.user.oid if session else None, tx.number, tx.owner,
            "Serializable" if tx.serializable else "Snapshot Isolation", "committed" if committed else "rolledback",
            _plain(tx.started), _plain(self._clock.now()),
        ))  # fmt: skip

    def conflict(self, tx: "Transaction") -> None:
        """Take note of a transaction that is refused because it cannot be serialized."""
        now = _plain(self._clock.now())
        for relation in sorted(tx.written) or (None,):
            self.history.record("conflicts", (tx.number, tx.owner, _plain(tx.started), now, relation))

    def users(self, tx: "Transaction", before: CatalogState, changes: Changes) -> None:
        """Take note of what committed *changes* do to users."""
        now = _plain(self._clock.now())
        dropped = (before.objects.get(oid) for oid, kind in changes.drops.items() if kind is Kinds.USER)
        done = [(user, user, "drop") for user in dropped if isinstance(user, User)]
        for user in changes.puts.values():
            if isinstance(user, User):
                old = before.objects.get(user.oid)
                old = old if isinstance(old, User) else None
                action = "create" if old is None else "alter" if old.name == user.name else "rename"
                done.append((user, old or user, action))
        for user, old, action in done:
            until = datetime.fromisoformat(user.valid_until) if user.valid_until else None
            self.history.record("user_changes", (
                user.oid, user.name, old.name if action == "rename" else "", action, int(user.createdb),
                int(user.superuser), _plain(until) if until else None, tx.owner, tx.number, now,
            ))  # fmt: skip

    def termination(self, pid: int, user: int, kind: str) -> None:
        """Take note that a user ended another session or what it ran."""
        self.history.record("terminations", (pid, _plain(self._clock.now()), user, kind))

    def analyze(self, session: "Session", relation: Relation, started: datetime) -> None:
        """Take note of an ANALYZE of a table."""
        schema = session.tx.state.objects.get(relation.schema)
        self.history.record("analyzes", (
            session.user.oid, session.tx.number, session.query, session.database.name,
            schema.name if isinstance(schema, Schema) else "", relation.oid, relation.name, "Full", _plain(started),
            _plain(self._clock.now()),
        ))  # fmt: skip

    def load(self, session: "Session", load: Load) -> None:
        """Take note of a COPY."""
        now = _plain(self._clock.now())
        files = load.files
        self.history.record("loads", (
            session.query, session.user.oid, session.tx.number, session.pid, session.database.name, load.relation,
            load.relation_name, "aborted" if load.failed else "completed", _plain(load.started), now, load.source,
            load.format, load.rows, sum(size for _, size in files), len(files), load.errors, load.job,
        ))  # fmt: skip
        lines = load.rows if len(files) == 1 else None
        for name, size in files:
            self.history.record(
                "load_files", (session.query, session.user.oid, name, lines, size, now, load.format, load.job)
            )

    def job_message(self, job: CopyJob, database: str, message: str) -> None:
        """Take note of what kept a copy job from loading."""
        now = _plain(self._clock.now())
        self.history.record("job_messages", (job.oid, job.owner, job.name, database, now, message[:_ERROR]))

    def unload(
        self, session: "Session", transfer: Transfer, files: list[tuple[str, int, int]], error: str = ""
    ) -> None:
        """Take note of an UNLOAD: *files* are (path, rows, bytes); with an *error* it was given up."""
        now = _plain(self._clock.now())
        status = "aborted" if error else "completed"
        for path, rows, size in files:
            self.history.record("unloads", (
                session.query, session.user.oid, session.tx.number, session.pid, session.database.name, path,
                transfer.format, _plain(transfer.started), now, rows, size, status, error[:_ERROR],
                transfer.compression,
            ))  # fmt: skip

    def replacements(
        self, session: "Session", relation: int, started: datetime, found: Iterable[Replacement]
    ) -> None:
        """Take note of the records of a COPY in which characters were replaced."""
        for each in found:
            self.history.record("replacements", (
                session.user.oid, session.query, relation, _plain(started), session.pid, each.filename,
                each.line_number, each.column, each.raw_line,
            ))  # fmt: skip

    def simplifications(self, session: "Session", found: Iterable[Simplified]) -> None:
        """Take note of what SIMPLIFY did to the shapes of a COPY, or that it did it to all."""
        now = _plain(self._clock.now())
        for each in found:
            of_shape = (each.number, each.initial_size, "t" if each.done else "f", each.final_size, each.tolerance)
            self.history.record("simplifications", (
                session.user.oid, session.query, now, each.maximum, *(of_shape if each.number >= 0 else (None,) * 5),
            ))  # fmt: skip

    def call(self, call: dict[str, Any], messages: Iterable[dict[str, Any]]) -> None:
        """Take note of a procedure's call that has ended, and of what it said."""
        self.history.record("calls", tuple(call.get(name) for name, _ in TABLES["calls"].columns))
        columns = TABLES["messages"].columns
        for message in messages:
            self.history.record("messages", tuple(message[name] for name, _ in columns))

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
