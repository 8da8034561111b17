"""SELECT and set operations: select list, stars, aliases, GROUP BY, ORDER BY, LIMIT, common types.

Leaves FROM and WITH to ``sql.sources`` and expressions to ``sql.rules``.
"""

from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import free_name, lower, quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion, groups, hierarchy, keys, laterals
from sql.apart import apart
from sql.clauses import Item, conditional, grouping, modified, tail
from sql.ctes import with_clause
from sql.finish import Finish, columns_finished, finished, outer
from sql.inference import common
from sql.naming import column_name
from sql.query import too_complex
from sql.relations import Output, Query
from sql.scope import Scope
from sql.setoperations import set_operation
from sql.sources import from_clause
from sql.substitution import instead
from sql.value import Value, made

_UNSUPPORTED: Final = {
    "into": "SELECT INTO", "windows": "WINDOW", "sort": "SORT BY", "cluster": "CLUSTER BY",
    "distribute": "DISTRIBUTE BY", "laterals": "LATERAL VIEW", "match": "MATCH_RECOGNIZE", "pivots": "PIVOT",
    "prewhere": "PREWHERE", "settings": "SETTINGS", "format": "FORMAT", "sample": "TABLESAMPLE", "kind": "SELECT AS",
}  # fmt: skip

_LONGEST: Final = 500_000
"""Characters of one select item: aliases are written out at each use, so that a chain of them may double each time."""


def query(
    node: exp.Expr, scope: Scope, *, finish: Finish = Finish.NONE, forced: tuple[ColumnType, ...] = ()
) -> Query:
    """Translate a query; *forced* are the types that its columns must have."""
    if isinstance(node, exp.Subquery | exp.Paren) and not modified(node):
        return query(node.this, scope, finish=finish, forced=forced)
    if isinstance(node, exp.Subquery):
        return _wrapped(node, scope, finish)
    if isinstance(node, exp.SetOperation):
        return set_operation(node, scope, finish, forced)
    if isinstance(node, exp.Select):
        return _select(node, scope, finish, forced)
    if isinstance(node, exp.Values):
        return _values(node, scope, finish)
    raise not_supported(f"{node.key.upper()} here", position=scope.writer.position(node))


def _wrapped(node: exp.Expr, scope: Scope, finish: Finish) -> Query:
    """Translate ``(query) ORDER BY … LIMIT …``."""
    prefix = with_clause(node, scope)
    inner = query(node.this, scope)
    items = [Item(output=output, raw=output.value.named(quote(output.engine_name))) for output in inner.outputs]
    ending = tail(node, items, scope, names_only=True)
    return columns_finished(Query(sql=f"{prefix}SELECT * FROM ({inner.sql}){ending}", outputs=inner.outputs), finish)


# SELECT


def _select(node: exp.Select, scope: Scope, finish: Finish, forced: tuple[ColumnType, ...]) -> Query:
    _refuse(node, scope)
    prefix = with_clause(node, scope)
    scope.conditions = [] if scope.writer.views else None
    source = from_clause(node, scope)
    written = instead(
        node, scope, lambda over, read, where: _written(node, over, (read, where), finish=finish, forced=forced)
    )
    if written is None:
        if connect := node.args.get("connect"):
            source = hierarchy.connected(connect, source, scope)
        written = _named_alike(node, scope, source, finish=finish, forced=forced)
    return Query(sql=prefix + written.sql, outputs=written.outputs)


def _named_alike(
    node: exp.Select, scope: Scope, source: str, *, finish: Finish, forced: tuple[ColumnType, ...]
) -> Query:
    """Write a query whose items may name each other."""
    kept = dict(scope.aliases)
    scope.lateral = laterals.references(node, scope)
    if not scope.lateral:
        return _written(node, scope, (source, None), finish=finish, forced=forced)
    try:
        return _written(node, scope, (source, None), finish=finish, forced=forced)
    except laterals.TooLong:
        scope.lateral, scope.aliases = {}, dict(kept)
    layers = laterals.layered(node, scope, source)
    if layers is None:
        scope.aliases = kept
        halves = _apart(node, scope, finish, forced)
        if halves is not None:
            return halves
        return _written(node, scope, (source, None), finish=finish, forced=forced)
    made = _written(node, layers.scope, (layers.source, layers.conditions), finish=finish, forced=forced)
    return Query(sql=layers.filled(made.sql), outputs=made.outputs)


def _apart(node: exp.Select, scope: Scope, finish: Finish, forced: tuple[ColumnType, ...]) -> Query | None:
    """Write a query that groups in two: what it groups, and what it makes of that; None where it is not to be."""
    if node.args.get("group") is None and not groups.aggregated(node, scope):
        return None
    try:
        upper = apart(node, scope)
        inside = Scope(writer=scope.writer, parent=scope.parent, owner=scope.owner, ctes=dict(scope.ctes))
        return None if upper is None else query(upper, inside, finish=finish, forced=forced)
    except SqlError:
        # As it stands it may be right, and if not it tells better what is wrong.
        return None


