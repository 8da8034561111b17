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


class CopyOut(Protocol):
    """COPY TO STDOUT: the server sends CopyOutResponse and each piece as CopyData."""

    columns: tuple[Column, ...]
    binary: bool

    def pieces(self) -> AsyncIterator[bytes]:
        """Yield the stream, a piece holding whole rows."""
        ...

    @property
    def tag(self) -> str:
        """The command tag, right at the end."""
        ...


Answer = Rows | Done | Empty | CopyIn | CopyOut
Value = str | int | float | bool | bytes | None
"""A parameter's value as the engine takes it; anything without its own form here travels as text."""
