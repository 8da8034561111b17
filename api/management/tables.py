"""Single tables restored from snapshots, in the words of both services: asked for, and how it goes.

One at a time, as Redshift has it. What is known of a request is forgotten when the server stops.
"""

import asyncio
import uuid
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operations
from api.identities import Caller
from api.management.snapshots import Archive, Own
from api.users import Users
from core.clock import Clock
from core.errors import SqlError
from core.names import literal, lower, quote
from session.warehouse import Warehouse

_SCHEMA: Final = "public"
_KEPT: Final = 1_000
Named = tuple[str, str, str]


@dataclass(slots=True, kw_only=True)
class TableRestore:
    """One request."""

    id: str
    snapshot: str
    source: Named
    target: Named
    asked: datetime
    status: str = "PENDING"
    message: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """How a service calls what goes wrong, and how a request's members begin."""

    argument: str
    missing: str
    busy: str
    exact: str
    """The member that keeps the case of names."""
    capital: bool

    def member(self, name: str) -> str:
        """Return the member called *name* in the other service's way (``SourceTableName``)."""
        return name if self.capital else name[0].lower() + name[1:]


PROVISIONED: Final = Words(
    "InvalidTableRestoreArgumentFault",
    "ClusterSnapshotNotFoundFault",
    "InProgressTableRestoreQuotaExceededFault",
    "EnableCaseSensitiveIdentifier",
    capital=True,
)
SERVERLESS: Final = Words(
    "ValidationException",
    "ResourceNotFoundException",
    "ConflictException",
    "activateCaseSensitiveIdentifier",
    capital=False,
)


