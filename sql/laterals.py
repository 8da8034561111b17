"""Select items that name other items: what would be written out too often is computed in a query below.

Redshift, "SELECT list" (lateral column alias references). An alias that a later item names is written out there as
long as that is short. A long one becomes a column of a subselect, ``SELECT items FROM (SELECT columns, alias FROM
…) AS l_1``, so that chains grow by a layer and not by the power of their length. Queries that group write all out.
"""

import re
from dataclasses import dataclass, field, replace
from typing import Final

from sqlglot import exp

from core.errors import SqlError
from sql import groups
from sql.clauses import conditional
from sql.scope import Scope
from sql.value import Value

LONG: Final = 200
"""Characters of engine SQL that are written out again at each use."""
_BELOW: Final = '"rs:below"'


class TooLong(SqlError):
    """An alias that later items name is not to be written out; caught where the query is begun."""


@dataclass(frozen=True, slots=True)
class Layered:
    """A query over layers of subselects."""

    scope: Scope
    """What its last layer can name."""
    source: str
    """Its FROM, with a mark for what it is from."""
    conditions: list[exp.Expr]
    """Those of WHERE that name aliases."""
    layers: "_Layers"

    def filled(self, sql: str) -> str:
        """Return the query's text with the layers in it."""
        return self.layers.filled(sql)


def is_long(value: Value) -> bool:
    """Tell whether an alias is not to be written out again."""
    return len(value.sql) > LONG and not (value.open or value.text is not None)


def kept_apart(item: exp.Alias, value: Value, scope: Scope) -> bool:
    """Tell whether an alias that later items name is computed once, below them.

    Long ones are, and window functions that a subquery of another item asks for: the engine knows none there.
    """
    if value.effect or is_long(value):
        return True
    if " OVER (" not in value.sql or not isinstance(item.parent, exp.Select):
        return False
    name = scope.writer.identifier(item.args["alias"])
    queries = (query for other in item.parent.expressions for query in other.find_all(exp.Query))
    return any(name in _named(query, scope) for query in queries)


def references(node: exp.Select, scope: Scope) -> dict[str, int]:
    """Return the aliases that later items name, with the number of the last of those."""
    found: dict[str, int] = {}
    defined: set[str] = set()
    for index, item in enumerate(node.expressions):
        if defined:
            found |= dict.fromkeys(_named(item, scope) & defined, index)
        if isinstance(item, exp.Alias):
            defined.add(scope.writer.identifier(item.args["alias"]))
    return found


def _named(node: exp.Expr, scope: Scope) -> set[str]:
    columns = (item for item in node.find_all(exp.Column) if not item.args.get("table") and not item.is_star)
    return {scope.writer.identifier(item.this) for item in columns}


def layered(node: exp.Select, scope: Scope, source: str) -> Layered | None:
    """Return *node* as a query over layers, None where it has to be written as it stands."""
    unfit = any(node.args.get(name) for name in ("group", "having", "connect"))
    if unfit or groups.aggregated(node, scope) or groups.several(node, scope) or not scope.relations:
        return None
    layers = _Layers(base=scope, source=source, named=references(node, scope))
    current = scope
    for index, item in enumerate(node.expressions):
        if isinstance(item, exp.Alias):
            current = layers.defined(index, item, current)
    if not layers.scopes:
        return None
    where = node.args.get("where")
    upper = where is not None and not _named(where, scope).isdisjoint(layers.names)
    if where is not None and not upper:
        groups.refuse(where.this, "WHERE clause", groups.Naming.of(node, scope))
        layers.where = f" WHERE {conditional(where.this, scope)}"
    last = len(layers.scopes)
    final = layers.scope(last)
    kept = ((name, level, item) for name, (level, item, _) in layers.kept.items())
    final.carried = {id(item): layers.value(name, last) for name, level, item in kept if level < last}
    conditions = [where.this] if where is not None and upper else []
    return Layered(final, f"FROM ({_BELOW}) AS {layers.alias(last)}", conditions, layers)


