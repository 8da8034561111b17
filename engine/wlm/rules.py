"""Query monitoring rules: what is measured of a statement, and what follows where that goes beyond a limit.

Redshift, "WLM query monitoring rules". A metric that this server does not measure is refused when the
configuration is read: a rule that could never be true would only seem to protect.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Protocol

from core.option_values import ConfigError

PREDICATES_MAX: Final = 3
_NAME: Final = re.compile(r"[A-Za-z0-9_]{1,32}")


class Priority(IntEnum):
    """How important a statement is: of those that wait, the most important one runs next."""

    LOWEST = 0
    LOW = 1
    NORMAL = 2
    HIGH = 3
    HIGHEST = 4
    CRITICAL = 5

    @property
    def shown(self) -> str:
        """Return the name as the system views show it."""
        return _SHOWN[self]


_SHOWN: Final = tuple(priority.name.capitalize() for priority in Priority)


class Action(IntEnum):
    """What a rule does, the more severe the greater: of several rules only the most severe one acts."""

    LOG = 0
    CHANGE_QUERY_PRIORITY = 1
    HOP = 2
    ABORT = 3


class Measured(Protocol):
    """A statement that is being watched."""

    @property
    def executed_s(self) -> float:
        """Seconds since it was let in."""
        ...

    @property
    def queued_s(self) -> float:
        """Seconds that it has waited."""
        ...

    @property
    def priority(self) -> Priority:
        """How important it is."""
        ...

    @property
    def returned_rows(self) -> int:
        """Rows that its client has been sent."""
        ...

    @property
    def scanned_rows(self) -> int:
        """Rows of the tables that it reads."""
        ...

    @property
    def spent(self) -> "Spent":
        """What it has cost, once it has ended."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a statement has cost, as the engine counts it."""

    processor_s: float = 0.0
    """Of all threads."""
    joined_rows: int = 0
    """Rows of the largest join's result."""
    nested_rows: int = 0
    """The same of joins that compare every row with every other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """Something that is measured of a statement."""

    name: str
    read: Callable[[Measured], float]
    doc: str
    late: bool = False
    """Whether it is known when the statement has ended, and no sooner: a rule can only log then."""


# fmt: off
METRICS: Final = (
    Metric(name="join_row_count", read=lambda it: it.spent.joined_rows, late=True,
           doc="Rows that came out of a join."),
    Metric(name="nested_loop_join_row_count", read=lambda it: it.spent.nested_rows, late=True,
           doc="Rows that came out of a join of every row with every other."),
    Metric(name="query_cpu_time", read=lambda it: it.spent.processor_s, late=True,
           doc="Seconds of processor time, of all threads together."),
    Metric(name="query_cpu_usage_percent", read=lambda it: it.spent.processor_s / max(it.executed_s, 1e-3) * 100,
           late=True, doc="That in percent of the time that it ran: 100 is one core."),
    Metric(name="query_execution_time", read=lambda it: it.executed_s, doc="Seconds since the statement was let in."),
    Metric(name="query_priority", read=lambda it: it.priority, doc="lowest, low, normal, high or highest."),
    Metric(name="query_queue_time", read=lambda it: it.queued_s, doc="Seconds that it waited; goes with no hop."),
    Metric(name="return_row_count", read=lambda it: it.returned_rows, doc="Rows that were sent to the client."),
    Metric(name="scan_row_count", read=lambda it: it.scanned_rows, doc="Rows of the tables that it reads."),
)
# fmt: on
BY_NAME: Final = {metric.name: metric for metric in METRICS}
UNMEASURED: Final = frozenset({
    "cpu_skew", "io_skew", "query_blocks_read", "query_temp_blocks_to_disk", "segment_execution_time",
    "spectrum_scan_row_count", "spectrum_scan_size_mb",
})  # fmt: skip
"""Redshift's other metrics."""
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "=": lambda found, limit: found == limit,
    "<": lambda found, limit: found < limit,
    ">": lambda found, limit: found > limit,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """One condition of a rule."""

    metric: Metric
    operator: str
    value: float

    def holds(self, statement: Measured) -> bool:
        """Tell whether *statement* is beyond the limit."""
        found = self.metric.read(statement)
        # Times are compared in whole seconds, as they are configured.
        return _COMPARE[self.operator](int(found) if self.operator == "=" else found, self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule of a queue: where all its predicates hold, its action follows."""

    name: str
    predicates: tuple[Predicate, ...]
    action: Action
    value: Priority | None = None
    """What CHANGE_QUERY_PRIORITY sets."""

    def holds(self, statement: Measured) -> bool:
        """Tell whether the rule is met."""
        return all(predicate.holds(statement) for predicate in self.predicates)

    @property
    def late(self) -> bool:
        """Whether it can be judged when the statement has ended, and no sooner."""
        return any(predicate.metric.late for predicate in self.predicates)

    def reads(self, metric: str) -> bool:
        """Tell whether a predicate looks at *metric*."""
        return any(predicate.metric.name == metric for predicate in self.predicates)


def read_rules(given: object, where: str, *, auto: bool) -> tuple[Rule, ...]:
    """Return the rules of one queue, by name; raises ``ConfigError``."""
    if not isinstance(given, list):
        raise ConfigError(f"{where}: rules must be a list")
    rules = [_rule(item, f"{where}: rule {number}", auto=auto) for number, item in enumerate(given, start=1)]
    return tuple(sorted(rules, key=lambda rule: rule.name))


def read_priority(given: object, where: str) -> Priority:
    """Return the priority that a configuration names; raises ``ConfigError``."""
    names = [level.name.lower() for level in Priority if level is not Priority.CRITICAL]
    if not isinstance(given, str) or given.lower() not in names:
        raise ConfigError(f"{where} must be one of {', '.join(names)}")
    return Priority[given.upper()]


def _rule(given: object, where: str, *, auto: bool) -> Rule:
    item = _object(given, where, {"rule_name", "predicate", "action", "value"})
    name = item.get("rule_name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: rule_name must be up to 32 letters, digits or underscores")
    where = f"{where} ({name})"
    predicates = item.get("predicate")
    if not isinstance(predicates, list) or not 1 <= len(predicates) <= PREDICATES_MAX:
        raise ConfigError(f"{where} must have one to {PREDICATES_MAX} predicates")
    action = _action(item.get("action"), where, auto=auto)
    changes = action is Action.CHANGE_QUERY_PRIORITY
    value = read_priority(item.get("value"), f"{where}: value") if changes else None
    rule = Rule(name=name, predicates=tuple(_predicate(each, where) for each in predicates), action=action, value=value)
    if rule.late and action is not Action.LOG:
        late = next(predicate.metric.name for predicate in rule.predicates if predicate.metric.late)
        raise ConfigError(f"{where}: {late} is known when a statement has ended: the action must be log")
    if action is Action.HOP and rule.reads("query_queue_time"):
        raise ConfigError(f"{where}: the action hop does not go with query_queue_time")
    return rule


def _action(given: object, where: str, *, auto: bool) -> Action:
    if not isinstance(given, str) or given.upper() not in Action.__members__:
        raise ConfigError(f"{where}: action must be one of {', '.join(action.name.lower() for action in Action)}")
    action = Action[given.upper()]
    if action is Action.HOP and auto:
        raise ConfigError(f"{where}: the action hop needs manual queues")
    if action is Action.CHANGE_QUERY_PRIORITY and not auto:
        raise ConfigError(f"{where}: the action change_query_priority needs automatic WLM")
    return action


def _predicate(given: object, where: str) -> Predicate:
    item = _object(given, f"{where}: predicate", {"metric_name", "operator", "value"})
    metric = _metric(item.get("metric_name"), where)
    operator, value = item.get("operator"), item.get("value")
    if operator not in _COMPARE:
        raise ConfigError(f'{where}: the operator of {metric.name} must be one of "=", "<", ">"')
    if metric.name == "query_priority":
        return Predicate(metric=metric, operator=str(operator), value=read_priority(value, f"{where}: {metric.name}"))
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ConfigError(f"{where}: the value of {metric.name} must be a number of at least 0")
    return Predicate(metric=metric, operator=str(operator), value=value)


def _metric(name: object, where: str) -> Metric:
    found = BY_NAME.get(name) if isinstance(name, str) else None
    if found is not None:
        return found
    known = ", ".join(BY_NAME)
    if name in UNMEASURED:
        raise ConfigError(f'{where}: the metric "{name}" is not measured by this server, which knows {known}')
    raise ConfigError(f'{where}: unknown metric "{name}", known are {known}')


def _object(given: object, where: str, keys: set[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise ConfigError(f"{where} must be an object")
    for key in given:
        if key not in keys:
            raise ConfigError(f'{where}: unknown key "{key}"')
    return given
