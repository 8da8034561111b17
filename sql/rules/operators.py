"""Arithmetic, concatenation, bits, dates with numbers.

Redshift, "Computations with numeric values"; division by zero raises 22012.
"""

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion, decimals, dynamic, floats
from sql.inference import arithmetic, concatenated, is_float, is_integer, number_type
from sql.once import once
from sql.query import too_complex
from sql.rules import temporal
from sql.rules.spec import Rule
from sql.scope import DEEPEST, Scope, Write
from sql.value import FLOAT8, INT4, INT8, INTERVAL, VARBYTE, Value, made

_SCIENTIFIC: Final = re.compile(r"CAST\((\d*\.?\d*e[+-]?\d+) AS DOUBLE\)", re.IGNORECASE)
_STAMPS: Final = frozenset({"timestamp", "timestamptz"})


def no_operator(sign: str, left: Value, right: Value, scope: Scope, node: exp.Expr) -> SqlError:
    """Return the error for operands that an operator does not take."""
    return SqlError(
        SqlState.UNDEFINED_FUNCTION,
        f"operator does not exist: {left.type.type.sql} {sign} {right.type.type.sql}",
        hint="No operator matches the given name and argument type(s). You may need to add explicit type casts.",
        position=scope.writer.position(node),
    )


def _binary(sign: str) -> Write:
    def write(node: exp.Expr, scope: Scope) -> Value:
        left, right = scope.value(node.this), scope.value(node.expression)
        return combine(sign, left, right, scope, node)

    return write


def _added(node: exp.Expr, scope: Scope) -> Value:
    """Write a sum or difference; of many numbers as a sum of sums, because the engine's time grows with its depth."""
    spine = [node]
    while isinstance(spine[-1].this, exp.Add | exp.Sub) and id(spine[-1].this) not in scope.done:
        spine.append(spine[-1].this)
    spine.reverse()
    values = [scope.value(spine[0].this), *(scope.value(item.expression) for item in spine)]
    signs = ["-" if isinstance(item, exp.Sub) else "+" for item in spine]
    if len(spine) >= _LONG and all(_whole(value) for value in values):
        return _paired(values, signs)
    total = values[0]
    for item, sign, value in zip(spine, signs, values[1:], strict=True):
        total = combine(sign, total, value, scope, item)
    if len(spine) > DEEPEST and not total.fixed and not total.pieces:
        raise too_complex()
    return total


_LONG: Final = 64


def _whole(value: Value) -> bool:
    """Tell whether a value is a number that may be added in any order."""
    return value.category == "N" and not is_float(value.type) and value.slot is None


def _paired(values: list[Value], signs: list[str]) -> Value:
    """Add numbers up in pairs of pairs; the type is that of adding them one after the other."""
    type_ = values[0].type
    for sign, value in zip(signs, values[1:], strict=True):
        type_ = arithmetic(sign, type_, value.type)
    parts = {
        wanted: [value for sign, value in zip(["+", *signs], values, strict=True) if sign == wanted] for wanted in "+-"
    }
    total = _halved(parts["+"])
    if parts["-"]:
        total = _numbers("-", total, _halved(parts["-"]))
    return total if total.type == type_ else Value(sql=total.sql, type=type_, fixed=total.fixed)


def _halved(values: list[Value]) -> Value:
    if len(values) == 1:
        return values[0]
    middle = len(values) // 2
    return _numbers("+", _halved(values[:middle]), _halved(values[middle:]))


def combine(sign: str, left: Value, right: Value, scope: Scope, node: exp.Expr) -> Value:
    """Write ``left sign right``, whatever their types."""
    if sign == "+" and (_strings(left, right) or left.name == right.name == "varbyte"):
        return concatenation((left, right))
    if "super" in (left.name, right.name):
        return dynamic.computed(sign, conversion.settled(left), conversion.settled(right))
    left, right = _settle(sign, left, right)
    left, right = _as_number(left), _as_number(right)
    if left.category == right.category == "N":
        return _numbers(sign, left, right)
    write = temporal.TABLE.get((sign, _kind(left), _kind(right)))
    if write is None:
        raise no_operator(sign, left, right, scope, node)
    return write(left, right)