class TableRestores:
    """The requests, and the operations of ``redshift-serverless`` on them in ``serverless``."""

    def __init__(self, warehouse: Warehouse, archive: Archive, users: Users, clock: Clock) -> None:
        """Restore tables into *warehouse* from its own snapshots."""
        self._warehouse, self._archive, self._users, self._clock = warehouse, archive, users, clock
        self._kept: deque[TableRestore] = deque(maxlen=_KEPT)
        self._task: asyncio.Task[None] | None = None

    def operations(self, own: Own) -> Operations:
        """Return the operations of ``redshift`` by their names."""
        return {
            "RestoreTableFromClusterSnapshot": own("RestoreTableFromClusterSnapshot", self._restore),
            "DescribeTableRestoreStatus": self._describe,
        }

    @property
    def serverless(self) -> Operations:
        """The operations of ``redshift-serverless`` by their names."""
        return {
            "RestoreTableFromSnapshot": self.restore_serverless,
            "GetTableRestoreStatus": self._get,
            "ListTableRestoreStatus": self._list,
        }

    async def close(self) -> None:
        """Wait for a restore that is under way."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _restore(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        begun = await self._begin(given, given["SnapshotIdentifier"], PROVISIONED)
        return {"TableRestoreStatus": _cluster_words(caller, begun)}

    async def _describe(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require("redshift:DescribeTableRestoreStatus", caller.place.cluster_arn)
        wanted = given.get("TableRestoreRequestId")
        if given.get("ClusterIdentifier", caller.place.cluster) != caller.place.cluster:
            raise ApiError("ClusterNotFoundFault", f"Cluster {given['ClusterIdentifier']} not found.")
        found = [each for each in self._kept if wanted in {None, each.id}]
        if wanted is not None and not found:
            raise ApiError("TableRestoreNotFoundFault", f"There is no request {wanted}.")
        return {"TableRestoreStatusDetails": [_cluster_words(caller, each) for each in found]}

    async def restore_serverless(
        self, caller: Caller, given: dict[str, Any], at: datetime | None = None
    ) -> Mapping[str, Any]:
        """RestoreTableFromSnapshot, of a snapshot or of a moment before it."""
        place, name = caller.place, given["namespaceName"]
        caller.require("redshift-serverless:RestoreTableFromSnapshot", place.of(name).serverless_namespace_arn)
        if (name, given["workgroupName"]) != (place.namespace_name, place.cluster):
            raise ApiError("ResourceNotFoundException", f"Namespace {name} was not found.", resourceName=name)
        begun = await self._begin(given, given["snapshotName"], SERVERLESS, at)
        return {"tableRestoreStatus": _workgroup_words(caller, begun)}

    async def _get(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require("redshift-serverless:GetTableRestoreStatus", caller.place.serverless_namespace_arn)
        wanted = given["tableRestoreRequestId"]
        for each in self._kept:
            if each.id == wanted:
                return {"tableRestoreStatus": _workgroup_words(caller, each)}
        raise ApiError("ResourceNotFoundException", f"There is no request {wanted}.", resourceName=wanted)

    async def _list(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require("redshift-serverless:ListTableRestoreStatus", caller.place.serverless_namespace_arn)
        return {"tableRestoreStatuses": [_workgroup_words(caller, each) for each in self._kept]}

    async def _begin(
        self, given: Mapping[str, Any], snapshot: str, words: Words, at: datetime | None = None
    ) -> TableRestore:
        keeper = self._archive.keeper(words.missing)
        if not any(each.name == snapshot for each in await keeper.all()):
            raise _missing(words, snapshot)
        if self._task is not None and not self._task.done():
            raise ApiError(words.busy, "A table is being restored already, and only one is at a time.")
        begun = _request(given, snapshot, words, self._clock.now())
        self._check(begun.target, words)
        self._kept.append(begun)
        self._task = asyncio.get_running_loop().create_task(self._run(begun, at))
        return begun

    def _check(self, target: Named, words: Words) -> None:
        state = self._warehouse.store.state
        database = state.database(target[0])
        schema = state.schema(database.oid, target[1]) if database is not None else None
        if schema is None:
            raise ApiError(words.argument, f"There is no schema {target[0]}.{target[1]}.")
        if state.relation(schema.oid, target[2]) is not None:
            raise ApiError(words.argument, f"There is a table {'.'.join(target)} already.")

    async def _run(self, begun: TableRestore, at: datetime | None) -> None:
        begun.status = "IN_PROGRESS"
        named = [literal(".".join(quote(part) for part in name)) for name in (begun.source, begun.target)]
        texts = [literal(begun.snapshot), *named, *([literal(at.isoformat())] if at is not None else [])]
        procedure = "duckshift_restore_table" if at is None else "duckshift_restore_table_at"
        try:
            await self._users.run([f"CALL {procedure}({', '.join(texts)})"])
        except SqlError as error:
            begun.status, begun.message = "FAILED", error.message
        else:
            begun.status = "SUCCEEDED"


def _missing(words: Words, snapshot: str) -> ApiError:
    message = f"Snapshot {snapshot} not found."
    if words.capital:
        return ApiError(words.missing, message)
    return ApiError(words.missing, message, resourceName=snapshot)


def _request(given: Mapping[str, Any], snapshot: str, words: Words, now: datetime) -> TableRestore:
    def name(member: str, default: str = "") -> str:
        text = str(given.get(words.member(member), default))
        return text if given.get(words.exact) else lower(text)

    source = (name("SourceDatabaseName"), name("SourceSchemaName", _SCHEMA), name("SourceTableName"))
    target = (name("TargetDatabaseName", source[0]), name("TargetSchemaName", source[1]), name("NewTableName"))
    return TableRestore(id=str(uuid.uuid4()), snapshot=snapshot, source=source, target=target, asked=now)


def _told(restore: TableRestore, words: Words) -> dict[str, Any]:
    members = {
        "TableRestoreRequestId": restore.id,
        "Status": restore.status,
        "Message": restore.message or None,
        "RequestTime": restore.asked,
        "SourceDatabaseName": restore.source[0],
        "SourceSchemaName": restore.source[1],
        "SourceTableName": restore.source[2],
        "TargetDatabaseName": restore.target[0],
        "TargetSchemaName": restore.target[1],
        "NewTableName": restore.target[2],
    }
    return {words.member(key): value for key, value in members.items()}


def _cluster_words(caller: Caller, restore: TableRestore) -> dict[str, Any]:
    own = {"ClusterIdentifier": caller.place.cluster, "SnapshotIdentifier": restore.snapshot}
    return {**_told(restore, PROVISIONED), **own}


def _workgroup_words(caller: Caller, restore: TableRestore) -> dict[str, Any]:
    place = caller.place
    own = {"namespaceName": place.namespace_name, "workgroupName": place.cluster, "snapshotName": restore.snapshot}
    return {**_told(restore, SERVERLESS), **own}
