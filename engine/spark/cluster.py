"""Calls of a cluster over gRPC, and one statement's conversation with it.

All of it is on the event loop: gRPC waits on threads of its own. A statement has a session of the cluster to itself,
so that its views vanish and its work is stopped with it. What the cluster says of an error goes to the log only, where
that is for debugging.
"""

import asyncio
import importlib.util
import logging
import uuid
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final, TypeVar

import pyarrow as pa

from core.clock import Clock
from core.errors import Canceled, SqlError
from core.protobuf import Malformed, Shape, decode, encode
from core.sqlstate import SqlState
from engine.spark import messages
from engine.spark.address import SparkAddress

_log = logging.getLogger(__name__)
T = TypeVar("T")
Settings = Sequence[tuple[str, str]]
_SERVICE: Final = "/spark.connect.SparkConnectService/"
_CLIENT: Final = "duckshift"
_SETTINGS: Final = (
    # Overflows and bad casts are errors, as they are here.
    ("spark.sql.ansi.enabled", "true"),
    ("spark.sql.session.timeZone", "UTC"),
    ("spark.sql.parser.escapedStringLiterals", "false"),
)
ROW_BY_ROW: Final = (("spark.sql.parquet.enableVectorizedReader", "false"),)
"""Has Spark 4.0 read what its quick reader cannot: the encoding in which the engine writes REAL and DOUBLE."""
_RETRY_S: Final = 30.0
"""How long a cluster that could not be reached is left alone."""
_FAREWELL_S: Final = 5.0
"""What is waited for an answer that nobody needs."""
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 60_000),
)  # fmt: skip


class AwayError(Exception):
    """The cluster cannot be reached, or lets nobody in."""


class RefusedError(Exception):
    """The cluster was reached and did not do what it was asked for."""


def available() -> bool:
    """Tell whether the package is there that calls are made with."""
    return importlib.util.find_spec("grpc") is not None


class SparkCluster:
    """A cluster, for all sessions."""

    def __init__(self, address: SparkAddress, clock: Clock, *, patience_s: float) -> None:
        """Call *address*; a cluster that does not answer within *patience_s* is away."""
        self.address = address
        self._clock = clock
        self._patience_s = patience_s
        self._channel: Any = None
        self._missed: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def conversation(self) -> "Conversation":
        """Return a statement's conversation, to be begun."""
        return Conversation(self)

    async def greet(self, conversation: "Conversation", more: Settings) -> None:
        """Begin a statement's session of the cluster, with *more* settings; raises ``AwayError``."""
        if self._missed is not None and self._clock.monotonic() - self._missed < _RETRY_S:
            raise AwayError("it was away a moment ago")
        pairs = [{"key": key, "value": value} for key, value in (*_SETTINGS, *more)]
        settings = conversation.named | {"operation": {"set": {"pairs": pairs}}}
        try:
            await self.call("Config", messages.CONFIG, settings, self._patience_s)
        except (AwayError, RefusedError) as error:
            # Whatever is wrong with it, it would be with every statement.
            self._missed = self._clock.monotonic()
            raise AwayError(str(error)) from error
        self._missed = None

    async def close(self) -> None:
        """Wait for what is under way and end the connection."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_FAREWELL_S)
        if self._channel is not None:
            await self._channel.close()

    async def call(self, method: str, shape: Shape, message: Mapping[str, Any], timeout_s: float | None = None) -> None:
        """Make a call whose answer has nothing in it that matters."""
        # The package is optional.
        import grpc

        call = self._open().unary_unary(_SERVICE + method)
        try:
            await call(encode(shape, message), timeout=timeout_s, metadata=self._metadata())
        except grpc.aio.AioRpcError as error:
            raise self.failed(method, error) from None

    def execute(self, message: Mapping[str, Any]) -> Any:
        """Have a plan executed; return the call, whose messages are to be read."""
        return self._open().unary_stream(_SERVICE + "ExecutePlan")(
            encode(messages.EXECUTE, message), metadata=self._metadata()
        )

    def failed(self, method: str, error: Any) -> AwayError | RefusedError:
        """Return what an error of gRPC's means, and log what it says."""
        code = error.code().name
        _log.info("a call of the cluster failed", extra={"method": method, "code": code})
        # It may hold what the statement or its rows say.
        _log.debug("the cluster refused: %s", error.details())
        if code in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "UNAUTHENTICATED", "PERMISSION_DENIED"}:
            return AwayError(code)
        return RefusedError(code)

    def away(self) -> None:
        """Take note that the cluster was lost."""
        self._missed = self._clock.monotonic()

    def later(self, method: str, shape: Shape, message: Mapping[str, Any]) -> None:
        """Make a call in the background whose failure matters to nobody."""

        async def work() -> None:
            try:
                await self.call(method, shape, message, _FAREWELL_S)
            except (AwayError, RefusedError):
                return

        task = asyncio.get_running_loop().create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.address.token}"),) if self.address.token else ()

    def _open(self) -> Any:
        if self._channel is None:
            from grpc import aio, ssl_channel_credentials

            target = self.address.target
            self._channel = (
                aio.secure_channel(target, ssl_channel_credentials(), options=_OPTIONS)
                if self.address.tls else aio.insecure_channel(target, options=_OPTIONS)
            )  # fmt: skip
        return self._channel


