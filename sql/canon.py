"""Expressions in a form that is the same whoever writes them, to be compared with what materialized views hold.

The form is engine SQL in which each of a view's tables has the alias ``rs:base:<oid>``, its columns their numbers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from sqlglot import exp

from core.errors import SqlError
from core.names import quote
from sql.facts import Source, SourceColumn, SourceKind
from sql.relations import Field, Relation
from sql.scope import Scope
from sql.value import Value

MARK: Final = "rs:base:"
ROWS: Final = "count(*)"
"""What a count of rows is, also where it is written as the count of a number."""
SWAPPED: Final[dict[type[exp.Expr], type[exp.Expr]]] = {
    exp.EQ: exp.EQ, exp.NEQ: exp.NEQ, exp.GT: exp.LT, exp.LT: exp.GT, exp.GTE: exp.LTE, exp.LTE: exp.GTE,
}  # fmt: skip
_IDENTICAL: Final = frozenset({"int2", "int4", "int8", "date", "timestamp", "bool", "oid"})
"""Types whose equal values are the same in all that can be asked of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A column of a view: where it is stored, and what it is of the view's tables."""

    stored: SourceColumn
    value: Value
    compound: bool = False
    """Whether it is more than a column of a table."""
    fold: str = ""
    """Of an aggregate: its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What a materialized view holds."""

    oid: int
    storage: Source
    tables: frozenset[int]
    conditions: frozenset[str]
    equal: tuple[tuple[str, str], ...]
    """Columns that its conditions find equal."""
    columns: dict[str, Held]
    totals: dict[str, Held]
    grouped: bool
    keyed: bool
    """Whether it has a GROUP BY: else it has one row, whatever its tables hold."""
    numbers: bool
    """Whether there are numbers in its query, so that it matters which a text has."""

    @property
    def rank(self) -> tuple[bool, int, int]:
        """What a view is tried after: those that hold less come first."""
        return (not self.grouped, -len(self.tables), len(self.storage.columns))


@dataclass(slots=True, kw_only=True)
class Canon(Scope):
    """A scope in which a view's tables have aliases of their own."""

    known: dict[int, tuple[exp.Expr, Value]] = field(default_factory=dict)

    def value(self, node: exp.Expr) -> Value:
        """Translate an expression, each once."""
        found = self.known.get(id(node))
        if found is None:
            found = self.known[id(node)] = (node, Scope.value(self, node))
        return found[1]


def table_of(relation: Relation) -> Source | None:
    """Return the stored table that an entry of FROM is, None for a query, a view or an array."""
    source = relation.fields[0].source if relation.fields else None
    return source if source is not None and source.kind is SourceKind.TABLE and not relation.elements else None


def placed(scope: Scope, tables: frozenset[int]) -> Canon | None:
    """Return *scope* with aliases of their own for *tables*; None where not each is there, once."""
    seen: set[int] = set()
    relations: list[Relation] = []
    moved: dict[str, str] = {}
    for relation in scope.relations:
        source = table_of(relation)
        if source is None or source.oid not in tables:
            relations.append(relation)
            continue
        if source.oid in seen:
            return None
        seen.add(source.oid)
        alias = quote(f"{MARK}{source.oid}")
        fields = tuple(_marked(item, alias) for item in relation.fields)
        moved |= {old.value.sql: new.value.sql for old, new in zip(relation.fields, fields, strict=True)}
        relations.append(replace(relation, alias=alias, fields=fields))
    if seen != tables:
        return None
    merged = {name: replace(value, sql=moved.get(value.sql, value.sql)) for name, value in scope.merged.items()}
    return Canon(writer=scope.writer, parent=scope.parent, owner=scope.owner, ctes=scope.ctes,
                 relations=relations, merged=merged)  # fmt: skip


def _marked(item: Field, alias: str) -> Field:
    return replace(item, value=replace(item.value, sql=f'{alias}."{item.value.origin[1]}"'))


def conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the conditions that a condition says hold together."""
    stack = [node]
    while stack:
        item = stack.pop()
        if isinstance(item, exp.Paren):
            stack.append(item.this)
        elif isinstance(item, exp.And):
            stack += [item.expression, item.this]
        else:
            yield item


def canonical(node: exp.Expr, canon: Canon) -> str | None:
    """Return what *node* is in *canon*, comparisons alike whichever side comes first; None where it is nothing."""
    value = canonical_value(node, canon)
    swapped = SWAPPED.get(type(node))
    if value is None or swapped is None:
        return None if value is None else value.sql
    other = canonical_value(swapped(this=node.expression.copy(), expression=node.this.copy()), canon)
    return value.sql if other is None else min(value.sql, other.sql)


def canonical_value(node: exp.Expr, canon: Canon) -> Value | None:
    """Return what *node* is in *canon*, None where it is nothing."""
    writer = canon.writer
    views, writer.views = writer.views, ()
    try:
        return canon.value(node)
    except SqlError:
        return None
    finally:
        writer.views = views


def equated(node: exp.Expr, canon: Canon) -> tuple[str, str] | None:
    """Return the two columns that a condition finds equal, where equal ones are the same."""
    if not isinstance(node, exp.EQ) or not all(isinstance(side, exp.Column) for side in (node.this, node.expression)):
        return None
    left, right = canonical_value(node.this, canon), canonical_value(node.expression, canon)
    if left is None or right is None or left.type != right.type or left.name not in _IDENTICAL:
        return None
    return left.sql, right.sql


def classes(pairs: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Return, for each column, those that are equal to it."""
    found: dict[str, set[str]] = {}
    for left, right in pairs:
        whole = found.get(left, {left}) | found.get(right, {right})
        found.update(dict.fromkeys(whole, whole))
    return found
