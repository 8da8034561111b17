"""Dynamic data masking: CREATE, ALTER, DROP, ATTACH and DETACH MASKING POLICY.

Redshift, "Dynamic data masking", "Dynamic data masking policy hierarchy", "Using dynamic data masking with SUPER data
type paths". What masks do to statements is in ``sql.guards``; which of several counts, in ``session.protection``.
"""

from dataclasses import replace

from catalog.model import Relation
from catalog.policies import MaskAttachment, MaskingPolicy, PolicyColumn, masking_policy, protected
from core.errors import SqlError, not_supported, notice
from core.sqlstate import SqlState
from core.types import ColumnType
from session.context import Work
from session.locks import Mode
from session.statements.policies import (
    NOTHING,
    detachable,
    drop_rls_policy,
    grantee_of,
    locked_name,
    place,
    refuse_unfit,
    require_manager,
    settled,
    store,
)
from sql.commands.policies import AlterMaskingPolicy, AttachMaskingPolicy, CreateMaskingPolicy, DropPolicy, Path
from sql.facts import Mask
from sql.policies import check_mask, checked_expression
from sql.statement import Fragment


async def create_masking_policy(work: Work, command: CreateMaskingPolicy) -> str:
    """CREATE MASKING POLICY."""
    require_manager(work)
    database, name = place(work, command.name)
    await locked_name(work, "masking", database, name)
    if masking_policy(work.state, database.oid, name) is not None:
        if command.if_not_exists:
            work.notice(notice(f'masking policy "{name}" already exists, skipping'))
            return "CREATE MASKING POLICY"
        raise SqlError(SqlState.DUPLICATE_OBJECT, f'masking policy "{name}" already exists')
    policy = MaskingPolicy(
        oid=work.next_oid(),
        database=database.oid,
        name=name,
        columns=tuple(PolicyColumn(name=column, type=kind) for column, kind in command.columns),
    )
    work.change(_with_expressions(work, policy, command.expressions))
    return "CREATE MASKING POLICY"


async def alter_masking_policy(work: Work, command: AlterMaskingPolicy) -> str:
    """ALTER MASKING POLICY: other expressions, wherever it is attached."""
    require_manager(work)
    policy = await _locked(work, command.name)
    if len(command.expressions) != len(policy.expressions):
        raise SqlError(
            SqlState.INVALID_OBJECT_DEFINITION,
            f'masking policy "{policy.name}" has {len(policy.expressions)} expressions,'
            f" {len(command.expressions)} given",
        )
    changed = _with_expressions(work, policy, command.expressions)
    for relation in protected(work.state, policy.oid):
        held = await work.lock(relation, Mode.ACCESS_EXCLUSIVE)
        for item in (held.protection or NOTHING).masks:
            if item.policy == policy.oid:
                _check_types(work, held, changed, item)
    work.change(changed)
    return "ALTER MASKING POLICY"


async def drop_policy(work: Work, command: DropPolicy) -> str:
    """DROP RLS POLICY and DROP MASKING POLICY; CASCADE detaches it."""
    if not command.masking:
        return await drop_rls_policy(work, command)
    require_manager(work)
    database, name = place(work, command.name)
    await locked_name(work, "masking", database, name)
    policy = masking_policy(work.state, database.oid, name)
    if policy is None:
        if command.if_exists:
            return command.tag
        raise _missing(name)
    for item in await detachable(work, policy, cascade=command.cascade):
        kept = item.protection or NOTHING
        rest = tuple(each for each in kept.masks if each.policy != policy.oid)
        await store(work, replace(item, protection=replace(kept, masks=rest)))
    work.change(drops=(policy.oid,))
    return command.tag


async def attach_masking_policy(work: Work, command: AttachMaskingPolicy) -> str:
    """ATTACH MASKING POLICY … TO, DETACH MASKING POLICY … FROM."""
    require_manager(work)
    policy = await _locked(work, command.name)
    grantee = await grantee_of(work, command.grantee)
    relation = await work.lock(work.find_relation(command.relation), Mode.ACCESS_EXCLUSIVE)
    item = MaskAttachment(
        policy=policy.oid, grantee=grantee, grantor=work.principal.oid, outputs=command.outputs,
        inputs=command.outputs if command.inputs is None else command.inputs, priority=command.priority,
    )  # fmt: skip
    if command.detach:
        await store(work, _detached(relation, policy, item))
        return command.tag
    refuse_unfit(work, relation, rows=False)
    _check_places(work, relation, policy, item)
    kept = relation.protection or NOTHING
    for other in kept.masks:
        _check_beside(work, relation, item, other)
    await store(work, replace(relation, protection=replace(kept, masks=(*kept.masks, item))))
    return command.tag


