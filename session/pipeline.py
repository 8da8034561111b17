"""One statement's way through the session, in order, on one screen.

Here errors of a statement become a failed transaction; nothing above or below decides that.
"""

from core.errors import SqlError
from core.sqlstate import SqlState
from session.answers import Answer, Value
from session.context import Work
from session.locks import Mode
from session.statements import HANDLERS
from sql.statement import Kind, Statement

_ENDS = frozenset({Kind.COMMIT, Kind.ROLLBACK})
_PHYSICAL = frozenset(
    {
        Kind.CREATE_TABLE,
        Kind.CREATE_TABLE_AS,
        Kind.ALTER_TABLE,
        Kind.DROP,
        Kind.CREATE_MATERIALIZED_VIEW,
        Kind.CREATE_SCHEMA,
        Kind.CREATE_DATABASE,
        Kind.DROP_DATABASE,
    }
)
"""Kinds that change the lake's own schema."""


async def run(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
    """Run *statement* up to its answer. The answer of a query is still to be read."""
    rule, tx = statement.rule, work.tx
    if tx.failed and statement.kind not in _ENDS:
        raise SqlError(
            SqlState.IN_FAILED_SQL_TRANSACTION,
            "current transaction is aborted, commands ignored until end of transaction block",
        )
    if not rule.in_block and tx.block:
        raise SqlError(SqlState.ACTIVE_SQL_TRANSACTION, f"{statement.tag} cannot run inside a transaction block")
    tx.start()
    tx.commands += 1
    await work.session.settle()
    if statement.kind in _PHYSICAL and not getattr(statement.command, "temporary", False):
        # DuckLake 1.0 loses sight of committed tables when transactions that alter its schema overlap.
        await tx.lock("ddl", Mode.ACCESS_EXCLUSIVE)
    answer = await HANDLERS[statement.kind](work, statement, parameters)
    if rule.commits:
        await tx.commit()
    work.session.answer = answer
    return answer