def _strings(left: Value, right: Value) -> bool:
    """Tell whether ``+`` puts strings together: neither side is of any other type."""
    texts = [value.textual or value.literal is not None for value in (left, right)]
    known = [value.textual for value in (left, right)]
    return all(texts) and (any(known) or (left.literal is not None and right.literal is not None))


def _settle(sign: str, left: Value, right: Value) -> tuple[Value, Value]:
    """Give an open operand the type that the other asks for."""
    if left.open and right.open:
        target = FLOAT8 if left.slot is None and right.slot is None else INT4
        return conversion.coerce(left, target), conversion.coerce(right, target)
    if left.open:
        return _opened(left, right, sign), right
    if right.open:
        return left, _opened(right, left, sign)
    return left, right


def _opened(value: Value, other: Value, sign: str) -> Value:
    if value.literal is not None and other.category == "N":
        digits = value.literal.strip().lstrip("+-")
        if digits.replace(".", "", 1).isdigit():
            return conversion.cast(value, number_type(digits))
        return conversion.cast(value, other.type)
    if other.category == "D":
        return conversion.cast(value, _with_time(value, other, sign))
    if other.textual:
        return conversion.cast(value, FLOAT8)
    return conversion.cast(value, other.type)


def _with_time(value: Value, other: Value, sign: str) -> ColumnType:
    """Return what an open operand of a date is: a date to subtract, or days."""
    if value.literal is not None and sign == "-":
        return other.type
    if value.literal is not None or other.name in _STAMPS:
        return INTERVAL
    return INT4


def _as_number(value: Value) -> Value:
    return conversion.cast(value, FLOAT8) if value.textual else value


def _kind(value: Value) -> str:
    if value.category == "N":
        return "number"
    if value.category == "T":
        return "interval"
    return "stamp" if value.name in _STAMPS else value.name


# Numbers


def _numbers(sign: str, left: Value, right: Value) -> Value:
    left, right = _digits(left, right), _digits(right, left)
    type_ = arithmetic(sign, left.type, right.type)
    if type_.type.name == "numeric" and sign != "%":
        return decimals.quotient(left, right) if sign == "/" else decimals.computed(sign, left, right, type_)
    if is_float(type_) and sign != "%":
        return floats.computed(sign, left, right, type_)
    fixed = left.fixed and right.fixed
    sure = type_.type.name != "numeric"
    if sure:
        left, right = _engine_cast(left, type_), _engine_cast(right, type_)
    if sign in "/%":
        checked = right.constant and right.sql.strip("0.") != ""
        macro = "rs_divide" if sign == "/" else "rs_modulo"
        sql = f"({left.sql} {sign} {right.sql})" if checked else f"{macro}({left.sql}, {right.sql})"
    else:
        sql = f"({left.sql} {sign} {right.sql})"
    return Value(sql=_kept_apart(sql, type_, fixed=fixed), type=type_, exact=sure, fixed=fixed)


def _digits(value: Value, other: Value) -> Value:
    """Write a literal with an exponent, beside a NUMERIC, as the NUMERIC that it is.

    The sums of many digits that some programs make of ``MD5`` are to stay exact.
    """
    written = _SCIENTIFIC.fullmatch(value.sql) if value.constant and other.name == "numeric" else None
    if written is None:
        return value
    digits = format(Decimal(written[1]), "f").lstrip("0") or "0"
    precision, scale = len(digits.replace(".", "")), len(digits.partition(".")[2])
    if precision > types.NUMERIC_PRECISION_MAX:
        return value
    type_ = types.numeric(precision, scale)
    return Value(sql=f"CAST({digits} AS {type_.engine()})", type=type_, constant=True, fixed=True, exact=True)


def _kept_apart(sql: str, type_: ColumnType, *, fixed: bool) -> str:
    """Put casts around a long sum or product: the engine orders its operands anew, again and again."""
    if not sql.startswith("(" * _MANY) or not is_integer(type_):
        return sql
    number = _computed(ast.parse(sql, mode="eval").body) if fixed and _CONSTANTS.fullmatch(sql) else None
    if number is not None:
        return str(number) if number >= 0 else f"({number})"
    wider = "HUGEINT" if type_.type.name == "int8" else "BIGINT"
    return f"CAST(CAST({sql} AS {wider}) AS {type_.engine()})"


