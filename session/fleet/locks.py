"""Locks of a warehouse that several servers share: PostgreSQL's advisory locks, behind the interface of LockManager.

All of a server's transactions wait there, so that PostgreSQL's queues are fair to the sessions of all servers and its
search for deadlocks sees all of them. What a transaction holds is on a connection of its own and ends with it. Who
only reads a table takes no lock (``session.fleet.fleet``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from core.errors import SerializationFailure
from core.sqlstate import SqlState
from session.locks import LockManager, Mode
from storage.coordination import Coordination, Lease, key_of

_READ, _WRITE = "read", "write"
_PARTS: Final = {
    Mode.ACCESS_SHARE: ((_READ, True),),
    Mode.ROW_EXCLUSIVE: ((_WRITE, False),),
    Mode.SHARE_ROW_EXCLUSIVE: ((_WRITE, False),),
    Mode.ACCESS_EXCLUSIVE: ((_WRITE, False), (_READ, False)),
}
"""Mode → the advisory locks that make it, and whether each is shared: so each mode meets those that it must."""


@dataclass(slots=True)
class _Held:
    lease: Lease
    mode: Mode
    parts: list[tuple[int, bool]]


class FleetLocks(LockManager):
    """The locks of one of several servers. An owner is a session's number."""

    def __init__(self, coordination: Coordination, caught_up: Callable[[], Awaitable[None]]) -> None:
        """Take locks by *coordination*; *caught_up* is awaited after each, for what was waited for."""
        super().__init__()
        self._coordination = coordination
        self._caught_up = caught_up
        self._mine: dict[int, dict[Hashable, _Held]] = {}
        self._waiting: dict[int, tuple[Hashable, Mode]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def try_acquire(self, owner: int, key: Hashable, mode: Mode) -> bool:
        """Tell whether *owner* holds the lock already: to take one means to ask."""
        held = self._mine.get(owner, {}).get(key)
        return held is not None and held.mode >= mode

    async def attempt(self, owner: int, key: Hashable, mode: Mode) -> bool:
        """Take the lock on *key* if there is nothing to wait for; tell whether it was taken."""
        return await self._take(owner, key, mode, wait=False)

    async def acquire(self, owner: int, key: Hashable, mode: Mode) -> None:
        """Take the lock on *key*, waiting for its turn; raises 40P01, 08006."""
        self._waiting[owner] = (key, mode)
        try:
            await self._take(owner, key, mode, wait=True)
        finally:
            self._waiting.pop(owner, None)

    def hand_over(self, key: Hashable, owner: int, to: int) -> None:
        """Let *to* hold what *owner* holds of *key*."""
        held = self._mine[owner].pop(key)
        self._mine.setdefault(to, {})[key] = held

    def is_held_only_by(self, key: Hashable, owners: frozenset[int]) -> bool:
        """Tell whether nobody but *owners* holds *key*: of other servers that is not known."""
        return False

    def release_all(self, owner: int) -> None:
        """Give up everything that *owner* holds; PostgreSQL learns of it soon."""
        parts: dict[Lease, list[tuple[int, bool]]] = {}
        counts: dict[Lease, int] = {}
        for held in self._mine.pop(owner, {}).values():
            parts.setdefault(held.lease, []).extend(held.parts)
            counts[held.lease] = counts.get(held.lease, 0) + 1
        for lease, keys in parts.items():
            self._begin(self._released(lease, keys, counts[lease]))

    def held(self) -> Iterator[tuple[Hashable, int, Mode, bool]]:
        """Yield (key, owner, mode, granted) for every lock held or waited for by this server's sessions."""
        for owner, keys in self._mine.items():
            for key, held in keys.items():
                yield key, owner, held.mode, True
        for owner, (key, mode) in self._waiting.items():
            yield key, owner, mode, False

    def holds(self, owner: int) -> bool:
        """Tell whether *owner* has what it was given."""
        return all(held.lease.sound for held in self._mine.get(owner, {}).values())

    async def lasts(self, owner: int, key: Hashable) -> None:
        """Wait for as long as *owner* holds the lock on *key*."""
        await self._mine[owner][key].lease.lasts()

    def check(self, owner: int) -> None:
        """Raise 40001 where *owner* has lost a lock with its connection."""
        if not self.holds(owner):
            raise SerializationFailure(
                SqlState.SERIALIZATION_FAILURE,
                "1023: Serializable isolation violation on a table: its lock was lost with the catalogue's connection",
                hint="Run the transaction again.",
            )

    async def close(self) -> None:
        """Wait until what was given up is free."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _take(self, owner: int, key: Hashable, mode: Mode, *, wait: bool) -> bool:
        mine = self._mine.setdefault(owner, {})
        held = mine.get(key)
        if held is not None and held.mode >= mode:
            return True
        lease = held.lease if held is not None else await self._lease(mine)
        had = held.parts if held is not None else []
        taken: list[tuple[int, bool]] = []
        lease.held += 1
        try:
            for part, shared in _PARTS[mode]:
                number = key_of(key, part)
                if (number, shared) in had:
                    continue
                taken.append((number, shared))
                if not await lease.lock(number, shared=shared, wait=wait):
                    taken.pop()
                    self._give_up(lease, taken)
                    return False
        except BaseException:
            # One that was waited for in vain may have been granted in the last moment.
            self._give_up(lease, taken)
            raise
        if held is not None:
            lease.held -= 1
        mine[key] = _Held(lease, mode, [*had, *taken])
        self._mine[owner] = mine
        await self._caught_up()
        return True

    async def _lease(self, mine: dict[Hashable, _Held]) -> Lease:
        return next((held.lease for held in mine.values()), None) or await self._coordination.lease()

    def _give_up(self, lease: Lease, keys: list[tuple[int, bool]]) -> None:
        self._begin(self._released(lease, list(keys), 1))

    async def _released(self, lease: Lease, keys: list[tuple[int, bool]], count: int) -> None:
        await lease.unlock(keys)
        lease.held -= count
        if not lease.held:
            self._coordination.give_back(lease)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
