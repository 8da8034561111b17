"""ALTER DEFAULT PRIVILEGES: what a user's new objects are granted with.

Redshift, "ALTER DEFAULT PRIVILEGES".
"""

from dataclasses import replace

from auth import privileges
from auth.grants import Change, granted, revoked
from catalog.model import Grant as Entry
from catalog.model import User
from catalog.roles import DefaultPrivileges, default_privileges
from core.errors import SqlError
from core.sqlstate import SqlState
from session.context import Work
from session.locks import Mode
from session.statements.privileges import grantee_oid
from sql.commands.privileges import AlterDefaultPrivileges, Grant, PrivilegeItem


async def alter_default_privileges(work: Work, command: AlterDefaultPrivileges) -> str:
    """ALTER DEFAULT PRIVILEGES [FOR USER] [IN SCHEMA] GRANT | REVOKE."""
    users = [_user(work, name) for name in command.users] or [work.principal.oid]
    schemas = [work.find_schema(name).oid for name in command.schemas] or [0]
    if users != [work.principal.oid]:
        work.require_permission("ALTER DEFAULT PRIVILEGES")
    change = command.change
    grantees = [(grantee, await grantee_oid(work, grantee)) for grantee in change.grantees]
    for owner in users:
        for schema in schemas:
            row = await _locked(work, owner, schema, change.target.kind.value)
            for item in change.privileges:
                names = _meant(item, row.object_kind)
                for grantee, oid in grantees:
                    row = replace(row, acl=_applied(row, command, names, oid, option=grantee.grant_option))
            _keep(work, row)
    return "ALTER DEFAULT PRIVILEGES"


def _keep(work: Work, row: DefaultPrivileges) -> None:
    if row.acl:
        work.change(row)
    elif row.oid in work.state.objects:
        work.change(drops=(row.oid,))


def _applied(
    row: DefaultPrivileges, command: AlterDefaultPrivileges, names: frozenset[str], grantee: int, *, option: bool
) -> tuple[Entry, ...]:
    change = command.change
    if isinstance(change, Grant):
        given = Change(grantee=grantee, grantor=row.owner, owner=row.owner, privileges=names, option=option)
        return granted(row.acl, given, Entry)
    taken = Change(
        grantee=grantee,
        grantor=row.owner,
        owner=row.owner,
        privileges=names,
        option=change.grant_option_only,
        cascade=change.cascade,
    )
    return revoked(row.acl, taken, Entry)


def _meant(item: PrivilegeItem, object_kind: str) -> frozenset[str]:
    if item.columns:
        raise SqlError(SqlState.INVALID_GRANT_OPERATION, "default privileges cannot be set for columns")
    if object_kind == "TABLE":
        return privileges.meant(item.name, privileges.ObjectKind.RELATION)
    if item.name not in {privileges.ALL, "EXECUTE"}:
        raise SqlError(
            SqlState.INVALID_GRANT_OPERATION, f"invalid privilege type {item.name} for {object_kind.lower()}"
        )
    return frozenset({"EXECUTE"})


def _user(work: Work, name: str) -> int:
    found: User | None = work.state.user(name)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'user "{name}" does not exist')
    return found.oid


async def _locked(work: Work, owner: int, schema: int, object_kind: str) -> DefaultPrivileges:
    await work.tx.lock(("defaults", owner, schema, object_kind), Mode.ACCESS_EXCLUSIVE)
    found = default_privileges(work.state, owner, schema, object_kind)
    return found or DefaultPrivileges(oid=work.next_oid(), owner=owner, schema=schema, object_kind=object_kind)
