"""The operations of ``redshift-serverless`` on recovery points: automated snapshots, and every second before one.

A recovery point's identifier is its snapshot's name. Where one is to be restored from, a moment (ISO 8601) means the
namespace as it was then: of the first snapshot after it, of which the warehouse's own history reaches back.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operations
from api.hosting import Kind, Source
from api.identities import Caller
from api.management import checks
from api.management.serverless_snapshots import ServerlessSnapshots
from api.management.snapshots import Archive, Kept
from api.management.tables import TableRestores
from core.errors import SqlError

_MEGABYTE: Final = 1 << 20


class RecoveryApi:
    """The operations, by name in ``operations``."""

    def __init__(self, archive: Archive, snapshots: ServerlessSnapshots, tables: TableRestores) -> None:
        """Work with the snapshots of *archive*."""
        self._archive, self._snapshots, self._tables = archive, snapshots, tables

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {
            "ListRecoveryPoints": self.list_all,
            "GetRecoveryPoint": self.get,
            "RestoreFromRecoveryPoint": self.restore,
            "RestoreTableFromRecoveryPoint": self.restore_table,
            "ConvertRecoveryPointToSnapshot": self.convert,
        }

    async def list_all(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListRecoveryPoints."""
        caller.require("redshift-serverless:ListRecoveryPoints", caller.place.serverless_namespace_arn)
        found = [_shown(caller, each) for each in await self._all(caller) if each.snapshot.automated]
        start, end = given.get("startTime"), given.get("endTime")
        return {
            "recoveryPoints": [
                each
                for each in found
                if given.get("namespaceName", each["namespaceName"]) == each["namespaceName"]
                and given.get("namespaceArn", each["namespaceArn"]) == each["namespaceArn"]
                and (start is None or checks.moment(start) <= each["recoveryPointCreateTime"])
                and (end is None or each["recoveryPointCreateTime"] <= checks.moment(end))
            ]
        }

    async def get(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetRecoveryPoint."""
        caller.require("redshift-serverless:GetRecoveryPoint", caller.place.serverless_namespace_arn)
        return {"recoveryPoint": _shown(caller, await self._automated(caller, given["recoveryPointId"]))}

    async def restore(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """RestoreFromRecoveryPoint: a namespace becomes what one was."""
        name, number = given["namespaceName"], given["recoveryPointId"]
        caller.require("redshift-serverless:RestoreFromRecoveryPoint", caller.place.of(name).serverless_namespace_arn)
        record = self._snapshots.replaceable(caller, given)
        kept, at = await self._meant(caller, name, number)
        shown = self._snapshots.replaced(caller, record, Source(kept.key, kept.snapshot, at))
        return {"namespace": shown, "recoveryPointId": number}

    async def restore_table(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """RestoreTableFromRecoveryPoint, into the server's own namespace."""
        kept, at = await self._meant(caller, given["namespaceName"], given["recoveryPointId"])
        return await self._tables.restore_serverless(caller, {**given, "snapshotName": kept.snapshot.name}, at)

    async def convert(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ConvertRecoveryPointToSnapshot, of the server's own namespace."""
        caller.require("redshift-serverless:ConvertRecoveryPointToSnapshot", caller.place.serverless_namespace_arn)
        kept = await self._automated(caller, given["recoveryPointId"])
        if kept.key:
            raise ApiError("ConflictException", f"Namespace {kept.cluster} has no workgroup.")
        days = checks.manual(given.get("retentionPeriod", -1), "ValidationException")
        try:
            keeper = self._archive.keeper("ConflictException")
            made = await keeper.duplicate(kept.snapshot.name, given["snapshotName"], days)
        except SqlError as error:
            raise self._snapshots.fault(error) from None
        return {"snapshot": self._snapshots.shown(caller, Kept("", kept.cluster, made))}

    async def _all(self, caller: Caller) -> list[Kept]:
        return await self._archive.all(caller.place.namespace_name, Kind.NAMESPACE)

    async def _automated(self, caller: Caller, number: str) -> Kept:
        for each in await self._all(caller):
            if each.snapshot.automated and each.snapshot.name == number:
                return each
        raise _missing(number)

    async def _meant(self, caller: Caller, namespace: str, number: str) -> tuple[Kept, datetime | None]:
        """Return the snapshot that a recovery point is, and the moment before it that is wanted, if one is."""
        at = _time(number)
        if at is None:
            return await self._automated(caller, number), None
        own = [each for each in await self._all(caller) if each.cluster == namespace]
        found = _first_after(own, at)
        if found is None:
            raise _missing(number)
        return found, at


def _first_after(kept: Iterable[Kept], at: datetime) -> Kept | None:
    later = [each for each in kept if each.snapshot.moment >= at]
    return min(later, key=lambda each: each.snapshot.moment, default=None)


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _missing(number: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Recovery point {number} was not found.", resourceName=number)


def _shown(caller: Caller, kept: Kept) -> dict[str, Any]:
    return {
        "recoveryPointId": kept.snapshot.name,
        "recoveryPointCreateTime": kept.snapshot.moment,
        "namespaceName": kept.cluster,
        "namespaceArn": caller.place.of(kept.cluster).serverless_namespace_arn,
        "workgroupName": None if kept.key else caller.place.cluster,
        "totalSizeInMegaBytes": kept.snapshot.size / _MEGABYTE,
    }
