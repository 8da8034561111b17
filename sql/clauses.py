"""WHERE, GROUP BY, ORDER BY, LIMIT: clauses that may name select items by alias or number."""

from dataclasses import dataclass

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from sql import blanks, conversion, groups
from sql.keys import keyed, ordered, plain
from sql.relations import Output
from sql.scope import Scope
from sql.value import INT8, Value

_Keys = dict[str, tuple[str, str]]
"""Of what is not grouped by itself: by what instead, and how one value of a group is chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A select item: its output and its value before it was finished."""

    output: Output
    raw: Value
    node: exp.Expr | None = None
    """What it was written as; None for a column of ``*``."""


def modified(node: exp.Expr) -> bool:
    """Tell whether a query has clauses of its own besides what it consists of."""
    return any(node.args.get(name) for name in ("with_", "order", "limit", "offset"))


def conditional(node: exp.Expr, scope: Scope, clause: str = "WHERE") -> str:
    """Translate a condition; raise 42804 when it is not boolean."""
    value = scope.value(node)
    if value.open or value.name in conversion.TRUTHS:
        value = conversion.cast(value, types.of("bool"))
    if value.category != "B":
        raise SqlError(
            SqlState.DATATYPE_MISMATCH,
            f"argument of {clause} must be type boolean, not type {value.type.type.sql}",
            position=scope.writer.position(node),
        )
    return value.sql


def _with_subquery(select: exp.Expr | None) -> bool:
    places = [*select.expressions, select.args.get("having"), select.args.get("order")] if select is not None else []
    return any(place is not None and place.find(exp.Query, exp.Exists) for place in places)


def grouping(group: exp.Group, items: list[Item], scope: Scope) -> str:
    """Write what stands after GROUP BY."""
    if group.args.get("all"):
        return _everything(items, group, scope)
    if any(isinstance(item, exp.Tuple) and not item.expressions for item in group.expressions):
        raise SqlError(SqlState.SYNTAX_ERROR, 'syntax error at or near ")"', position=scope.writer.position(group))
    keys: _Keys = {}
    scope.own_keys = _with_subquery(group.parent)
    parts = [_group_item(item, items, scope, keys) for item in group.expressions]
    for name in ("rollup", "cube", "grouping_sets"):
        parts += [_group_item(item, items, scope, keys) for item in group.args.get(name) or []]
    several = any(group.find_all(exp.Rollup, exp.Cube, exp.GroupingSets))
    for sql, (key, shown) in keys.items():
        scope.grouped[sql] = f"CASE WHEN grouping({key}) = 0 THEN {shown} END" if several else shown
    return ", ".join(parts)


def _everything(items: list[Item], group: exp.Group, scope: Scope) -> str:
    """Write GROUP BY ALL: every item without an aggregate or window function."""
    keys: _Keys = {}
    naming = groups.Naming.of(group.parent or group, scope)
    plain = [item for item in items if item.node is None or not any(groups.calls(item.node, naming))]
    parts = [_key(item.raw, keys, scope) for item in plain if not _constant(item.raw)]
    for sql, (_, shown) in keys.items():
        scope.grouped[sql] = shown
    return ", ".join(parts) or "()"


def _constant(value: Value) -> bool:
    return value.constant or value.literal is not None or value.null


def _group_item(node: exp.Expr, items: list[Item], scope: Scope, keys: _Keys) -> str:
    if isinstance(node, exp.Rollup | exp.Cube):
        listed = ", ".join(_group_item(item, items, scope, keys) for item in node.expressions)
        return f"{node.key.upper()} ({listed})"
    if isinstance(node, exp.GroupingSets):
        return f"GROUPING SETS ({', '.join(_group_set(item, items, scope, keys) for item in node.expressions)})"
    if isinstance(node, exp.Tuple):
        return _group_set(node, items, scope, keys)
    index = _ordinal(node, items, scope, "GROUP BY")
    if index is None:
        index = _aliased(node, items, scope)
    if index is None:
        return _key(scope.value(node), keys, scope)
    raw = items[index].raw
    return str(index + 1) if _constant(raw) else _key(raw, keys, scope)


def _key(value: Value, keys: _Keys, scope: Scope) -> str:
    """Return what *value* is grouped by, noting it in *keys* when that is not the value itself."""
    scope.keys.append(value.sql)
    if plain(value) or (scope.own_keys and value.textual and not value.folded):
        return value.sql
    key = keyed(value).sql
    one = "any_value" if value.folded else blanks.marked("any_value", value)
    keys[value.sql] = key, f"{one}({value.sql})"
    return key


def _group_set(node: exp.Expr, items: list[Item], scope: Scope, keys: _Keys) -> str:
    if isinstance(node, exp.Rollup | exp.Cube | exp.GroupingSets):
        return _group_item(node, items, scope, keys)
    inner = node.expressions if isinstance(node, exp.Tuple) else [node.this if isinstance(node, exp.Paren) else node]
    return f"({', '.join(_group_item(item, items, scope, keys) for item in inner)})"