class Conversation:
    """One statement's session of the cluster."""

    def __init__(self, cluster: SparkCluster) -> None:
        self.named: dict[str, Any] = {
            "session_id": str(uuid.uuid4()), "user_context": {"user_id": cluster.address.user}, "client_type": _CLIENT,
        }  # fmt: skip
        self._cluster = cluster
        self._stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._reason: Canceled | None = None
        self._begun = self._closed = False
        self.answered = False
        """Whether the statement's rows came from it."""

    async def begin(self, more: Settings = ()) -> None:
        """Begin, with *more* settings; raises ``AwayError``, ``Canceled``."""
        await self._unless_stopped(self._cluster.greet(self, more))
        self._begun = True

    async def view(self, name: str, relation: Mapping[str, Any]) -> None:
        """Call a relation *name* from now on."""
        view = {"input": relation, "name": name, "is_global": False, "replace": True}
        call = self._cluster.execute(self._plan({"command": {"create_dataframe_view": view}}))
        while await self.read(call) is not None:
            pass

    def query(self, sql: str) -> Any:
        """Begin a query; return the call whose messages ``read`` gives."""
        return self._cluster.execute(self._plan({"root": {"sql": {"query": sql}}}))

    async def read(self, call: Any) -> pa.Table | None:
        """Return the next rows of a call, None at its end; raises ``AwayError``, ``RefusedError``, ``Canceled``."""
        import grpc

        while True:
            try:
                data = await self._unless_stopped(call.read())
            except grpc.aio.AioRpcError as error:
                raise self._cluster.failed("ExecutePlan", error) from None
            except BaseException:
                call.cancel()
                raise
            if not isinstance(data, bytes):
                await self._ended(call)
                return None
            try:
                batch = decode(messages.EXECUTED, data).get("arrow_batch")
            except Malformed as error:
                raise RefusedError("a message that cannot be read") from error
            if batch is not None and batch.get("data"):
                return await asyncio.to_thread(_table, batch["data"])

    def interrupt(self, reason: Canceled) -> None:
        """Stop what the cluster does for the statement; who waits for it gets *reason*."""
        if self._closed or self._stop.done():
            return
        self._reason = reason
        self._stop.set_result(None)
        if self._begun:
            message = self.named | {"interrupt_type": messages.INTERRUPT_ALL}
            self._cluster.later("Interrupt", messages.INTERRUPT, message)

    def lost(self) -> None:
        """Take note that the cluster went away in the midst of it."""
        self._cluster.away()

    def close(self) -> None:
        """End the session of the cluster: what it does for the statement is stopped, its views vanish."""
        if self._begun and not self._closed:
            self._cluster.later("ReleaseSession", messages.RELEASE, self.named)
        self._closed = True

    def _plan(self, plan: Mapping[str, Any]) -> dict[str, Any]:
        return self.named | {"plan": plan, "operation_id": str(uuid.uuid4())}

    async def _ended(self, call: Any) -> None:
        import grpc

        if await call.code() != grpc.StatusCode.OK:
            error = grpc.aio.AioRpcError(
                await call.code(), await call.initial_metadata(), await call.trailing_metadata(), await call.details()
            )
            raise self._cluster.failed("ExecutePlan", error)

    async def _unless_stopped(self, work: Awaitable[T]) -> T:
        task = asyncio.ensure_future(work)
        waited: set[asyncio.Future[Any]] = {task, self._stop}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if self._reason is not None:
            task.cancel()
            raise self._reason
        return await task


def _table(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()


class SparkStream:
    """The rows of a query that a cluster runs (``session.streams.Source``)."""

    def __init__(self, conversation: Conversation, call: Any, schema: pa.Schema, first: pa.Table | None) -> None:
        """Give the rows of *call*, of which *first* was read, in the types of *schema*."""
        self.schema = schema
        self.conversation = conversation
        conversation.answered = True
        self._call = call
        self._ready = [] if first is None else brought(first, schema).to_batches()
        self._open = first is not None

    async def next(self) -> pa.RecordBatch | None:
        """Return the next rows, None at the end."""
        while not self._ready:
            if not self._open:
                return None
            try:
                table = await self.conversation.read(self._call)
                if table is None:
                    self.close()
                    return None
                self._ready = brought(table, self.schema).to_batches()
            except AwayError:
                self.conversation.lost()
                raise self._failed() from None
            except (RefusedError, pa.ArrowException):
                raise self._failed() from None
            except BaseException:
                self.close()
                raise
        return self._ready.pop(0)

    def close(self) -> None:
        """Give up what was not read."""
        self._open = False
        self._ready.clear()
        self._call.cancel()
        self.conversation.close()

    def _failed(self) -> SqlError:
        self.close()
        return SqlError(
            SqlState.IO_ERROR, "the Spark engine failed while it answered",
            hint="SET duckshift.engine TO duckdb runs the statement without it.",
        )  # fmt: skip


def brought(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return *table* in the types of *schema*, whatever its columns are called; raises ``pa.ArrowException``."""
    if table.num_columns != len(schema):
        raise pa.ArrowInvalid("another number of columns")
    arrays = [column.cast(field.type) for column, field in zip(table.columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
