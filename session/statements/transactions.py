"""BEGIN, COMMIT, ROLLBACK and what sets the next transaction's ways.

Redshift, "BEGIN", "COMMIT", "ROLLBACK". There are no savepoints, as there are none in Redshift.
"""

from core.errors import SqlError, warning
from core.sqlstate import SqlState
from session.answers import Done
from session.context import Work
from sql.commands.transactions import Begin, Savepoint, SetTransaction


async def begin(work: Work, command: Begin) -> Done:
    """Open a block."""
    if work.tx.block:
        work.notice(warning("there is already a transaction in progress", state=SqlState.ACTIVE_SQL_TRANSACTION))
        return Done(command.tag)
    work.tx.open_block()
    _characteristics(work, command.isolation, command.read_only, local=True)
    return Done(command.tag)


async def commit(work: Work, command: object) -> Done:
    """Close the block, keeping its changes; a failed block is rolled back."""
    if not work.tx.block:
        work.notice(warning("there is no transaction in progress", state=SqlState.NO_ACTIVE_SQL_TRANSACTION))
        return Done("COMMIT")
    if work.tx.failed:
        await work.session.rollback()
        return Done("ROLLBACK")
    await work.session.commit()
    return Done("COMMIT")


async def rollback(work: Work, command: object) -> Done:
    """Close the block, undoing its changes."""
    if not work.tx.block:
        work.notice(warning("there is no transaction in progress", state=SqlState.NO_ACTIVE_SQL_TRANSACTION))
    await work.session.rollback()
    return Done("ROLLBACK")


async def savepoint(work: Work, command: Savepoint) -> Done:
    """Refuse savepoints."""
    raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, f'SQL command "{command.action} {command.name}" not supported')


async def set_transaction(work: Work, command: SetTransaction) -> Done:
    """SET TRANSACTION, SET SESSION CHARACTERISTICS."""
    _characteristics(work, command.isolation, command.read_only, local=not command.session)
    return Done("SET")


def _characteristics(work: Work, isolation: str | None, read_only: bool | None, *, local: bool) -> None:
    prefix = "" if local else "default_"
    if isolation is not None:
        work.settings.set(f"{prefix}transaction_isolation", isolation, local=local)
    if read_only is not None:
        work.settings.set(f"{prefix}transaction_read_only", "on" if read_only else "off", local=local)
