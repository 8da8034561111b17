"""Which row-level security and masking policies stand between a relation and a user.

Redshift, "Row-level security", "Dynamic data masking policy hierarchy": a policy concerns the users and the holders of
the roles that it is attached for, PUBLIC is everybody. It is the user who runs the statement that counts, also inside
views. Superusers, security administrators and holders of IGNORE RLS see all rows.
"""

from datetime import UTC
from typing import TYPE_CHECKING, Final

from auth.authorize import PUBLIC, Principal
from catalog.model import CatalogState, Relation
from catalog.policies import Attachment, MaskAttachment, MaskingPolicy, RlsPolicy
from sql.facts import Condition, Guard, Mask, SourceColumn
from sql.translate import Translated

if TYPE_CHECKING:
    from session.session import Session

IGNORES: Final = "IGNORE RLS"


def guard_of(
    relation: Relation, columns: tuple[SourceColumn, ...], who: Principal, state: CatalogState
) -> Guard | None:
    """Return what stands between *relation* (with *columns*) and *who*, None where nothing does."""
    kept = relation.protection
    if kept is None:
        return None
    rows = kept.row_security and not who.may(IGNORES)
    masks = _masks(kept.masks, who, state)
    if not rows and not masks:
        return None
    return Guard(
        columns=columns,
        rows=rows,
        conditions=_conditions(kept.policies, who, state) if rows else (),
        any_of=kept.any_of,
        masks=masks,
    )


def concerns(item: Attachment | MaskAttachment, who: Principal) -> bool:
    """Tell whether what is attached is for *who*."""
    return item.grantee in {PUBLIC, who.oid} or item.grantee in who.groups


def note_applied(session: "Session", translated: Translated) -> None:
    """Take note of the policies that stand between a statement that runs and what it reads."""
    state, now = session.tx.state, session.warehouse.clock.now().astimezone(UTC).replace(tzinfo=None)
    target = translated.target
    for source, guard in translated.guarded:
        command = session.command if target is not None and target.oid == source.oid else "s"
        about = {
            "userid": session.user.oid, "user_name": session.user.name, "query": session.query,
            "xid": session.tx.number, "pid": session.pid, "time": now, "command": command,
            "database": source.database, "schema_name": source.schema, "relation_name": source.name,
        }  # fmt: skip
        named = [(item.policy, False) for item in guard.conditions] + [(item.policy, True) for item in guard.masks]
        if guard.rows and not guard.conditions:
            session.warehouse.applied.append(about | {"policy": None, "masking": False})
        for oid, masking in dict.fromkeys(named):
            name = getattr(state.objects.get(oid), "name", None)
            session.warehouse.applied.append(about | {"policy": name, "masking": masking})


def _conditions(attached: tuple[Attachment, ...], who: Principal, state: CatalogState) -> tuple[Condition, ...]:
    # One policy may reach a user in several ways.
    found = dict.fromkeys(item.policy for item in attached if concerns(item, who))
    policies = [policy for oid in found if isinstance(policy := state.objects.get(oid), RlsPolicy)]
    return tuple(
        Condition(
            policy=policy.oid,
            text=policy.condition,
            alias=policy.alias,
            columns=frozenset(column.name for column in policy.columns),
            settings=policy.settings,
        )
        for policy in policies
    )


def _masks(attached: tuple[MaskAttachment, ...], who: Principal, state: CatalogState) -> tuple[Mask, ...]:
    """Return what masks each column or path: of several, the one of the highest priority."""
    best: dict[tuple[str, ...], tuple[MaskAttachment, int]] = {}
    for item in attached:
        if not concerns(item, who):
            continue
        for place, output in enumerate(item.outputs):
            known = best.get(output)
            if known is None or item.priority > known[0].priority:
                best[output] = item, place
    return tuple(
        Mask(
            policy=policy.oid,
            output=output,
            text=policy.expressions[place],
            inputs=tuple(
                (column.name, column.type, path) for column, path in zip(policy.columns, item.inputs, strict=True)
            ),
            settings=policy.settings,
        )
        for output, (item, place) in best.items()
        if isinstance(policy := state.objects.get(item.policy), MaskingPolicy)
    )
