"""The operations of ``redshift`` that copy snapshots to the second place, and those that change and gather them."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operations
from api.identities import Caller
from api.management import checks
from api.management.snapshots import Archive, Kept, Own, SnapshotApi, fault
from core.errors import SqlError
from session.snapshots import SnapshotKeeper

_AUTOMATED_DAYS: Final = range(1, 36)
_DEFAULT_DAYS: Final = 7
_MOST: Final = 100
"""Snapshots of one batch."""
Cluster = Callable[[Caller], dict[str, Any]]


class CopyApi:
    """The operations, by name in ``operations``."""

    def __init__(self, archive: Archive, snapshots: SnapshotApi, cluster: Cluster) -> None:
        """Work with the snapshots of *archive*; *cluster* shows the server as a cluster."""
        self._archive, self._snapshots, self._cluster = archive, snapshots, cluster

    def operations(self, own: Own) -> Operations:
        """Return the operations by their names."""
        return {
            "EnableSnapshotCopy": own("EnableSnapshotCopy", self._enable),
            "DisableSnapshotCopy": own("DisableSnapshotCopy", self._disable),
            "ModifySnapshotCopyRetentionPeriod": own("ModifySnapshotCopyRetentionPeriod", self._retain),
            "CopyClusterSnapshot": self._copy,
            "ModifyClusterSnapshot": self._modify,
            "BatchDeleteClusterSnapshots": self._batch_delete,
            "BatchModifyClusterSnapshots": self._batch_modify,
        }

    async def _enable(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        keeper = self._archive.keeper()
        region = given["DestinationRegion"]
        if not keeper.region:
            raise ApiError("UnknownSnapshotCopyRegionFault", "snapshots.copy_to says where copies go, and is empty.")
        if region != keeper.region:
            message = f"Copies go to {keeper.region} (snapshots.copy_to), not to {region}."
            raise ApiError("UnknownSnapshotCopyRegionFault", message)
        if keeper.copying is not None:
            raise ApiError("SnapshotCopyAlreadyEnabledFault", "Snapshots are copied already.")
        if given.get("SnapshotCopyGrantName"):
            message = "There are no grants: a copy is encrypted as its snapshot is."
            raise ApiError("SnapshotCopyGrantNotFoundFault", message)
        days = _automated(given.get("RetentionPeriod", _DEFAULT_DAYS))
        await keeper.copy(enabled=True, days=days, manual_days=checks.manual_days(given))
        return {"Cluster": self._cluster(caller)}

    async def _disable(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        keeper = self._archive.keeper()
        if keeper.copying is None:
            raise ApiError("SnapshotCopyAlreadyDisabledFault", "Snapshots are not copied.")
        await keeper.copy(enabled=False)
        return {"Cluster": self._cluster(caller)}

    async def _retain(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        keeper = self._archive.keeper()
        if keeper.copying is None:
            raise ApiError("SnapshotCopyDisabledFault", "Snapshots are not copied.")
        days = given["RetentionPeriod"]
        await keeper.copy(
            **({"manual_days": checks.manual(days)} if given.get("Manual") else {"days": _automated(days)})
        )
        return {"Cluster": self._cluster(caller)}

    async def _copy(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require("redshift:CopyClusterSnapshot", caller.place.cluster_arn)
        source, target = given["SourceSnapshotIdentifier"], given["TargetSnapshotIdentifier"]
        wanted = {"name": source}
        if "SourceSnapshotClusterIdentifier" in given:
            wanted["cluster"] = given["SourceSnapshotClusterIdentifier"]
        keeper = self._keeper(await self._snapshots.one(caller, wanted))
        made = await _told(keeper.duplicate(source, target, checks.manual_days(given)))
        return {"Snapshot": self._snapshots.shown(caller, Kept("", caller.place.cluster, made))}

    async def _modify(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require("redshift:ModifyClusterSnapshot", caller.place.cluster_arn)
        kept = await self._snapshots.one(caller, {"name": given["SnapshotIdentifier"]})
        changed = await _told(self._keeper(kept).change(kept.snapshot.name, checks.manual_days(given)))
        return {"Snapshot": self._snapshots.shown(caller, Kept("", caller.place.cluster, changed))}

    async def _batch_delete(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        _check_batch(given["Identifiers"], "BatchDeleteRequestSizeExceededFault")

        async def delete(one: Mapping[str, Any]) -> None:
            await self._snapshots.delete(caller, one)

        return await _each({each["SnapshotIdentifier"]: each for each in given["Identifiers"]}, delete)

    async def _batch_modify(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        names = given["SnapshotIdentifierList"]
        _check_batch(names, "BatchModifyClusterSnapshotsLimitExceededFault")
        days = {key: given[key] for key in ("ManualSnapshotRetentionPeriod",) if key in given}

        async def modify(one: Mapping[str, Any]) -> None:
            await self._modify(caller, {**one, **days})

        return await _each({name: {"SnapshotIdentifier": name} for name in names}, modify)

    def _keeper(self, kept: Kept) -> SnapshotKeeper:
        if kept.key:
            raise ApiError("InvalidClusterSnapshotStateFault", f"Cluster {kept.cluster} does not run.")
        return self._archive.keeper()


def _automated(days: int) -> int:
    if days not in _AUTOMATED_DAYS:
        raise ApiError("InvalidRetentionPeriodFault", "Copies of automated snapshots are kept for 1 to 35 days.")
    return days


async def _told(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except SqlError as error:
        raise fault(error) from None


def _check_batch(items: list[Any], code: str) -> None:
    if len(items) > _MOST:
        raise ApiError(code, f"There are more than {_MOST} snapshots.")


async def _each(
    items: Mapping[str, Mapping[str, Any]], work: Callable[[Mapping[str, Any]], Awaitable[None]]
) -> Mapping[str, Any]:
    done, failed = [], []
    for name, item in items.items():
        try:
            await work(item)
        except ApiError as error:
            code = error.code.removesuffix("Fault")
            failed.append({"SnapshotIdentifier": name, "FailureCode": code, "FailureReason": error.message})
        else:
            done.append(name)
    return {"Resources": done, "Errors": failed}
