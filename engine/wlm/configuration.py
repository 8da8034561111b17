"""The queues that ``wlm_json_configuration`` describes, checked: Redshift's own JSON, as a parameter group has it.

Redshift Management Guide, "Workload management": a list of queues whose last one is the default queue, and
beside them perhaps ``{"short_query_queue": true}``.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

from core.option_values import ConfigError
from engine.wlm.rules import Priority, Rule, read_priority, read_rules

WHERE: Final = "wlm.json_configuration"
AUTOMATIC: Final = '[{"auto_wlm":true}]'
"""Redshift's default."""
SUPERUSER: Final = 5
SHORT: Final = 14
MAINTENANCE: Final = 15
_MANUAL: Final = 6
_AUTO: Final = 100
_LENGTH_MAX: Final = 8_000
_QUEUES_MAX: Final = 8
_SLOTS_MAX: Final = 50
_RULES_MAX: Final = 25
_SHORT_MS: Final = 5_000
"""What a short query takes at most where nothing is said: Redshift's advice for most."""
_SHORT_MAX: Final = 20_000
_CONCURRENCY: Final = 5
_NAME: Final = re.compile(r"[A-Za-z0-9_ ]{1,64}")
_SHORT_KEYS: Final = frozenset({"short_query_queue", "max_execution_time"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who runs a statement, as far as that decides which queue it goes to; names are folded."""

    superuser: bool = False
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    label: str = ""
    """``query_group``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Groups, roles or labels whose statements a queue takes."""

    names: tuple[str, ...] = ()
    wild: bool = False
    """Whether ``*`` and ``?`` stand for any characters."""

    def take(self, held: frozenset[str]) -> bool:
        """Tell whether one of *held* is meant."""
        if not self.names or not held:
            return False
        if not self.wild:
            return any(name in held for name in self.names)
        return any(fnmatchcase(each, name.replace("[", "[[]")) for name in self.names for each in held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue, as it is configured."""

    number: int
    """Its service class."""
    name: str
    concurrency: int = 0
    """Slots; 0: the server chooses."""
    priority: Priority = Priority.NORMAL
    users: Names = Names()
    roles: Names = Names()
    labels: Names = Names()
    memory_percent: float = 0.0
    max_execution_time_ms: int = 0
    """0: no limit."""
    concurrency_scaling: bool = False
    """Taken; there is no other cluster to run on."""
    rules: tuple[Rule, ...] = ()
    engine: str = ""
    """Which engine runs its queries, ``spark`` or ``duckdb``; empty: whichever fits."""

    def takes(self, asker: Asker) -> bool:
        """Tell whether statements of *asker* belong here."""
        return (
            self.roles.take(asker.roles)
            or self.users.take(asker.groups)
            or self.labels.take(frozenset((asker.label,)) if asker.label else frozenset())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All queues; the last is the default queue."""

    text: str
    auto: bool
    queues: tuple[Queue, ...]
    short_ms: int = 0
    """How long a short query takes at most; 0: short ones are not treated otherwise."""

    @property
    def slots(self) -> int:
        """Slots of all queues together, 0 where the server chooses."""
        return sum(queue.concurrency for queue in self.queues)


def read(text: str) -> Configuration:
    """Return the configuration that *text* is; raises ``ConfigError``."""
    if len(text) > _LENGTH_MAX:
        raise ConfigError(f"{WHERE} has more than {_LENGTH_MAX} characters")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ConfigError(f"{WHERE} is not JSON: {error}") from None
    items = document if isinstance(document, list) else [document]
    if not all(isinstance(item, dict) for item in items):
        raise ConfigError(f"{WHERE} must be a list of objects")
    short = [item for item in items if "short_query_queue" in item and not item.keys() - _SHORT_KEYS]
    given = [item for item in items if item not in short] or [{"auto_wlm": True}]
    auto = any(_truth(item.get("auto_wlm", False)) or item.get("queue_type") == "auto" for item in given)
    if len(given) > _QUEUES_MAX:
        raise ConfigError(f"{WHERE} has more than {_QUEUES_MAX} queues")
    queues = [_queue(item, number, len(given), auto=auto) for number, item in enumerate(given)]
    _check(queues)
    return Configuration(
        text=text, auto=auto, queues=tuple(queues if auto else _shared(queues)), short_ms=_short(short, auto=auto)
    )


def _queue(item: Mapping[str, Any], number: int, count: int, *, auto: bool) -> Queue:
    where = f"{WHERE}: queue {number + 1}"
    for key in item:
        if key not in _KEYS:
            near = get_close_matches(key, _KEYS, n=1, cutoff=0.0)
            raise ConfigError(f'{where}: unknown key "{key}", did you mean "{near[0]}"?')
    if auto and item.get("queue_type") == "manual":
        raise ConfigError(f"{where}: queue_type is manual, but automatic WLM is on")
    name = item.get("name") or ("Default queue" if number == count - 1 else f"Queue {number + 1}")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: name must be up to 64 letters, digits, underscores or spaces")
    whole = _whole(where, item)
    return Queue(
        number=(_AUTO if auto else _MANUAL) + number,
        name=name,
        concurrency=0 if auto else whole("query_concurrency", _CONCURRENCY, 1, _SLOTS_MAX),
        priority=read_priority(item["priority"], f"{where}: priority") if "priority" in item else Priority.NORMAL,
        users=_names(item, "user_group", where),
        roles=_names(item, "user_role", where),
        labels=_names(item, "query_group", where),
        memory_percent=whole("memory_percent_to_use", 0, 0, 100),
        max_execution_time_ms=whole("max_execution_time", 0, 0, None),
        concurrency_scaling=item.get("concurrency_scaling") == "auto",
        rules=read_rules(item.get("rules", []), where, auto=auto),
        engine=_engine(item, where),
    )


_KEYS: Final = (
    "auto_wlm", "concurrency_scaling", "engine", "max_execution_time", "memory_percent_to_use", "name", "priority",
    "query_concurrency", "query_group", "query_group_wild_card", "queue_type", "rules", "short_query_queue",
    "user_group", "user_group_wild_card", "user_role", "user_role_wild_card",
)  # fmt: skip


def _check(queues: list[Queue]) -> None:
    names = [queue.name for queue in queues]
    rules = [rule.name for queue in queues for rule in queue.rules]
    for what, found in (("queues", names), ("rules", rules)):
        if len(set(found)) < len(found):
            raise ConfigError(f"{WHERE}: two {what} have the same name")
    for what, number, most in (
        ("slots", sum(queue.concurrency for queue in queues), _SLOTS_MAX),
        ("percent of memory", sum(queue.memory_percent for queue in queues), 100),
        ("rules", len(rules), _RULES_MAX),
    ):
        if number > most:
            raise ConfigError(f"{WHERE}: the queues have {number} {what} together, at most {most} are possible")


def _shared(queues: list[Queue]) -> list[Queue]:
    """Give queues without a part of the memory equal parts of what is left."""
    without = [queue for queue in queues if not queue.memory_percent]
    left = 100 - sum(queue.memory_percent for queue in queues)
    return [
        queue if queue.memory_percent else replace(queue, memory_percent=left / len(without)) for queue in queues
    ]


def _short(items: list[dict[str, Any]], *, auto: bool) -> int:
    # The default parameter group, which has automatic WLM, has it on.
    if not items:
        return _SHORT_MS if auto else 0
    if not _truth(items[-1]["short_query_queue"]):
        return 0
    where = f"{WHERE}: short_query_queue"
    return _whole(where, items[-1])("max_execution_time", 0, 0, _SHORT_MAX) or _SHORT_MS


def _whole(where: str, item: Mapping[str, Any]) -> Callable[[str, int, int, int | None], int]:
    def number(key: str, default: int, least: int, most: int | None) -> int:
        value = item.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ConfigError(f"{where}: {key} must be a whole number")
        if value < least or (most is not None and value > most):
            bounds = f"at least {least}" if most is None else f"between {least} and {most}"
            raise ConfigError(f"{where}: {key} must be {bounds}")
        return value

    return number


def _names(item: Mapping[str, Any], key: str, where: str) -> Names:
    given = item.get(key, [])
    found = given.split(",") if isinstance(given, str) else given
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise ConfigError(f"{where}: {key} must be a list of names")
    names = tuple(folded for name in found if (folded := name.strip().lower()))
    return Names(names=names, wild=_truth(item.get(f"{key}_wild_card", 0)))


def _engine(item: Mapping[str, Any], where: str) -> str:
    found = item.get("engine", "")
    if found not in {"", "duckdb", "spark"}:
        raise ConfigError(f"{where}: engine must be duckdb or spark")
    return str(found)


def _truth(value: object) -> bool:
    return value in (True, 1, "1", "true", "on")
