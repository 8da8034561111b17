"""Roles: CREATE, ALTER, DROP, who holds them, and the system permissions that they bring.

Redshift, "CREATE ROLE", "ALTER ROLE", "DROP ROLE", "GRANT", "REVOKE", "Role-based access control".
"""

from dataclasses import replace

from auth import permissions
from catalog.iam_roles import IamRole
from catalog.model import Database, Relation, Schema, User
from catalog.policies import forgotten
from catalog.roles import SYSTEM_ROLES, DefaultPrivileges, Membership, Role, roles, roles_of
from catalog.roles import role as role_named
from catalog.routines import Language, Routine
from catalog.scopes import ScopedPrivileges
from catalog.shares import Datashare
from core.errors import SqlError
from core.sqlstate import SqlState
from session.context import Work
from session.locks import Mode
from sql.commands.privileges import Grant, Grantee, GranteeKind, GrantRole, Revoke, RevokeRole
from sql.commands.users import AlterRole, CreateRole, DropRole

_GRANTED = (Database, Schema, Relation, Routine, Language, DefaultPrivileges, IamRole, ScopedPrivileges, Datashare)
_SYSTEM = frozenset(role.oid for role in SYSTEM_ROLES)


async def create_role(work: Work, command: CreateRole) -> str:
    """CREATE ROLE."""
    work.require_permission("CREATE ROLE")
    await _free_name(work, command.name)
    work.change(Role(oid=work.next_oid(), name=command.name, owner=work.principal.oid, external_id=command.external_id))
    return "CREATE ROLE"


async def alter_role(work: Work, command: AlterRole) -> str:
    """ALTER ROLE."""
    role = await locked_role(work, command.name)
    _require_owner(work, role)
    if command.rename_to is not None:
        await _free_name(work, command.rename_to)
        role = replace(role, name=command.rename_to)
    if command.owner is not None:
        owner = work.state.user(command.owner)
        if owner is None:
            raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{command.owner}" does not exist')
        role = replace(role, owner=owner.oid)
    if command.external_id is not None:
        role = replace(role, external_id=command.external_id)
    work.change(role)
    return "ALTER ROLE"


async def drop_role(work: Work, command: DropRole) -> str:
    """DROP ROLE: with FORCE also where it was granted or holds privileges."""
    role = await locked_role(work, command.name)
    if role.oid in _SYSTEM:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f'role "{role.name}" cannot be dropped')
    if not work.principal.may("DROP ROLE"):
        _require_owner(work, role)
    if not command.force and (role.members or _is_used(work, role)):
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f'role "{role.name}" cannot be dropped because some objects depend on it',
            hint="Use DROP ROLE ... FORCE to revoke it from whom it was granted to.",
        )
    _forget(work, role)
    work.change(*forgotten(work.state, [role.oid]), drops=(role.oid,))
    return "DROP ROLE"


async def grant_roles(work: Work, command: GrantRole) -> None:
    """GRANT ROLE TO users and roles."""
    members = [(grantee, await _member(work, grantee)) for grantee in command.grantees]
    for name in command.roles:
        role = await locked_role(work, name)
        _require_admin(work, role)
        kept = {row.member: row for row in role.members}
        for grantee, member in members:
            if member == role.oid or role.oid in _above(work, member):
                raise SqlError(SqlState.INVALID_GRANT_OPERATION, f'role "{name}" is a member of role "{grantee.name}"')
            admin = grantee.grant_option or (member in kept and kept[member].admin)
            kept[member] = Membership(member=member, grantor=work.principal.oid, admin=admin)
        work.change(replace(role, members=tuple(kept.values())))


async def revoke_roles(work: Work, command: RevokeRole) -> None:
    """REVOKE [ADMIN OPTION FOR] ROLE FROM users and roles."""
    members = {await _member(work, grantee) for grantee in command.grantees}
    for name in command.roles:
        role = await locked_role(work, name)
        _require_admin(work, role)
        rows = tuple(
            replace(row, admin=False) if row.member in members else row
            for row in role.members
            if command.admin_option_only or row.member not in members
        )
        work.change(replace(role, members=rows))


async def change_permissions(work: Work, command: Grant | Revoke) -> None:
    """GRANT or REVOKE system permissions TO roles."""
    names: set[str] = set()
    for item in command.privileges:
        names |= permissions.meant(item.name)
    for grantee in command.grantees:
        if grantee.kind is not GranteeKind.ROLE:
            raise SqlError(SqlState.INVALID_GRANT_OPERATION, "system privileges can only be granted to roles")
        role = await locked_role(work, grantee.name)
        if role.oid in _SYSTEM:
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f'role "{role.name}" cannot be altered')
        # Nobody gives what they do not have.
        if not work.principal.superuser and not (names <= work.principal.permissions):
            raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, "permission denied to grant system privileges")
        held = role.permissions | names if isinstance(command, Grant) else role.permissions - names
        work.change(replace(role, permissions=held))


async def locked_role(work: Work, name: str) -> Role:
    """Return the role once nobody else can change it any more, as it is then; raises 42704."""
    await work.tx.lock(("principal", name), Mode.ACCESS_EXCLUSIVE)
    found = role_named(work.state, name)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'role "{name}" does not exist')
    return found


async def _member(work: Work, grantee: Grantee) -> int:
    await work.tx.lock(("principal", grantee.name), Mode.ACCESS_SHARE)
    found: User | Role | None = None
    if grantee.kind is GranteeKind.USER:
        found = work.state.user(grantee.name)
    elif grantee.kind is GranteeKind.ROLE:
        found = role_named(work.state, grantee.name)
    else:
        raise SqlError(SqlState.INVALID_GRANT_OPERATION, "roles can only be granted to users and roles")
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'{grantee.kind.value} "{grantee.name}" does not exist')
    return found.oid


async def _free_name(work: Work, name: str) -> None:
    await work.tx.lock(("principal", name), Mode.ACCESS_EXCLUSIVE)
    if name.startswith("sys:"):
        raise SqlError(SqlState.RESERVED_NAME, f'role name "{name}" is reserved')
    if role_named(work.state, name) is not None:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f'role "{name}" already exists')


def _require_owner(work: Work, role: Role) -> None:
    if role.oid in _SYSTEM:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f'role "{role.name}" cannot be altered')
    if not work.principal.superuser and role.owner != work.principal.oid:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be owner of role {role.name}")


def _require_admin(work: Work, role: Role) -> None:
    who = work.principal
    admin = any(row.admin and (row.member == who.oid or row.member in who.groups) for row in role.members)
    if not who.superuser and role.owner != who.oid and not admin:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"permission denied for role {role.name}")


def _above(work: Work, member: int) -> frozenset[int]:
    """Return the roles that hold *member* through their own membership: granting to them would close a ring."""
    return frozenset(role.oid for role in roles(work.state) if member in roles_of(work.state, role.oid))


def _is_used(work: Work, role: Role) -> bool:
    return any(
        grant.grantee == role.oid
        for item in work.state.objects.values()
        if isinstance(item, _GRANTED)
        for grant in item.acl
    ) or any(row.member == role.oid for other in roles(work.state) for row in other.members)


def _forget(work: Work, role: Role) -> None:
    """Take back what was granted to a role, and the role from whom it was granted to."""
    for item in list(work.state.objects.values()):
        if isinstance(item, _GRANTED):
            kept = tuple(grant for grant in item.acl if grant.grantee != role.oid)
            if kept != item.acl:
                work.change(replace(item, acl=kept))
        elif isinstance(item, Role) and any(row.member == role.oid for row in item.members):
            work.change(replace(item, members=tuple(row for row in item.members if row.member != role.oid)))
