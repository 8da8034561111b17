"""Which database user a request of the Data API runs as, and whether its sender may be that.

Redshift, "Authorizing access to the Amazon Redshift Data API": a secret, a database user's name, or the
identity itself, each with the permission that AWS asks for.
"""

from collections.abc import Mapping
from typing import Any

from api.errors import invalid
from api.identities import Caller, Directory
from api.users import Users

_SERVICE = "redshift-data"


class Access:
    """Judges requests."""

    def __init__(self, directory: Directory, users: Users) -> None:
        """Look secrets up in *directory*, make users by *users*."""
        self._directory = directory
        self._users = users

    def require(self, caller: Caller, action: str, given: Mapping[str, Any]) -> None:
        """Refuse an action on a cluster or workgroup that is not ours or not allowed."""
        place = caller.place
        place.check(given.get("ClusterIdentifier"), given.get("WorkgroupName"))
        caller.require(
            f"{_SERVICE}:{action}", place.cluster_arn if "ClusterIdentifier" in given else place.workgroup_arn
        )

    async def user(self, caller: Caller, given: Mapping[str, Any], database: str) -> str:
        """Return the database user that the request runs as."""
        if "SecretArn" in given and "DbUser" in given:
            raise invalid("SecretArn and DbUser cannot be given together.")
        if "SecretArn" in given:
            return self._of_secret(caller, str(given["SecretArn"]))
        place = caller.place
        if "DbUser" in given:
            if "WorkgroupName" in given:
                raise invalid("DbUser cannot be given with WorkgroupName.")
            user = str(given["DbUser"])
            self._users.check(user)
            names = {"redshift:DbUser": user, "redshift:DbName": database}
            caller.require("redshift:GetClusterCredentials", place.user_arn(user), names)
            caller.require("redshift:GetClusterCredentials", place.database_arn(database), names)
            return user
        if "WorkgroupName" in given:
            caller.require("redshift-serverless:GetCredentials", place.workgroup_arn)
        else:
            caller.require(
                "redshift:GetClusterCredentialsWithIAM", place.database_arn(database), {"redshift:DbName": database}
            )
        user = caller.identity.database_user
        await self._users.ensure(user)
        return user

    def _of_secret(self, caller: Caller, arn: str) -> str:
        caller.require("secretsmanager:GetSecretValue", arn)
        user = self._directory.secrets.get(arn)
        if user is None:
            raise invalid(f"The secret {arn} could not be found.")
        self._users.check(user)
        return user
