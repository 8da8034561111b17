"""What a materialized view's query is to its tables' changes: a pure reading of its tree.

Redshift, "Refreshing a materialized view": queries of one SELECT over tables and inner joins, with WHERE,
GROUP BY, HAVING and SUM, COUNT, MIN, MAX, AVG can take changes in; others are run anew. How the changes are
brought in is ``session.refresh``'s business.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from core.errors import not_supported
from sql.facts import Facts, FunctionSource, Seen, Source, SourceKind
from sql.finish import Finish
from sql.functions import FUNCTIONS
from sql.partiql import ITERATE
from sql.query import parse_query
from sql.translate import Translated, translate

_FOLDED: Final = frozenset({"sum", "count", "min", "max"})
"""Aggregates of a whole that follow from those of its parts."""
_AGGREGATES: Final = _FOLDED | {"avg"}
_UNFIT: Final = (exp.Window, exp.Distinct, exp.Filter, exp.WithinGroup)
_NOT_BY_RECORD: Final = (exp.Group, exp.Order, exp.Limit, exp.Offset, exp.Fetch, exp.SetOperation)
_CLAUSES: Final = frozenset({"expressions", "from_", "joins", "where", "group", "having", "operation_modifiers"})
_UNITED: Final = frozenset({"this", "expression"})
"""What UNION ALL has and no more: nothing that holds for all of it."""
_UNORDERED: Final = (("order", "ORDER BY"), ("limit", "LIMIT"), ("offset", "OFFSET"))


Expression = exp.Expr
"""A query's tree, for those who only hand it on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How rows of a query follow from rows of its tables."""

    grouped: bool
    """Whether a row stands for a group; else each stands for one row of each table."""
    keys: tuple[int, ...] = ()
    """Places (from 0) of the columns that tell groups apart."""
    folds: tuple[str, ...] = ()
    """A column each: key, sum, count, min, max. Empty where a group cannot be made of its parts."""


def refuse_unfit(text: str) -> None:
    """Raise 0A000 for clauses that a materialized view may not have."""
    tree = parse_query(text)
    for name, word in _UNORDERED:
        if tree.args.get(name):
            raise not_supported(f"{word} in the query of a materialized view")


def shape(text: str) -> Shape | None:
    """Return the shape of a query that changes can be worked into, None for one that must be run anew."""
    parts = branches(text)
    if len(parts) > 1:
        alone = Shape(grouped=False)
        return alone if all(_shape(part) == alone for part in parts) else None
    return _shape(parts[0])


def taking(text: str) -> Shape | None:
    """Return the shape of a query over one stream whose records it can be run on as they come, None for others."""
    found = shape(text)
    if found is not None and found.grouped:
        return found if found.folds else None
    return Shape(grouped=False) if all(_by_record(part) for part in branches(text)) else None


def _by_record(tree: exp.Expr) -> bool:
    """Tell whether what a query makes of records is what it makes of each of them."""
    own = {item.alias.lower() for item in tree.find_all(exp.CTE)}
    read = [
        node for node in tree.find_all(exp.Table)
        if not _is_array(node) and not (node.name.lower() in own and not node.args.get("db"))
    ]  # fmt: skip
    return len(read) == 1 and not is_aggregated(tree) and tree.find(*_UNFIT, *_NOT_BY_RECORD) is None


def branches(text: str) -> list[exp.Expr]:
    """Return the queries that UNION ALL puts together, or the query itself; the trees are new each time."""
    found: list[exp.Expr] = []
    todo = [parse_query(text)]
    while todo:
        tree = todo.pop()
        if isinstance(tree, exp.Union) and {name for name, value in tree.args.items() if value} <= _UNITED:
            todo += [tree.expression, tree.this]
        else:
            found.append(tree)
    return found


def is_substitutable(tree: exp.Expr) -> bool:
    """Tell whether queries may read a view of this query in place of its tables, as far as its clauses go."""
    if not isinstance(tree, exp.Select) or not _plain(tree) or tree.args.get("having"):
        return False
    group = tree.args.get("group")
    lists = group is not None and any(value for name, value in group.args.items() if name != "expressions")
    arrays = any(_is_array(node) for node in tree.find_all(exp.Table, exp.Unnest))
    return not lists and not arrays and not _called(tree, lambda kind: kind == "aggregate") - _FOLDED


def is_aggregated(tree: exp.Expr) -> bool:
    """Tell whether an aggregate is called."""
    return bool(_called(tree, lambda kind: kind == "aggregate"))


def _shape(tree: exp.Expr) -> Shape | None:
    if not isinstance(tree, exp.Select) or not _plain(tree):
        return None
    if not tree.args.get("group") and not is_aggregated(tree):
        return None if tree.args.get("having") else Shape(grouped=False)
    keys = _keys(tree)
    if keys is None:
        return None
    return Shape(grouped=True, keys=keys, folds=_folds(tree, keys))


