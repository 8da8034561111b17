"""What a materialized view holds, in a form that queries can be compared with.

Redshift, "Automatic query rewriting to use materialized views": views of one SELECT over tables and inner
joins, each table once, with WHERE, GROUP BY and SUM, COUNT, MIN, MAX. How a query then reads a view is
``sql.substitution``; who may read it and whether it is up to date are others' business.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from core.errors import SqlError
from sql import incremental
from sql.canon import (
    MARK,
    ROWS,
    Canon,
    Held,
    Pattern,
    canonical,
    canonical_value,
    conjuncts,
    equated,
    placed,
    table_of,
)
from sql.facts import Facts, Seen, Settings, Source, settled
from sql.inference import is_integer
from sql.query import parse_query
from sql.scope import Scope
from sql.sources import from_clause
from sql.translate import new_writer
from sql.value import Value

_SESSION: Final = ("TIME ZONE", "TIMESTAMPTZ", "TIMETZ", "getvariable(")
"""What depends on the session and its time zone."""
_FOLDS: Final = frozenset({"sum", "count", "min", "max"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A materialized view, as the catalog knows it."""

    oid: int
    definition: str
    database: str
    storage: Source
    """The table that keeps its rows."""
    seen: Seen
    settings: Settings
    """The parameters by which its text is read."""


def pattern(view: Summary, facts: Facts) -> Pattern | None:
    """Return what queries may be compared with, None for a view that they cannot read in place of its tables."""
    try:
        return _pattern(view, settled(facts, view.settings).within(view.database))
    except (SqlError, RecursionError):
        # Its query has become wrong: a table was dropped or altered.
        return None


def _pattern(view: Summary, facts: Facts) -> Pattern | None:
    tree = _unwrapped(parse_query(view.definition))
    if not incremental.is_substitutable(tree):
        return None
    writer = new_writer(facts)
    writer.seen = view.seen
    scope = Scope(writer=writer, conditions=[])
    from_clause(tree, scope)
    tables = [table_of(relation) for relation in scope.relations]
    oids = frozenset(table.oid for table in tables if table is not None)
    canon = placed(scope, oids)
    if canon is None or None in tables or scope.conditions is None or _folded(canon):
        return None
    where = tree.args.get("where")
    nodes = [part for item in [*scope.conditions, *([where.this] if where else [])] for part in conjuncts(item)]
    conditions = [text for node in nodes if (text := canonical(node, canon)) is not None]
    columns, totals = _columns(tree, canon, view.storage)
    said = [*conditions, *(text for text, held in columns.items() if held.compound)]
    if len(conditions) < len(nodes) or any(word in text for text in said for word in (*_SESSION, *_zoned(canon))):
        return None
    keyed = bool(tree.args.get("group"))
    return Pattern(
        oid=view.oid, storage=view.storage, tables=oids, conditions=frozenset(conditions),
        equal=tuple(pair for node in nodes if (pair := equated(node, canon)) is not None), columns=columns,
        totals=totals, grouped=keyed or incremental.is_aggregated(tree), keyed=keyed,
        numbers=any(item.is_number for item in tree.find_all(exp.Literal)),
    )  # fmt: skip


def _unwrapped(tree: exp.Expr) -> exp.Expr:
    """Take off what CREATE MATERIALIZED VIEW with a list of columns puts around the query."""
    if {name for name, value in tree.args.items() if value} != {"expressions", "from_"}:
        return tree
    inner, alias = tree.args["from_"].this, tree.args["from_"].this.args.get("alias")
    listed = isinstance(inner, exp.Subquery) and alias is not None and bool(alias.args.get("columns"))
    return inner.this if listed and len(tree.expressions) == 1 and isinstance(tree.expressions[0], exp.Star) else tree


def _zoned(canon: Canon) -> list[str]:
    fields = (item.value for relation in canon.relations for item in relation.fields)
    return [value.sql for value in fields if value.name in {"timestamptz", "timetz"}]


def _folded(canon: Canon) -> bool:
    return any(item.value.folded for relation in canon.relations for item in relation.fields)


def _columns(tree: exp.Expr, canon: Canon, storage: Source) -> tuple[dict[str, Held], dict[str, Held]]:
    """Return a view's columns and aggregates by what they are; what nothing can be made of is left out."""
    columns: dict[str, Held] = {}
    totals: dict[str, Held] = {}
    for stored, (node, value) in zip(storage.columns, _items(tree, canon), strict=True):
        if value is None or value.type != stored.type:
            continue
        fold = _fold(node)
        if fold and (fold != "sum" or is_integer(value.type) or value.name == "numeric"):
            # Sums of DOUBLE PRECISION depend on the order in which they are made.
            rows = fold == "count" and all(isinstance(item, exp.Literal | exp.Star) for item in node.expressions)
            totals.setdefault(ROWS if rows else value.sql, Held(stored=stored, value=value, fold=fold))
        elif not fold and MARK in value.sql and not incremental.is_aggregated(node):
            compound = not isinstance(node, exp.Column)
            columns.setdefault(value.sql, Held(stored=stored, value=value, compound=compound))
    return columns, totals


def _fold(node: exp.Expr) -> str:
    name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
    return name if name in _FOLDS else ""


def _items(tree: exp.Expr, canon: Canon) -> Iterator[tuple[exp.Expr, Value | None]]:
    for item in tree.expressions:
        node = item
        while isinstance(node, exp.Alias | exp.Paren):
            node = node.this
        if not node.is_star or isinstance(node, exp.Anonymous):
            yield node, canonical_value(node, canon)
            continue
        table = canon.writer.identifier(node.args["table"]) if isinstance(node, exp.Column) else ""
        if not table:
            yield from ((exp.Column(), value) for value in canon.merged.values())
        for relation in canon.relations:
            hidden = relation.hidden if not table else frozenset()
            if table in ("", relation.name):
                yield from ((exp.Column(), item.value) for item in relation.fields if item.name not in hidden)