_CONSTANTS: Final = re.compile(r"[\d+*() -]+")
_SAFE: Final = 2**31 - 1


def _computed(node: ast.expr) -> int | None:
    """Return what whole constants come to, None where a step might leave the smallest of their types."""
    if isinstance(node, ast.Constant):
        return int(node.value) if isinstance(node.value, int) and node.value <= _SAFE else None
    if not isinstance(node, ast.BinOp) or type(node.op) not in _SIGNS:
        return None
    left, right = _computed(node.left), _computed(node.right)
    if left is None or right is None:
        return None
    found = _SIGNS[type(node.op)](left, right)
    return found if abs(found) <= _SAFE else None


_SIGNS: Final[dict[type[ast.operator], Callable[[int, int], int]]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
}  # fmt: skip


def _engine_cast(value: Value, type_: ColumnType) -> Value:
    """Bring an operand to the result's type unless it is a literal that the engine fits by itself."""
    if value.type == type_ and (value.exact or (value.constant and type_ == INT4)):
        return value
    if value.type == type_ and is_integer(type_) and value.constant:
        return made(f"CAST({value.sql} AS {type_.engine()})", type_, exact=True)
    cast = made(f"CAST({value.sql} AS {type_.engine()})", type_, exact=True)
    nonzero = value.constant and value.sql.strip("0.") != ""
    return Value(sql=cast.sql, type=type_, exact=True, constant=nonzero, fixed=value.fixed)


# One operand, strings, bits


def negative(node: exp.Expr, scope: Scope) -> Value:
    """Write ``-x``."""
    value = scope.value(node.this)
    if value.open:
        value = conversion.cast(value, FLOAT8)
    if value.name == "super":
        return dynamic.computed("-", made("0", INT4), value)
    if value.category not in "NT":
        raise SqlError(
            SqlState.UNDEFINED_FUNCTION,
            f"operator does not exist: - {value.type.type.sql}",
            position=scope.writer.position(node),
        )
    if value.constant and value.sql == "9223372036854775808":
        return made("CAST('-9223372036854775808' AS BIGINT)", INT8, exact=True)
    if value.constant and value.sql == "2147483648":
        return made("CAST(-2147483648 AS INTEGER)", INT4, exact=True)
    return Value(
        sql=f"(-{value.sql})", type=value.type, exact=value.exact, constant=value.constant, fixed=value.fixed,
        quick=decimals.negated(value), raw=floats.negated(value),
    )  # fmt: skip


def joined(node: exp.Expr, scope: Scope) -> Value:
    """Write ``a || b``: anything but two binary values is taken as text; NULL makes NULL."""
    return concatenation((scope.value(node.this), scope.value(node.expression)))


def adjacent(node: exp.Expr, scope: Scope) -> Value:
    """Write string literals that stand one after another."""
    return concatenation(tuple(scope.value(item) for item in node.expressions))


def concatenation(values: tuple[Value, ...]) -> Value:
    """Write strings put together."""
    if any(value.name == "varbyte" for value in values):
        blobs = [
            value.sql if value.name == "varbyte" else f"encode({conversion.string(value).sql})" for value in values
        ]
        return made(f"({' || '.join(blobs)})", VARBYTE, exact=_sure(blobs))
    if any(value.category == "A" for value in values):
        sides = ", ".join(conversion.settled(value).sql for value in values)
        return made(f"rs_array_concat({sides})", types.of("_text"), exact=True)
    parts = [value if value.literal is not None else conversion.string(value) for value in values]
    texts = [part.sql for part in parts]
    pieces = [piece for part in parts for piece in part.pieces_of()]
    sql = _balanced(pieces) if len(pieces) > _MANY else f"({' || '.join(texts)})"
    return replace(made(sql, concatenated(parts), exact=_sure(texts)), pieces=(sql, *pieces))


