"""The operations of ``redshift`` on snapshots, the server's own and those of the clusters that it hosts."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operation, Operations
from api.hosting import Host, Kind
from api.identities import Caller
from api.management import checks
from api.management.checks import moment
from api.management.facts import Facts
from core.clock import Clock
from core.errors import SqlError
from core.sqlstate import SqlState
from session.snapshots import SnapshotKeeper
from session.warehouse import Warehouse
from storage.snapshots import Snapshot

_MEGABYTE: Final = 1 << 20
_FAULTS: Final = {
    SqlState.UNDEFINED_OBJECT: "ClusterSnapshotNotFoundFault",
    SqlState.DUPLICATE_OBJECT: "ClusterSnapshotAlreadyExistsFault",
    SqlState.INVALID_PARAMETER_VALUE: "InvalidParameterValue",
    SqlState.OBJECT_NOT_IN_PREREQUISITE_STATE: "InvalidClusterSnapshotStateFault",
}
Own = Callable[[str, Operation], Operation]
"""Adds what all operations need that are about the cluster."""
Find = Callable[[], Awaitable[tuple[str, Snapshot]]]
Restore = Callable[[Caller, dict[str, Any], Find], Awaitable[Mapping[str, Any]]]
"""Restores what it finds: the key of whose it is, and the snapshot."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A snapshot, and whose it is."""

    key: str
    """Of the hosted cluster, empty for the server's own."""
    cluster: str
    snapshot: Snapshot


class Archive:
    """All snapshots that there are."""

    def __init__(self, warehouse: Warehouse, host: Host | None) -> None:
        """Know the snapshots of *warehouse* and of the clusters of *host*."""
        self._warehouse, self._host = warehouse, host

    async def all(self, place_name: str, kind: Kind) -> list[Kept]:
        """Return those of clusters of a kind, and the server's own, which is called *place_name*."""
        own = [] if self.own is None else await self.own.all()
        found = [Kept("", place_name, each) for each in own]
        if self._host is not None:
            for key, snapshots in (await self._host.snapshots()).items():
                of, _, name = key.partition("-")
                if of == kind.value:
                    found += [Kept(key, name, each) for each in snapshots]
        return found

    @property
    def own(self) -> SnapshotKeeper | None:
        """Who keeps the server's own, None where nobody does."""
        return self._warehouse.limits.snapshots

    def keeper(self, fault: str = "InvalidClusterStateFault") -> SnapshotKeeper:
        """Return who keeps the server's own; raises the error *fault* where nobody does."""
        if self.own is None:
            raise ApiError(fault, "The server has no place for snapshots: snapshots.destination says where they go.")
        return self.own

    async def delete(self, kept: Kept) -> None:
        """Remove a snapshot."""
        if not kept.key:
            await self.keeper().delete(kept.snapshot.name)
        elif self._host is not None:
            await self._host.delete_snapshot(kept.key, kept.snapshot.name)


