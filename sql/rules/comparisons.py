"""Comparisons, logic, membership, patterns, CASE, subqueries as values."""

from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.names import literal, quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion, decimals, dynamic, keys
from sql.inference import common
from sql.relations import Output, Query
from sql.rules import arrays
from sql.rules.operators import no_operator
from sql.rules.spec import Rule
from sql.rules.subqueries import inside
from sql.scope import Scope, Write
from sql.value import BOOL, VARBYTE, VARCHAR, Value, made

_MANY: Final = 20
"""Alternatives beyond which the engine is not to take them apart."""
_MIXED: Final = frozenset({"BN", "NB", "BD", "DB", "ND", "DN", "BS", "SB", "NT", "TN"})
"""Pairs of categories that have no comparison."""


def _compare(sign: str) -> Write:
    def write(node: exp.Expr, scope: Scope) -> Value:
        if entries(node.this) is not None:
            return _rows(sign, node, scope)
        if isinstance(node.expression, exp.Any | exp.All):
            return _quantified(sign, node, scope)
        left, right = scope.value(node.this), scope.value(node.expression)
        return compared(sign, left, right, scope, node)

    return write


def compared(sign: str, left: Value, right: Value, scope: Scope, node: exp.Expr) -> Value:
    """Write a comparison of two values, each brought to the type that both have in common."""
    return keys.compared(sign, *matched(sign, left, right, scope, node))


def equated(left: Value, right: Value, scope: Scope, node: exp.Expr) -> tuple[str, str]:
    """Return what the engine must find equal where Redshift finds *left* and *right* equal."""
    left, right = keys.both(*matched("=", left, right, scope, node))
    return left.sql, right.sql


def matched(sign: str, left: Value, right: Value, scope: Scope, node: exp.Expr) -> tuple[Value, Value]:
    """Return both values in a form that the engine compares as Redshift does."""
    if left.open and right.open:
        return conversion.coerce(left, VARCHAR), conversion.coerce(right, VARCHAR)
    try:
        left, right = _closed(left, right), _closed(right, left)
    except SqlError as error:
        if error.position is None:
            error.position = scope.writer.position(node)
        raise
    if "super" in (left.name, right.name):
        return _dynamic(left, right), _dynamic(right, left)
    mixed = left.category + right.category in _MIXED and "oid" not in (left.name, right.name)
    if mixed or _half_binary(left, right) or _half_binary(right, left):
        raise no_operator(sign, left, right, scope, node)
    return _aligned(left, right)


def _half_binary(value: Value, other: Value) -> bool:
    return value.name == "varbyte" and other.name != "varbyte" and not other.textual


def _closed(value: Value, other: Value) -> Value:
    """Give an open value the other's type; CHAR ignores trailing blanks."""
    if not value.open:
        return value
    if value.slot is not None and other.name == "bpchar":
        return conversion.cast(value, types.of("bpchar"))
    if value.literal is not None and other.name == "bpchar":
        content = value.literal.rstrip(" ")
        return Value(sql=literal(content), type=VARCHAR, exact=True, text=content)
    if value.literal is not None and other.category == "N" and "." in value.literal:
        return conversion.cast(value, types.of("float8") if "e" in value.literal.lower()
                               else _numeric_of(value.literal))
    return conversion.coerce(value, VARCHAR if other.open or other.name == "super" else other.type)


def _numeric_of(content: str) -> ColumnType:
    from_digits = content.strip().lstrip("+-")
    whole, _, fraction = from_digits.partition(".")
    return types.numeric(min(38, max(1, len(whole) + len(fraction))), min(37, len(fraction)))


def _aligned(left: Value, right: Value) -> tuple[Value, Value]:
    kinds = left.category + right.category
    if "varbyte" in (left.name, right.name):
        return conversion.coerce(left, VARBYTE), conversion.coerce(right, VARBYTE)
    if kinds in {"NS", "SN"}:
        # "Type compatibility": a DECIMAL has the string made a number, any other number is made a string.
        goal = types.of("float8") if "numeric" in (left.name, right.name) else VARCHAR
        return conversion.coerce(left, goal), conversion.coerce(right, goal)
    if kinds in {"DS", "SD"}:
        goal = left.type if left.category == "D" else right.type
        return conversion.coerce(left, goal), conversion.coerce(right, goal)
    return left, right


def _dynamic(value: Value, other: Value) -> Value:
    """Bring SUPER to a date's or time's type: it has no such values of its own."""
    moment = value.name == "super" and other.category in "DT" and other.name != "super"
    return conversion.cast(value, other.type) if moment else value


