"""Snapshots of the running warehouse: taken when asked for and by a schedule, kept for as long as they should be.

Redshift, "Amazon Redshift snapshots and backups": automated ones every few hours or when much has changed, which go
after some days, and manual ones, which stay.
"""

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from core.clock import Clock
from core.errors import SqlError
from core.sqlstate import SqlState
from session.snapshot_times import SnapshotTimes
from storage import retention
from storage.copying import Copying, load, save
from storage.database import Database
from storage.keys import DataKey
from storage.past import Past
from storage.retention import Rules
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
    folder: Path
    """Where the server keeps its own state."""
    region: str = ""
    """Of the second place, where there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When automated snapshots are taken, and how long they are kept."""

    every: timedelta | None
    """None takes none by time."""
    changed_bytes: int
    """Bytes of new files after which one is taken; 0 takes none by volume."""
    kept: timedelta
    copied: timedelta = timedelta(days=7)
    """How long they are kept at the second place, unless something else has been said since."""
    verified: timedelta | None = None
    """How often all files are held against their checksums; None never."""
    look_s: float = _LOOK_S


def _alone() -> bool:
    return True


async def _nothing_waits() -> None:
    return


class SnapshotKeeper:
    """The snapshots of one running warehouse."""

    def __init__(
        self, database: Database, places: Places, schedule: Schedule, clock: Clock, origin: Origin
    ) -> None:
        """Keep snapshots of *database*."""
        self._database, self._places = database, places
        self._data, self._snapshots = places.data, places.snapshots
        self._schedule, self._clock, self._origin = schedule, clock, origin
        self.leads: Callable[[], bool] = _alone
        """Tells whether it is this server that takes snapshots by the schedule, where several share a lake."""
        self.settled: Callable[[], Awaitable[None]] = _nothing_waits
        """Sees that the lake has all that is committed."""
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._copying = load(places.folder, schedule.copied.days)

    def start(self) -> None:
        """Begin to take snapshots by the schedule, to copy and to verify them."""
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._run()), loop.create_task(self._verify_all())]

    async def close(self) -> None:
        """Take no more; wait for one that is being taken."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        async with self._lock:
            return

    @property
    def busy(self) -> bool:
        """Whether something is being done that needs the lake's files as they are."""
        return self._lock.locked()

    @property
    def copying(self) -> Copying | None:
        """What is copied to the second place, None where there is none or it is not to be."""
        return self._copying if self._snapshots.other is not None and self._copying.enabled else None

    @property
    def region(self) -> str:
        """Return where the second place is, empty where there is none."""
        return self._places.region if self._snapshots.other is not None else ""

    async def copy(self, **changed: Any) -> None:
        """Change what is copied to the second place (fields of ``Copying``)."""
        await self._alone(lambda: self._keep(**changed))
        self._wake.set()

    @property
    def rules(self) -> Rules:
        """Return what has been asked about when snapshots are taken, and how long they are kept."""
        return retention.load(self._places.folder)

    @property
    def days(self) -> int:
        """Return the days that automated snapshots are kept, 0 where none are taken."""
        asked = self.rules.days
        return self._schedule.kept.days if asked is None else asked

    async def rule(self, **changed: Any) -> None:
        """Change the rules (fields of ``Rules``)."""
        await self._alone(lambda: retention.save(self._places.folder, replace(self.rules, **changed)))
        self._wake.set()

    async def create(self, name: str, *, kept_days: int | None = None) -> Snapshot:
        """Take a manual snapshot called *name*; raises 22023, 42710 and what the store refuses.

        It is kept for *kept_days*, -1 is for ever, None as the rules say.
        """
        days = self.rules.manual_days if kept_days is None else kept_days
        made = await self._alone(lambda: self._take(name, automated=False, kept_days=days))
        self._wake.set()
        return made

    async def change(self, name: str, kept_days: int) -> Snapshot:
        """Keep a manual snapshot for other days; raises 42704, and 55000 for an automated one."""

        def work() -> Snapshot:
            changed = replace(self._manual(name), kept_days=kept_days)
            self._snapshots.change(changed)
            return changed

        return await self._alone(work)

    async def duplicate(self, name: str, new: str, kept_days: int = -1) -> Snapshot:
        """Make a manual snapshot of an automated one; raises 42704, 42710, and 55000 for a manual one."""

        def work() -> Snapshot:
            found = self._snapshots.find(name)
            if not found.automated:
                raise SqlError(SqlState.OBJECT_NOT_IN_PREREQUISITE_STATE, f'snapshot "{name}" is a manual one')
            self._snapshots.check_name(new)
            changed = replace(found, name=new, automated=False, kept_days=kept_days)
            self._snapshots.duplicate(found, changed)
            return changed

        made = await self._alone(work)
        self._wake.set()
        return made

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
            keys = self._places.unlock(found.keyring) if found.keyring else ()
            return Past(self._database, self._snapshots, found, keys)

        return await self._alone(work)

    async def _alone(self, work: Callable[[], T]) -> T:
        async with self._lock:
            await self.settled()
            task = asyncio.ensure_future(asyncio.to_thread(work))
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                # A thread's work cannot be ended: who waits no longer must not let the next one begin.
                await asyncio.wait([task])
                raise

    def _manual(self, name: str) -> Snapshot:
        found = self._snapshots.find(name)
        if found.automated:
            raise SqlError(SqlState.OBJECT_NOT_IN_PREREQUISITE_STATE, f'snapshot "{name}" is an automated one')
        return found

    def _keep(self, **changed: Any) -> None:
        self._copying = replace(self._copying, **changed)
        save(self._places.folder, self._copying)

    def _take(self, name: str, *, automated: bool, kept_days: int = -1) -> Snapshot:
        self._snapshots.check_name(name)
        with tempfile.TemporaryDirectory(prefix="duckshift-snapshot-") as folder:
            catalog = Path(folder) / "catalog"
            newest, paths = take_catalog(self._database, catalog)
            begun = Snapshot(
                name=name, automated=automated, kept_days=kept_days,
                taken=self._clock.now().astimezone(UTC).isoformat(), lake_snapshot=newest, **asdict(self._origin),
                catalog=SnapshotFile("", 0, ""),
            )  # fmt: skip
            return self._snapshots.add(begun, catalog, self._data, paths)

    async def _run(self) -> None:
        while True:
            try:
                if self.leads():
                    await self._alone(self._keep_up)
            except Exception:  # noqa: BLE001 - told in the log, and tried again
                # Whatever it was, the next one is to be taken: the lake's catalogue may have been away.
                _log.exception("could not take a snapshot")
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._schedule.look_s):
                    await self._wake.wait()

    async def _verify_all(self) -> None:
        """Hold every file against its checksum once in a while, one at a time: snapshots are taken in between."""
        every = self._schedule.verified
        while every is not None:
            last = self._copying.verified
            if self.leads() and not (last and self._clock.now() - datetime.fromisoformat(last) < every):
                try:
                    await self._verify_files()
                except Exception:  # noqa: BLE001 - told in the log, and tried again
                    _log.exception("could not verify snapshots")
            await asyncio.sleep(self._schedule.look_s)

    async def _verify_files(self) -> None:
        places = [self._snapshots, *([self._snapshots.other] if self._snapshots.other is not None else [])]
        for place in places:
            for path, file in (await asyncio.to_thread(place.files)).items():
                damage = await self._alone(partial(place.check, path, file, self._data))
                # One whose snapshots have been deleted meanwhile is not missed.
                if damage is not None and (damage.repaired or path in await asyncio.to_thread(place.files)):
                    facts = {"file": path, "problem": damage.problem, "repaired": damage.repaired}
                    _log.warning("a file of a snapshot is not what it was", extra=facts)
        await self._alone(lambda: self._keep(verified=self._clock.now().astimezone(UTC).isoformat()))

    def _keep_up(self) -> None:
        now = self._clock.now().astimezone(UTC)
        if self._due(self._snapshots.all(), self.rules):
            self._take(f"rs-{self._origin.cluster}-{now:%Y-%m-%d-%H-%M-%S}", automated=True)
        _retire(self._snapshots, now, timedelta(days=self.days))
        other, copying = self._snapshots.other, self.copying
        if other is not None and copying is not None:
            self._copy_over(other, copying, now)

    def _copy_over(self, other: Snapshots, copying: Copying, now: datetime) -> None:
        """Bring what the second place has not."""
        there, kept = {each.name for each in other.all()}, timedelta(days=copying.days)
        for each in self._snapshots.all():
            if each.name not in there and not _outlived(each, now, kept):
                days = each.kept_days if each.automated else copying.manual_days
                other.take_in(replace(each, kept_days=days), self._snapshots)
        _retire(other, now, kept)

    def _due(self, found: list[Snapshot], rules: Rules) -> bool:
        if not self.days:
            return False
        if rules.definitions:
            return self._called_for([each.moment for each in found if each.automated], rules)
        return self._default_due(found[-1] if found else None)

    def _called_for(self, taken: list[datetime], rules: Rules) -> bool:
        """Tell whether a schedule's moment has come since the newest automated snapshot, and it was written."""
        since = datetime.fromisoformat(rules.since)
        times = SnapshotTimes(rules.definitions, since)
        return next(times.after(max([since, *taken]))) <= self._clock.now()

    def _default_due(self, last: Snapshot | None) -> bool:
        schedule = self._schedule
        if schedule.every is None and not schedule.changed_bytes:
            return False
        if last is None:
            return True
        if schedule.every is not None and self._clock.now().astimezone(UTC) - last.moment >= schedule.every:
            return True
        limit = schedule.changed_bytes
        return bool(limit) and changed_bytes(self._database, last.lake_snapshot) >= limit


def _retire(snapshots: Snapshots, now: datetime, kept: timedelta) -> None:
    """Delete what has been kept for long enough: automated ones for *kept*, manual ones as each says.

    Where automated ones are kept for no time, none stays.
    """
    found = snapshots.all()
    # The newest automated one stays, however old: a warehouse that nobody changes must not run out of snapshots.
    newest = next((each.name for each in reversed(found) if each.automated and kept), "")
    for old in found:
        if old.name != newest and _outlived(old, now, kept):
            snapshots.delete(old.name)


def _outlived(snapshot: Snapshot, now: datetime, kept: timedelta) -> bool:
    if not snapshot.automated:
        return snapshot.kept_days >= 0 and now - snapshot.moment > timedelta(days=snapshot.kept_days)
    return now - snapshot.moment > kept
