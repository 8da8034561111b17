"""NUMERIC sums, products and quotients: in the engine's quick 18 digits where they fit, in 38 where they do not.

Redshift, "Computations with numeric values". The engine keeps a result of two quick NUMERICs quick and raises when
it does not fit; with more digits it takes ten times as long. So a row is computed quickly when its operands are
small enough (``Quick.fits``), and with all digits when not. The engine's statistics of a column may settle that
before it looks at a row.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from core import types
from core.types import NUMERIC_PRECISION_MAX, ColumnType
from sql.inference import arithmetic, precision_scale
from sql.value import Quick, Value, made

DIGITS: Final = 18
"""Digits of the engine's quick NUMERIC."""
_ROOM: Final = 4
"""Digits before the point that a quick product must be able to have to be worth looking."""
_FACTOR: Final = 2
"""Digits before the point of a rate, a discount, a number of pieces."""
_LONGEST: Final = 4000
"""Characters of a condition beyond which all is computed with all digits."""
_LITERAL: Final = re.compile(r"(\d+)\.?(\d*)\Z")


_HOPES: Final[ContextVar[list[str] | None]] = ContextVar("_HOPES", default=None)


@contextmanager
def hoping() -> Iterator[None]:
    """Have sums written as if all rows could be computed quickly, and raise in the engine where one cannot."""
    token = _HOPES.set([])
    try:
        yield
    finally:
        _HOPES.reset(token)


def hopes() -> bool:
    """Tell whether sums are written so."""
    return _HOPES.get() is not None


def hoped() -> bool:
    """Tell whether one was."""
    return bool(_HOPES.get())


def computed(sign: str, left: Value, right: Value, type_: ColumnType) -> Value:
    """Write ``left sign right``, sign one of + - *."""
    fixed = left.fixed and right.fixed
    scales = precision_scale(left.type)[1] + precision_scale(right.type)[1]
    if sign == "*" and scales >= NUMERIC_PRECISION_MAX:
        return Value(sql=_shortened_product(left, right), type=type_, fixed=fixed)
    wide = f"({_widened(sign, left, right)} {sign} {_wide(right)})"
    if (type_.precision or 0) <= DIGITS or max(_digits(left), _digits(right)) > DIGITS:
        # Nothing can grow too large, or the engine takes all digits by itself.
        sql = f"({left.sql} {sign} {right.sql})" if _narrow(left) and _narrow(right) else wide
        return Value(sql=sql, type=type_, fixed=fixed)
    fits = None if fixed else _condition(sign, left, right)
    if fits is None:
        return Value(sql=wide, type=type_, fixed=fixed)
    sql = f"({_quick(left)} {sign} {_quick(right)})"
    whole = f"CASE WHEN {fits} THEN {sql} ELSE {wide} END" if fits else sql
    return Value(sql=whole, type=type_, quick=Quick(of=whole, sql=sql, wide=wide, fits=fits) if fits else None)


def total(value: Value, distinct: str, over: str) -> str:
    """Write the sum of a NUMERIC; of what is computed quickly for most rows, the rest is added up apart."""
    quick = value.quick
    if quick is None or quick.of != value.sql or distinct or " OVER (" in over:
        return f"sum({distinct}{value.sql}){over}"
    taken = _HOPES.get()
    if taken is not None:
        taken.append(quick.sql)
        return f"sum({quick.sql}){over}"
    most = f"sum(CASE WHEN {quick.fits} THEN {quick.sql} END){over}"
    rest = f"sum(CASE WHEN {quick.fits} THEN NULL ELSE {quick.wide} END){over}"
    return f"coalesce({most} + {rest}, {most}, {rest})"


def summand(value: Value) -> str:
    """Write what is added up, for what else is asked of it: whether it is NULL."""
    quick = _given(value)
    return value.sql if quick is None or not hopes() else quick.sql


def negated(value: Value) -> Quick | None:
    """Return how ``-value`` is computed quickly, None where *value* is not."""
    found = _given(value)
    if found is None:
        return None
    return Quick(of=f"(-{value.sql})", sql=f"(-{found.sql})", wide=f"(-{found.wide})", fits=found.fits)


