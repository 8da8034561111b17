"""REAL and DOUBLE PRECISION arithmetic, which raises 22003 where a result grows too large.

PostgreSQL, "Floating-Point Types": an infinite result of finite operands is an overflow. The engine gives Infinity,
so a result is looked at, once for all operators that made it (``Value.raw``).
"""

from core.types import ColumnType
from sql.inference import is_float
from sql.once import LONG, named, names, once
from sql.value import Raw, Value

_Side = tuple[str, tuple[str, ...]]
"""Engine SQL, unchecked, and what must be finite for its result to have to be."""


def computed(sign: str, left: Value, right: Value, type_: ColumnType) -> Value:
    """Write ``left sign right``, sign one of + - * /."""
    (first, sources), (second, others) = _side(left, type_), _side(right, type_)
    divided = sign == "/" and not (right.constant and right.sql.strip("0.") != "")
    sql = once("rs_divide({0}, {1})".format, first, second) if divided else f"({first} {sign} {second})"
    return _checked(sql, tuple(dict.fromkeys(sources + others)), type_, fixed=left.fixed and right.fixed)


def negated(value: Value) -> Raw | None:
    """Return how ``-value`` is computed unchecked, None where *value* is not."""
    found = _given(value)
    return None if found is None else Raw(of=f"(-{value.sql})", sql=f"(-{found.sql})", sources=found.sources)


def gathered(name: str, value: Value, distinct: str, over: str) -> str:
    """Write the sum or average of floats."""
    found, infinite = f"{name}({distinct}{value.sql}){over}", f"bool_or(isinf({value.sql})){over}"
    return once("CASE WHEN isinf({0}) AND NOT {1} THEN rs_too_large() ELSE {0} END".format, found, infinite)


def _checked(sql: str, sources: tuple[str, ...], type_: ColumnType, *, fixed: bool) -> Value:
    finite = "".join(f" AND NOT isinf({{{place}}})" for place in range(1, len(sources) + 1))
    template = f"CASE WHEN isinf({{0}}){finite} THEN rs_too_large() ELSE {{0}} END"
    long = sorted((source for source in sources if len(source) > LONG), key=len, reverse=True)
    called = dict(zip(long, names("rs_w", long), strict=True))
    inner = sql
    for source, name in called.items():
        inner = inner.replace(source, name)
    whole = once(template.format, inner, *(called.get(source, source) for source in sources))
    if long:
        whole = named("rs_w", long, whole)
    return Value(sql=whole, type=type_, exact=True, fixed=fixed, raw=Raw(of=whole, sql=sql, sources=sources))


def _side(value: Value, type_: ColumnType) -> _Side:
    found = _given(value)
    if found is not None and value.type == type_:
        return found.sql, found.sources
    sql = value.sql if value.type == type_ and value.exact else f"CAST({value.sql} AS {type_.engine()})"
    return sql, (sql,) if is_float(value.type) and not value.constant else ()


def _given(value: Value) -> Raw | None:
    found = value.raw
    return found if found is not None and found.of == value.sql else None
