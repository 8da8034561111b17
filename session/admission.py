"""A session's way through the queues: which statements take a place in one, and when they give it back.

What reads no table and changes none is the leader's, and waits for nothing. Who waits for a lock holds no place,
so that queues and locks cannot wait for each other.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from catalog.model import Group
from core.errors import Canceled
from engine.profiles import spent
from engine.wlm.configuration import Asker, Queue
from engine.wlm.pools import ServiceClass
from engine.wlm.rules import Priority, Rule, Spent
from engine.wlm.tickets import (
    CHANGING,
    READING,
    STAYING,
    UNTOUCHED,
    Evicted,
    State,
    Ticket,
    Treatment,
)
from session.streams import Page
from sql.statement import Kind

if TYPE_CHECKING:
    from session.answers import Answer
    from session.plans import Plan
    from session.session import Session

_AT_ONCE: Final = {
    Kind.CREATE_TABLE_AS: READING,
    Kind.UNLOAD: STAYING,
    Kind.CREATE_MATERIALIZED_VIEW: STAYING,
    Kind.REFRESH_MATERIALIZED_VIEW: STAYING,
    Kind.COPY: UNTOUCHED,
    Kind.VACUUM: UNTOUCHED,
    Kind.ANALYZE_COMPRESSION: UNTOUCHED,
}
"""Kinds that take a place before they do anything: their locks would keep the leader's statements waiting."""
_PLANNED: Final = dict.fromkeys((Kind.INSERT, Kind.UPDATE, Kind.DELETE, Kind.MERGE), CHANGING)
_RESTARTED: Final = frozenset({Kind.SELECT, Kind.CREATE_TABLE_AS})
_MICROSECONDS: Final = 1_000_000


