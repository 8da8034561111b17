"""Queries that read a materialized view in place of tables that they name.

Redshift, "Automatic query rewriting to use materialized views". What a view holds is a ``Pattern``
(``sql.summaries``). A query fits where it joins all of the view's tables, has all of its conditions, and what
it says beside that can be said of the view's columns: the rest of its conditions, tables joined on, its items.
Over a view that groups, aggregates are made of the view's, whose groups are at least as fine.

Expressions are compared in the form of ``sql.canon``. What is left of that form in the end shows that the view
lacks something, and the query is written as it stands.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from sql import groups
from sql.canon import (
    MARK,
    ROWS,
    SWAPPED,
    Canon,
    Held,
    Pattern,
    canonical,
    canonical_value,
    classes,
    conjuncts,
    equated,
    placed,
    table_of,
)
from sql.functions.aggregates import average
from sql.inference import is_integer
from sql.keys import plain
from sql.relations import Field, Query
from sql.scope import Scope
from sql.value import Value

_ONCE: Final = frozenset({"min", "max"})
"""Aggregates that do not mind how often a value is there."""
_WRAPPERS: Final = (exp.WithinGroup, exp.Filter, exp.IgnoreNulls, exp.RespectNulls)
_COMPARING: Final[tuple[type[exp.Expr], ...]] = (
    exp.Select, exp.Alias, exp.Group, exp.Ordered, exp.Tuple, exp.Rollup, exp.Cube, exp.GroupingSets, exp.Window,
    exp.Between, exp.In, exp.Is, exp.Distinct, *SWAPPED,
)  # fmt: skip
"""Where a string may stand of whose group it is one: trailing blanks mean nothing there."""


_PLACES: Final = ("where", "group", "having", "qualify", "order")


# One query


Write = Callable[[Scope, str, list[exp.Expr]], Query]
"""Writes a query: what it names, its FROM, its conditions."""


def instead(node: exp.Select, scope: Scope, write: Write) -> Query | None:
    """Return a query that reads one of the writer's views, None where none fits; its FROM is in *scope*."""
    conditions = scope.conditions
    if conditions is None or node.args.get("distinct") or node.args.get("connect"):
        return None
    here = {source.oid for relation in scope.relations if (source := table_of(relation)) is not None}
    for pattern in scope.writer.views:
        if pattern.tables <= here and _fits(pattern, node, scope):
            made_query = _attempt(pattern, node, scope, conditions, write)
            if made_query is not None:
                return made_query
    return None


def _fits(pattern: Pattern, node: exp.Select, scope: Scope) -> bool:
    """Tell whether a view's rows are fine enough for a query."""
    if not pattern.grouped:
        return True
    group = node.args.get("group")
    return pattern.keyed if group is not None else groups.aggregated(node, scope)


def _attempt(
    pattern: Pattern, node: exp.Select, scope: Scope, conditions: list[exp.Expr], write: Write
) -> Query | None:
    writer = scope.writer
    canon = placed(scope, pattern.tables)
    if canon is None:
        return None
    where = node.args.get("where")
    nodes = [part for item in [*conditions, *([where.this] if where else [])] for part in conjuncts(item)]
    rest = _rest(pattern, nodes, canon)
    source = _source(pattern, scope, canon)
    if rest is None or source is None:
        return None
    try:
        query = write(_over(pattern, node, canon, source[0]), source[1], rest)
    except SqlError:
        # The same was translated before without an error: the view lacks what this would need.
        query = None
    if query is None or MARK in query.sql:
        return None
    writer.use(pattern.storage, "SELECT", scope.owner)
    writer.instead.add(pattern.oid)
    return query


def _rest(pattern: Pattern, nodes: list[exp.Expr], canon: Canon) -> list[exp.Expr] | None:
    """Return the conditions that the view does not see to, None where it has one that the query has not."""
    texts = [canonical(node, canon) for node in nodes]
    asked = classes(pair for node in nodes if (pair := equated(node, canon)) is not None)
    given = classes(pattern.equal)
    implied = {text for pair in pattern.equal if pair[1] in asked.get(pair[0], ()) for text in _equality(pair)}
    if pattern.conditions - set(texts) - implied:
        return None

    def known(node: exp.Expr, text: str | None) -> bool:
        pair = equated(node, canon)
        return text in pattern.conditions or (pair is not None and pair[1] in given.get(pair[0], ()))

    return [node for node, text in zip(nodes, texts, strict=True) if not known(node, text)]


def _equality(pair: tuple[str, str]) -> tuple[str, str]:
    return f"({pair[0]} = {pair[1]})", f"({pair[1]} = {pair[0]})"


def _source(pattern: Pattern, scope: Scope, canon: Canon) -> tuple[str, str] | None:
    """Return the view's alias and FROM with the view and the relations that are joined to it."""
    alias = scope.writer.fresh("mv")
    names = [old.alias for old, new in zip(scope.relations, canon.relations, strict=True) if old is not new]
    entries = [f"{pattern.storage.engine_name} AS {alias}"]
    for old, new in zip(scope.relations, canon.relations, strict=True):
        if old is not new:
            continue
        text = scope.entries.get(old.alias)
        if text is None or any(f"{name}." in text for name in names):
            return None
        entries.append(text)
    return alias, f"FROM {', '.join(entries)}"


