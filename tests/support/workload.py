"""Queues without an engine, and statements that tell what was done to them."""

import json
from typing import Any

from core.clock import SystemClock
from core.errors import Canceled
from engine.wlm.configuration import AUTOMATIC, Asker, read
from engine.wlm.rules import Rule, Spent
from engine.wlm.tickets import READING, Ticket, Treatment
from engine.wlm.workload import Capacity, Workload


class Owner:
    """A statement that tells what was done to it."""

    query = 7
    expected_bytes = 0
    spent = Spent()

    def __init__(self) -> None:
        self.returned_rows = self.scanned_rows = 0
        self.reasons: list[Canceled] = []
        self.actions: list[tuple[str, str]] = []
        self.evictions = 0

    def interrupt(self, reason: Canceled) -> None:
        self.reasons.append(reason)

    def evicted(self, ticket: Ticket) -> None:
        self.evictions += 1

    def acted(self, ticket: Ticket, rule: Rule, action: str) -> None:
        self.actions.append((rule.name, action))


def workload(*items: object, workers: int = 16, length: int = 100, memory: int = 1_000) -> Workload:
    configuration = read(json.dumps(items) if items else AUTOMATIC)
    return Workload(configuration, Capacity(workers=workers, memory_bytes=memory, queue_length=length), SystemClock())


def ticket(load: Workload, asker: Asker | None = None, treatment: Treatment = READING, **more: Any) -> Ticket:
    asker = asker or Asker()
    return Ticket(
        owner=Owner(), asker=asker, treatment=treatment, place=load.route(asker), clock=load.clock, task=7, **more
    )


def owner(of: Ticket) -> Owner:
    assert isinstance(of.owner, Owner)
    return of.owner
