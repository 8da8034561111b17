"""The operations of ``redshift``: this server as a cluster, and those that it hosts.

What a server can do to itself it does: describe itself, change the first superuser's password, pause, resume
and reboot. What is about another cluster goes to ``hosting``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operation, Operations
from api.identities import Caller
from api.management import checks
from api.management.copies import CopyApi
from api.management.credentials import Credentials
from api.management.facts import Facts
from api.management.hosting import HostedClusters, On, automated_days, told
from api.management.schedules import ScheduleApi
from api.management.snapshots import Archive, SnapshotApi
from api.management.tables import TableRestores
from api.management.tagging import Tags, shown
from api.users import Users
from core.errors import ConnectionFatal
from core.names import literal, quote
from core.sqlstate import SqlState
from session.sessions import SessionFactory
from session.warehouse import Warehouse
from storage.retention import Rules

_NODE: Final = "duckshift"
_ENGINE: Final = "1.0"
_CHANGED: Final = frozenset(
    {"ClusterIdentifier", "MasterUserPassword", "AutomatedSnapshotRetentionPeriod", "ManualSnapshotRetentionPeriod"}
)


class ClusterApi:
    """The operations, by name in ``operations``."""

    def __init__(
        self,
        warehouse: Warehouse,
        sessions: SessionFactory,
        users: Users,
        credentials: Credentials,
        facts: Facts,
        hosted: HostedClusters,
    ) -> None:
        """Manage the server of *warehouse* and the *hosted* clusters."""
        self._warehouse = warehouse
        self._sessions = sessions
        self._users = users
        self._credentials = credentials
        self._facts = facts
        self._hosted = hosted
        self._tags = Tags(warehouse.database.location.folder, hosted)
        self._archive = archive = Archive(warehouse, hosted.host)
        self._snapshots = SnapshotApi(archive, facts, hosted.clock)
        self._schedules = ScheduleApi(archive, hosted)
        self._copies = CopyApi(archive, self._snapshots, self._cluster)
        self.tables = TableRestores(warehouse, archive, users, hosted.clock)
        """Restores of single tables, which the other service asks for too."""

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {
            "DescribeClusters": self.describe,
            "CreateCluster": self._hosted.create,
            "DeleteCluster": self._own("DeleteCluster", self._keep),
            "ModifyCluster": self._own("ModifyCluster", self._modify),
            "PauseCluster": self._own("PauseCluster", self._pause),
            "ResumeCluster": self._own("ResumeCluster", self._resume),
            "RebootCluster": self._own("RebootCluster", self._reboot),
            "ModifyClusterIamRoles": self._own("ModifyClusterIamRoles", self._roles),
            **self._snapshots.operations(self._own, self._hosted.restore),
            **self.tables.operations(self._own),
            **self._copies.operations(self._own),
            **self._schedules.operations(self._own),
            "DescribeLoggingStatus": self._own("DescribeLoggingStatus", self._logging),
            **self._tags.operations,
            "DescribeCustomDomainAssociations": _refused(
                "DescribeCustomDomainAssociations",
                "CustomDomainAssociationNotFoundFault",
                "There are no custom domains.",
            ),
            "GetClusterCredentials": self._credentials.cluster_credentials,
            "GetClusterCredentialsWithIAM": self._credentials.with_iam,
        }

    @property
    def _on(self) -> Mapping[str, On]:
        return {**self._hosted.on, "ModifyClusterSnapshotSchedule": self._schedules.on_hosted}

    async def describe(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """DescribeClusters."""
        own, wanted = caller.place.cluster, given.get("ClusterIdentifier")
        caller.require("redshift:DescribeClusters", caller.place.of(wanted or own).cluster_arn)
        if wanted not in {None, own}:
            record = self._hosted.find(wanted)
            if record is None:
                raise ApiError("ClusterNotFoundFault", f"Cluster {wanted} not found.")
            return {"Clusters": [self._hosted.shown(caller, record)]}
        found = [self._cluster(caller)]
        if wanted is None:
            seen = (
                each
                for each in self._hosted.all()
                if caller.may("redshift:DescribeClusters", caller.place.of(each.name).cluster_arn)
            )
            found += [self._hosted.shown(caller, each) for each in seen]
        keys, values = given.get("TagKeys"), given.get("TagValues")
        return {"Clusters": [each for each in found if _tagged(each, keys, values)]}

    def _own(self, action: str, operation: Operation) -> Operation:
        """Return *operation* with what all need that are about the cluster: permission, and that it is ours."""

        async def called(caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
            name = given["ClusterIdentifier"]
            caller.require(f"redshift:{action}", caller.place.of(name).cluster_arn)
            if name == caller.place.cluster:
                return await operation(caller, given)
            record, other = self._hosted.find(name), self._on.get(action)
            if record is None:
                raise ApiError("ClusterNotFoundFault", f"Cluster {name} not found.")
            if other is None:
                raise ApiError("UnsupportedOperationFault", f"{action} is not supported for a hosted cluster.")
            return await other(caller, record, given)

        return called

    async def _roles(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        message = "The server's own roles are those of its configuration ([roles.ARN])."
        raise ApiError("InvalidClusterStateFault", message)

    async def _keep(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        raise ApiError("InvalidClusterStateFault", "A server does not delete itself: stop it and remove its data.")

    async def _logging(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        return {"LoggingEnabled": False}

    async def _modify(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        # Of what the server that hosts this one hands on, the password alone is for this one.
        if caller.request is None or not caller.request.handed:
            await self._retain(given)
        password = given.get("MasterUserPassword")
        if password is not None:
            checks.password(password, "MasterUserPassword")
            await self._users.run([f"ALTER USER {quote(self._facts.admin)} PASSWORD {literal(password)}"])
        return {"Cluster": self._cluster(caller)}

    async def _retain(self, given: Mapping[str, Any]) -> None:
        others = sorted(given.keys() - _CHANGED)
        if others:
            raise ApiError("UnsupportedOptionFault", f"{others[0]} cannot be changed on this server.")
        rules: dict[str, int] = {}
        if "AutomatedSnapshotRetentionPeriod" in given:
            rules["days"] = automated_days(given["AutomatedSnapshotRetentionPeriod"])
        if "ManualSnapshotRetentionPeriod" in given:
            rules["manual_days"] = checks.manual_days(given)
        if rules:
            await self._archive.keeper().rule(**rules)

    async def _pause(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        if self._sessions.paused:
            raise ApiError("InvalidClusterStateFault", "The cluster is paused already.")
        self._sessions.paused = True
        self._end_sessions("the cluster is being paused")
        return {"Cluster": self._cluster(caller)}

    async def _resume(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        if not self._sessions.paused:
            raise ApiError("InvalidClusterStateFault", "The cluster is not paused.")
        self._sessions.paused = False
        return {"Cluster": self._cluster(caller)}

    async def _reboot(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        if self._sessions.paused:
            raise ApiError("InvalidClusterStateFault", "The cluster is paused.")
        self._end_sessions("the cluster is being rebooted")
        return {"Cluster": self._cluster(caller)}

    def _end_sessions(self, why: str) -> None:
        reason = ConnectionFatal(SqlState.ADMIN_SHUTDOWN, f"terminating connection: {why}")
        for pid in list(self._warehouse.sessions):
            self._warehouse.terminate(pid, reason)

    def _cluster(self, caller: Caller) -> dict[str, Any]:
        place, facts = caller.place, self._facts
        host = facts.address(caller)
        keeper = self._archive.own
        rules = keeper.rules if keeper is not None else Rules(days=0)
        copying = keeper.copying if keeper is not None else None
        status = "paused" if self._sessions.paused else "available"
        return {
            "ClusterIdentifier": place.cluster,
            "NodeType": _NODE,
            "ClusterStatus": status,
            "ClusterAvailabilityStatus": "Available" if status == "available" else "Unavailable",
            "MasterUsername": facts.admin,
            "DBName": facts.database,
            "Endpoint": {"Address": host, "Port": facts.port},
            "ClusterCreateTime": facts.created,
            "AutomatedSnapshotRetentionPeriod": keeper.days if keeper is not None else 0,
            "ManualSnapshotRetentionPeriod": rules.manual_days,
            **told(rules.schedule),
            "ClusterSecurityGroups": [],
            "VpcSecurityGroups": [],
            "ClusterParameterGroups": [],
            "ClusterVersion": _ENGINE,
            "AllowVersionUpgrade": False,
            "NumberOfNodes": 1,
            "PubliclyAccessible": False,
            "Encrypted": facts.encrypted,
            "ClusterNodes": [{"NodeRole": "SHARED", "PrivateIPAddress": host}],
            "Tags": shown(self._tags.own),
            "IamRoles": [{"IamRoleArn": arn, "ApplyStatus": "in-sync"} for arn in facts.roles],
            "PendingActions": [],
            "ClusterNamespaceArn": place.namespace_arn,
            "ClusterSnapshotCopyStatus": {
                "DestinationRegion": keeper.region,
                "RetentionPeriod": copying.days,
                "ManualSnapshotRetentionPeriod": copying.manual_days,
            }
            if keeper is not None and copying is not None
            else None,
        }


def _tagged(cluster: Mapping[str, Any], keys: Sequence[str] | None, values: Sequence[str] | None) -> bool:
    """Tell whether a cluster has one of *keys* and one of *values*, of those that are given."""
    tags = cluster["Tags"]
    return (not keys or any(each["Key"] in keys for each in tags)) and (
        not values or any(each["Value"] in values for each in tags)
    )


def _refused(action: str, code: str, message: str) -> Operation:
    """Return an operation that this server cannot do, for those who might ask it to."""

    async def called(caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require(f"redshift:{action}", caller.place.cluster_arn)
        raise ApiError(code, message)

    return called
