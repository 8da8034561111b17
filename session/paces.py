"""Which reads of hot tables are so brief that they run on the event loop: those that have been so far.

A hand-over to a thread and back costs as much as such a read. The copies do not change and are small, and a read
of one of them takes about the same time with any number in it; one that does not goes back to the threads.
"""

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from session.plans import Plan
    from session.warehouse import Cache

BRIEF_S: Final = 0.001
"""Processor time that a brief read takes at most."""
_LONG_S: Final = 0.01
"""What takes longer once never runs there again."""
_TRIALS: Final = 3
"""How many brief runs on a thread, one after the other, it takes to be trusted."""
_NEVER: Final = -1
_GROWING: Final = re.compile(
    r"\b(?:JOIN|RECURSIVE|generate_series|range|unnest)\b|\bFROM\b.*\bFROM\b", re.IGNORECASE | re.DOTALL
)
"""What can make many rows of few, so that a number may decide how long it takes."""


class Paces:
    """How long the plans of all sessions took."""

    def __init__(self, cache: "Cache[str, int]") -> None:
        """Keep what is known in *cache*: how often a shape was brief."""
        self._cache = cache

    def is_brief(self, plan: "Plan") -> bool:
        """Tell whether *plan* may run on the event loop."""
        return (self._cache.get(plan.shape) or 0) >= _TRIALS

    def note(self, plan: "Plan", took_s: float) -> None:
        """Take note that *plan* took so long."""
        seen = self._cache.get(plan.shape) or 0
        if seen == _NEVER or (seen >= _TRIALS and took_s <= BRIEF_S):
            return
        if took_s > _LONG_S or len(plan.tables) > 1 or _GROWING.search(plan.shape):
            self._cache.put(plan.shape, _NEVER)
        else:
            self._cache.put(plan.shape, seen + 1 if took_s <= BRIEF_S else 0)
