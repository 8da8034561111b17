"""Sessions that read on one instance, some at once."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import duckdb
import pytest

from engine.cursors import DuckDbEngine
from engine.executor import Executor
from engine.streams import RowStream
from engine.together import Shared, Together
from engine.ways import ways
from sql.members import Members
from sql.shapes import Gapped

BELOW = "SELECT n, n AS n FROM things WHERE n < ?"
INTEGER = "CAST(${} AS INTEGER)"
Rows = list[tuple[Any, ...]] | None


class Counting:
    """A connection that remembers what it was to execute."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, executed: list[str]) -> None:
        self._connection, self._executed = connection, executed

    def execute(self, statement: Any) -> duckdb.DuckDBPyConnection:
        self._executed.append(statement if isinstance(statement, str) else statement.query)
        return self._connection.execute(statement)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class Bench:
    """Some sessions on one instance."""

    def __init__(self, rows: int = 10) -> None:
        # As the instance that copies are in.
        self.root = duckdb.connect(config={"threads": 1, "preserve_insertion_order": False})
        self.root.execute(f"CREATE TABLE things AS SELECT range::INTEGER AS n FROM range({rows})")
        self.executed: list[str] = []
        self.executor = Executor(1)
        self.together = Together(lambda: cast(Any, Counting(self.root.cursor(), self.executed)), self.executor)
        self.engines = [DuckDbEngine(self.root.cursor, self.executor) for _ in range(20)]

    def shared(
        self, sql: str = BELOW, zone: str = "", *, alone: bool = True, united: bool = True, joined: bool = False
    ) -> Shared:
        members = Members(Gapped(tuple(sql.split("?")), (0,) * sql.count("?")), (INTEGER,))
        reader = self.root.execute(members.united(1), ["1"]).to_arrow_reader(1)
        known = ways(alone=alone, united=united, joined=joined)
        for way in known:
            # As if all had been tried.
            for _ in range(3):
                way.took(0.0006 + way.size * 0.00003 if way.joined else 0.0001 + way.size * 0.00015)
        return Shared(zone, members, known, schema=reader.schema, times=5)

    async def read(self, number: int, read: Shared, argument: str) -> Rows:
        return await rows(self.together.rows(self.engines[number], read, [argument]))

    async def gathered(self, read: Shared, arguments: list[str]) -> list[Rows]:
        # Who asks first asks alone.
        self.executor.alone(object())
        asked = [self.read(number, read, argument) for number, argument in enumerate(arguments)]
        return await asyncio.wait_for(asyncio.gather(*asked), 30)

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def whole() -> Any:
            try:
                return await coroutine
            finally:
                self.together.close()
                self.executor.close()

        return asyncio.run(whole())

    @property
    def reads(self) -> list[int]:
        """How many reads each statement was that did some."""
        return [sql.count(",") + 1 for sql in self.executed if sql.startswith("EXECUTE ")]


async def rows(asked: Coroutine[Any, Any, RowStream | None]) -> Rows:
    stream = await asked
    if stream is None:
        return None
    assert not stream.open
    found: Rows = []
    async for batch in stream.batches():
        assert batch.schema == stream.schema
        found += list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    return found


def reckoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing depend on how long something takes, which on a busy machine is any time."""
    monkeypatch.setattr("engine.executor._AT_ONCE_S", 60)
    monkeypatch.setattr("engine.ways._LONGEST_S", 60)
    monkeypatch.setattr("engine.ways._WEIGHT", 0)
    monkeypatch.setattr("engine.ways._FADES", 1)
