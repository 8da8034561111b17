"""The audit log as files: connections, users and what they did, in the form of Redshift's audit logging.

The history has it all (``session.recorder``); this delivers it, a file for each log and interval, to a folder or to S3
("Database audit logging"). An interval is planned in the history before its files are written and settled afterwards:
what was begun before a crash is written again, whole and under the same names, and nothing twice or never.
"""

import asyncio
import gzip
import logging
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from core.clock import Clock
from core.errors import SqlError
from storage.history import History, HistoryError
from storage.objects import ObjectStore

_log = logging.getLogger(__name__)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlace:
    """Where files go and what they are called after."""

    store: ObjectStore
    prefix: str
    """``s3://bucket/prefix`` or a folder."""
    account: str
    region: str
    cluster: str

    def name(self, log: str, upto: datetime) -> str:
        """Return the location of a log's file with what happened until *upto*."""
        stem = f"{self.account}_redshift_{self.region}_{self.cluster}_{log}_{upto:%Y-%m-%dT%H:%M:%S.%f}"
        days = f"AWSLogs/{self.account}/redshift/{self.region}/{upto:%Y/%m/%d}"
        return f"{self.prefix.rstrip('/')}/{days}/{stem}.gz"


def _connection(row: Row) -> str:
    fields = (
        row["event"], _moment(row["time"]), row["host"], row["port"], row["pid"], row["database"], row["user_name"],
        row["method"], row["duration"], row["tls_version"], row["tls_cipher"], 0, "", "", "", row["application"],
        row["os"], row["driver"], row["plugin"], row["protocol"], "", "",
    )  # fmt: skip
    return _line(fields)


def _user(row: Row) -> str:
    until = row["valuntil"]
    fields = (
        row["userid"], row["username"], row["oldusername"], row["action"], row["usecreatedb"], row["usesuper"], 0,
        "" if until is None else _moment(until), row["pid"], row["xid"], _moment(row["recordtime"]),
    )  # fmt: skip
    return _line(fields)


def _activity(row: Row) -> str:
    who = f"db={row['database']} user={row['user_name']} pid={row['pid']} userid={row['userid']} xid={row['xid']}"
    return f"'{row['started']:%Y-%m-%dT%H:%M:%SZ} UTC [ {who} ]' LOG: {row['text']}\n"


def _line(fields: Iterable[object]) -> str:
    # What a client calls itself must not look like two events.
    return "|".join(str(field).translate(_FLAT) for field in fields) + "\n"


_FLAT: Final = str.maketrans({"\n": " ", "\r": " ", "|": "/"})


def _moment(moment: datetime) -> str:
    return f"{moment:%a, %d %b %Y %H:%M:%S}:{moment.microsecond // 1000:03}"


_LOGS: Final[Mapping[str, tuple[str, Callable[[Row], str]]]] = {
    "connectionlog": ("connections", _connection),
    "userlog": ("user_changes", _user),
    "useractivitylog": ("queries", _activity),
}


class AuditLog:
    """Delivers the audit log's files."""

    def __init__(self, history: History, clock: Clock, place: AuditPlace, *, every_s: float) -> None:
        """Deliver what *history* has to *place*, once every *every_s* seconds."""
        self._history, self._clock, self._place, self._every_s = history, clock, place, every_s
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to deliver in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Deliver what is left."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._deliver()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self._deliver()

    async def _deliver(self) -> None:
        # Every event until now has been recorded, because recording happens on this thread.
        upto = self._clock.now().replace(tzinfo=None)
        try:
            await asyncio.to_thread(self._write, upto)
        except (HistoryError, SqlError, OSError):
            # The interval stays planned and is tried again with the next.
            _log.exception("could not deliver the audit log")

    def _write(self, upto: datetime) -> None:
        history = self._history
        begun = history.planned()
        for until in (*([begun] if begun is not None else []), upto):
            after = history.delivered()
            history.plan(until)
            for log, (table, form) in _LOGS.items():
                self._file(self._place.name(log, until), map(form, history.between(table, after, until)))
            history.settle(until)

    def _file(self, location: str, lines: Iterable[str]) -> None:
        with tempfile.TemporaryDirectory(prefix="duckshift-audit-") as folder:
            path = Path(folder) / "log.gz"
            written = 0
            with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
                for line in lines:
                    written += file.write(line)
            if written:
                self._place.store.write(location, path)
