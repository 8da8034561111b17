"""The simple query protocol: several statements of one message, one implicit transaction.

PostgreSQL, section 55.2.2.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from core.errors import SqlError
from session.answers import Answer, Done, Empty
from session.context import Work
from session.names import names_cut
from session.pipeline import run as run_statement
from sql.parse import parse_statement, split

if TYPE_CHECKING:
    from session.session import Session


async def run(session: "Session", text: str) -> AsyncIterator[Answer]:
    """Yield an answer a statement of *text*; each must be read before the next is asked for."""
    try:
        async for answer in _answers(session, text):
            yield answer
    except GeneratorExit:
        raise
    except SqlError as error:
        await session.fail(error)
        raise
    except BaseException:
        await session.fail()
        raise


async def _answers(session: "Session", text: str) -> AsyncIterator[Answer]:
    # All statements are parsed before the first runs: a syntax error anywhere means that nothing happens.
    keep = session.settings.keeps_case
    statements = [parse_statement(fragment, case_sensitive=keep) for fragment in split(text)]
    session.notices += names_cut(text)
    await session.close_portal("")
    if not statements:
        yield Empty()
    for number, statement in enumerate(statements, start=1):
        session.begin_statement(statement.text, statement.kind)
        answer = await run_statement(Work(session), statement)
        if isinstance(answer, Done) and number == len(statements):
            # The client learns of a command only once it is permanent.
            await _end(session)
        yield answer
        session.end_statement()
    await _end(session)


async def _end(session: "Session") -> None:
    if session.tx.running and not session.tx.block:
        await session.commit()
