"""Expressions: a row a kind of node in sqlglot's trees; calls of functions are in ``sql.spark.calls``."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from sqlglot import exp

from sql.spark import calls
from sql.spark.functions import like
from sql.spark.scope import Scope
from sql.spark.values import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    HUGEINT,
    INTEGER,
    INTERVAL,
    NULL,
    TIMESTAMP,
    VARCHAR,
    Kind,
    UnfitError,
    Value,
    added,
    cast,
    kind_of,
    met,
    product,
    quotient,
    remainder,
    string,
)

Write = Callable[[exp.Expr, Scope], Value]
_INT32: Final = 2**31
_INT64: Final = 2**63


def value(tree: exp.Expr, scope: Scope) -> Value:
    """Write an expression; raises ``UnfitError`` for what has no row."""
    write = _NODES.get(type(tree))
    if write is not None:
        return write(tree, scope)
    if isinstance(tree, exp.Func):
        return calls.called(tree, scope)
    raise UnfitError(f"{tree.key}")


def _literal(tree: exp.Expr, scope: Scope) -> Value:
    text = tree.name
    if tree.is_string:
        return Value(sql=string(text), kind=VARCHAR, text=text)
    if "e" in text.lower():
        return Value(sql=f"CAST({text} AS DOUBLE)", kind=DOUBLE)
    number = Decimal(text)
    if "." in text:
        digits, places = len(text.replace(".", "")), len(text.partition(".")[2])
        kind = Kind("DECIMAL", digits, places)
    else:
        kind = INTEGER if number < _INT32 else BIGINT if number < _INT64 else HUGEINT
    return Value(sql=f"CAST({text} AS {kind.spark})", kind=kind, number=number)


def _negative(tree: exp.Expr, scope: Scope) -> Value:
    inner = scope.value(tree.this, scope)
    if inner.number is not None:
        return Value(sql=f"CAST({-inner.number:f} AS {inner.kind.spark})", kind=inner.kind, number=-inner.number)
    if inner.kind.exact:
        return cast(added("-", Value(sql="0", kind=inner.kind, number=Decimal(0)), inner), inner.kind)
    if inner.kind.floating:
        return Value(sql=f"(- {inner.sql})", kind=inner.kind)
    raise UnfitError(f"minus {inner.kind.name}")


def _boolean(tree: exp.Expr, scope: Scope) -> Value:
    return Value(sql="true" if tree.this else "false", kind=BOOLEAN)


def _null(tree: exp.Expr, scope: Scope) -> Value:
    return Value(sql="NULL", kind=NULL)


def _column(tree: exp.Expr, scope: Scope) -> Value:
    if not isinstance(tree, exp.Column) or tree.args.get("db"):
        raise UnfitError("a column's name in parts")
    return scope.column(tree.table, tree.name)


def _paren(tree: exp.Expr, scope: Scope) -> Value:
    inner = scope.value(tree.this, scope)
    return inner if inner.kind == INTERVAL or inner.number is not None else replace(inner, sql=f"({inner.sql})")


def _cast(tree: exp.Expr, scope: Scope) -> Value:
    if tree.args.get("format") or tree.args.get("action"):
        raise UnfitError("CAST by a format")
    inner, kind = scope.value(tree.this, scope), kind_of(tree.args["to"].sql(dialect="duckdb"))
    if inner.kind.name == "TIMESTAMPTZ" and inner.text is not None and kind in {TIMESTAMP, DATE}:
        return _now(inner, kind, scope)
    return cast(inner, kind)


def _now(inner: Value, kind: Kind, scope: Scope) -> Value:
    """Return the time that a statement began at, as the session's zone has it: only where that is UTC."""
    if scope.writer.variable("TimeZone") != "UTC":
        raise UnfitError("the time now in another zone than UTC")
    return cast(Value(sql=inner.sql, kind=TIMESTAMP), kind)


def _arithmetic(sign: str) -> Write:
    def write(tree: exp.Expr, scope: Scope) -> Value:
        left, right = scope.value(tree.this, scope), scope.value(tree.expression, scope)
        if INTERVAL in {left.kind, right.kind}:
            return _moved(sign, left, right)
        if DATE in {left.kind, right.kind}:
            return _dated(sign, left, right)
        if NULL in {left.kind, right.kind}:
            raise UnfitError("arithmetic of NULL")
        if left.kind.floating or right.kind.floating:
            return _floating(sign, left, right)
        if not (left.kind.exact and right.kind.exact):
            raise UnfitError(f"arithmetic of {left.kind.name} and {right.kind.name}")
        return _EXACT[sign](left, right)

    return write


def _floating(sign: str, left: Value, right: Value) -> Value:
    if Kind("REAL") in {left.kind, right.kind} and DOUBLE not in {left.kind, right.kind}:
        raise UnfitError("arithmetic of REAL")
    one, other = cast(left, DOUBLE).sql, cast(right, DOUBLE).sql
    if sign == "/":
        return Value(sql=f"({one} / NULLIF({other}, CAST(0 AS DOUBLE)))", kind=DOUBLE)
    if sign == "%":
        raise UnfitError("remainders of floats")
    return Value(sql=f"({one} {sign} {other})", kind=DOUBLE)


