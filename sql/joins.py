"""What joins ask: USING and NATURAL, whose columns become one, and conditions as the engine runs them fast."""

from collections.abc import Iterator
from dataclasses import replace

from sqlglot import exp

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion, keys
from sql.inference import common_type
from sql.relations import Relation
from sql.scope import Scope
from sql.value import Value, made


def check_full(condition: exp.Expr | None, before: int, scope: Scope) -> None:
    """Raise for a FULL JOIN that no equality of the two sides decides."""
    stack = [condition] if condition is not None else []
    while stack:
        node = stack.pop()
        if isinstance(node, exp.Paren):
            stack.append(node.this)
        if isinstance(node, exp.And):
            stack += [node.this, node.expression]
        if isinstance(node, exp.EQ):
            sides = [_sides(part, before, scope) for part in (node.this, node.expression)]
            if sides in ([{0}, {1}], [{1}, {0}]):
                return
    raise SqlError(
        SqlState.FEATURE_NOT_SUPPORTED,
        "FULL JOIN is only supported with merge-joinable join conditions",
        position=scope.writer.position(condition),
    )


def equated(condition: exp.Expr, words: list[str], before: int, scope: Scope) -> exp.Expr:
    """Put what an outer join asks of a side that it keeps into an equality: ``b.x = CASE WHEN … THEN a.x END``.

    The engine would compare all pairs of rows, for minutes where there are many: it hashes equalities only.
    """
    parts = list(_conjuncts(condition))
    kept = _KEPT.get(words[0], ()) if words else ()
    alone = {side: [part for part in parts if _alone(part, side, before, scope)] for side in kept}
    found = [place for place, part in enumerate(parts) if _links(part, before, scope)]
    if not found or not any(alone.values()):
        return condition
    moved = [part for asked in alone.values() for part in asked]
    link = parts[found[0]].copy()
    for operand in (link.this, link.expression):
        asked = [part for side in _sides(operand, before, scope) for part in alone.get(side, ())]
        if asked:
            when = exp.If(this=exp.and_(*asked), true=operand.copy())
            operand.replace(exp.Case(ifs=[when]))
    rest = [part for place, part in enumerate(parts) if place != found[0] and not any(part is item for item in moved)]
    return exp.and_(link, *rest)


_KEPT = {"LEFT": (0,), "RIGHT": (1,), "FULL": (0, 1)}


def _conjuncts(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Paren):
        yield from _conjuncts(node.this)
    elif isinstance(node, exp.And):
        yield from _conjuncts(node.this)
        yield from _conjuncts(node.expression)
    else:
        yield node


def _alone(part: exp.Expr, side: int, before: int, scope: Scope) -> bool:
    return _sides(part, before, scope) == {side} and not any(part.find_all(exp.Query, exp.Rand))


def _links(part: exp.Expr, before: int, scope: Scope) -> bool:
    """Tell whether *part* says that a column of one side equals one of the other."""
    pair = (part.this, part.expression) if isinstance(part, exp.EQ) else ()
    sides = [_sides(item, before, scope) for item in pair if isinstance(item, exp.Column)]
    return sides in ([{0}, {1}], [{1}, {0}])


def asks_left(condition: exp.Expr, before: int, scope: Scope) -> bool:
    """Tell whether a condition has a subquery that depends on the left side, which the engine's outer joins refuse."""
    parts = [part for part in condition.find_all(exp.In, exp.Exists, exp.Subquery) if part.find(exp.Query)]
    return any(0 in _sides(part, before, scope) for part in parts)


def _sides(node: exp.Expr, before: int, scope: Scope) -> set[int]:
    """Return 0 where an expression names a relation up to *before*, 1 where one after."""
    found: set[int] = set()
    for column in node.find_all(exp.Column):
        table = column.args.get("table")
        name = scope.writer.identifier(table if table is not None else column.this)
        for index, relation in enumerate(scope.relations):
            if relation.name == name if table is not None else relation.find(name):
                found.add(int(index >= before))
    return found


def shared(scope: Scope, start: int, before: int) -> list[str]:
    """Return the columns that the relations from *start* to *before* and those after have in common."""
    left = {item.name for relation in scope.relations[start:before] for item in relation.fields}
    return [item.name for relation in scope.relations[before:] for item in relation.fields if item.name in left]


def note(join: exp.Join, words: list[str], using: list[str], before: int, scope: Scope) -> None:
    """Add what an inner join asks for to ``scope.conditions``; forget them where it is another join."""
    on = join.args.get("on")
    if set(words) - {"CROSS"} or scope.conditions is None:
        scope.conditions = None
    elif not using:
        scope.conditions += [on] if on is not None else []
    else:
        scope.conditions += [_equality(name, before, scope) for name in using]


def _equality(name: str, before: int, scope: Scope) -> exp.Expr:
    sides = []
    for relations in (scope.relations[:before], scope.relations[before:]):
        found = [relation.name for relation in relations if relation.find(name)]
        table = exp.to_identifier(found[0], quoted=True) if found else None
        sides.append(exp.Column(this=exp.to_identifier(name, quoted=True), table=table))
    return exp.EQ(this=sides[0], expression=sides[1])


def merge(using: list[str], place: tuple[int, int], scope: Scope, words: list[str]) -> str:
    """Join on equally named columns, which become one; return the condition.

    *place* is where the relations begin that stand left of the join, and where those right of it do.
    """
    start, before = place
    conditions = []
    merged: dict[str, Value] = {}
    for name in using:
        seen = any(name in relation.hidden for relation in scope.relations[start:before])
        left = scope.merged[name] if seen else _one(name, scope.relations[start:before], scope)
        right = _one(name, scope.relations[before:], scope)
        shared = common_type(left.type, right.type)
        conditions.append(keys.compared("=", *_alike(left, right, shared)).sql)
        merged[name] = _merged(left, right, shared, words)
    # What a later join merges stands before what earlier ones did, as ``*`` shows it.
    scope.merged = merged | {name: value for name, value in scope.merged.items() if name not in merged}
    hidden = frozenset(using)
    for index, item in enumerate(scope.relations):
        if any(item.find(name) for name in using):
            scope.relations[index] = replace(item, hidden=item.hidden | hidden)
    return " AND ".join(conditions)


def _alike(left: Value, right: Value, shared: ColumnType) -> tuple[Value, Value]:
    """Bring two columns to one type where only one of them is a string."""
    if left.textual == right.textual:
        return left, right
    return conversion.cast(left, shared), conversion.cast(right, shared)


def _merged(left: Value, right: Value, shared: ColumnType, words: list[str]) -> Value:
    if "FULL" in words:
        return made(f"coalesce({left.sql}, {right.sql})", shared)
    return right if "RIGHT" in words else left


def _one(name: str, relations: list[Relation], scope: Scope) -> Value:
    found = [item for relation in relations if name not in relation.hidden for item in relation.find(name)]
    if not found:
        raise SqlError(
            SqlState.UNDEFINED_COLUMN, f'column "{name}" specified in USING clause does not exist in table'
        )
    if len(found) > 1:
        raise SqlError(
            SqlState.AMBIGUOUS_COLUMN, f'common column name "{name}" appears more than once in left table'
        )
    return scope.read(found[0])