@dataclass(slots=True, kw_only=True)
class _Layers:
    """The layers of one query: the lowest reads *base*, what FROM gives."""

    base: Scope
    source: str
    named: dict[str, int]
    where: str = ""
    scopes: list[Scope] = field(default_factory=list)
    kept: dict[str, tuple[int, exp.Alias, Value]] = field(default_factory=dict)
    """Aliases that are columns: the layer that can compute them, the item, its value there."""
    names: dict[str, exp.Alias] = field(default_factory=dict)
    stem: str = ""

    def defined(self, index: int, item: exp.Alias, current: Scope) -> Scope:
        """Take up an item with an alias; return the scope that later ones are translated in."""
        name = current.writer.identifier(item.args["alias"])
        level = len(self.scopes)
        waiting = {name for name, (made, _, _) in self.kept.items() if made == level}
        if not waiting.isdisjoint(_named(item, current)):
            current, level = self._opened(), level + 1
        value = current.value(item.this)
        if name in self.names:
            return current
        self.names[name] = item
        if self.named.get(name, -1) > index and kept_apart(item, value, current):
            self.kept[name] = level, item, value
        else:
            current.aliases[name] = value
        return current

    def _opened(self) -> Scope:
        """Open a layer over the last one."""
        level = len(self.scopes) + 1
        self.stem = self.stem or self.base.writer.fresh("l").strip('"')
        plain = self.scope(level)
        opened = _Layer(writer=plain.writer, parent=plain.parent, owner=plain.owner, ctes=plain.ctes,
                        relations=plain.relations, merged=plain.merged, layers=self, level=level)  # fmt: skip
        self.scopes.append(opened)
        return opened

    def written(self, name: str, scope: Scope, level: int) -> Value | None:
        """Return an alias as scope *level* reads it: a column, or written out there; None for no alias."""
        known, item = self.kept.get(name), self.names.get(name)
        if known is not None and known[0] < level:
            return self.value(name, level)
        return scope.value(item.this) if item is not None else None

    def alias(self, level: int) -> str:
        """Return what the layer below scope *level* is called."""
        return f'"{self.stem}_{level}"'

    def scope(self, level: int) -> Scope:
        """Return a scope in which FROM's columns are those of the layer below."""
        base, alias = self.base, self.alias(level)
        relations, number = [], 0
        for relation in base.relations:
            fields = []
            for item in relation.fields:
                fields.append(replace(item, value=item.value.named(f'{alias}."c{number}"')))
                number += 1
            relations.append(replace(relation, fields=tuple(fields)))
        merged = {
            name: value.named(f'{alias}."m{place}"') for place, (name, value) in enumerate(base.merged.items())
        }
        return Scope(writer=base.writer, parent=base.parent, owner=base.owner, ctes=base.ctes,
                     relations=relations, merged=merged)  # fmt: skip

    def value(self, name: str, level: int) -> Value:
        """Return an alias that is a column, as scope *level* reads it."""
        return self.kept[name][2].named(f'{self.alias(level)}."a{list(self.kept).index(name)}"')

    def filled(self, sql: str) -> str:
        """Put the layers into *sql*, each with the columns that are read of it."""
        parts = [sql]
        for level in range(len(self.scopes), 0, -1):
            read = dict.fromkeys(re.findall(rf'{re.escape(self.alias(level))}\."([acm])(\d+)"', parts[-1]))
            columns = [(self._column(kind, int(number), level - 1), kind + number) for kind, number in read]
            listed = ", ".join(f'{column} AS "{name}"' for column, name in columns)
            below = f"FROM ({_BELOW}) AS {self.alias(level - 1)}" if level > 1 else f"{self.source}{self.where}"
            parts.append(f"SELECT {listed or '1'} {below}")
        whole = parts.pop()
        while parts:
            whole = parts.pop().replace(_BELOW, whole, 1)
        return whole

    def _column(self, kind: str, number: int, level: int) -> str:
        """Return the SQL of a column of the layer over scope *level*."""
        scope = self.base if level == 0 else self.scopes[level - 1]
        if kind == "c":
            return [item for relation in scope.relations for item in relation.fields][number].value.sql
        if kind == "m":
            return list(scope.merged.values())[number].sql
        name = list(self.kept)[number]
        made, _, value = self.kept[name]
        return value.sql if made == level else self.value(name, level).sql


@dataclass(slots=True, kw_only=True)
class _Layer(Scope):
    """A scope over a layer: an alias from below is looked up, or translated, when it is first named."""

    layers: _Layers
    level: int

    def local(self, name: str, node: exp.Expr) -> Value | None:
        """Resolve a bare column name in this query alone."""
        found = Scope.local(self, name, node)
        if found is None:
            found = self.layers.written(name, self, self.level)
            if found is not None:
                self.aliases[name] = found
        return found
