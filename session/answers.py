"""What a statement answers with; ``server.connection`` turns it into messages."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from core.types import Column


class Rows(Protocol):
    """A stream of rows, read to its end or up to a portal's limit."""

    columns: tuple[Column, ...]

    def batches(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows; nothing is produced ahead of the reader."""
        ...

    @property
    def suspended(self) -> bool:
        """Whether the row limit was met before the end (PortalSuspended instead of CommandComplete)."""
        ...

    @property
    def tag(self) -> str:
        """The command tag, ``SELECT 3``, right once the batches have been read."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """A command without rows."""

    tag: str


@dataclass(frozen=True, slots=True)
class Empty:
    """The empty query."""


class CopyIn(Protocol):
    """COPY FROM STDIN: the server sends CopyInResponse and hands the data over."""

    columns: tuple[Column, ...]
    binary: bool

    async def write(self, data: bytes) -> None:
        """Take a piece of the stream; waits while the engine is behind."""
        ...

    async def finish(self) -> Done:
        """Load what was written."""
        ...

    async def fail(self, reason: str) -> None:
        """Give up: CopyFail, or the connection was lost."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyForm:
    """How COPY TO STDOUT writes its rows; None is the format's default."""

    format: str = "text"
    """text, csv or binary."""
    delimiter: str | None = None
    null: str | None = None
    header: bool = False
    quote: str | None = None
    escape: str | None = None
    force_quote: frozenset[str] = frozenset()


class CopyOut(Protocol):
    """COPY TO STDOUT: the server sends CopyOutResponse and the rows as CopyData."""

    columns: tuple[Column, ...]
    form: CopyForm

    def copied(self) -> AsyncIterator[pa.RecordBatch]:
        """Yield the rows; nothing is produced ahead of the reader."""
        ...

    @property
    def tag(self) -> str:
        """The command tag, right at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Style:
    """How values are shown to a session's client."""

    timezone: str
    extra_float_digits: int
    datestyle: str
    intervalstyle: str


def counted(answer: "Answer | None") -> int:
    """Return how many rows a statement returned or changed: the number that its tag ends with."""
    last = str(getattr(answer, "tag", "")).rpartition(" ")[2]
    return int(last) if last.isdigit() else 0


async def nothing_to_push() -> None:
    """Leave notices for when the statement has ended: nobody asked for them earlier."""


Answer = Rows | Done | Empty | CopyIn | CopyOut
Value = str | int | float | bool | bytes | None
"""A parameter's value as the engine takes it; anything without its own form here travels as text."""
