"""The operations of ``redshift-serverless``: one workgroup and its namespace, which are this server."""

from collections.abc import Mapping
from typing import Any, Final

from api.errors import ApiError
from api.gateway import Operations
from api.identities import Caller
from api.management.credentials import Credentials
from api.management.facts import Facts

_BASE_CAPACITY: Final = 8


class ServerlessApi:
    """The operations, by name in ``operations``."""

    def __init__(self, credentials: Credentials, facts: Facts) -> None:
        """Tell *facts*."""
        self._credentials = credentials
        self._facts = facts

    @property
    def operations(self) -> Operations:
        """The operations by their names."""
        return {
            "GetWorkgroup": self.workgroup,
            "ListWorkgroups": self.workgroups,
            "GetNamespace": self.namespace,
            "ListNamespaces": self.namespaces,
            "GetCredentials": self._credentials.workgroup_credentials,
            "CreateWorkgroup": self.create_workgroup,
            "CreateNamespace": self.create_namespace,
        }

    async def workgroup(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetWorkgroup."""
        place = caller.place
        caller.require("redshift-serverless:GetWorkgroup", place.workgroup_arn)
        _check(given["workgroupName"], place.cluster, "Workgroup")
        return {"workgroup": self._workgroup(caller)}

    async def workgroups(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListWorkgroups."""
        caller.require("redshift-serverless:ListWorkgroups", caller.place.workgroup_arn)
        return {"workgroups": [self._workgroup(caller)]}

    async def namespace(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetNamespace."""
        place = caller.place
        caller.require("redshift-serverless:GetNamespace", place.serverless_namespace_arn)
        _check(given["namespaceName"], place.cluster, "Namespace")
        return {"namespace": self._namespace(caller)}

    async def namespaces(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """ListNamespaces."""
        caller.require("redshift-serverless:ListNamespaces", caller.place.serverless_namespace_arn)
        return {"namespaces": [self._namespace(caller)]}

    async def create_workgroup(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """CreateWorkgroup: there is one."""
        caller.require("redshift-serverless:CreateWorkgroup", caller.place.workgroup_arn)
        message = "This server is one workgroup: start another server for another workgroup."
        raise ApiError("InsufficientCapacityException", message)

    async def create_namespace(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """CreateNamespace: there is one."""
        caller.require("redshift-serverless:CreateNamespace", caller.place.serverless_namespace_arn)
        raise ApiError("ConflictException", "This server is one namespace: start another server for another namespace.")

    def _workgroup(self, caller: Caller) -> dict[str, Any]:
        place, facts = caller.place, self._facts
        return {
            "workgroupName": place.cluster,
            "workgroupArn": place.workgroup_arn,
            "workgroupId": place.identifier("workgroup"),
            "namespaceName": place.cluster,
            "status": "AVAILABLE",
            "creationDate": facts.created,
            "endpoint": {"address": facts.address(caller), "port": facts.port},
            "port": facts.port,
            "baseCapacity": _BASE_CAPACITY,
            "publiclyAccessible": False,
            "enhancedVpcRouting": False,
            "configParameters": [],
            "securityGroupIds": [],
            "subnetIds": [],
        }

    def _namespace(self, caller: Caller) -> dict[str, Any]:
        place, facts = caller.place, self._facts
        return {
            "namespaceName": place.cluster,
            "namespaceArn": place.serverless_namespace_arn,
            "namespaceId": place.identifier("namespace"),
            "status": "AVAILABLE",
            "creationDate": facts.created,
            "adminUsername": facts.admin,
            "dbName": facts.database,
            "iamRoles": list(facts.roles),
            "logExports": [],
        }


def _check(given: str, own: str, what: str) -> None:
    if given != own:
        raise ApiError("ResourceNotFoundException", f"{what} {given} was not found.", resourceName=given)
