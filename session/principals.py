"""Who somebody is to ``auth``: a user with its groups, roles and what those bring."""

from auth.authorize import Principal
from auth.permissions import SUPERUSER_ROLE, held
from catalog.model import CatalogState, User
from catalog.roles import roles, roles_of


def principal_of(user: User, state: CatalogState, joined: frozenset[int] = frozenset()) -> Principal:
    """Return *user* as decisions see it; *joined* are groups and roles besides its own."""
    held_roles = roles_of(state, user.oid)
    for role in joined & {row.oid for row in roles(state)}:
        held_roles |= {role} | roles_of(state, role)
    rows = [row for row in roles(state) if row.oid in held_roles]
    superuser = user.superuser or any(row.name == SUPERUSER_ROLE for row in rows)
    permissions = held((row.name, row.permissions) for row in rows)
    return Principal(user.oid, user.name, superuser, state.groups_of(user.oid) | held_roles | joined, permissions)
