"""What strings are compared by: trailing blanks do not count, nor does case where the collation says so.

Redshift, "Character types" (significance of trailing blanks) and "Collation sequences". The engine compares
bytes, so a string is compared by its key; so is SUPER (``sql.dynamic``). A constant is compared by a range as
well, which its statistics of a column can answer; most values have no trailing blank, so ``rs_bare`` looks
before it trims.
"""

from dataclasses import replace
from typing import Final

from core.names import literal
from sql import blanks, dynamic
from sql.value import BOOL, VARCHAR, Value, made

_PADDED: Final = frozenset({"varchar", "unknown"})
"""String types whose values may end in blanks: CHAR is stored without, the catalogs' types have none."""
_NEXT: Final = "!"
"""The character after the blank."""


def plain(value: Value) -> bool:
    """Tell whether the engine compares *value* as Redshift does."""
    return (not value.textual and value.name != "super") or (bare(value) and not value.folded and value.textual)


def bare(value: Value) -> bool:
    """Tell whether *value* has no trailing blanks."""
    return value.bare or value.name not in _PADDED or (value.text is not None and not value.text.endswith(" "))


def trimmed(value: Value) -> Value:
    """Return *value* without trailing blanks."""
    if not value.textual or bare(value):
        return value
    return replace(value, sql=f"{blanks.marked('rs_bare', value)}({value.sql})", bare=True)


def keyed(value: Value) -> Value:
    """Return what *value* is compared, grouped and made distinct by."""
    if plain(value):
        return value
    if value.name == "super":
        return made(dynamic.key(value), VARCHAR, exact=True)
    if value.text is not None:
        content = value.text.rstrip(" ")
        return replace(value, sql=literal(content.lower() if value.folded else content), bare=True, folded=False)
    sql = trimmed(value).sql
    return replace(value, sql=f"lower({sql})" if value.folded else sql, bare=True, folded=False, origin=(0, 0))


def ordered(value: Value) -> str:
    """Return what *value* is sorted by."""
    return dynamic.order(value) if value.name == "super" else keyed(value).sql


def both(left: Value, right: Value) -> tuple[Value, Value]:
    """Return the keys of two values that are compared with each other."""
    if "super" in (left.name, right.name):
        return made(dynamic.key(left), VARCHAR, exact=True), made(dynamic.key(right), VARCHAR, exact=True)
    if not (left.textual and right.textual):
        return left, right
    if left.folded or right.folded:
        left, right = replace(left, folded=True), replace(right, folded=True)
    return keyed(left), keyed(right)


_SWAPPED: Final = {"=": "=", "<>": "<>", "<": ">", ">": "<", "<=": ">=", ">=": "<="}


def compared(sign: str, left: Value, right: Value) -> Value:
    """Write a comparison of two values of one type, or of SUPER with another."""
    if "super" in (left.name, right.name):
        return dynamic.compared(sign, left, right)
    if left.textual and right.textual and not (plain(left) and plain(right)):
        if _column(left) and _constant(right):
            return _with_constant(sign, left, right)
        if _column(right) and _constant(left):
            return _with_constant(_SWAPPED[sign], right, left)
    left, right = both(left, right)
    return made(f"({left.sql} {sign} {right.sql})", BOOL, exact=True)


def _column(value: Value) -> bool:
    """Tell whether *value* is a bare column of a relation that may end in blanks and minds its case."""
    return not value.folded and not plain(value) and "(" not in value.sql and value.text is None


def _constant(value: Value) -> bool:
    """Tell whether *value* is a literal or a parameter."""
    return not value.folded and (value.text is not None or value.sql.startswith("CAST($"))


def _with_constant(sign: str, value: Value, other: Value) -> Value:
    low = keyed(other).sql
    high = literal(other.text.rstrip(" ") + _NEXT) if other.text is not None else f"({low} || '{_NEXT}')"
    bare_value = trimmed(value).sql
    equal = f"({value.sql} >= {low} AND {value.sql} < {high} AND {bare_value} = {low})"
    ordinary = other.text is not None and all(character >= " " for character in other.text)
    sql = {
        "=": equal,
        # No range helps here, and to negate one takes twice as long as to look for blanks.
        "<>": f"({bare_value} <> {low})",
        "<": f"({value.sql} < {low})" if ordinary else f"({bare_value} < {low})",
        ">=": f"({value.sql} >= {low})" if ordinary else f"({bare_value} >= {low})",
        "<=": f"({value.sql} < {high} AND {bare_value} <= {low})",
        ">": f"({value.sql} > {low} AND {bare_value} > {low})",
    }[sign]
    return made(sql, BOOL, exact=True)


def listed(left: Value, items: list[Value]) -> str:
    """Write ``left IN (items)``."""
    if left.folded or any(item.folded for item in items):
        left, items = replace(left, folded=left.textual), [replace(item, folded=item.textual) for item in items]
    keys = [keyed(item) for item in items]
    sql = f"({keyed(left).sql} IN ({', '.join(item.sql for item in keys)}))"
    contents = [item.text.rstrip(" ") for item in items if item.text is not None]
    if len(contents) == len(items) and _column(left):
        low, high = literal(min(contents)), literal(max(contents) + _NEXT)
        # Most values have no trailing blank: they are looked up as they are.
        plain_list = ", ".join(item.sql for item in keys)
        ends_blank = blanks.marked("suffix", left)
        bare_list = f"({ends_blank}({left.sql}, ' ') AND rtrim({left.sql}, ' ') IN ({plain_list}))"
        return (
            f"({left.sql} >= {low} AND {left.sql} < {high} AND ({left.sql} IN ({plain_list}) OR {bare_list}))"
        )
    return sql
