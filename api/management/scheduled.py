"""Snapshot schedules as they are kept: a file of the server's data folder."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from api.errors import ApiError
from core.clock import Clock
from core.errors import SqlError
from core.sqlstate import SqlState
from session.snapshot_times import SnapshotTimes

FILE: Final = "snapshot_schedules.json"
_FAULTS: Final = {SqlState.FEATURE_NOT_SUPPORTED: "ScheduleDefinitionTypeUnsupportedFault"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSchedule:
    """One schedule."""

    name: str
    description: str = ""
    definitions: tuple[str, ...]
    since: str
    """When the definitions were written: ISO 8601, UTC."""
    tags: tuple[tuple[str, str], ...] = ()

    def check(self) -> SnapshotTimes:
        """Return its moments; raises ``ApiError`` where the definitions are none."""
        try:
            return SnapshotTimes(self.definitions, datetime.fromisoformat(self.since))
        except SqlError as error:
            raise ApiError(_FAULTS.get(error.state, "InvalidScheduleFault"), error.message) from None

    def next(self, after: datetime, count: int) -> list[datetime]:
        """Return its next *count* moments after *after*."""
        return list(islice(self.check().after(after), count))


class SnapshotSchedules:
    """All schedules."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Keep them in *folder*."""
        self._file, self._clock = folder / FILE, clock

    def all(self) -> list[SnapshotSchedule]:
        """Return every schedule by its name."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return [_read(each) for each in kept]

    def find(self, name: str) -> SnapshotSchedule:
        """Return the schedule called *name*; raises ``ApiError``."""
        for each in self.all():
            if each.name == name.lower():
                return each
        raise ApiError("SnapshotScheduleNotFoundFault", f"Snapshot schedule {name} not found.")

    def written(self, name: str, definitions: Iterable[str], **others: Any) -> SnapshotSchedule:
        """Return a schedule that is written now, checked and not kept yet; raises ``ApiError``."""
        now = self._clock.now().astimezone(UTC).isoformat()
        made = SnapshotSchedule(name=name, definitions=tuple(definitions), since=now, **others)
        made.check()
        return made

    def keep(self, schedule: SnapshotSchedule) -> None:
        """Keep *schedule*, in the place of what had its name."""
        self._save([*(each for each in self.all() if each.name != schedule.name), schedule])

    def drop(self, name: str) -> None:
        """Forget the schedule called *name*."""
        self._save(each for each in self.all() if each.name != name)

    def _save(self, schedules: Iterable[SnapshotSchedule]) -> None:
        fresh = self._file.with_suffix(".new")
        ordered = sorted(schedules, key=lambda each: each.name)
        fresh.write_text(json.dumps([asdict(each) for each in ordered], indent=1), encoding="utf-8")
        fresh.replace(self._file)


def _read(kept: dict[str, Any]) -> SnapshotSchedule:
    tags = tuple((key, value) for key, value in kept["tags"])
    return SnapshotSchedule(**kept | {"definitions": tuple(kept["definitions"]), "tags": tags})
