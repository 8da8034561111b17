"""Numbers that no other server of the lake gives out: taken in ranges, before they are wanted."""

from collections import deque
from collections.abc import Iterator

from core.errors import SqlError
from core.sqlstate import SqlState
from storage.coordination import Coordination


class Allotment(Iterator[int]):
    """What one server may still give out of one kind of numbers."""

    def __init__(self, coordination: Coordination, name: str, size: int, above: int = 0) -> None:
        """Take ranges of *size* numbers *above* a number that is used already; ``fill`` comes first."""
        self._coordination = coordination
        self._name, self._size, self._above = name, size, above
        self._ranges: deque[range] = deque()
        self._left = 0

    async def fill(self) -> None:
        """Make sure that there is a whole range at least."""
        while self._left < self._size:
            above, self._above = self._above, 0
            more = await self._coordination.numbers(self._name, self._size, above)
            self._ranges.append(more)
            self._left += len(more)

    def __next__(self) -> int:
        """Return a number; raises 54000 where one statement wants more than a server has at hand."""
        if not self._ranges:
            raise SqlError(SqlState.PROGRAM_LIMIT_EXCEEDED, "too many objects are made by one statement")
        first = self._ranges[0]
        self._left -= 1
        if len(first) == 1:
            self._ranges.popleft()
        else:
            self._ranges[0] = first[1:]
        return first[0]
