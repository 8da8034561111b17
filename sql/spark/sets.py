"""GROUP BY with ROLLUP, CUBE and GROUPING SETS, written without them.

Clusters get plain groups: each row is taken once for each set, with the keys that the set has not as NULL, and the
set's number is a key as well. Sail takes a column that a condition fixes for a constant in all sets; and Spark has no
grand total of no rows, where there is one by right: that is a second query, without GROUP BY.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product
from math import prod
from typing import Final

from sqlglot import exp

from sql.spark.values import UnfitError

_MOST: Final = 64
"""Sets of one query."""
_SETS, _NUMBER, _WHOLE = "rs:sets", "rs:set", "rs:grouped"
_KINDS: Final = (exp.Rollup, exp.Cube, exp.GroupingSets)
_LISTS: Final = ("expressions", "rollup", "cube", "grouping_sets")
_TAIL: Final = ("order", "limit", "offset", "distinct")
Keys = tuple[exp.Expr, ...]


def has_sets(tree: exp.Select) -> bool:
    """Tell whether a query groups by several sets of keys."""
    group = tree.args.get("group")
    return group is not None and any(isinstance(item, (*_KINDS, exp.Tuple)) for item in _items(group))


def plain(tree: exp.Select) -> exp.Select:
    """Return a query that has sets as one that has none; raises ``UnfitError``."""
    sets = _all(_items(tree.args["group"]))
    whole = _Whole.of(tree)
    branches: list[exp.Expr] = [_total(tree, whole.items, sets) for keys in sets if not keys]
    some = [keys for keys in sets if keys]
    if some:
        branches.insert(0, _expanded(tree, whole.items, some))
    body = branches[0]
    for branch in branches[1:]:
        body = exp.Union(this=body, expression=branch, distinct=False)
    made = exp.Select(expressions=whole.shown, from_=exp.From(this=_named(body, _WHOLE)))
    for key in _TAIL:
        found = tree.args.get(key) if key != "order" else whole.order
        if found is not None:
            made.set(key, found.copy())
    return made


@dataclass(slots=True)
class _Whole:
    """The query around all sets: what it shows and sorts by, and what the sets have to give for that."""

    items: list[exp.Expr]
    shown: list[exp.Expr]
    order: exp.Order | None = None

    @classmethod
    def of(cls, tree: exp.Select) -> "_Whole":
        whole = cls([], [])
        distinct, order = tree.args.get("distinct"), tree.args.get("order")
        names = []
        for item in tree.expressions:
            inner = item.this if isinstance(item, exp.Alias) else item
            name = item.alias if isinstance(item, exp.Alias) else inner.name if isinstance(inner, exp.Column) else ""
            column = whole._given(inner)
            whole.shown.append(exp.alias_(column, name, quoted=True) if name else column)
            names.append(name.lower())
        if order is not None:
            sorted_by = [whole._sorted(item, names) for item in order.expressions]
            whole.order = exp.Order(expressions=sorted_by)
        if distinct is not None and (distinct.args.get("on") or len(whole.items) > len(names)):
            raise UnfitError("DISTINCT beside grouping sets")
        return whole

    def _sorted(self, item: exp.Expr, names: Sequence[str]) -> exp.Expr:
        key = item.this
        if isinstance(key, exp.Literal):
            return item.copy()
        bare = isinstance(key, exp.Column) and not key.table
        made = item.copy()
        place = names.index(key.name.lower()) if bare and key.name.lower() in names else None
        made.set("this", self._given(key) if place is None else _column(_WHOLE, f"rs:given {place}"))
        return made

    def _given(self, item: exp.Expr) -> exp.Column:
        if item.find(exp.Window, exp.Query, exp.Star) is not None and not _is_count(item):
            raise UnfitError("a window function or subquery beside grouping sets")
        self.items.append(item)
        return _column(_WHOLE, f"rs:given {len(self.items) - 1}")


def _is_count(item: exp.Expr) -> bool:
    """Tell whether all that looks like ``*`` is that of COUNT(*)."""
    return item.find(exp.Window, exp.Query) is None and all(
        isinstance(star.parent, exp.Count) for star in item.find_all(exp.Star)
    )


def _expanded(tree: exp.Select, items: Sequence[exp.Expr], sets: Sequence[Keys]) -> exp.Select:
    """Return the query of all *sets* that have keys."""
    number = _column(_SETS, _NUMBER)
    every = tuple(dict.fromkeys(chain.from_iterable(sets)))

    def among(keys: Iterable[exp.Expr]) -> list[exp.Expr]:
        wanted = set(keys)
        return [exp.Literal.number(place) for place, each in enumerate(sets) if wanted <= set(each)]

    def shown(key: exp.Expr) -> exp.Expr:
        places = among([key])
        if len(places) == len(sets):
            return key.copy()
        return exp.Case(ifs=[exp.If(this=exp.In(this=number.copy(), expressions=places), true=key.copy())])

    def bit(key: exp.Expr) -> exp.Expr:
        inside = exp.In(this=number.copy(), expressions=among([key]))
        return exp.Case(ifs=[exp.If(this=inside, true=_number(0))], default=_number(1))

    made = _branch(tree, items, _Written(every, shown, bit))
    numbers: exp.Expr = exp.Select(expressions=[exp.alias_(_number(0), _NUMBER, quoted=True)])
    for place in range(1, len(sets)):
        one = exp.Select(expressions=[exp.alias_(_number(place), _NUMBER, quoted=True)])
        numbers = exp.Union(this=numbers, expression=one, distinct=False)
    made.append("joins", exp.Join(this=_named(numbers, _SETS), kind="CROSS"))
    made.set("group", exp.Group(expressions=[*(shown(key) for key in every), number]))
    return made


def _total(tree: exp.Select, items: Sequence[exp.Expr], sets: Sequence[Keys]) -> exp.Select:
    """Return the query of the set without keys, all of which are NULL in it, of their types."""

    def shown(key: exp.Expr) -> exp.Expr:
        return exp.Case(ifs=[exp.If(this=exp.false(), true=exp.Max(this=key.copy()))])

    every = tuple(dict.fromkeys(chain.from_iterable(sets)))
    made = _branch(tree, items, _Written(every, shown, lambda _: _number(1)))
    if not any(item.find(exp.AggFunc) for item in made.expressions):
        # Without one it would be a row for each row.
        raise UnfitError("grouping sets without an aggregate")
    return made


@dataclass(frozen=True, slots=True)
class _Written:
    """How keys, and GROUPING of them, are written in one branch."""

    keys: Keys
    shown: Callable[[exp.Expr], exp.Expr]
    bit: Callable[[exp.Expr], exp.Expr]

    def of(self, tree: exp.Expr) -> exp.Expr:
        """Return *tree* as it stands behind SELECT or HAVING."""
        if tree in self.keys:
            return self.shown(tree)
        if isinstance(tree, (exp.Grouping, exp.GroupingId)):
            return self._grouping(tree.expressions)
        made = tree.copy()
        if not isinstance(tree, exp.AggFunc):
            for child in list(made.iter_expressions()):
                # The copy's own child is looked at: it goes where that stands.
                child.replace(self.of(child))
        return made

    def _grouping(self, named: Sequence[exp.Expr]) -> exp.Expr:
        keys = [key.unnest() for key in named]
        if any(key not in self.keys for key in keys):
            raise UnfitError("GROUPING of another thing than a key")
        total: exp.Expr = self.bit(keys[0])
        for key in keys[1:]:
            total = exp.Add(this=exp.Paren(this=exp.Mul(this=exp.Paren(this=total), expression=_number(2))),
                            expression=self.bit(key))  # fmt: skip
        return exp.Cast(this=exp.Paren(this=total), to=exp.DataType.build("BIGINT"))


def _branch(tree: exp.Select, items: Sequence[exp.Expr], written: _Written) -> exp.Select:
    if tree.args.get("from_") is None:
        raise UnfitError("grouping sets of no table")
    shown = [exp.alias_(written.of(item), f"rs:given {place}", quoted=True) for place, item in enumerate(items)]
    made = exp.Select(expressions=shown)
    for key in ("from_", "where", "sample"):
        if tree.args.get(key) is not None:
            made.set(key, tree.args[key].copy())
    made.set("joins", [join.copy() for join in tree.args.get("joins") or ()])
    having = tree.args.get("having")
    if having is not None:
        made.set("having", exp.Having(this=written.of(having.this)))
    return made


# The sets.


def _items(group: exp.Group) -> list[exp.Expr]:
    other = [key for key, value in group.args.items() if value and key not in _LISTS]
    if other:
        raise UnfitError(f"GROUP BY {other[0]}")
    return [item for key in _LISTS for item in group.args.get(key) or ()]


def _all(items: Iterable[exp.Expr]) -> list[Keys]:
    """Return the sets of a list of items: each set of the one beside each set of the others."""
    each = [_sets(item) for item in items]
    _check(prod(map(len, each)))
    return [tuple(dict.fromkeys(chain.from_iterable(some))) for some in product(*each)]


def _check(number: int) -> None:
    if number > _MOST:
        raise UnfitError("very many grouping sets")


def _sets(item: exp.Expr) -> list[Keys]:
    if isinstance(item, exp.Rollup):
        parts = [_keys(part) for part in item.expressions]
        return [tuple(chain.from_iterable(parts[:length])) for length in range(len(parts), -1, -1)]
    if isinstance(item, exp.Cube):
        parts = [_keys(part) for part in item.expressions]
        _check(1 << len(parts))
        some = (combinations(parts, length) for length in range(len(parts), -1, -1))
        return [tuple(chain.from_iterable(each)) for each in chain.from_iterable(some)]
    if isinstance(item, exp.GroupingSets):
        return [found for each in item.expressions for found in _sets(each)]
    return [_keys(item)]


def _keys(item: exp.Expr) -> Keys:
    found = [key.unnest() for key in (item.expressions if isinstance(item, exp.Tuple) else [item])]
    if any(isinstance(key, (exp.Literal, *_KINDS)) for key in found):
        raise UnfitError("grouping sets of another kind")
    return tuple(found)


def _column(relation: str, name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=True), table=exp.to_identifier(relation, quoted=True))


def _named(query: exp.Expr, alias: str) -> exp.Subquery:
    return exp.Subquery(this=query, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value)
