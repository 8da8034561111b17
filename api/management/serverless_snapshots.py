"""The operations of ``redshift-serverless`` on snapshots of namespaces."""

from collections.abc import Mapping
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operations
from api.hosting import Host, Hosted, Kind, Source, State
from api.identities import Caller
from api.management import checks
from api.management.checks import moment
from api.management.facts import Facts
from api.management.snapshots import Archive, Kept
from core.errors import SqlError
from core.sqlstate import SqlState

_MEGABYTE: Final = 1 << 20
_FAULTS: Final = {
    SqlState.UNDEFINED_OBJECT: "ResourceNotFoundException",
    SqlState.DUPLICATE_OBJECT: "ConflictException",
}
_SETTLED: Final = frozenset({State.AVAILABLE, State.NOT_RESTORED, State.FAILED})


class ServerlessSnapshots:
    """The operations, by name in ``operations``."""

    def __init__(self, archive: Archive, facts: Facts, host: Host | None) -> None:
        """Work with the snapshots of *archive*."""
        self._archive, self._facts, self._host = archive, facts, host

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {
            "CreateSnapshot": self.create,
            "ListSnapshots": self.list_all,
            "GetSnapshot": self.get,
            "DeleteSnapshot": self.delete,
            "UpdateSnapshot": self.update,
            "RestoreFromSnapshot": self.restore,
        }

    async def create(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """CreateSnapshot of the server's own namespace."""
        name = given["namespaceName"]
        caller.require("redshift-serverless:CreateSnapshot", caller.place.of(name).serverless_namespace_arn)
        if name != caller.place.namespace_name:
            raise ApiError("ResourceNotFoundException", f"Namespace {name} was not found.", resourceName=name)
        try:
            made = await self._archive.keeper("ConflictException").create(given["snapshotName"], kept_days=_days(given))
        except SqlError as error:
            raise self.fault(error) from None
        return {"snapshot": self.shown(caller, Kept("", name, made))}

    async def list_all(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListSnapshots."""
        caller.require("redshift-serverless:ListSnapshots", caller.place.serverless_namespace_arn)
        found = [self.shown(caller, each) for each in await self._all(caller)]
        start, end = given.get("startTime"), given.get("endTime")
        return {
            "snapshots": [
                each
                for each in found
                if given.get("namespaceName", each["namespaceName"]) == each["namespaceName"]
                and given.get("namespaceArn", each["namespaceArn"]) == each["namespaceArn"]
                and (start is None or moment(start) <= each["snapshotCreateTime"])
                and (end is None or each["snapshotCreateTime"] <= moment(end))
            ]
        }

    async def get(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetSnapshot."""
        caller.require("redshift-serverless:GetSnapshot", caller.place.serverless_namespace_arn)
        return {"snapshot": self.shown(caller, await self._one(caller, given))}

    async def delete(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """DeleteSnapshot."""
        caller.require("redshift-serverless:DeleteSnapshot", caller.place.serverless_namespace_arn)
        gone = await self._one(caller, given)
        try:
            await self._archive.delete(gone)
        except SqlError as error:
            raise self.fault(error) from None
        return {"snapshot": {**self.shown(caller, gone), "status": "DELETED"}}

    async def update(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """UpdateSnapshot: how long it is kept."""
        caller.require("redshift-serverless:UpdateSnapshot", caller.place.serverless_namespace_arn)
        kept = await self._one(caller, given)
        if kept.key:
            raise ApiError("ConflictException", f"Namespace {kept.cluster} has no workgroup.")
        try:
            changed = await self._archive.keeper("ConflictException").change(kept.snapshot.name, _days(given))
        except SqlError as error:
            raise self.fault(error) from None
        return {"snapshot": self.shown(caller, Kept("", kept.cluster, changed))}

    async def restore(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """RestoreFromSnapshot: a namespace gets a snapshot's contents in place of its own."""
        name = given["namespaceName"]
        caller.require("redshift-serverless:RestoreFromSnapshot", caller.place.of(name).serverless_namespace_arn)
        record = self.replaceable(caller, given)
        kept = await self._one(caller, given)
        shown = self.replaced(caller, record, Source(kept.key, kept.snapshot))
        return {"namespace": shown, "snapshotName": kept.snapshot.name, "ownerAccount": caller.place.account}

    def replaceable(self, caller: Caller, given: Mapping[str, Any]) -> Hosted:
        """Return the namespace whose contents are to be replaced; raises ``ApiError``."""
        name, workgroup = given["namespaceName"], given["workgroupName"]
        if name == caller.place.namespace_name:
            message = "A server does not replace its own data: restore into a namespace that it hosts."
            raise ApiError("ConflictException", message)
        record = self._host.find(Kind.NAMESPACE, name) if self._host is not None else None
        if record is None or record.workgroup != workgroup:
            missing = name if record is None else workgroup
            raise ApiError("ResourceNotFoundException", f"{missing} was not found.", resourceName=missing)
        if record.state not in _SETTLED:
            raise ApiError("ConflictException", f"Namespace {name} is being changed.")
        return record

    def replaced(self, caller: Caller, record: Hosted, source: Source) -> dict[str, Any]:
        """Begin to replace a namespace's contents and return what is told of it."""
        snapshot = source.snapshot
        if self._host is None or bool(snapshot.keyring) is not record.encrypted:
            raise ApiError("ConflictException", "A namespace must be encrypted as its snapshot is.")
        place = caller.place.of(record.name)
        self._host.replace(record, source)
        return {
            "namespaceName": record.name,
            "namespaceArn": place.serverless_namespace_arn,
            "namespaceId": place.namespace_id,
            "status": "MODIFYING",
            "creationDate": record.moment,
            "adminUsername": snapshot.admin or record.admin,
            "dbName": snapshot.database or record.database,
        }

    async def _all(self, caller: Caller) -> list[Kept]:
        found = await self._archive.all(caller.place.namespace_name, Kind.NAMESPACE)
        return [each for each in found if not each.snapshot.automated]

    async def _one(self, caller: Caller, given: Mapping[str, Any]) -> Kept:
        name, arn = given.get("snapshotName"), given.get("snapshotArn")
        for each in await self._all(caller):
            if arn == caller.place.of(each.cluster).serverless_snapshot_arn(each.snapshot.name) or (
                arn is None and each.snapshot.name == name
            ):
                return each
        missing = name or arn or ""
        raise ApiError("ResourceNotFoundException", f"Snapshot {missing} was not found.", resourceName=missing)

    def shown(self, caller: Caller, kept: Kept) -> dict[str, Any]:
        """Return what clients are told of a snapshot."""
        place, snapshot = caller.place.of(kept.cluster), kept.snapshot
        size = snapshot.size / _MEGABYTE
        return {
            "snapshotName": snapshot.name,
            "snapshotArn": place.serverless_snapshot_arn(snapshot.name),
            "namespaceName": kept.cluster,
            "namespaceArn": place.serverless_namespace_arn,
            "snapshotCreateTime": snapshot.moment,
            "snapshotRetentionPeriod": snapshot.kept_days,
            "snapshotRetentionStartTime": snapshot.moment,
            "adminUsername": snapshot.admin or self._facts.admin,
            "status": "AVAILABLE",
            "ownerAccount": caller.place.account,
            "totalBackupSizeInMegaBytes": size,
            "actualIncrementalBackupSizeInMegaBytes": size,
            "backupProgressInMegaBytes": size,
        }

    @staticmethod
    def fault(error: SqlError) -> ApiError:
        """Return how AWS calls *error*."""
        return ApiError(_FAULTS.get(error.state, "ValidationException"), error.message)


def _days(given: Mapping[str, Any]) -> int:
    return checks.manual(given.get("retentionPeriod", -1), "ValidationException")