def _plain(tree: exp.Select) -> bool:
    if any(value and name not in _CLAUSES for name, value in tree.args.items()):
        return False
    if any(node is not tree for node in tree.find_all(exp.Query)) or tree.find(*_UNFIT):
        return False
    return _joined_inside(tree) and _called(tree, lambda kind: kind != "scalar") <= _AGGREGATES


def _is_array(node: exp.Expr) -> bool:
    """Tell whether an entry of FROM is an array of SUPER: its elements come and go with the row that has them."""
    if isinstance(node, exp.Unnest):
        return True
    call = node.this if isinstance(node, exp.Table) else None
    return isinstance(call, exp.Anonymous) and call.name == ITERATE


def _called(tree: exp.Expr, wanted: Callable[[str], bool]) -> set[str]:
    """Return the names of the functions called that have a form of a kind *wanted*."""
    names = {node.name.lower() for node in tree.find_all(exp.Anonymous)}
    return {name for name in names if any(wanted(row.kind) for row in FUNCTIONS.get(name, ()))}


def _joined_inside(tree: exp.Select) -> bool:
    """Tell whether FROM is tables, each once, and inner joins."""
    first = tree.args.get("from_")
    tables = list(tree.find_all(exp.Table))
    arrays = [table for table in tables if _is_array(table)]
    tables = [table for table in tables if table not in arrays]
    if first is None or not all(isinstance(table.this, exp.Identifier) for table in tables):
        return False
    names = [tuple(part.name.lower() for part in table.parts) for table in tables]
    joins = list(tree.find_all(exp.Join))
    words = {str(join.args.get(key) or "").upper() for join in joins for key in ("method", "side", "kind")}
    sources = 1 + sum(not _is_array(join.this) for join in joins)
    return len(tables) == sources and len(set(names)) == len(names) and words <= {"", "INNER", "CROSS"}


def _bare(node: exp.Expr) -> exp.Expr:
    return _bare(node.this) if isinstance(node, exp.Alias | exp.Paren) else node


def _keys(tree: exp.Select) -> tuple[int, ...] | None:
    """Return the places of the grouping columns, None where one is not selected or more than a list is there."""
    group = tree.args.get("group")
    if group is None:
        return ()
    if any(value for name, value in group.args.items() if name != "expressions"):
        return None
    items = [_bare(item) for item in tree.expressions]
    if any(item.is_star for item in items):
        return None
    places = [_place(node, tree.expressions, items) for node in group.expressions]
    found = tuple(dict.fromkeys(place for place in places if place is not None))
    return found if len(places) == len([place for place in places if place is not None]) else None


def _place(node: exp.Expr, written: list[exp.Expr], items: list[exp.Expr]) -> int | None:
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
        place = int(node.name) - 1
        return place if 0 <= place < len(items) else None
    node = _bare(node)
    for place, item in enumerate(items):
        if item == node:
            return place
    if isinstance(node, exp.Column) and not node.args.get("table"):
        names = [item.alias.lower() if isinstance(item, exp.Alias) else "" for item in written]
        return names.index(node.name.lower()) if node.name.lower() in names else None
    return None


def _folds(tree: exp.Select, keys: tuple[int, ...]) -> tuple[str, ...]:
    if tree.args.get("having"):
        return ()
    folds = []
    for place, item in enumerate(tree.expressions):
        call = _bare(item)
        name = call.name.lower() if isinstance(call, exp.Anonymous) else ""
        if place not in keys and name not in _FOLDED:
            return ()
        folds.append("key" if place in keys else name)
    return tuple(folds)


class _Replaced:
    """Facts in which some tables are something else to read from."""

    def __init__(self, facts: Facts, places: Mapping[int, str], seen: Seen) -> None:
        self._facts = facts
        self._places = places
        self._seen = seen

    def source(self, parts: tuple[str, ...]) -> Source | None:
        found = self._facts.source(parts)
        if found is None:
            return None
        place, seen = self._places.get(found.oid), self._seen.get(found.oid)
        found = found if seen is None else found.known_as(seen)
        return found if place is None else replace(found, kind=SourceKind.TABLE, engine_name=place)

    def functions(self, parts: tuple[str, ...]) -> tuple[FunctionSource, ...]:
        return self._facts.functions(parts)

    def runs(self, language: str) -> bool:
        return self._facts.runs(language)

    def setting(self, name: str) -> str:
        return self._facts.setting(name)

    def within(self, database: str) -> "_Replaced":
        return _Replaced(self._facts.within(database), self._places, self._seen)


def of_keys(text: str, keys: tuple[int, ...]) -> exp.Expr:
    """Return the tree of the query for the groups alone: the *keys* of the rows that WHERE lets through."""
    tree = parse_query(text)
    tree.set("expressions", [item for place, item in enumerate(tree.args["expressions"]) if place in keys])
    tree.set("group", None)
    tree.set("having", None)
    tree.set("distinct", exp.Distinct())
    return tree


def reading(text: str | exp.Expr, facts: Facts, places: Mapping[int, str], seen: Seen) -> Translated:
    """Translate a query that knows relations as *seen*, with the relations *places* (by OID) read from engine SQL."""
    return translate(text, _Replaced(facts, places, seen), finish=Finish.EXACT)
