"""The kinds of work that a statement asks for: the steps that SVL_QUERY_SUMMARY and its like list, without scans.

It is what the statement says, in the order in which a plan does it; how the engine goes about it is not asked.
Redshift, "Query plan".
"""

from typing import Final

from sqlglot import exp

from sql.functions import FUNCTIONS

_ORDER: Final = ("hashjoin", "nestloop", "aggregate", "window", "unique", "sort", "limit")
_CLAUSES: Final = (("group", "aggregate"), ("distinct", "unique"), ("order", "sort"), ("limit", "limit"))
_SETS: Final = (exp.Union, exp.Except, exp.Intersect)


def steps(tree: exp.Expr) -> tuple[str, ...]:
    """Return the names of the steps, as SYS_QUERY_DETAIL.step_name has them."""
    found: list[str] = []
    nodes = [tree]
    for node in nodes:
        role = _role(type(node))
        if role:
            _note(node, role, found)
        if role is not exp.Values:
            nodes += node.iter_expressions()
    # A statement joins as often as it says; of the rest it has one step each at least, and says no more here.
    joins = [name for name in found if name in _ORDER[:2]]
    return (*joins, *(name for name in _ORDER[2:] if name in found))


_ROLES: Final = (
    exp.Join, exp.Select, exp.SetOperation, exp.Window, exp.AggFunc, exp.Anonymous, exp.Values,
)  # fmt: skip
_KNOWN: Final[dict[object, type[exp.Expr] | None]] = {}


def _role(kind: type[exp.Expr]) -> type[exp.Expr] | None:
    """Return which of the kinds of nodes that say something of steps *kind* is, None for most."""
    if kind not in _KNOWN:
        _KNOWN[kind] = next((role for role in _ROLES if issubclass(kind, role)), None)
    return _KNOWN[kind]


def _note(node: exp.Expr, role: type[exp.Expr], found: list[str]) -> None:
    if isinstance(node, exp.Join):
        found.append("hashjoin" if _equal(node) else "nestloop")
    elif role in (exp.Select, exp.SetOperation):
        found += [name for clause, name in _CLAUSES if node.args.get(clause)]
        if isinstance(node, _SETS) and node.args.get("distinct"):
            found.append("unique")
    elif role is exp.Window:
        found.append("window")
    elif _aggregates(node, role) and not isinstance(node.parent, exp.Window):
        found.append("aggregate")


def _equal(join: exp.Join) -> bool:
    """Tell whether a join has a condition that rows can be hashed by; with commas, it may stand in WHERE."""
    if join.args.get("using") or join.args.get("method"):
        return True
    condition = join.args.get("on")
    if condition is None:
        above = join.find_ancestor(exp.Select)
        where = above.args.get("where") if above is not None else None
        condition = where if not join.args.get("kind") else None
    return condition is not None and condition.find(exp.EQ) is not None


def _aggregates(node: exp.Expr, role: type[exp.Expr]) -> bool:
    if role is exp.AggFunc:
        return True
    return role is exp.Anonymous and any(row.kind == "aggregate" for row in FUNCTIONS.get(node.name.lower(), ()))