_MANY: Final = 32
"""Operands that are put together, or added, in a row; the engine's time grows with the cube of the depth."""


def _balanced(pieces: list[str]) -> str:
    """Write ``a || b || …`` so that it is as deep as the number's logarithm."""
    while len(pieces) > 1:
        pairs = [f"({' || '.join(pieces[place : place + 8])})" for place in range(0, len(pieces), 8)]
        pieces = pairs
    return pieces[0]


def _sure(sides: list[str]) -> bool:
    """Tell whether the engine gives strings put together their type: with a NULL, or a parameter, it has none."""
    return not any("NULL" in side or "$" in side for side in sides)


def _bits(template: str) -> Write:
    def write(node: exp.Expr, scope: Scope) -> Value:
        left, right = _settle("&", scope.value(node.this), scope.value(node.expression))
        if left.name == right.name == "varbyte" and ">" not in template and "<" not in template:
            bits = template.format(f"rs_bitwise({left.sql})", f"rs_bitwise({right.sql})")
            return made(f"CAST({bits} AS BLOB)", VARBYTE, exact=True)
        if not (is_integer(left.type) and is_integer(right.type)):
            raise no_operator(template[4:-4].strip() or "#", left, right, scope, node)
        type_ = arithmetic("+", left.type, right.type)
        sides = [_engine_cast(value, type_).sql for value in (left, right)]
        return made(template.format(*sides), type_, exact=True)

    return write


def _shift(sign: str) -> Write:
    """Return the rule of ``<<`` or ``>>``: of the left operand's type, its bits falling off the end."""

    def write(node: exp.Expr, scope: Scope) -> Value:
        left, right = _settle("&", scope.value(node.this), scope.value(node.expression))
        if not (is_integer(left.type) and is_integer(right.type)):
            raise no_operator(sign, left, right, scope, node)
        bits = {"int2": 16, "int4": 32}.get(left.name, 64)
        count = f"(CAST({right.sql} AS BIGINT) & {max(bits, 32) - 1})"
        if sign == ">>":
            sql = f"(CAST({left.sql} AS BIGINT) >> {count})"
        else:
            sql = f"rs_shift_left(CAST({left.sql} AS HUGEINT), {count}, {bits})"
        return made(f"CAST({sql} AS {left.type.engine()})", left.type, exact=True)

    return write


def complement(node: exp.Expr, scope: Scope) -> Value:
    """Write ``~x``."""
    value = scope.value(node.this)
    if value.name == "varbyte":
        return made(f"CAST(~rs_bitwise({value.sql}) AS BLOB)", VARBYTE, exact=True)
    value = value if is_integer(value.type) else conversion.coerce(value, INT4)
    return made(f"(~{value.sql})", value.type, exact=value.exact)


def _real(template: str, arguments: tuple[str, ...]) -> Write:
    def write(node: exp.Expr, scope: Scope) -> Value:
        values = [conversion.coerce(scope.value(node.args[name]), FLOAT8).sql for name in arguments]
        return made(once(template.format, *values), FLOAT8, exact=True)

    return write


RULES: Final = (
    Rule(node=exp.Add, write=_added, doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.Sub, write=_added, doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.Mul, write=_binary("*"), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.Div, write=_binary("/"), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.Mod, write=_binary("%"), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.Neg, write=negative, doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.DPipe, write=joined, doc="r_concat_op"),
    Rule(node=exp.Concat, write=adjacent, doc="r_concat_op"),
    Rule(node=exp.BitwiseAnd, write=_bits("({0} & {1})"), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.BitwiseOr, write=_bits("({0} | {1})"), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.BitwiseXor, write=_bits("xor({0}, {1})"), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.BitwiseLeftShift, write=_shift("<<"), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.BitwiseRightShift, write=_shift(">>"), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.BitwiseNot, write=complement, doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.Pow, write=_real("rs_power({0}, {1})", ("this", "expression")), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.Sqrt, write=_real("rs_sqrt({0})", ("this",)), doc="r_OPERATOR_SYMBOLS"),
    Rule(node=exp.Cbrt, write=_real("cbrt({0})", ("this",)), doc="r_OPERATOR_SYMBOLS"),
)
