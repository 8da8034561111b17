"""Flight SQL's calls: a method of gRPC each, a function a command.

pyarrow carries the server and calls from threads of its own; what is done happens on the event loop
(``flight.bridge``). The last door for errors of this interface.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Any, Final

import pyarrow as pa
import pyarrow.flight as pf

from core.errors import SqlError, not_supported
from core.protobuf import Malformed, decode, encode
from core.sqlstate import SqlState
from flight import facts, messages
from flight.bridge import Bridge
from flight.catalogs import Catalogs
from flight.errors import flight_error
from flight.identity import MIDDLEWARE, Doorkeeper, Handshake, Tokens
from flight.ingest import Ingest
from flight.lanes import Link, Links, PreparedStatement
from flight.messages import Command, packed, unpacked
from flight.seams import Codec
from flight.statements import Statements, parameter_schema
from session.failures import told

_NO_SCHEMA: Final = pa.schema([])
_NOTHING: Final = b"nothing"
"""The ticket of a statement without rows, which has run by the time that its client gets it."""
_NONCE_BYTES: Final = 16
_ROWS: Final = 100_000
"""Rows of parameters that may be bound at a time."""


class FlightSqlServer(pf.FlightServerBase):  # type: ignore[misc]  # pyarrow has no types
    """The server of one address."""

    def __init__(  # noqa: PLR0913 - what a server is made of
        self, location: str, *, bridge: Bridge, links: Links, statements: Statements, tokens: Tokens, codec: Codec,
        certificates: list[tuple[str, str]],
    ) -> None:  # fmt: skip
        """Listen at *location*, at once."""
        self._bridge = bridge
        self._links = links
        self._statements = statements
        self._tokens = tokens
        self._codec = codec
        self._catalogs = Catalogs()
        super().__init__(
            location,
            auth_handler=Handshake(),
            tls_certificates=certificates or None,
            middleware={MIDDLEWARE: Doorkeeper(tokens)},
        )

    # Calls of Flight.

    def get_flight_info(self, context: Any, descriptor: Any) -> Any:
        """Say what a command's rows will look like, and with which ticket to fetch them."""
        with _Told():
            command = unpacked(descriptor.command or b"")
            schema, ticket = self._planned(context, command, descriptor.command)
            return pf.FlightInfo(schema, descriptor, [pf.FlightEndpoint(ticket, [])], -1, -1)

    def get_schema(self, context: Any, descriptor: Any) -> Any:
        """Say what a command's rows will look like."""
        with _Told():
            return pf.SchemaResult(self._described(context, unpacked(descriptor.command or b"")))

    def do_get(self, context: Any, ticket: Any) -> Any:
        """Send rows."""
        with _Told():
            if ticket.ticket == _NOTHING:
                return pf.RecordBatchStream(_NO_SCHEMA.empty_table())
            command = unpacked(ticket.ticket)
            if command.name == "TicketStatementQuery":
                handle = decode(messages.OWN_HANDLE, command.fields.get("statement_handle", b""))
                return self._rows(
                    context, handle.get("query", ""), handle.get("transaction_id", b""), handle.get("nonce", b"")
                )
            if command.name == "CommandPreparedStatementQuery":
                return self._prepared_rows(context, command)
            return pf.RecordBatchStream(self._metadata(context, command))

    def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
        """Take rows: parameters, or what is to be loaded; or run a statement for its count."""
        with _Told():
            command = unpacked(descriptor.command or b"")
            act = self._puts.get(command.name)
            if act is None:
                raise Malformed(f"{command.name} takes no rows")
            answer = act(self, context, command.fields, reader)
            writer.write(pa.py_buffer(answer))

    def do_action(self, context: Any, action: Any) -> list[Any]:
        """Do what is neither query nor rows."""
        with _Told():
            act = self._actions.get(action.type)
            if act is None:
                raise Malformed(f"the action {action.type} is not supported")
            answer = act(self, context, action.body.to_pybytes() if action.body is not None else b"")
            return [] if answer is None else [pf.Result(pa.py_buffer(answer))]

    def list_actions(self, context: Any) -> list[Any]:
        """Return the names of actions."""
        return [pf.ActionType(name, "") for name in self._actions]

    def list_flights(self, context: Any, criteria: bytes) -> Iterator[Any]:
        """Return nothing: flights are made by commands."""
        return iter(())

    # Queries.

    def _planned(self, context: Any, command: Command, own: bytes) -> tuple[pa.Schema, Any]:
        link = self._link(context)
        fields = command.fields
        if command.name == "CommandStatementQuery":
            query, transaction = fields.get("query", ""), fields.get("transaction_id", b"")
            _, schema = self._bridge.call(self._statements.describe(link, query, transaction), context)
            if schema is None:
                self._bridge.call(self._statements.update(link, query, transaction), context)
                return _NO_SCHEMA, pf.Ticket(_NOTHING)
            handle = {"nonce": secrets.token_bytes(_NONCE_BYTES), "query": query, "transaction_id": transaction}
            ticket = packed("TicketStatementQuery", {"statement_handle": encode(messages.OWN_HANDLE, handle)})
            return schema, pf.Ticket(ticket)
        if command.name == "CommandPreparedStatementQuery":
            statement = _prepared(link, fields)
            transaction = self._links.current(link, statement.transaction)
            described = self._statements.describe(link, statement.query, transaction)
            _, schema = self._bridge.call(described, context)
            if schema is None:
                rows = statement.rows or [()]
                self._bridge.call(self._statements.update(link, statement.query, transaction, rows), context)
                return _NO_SCHEMA, pf.Ticket(_NOTHING)
            return schema, pf.Ticket(own)
        if command.name in facts.SCHEMAS:
            return self._catalogs.schema(command.name, fields), pf.Ticket(own)
        raise Malformed(f"{command.name} returns no rows")

    def _described(self, context: Any, command: Command) -> pa.Schema:
        fields = command.fields
        if command.name in facts.SCHEMAS:
            return self._catalogs.schema(command.name, fields)
        link = self._link(context)
        query, transaction = fields.get("query", ""), fields.get("transaction_id", b"")
        if command.name == "CommandPreparedStatementQuery":
            statement = _prepared(link, fields)
            query, transaction = statement.query, self._links.current(link, statement.transaction)
        elif command.name != "CommandStatementQuery":
            raise Malformed(f"{command.name} returns no rows")
        _, schema = self._bridge.call(self._statements.describe(link, query, transaction), context)
        return schema if schema is not None else _NO_SCHEMA

    def _rows(self, context: Any, query: str, transaction: bytes, nonce: bytes, row: tuple[Any, ...] = ()) -> Any:
        link = self._link(context)
        schema, batches = self._bridge.stream(
            lambda: self._statements.stream(link, query, transaction, row, nonce),
            # In a transaction that would undo what went before: there the next batch is the last.
            lambda: not transaction and self._links.cancel(link, nonce),
            context,
        )
        return pf.GeneratorStream(schema, _explained(batches))

    def _prepared_rows(self, context: Any, command: Command) -> Any:
        link = self._link(context)
        statement = _prepared(link, command.fields)
        rows = statement.rows or [()]
        if len(rows) > 1:
            raise not_supported("a query with several rows of parameters")
        nonce = command.fields.get("prepared_statement_handle", b"")
        transaction = self._links.current(link, statement.transaction)
        return self._rows(context, statement.query, transaction, nonce, rows[0])

    def _metadata(self, context: Any, command: Command) -> pa.Table:
        name, fields = command
        if name == "CommandGetSqlInfo":
            return facts.sql_info(fields.get("info", []))
        if name == "CommandGetXdbcTypeInfo":
            return facts.xdbc_types(fields.get("data_type"))
        if name not in self._catalogs.commands:
            raise Malformed(f"{name} returns no rows")
        link = self._link(context)

        async def answered() -> pa.Table:
            async with self._links.turn(link) as lane:
                return await self._catalogs.answer(lane.session, name, fields)

        return self._bridge.call(answered(), context)

    # Rows from the client.

    def _update(self, context: Any, fields: dict[str, Any], reader: Any) -> bytes:
        link = self._link(context)
        work = self._statements.update(link, fields.get("query", ""), fields.get("transaction_id", b""))
        return encode(messages.UPDATE_RESULT, {"record_count": self._bridge.call(work, context)})

    def _bind(self, context: Any, fields: dict[str, Any], reader: Any) -> bytes:
        statement = _prepared(self._link(context), fields)
        statement.rows = self._bound(statement, reader)
        handle = fields.get("prepared_statement_handle", b"")
        return encode(messages.PREPARED_RESULT, {"prepared_statement_handle": handle})

    def _update_prepared(self, context: Any, fields: dict[str, Any], reader: Any) -> bytes:
        link = self._link(context)
        statement = _prepared(link, fields)
        rows = self._bound(statement, reader) if statement.parameter_types else [()]
        transaction = self._links.current(link, statement.transaction)
        work = self._statements.update(link, statement.query, transaction, rows)
        return encode(messages.UPDATE_RESULT, {"record_count": self._bridge.call(work, context)})

    def _bound(self, statement: PreparedStatement, reader: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for chunk in reader:
            if chunk.data is not None:
                rows += self._statements.bound(statement, chunk.data)
            if len(rows) > _ROWS:
                raise SqlError(SqlState.PROGRAM_LIMIT_EXCEEDED, f"more than {_ROWS} rows of parameters at a time")
        return rows

    def _ingest(self, context: Any, fields: dict[str, Any], reader: Any) -> bytes:
        link = self._link(context)
        following = self._bridge.feed(lambda: _next_batch(reader))
        ingest = Ingest(fields, reader.schema, following, self._codec)
        work = self._statements.ingest(link, fields.get("transaction_id", b""), ingest)
        return encode(messages.UPDATE_RESULT, {"record_count": self._bridge.call(work, context)})

    # Actions.

    def _prepare(self, context: Any, body: bytes) -> bytes:
        link = self._link(context)
        fields = _fields(body, "ActionCreatePreparedStatementRequest")
        query, transaction = fields.get("query", ""), fields.get("transaction_id", b"")
        types, schema = self._bridge.call(self._statements.describe(link, query, transaction), context)
        handle = self._links.prepare(link, PreparedStatement(query, transaction, types))
        return packed("ActionCreatePreparedStatementResult", {
            "prepared_statement_handle": handle,
            "dataset_schema": schema.serialize().to_pybytes() if schema is not None else b"",
            "parameter_schema": parameter_schema(types).serialize().to_pybytes(),
        })  # fmt: skip

    def _close_prepared(self, context: Any, body: bytes) -> None:
        fields = _fields(body, "ActionClosePreparedStatementRequest")
        self._link(context).prepared.pop(fields.get("prepared_statement_handle", b""), None)

    def _begin(self, context: Any, body: bytes) -> bytes:
        identifier = self._bridge.call(self._links.begin_transaction(self._link(context)), context)
        return packed("ActionBeginTransactionResult", {"transaction_id": identifier})

    def _end(self, context: Any, body: bytes) -> None:
        fields = _fields(body, "ActionEndTransactionRequest")
        commit = fields.get("action") == messages.COMMIT
        if not commit and fields.get("action") != messages.ROLLBACK:
            raise Malformed("EndTransaction needs COMMIT or ROLLBACK")
        work = self._links.end_transaction(self._link(context), fields.get("transaction_id", b""), commit=commit)
        self._bridge.call(work)

    def _cancel_query(self, context: Any, body: bytes) -> bytes:
        info = _fields(body, "ActionCancelQueryRequest").get("info", b"")
        return packed("ActionCancelQueryResult", {"result": self._canceled(context, info)})

    def _cancel_info(self, context: Any, body: bytes) -> bytes:
        info = decode(messages.CANCEL_INFO, body).get("info", b"")
        return encode(messages.STATUS, {"status": self._canceled(context, info)})

    def _canceled(self, context: Any, info: bytes) -> int:
        link = self._link(context)
        found = False
        for endpoint in pf.FlightInfo.deserialize(info).endpoints:
            name, fields = unpacked(endpoint.ticket.ticket)
            nonce = fields.get("prepared_statement_handle", b"")
            if name == "TicketStatementQuery":
                nonce = decode(messages.OWN_HANDLE, fields.get("statement_handle", b"")).get("nonce", b"")
            found |= self._bridge.call(self._cancel(link, nonce))
        return messages.CANCELLED if found else messages.NOT_CANCELLABLE

    async def _cancel(self, link: Link, nonce: bytes) -> bool:
        return self._links.cancel(link, nonce)

    def _close_session(self, context: Any, body: bytes) -> bytes:
        self._bridge.call(self._links.close(self._link(context)))
        return encode(messages.STATUS, {"status": messages.CLOSED})

    def _link(self, context: Any) -> Link:
        """Return the connection of a call, if it may come from where it comes."""
        link: Link = context.get_middleware(MIDDLEWARE).link
        peer = _address(context.peer())
        if link.peer != peer:
            self._tokens.judge.admitted(link.user, link.database, peer.rpartition(":")[0], encrypted=link.encrypted)
            link.peer = peer
        return link

    _puts: Final[dict[str, Callable[..., bytes]]] = {
        "CommandStatementUpdate": _update,
        "CommandPreparedStatementQuery": _bind,
        "CommandPreparedStatementUpdate": _update_prepared,
        "CommandStatementIngest": _ingest,
    }
    _actions: Final[dict[str, Callable[..., bytes | None]]] = {
        "CreatePreparedStatement": _prepare,
        "ClosePreparedStatement": _close_prepared,
        "BeginTransaction": _begin,
        "EndTransaction": _end,
        "CancelQuery": _cancel_query,
        "CancelFlightInfo": _cancel_info,
        "CloseSession": _close_session,
    }


class _Told:
    """Turns errors into Flight's own: with any other pyarrow would send a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pf.FlightError | GeneratorExit) or error is None:
            return
        if isinstance(error, Malformed):
            raise pf.FlightServerError(str(error)) from None
        raise flight_error(told(error)) from None


def _explained(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    with _Told():
        yield from batches


def _next_batch(reader: Any) -> pa.RecordBatch | None:
    try:
        while (batch := reader.read_chunk().data) is None:
            pass
    except StopIteration:
        return None
    return batch


def _prepared(link: Link, fields: dict[str, Any]) -> PreparedStatement:
    statement = link.prepared.get(fields.get("prepared_statement_handle", b""))
    if statement is None:
        raise SqlError(SqlState.INVALID_SQL_STATEMENT_NAME, "the prepared statement does not exist")
    return statement


def _fields(body: bytes, name: str) -> dict[str, Any]:
    command = unpacked(body)
    if command.name != name:
        raise Malformed(f"{name} was expected, not {command.name}")
    return command.fields


def _address(peer: str) -> str:
    """Return host:port of gRPC's name of a peer: ``ipv4:127.0.0.1:5000``, ``ipv6:%5B::1%5D:5000``."""
    return peer.partition(":")[2].replace("%5B", "").replace("%5D", "")