def _written(
    node: exp.Select, scope: Scope, read: tuple[str, list[exp.Expr] | None], *,
    finish: Finish, forced: tuple[ColumnType, ...],
) -> Query:  # fmt: skip
    """Write a query of what it *read*s: FROM, and the conditions where they are other than its own."""
    source, conditions = read
    aliases = dict(scope.aliases)
    items = _items(node, scope, finish, forced)
    where = _where(node, scope) if conditions is None else _conditions(conditions, scope)
    group = _group(node, items, scope)
    if scope.grouped:
        # What is grouped by a key (sql.keys) is shown as one of the group's values.
        scope.aliases = aliases
        items = _items(node, scope, finish, forced)
    listed = ", ".join(f"{item.output.value.sql} AS {quote(item.output.engine_name)}" for item in items)
    outputs = tuple(item.output for item in items)
    distinct = bool(node.args.get("distinct"))
    keyed_apart = distinct and not all(keys.plain(output.value) for output in outputs)
    words = "SELECT DISTINCT" if distinct and not keyed_apart else "SELECT"
    filters = _filters(node, scope)
    if scope.carried and filters and " OVER (" not in listed + filters[-1]:
        # The window functions that QUALIFY looks at are columns of the query below.
        where, filters = filters[-1].replace("QUALIFY", "WHERE" if not where else f"{where} AND", 1), []
    parts = [f"{words} {listed}", source, where, group, *filters]
    sql = " ".join(part for part in parts if part)
    if keyed_apart:
        sql = _distinct(sql, outputs)
    ending = tail(node, items, scope, distinct=distinct)
    if scope.lent and not scope.checked and (group or groups.aggregated(node, scope)):
        groups.check_inside(node, scope)
    return Query(sql=sql + ending, outputs=outputs)


def _where(node: exp.Select, scope: Scope) -> str:
    where = node.args.get("where")
    if where is None:
        return ""
    groups.refuse(where.this, "WHERE clause", groups.Naming.of(node, scope))
    return f"WHERE {conditional(where.this, scope)}"


def _conditions(nodes: list[exp.Expr], scope: Scope) -> str:
    return f"WHERE {' AND '.join(conditional(node, scope) for node in nodes)}" if nodes else ""


def _group(node: exp.Select, items: list[Item], scope: Scope) -> str:
    group = node.args.get("group")
    if group is None:
        if not scope.checked and groups.aggregated(node, scope):
            groups.check(node, scope, [])
        return ""
    sql = f"GROUP BY {grouping(group, items, scope)}"
    groups.refuse(group, "GROUP BY clause", groups.Naming.of(node, scope))
    if not scope.checked:
        groups.check(node, scope, scope.keys)
    return sql


def _distinct(sql: str, outputs: tuple[Output, ...]) -> str:
    """Return the rows of a query that differ in their columns' keys."""
    columns = ", ".join(keys.keyed(outer(output)).sql for output in outputs)
    return f"SELECT DISTINCT ON ({columns}) * FROM ({sql}) AS q"


def _refuse(node: exp.Select, scope: Scope) -> None:
    for name, shown in _UNSUPPORTED.items():
        if node.args.get(name):
            raise not_supported(shown, position=scope.writer.position(node))
    distinct = node.args.get("distinct")
    if distinct is not None and distinct.args.get("on"):
        raise not_supported("SELECT DISTINCT ON", position=scope.writer.position(node))
    if not node.expressions:
        raise SqlError(SqlState.SYNTAX_ERROR, 'syntax error at or near "from"', position=scope.writer.position(node))


def _items(node: exp.Select, scope: Scope, finish: Finish, forced: tuple[ColumnType, ...]) -> list[Item]:
    excluded = {scope.writer.identifier(_leaf(item)) for item in node.args.get("exclude") or []}
    named: list[tuple[str, Value]] = []
    written: list[exp.Expr | None] = []
    for projection in node.expressions:
        if projection.is_star and isinstance(projection, exp.Star | exp.Column | exp.Dot):
            named += [pair for pair in _star(projection, scope) if pair[0] not in excluded]
            written += [None] * (len(named) - len(written))
        else:
            named.append(_named(projection, scope))
            written.append(projection)
    _check_excluded(node, scope)
    used: set[str] = set()
    items = []
    for index, (name, value) in enumerate(named):
        target = forced[index] if index < len(forced) else None
        made_value = finished(conversion.cast(value, target) if target else value, finish)
        output = Output(name=name, engine_name=_unique(name, used), value=made_value)
        items.append(Item(output=output, raw=value, node=written[index]))
    return items


