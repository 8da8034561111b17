"""The simple query protocol: several statements of one message, one implicit transaction.

PostgreSQL, section 55.2.2.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from core.errors import SqlError
from session.answers import Answer, Done, Empty
from session.context import Work
from session.names import names_cut
from session.pipeline import run as run_statement
from sql.statement import Statement

if TYPE_CHECKING:
    from session.session import Session

_SHARE_S: Final = 0.001
"""How long a script's statements are run before others are heard."""


async def run(session: "Session", text: str) -> AsyncIterator[Answer]:
    """Yield an answer a statement of *text*; each must be read before the next is asked for."""
    try:
        statements = await _parsed(session, text)
        await session.close_portal("")
        if not statements:
            yield Empty()
        heard = time.perf_counter()
        for number, statement in enumerate(statements, start=1):
            session.begin_statement(statement.text, statement.kind)
            answer = await run_statement(Work(session), statement)
            if isinstance(answer, Done) and number == len(statements):
                # The client learns of a command only once it is permanent.
                await _end(session)
            yield answer
            session.end_statement()
            if len(statements) > 1 and time.perf_counter() - heard > _SHARE_S:
                # Nothing of a script of brief statements need wait for anything.
                await asyncio.sleep(0)
                heard = time.perf_counter()
        await _end(session)
    except GeneratorExit:
        raise
    except SqlError as error:
        await session.fail(error)
        raise
    except BaseException:
        await session.fail()
        raise


async def _parsed(session: "Session", text: str) -> list[Statement]:
    """Return the statements of *text*, all of them: a syntax error anywhere means that nothing happens."""
    keep = session.settings.keeps_case
    known = session.warehouse.parsed.known(text, keep=keep)
    if known is not None:
        return known
    row = session.warehouse.rows.statement(text)
    if row is not None:
        # The next text is another, with other values.
        session.notices += names_cut(text)
        return [row]
    statements, cut = await session.warehouse.parsed.read(text, keep=keep)
    session.notices += cut
    return statements


async def _end(session: "Session") -> None:
    if session.tx.running and not session.tx.block:
        await session.commit()
