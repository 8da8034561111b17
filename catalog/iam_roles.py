"""IAM roles that ASSUMEROLE was granted on, as immutable values.

Redshift, "GRANT", "Usage notes for granting the ASSUMEROLE privilege": until it is revoked ON ALL FROM PUBLIC
everybody may use every role; a chain of roles is granted, and used, as a whole.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from catalog.model import BOOTSTRAP_USER, PUBLIC, Acl, CatalogState, Grant, Kind

ANY: Final = "default"
"""The name, as the functions show it, of what ON ALL grants: any role there is."""
DEFAULT: Final = "default-aws-iam-role"
"""What ON DEFAULT and ``IAM_ROLE default`` mean."""
COMMANDS: Final = frozenset({"COPY", "UNLOAD", "EXFUNC", "CREATE MODEL"})
"""What a role can be assumed for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IamRole:
    """An IAM role, a chain of them or ``ANY``, and who may assume it for what."""

    oid: int
    name: str
    acl: Acl = ()
    owner: int = BOOTSTRAP_USER
    """Superusers alone grant it: whoever it is, the system's user is the grantor."""

    kind = Kind.IAM_ROLE


_UNTOUCHED: Final = (Grant(grantee=PUBLIC, grantor=BOOTSTRAP_USER, privileges=COMMANDS),)


def chain(names: Iterable[str]) -> str:
    """Return the name of a role, or of a chain of roles, as it is kept."""
    parts = [part.strip() for name in names for part in name.split(",") if part.strip()]
    return DEFAULT if [part.lower() for part in parts] == ["default"] else ",".join(parts)


def iam_role(state: CatalogState, name: str) -> IamRole | None:
    """Return what is kept of a role."""
    found = state.objects.get(state.names.get((Kind.IAM_ROLE, 0, name), -1))
    return found if isinstance(found, IamRole) else None


def iam_roles(state: CatalogState) -> list[IamRole]:
    """Return all roles that something was said of."""
    return state.of(IamRole)


def granted_on(state: CatalogState, name: str) -> Acl:
    """Return the list of one name alone; everybody's, of ``ANY``, where nothing was said yet."""
    found = iam_role(state, name)
    if found is not None:
        return found.acl
    return _UNTOUCHED if name == ANY else ()


def usable_by(state: CatalogState, name: str) -> Acl:
    """Return the list that decides who may assume a role or chain."""
    return granted_on(state, ANY) + (granted_on(state, name) if name != ANY else ())
