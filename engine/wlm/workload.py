"""The workload manager: to which queue a statement goes, when it is let in, where it goes when it takes too long.

Redshift, "Workload management". Lives on the event loop; nothing here blocks. A statement that finds room costs
a few microseconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Final

from core.clock import Clock
from core.errors import Canceled, SqlError
from core.option_values import ConfigError
from core.sqlstate import SqlState
from engine.wlm.configuration import SHORT, SUPERUSER, WHERE, Asker, Configuration, Queue
from engine.wlm.pools import Pool, ServiceClass
from engine.wlm.rules import Action, Priority, Rule
from engine.wlm.tickets import Evicted, Late, State, Ticket, timeout_words

_SHORT_SLOTS: Final = 4
_LEADER: Final = 1
"""Workers for what waits in no queue: the catalog's views, DDL."""
_SUPERUSER_LABEL: Final = "superuser"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What there is to divide."""

    workers: int
    """Threads of the engine."""
    memory_bytes: int
    queue_length: int
    """Statements that may wait for one pool."""


class Workload:
    """All queues."""

    def __init__(self, configuration: Configuration, capacity: Capacity, clock: Clock) -> None:
        """Set the queues up; raises ``ConfigError`` where there are not enough workers."""
        self.configuration = configuration
        self.clock = clock
        self._length = capacity.queue_length
        self._tickets: dict[Ticket, None] = {}
        reserve = _reserve(configuration)
        if configuration.slots + reserve > capacity.workers and not configuration.auto:
            raise ConfigError(
                f"{WHERE} has {configuration.slots} slots, for which engine.workers must be at least"
                f" {configuration.slots + reserve}; it is {capacity.workers}"
            )
        memory = capacity.memory_bytes
        share = memory // capacity.workers
        superuser = Queue(number=SUPERUSER, name="Service class for super user", concurrency=1)
        self.superuser = self._single(superuser, share)
        self.short: ServiceClass | None = None
        if configuration.short_ms:
            short = Queue(
                number=SHORT, name="Short query queue", concurrency=_SHORT_SLOTS,
                max_execution_time_ms=configuration.short_ms,
            )  # fmt: skip
            self.short = self._single(short, share * _SHORT_SLOTS)
        if configuration.auto:
            pool = Pool(
                max(1, capacity.workers - reserve), memory, shared=True, started=self._started, alone=self._alone
            )
            self.queues = [ServiceClass(queue, pool) for queue in configuration.queues]
        else:
            self.queues = [
                self._single(queue, int(memory * queue.memory_percent / 100)) for queue in configuration.queues
            ]

    @property
    def classes(self) -> list[ServiceClass]:
        """All service classes, by number."""
        found = [self.superuser, *self.queues, *([self.short] if self.short is not None else [])]
        return sorted(found, key=lambda each: each.queue.number)

    @property
    def tickets(self) -> Iterator[Ticket]:
        """Return the statements that wait or run."""
        return iter(tuple(self._tickets))

    def route(self, asker: Asker) -> ServiceClass:
        """Return the queue for statements of *asker*: the first that takes them, the default queue otherwise."""
        if asker.superuser and asker.label == _SUPERUSER_LABEL:
            return self.superuser
        return next((each for each in self.queues if each.queue.takes(asker)), self.queues[-1])

    def enter(self, ticket: Ticket) -> bool:
        """Let *ticket* in where there is room; otherwise it must wait for its ``turn``."""
        place = ticket.place
        if ticket.slots > place.pool.slots:
            raise SqlError(
                SqlState.INVALID_PARAMETER_VALUE,
                f'wlm_query_slot_count ({ticket.slots}) is greater than the {place.pool.slots} slots of queue'
                f' "{place.queue.name}"',
                hint="Decrease wlm_query_slot_count.",
            )
        ticket.entered = self.clock.monotonic()
        ticket.state, ticket.admitted, ticket.left = State.QUEUED, 0.0, 0.0
        pool = place.pool
        if (ticket.light or not pool.waiting) and pool.fits(ticket):
            place.serviced += 1
            self._tickets[ticket] = None
            pool.take(ticket)
            return True
        if len(pool.waiting) >= self._length:
            raise SqlError(
                SqlState.INSUFFICIENT_RESOURCES,
                f'too many statements wait in queue "{place.queue.name}"',
                hint=f"wlm.queue_length is {self._length}.",
            )
        place.serviced += 1
        self._tickets[ticket] = None
        ticket.turn = asyncio.get_running_loop().create_future()
        pool.waiting.append(ticket)
        pool.advance(ticket.entered)
        return ticket.held

    async def turn(self, ticket: Ticket, is_short: Callable[[], Awaitable[bool]]) -> None:
        """Wait until *ticket* is let in; *is_short* tells whether its statement will be over soon."""
        try:
            if self._may_be_short(ticket) and await is_short():
                self._accelerate(ticket)
            if ticket.turn is not None:
                await ticket.turn
        except BaseException:
            self.leave(ticket)
            raise

    def abandon(self, ticket: Ticket, reason: SqlError) -> None:
        """End the wait of *ticket* with *reason*."""
        if ticket.turn is not None and not ticket.turn.done():
            ticket.turn.set_exception(reason)

    def leave(self, ticket: Ticket) -> None:
        """Take back what *ticket* holds, or its place in the queue."""
        if ticket not in self._tickets:
            return
        del self._tickets[ticket]
        self._withdraw(ticket)
        if ticket.place.queue.rules:
            self.judge(ticket, ended=True)

    def judge(self, ticket: Ticket, *, ended: bool = False) -> None:
        """See whether rules of its queue are met, and do what follows; of what has *ended* only log."""
        rules = ticket.place.queue.rules
        unseen = [
            rule for rule in rules
            if rule.name not in ticket.seen and _concerns(rule, ticket) and (ended or not rule.late)
        ]  # fmt: skip
        met = [rule for rule in unseen if rule.holds(ticket)]
        if ended:
            met = [rule for rule in met if rule.action is Action.LOG]
        if not met:
            return
        ticket.seen |= {rule.name for rule in met}
        # Rules are in the order of their names, which decides between equals.
        strongest = max(met, key=lambda rule: rule.action)
        several = strongest.action in (Action.LOG, Action.CHANGE_QUERY_PRIORITY)
        for rule in met:
            if rule is strongest or (several and rule.action is strongest.action):
                self._act(ticket, rule)
            else:
                ticket.owner.acted(ticket, rule, "none")

    def again(self, ticket: Ticket, target: ServiceClass) -> None:
        """Make *ticket* one for *target*, before it enters anew."""
        self.leave(ticket)
        ticket.waited_s, ticket.place = ticket.queued_s, target

    def _act(self, ticket: Ticket, rule: Rule) -> None:
        if rule.action is Action.HOP:
            self._hop_by(ticket, rule)
            return
        ticket.owner.acted(ticket, rule, rule.action.name.lower())
        if rule.action is Action.CHANGE_QUERY_PRIORITY and rule.value is not None:
            ticket.priority = rule.value
        elif rule.action is Action.ABORT:
            ticket.place.evicted += 1
            ticket.owner.interrupt(_canceled(ticket, f'by WLM abort action of Query Monitoring Rule "{rule.name}".'))

    def _hop_by(self, ticket: Ticket, rule: Rule) -> None:
        target = self._next(ticket)
        if target is None:
            ticket.owner.acted(ticket, rule, "abort")
            ticket.place.evicted += 1
            ticket.owner.interrupt(_canceled(ticket, f'by WLM hop action of Query Monitoring Rule "{rule.name}".'))
        elif self._has_room(target, ticket):
            ticket.owner.acted(ticket, rule, "hop(reassign)")
            self._reassign(ticket, target)
        elif ticket.treatment.restarts and ticket.restartable and ticket.state is State.RUNNING:
            ticket.owner.acted(ticket, rule, "hop(restart)")
            self._restart(ticket, target)

    def _expired(self, ticket: Ticket) -> None:
        """Do what follows when a statement has run for its queue's max_execution_time."""
        ticket.timer = None
        if ticket.state is not State.RUNNING or ticket.treatment.late is Late.GO_ON:
            return
        short = ticket.place is self.short
        target = self.route(ticket.asker) if short else self._next(ticket)
        if ticket.treatment.late is Late.HOP and target is not None:
            if self._has_room(target, ticket):
                self._reassign(ticket, target)
                return
            if ticket.restartable:
                self._restart(ticket, target)
                return
        if short and target is not None:
            # It cannot be begun again, and may not keep short queries waiting.
            self._reassign(ticket, target)
            return
        ticket.place.evicted += 1
        ticket.owner.interrupt(Canceled(SqlState.QUERY_CANCELED, timeout_words(ticket.owner.query)))

    def _next(self, ticket: Ticket) -> ServiceClass | None:
        """Return the next queue that takes *ticket*'s statement; the default queue is none of them."""
        if ticket.place not in self.queues:
            return None
        later = self.queues[self.queues.index(ticket.place) + 1 : -1]
        large = (each for each in later if ticket.slots <= each.pool.slots)
        return next((each for each in large if each.queue.takes(ticket.asker)), None)

    def _has_room(self, target: ServiceClass, ticket: Ticket) -> bool:
        pool = target.pool
        enough = pool.shared or ticket.owner.expected_bytes <= target.slot_bytes * ticket.slots
        return enough and not pool.waiting and pool.fits(ticket)

    def _reassign(self, ticket: Ticket, target: ServiceClass) -> None:
        """Go on with *ticket* in another queue."""
        ticket.owner.evicted(ticket)
        ticket.place.evicted += 1
        state = ticket.state
        self._withdraw(ticket)
        ticket.waited_s = ticket.queued_s
        ticket.place, ticket.left = target, 0.0
        ticket.entered = self.clock.monotonic()
        target.serviced += 1
        target.pool.take(ticket)
        ticket.state = state

    def _restart(self, ticket: Ticket, target: ServiceClass) -> None:
        ticket.owner.evicted(ticket)
        ticket.place.evicted += 1
        ticket.owner.interrupt(Evicted(ticket.owner.query, target))

    def _may_be_short(self, ticket: Ticket) -> bool:
        eligible = ticket.treatment.short and not ticket.begun_again
        return self.short is not None and eligible and ticket.place is not self.superuser

    def _accelerate(self, ticket: Ticket) -> None:
        """Give a statement that waits to the short queries."""
        if self.short is None or ticket.state is not State.QUEUED or ticket.turn is None or ticket.turn.done():
            return
        before, ticket.place = ticket.place, self.short
        before.pool.waiting.remove(ticket)
        before.serviced -= 1
        self.short.serviced += 1
        self.short.pool.waiting.append(ticket)
        now = self.clock.monotonic()
        before.pool.advance(now)
        self.short.pool.advance(now)

    def _withdraw(self, ticket: Ticket) -> None:
        if ticket.timer is not None:
            ticket.timer.cancel()
            ticket.timer = None
        held, pool = ticket.held, ticket.place.pool
        ticket.left = self.clock.monotonic()
        ticket.state = State.DONE
        if held:
            pool.give(ticket)
        else:
            pool.waiting.remove(ticket)
        # Another pool's may have waited for one of a priority of which there is one at a time.
        for each in {place.pool for place in self.classes} if ticket.priority is Priority.CRITICAL else {pool}:
            if each.waiting:
                each.advance(ticket.left)

    def _started(self, ticket: Ticket) -> None:
        limit = ticket.place.queue.max_execution_time_ms
        if limit:
            ticket.timer = asyncio.get_running_loop().call_later(limit / 1_000, self._expired, ticket)

    def _single(self, queue: Queue, memory_bytes: int) -> ServiceClass:
        return ServiceClass(
            queue, Pool(queue.concurrency, memory_bytes, shared=False, started=self._started, alone=self._alone)
        )

    def _alone(self, ticket: Ticket) -> bool:
        """Tell whether no other statement runs with a priority of which there is one at a time."""
        if ticket.priority is not Priority.CRITICAL or not self.configuration.auto:
            return True
        return not any(other.held and other.priority is ticket.priority for other in self._tickets)


def _reserve(configuration: Configuration) -> int:
    return _LEADER + 1 + (_SHORT_SLOTS if configuration.short_ms else 0)


def _concerns(rule: Rule, ticket: Ticket) -> bool:
    """Tell whether statements of the ticket's kind may be treated so."""
    if rule.action is Action.ABORT:
        return ticket.treatment.aborts
    return rule.action is not Action.HOP or (ticket.treatment.moves and ticket.held)


def _canceled(ticket: Ticket, words: str) -> Canceled:
    return Canceled(SqlState.QUERY_CANCELED, f"Query ({ticket.owner.query}) cancelled {words}")
