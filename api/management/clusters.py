"""The operations of ``redshift``: one cluster, which is this server.

What a server can do to itself it does: describe itself, change the first superuser's password, pause, resume
and reboot. What would take another server, or a copy of all data, is an error that AWS has too.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from api.errors import ApiError, invalid
from api.gateway import Operation, Operations
from api.identities import Caller
from api.management.credentials import Credentials
from api.management.facts import Facts
from api.management.snapshots import SnapshotApi
from api.users import Users
from core.errors import ConnectionFatal
from core.names import literal, quote
from core.sqlstate import SqlState
from session.sessions import SessionFactory
from session.warehouse import Warehouse

_NODE: Final = "duckshift"
_ENGINE: Final = "1.0"
_QUIET: Final = frozenset({"ClusterIdentifier", "MasterUserPassword"})
_PASSWORD: Final = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[!-~]{8,64}")


class ClusterApi:
    """The operations, by name in ``operations``."""

    def __init__(
        self, warehouse: Warehouse, sessions: SessionFactory, users: Users, credentials: Credentials, facts: Facts
    ) -> None:
        """Manage the server of *warehouse*."""
        self._warehouse = warehouse
        self._sessions = sessions
        self._users = users
        self._credentials = credentials
        self._facts = facts

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {
            "DescribeClusters": self.describe,
            "CreateCluster": _refused("CreateCluster", "ClusterQuotaExceededFault", _ONE),
            "RestoreFromClusterSnapshot": _refused("RestoreFromClusterSnapshot", "ClusterQuotaExceededFault", _ONE),
            "DeleteCluster": self._own("DeleteCluster", self._keep),
            "ModifyCluster": self._own("ModifyCluster", self._modify),
            "PauseCluster": self._own("PauseCluster", self._pause),
            "ResumeCluster": self._own("ResumeCluster", self._resume),
            "RebootCluster": self._own("RebootCluster", self._reboot),
            **SnapshotApi(self._warehouse, self._facts).operations(self._own),
            "DescribeLoggingStatus": self._own("DescribeLoggingStatus", self._logging),
            "DescribeTags": self.tags,
            "DescribeCustomDomainAssociations": _refused(
                "DescribeCustomDomainAssociations",
                "CustomDomainAssociationNotFoundFault",
                "There are no custom domains.",
            ),
            "GetClusterCredentials": self._credentials.cluster_credentials,
            "GetClusterCredentialsWithIAM": self._credentials.with_iam,
        }

    async def describe(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """DescribeClusters."""
        caller.require("redshift:DescribeClusters", caller.place.cluster_arn)
        wanted = given.get("ClusterIdentifier")
        if wanted is not None and wanted != caller.place.cluster:
            raise ApiError("ClusterNotFoundFault", f"Cluster {wanted} not found.")
        tagged = given.get("TagKeys") or given.get("TagValues")
        return {"Clusters": [] if tagged else [self._cluster(caller)]}

    async def tags(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """DescribeTags."""
        caller.require("redshift:DescribeTags", caller.place.cluster_arn)
        return {"TaggedResources": []}

    def _own(self, action: str, operation: Operation) -> Operation:
        """Return *operation* with what all need that are about the cluster: permission, and that it is ours."""

        async def called(caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
            caller.require(f"redshift:{action}", caller.place.cluster_arn)
            if given["ClusterIdentifier"] != caller.place.cluster:
                raise ApiError("ClusterNotFoundFault", f"Cluster {given['ClusterIdentifier']} not found.")
            return await operation(caller, given)

        return called

    async def _keep(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        raise ApiError("InvalidClusterStateFault", "A server does not delete itself: stop it and remove its data.")

    async def _logging(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        return {"LoggingEnabled": False}

    async def _modify(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        others = sorted(given.keys() - _QUIET)
        if others:
            raise ApiError("UnsupportedOptionFault", f"{others[0]} cannot be changed on this server.")
        password = given.get("MasterUserPassword")
        if password is not None:
            if not _PASSWORD.fullmatch(password) or set(password) & set("'\"\\/@ "):
                raise invalid(
                    "MasterUserPassword must have 8 to 64 printable characters, a capital, a small letter and a "
                    "digit, and none of ' \" \\ / @."
                )
            await self._users.run([f"ALTER USER {quote(self._facts.admin)} PASSWORD {literal(password)}"])
        return {"Cluster": self._cluster(caller)}

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
            "AutomatedSnapshotRetentionPeriod": facts.snapshot_days,
            "ManualSnapshotRetentionPeriod": -1,
            "ClusterSecurityGroups": [],
            "VpcSecurityGroups": [],
            "ClusterParameterGroups": [],
            "ClusterVersion": _ENGINE,
            "AllowVersionUpgrade": False,
            "NumberOfNodes": 1,
            "PubliclyAccessible": False,
            "Encrypted": facts.encrypted,
            "ClusterNodes": [{"NodeRole": "SHARED", "PrivateIPAddress": host}],
            "Tags": [],
            "IamRoles": [{"IamRoleArn": arn, "ApplyStatus": "in-sync"} for arn in facts.roles],
            "PendingActions": [],
            "ClusterNamespaceArn": place.namespace_arn,
        }


_ONE: Final = "This server is one cluster: start another server for another cluster."


def _refused(action: str, code: str, message: str) -> Operation:
    """Return an operation that this server cannot do, for those who might ask it to."""

    async def called(caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        caller.require(f"redshift:{action}", caller.place.cluster_arn)
        raise ApiError(code, message)

    return called
