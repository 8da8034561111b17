"""Tickets: what a statement holds while it waits for its turn and while it runs."""

import asyncio
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, Protocol

from core.clock import Clock
from core.errors import Canceled
from core.sqlstate import SqlState
from engine.wlm.configuration import Asker
from engine.wlm.rules import Priority, Rule, Spent

if TYPE_CHECKING:
    from engine.wlm.pools import ServiceClass


class Owner(Protocol):
    """Who runs the statement."""

    @property
    def query(self) -> int:
        """The statement's number."""
        ...

    @property
    def returned_rows(self) -> int:
        """Rows that the client has been sent."""
        ...

    @property
    def scanned_rows(self) -> int:
        """Rows of the tables that the statement reads, as far as they are known."""
        ...

    @property
    def spent(self) -> Spent:
        """What the statement has cost, once it has ended."""
        ...

    @property
    def expected_bytes(self) -> int:
        """Memory that the statement will need, as far as that is known; 0 where it holds no rows."""
        ...

    def interrupt(self, reason: Canceled) -> None:
        """Stop the statement, wherever it is."""
        ...

    def evicted(self, ticket: "Ticket") -> None:
        """Take note that the statement leaves its queue for another."""
        ...

    def acted(self, ticket: "Ticket", rule: Rule, action: str) -> None:
        """Take note of what followed from a rule."""
        ...


class Late(Enum):
    """What becomes of a statement that has run for its queue's max_execution_time."""

    HOP = auto()
    CANCEL = auto()
    GO_ON = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How statements of a kind are treated. Redshift, "WLM query queue hopping"."""

    late: Late
    moves: bool
    """Whether a rule's hop may give it to another queue."""
    restarts: bool = False
    """Whether it may be begun again in another queue."""
    aborts: bool = True
    """Whether a rule may end it."""
    short: bool = False
    """Whether it may run among short queries."""


READING: Final = Treatment(late=Late.HOP, moves=True, restarts=True, short=True)
CHANGING: Final = Treatment(late=Late.CANCEL, moves=True)
STAYING: Final = Treatment(late=Late.CANCEL, moves=False)
"""UNLOAD, and what calls functions in Python."""
UNTOUCHED: Final = Treatment(late=Late.GO_ON, moves=False, aborts=False)
"""COPY and maintenance."""


class State(Enum):
    """Where a ticket is; the values are STV_WLM_QUERY_STATE's."""

    QUEUED = "QueuedWaiting"
    RUNNING = "Running"
    RETURNING = "Returning"
    DONE = "Completed"


@dataclass(slots=True, eq=False, kw_only=True)
class Ticket:
    """One statement in one queue."""

    owner: Owner
    asker: Asker
    treatment: Treatment
    place: "ServiceClass"
    clock: Clock
    task: int
    """Number that stays the same when the statement is begun again."""
    slots: int = 1
    priority: Priority = Priority.NORMAL
    light: bool = False
    """Whether it is over in no time and takes no worker: it waits for nobody, and nobody waits for it."""
    restartable: bool = False
    """Whether nothing would be lost if it were begun again."""
    state: State = State.QUEUED
    entered: float = 0.0
    admitted: float = 0.0
    left: float = 0.0
    waited_s: float = 0.0
    """Waited before, by the same statement."""
    seen: set[str] = field(default_factory=set)
    """Rules that have been met."""
    turn: asyncio.Future[None] | None = None
    timer: asyncio.TimerHandle | None = None

    @property
    def queued_s(self) -> float:
        """Seconds that it has waited."""
        return self.waited_s + (self.admitted or self.left or self.clock.monotonic()) - self.entered

    @property
    def executed_s(self) -> float:
        """Seconds since it was let in."""
        return (self.left or self.clock.monotonic()) - self.admitted if self.admitted else 0.0

    @property
    def returned_rows(self) -> int:
        """Rows that its client has been sent."""
        return self.owner.returned_rows

    @property
    def scanned_rows(self) -> int:
        """Rows of the tables that it reads."""
        return self.owner.scanned_rows

    @property
    def spent(self) -> Spent:
        """What it has cost, once it has ended."""
        return self.owner.spent

    @property
    def begun_again(self) -> bool:
        """Whether the statement has been evicted from another queue."""
        return self.task != self.owner.query

    @property
    def held(self) -> bool:
        """Whether it takes slots."""
        return self.state in _HELD


_HELD: Final = (State.RUNNING, State.RETURNING)


class Evicted(Canceled):
    """The statement is to be begun again in another queue."""

    def __init__(self, query: int, target: "ServiceClass") -> None:
        """Send it to *target*; the words are for a client whose statement cannot be begun again after all."""
        super().__init__(SqlState.QUERY_CANCELED, timeout_words(query))
        self.target = target


def timeout_words(query: int) -> str:
    """Return what a client is told whose statement took too long for its queue."""
    return f"Query ({query}) cancelled by WLM timeout."
