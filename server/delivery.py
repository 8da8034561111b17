"""Answers on their way to the client: rows as they are produced, COPY both ways, notices between them.

Takes ``session.answers``, gives bytes to the channel, never more than a piece ahead of the client.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Final, TypeGuard

import pyarrow as pa

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column
from server.channel import Channel, ConnectionLost
from server.pieces import Encoder, behind, close, closing, encoded, is_large_batch, pieces_of
from server.seams import Session, Style
from server.wire import copy, replies
from server.wire.copy_in import CopyBinaryReader
from server.wire.diagnostics import notice_response
from server.wire.encode import (
    CSV,
    CopyBinaryEncoder,
    CopyForm,
    CopyTextEncoder,
    OutputStyle,
    RowEncoder,
    row_description,
)
from server.wire.messages import CopyData, CopyDone, CopyFail, Rejected
from server.wire.protocol import Event
from server.wire.state import Happening
from session.answers import Answer, CopyIn, CopyOut, Done, Empty, Rows

Receive = Callable[[], Awaitable[Event]]
_KEPT_BYTES: Final = 4_096
_BRIEF_BYTES: Final = 4_096
"""Binary rows up to this size are read on the event loop."""


class Delivery:
    """Sends one session's answers over one channel."""

    def __init__(self, channel: Channel, session: Session, receive_copy: Receive, protocol_level: int) -> None:
        self._channel = channel
        self._session = session
        self._receive_copy = receive_copy
        self._level = protocol_level
        self._described: tuple[object, bytes] | None = None
        self._last: tuple[object, RowEncoder] | None = None
        self._sent: tuple[pa.RecordBatch, Encoder, list[bytes | memoryview]] | None = None
        session.push = self._push

    async def _push(self) -> None:
        """Send what has come up while a statement runs; a client that is gone is no news to it."""
        self.announce()
        with suppress(ConnectionLost):
            await self._channel.flush()

    def announce(self) -> None:
        """Send the notices and changed settings that have come up."""
        if not self._session.has_news:
            return
        for diagnosis in self._session.take_notices():
            self._channel.send(notice_response(diagnosis))
        for name, value in self._session.take_reports():
            self._channel.send(replies.parameter_status(name, value))

    def describe(self, columns: tuple[Column, ...], formats: tuple[int, ...]) -> None:
        """Send RowDescription."""
        origins = self._session.origins(columns) if self._level else ()
        key = (columns, formats, origins)
        if self._described is None or self._described[0] != key:
            self._described = key, row_description(columns, spread(formats, len(columns)), self._level, origins)
        self._channel.send(self._described[1])

    async def answer(self, answer: Answer, formats: tuple[int, ...] = (), *, describe: bool) -> None:
        """Send an answer to its end; rows get a RowDescription in front when *describe* is set."""
        if self._channel.is_lost:
            # Between two statements of one query there is nothing to interrupt; the second must not start.
            raise ConnectionLost
        self.announce()
        if _is_rows(answer):
            await self._rows(answer, formats, describe=describe)
        elif isinstance(answer, Done):
            self._channel.send(replies.command_complete(answer.tag))
        elif isinstance(answer, Empty):
            self._channel.send(replies.EMPTY_QUERY)
        elif _is_copy_in(answer):
            await self._copy_in(answer)
        elif _is_copy_out(answer):
            await self._copy_out(answer)

    async def _rows(self, rows: Rows, formats: tuple[int, ...], *, describe: bool) -> None:
        spread_formats = spread(formats, len(rows.columns))
        if describe:
            self.describe(rows.columns, spread_formats)
        encoder = self._encoder(rows.columns, spread_formats)
        await self._stream(rows.batches(), encoder)
        self.announce()
        self._channel.send(replies.PORTAL_SUSPENDED if rows.suspended else replies.command_complete(rows.tag))

    def _encoder(self, columns: tuple[Column, ...], formats: tuple[int, ...]) -> RowEncoder:
        """Return an encoder, the last result's where it will do: most results are like the one before."""
        style = self._session.output_style
        key = (columns, formats, style)
        if self._last is None or self._last[0] != key:
            self._last = (key, RowEncoder(columns, formats, _output_style(style), self._level))
        return self._last[1]

    async def _stream(self, batches: AsyncIterator[pa.RecordBatch], encoder: Encoder) -> None:
        try:
            async for batch in batches:
                if not self._was_sent(encoder, batch) and is_large_batch(batch):
                    held = [batch]
                    # Nobody may hold a batch that was sent: it can be large.
                    del batch
                    await self._pipeline(behind(held, batches), encoder)
                    return
                # Most answers are this alone.
                for piece in self._small(encoder, batch):
                    await self._channel.send_piece(piece)
        finally:
            await close(batches)

    def _was_sent(self, encoder: Encoder, batch: pa.RecordBatch) -> bool:
        return self._sent is not None and self._sent[0] is batch and self._sent[1] is encoder

    def _small(self, encoder: Encoder, batch: pa.RecordBatch) -> list[bytes | memoryview]:
        """Return the bytes of a small batch, as they were if it is the very one that was sent before."""
        if self._sent is not None and self._was_sent(encoder, batch):
            return self._sent[2]
        pieces = pieces_of(encoder, batch)
        short = isinstance(encoder, RowEncoder) and sum(map(len, pieces)) <= _KEPT_BYTES
        self._sent = (batch, encoder, pieces) if short else None
        return pieces

    async def _pipeline(self, batches: AsyncIterator[pa.RecordBatch], encoder: Encoder) -> None:
        async with closing(batches), closing(encoded(batches, encoder)) as pieces:
            async for piece in pieces:
                await self._channel.send_piece(piece)

    async def _copy_out(self, answer: CopyOut) -> None:
        self._channel.send(copy.copy_out_response(len(answer.columns), binary=answer.form.format == "binary"))
        encoder = self._copy_encoder(answer)
        self._copy_piece(encoder.start)
        await self._stream(answer.copied(), encoder)
        self._copy_piece(encoder.end)
        self.announce()
        self._channel.send(copy.COPY_DONE)
        self._channel.send(replies.command_complete(answer.tag))

    def _copy_encoder(self, answer: CopyOut) -> CopyTextEncoder | CopyBinaryEncoder:
        form = answer.form
        if form.format == "binary":
            return CopyBinaryEncoder(answer.columns, messages=True)
        default = CSV if form.format == "csv" else CopyForm()
        quote = default.quote if form.quote is None else form.quote
        shape = replace(
            default,
            delimiter=default.delimiter if form.delimiter is None else form.delimiter,
            null=default.null if form.null is None else form.null,
            header=form.header,
            quote=quote,
            escape=quote if form.escape is None else form.escape,
            force_quote=form.force_quote,
        )
        return CopyTextEncoder(answer.columns, _output_style(self._session.output_style), shape, messages=True)

    def _copy_piece(self, data: bytes) -> None:
        if data:
            self._channel.send(copy.copy_data_header(len(data)))
            self._channel.send(data)

    async def _copy_in(self, answer: CopyIn) -> None:
        self._channel.send(copy.copy_in_response(len(answer.columns), binary=answer.binary))
        self._channel.protocol.happened(Happening.COPY_STARTED)
        await self._channel.flush()
        done = await self._copy_stream(_Lines(answer) if answer.binary else answer)
        self.announce()
        self._channel.send(replies.command_complete(done.tag))

    async def _copy_stream(self, answer: CopyIn) -> Done:
        while True:
            message = await self._copy_message(answer)
            if isinstance(message, CopyData):
                await answer.write(message.data)
            elif isinstance(message, CopyDone):
                return await answer.finish()
            elif isinstance(message, CopyFail):
                await answer.fail(message.reason)
                raise SqlError(SqlState.QUERY_CANCELED, f"COPY from stdin failed: {message.reason}")
            else:
                await answer.fail("the client broke off")
                if isinstance(message, Rejected):
                    raise SqlError(message.state, message.message)
                raise ConnectionLost  # Terminate

    async def _copy_message(self, answer: CopyIn) -> Event:
        try:
            return await self._receive_copy()
        except (ConnectionLost, SqlError, asyncio.CancelledError):
            await answer.fail("the client broke off")
            raise


