"""Queries: SELECT with all its clauses, set operations, WITH, and what may stand in FROM."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from sql.spark.scope import UNKNOWN, Columns, Scope, Used
from sql.spark.sets import has_sets, plain
from sql.spark.values import BOOLEAN, Kind, UnfitError, Value, cast, common, kind_of

_CLAUSES: Final = frozenset(
    {
        "with_", "expressions", "from_", "joins", "where", "group", "having", "order", "limit", "offset", "distinct",
        "sample",
    }
)
_JOINS: Final = frozenset({("", ""), ("", "INNER"), ("LEFT", ""), ("RIGHT", ""), ("FULL", ""), ("", "CROSS"),
                           ("LEFT", "OUTER"), ("RIGHT", "OUTER"), ("FULL", "OUTER")})  # fmt: skip
_ROW: Final = "rs:row number"


@dataclass(frozen=True, slots=True)
class Query:
    """A query of Spark SQL."""

    sql: str
    columns: tuple[tuple[str, Kind], ...]
    """Folded names and types."""


def query(tree: exp.Expr, outside: Scope) -> Query:
    """Write a query within *outside*."""
    scope = outside.inside()
    head = _ctes(tree, scope)
    if isinstance(tree, exp.Subquery):
        _only(tree, {"this", "with_", "order", "limit", "offset"})
        inner = query(tree.this, scope)
        return Query(head + _tail(f"({inner.sql})", tree, scope, inner), inner.columns)
    if isinstance(tree, exp.SetOperation):
        found = _set_operation(tree, scope)
    elif isinstance(tree, exp.Select):
        found = _select(tree, scope)
    else:
        raise UnfitError(f"a query of {tree.key}")
    return Query(head + found.sql, found.columns)


def _only(tree: exp.Expr, allowed: Iterable[str]) -> None:
    other = [key for key, value in tree.args.items() if value and key not in allowed]
    if other:
        raise UnfitError(f"{other[0].rstrip('_')} in {tree.key}")


def _ctes(tree: exp.Expr, scope: Scope) -> str:
    found = tree.args.get("with_")
    if found is None:
        return ""
    if found.args.get("recursive"):
        raise UnfitError("recursive WITH")
    parts = []
    for cte in found.expressions:
        inner = query(cte.this, scope)
        scope.writer.fixed |= _has_constant(cte.this)
        given = [item.name for item in cte.args["alias"].args.get("columns") or ()]
        names = given + [name for name, _ in inner.columns][len(given):]
        columns = _columns(zip(names, (kind for _, kind in inner.columns), strict=True))
        called = [scope.writer.name(name) for name in columns]
        scope.ctes[cte.alias.lower()] = columns
        parts.append(f"{scope.writer.name(cte.alias)}({', '.join(called)}) AS ({inner.sql})")
    return f"WITH {', '.join(parts)} "


def _columns(pairs: Iterable[tuple[str, Kind]]) -> Columns:
    columns: Columns = {}
    for name, kind in pairs:
        if name.lower() in columns:
            raise UnfitError("two columns of one name")
        columns[name.lower()] = kind
    return columns


def _set_operation(tree: exp.SetOperation, scope: Scope) -> Query:
    _only(tree, {"this", "expression", "distinct", "order", "limit", "offset", "with_"})
    left, right = query(tree.this, scope), query(tree.expression, scope)
    if len(left.columns) != len(right.columns):
        raise UnfitError("a set operation over unlike columns")
    kinds = [common((one[1], two[1])) for one, two in zip(left.columns, right.columns, strict=True)]
    word = {exp.Union: "UNION", exp.Except: "EXCEPT", exp.Intersect: "INTERSECT"}[type(tree)]
    names = [name for name, _ in left.columns]
    sides = [_brought(side, names, kinds, scope) for side in (left, right)]
    sql = f"({sides[0]}) {word}{'' if tree.args.get('distinct') else ' ALL'} ({sides[1]})"
    made = Query(sql, tuple(zip(names, kinds, strict=True)))
    return Query(_tail(sql, tree, scope, made), made.columns)


def _brought(side: Query, names: list[str], kinds: list[Kind], scope: Scope) -> str:
    """Return the SQL of one side of a set operation with the columns that the whole has."""
    name = scope.writer.name
    if [kind for _, kind in side.columns] == kinds and [each for each, _ in side.columns] == names:
        return side.sql
    items = []
    for (own, kind), called, wanted in zip(side.columns, names, kinds, strict=True):
        value = Value(sql=f"{name('rs:side')}.{name(own)}", kind=kind)
        items.append(f"{cast(value, wanted).sql} AS {name(called)}")
    return f"SELECT {', '.join(items)} FROM ({side.sql}) AS {name('rs:side')}"


def _select(tree: exp.Select, scope: Scope) -> Query:
    _only(tree, _CLAUSES)
    sample = tree.args.get("sample")
    if sample is not None and (sample.args["method"].name, sample.args["percent"].name) != ("BERNOULLI", "100"):
        raise UnfitError("a sample")
    if has_sets(tree):
        return query(plain(tree), scope)
    source = _from(tree, scope)
    outputs = list(_outputs(tree, scope))
    columns = tuple((name, value.kind) for name, value in outputs)
    _columns(columns)
    name = scope.writer.name
    items = ", ".join(f"{value.sql} AS {name(each)}" for each, value in outputs)
    distinct = tree.args.get("distinct")
    rest = source
    for clause, word in (("where", "WHERE"), ("having", "HAVING")):
        if clause == "having":
            rest += _group(tree, scope)
        found = tree.args.get(clause)
        if found is not None:
            rest += f" {word} {cast(scope.value(found.this, scope), BOOLEAN).sql}"
    made = Query("", columns)
    if distinct is not None and distinct.args.get("on") is not None:
        keys = ", ".join(scope.value(key, scope).sql for key in distinct.args["on"].expressions)
        number = f"row_number() OVER (PARTITION BY {keys} ORDER BY {keys}) AS {name(_ROW)}"
        shown = ", ".join(f"{name('rs:one')}.{name(each)} AS {name(each)}" for each, _ in columns)
        sql = (f"SELECT {shown} FROM (SELECT {items}, {number}{rest}) AS {name('rs:one')}"
               f" WHERE {name('rs:one')}.{name(_ROW)} = 1")  # fmt: skip
        if tree.args.get("order") is not None and any(not _is_ordinal(each) for each in tree.args["order"].expressions):
            raise UnfitError("DISTINCT ON in another order")
    else:
        sql = f"SELECT {'DISTINCT ' if distinct is not None else ''}{items}{rest}"
    return Query(_tail(sql, tree, scope, made), columns)


def _is_ordinal(item: exp.Expr) -> bool:
    return isinstance(item.this, exp.Literal) and not item.this.is_string


def _outputs(tree: exp.Select, scope: Scope) -> Iterable[tuple[str, Value]]:
    for place, item in enumerate(tree.expressions):
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            yield from _star(item, scope)
        elif isinstance(item, exp.Alias):
            yield item.alias.lower(), scope.value(item.this, scope)
        else:
            yield (item.name.lower() if isinstance(item, exp.Column) else f"rs:{place}"), scope.value(item, scope)


def _star(item: exp.Expr, scope: Scope) -> Iterable[tuple[str, Value]]:
    star = item if isinstance(item, exp.Star) else item.this
    _only(star, {"replace"})
    instead = {each.alias.lower(): each.this for each in star.args.get("replace") or ()}
    for alias, columns in scope.relations.items():
        if isinstance(item, exp.Column) and item.table.lower() != alias:
            continue
        for name, kind in columns.items():
            yield name, scope.value(instead[name], scope) if name in instead else scope.taken(alias, name, kind)


def _group(tree: exp.Select, scope: Scope) -> str:
    found = tree.args.get("group")
    if found is None:
        return ""
    _only(found, {"expressions"})
    return f" GROUP BY {', '.join(scope.value(item, scope).sql for item in found.expressions)}"


def _tail(sql: str, tree: exp.Expr, scope: Scope, made: Query) -> str:
    order, limit, offset = (tree.args.get(key) for key in ("order", "limit", "offset"))
    if order is not None:
        sql += f" ORDER BY {', '.join(ordered(item, scope, made) for item in order.expressions)}"
    for word, clause in (("LIMIT", limit), ("OFFSET", offset)):
        if clause is not None:
            number = clause.expression
            if not isinstance(number, exp.Literal) or number.is_string:
                raise UnfitError(f"{word} of an expression")
            sql += f" {word} {number.name}"
    return sql


def ordered(item: exp.Expr, scope: Scope, made: Query | None = None) -> str:
    """Write one item of ORDER BY, saying where NULLs go: Spark puts them elsewhere."""
    if not isinstance(item, exp.Ordered):
        raise UnfitError("an order of another kind")
    if made is not None and _is_ordinal(item):
        place = int(item.this.name)
        sql = str(place)
        if not 1 <= place <= len(made.columns):
            raise UnfitError("an ordinal of no column")
    else:
        sql = _sorted_by(item.this, scope, made)
    nulls = "FIRST" if item.args.get("nulls_first") else "LAST"
    return f"{sql} {'DESC' if item.args.get('desc') else 'ASC'} NULLS {nulls}"


def _sorted_by(item: exp.Expr, scope: Scope, made: Query | None) -> str:
    bare = isinstance(item, exp.Column) and not item.table
    if made is not None and bare and item.name.lower() in dict(made.columns):
        return scope.writer.name(item.name)
    return scope.value(item, scope).sql


def _from(tree: exp.Select, scope: Scope) -> str:
    found = tree.args.get("from_")
    if found is None:
        return ""
    sql = f" FROM {_relation(found.this, scope)}"
    listed = (*(found.this.args.get("joins") or ()), *(tree.args.get("joins") or ()))
    for join, relation in [(join, _relation(join.this, scope)) for join in listed]:
        _only(join, {"this", "side", "kind", "on"})
        side, kind, on = join.side.upper(), join.kind.upper(), join.args.get("on")
        if (side, kind) not in _JOINS:
            raise UnfitError(f"{side} {kind} JOIN")
        if on is None and not side and kind in {"", "CROSS"}:
            sql += f" CROSS JOIN {relation}" if kind else f", {relation}"
        elif on is not None:
            scope.writer.outer |= bool(side)
            sql += f" {side or 'INNER'} JOIN {relation} ON {cast(scope.value(on, scope), BOOLEAN).sql}"
        else:
            raise UnfitError("a join without a condition")
    return sql


def _relation(item: exp.Expr, scope: Scope) -> str:
    if isinstance(item, exp.Table):
        return _table(item, scope)
    if isinstance(item, exp.Subquery):
        _only(item, {"this", "alias", "joins"})
        inner = query(item.this, _sibling(scope))
        scope.writer.fixed |= _has_constant(item.this)
        return _aliased(f"({inner.sql})", item, inner.columns, scope)
    raise UnfitError(f"{item.key} in FROM")


def _has_constant(tree: exp.Expr) -> bool:
    """Tell whether a column of a query is the same in all rows."""
    items = (item for select in tree.find_all(exp.Select) for item in select.expressions)
    return any(not item.is_star and item.find(exp.Column, exp.AggFunc, exp.Window) is None for item in items)


def _sibling(scope: Scope) -> Scope:
    """Return the scope of a subquery in FROM: it sees the CTEs, and not the relations beside it."""
    outside = scope.parent or scope
    ctes = dict(scope.ctes)
    return Scope(scope.writer, scope.query, scope.value, outside.parent, outside.relations, outside.bases, ctes)


def _aliased(sql: str, item: exp.Expr, columns: Iterable[tuple[str, Kind]], scope: Scope) -> str:
    alias = item.args.get("alias")
    own = _columns(columns)
    if alias is None or not alias.name:
        raise UnfitError("a relation without a name")
    given = [column.name for column in alias.args.get("columns") or ()]
    called = f"{sql} AS {scope.writer.name(alias.name)}"
    if given:
        own = _columns(zip(given + list(own)[len(given):], own.values(), strict=True))
        called += f"({', '.join(scope.writer.name(name) for name in own)})"
    _entered(alias.name, own, scope)
    return called


def _entered(alias: str, columns: Columns, scope: Scope) -> None:
    if alias.lower() in scope.relations:
        raise UnfitError("two relations of one name")
    scope.relations[alias.lower()] = columns


def _table(item: exp.Table, scope: Scope) -> str:
    _only(item, {"this", "db", "catalog", "alias", "joins"})
    if not isinstance(item.this, exp.Identifier):
        raise UnfitError("a function in FROM")
    parts = tuple(part.lower() for part in (item.catalog, item.db, item.name) if part)
    if len(parts) == 1 and parts[0] in scope.ctes:
        if item.args.get("alias") is None:
            item = item.copy()
            item.set("alias", exp.TableAlias(this=exp.to_identifier(parts[0], quoted=True)))
        return _aliased(scope.writer.name(parts[0]), item, scope.ctes[parts[0]].items(), scope)
    found = scope.writer.tables.get(parts)
    if found is None or not item.alias or item.args["alias"].args.get("columns"):
        raise UnfitError("a relation that is not a stored table")
    key, table = found
    used = scope.writer.used.setdefault(key, Used(f"t{len(scope.writer.used) + 1}"))
    columns: Columns = {}
    for name, text in table.columns.items():
        try:
            columns[name.lower()] = kind_of(text)
        except UnfitError:
            # It matters only where the query reads it.
            columns[name.lower()] = Kind(f"{UNKNOWN}{text}")
    _entered(item.alias, columns, scope)
    scope.bases[item.alias.lower()] = used
    return f"{used.view} AS {scope.writer.name(item.alias)}"
