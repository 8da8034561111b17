"""SUPER in expressions: what a value turns out to be decides, row by row, what an operator does.

Redshift, "Querying semi-structured data" (dynamic typing, lax semantics), "Operators and functions". Equality is
that of a text key, so that joins can hash it; order is that of a sort key. The macros are ``engine.super_values``.
"""

from typing import Final

from core.names import literal
from core.types import ColumnType
from sql.inference import is_float, is_integer
from sql.value import BOOL, SUPER, Value, made

# Conversions: (value, target, CAST or TRY_CAST) to engine SQL, as in ``sql.conversion``. What does not fit is NULL.


def to_text(value: Value, target: ColumnType, word: str) -> str:
    """A scalar's text; arrays and objects have none."""
    return f"rs_super_text({value.sql})"


def to_bool(value: Value, target: ColumnType, word: str) -> str:
    """A boolean, a whole number or a word for one."""
    return f"rs_super_bool({value.sql})"


def to_number(value: Value, target: ColumnType, word: str) -> str:
    """A number, or a string that says one: a decimal is cut off as CAST cuts it."""
    if is_integer(target):
        return f"TRY_CAST(rs_super_whole({value.sql}) AS {target.engine()})"
    if target.type.name == "numeric":
        return f"TRY_CAST(rs_super_cut({value.sql}, {target.scale or 0}) AS {target.engine()})"
    return f"TRY_CAST(rs_super_text({value.sql}) AS {target.engine()})"


def to_moment(value: Value, target: ColumnType, word: str) -> str:
    """A string that says a date or time."""
    name = target.type.name
    if name in {"date", "timestamp", "timestamptz"}:
        return f"rs_try_{name}(rs_super_string({value.sql}))"
    return f"TRY_CAST(rs_super_string({value.sql}) AS {target.engine()})"


def of_value(value: Value, target: ColumnType, word: str) -> str:
    """Whole numbers, booleans and strings."""
    return f"CAST(to_json({value.sql}) AS JSON)"


def of_number(value: Value, target: ColumnType, word: str) -> str:
    """Decimals, which keep their scale."""
    return f"rs_number_super({value.sql if value.exact else f'CAST({value.sql} AS {value.type.engine()})'})"


def of_float(value: Value, target: ColumnType, word: str) -> str:
    """Floats, which stay floats."""
    return f"rs_float_super({value.sql})"


def checked(value: Value, cast: Value) -> Value:
    """Return a cast of SUPER that raises where the value does not fit: cast_super_null_on_error is off."""
    if cast.name == "super":
        return cast
    return made(f"rs_super_cast({value.sql}, {cast.sql}, {literal(str(cast.type))})", cast.type, exact=cast.exact)


# Comparison


def key(value: Value) -> str:
    """Return a text that is the same for equal values, NULL for NULL."""
    if value.name == "super":
        return f"rs_super_key({value.sql})"
    if value.category == "S":
        return f"CAST(to_json(rtrim({value.sql}, ' ')) AS VARCHAR)"
    if is_integer(value.type) or value.category == "B":
        return f"CAST({value.sql} AS VARCHAR)"
    if is_float(value.type):
        return f"rs_super_key(rs_float_super({value.sql}))"
    return f"rs_canonical_number(CAST({value.sql} AS VARCHAR))"


def compared(sign: str, left: Value, right: Value) -> Value:
    """Write a comparison with SUPER on one side or both, both of known types."""
    if sign in _EQUALITY:
        return made(f"({key(left)} {sign} {key(right)})", BOOL, exact=True)
    if left.name != "super":
        return compared(_TURNED[sign], right, left)
    if right.category == "S":
        return made(f"(rs_super_string({left.sql}) {sign} rtrim({right.sql}, ' '))", BOOL, exact=True)
    if is_float(right.type) or (right.constant and len(right.sql) <= _EXACT_DIGITS):
        number = f"CAST(rs_number_text({left.sql}) AS DOUBLE)"
        return made(f"({number} {sign} CAST({right.sql} AS DOUBLE))", BOOL, exact=True)
    return made(f"(rs_super_compare({left.sql}, {_super(right)}) {sign} 0)", BOOL, exact=True)


_EXACT_DIGITS: Final = 15
"""A literal of so many digits is a float without loss."""
_EQUALITY: Final = frozenset({"=", "<>", "IS NOT DISTINCT FROM", "IS DISTINCT FROM"})
_TURNED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def order(value: Value) -> str:
    """Return what ORDER BY sorts by instead of a value."""
    return f"rs_sort_key({value.sql})" if value.name == "super" else value.sql


def present(value: Value) -> Value:
    """Return a value whose JSON null is NULL, for functions that pass NULL over."""
    return made(f"rs_super_value({value.sql})", SUPER, exact=True) if value.name == "super" else value


# Arithmetic

_MACROS: Final = {
    "+": "rs_super_add", "-": "rs_super_subtract", "*": "rs_super_multiply", "/": "rs_super_divide",
    "%": "rs_super_modulo",
}  # fmt: skip


def computed(sign: str, left: Value, right: Value) -> Value:
    """Write arithmetic with SUPER: whole numbers, decimals and floats stay what they are; other kinds give NULL."""
    return made(f"{_MACROS[sign]}({_super(left)}, {_super(right)})", SUPER, exact=True)


def _super(value: Value) -> str:
    if value.name == "super":
        return value.sql
    if value.constant and not is_float(value.type):
        return f"rs_number_super({literal(value.sql)})"
    if is_float(value.type):
        return of_float(value, SUPER, "CAST")
    return of_number(value, SUPER, "CAST") if value.name == "numeric" else of_value(value, SUPER, "CAST")
