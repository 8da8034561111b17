"""Where aggregates and window functions may stand, and what a grouped query may name.

The engine would refuse the same, but without saying which column it means.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql.scope import Scope

_LEAVES: Final = frozenset({exp.Identifier, exp.Literal})
"""What most nodes are, and what nothing is in."""
WRAPPERS: Final = (exp.Window, exp.WithinGroup, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)
AGGREGATE, _WINDOW, _SET, _GROUPING = "aggregate", "window", "set", "grouping"


@dataclass(frozen=True, slots=True)
class Naming:
    """What bare names in a query's clauses mean: columns of FROM first, then its select items."""

    scope: Scope
    items: dict[str, exp.Expr]
    select: exp.Expr | None = None

    @classmethod
    def of(cls, select: exp.Expr, scope: Scope) -> "Naming":
        """Return the naming of a query whose FROM is in *scope*."""
        items: dict[str, exp.Expr] = {}
        for item in select.expressions:
            if isinstance(item, exp.Alias):
                items.setdefault(scope.writer.identifier(item.args["alias"]), item.this)
        return cls(scope, items, select)

    def item(self, node: exp.Expr) -> exp.Expr | None:
        """Return the select item that a node names, None where it names none."""
        if not self.items or not isinstance(node, exp.Column):
            return None
        if node.args.get("table") or isinstance(node.this, exp.Star):
            return None
        name = self.scope.writer.identifier(node.this)
        found = self.items.get(name)
        if found is None or name in self.scope.merged or any(relation.find(name) for relation in self.scope.relations):
            return None
        return found

    def column(self, node: exp.Expr) -> tuple[str, str] | None:
        """Return the engine SQL and the full name of a column of this query's FROM; None for any other node."""
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            return None
        name = self.scope.writer.identifier(node.this)
        if not node.args.get("table"):
            if name in self.scope.merged:
                return self.scope.merged[name].sql, name
            found = [(relation, field) for relation in self.scope.relations for field in relation.find(name)]
        else:
            table = self.scope.writer.identifier(node.args["table"])
            found = [(relation, field) for relation in self.scope.relations if relation.name == table
                     for field in relation.find(name)]  # fmt: skip
        return (found[0][1].value.sql, f"{found[0][0].name}.{name}") if found else None


def called(node: exp.Expr, scope: Scope) -> tuple[str, exp.Expr | None]:
    """Return what a node is, an aggregate or window call or neither, and the call itself."""
    inner, kind = node, ""
    while isinstance(inner, WRAPPERS):
        kind = _WINDOW if isinstance(inner, exp.Window) else kind
        inner = inner.this
    if not isinstance(inner, exp.Anonymous):
        return "", None
    name, kinds = inner.name.lower(), scope.writer.kinds
    found = kinds.get(f"{name}/{len(inner.expressions)}") or kinds.get(name, "")
    return kind or (found if found in {AGGREGATE, _SET, _GROUPING} else ""), inner


def calls(node: exp.Expr, naming: Naming) -> Iterator[tuple[str, exp.Expr]]:
    """Yield the aggregate and window calls of a query's own clause, through the select items that it names.

    An item that is named several times is looked at once: in a chain of aliases each may name the one before twice.
    """
    stack, seen = [node], set[int]()
    while stack:
        item = stack.pop()
        if type(item) in _LEAVES or isinstance(item, exp.Query):
            continue
        kind, call = called(item, naming.scope)
        if kind and call is not None:
            yield kind, item
        if call is not None and kind == _WINDOW:
            stack += [*call.expressions, *(child for child in item.iter_expressions() if child is not item.this)]
            continue
        named = naming.item(item)
        if named is None:
            stack += item.iter_expressions()
        elif id(named) not in seen:
            seen.add(id(named))
            stack.append(named)


