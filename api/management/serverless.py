"""The operations of ``redshift-serverless``: workgroups and namespaces, the server's own and those that it hosts.

A namespace is a warehouse's data; it is served while it has a workgroup.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any, Final

from api.errors import ApiError
from api.forwarding import Forwarding
from api.gateway import Operations
from api.hosting import Host, Hosted, Kind, State
from api.identities import Caller
from api.management import checks
from api.management.credentials import Credentials
from api.management.facts import Facts
from api.users import Users
from auth.verifiers import make_scram
from core.clock import Clock
from core.names import literal, quote

NOT_HOSTED: Final = "This server hosts no other {}: clusters.folder says where it may."
_BASE_CAPACITY: Final = 128
_OWN_CAPACITY: Final = 8
_ADMIN: Final = "admin"
_DATABASE: Final = "dev"
_LACKING_NAMESPACE: Final = frozenset(
    {"kmsKeyId", "manageAdminPassword", "adminPasswordSecretKmsKeyId", "redshiftIdcApplicationArn", "logExports"}
)
_LACKING_WORKGROUP: Final = frozenset({"configParameters", "pricePerformanceTarget"})
_WORKGROUP_STATES: Final = {
    State.AVAILABLE: "AVAILABLE", State.CREATING: "CREATING", State.RESUMING: "CREATING", State.PAUSING: "DELETING",
}  # fmt: skip


class ServerlessApi:
    """The operations, by name in ``operations``."""

    def __init__(
        self,
        credentials: Credentials,
        facts: Facts,
        users: Users,
        clock: Clock,
        host: Host | None,
        forwarding: Forwarding | None,
    ) -> None:
        """Tell *facts*, and work on what *host* hosts."""
        self._credentials, self._facts, self._users = credentials, facts, users
        self._clock, self._host, self._forwarding = clock, host, forwarding

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {
            "GetWorkgroup": self.workgroup,
            "ListWorkgroups": self.workgroups,
            "CreateWorkgroup": self.create_workgroup,
            "UpdateWorkgroup": self.update_workgroup,
            "DeleteWorkgroup": self.delete_workgroup,
            "GetNamespace": self.namespace,
            "ListNamespaces": self.namespaces,
            "CreateNamespace": self.create_namespace,
            "UpdateNamespace": self.update_namespace,
            "DeleteNamespace": self.delete_namespace,
            "GetCredentials": self._credentials.workgroup_credentials,
        }

    async def workgroup(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetWorkgroup."""
        name = given["workgroupName"]
        caller.require("redshift-serverless:GetWorkgroup", caller.place.of(name).workgroup_arn)
        if name == caller.place.cluster:
            return {"workgroup": self._own_workgroup(caller)}
        return {"workgroup": self._workgroup(caller, self._of_workgroup(name)[1])}

    async def workgroups(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListWorkgroups."""
        caller.require("redshift-serverless:ListWorkgroups", caller.place.workgroup_arn)
        hosted = [each for each in self._all() if each.workgroup]
        return {"workgroups": [self._own_workgroup(caller), *(self._workgroup(caller, each) for each in hosted)]}

    async def namespace(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetNamespace."""
        name = given["namespaceName"]
        if name == caller.place.namespace_name:
            caller.require("redshift-serverless:GetNamespace", caller.place.serverless_namespace_arn)
            return {"namespace": self._own_namespace(caller)}
        caller.require("redshift-serverless:GetNamespace", caller.place.of(name).serverless_namespace_arn)
        return {"namespace": self.shown(caller, self._of_namespace(name)[1])}

    async def namespaces(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListNamespaces."""
        caller.require("redshift-serverless:ListNamespaces", caller.place.serverless_namespace_arn)
        return {"namespaces": [self._own_namespace(caller), *(self.shown(caller, each) for each in self._all())]}

    async def create_namespace(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """CreateNamespace: data is made once it has a workgroup."""
        name = checks.identifier(given["namespaceName"], "namespaceName")
        caller.require("redshift-serverless:CreateNamespace", caller.place.of(name).serverless_namespace_arn)
        if self._host is None:
            raise ApiError("ConflictException", NOT_HOSTED.format("namespaces"))
        if name == caller.place.namespace_name or self._host.find(Kind.NAMESPACE, name) is not None:
            raise ApiError("ConflictException", f"Namespace {name} already exists.")
        if self._host.full:
            raise ApiError("ConflictException", "There are as many namespaces and clusters as clusters.most allows.")
        checks.refuse(given, _LACKING_NAMESPACE, "ValidationException")
        roles, default = checks.roles(self._facts.roles, given.get("iamRoles", ()), given.get("defaultIamRoleArn"))
        password = given.get("adminUserPassword")
        wanted = Hosted(
            kind=Kind.NAMESPACE,
            name=name,
            admin=checks.user(given.get("adminUsername", _ADMIN), "adminUsername"),
            verifier=_verifier(password) if password is not None else "",
            database=checks.database(given.get("dbName", _DATABASE), "dbName"),
            created=self._clock.now().astimezone(UTC).isoformat(),
            state=State.PAUSED,
            encrypted=self._facts.encrypted,
            roles=roles,
            default_role=default,
            tags=checks.tags(given, "key", "value"),
        )
        return {"namespace": self.shown(caller, self._host.add(wanted))}

    async def create_workgroup(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """CreateWorkgroup: the namespace's data are served from now on."""
        name = checks.identifier(given["workgroupName"], "workgroupName")
        caller.require("redshift-serverless:CreateWorkgroup", caller.place.of(name).workgroup_arn)
        if self._host is None:
            raise ApiError("InsufficientCapacityException", NOT_HOSTED.format("workgroups"))
        if name == caller.place.cluster or self._host.workgroup(name) is not None:
            raise ApiError("ConflictException", f"Workgroup {name} already exists.")
        host, record = self._of_namespace(given["namespaceName"])
        if record.workgroup:
            raise ApiError("ConflictException", f"Namespace {record.name} has a workgroup, {record.workgroup}.")
        _require(record, {State.PAUSED, State.FAILED})
        checks.refuse(given, _LACKING_WORKGROUP, "ValidationException")
        capacity, port = given.get("baseCapacity", _BASE_CAPACITY), given.get("port")
        wanted = replace(record, workgroup=name, capacity=capacity)
        if port is not None and port != record.port:
            wanted = replace(wanted, port=checks.port(host, port))
        return {"workgroup": self._workgroup(caller, host.run(wanted, State.CREATING))}

    async def update_workgroup(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """UpdateWorkgroup: its port and its nominal capacity."""
        host, record = self._asked_workgroup(caller, "UpdateWorkgroup", given)
        _require(record, {State.AVAILABLE})
        checks.refuse(given, _LACKING_WORKGROUP, "ValidationException")
        if "baseCapacity" in given:
            record = host.change(record, capacity=given["baseCapacity"])
        port = given.get("port", record.port)
        if port != record.port:
            record = host.run(host.change(record, port=checks.port(host, port)), State.MODIFYING)
        return {"workgroup": self._workgroup(caller, record)}

    async def delete_workgroup(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """DeleteWorkgroup: the namespace stays, with its data."""
        host, record = self._asked_workgroup(caller, "DeleteWorkgroup", given)
        _require(record, {State.AVAILABLE, State.FAILED, State.NOT_RESTORED})
        told = self._workgroup(caller, replace(record, state=State.PAUSING))
        host.rest(replace(record, workgroup=""))
        return {"workgroup": told}

    async def update_namespace(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """UpdateNamespace: the first superuser's password, and roles."""
        name = given["namespaceName"]
        caller.require("redshift-serverless:UpdateNamespace", caller.place.of(name).serverless_namespace_arn)
        checks.refuse(given, _LACKING_NAMESPACE | {"adminUsername"}, "ValidationException")
        password = given.get("adminUserPassword")
        if name == caller.place.namespace_name:
            if password is not None:
                checks.password(password, "adminUserPassword")
                admin = quote(self._facts.admin)
                await self._users.run([f"ALTER USER {admin} PASSWORD {literal(password)}"])
            return {"namespace": self._own_namespace(caller)}
        host, record = self._of_namespace(name)
        _require(record, {State.AVAILABLE, State.PAUSED})
        if password is not None:
            record = await self._with_password(caller, host, record, password)
        if given.keys() & {"iamRoles", "defaultIamRoleArn"}:
            asked = given.get("iamRoles", record.roles)
            roles, default = checks.roles(self._facts.roles, asked, given.get("defaultIamRoleArn"))
            record = host.change(record, roles=roles, default_role=default)
            if record.workgroup:
                record = host.run(record, State.MODIFYING)
        return {"namespace": self.shown(caller, record)}

    async def delete_namespace(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """DeleteNamespace."""
        name = given["namespaceName"]
        caller.require("redshift-serverless:DeleteNamespace", caller.place.of(name).serverless_namespace_arn)
        if name == caller.place.namespace_name:
            raise ApiError("ConflictException", "A server does not delete itself: stop it and remove its data.")
        host, record = self._of_namespace(name)
        if record.workgroup:
            raise ApiError("ConflictException", f"Delete the workgroup {record.workgroup} first.")
        _require(record, {State.PAUSED, State.FAILED, State.NOT_RESTORED})
        final = given.get("finalSnapshotName", "")
        if final:
            checks.identifier(final, "finalSnapshotName")
            if not self._facts.takes_snapshots:
                raise ApiError("ConflictException", "snapshots.destination says where snapshots go, and is empty.")
        return {"namespace": self.shown(caller, host.delete(record, final))}

    async def _with_password(self, caller: Caller, host: Host, record: Hosted, password: str) -> Hosted:
        checks.password(password, "adminUserPassword")
        if record.workgroup and self._forwarding is not None:
            await self._forwarding.relay(record, caller.request)
        elif record.port:
            raise ApiError("ConflictException", "The namespace has no workgroup, which could change its password.")
        return host.change(record, verifier=_verifier(password))

    def _all(self) -> list[Hosted]:
        return self._host.all(Kind.NAMESPACE) if self._host is not None else []

    def _of_namespace(self, name: str) -> tuple[Host, Hosted]:
        record = self._host.find(Kind.NAMESPACE, name) if self._host is not None else None
        if self._host is None or record is None:
            raise ApiError("ResourceNotFoundException", f"Namespace {name} was not found.", resourceName=name)
        return self._host, record

    def _of_workgroup(self, name: str) -> tuple[Host, Hosted]:
        record = self._host.workgroup(name) if self._host is not None else None
        if self._host is None or record is None:
            raise ApiError("ResourceNotFoundException", f"Workgroup {name} was not found.", resourceName=name)
        return self._host, record

    def _asked_workgroup(self, caller: Caller, action: str, given: Mapping[str, Any]) -> tuple[Host, Hosted]:
        name = given["workgroupName"]
        caller.require(f"redshift-serverless:{action}", caller.place.of(name).workgroup_arn)
        if name == caller.place.cluster:
            raise ApiError("ConflictException", "The server's own workgroup is what its configuration says.")
        return self._of_workgroup(name)

    def _workgroup(self, caller: Caller, record: Hosted) -> dict[str, Any]:
        place, facts = caller.place.of(record.workgroup), self._facts
        return {
            "workgroupName": record.workgroup,
            "workgroupArn": place.workgroup_arn,
            "workgroupId": place.identifier("workgroup"),
            "namespaceName": record.name,
            "status": _WORKGROUP_STATES.get(record.state, "MODIFYING"),
            "creationDate": record.moment,
            "endpoint": {"address": facts.address(caller), "port": record.port} if record.port else None,
            "port": record.port or None,
            "baseCapacity": record.capacity,
            "publiclyAccessible": False,
            "enhancedVpcRouting": False,
            "configParameters": [],
            "securityGroupIds": [],
            "subnetIds": [],
        }

    def shown(self, caller: Caller, record: Hosted) -> dict[str, Any]:
        """Return what clients are told of a hosted namespace."""
        place = caller.place.of(record.name)
        states = {State.DELETING: "DELETING", State.FINAL_SNAPSHOT: "DELETING", State.MODIFYING: "MODIFYING"}
        return {
            "namespaceName": record.name,
            "namespaceArn": place.serverless_namespace_arn,
            "namespaceId": place.namespace_id,
            "status": states.get(record.state, "AVAILABLE"),
            "creationDate": record.moment,
            "adminUsername": record.admin,
            "dbName": record.database,
            "iamRoles": list(record.roles),
            "defaultIamRoleArn": record.default_role or None,
            "logExports": [],
        }

    def _own_workgroup(self, caller: Caller) -> dict[str, Any]:
        place, facts = caller.place, self._facts
        return {
            "workgroupName": place.cluster,
            "workgroupArn": place.workgroup_arn,
            "workgroupId": place.identifier("workgroup"),
            "namespaceName": place.namespace_name,
            "status": "AVAILABLE",
            "creationDate": facts.created,
            "endpoint": {"address": facts.address(caller), "port": facts.port},
            "port": facts.port,
            "baseCapacity": _OWN_CAPACITY,
            "publiclyAccessible": False,
            "enhancedVpcRouting": False,
            "configParameters": [],
            "securityGroupIds": [],
            "subnetIds": [],
        }

    def _own_namespace(self, caller: Caller) -> dict[str, Any]:
        place, facts = caller.place, self._facts
        return {
            "namespaceName": place.namespace_name,
            "namespaceArn": place.serverless_namespace_arn,
            "namespaceId": place.namespace_id,
            "status": "AVAILABLE",
            "creationDate": facts.created,
            "adminUsername": facts.admin,
            "dbName": facts.database,
            "iamRoles": list(facts.roles),
            "logExports": [],
        }


def _require(record: Hosted, states: set[State]) -> None:
    if record.state not in states:
        what = f"Workgroup {record.workgroup}" if record.workgroup else f"Namespace {record.name}"
        raise ApiError("ConflictException", f"{what} is being changed.")


def _verifier(password: str) -> str:
    return make_scram(checks.password(password, "adminUserPassword")).text
