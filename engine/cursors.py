"""One session's connection to DuckDB: run, fetch, stream, describe, interrupt.

A DuckDB connection has one open result at a time: starting another statement silently ends the stream
before it. So a stream that is still wanted is spooled to its end first (``ArrowSpool``).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final, TypeVar

import duckdb
import pyarrow as pa

from core.errors import SqlError
from engine import profiles
from engine.errors import from_engine, from_stream
from engine.executor import Executor
from engine.spool import ArrowSpool

_log = logging.getLogger(__name__)
T = TypeVar("T")
Value = str | int | float | bool | bytes | None
Connection = duckdb.DuckDBPyConnection
"""The engine's own connection: layers above hand it on and never look inside."""
Prepare = Callable[[Connection], None]
BATCH_ROWS: Final = 16_384
"""Rows of a batch: enough that hand-overs do not count, few enough that memory stays flat."""
_NUDGE_S: Final = 0.02


class RowStream:
    """The rows of one statement, produced as they are read."""

    def __init__(
        self,
        engine: "DuckDbEngine",
        schema: pa.Schema,
        reader: pa.RecordBatchReader | None,
        ready: list[pa.RecordBatch],
    ) -> None:
        """Wrap an open *reader* (None when it has ended) of which *ready* was read already."""
        self._engine = engine
        self._reader = reader
        self._ready = ready
        self._spool: ArrowSpool | None = None
        self.failed: SqlError | None = None
        """Set by an interrupt that came between two reads."""
        self.schema = schema
        self.begun = time.perf_counter()
        self.begun_s = 0.0
        """Processor time of its worker that its first rows took."""

    @property
    def open(self) -> bool:
        """Whether rows may still come from the connection."""
        return self._reader is not None

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rest of the rows."""
        while True:
            batch = await self.next()
            if batch is None:
                return
            yield batch

    async def next(self) -> pa.RecordBatch | None:
        """Return the next rows, None at the end."""
        while True:
            if self._ready:
                return self._ready.pop(0)
            if self._spool is not None:
                batch = self._spool.read()
                if batch is None:
                    self.close()
                return batch
            if self.failed is not None:
                raise self.failed
            if self._reader is None:
                return None
            more = await self._more(self._reader)
            if more is None:
                self.close()
                return None
            self._ready.append(more)

    async def _more(self, reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
        try:
            batch = await self._engine.guarded(lambda: _read(reader))
            # An interrupt that came too late for this read is for the next.
            if (reason := self._engine.canceled) is not None:
                raise reason
        except BaseException:
            self.close()
            raise
        return batch

    async def detach(self) -> None:
        """Read what is left away from the connection, which is wanted for another statement."""
        if self._reader is None:
            return
        reader, spool = self._reader, ArrowSpool(self.schema)
        self._reader = None
        try:
            await self._engine.guarded(lambda: spool.fill(reader))
        except BaseException:
            spool.close()
            raise
        self._spool = spool

    def close(self) -> None:
        """Give up what was not read."""
        self._reader = None
        self._ready.clear()
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        self._engine.forget(self)


class DuckDbEngine:
    """A session's DuckDB connection. Every method raises ``SqlError``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, executor: Executor) -> None:
        """Take over *connection*."""
        self.connection = connection
        self._executor = executor
        self._stream: RowStream | None = None
        self._running = False
        self._canceled: SqlError | None = None
        self._refused: SqlError | None = None
        self._nudge: asyncio.TimerHandle | None = None
        self._counting = False
        self.profile = ""
        """What the last statement that was profiled did (``engine.profiles``), if that took its time."""
        self.barred: SqlError | None = None
        """Why nothing may run: its transaction has been ended, and who works in it does not know yet."""

    async def run(
        self, sql: str, parameters: Sequence[Value] = (), prepare: Prepare | None = None, *, profiled: bool = False
    ) -> int:
        """Run a statement without rows; return how many rows it changed.

        *prepare* is called with the connection first, in the same hand-over.
        """
        await self._detach()

        def work() -> int:
            if prepare is not None:
                prepare(self.connection)
            self._count(profiled)
            begun = time.perf_counter()
            changed = _changed(self.connection.execute(sql, list(parameters) or None))
            self.observed(None, begun)
            return changed

        return await self.guarded(work)

    async def run_given(self, sql: str, name: str, rows: pa.Table, prepare: Prepare | None = None) -> int:
        """Run a statement that reads *rows* as the relation *name*; return how many rows it changed."""
        await self._detach()

        def work() -> int:
            if prepare is not None:
                prepare(self.connection)
            self.connection.register(name, rows)
            try:
                return _changed(self.connection.execute(sql))
            finally:
                self.connection.unregister(name)

        return await self.guarded(work)

    async def script(self, statements: Sequence[str]) -> None:
        """Run several statements without rows, one hand-over for all."""
        await self._detach()

        def work() -> None:
            for sql in statements:
                self.connection.execute(sql)

        await self.guarded(work)

    async def fetch(
        self, sql: str, parameters: Sequence[Value] = (), prepare: Prepare | None = None, *, instant: bool = False
    ) -> list[tuple[Any, ...]]:
        """Return all rows of a small answer; an *instant* one is computed here and now."""
        await self._detach()

        def work() -> list[tuple[Any, ...]]:
            if prepare is not None:
                prepare(self.connection)
            return self.connection.execute(sql, list(parameters) or None).fetchall()

        return await self.guarded(work, here=instant)

    async def rows(
        self, sql: str, parameters: Sequence[Value] = (), prepare: Prepare | None = None, *, instant: bool = False,
        profiled: bool = False,
    ) -> RowStream:  # fmt: skip
        """Start a query and return its stream; its first rows are read in the same hand-over.

        An *instant* one (constants only) runs here and now: the hand-over would cost twice what it does.
        """
        await self._detach()

        def work() -> RowStream:
            start = time.thread_time()
            if prepare is not None:
                prepare(self.connection)
            self._count(profiled)
            begun = time.perf_counter()
            reader = self.connection.execute(sql, list(parameters) or None).to_arrow_reader(BATCH_ROWS)
            first = _read(reader)
            # A short batch is nearly always the whole answer: see now, and save a hand-over.
            second = _read(reader) if first is not None and first.num_rows < BATCH_ROWS else None
            ready = [batch for batch in (first, second) if batch is not None]
            open_still = second is not None or (first is not None and first.num_rows >= BATCH_ROWS)
            stream = RowStream(self, reader.schema, reader if open_still else None, ready)
            stream.begun, stream.begun_s = begun, time.thread_time() - start
            if not open_still:
                self.observed(None, begun)
            return stream

        stream = await self.guarded(work, here=instant)
        if stream.open:
            self._stream = stream
            stream.failed = self._canceled
        return stream

    async def rollback(self) -> None:
        """Undo the engine's transaction and end its stream; never fails and cannot be interrupted."""
        if self._stream is not None:
            self._stream.close()

        def work() -> None:
            with contextlib.suppress(duckdb.Error):
                self.connection.execute("ROLLBACK")

        await self._executor.run(work)

    async def settle(self, function: Callable[[], T]) -> T:
        """Run blocking Python that cannot be interrupted: a commit, which is done or not and must be known to be.

        DuckDB can say that a commit was interrupted when the lake has it already.
        """
        await self._detach()
        try:
            return await self._executor.run(function)
        except duckdb.Error as error:
            _log.debug("the engine refused", exc_info=error)
            raise from_engine(error) from error

    async def describe(self, sql: str, parameters: int = 0, prepare: Prepare | None = None) -> pa.Schema:
        """Return the schema of a query's rows without running it; its *parameters* are taken as NULL."""
        await self._detach()

        def work() -> pa.Schema:
            if prepare is not None:
                prepare(self.connection)
            # Planned, never executed: LIMIT 0 is decided at planning time.
            planned = self.connection.execute(f"SELECT * FROM ({sql}) LIMIT 0", [None] * parameters or None)
            return planned.to_arrow_reader(1).schema

        return await self.guarded(work)

    async def work(self, function: Callable[[], T]) -> T:
        """Run blocking Python on an engine thread, as one statement that can be interrupted."""
        await self._detach()
        return await self.guarded(function)

    async def waited(self, function: Callable[[], T]) -> T:
        """Run blocking Python that is not the engine's; where it was interrupted meanwhile, its result is dropped."""
        found = await self.work(function)
        if self._canceled is not None:
            raise self._canceled
        return found

    @property
    def running(self) -> bool:
        """Whether something runs now."""
        return self._running

    @property
    def canceled(self) -> SqlError | None:
        """Why what ran last was to stop, whether it did or had ended before."""
        return self._canceled

    def observed(self, batch: pa.RecordBatch | None, begun: float) -> pa.RecordBatch | None:
        """Return *batch*; at the end of rows (None) ask what a statement did that began at *begun* long ago."""
        if batch is None and self._counting and time.perf_counter() - begun > profiles.WORTH_S:
            self.profile = self.connection.get_profiling_information(format="json")
        return batch

    def _count(self, wanted: bool) -> None:
        """Have the connection count what operators do, or not."""
        self.profile = ""
        if wanted is not self._counting:
            for sql in profiles.ON if wanted else profiles.OFF:
                self.connection.execute(sql)
            self._counting = wanted

    def interrupt(self, reason: SqlError) -> None:
        """Stop what runs now with *reason*; without effect on anything later."""
        if self._running and self._canceled is None:
            self._canceled = reason
            self._press()
        elif not self._running and self._stream is not None:
            stream = self._stream
            stream.close()
            stream.failed = reason

    def refuse(self, reason: SqlError) -> None:
        """Note why a function that the running statement calls is about to fail."""
        self._refused = reason

    def forget(self, stream: RowStream) -> None:
        """Take note that *stream* needs the connection no longer."""
        if self._stream is stream:
            self._stream = None

    def close(self) -> None:
        """Give the connection back."""
        if self._stream is not None:
            self._stream.close()
        with contextlib.suppress(duckdb.Error):
            self.connection.close()

    async def guarded(self, function: Callable[[], T], *, here: bool = False) -> T:
        """Run *function* on a worker (or *here*), turning DuckDB's errors and interrupts into ``SqlError``."""
        if self.barred is not None:
            raise self.barred
        self._running, self._canceled, self._refused = True, None, None
        try:
            return function() if here else await self._executor.run(function)
        except duckdb.Error as error:
            if self._canceled is not None and isinstance(error, duckdb.InterruptException):
                raise self._canceled from None
            _log.debug("the engine refused", exc_info=error)
            raise self._said() or from_engine(error) from error
        except (OSError, pa.ArrowException) as error:
            # What goes wrong while a stream is read comes through Arrow, DuckDB's class in its text only.
            if self._canceled is not None:
                raise self._canceled from None
            _log.debug("the engine refused", exc_info=error)
            raise self._said() or from_stream(error) from error
        finally:
            self._running = False
            if self._nudge is not None:
                self._nudge.cancel()
                self._nudge = None

    def _said(self) -> SqlError | None:
        return self._refused

    def _press(self) -> None:
        # An interrupt that arrives before DuckDB has started the statement is forgotten by it, so it is
        # repeated until the statement has ended.
        self.connection.interrupt()
        self._nudge = asyncio.get_running_loop().call_later(_NUDGE_S, self._press) if self._running else None

    async def _detach(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.detach()


def _read(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        batch: pa.RecordBatch = reader.read_next_batch()
    except StopIteration:
        return None
    return batch


def _changed(cursor: duckdb.DuckDBPyConnection) -> int:
    # DML answers with one row holding the count; DDL with none.
    if cursor.description is None:
        return 0
    row = cursor.fetchone()
    return int(row[0]) if row and isinstance(row[0], int) else 0


def constant(value: Value | tuple[str, ...]) -> str:
    """Return *value* as engine SQL; a tuple is a list."""
    if isinstance(value, tuple):
        return f"[{', '.join(constant(item) for item in value)}]"
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, bytes):
        return "'" + "".join(f"\\x{byte:02x}" for byte in value) + "'::BLOB"
    return "'" + value.replace("'", "''") + "'"
