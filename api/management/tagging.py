"""CreateTags, DeleteTags and DescribeTags of ``redshift``: of the server as a cluster, of hosted ones, of schedules.

The server's own are in a file of the data folder, those of others in what is kept of them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operations
from api.hosting import Hosted
from api.identities import Caller
from api.management import checks
from api.management.hosting import HostedClusters
from api.management.scheduled import SnapshotSchedule

_MOST: Final = 50
_KEY_MAX, _VALUE_MAX = 128, 256
_CLUSTER, _SCHEDULE = "cluster", "snapshotschedule"
Pairs = tuple[tuple[str, str], ...]
Tagged = Hosted | SnapshotSchedule | None
"""What has tags, None for the server itself."""


class Tags:
    """The tags of all clusters and schedules of one server."""

    def __init__(self, folder: Path, hosted: HostedClusters) -> None:
        """Keep the server's own in *folder*."""
        self._file = folder / "tags.json"
        self._hosted = hosted

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {"CreateTags": self._create, "DeleteTags": self._delete, "DescribeTags": self._describe}

    @property
    def own(self) -> Pairs:
        """The tags of the server as a cluster."""
        try:
            return tuple(json.loads(self._file.read_text(encoding="utf-8")).items())
        except FileNotFoundError:
            return ()

    async def _create(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        name = given["ResourceName"]
        caller.require("redshift:CreateTags", name)
        tagged, held = self._found(caller, name)
        added = checks.tags(given)
        for key, value in added:
            if not 0 < len(key) <= _KEY_MAX or len(value) > _VALUE_MAX or key.lower().startswith("aws:"):
                raise ApiError("InvalidTagFault", f"{key} is no tag.")
        self._keep(tagged, dict(held) | dict(added))
        return {}

    async def _delete(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        name = given["ResourceName"]
        caller.require("redshift:DeleteTags", name)
        tagged, held = self._found(caller, name)
        self._keep(tagged, {key: value for key, value in held if key not in given["TagKeys"]})
        return {}

    async def _describe(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        name, kind = given.get("ResourceName"), given.get("ResourceType")
        caller.require("redshift:DescribeTags", name or caller.place.cluster_arn)
        if name is not None:
            self._found(caller, name)
        keys, values = given.get("TagKeys"), given.get("TagValues")
        return {
            "TaggedResources": [
                {"Tag": {"Key": key, "Value": value}, "ResourceName": arn, "ResourceType": _kind(tagged)}
                for arn, tagged, held in self._all(caller)
                for key, value in held
                if name in {None, arn}
                and kind in {None, _kind(tagged)}
                and _wanted(key, keys)
                and _wanted(value, values)
            ]
        }

    def _all(self, caller: Caller) -> Iterator[tuple[str, Tagged, Pairs]]:
        yield caller.place.cluster_arn, None, self.own
        for record in self._hosted.all():
            yield caller.place.of(record.name).cluster_arn, record, record.tags
        for schedule in self._hosted.schedules.all():
            yield caller.place.schedule_arn(schedule.name), schedule, schedule.tags

    def _found(self, caller: Caller, name: str) -> tuple[Tagged, Pairs]:
        for arn, record, held in self._all(caller):
            if arn == name:
                return record, held
        raise ApiError("ResourceNotFoundFault", f"There is no {name}; clusters and schedules have tags.")

    def _keep(self, tagged: Tagged, tags: dict[str, str]) -> None:
        if len(tags) > _MOST:
            raise ApiError("TagLimitExceededFault", f"A resource has {_MOST} tags at most.")
        if isinstance(tagged, SnapshotSchedule):
            self._hosted.schedules.keep(replace(tagged, tags=tuple(tags.items())))
            return
        if tagged is not None and self._hosted.host is not None:
            self._hosted.host.change(tagged, tags=tuple(tags.items()))
            return
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps(tags), encoding="utf-8")
        new.replace(self._file)


def shown(tags: Pairs) -> list[dict[str, str]]:
    """Return tags as clients are told of them."""
    return [{"Key": key, "Value": value} for key, value in tags]


def _kind(tagged: Tagged) -> str:
    return _SCHEDULE if isinstance(tagged, SnapshotSchedule) else _CLUSTER


def _wanted(word: str, asked: Sequence[str] | None) -> bool:
    return not asked or word in asked
