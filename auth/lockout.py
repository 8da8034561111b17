"""Locking users out after wrong passwords: how many in a row, and what is known of each user's.

Redshift, "max_failed_login_attempts", "SHOW USER LOCKOUT". What a superuser locks (NOLOGIN) is kept with the user;
what wrong passwords lock is kept in memory, and a restart forgets it; several servers of a lake keep it together.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

ATTEMPTS: Final = 5
"""Wrong passwords in a row that lock a user, unless ALTER SYSTEM says otherwise."""
FEWEST, MOST = 2, 50
_USERS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Failures:
    """One user's wrong passwords since the last right one."""

    count: int = 0
    last: datetime | None = None
    locked: datetime | None = None


class Lockouts:
    """All users' wrong passwords, by OID."""

    def __init__(self) -> None:
        self._known: dict[int, Failures] = {}

    def of(self, user: int) -> Failures:
        """Return what is known of a user."""
        return self._known.get(user, Failures())

    def failed(self, user: int, now: datetime, most: int | None) -> None:
        """Count a wrong password; *most* in a row lock, None of them for None."""
        if user not in self._known and len(self._known) >= _USERS_MAX:
            return
        known = self.of(user)
        count = known.count + 1
        locked = known.locked or (now if most is not None and count >= most else None)
        self._known[user] = replace(known, count=count, last=now, locked=locked)

    def replace(self, known: dict[int, Failures]) -> None:
        """Go on with what is *known* of all users."""
        self._known = known

    def forget(self, user: int) -> None:
        """Take note of a right password, or that the user was let in again."""
        self._known.pop(user, None)