def among(results: Sequence[Value], type_: ColumnType, whole: str, write: Callable[[list[str]], str]) -> Quick | None:
    """Return how *whole*, *results* as ``write`` puts them together, is computed quickly; None where it is not."""
    found = [_given(value) for value in results]
    scale = type_.scale or 0
    if not any(found) or any(
        given is None and not value.null and _whole_digits(value) > DIGITS - scale
        for value, given in zip(results, found, strict=True)
    ):
        return None
    parts = [
        given.sql if given is not None else f"CAST({value.sql} AS DECIMAL({DIGITS},{scale}))"
        for value, given in zip(results, found, strict=True)
    ]
    fits = _nested([given.fits for given in found if given is not None])
    return Quick(of=whole, sql=write(parts), wide=whole, fits=fits) if len(fits) <= _LONGEST else None


def quotient(left: Value, right: Value) -> Value:
    """Divide NUMERICs exactly: scaled whole numbers, cut off at the result's scale."""
    type_ = arithmetic("/", left.type, right.type)
    scale = type_.scale or 0
    shift = scale + precision_scale(right.type)[1] - precision_scale(left.type)[1]
    if not 0 <= shift <= NUMERIC_PRECISION_MAX:
        sql = f"rs_divide(CAST({left.sql} AS DOUBLE), CAST({right.sql} AS DOUBLE))"
        return made(f"CAST({sql} AS {type_.engine()})", type_, exact=True)
    inverse = _inverse(right, scale - precision_scale(left.type)[1])
    if inverse is not None and max(precision_scale(left.type)[0], DIGITS + 1) + inverse[1] <= NUMERIC_PRECISION_MAX:
        # Nothing is cut off: a product takes a tenth of the time.
        sql = f"CAST(({_roomy(left, inverse[1])} * {inverse[0]}) AS {type_.engine()})"
        return Value(sql=sql, type=type_, exact=True, fixed=left.fixed and right.fixed)
    sql = f"rs_quotient({_unscaled(left)}, {10**shift}, {_unscaled(right)})"
    unit = "0." + "0" * (scale - 1) + "1"
    sql = f"CAST({sql} * CAST({unit} AS DECIMAL(38,{scale})) AS {type_.engine()})"
    return Value(sql=sql, type=type_, exact=True, fixed=left.fixed and right.fixed)


def _inverse(value: Value, places: int) -> tuple[str, int] | None:
    """Return what to multiply by instead of dividing by the number *value*, and its digits.

    None where it is no literal, or its inverse has more than so many decimal *places*.
    """
    found = _LITERAL.match(value.sql) if value.constant else None
    divisor = int(found[1] + found[2]) if found is not None else 0
    if found is None or not divisor:
        return None
    for scale in range(places + 1):
        digits, rest = divmod(10 ** (scale + len(found[2])), divisor)
        if not rest:
            precision = max(len(str(digits)), scale + 1)
            written = f"{digits:0{scale + 1}}"
            number = f"{written[:-scale]}.{written[-scale:]}" if scale else written
            return f"CAST({number} AS DECIMAL({precision},{scale}))", precision
    return None


def _unscaled(value: Value) -> str:
    precision, scale = precision_scale(value.type)
    if scale == 0:
        return value.sql
    if precision + scale > NUMERIC_PRECISION_MAX:
        return f"rs_unscaled({value.sql})"
    return f"({_roomy(value, scale + 1)} * CAST({10**scale} AS DECIMAL({scale + 1},0)))"


def _roomy(value: Value, digits: int) -> str:
    """Return *value* so that the engine has room for its product with a number of so many *digits*."""
    precision, scale = precision_scale(value.type)
    # Of two of up to 18 digits it makes one of 18, or raises.
    short = precision <= DIGITS and digits <= DIGITS and precision + digits > DIGITS
    return f"CAST({value.sql} AS DECIMAL({DIGITS + 1},{scale}))" if short else value.sql


def _given(value: Value) -> Quick | None:
    found = value.quick
    return found if found is not None and found.of == value.sql else None


def _narrow(value: Value) -> bool:
    return precision_scale(value.type)[0] <= DIGITS


