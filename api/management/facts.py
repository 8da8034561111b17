"""What is told of the server to who manages it."""

from dataclasses import dataclass
from datetime import datetime

from api.identities import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is told of the server."""

    host: str
    """Where it listens; empty for every address of the machine."""
    port: int
    admin: str
    database: str
    created: datetime
    encrypted: bool
    takes_snapshots: bool
    """Whether there is a place for snapshots."""
    roles: tuple[str, ...]
    """ARNs of the roles that COPY and UNLOAD may name."""

    def address(self, caller: Caller) -> str:
        """Return the host that a client should connect to: the one by which it has reached us, where any will do."""
        return self.host or caller.host
