"""REAL and DOUBLE PRECISION arithmetic, which raises 22003 where a result grows too large.

PostgreSQL, "Floating-Point Types": an infinite result of finite operands is an overflow. The engine gives Infinity,
so a result is looked at, once for all operators that made it (``Value.raw``).
"""

from collections.abc import Sequence
from typing import Final

from core.types import ColumnType
from sql.inference import is_float
from sql.value import Raw, Value

_LONG: Final = 250
"""Engine SQL of more characters is written once in what looks at it, or what is in one another grows without end."""

_Side = tuple[str, tuple[str, ...]]
"""Engine SQL, unchecked, and what must be finite for its result to have to be."""


def computed(sign: str, left: Value, right: Value, type_: ColumnType) -> Value:
    """Write ``left sign right``, sign one of + - * /."""
    (first, sources), (second, others) = _side(left, type_), _side(right, type_)
    divided = sign == "/" and not (right.constant and right.sql.strip("0.") != "")
    sql = looked_at("rs_divide({0}, {1})", first, second) if divided else f"({first} {sign} {second})"
    return _checked(sql, tuple(dict.fromkeys(sources + others)), type_, fixed=left.fixed and right.fixed)


def negated(value: Value) -> Raw | None:
    """Return how ``-value`` is computed unchecked, None where *value* is not."""
    found = _given(value)
    return None if found is None else Raw(of=f"(-{value.sql})", sql=f"(-{found.sql})", sources=found.sources)


def looked_at(template: str, *values: str) -> str:
    """Write *template*, which has *values* more than once: by names that stand for them where one is long."""
    if all(len(value) <= _LONG for value in values):
        return template.format(*values)
    return _named("rs_v", values, template.format(*_names("rs_v", values)))


def _names(row: str, values: Sequence[str]) -> list[str]:
    # ``rs_v.v0`` would be a column to the engine in HAVING.
    return [f"{row}['v{place}']" for place in range(len(values))]


def _named(row: str, values: Sequence[str], inner: str) -> str:
    fields = ", ".join(f"'v{place}': {value}" for place, value in enumerate(values))
    return f"list_transform([{{{fields}}}], lambda {row}: {inner})[1]"


def gathered(name: str, value: Value, distinct: str, over: str) -> str:
    """Write the sum or average of floats."""
    found, infinite = f"{name}({distinct}{value.sql}){over}", f"bool_or(isinf({value.sql})){over}"
    return looked_at("CASE WHEN isinf({0}) AND NOT {1} THEN rs_too_large() ELSE {0} END", found, infinite)


def _checked(sql: str, sources: tuple[str, ...], type_: ColumnType, *, fixed: bool) -> Value:
    finite = "".join(f" AND NOT isinf({{{place}}})" for place in range(1, len(sources) + 1))
    template = f"CASE WHEN isinf({{0}}){finite} THEN rs_too_large() ELSE {{0}} END"
    long = sorted((source for source in sources if len(source) > _LONG), key=len, reverse=True)
    names = dict(zip(long, _names("rs_w", long), strict=True))
    inner = sql
    for source, name in names.items():
        inner = inner.replace(source, name)
    whole = looked_at(template, inner, *(names.get(source, source) for source in sources))
    if long:
        whole = _named("rs_w", long, whole)
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
