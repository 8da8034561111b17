"""Passwords that are good for minutes: GetClusterCredentials' and their kin.

A password is made here, given out once and kept as verifiers only, bound to the name that it logs in with
(``IAM:ann``), to the database user that this means, and where one was named to a database. They are in memory:
a restart ends them. Several may be good for one name at a time, so all of a name have one salt: the challenge
is the same whichever the client holds.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from auth.exchange import Entry, Temporary
from auth.verifiers import make_md5, make_scram, mock_scram
from core.clock import Clock

PREFIXES: Final = ("IAM:", "IAMA:", "IAMR:")
_PASSWORD_BYTES: Final = 48
_AT_ONCE: Final = 32
"""Passwords of one name that are good at a time; a further one ends the oldest."""


@dataclass(frozen=True, slots=True)
class _Issued:
    database: str | None
    expires: datetime
    temporary: Temporary


class TemporaryPasswords:
    """All of one server."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        """Make salts of *secret*, as they are made for names that do not exist."""
        self._secret = secret
        self._clock = clock
        self._issued: dict[str, tuple[_Issued, ...]] = {}

    def issue(self, login: str, entry: Entry, *, database: str | None, lifetime: timedelta) -> tuple[str, datetime]:
        """Return a new password with which *login* comes in as *entry*, and when it ends."""
        self._forget()
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        salt = mock_scram(login, self._secret).salt
        temporary = Temporary(make_scram(password, salt=salt), make_md5(password, login), entry)
        expires = self._clock.now() + lifetime
        # Replaced and never changed: other threads read it.
        kept = self._issued.get(login, ())[1 - _AT_ONCE :]
        self._issued[login] = (*kept, _Issued(database, expires, temporary))
        return password, expires

    def good(self, login: str, database: str) -> tuple[Temporary, ...]:
        """Return what is good for *login* in *database* now."""
        now = self._clock.now()
        return tuple(
            issued.temporary
            for issued in self._issued.get(login, ())
            if issued.expires > now and issued.database in {None, database}
        )

    def _forget(self) -> None:
        now = self._clock.now()
        for login, kept in list(self._issued.items()):
            left = tuple(issued for issued in kept if issued.expires > now)
            if left:
                self._issued[login] = left
            else:
                del self._issued[login]
