"""Temporary passwords for the PostgreSQL port: GetClusterCredentials, GetClusterCredentialsWithIAM, GetCredentials.

Redshift, "Using IAM authentication to generate database user credentials". A password logs in under the name
that is returned with it, as one database user, for fifteen minutes to an hour.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from api.errors import ApiError, invalid
from api.identities import Caller
from api.users import Users
from auth.exchange import Entry
from auth.temporary import TemporaryPasswords

_LEAST: Final = 900
_MOST: Final = 3_600
_USER: Final = re.compile(r"[a-z0-9_][a-z0-9_+.@-]{0,127}")
"""Lower case, so that the name means the same with quotes and without."""
_PUBLIC: Final = "public"
_METHOD: Final = "IAM"


class Credentials:
    """Gives out passwords."""

    def __init__(self, passwords: TemporaryPasswords, users: Users) -> None:
        """Make passwords by *passwords*, and users that do not exist by *users*."""
        self._passwords = passwords
        self._users = users

    async def cluster_credentials(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetClusterCredentials."""
        _check_cluster(caller, given)
        user, groups = given["DbUser"], tuple(given.get("DbGroups", ()))
        creates = bool(given.get("AutoCreate"))
        if user.lower() == _PUBLIC or not _USER.fullmatch(user):
            raise invalid("DbUser must be a name in lower case, and not PUBLIC.")
        self._users.check(user)
        lifetime = _lifetime(given.get("DurationSeconds"))
        self._authorize(caller, given, lifetime)
        if creates:
            await self._users.ensure(user)
        login = f"{'IAMA' if creates else 'IAM'}:{user}"
        entry = Entry(user, groups, _METHOD)
        password, expires = self._passwords.issue(login, entry, database=given.get("DbName"), lifetime=lifetime)
        return {"DbUser": login, "DbPassword": password, "Expiration": expires}

    async def with_iam(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetClusterCredentialsWithIAM."""
        _check_cluster(caller, given)
        database = given.get("DbName")
        lifetime = _lifetime(given.get("DurationSeconds"))
        place = caller.place
        resource = place.database_arn(database) if database else f"{place.database_arn('*')}"
        caller.require("redshift:GetClusterCredentialsWithIAM", resource, _keys(given, lifetime))
        login, password, expires = await self._own(caller, database, lifetime)
        return {"DbUser": login, "DbPassword": password, "Expiration": expires, "NextRefreshTime": expires}

    async def workgroup_credentials(self, caller: Caller, given: dict[str, Any]) -> Mapping[str, Any]:
        """GetCredentials of redshift-serverless."""
        place = caller.place
        if given.get("workgroupName") not in {place.cluster, place.workgroup_arn}:
            name = given.get("workgroupName", "")
            raise ApiError("ResourceNotFoundException", f"Workgroup {name} was not found.", resourceName=name)
        caller.require("redshift-serverless:GetCredentials", place.workgroup_arn)
        lifetime = _lifetime(given.get("durationSeconds"))
        login, password, expires = await self._own(caller, given.get("dbName"), lifetime)
        return {"dbUser": login, "dbPassword": password, "expiration": expires, "nextRefreshTime": expires}

    async def _own(self, caller: Caller, database: str | None, lifetime: timedelta) -> tuple[str, str, datetime]:
        user = caller.identity.database_user
        await self._users.ensure(user)
        login = user if user.startswith("IAM") and ":" in user else f"IAM:{user}"
        password, expires = self._passwords.issue(
            login, Entry(user, method=_METHOD), database=database, lifetime=lifetime
        )
        return login, password, expires

    def _authorize(self, caller: Caller, given: Mapping[str, Any], lifetime: timedelta) -> None:
        place, user = caller.place, given["DbUser"]
        keys = _keys(given, lifetime)
        caller.require("redshift:GetClusterCredentials", place.user_arn(user), keys)
        if given.get("DbName"):
            caller.require("redshift:GetClusterCredentials", place.database_arn(given["DbName"]), keys)
        if given.get("AutoCreate"):
            caller.require("redshift:CreateClusterUser", place.user_arn(user), keys)
        for group in given.get("DbGroups", ()):
            caller.require("redshift:JoinGroup", place.group_arn(group), keys)


def _keys(given: Mapping[str, Any], lifetime: timedelta) -> dict[str, str]:
    named = {"redshift:DbUser": given.get("DbUser"), "redshift:DbName": given.get("DbName")}
    return {
        "redshift:DurationSeconds": str(int(lifetime.total_seconds())),
        **{key: value for key, value in named.items() if value},
    }


def _check_cluster(caller: Caller, given: Mapping[str, Any]) -> None:
    if given.get("CustomDomainName"):
        raise ApiError("UnsupportedOperationFault", "Custom domain names are not supported by this server.")
    if not given.get("ClusterIdentifier"):
        raise invalid("ClusterIdentifier is needed.")
    if given["ClusterIdentifier"] != caller.place.cluster:
        raise ApiError("ClusterNotFoundFault", f"Cluster {given['ClusterIdentifier']} not found.")


def _lifetime(seconds: int | None) -> timedelta:
    if seconds is not None and not _LEAST <= seconds <= _MOST:
        raise invalid(f"DurationSeconds must be between {_LEAST} and {_MOST}.")
    return timedelta(seconds=seconds or _LEAST)
