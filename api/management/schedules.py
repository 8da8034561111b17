"""The operations of ``redshift`` on snapshot schedules: made, changed, told of, given to clusters and taken from them.

A schedule that a cluster has stands in the place of its configured one; a cluster that runs follows it within a minute.
"""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operations
from api.hosting import Hosted
from api.identities import Caller
from api.management import checks
from api.management.hosting import SETTLED, HostedClusters, scheduled
from api.management.scheduled import SnapshotSchedule
from api.management.snapshots import Archive, Own
from api.management.tagging import shown

_MOST_NEXT: Final = 1_000
_NONE: Final[Mapping[str, Any]] = {"schedule": "", "definitions": (), "since": ""}


class ScheduleApi:
    """The operations, by name in ``operations``."""

    def __init__(self, archive: Archive, hosted: HostedClusters) -> None:
        """Schedule snapshots of the server itself, which *archive* has, and of *hosted* clusters."""
        self._archive, self._hosted = archive, hosted
        self._schedules = hosted.schedules

    def operations(self, own: Own) -> Operations:
        """Return the operations by their names."""
        return {
            "CreateSnapshotSchedule": self._create,
            "DescribeSnapshotSchedules": self._describe,
            "ModifySnapshotSchedule": self._modify,
            "DeleteSnapshotSchedule": self._delete,
            "ModifyClusterSnapshotSchedule": own("ModifyClusterSnapshotSchedule", self._follow),
        }

    async def _create(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        name = given.get("ScheduleIdentifier") or f"schedule-{secrets.token_hex(8)}"
        name = checks.identifier(name, "ScheduleIdentifier")
        caller.require("redshift:CreateSnapshotSchedule", caller.place.schedule_arn(name))
        made = self._schedules.written(
            name,
            given.get("ScheduleDefinitions", ()),
            description=given.get("ScheduleDescription", ""),
            tags=checks.tags(given),
        )
        if any(each.name == name for each in self._schedules.all()):
            raise ApiError("SnapshotScheduleAlreadyExistsFault", f"Snapshot schedule {name} already exists.")
        if not given.get("DryRun"):
            self._schedules.keep(made)
        count = min(max(given.get("NextInvocations", 0), 0), _MOST_NEXT)
        moments = made.next(self._hosted.clock.now(), count) or None
        return {**self._shown(caller, made), "NextInvocations": moments}

    async def _describe(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        wanted, cluster = given.get("ScheduleIdentifier"), given.get("ClusterIdentifier")
        caller.require("redshift:DescribeSnapshotSchedules", caller.place.schedule_arn(wanted or "*"))
        keys, values = given.get("TagKeys"), given.get("TagValues")
        found = [
            each
            for each in self._schedules.all()
            if (wanted is None or wanted.lower() == each.name)
            and (cluster is None or cluster in self._followers(caller, each.name))
            and (not keys or any(key in keys for key, _ in each.tags))
            and (not values or any(value in values for _, value in each.tags))
        ]
        return {"SnapshotSchedules": [self._shown(caller, each) for each in found]}

    async def _modify(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        kept = self._named(caller, "ModifySnapshotSchedule", given)
        changed = self._schedules.written(
            kept.name, given["ScheduleDefinitions"], description=kept.description, tags=kept.tags
        )
        self._schedules.keep(changed)
        for record in self._hosted.all():
            if record.schedule == kept.name and self._hosted.host is not None:
                self._hosted.host.change(record, **scheduled(changed))
        keeper = self._archive.own
        if keeper is not None and keeper.rules.schedule == kept.name:
            await keeper.rule(**_rules(changed))
        return self._shown(caller, changed)

    async def _delete(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        kept = self._named(caller, "DeleteSnapshotSchedule", given)
        followers = self._followers(caller, kept.name)
        if followers:
            message = f"Snapshot schedule {kept.name} is associated with {', '.join(followers)}."
            raise ApiError("InvalidClusterSnapshotScheduleStateFault", message)
        self._schedules.drop(kept.name)
        return {}

    async def _follow(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ModifyClusterSnapshotSchedule, of the server itself."""
        keeper = self._archive.keeper("InvalidClusterSnapshotScheduleStateFault")
        schedule = self._meant(given, keeper.rules.schedule)
        await keeper.rule(**(_rules(schedule) if schedule is not None else _NONE))
        return {}

    async def on_hosted(self, caller: Caller, record: Hosted, given: dict[str, Any]) -> Mapping[str, Any]:
        """ModifyClusterSnapshotSchedule, of a hosted cluster."""
        self._archive.keeper("InvalidClusterSnapshotScheduleStateFault")
        if record.state not in SETTLED or self._hosted.host is None:
            message = f"Cluster {record.name} is {record.state.value}."
            raise ApiError("InvalidClusterSnapshotScheduleStateFault", message)
        schedule = self._meant(given, record.schedule)
        self._hosted.host.change(record, **scheduled(schedule))
        return {}

    def _meant(self, given: Mapping[str, Any], now: str) -> SnapshotSchedule | None:
        """Return the schedule that a cluster is to follow which follows the one called *now*, None for none."""
        name = given.get("ScheduleIdentifier")
        if given.get("DisassociateSchedule"):
            if not now or (name is not None and name.lower() != now):
                message = f"The cluster does not follow {name}." if name else "The cluster follows no schedule."
                raise ApiError("InvalidClusterSnapshotScheduleStateFault", message)
            return None
        if name is None:
            raise ApiError("InvalidParameterCombination", "ScheduleIdentifier or DisassociateSchedule is needed.")
        return self._schedules.find(name)

    def _named(self, caller: Caller, action: str, given: Mapping[str, Any]) -> SnapshotSchedule:
        name = given["ScheduleIdentifier"]
        caller.require(f"redshift:{action}", caller.place.schedule_arn(name.lower()))
        return self._schedules.find(name)

    def _followers(self, caller: Caller, name: str) -> list[str]:
        """Return the clusters that follow a schedule."""
        keeper = self._archive.own
        own = [caller.place.cluster] if keeper is not None and keeper.rules.schedule == name else []
        return [*own, *(each.name for each in self._hosted.all() if each.schedule == name)]

    def _shown(self, caller: Caller, schedule: SnapshotSchedule) -> dict[str, Any]:
        followers = self._followers(caller, schedule.name)
        return {
            "ScheduleDefinitions": list(schedule.definitions),
            "ScheduleIdentifier": schedule.name,
            "ScheduleDescription": schedule.description or None,
            "Tags": shown(schedule.tags),
            "AssociatedClusterCount": len(followers),
            "AssociatedClusters": [
                {"ClusterIdentifier": each, "ScheduleAssociationState": "ACTIVE"} for each in followers
            ],
        }


def _rules(schedule: SnapshotSchedule) -> dict[str, Any]:
    return {"schedule": schedule.name, "definitions": schedule.definitions, "since": schedule.since}