def _over(pattern: Pattern, node: exp.Select, canon: Canon, alias: str) -> "Over":
    same = classes(pattern.equal)
    columns = {
        text: _column(held, alias, text)
        for text, held in pattern.columns.items() for text in (text, *same.get(text, ()))
    }  # fmt: skip
    blank = {value.sql for value in columns.values() if pattern.grouped and value.textual and not plain(value)}
    queries = {id(parent) for query in _subqueries(node) for parent in _above(query, node)}
    if blank and queries:
        # What a query inside would make of one of several strings cannot be seen from here.
        raise _unfit()
    relations = [
        replace(item, fields=tuple(_field(entry, columns) for entry in item.fields)) if MARK in item.alias else item
        for item in canon.relations
    ]
    merged = {name: columns.get(value.sql, value) for name, value in canon.merged.items()}
    return Over(
        writer=canon.writer, parent=canon.parent, owner=canon.owner, ctes=canon.ctes, relations=relations,
        merged=merged, checked=True, pattern=pattern, canon=canon, alias=alias, columns=columns,
        blank=frozenset(blank), queries=frozenset(queries),
    )  # fmt: skip


def _subqueries(node: exp.Select) -> Iterator[exp.Expr]:
    """Yield the queries in a query's expressions."""
    places = [*node.expressions, *(part for name in _PLACES if (part := node.args.get(name)) is not None)]
    return (query for place in places for query in place.find_all(exp.Query))


def _above(query: exp.Expr, top: exp.Expr) -> Iterator[exp.Expr]:
    node: exp.Expr | None = query
    while node is not None and node is not top:
        yield node
        node = node.parent


def _column(held: Held, alias: str, text: str) -> Value:
    column = held.value.named(f"{alias}.{quote(held.stored.engine_name)}")
    value = replace(column, exact=True, path=None, quick=None, rows="", stored=None)
    # What is equal to the column is another table's.
    return value if text == held.value.sql else replace(value, origin=(0, 0))


def _field(item: Field, columns: dict[str, Value]) -> Field:
    value = columns.get(item.value.sql)
    return item if value is None else replace(item, value=replace(value, origin=item.value.origin))


class _Unfit(SqlError):
    """A query asks for something that a view does not hold."""


def _unfit() -> _Unfit:
    return _Unfit(SqlState.INTERNAL_ERROR, "not in the materialized view")


@dataclass(slots=True, kw_only=True)
class Over(Scope):
    """A scope in which a view stands in its tables' place."""

    pattern: Pattern
    canon: Canon
    alias: str
    columns: dict[str, Value]
    blank: frozenset[str]
    """Of a view that groups: columns that are one of several strings that differ in trailing blanks."""
    queries: frozenset[int]
    """Nodes (by identity) with a query in them."""

    def value(self, node: exp.Expr) -> Value:
        """Translate an expression over the view: what the view holds, or what can be made of that."""
        value = None if id(node) in self.queries else self._held(node)
        if value is None:
            if self.pattern.grouped and self._of_rows(node):
                raise _unfit()
            value = Scope.value(self, node)
        elif (shown := self.grouped.get(value.sql)) is not None:
            value = replace(value, sql=shown)
        if self.blank and (value.sql in self.blank and not _compared(node)):
            raise _unfit()
        return value

    def _held(self, node: exp.Expr) -> Value | None:
        if isinstance(node, exp.Column | exp.Literal | exp.Paren | exp.Placeholder | exp.Parameter | exp.Null):
            return None
        total = self._total(node) if self.pattern.totals and isinstance(node, exp.Anonymous) else None
        if total is not None or not any(held.compound for held in self.pattern.columns.values()):
            return total
        found = canonical_value(node, self.canon)
        return None if found is None else self.columns.get(found.sql)

    def _total(self, node: exp.Anonymous) -> Value | None:
        """Return an aggregate that is made of the view's."""
        held = self._fold(node)
        if held is not None:
            kind = held.value.type.engine()
            return replace(held.value, sql=_FOLDS[held.fold].format(column=self._stored(held), type=kind))
        averaged = self.writer.called_name(node) == "avg" and len(node.expressions) == 1
        return self._average(node.expressions[0]) if averaged else None

    def _average(self, argument: exp.Expr) -> Value | None:
        """Return an average made of the view's sum and count."""
        whole, number = (
            self._fold(exp.Anonymous(this=name, expressions=[argument.copy()])) for name in ("sum", "count")
        )
        value = canonical_value(argument, self.canon)
        if whole is None or number is None or value is None:
            return None
        total, count = f"sum({self._stored(whole)})", f"sum({self._stored(number)})"
        return average(f"CAST({total} AS HUGEINT)" if is_integer(value.type) else total, count, value.type)

    def _fold(self, node: exp.Anonymous) -> Held | None:
        if self.writer.called_name(node) == "count" and all(isinstance(item, exp.Literal) for item in node.expressions):
            return self.pattern.totals.get(ROWS)
        found = canonical_value(node, self.canon)
        return None if found is None else self.pattern.totals.get(found.sql)

    def _stored(self, held: Held) -> str:
        return f"{self.alias}.{quote(held.stored.engine_name)}"

    def _of_rows(self, node: exp.Expr) -> bool:
        """Tell whether a node is an aggregate that groups do not tell enough for."""
        if not isinstance(node, exp.Anonymous):
            return isinstance(node, _WRAPPERS)
        name = self.writer.called_name(node)
        if self.writer.kinds.get(name) != "aggregate":
            return False
        return name not in _ONCE and not any(isinstance(item, exp.Distinct) for item in node.expressions)


_FOLDS: Final = {
    "count": "CAST(coalesce(sum({column}), 0) AS {type})", "sum": "CAST(sum({column}) AS {type})",
    "min": "min({column})", "max": "max({column})",
}  # fmt: skip


def _compared(node: exp.Expr) -> bool:
    """Tell whether trailing blanks mean nothing where a node stands."""
    parent = node.parent
    while isinstance(parent, exp.Paren):
        parent = parent.parent
    called = parent.name.lower() if isinstance(parent, exp.Anonymous) else ""
    return isinstance(parent, _COMPARING) or called in _ONCE
