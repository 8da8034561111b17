"""Calls of functions, aggregates and window functions: what the rows of their tables are given."""

from typing import Final

from sqlglot import exp

from sql.spark.aggregates import AGGREGATES, Aggregate
from sql.spark.functions import FUNCTIONS
from sql.spark.queries import ordered
from sql.spark.scope import Scope
from sql.spark.values import BIGINT, BOOLEAN, NULL, VARCHAR, Kind, UnfitError, Value, cast, string


def _variable(tree: exp.Expr, scope: Scope) -> Value:
    text = scope.writer.variable(tree.expressions[0].name)
    return Value(sql="NULL", kind=NULL) if text is None else Value(sql=string(text), kind=VARCHAR, text=text)


def called(tree: exp.Expr, scope: Scope) -> Value:
    """Write a call of a function."""
    name = tree.name.lower() if isinstance(tree, exp.Anonymous) else _snake(tree)
    if name == "getvariable":
        return _variable(tree, scope)
    if name in AGGREGATES:
        return _aggregated(tree, scope)
    row = FUNCTIONS.get(name)
    if row is None:
        raise UnfitError(f"the function {name}")
    values = [_argument(item, scope) for item in _arguments(tree)]
    if not row.least <= len(values) or (row.most >= 0 and len(values) > (row.most or row.least)):
        raise UnfitError(f"the function {name} of {len(values)} arguments")
    return row.write(values)


def _snake(tree: exp.Expr) -> str:
    name = type(tree).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


_KEYS: Final[dict[type[exp.Expr], tuple[str, ...]]] = {
    exp.TimestampTrunc: ("unit", "this"), exp.DateDiff: ("unit", "expression", "this"),
    exp.Substring: ("this", "start", "length"), exp.Replace: ("this", "expression", "replacement"),
    exp.StrPosition: ("this", "substr"), exp.Round: ("this", "decimals"), exp.Trunc: ("this", "decimals"),
    exp.Ceil: ("this", "decimals"), exp.Floor: ("this", "decimals"), exp.Lag: ("this", "offset"),
    exp.Lead: ("this", "offset"),
}  # fmt: skip
"""Where the arguments are, where not in ``this``, ``expression`` and ``expressions``."""
_FLAGS: Final = frozenset({"safe", "coalesce", "ignore_nulls", "date_part_boundary", "big_int", "typed"})


def _arguments(tree: exp.Expr) -> list[exp.Expr]:
    keys = _KEYS.get(type(tree), ("this", "expression"))
    if isinstance(tree, exp.Anonymous):
        return list(tree.expressions)
    allowed = {*keys, *_FLAGS, "expressions"}
    if any(found and key not in allowed for key, found in tree.args.items()):
        raise UnfitError(f"a form of {tree.key}")
    found = [tree.args[key] for key in keys if tree.args.get(key) is not None]
    return [*found, *tree.args.get("expressions", ())]


def _argument(item: exp.Expr, scope: Scope) -> Value:
    if isinstance(item, exp.Var):
        return Value(sql="", kind=VARCHAR, text=item.name)
    return scope.value(item, scope)


def _aggregated(tree: exp.Expr, scope: Scope) -> Value:
    call, kind = _aggregate(tree, scope, windowed=False)
    return Value(sql=f"CAST({call} AS {kind.spark})", kind=kind)


def _aggregate(tree: exp.Expr, scope: Scope, *, windowed: bool) -> tuple[str, Kind]:
    """Return an aggregate's call and the type that it must be brought to."""
    row = AGGREGATES.get(tree.name.lower() if isinstance(tree, exp.Anonymous) else _snake(tree))
    if row is None or (row.window and not windowed):
        raise UnfitError(f"the aggregate {tree.key}")
    arguments = _arguments(tree)
    if isinstance(tree, exp.Count) and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
        return "count(*)", BIGINT
    if len(arguments) == 1 and isinstance(arguments[0], exp.Distinct):
        return _distinct(row, arguments[0], scope)
    if not row.least <= len(arguments) <= (row.most or row.least):
        raise UnfitError(f"the aggregate {tree.key} of {len(arguments)} arguments")
    return row.write([scope.value(item, scope) for item in arguments])


def _distinct(row: Aggregate, tree: exp.Expr, scope: Scope) -> tuple[str, Kind]:
    if len(tree.expressions) != 1 or row.name not in {"count", "sum", "min", "max"}:
        raise UnfitError("DISTINCT of that aggregate")
    call, kind = row.write([scope.value(tree.expressions[0], scope)])
    return call.replace("(", "(DISTINCT ", 1), kind


def filtered(tree: exp.Expr, scope: Scope) -> Value:
    """Write an aggregate with FILTER."""
    call, kind = _filter(tree, scope, windowed=False)
    return Value(sql=f"CAST({call} AS {kind.spark})", kind=kind)


def _filter(tree: exp.Expr, scope: Scope, *, windowed: bool) -> tuple[str, Kind]:
    if not isinstance(tree, exp.Filter):
        return _aggregate(_plain(tree), scope, windowed=windowed)
    call, kind = _aggregate(_plain(tree.this), scope, windowed=windowed)
    return f"{call} FILTER (WHERE {cast(scope.value(tree.expression.this, scope), BOOLEAN).sql})", kind


def _plain(tree: exp.Expr) -> exp.Expr:
    # sqlglot puts it around ANY_VALUE, which takes no NULLs anyway.
    if isinstance(tree, exp.IgnoreNulls) and isinstance(tree.this, exp.AnyValue):
        return tree.this
    return tree


def any_value(tree: exp.Expr, scope: Scope) -> Value:
    """Write ANY_VALUE, around which sqlglot puts another node."""
    return _aggregated(_plain(tree), scope)


def window(tree: exp.Expr, scope: Scope) -> Value:
    """Write an aggregate or window function with OVER."""
    if any(found and key not in {"this", "partition_by", "order", "spec", "over"} for key, found in tree.args.items()):
        raise UnfitError("a form of OVER")
    call, kind = _filter(tree.this, scope, windowed=True)
    if "DISTINCT " in call:
        raise UnfitError("DISTINCT with OVER")
    parts = []
    if tree.args.get("partition_by"):
        parts.append("PARTITION BY " + ", ".join(scope.value(item, scope).sql for item in tree.args["partition_by"]))
    order = tree.args.get("order")
    if order is not None:
        parts.append("ORDER BY " + ", ".join(ordered(item, scope) for item in order.expressions))
    spec = tree.args.get("spec")
    if spec is not None:
        parts.append(_frame(spec))
    return Value(sql=f"CAST({call} OVER ({' '.join(parts)}) AS {kind.spark})", kind=kind)


def _frame(spec: exp.Expr) -> str:
    if (spec.args.get("kind") or "").upper() != "ROWS" or spec.args.get("exclude"):
        raise UnfitError("a frame of other things than rows")
    start, stop = (_bound(spec.args.get(key), spec.args.get(f"{key}_side")) for key in ("start", "end"))
    return f"ROWS BETWEEN {start} AND {stop}"


def _bound(bound: object, side: object) -> str:
    while isinstance(bound, exp.Cast | exp.Paren):
        bound = bound.this
    if bound is None or bound == "CURRENT ROW":
        return "CURRENT ROW"
    if bound == "UNBOUNDED":
        return f"UNBOUNDED {side}"
    if isinstance(bound, exp.Literal) and bound.name.isdigit():
        return f"{bound.name} {side}"
    raise UnfitError("a frame with a bound that is not written out")
