"""One statement's way through the session, in order, on one screen.

Here errors of a statement become a failed transaction; nothing above or below decides that.
"""

from typing import TYPE_CHECKING

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.errors import EngineFault
from engine.wlm.tickets import Evicted
from session.answers import Answer, Value
from session.context import Work
from session.external.tables import resolved
from session.fleet.views import Overtaken, overtaken
from session.statements import HANDLERS
from session.statements.alterations import alters_lake
from session.streams import Page
from sql.commands.alterations import AlterTable
from sql.commands.drops import Drop
from sql.statement import QUERIES, Kind, Statement

if TYPE_CHECKING:
    from session.session import Session
    from session.transactions import Transaction

_ENDS = frozenset({Kind.COMMIT, Kind.ROLLBACK})
_OWN = frozenset({*_ENDS, Kind.BEGIN, Kind.SET, Kind.SET_TRANSACTION, Kind.RESET, Kind.DEALLOCATE})
"""Kinds that concern the session alone: what other servers have committed is nothing to them."""
_LATER = frozenset({Kind.INSERT, Kind.EXECUTE})
"""Kinds that see to it themselves that the lake shows what is committed, or what they run does."""
_PHYSICAL = frozenset(
    {
        Kind.CREATE_TABLE,
        Kind.CREATE_TABLE_AS,
        Kind.ALTER_TABLE,
        Kind.CREATE_MATERIALIZED_VIEW,
        Kind.CREATE_SCHEMA,
        Kind.CREATE_DATABASE,
        Kind.DROP_DATABASE,
    }
)
"""Kinds that change the lake's own schema; DROP of anything but a schema does not wait for its turn."""


_REPEATED = frozenset({*QUERIES, Kind.CREATE_TABLE_AS, Kind.CREATE_TABLE, Kind.COPY_STDOUT})


async def run(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Answer:
    """Run *statement* up to its answer. The answer of a query is still to be read."""
    rule, tx = statement.rule, work.tx
    _require_place(tx, statement)
    mending = work.warehouse.mending
    if mending.busy:
        await mending.settled()
    if work.session.lost is not None:
        _tell_losses(work.session, statement)
    generation = mending.generation
    try:
        answer = await _confirmed(work, statement, parameters)
    except (Evicted, Overtaken) as reason:
        await _begin_again(work.session, reason)
        return await run(work, statement, parameters)
    except SqlError as error:
        if not await mending.mended(error, generation) or (isinstance(error, EngineFault) and error.met):
            raise
        if not _repeatable(work, statement):
            raise _broken_off() from error
        await _begin_again(work.session, error)
        return await run(work, statement, parameters)
    if rule.commits:
        await tx.commit()
    work.session.answer = answer
    work.session.admission.answered(answer)
    return answer


def _tell_losses(session: "Session", statement: Statement) -> None:
    """Raise what the session has lost since its last statement, once."""
    if session.lost is not None and statement.kind not in _OWN:
        lost, session.lost = session.lost, None
        raise lost


def _require_place(tx: "Transaction", statement: Statement) -> None:
    """Raise where a statement cannot stand at this point of the transaction."""
    if tx.failed and statement.kind not in _ENDS:
        raise SqlError(
            SqlState.IN_FAILED_SQL_TRANSACTION,
            "current transaction is aborted, commands ignored until end of transaction block",
        )
    if tx.last is not None and statement.kind not in _ENDS:
        raise SqlError(
            SqlState.ACTIVE_SQL_TRANSACTION,
            "a statement that writes to an Iceberg table must be the only one of its transaction block",
        )
    if not statement.rule.in_block and tx.block:
        raise SqlError(SqlState.ACTIVE_SQL_TRANSACTION, f"{statement.tag} cannot run inside a transaction block")


async def _confirmed(work: Work, statement: Statement, parameters: tuple[Value, ...]) -> Answer:
    """Run *statement*; raises ``Overtaken`` (or 40001) where a table was altered by others before it had begun."""
    view = work.tx.view
    if statement.kind in _LATER:
        await work.warehouse.informed()
    elif statement.kind not in _OWN:
        await work.warehouse.caught_up()
    begun = view.begun
    try:
        answer = await _handled(work, statement, parameters)
    except SqlError:
        if not begun and not await view.fits():
            raise _outrun(work, statement) from None
        raise
    if not begun and not await view.fits():
        if isinstance(answer, Page):
            answer.reader.close()
        raise _outrun(work, statement)
    return answer


def _outrun(work: Work, statement: Statement) -> Exception:
    return Overtaken() if _repeatable(work, statement) else overtaken()


async def _handled(work: Work, statement: Statement, parameters: tuple[Value, ...]) -> Answer:
    tx = work.tx
    tx.start()
    tx.commands += 1
    if statement.kind is not Kind.INSERT and statement.kind not in _ENDS:
        await tx.fix()
    await work.session.settle()
    await work.session.admission.begin(statement.kind)
    if statement.kind not in QUERIES and _alters_lake(work, statement):
        # DuckLake 1.0 loses sight of committed tables when transactions that alter its schema overlap.
        await tx.alter_lake()
    return await resolved(work.session, lambda: HANDLERS[statement.kind](work, statement, parameters))


async def _begin_again(session: "Session", reason: Exception) -> None:
    """Undo what the statement has done, the first of its transaction."""
    await session.tx.rollback()
    session.stopped = None
    session.query = session.warehouse.next_query()
    if isinstance(reason, Evicted):
        session.admission.move(reason)


def _repeatable(work: Work, statement: Statement) -> bool:
    """Tell whether nothing would be lost if the statement were begun again."""
    tx = work.tx
    if not tx.running:
        # It has not begun: what was committed before could not be seen.
        return True
    return statement.kind in _REPEATED and not tx.block and not tx.held and tx.commands == 1


def _broken_off() -> SqlError:
    return SqlError(
        SqlState.SERIALIZATION_FAILURE, "the transaction was broken off, because the lake had to be opened anew",
        hint="Run the transaction again.",
    )  # fmt: skip


def _alters_lake(work: Work, statement: Statement) -> bool:
    command = statement.command
    if isinstance(command, Drop):
        return command.object == "SCHEMA"
    if isinstance(command, AlterTable):
        found = work.visible.relation(command.name)
        return found is not None and alters_lake(work, found, command)
    return statement.kind in _PHYSICAL and not getattr(command, "temporary", False)
