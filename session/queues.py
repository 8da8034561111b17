"""The queues as the system views show them: what is configured, who waits, who runs."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

from engine.wlm.configuration import MAINTENANCE, Names, Queue
from engine.wlm.pools import ServiceClass
from engine.wlm.tickets import State, Ticket
from engine.wlm.workload import Workload
from session.admission import Admission

if TYPE_CHECKING:
    from session.session import Session

_MICROSECONDS: Final = 1_000_000
_SYSTEM: Final = ((1, "Health Check", "health"), (2, "Metrics Collection", "metrics"), (3, "CM Stats", "cmstats"),
                  (4, "Operator", ""))  # fmt: skip
"""Service classes that Redshift keeps for itself: number, what it calls them, the label of their statements."""


def statements(session: "Session") -> list[dict[str, Any]]:
    """Return the statements that wait or run."""
    workload, now = session.warehouse.workload, session.warehouse.clock.monotonic()
    positions = {
        ticket: place
        for pool in {each.pool: None for each in workload.classes}
        for place, ticket in enumerate(pool.queued(now))
    }
    return [_statement(ticket, positions.get(ticket)) for ticket in workload.tickets if ticket.state is not State.DONE]


def _statement(ticket: Ticket, position: int | None) -> dict[str, Any]:
    owner, queue = ticket.owner, ticket.place.queue
    assert isinstance(owner, Admission)  # noqa: S101 - sessions are the only owners
    session = owner.session
    now = session.warehouse.clock.now().astimezone(UTC).replace(tzinfo=None)
    wait = ticket.queued_s - ticket.waited_s
    return {
        "pid": session.pid,
        "userid": session.user.oid,
        "xid": session.tx.number,
        "task": ticket.task,
        "query": session.query,
        "service_class": queue.number,
        "service_class_name": queue.name,
        "slots": ticket.slots,
        "state": ticket.state.value,
        "entered": now - timedelta(seconds=wait + ticket.executed_s),
        "queue_us": int(ticket.queued_s * _MICROSECONDS),
        "exec_us": int(ticket.executed_s * _MICROSECONDS),
        "priority": owner.shown_priority(ticket),
        "position": position,
        "returned": ticket.returned_rows,
        "scanned": ticket.scanned_rows,
    }


def classes(session: "Session") -> list[dict[str, Any]]:
    """Return the service classes, those among them that exist for Redshift's sake."""
    workload = session.warehouse.workload
    rows = [
        _idle(number, f"Service class for system user ({name})") for number, name, _ in _SYSTEM
    ] + [_idle(MAINTENANCE, "Service class for vacuum/analyze")]
    return rows + [_class(workload, each) for each in workload.classes]


def _idle(number: int, name: str) -> dict[str, Any]:
    return _row(Queue(number=number, name=name, concurrency=1)) | dict.fromkeys(
        ("waiting", "running", "serviced", "executed", "evicted"), 0
    )


def _class(workload: Workload, each: ServiceClass) -> dict[str, Any]:
    auto = workload.configuration.auto and each in workload.queues
    row = _row(each.queue) | {
        "waiting": each.waiting, "running": each.running, "serviced": each.serviced, "executed": each.executed,
        "evicted": each.evicted,
    }  # fmt: skip
    if auto:
        return row | {"strategy": "Auto WLM Queue", "slots": -1, "memory_mb": -1}
    return row | {"memory_mb": each.slot_bytes >> 20, "priority": "n/a"}


def _row(queue: Queue) -> dict[str, Any]:
    return {
        "service_class": queue.number,
        "name": queue.name,
        "strategy": "Fixed Concurrency Queue",
        "slots": queue.concurrency,
        "memory_mb": 0,
        "max_execution_time": queue.max_execution_time_ms,
        "users_wild": queue.users.wild,
        "labels_wild": queue.labels.wild,
        "roles_wild": queue.roles.wild,
        "scaling": "auto" if queue.concurrency_scaling else "off",
        "priority": queue.priority.shown,
    }


def conditions(session: "Session") -> list[dict[str, Any]]:
    """Return which statements go to which service class, in the order in which that is decided."""
    queues = session.warehouse.workload.configuration.queues
    found = [(f"(system user) and (query group: {label})" if label else "(system user)", number)
             for number, _, label in _SYSTEM]  # fmt: skip
    found.append(("(super user) and (query group: superuser)", session.warehouse.workload.superuser.queue.number))
    for queue in queues:
        found += [(words, queue.number) for words in _words(queue)]
    found.append(("(querytype: any)", queues[-1].number))
    return [
        {"id": place, "condition": words, "service_class": number}
        for place, (words, number) in enumerate(found, start=1)
    ]


def _words(queue: Queue) -> Iterator[str]:
    kinds: tuple[tuple[str, Names], ...] = (
        ("user role", queue.roles), ("query group", queue.labels), ("user group", queue.users)
    )  # fmt: skip
    for kind, names in kinds:
        for name in names.names:
            yield f"({kind}: {name})"


def rules(session: "Session") -> list[dict[str, Any]]:
    """Return the predicates of the queues' rules."""
    return [
        {
            "service_class": queue.number,
            "rule": rule.name,
            "action": rule.action.name.lower(),
            "metric": predicate.metric.name,
            "operator": predicate.operator,
            "value": float(predicate.value),
            "action_value": rule.value.name.lower() if rule.value is not None else "",
        }
        for queue in session.warehouse.workload.configuration.queues
        for rule in queue.rules
        for predicate in rule.predicates
    ]
