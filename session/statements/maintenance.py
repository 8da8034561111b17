"""ANALYZE, LOCK, CANCEL, DISCARD, LISTEN and their like."""

from core.errors import Canceled, SqlError, not_supported
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from session.locks import Mode
from sql.commands.maintenance import Analyze, Cancel, Discard, Lock, Notification


async def analyze(work: Work, command: Analyze) -> Done:
    """ANALYZE: the lake keeps its statistics with every write, so the names are checked and that is all."""
    started = work.warehouse.clock.now()
    if command.table is not None:
        relation = work.find_relation(command.table)
        if relation.materialized is None:
            relation = work.find_table(command.table)
        work.require_owner(relation, "ANALYZE")
        for column in command.columns:
            if relation.column(column) is None:
                raise SqlError(
                    SqlState.UNDEFINED_COLUMN, f'column "{column}" of relation "{relation.name}" does not exist'
                )
        work.warehouse.recorder.analyze(work.session, relation, started)
    return Done("ANALYZE")


async def lock(work: Work, command: Lock) -> Done:
    """LOCK TABLE: AccessExclusiveLock to the end of the transaction, which without BEGIN is at once."""
    for name in command.names:
        relation = work.find_table(name)
        work.require("UPDATE", relation)
        await work.tx.lock(relation.oid, Mode.ACCESS_EXCLUSIVE)
    return Done("LOCK TABLE")


async def cancel(work: Work, command: Cancel) -> Done:
    """CANCEL pid: end what another session runs."""
    other = work.warehouse.sessions.get(command.pid)
    if other is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f"no such process: {command.pid}")
    if not work.principal.may("CANCEL") and other.user.oid != work.principal.oid:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to cancel another user's query")
    message = command.message or f"Query ({other.query}) cancelled on user's request"
    other.interrupt(Canceled(SqlState.QUERY_CANCELED, message))
    work.warehouse.recorder.termination(command.pid, work.principal.oid, "CANCEL")
    return Done("CANCEL")


async def discard(work: Work, command: Discard) -> Done:
    """DISCARD ALL: forget what the session has gathered."""
    if command.what == "ALL":
        work.session.shelf.end_transaction()
        work.session.shelf.statements.clear()
        work.settings.reset_all()
    return Done(command.tag)


async def notification(work: Work, command: Notification) -> Done:
    """LISTEN and UNLISTEN do nothing, which drivers' clean-up asks for; NOTIFY has nobody to reach."""
    if command.action == "NOTIFY":
        raise not_supported("NOTIFY")
    return Done(command.tag)
