"""Service classes, and the pools of slots and memory that their statements are let into."""

from collections.abc import Callable
from typing import Final

from engine.wlm.configuration import Queue
from engine.wlm.tickets import State, Ticket

_PATIENCE_S: Final = 60.0
"""After each such time of waiting a statement counts as one priority higher, so that nobody waits for ever."""


class Pool:
    """Slots and memory: of one queue, or of all queues where the server manages them."""

    def __init__(
        self, slots: int, memory_bytes: int, *, shared: bool, started: Callable[[Ticket], None],
        alone: Callable[[Ticket], bool],
    ) -> None:  # fmt: skip
        """Let in as many as have room in *slots* and, where the pool is *shared*, in *memory_bytes*.

        *started* is called with each ticket that is let in, *alone* tells whether one more of its priority may run.
        """
        self.slots = slots
        self.memory_bytes = memory_bytes
        self.used = 0
        self.running: dict[Ticket, None] = {}
        self.waiting: list[Ticket] = []
        self.shared = shared
        self._started, self._alone = started, alone

    def fits(self, ticket: Ticket) -> bool:
        """Tell whether there is room for *ticket* now."""
        if ticket.light:
            return self._alone(ticket)
        return self.used + ticket.slots <= self.slots and self._alone(ticket) and self._has_memory(ticket)

    def _has_memory(self, ticket: Ticket) -> bool:
        """Tell whether there is memory for *ticket*; what needs more than there is runs alone."""
        if not self.shared or not self.running:
            return True
        needed = ticket.owner.expected_bytes
        if not needed:
            return True
        return needed + sum([each.owner.expected_bytes for each in self.running if not each.light]) <= self.memory_bytes

    def take(self, ticket: Ticket) -> None:
        """Let *ticket* in."""
        self.used += 0 if ticket.light else ticket.slots
        self.running[ticket] = None
        ticket.place.running += 1
        ticket.place.executed += 1
        ticket.state = State.RUNNING
        ticket.admitted = ticket.clock.monotonic()
        self._started(ticket)

    def give(self, ticket: Ticket) -> None:
        """Take back what *ticket* held."""
        self.used -= 0 if ticket.light else ticket.slots
        del self.running[ticket]
        ticket.place.running -= 1

    def queued(self, now: float) -> list[Ticket]:
        """Return those that wait, in the order in which they are let in."""
        return sorted(self.waiting, key=lambda ticket: _rank(ticket, now))

    def advance(self, now: float) -> None:
        """Let in who has room, the first of the queue first.

        Nobody is overtaken for asking for more slots, and who waits for memory only by those who need none; a second
        one of a priority of which one runs at a time is by all.
        """
        scarce = False
        for ticket in self.queued(now):
            if not ticket.light and self.used + ticket.slots > self.slots:
                return
            if not self._alone(ticket):
                continue
            if not self._has_memory(ticket) or (scarce and ticket.owner.expected_bytes):
                scarce = True
                continue
            self.waiting.remove(ticket)
            self.take(ticket)
            if ticket.turn is not None and not ticket.turn.done():
                ticket.turn.set_result(None)


class ServiceClass:
    """A queue at work."""

    def __init__(self, queue: Queue, pool: Pool) -> None:
        """Let *queue*'s statements into *pool*."""
        self.queue = queue
        self.pool = pool
        self.running = 0
        self.serviced = 0
        """Statements that have been in it."""
        self.executed = 0
        self.evicted = 0

    @property
    def waiting(self) -> int:
        """How many of its statements wait."""
        return sum(ticket.place is self for ticket in self.pool.waiting)

    @property
    def slot_bytes(self) -> int:
        """Memory of one slot."""
        return self.pool.memory_bytes // max(self.pool.slots, 1)


def _rank(ticket: Ticket, now: float) -> tuple[float, float]:
    return -ticket.priority - (now - ticket.entered) // _PATIENCE_S, ticket.entered
