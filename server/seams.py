"""What the server asks of the layers below, as protocols; ``server.app`` puts the real things in.

A test puts small ones in. The values that pass are ``session.answers``'.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol

from auth.exchange import Entry
from core.errors import Diagnosis, SqlError
from core.types import Column, ColumnType, Origin
from server.tls import Handshake
from session.answers import Answer, Value


class Style(Protocol):
    """How a session wants its values written (``server.wire.encode.OutputStyle``)."""

    @property
    def timezone(self) -> str:
        """Return TimeZone."""
        ...

    @property
    def extra_float_digits(self) -> int:
        """Return extra_float_digits."""
        ...

    @property
    def datestyle(self) -> str:
        """Return DateStyle."""
        ...

    @property
    def intervalstyle(self) -> str:
        """Return IntervalStyle."""
        ...


class Session(Protocol):
    """One client's conversation with the database; knows nothing of messages."""

    push: Callable[[], Awaitable[None]]
    """Called when notices should be sent before the statement ends."""

    @property
    def pid(self) -> int:
        """Return the number in BackendKeyData."""
        ...

    @property
    def secret(self) -> bytes:
        """Return the cancel key."""
        ...

    @property
    def status(self) -> str:
        """Return I, T or E for ReadyForQuery."""
        ...

    @property
    def parameters_reported(self) -> list[tuple[str, str]]:
        """Return the ParameterStatus of the beginning."""
        ...

    def origins(self, columns: tuple[Column, ...], /) -> tuple[Origin | None, ...]:
        """Return where the columns of a result come from, None for expressions."""
        ...

    @property
    def output_style(self) -> Style:
        """Return how values are written now."""
        ...

    @property
    def has_news(self) -> bool:
        """Whether the next two may have something to return."""
        ...

    def take_reports(self) -> list[tuple[str, str]]:
        """Return the settings that changed since the last call."""
        ...

    def take_notices(self) -> list[Diagnosis]:
        """Return the notices since the last call."""
        ...

    def simple(self, text: str, /) -> AsyncIterator[Answer]:
        """Run the statements of a simple query, an answer each."""
        ...

    async def parse(self, name: str, text: str, parameter_oids: tuple[int, ...], /) -> None:
        """Prepare a statement."""
        ...

    async def describe_statement(self, name: str, /) -> tuple[tuple[ColumnType, ...], tuple[Column, ...] | None]:
        """Return parameter types and columns, without running anything."""
        ...

    def parameter_types(self, statement: str, /) -> tuple[ColumnType, ...]:
        """Return the types of a prepared statement's parameters."""
        ...

    async def bind(
        self, portal: str, statement: str, values: tuple[Value, ...], result_formats: tuple[int, ...], /
    ) -> None:
        """Make a portal."""
        ...

    async def describe_portal(self, portal: str, /) -> tuple[tuple[Column, ...] | None, tuple[int, ...]]:
        """Return a portal's columns and the result formats that it was bound with."""
        ...

    async def execute(self, portal: str, max_rows: int, /) -> tuple[Answer, tuple[int, ...]]:
        """Run a portal, or run it on; the answer is read before anything else is asked."""
        ...

    async def close_statement(self, name: str, /) -> None:
        """Forget a prepared statement."""
        ...

    async def close_portal(self, name: str, /) -> None:
        """Forget a portal."""
        ...

    async def sync(self) -> None:
        """End a batch: the implicit transaction is committed or rolled back."""
        ...

    async def fail(self, error: SqlError, /) -> None:
        """Take note of an error that the client has been or will be told."""
        ...

    def cancel(self) -> None:
        """Interrupt what runs now, nothing else."""
        ...

    async def close(self) -> None:
        """End the conversation: roll back, drop what is temporary."""
        ...


class Sessions(Protocol):
    """Opens sessions for users whose password was right."""

    async def open(  # noqa: PLR0913 - the facts of a connection
        self,
        *,
        user: str,
        database: str,
        parameters: dict[str, str],
        peer: str,
        tls: bool,
        protocol: tuple[int, int],
        entry: Entry | None = None,
        cipher: tuple[str, str] | None = None,
    ) -> Session:
        """Return a session of *user*, or of whom *entry* says instead, or raise ``ConnectionFatal``."""
        ...

    async def expect(self) -> None:
        """Prepare for somebody who is about to prove who it is; raises ``ConnectionFatal``."""
        ...

    def refused(self, *, user: str, database: str, peer: str, tls: bool) -> None:
        """Take note that *user* could not prove who it is."""
        ...

    async def settled(self) -> None:
        """Wait until everybody who counts such attempts knows of them."""
        ...


class Step(Protocol):
    """A challenge to send, or the success that ends an exchange (``auth.methods``)."""

    @property
    def code(self) -> int | None:
        """Return the code of the AuthenticationXxx message, None for none."""
        ...

    @property
    def payload(self) -> bytes | None:
        """Return what follows the code."""
        ...

    @property
    def entry(self) -> Entry | None:
        """Return whom the success lets in, None for the user that was named."""
        ...


class Exchange(Protocol):
    """One attempt to prove an identity."""

    def start(self) -> Step:
        """Return the first request."""
        ...

    def step(self, response: bytes) -> Step:
        """Judge an answer; raises ``ConnectionFatal`` (28P01) when it is wrong."""
        ...


class Authenticate(Protocol):
    """Chooses how a user has to prove who it is."""

    def __call__(
        self, *, user: str, database: str, parameters: dict[str, str], peer: str, tls: Handshake | None
    ) -> Exchange:
        """Return the exchange; *tls* is None on a connection in the clear."""
        ...