def entries(node: exp.Expr) -> list[exp.Expr] | None:
    """Return the entries of ``(a, b)`` or ``ROW(a, b)``, None for anything else."""
    if isinstance(node, exp.Tuple) or (isinstance(node, exp.Anonymous) and node.name.lower() == "row"):
        return list(node.expressions)
    return None


def _rows(sign: str, node: exp.Expr, scope: Scope) -> Value:
    left, right = [scope.value(item) for item in entries(node.this) or []], entries(node.expression)
    if right is not None:
        return made(_row_by_row(sign, left, [scope.value(item) for item in right], scope, node), BOOL, exact=True)
    if not isinstance(node.expression, exp.Query):
        raise not_supported("this comparison of rows", position=scope.writer.position(node))
    query = inside(node.expression, scope)
    condition = _row_by_row(sign, left, [_inner(output) for output in query.outputs], scope, node)
    return made(f"(SELECT rs_one({condition}) FROM ({query.sql}) AS q)", BOOL, exact=True)


def _row_by_row(sign: str, left: list[Value], right: list[Value], scope: Scope, node: exp.Expr) -> str:
    """Compare rows: all entries for equality, else the first that differ."""
    if len(left) != len(right):
        raise SqlError(
            SqlState.SYNTAX_ERROR,
            "unequal number of entries in row expressions",
            position=scope.writer.position(node),
        )
    pairs = list(zip(left, right, strict=True))
    if sign in {"=", "<>"}:
        sql = " AND ".join(compared("=", *pair, scope, node).sql for pair in pairs)
        return f"({sql})" if sign == "=" else f"(NOT ({sql}))"
    sql = compared(sign, *pairs[-1], scope, node).sql
    for pair in reversed(pairs[:-1]):
        first, equal = compared(sign[0], *pair, scope, node).sql, compared("=", *pair, scope, node).sql
        sql = f"({first} OR ({equal} AND {sql}))"
    return sql


def _quantified(sign: str, node: exp.Expr, scope: Scope) -> Value:
    word = "ANY" if isinstance(node.expression, exp.Any) else "ALL"
    inner = node.expression.this
    if not isinstance(inner, exp.Query):
        return arrays.quantified(sign, node, scope)
    query = inside(inner, scope, width=1)
    left, right = keys.both(*matched(sign, scope.value(node.this), _inner(query.outputs[0]), scope, node))
    return made(f"({left.sql} {sign} {word} ({_projected(query, [right.sql])}))", BOOL, exact=True)


def distinctness(word: str) -> Write:
    """Return the rule of IS [NOT] DISTINCT FROM."""

    def write(node: exp.Expr, scope: Scope) -> Value:
        left, right = equated(scope.value(node.this), scope.value(node.expression), scope, node)
        return made(f"({left} {word} {right})", BOOL, exact=True)

    return write


# Logic


def truth(value: Value, word: str, scope: Scope, node: exp.Expr) -> Value:
    """Return *value* as an operand of AND, OR, NOT."""
    if value.open or value.name in conversion.TRUTHS:
        return conversion.cast(value, BOOL)
    if value.category != "B":
        raise SqlError(
            SqlState.DATATYPE_MISMATCH,
            f"argument of {word} must be type boolean, not type {value.type.type.sql}",
            position=scope.writer.position(node),
        )
    return value


def connected(node: exp.Expr, scope: Scope) -> Value:
    """Write AND and OR; long chains are taken apart without going deep."""
    kind = type(node)
    word = kind.key.upper()
    operands: list[exp.Expr] = []
    stack = [node]
    while stack:
        item = stack.pop()
        if type(item) is kind:
            stack += [item.expression, item.this]
        else:
            operands.append(item)
    if kind is exp.And and len(operands) > _MANY:
        operands = _excluded(operands)
    parts = [truth(scope.value(item), word, scope, item).sql for item in operands]
    if kind is exp.Or and len(parts) > _MANY:
        # The engine looks for what all of them have in common, in a time that grows with the square.
        parts = [f"CAST(CAST({part} AS TINYINT) AS BOOLEAN)" if " AND " in part else part for part in parts]
    return made(f"({f' {word} '.join(parts)})", BOOL, exact=True)


