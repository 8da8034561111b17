"""Row-level security: CREATE, ALTER, DROP, ATTACH and DETACH RLS POLICY, ROW LEVEL SECURITY ON.

Redshift, "Row-level security", "RLS policy ownership and management", "Policy-dependent objects and principles". What
policies do to statements is in ``sql.guards``, masking policies are in ``session.statements.masking``.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from auth import permissions
from auth.grants import Change, granted
from catalog.model import PUBLIC, Database, Grant, Relation, Schema, User
from catalog.policies import (
    Attachment,
    MaskingPolicy,
    PolicyColumn,
    Protection,
    RlsPolicy,
    callers,
    needed_columns,
    protected,
    readers,
    rls_policies,
    rls_policy,
)
from catalog.roles import Role, role
from catalog.routines import Routine
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from session.context import Work
from session.locks import Mode
from sql.commands.alterations import RowLevelSecurity
from sql.commands.policies import AlterRlsPolicy, AttachRlsPolicy, CreateRlsPolicy, DropPolicy
from sql.commands.privileges import Grantee, GranteeKind
from sql.policies import SETTLED, Checked, checked_condition

NOTHING: Final = Protection()


def require_manager(work: Work) -> None:
    """Raise 42501 unless the user is a superuser or holds sys:secadmin."""
    if not work.principal.may(permissions.POLICIES):
        raise SqlError(
            SqlState.INSUFFICIENT_PRIVILEGE, "must be superuser or a member of sys:secadmin to manage policies"
        )


def place(work: Work, name: tuple[str, ...]) -> tuple[Database, str]:
    """Return the database that a policy is of, and its bare name."""
    if len(name) == 1:
        return work.database, name[0]
    database = work.state.database(name[0])
    if database is None:
        raise SqlError(SqlState.INVALID_CATALOG_NAME, f'database "{name[0]}" does not exist')
    if database.oid != work.database.oid:
        raise not_supported("a policy of another database")
    return database, name[1]


async def locked_name(work: Work, word: str, database: Database, name: str) -> None:
    """Keep others from making, changing or dropping a policy of that name."""
    await work.tx.lock(("policy", word, database.oid, name), Mode.ACCESS_EXCLUSIVE)


async def create_rls_policy(work: Work, command: CreateRlsPolicy) -> str:
    """CREATE RLS POLICY."""
    require_manager(work)
    database, name = place(work, command.name)
    await locked_name(work, "rls", database, name)
    if rls_policy(work.state, database.oid, name) is not None:
        raise SqlError(SqlState.DUPLICATE_OBJECT, f'RLS policy "{name}" already exists')
    found = checked_condition(command.condition, command.columns, command.alias, work.visible)
    policy = RlsPolicy(
        oid=work.next_oid(),
        database=database.oid,
        name=name,
        columns=tuple(PolicyColumn(name=column, type=kind) for column, kind in command.columns),
        alias=command.alias,
    )
    work.change(policy)
    work.change(await _with_condition(work, policy, found))
    return "CREATE RLS POLICY"


async def alter_rls_policy(work: Work, command: AlterRlsPolicy) -> str:
    """ALTER RLS POLICY: another condition, wherever it is attached."""
    require_manager(work)
    policy = await _locked(work, command.name)
    columns = [(column.name, column.type) for column in policy.columns]
    found = checked_condition(command.condition, columns, policy.alias, work.visible)
    for relation in protected(work.state, policy.oid):
        await work.lock(relation, Mode.ACCESS_EXCLUSIVE)
    await _take_back(work, policy)
    work.change(await _with_condition(work, policy, found))
    return "ALTER RLS POLICY"


async def drop_rls_policy(work: Work, command: DropPolicy) -> str:
    """DROP RLS POLICY; CASCADE detaches it."""
    require_manager(work)
    database, name = place(work, command.name)
    await locked_name(work, "rls", database, name)
    policy = rls_policy(work.state, database.oid, name)
    if policy is None:
        if command.if_exists:
            return command.tag
        raise _missing(name)
    for item in await detachable(work, policy, cascade=command.cascade):
        kept = item.protection or NOTHING
        rest = tuple(each for each in kept.policies if each.policy != policy.oid)
        await store(work, replace(item, protection=replace(kept, policies=rest)))
    await _take_back(work, policy)
    work.change(drops=(policy.oid,))
    return command.tag


async def detachable(work: Work, policy: RlsPolicy | MaskingPolicy, *, cascade: bool) -> list[Relation]:
    """Return the relations that a policy is detached from as it is dropped; raises 2BP01 unless *cascade*."""
    attached = protected(work.state, policy.oid)
    if attached and not cascade:
        word = "RLS policy" if isinstance(policy, RlsPolicy) else "masking policy"
        raise SqlError(
            SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
            f"cannot drop {word} {policy.name} because other objects depend on it",
            detail="\n".join(f"it is attached to relation {relation.name}" for relation in attached),
            hint="Use DROP ... CASCADE to detach it.",
        )
    return [await work.lock(relation, Mode.ACCESS_EXCLUSIVE) for relation in attached]


async def attach_rls_policy(work: Work, command: AttachRlsPolicy) -> str:
    """ATTACH RLS POLICY … TO, DETACH RLS POLICY … FROM."""
    require_manager(work)
    policy = await _locked(work, command.name)
    grantees = [(item, await grantee_of(work, item)) for item in command.grantees]
    for name in command.relations:
        relation = await work.lock(work.find_relation(name), Mode.ACCESS_EXCLUSIVE)
        for grantee, oid in grantees:
            known = Attachment(policy=policy.oid, grantee=oid, grantor=work.principal.oid)
            relation = (_detached if command.detach else _attached)(work, relation, policy, known, grantee)
        await store(work, relation)
    return command.tag


async def grantee_of(work: Work, grantee: Grantee) -> int:
    """Return the OID of whom a policy is attached for, who cannot be dropped meanwhile."""
    if grantee.kind is GranteeKind.PUBLIC:
        return PUBLIC
    await work.tx.lock(("principal", grantee.name), Mode.ACCESS_SHARE)
    known: User | Role | None = (
        work.state.user(grantee.name) if grantee.kind is GranteeKind.USER else role(work.state, grantee.name)
    )
    if known is None:
        raise SqlError(SqlState.UNDEFINED_OBJECT, f'{grantee.kind.value} "{grantee.name}" does not exist')
    return known.oid


def refuse_unfit(work: Work, relation: Relation, *, rows: bool = True) -> None:
    """Raise for relations that policies cannot be attached to, or row-level security turned on for."""
    if relation.temporary:
        raise not_supported("a policy on a temporary table")
    schema = work.state.objects.get(relation.schema)
    if isinstance(schema, Schema) and schema.database != work.database.oid:
        raise not_supported("a policy on a relation of another database")
    what = "row-level security" if rows else "a masking policy"
    if rows and readers(work.state, relation.oid):
        raise not_supported("row-level security on a table that a policy looks up")
    for view in work.state.relations():
        if view.materialized is not None and relation.oid in view.depends:
            raise not_supported(f"{what} on a table that a materialized view is made of")


async def store(work: Work, relation: Relation) -> None:
    """Record a relation with another protection; the table that keeps a materialized view's rows has the same."""
    work.change(relation)
    if relation.materialized is None:
        return
    kept = work.state.objects.get(relation.materialized.table)
    if isinstance(kept, Relation):
        table = await work.lock(kept, Mode.ACCESS_EXCLUSIVE)
        work.change(replace(table, protection=relation.protection))


