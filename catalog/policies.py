"""Row-level security and masking, as immutable values: policies, and what a relation says of them.

Redshift, "Row-level security", "Dynamic data masking". A policy is of a database and stands alone; it has an effect
where it is attached. What is attached belongs to the relation (``Protection``) and goes with it. Which of it concerns
whom is decided in ``session.protection``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from catalog.model import CatalogState, Kind, Relation
from core.types import ColumnType


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyColumn:
    """A column that a policy reads, or covers, as its WITH declares it."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True, kw_only=True)
class RlsPolicy:
    """A row-level security policy: which rows it lets through."""

    oid: int
    database: int
    name: str
    columns: tuple[PolicyColumn, ...] = ()
    alias: str = ""
    """What the condition may call the relation; empty: nothing but its name."""
    condition: str = ""
    """Redshift SQL, its lookup tables and functions qualified."""
    lookups: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """The tables that the condition reads (OID), with the columns that it names."""
    functions: tuple[int, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    """The session parameters that decide what the text means, as they were when it was written."""
    modified_by: int = 0
    modified: str = ""
    """ISO 8601, UTC."""

    kind = Kind.RLS_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskingPolicy:
    """A masking policy: what is shown in the place of columns."""

    oid: int
    database: int
    name: str
    columns: tuple[PolicyColumn, ...] = ()
    """What the expressions may name, in the order in which columns are given when it is attached."""
    expressions: tuple[str, ...] = ()
    """Redshift SQL, functions qualified: one for each column that it covers."""
    functions: tuple[int, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    modified_by: int = 0
    modified: str = ""

    kind = Kind.MASKING_POLICY


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A row-level security policy on a relation, for one grantee."""

    policy: int
    grantee: int
    """OID of a user or role; 0 is PUBLIC."""
    grantor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskAttachment:
    """A masking policy on columns of a relation, for one grantee."""

    policy: int
    grantee: int
    grantor: int
    outputs: tuple[tuple[str, ...], ...]
    """Column names, or paths into SUPER columns."""
    inputs: tuple[tuple[str, ...], ...]
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """What a relation says of row-level security and masking."""

    row_security: bool = False
    """ROW LEVEL SECURITY ON."""
    any_of: bool = False
    """CONJUNCTION TYPE OR: one of several policies is enough."""
    shared_row_security: bool | None = None
    """ON or OFF FOR DATASHARES: whether it cannot be read over one; None is as ``row_security`` has it."""
    shared_any_of: bool = False
    shared_masking: bool | None = None
    """MASKING ON or OFF FOR DATASHARES: whether it cannot be read over one; None is as masks are attached."""
    policies: tuple[Attachment, ...] = ()
    masks: tuple[MaskAttachment, ...] = ()

    @property
    def attached(self) -> frozenset[int]:
        """The policies (OIDs) that are attached."""
        return frozenset(item.policy for item in self.policies) | frozenset(item.policy for item in self.masks)


def shared_openly(kept: Protection | None) -> bool:
    """Tell whether a relation can be read over a datashare, where nobody's policies stand before it."""
    if kept is None:
        return True
    closed = kept.row_security if kept.shared_row_security is None else kept.shared_row_security
    masked = bool(kept.masks) if kept.shared_masking is None else kept.shared_masking
    return not closed and not masked


def rls_policy(state: CatalogState, database: int, name: str) -> RlsPolicy | None:
    """Return the row-level security policy called *name* of a database."""
    found = state.objects.get(state.names.get((Kind.RLS_POLICY, database, name), -1))
    return found if isinstance(found, RlsPolicy) else None


def masking_policy(state: CatalogState, database: int, name: str) -> MaskingPolicy | None:
    """Return the masking policy called *name* of a database."""
    found = state.objects.get(state.names.get((Kind.MASKING_POLICY, database, name), -1))
    return found if isinstance(found, MaskingPolicy) else None


def rls_policies(state: CatalogState) -> list[RlsPolicy]:
    """Return all row-level security policies."""
    return state.of(RlsPolicy)


def masking_policies(state: CatalogState) -> list[MaskingPolicy]:
    """Return all masking policies."""
    return state.of(MaskingPolicy)


def protected(state: CatalogState, policy: int) -> list[Relation]:
    """Return the relations that a policy (OID) is attached to."""
    return [
        relation
        for relation in state.relations()
        if relation.protection is not None and policy in relation.protection.attached
    ]


def readers(state: CatalogState, relation: int) -> list[RlsPolicy]:
    """Return the policies whose condition reads a relation (OID)."""
    return [policy for policy in rls_policies(state) if any(oid == relation for oid, _ in policy.lookups)]


def callers(state: CatalogState, function: int) -> list[RlsPolicy | MaskingPolicy]:
    """Return the policies that call a function (OID)."""
    every: list[RlsPolicy | MaskingPolicy] = [*rls_policies(state), *masking_policies(state)]
    return [policy for policy in every if function in policy.functions]


def without_grantee(protection: Protection, oid: int) -> Protection:
    """Return *protection* without what is attached for a user or role."""
    return replace(
        protection,
        policies=tuple(item for item in protection.policies if item.grantee != oid),
        masks=tuple(item for item in protection.masks if item.grantee != oid),
    )


def forgotten(state: CatalogState, grantees: Iterable[int]) -> list[Relation]:
    """Return the relations that change where users or roles go, without what is attached for those."""
    changed = []
    gone = tuple(grantees)
    for relation in state.relations():
        if relation.protection is None:
            continue
        kept = relation.protection
        for oid in gone:
            kept = without_grantee(kept, oid)
        if kept != relation.protection:
            changed.append(replace(relation, protection=kept))
    return changed


def needed_columns(state: CatalogState, relation: Relation) -> frozenset[str]:
    """Return the columns of *relation* that policies name: neither their names nor their types may change."""
    found = {name for policy in readers(state, relation.oid) for oid, names in policy.lookups
             if oid == relation.oid for name in names}  # fmt: skip
    if relation.protection is not None:
        for item in relation.protection.policies:
            policy = state.objects.get(item.policy)
            if isinstance(policy, RlsPolicy):
                found |= {column.name for column in policy.columns}
        for mask in relation.protection.masks:
            found |= {path[0] for path in (*mask.outputs, *mask.inputs)}
    return frozenset(found)