class SnapshotApi:
    """The operations, by name in ``operations``."""

    def __init__(self, archive: Archive, facts: Facts, clock: Clock) -> None:
        """Work with the snapshots of *archive*."""
        self._archive = archive
        self._facts = facts
        self._clock = clock

    def operations(self, own: Own, restore: Restore) -> Operations:
        """Return the operations by their names."""

        async def restored(caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
            async def find() -> tuple[str, Snapshot]:
                kept = await self.one(caller, _wanted(given))
                return kept.key, kept.snapshot

            return await restore(caller, given, find)

        return {
            "DescribeClusterSnapshots": self._describe,
            "CreateClusterSnapshot": own("CreateClusterSnapshot", self._create),
            "DeleteClusterSnapshot": self.delete,
            "RestoreFromClusterSnapshot": restored,
        }

    async def _describe(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require("redshift:DescribeClusterSnapshots", caller.place.cluster_arn)
        found = await self._found(caller, _wanted(given, "ClusterIdentifier"))
        named = given.get("SnapshotIdentifier") or given.get("SnapshotArn")
        if named is not None and not found:
            raise ApiError("ClusterSnapshotNotFoundFault", f"Snapshot {named} not found.")
        return {"Snapshots": [self.shown(caller, each) for each in found]}

    async def _create(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        keeper = self._archive.keeper()
        days = checks.manual_days(given) if "ManualSnapshotRetentionPeriod" in given else None
        try:
            made = await keeper.create(given["SnapshotIdentifier"], kept_days=days)
        except SqlError as error:
            raise fault(error) from None
        return {"Snapshot": self.shown(caller, Kept("", caller.place.cluster, made))}

    async def delete(self, caller: Caller, given: Mapping[str, Any]) -> Mapping[str, Any]:
        """DeleteClusterSnapshot."""
        caller.require("redshift:DeleteClusterSnapshot", caller.place.cluster_arn)
        self._archive.keeper("ClusterSnapshotNotFoundFault")
        gone = await self.one(caller, _wanted(given))
        try:
            await self._archive.delete(gone)
        except SqlError as error:
            raise fault(error) from None
        return {"Snapshot": {**self.shown(caller, gone), "Status": "deleted"}}

    async def one(self, caller: Caller, wanted: Mapping[str, Any]) -> Kept:
        """Return the snapshot that *wanted* says (``name``, perhaps ``cluster``); raises ``ApiError``."""
        if "name" not in wanted:
            raise ApiError("InvalidParameterValue", "SnapshotIdentifier or SnapshotArn is needed.")
        found = await self._found(caller, wanted)
        if not found:
            raise ApiError("ClusterSnapshotNotFoundFault", f"Snapshot {wanted['name']} not found.")
        if len(found) > 1:
            raise ApiError("InvalidParameterCombination", "Several clusters have it: name one of them.")
        return found[0]

    async def _found(self, caller: Caller, wanted: Mapping[str, Any]) -> list[Kept]:
        all_ = await self._archive.all(caller.place.cluster, Kind.CLUSTER)
        return [each for each in all_ if _fits(each, wanted)]

    def shown(self, caller: Caller, kept: Kept) -> dict[str, Any]:
        """Return what clients are told of a snapshot."""
        snapshot = kept.snapshot
        size = snapshot.size / _MEGABYTE
        return {
            "SnapshotIdentifier": snapshot.name,
            "SnapshotArn": caller.place.of(kept.cluster).snapshot_arn(snapshot.name),
            "ClusterIdentifier": kept.cluster,
            "SnapshotCreateTime": snapshot.moment,
            "Status": "available",
            "Port": self._facts.port,
            "ClusterCreateTime": self._facts.created,
            "MasterUsername": snapshot.admin or self._facts.admin,
            "DBName": snapshot.database or self._facts.database,
            "SnapshotType": _kind(snapshot),
            "NodeType": "duckshift",
            "NumberOfNodes": 1,
            "Encrypted": bool(snapshot.keyring),
            "ManualSnapshotRetentionPeriod": None if snapshot.automated else snapshot.kept_days,
            "ManualSnapshotRemainingDays": _remaining(snapshot, self._clock.now()),
            "SnapshotRetentionStartTime": snapshot.moment,
            "OwnerAccount": caller.place.account,
            "TotalBackupSizeInMegaBytes": size,
            "ActualIncrementalBackupSizeInMegaBytes": size,
            "BackupProgressInMegaBytes": size,
            "Tags": [],
        }


def fault(error: SqlError) -> ApiError:
    """Return how AWS calls *error*."""
    return ApiError(_FAULTS.get(error.state, "InvalidClusterStateFault"), error.message)


def _wanted(given: Mapping[str, Any], cluster: str = "SnapshotClusterIdentifier") -> dict[str, Any]:
    """Return what a request says of the snapshots that it means; *cluster* is the member that names whose."""
    name, owner = given.get("SnapshotIdentifier"), given.get(cluster)
    if "SnapshotArn" in given:
        owner, _, name = given["SnapshotArn"].rpartition(":snapshot:")[2].partition("/")
    described = {"name": name, "cluster": owner, "kind": given.get("SnapshotType")}
    moments = {"from": given.get("StartTime"), "to": given.get("EndTime")}
    return {key: value for key, value in described.items() if value is not None} | {
        key: moment(value) for key, value in moments.items() if value is not None
    }


def _fits(kept: Kept, wanted: Mapping[str, Any]) -> bool:
    snapshot = kept.snapshot
    own = {"name": snapshot.name, "cluster": kept.cluster, "kind": _kind(snapshot)}
    return all(wanted.get(key, value) == value for key, value in own.items()) and (
        wanted.get("from", snapshot.moment) <= snapshot.moment <= wanted.get("to", snapshot.moment)
    )


def _remaining(snapshot: Snapshot, now: datetime) -> int | None:
    if snapshot.automated or snapshot.kept_days < 0:
        return None
    return max(0, snapshot.kept_days - (now - snapshot.moment).days)


def _kind(snapshot: Snapshot) -> str:
    return "automated" if snapshot.automated else "manual"
