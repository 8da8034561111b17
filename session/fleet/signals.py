"""Cancelling and ending sessions of another server: a process number tells the server, PostgreSQL takes it the word."""

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Any, Final

from core.errors import Canceled, ConnectionFatal, SqlError
from core.sqlstate import SqlState
from storage.coordination import Coordination

if TYPE_CHECKING:
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
CANCEL: Final = "cancel"
TERMINATE: Final = "terminate"
KEY: Final = "key"
"""A cancel request of the wire protocol, which brings a key instead of a user."""


class Signals:
    """Sends signals and obeys those of others."""

    def __init__(self, coordination: Coordination) -> None:
        """Send by *coordination*."""
        self._coordination = coordination
        self._tasks: set[asyncio.Task[None]] = set()
        self.warehouse: Warehouse | None = None

    def send(self, kind: str, pid: int, *, secret: bytes = b"", user: int = 0, may: bool = False) -> None:
        """Send a signal to session *pid* of another server, with a key or in the name of *user*, who *may* or not."""
        message = json.dumps({"kind": kind, "pid": pid, "secret": secret.hex(), "user": user, "may": may})
        task = asyncio.get_running_loop().create_task(self._send(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def heard(self, message: str) -> None:
        """Obey a signal, if its session is here."""
        told: dict[str, Any] = json.loads(message)
        warehouse, pid = self.warehouse, told["pid"]
        session = warehouse.sessions.get(pid) if warehouse is not None else None
        if warehouse is None or session is None:
            return
        if told["kind"] == KEY:
            warehouse.cancel(pid, bytes.fromhex(told["secret"]))
        elif not told["may"] and told["user"] != session.user.oid:
            return
        elif told["kind"] == CANCEL:
            session.interrupt(Canceled(SqlState.QUERY_CANCELED, f"Query ({session.query}) cancelled on user's request"))
        else:
            reason = "terminating connection due to administrator command"
            warehouse.terminate(pid, ConnectionFatal(SqlState.ADMIN_SHUTDOWN, reason))

    async def _send(self, message: str) -> None:
        try:
            await self._coordination.tell(message)
        except SqlError:
            _log.warning("a signal could not be sent")
