"""REAL and DOUBLE PRECISION arithmetic, which raises 22003 where a result grows too large.

PostgreSQL, "Floating-Point Types": an infinite result of finite operands is an overflow. The engine gives Infinity,
so a result is looked at, once for all operators that made it (``Value.raw``).
"""

from core.types import ColumnType
from sql.inference import is_float
from sql.value import Raw, Value

_Side = tuple[str, tuple[str, ...]]
"""Engine SQL, unchecked, and what must be finite for its result to have to be."""


def computed(sign: str, left: Value, right: Value, type_: ColumnType) -> Value:
    """Write ``left sign right``, sign one of + - * /."""
    (first, sources), (second, others) = _side(left, type_), _side(right, type_)
    divided = sign == "/" and not (right.constant and right.sql.strip("0.") != "")
    sql = f"rs_divide({first}, {second})" if divided else f"({first} {sign} {second})"
    return _checked(sql, tuple(dict.fromkeys(sources + others)), type_, fixed=left.fixed and right.fixed)


def negated(value: Value) -> Raw | None:
    """Return how ``-value`` is computed unchecked, None where *value* is not."""
    found = _given(value)
    return None if found is None else Raw(of=f"(-{value.sql})", sql=f"(-{found.sql})", sources=found.sources)


def gathered(name: str, value: Value, distinct: str, over: str) -> str:
    """Write the sum or average of floats."""
    found = f"{name}({distinct}{value.sql}){over}"
    return f"CASE WHEN isinf({found}) AND NOT bool_or(isinf({value.sql})){over} THEN rs_too_large() ELSE {found} END"


def _checked(sql: str, sources: tuple[str, ...], type_: ColumnType, *, fixed: bool) -> Value:
    finite = "".join(f" AND NOT isinf({source})" for source in sources)
    whole = f"CASE WHEN isinf({sql}){finite} THEN rs_too_large() ELSE {sql} END"
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