_EXACT: Final[dict[str, Callable[[Value, Value], Value]]] = {
    "+": lambda left, right: added("+", left, right),
    "-": lambda left, right: added("-", left, right),
    "*": product,
    "/": quotient,
    "%": remainder,
}


def _dated(sign: str, left: Value, right: Value) -> Value:
    if left.kind == DATE and right.kind == DATE and sign == "-":
        return Value(sql=f"CAST(datediff({left.sql}, {right.sql}) AS BIGINT)", kind=BIGINT)
    if left.kind == DATE and right.kind == INTEGER and sign in {"+", "-"}:
        return Value(sql=f"date_{'add' if sign == '+' else 'sub'}({left.sql}, {right.sql})", kind=DATE)
    raise UnfitError("that arithmetic of dates")


def _moved(sign: str, left: Value, right: Value) -> Value:
    if left.kind == INTERVAL and right.kind == INTERVAL and sign == "+":
        joined = (" + ".join(filter(None, pair)) for pair in zip(_parts(left), _parts(right), strict=True))
        months, days, seconds = joined
        return Value(sql="", kind=INTERVAL, months=months, days=days, seconds=seconds)
    if left.kind not in {DATE, TIMESTAMP} or right.kind != INTERVAL or sign not in {"+", "-"}:
        raise UnfitError("that arithmetic of intervals")
    sql = cast(left, TIMESTAMP).sql
    months, days, seconds = _parts(right)
    if months:
        sql = f"({sql} {sign} make_ym_interval(0, {months}))"
    if days or seconds:
        sql = f"({sql} {sign} make_dt_interval({days or '0'}, 0, 0, {seconds or '0'}))"
    return Value(sql=sql, kind=TIMESTAMP)


def _parts(interval: Value) -> tuple[str, str, str]:
    return interval.months, interval.days, interval.seconds


def _connected(word: str) -> Write:
    def write(tree: exp.Expr, scope: Scope) -> Value:
        # Long chains are deep trees.
        parts, left = [], tree
        while isinstance(left, type(tree)):
            parts.append(left.expression)
            left = left.this
        sides = [cast(scope.value(each, scope), BOOLEAN).sql for each in (left, *reversed(parts))]
        return Value(sql=f"({f' {word} '.join(sides)})", kind=BOOLEAN)

    return write


def _not(tree: exp.Expr, scope: Scope) -> Value:
    return Value(sql=f"(NOT {cast(scope.value(tree.this, scope), BOOLEAN).sql})", kind=BOOLEAN)


def _compared(sign: str) -> Write:
    def write(tree: exp.Expr, scope: Scope) -> Value:
        if sign in {"=", "<=>"}:
            scope.writer.fixed |= any(side.find(exp.Column) is None for side in (tree.this, tree.expression))
        left, right = met([scope.value(tree.this, scope), scope.value(tree.expression, scope)])
        return Value(sql=f"({left.sql} {sign} {right.sql})", kind=BOOLEAN)

    return write


def _unequal_or_null(tree: exp.Expr, scope: Scope) -> Value:
    left, right = met([scope.value(tree.this, scope), scope.value(tree.expression, scope)])
    return Value(sql=f"(NOT ({left.sql} <=> {right.sql}))", kind=BOOLEAN)


def _is(tree: exp.Expr, scope: Scope) -> Value:
    left, right = scope.value(tree.this, scope), tree.expression
    if isinstance(right, exp.Null):
        return Value(sql=f"({left.sql} IS NULL)", kind=BOOLEAN)
    if isinstance(right, exp.Boolean):
        return Value(sql=f"({cast(left, BOOLEAN).sql} <=> {'true' if right.this else 'false'})", kind=BOOLEAN)
    raise UnfitError("IS of another thing")


def _between(tree: exp.Expr, scope: Scope) -> Value:
    if tree.args.get("symmetric"):
        raise UnfitError("BETWEEN SYMMETRIC")
    middle, low, high = (scope.value(tree.args[key], scope) for key in ("this", "low", "high"))
    scope.writer.fixed |= low.sql == high.sql
    one, least = met([middle, low])
    other, most = met([middle, high])
    return Value(sql=f"(({one.sql} >= {least.sql}) AND ({other.sql} <= {most.sql}))", kind=BOOLEAN)


def _in(tree: exp.Expr, scope: Scope) -> Value:
    left = scope.value(tree.this, scope)
    inner = tree.args.get("query")
    if inner is not None:
        found = scope.query(inner.this if isinstance(inner, exp.Subquery) else inner, scope)
        if len(found.columns) != 1 or found.columns[0][1] != left.kind:
            raise UnfitError("IN of a query of another type")
        return Value(sql=f"({left.sql} IN ({found.sql}))", kind=BOOLEAN)
    if not tree.expressions or tree.args.get("unnest") or tree.args.get("field"):
        raise UnfitError("IN of another thing")
    scope.writer.fixed |= len(tree.expressions) == 1
    first, *rest = met([left, *(scope.value(item, scope) for item in tree.expressions)])
    return Value(sql=f"({first.sql} IN ({', '.join(item.sql for item in rest)}))", kind=BOOLEAN)