class Admission:
    """One session's place in the queues (``engine.wlm.tickets.Owner``)."""

    def __init__(self, session: "Session") -> None:
        """Take places for *session*'s statements."""
        self.session = session
        self._workload = session.warehouse.workload
        self._route: tuple[object, str, Asker, ServiceClass] | None = None
        self._kind: Kind | None = None
        self._plan: Plan | None = None
        self._again = False
        self._expected = 0
        self.ticket: Ticket | None = None
        """Of the statement that is active, once it has asked for a place."""
        self.queued: datetime | None = None
        """When it did."""

    @property
    def query(self) -> int:
        """The statement's number."""
        return self.session.query

    @property
    def returned_rows(self) -> int:
        """Rows that the client has been sent."""
        answer = self.session.answer
        return answer.rows if isinstance(answer, Page) else 0

    @property
    def scanned_rows(self) -> int:
        """Rows of the tables that the statement reads, as far as they are known."""
        plan = self._plan or self.session.plan
        return 0 if plan is None else self.session.warehouse.estimates.rows(plan)

    @property
    def spent(self) -> Spent:
        """What the statement has cost, as the engine has counted it at its end."""
        return spent(self.session.counted.profile)

    @property
    def counts(self) -> bool:
        """Whether a rule asks what the statement has cost."""
        rules = self.ticket.place.queue.rules if self.ticket is not None else ()
        return bool(rules) and any(rule.late for rule in rules)

    @property
    def expected_bytes(self) -> int:
        """Memory that the statement will need, as far as that is known."""
        plan = self._plan or self.session.plan
        self._expected = 0 if plan is None else self.session.warehouse.estimates.memory(plan)
        return self._expected

    @property
    def queue(self) -> Queue:
        """The queue that the statement is in, or would be."""
        return (self.ticket.place if self.ticket is not None else self._routed()[1]).queue

    def interrupt(self, reason: Canceled) -> None:
        """Stop the statement."""
        self.session.interrupt(reason)

    def evicted(self, ticket: Ticket) -> None:
        """Take note that the statement leaves its queue for another."""
        self.session.warehouse.recorder.evicted(self.session, self.placed())
        self.queued = self.session.warehouse.clock.now().replace(tzinfo=None)

    def acted(self, ticket: Ticket, rule: Rule, action: str) -> None:
        """Take note of what followed from a rule."""
        queue, value = ticket.place.queue, rule.value.name.lower() if rule.value is not None else ""
        self.session.warehouse.recorder.acted(self.session, queue.number, queue.name, (rule.name, action, value))

    def stop_waiting(self, reason: Canceled) -> None:
        """End a wait for a place with *reason*."""
        if self.ticket is not None and self.ticket.state is State.QUEUED:
            self._workload.abandon(self.ticket, reason)

    async def begin(self, kind: Kind) -> None:
        """Take note of what kind of statement runs now; some take their place at once."""
        self._kind, self._plan = kind, None
        treatment = _AT_ONCE.get(kind)
        if treatment is not None:
            await self._enter(treatment)

    async def admitted(self, plan: "Plan") -> None:
        """Wait until a statement with *plan* may run."""
        if not plan.queued:
            return
        self._plan = plan
        treatment = _PLANNED.get(self._kind, READING) if self._kind is not None else READING
        if plan.translated.externals and treatment is READING:
            treatment = STAYING
        await self._enter(treatment, light=treatment is READING and self.session.warehouse.paces.is_brief(plan))

    async def fetching(self, *, queued: bool) -> None:
        """Wait until more rows of a query may be made that was *queued* when it began."""
        if queued:
            await self._enter(STAYING)

    async def loading(self) -> None:
        """Wait until what the client has sent may be loaded."""
        await self._enter(UNTOUCHED)

    def answered(self, answer: "Answer") -> None:
        """Take note that the statement has begun to answer."""
        if self.ticket is not None and self.ticket.held and isinstance(answer, Page):
            self.ticket.state = State.RETURNING

    def prioritize(self, priority: str) -> str:
        """Give the statement another priority; return the one that it had."""
        before = self.ticket.priority if self.ticket is not None else Priority.NORMAL
        if self.ticket is not None:
            self.ticket.priority = Priority[priority.upper()]
        return before.shown

    def leave(self) -> None:
        """Give the place back."""
        self._again = False
        if self.ticket is not None:
            self._workload.leave(self.ticket)

    def forget(self) -> None:
        """Make ready for the next statement."""
        if self.ticket is not None:
            self._workload.leave(self.ticket)
            if self.ticket.admitted and not self.ticket.light:
                ended = self.session.stopped is None
                self.session.warehouse.estimates.note(self._key(), self.ticket.executed_s, ended=ended)
        self.ticket = self.queued = self._plan = None
        self._again, self._expected = False, 0

    def pause(self) -> bool:
        """Give the place back for a while; tell whether there was one."""
        ticket = self.ticket
        if ticket is None or not ticket.held:
            return False
        self._workload.again(ticket, ticket.place)
        self._again = True
        return True

    async def resume(self) -> None:
        """Take the place again that ``pause`` gave back."""
        if self.ticket is not None and self._again:
            await self._enter(self.ticket.treatment)

    def move(self, evicted: Evicted) -> None:
        """Have the statement begin again in another queue."""
        if self.ticket is not None:
            self._workload.again(self.ticket, evicted.target)
            self._again = True

    def placed(self) -> tuple[Any, ...]:
        """Return what the history keeps of it (``storage.history``)."""
        ticket = self.ticket
        if ticket is None or self.queued is None:
            return (None,) * 9
        queue = ticket.place.queue
        wait = ticket.queued_s - ticket.waited_s
        return (
            queue.number, queue.name, ticket.slots, self.queued, int(wait * _MICROSECONDS),
            int(ticket.waited_s * _MICROSECONDS), self.shown_priority(ticket), self._expected, ticket.task,
        )  # fmt: skip

    def shown_priority(self, ticket: Ticket) -> str:
        """Return the priority as system views show it; manual queues have none."""
        return ticket.priority.shown if self._workload.configuration.auto else "n/a"

    async def _enter(self, treatment: Treatment, *, light: bool = False) -> None:
        ticket = self.ticket
        if ticket is not None and ticket.held:
            # A procedure's loop, for one, reads on while its statements run.
            return
        if ticket is None or not self._again:
            ticket = self._new(treatment, light=light)
        self._again = False
        self.queued = self.session.warehouse.clock.now().replace(tzinfo=None)
        entered = self._workload.enter(ticket)
        self.ticket = ticket
        if not entered:
            await self._workload.turn(ticket, self._is_short)

    def _new(self, treatment: Treatment, *, light: bool) -> Ticket:
        session, before = self.session, self.ticket
        asker, place = self._routed()
        tx, auto = session.tx, self._workload.configuration.auto
        named = session.priority or session.warehouse.priorities.get(session.user.name)
        return Ticket(
            owner=self,
            asker=asker,
            treatment=treatment,
            place=place,
            clock=session.warehouse.clock,
            task=session.query,
            slots=1 if auto or place is self._workload.superuser else session.settings.number("wlm_query_slot_count"),
            priority=Priority[named.upper()] if named else place.queue.priority,
            light=light,
            restartable=self._kind in _RESTARTED and not tx.block and not tx.held and tx.commands == 1,
            waited_s=before.queued_s if before is not None else 0.0,
        )

    def _routed(self) -> tuple[Asker, ServiceClass]:
        principal, label = self.session.principal, self.session.settings.get("query_group")
        known = self._route
        if known is None or known[0] is not principal or known[1] != label:
            objects = self.session.tx.state.objects
            held = [item for oid in principal.groups if (item := objects.get(oid)) is not None]
            groups = frozenset(item.name.lower() for item in held if isinstance(item, Group))
            roles = frozenset(item.name.lower() for item in held if not isinstance(item, Group))
            asker = Asker(superuser=principal.superuser, groups=groups, roles=roles, label=label.lower())
            known = self._route = (principal, label, asker, self._workload.route(asker))
        return known[2], known[3]

    async def _is_short(self) -> bool:
        limit = self._workload.configuration.short_ms / 1_000
        took = await self.session.warehouse.estimates.seconds(self._key(), self._plan)
        return took is not None and took < limit

    def _key(self) -> str:
        return self._plan.shape if self._plan is not None else self.session.query_text
