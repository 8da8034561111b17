"""Who may interrupt which session: the keys handed out in BackendKeyData.

A key is compared in constant time and never logged. PostgreSQL, "Canceling Requests in Progress".
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Entry:
    secret: bytes
    cancel: Callable[[], None]


class CancelKeys:
    """The live sessions' keys."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self.elsewhere: Callable[[int, bytes], None] = _nowhere
        """What takes requests for sessions that are not here; whoever knows other servers sets it."""

    def add(self, pid: int, secret: bytes, cancel: Callable[[], None]) -> None:
        """Let whoever knows *secret* call *cancel*."""
        self._entries[pid] = _Entry(secret, cancel)

    def remove(self, pid: int) -> None:
        """Forget a session that has ended."""
        self._entries.pop(pid, None)

    def request(self, pid: int, secret: bytes) -> None:
        """Interrupt session *pid*, here or elsewhere, if the secret is right."""
        if not self.obey(pid, secret) and pid not in self._entries:
            self.elsewhere(pid, secret)

    def obey(self, pid: int, secret: bytes) -> bool:
        """Interrupt session *pid* of this server if the secret is right; return whether it was."""
        entry = self._entries.get(pid)
        # A stranger's pid costs the same comparison as a wrong secret.
        expected = entry.secret if entry else bytes(len(secret))
        right = hmac.compare_digest(expected, secret)
        if entry is None or not right:
            return False
        entry.cancel()
        return True


def _nowhere(pid: int, secret: bytes) -> None:
    return
