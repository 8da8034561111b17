"""Snapshots of the running warehouse: taken when asked for and by a schedule, kept for as long as they should be.

Redshift, "Amazon Redshift snapshots and backups": automated ones every few hours or when much has changed, which go
after some days, and manual ones, which stay.
"""

import asyncio
import logging
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import Final, TypeVar

from core.clock import Clock
from core.errors import SqlError
from storage.database import Database
from storage.keys import DataKey
from storage.past import Past
from storage.snapshots import Damage, Place, Snapshot, SnapshotFile, Snapshots
from storage.taking import changed_bytes, take_catalog

_log = logging.getLogger(__name__)
_LOOK_S: Final = 30.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose snapshots they are."""

    cluster: str
    admin: str = ""
    database: str = ""
    keyring: str = ""
    """The warehouse's keys, wrapped."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a warehouse's files are and go."""

    data: Place
    """Its Parquet files."""
    snapshots: Snapshots
    unlock: Callable[[str], tuple[DataKey, ...]]
    """Returns the keys that a snapshot's key ring holds; raises ``SqlError``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When automated snapshots are taken, and how long they are kept."""

    every: timedelta | None
    """None takes none by time."""
    changed_bytes: int
    """Bytes of new files after which one is taken; 0 takes none by volume."""
    kept: timedelta
    look_s: float = _LOOK_S


def _alone() -> bool:
    return True


class SnapshotKeeper:
    """The snapshots of one running warehouse."""

    def __init__(
        self, database: Database, places: Places, schedule: Schedule, clock: Clock, origin: Origin
    ) -> None:
        """Keep snapshots of *database*."""
        self._database, self._data, self._snapshots = database, places.data, places.snapshots
        self._unlock = places.unlock
        self._schedule, self._clock, self._origin = schedule, clock, origin
        self.leads: Callable[[], bool] = _alone
        """Tells whether it is this server that takes snapshots by the schedule, where several share a lake."""
        self._lock = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to take snapshots by the schedule."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Take no more; wait for one that is being taken."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        async with self._lock:
            return

    async def create(self, name: str, *, automated: bool = False) -> Snapshot:
        """Take a snapshot called *name*; raises 22023, 42710 and what the store refuses."""
        return await self._alone(lambda: self._take(name, automated=automated))

    async def delete(self, name: str) -> Snapshot:
        """Remove a snapshot and return what it was; raises 42704."""

        def work() -> Snapshot:
            found = self._snapshots.find(name)
            self._snapshots.delete(name)
            return found

        return await self._alone(work)

    async def all(self) -> list[Snapshot]:
        """Return every snapshot, the oldest first."""
        return await asyncio.to_thread(self._snapshots.all)

    async def verify(self, name: str) -> list[Damage]:
        """Return the damaged files of a snapshot; those that the warehouse has whole are repaired."""
        return await self._alone(lambda: list(self._snapshots.verify(self._snapshots.find(name), self._data)))

    async def past(self, name: str) -> Past:
        """Return the snapshot *name* beside the running warehouse; whoever asks must close it. Raises 42704, 58030."""

        def work() -> Past:
            found = self._snapshots.find(name)
            keys = self._unlock(found.keyring) if found.keyring else ()
            return Past(self._database, self._snapshots, found, keys)

        return await self._alone(work)

    async def _alone(self, work: Callable[[], T]) -> T:
        async with self._lock:
            task = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                # A thread's work cannot be ended: who waits no longer must not let the next one begin.
                await asyncio.wait([task])
                raise

    def _take(self, name: str, *, automated: bool) -> Snapshot:
        self._snapshots.check_name(name)
        with tempfile.TemporaryDirectory(prefix="duckshift-snapshot-") as folder:
            catalog = Path(folder) / "catalog"
            newest, paths = take_catalog(self._database, catalog)
            begun = Snapshot(
                name=name, automated=automated, taken=self._clock.now().astimezone(UTC).isoformat(),
                lake_snapshot=newest, **asdict(self._origin), catalog=SnapshotFile("", 0, ""),
            )  # fmt: skip
            return self._snapshots.add(begun, catalog, self._data, paths)

    async def _run(self) -> None:
        while True:
            try:
                if self.leads():
                    await self._alone(self._keep_up)
            except (SqlError, OSError):
                _log.exception("could not take a snapshot")
            await asyncio.sleep(self._schedule.look_s)

    def _keep_up(self) -> None:
        now = self._clock.now().astimezone(UTC)
        found = self._snapshots.all()
        if self._due(found[-1] if found else None):
            self._take(f"rs-{self._origin.cluster}-{now:%Y-%m-%d-%H-%M-%S}", automated=True)
        automated = [each for each in found if each.automated]
        for old in automated[:-1]:
            # The newest stays, however old: a warehouse that nobody changes must not run out of snapshots.
            if now - old.moment > self._schedule.kept:
                self._snapshots.delete(old.name)

    def _due(self, last: Snapshot | None) -> bool:
        schedule = self._schedule
        if schedule.every is None and not schedule.changed_bytes:
            return False
        if last is None:
            return True
        if schedule.every is not None and self._clock.now().astimezone(UTC) - last.moment >= schedule.every:
            return True
        limit = schedule.changed_bytes
        return bool(limit) and changed_bytes(self._database, last.lake_snapshot) >= limit
