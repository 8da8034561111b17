"""Queries as values: scalar subqueries and EXISTS."""

from typing import Final

from sqlglot import exp

from core.errors import SqlError
from core.sqlstate import SqlState
from sql import groups
from sql.clauses import modified
from sql.query import too_complex
from sql.relations import Query
from sql.rules.spec import Rule
from sql.scope import Scope
from sql.value import BOOL, Value, made

_DEEPEST: Final = 16
"""Queries one inside the other: for each the engine takes twice the time to plan, where nothing can stop it."""


def inside(node: exp.Expr, scope: Scope, *, width: int = 0) -> Query:
    """Translate a query that stands in an expression."""
    around, depth = scope.parent, 1
    while around is not None:
        around, depth = around.parent, depth + 1
    if depth > _DEEPEST:
        raise too_complex()
    query = scope.writer.query(node, scope.child())
    if width and len(query.outputs) != width:
        raise SqlError(SqlState.SYNTAX_ERROR, "subquery must return only one column",
                       position=scope.writer.position(node))
    return query


def scalar(node: exp.Expr, scope: Scope) -> Value:
    """Write a subquery that gives one value."""
    query = inside(node, scope, width=1)
    value = query.outputs[0].value
    if not _single(node, scope):
        return made(f"(SELECT rs_one(q.x) FROM ({query.sql}) AS q(x))", value.type, exact=value.exact)
    return made(f"({query.sql})", value.type, exact=value.exact)


def _single(node: exp.Expr, scope: Scope) -> bool:
    """Tell whether a query is known to give at most one row."""
    while isinstance(node, exp.Subquery) and not modified(node):
        node = node.this
    limit = node.args.get("limit")
    if limit is not None and isinstance(limit.expression, exp.Literal) and limit.expression.name in {"0", "1"}:
        return True
    if not isinstance(node, exp.Select) or node.args.get("group") is not None:
        return False
    alone = node.args.get("from_") is None and not groups.several(node, scope)
    return alone or groups.aggregated(node, scope)


def exists(node: exp.Expr, scope: Scope) -> Value:
    """Write EXISTS."""
    return made(f"EXISTS ({inside(node.this, scope).sql})", BOOL, exact=True)


RULES: Final = (
    Rule(node=exp.Subquery, write=scalar, doc="r_Subquery_examples"),
    Rule(node=exp.Exists, write=exists, doc="r_exists_condition"),
)
