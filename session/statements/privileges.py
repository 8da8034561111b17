"""GRANT and REVOKE on tables, schemas and databases.

Redshift, "GRANT", "REVOKE". What the change means for a list is ``auth.grants``' business.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from auth import privileges
from auth.grants import Change, granted, may_grant, revoked
from catalog.model import PUBLIC, Acl, Database, Group, Relation, Schema, User
from catalog.model import Grant as Entry
from catalog.roles import Role, role
from catalog.routines import Language, Routine, RoutineKind, language, routines
from catalog.shares import Datashare
from core.errors import SqlError, warning
from core.sqlstate import SqlState
from session.context import Work
from session.locks import Mode
from session.statements import roles
from session.statements.iam_roles import change_roles
from session.statements.policies import policy_oid
from session.statements.routines import find_routine
from session.statements.scopes import change_scoped
from session.statements.shares import change_shared, find_datashare, share_with
from sql.commands.privileges import (
    Grant,
    Grantee,
    GranteeKind,
    GrantRole,
    ObjectKind,
    PrivilegeItem,
    PrivilegeTarget,
    Revoke,
    RevokeRole,
)
from sql.commands.shares import ShareWith

Target = Relation | Schema | Database | Routine | Language | Datashare
Apply = Callable[[Acl, Change], Acl]
_KINDS: Final = {
    ObjectKind.TABLE: privileges.ObjectKind.RELATION,
    ObjectKind.SCHEMA: privileges.ObjectKind.SCHEMA,
    ObjectKind.DATABASE: privileges.ObjectKind.DATABASE,
    ObjectKind.FUNCTION: privileges.ObjectKind.FUNCTION,
    ObjectKind.PROCEDURE: privileges.ObjectKind.PROCEDURE,
    ObjectKind.LANGUAGE: privileges.ObjectKind.LANGUAGE,
    ObjectKind.DATASHARE: privileges.ObjectKind.DATASHARE,
}


async def grant(work: Work, command: Grant | GrantRole | ShareWith) -> str:
    """GRANT privileges ON objects TO grantees, or roles."""
    if isinstance(command, ShareWith):
        return await share_with(work, command)
    if isinstance(command, GrantRole):
        await roles.grant_roles(work, command)
        return "GRANT"
    if command.target.kind is ObjectKind.SYSTEM:
        await roles.change_permissions(work, command)
        return "GRANT"
    await _change(work, command, lambda acl, change: granted(acl, change, Entry))
    return "GRANT"


async def revoke(work: Work, command: Revoke | RevokeRole) -> str:
    """REVOKE privileges ON objects FROM grantees, or roles."""
    if isinstance(command, RevokeRole):
        await roles.revoke_roles(work, command)
        return "REVOKE"
    if command.target.kind is ObjectKind.SYSTEM:
        await roles.change_permissions(work, command)
        return "REVOKE"
    await _change(work, command, lambda acl, change: revoked(acl, change, Entry))
    return "REVOKE"


async def _change(work: Work, command: Grant | Revoke, apply: Apply) -> None:
    grantees = [(grantee, await grantee_oid(work, grantee)) for grantee in command.grantees]
    if command.target.kind is ObjectKind.IAM_ROLE:
        await change_roles(work, command, [oid for _, oid in grantees])
        return
    if command.target.scoped:
        await change_scoped(work, command, grantees)
        return
    _check_policies(command)
    if change_shared(work, command, lambda item, acl: _applied(work, item, acl, command, grantees, apply)):
        return
    for target in _targets(work, command.target):
        current = await _locked(work, target)
        work.change(replace(current, acl=_applied(work, current, current.acl, command, grantees, apply)))


def _applied(
    work: Work, target: Target, acl: Acl, command: Grant | Revoke, grantees: list[tuple[Grantee, int]], apply: Apply
) -> Acl:
    """Return an object's list after all that a command says."""
    for item in command.privileges:
        for change in _meant(work, target, item, command, grantees):
            acl = apply(acl, change)
    return acl


def _check_policies(command: Grant | Revoke) -> None:
    """Raise 0LP01 for a grant to a policy of anything but what lookup tables need."""
    fits = command.target.kind is ObjectKind.TABLE and all(
        item.name == "SELECT" and not item.columns for item in command.privileges
    )
    if not fits and any(item.kind is GranteeKind.RLS_POLICY for item in command.grantees):
        raise SqlError(SqlState.INVALID_GRANT_OPERATION, "only SELECT on tables can be granted to RLS policies")


