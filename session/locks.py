"""Table locks: Redshift's three modes and one for who adds rows, waiting in order, deadlocks found.

Redshift, "Managing concurrent write operations" and LOCK: readers take AccessShareLock, writers
ShareRowExclusiveLock (so writers of one table queue), DDL AccessExclusiveLock. Locks are held to the end
of the transaction. One server's sessions share one manager; nothing here blocks a thread. Where servers share
a lake, ``session.fleet.locks`` stands in its place.
"""

import asyncio
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState


class Mode(IntEnum):
    """Lock modes, weakest first; names as STV_LOCKS and PG_LOCKS show them."""

    ACCESS_SHARE = 1
    ROW_EXCLUSIVE = 2
    """Of who only adds rows that commit together with others' (``session.small_writes``)."""
    SHARE_ROW_EXCLUSIVE = 3
    ACCESS_EXCLUSIVE = 4


CONFLICTS: Final = {
    Mode.ACCESS_SHARE: frozenset({Mode.ACCESS_EXCLUSIVE}),
    Mode.ROW_EXCLUSIVE: frozenset({Mode.SHARE_ROW_EXCLUSIVE, Mode.ACCESS_EXCLUSIVE}),
    Mode.SHARE_ROW_EXCLUSIVE: frozenset({Mode.ROW_EXCLUSIVE, Mode.SHARE_ROW_EXCLUSIVE, Mode.ACCESS_EXCLUSIVE}),
    Mode.ACCESS_EXCLUSIVE: frozenset(Mode),
}
"""Mode → the modes of others that it cannot stand beside."""


@dataclass(eq=False, slots=True)
class _Waiter:
    owner: int
    mode: Mode
    granted: asyncio.Future[None]


@dataclass(slots=True)
class _Lock:
    holders: dict[int, Mode] = field(default_factory=dict)
    queue: list[_Waiter] = field(default_factory=list)


class LockManager:
    """All locks of one server. An owner is a session's number."""

    def __init__(self) -> None:
        """Start without locks."""
        self._locks: dict[Hashable, _Lock] = {}
        self._held: dict[int, set[Hashable]] = {}

    def try_acquire(self, owner: int, key: Hashable, mode: Mode) -> bool:
        """Take the lock on *key* if there is nothing to wait for; tell whether it was taken."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = _Lock()
            self._grant(lock, key, owner, mode)
            return True
        held = lock.holders.get(owner)
        if held is not None and held >= mode:
            return True
        # Who holds a weaker mode already goes before those who wait: waiting behind them would deadlock.
        if self._grantable(lock, owner, mode) and (held is not None or not self._blocked_by_queue(lock, mode)):
            self._grant(lock, key, owner, mode)
            return True
        return False

    async def attempt(self, owner: int, key: Hashable, mode: Mode) -> bool:
        """Take the lock on *key* if there is nothing to wait for; tell whether it was taken."""
        return self.try_acquire(owner, key, mode)

    async def acquire(self, owner: int, key: Hashable, mode: Mode) -> None:
        """Take the lock on *key*, waiting for its turn.

        Raises 40P01 where waiting would close a circle. A cancelled waiter leaves the queue.
        """
        if self.try_acquire(owner, key, mode):
            return
        lock = self._locks[key]
        held = lock.holders.get(owner)
        waiter = _Waiter(owner, mode, asyncio.get_running_loop().create_future())
        lock.queue.insert(0 if held is not None else len(lock.queue), waiter)
        if self._circular(owner):
            lock.queue.remove(waiter)
            raise SqlError(SqlState.DEADLOCK_DETECTED, "deadlock detected")
        try:
            await waiter.granted
        except BaseException:
            if waiter in lock.queue:
                lock.queue.remove(waiter)
            elif held is None:
                # Granted in the same turn of the loop in which the wait was given up.
                self._drop(key, owner)
            self._advance(key, lock)
            raise

    def hand_over(self, key: Hashable, owner: int, to: int) -> None:
        """Let *to* hold what *owner* holds of *key*."""
        lock = self._locks[key]
        lock.holders[to] = lock.holders.pop(owner)
        self._held[owner].discard(key)
        self._held.setdefault(to, set()).add(key)

    def is_held_only_by(self, key: Hashable, owners: frozenset[int]) -> bool:
        """Tell whether nobody but *owners* holds *key* or waits for it."""
        lock = self._locks.get(key)
        return lock is None or owners.issuperset((*lock.holders, *(waiter.owner for waiter in lock.queue)))

    def release(self, owner: int, key: Hashable) -> bool:
        """Give up what *owner* holds of *key*; tell whether that was anything."""
        held = key in self._held.get(owner, ())
        if held:
            self._held[owner].discard(key)
            self._drop(key, owner)
        return held

    def release_all(self, owner: int) -> None:
        """Give up everything that *owner* holds."""
        for key in self._held.pop(owner, set()):
            self._drop(key, owner)

    def held(self) -> Iterator[tuple[Hashable, int, Mode, bool]]:
        """Yield (key, owner, mode, granted) for every lock held or waited for."""
        for key, lock in self._locks.items():
            for owner, mode in lock.holders.items():
                yield key, owner, mode, True
            for waiter in lock.queue:
                yield key, waiter.owner, waiter.mode, False

    def _grantable(self, lock: _Lock, owner: int, mode: Mode) -> bool:
        bad = CONFLICTS[mode]
        # Nearly always all who hold a lock read.
        if bad.isdisjoint(lock.holders.values()):
            return True
        return not any(other != owner and held in bad for other, held in lock.holders.items())

    def _blocked_by_queue(self, lock: _Lock, mode: Mode) -> bool:
        return bool(lock.queue) and not CONFLICTS[mode].isdisjoint([waiter.mode for waiter in lock.queue])

    def _grant(self, lock: _Lock, key: Hashable, owner: int, mode: Mode) -> None:
        lock.holders[owner] = max(mode, lock.holders.get(owner, mode))
        self._held.setdefault(owner, set()).add(key)

    def _drop(self, key: Hashable, owner: int) -> None:
        lock = self._locks.get(key)
        if lock is None:
            return
        lock.holders.pop(owner, None)
        self._held.get(owner, set()).discard(key)
        self._advance(key, lock)

    def _advance(self, key: Hashable, lock: _Lock) -> None:
        while lock.queue:
            waiter = lock.queue[0]
            if not self._grantable(lock, waiter.owner, waiter.mode):
                break
            lock.queue.pop(0)
            self._grant(lock, key, waiter.owner, waiter.mode)
            if not waiter.granted.done():
                waiter.granted.set_result(None)
        if not lock.holders and not lock.queue:
            self._locks.pop(key, None)

    def _circular(self, start: int) -> bool:
        """Tell whether *start* waits, over others, for itself."""
        seen: set[int] = set()
        todo = [start]
        while todo:
            for other in self._waits_for(todo.pop()):
                if other == start:
                    return True
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        return False

    def _waits_for(self, owner: int) -> set[int]:
        result: set[int] = set()
        for lock in self._locks.values():
            for place, waiter in enumerate(lock.queue):
                if waiter.owner != owner:
                    continue
                bad = CONFLICTS[waiter.mode]
                result |= {other for other, held in lock.holders.items() if other != owner and held in bad}
                result |= {ahead.owner for ahead in lock.queue[:place] if ahead.owner != owner and ahead.mode in bad}
        return result