def _aliased(node: exp.Expr, items: list[Item], scope: Scope) -> int | None:
    """Return the item that a bare name means in GROUP BY, where an input column comes first."""
    if not isinstance(node, exp.Column) or node.args.get("table"):
        return None
    name = scope.writer.identifier(node.this)
    if name in scope.merged or any(relation.find(name) for relation in scope.relations):
        return None
    return _output(name, items)


def _output(name: str, items: list[Item]) -> int | None:
    return next((index for index, item in enumerate(items) if item.output.name == name), None)


def _ordinal(node: exp.Expr, items: list[Item], scope: Scope, clause: str) -> int | None:
    negative = isinstance(node, exp.Neg)
    if negative:
        node = node.this
    if isinstance(node, exp.Literal | exp.Null) and (node.is_string or not node.name.isdigit()):
        raise SqlError(
            SqlState.SYNTAX_ERROR, f"non-integer constant in {clause}", position=scope.writer.position(node)
        )
    if not isinstance(node, exp.Literal):
        return None
    number = -int(node.name) if negative else int(node.name)
    if not 1 <= number <= len(items):
        raise SqlError(
            SqlState.INVALID_COLUMN_REFERENCE,
            f"{clause} position {number} is not in select list",
            position=scope.writer.position(node),
        )
    return number - 1


# ORDER BY, LIMIT, OFFSET


def tail(
    node: exp.Expr, items: list[Item], scope: Scope, *, distinct: bool = False, names_only: bool = False
) -> str:
    """Write ORDER BY, LIMIT and OFFSET; *names_only* where only result columns can be named."""
    parts = []
    if order := node.args.get("order"):
        parts.append(" ORDER BY " + ", ".join(
            _ordered(item, items, scope, distinct=distinct, names_only=names_only) for item in order.expressions
        ))
    if limit := node.args.get("limit"):
        parts.append(_count("LIMIT", limit, scope))
    if offset := node.args.get("offset"):
        parts.append(_count("OFFSET", offset, scope))
    return "".join(parts)


def _ordered(node: exp.Expr, items: list[Item], scope: Scope, *, distinct: bool, names_only: bool) -> str:
    inner = node.this
    index = _ordinal(inner, items, scope, "ORDER BY")
    if index is None and isinstance(inner, exp.Column) and not inner.args.get("table"):
        index = _output(scope.writer.identifier(inner.this), items)
    if index is None and names_only:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "ORDER BY on a UNION/INTERSECT/EXCEPT result must be on one of the result columns",
            position=scope.writer.position(inner),
        )
    if index is not None and _sorted_by_key(items[index], names_only=names_only):
        return _by_key(items[index], distinct=distinct) + direction(node)
    sql = str(index + 1) if index is not None else _matched(inner, items, scope, distinct=distinct)
    return sql + direction(node)


def _sorted_by_key(item: Item, *, names_only: bool = False) -> bool:
    return item.raw.name == "super" or (item.output.value.folded and not names_only)


def _by_key(item: Item, *, distinct: bool) -> str:
    return ordered(item.output.value.named(quote(item.output.engine_name)) if distinct else item.raw)


def direction(node: exp.Expr) -> str:
    """Return ``ASC``/``DESC`` and where NULLs go; the session's default is Redshift's: last, DESC first."""
    descending = bool(node.args.get("desc"))
    first = bool(node.args.get("nulls_first"))
    nulls = "" if first == descending else (" NULLS FIRST" if first else " NULLS LAST")
    return (" DESC" if descending else "") + nulls


def _matched(node: exp.Expr, items: list[Item], scope: Scope, *, distinct: bool) -> str:
    value = scope.value(node)
    for index, item in enumerate(items):
        if item.raw.sql == value.sql:
            return _by_key(item, distinct=distinct) if _sorted_by_key(item) else str(index + 1)
    if distinct:
        raise SqlError(
            SqlState.INVALID_COLUMN_REFERENCE,
            "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
            position=scope.writer.position(node),
        )
    value = conversion.settled(value)
    return ordered(value) if value.folded or value.name == "super" else value.sql


def _count(word: str, clause: exp.Expr, scope: Scope) -> str:
    if isinstance(clause, exp.Fetch):
        # FETCH FIRST n ROWS ONLY, which Redshift lacks and which means nothing else.
        return _fetched(clause, scope)
    node = clause.expression
    if isinstance(node, exp.Var | exp.Column) and node.name.upper() == "ALL":
        return ""
    if isinstance(node, exp.Null):
        return ""
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
        return f" {word} {node.name}"
    value = scope.value(node)
    if isinstance(node, exp.Neg) and value.constant and value.sql.strip("(-0)"):
        raise SqlError(
            SqlState.INVALID_ROW_COUNT, f"{word} must not be negative", position=scope.writer.position(node)
        )
    return f" {word} {conversion.coerce(value, INT8).sql}"


def _fetched(clause: exp.Fetch, scope: Scope) -> str:
    options = clause.args.get("limit_options")
    if options is not None and (options.args.get("with_ties") or options.args.get("percent")):
        raise not_supported("FETCH FIRST … WITH TIES", position=scope.writer.position(clause))
    count = clause.args.get("count") or exp.Literal.number(1)
    return _count("LIMIT", exp.Limit(expression=count.this if isinstance(count, exp.Paren) else count), scope)