def _digits(value: Value) -> int:
    """Return how many digits the quick form of an operand has; of a BIGINT those that pass the condition."""
    return DIGITS if _given(value) is not None or value.name == "int8" else precision_scale(value.type)[0]


def _quick(value: Value) -> str:
    found = _given(value)
    if found is not None:
        return found.sql
    return f"CAST({value.sql} AS DECIMAL({DIGITS},0))" if value.name == "int8" else value.sql


def _wide(value: Value) -> str:
    found = _given(value)
    return value.sql if found is None else found.wide


def _widened(sign: str, left: Value, right: Value) -> str:
    """Return the left operand with so many digits that the engine has them for the result too."""
    precision, scale = precision_scale(left.type)
    if max(precision, precision_scale(right.type)[0]) > DIGITS:
        return _wide(left)
    needed = precision + precision_scale(right.type)[1] if sign == "*" else precision
    type_ = types.numeric(max(DIGITS + 1, needed), scale)
    return f"CAST({left.sql} AS {type_.engine()})"


def _shortened_product(left: Value, right: Value) -> str:
    """Write a product whose scale would have more digits than there are: the left operand loses some."""
    (precision, scale), other = precision_scale(left.type), precision_scale(right.type)[1]
    kept = types.numeric(precision, max(scale - (scale + other - NUMERIC_PRECISION_MAX + 1), 0))
    return f"(CAST({left.sql} AS {kept.engine()}) * {right.sql})"


def _condition(sign: str, left: Value, right: Value) -> str | None:
    """Write when ``left sign right`` fits; empty where it always does, None where it is not worth asking.

    Conditions are nested: AND would compute what overflows.
    """
    scales = precision_scale(left.type)[1], precision_scale(right.type)[1]
    room = DIGITS - (sum(scales) if sign == "*" else max(scales))
    if room < _ROOM:
        return None
    own = _product_boxes(left, right, room) if sign == "*" else [(room - 1, room - 1)]
    written = [_box(left, right, box) for box in own]
    parts = [found.fits for found in (_given(left), _given(right)) if found is not None]
    if all(written):
        parts.append(written[0] if len(written) == 1 else f"({' OR '.join(f'({box})' for box in written)})")
    condition = _nested(parts)
    return condition if len(condition) <= _LONGEST else None


def _nested(conditions: list[str]) -> str:
    """Write that all *conditions* hold; those before hold where one is computed."""
    written = conditions[-1] if conditions else ""
    for condition in reversed(conditions[:-1]):
        written = f"CASE WHEN {condition} THEN {written} ELSE FALSE END"
    return written


def _product_boxes(left: Value, right: Value, room: int) -> list[tuple[int, int]]:
    """Return how many digits before the point the factors may have: both middling, or one large and one small."""
    first, second = _whole_digits(left), _whole_digits(right)
    half = room // 2
    if first <= half:
        return [(first, room - first)]
    if second <= half:
        return [(room - second, second)]
    small = min(_FACTOR, half)
    return [(half, room - half), (room - small, small), (small, room - small)]


def _whole_digits(value: Value) -> int:
    """Return how many digits an operand has before its point."""
    if _given(value) is not None:
        return DIGITS - precision_scale(value.type)[1]
    return precision_scale(value.type)[0] - precision_scale(value.type)[1]


def _box(left: Value, right: Value, digits: tuple[int, int]) -> str:
    sides = (_within(value, count) for value, count in zip((left, right), digits, strict=True))
    return " AND ".join(side for side in sides if side)


def _within(value: Value, digits: int) -> str:
    """Write that an operand has no more than *digits* before its point; empty where it cannot have."""
    if _whole_digits(value) <= digits:
        return ""
    if value.name in {"int2", "int4", "int8"}:
        return f"{value.sql} BETWEEN {1 - 10**digits} AND {10**digits - 1}"
    scale = precision_scale(value.type)[1]
    type_ = types.numeric(_digits(value), scale).engine()
    return f"{_quick(value)} BETWEEN CAST({1 - 10**digits} AS {type_}) AND CAST({10**digits - 1} AS {type_})"
