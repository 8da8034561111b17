"""Who may sign requests: IAM users and roles of the configuration, found by their access keys."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from api.errors import denied
from api.http import Request
from api.place import Place
from auth.iam import Context, Policy, may
from auth.signature import Key

_ROLE: Final = "role/"
_USER: Final = "user/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A user or role."""

    name: str
    """``alice`` or ``role/etl``."""
    access_key_id: str
    key: Key
    policies: tuple[Policy, ...]
    db_user: str = ""

    @property
    def is_role(self) -> bool:
        """Whether it is a role."""
        return self.name.startswith(_ROLE)

    @property
    def plain_name(self) -> str:
        """The name without its path."""
        return self.name.rpartition("/")[2]

    @property
    def database_user(self) -> str:
        """The database user that it is where a request names none (GetClusterCredentialsWithIAM)."""
        return self.db_user or f"{'IAMR' if self.is_role else 'IAM'}:{self.plain_name}"

    @property
    def user_id(self) -> str:
        """What IAM calls its unique identifier."""
        digest = hashlib.sha256(self.name.encode()).hexdigest()[:17].upper()
        return f"{'AROA' if self.is_role else 'AIDA'}{digest}"

    def arn(self, account: str) -> str:
        """Return its ARN."""
        path = self.name if self.is_role else f"{_USER}{self.name.removeprefix(_USER)}"
        return f"arn:aws:iam::{account}:{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sent a request, from where."""

    identity: Identity
    place: Place
    peer: str
    tls: bool
    host: str = ""
    """By which name the server was reached."""
    extra: Context = field(default_factory=dict)
    request: Request | None = field(default=None, repr=False)
    """What was sent, for operations that hand it on."""

    @property
    def arn(self) -> str:
        """The identity's ARN: owner of what it starts."""
        return self.identity.arn(self.place.account)

    def require(self, action: str, resource: str, more: Mapping[str, str] | None = None) -> None:
        """Refuse what the identity's policies do not allow."""
        if not self.may(action, resource, more):
            raise denied(self.arn, action, resource)

    def may(self, action: str, resource: str, more: Mapping[str, str] | None = None) -> bool:
        """Tell whether the identity's policies allow *action* on *resource*."""
        identity = self.identity
        context = {
            "aws:principalarn": (self.arn,),
            "aws:principaltype": ("AssumedRole" if identity.is_role else "User",),
            "aws:userid": (identity.user_id,),
            "aws:securetransport": ("true" if self.tls else "false",),
            "aws:sourceip": (self.peer.rpartition(":")[0],),
            "aws:requestedregion": (self.place.region,),
            **({} if identity.is_role else {"aws:username": (identity.plain_name,)}),
            **self.extra,
            **{key.lower(): (value,) for key, value in (more or {}).items()},
        }
        return may(identity.policies, action, resource, context)


class Directory:
    """All identities."""

    def __init__(self, identities: Iterable[Identity], secrets: Mapping[str, str]) -> None:
        """Know *identities*, and *secrets*: ARN → database user."""
        self._by_key = {identity.access_key_id: identity for identity in identities if identity.access_key_id}
        self.secrets = secrets

    def key(self, access_key_id: str) -> Key | None:
        """Return an access key's secret side."""
        found = self._by_key.get(access_key_id)
        return found.key if found is not None else None

    def owner(self, access_key_id: str) -> Identity:
        """Return whose a known access key is."""
        return self._by_key[access_key_id]
