"""GRANT and REVOKE on tables, schemas and databases.

Redshift, "GRANT", "REVOKE". What the change means for a list is ``auth.grants``' business.
"""

from collections.abc import Callable
from dataclasses import replace

from auth.authorize import grantable
from auth.grants import granted, revoked
from auth.privileges import DATABASE, SCHEMA, TABLE, named
from catalog.model import PUBLIC, Acl, Database, Relation, Schema
from catalog.model import Grant as Entry
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from session.context import Work
from session.locks import Mode
from sql.commands.privileges import Grant, Grantee, GranteeKind, ObjectKind, PrivilegeItem, PrivilegeTarget, Revoke

Target = Relation | Schema | Database
Change = Callable[[Acl, Entry], Acl]
_KINDS = {ObjectKind.TABLE: TABLE, ObjectKind.SCHEMA: SCHEMA, ObjectKind.DATABASE: DATABASE}


async def grant(work: Work, command: Grant) -> str:
    """GRANT privileges ON objects TO grantees."""
    if not isinstance(command, Grant):
        raise not_supported("GRANT of roles")
    await _apply(work, command, lambda acl, entry: granted(acl, entry, _entry))
    return "GRANT"


async def revoke(work: Work, command: Revoke) -> str:
    """REVOKE privileges ON objects FROM grantees."""
    if not isinstance(command, Revoke):
        raise not_supported("REVOKE of roles")
    only = command.grant_option_only
    await _apply(work, command, lambda acl, entry: revoked(acl, entry, _entry, option_only=only))
    return "REVOKE"


def _entry(
    grantee: int, grantor: int, privileges: frozenset[str], options: frozenset[str], columns: tuple[str, ...]
) -> Entry:
    return Entry(grantee=grantee, grantor=grantor, privileges=privileges, grantable=options, columns=columns)


async def _apply(work: Work, command: Grant | Revoke, change: Change) -> None:
    kind = _KINDS.get(command.target.kind)
    if kind is None:
        raise not_supported(f"privileges on {command.target.kind.value.lower()}s")
    for target in _targets(work, command.target):
        await work.tx.lock(("acl", target.oid), Mode.ACCESS_EXCLUSIVE)
        now = work.state.objects.get(target.oid)
        current: Target = now if isinstance(now, (Relation, Schema, Database)) else target
        acl = current.acl
        for item in command.privileges:
            names = named(item.name, kind, item.columns)
            _check_columns(current, item)
            _require_option(work, current, names, kind)
            for grantee in command.grantees:
                options = names if grantee.grant_option else frozenset[str]()
                entry = _entry(_oid(work, grantee), work.principal.oid, names, options, item.columns)
                acl = change(acl, entry)
        work.change(replace(current, acl=acl))


def _targets(work: Work, target: PrivilegeTarget) -> list[Target]:
    if target.kind is ObjectKind.DATABASE:
        return [_database(work, name[-1]) for name in target.names]
    if target.kind is ObjectKind.SCHEMA:
        return [work.find_schema(name) for name in target.names]
    found: list[Target] = [work.find_relation(name) for name in target.names]
    for name in target.all_in_schemas:
        found += work.state.relations(work.find_schema(name).oid)
    return found


def _database(work: Work, name: str) -> Database:
    found = work.state.database(name)
    if found is None:
        raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{name}" does not exist')
    return found


def _check_columns(target: Target, item: PrivilegeItem) -> None:
    for column in item.columns:
        if not isinstance(target, Relation) or target.column(column) is None:
            raise SqlError(
                SqlState.UNDEFINED_COLUMN, f'column "{column}" of relation "{target.name}" does not exist'
            )


def _require_option(work: Work, target: Target, names: frozenset[str], kind: str) -> None:
    if not all(grantable(work.principal, name, target.owner, target.acl) for name in names):
        raise SqlError(SqlState.INSUFFICIENT_PRIVILEGE, f"permission denied for {kind} {target.name}")


def _oid(work: Work, grantee: Grantee) -> int:
    if grantee.kind is GranteeKind.PUBLIC:
        return PUBLIC
    if grantee.kind is GranteeKind.ROLE:
        raise not_supported("roles as grantees")
    is_user = grantee.kind is GranteeKind.USER
    found = work.state.user(grantee.name) if is_user else work.state.group(grantee.name)
    if found is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'{grantee.kind.value} "{grantee.name}" does not exist')
    return found.oid