async def row_security(work: Work, relation: Relation, action: RowLevelSecurity) -> Relation:
    """Return *relation* after ROW LEVEL SECURITY ON or OFF, or MASKING ON or OFF FOR DATASHARES."""
    require_manager(work)
    if action.on and not action.masking:
        refuse_unfit(work, relation)
    kept = relation.protection or NOTHING
    if action.masking:
        kept = replace(kept, shared_masking=action.on)
    elif action.datashares:
        any_of = kept.shared_any_of if action.any_of is None else action.any_of
        kept = replace(kept, shared_row_security=action.on, shared_any_of=any_of)
    else:
        any_of = kept.any_of if action.any_of is None else action.any_of
        kept = replace(kept, row_security=action.on, any_of=any_of)
    relation = replace(relation, protection=kept)
    await store(work, relation)
    return relation


def refuse_needed(work: Work, relations: Iterable[Relation], *, verb: str = "drop") -> None:
    """Raise 2BP01 where policies look up any of *relations*."""
    for relation in relations:
        for policy in readers(work.state, relation.oid):
            raise _depends(f"cannot {verb} table {relation.name}", f"RLS policy {policy.name} depends on it.")


def refuse_called(work: Work, routine: Routine, *, verb: str = "drop") -> None:
    """Raise 2BP01 where policies call a function."""
    for policy in callers(work.state, routine.oid):
        raise _depends(f"cannot {verb} function {routine.name}", f"Policy {policy.name} depends on it.")


def refuse_needed_column(work: Work, relation: Relation, column: str) -> None:
    """Raise 2BP01 where a policy names a column: as long as it does, the column stays as it is."""
    if column in needed_columns(work.state, relation):
        raise _depends(
            f"cannot alter column {column} of table {relation.name}", "A policy that reads it is attached to it."
        )


def refuse_policies_in(work: Work, schema: Schema) -> None:
    """Raise 2BP01 where policies look up tables or call functions of a schema that is to be renamed."""
    refuse_needed(work, work.state.relations(schema.oid), verb="move")
    for item in work.state.objects.values():
        if isinstance(item, Routine) and item.schema == schema.oid:
            refuse_called(work, item, verb="move")


def _depends(message: str, detail: str) -> SqlError:
    return SqlError(
        SqlState.DEPENDENT_OBJECTS_STILL_EXIST,
        f"{message} because other objects depend on it",
        detail=detail,
        hint="Detach or drop the policy first.",
    )


