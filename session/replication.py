"""Databases that are made of integrations: each has a task that follows its source.

Redshift, "Zero-ETL integrations". Which servers integrations are is configured; where one does not answer, it is asked
less and less often.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from catalog.model import Database, Relation
from catalog.replicas import Replica, State, replica
from core.errors import SqlError
from core.sqlstate import SqlState
from session.replicalog import checkpoint
from storage.replication import Reach, Source

if TYPE_CHECKING:
    from session.replicating import Follower
    from session.warehouse import Warehouse

_log = logging.getLogger(__name__)
_LOOK_S: Final = 0.5
"""How often the catalog is looked at for databases that have come or gone, and sources that are followed at once."""
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_S: Final = 30.0
_CLOSING_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """An integration: a server, and what of it is wanted."""

    reach: Reach
    """The database in it is the one where CREATE DATABASE names none."""
    publication: str = ""
    """Of the source's own; empty keeps one."""
    tables: tuple[str, ...] = ()
    """Patterns of names, schema.table; none are all."""


@dataclass(slots=True)
class _Following:
    """One database's task, and how it fares."""

    follower: "Follower"
    stopped: asyncio.Event
    error: str = ""
    rounds: int = 0
    task: asyncio.Task[None] | None = None


class Replication:
    """The tasks of all databases that are made of integrations."""

    def __init__(self, warehouse: "Warehouse", configured: Mapping[str, Configured]) -> None:
        """Look after *warehouse*'s databases; *configured* are the integrations by their identifiers."""
        self._warehouse = warehouse
        self.configured = configured
        self._following: dict[int, _Following] = {}
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self.barred: frozenset[int] = frozenset()
        """Tables (OIDs) that are not to be read: their rows are not what the source has."""

    def start(self) -> None:
        """Begin."""
        self.bar()
        if self.configured or any(each.integration for each in self._warehouse.store.state.databases()):
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """End after the rounds that are under way; one that takes long is ended, and done again."""
        self._closing.set()
        for each in self._following.values():
            each.stopped.set()
        tasks = [each.task for each in self._following.values() if each.task is not None]
        await _ended([*tasks, *([] if self._task is None else [self._task])])

    def bar(self) -> None:
        """See anew which tables may be read."""
        state = self._warehouse.store.state
        found: set[int] = set()
        for database in state.databases():
            if database.integration is not None and not database.integration.all_states:
                found |= {each.relation for each in self.replicas(database) if each.state is not State.SYNCED}
        self.barred = frozenset(found - {0})

    def refuse_barred(self, relations: frozenset[int]) -> None:
        """Raise where one of *relations* (OIDs) is not to be read."""
        for oid in relations & self.barred:
            found = self._warehouse.store.state.objects.get(oid)
            if isinstance(found, Relation):
                raise SqlError(
                    SqlState.OBJECT_NOT_IN_PREREQUISITE_STATE,
                    f'table "{found.name}" is not available for querying right now',
                    hint="SVV_INTEGRATION_TABLE_STATE tells why; QUERY_ALL_STATES lets it be read all the same.",
                )

    def replicas(self, database: Database) -> list[Replica]:
        """Return what is known of a database's tables."""
        found = (replica(body, database.oid) for body in list(self._warehouse.streamed.values()))
        return [each for each in found if each is not None]

    # What SVV_INTEGRATION shows.

    def rows(self) -> list[dict[str, Any]]:
        """Return a row an integration, also of those that no database is made of."""
        now = self._warehouse.clock.now()
        databases = self._warehouse.store.state.databases()
        found = [self._row(database, now) for database in databases if database.integration]
        used = {row["integration_id"] for row in found}
        return found + [
            {"integration_id": name, "source": "PostgreSQL", "state": "PendingDbConnectState",
             "source_database": each.reach.database, "history_mode": False}
            for name, each in self.configured.items() if name not in used
        ]  # fmt: skip

    def table_rows(self) -> list[dict[str, Any]]:
        """Return a row a table of an integration."""
        found = []
        for database in self._warehouse.store.state.databases():
            if database.integration is None:
                continue
            place = checkpoint(self._warehouse, database.oid)
            found += [
                {"integration_id": database.integration.id, "target_database": database.name,
                 "schema_name": each.source.schema, "name": each.source.name, "state": each.state.value,
                 "checkpoint": place, "reason": each.reason,
                 "updated": _moment(each.updated), "relation": each.relation}
                for each in self.replicas(database)
            ]  # fmt: skip
        return found

    def _row(self, database: Database, now: datetime) -> dict[str, Any]:
        integration, following = database.integration, self._following.get(database.oid)
        assert integration is not None  # noqa: S101 - the callers look
        fresh = following.follower.fresh if following else None
        return {
            "integration_id": integration.id, "target_database": database.name, "source": "PostgreSQL",
            "state": _state(following), "lag": int((now - fresh).total_seconds() * 1_000) if fresh else None,
            "checkpoint": checkpoint(self._warehouse, database.oid), "created": _moment(integration.since),
            "refresh_interval": integration.refresh_interval_s, "source_database": integration.source,
            "history_mode": False, "reason": following.error if following else "The integration is not configured.",
        }  # fmt: skip

    # The tasks.

    async def _run(self) -> None:
        version = -1
        while not self._closing.is_set():
            state = self._warehouse.store.state
            if state.version != version:
                version = state.version
                self.bar()
            # Of several servers of one lake, the one that does what one does for all follows sources.
            mine = state.databases() if self._warehouse.leads else []
            await self._adjust({each.oid: each for each in mine if each.integration is not None}, state.databases())
            await _paused(self._closing, _LOOK_S)

    async def _adjust(self, wanted: dict[int, Database], there: list[Database]) -> None:
        for oid, each in list(self._following.items()):
            if each.task is not None and each.task.done() and not each.task.cancelled():
                _log.error("following a source ended, and begins anew", exc_info=each.task.exception())
                del self._following[oid]
        for oid in self._following.keys() - wanted.keys():
            gone = self._following.pop(oid)
            gone.stopped.set()
            await _ended([] if gone.task is None else [gone.task])
            if any(each.oid == oid for each in there):
                continue
            try:
                await gone.follower.end()
            except SqlError as error:
                _log.warning("could not remove a slot from a source", extra={"reason": error.detail or error.message})
            await gone.follower.close()
        for oid in wanted.keys() - self._following.keys():
            follower = self._follower(wanted[oid])
            if follower is not None:
                following = self._following[oid] = _Following(follower, asyncio.Event())
                following.task = asyncio.get_running_loop().create_task(_follow(oid, following))

    def _follower(self, database: Database) -> "Follower | None":
        # Sessions and their handlers know the warehouse, which knows this.
        from session.replicating import Follower

        integration = database.integration
        found = None if integration is None else self.configured.get(integration.id)
        if integration is None or found is None:
            return None
        source = Source(
            self._warehouse.database, found.reach, slot=integration.slot, publication=found.publication,
            name=integration.source,
        )  # fmt: skip
        return Follower(self._warehouse, database.oid, source, found.tables)


async def _follow(oid: int, following: _Following) -> None:
    """Follow one source until it is to be stopped."""
    pause_s = _FIRST_PAUSE_S
    follower = following.follower
    try:
        while not following.stopped.is_set():
            try:
                await follower.round()
                following.error = ""
                following.rounds += 1
                pause_s = max(follower.integration.refresh_interval_s, _FIRST_PAUSE_S)
            except SqlError as error:
                following.error = error.detail or error.message
                _log.warning("could not follow a source", extra={"database": oid, "reason": following.error})
                await follower.close()
                pause_s = min(pause_s * 2, _LONGEST_S)
            await _paused(following.stopped, pause_s)
    finally:
        await follower.close()


async def _paused(until: asyncio.Event, pause_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(until.wait(), pause_s)


async def _ended(tasks: list[asyncio.Task[None]]) -> None:
    """Wait for tasks, and end those that take long."""
    if not tasks:
        return
    _, left = await asyncio.wait(tasks, timeout=_CLOSING_S)
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left)


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None) if text else None


def _state(following: _Following | None) -> str:
    if following is None or following.error:
        return "ErrorState"
    return "CdcRefreshState" if following.rounds else "SchemaDiscoveryState"
