"""How far back in the lake's versions the other servers read: each says so, and it only ever grows."""

from datetime import timedelta
from typing import Any, Final

from storage.coordination import SCHEMA, Coordination, slots_held

_LEFT: Final = timedelta(minutes=10)
"""How long what a server has said counts when it is not there: it may be between two connections."""
NEVER: Final = 2**62
"""A version that never comes."""
_TABLE: Final = (
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.horizons"
    " (slot int PRIMARY KEY, version bigint NOT NULL, told timestamptz NOT NULL)"
)
_TELL: Final = (
    f"INSERT INTO {SCHEMA}.horizons VALUES ($1, $2, now())"
    " ON CONFLICT (slot) DO UPDATE SET version = excluded.version, told = excluded.told"
)
_LEAVE: Final = f"DELETE FROM {SCHEMA}.horizons WHERE slot = $1"
_TOLD: Final = f"SELECT slot, version, told > now() - $1::interval FROM {SCHEMA}.horizons"


class Horizons:
    """What one server says, and what the others do."""

    def __init__(self, coordination: Coordination) -> None:
        """Speak by *coordination*."""
        self._coordination = coordination
        self._made = self._told = False

    async def tell(self, version: int) -> None:
        """Say that nobody here reads a version older than *version*; raises 08006."""
        if not self._made:
            await self._coordination.define(_TABLE)
            self._made = True
        slot = self._coordination.slot
        await self._coordination.ask(lambda connection: connection.execute(_TELL, slot, version))
        self._told = True

    async def others(self) -> int | None:
        """Return the oldest version that another server may read, None where one has not said; raises 08006.

        Where there is no other it is one that never comes.
        """

        async def work(connection: Any) -> tuple[frozenset[int], list[Any]]:
            return await slots_held(connection), await connection.fetch(_TOLD, _LEFT)

        present, rows = await self._coordination.ask(work)
        mine = self._coordination.slot
        told = {slot: version for slot, version, recent in rows if slot != mine and (recent or slot in present)}
        if not told.keys() >= present - {mine}:
            return None
        return min(told.values(), default=NEVER)

    async def leave(self) -> None:
        """Say nothing any more."""
        if self._told:
            await self._coordination.ask(lambda connection: connection.execute(_LEAVE, self._coordination.slot))
