"""GRANT and REVOKE … FOR … IN: what users and roles may do to all objects of a kind, those made later too.

Redshift, "Scoped permissions", "GRANT": superusers give them, and who holds the grant option; to users and roles,
in the connected database.
"""

from dataclasses import replace
from typing import Final

from auth import privileges
from auth.grants import Change, granted, may_grant, revoked
from catalog import scopes
from catalog.model import Grant as Entry
from catalog.scopes import ScopedPrivileges
from core.errors import SqlError, not_supported, warning
from core.sqlstate import SqlState
from session.context import Work
from session.locks import Mode
from sql.commands.privileges import Grant, Grantee, GranteeKind, ObjectKind, PrivilegeTarget, Revoke

_KINDS: Final = {
    ObjectKind.TABLE: (scopes.TABLES, privileges.ObjectKind.RELATION),
    ObjectKind.SCHEMA: (scopes.SCHEMAS, privileges.ObjectKind.SCHEMA),
    ObjectKind.FUNCTION: (scopes.FUNCTIONS, privileges.ObjectKind.FUNCTION),
    ObjectKind.PROCEDURE: (scopes.FUNCTIONS, privileges.ObjectKind.PROCEDURE),
    ObjectKind.LANGUAGE: (scopes.LANGUAGES, privileges.ObjectKind.LANGUAGE),
    ObjectKind.COPY_JOB: (scopes.COPY_JOBS, privileges.ObjectKind.COPY_JOB),
}
_WITHOUT_EFFECT: Final = frozenset({"RULE", "TRIGGER"})


async def change_scoped(work: Work, command: Grant | Revoke, grantees: list[tuple[Grantee, int]]) -> None:
    """GRANT or REVOKE scoped permissions."""
    for grantee, _ in grantees:
        if grantee.kind not in {GranteeKind.USER, GranteeKind.ROLE}:
            raise SqlError(
                SqlState.INVALID_GRANT_OPERATION, "scoped permissions can only be granted to users and roles"
            )
    row = await _locked(work, command.target)
    acl = row.acl
    for change in _changes(work, command, row, grantees):
        acl = granted(acl, change, Entry) if isinstance(command, Grant) else revoked(acl, change, Entry)
    if acl:
        work.change(replace(row, acl=acl))
    elif row.oid in work.state.objects:
        work.change(drops=(row.oid,))


def _changes(
    work: Work, command: Grant | Revoke, row: ScopedPrivileges, grantees: list[tuple[Grantee, int]]
) -> list[Change]:
    names = _meant(command)
    grantor, possible = may_grant(work.principal, names, row.owner, row.acl)
    takes = isinstance(command, Revoke)
    if not possible:
        raise SqlError(
            SqlState.INSUFFICIENT_PRIVILEGE,
            f"permission denied to {'revoke' if takes else 'grant'} permissions for {row.object_kind.lower()}",
        )
    if possible != names:
        work.notice(warning(f"not all privileges were {'revoked' if takes else 'granted'}"))
    return [
        Change(
            grantee=oid,
            grantor=grantor,
            owner=row.owner,
            privileges=possible,
            option=command.grant_option_only if isinstance(command, Revoke) else grantee.grant_option,
            cascade=isinstance(command, Revoke) and command.cascade,
        )
        for grantee, oid in grantees
    ]


def _meant(command: Grant | Revoke) -> frozenset[str]:
    kind = _KINDS[command.target.kind][1]
    names: set[str] = set()
    for item in command.privileges:
        if item.columns:
            raise SqlError(SqlState.INVALID_GRANT_OPERATION, "scoped permissions cannot be limited to columns")
        names |= privileges.meant(item.name, kind)
    return frozenset(names) - _WITHOUT_EFFECT


async def _locked(work: Work, target: PrivilegeTarget) -> ScopedPrivileges:
    """Return the row of the target's scope, perhaps a new one, once nobody else can change it any more."""
    kind = _KINDS[target.kind][0]
    scope = _scope(work, target)
    await work.tx.lock(("acl", scope), Mode.ACCESS_EXCLUSIVE)
    found = scopes.scoped(work.state, scope, kind)
    return found or ScopedPrivileges(oid=work.next_oid(), scope=scope, object_kind=kind)


def _scope(work: Work, target: PrivilegeTarget) -> int:
    """Return the OID of the schema or database."""
    database = work.database
    if target.in_database and target.in_database != database.name:
        if work.state.database(target.in_database) is None:
            raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{target.in_database}" does not exist')
        raise not_supported("a scoped permission in another database than the connected one")
    return work.find_schema(target.in_schema).oid if target.in_schema else database.oid
