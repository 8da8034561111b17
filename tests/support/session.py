"""A session and an authentication small enough to test the server's connections with.

The texts that it understands are its own: see ``SmallSession.simple``.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pyarrow as pa

from core.errors import Canceled, ConnectionFatal, Diagnosis, SqlError, notice
from core.sqlstate import SqlState
from core.types import Column, ColumnType, of, with_length
from server.wire.encode import OutputStyle
from session.answers import Answer, CopyForm, Done, Empty, Value

PASSWORD = "Correct1horse"
_pids = itertools.count(1000)


class SmallRows:
    """*batches* batches of *size* rows, each a number and a text of *width* characters."""

    columns = (Column("n", of("int4")), Column("filler", with_length("varchar", 65_535)))

    def __init__(
        self, owner: "SmallSession", *, batches: int = 1, size: int = 1, width: int = 1, start: int = 0
    ) -> None:
        self._owner, self._batches, self._size, self._width, self._start = owner, batches, size, width, start
        self.suspended = False
        self.tag = f"SELECT {batches * size}"

    async def batches(self) -> AsyncIterator[pa.RecordBatch]:
        for number in range(self._batches):
            first = self._start + number * self._size
            numbers = pa.array(range(first, first + self._size), pa.int32())
            texts = pa.array(["x" * self._width] * self._size)
            self._owner.produced += 1
            yield pa.RecordBatch.from_arrays([numbers, texts], names=["n", "filler"])
            await self._owner.checkpoint()


async def _nothing() -> None:
    pass


@dataclass
class SmallCopyIn:
    """Collects what is copied in."""

    columns = (Column("n", of("int4")),)
    binary = False
    data: bytearray = field(default_factory=bytearray)
    failed: str | None = None
    slow: Callable[[], Awaitable[None]] = _nothing

    async def write(self, data: bytes) -> None:
        if b"bad" in data:
            raise SqlError(SqlState.INVALID_TEXT_REPRESENTATION, "bad data")
        if b"slow" in data:
            await self.slow()
        self.data += data

    async def finish(self) -> Done:
        return Done(f"COPY {len(self.data.splitlines())}")

    async def fail(self, reason: str) -> None:
        self.failed = reason


class SmallCopyOut:
    """Three rows."""

    columns = (Column("n", of("int4")),)
    form = CopyForm()
    tag = "COPY 3"

    async def copied(self) -> AsyncIterator[pa.RecordBatch]:
        yield pa.record_batch([pa.array([1, 2], pa.int32())], names=["n"])
        yield pa.record_batch([pa.array([3], pa.int32())], names=["n"])


class SmallSession:
    """Understands a dozen texts."""

    def __init__(self, factory: "SmallSessions", protocol: tuple[int, int]) -> None:
        self.pid = next(_pids)
        self.secret = bytes([self.pid % 256]) * (32 if protocol >= (3, 2) else 4)
        self.status = "I"
        self.parameters_reported = [("server_version", "8.0.2")]
        self.output_style = OutputStyle()
        self.produced = 0
        self.canceled = 0
        self.closed = False
        self.finished: list[str] = []
        self.failures: list[SqlError] = []
        self.copy = SmallCopyIn()
        self._running: asyncio.Event | None = None
        self._reports: list[tuple[str, str]] = []
        self._notices: list[Diagnosis] = []
        self._statements: dict[str, str] = {}
        self._portals: dict[str, tuple[str, tuple[int, ...], int]] = {}
        self._factory = factory
        factory.opened.append(self)

    @property
    def sleeps(self) -> bool:
        """Whether a statement that sleeps has begun, and goes on."""
        return self._running is not None

    async def checkpoint(self) -> None:
        await asyncio.sleep(0)

    def origins(self, columns: tuple[Column, ...]) -> tuple[None, ...]:
        return (None,) * len(columns)

    @property
    def has_news(self) -> bool:
        return bool(self._reports or self._notices)

    def take_reports(self) -> list[tuple[str, str]]:
        taken, self._reports = self._reports, []
        return taken

    def take_notices(self) -> list[Diagnosis]:
        taken, self._notices = self._notices, []
        return taken

    async def simple(self, text: str) -> AsyncIterator[Answer]:
        for statement in text.split(";"):
            yield await self._run(statement.strip())
            self.finished.append(statement.strip())

    async def _run(self, text: str) -> Answer:
        command, *arguments = text.split() or [""]
        match command:
            case "":
                return Empty()
            case "rows":
                batches, size, width = map(int, arguments)
                return SmallRows(self, batches=batches, size=size, width=width)
            case "sleep":
                await self._sleep(float(arguments[0]))
                return Done("SLEEP")
            case "copyin":
                self.copy = SmallCopyIn(slow=lambda: self._sleep(20))
                return self.copy
            case "copyout":
                return SmallCopyOut()
            case "set":
                self._reports.append((arguments[0], arguments[1]))
                self._notices.append(notice("set"))
                return Done("SET")
            case "boom":
                raise RuntimeError("secret internals")
        raise SqlError(SqlState.SYNTAX_ERROR, f'syntax error at or near "{command}"', position=1)

    async def _sleep(self, seconds: float) -> None:
        self._running = asyncio.Event()
        try:
            await asyncio.wait_for(self._running.wait(), seconds)
        except TimeoutError:
            return
        finally:
            self._running = None
        raise Canceled(SqlState.QUERY_CANCELED, "canceling statement due to user request")

    def cancel(self) -> None:
        self.canceled += 1
        if self._running is not None:
            self._running.set()

    async def parse(self, name: str, text: str, parameter_oids: tuple[int, ...]) -> None:
        self._statements[name] = text

    def parameter_types(self, statement: str) -> tuple[ColumnType, ...]:
        if statement not in self._statements:
            raise SqlError(SqlState.INVALID_SQL_STATEMENT_NAME, f'prepared statement "{statement}" does not exist')
        return (of("int4"),) * self._statements[statement].count("$")

    async def describe_statement(self, name: str) -> tuple[tuple[ColumnType, ...], tuple[Column, ...] | None]:
        return self.parameter_types(name), SmallRows.columns if "rows" in self._statements[name] else None

    async def bind(
        self, portal: str, statement: str, values: tuple[Value, ...], result_formats: tuple[int, ...]
    ) -> None:
        self._portals[portal] = (self._statements[statement], result_formats, 0)

    async def describe_portal(self, portal: str) -> tuple[tuple[Column, ...] | None, tuple[int, ...]]:
        text, formats, _ = self._portals[portal]
        return (SmallRows.columns if "rows" in text else None), formats

    async def execute(self, portal: str, max_rows: int) -> tuple[Answer, tuple[int, ...]]:
        text, formats, done = self._portals[portal]
        if not text.startswith("rows"):
            return await self._run(text), formats
        batches, size, width = map(int, text.split()[1:])
        left = batches * size - done
        count = min(left, max_rows or left)
        rows = SmallRows(self, batches=1, size=count, width=width, start=done)
        rows.suspended = bool(max_rows) and count == max_rows
        self._portals[portal] = (text, formats, done + count)
        return rows, formats

    async def close_statement(self, name: str) -> None:
        self._statements.pop(name, None)

    async def close_portal(self, name: str) -> None:
        self._portals.pop(name, None)

    async def sync(self) -> None:
        self._portals.clear()

    async def fail(self, error: SqlError) -> None:
        self.failures.append(error)

    async def close(self) -> None:
        self.closed = True
        self._factory.closed.append(self)


class SmallSessions:
    """Opens small sessions, and remembers them and in what order they ended."""

    def __init__(self) -> None:
        self.opened: list[SmallSession] = []
        self.closed: list[SmallSession] = []
        self.refusals: list[str] = []

    async def open(
        self, *, user: str, database: str, parameters: dict[str, str], peer: str, tls: bool, protocol: tuple[int, int],
        entry: object = None, cipher: object = None,
    ) -> SmallSession:
        if database == "nowhere":
            raise ConnectionFatal(SqlState.INVALID_CATALOG_NAME, 'database "nowhere" does not exist')
        return SmallSession(self, protocol)

    async def expect(self) -> None:
        return

    def refused(self, *, user: str, database: str, peer: str, tls: bool) -> None:
        self.refusals.append(user)

    async def settled(self) -> None:
        return


@dataclass(frozen=True)
class Step:
    """A cleartext request, or success."""

    code: int | None = None
    payload: bytes | None = None
    entry: None = None


class Cleartext:
    """Asks for the one password there is."""

    def start(self) -> Step:
        return Step(3, b"")

    def step(self, response: bytes) -> Step:
        if response != PASSWORD.encode() + b"\0":
            raise ConnectionFatal(SqlState.INVALID_PASSWORD, "password authentication failed")
        return Step()


def authenticate(**_: object) -> Cleartext:
    """Ask everyone for the password."""
    return Cleartext()
