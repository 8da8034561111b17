"""A query that groups, taken apart: its groups and aggregates in a query below, what is made of them above.

For select items that name each other in long chains (``sql.laterals``), which the query above can have in layers.
"""

from typing import Final

from sqlglot import exp

from sql import groups
from sql.naming import column_name
from sql.scope import Scope

_ABOVE: Final = ("expressions", "having", "qualify", "order")
_BELOW: Final = ("from_", "joins", "where")


def apart(node: exp.Select, scope: Scope) -> exp.Select | None:
    """Return a query that groups as one that does not over one that only does, None where that cannot be.

    What a name means there that the one below does not give is found out when it is translated.
    """
    group = node.args.get("group")
    if any(value for name, value in group.args.items() if name != "expressions") if group is not None else False:
        return None
    keys = _keys(node, scope)
    upper = node.copy()
    parts: dict[str, exp.Expr] = {}
    for name in _ABOVE:
        places = upper.args.get(name) or []
        for place in places if isinstance(places, list) else [places]:
            _lift(place, keys, parts, scope)
    if not parts or any(isinstance(item, exp.Star) for item in node.expressions):
        return None
    _put_below(upper, keys, parts)
    for old, new in zip(node.expressions, list(upper.expressions), strict=True):
        if not isinstance(new, exp.Alias):
            new.replace(exp.alias_(new.copy(), column_name(old, scope), quoted=True))
    return upper


def _put_below(upper: exp.Select, keys: list[exp.Expr], parts: dict[str, exp.Expr]) -> None:
    """Move what *upper* reads and groups into a query that it reads."""
    inner = exp.Select(expressions=[exp.alias_(part, name, quoted=True) for name, part in parts.items()])
    if keys:
        inner.set("group", exp.Group(expressions=[key.copy() for key in keys]))
    for name in _BELOW:
        inner.set(name, upper.args.get(name))
    having = upper.args.get("having")
    for name in ("with_", "group", "having", "joins"):
        upper.set(name, None)
    upper.set("where", exp.Where(this=having.this) if having is not None else None)
    alias = exp.TableAlias(this=exp.to_identifier("rs_groups", quoted=True))
    upper.set("from_", exp.From(this=exp.Subquery(this=inner, alias=alias)))


def _keys(node: exp.Select, scope: Scope) -> list[exp.Expr]:
    """Return what is grouped by: numbers and aliases stand for items."""
    naming, found = groups.Naming.of(node, scope), []
    group = node.args.get("group")
    for key in group.expressions if group is not None else []:
        if isinstance(key, exp.Literal) and not key.is_string:
            item = node.expressions[int(key.name) - 1]
            found.append(item.this if isinstance(item, exp.Alias) else item)
        else:
            found.append(naming.item(key) or key)
    return found


def _lift(place: exp.Expr, keys: list[exp.Expr], parts: dict[str, exp.Expr], scope: Scope) -> None:
    """Put columns of the query below in the place of aggregates and of what is grouped by."""
    for item in list(place.walk(prune=lambda node: isinstance(node, exp.Query) or _is_part(node, keys, scope))):
        if _is_part(item, keys, scope):
            name = next((name for name, part in parts.items() if part == item), f"rs:{len(parts)}")
            parts.setdefault(name, item.copy())
            item.replace(exp.Column(this=exp.to_identifier(name, quoted=True)))


def _is_part(node: exp.Expr, keys: list[exp.Expr], scope: Scope) -> bool:
    top = node
    while isinstance(top.parent, groups.WRAPPERS) and top.parent.this is top:
        top = top.parent
    kind, _ = groups.called(node, scope)
    return (kind == groups.AGGREGATE and top is node) or node in keys
