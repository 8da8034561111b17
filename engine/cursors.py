"""One session's connection to DuckDB: run, fetch, stream, describe, interrupt.

A DuckDB connection has one open result at a time: starting another statement silently ends the stream
before it. So a stream that is still wanted is spooled to its end first (``ArrowSpool``).
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import duckdb
import pyarrow as pa

from core.errors import SqlError
from engine import profiles
from engine.errors import BrokenOff, from_engine, from_stream
from engine.executor import Executor
from engine.reasons import anew, once_more
from engine.streams import BATCH_ROWS, WIDE_ROWS, RowStream, is_full, read_batch
from storage import inlining
from storage.abandoned import abandon, part_with
from storage.database import AHEAD, NOT_AHEAD

_log = logging.getLogger(__name__)
T = TypeVar("T")
Value = str | int | float | bool | bytes | None
Connection = duckdb.DuckDBPyConnection
"""The engine's own connection: layers above hand it on and never look inside."""
Prepare = Callable[[Connection], None]
_NUDGE_S: Final = 0.02
_INTERRUPTED: Final = (duckdb.InterruptException, duckdb.TransactionException)
"""What an interrupt ends with; what goes on in spite of it meets the transaction that has failed with it."""
_CONNECTING: Final = threading.Lock()


class DuckDbEngine:
    """A session's DuckDB connection. Every method raises ``SqlError``."""

    def __init__(self, connect: Callable[[], Connection], executor: Executor) -> None:
        """Work on the connection that *connect* makes, once there is something to do."""
        self._connect = connect
        self._connection: Connection | None = None
        self._executor = executor
        self._stream: RowStream | None = None
        self._running = False
        self._elsewhere: asyncio.Future[Any] | None = None
        self._canceled: SqlError | None = None
        self._refused: SqlError | None = None
        self._nudge: asyncio.TimerHandle | None = None
        self._counting = self._wide = False
        self._inlined: int | None = None
        self.closed = False
        """Whether the connection was given back."""
        self.profile = ""
        """What the last statement that was profiled did (``engine.profiles``), if that took its time."""
        self.barred: SqlError | None = None
        """Why nothing may run: its transaction has been ended, and who works in it does not know yet."""

    @property
    def connection(self) -> Connection:
        """The connection, made where there is none yet: most sessions of a pool never need theirs."""
        if self._connection is None:
            with _CONNECTING:
                return self._connected()
        return self._connection

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

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

        return await self._told(work)

    async def run_given(
        self, sql: str, name: str, rows: pa.Table | pa.RecordBatchReader, prepare: Prepare | None = None
    ) -> int:
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

        return await (self._told if isinstance(rows, pa.Table) else self.guarded)(work)

    async def script(self, statements: Sequence[str]) -> None:
        """Run several statements without rows, one hand-over for all."""
        await self._detach()

        def work() -> None:
            for sql in statements:
                self.connection.execute(sql)

        await self.guarded(work)

    async def inline(self, rows: int) -> None:
        """Let DuckLake keep what is written next in its catalogue if it is up to so many *rows*."""
        if rows != self._inlined:
            await self.work(lambda: inlining.inline(self.connection, rows))
            self._inlined = rows

    async def fetch(
        self, sql: str, parameters: Sequence[Value] = (), prepare: Prepare | None = None, *, instant: bool = False
    ) -> list[tuple[Any, ...]]:
        """Return all rows of a small answer; an *instant* one is computed here and now."""
        await self._detach()

        def work() -> list[tuple[Any, ...]]:
            if prepare is not None:
                prepare(self.connection)
            return self.connection.execute(sql, list(parameters) or None).fetchall()

        return await (self.guarded(work, here=True) if instant else self._told(work))

    async def rows(
        self, sql: str, parameters: Sequence[Value] = (), prepare: Prepare | None = None, *, instant: bool = False,
        profiled: bool = False, wide: bool = False,
    ) -> RowStream:  # fmt: skip
        """Start a query and return its stream; its first rows are read in the same hand-over.

        An *instant* one takes less than the hand-over would: it runs here and now, or where others like it do. Of one
        whose rows may be *wide* few are read at a time.
        """
        await self._detach()

        def work() -> RowStream:
            start = time.thread_time()
            if prepare is not None:
                prepare(self.connection)
            self._count(profiled)
            self._run_ahead(wide)
            begun = time.perf_counter()
            # Taken apart first: the engine is quicker with a statement than with a text.
            result = self.connection.execute(self.connection.extract_statements(sql)[0], list(parameters) or None)
            reader = result.to_arrow_reader(WIDE_ROWS if wide else BATCH_ROWS)
            first = read_batch(reader, wide=wide)
            # A short batch is nearly always the whole answer: see now, and save a hand-over.
            short = first is not None and not is_full(first, wide=wide)
            second = read_batch(reader, wide=wide) if short else None
            ready = [batch for batch in (first, second) if batch is not None]
            open_still = second is not None or (first is not None and not short)
            stream = RowStream(self, reader.schema, reader if open_still else None, ready, wide=wide)
            stream.begun, stream.begun_s = begun, time.thread_time() - start
            if not open_still:
                self.observed(None, begun)
            return stream

        def whole() -> None:
            rest = work()
            while rest.reader is not None and read_batch(rest.reader, wide=wide) is not None:
                pass

        try:
            stream = await self.guarded(work, brief=instant)
        except BrokenOff as unasked:
            stream = await once_more(self, work, unasked)
        if stream.open:
            self._stream = stream
            stream.failed, stream.whole = self._canceled, whole
        return stream

    async def rollback(self) -> None:
        """Undo the engine's transaction and end its stream; never fails and cannot be interrupted."""
        if self._stream is not None:
            self._stream.close()
        if self._connection is None:
            return

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

    async def work(self, function: Callable[[], T], *, fresh: bool = False) -> T:
        """Run blocking Python on an engine thread, as one statement that can be interrupted.

        *fresh* allows to begin the transaction, which holds nothing yet, and the function once more.
        """
        await self._detach()
        try:
            return await self.guarded(function)
        except BrokenOff as unasked:
            if not fresh:
                raise
            return await once_more(self, lambda: anew(self.connection, function), unasked)

    async def waited(self, function: Callable[[], T]) -> T:
        """Run blocking Python that is not the engine's; where it was interrupted meanwhile, its result is dropped."""
        found = await self.work(function)
        if self._canceled is not None:
            raise self._canceled
        return found

    async def elsewhere(self, found: "asyncio.Future[T]") -> T:
        """Wait for what another connection finds for this one, as for a statement that can be interrupted."""
        if self.barred is not None:
            raise self.barred
        self._running, self._canceled, self._elsewhere, self.profile = True, None, found, ""
        try:
            return await found
        finally:
            self._running, self._elsewhere = False, None

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

    def _run_ahead(self, wide: bool) -> None:
        """Have the engine make no rows before they are read, where they may be *wide*."""
        if wide is not self._wide:
            self.connection.execute(NOT_AHEAD if wide else AHEAD)
            self._wide = wide

    def interrupt(self, reason: SqlError) -> None:
        """Stop what runs now with *reason*; without effect on anything later."""
        if self._elsewhere is not None:
            if not self._elsewhere.done():
                self._elsewhere.set_exception(reason)
        elif self._running and self._canceled is None:
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
        self.closed = True
        if self._stream is not None:
            self._stream.close()
        if self._connection is not None:
            part_with(self._connection)

    def abandon(self) -> None:
        """Let go of the connection, whose instance has failed."""
        self.closed = True
        if self._stream is not None:
            self._stream.close()
        if self._connection is not None:
            abandon(self._connection)

    def reconnect(self) -> None:
        """Go on with a new instance: the old one has failed."""
        self.abandon()
        self._connection, self.closed = None, False
        self._counting = self._wide = False
        self._inlined = None

    async def guarded(self, function: Callable[[], T], *, here: bool = False, brief: bool = False) -> T:
        """Run *function* on a worker (*here*; a *brief* one where it costs less), DuckDB's errors as ``SqlError``."""
        if self.barred is not None:
            raise self.barred
        self._running, self._canceled, self._refused = True, None, None
        try:
            if here:
                return function()
            return await (self._executor.brief(function, self) if brief else self._executor.run(function))
        except duckdb.Error as error:
            if self._canceled is not None and isinstance(error, _INTERRUPTED):
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

    async def _told(self, work: Callable[[], T]) -> T:
        """Run *work*, which may be done again, and tell its own error."""
        try:
            return await self.guarded(work)
        except BrokenOff as unasked:
            return await once_more(self, work, unasked)

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


def _changed(cursor: duckdb.DuckDBPyConnection) -> int:
    # DML answers with one row holding the count; DDL with none.
    if cursor.description is None:
        return 0
    row = cursor.fetchone()
    return int(row[0]) if row and isinstance(row[0], int) else 0