class _Lines:
    """The ``CopyIn`` that a client of the binary format writes to: its rows become lines for *target*."""

    binary = True

    def __init__(self, target: CopyIn) -> None:
        self.columns = target.columns
        self._target = target
        self._reader = CopyBinaryReader(target.columns)

    async def write(self, data: bytes) -> None:
        async with self._judged():
            if len(data) <= _BRIEF_BYTES:
                lines = self._reader.lines(data)
            else:
                lines = await asyncio.to_thread(self._reader.lines, data)
        await self._target.write(lines)

    async def finish(self) -> Done:
        async with self._judged():
            self._reader.finish()
        return await self._target.finish()

    async def fail(self, reason: str) -> None:
        await self._target.fail(reason)

    @asynccontextmanager
    async def _judged(self) -> AsyncIterator[None]:
        try:
            yield
        except SqlError as error:
            await self._target.fail(str(error))
            raise


def spread(formats: tuple[int, ...], columns: int) -> tuple[int, ...]:
    """Return a format code for each column, from none, one for all, or one for each."""
    if len(formats) == columns:
        return formats
    if len(formats) <= 1:
        return (formats or (0,)) * columns
    raise SqlError(
        SqlState.PROTOCOL_VIOLATION,
        f"bind message has {len(formats)} result formats but query has {columns} columns",
    )


def _output_style(style: Style) -> OutputStyle:
    return OutputStyle(
        timezone=style.timezone,
        extra_float_digits=style.extra_float_digits,
        datestyle=style.datestyle,
        intervalstyle=style.intervalstyle,
    )


def _is_rows(answer: Answer) -> TypeGuard[Rows]:
    return hasattr(answer, "batches")


def _is_copy_in(answer: Answer) -> TypeGuard[CopyIn]:
    return hasattr(answer, "write")


def _is_copy_out(answer: Answer) -> TypeGuard[CopyOut]:
    return hasattr(answer, "copied")
