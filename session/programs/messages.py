"""What RAISE said, kept for SVL_STORED_PROC_MESSAGES and SYS_PROCEDURE_MESSAGES; the newest are in memory only."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from session.programs.frame import Frame

LEVELS: Final = {"DEBUG": 10, "LOG": 20, "INFO": 30, "NOTICE": 40, "WARNING": 50, "EXCEPTION": 60}
_MESSAGE_BYTES: Final = 1_024


def keep(frame: "Frame", level: str, message: str, line: int) -> None:
    """Keep a message that is at least as important as stored_proc_log_min_messages says."""
    session = frame.session
    least = LEVELS.get(session.settings.get("stored_proc_log_min_messages").upper(), LEVELS["LOG"])
    if LEVELS[level] < least:
        return
    session.warehouse.messages.append({
        "userid": session.user.oid,
        "session_userid": session.session_user.oid,
        "pid": session.pid,
        "xid": session.tx.number,
        "query": session.query,
        "recordtime": session.warehouse.clock.now().replace(tzinfo=None),
        "loglevel": LEVELS[level],
        "loglevel_text": level,
        "message": message.encode()[:_MESSAGE_BYTES].decode(errors="ignore"),
        "linenum": line,
        "querytxt": session.query_text,
        "label": session.settings.get("query_group"),
    })  # fmt: skip
