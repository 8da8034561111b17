"""Messages to session calls: the simple and the extended query protocol, one method a message.

What is legal has been judged before (``server.wire.state``), what an error does to the connection is
decided after (``server.connection``). PostgreSQL, "Simple Query", "Extended Query".
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from core.types import ColumnType
from server.channel import GATHER_BYTES, Channel
from server.delivery import Delivery
from server.pieces import close
from server.seams import Session
from server.wire import messages as m
from server.wire import replies
from server.wire.decode import decode_parameter
from server.wire.protocol import Event
from server.wire.state import Happening
from session.answers import Value

_FEW: Final = 200
"""Parameters up to this number are decoded on the event loop."""
_FORMATS: Final = frozenset({0, 1})


class Dialogue:
    """One authenticated client and its session."""

    def __init__(self, channel: Channel, session: Session, delivery: Delivery) -> None:
        self._channel = channel
        self._session = session
        self._delivery = delivery

    async def handle(self, message: Event) -> None:
        """Act upon a message; raises ``SqlError`` for what the client is to be told."""
        await _METHODS[type(message)](self, message)
        if self._channel.pending_bytes > GATHER_BYTES:
            await self._channel.flush()

    def announce(self) -> None:
        """Send the notices and changed settings that have come up."""
        self._delivery.announce()

    async def ready(self) -> None:
        """Send ReadyForQuery and everything before it."""
        self._delivery.announce()
        self._channel.send(replies.ready_for_query(self._session.status))
        self._channel.protocol.happened(Happening.READY)
        await self._channel.flush()

    async def query(self, message: m.Query) -> None:
        """Run a simple query, whose statements end with the first that fails."""
        answers = self._session.simple(message.text)
        try:
            async for answer in answers:
                await self._delivery.answer(answer, describe=True)
        finally:
            await close(answers)
        await self.ready()

    async def parse(self, message: m.Parse) -> None:
        """Prepare a statement."""
        await self._session.parse(message.name, message.text, message.parameter_oids)
        self._channel.send(replies.PARSE_COMPLETE)

    async def bind(self, message: m.Bind) -> None:
        """Make a portal, its parameters decoded by the types of its statement."""
        types = self._session.parameter_types(message.statement)
        formats = _parameter_formats(message)
        if len(message.values) != len(types):
            raise SqlError(
                SqlState.PROTOCOL_VIOLATION,
                f"bind message supplies {len(message.values)} parameters, but prepared statement "
                f'"{message.statement}" requires {len(types)}',
            )
        for code in {*formats, *message.result_formats} - _FORMATS:
            raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"unsupported format code: {code}")
        if len(types) <= _FEW:
            values = _decoded(types, formats, message.values)
        else:
            values = await asyncio.to_thread(_decoded, types, formats, message.values)
        await self._session.bind(message.portal, message.statement, values, message.result_formats)
        self._channel.send(replies.BIND_COMPLETE)

    async def describe(self, message: m.Describe) -> None:
        """Tell parameters and columns; nothing is run for it."""
        formats: tuple[int, ...] = ()
        if message.target == "S":
            types, columns = await self._session.describe_statement(message.name)
            self._channel.send(replies.parameter_description(tuple(kind.type.oid for kind in types)))
        else:
            columns, formats = await self._session.describe_portal(message.name)
        if columns is None:
            self._channel.send(replies.NO_DATA)
        else:
            self._delivery.describe(columns, formats)

    async def execute(self, message: m.Execute) -> None:
        """Run a portal, to its end or up to the limit."""
        answer, formats = await self._session.execute(message.portal, max(message.max_rows, 0))
        await self._delivery.answer(answer, formats, describe=False)

    async def close(self, message: m.Close) -> None:
        """Forget a statement or portal; one that does not exist is no error."""
        if message.target == "S":
            await self._session.close_statement(message.name)
        else:
            await self._session.close_portal(message.name)
        self._channel.send(replies.CLOSE_COMPLETE)

    async def flush(self, _: m.Flush) -> None:
        """Send what has been answered so far."""
        self._delivery.announce()
        await self._channel.flush()

    async def sync(self, _: m.Sync) -> None:
        """End a batch."""
        await self._session.sync()
        await self.ready()

    async def function_call(self, _: m.FunctionCall) -> None:
        """Refuse."""
        raise not_supported("the function call message")

    async def rejected(self, message: m.Rejected) -> None:
        """Report a message that could not be read."""
        raise SqlError(message.state, message.message)


def _decoded(
    types: Sequence[ColumnType], formats: Sequence[int], values: Sequence[bytes | None]
) -> tuple[Value, ...]:
    return tuple(map(decode_parameter, types, formats, values))


def _parameter_formats(message: m.Bind) -> tuple[int, ...]:
    count, formats = len(message.values), message.parameter_formats
    if len(formats) <= 1:
        return (formats or (0,)) * count
    if len(formats) != count:
        raise SqlError(
            SqlState.PROTOCOL_VIOLATION,
            f"bind message has {len(formats)} parameter formats but {count} parameters",
        )
    return formats


_METHODS: Final[dict[type, Callable[[Dialogue, Any], Awaitable[None]]]] = {
    m.Query: Dialogue.query,
    m.Parse: Dialogue.parse,
    m.Bind: Dialogue.bind,
    m.Describe: Dialogue.describe,
    m.Execute: Dialogue.execute,
    m.Close: Dialogue.close,
    m.Flush: Dialogue.flush,
    m.Sync: Dialogue.sync,
    m.FunctionCall: Dialogue.function_call,
    m.Rejected: Dialogue.rejected,
}
