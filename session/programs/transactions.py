"""COMMIT, ROLLBACK and START TRANSACTION in procedures, what NONATOMIC commits, what an error undoes.

Redshift, "Managing transactions", "Trapping errors": there are no subtransactions, so an error that is caught has
undone the whole transaction, and what its handler does is another one.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from session.programs.frame import Execution, Frame
from session.programs.variables import Names
from sql.plpgsql import tree


def begin(execution: Execution) -> None:
    """Enter the next transaction."""
    tx = execution.session.tx
    tx.start()
    tx.held = not execution.nonatomic or execution.explicit


def require_end(execution: Execution, word: str) -> None:
    """Raise 2D000 where a procedure may not end the transaction that it is in."""
    if execution.atomic:
        raise SqlError(
            SqlState.INVALID_TRANSACTION_TERMINATION,
            f"{word} cannot be invoked from a procedure that is executing in an atomic context.",
            hint="Try calling the procedure as a top-level call i.e. not from within an explicit transaction block. "
            "Or, if this procedure (or one of its ancestors in the call chain) was created with SET config options, "
            "recreate the procedure without them.",
        )


async def control(frame: Frame, node: tree.Transaction, names: Names) -> None:
    """COMMIT, ROLLBACK, START TRANSACTION."""
    execution = frame.execution
    if node.action == "START TRANSACTION":
        if not frame.routine.nonatomic:
            raise not_supported("START TRANSACTION in a procedure that is not NONATOMIC")
        execution.explicit = not execution.block
        begin(execution)
        return
    require_end(execution, node.action)
    if node.action == "COMMIT":
        await execution.session.commit()
    else:
        await execution.session.rollback()
    execution.explicit = False
    begin(execution)


async def settle(execution: Execution) -> None:
    """End a SQL statement: NONATOMIC keeps what it did."""
    if execution.commits and execution.session.tx.wrote:
        await execution.session.commit()
        begin(execution)


def ended(execution: Execution) -> None:
    """Go on after a statement that has committed by itself (TRUNCATE): cursors are closed, a transaction begins."""
    execution.session.shelf.end_transaction()
    begin(execution)


@asynccontextmanager
async def handling(execution: Execution) -> AsyncIterator[None]:
    """Run an exception handler in a transaction of its own, after what failed is undone."""
    session, tx = execution.session, execution.session.tx
    await session.rollback()
    execution.explicit = False
    begin(execution)
    if execution.block and execution.nonatomic:
        tx.open_block()
        yield
        return
    try:
        yield
        if not execution.nonatomic:
            await session.commit()
    finally:
        if execution.block:
            # The client's own transaction is gone: it finds its block failed when the error reaches it.
            if tx.running:
                await session.rollback()
            tx.open_block()
        elif not tx.running:
            begin(execution)
