"""How long a statement will take and what it will need, from how long its like took and how large its tables are.

Asked only where a statement is not alone: it decides whether it runs among short queries, and beside which others.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from core.errors import SqlError
from storage.lake import qualified
from storage.sizes import sizes

if TYPE_CHECKING:
    from session.plans import Plan
    from session.warehouse import Cache, Warehouse

_log = logging.getLogger(__name__)
_ROWS_A_SECOND: Final = 2_000_000
"""What one core gets through at least, of a scan with an aggregate."""
_WORTH: Final = 0.3
"""How much the last run counts against those before it."""
_UNPACKED: Final = 3
"""How many times larger rows are in memory than in their files."""
_PAUSE: Final = 10
"""How many times longer than a look the pause after it is."""
_BLOCKING: Final = frozenset({"hashjoin", "nestloop", "aggregate", "window", "unique", "sort"})
"""Steps that hold rows."""
_HARD: Final = frozenset({"nestloop"})
"""Steps whose work does not follow from the rows that are read."""


class Estimates:
    """What is known of statements and tables, for all sessions."""

    def __init__(self, warehouse: "Warehouse", cache: "Cache[str, float]") -> None:
        """Look at *warehouse*'s tables; *cache* holds how long statements took."""
        self._warehouse = warehouse
        self._took = cache
        self._sizes: dict[int, tuple[int, int]] = {}
        self._looked_at = -1
        self._looking: asyncio.Task[None] | None = None
        self._again = 0.0
        """When there may be another look: where tables are written all the time, looks must not be all that is done."""

    def note(self, key: str, took_s: float, *, ended: bool) -> None:
        """Take note that a statement took so long, or at least so long where it was stopped before its end."""
        before = self._took.get(key)
        if not ended and (before is None or took_s < before):
            return
        self._took.put(key, took_s if before is None else before + (took_s - before) * _WORTH)

    async def seconds(self, key: str, plan: "Plan | None") -> float | None:
        """Return how long a statement will take, None where nobody knows."""
        took = self._took.get(key)
        if took is not None or plan is None or plan.external or not _HARD.isdisjoint(plan.translated.steps):
            return took
        self._look()
        if self._looking is not None:
            await asyncio.shield(self._looking)
        found = [self._sizes.get(oid) for oid in plan.tables]
        if any(size is None for size in found):
            return None
        steps = 1 + sum(step in _BLOCKING for step in plan.translated.steps)
        return sum(size[0] for size in found if size is not None) * steps / _ROWS_A_SECOND

    def rows(self, plan: "Plan") -> int:
        """Return how many rows the tables have that *plan* reads, as far as that is known."""
        self._look()
        return sum(size[0] for oid in plan.tables if (size := self._sizes.get(oid)) is not None)

    def stored(self, plan: "Plan") -> int:
        """Return how many bytes the tables have that *plan* reads, as far as that is known."""
        self._look()
        return sum(size[1] for oid in plan.tables if (size := self._sizes.get(oid)) is not None)

    def memory(self, plan: "Plan") -> int:
        """Return how many bytes *plan* needs at most, as far as that is known."""
        if not plan.tables:
            return 0
        self._look()
        if _BLOCKING.isdisjoint(plan.translated.steps):
            return 0
        return _UNPACKED * sum(size[1] for oid in plan.tables if (size := self._sizes.get(oid)) is not None)

    def _look(self) -> None:
        """Have the tables' sizes looked up again, if any has changed since."""
        changes, loop = self._warehouse.scans.changes, asyncio.get_running_loop()
        if self._looking is None and changes != self._looked_at and loop.time() >= self._again:
            self._looked_at = changes
            self._looking = loop.create_task(self._read())

    async def _read(self) -> None:
        warehouse = self._warehouse
        state = warehouse.store.state
        begun = asyncio.get_running_loop().time()
        engine = warehouse.connect()
        try:
            self._sizes = await engine.work(
                lambda: {
                    oid: (size.rows, size.size_bytes)
                    for places in ({item.engine_name: item.oid for item in state.relations() if item.engine_name},)
                    for size in sizes(warehouse.database)
                    if (oid := places.get(qualified(size.schema, size.table))) is not None
                }
            )
        except SqlError as error:
            _log.warning("could not look up the tables' sizes", extra={"state": error.state.value})
        finally:
            ended = asyncio.get_running_loop().time()
            self._looking, self._again = None, ended + _PAUSE * (ended - begun)
            engine.close()
