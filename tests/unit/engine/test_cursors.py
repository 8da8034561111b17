"""What DuckDB says of a query that fails while several threads work at it."""

import asyncio
from typing import Any

import duckdb
import pytest

from core.errors import Canceled, SqlError
from core.sqlstate import SqlState
from engine.cursors import DuckDbEngine
from engine.executor import Executor
from storage.database import beside


class Startled:
    """A connection whose first query ends as DuckDB's do at times: by the flag that stops the threads beside."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.asked = 0

    def execute(self, sql: str, *rest: Any) -> Any:
        if "SELECT" in sql:
            self.asked += 1
            if self.asked == 1:
                raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")
        return self.connection.execute(sql, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


def _asked(sql: str, *, block: bool = False) -> tuple[Any, int]:
    async def story() -> tuple[Any, int]:
        executor = Executor(2)
        startled = Startled(beside(duckdb.connect()))
        engine = DuckDbEngine(lambda: startled, executor)  # type: ignore[arg-type, return-value]
        if block:
            await engine.script(["BEGIN", "CREATE TABLE t (a INTEGER NOT NULL)"])
            with pytest.raises(SqlError):
                await engine.run("INSERT INTO t VALUES (NULL)")
        try:
            found: Any = [batch.to_pylist() async for batch in (await engine.rows(sql)).batches()]
        except SqlError as error:
            found = error
        engine.close()
        executor.close()
        return found, startled.asked

    return asyncio.run(story())


def test_a_query_that_nobody_interrupted_is_asked_again() -> None:
    assert _asked("SELECT 1 AS a") == ([[{"a": 1}]], 2)


def test_the_error_behind_an_interrupt_is_told() -> None:
    found, asked = _asked("SELECT CAST('x' || range AS INTEGER) FROM range(3)")
    assert isinstance(found, SqlError) and found.state is SqlState.INVALID_TEXT_REPRESENTATION
    assert asked == 2


def test_what_cannot_be_asked_again_in_its_block_stays_interrupted() -> None:
    found, _ = _asked("SELECT 1 AS a", block=True)
    assert isinstance(found, Canceled)
