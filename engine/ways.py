"""The ways in which reads that come at once become one statement, and which of them takes least.

Nothing tells beforehand: of a join it matters how many rows each read finds. So they are tried from small to large,
each only where the one before it took little, and what took too long for the event loop seldom again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_UNITED: Final = (1, 2, 4, 8)
"""How many reads a UNION ALL has."""
_JOINED: Final = (4, 16, 32)
"""How many are joined with what they ask for, at most: where there are fewer the last one is there more often."""
MOST: Final = 32
"""Reads of one statement."""
_FEWEST: Final = 4
"""How many are joined at least."""
_LONGEST_S: Final = 0.003
"""What a statement of several may take of the event loop."""
_MUCH: Final = 2
"""How many times as long is far too long."""
_OFTEN: Final = 3
"""What took far too long so often is not tried again."""
_FIRST_S: Final = {False: 0.00025, True: 0.0007}
"""What a read alone is taken for that nothing is known of, and a join where no read is alone."""
_GROWS: Final = 1.8
"""How many times longer than the one before it a way is taken for that was not tried yet."""
_TRIALS: Final = 3
"""How often a way is tried; the quickest counts, because the first times are slower than all others."""
_WEIGHT: Final = 0.25
"""How much a later statement counts against those before it."""
_FADES: Final = 0.999
"""What is left of what is known of a way each time that another is taken: it is tried again one day."""


@dataclass(slots=True, eq=False)
class Way:
    """How some reads become one statement."""

    size: int
    joined: bool
    before: "Way | None" = None
    """The smaller way that must have been tried."""
    name: str = ""
    """Its plan's, if that is kept."""
    seconds: float | None = None
    """Processor time of a statement, once one was measured."""
    _times: int = 0
    _long: int = 0

    @property
    def tried(self) -> bool:
        """Whether it is known what it takes."""
        return self._times >= _TRIALS

    @property
    def takes_s(self) -> float:
        """Processor time that a statement is expected to take."""
        if self.seconds is not None:
            return self.seconds
        return _FIRST_S[self.joined] if self.before is None else self.before.takes_s * _GROWS

    def serves(self, waiting: int) -> bool:
        """Tell whether so many are enough for it."""
        return waiting >= (_FEWEST if self.joined else self.size)

    @property
    def fits(self) -> bool:
        """Whether it is known to take no longer than it may, or is likely to."""
        if self.before is not None and not self.before.tried:
            return False
        begun = self.seconds is not None and not self.tried
        return self.size == 1 or self.takes_s <= _LONGEST_S * (_MUCH if begun else 1)

    def took(self, seconds: float) -> None:
        """Take note of what a statement took."""
        self._times += 1
        self._long += seconds > _MUCH * _LONGEST_S
        if self._long >= _OFTEN and self.size > 1:
            self.seconds = math.inf
        elif self._times <= _TRIALS or self.seconds is None:
            self.seconds = seconds if self.seconds is None else min(self.seconds, seconds)
        else:
            self.seconds += (seconds - self.seconds) * _WEIGHT


def ways(*, alone: bool, united: bool, joined: bool) -> list[Way]:
    """Return the ways of a read that can be one *alone*, one of several members, or of several that are joined."""
    found: list[Way] = []
    for size in _UNITED:
        if alone if size == 1 else united:
            found.append(Way(size, joined=False, before=found[-1] if found else None))
    # One scan, as of a read alone.
    before = found[0] if found else None
    for size in _JOINED if joined else ():
        before = Way(size, joined=True, before=before)
        found.append(before)
    return found


def best(known: Sequence[Way], waiting: int) -> Way | None:
    """Return the way that takes least for each of so many; one that was not tried yet before others."""
    able = [way for way in known if way.serves(waiting)]
    fitting = [way for way in able if way.fits]
    untried = [way for way in fitting if not way.tried]
    found = min(untried or fitting, key=lambda way: way.takes_s / min(way.size, waiting), default=None)
    for way in able:
        if way is not found and way.seconds is not None and way.tried:
            way.seconds *= _FADES
    return found
