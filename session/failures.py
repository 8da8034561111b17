"""What a client is told of an error, whichever door it stands at; what it must not see goes to the log."""

import logging
import uuid

from core.errors import SqlError
from core.sqlstate import SqlState

_log = logging.getLogger(__name__)


def told(error: BaseException) -> SqlError:
    """Return what the client is told of *error*."""
    if isinstance(error, SqlError):
        return error
    number = uuid.uuid4().hex[:12]
    _log.error("internal error %s", number, exc_info=error)
    return SqlError(SqlState.INTERNAL_ERROR, "internal error", detail=f"The server's log has it as {number}.")
