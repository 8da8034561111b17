"""DECLARE, FETCH, MOVE, CLOSE: cursors of a transaction, forward only.

Redshift, "DECLARE": a cursor lives in a transaction block; its query is read as it is fetched. WITH HOLD, which
PostgreSQL's ODBC driver asks for, is PostgreSQL's: such a cursor is read to its end when its transaction commits.
"""

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from core.types import Column
from session.answers import Done, Value
from session.context import Work
from session.portals import Cursor
from session.statements.query import rows
from session.streams import FixedRows, Page, Part, Reader
from sql.commands.cursors import Close, Declare, Fetch, Move
from sql.statement import Statement


async def declare(work: Work, command: Declare) -> Done:
    """DECLARE name CURSOR FOR query."""
    if not work.tx.block and not command.hold:
        raise SqlError(SqlState.NO_ACTIVE_SQL_TRANSACTION, "DECLARE CURSOR may only be used in transaction blocks")
    if command.scroll:
        raise not_supported("SCROLL of DECLARE CURSOR")
    cursors = work.session.shelf.cursors
    if command.name in cursors:
        raise SqlError(SqlState.DUPLICATE_CURSOR, f'cursor "{command.name}" already exists')
    page = await rows(work, command.query.text, command.query.offset)
    cursors[command.name] = Cursor(
        command.name, page.columns, page.reader, command.query.text, declared=work.warehouse.clock.now(),
        hold=command.hold, queued=work.session.plan is not None and work.session.plan.queued,
    )  # fmt: skip
    return Done("DECLARE CURSOR")


async def fetch(work: Work, statement: Statement, parameters: tuple[Value, ...] = ()) -> Page:
    """FETCH count FROM name."""
    command = statement.command
    if not isinstance(command, Fetch):
        raise SqlError(SqlState.INTERNAL_ERROR, "FETCH without a cursor")
    cursor = _cursor(work, command.name)
    if command.count == 0:
        # FORWARD 0 shows the current row again.
        return Page(cursor.columns, Reader(FixedRows(cursor.reader.current)), tag="FETCH")
    await work.session.admission.fetching(queued=cursor.queued and not cursor.kept)
    return Page(cursor.columns, Part(cursor.reader, command.count), tag="FETCH")


async def describe_fetch(work: Work, statement: Statement, oids: tuple[int, ...]) -> tuple[Column, ...]:
    """Return the columns of FETCH: its cursor's."""
    command = statement.command
    return _cursor(work, command.name).columns if isinstance(command, Fetch) else ()


async def move(work: Work, command: Move) -> Done:
    """MOVE count FROM name."""
    cursor = _cursor(work, command.name)
    await work.session.admission.fetching(queued=cursor.queued and not cursor.kept)
    part = Part(cursor.reader, command.count)
    moved = 0
    while (batch := await part.take(None)) is not None:
        moved += batch.num_rows
    return Done(f"MOVE {moved}")


async def close(work: Work, command: Close) -> Done:
    """CLOSE name, CLOSE ALL."""
    cursors = work.session.shelf.cursors
    if command.name is None:
        for cursor in cursors.values():
            cursor.reader.close()
        cursors.clear()
        return Done("CLOSE CURSOR ALL")
    _cursor(work, command.name).reader.close()
    cursors.pop(command.name, None)
    return Done("CLOSE CURSOR")


def _cursor(work: Work, name: str) -> Cursor:
    shelf = work.session.shelf
    found = shelf.cursors.get(name)
    portal = shelf.portals.get(name)
    if found is None and portal is not None and portal.reader is not None:
        # To PostgreSQL the two are one thing: asyncpg moves on in the portals that it reads from.
        return Cursor(name, portal.columns or (), portal.reader, "")
    if found is None:
        raise SqlError(SqlState.INVALID_CURSOR_NAME, f'cursor "{name}" does not exist')
    return found
