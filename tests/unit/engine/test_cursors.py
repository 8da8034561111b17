"""What DuckDB says of a query that fails while several threads work at it."""

import asyncio
from typing import Any

import duckdb
import pytest

from core.errors import SqlError
from core.sqlstate import SqlState
from engine.cursors import DuckDbEngine
from engine.executor import Executor
from storage.database import beside

INTERRUPTED = "INTERRUPT Error: Interrupted!"


class Startled:
    """A connection whose queries end as DuckDB's do at times, by the flag that stops the threads beside.

    Its first so many do so at once, or each of them while its rows are read, after the first of them.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, times: int = 1, late: bool = False) -> None:
        self.connection = connection
        self.times = times
        self.late = late
        self.asked = 0

    def execute(self, sql: str | duckdb.Statement, *rest: Any) -> Any:
        if "SELECT" in (sql if isinstance(sql, str) else sql.query):
            self.asked += 1
            if self.asked <= self.times:
                if self.late:
                    return Late(self.connection.execute(sql, *rest))
                raise duckdb.InterruptException(INTERRUPTED)
        return self.connection.execute(sql, *rest)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)


class Late:
    """A result, and its reader, that is interrupted behind its first batch."""

    def __init__(self, result: Any) -> None:
        self.result = result
        self.read = 0

    def to_arrow_reader(self, rows: int) -> Any:
        self.result = self.result.to_arrow_reader(rows)
        return self

    def read_next_batch(self) -> Any:
        self.read += 1
        if self.read > 1:
            raise OSError(INTERRUPTED)
        return self.result.read_next_batch()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.result, name)


def _asked(sql: str, *, block: bool = False, times: int = 1, late: bool = False) -> tuple[Any, int]:
    async def story() -> tuple[Any, int]:
        executor = Executor(2)
        startled = Startled(beside(duckdb.connect()), times=times, late=late)
        engine = DuckDbEngine(lambda: startled, executor)  # type: ignore[arg-type, return-value]
        if block:
            await engine.script(["BEGIN", "CREATE TABLE t (a INTEGER NOT NULL)"])
            with pytest.raises(SqlError):
                await engine.run("INSERT INTO t VALUES (NULL)")
        try:
            if sql.startswith("SELECT"):
                found: Any = [batch.to_pylist() async for batch in (await engine.rows(sql)).batches()]
            else:
                found = await engine.run(sql)
        except SqlError as error:
            found = error.state
        engine.close()
        executor.close()
        return found, startled.asked

    return asyncio.run(story())


def test_a_query_that_nobody_interrupted_is_asked_again() -> None:
    assert _asked("SELECT 1 AS a") == ([[{"a": 1}]], 2)


def test_the_error_behind_an_interrupt_is_told() -> None:
    failing = "SELECT CAST('x' || range AS INTEGER) FROM range(3)"
    assert _asked(failing) == (SqlState.INVALID_TEXT_REPRESENTATION, 2)
    assert _asked(failing, times=3) == (SqlState.INVALID_TEXT_REPRESENTATION, 4)


@pytest.mark.parametrize("times", [1, 2])
def test_the_error_behind_an_interrupt_is_told_after_the_first_rows(times: int) -> None:
    failing = "SELECT CASE WHEN range = 99999 THEN error('late') ELSE 'x' END AS a FROM range(100000)"
    found, asked = _asked(failing, times=times, late=True)
    assert (found, asked) == (SqlState.INVALID_PARAMETER_VALUE, times + 1)


def test_the_error_behind_an_interrupt_is_told_of_a_write() -> None:
    failing = "CREATE TABLE u AS SELECT CAST('x' || range AS INTEGER) FROM range(3)"
    assert _asked(failing) == (SqlState.INVALID_TEXT_REPRESENTATION, 2)


def test_the_error_behind_an_interrupt_is_told_in_a_block_that_has_failed() -> None:
    failing = "SELECT CAST('x' || range AS INTEGER) FROM range(3)"
    assert _asked(failing, block=True)[0] is SqlState.INVALID_TEXT_REPRESENTATION


def test_a_load_that_nobody_interrupted_is_begun_again() -> None:
    async def story() -> list[tuple[Any, ...]]:
        executor = Executor(2)
        startled = Startled(beside(duckdb.connect()))
        engine = DuckDbEngine(lambda: startled, executor)  # type: ignore[arg-type, return-value]
        await engine.run("CREATE TABLE t (a INTEGER)")
        await engine.script(["BEGIN"])

        def load() -> None:
            startled.execute("INSERT INTO t VALUES (1)")
            startled.execute("INSERT INTO t SELECT 2")

        with pytest.raises(SqlError, match="broken the statement off"):
            await engine.work(load)
        startled.asked = 0
        await engine.script(["ROLLBACK", "BEGIN"])
        await engine.work(load, fresh=True)
        await engine.script(["COMMIT"])
        found = await engine.fetch("FROM t")
        engine.close()
        executor.close()
        return found

    assert asyncio.run(story()) == [(1,), (2,)]


def test_a_query_that_is_interrupted_unasked_was_not_canceled() -> None:
    assert _asked("SELECT 1 AS a", block=True)[0] is SqlState.INTERNAL_ERROR
    assert _asked("SELECT 1 AS a", times=1000)[0] is SqlState.INTERNAL_ERROR
