"""EXPLAIN, ANALYZE, VACUUM, LOCK, CANCEL, DISCARD, LISTEN and their like."""

from typing import Final

from catalog.model import Relation, RelationKind, Schema
from core import types
from core.errors import Canceled, SqlError, not_supported
from core.sqlstate import SqlState
from core.types import Column
from session.answers import Done, Value
from session.context import Work
from session.locks import Mode
from session.streams import Page, table
from sql.commands.maintenance import Analyze, Cancel, Discard, Explain, Lock, Notification, Vacuum
from sql.statement import QUERIES, Fragment, Statement
from storage import lake

_PLAN: Final = (Column("QUERY PLAN", types.of("varchar")),)


async def explain(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Page:
    """EXPLAIN: the engine's plan, a line a row; the statement itself does not run."""
    command = statement.command
    if not isinstance(command, Explain):
        raise SqlError(SqlState.INTERNAL_ERROR, "EXPLAIN without a statement")
    fragment = _explained(command)
    plan = await work.ready(fragment.text, fragment.offset)
    rows = await _plan_lines(work, plan.translated.engine_sql, work.prepare(plan))
    return table(_PLAN, [[line] for line in rows], tag="EXPLAIN")


async def describe_explain(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...]:
    """Return the column of EXPLAIN."""
    return _PLAN


def _explained(command: Explain) -> Fragment:
    inner = command.statement
    if inner.kind in QUERIES:
        return Fragment(inner.text, inner.offset)
    query = getattr(inner.command, "query", None)
    if isinstance(query, Fragment):
        return query
    raise not_supported(f"EXPLAIN of {inner.tag}")


async def _plan_lines(work: Work, sql: str, prepare: object) -> list[str]:
    connection = work.engine.connection

    def run() -> list[str]:
        if callable(prepare):
            prepare(connection)
        found = connection.execute(f"EXPLAIN {sql}").fetchall()
        return [line.rstrip() for row in found for line in str(row[-1]).splitlines() if line.strip()]

    return await work.engine.work(run)


async def analyze(work: Work, command: Analyze) -> Done:
    """ANALYZE: the lake keeps its statistics with every write, so the names are checked and that is all."""
    if command.table is not None:
        relation = work.find_table(command.table)
        work.require_owner(relation)
        for column in command.columns:
            if relation.column(column) is None:
                raise SqlError(
                    SqlState.UNDEFINED_COLUMN, f'column "{column}" of relation "{relation.name}" does not exist'
                )
    return Done("ANALYZE")


async def vacuum(work: Work, command: Vacuum) -> Done:
    """VACUUM: inlined rows are flushed, small files merged, deleted rows dropped."""
    if command.table is not None:
        relation = work.find_table(command.table)
        work.require_owner(relation)
        relations = [relation]
    else:
        owned = (work.principal.superuser, work.principal.oid)
        relations = [
            item
            for item in work.state.relations()
            if item.type is RelationKind.TABLE and (owned[0] or item.owner == owned[1])
        ]
    for relation in relations:
        await _vacuum(work, relation)
    return Done("VACUUM")


async def _vacuum(work: Work, relation: Relation) -> None:
    if relation.temporary:
        return
    schema = work.state.objects.get(relation.schema)
    await work.tx.lock(relation.oid, Mode.SHARE_ROW_EXCLUSIVE)
    if isinstance(schema, Schema):
        async with work.warehouse.commit_lock:
            await work.engine.script(lake.maintain(schema.engine_name, relation.name))
            work.warehouse.scans.forget(frozenset({relation.oid}))


async def lock(work: Work, command: Lock) -> Done:
    """LOCK TABLE: AccessExclusiveLock to the end of the transaction."""
    if not work.tx.block:
        raise SqlError(SqlState.NO_ACTIVE_SQL_TRANSACTION, "LOCK TABLE may only be used in transaction blocks")
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
    if not work.principal.superuser and other.user.oid != work.principal.oid:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser to cancel another user's query")
    message = command.message or f"Query ({other.query}) cancelled on user's request"
    other.interrupt(Canceled(SqlState.QUERY_CANCELED, message))
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
