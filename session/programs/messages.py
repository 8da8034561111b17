"""What is kept of procedures: calls that have ended and what RAISE said, for the system views.

What a call that runs has said is in memory, the newest of it; with its end it becomes history.

Redshift, "SVL_STORED_PROC_CALL", "SVL_STORED_PROC_MESSAGES".
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from core.errors import SqlError

if TYPE_CHECKING:
    from session.programs.frame import Frame
    from session.session import Session

LEVELS: Final = {"DEBUG": 10, "LOG": 20, "INFO": 30, "NOTICE": 40, "WARNING": 50, "EXCEPTION": 60}
_MESSAGE_BYTES: Final = 1_024


def keep(frame: "Frame", level: str, message: str, line: int) -> None:
    """Keep a message that is at least as important as stored_proc_log_min_messages says."""
    session = frame.session
    least = LEVELS.get(session.settings.get("stored_proc_log_min_messages").upper(), LEVELS["LOG"])
    if LEVELS[level] < least:
        return
    kept = _call(session, frame.query) | {
        "recordtime": _now(session),
        "loglevel": LEVELS[level],
        "loglevel_text": level,
        "message": message.encode()[:_MESSAGE_BYTES].decode(errors="ignore"),
        "linenum": line,
        "aborted": 0,
    }
    frame.messages.append(kept)


@contextmanager
def recorded(frame: "Frame", caller: int) -> Iterator[None]:
    """Record a call when it ends; *caller* is the query number of the call that it is nested in, 0 for none."""
    session = frame.session
    record = _call(session, frame.query) | {"starttime": _now(session), "from_sp_call": caller or None, "aborted": 0}
    session.warehouse.messages[frame.query] = frame.messages
    try:
        yield
    except SqlError:
        record["aborted"] = 1
        for message in frame.messages:
            message["aborted"] = 1
        raise
    finally:
        record["endtime"] = _now(session)
        record["database"] = session.database.name
        del session.warehouse.messages[frame.query]
        session.warehouse.recorder.call(record, frame.messages)


def _call(session: "Session", query: int) -> dict[str, Any]:
    return {
        "userid": session.user.oid,
        "session_userid": session.session_user.oid,
        "pid": session.pid,
        "xid": session.tx.number,
        "query": query,
        "querytxt": session.query_text,
        "label": session.settings.get("query_group"),
    }


def _now(session: "Session") -> datetime:
    return session.warehouse.clock.now().astimezone(UTC).replace(tzinfo=None)
