"""Roles, who holds them, and what new objects are granted with, as immutable values.

Redshift, "Role-based access control", "ALTER DEFAULT PRIVILEGES".
"""

from dataclasses import dataclass
from typing import Final

from catalog.model import BOOTSTRAP_USER, Acl, CatalogState, Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """One user or role that a role was granted to."""

    member: int
    grantor: int
    admin: bool = False
    """WITH ADMIN OPTION: may grant the role on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role: what is granted to it, its members hold, and the members of roles that it was granted to."""

    oid: int
    name: str
    owner: int
    external_id: str | None = None
    permissions: frozenset[str] = frozenset()
    """System permissions, upper case: CREATE USER, VACUUM, …"""
    members: tuple[Membership, ...] = ()

    kind = Kind.ROLE


SYSTEM_ROLES: Final = tuple(
    Role(oid=oid, name=name, owner=BOOTSTRAP_USER)
    for oid, name in ((51, "sys:superuser"), (52, "sys:dba"), (53, "sys:operator"), (54, "sys:monitor"),
                      (55, "sys:secadmin"))
)  # fmt: skip
"""The roles that every cluster has; what they may do is ``auth.permissions``' business."""
SUPERUSER_ROLE: Final = SYSTEM_ROLES[0].oid
"""Whoever holds sys:superuser is a superuser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultPrivileges:
    """What ALTER DEFAULT PRIVILEGES said: the list that one user's new objects of one kind begin with."""

    oid: int
    owner: int
    """The user whose objects they are."""
    schema: int
    """0: in every schema."""
    object_kind: str
    """TABLE, FUNCTION or PROCEDURE."""
    acl: Acl = ()

    kind = Kind.DEFAULT_PRIVILEGES

    @property
    def name(self) -> str:
        """Return what tells it from the other rows of its schema."""
        return f"{self.owner} {self.object_kind}"


def roles(state: CatalogState) -> list[Role]:
    """Return all roles, the system's own among them."""
    found = {item.oid: item for item in state.of(Role)}
    return [*(row for row in SYSTEM_ROLES if row.oid not in found), *found.values()]


def role(state: CatalogState, name: str) -> Role | None:
    """Return the role called *name*."""
    found = state.objects.get(state.names.get((Kind.ROLE, 0, name), -1))
    return found if isinstance(found, Role) else next((row for row in SYSTEM_ROLES if row.name == name), None)


def roles_of(state: CatalogState, member: int) -> frozenset[int]:
    """Return the OIDs of the roles that a user or role holds, directly or through other roles."""
    known = roles(state)
    held: set[int] = set()
    todo = [member]
    while todo:
        current = todo.pop()
        more = {each.oid for each in known if any(row.member == current for row in each.members)} - held
        held |= more
        todo += more
    return frozenset(held)


def defaults_in(state: CatalogState, schemas: frozenset[int]) -> list[DefaultPrivileges]:
    """Return what was said of new objects in *schemas* (OIDs): it goes with them."""
    return [
        item for item in state.of(DefaultPrivileges) if item.schema in schemas
    ]


def default_privileges(state: CatalogState, owner: int, schema: int, object_kind: str) -> DefaultPrivileges | None:
    """Return what was said of *owner*'s new objects in *schema* (0: in all)."""
    found = state.objects.get(state.names.get((Kind.DEFAULT_PRIVILEGES, schema, f"{owner} {object_kind}"), -1))
    return found if isinstance(found, DefaultPrivileges) else None
