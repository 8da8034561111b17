"""A session whose statements are called, one text with its values at a time, by doors without a protocol of messages.

The extended protocol's steps in one: parse, bind, execute, sync. An answer is read inside ``answered``; what
goes wrong there fails the transaction, as it does for a client of the wire protocol.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeGuard

import pyarrow as pa

from core.errors import not_supported
from core.types import ColumnType
from session.answers import Answer, CopyIn, Rows, Value
from session.failures import told

if TYPE_CHECKING:
    from session.session import Session

Values = Callable[[tuple[ColumnType, ...]], Sequence[Value]]
"""Makes the parameters' values once their types are known."""


def no_values(types: tuple[ColumnType, ...]) -> Sequence[Value]:
    """Return no values: the statement has no parameters."""
    return ()


@asynccontextmanager
async def answered(session: "Session", text: str, values: Values = no_values) -> AsyncIterator[Answer]:
    """Run *text* and lend its answer; raises ``SqlError`` and nothing else.

    Outside a transaction block the statement is committed when the answer has been read.
    """
    async with failing(session):
        await session.parse("", text, ())
        await session.bind("", "", tuple(values(session.parameter_types(""))), ())
        answer, _ = await session.execute("", 0)
        await refuse_copy(answer)
        try:
            yield answer
        finally:
            # Rows that were not read are given up before anything else is asked of the engine.
            await session.close_portal("")
        await session.sync()


@asynccontextmanager
async def failing(session: "Session") -> AsyncIterator[None]:
    """Let what goes wrong fail the session's transaction, as an error that a client may be told."""
    try:
        yield
    except GeneratorExit:
        raise
    except Exception as error:
        failure = told(error)
        await session.fail(failure)
        raise failure from None
    except BaseException:
        await session.fail()
        raise


async def run(session: "Session", text: str, values: Values = no_values) -> list[pa.RecordBatch]:
    """Run *text* and return all rows: for statements whose answers are small."""
    async with answered(session, text, values) as answer:
        return [batch async for batch in answer.batches()] if is_rows(answer) else []


def is_rows(answer: Answer) -> TypeGuard[Rows]:
    """Tell whether an answer has rows."""
    return hasattr(answer, "batches")


async def refuse_copy(answer: Answer) -> None:
    """Refuse COPY from and to the client, for which these doors have no stream."""
    if _is_copy_in(answer):
        await answer.fail("there is no stream to copy from")
        raise not_supported("COPY FROM STDIN by this interface")
    if hasattr(answer, "copied"):
        raise not_supported("COPY TO STDOUT by this interface")


def _is_copy_in(answer: Answer) -> TypeGuard[CopyIn]:
    return hasattr(answer, "write")