def settled(work: Work) -> tuple[tuple[str, str], ...]:
    """Return the session's parameters that decide what a policy's text means."""
    return tuple((name, work.settings.get(name)) for name in SETTLED)


async def _with_condition(work: Work, policy: RlsPolicy, found: Checked) -> RlsPolicy:
    """Return *policy* with a condition, once its lookup tables are granted to it."""
    for source, _ in found.lookups:
        relation = work.state.objects[source.oid]
        if isinstance(relation, Relation):
            await _lend(work, policy, relation)
    return replace(
        policy,
        condition=found.text,
        lookups=tuple((source.oid, names) for source, names in found.lookups),
        functions=found.functions,
        settings=settled(work),
        modified_by=work.principal.oid,
        modified=work.warehouse.clock.now().isoformat(),
    )


async def _lend(work: Work, policy: RlsPolicy, relation: Relation) -> None:
    schema = work.state.objects.get(relation.schema)
    if relation.temporary or not isinstance(schema, Schema) or schema.database != policy.database:
        raise not_supported("a temporary table, or one of another database, in a policy")
    if relation.protection is not None and (relation.protection.row_security or relation.protection.policies):
        raise not_supported("a table with row-level security in a policy")
    relation = await work.lock(relation, Mode.ACCESS_EXCLUSIVE)
    await work.tx.lock(("acl", relation.oid), Mode.ACCESS_EXCLUSIVE)
    change = Change(
        grantee=policy.oid, grantor=relation.owner, owner=relation.owner, privileges=frozenset({"SELECT"})
    )
    work.change(replace(relation, acl=granted(relation.acl, change, Grant)))


async def _take_back(work: Work, policy: RlsPolicy) -> None:
    """Take back what was granted to a policy."""
    for relation in work.state.relations():
        if any(grant.grantee == policy.oid for grant in relation.acl):
            held = await work.lock(relation, Mode.ACCESS_SHARE)
            await work.tx.lock(("acl", held.oid), Mode.ACCESS_EXCLUSIVE)
            work.change(replace(held, acl=tuple(grant for grant in held.acl if grant.grantee != policy.oid)))


async def _locked(work: Work, name: tuple[str, ...]) -> RlsPolicy:
    database, bare = place(work, name)
    await locked_name(work, "rls", database, bare)
    found = rls_policy(work.state, database.oid, bare)
    if found is None:
        raise _missing(bare)
    return found


async def policy_oid(work: Work, name: str) -> int:
    """Return the OID of the RLS policy called *name*; raises 42704."""
    return (await _locked(work, (name,))).oid


def _missing(name: str) -> SqlError:
    return SqlError(SqlState.UNDEFINED_OBJECT, f'RLS policy "{name}" does not exist')


def _attached(work: Work, relation: Relation, policy: RlsPolicy, item: Attachment, grantee: Grantee) -> Relation:
    refuse_unfit(work, relation)
    kept = relation.protection or NOTHING
    if any((each.policy, each.grantee) == (policy.oid, item.grantee) for each in kept.policies):
        raise SqlError(
            SqlState.DUPLICATE_OBJECT,
            f'RLS policy "{policy.name}" is already attached to relation "{relation.name}" for {_shown(grantee)}',
        )
    if not relation.late_binding:
        _check_columns(relation, policy)
    others = [other for other in rls_policies(work.state) if other.oid in kept.attached]
    if any(other.alias != policy.alias for other in others):
        raise SqlError(
            SqlState.INVALID_OBJECT_DEFINITION,
            f'RLS policies on relation "{relation.name}" must have been created with the same alias',
        )
    return replace(relation, protection=replace(kept, policies=(*kept.policies, item)))


def _check_columns(relation: Relation, policy: RlsPolicy) -> None:
    for column in policy.columns:
        found = relation.column(column.name)
        if found is None:
            raise SqlError(
                SqlState.UNDEFINED_COLUMN, f'column "{column.name}" of relation "{relation.name}" does not exist'
            )
        if found.type.type.category != column.type.type.category:
            raise SqlError(
                SqlState.DATATYPE_MISMATCH,
                f'column "{column.name}" of relation "{relation.name}" is of type {found.type} but the policy'
                f" has {column.type}",
            )


def _detached(work: Work, relation: Relation, policy: RlsPolicy, item: Attachment, grantee: Grantee) -> Relation:
    kept = relation.protection or NOTHING
    rest = tuple(each for each in kept.policies if (each.policy, each.grantee) != (policy.oid, item.grantee))
    if len(rest) == len(kept.policies):
        raise SqlError(
            SqlState.UNDEFINED_OBJECT,
            f'RLS policy "{policy.name}" is not attached to relation "{relation.name}" for {_shown(grantee)}',
        )
    return replace(relation, protection=replace(kept, policies=rest))


def _shown(grantee: Grantee) -> str:
    return "PUBLIC" if grantee.kind is GranteeKind.PUBLIC else f'{grantee.kind.value} "{grantee.name}"'