def refuse(node: exp.Expr, clause: str, naming: Naming) -> None:
    """Raise for an aggregate or window function in *clause*, which cannot hold one."""
    for kind, call in calls(node, naming):
        position = naming.scope.writer.position(call)
        if kind == _WINDOW:
            raise SqlError(SqlState.WINDOWING_ERROR, f"window functions not allowed in {clause}", position=position)
        if kind == _SET:
            continue
        raise SqlError(SqlState.GROUPING_ERROR, f"aggregates not allowed in {clause}", position=position)


def refuse_windows(node: exp.Expr, clause: str, naming: Naming) -> None:
    """Raise for a window function in *clause*, which may hold aggregates."""
    for kind, call in calls(node, naming):
        if kind == _WINDOW:
            raise SqlError(SqlState.WINDOWING_ERROR, f"window functions not allowed in {clause}",
                           position=naming.scope.writer.position(call))


def aggregated(select: exp.Expr, scope: Scope) -> bool:
    """Tell whether a query without GROUP BY gives one row for all of its rows."""
    if select.args.get("having") is not None:
        return True
    order = select.args.get("order")
    parts = [*select.expressions, *([order] if order is not None else [])]
    return any(kind in {AGGREGATE, _GROUPING} for item in parts for kind, _ in calls(item, Naming(scope, {})))


def several(select: exp.Expr, scope: Scope) -> bool:
    """Tell whether a select list gives several rows of one."""
    return any(kind == _SET for item in select.expressions for kind, _ in calls(item, Naming(scope, {})))


def windowed(select: exp.Expr, scope: Scope) -> bool:
    """Tell whether a query has a window function that QUALIFY may look at."""
    parts = [*select.expressions, select.args["qualify"].this]
    return any(kind == _WINDOW for item in parts for kind, _ in calls(item, Naming.of(select, scope)))


def check(select: exp.Expr, scope: Scope, keys: list[str]) -> None:
    """Raise 42803 for a column of a grouped query that is neither in *keys* nor inside an aggregate."""
    naming = Naming.of(select, scope)
    parts = [*select.expressions, *(select.args[name].this for name in ("having", "qualify") if select.args.get(name))]
    plain = all(key.replace('"', "").replace(".", "").replace("_", "").isalnum() for key in keys)
    for part in (*parts, *_ordered(select, scope)):
        if part.is_star and isinstance(part, exp.Star | exp.Column):
            _star(part, naming, keys)
        else:
            _ungrouped(part, naming, keys, plain=plain)


def _ordered(select: exp.Expr, scope: Scope) -> list[exp.Expr]:
    """Return what ORDER BY orders by besides the query's own columns."""
    order = select.args.get("order")
    names = {scope.writer.identifier(item.args["alias"] if isinstance(item, exp.Alias) else item.this)
             for item in select.expressions
             if isinstance(item, exp.Alias) or (isinstance(item, exp.Column) and not item.is_star)}  # fmt: skip
    found = [item.this for item in order.expressions] if order is not None else []
    return [item for item in found if not _bare(item) or scope.writer.identifier(item.this) not in names]


def _bare(node: exp.Expr) -> bool:
    return isinstance(node, exp.Column) and not node.args.get("table") and not node.is_star


def _star(node: exp.Expr, naming: Naming, keys: list[str]) -> None:
    table = naming.scope.writer.identifier(node.args["table"]) if isinstance(node, exp.Column) else ""
    for relation in naming.scope.relations:
        for field in relation.fields if table in ("", relation.name) else ():
            if field.value.sql not in keys and field.name not in relation.hidden:
                raise _missing(f"{relation.name}.{field.name}", node, naming)


def _missing(name: str, node: exp.Expr, naming: Naming) -> SqlError:
    return SqlError(
        SqlState.GROUPING_ERROR,
        f'column "{name}" must appear in the GROUP BY clause or be used in an aggregate function',
        position=naming.scope.writer.position(node),
    )