def _exists(tree: exp.Expr, scope: Scope) -> Value:
    inner = tree.this.this if isinstance(tree.this, exp.Subquery) else tree.this
    return Value(sql=f"EXISTS ({scope.query(inner, scope).sql})", kind=BOOLEAN)


def _scalar(tree: exp.Expr, scope: Scope) -> Value:
    found = scope.query(tree.this, scope)
    if len(found.columns) != 1 or any(value for key, value in tree.args.items() if key != "this"):
        raise UnfitError("a subquery of several columns")
    return Value(sql=f"({found.sql})", kind=found.columns[0][1])


def _case(tree: exp.Expr, scope: Scope) -> Value:
    subject, branches = tree.args.get("this"), tree.args["ifs"]
    conditions = []
    for branch in branches:
        if subject is not None:
            left, right = met([scope.value(subject, scope), scope.value(branch.this, scope)])
            conditions.append(f"({left.sql} = {right.sql})")
        else:
            conditions.append(cast(scope.value(branch.this, scope), BOOLEAN).sql)
    default = tree.args.get("default")
    results = [scope.value(branch.args["true"], scope) for branch in branches]
    results.append(scope.value(default, scope) if default is not None else Value(sql="NULL", kind=NULL))
    return _branches(conditions, results)


def _if(tree: exp.Expr, scope: Scope) -> Value:
    default = tree.args.get("false")
    condition = cast(scope.value(tree.this, scope), BOOLEAN).sql
    other = scope.value(default, scope) if default is not None else Value(sql="NULL", kind=NULL)
    return _branches([condition], [scope.value(tree.args["true"], scope), other])


def _branches(conditions: Sequence[str], results: list[Value]) -> Value:
    brought = met(results) if len({each.kind for each in results} - {NULL}) > 1 else results
    kind = next((each.kind for each in brought if each.kind != NULL), NULL)
    if kind == INTERVAL:
        raise UnfitError("a choice of intervals")
    pairs = zip(conditions, brought, strict=False)
    written = " ".join(f"WHEN {condition} THEN {result.sql}" for condition, result in pairs)
    return Value(sql=f"CASE {written} ELSE {brought[-1].sql} END", kind=kind)


def _escaped(tree: exp.Expr, scope: Scope) -> Value:
    inner = tree.this
    if not isinstance(inner, exp.Like | exp.ILike):
        raise UnfitError("ESCAPE of another thing")
    return _liked(inner, scope, tree.expression.name)


def _like(tree: exp.Expr, scope: Scope) -> Value:
    return _liked(tree, scope, "")


def _liked(tree: exp.Expr, scope: Scope, escape: str) -> Value:
    left, right = scope.value(tree.this, scope), scope.value(tree.expression, scope)
    return Value(sql=like(left, right, escape, folded=isinstance(tree, exp.ILike)), kind=BOOLEAN)


def _trim(tree: exp.Expr, scope: Scope) -> Value:
    given = tree.args.get("expression")
    inner, characters = scope.value(tree.this, scope), scope.value(given, scope) if given is not None else None
    if inner.kind != VARCHAR or characters is None or not characters.text or tree.args.get("collation"):
        raise UnfitError("TRIM of what is not written out")
    where = tree.args.get("position") or "BOTH"
    return Value(sql=f"TRIM({where} {characters.sql} FROM {inner.sql})", kind=VARCHAR)


_NODES: Final[dict[type[exp.Expr], Write]] = {
    exp.Literal: _literal, exp.Neg: _negative, exp.Boolean: _boolean, exp.Null: _null, exp.Column: _column,
    exp.Paren: _paren, exp.Cast: _cast,
    exp.Add: _arithmetic("+"), exp.Sub: _arithmetic("-"), exp.Mul: _arithmetic("*"), exp.Div: _arithmetic("/"),
    exp.Mod: _arithmetic("%"),
    exp.And: _connected("AND"), exp.Or: _connected("OR"), exp.Not: _not,
    exp.EQ: _compared("="), exp.NEQ: _compared("<>"), exp.LT: _compared("<"), exp.LTE: _compared("<="),
    exp.GT: _compared(">"), exp.GTE: _compared(">="), exp.NullSafeEQ: _compared("<=>"),
    exp.NullSafeNEQ: _unequal_or_null, exp.Is: _is, exp.Between: _between, exp.In: _in, exp.Exists: _exists,
    exp.Subquery: _scalar, exp.Case: _case, exp.If: _if, exp.Escape: _escaped, exp.Like: _like, exp.ILike: _like,
    exp.Trim: _trim, exp.Filter: calls.filtered, exp.IgnoreNulls: calls.any_value, exp.Window: calls.window,
    exp.DPipe: calls.called,
}  # fmt: skip
