"""Types of results: arithmetic, common types, aggregates.

Redshift, "Computations with numeric values" and "Type compatibility and conversion".
"""

from collections.abc import Iterable
from typing import Final

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import NUMERIC_PRECISION_MAX, VARCHAR_MAX, ColumnType
from sql.value import FLOAT4, FLOAT8, INT2, INT4, INT8, TIMESTAMP, TIMESTAMPTZ, UNKNOWN, VARCHAR, Value

_INTEGERS: Final = {"int2": 0, "int4": 1, "int8": 2, "oid": 2}
_INTEGER_TYPES: Final = (INT2, INT4, INT8)
_FLOATS: Final = frozenset({"float4", "float8"})
_TIMES: Final = frozenset({"time", "timetz"})
_ANY: Final = frozenset({"super", "unknown", "record", "void"})
"""Types that have one in common with every other."""
_AS_NUMERIC: Final = {"int2": (5, 0), "int4": (10, 0), "int8": (19, 0), "oid": (10, 0)}


def is_integer(type_: ColumnType) -> bool:
    """Tell whether *type_* is a whole number's."""
    return type_.type.name in _INTEGERS


def is_float(type_: ColumnType) -> bool:
    """Tell whether *type_* is REAL or DOUBLE PRECISION."""
    return type_.type.name in _FLOATS


def precision_scale(type_: ColumnType) -> tuple[int, int]:
    """Return (p, s) of a NUMERIC, or of the one that an integer is widened to."""
    if type_.type.name == "numeric":
        if type_.precision is None or type_.scale is None:
            return 38, 0
        return type_.precision, type_.scale
    return _AS_NUMERIC.get(type_.type.name, (38, 0))


def arithmetic(operator: str, left: ColumnType, right: ColumnType) -> ColumnType:
    """Return the type of ``left operator right`` for two numbers."""
    if is_float(left) or is_float(right):
        both = left.type.name == right.type.name == "float4"
        return FLOAT4 if both else FLOAT8
    if is_integer(left) and is_integer(right):
        return _INTEGER_TYPES[max(_INTEGERS[left.type.name], _INTEGERS[right.type.name])]
    return _DECIMAL[operator](precision_scale(left), precision_scale(right))


Pair = tuple[int, int]


def _add(left: Pair, right: Pair) -> ColumnType:
    scale = max(left[1], right[1])
    return _capped(max(left[0] - left[1], right[0] - right[1]) + 1 + scale, scale)


def _multiply(left: Pair, right: Pair) -> ColumnType:
    return _capped(left[0] + right[0] + 1, left[1] + right[1])


def _divide(left: Pair, right: Pair) -> ColumnType:
    scale = max(4, left[1] + right[0] - right[1] + 1)
    precision = left[0] - left[1] + right[1] + scale
    if precision > NUMERIC_PRECISION_MAX:
        scale = max(NUMERIC_PRECISION_MAX + scale - precision, 4)
        precision = NUMERIC_PRECISION_MAX
    return types.numeric(precision, scale)


def _remainder(left: Pair, right: Pair) -> ColumnType:
    scale = max(left[1], right[1])
    return _capped(max(left[0] - left[1], right[0] - right[1]) + scale, scale)


def _capped(precision: int, scale: int) -> ColumnType:
    return types.numeric(min(precision, NUMERIC_PRECISION_MAX), min(scale, NUMERIC_PRECISION_MAX - 1))


_DECIMAL: Final = {"+": _add, "-": _add, "*": _multiply, "/": _divide, "%": _remainder}


def common(values: Iterable[Value], word: str = "CASE") -> ColumnType:
    """Return the type that branches of CASE, COALESCE, UNION or IN (*word*) are brought to; raises 42804."""
    found = UNKNOWN
    free = UNKNOWN
    for value in values:
        if value.free and not value.null:
            free = value.type if free is UNKNOWN else common_type(free, value.type)
        if value.open or value.free:
            continue
        if found is not UNKNOWN and not _match(found, value.type):
            raise SqlError(
                SqlState.DATATYPE_MISMATCH,
                f"{word} types {found.type.sql} and {value.type.type.sql} cannot be matched",
            )
        found = value.type if found is UNKNOWN else common_type(found, value.type)
    if found.type.category == "S" == free.type.category:
        return common_type(found, free)
    found = free if found is UNKNOWN else found
    return VARCHAR if found is UNKNOWN else found