def _meant(
    work: Work,
    target: Target,
    item: PrivilegeItem,
    command: Grant | Revoke,
    grantees: list[tuple[Grantee, int]],
) -> list[Change]:
    """Return what *item* changes for each grantee; warns of privileges that the user cannot grant."""
    kind = _KINDS[command.target.kind]
    _check_columns(target, item)
    names = privileges.meant(item.name, kind, columns=bool(item.columns))
    grantor, possible = may_grant(work.principal, names, target.owner, target.acl, item.columns)
    if not possible:
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"permission denied for {kind} {target.name}")
    if possible != names:
        deed = "granted" if isinstance(command, Grant) else "revoked"
        work.notice(warning(f'not all privileges were {deed} for "{target.name}"'))
    takes = isinstance(command, Revoke)
    return [
        Change(
            grantee=oid,
            grantor=grantor,
            owner=target.owner,
            privileges=possible,
            columns=item.columns,
            option=command.grant_option_only if isinstance(command, Revoke) else grantee.grant_option,
            cascade=isinstance(command, Revoke) and command.cascade,
        )
        for grantee, oid in grantees
        # The owner holds everything anyhow.
        if takes or oid != target.owner
    ]


async def _locked(work: Work, target: Target) -> Target:
    """Return *target* as it is once nobody else can change its definition or its list any more."""
    if isinstance(target, Relation):
        await work.tx.lock(target.oid, Mode.ACCESS_SHARE)
    await work.tx.lock(("acl", target.oid), Mode.ACCESS_EXCLUSIVE)
    now = work.state.objects.get(target.oid)
    return now if isinstance(now, (Relation, Schema, Database, Routine, Language, Datashare)) else target


def _targets(work: Work, target: PrivilegeTarget) -> list[Target]:
    if target.kind is ObjectKind.DATABASE:
        return [_database(work, name[-1]) for name in target.names]
    if target.kind is ObjectKind.DATASHARE:
        return [find_datashare(work, name[-1]) for name in target.names]
    if target.kind is ObjectKind.SCHEMA:
        return [work.find_schema(name) for name in target.names]
    if target.kind is ObjectKind.LANGUAGE:
        return [_language(work, name[-1]) for name in target.names]
    if target.kind in {ObjectKind.FUNCTION, ObjectKind.PROCEDURE}:
        return _routines(work, target)
    found: list[Target] = [work.find_relation(name) for name in target.names]
    for name in target.all_in_schemas:
        found += work.state.relations(work.find_schema(name).oid)
    return found


def _routines(work: Work, target: PrivilegeTarget) -> list[Target]:
    wanted = RoutineKind.FUNCTION if target.kind is ObjectKind.FUNCTION else RoutineKind.PROCEDURE
    pairs = zip(target.names, target.signatures, strict=True)
    found: list[Target] = [find_routine(work, name, signature, wanted) for name, signature in pairs]
    for name in target.all_in_schemas:
        found += [item for item in routines(work.state, work.find_schema(name).oid) if item.type is wanted]
    return found


def _language(work: Work, name: str) -> Language:
    found = language(work.state, name)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'language "{name}" does not exist')
    return found


def _database(work: Work, name: str) -> Database:
    found = work.state.database(name)
    if found is None:
        raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{name}" does not exist')
    return found


def _check_columns(target: Target, item: PrivilegeItem) -> None:
    for column in item.columns:
        if not isinstance(target, Relation) or target.column(column) is None:
            raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{column}" of relation "{target.name}" does not exist')


async def grantee_oid(work: Work, grantee: Grantee) -> int:
    """Return whom a name in TO or FROM means; raises 42704 for nobody, 0LP01 for an option that it cannot have."""
    if grantee.grant_option and grantee.kind is not GranteeKind.USER:
        raise SqlError(SqlState.INVALID_GRANT_OPERATION, "grant options can only be granted to individual users")
    if grantee.kind is GranteeKind.PUBLIC:
        return PUBLIC
    if grantee.kind is GranteeKind.RLS_POLICY:
        return await policy_oid(work, grantee.name)
    # Who is being dropped gets nothing any more: DROP locks the name the other way.
    await work.tx.lock(("principal", grantee.name), Mode.ACCESS_SHARE)
    found: User | Group | Role | None
    if grantee.kind is GranteeKind.ROLE:
        found = role(work.state, grantee.name)
    else:
        is_user = grantee.kind is GranteeKind.USER
        found = work.state.user(grantee.name) if is_user else work.state.group(grantee.name)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'{grantee.kind.value} "{grantee.name}" does not exist')
    return found.oid
