"""The COPYs and UNLOADs that are running, as STV_LOAD_STATE, SYS_LOAD_HISTORY and SYS_UNLOAD_HISTORY list them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.load.progress import Progress

if TYPE_CHECKING:
    from session.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One that runs."""

    loads: bool
    """COPY, not UNLOAD."""
    started: datetime
    source: str
    """Where files come from, or go to."""
    format: str
    compression: str = ""
    table: str = ""
    job: int = -1
    progress: Progress = field(default_factory=Progress)


@contextmanager
def running(session: "Session", transfer: Transfer) -> Iterator[Progress]:
    """Have a transfer listed meanwhile."""
    transfers = session.warehouse.recorder.transfers
    transfers[session.pid] = (session, transfer)
    try:
        yield transfer.progress
    finally:
        del transfers[session.pid]


def rows(session: "Session") -> list[dict[str, Any]]:
    """Return the rows of sys_transfers; blocking."""
    return [_row(other, transfer) for other, transfer in list(session.warehouse.recorder.transfers.values())]


def _row(session: "Session", transfer: Transfer) -> dict[str, Any]:
    progress, done = transfer.progress, transfer.progress.done()
    return {
        "loads": transfer.loads, "userid": session.user.oid, "pid": session.pid, "query": session.query,
        "xid": session.tx.number, "database": session.database.name, "relation_name": transfer.table,
        "started": transfer.started.astimezone(UTC).replace(tzinfo=None), "source": transfer.source,
        "format": transfer.format, "compression": transfer.compression, "job": transfer.job, "rows": done.rows,
        "bytes": done.bytes, "files": done.files, "file": done.file, "all_files": len(progress.objects),
        "all_bytes": progress.total, "packed": progress.packed,
    }  # fmt: skip
