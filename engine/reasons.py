"""Why a statement failed that DuckDB 1.5.5 says was interrupted, though nobody asked for that.

A thread whose work fails sets the flag that interrupts the query's other threads before it has noted its own error.
When one of those is first to note its own, the query's error is that one, and the true one is lost: asking again tells.
"""

import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import duckdb

from core.errors import SerializationFailure, SqlError
from engine.errors import BrokenOff

if TYPE_CHECKING:
    from engine.cursors import Connection, DuckDbEngine

T = TypeVar("T")
_TRIES: Final = 5
"""How often to ask: a query that fails says that it was interrupted a few times in a hundred, on a busy machine."""


async def once_more(engine: "DuckDbEngine", work: Callable[[], T], unasked: BrokenOff) -> T:
    """Return what *work* gives when it is done again, where its transaction allows it; raise its true error."""
    for _ in range(_TRIES):
        try:
            return await engine.guarded(work)
        except BrokenOff:
            continue
        except SerializationFailure:
            # A block has failed with it.
            raise await learned(engine, work, unasked) from None
    raise unasked


async def learned(engine: "DuckDbEngine", work: Callable[[], object], unasked: BrokenOff) -> SqlError:
    """Return the error of *work*, done again in a transaction that leaves nothing; the engine's own is over then."""
    for _ in range(_TRIES):
        try:
            await engine.guarded(lambda: _aside(engine.connection, work))
        except BrokenOff:
            continue
        except SqlError as error:
            return error
        break
    return unasked


def anew(connection: "Connection", work: Callable[[], T]) -> T:
    """Do *work* in a new transaction in place of the one that is open or has failed; blocking."""
    with contextlib.suppress(duckdb.Error):
        connection.execute("ROLLBACK")
    connection.execute("BEGIN TRANSACTION")
    return work()


def _aside(connection: "Connection", work: Callable[[], object]) -> None:
    try:
        anew(connection, work)
    finally:
        with contextlib.suppress(duckdb.Error):
            connection.execute("ROLLBACK")
