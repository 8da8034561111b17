"""The sessions in which the Data API runs statements: one for a request, or one that is kept between requests.

Redshift, "Reusing a session": SessionKeepAliveSeconds keeps a session after its statement, SessionId runs
another in it, one at a time.
"""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from api.errors import ApiError, invalid
from api.identities import Caller
from auth.exchange import Entry
from core.clock import Clock
from core.errors import Canceled, ConnectionFatal
from session.session import Session
from session.sessions import SessionFactory

APPLICATION: Final = "RedshiftDataAPI"
_PROTOCOL: Final = (3, 0)
_KEPT: Final = 500


@dataclass(slots=True, kw_only=True)
class Held:
    """A session, from before it is opened."""

    id: str
    owner: str
    user: str
    database: str
    caller: Caller
    cluster: str
    workgroup: str
    created: datetime
    updated: datetime
    keep_s: int = 0
    """Seconds that it is kept after a statement; 0 ends it then."""
    session: Session | None = None
    busy: bool = True
    statement: str = ""
    """The identifier of what runs in it."""
    closed: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    @property
    def ends(self) -> datetime:
        """When it ends if it is not used."""
        return self.updated + timedelta(seconds=self.keep_s)


class Desk:
    """Opens, lends and ends sessions."""

    def __init__(self, sessions: SessionFactory, clock: Clock) -> None:
        """Open sessions by *sessions*."""
        self._factory = sessions
        self._clock = clock
        self._kept: dict[str, Held] = {}
        self._open: dict[int, Held] = {}
        """By the session's number."""
        self._closing: set[asyncio.Task[None]] = set()

    def new(self, caller: Caller, user: str, database: str, keep_s: int, *, cluster: str, workgroup: str) -> Held:
        """Return a session that is opened when it is first needed; raises where too many are kept."""
        now = self._clock.now()
        held = Held(
            id=str(uuid.uuid4()),
            owner=caller.arn,
            user=user,
            database=database,
            caller=caller,
            cluster=cluster,
            workgroup=workgroup,
            created=now,
            updated=now,
            keep_s=keep_s,
        )
        if keep_s:
            if sum(not item.closed for item in self._kept.values()) >= _KEPT:
                raise ApiError(
                    "ActiveSessionsExceededException", f"The number of sessions exceeds the limit of {_KEPT}."
                )
            self._kept[held.id] = held
        return held

    def take(self, caller: Caller, identifier: str, keep_s: int | None) -> Held:
        """Return a kept session of the caller's that is free; it is busy from now on."""
        held = self._kept.get(identifier)
        if held is None or held.owner != caller.arn or held.closed:
            raise ApiError("ResourceNotFoundException", "Session is not available.", ResourceId=identifier)
        if held.busy:
            raise invalid("Session is busy: it runs one statement at a time.")
        held.busy = True
        if keep_s is not None:
            held.keep_s = keep_s
        if held.timer is not None:
            held.timer.cancel()
        return held

    def of(self, owner: str) -> Iterator[Held]:
        """Yield the kept sessions of *owner*, newest first."""
        return (held for held in reversed(list(self._kept.values())) if held.owner == owner)

    async def session(self, held: Held) -> Session:
        """Return the session itself, opened now if need be; raises ``ConnectionFatal``."""
        if held.session is None:
            held.session = await self._factory.open(
                user=held.user,
                database=held.database,
                parameters={"application_name": APPLICATION},
                peer=held.caller.peer,
                tls=held.caller.tls,
                protocol=_PROTOCOL,
                entry=Entry(held.user, method="IAM"),
            )
            self._open[held.session.pid] = held
        return held.session

    async def done(self, held: Held) -> None:
        """Take note that no statement runs in it any more."""
        held.busy = False
        held.statement = ""
        held.updated = self._clock.now()
        if held.keep_s and held.session is not None and not held.closed:
            loop = asyncio.get_running_loop()
            held.timer = loop.call_later(held.keep_s, self._expire, held)
        else:
            await self.end(held)

    async def end(self, held: Held) -> None:
        """End a session."""
        held.closed = True
        if held.timer is not None:
            held.timer.cancel()
        session, held.session = held.session, None
        if session is not None:
            self._open.pop(session.pid, None)
            await session.close()
        self._kept.pop(held.id, None)

    def terminate(self, pid: int, reason: ConnectionFatal) -> bool:
        """End the session *pid* and what it runs; return whether there is one here."""
        held = self._open.get(pid)
        if held is None or held.session is None:
            return False
        held.closed = True
        held.session.interrupt(Canceled(reason.state, reason.message))
        if not held.busy:
            self._expire(held)
        return True

    async def close(self) -> None:
        """End all sessions."""
        for held in list(self._open.values()):
            await self.end(held)
        if self._closing:
            await asyncio.wait(self._closing)

    def _expire(self, held: Held) -> None:
        task = asyncio.get_running_loop().create_task(self.end(held))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