def _ungrouped(node: exp.Expr, naming: Naming, keys: list[str], *, plain: bool) -> None:
    if isinstance(node, exp.Query | exp.Identifier | exp.DataType | exp.Literal | exp.Star):
        return
    kind, call = called(node, naming.scope)
    if kind == AGGREGATE and call is not None:
        _nested(call, naming)
        return
    if kind == _GROUPING and call is not None:
        _keys_only(call, naming, keys)
        return
    found = naming.column(node)
    if found is not None:
        if found[0] not in keys:
            raise _missing(found[1], node, naming)
        return
    if not plain and _key(node, naming, keys):
        return
    item = naming.item(node)
    for child in [item] if item is not None else _inside(node, call):
        _ungrouped(child, naming, keys, plain=plain)


def check_inside(select: exp.Expr, scope: Scope) -> None:
    """Raise 42803 for a column of a grouped query that a query inside one of its clauses names, and that is no key."""
    naming = Naming.of(select, scope)
    for column in scope.lent.values():
        found = naming.column(column)
        above = _path(column, select)
        if found is None or found[0] in scope.keys or not above or above[-1].arg_key not in _GROUPED:
            continue
        if any(_aggregates(node, naming) for node in above):
            continue
        if any(_key(node, naming, scope.keys) for node in above if not isinstance(node, exp.Query)):
            raise not_supported("an expression of GROUP BY in a subquery", position=scope.writer.position(column))
        raise _missing(found[1], column, naming)


_GROUPED: Final = frozenset({"expressions", "having", "qualify", "order"})
"""Clauses that are over groups."""


def _path(node: exp.Expr, top: exp.Expr) -> list[exp.Expr]:
    """Return what stands around *node* below *top*, nothing where it is elsewhere."""
    found = []
    parent = node.parent
    while parent is not None and parent is not top:
        found.append(parent)
        parent = parent.parent
    return found if parent is top else []


def _aggregates(node: exp.Expr, naming: Naming) -> bool:
    """Tell whether *node* is an aggregate of the query that *naming* is of."""
    kind, call = called(node, naming.scope)
    if kind != AGGREGATE or call is None:
        return False
    inside = node.find_ancestor(exp.Query) is not naming.select
    return not inside or all(id(column) in naming.scope.lent for column in call.find_all(exp.Column))


def _keys_only(call: exp.Expr, naming: Naming, keys: list[str]) -> None:
    for argument in call.expressions:
        found, item = naming.column(argument), naming.item(argument)
        if (found is None or found[0] not in keys) and not _key(item or argument, naming, keys):
            raise SqlError(
                SqlState.GROUPING_ERROR,
                f"arguments to {call.name.upper()} must be grouping expressions of the associated query level",
                position=naming.scope.writer.position(argument),
            )


def _inside(node: exp.Expr, call: exp.Expr | None) -> list[exp.Expr]:
    if call is None or call is node:
        return list(node.iter_expressions())
    return [*call.expressions, *(child for child in node.iter_expressions() if child is not node.this)]


def _key(node: exp.Expr, naming: Naming, keys: list[str]) -> bool:
    """Tell whether an expression is one that is grouped by."""
    if isinstance(node, exp.Window | exp.Ordered | exp.Alias) or type(node) not in naming.scope.writer.rules:
        return False
    grouped, naming.scope.grouped = naming.scope.grouped, {}
    try:
        return naming.scope.value(node).sql in keys
    except SqlError:
        return False
    finally:
        naming.scope.grouped = grouped


def _nested(call: exp.Expr, naming: Naming) -> None:
    for argument in call.expressions:
        for kind, inner in calls(argument, naming):
            if kind == _SET:
                continue
            words = ("aggregate function calls may not be nested" if kind == AGGREGATE
                     else "aggregate function calls may not contain window function calls")  # fmt: skip
            raise SqlError(SqlState.GROUPING_ERROR, words, position=naming.scope.writer.position(inner))
