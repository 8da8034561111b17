"""The operations of ``redshift`` on snapshots: create, describe, delete."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operation, Operations
from api.identities import Caller
from api.management.facts import Facts
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
}
Own = Callable[[str, Operation], Operation]
"""Adds what all operations need that are about the cluster."""


class SnapshotApi:
    """The operations, by name in ``operations``."""

    def __init__(self, warehouse: Warehouse, facts: Facts) -> None:
        """Work with the snapshots of *warehouse*."""
        self._warehouse = warehouse
        self._facts = facts

    def operations(self, own: Own) -> Operations:
        """Return the operations by their names."""
        return {
            "DescribeClusterSnapshots": self._describe,
            "CreateClusterSnapshot": own("CreateClusterSnapshot", self._create),
            "DeleteClusterSnapshot": self._delete,
        }

    async def _describe(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require("redshift:DescribeClusterSnapshots", caller.place.cluster_arn)
        keeper = self._warehouse.limits.snapshots
        found = [] if keeper is None else await keeper.all()
        wanted, kind = given.get("SnapshotIdentifier"), given.get("SnapshotType")
        found = [each for each in found if wanted in {None, each.name} and kind in {None, _kind(each)}]
        if wanted is not None and not found:
            raise ApiError("ClusterSnapshotNotFoundFault", f"Snapshot {wanted} not found.")
        return {"Snapshots": [self._shown(caller, each) for each in found]}

    async def _create(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        keeper = self._keeper()
        try:
            made = await keeper.create(given["SnapshotIdentifier"])
        except SqlError as error:
            raise _fault(error) from None
        return {"Snapshot": self._shown(caller, made)}

    async def _delete(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require("redshift:DeleteClusterSnapshot", caller.place.cluster_arn)
        keeper = self._keeper("ClusterSnapshotNotFoundFault")
        try:
            gone = await keeper.delete(given["SnapshotIdentifier"])
        except SqlError as error:
            raise _fault(error) from None
        return {"Snapshot": {**self._shown(caller, gone), "Status": "deleted"}}

    def _keeper(self, fault: str = "InvalidClusterStateFault") -> SnapshotKeeper:
        if self._warehouse.limits.snapshots is None:
            raise ApiError(fault, "The server has no place for snapshots.")
        return self._warehouse.limits.snapshots

    def _shown(self, caller: Caller, snapshot: Snapshot) -> dict[str, Any]:
        size = snapshot.size / _MEGABYTE
        return {
            "SnapshotIdentifier": snapshot.name,
            "ClusterIdentifier": caller.place.cluster,
            "SnapshotCreateTime": snapshot.moment,
            "Status": "available",
            "Port": self._facts.port,
            "ClusterCreateTime": self._facts.created,
            "MasterUsername": self._facts.admin,
            "DBName": self._facts.database,
            "SnapshotType": _kind(snapshot),
            "NumberOfNodes": 1,
            "Encrypted": bool(snapshot.keyring),
            "TotalBackupSizeInMegaBytes": size,
            "ActualIncrementalBackupSizeInMegaBytes": size,
            "BackupProgressInMegaBytes": size,
            "Tags": [],
        }


def _kind(snapshot: Snapshot) -> str:
    return "automated" if snapshot.automated else "manual"


def _fault(error: SqlError) -> ApiError:
    return ApiError(_FAULTS.get(error.state, "InvalidClusterStateFault"), error.message)
