"""The texts of row-level security and masking policies, looked at before there is anything to guard.

Redshift, "CREATE RLS POLICY", "CREATE MASKING POLICY". What they do to a statement is in ``sql.guards``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import groups, guards
from sql.definitions import qualified_text
from sql.facts import Facts, Mask, Source, SourceKind
from sql.query import parse_query
from sql.relations import Notes
from sql.scope import Scope, Writer
from sql.statement import Fragment
from sql.translate import new_writer
from sql.value import Value, made

_PREFIX: Final = "select "
SETTLED: Final = (
    "cast_super_null_on_error", "datestyle", "default_array_search_null_handling", "downcase_delimited_identifier",
    "enable_case_sensitive_identifier", "enable_case_sensitive_super_attribute", "enable_numeric_rounding",
    "interval_forbid_composite_literals", "navigate_super_null_on_error", "parse_super_null_on_error",
)  # fmt: skip
"""Parameters of the session that decide what a text means: a policy keeps those of who wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A policy's text that makes sense."""

    text: str
    """With its tables and functions qualified."""
    lookups: tuple[tuple[Source, tuple[str, ...]], ...] = ()
    """The tables that it reads, with the columns that it names."""
    functions: tuple[int, ...] = ()


def checked_condition(
    text: Fragment, columns: Sequence[tuple[str, ColumnType]], alias: str, facts: Facts
) -> Checked:
    """Return what USING of a row-level security policy comes to; raises what is wrong with it."""
    writer, tree = _begun(text, facts)
    inside = guards.over(alias, _columns(columns, alias), Scope(writer=writer))
    guards.condition(_expression(tree), inside)
    return _found(text, tree, writer)


def checked_expression(text: Fragment, columns: Sequence[tuple[str, ColumnType]], facts: Facts) -> Checked:
    """Return what one expression of a masking policy comes to; raises what is wrong with it."""
    writer, tree = _begun(text, facts)
    node = _expression(tree)
    if node.find(exp.Query) is not None:
        raise not_supported("a subquery in a masking policy", position=writer.position(node))
    inside = guards.over("", _columns(columns, ""), Scope(writer=writer))
    groups.refuse(node, "masking policies", groups.Naming(inside, {}))
    inside.value(node)
    return _found(text, tree, writer)


def check_mask(mask: Mask, columns: Sequence[tuple[str, ColumnType]], goal: ColumnType | None, facts: Facts) -> None:
    """Raise where a mask over a relation of *columns* does not fit, or gives nothing that could be a *goal*."""
    writer = new_writer(facts)
    guards.mask_value(mask, _columns(columns, ""), goal, Scope(writer=writer))


def _begun(text: Fragment, facts: Facts) -> tuple[Writer, exp.Expr]:
    offset = text.offset - len(_PREFIX)
    writer = new_writer(facts, offset)
    writer.guarding, writer.notes = False, Notes()
    return writer, parse_query(_PREFIX + text.text, offset)


def _expression(tree: exp.Expr) -> exp.Expr:
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or tree.args.get("from_"):
        raise SqlError(SqlState.SYNTAX_ERROR, "syntax error in expression")
    node: exp.Expr = tree.expressions[0]
    if isinstance(node, exp.Alias):
        raise SqlError(SqlState.SYNTAX_ERROR, "syntax error in expression")
    return node


def _columns(columns: Iterable[tuple[str, ColumnType]], alias: str) -> list[guards.Column]:
    found: dict[str, guards.Column] = {}
    for name, kind in columns:
        if name in found:
            raise SqlError(SqlState.DUPLICATE_COLUMN, f'column "{name}" specified more than once')
        found[name] = guards.Column(name, name, _declared(f"{quote(alias)}.{quote(name)}", kind))
    return list(found.values())


def _declared(sql: str, kind: ColumnType) -> Value:
    return made(sql, kind, exact=True)


def _found(text: Fragment, tree: exp.Expr, writer: Writer) -> Checked:
    if writer.system:
        raise not_supported("a system table in a policy")
    if writer.effects:
        raise not_supported("a function that changes the session or the cluster in a policy")
    for slot in writer.slots:
        raise SqlError(SqlState.UNDEFINED_PARAMETER, f"there is no parameter ${slot}")
    if any(source.kind is not SourceKind.TABLE for source in writer.sources.values()):
        raise not_supported("a view in a policy")
    lookups = {oid: tuple(sorted(names)) for (oid, _, _), names in writer.uses.items()}
    return Checked(
        text=qualified_text(_PREFIX + text.text, tree, writer).removeprefix(_PREFIX).strip(),
        lookups=tuple((writer.sources[oid], names) for oid, names in lookups.items()),
        functions=tuple(sorted(oid for oid, _ in writer.calls)),
    )
