"""GRANT and REVOKE ASSUMEROLE: who may name which IAM role in which command.

Redshift, "GRANT", "Usage notes for granting the ASSUMEROLE privilege".
"""

from auth.authorize import allowed
from auth.grants import Change, granted, revoked
from catalog import iam_roles
from catalog.iam_roles import IamRole
from catalog.model import BOOTSTRAP_USER
from catalog.model import Grant as Entry
from core.errors import SqlError
from core.sqlstate import SqlState
from session.context import Work
from session.locks import Mode
from sql.commands.iam_roles import ALL_ROLES, DEFAULT_ROLE
from sql.commands.parameters import Credentials
from sql.commands.privileges import Grant, Revoke

_WORDS = {ALL_ROLES: iam_roles.ANY, DEFAULT_ROLE: iam_roles.DEFAULT}


async def change_roles(work: Work, command: Grant | Revoke, grantees: list[int]) -> None:
    """GRANT or REVOKE ASSUMEROLE; what is revoked ON ALL goes from every single role too."""
    takes = isinstance(command, Revoke)
    if not work.principal.superuser:
        deed = "revoke" if takes else "grant"
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"must be superuser to {deed} ASSUMEROLE")
    await work.tx.lock(("acl", "assumerole"), Mode.ACCESS_EXCLUSIVE)
    said = {item.name for item in command.privileges}
    commands = iam_roles.COMMANDS if "ALL" in said else frozenset(said)
    names = dict.fromkeys(_name(name[0]) for name in command.target.names)
    if takes and iam_roles.ANY in names:
        names |= dict.fromkeys(role.name for role in iam_roles.iam_roles(work.state))
    for name in names:
        before = acl = iam_roles.granted_on(work.state, name)
        for grantee in grantees:
            change = Change(grantee=grantee, grantor=BOOTSTRAP_USER, owner=BOOTSTRAP_USER, privileges=commands)
            acl = revoked(acl, change, Entry) if takes else granted(acl, change, Entry)
        if acl != before:
            _keep(work, name, acl)


def require_role(work: Work, credentials: Credentials, command: str) -> None:
    """Raise 42501 unless the user may assume the role that a statement names, if any."""
    if not credentials.iam_roles:
        return
    name = iam_roles.chain(credentials.iam_roles)
    if not allowed(work.principal, command, BOOTSTRAP_USER, iam_roles.usable_by(work.state, name)):
        raise SqlError(
            SqlState.INSUFFICIENT_PRIVILEGE,
            f'User {work.principal.name} does not have ASSUMEROLE permission on IAM role "{name}" for {command}',
        )


def _keep(work: Work, name: str, acl: tuple[Entry, ...]) -> None:
    kept = iam_roles.iam_role(work.state, name)
    # That nobody may use any role is a fact; that nobody may use one of them needs no row.
    if acl or name == iam_roles.ANY:
        work.change(IamRole(oid=kept.oid if kept else work.next_oid(), name=name, acl=acl))
    elif kept is not None:
        work.change(drops=(kept.oid,))


def _name(said: str) -> str:
    if said in _WORDS:
        return _WORDS[said]
    name = iam_roles.chain((said,))
    if name != iam_roles.DEFAULT and not all(part.startswith("arn:") for part in name.split(",")):
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f'invalid IAM role "{said}"')
    return name