def _excluded(operands: list[exp.Expr]) -> list[exp.Expr]:
    """Put ``a <> 1``, ``a <> 2`` … together as NOT IN: the engine compares each such condition with all others."""
    found: dict[tuple[exp.Expr, bool], list[exp.Expr]] = {}
    rest = []
    for item in operands:
        inner = item.this if isinstance(item, exp.Paren) else item
        plain = isinstance(inner, exp.NEQ) and isinstance(inner.this, exp.Column)
        if plain and isinstance(inner.expression, exp.Literal) and "." not in inner.expression.name:
            found.setdefault((inner.this, bool(inner.expression.is_string)), []).append(inner)
        else:
            rest.append(item)
    for (column, _), alike in found.items():
        if len(alike) <= _MANY:
            rest += alike
        else:
            listed = exp.In(this=column, expressions=[item.expression for item in alike])
            rest.append(exp.Not(this=listed))
    return rest


def negated(node: exp.Expr, scope: Scope) -> Value:
    """Write NOT."""
    inner = node.this.this if isinstance(node.this, exp.Paren) else node.this
    if isinstance(inner, exp.In) and inner.args.get("query") is not None and entries(inner.this) is not None:
        return _row_not_in(inner, scope)
    return made(f"(NOT {truth(scope.value(node.this), 'NOT', scope, node).sql})", BOOL, exact=True)


def tested(node: exp.Expr, scope: Scope) -> Value:
    """Write IS NULL, IS TRUE, IS FALSE."""
    value = scope.value(node.this)
    target = node.expression
    if isinstance(target, exp.Boolean):
        word = "TRUE" if target.this else "FALSE"
        return made(f"({truth(value, 'IS', scope, node).sql} IS {word})", BOOL, exact=True)
    if value.name == "super":
        return made(f"rs_super_is_null({value.sql})", BOOL, exact=True)
    return made(f"({conversion.settled(value).sql} IS NULL)", BOOL, exact=True)


def between(node: exp.Expr, scope: Scope) -> Value:
    """Write BETWEEN."""
    value = scope.value(node.this)
    low, high = scope.value(node.args["low"]), scope.value(node.args["high"])
    if node.args.get("symmetric"):
        raise not_supported("BETWEEN SYMMETRIC", position=scope.writer.position(node))
    if value.open:
        value = _closed(value, low if not low.open else high)
    if value.category == "D" and low.literal is not None and high.literal is not None:
        low, high = conversion.cast(low, value.type), conversion.cast(high, value.type)
    first = compared(">=", value, low, scope, node)
    second = compared("<=", value, high, scope, node)
    return made(f"({first.sql} AND {second.sql})", BOOL, exact=True)


def member(node: exp.Expr, scope: Scope) -> Value:
    """Write IN, of a list or of a query."""
    if node.args.get("query") is not None:
        return _in_query(node, scope)
    if node.args.get("unnest") is not None or node.args.get("field") is not None:
        raise not_supported("IN without a list", position=scope.writer.position(node))
    if entries(node.this) is not None:
        parts = [_rows("=", exp.EQ(this=node.this, expression=item), scope).sql for item in node.expressions]
        return made(f"({' OR '.join(parts)})", BOOL, exact=True)
    if not node.expressions:
        raise SqlError(SqlState.SYNTAX_ERROR, 'syntax error at or near ")"', position=scope.writer.position(node))
    return _listed(node, scope)


def _listed(node: exp.Expr, scope: Scope) -> Value:
    value = scope.value(node.this)
    items = [scope.value(item) for item in node.expressions]
    if value.open:
        value = conversion.coerce(value, common(items, "IN"))
    if value.name == "super" and not any(item.category == "D" for item in items):
        closed = [dynamic.key(_closed(item, value)) for item in items]
        return made(f"({dynamic.key(value)} IN ({', '.join(closed)}))", BOOL, exact=True)
    if value.name == "super" or any(item.name == "super" for item in items):
        parts = [compared("=", value, item, scope, node).sql for item in items]
        return made(f"({' OR '.join(parts)})", BOOL, exact=True)
    matches = [matched("=", value, item, scope, node) for item in items]
    if len({left.sql for left, _ in matches}) > 1:
        parts = [keys.compared("=", left, right).sql for left, right in matches]
        return made(f"({' OR '.join(parts)})", BOOL, exact=True)
    return made(keys.listed(matches[0][0], [right for _, right in matches]), BOOL, exact=True)


def _in_query(node: exp.Expr, scope: Scope) -> Value:
    left = entries(node.this) or [node.this]
    query = inside(node.args["query"], scope)
    if len(query.outputs) != len(left):
        words = ("too many", "too few")[len(query.outputs) < len(left)]
        raise SqlError(SqlState.SYNTAX_ERROR, f"subquery has {words} columns")
    pairs = [
        equated(scope.value(item), _inner(output), scope, node)
        for item, output in zip(left, query.outputs, strict=True)
    ]
    shown = ", ".join(value for value, _ in pairs)
    return made(
        f"({f'({shown})' if len(pairs) > 1 else shown} IN ({_projected(query, [item for _, item in pairs])}))",
        BOOL,
        exact=True,
    )


