"""What this server is in AWS's words: one cluster, one workgroup with its namespace; names and ARNs."""

import uuid
from dataclasses import dataclass, replace

from api.errors import invalid

_WORKGROUP_SERVICE = "redshift-serverless"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Region, account and the one identifier."""

    cluster: str
    region: str
    account: str
    namespace: str = ""
    """Name of the serverless namespace where it is not the cluster's."""

    @property
    def namespace_name(self) -> str:
        """The name of the serverless namespace."""
        return self.namespace or self.cluster

    @property
    def cluster_arn(self) -> str:
        """The ARN that policies name for the cluster."""
        return self._arn("redshift", f"cluster:{self.cluster}")

    @property
    def namespace_arn(self) -> str:
        """The ARN of the cluster's namespace, by which data shares know it."""
        return self._arn("redshift", f"namespace:{self.identifier('cluster-namespace')}")

    @property
    def workgroup_arn(self) -> str:
        """The ARN that policies name for the workgroup."""
        return self._arn(_WORKGROUP_SERVICE, f"workgroup/{self.identifier('workgroup')}")

    @property
    def serverless_namespace_arn(self) -> str:
        """The ARN of the workgroup's namespace."""
        return self._arn(_WORKGROUP_SERVICE, f"namespace/{self.namespace_id}")

    @property
    def namespace_id(self) -> str:
        """The unique identifier of the workgroup's namespace."""
        return replace(self, cluster=self.namespace_name).identifier("namespace")

    def of(self, cluster: str, namespace: str = "") -> "Place":
        """Return the place of another cluster or workgroup of this account."""
        return replace(self, cluster=cluster, namespace=namespace)

    def user_arn(self, user: str) -> str:
        """Return the ARN of a database user."""
        return self._arn("redshift", f"dbuser:{self.cluster}/{user}")

    def database_arn(self, database: str) -> str:
        """Return the ARN of a database."""
        return self._arn("redshift", f"dbname:{self.cluster}/{database}")

    def group_arn(self, group: str) -> str:
        """Return the ARN of a database group."""
        return self._arn("redshift", f"dbgroup:{self.cluster}/{group}")

    def snapshot_arn(self, name: str) -> str:
        """Return the ARN of a snapshot of the cluster."""
        return self._arn("redshift", f"snapshot:{self.cluster}/{name}")

    def schedule_arn(self, name: str) -> str:
        """Return the ARN of a snapshot schedule."""
        return self._arn("redshift", f"snapshotschedule:{name}")

    def serverless_snapshot_arn(self, name: str) -> str:
        """Return the ARN of a snapshot of the namespace."""
        owner = replace(self, cluster=self.namespace_name)
        return self._arn(_WORKGROUP_SERVICE, f"snapshot/{owner.identifier(f'snapshot/{name}')}")

    def identifier(self, what: str) -> str:
        """Return a UUID that is always the same for *what* of this place."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.account}/{self.region}/{self.cluster}/{what}"))

    def check(self, cluster: str | None, workgroup: str | None) -> None:
        """Refuse names that are not this server's."""
        if (cluster is None) is (workgroup is None):
            raise invalid("Exactly one of ClusterIdentifier and WorkgroupName is needed.")
        known = (self.cluster,) if cluster is not None else (self.cluster, self.workgroup_arn)
        if (cluster or workgroup) not in known:
            raise invalid("Redshift endpoint doesn't exist in this region.")

    def _arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"
