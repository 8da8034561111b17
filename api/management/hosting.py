"""The operations of ``redshift`` on clusters beside the server itself: made, changed, paused, deleted, restored."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any, Final

from api.errors import ApiError, invalid
from api.forwarding import Forwarding
from api.hosting import Host, Hosted, Kind, Source, State
from api.identities import Caller
from api.management import checks
from api.management.facts import Facts
from api.management.scheduled import SnapshotSchedule, SnapshotSchedules
from api.management.snapshots import Find
from auth.verifiers import make_scram
from core.clock import Clock

On = Callable[[Caller, Hosted, dict[str, Any]], Awaitable[Mapping[str, Any]]]
NOT_HOSTED: Final = "This server hosts no other clusters: clusters.folder says where it may."
_LACKING: Final = frozenset(
    {
        "HsmClientCertificateIdentifier", "HsmConfigurationIdentifier", "ElasticIp", "KmsKeyId", "LoadSampleData",
        "ManageMasterPassword", "MasterPasswordSecretKmsKeyId", "MultiAZ", "RedshiftIdcApplicationArn", "CatalogName",
        "ReservedNodeId", "TargetReservedNodeOfferingId", "AdditionalInfo",
    }
)  # fmt: skip
"""What would change what a cluster does, and is not there."""
_CHANGED: Final = frozenset(
    {
        "ClusterIdentifier", "MasterUserPassword", "Port", "AutomatedSnapshotRetentionPeriod",
        "ManualSnapshotRetentionPeriod",
    }
)  # fmt: skip
SETTLED: Final = frozenset({State.AVAILABLE, State.PAUSED, State.FAILED, State.NOT_RESTORED})
_DAYS: Final = range(36)
_DATABASE: Final = "dev"
_RESTORING: Final = {State.CREATING: "restoring", State.NOT_RESTORED: "failed"}


class HostedClusters:
    """The operations, by the names of those that name a cluster in ``on``."""

    def __init__(
        self,
        host: Host | None,
        forwarding: Forwarding | None,
        facts: Facts,
        clock: Clock,
        schedules: SnapshotSchedules,
    ) -> None:
        """Work on the clusters of *host*, None where there can be none."""
        self.host, self._forwarding, self.schedules = host, forwarding, schedules
        self._facts, self.clock = facts, clock

    @property
    def on(self) -> Mapping[str, On]:
        """What can be done to a cluster, by the operations' names."""
        return {
            "DeleteCluster": self._delete,
            "ModifyCluster": self._modify,
            "PauseCluster": self._pause,
            "ResumeCluster": self._resume,
            "RebootCluster": self._reboot,
            "ModifyClusterIamRoles": self._roles,
        }

    def find(self, name: str) -> Hosted | None:
        """Return the cluster called *name*."""
        return self.host.find(Kind.CLUSTER, name) if self.host is not None else None

    def all(self) -> list[Hosted]:
        """Return every cluster."""
        return self.host.all(Kind.CLUSTER) if self.host is not None else []

    async def create(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """CreateCluster."""
        host, name = self._room(caller, "CreateCluster", given)
        checks.refuse(given, _LACKING, "UnsupportedOperationFault")
        admin = checks.user(given["MasterUsername"], "MasterUsername")
        if "MasterUserPassword" not in given:
            raise invalid("MasterUserPassword is needed.")
        password = checks.password(given["MasterUserPassword"], "MasterUserPassword")
        database = checks.database(given.get("DBName", _DATABASE), "DBName")
        wanted = self._wanted(host, name, given, self._facts.encrypted)
        made = host.add(replace(wanted, admin=admin, database=database, verifier=make_scram(password).text))
        return {"Cluster": self.shown(caller, made)}

    async def restore(self, caller: Caller, given: dict[str, Any], find: Find) -> Mapping[str, Any]:
        """RestoreFromClusterSnapshot."""
        host, name = self._room(caller, "RestoreFromClusterSnapshot", given)
        checks.refuse(given, _LACKING, "UnsupportedOperationFault")
        owner, snapshot = await find()
        encrypted = bool(snapshot.keyring)
        if given.get("Encrypted", encrypted) is not encrypted:
            raise ApiError("InvalidRestoreFault", "A restored cluster is encrypted if its snapshot is.")
        wanted = replace(
            self._wanted(host, name, given, encrypted), restored=True, encrypted=encrypted,
            admin=snapshot.admin or self._facts.admin, database=snapshot.database or self._facts.database,
        )  # fmt: skip
        return {"Cluster": self.shown(caller, host.add(wanted, Source(owner, snapshot)))}

    def shown(self, caller: Caller, record: Hosted) -> dict[str, Any]:
        """Return what clients are told of a cluster."""
        place, host = caller.place.of(record.name), self._facts.address(caller)
        answer = {
            "ClusterIdentifier": record.name,
            "NodeType": record.node_type,
            "ClusterStatus": record.state.value,
            "ClusterAvailabilityStatus": _availability(record.state),
            "MasterUsername": record.admin,
            "DBName": record.database,
            "Endpoint": {"Address": host, "Port": record.port} if record.port else None,
            "ClusterCreateTime": record.moment,
            "AutomatedSnapshotRetentionPeriod": record.snapshot_days,
            "ManualSnapshotRetentionPeriod": record.manual_days,
            "ClusterSecurityGroups": [],
            "VpcSecurityGroups": [],
            "ClusterParameterGroups": [],
            "ClusterVersion": "1.0",
            "AllowVersionUpgrade": False,
            "NumberOfNodes": record.nodes,
            "PubliclyAccessible": False,
            "Encrypted": record.encrypted,
            "ClusterNodes": [{"NodeRole": "SHARED", "PrivateIPAddress": host}],
            "Tags": [{"Key": key, "Value": value} for key, value in record.tags],
            "IamRoles": [{"IamRoleArn": arn, "ApplyStatus": "in-sync"} for arn in record.roles],
            "DefaultIamRoleArn": record.default_role or None,
            "PendingActions": [],
            "ClusterNamespaceArn": place.namespace_arn,
            **told(record.schedule),
        }
        if record.restored:
            answer["RestoreStatus"] = {"Status": _RESTORING.get(record.state, "completed")}
        return answer

    def _room(self, caller: Caller, action: str, given: Mapping[str, Any]) -> tuple[Host, str]:
        """Return who hosts a new cluster, and its name."""
        name = checks.identifier(given["ClusterIdentifier"], "ClusterIdentifier")
        caller.require(f"redshift:{action}", caller.place.of(name).cluster_arn)
        if self.host is None:
            raise ApiError("ClusterQuotaExceededFault", NOT_HOSTED)
        if name == caller.place.cluster or self.find(name) is not None:
            raise ApiError("ClusterAlreadyExistsFault", f"Cluster {name} already exists.")
        if self.host.full:
            raise ApiError("ClusterQuotaExceededFault", "There are as many clusters as clusters.most allows.")
        return self.host, name

    def _wanted(self, host: Host, name: str, given: Mapping[str, Any], encrypted: bool) -> Hosted:
        schedule = given.get("SnapshotScheduleIdentifier")
        roles, default = checks.roles(self._facts.roles, given.get("IamRoles", ()), given.get("DefaultIamRoleArn"))
        return Hosted(
            kind=Kind.CLUSTER,
            name=name,
            admin="",
            database="",
            created=self.clock.now().astimezone(UTC).isoformat(),
            state=State.CREATING,
            node_type=given.get("NodeType", "duckshift"),
            nodes=given.get("NumberOfNodes", 1),
            port=checks.port(host, given.get("Port")),
            encrypted=given.get("Encrypted", encrypted),
            roles=roles,
            default_role=default,
            snapshot_days=automated_days(given.get("AutomatedSnapshotRetentionPeriod", 1)),
            manual_days=checks.manual_days(given),
            tags=checks.tags(given),
            **scheduled(self.schedules.find(schedule) if schedule else None),
        )

    async def _delete(self, caller: Caller, record: Hosted, given: dict[str, Any]) -> Mapping[str, Any]:
        host = self._settled(record, SETTLED)
        final = given.get("FinalClusterSnapshotIdentifier", "")
        if given.get("SkipFinalClusterSnapshot", False) is bool(final):
            message = "Either FinalClusterSnapshotIdentifier or SkipFinalClusterSnapshot is needed, and not both."
            raise ApiError("InvalidParameterCombination", message)
        if final:
            if not self._facts.takes_snapshots:
                message = "snapshots.destination says where snapshots go, and is empty."
                raise ApiError("InvalidClusterStateFault", message)
            checks.identifier(final, "FinalClusterSnapshotIdentifier")
            taken = (await host.snapshots()).get(record.key, [])
            if any(each.name == final for each in taken):
                raise ApiError("ClusterSnapshotAlreadyExistsFault", f"Snapshot {final} already exists.")
        return {"Cluster": self.shown(caller, host.delete(record, final))}

    async def _modify(self, caller: Caller, record: Hosted, given: dict[str, Any]) -> Mapping[str, Any]:
        host = self._settled(record, {State.AVAILABLE})
        others = sorted(given.keys() - _CHANGED)
        if others:
            raise ApiError("UnsupportedOptionFault", f"{others[0]} cannot be changed on this server.")
        values: dict[str, Any] = {}
        if "AutomatedSnapshotRetentionPeriod" in given:
            values["snapshot_days"] = automated_days(given["AutomatedSnapshotRetentionPeriod"])
        if "ManualSnapshotRetentionPeriod" in given:
            values["manual_days"] = checks.manual_days(given)
        if given.get("Port", record.port) != record.port:
            values["port"] = checks.port(host, given["Port"])
        if "MasterUserPassword" in given and self._forwarding is not None:
            await self._forwarding.relay(record, caller.request)
        if values:
            record = host.change(record, **values)
        if "port" in values:
            record = host.run(record, State.MODIFYING)
        return {"Cluster": self.shown(caller, record)}

    async def _pause(self, caller: Caller, record: Hosted, given: dict[str, Any]) -> Mapping[str, Any]:
        return {"Cluster": self.shown(caller, self._settled(record, {State.AVAILABLE}).rest(record))}

    async def _resume(self, caller: Caller, record: Hosted, given: dict[str, Any]) -> Mapping[str, Any]:
        host = self._settled(record, {State.PAUSED, State.FAILED})
        return {"Cluster": self.shown(caller, host.run(record, State.RESUMING))}

    async def _reboot(self, caller: Caller, record: Hosted, given: dict[str, Any]) -> Mapping[str, Any]:
        host = self._settled(record, {State.AVAILABLE, State.FAILED})
        return {"Cluster": self.shown(caller, host.run(record, State.REBOOTING))}

    async def _roles(self, caller: Caller, record: Hosted, given: dict[str, Any]) -> Mapping[str, Any]:
        host = self._settled(record, {State.AVAILABLE})
        kept = [arn for arn in record.roles if arn not in given.get("RemoveIamRoles", ())]
        default = given.get("DefaultIamRoleArn", record.default_role if record.default_role in kept else "")
        roles, default = checks.roles(self._facts.roles, [*kept, *given.get("AddIamRoles", ())], default)
        changed = host.change(record, roles=roles, default_role=default)
        return {"Cluster": self.shown(caller, host.run(changed, State.MODIFYING))}

    def _settled(self, record: Hosted, states: frozenset[State] | set[State]) -> Host:
        if record.state not in states:
            raise ApiError("InvalidClusterStateFault", f"Cluster {record.name} is {record.state.value}.")
        assert self.host is not None  # noqa: S101 - it has the record
        return self.host


def told(schedule: str) -> dict[str, Any]:
    """Return what is told of a cluster that follows *schedule*, which may be none."""
    return {"SnapshotScheduleIdentifier": schedule, "SnapshotScheduleState": "ACTIVE"} if schedule else {}


def scheduled(schedule: SnapshotSchedule | None) -> dict[str, Any]:
    """Return the fields of a hosted cluster that follows *schedule*."""
    if schedule is None:
        return {"schedule": "", "times": (), "times_since": ""}
    return {"schedule": schedule.name, "times": schedule.definitions, "times_since": schedule.since}


def automated_days(number: int) -> int:
    """Return *number* where automated snapshots may be kept for so many days; raises ``ApiError``."""
    if number not in _DAYS:
        raise ApiError("InvalidRetentionPeriodFault", "Automated snapshots are kept for 0 to 35 days.")
    return number


def _availability(state: State) -> str:
    if state is State.AVAILABLE:
        return "Available"
    if state in {State.FAILED, State.NOT_RESTORED}:
        return "Failed"
    return "Unavailable" if state in {State.PAUSED, State.CREATING, State.DELETING} else "Modifying"