def _row_not_in(node: exp.Expr, scope: Scope) -> Value:
    """Write ``(a, b) NOT IN (query)``: the engine gives NULL for every row of which some entry is NULL."""
    inside_ = inside(node.args["query"], scope)
    left = [scope.value(item) for item in entries(node.this) or []]
    equal = _row_by_row("=", left, [_inner(output) for output in inside_.outputs], scope, node)
    rows = f"SELECT 1 FROM ({inside_.sql}) AS q WHERE"
    sql = f"CASE WHEN EXISTS ({rows} {equal}) THEN false WHEN EXISTS ({rows} ({equal}) IS NULL) THEN NULL ELSE true END"
    return made(sql, BOOL, exact=True)


def _inner(output: Output) -> Value:
    """Return a subquery's column as it is named around it."""
    return output.value.named(f"q.{quote(output.engine_name)}")


def _projected(query: Query, columns: list[str]) -> str:
    """Return the subquery with its columns brought to *columns*, which are written over ``q``."""
    if columns == [f"q.{quote(output.engine_name)}" for output in query.outputs]:
        return query.sql
    return f"SELECT {', '.join(columns)} FROM ({query.sql}) AS q"


# CASE


def chosen(conditions: list[str], results: list[Value]) -> Value:
    """Write CASE WHEN for conditions and their results, one more result being ELSE."""
    type_ = common(results)

    def written(choices: list[str]) -> str:
        parts = [f"WHEN {condition} THEN {choice}" for condition, choice in zip(conditions, choices, strict=False)]
        otherwise = f" ELSE {choices[-1]}" if len(choices) > len(conditions) else ""
        return f"CASE {' '.join(parts)}{otherwise} END"

    whole = written([conversion.exact(conversion.cast(value, type_)).sql for value in results])
    return Value(sql=whole, type=type_, exact=True, quick=decimals.among(results, type_, whole, written))


def overlaps(node: exp.Expr, scope: Scope) -> Value:
    """Write ``(a, b) OVERLAPS (c, d)``."""
    sides = [side for side in (node.this, node.expression) if isinstance(side, exp.Tuple)]
    if len(sides) != 2 or any(len(side.expressions) != 2 for side in sides):
        raise SqlError(SqlState.SYNTAX_ERROR, "wrong number of parameters on side of OVERLAPS expression")
    values = [scope.value(item) for side in sides for item in side.expressions]
    goal = types.of("time" if any(value.name in {"time", "timetz"} for value in values) else "timestamp")
    typed = [value if value.category == "T" else conversion.cast(value, goal) for value in values]
    a, b, c, d = (value.sql for value in typed)
    ends = [f"({first} + {second})" if value.category == "T" else second
            for first, second, value in ((a, b, typed[1]), (c, d, typed[3]))]
    return made(f"rs_overlaps({a}, {ends[0]}, {c}, {ends[1]})", BOOL, exact=True)


RULES: Final = (
    Rule(node=exp.EQ, write=_compare("="), doc="r_comparison_condition"),
    Rule(node=exp.NEQ, write=_compare("<>"), doc="r_comparison_condition"),
    Rule(node=exp.LT, write=_compare("<"), doc="r_comparison_condition"),
    Rule(node=exp.LTE, write=_compare("<="), doc="r_comparison_condition"),
    Rule(node=exp.GT, write=_compare(">"), doc="r_comparison_condition"),
    Rule(node=exp.GTE, write=_compare(">="), doc="r_comparison_condition"),
    Rule(node=exp.NullSafeEQ, write=distinctness("IS NOT DISTINCT FROM"), doc="r_comparison_condition"),
    Rule(node=exp.NullSafeNEQ, write=distinctness("IS DISTINCT FROM"), doc="r_comparison_condition"),
    Rule(node=exp.And, write=connected, doc="r_logical_condition"),
    Rule(node=exp.Or, write=connected, doc="r_logical_condition"),
    Rule(node=exp.Not, write=negated, doc="r_logical_condition"),
    Rule(node=exp.Is, write=tested, doc="r_null_condition"),
    Rule(node=exp.Between, write=between, doc="r_range_condition"),
    Rule(node=exp.In, write=member, doc="r_in_condition"),
    Rule(node=exp.Overlaps, write=overlaps, doc="r_OPERATOR_SYMBOLS"),
)
