"""Who is connected to which server, and who has given wrong passwords: what limits count over all servers of a lake.

Kept in PostgreSQL, beside the catalogue. What a server has written there counts as long as it is there, which the lock
on its small number tells; what it left is removed by the next that takes the number.
"""

import asyncio
import json
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from auth.lockout import Failures
from core.errors import ConnectionFatal, SqlError
from core.sqlstate import SqlState
from storage.coordination import SCHEMA, Coordination, key_of, slots_held

_log = logging.getLogger(__name__)
_TABLES: Final = f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.members (slot int PRIMARY KEY, member text NOT NULL);
    CREATE TABLE IF NOT EXISTS {SCHEMA}.sessions (
        member text, pid int, usesysid bigint NOT NULL, database bigint NOT NULL, facts text NOT NULL,
        PRIMARY KEY (member, pid));
    CREATE TABLE IF NOT EXISTS {SCHEMA}.failures (
        usesysid bigint PRIMARY KEY, count int NOT NULL, last timestamptz NOT NULL, locked timestamptz);
"""
_REGISTER: Final = (
    f"INSERT INTO {SCHEMA}.members VALUES ($1, $2) ON CONFLICT (slot) DO UPDATE SET member = excluded.member"
)
_CLEAR: Final = f"DELETE FROM {SCHEMA}.sessions WHERE member NOT IN (SELECT member FROM {SCHEMA}.members)"
_ENTER: Final = (
    f"INSERT INTO {SCHEMA}.sessions VALUES ($1, $2, $3, $4, $5)"
    " ON CONFLICT (member, pid) DO UPDATE SET facts = excluded.facts"
)
_LEAVE: Final = f"DELETE FROM {SCHEMA}.sessions WHERE member = $1 AND pid = $2"
_PRESENT: Final = f"FROM {SCHEMA}.sessions JOIN {SCHEMA}.members USING (member) WHERE slot = ANY($1::int[])"
_COUNT: Final = (
    f"SELECT count(*) FILTER (WHERE usesysid = $2), count(*) FILTER (WHERE sessions.database = $3) {_PRESENT}"
)
_OTHERS: Final = f"SELECT facts {_PRESENT} AND member <> $2"
_FAILURES: Final = f"SELECT usesysid, count, last, locked FROM {SCHEMA}.failures"
_FAILED: Final = (
    f"INSERT INTO {SCHEMA}.failures AS f VALUES ($1, 1, now(), NULL) ON CONFLICT (usesysid) DO UPDATE"
    " SET count = f.count + 1, last = now(), locked = coalesce(f.locked, CASE WHEN f.count + 1 >= $2 THEN now() END)"
)
_FORGIVEN: Final = f"DELETE FROM {SCHEMA}.failures WHERE usesysid = $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A session that is about to begin."""

    pid: int
    user: tuple[int, str]
    """OID and name."""
    database: tuple[int, str]
    limits: tuple[int | None, int | None] = (None, None)
    """How many sessions the user and the database may have, None for any number."""
    facts: Mapping[str, Any]
    """What the system views show of it."""


class Presence:
    """One server's part in it."""

    def __init__(self, coordination: Coordination) -> None:
        """Speak by *coordination*."""
        self._coordination = coordination
        self._slot: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.others: list[dict[str, Any]] = []
        """The other servers' sessions, as they were when last asked for."""

    async def enter(self, newcomer: Newcomer) -> None:
        """Count a session; raises 53300 where there is no room for it, 08006."""
        await self._register()
        member, asked = self._coordination.member, newcomer
        row = (member, asked.pid, asked.user[0], asked.database[0], json.dumps(dict(asked.facts), default=str))
        if asked.limits == (None, None):
            await self._coordination.ask(lambda connection: connection.execute(_ENTER, *row))
            return

        async def work(connection: Any) -> None:
            async with connection.transaction():
                # One at a time, or two would each see room for one.
                await connection.execute("SELECT pg_advisory_xact_lock($1)", key_of("enter"))
                present = list(await slots_held(connection))
                counts = await connection.fetchrow(_COUNT, present, asked.user[0], asked.database[0])
                for kind, (_, name), count, limit in zip(
                    ("user", "database"), (asked.user, asked.database), counts, asked.limits, strict=True
                ):
                    if limit is not None and count >= limit:
                        raise ConnectionFatal(
                            SqlState.TOO_MANY_CONNECTIONS, f'too many connections for {kind} "{name}"'
                        )
                await connection.execute(_ENTER, *row)

        await self._coordination.ask(work)

    def leave(self, pid: int) -> None:
        """Take note that a session has ended."""
        self._begin(self._coordination.ask(
            lambda connection: connection.execute(_LEAVE, self._coordination.member, pid)
        ))  # fmt: skip

    async def look(self) -> None:
        """Find out who is connected to the other servers; raises 08006."""
        await self._register()

        async def work(connection: Any) -> list[Any]:
            found: list[Any] = await connection.fetch(
                _OTHERS, list(await slots_held(connection)), self._coordination.member
            )
            return found

        self.others = [_typed(json.loads(row[0])) for row in await self._coordination.ask(work)]

    async def failures(self) -> dict[int, Failures]:
        """Return all users' wrong passwords, by OID; raises 08006."""
        await self._register()
        rows = await self._coordination.ask(lambda connection: connection.fetch(_FAILURES))
        return {user: Failures(count, last, locked) for user, count, last, locked in rows}

    def failed(self, user: int, most: int | None) -> None:
        """Count a wrong password, *most* of which in a row lock."""
        self._begin(self._coordination.ask(lambda connection: connection.execute(_FAILED, user, most)))

    def forgiven(self, user: int) -> None:
        """Take note of a right password, or that the user was let in again."""
        self._begin(self._coordination.ask(lambda connection: connection.execute(_FORGIVEN, user)))

    async def settled(self) -> None:
        """Wait until what was noted here is known to the others, or cannot be told to them."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _register(self) -> None:
        coordination = self._coordination
        if self._slot is None:
            await coordination.define(_TABLES)
        if self._slot == coordination.slot:
            return

        async def work(connection: Any) -> None:
            await connection.execute(_REGISTER, coordination.slot, coordination.member)
            await connection.execute(_CLEAR)

        await coordination.ask(work)
        self._slot = coordination.slot

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(_done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _done(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except SqlError:
        _log.warning("the other servers could not be told of a session")


def _typed(facts: dict[str, Any]) -> dict[str, Any]:
    return facts | {"started": datetime.fromisoformat(facts["started"])}
