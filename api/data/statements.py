"""Statements of the Data API: accepted, waiting, running, ended; kept with their results for a day.

Redshift, "Using the Amazon Redshift Data API". A statement belongs to the identity that sent it and is
visible to no other. Work is done by tasks of the event loop, in sessions like everyone's
(``api.data.sessions``); results go to disk as they are produced.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import pyarrow as pa

from api.data.parameters import Numbered, values
from api.data.results import Result, ResultFolder, ResultWriter
from api.data.sessions import Desk, Held
from api.errors import ApiError
from api.seams import Codec
from core.clock import Clock
from core.errors import Canceled, SqlError
from session.answers import Rows, counted
from session.calls import answered, is_rows, run
from session.failures import told
from session.session import Session

_KEPT: Final = 10_000
"""Statements that are remembered at most."""


class Status(StrEnum):
    """Where a statement is on its way."""

    SUBMITTED = "SUBMITTED"
    PICKED = "PICKED"
    STARTED = "STARTED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"


ENDED: Final = frozenset({Status.FINISHED, Status.FAILED, Status.ABORTED})


@dataclass(slots=True, kw_only=True)
class Part:
    """One SQL statement."""

    id: str
    sql: str
    numbered: Numbered
    created: datetime
    updated: datetime
    status: Status = Status.SUBMITTED
    error: str = ""
    duration_ns: int = 0
    rows: int = -1
    query: int = 0
    result: Result | None = None

    @property
    def size(self) -> int:
        """Bytes of the result."""
        return self.result.size if self.result is not None else 0


@dataclass(slots=True, kw_only=True)
class Execution:
    """What one request asked to be run: one statement, or a batch."""

    id: str
    owner: str
    """ARN of the identity that sent it."""
    parts: list[Part]
    created: datetime
    updated: datetime
    request: Mapping[str, object]
    """The request's members, as they were given."""
    db_user: str
    database: str
    session_id: str = ""
    status: Status = Status.SUBMITTED
    error: str = ""
    pid: int = 0
    canceled: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_batch(self) -> bool:
        """Whether it came by BatchExecuteStatement."""
        return "Sqls" in self.request

    @property
    def has_result(self) -> bool:
        """Whether there are rows to fetch."""
        return any(part.result is not None for part in self.parts)

    def text(self, name: str) -> str:
        """Return a member of the request that is text."""
        return str(self.request.get(name, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much at a time, and how long."""

    active: int
    running: int
    retention: timedelta


class Statements:
    """All statements of one server."""

    def __init__(self, desk: Desk, results: ResultFolder, codec: Codec, clock: Clock, bounds: Bounds) -> None:
        """Run statements in sessions of *desk*."""
        self._desk = desk
        self._results = results
        self._codec = codec
        self._clock = clock
        self._bounds = bounds
        self._turns = asyncio.Semaphore(bounds.running)
        self._known: dict[str, Execution] = {}
        """By identifier, oldest first."""
        self._tokens: dict[tuple[str, str], str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._sessions: dict[str, Session] = {}
        """The session in which a statement runs now."""

    # What operations ask.

    def repeated(self, owner: str, token: str) -> Execution | None:
        """Return what an earlier request with the same ClientToken began."""
        return self._known.get(self._tokens.get((owner, token), ""))

    def start(self, execution: Execution, held: Held) -> None:
        """Begin to run *execution* in *held*; raises where there are too many."""
        self._forget()
        if len(self._tasks) >= self._bounds.active:
            raise ApiError(
                "ActiveStatementsExceededException",
                f"The number of active statements exceeds the limit of {self._bounds.active}.",
            )
        self._known[execution.id] = execution
        if execution.text("ClientToken"):
            self._tokens[execution.owner, execution.text("ClientToken")] = execution.id
        task = asyncio.get_running_loop().create_task(self._run(execution, held))
        self._tasks[execution.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(execution.id, None))

    def find(self, owner: str, identifier: str) -> tuple[Execution, Part | None]:
        """Return an execution, and the part of it that ``ID:2`` names; raises where there is none for *owner*."""
        self._forget()
        whole, _, number = identifier.partition(":")
        execution = self._known.get(whole)
        if execution is not None and execution.owner == owner:
            if not number:
                return execution, None if execution.is_batch else execution.parts[0]
            if execution.is_batch and number.isdigit() and 1 <= int(number) <= len(execution.parts):
                return execution, execution.parts[int(number) - 1]
        raise ApiError("ResourceNotFoundException", "Query does not exist.", ResourceId=identifier)

    def of(self, owner: str) -> Iterator[Execution]:
        """Yield the executions of *owner*, newest first."""
        self._forget()
        return (item for item in reversed(list(self._known.values())) if item.owner == owner)

    def page(self, result: Result, number: int) -> pa.RecordBatch | None:
        """Return a page of a result, None where there is none; blocking."""
        return self._results.read_page(result, number)

    def cancel(self, execution: Execution) -> bool:
        """Stop an execution; return whether there was something to stop."""
        if execution.status in ENDED:
            return False
        execution.canceled = True
        session = self._sessions.get(execution.id)
        if session is not None:
            session.cancel()
        elif execution.id in self._tasks:
            self._tasks[execution.id].cancel()
        return True

    async def close(self, grace_s: float) -> None:
        """Give running statements *grace_s* seconds, then stop them and forget everything."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=grace_s)
        for execution in list(self._known.values()):
            self.cancel(execution)
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=5)
        await asyncio.to_thread(self._results.close)

    # How they run.

    async def _run(self, execution: Execution, held: Held) -> None:
        try:
            async with self._turns:
                self._mark(execution, Status.PICKED)
                session = await self._desk.session(held)
                execution.pid = session.pid
                self._sessions[execution.id] = session
                if execution.canceled:
                    raise asyncio.CancelledError  # It came while the session was opened.
                self._mark(execution, Status.STARTED)
                await self._parts(execution, session)
        except asyncio.CancelledError:
            self._mark(execution, Status.ABORTED)
        except Exception as error:
            self._failed(execution, told(error))
        finally:
            self._sessions.pop(execution.id, None)
            self._skip(execution)
            execution.done.set()
            await self._desk.done(held)

    async def _parts(self, execution: Execution, session: Session) -> None:
        """Run all parts: a batch is one transaction, unless it says otherwise."""
        grouped = execution.is_batch and execution.request.get("ExecutionMode") != "AUTO_COMMIT"
        failed: tuple[int, SqlError] | None = None
        if grouped:
            await run(session, "BEGIN")
        for number, part in enumerate(execution.parts, start=1):
            error = await self._part(execution, part, session)
            if error is not None and failed is None:
                failed = (number, error)
            if failed is not None and (grouped or execution.canceled):
                break
        if grouped and session.status != "I":
            await run(session, "ROLLBACK" if failed is not None else "COMMIT")
        if failed is None:
            self._mark(execution, Status.FINISHED)
        else:
            self._failed(execution, failed[1], failed[0] if execution.is_batch else 0)

    async def _part(self, execution: Execution, part: Part, session: Session) -> SqlError | None:
        part.status = Status.STARTED
        part.updated = self._clock.now()
        began = self._clock.monotonic()
        given = {str(item["name"]): str(item["value"]) for item in _parameters(execution)}
        try:
            async with answered(session, part.numbered.text, values(part.numbered, given, self._codec)) as answer:
                part.query = session.query
                if is_rows(answer):
                    part.result = await self._stored(part, answer, session)
                part.rows = part.result.rows if part.result is not None else counted(answer)
        except SqlError as error:
            part.query = part.query or session.query
            self._discard(part)
            part.status = Status.ABORTED if isinstance(error, Canceled) and execution.canceled else Status.FAILED
            part.error = shown(error)
            return error
        else:
            part.status = Status.FINISHED
            if part.result is not None:
                self._results.keep(part.result)
            return None
        finally:
            part.duration_ns = int((self._clock.monotonic() - began) * 1e9)
            part.updated = self._clock.now()

    async def _stored(self, part: Part, rows: Rows, session: Session) -> Result:
        writer = self._results.writer(part.id, rows.columns)
        try:
            async for batch in rows.batches():
                await asyncio.to_thread(writer.write, batch)
            return await asyncio.to_thread(_finish, writer, session)
        except BaseException:
            writer.discard()
            raise

    def _failed(self, execution: Execution, error: SqlError, number: int = 0) -> None:
        if isinstance(error, Canceled) and execution.canceled:
            self._mark(execution, Status.ABORTED)
            return
        execution.error = f"Query #{number} failed with {shown(error)}" if number else shown(error)
        self._mark(execution, Status.FAILED)

    def _mark(self, execution: Execution, status: Status) -> None:
        execution.status = status
        execution.updated = self._clock.now()

    def _skip(self, execution: Execution) -> None:
        """Say of the parts that never ran that they did not; what a failed transaction answered is not kept."""
        for part in execution.parts:
            if part.status not in ENDED:
                part.status = Status.ABORTED
                part.updated = execution.updated

    def _discard(self, part: Part) -> None:
        part.result = None

    # How they are forgotten.

    def _forget(self) -> None:
        limit = self._clock.now() - self._bounds.retention
        for execution in list(self._known.values()):
            if execution.status in ENDED:
                old = execution.updated < limit or len(self._known) > _KEPT
                if not old and not self._results.crowded:
                    break
                self._drop(execution)

    def _drop(self, execution: Execution) -> None:
        del self._known[execution.id]
        self._tokens.pop((execution.owner, execution.text("ClientToken")), None)
        for part in execution.parts:
            if part.result is not None:
                self._results.drop(part.result)


def _finish(writer: ResultWriter, session: Session) -> Result:
    return writer.finish(session.output_style)


def _parameters(execution: Execution) -> Sequence[Mapping[str, object]]:
    given = execution.request.get("Parameters") or ()
    assert isinstance(given, Sequence)  # noqa: S101 - checked by the service's model
    return given


def shown(error: SqlError) -> str:
    """Return an error as the Data API shows it: in the form of the PostgreSQL JDBC driver."""
    lines = [f"ERROR: {error.message}"]
    lines += [f"  Detail: {error.detail}"] if error.detail else []
    lines += [f"  Hint: {error.hint}"] if error.hint else []
    lines += [f"  Position: {error.position}"] if error.position else []
    return "\n".join(lines)
