"""Functions that the session carries out: ending queries and sessions, settings, priorities.

Where they are whole items of a select list, the engine gives a call's arguments as a JSON array a row, and what the
function answers takes their place. Elsewhere the engine calls them (``engine.effects``).
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from core.errors import Canceled, ConnectionFatal, SqlError, warning
from core.sqlstate import SqlState
from core.types import Column
from session.context import Work
from session.fleet.signals import CANCEL, TERMINATE
from session.streams import Page, Reader, table
from sql.translate import Translated

if TYPE_CHECKING:
    from session.session import Session

Perform = Callable[[Work, Sequence[Any]], Any]

_PRIORITIES: Final = ("critical", "highest", "high", "normal", "low", "lowest")


def any_in(translated: Translated) -> bool:
    """Tell whether a statement has the session carry something out."""
    return any(column.effect for column in translated.columns)


def typed(columns: tuple[Column, ...], translated: Translated) -> tuple[Column, ...]:
    """Give the columns that functions fill their types."""
    return tuple(
        replace(column, type=known.type) if known.effect and known.type is not None else column
        for column, known in zip(columns, translated.columns, strict=True)
    )


async def performed(work: Work, columns: tuple[Column, ...], translated: Translated, reader: Reader) -> Page:
    """Carry out what each row asks for, and answer with the rows."""
    rows: list[list[Any]] = []
    while (batch := await reader.take(None)) is not None:
        rows += [list(row.values()) for row in batch.to_pylist()]
    names = [column.effect for column in translated.columns]
    for row in rows:
        for index, name in enumerate(names):
            if name:
                row[index] = _perform(work, name, row[index])
    return table(columns, rows)


def called(session: "Session", name: str, values: Sequence[Any]) -> Any:
    """Carry out a call that the engine makes in the middle of a statement of *session*."""
    try:
        return _answered(Work(session), name, values)
    except SqlError as error:
        session.engine.refuse(error)
        raise


def _perform(work: Work, name: str, arguments: str) -> Any:
    return _answered(work, name, json.loads(arguments))


def _answered(work: Work, name: str, values: Sequence[Any]) -> Any:
    return None if any(value is None for value in values) else _FUNCTIONS[name](work, values)


def _cancel(work: Work, values: Sequence[Any]) -> int:
    other = work.warehouse.sessions.get(values[0])
    if other is None:
        return _elsewhere(work, CANCEL, values[0], "CANCEL")
    _check_signal(work, other.user.oid, "CANCEL")
    reason = Canceled(SqlState.QUERY_CANCELED, f"Query ({other.query}) cancelled on user's request")
    if other is work.session:
        raise reason
    other.interrupt(reason)
    work.warehouse.recorder.termination(other.pid, work.principal.oid, "CANCEL")
    return 1


def _terminate(work: Work, values: Sequence[Any]) -> int:
    other = work.warehouse.sessions.get(values[0])
    if other is None:
        return _elsewhere(work, TERMINATE, values[0])
    _check_signal(work, other.user.oid)
    reason = ConnectionFatal(SqlState.ADMIN_SHUTDOWN, "terminating connection due to administrator command")
    if other is work.session:
        raise reason
    work.warehouse.recorder.termination(other.pid, work.principal.oid, "TERMINATE")
    return int(work.warehouse.terminate(values[0], reason))


def _elsewhere(work: Work, kind: str, pid: int, permission: str = "") -> int:
    """Send a signal to a session of another server, which decides whether the user may."""
    fleet = work.warehouse.fleet
    if fleet is None or not fleet.elsewhere(pid):
        return _nobody(work, pid)
    fleet.signals.send(kind, pid, user=work.principal.oid, may=work.principal.may(permission))
    return 1


def _nobody(work: Work, pid: int) -> int:
    work.notice(warning(f"PID {pid} is not a PostgreSQL server process"))
    return 0


def _check_signal(work: Work, owner: int, permission: str = "") -> None:
    if not work.principal.may(permission) and owner != work.principal.oid:
        raise SqlError(
            SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to signal other server processes"
        )


def _set_config(work: Work, values: Sequence[Any]) -> str:
    name, value, local = values
    work.settings.set(name.lower(), value, local=str(local).lower() in {"true", "t", "1", "yes", "on", "y"})
    return work.settings.get(name.lower())


def _query_priority(work: Work, values: Sequence[Any]) -> str:
    priority = _priority(work, values[1])
    sessions = (session for session in work.warehouse.sessions.values() if session.active)
    found = next((session for session in sessions if session.query == values[0]), None)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f"query {values[0]} is not running")
    before = found.admission.prioritize(priority)
    return f"Succeeded to change query priority. Priority changed from {before} to {priority.capitalize()}."


def _session_priority(work: Work, values: Sequence[Any]) -> str:
    priority = _priority(work, values[1])
    pid = work.session.pid if values[0] == -1 else values[0]
    session = work.warehouse.sessions.get(pid)
    if session is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f"no such process: {pid}")
    before, session.priority = session.priority, priority
    shown = f"from {before} to {priority}" if before else f"to {priority}"
    return f"Succeeded to change session priority. Changed session (pid:{pid}) priority {shown}."


def _user_priority(work: Work, values: Sequence[Any]) -> str:
    name = values[0].lower()
    priority = _priority(work, values[1], "reset")
    if work.state.user(name) is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{name}" does not exist')
    before = work.warehouse.priorities.pop(name, "")
    if priority == "reset":
        return f"Succeeded to reset priority for user ({name})."
    work.warehouse.priorities[name] = priority
    shown = f"from {before} to {priority}" if before else f"to {priority}"
    return f"Succeeded to change user priority. Changed user ({name}) priority {shown}."


def _priority(work: Work, word: str, *more: str) -> str:
    if not work.principal.superuser:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to change a priority")
    if word.lower() not in (*_PRIORITIES, *more):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'invalid priority: "{word}"')
    return word.lower()


_FUNCTIONS: Final[dict[str, Perform]] = {
    "pg_cancel_backend": _cancel,
    "pg_terminate_backend": _terminate,
    "set_config": _set_config,
    "change_query_priority": _query_priority,
    "change_session_priority": _session_priority,
    "change_user_priority": _user_priority,
}