def _with_expressions(work: Work, policy: MaskingPolicy, texts: tuple[Fragment, ...]) -> MaskingPolicy:
    columns = [(column.name, column.type) for column in policy.columns]
    found = [checked_expression(text, columns, work.visible) for text in texts]
    return replace(
        policy,
        expressions=tuple(item.text for item in found),
        functions=tuple(sorted({oid for item in found for oid in item.functions})),
        settings=settled(work),
        modified_by=work.principal.oid,
        modified=work.warehouse.clock.now().isoformat(),
    )


async def _locked(work: Work, name: tuple[str, ...]) -> MaskingPolicy:
    database, bare = place(work, name)
    await locked_name(work, "masking", database, bare)
    found = masking_policy(work.state, database.oid, bare)
    if found is None:
        raise _missing(bare)
    return found


def _missing(name: str) -> SqlError:
    return SqlError(SqlState.UNDEFINED_OBJECT, f'masking policy "{name}" does not exist')


def _unfit(message: str) -> SqlError:
    return SqlError(SqlState.INVALID_OBJECT_DEFINITION, message)


def _check_places(work: Work, relation: Relation, policy: MaskingPolicy, item: MaskAttachment) -> None:
    """Raise unless what the policy is attached to is there, and as many columns, of such types, as it has."""
    if len(item.inputs) != len(policy.columns):
        raise _unfit(
            f'masking policy "{policy.name}" has {len(policy.columns)} input columns, {len(item.inputs)} given'
        )
    if len(item.outputs) != len(policy.expressions):
        raise _unfit(
            f'masking policy "{policy.name}" has {len(policy.expressions)} expressions,'
            f" {len(item.outputs)} output columns given"
        )
    if len(set(item.outputs)) < len(item.outputs):
        raise _unfit("an output column is specified more than once")
    for path, column in zip(item.inputs, policy.columns, strict=True):
        kind = _type(work, relation, path)
        if len(path) == 1 and kind is not None and kind.type.category != column.type.type.category:
            raise SqlError(
                SqlState.DATATYPE_MISMATCH,
                f'column "{path[0]}" of relation "{relation.name}" is of type {kind} but the policy has {column.type}',
            )
    _check_types(work, relation, policy, item)


def _check_types(work: Work, relation: Relation, policy: MaskingPolicy, item: MaskAttachment) -> None:
    """Raise where a mask's value cannot stand in the place of its column."""
    columns = [(column.name, column.type) for column in relation.columns]
    names = [(column.name, column.type) for column in policy.columns]
    inputs = tuple((name, kind, path) for (name, kind), path in zip(names, item.inputs, strict=True))
    for output, text in zip(item.outputs, policy.expressions, strict=True):
        goal = _type(work, relation, output)
        if relation.late_binding:
            continue
        mask = Mask(policy=policy.oid, output=output, text=text, settings=policy.settings, inputs=inputs)
        check_mask(mask, columns, goal if len(output) == 1 else None, work.visible)


def _type(work: Work, relation: Relation, path: Path) -> ColumnType | None:
    """Return the type of a column; raises where there is none, or a path leads into one that is not SUPER."""
    if relation.late_binding:
        return None
    column = relation.column(path[0])
    if column is None:
        raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{path[0]}" of relation "{relation.name}" does not exist')
    if len(path) > 1 and column.type.type.name != "super":
        raise SqlError(SqlState.DATATYPE_MISMATCH, f'column "{path[0]}" is not of type SUPER')
    return column.type


def _check_beside(work: Work, relation: Relation, item: MaskAttachment, other: MaskAttachment) -> None:
    """Raise where *item* cannot be attached beside *other*: the same place, or the same priority."""
    shared = [output for output in item.outputs if output in other.outputs]
    if shared and other.grantee == item.grantee:
        raise SqlError(
            SqlState.DUPLICATE_OBJECT,
            f'a masking policy is already attached to column "{".".join(shared[0])}" of relation "{relation.name}"'
            " for the same grantee",
        )
    same = (other.policy, other.outputs, other.inputs) == (item.policy, item.outputs, item.inputs)
    if shared and other.priority == item.priority and not same:
        raise SqlError(
            SqlState.DUPLICATE_OBJECT,
            f'a masking policy of priority {item.priority} is already attached to column "{".".join(shared[0])}" of'
            f' relation "{relation.name}"',
        )
    if any(_within(mine, theirs) for mine in item.outputs for theirs in other.outputs):
        raise not_supported("masking a SUPER path inside another that is masked")


def _within(one: Path, other: Path) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return 1 < len(shorter) < len(longer) and longer[: len(shorter)] == shorter


def _detached(relation: Relation, policy: MaskingPolicy, item: MaskAttachment) -> Relation:
    kept = relation.protection or NOTHING
    mine = (policy.oid, item.grantee, item.outputs)
    rest = tuple(each for each in kept.masks if (each.policy, each.grantee, each.outputs) != mine)
    if len(rest) == len(kept.masks):
        raise SqlError(
            SqlState.UNDEFINED_OBJECT,
            f'masking policy "{policy.name}" is not attached to these columns of relation "{relation.name}"',
        )
    return replace(relation, protection=replace(kept, masks=rest))