def _check_excluded(node: exp.Select, scope: Scope) -> None:
    """Raise 42703 for a name after EXCLUDE that no column has."""
    stars = [item.this if isinstance(item, exp.Column) else item for item in node.expressions]
    listed = [name for star in stars if isinstance(star, exp.Star) for name in star.args.get("except_") or []]
    for item in [*listed, *(node.args.get("exclude") or [])]:
        name = scope.writer.identifier(_leaf(item))
        if not any(field.name == name for relation in scope.relations for field in relation.fields):
            raise scope.unknown_column(scope.writer.identifier(_leaf(item)), item)


def _leaf(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Column) else node


def _unique(name: str, used: set[str]) -> str:
    engine = free_name(name, used)
    used.add(lower(engine))
    return engine


def _named(projection: exp.Expr, scope: Scope) -> tuple[str, Value]:
    if isinstance(projection, exp.Alias):
        name = scope.writer.identifier(projection.args["alias"])
        value = scope.carried.get(id(projection)) or scope.value(projection.this)
        again = name in scope.lateral and name not in scope.aliases
        if again and laterals.kept_apart(projection, value, scope):
            raise laterals.TooLong(SqlState.STATEMENT_TOO_COMPLEX, "a long alias is named again")
        if len(value.sql) > _LONGEST:
            raise too_complex()
        scope.aliases.setdefault(name, value)
        return name, value
    return column_name(projection, scope), scope.value(projection)


def _star(node: exp.Expr, scope: Scope) -> list[tuple[str, Value]]:
    star = node.this if isinstance(node, exp.Column) else node
    if star.args.get("replace") or star.args.get("rename"):
        word = "REPLACE" if star.args.get("replace") else "RENAME"
        raise not_supported(f"* {word}", position=scope.writer.position(node))
    left_out = {scope.writer.identifier(_leaf(item)) for item in star.args.get("except_") or []}
    found = _star_of(node, scope) if isinstance(node, exp.Column) else _all(scope, node)
    if any(value.nested is not None for name, value in found if name not in left_out):
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "Nested tables do not support '*' in the SELECT clause.",
            position=scope.writer.position(node),
        )
    return [pair for pair in found if pair[0] not in left_out]


def _star_of(node: exp.Column, scope: Scope) -> list[tuple[str, Value]]:
    name = scope.writer.identifier(node.args["table"])
    schema = scope.writer.identifier(node.args["db"]) if node.args.get("db") else ""
    relation = scope.relation(name, schema)
    if relation is None:
        raise SqlError(
            SqlState.UNDEFINED_TABLE, f'missing FROM-clause entry for table "{name}"',
            position=scope.writer.position(node),
        )
    return [(item.name, scope.listed(item)) for item in relation.fields]


def _all(scope: Scope, node: exp.Expr) -> list[tuple[str, Value]]:
    if not scope.relations:
        raise SqlError(
            SqlState.SYNTAX_ERROR,
            "SELECT * with no tables specified is not valid",
            position=scope.writer.position(node),
        )
    merged = list(scope.merged.items())
    return merged + [
        (item.name, scope.listed(item))
        for relation in scope.relations
        for item in relation.fields
        if item.name not in relation.hidden
    ]


# HAVING, QUALIFY


def _filters(node: exp.Select, scope: Scope) -> list[str]:
    parts = []
    if having := node.args.get("having"):
        groups.refuse_windows(having.this, "HAVING clause", groups.Naming.of(node, scope))
        parts.append(f"HAVING {conditional(having.this, scope, 'HAVING')}")
    if qualify := node.args.get("qualify"):
        if not groups.windowed(node, scope):
            raise SqlError(
                SqlState.WINDOWING_ERROR,
                "QUALIFY needs a window function in the select list or in its condition",
                position=scope.writer.position(qualify),
            )
        parts.append(f"QUALIFY {conditional(qualify.this, scope, 'QUALIFY')}")
    return parts


# VALUES


def _values(node: exp.Values, scope: Scope, finish: Finish) -> Query:
    rows = [[conversion.settled(scope.value(item)) for item in row.expressions] for row in node.expressions]
    types = [common(column, "VALUES") for column in zip(*rows, strict=True)]
    listed = ", ".join(
        "(" + ", ".join(conversion.exact(conversion.cast(value, type_)).sql
                        for value, type_ in zip(row, types, strict=True)) + ")"
        for row in rows
    )
    outputs = tuple(
        Output(name=f"column{index}", engine_name=f"column{index}",
               value=made(f'"column{index}"', type_, exact=True))
        for index, type_ in enumerate(types, start=1)
    )
    names = ", ".join(quote(output.engine_name) for output in outputs)
    return columns_finished(Query(sql=f"SELECT * FROM (VALUES {listed}) AS v({names})", outputs=outputs), finish)
