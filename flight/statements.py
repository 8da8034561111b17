"""Statements that come by Flight: described, run as streams of Arrow, run for their count, fed with rows.

On the event loop; ``flight.server`` calls from its threads.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pyarrow as pa

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column, ColumnType
from engine.results import arrow_type, column_type
from flight.lanes import Lane, Link, Links, PreparedStatement
from flight.marks import numbered
from flight.seams import Codec
from flight.shapes import Shaper, plain, schema
from session.answers import Rows, Value, counted
from session.calls import answered, failing, is_rows, refuse_copy, run
from session.session import Session
from session.texts import texts

Row = Sequence[Value]


class Stream:
    """The rows of one statement on their way: its schema, and batches as they are asked for."""

    def __init__(self, target: pa.Schema, batches: AsyncIterator[pa.RecordBatch] | None) -> None:
        """Give *batches* in the schema *target*; None for a statement without rows."""
        self.schema = target
        self.batches = batches


class Statements:
    """Runs statements of connections."""

    def __init__(self, links: Links, codec: Codec, state: Callable[[], Any]) -> None:
        """Run statements in sessions of *links*."""
        self._links = links
        self._codec = codec
        self._state = state

    async def describe(
        self, link: Link, query: str, transaction: bytes
    ) -> tuple[tuple[ColumnType, ...], pa.Schema | None]:
        """Return a statement's parameter types and its rows' schema, None for no rows; nothing is run."""
        async with self._links.turn(link, transaction) as lane:
            session = lane.session
            async with failing(session):
                await session.parse("", numbered(query), ())
                types, columns = await session.describe_statement("")
                await session.close_statement("")
                if session.status == "I":
                    await session.sync()
        return types, None if columns is None else schema(columns, self._state())

    @asynccontextmanager
    async def stream(self, link: Link, query: str, transaction: bytes, row: Row = (), nonce: bytes = b"") -> Any:
        """Run a statement and lend its rows as a ``Stream``."""
        running = self._stream_in_transaction if transaction else self._stream
        async with running(link, query, transaction, row, nonce) as stream:
            yield stream

    @asynccontextmanager
    async def _stream(self, link: Link, query: str, transaction: bytes, row: Row, nonce: bytes) -> Any:
        """Keep the session until the stream ends: its transaction lasts as long."""
        async with (
            self._links.turn(link, transaction) as lane,
            _noted(link, nonce, lane),
            answered(lane.session, numbered(query), lambda _: row) as answer,
        ):
            if is_rows(answer):
                shaper, target = self._shaper(lane.session, answer)
                yield Stream(target, _shaped(answer.batches(), shaper))
            else:
                yield Stream(pa.schema([]), None)

    @asynccontextmanager
    async def _stream_in_transaction(self, link: Link, query: str, transaction: bytes, row: Row, nonce: bytes) -> Any:
        """Keep a portal, and the session only while a batch is made: others of the transaction go on."""
        async with self._links.turn(link, transaction) as lane:
            lane.portals += 1
            portal = f"flight_{lane.portals}"
            session = lane.session
            async with failing(session):
                await session.parse("", numbered(query), ())
                await session.bind(portal, "", tuple(row), ())
                answer, _ = await session.execute(portal, 0)
                await refuse_copy(answer)
                if not is_rows(answer):
                    await session.sync()
        async with _noted(link, nonce, lane):
            if not is_rows(answer):
                yield Stream(pa.schema([]), None)
                return
            shaper, target = self._shaper(session, answer)
            try:
                yield Stream(target, self._in_turns(lane, answer, shaper))
            finally:
                async with lane.lock:
                    await session.close_portal(portal)

    async def _in_turns(self, lane: Lane, rows: Rows, shaper: Shaper) -> AsyncIterator[pa.RecordBatch]:
        batches = rows.batches()
        while True:
            async with lane.lock, failing(lane.session):
                batch = await anext(batches, None)
            if batch is None:
                return
            yield shaper(batch)

    def _shaper(self, session: Session, rows: Rows) -> tuple[Shaper, pa.Schema]:
        target = schema(rows.columns, self._state())
        return Shaper(rows.columns, target, session.output_style, self._codec), target

    async def update(self, link: Link, query: str, transaction: bytes, rows: Sequence[Row] = ((),)) -> int:
        """Run a statement, once for each of *rows* of parameters, all or none; return the rows it changed."""
        total = 0
        async with self._links.turn(link, transaction) as lane:
            session = lane.session
            alone = not transaction and len(rows) > 1
            if alone:
                await run(session, "BEGIN")
            try:
                for row in rows:
                    async with answered(session, numbered(query), lambda _, row=row: row) as answer:  # type: ignore[misc]
                        if is_rows(answer):
                            async for _ in answer.batches():
                                pass
                        total += counted(answer)
            except SqlError:
                if alone:
                    await run(session, "ROLLBACK")
                raise
            if alone:
                await run(session, "COMMIT")
        return total

    def bound(self, statement: PreparedStatement, batch: pa.RecordBatch) -> list[tuple[Value, ...]]:
        """Return the rows of *batch* as values of a statement's parameters; blocking."""
        types = statement.parameter_types
        if batch.num_columns != len(types):
            raise SqlError(
                SqlState.PROTOCOL_VIOLATION,
                f"{batch.num_columns} parameters were bound, but the statement has {len(types)}",
            )
        batch = plain(batch)
        columns = tuple(Column(str(number), column_type(item.type)) for number, item in enumerate(batch.schema))
        shown = texts(self._codec.csv(columns, _PLAIN)(batch), len(columns))
        made = [
            [None if text is None else self._codec.value(type_, text) for text in column.to_pylist()]
            for column, type_ in zip(shown, types, strict=True)
        ]
        return list(zip(*made, strict=True)) if made else [()] * batch.num_rows

    async def ingest(self, link: Link, transaction: bytes, work: Callable[[Session], Any]) -> Any:
        """Run *work* in a session: all or nothing."""
        async with self._links.turn(link, transaction) as lane:
            if transaction:
                return await work(lane.session)
            await run(lane.session, "BEGIN")
            try:
                result = await work(lane.session)
            except BaseException:
                await run(lane.session, "ROLLBACK")
                raise
            await run(lane.session, "COMMIT")
            return result


def parameter_schema(types: Sequence[ColumnType]) -> pa.Schema:
    """Return the schema by which a client learns a statement's parameters."""
    return pa.schema([pa.field(f"${number}", arrow_type(type_)) for number, type_ in enumerate(types, start=1)])


class _PlainStyle:
    """ISO, in UTC, every digit."""

    timezone = "UTC"
    extra_float_digits = 3
    datestyle = "ISO, MDY"
    intervalstyle = "postgres"


_PLAIN: Any = _PlainStyle()


async def _shaped(batches: AsyncIterator[pa.RecordBatch], shaper: Shaper) -> AsyncIterator[pa.RecordBatch]:
    async for batch in batches:
        yield shaper(batch)


@asynccontextmanager
async def _noted(link: Link, nonce: bytes, lane: Lane) -> AsyncIterator[None]:
    """Let the statement be cancelled by its ticket."""
    if nonce:
        link.running[nonce] = lane
    try:
        yield
    finally:
        link.running.pop(nonce, None)
