"""Clusters beside the server itself, as its interfaces see them: what is known of each, and who hosts them.

A cluster or a namespace is a data folder; while it runs, it is a process that serves that folder. ``server.clusters``
has the processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from storage.snapshots import Snapshot


class Kind(StrEnum):
    """What it was made as."""

    CLUSTER = "cluster"
    NAMESPACE = "namespace"


class State(StrEnum):
    """What it is doing, in the words of ``ClusterStatus``."""

    CREATING = "creating"
    AVAILABLE = "available"
    PAUSING = "pausing"
    PAUSED = "paused"
    """For a namespace: it has no workgroup."""
    RESUMING = "resuming"
    REBOOTING = "rebooting"
    MODIFYING = "modifying"
    FINAL_SNAPSHOT = "final-snapshot"
    DELETING = "deleting"
    DELETED = "deleted"
    """Only its snapshots are left."""
    FAILED = "hardware-failure"
    """Its process does not stay."""
    NOT_RESTORED = "incompatible-restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosted:
    """What is known of a hosted cluster or namespace, and kept."""

    kind: Kind
    name: str
    admin: str
    verifier: str = field(default="", repr=False)
    """Of the first superuser's password, for a warehouse that is still to be founded."""
    database: str
    created: str
    """ISO 8601, UTC."""
    state: State
    workgroup: str = ""
    """Of a namespace, empty where it has none."""
    node_type: str = ""
    nodes: int = 1
    capacity: int = 0
    """What a workgroup was made with."""
    port: int = 0
    """What it listens on; 0 until it has first been started."""
    encrypted: bool = False
    roles: tuple[str, ...] = ()
    default_role: str = ""
    snapshot_days: int = 1
    """Days that automated snapshots are kept; 0 takes none."""
    manual_days: int = -1
    schedule: str = ""
    """Name of its snapshot schedule, empty where it has none."""
    times: tuple[str, ...] = ()
    """That schedule's expressions."""
    times_since: str = ""
    """When they were written: ISO 8601, UTC."""
    tags: tuple[tuple[str, str], ...] = ()
    restored: bool = False
    """Whether it was made of a snapshot."""
    final_snapshot: str = ""
    """What is to be taken before it is deleted."""

    @property
    def key(self) -> str:
        """What tells it from all others, and names its folder."""
        return f"{self.kind}-{self.name}"

    @property
    def identifier(self) -> str:
        """The name that the running server has: the cluster's or the workgroup's."""
        return self.workgroup or self.name

    @property
    def moment(self) -> datetime:
        """When it was made."""
        return datetime.fromisoformat(self.created)


@dataclass(frozen=True, slots=True)
class Source:
    """What a restored cluster is made of."""

    owner: str
    """Key of the cluster whose snapshot it is, empty for the server's own."""
    snapshot: Snapshot
    at: datetime | None = None
    """The moment before the snapshot that is wanted, None for the snapshot's own."""


class Host(Protocol):
    """Has the hosted clusters. What it begins goes on after a method has returned; states tell when it is done."""

    def all(self, kind: Kind) -> list[Hosted]:
        """Return those of a kind, without the deleted ones."""
        ...

    def find(self, kind: Kind, name: str) -> Hosted | None:
        """Return the cluster or namespace called *name*."""
        ...

    def workgroup(self, name: str) -> Hosted | None:
        """Return the namespace that has the workgroup *name*."""
        ...

    @property
    def full(self) -> bool:
        """Whether there is no room for another one."""
        ...

    def port_is_free(self, port: int) -> bool:
        """Tell whether a new cluster could listen on *port*."""
        ...

    def add(self, wanted: Hosted, source: Source | None = None) -> Hosted:
        """Make *wanted*, of *source* where that is given, and start it unless it is to be paused."""
        ...

    def change(self, known: Hosted, **values: object) -> Hosted:
        """Keep other facts of it; what runs goes on with the old ones until it is started anew."""
        ...

    def run(self, known: Hosted, state: State) -> Hosted:
        """Start it, anew where it runs; *state* is told meanwhile."""
        ...

    def rest(self, known: Hosted) -> Hosted:
        """Stop it."""
        ...

    def replace(self, known: Hosted, source: Source) -> Hosted:
        """Give it the contents of *source* in place of its own."""
        ...

    def delete(self, known: Hosted, final_snapshot: str = "") -> Hosted:
        """Stop it and remove its data, once a snapshot has been taken where that is named."""
        ...

    def interface(self, known: Hosted) -> int:
        """Return the port of its own interfaces over HTTP on this machine, 0 where it does not run."""
        ...

    async def snapshots(self) -> Mapping[str, list[Snapshot]]:
        """Return the snapshots of each hosted cluster by its key, those of deleted ones too."""
        ...

    async def delete_snapshot(self, owner: str, name: str) -> None:
        """Remove a snapshot of one that does not run."""
        ...
