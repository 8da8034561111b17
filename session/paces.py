"""Which reads of hot tables are so brief that they run on the event loop: those that have been so far.

A hand-over to a thread and back costs as much as such a read. The copies do not change and are small, and a read
of one of them takes about the same time with any number in it; one that does not goes back to the threads. What takes
too long there may be brief on the event loop, where nothing has to be woken up: so it is tried now and then.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from session.plans import Plan
    from session.warehouse import Cache

BRIEF_S: Final = 0.0015
"""Processor time that a brief read takes at most, on the whole."""
_LONG_S: Final = 0.01
"""What takes longer once never runs there again."""
_DOUBT_S: Final = 0.003
"""What a read is taken for that nothing is known of."""
_TRIED_S: Final = 0.005
"""What one may take on a thread that is tried on the loop."""
_TRIED: Final = 8
"""Of so many reads that could be tried one is."""
_WEIGHT: Final = 0.25
"""How much a run counts against those before it: one that other processes have held up is not the rule."""
_NEVER: Final = float("inf")
_GROWING: Final = re.compile(
    r"\b(?:JOIN|RECURSIVE|generate_series|range|unnest)\b|\bFROM\b.*\bFROM\b", re.IGNORECASE | re.DOTALL
)
"""What can make many rows of few, so that a number may decide how long it takes."""


@dataclass(slots=True)
class Pace:
    """How long the plans of one shape took."""

    seconds: float | None = None
    """None where nothing is known."""


class Paces:
    """How long the plans of all sessions took."""

    def __init__(self, cache: "Cache[str, Pace]") -> None:
        """Keep what is known in *cache*, by the plans' shapes."""
        self._cache = cache
        self._untried = 0

    def is_brief(self, plan: "Plan") -> bool:
        """Tell whether *plan* is known to be brief."""
        known = (plan.pace[0] if plan.pace else self._found(plan)).seconds
        return known is not None and known <= BRIEF_S

    def may_be_brief(self, plan: "Plan") -> bool:
        """Tell whether *plan* may run on the event loop, be it to try whether it is brief there."""
        known = (plan.pace[0] if plan.pace else self._found(plan)).seconds
        if known is None or known > _TRIED_S:
            return False
        return known <= BRIEF_S or self._is_tried()

    def _found(self, plan: "Plan") -> Pace:
        pace = self._cache.get(plan.shape)
        if pace is None:
            pace = Pace()
            self._cache.put(plan.shape, pace)
        plan.pace.append(pace)
        return pace

    def _is_tried(self) -> bool:
        self._untried = (self._untried + 1) % _TRIED
        return not self._untried

    def note(self, plan: "Plan", took_s: float, *, brief: bool = False) -> None:
        """Take note that *plan* took so long, on the event loop if it was taken for *brief*."""
        pace = plan.pace[0] if plan.pace else self._found(plan)
        known = pace.seconds
        if known == _NEVER:
            return
        if took_s > _LONG_S or (known is None and (len(plan.tables) > 1 or _GROWING.search(plan.shape))):
            pace.seconds = _NEVER
            return
        before = _DOUBT_S if known is None else known
        if brief and before > BRIEF_S:
            # What it took on the threads says nothing of what it takes here.
            pace.seconds = min(took_s, before)
            return
        pace.seconds = before + (took_s - before) * _WEIGHT