def unmatched(values: Iterable[Value]) -> tuple[str, str] | None:
    """Return the names of two types that no column can hold together, None where all go together.

    Literals fit anything.
    """
    first: ColumnType | None = None
    for value in values:
        if value.open or value.free:
            continue
        if first is not None and not _match(first, value.type):
            return first.type.sql, value.type.type.sql
        first = first or value.type
    return None


def _match(left: ColumnType, right: ColumnType) -> bool:
    """Tell whether two types have one in common."""
    if left.type.category == "D" == right.type.category:
        return (left.type.name in _TIMES) == (right.type.name in _TIMES)
    return left.type.category == right.type.category or not {left.type.name, right.type.name}.isdisjoint(_ANY)


def common_type(left: ColumnType, right: ColumnType) -> ColumnType:
    """Return the type that both can be converted to."""
    if left == right:
        return left
    kinds = left.type.category + right.type.category
    if kinds == "NN":
        return _common_number(left, right)
    if kinds == "SS":
        return _common_text(left, right)
    if kinds == "TT":
        return types.of(left.type.name if left.type.name == right.type.name else "interval")
    if kinds == "DD":
        return _common_time(left, right)
    if "super" in (left.type.name, right.type.name):
        return types.of("super")
    return right if left.type.category == "S" and right.type.category != "S" else left


def _common_number(left: ColumnType, right: ColumnType) -> ColumnType:
    if is_float(left) or is_float(right) or (is_integer(left) and is_integer(right)):
        return arithmetic("+", left, right)
    (p1, s1), (p2, s2) = precision_scale(left), precision_scale(right)
    scale = max(s1, s2)
    return _capped(max(p1 - s1, p2 - s2) + scale, scale)


def _common_text(left: ColumnType, right: ColumnType) -> ColumnType:
    if left.length is None or right.length is None:
        return VARCHAR
    longest = max(left.length, right.length)
    both_char = left.type.name == right.type.name == "bpchar"
    return types.with_length("bpchar" if both_char else "varchar", longest)


def _common_time(left: ColumnType, right: ColumnType) -> ColumnType:
    names = {left.type.name, right.type.name}
    if "timestamptz" in names:
        return TIMESTAMPTZ
    if names == {"date", "timestamp"}:
        return TIMESTAMP
    return left


def concatenated(values: Iterable[Value]) -> ColumnType:
    """Return the type of strings put one after another."""
    total = 0
    for value in values:
        length = len(value.literal.encode()) if value.literal is not None else value.type.length
        if length is None:
            return VARCHAR
        total += length
    return types.with_length("varchar", min(max(total, 1), VARCHAR_MAX))


def sum_type(type_: ColumnType) -> ColumnType:
    """Return SUM's type: integers give BIGINT, NUMERIC(p,s) NUMERIC(38,s)."""
    if is_integer(type_):
        return INT8
    if type_.type.name == "numeric":
        return types.numeric(38, precision_scale(type_)[1])
    return FLOAT8


def number_type(digits: str) -> ColumnType:
    """Return the type of a literal number: INTEGER, BIGINT, NUMERIC or DOUBLE PRECISION."""
    if "e" in digits.lower():
        return FLOAT8
    whole, dot, fraction = digits.partition(".")
    if not dot:
        size = int(whole or 0)
        if size < 2**31:
            return INT4
        return INT8 if size < 2**63 else types.numeric(min(len(whole), 38), 0)
    scale = min(len(fraction), 37)
    return types.numeric(max(1, min(len(whole.lstrip("0")) + scale, 38)), scale)
