"""Casts: explicit ones and those that an operand's place implies. Assignment is ``sql.assignment``.

Redshift, "Type compatibility and conversion", "CAST function", "Character types". Macros named ``rs_*`` are
``engine.macros``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from core import types
from core.errors import SqlError
from core.names import literal, quote_if_needed
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import constants, dates, dynamic, intervals
from sql.inference import is_float, is_integer, precision_scale
from sql.value import VARCHAR, Slot, Value, made

NAMED_OIDS: Final = frozenset({"regclass", "regtype", "regproc"})
"""Types of system tables whose values are OIDs inside; a client is shown the names (macros ``rs_<type>_name``)."""
TRUTHS: Final = frozenset({"super", "int2", "int4", "int8"})
"""Types that stand for BOOLEAN where a condition is wanted ("Type compatibility and conversion", the table)."""


def cast(value: Value, target: ColumnType, *, lax: bool = False, rounds: bool = False) -> Value:
    """Return *value* converted as CAST does: numbers are cut off, strings shortened.

    A constant is rounded to the scale of NUMERIC ("CAST function", examples; "Numeric types": values selected from
    tables are not), and everything is rounded where *rounds* says so (enable_numeric_rounding). *lax* is TRY_CAST:
    NULL where the value will not do. Raises 42846 for a pair without a conversion.
    """
    if value.open:
        return _of_literal(value, target, lax=lax)
    source, name = value.type, target.type.name
    if source.type.name == name and not _narrows(source, target):
        return value if source == target else value.typed(target, exact=value.exact and name != "numeric")
    if value.constant and not lax:
        constants.checked(value.sql, target)
    rule = _pair(source, target)
    if rule is _refused or (target.type.category == "A" and source.type.category not in "AS"):
        raise cannot_cast(source, target)
    if (rounds and rule is _number_to_integer) or ((rounds or value.fixed) and rule is _number_to_numeric):
        rule = _plain
    sql = _shortened(rule(value, target, "TRY_CAST" if lax else "CAST"), target)
    bare = name == "bpchar" or value.bare or source.type.category in "NBDT"
    return Value(sql=sql, type=target, exact=True, fixed=value.fixed, bare=bare, folded=value.folded)


def coerce(value: Value, target: ColumnType) -> Value:
    """Return *value* as the type that its place asks for, without loss of characters."""
    if value.name == target.type.name:
        return value
    if value.textual and target.type.category == "S":
        return value
    return cast(value, _unbounded(target))


def _unbounded(target: ColumnType) -> ColumnType:
    return VARCHAR if target.type.category == "S" else target


def cannot_cast(source: ColumnType, target: ColumnType) -> SqlError:
    """Return the error for a pair of types without a conversion."""
    return SqlError(SqlState.CANNOT_COERCE, f"cannot cast type {source.type.sql} to {target.type.sql}")


def string(value: Value) -> Value:
    """Return *value* as a character string, as ``||`` and string functions take it."""
    if value.textual:
        return value
    return cast(value, VARCHAR)


def settled(value: Value) -> Value:
    """Return *value* with a type: an open literal is a string of its own length."""
    if not value.open:
        return value
    if value.literal is not None:
        length = min(max(1, len(value.literal.encode())), types.VARCHAR_MAX)
        return replace(value.typed(types.with_length("varchar", length)), text=value.literal, free=True)
    if value.null:
        return Value(sql="CAST(NULL AS VARCHAR)", type=VARCHAR, exact=True, free=True, null=True)
    return cast(value, VARCHAR)


def exact(value: Value) -> Value:
    """Return *value* so that the engine gives the type that it is said to have."""
    value = settled(value)
    if value.exact or value.name == "record":
        return value
    return made(f"CAST({value.sql} AS {value.type.engine()})", value.type, exact=True)


def _narrows(source: ColumnType, target: ColumnType) -> bool:
    if source.type.name == "numeric":
        return source != target
    if source.type.category == "T":
        return target.modifier >= 0 and source != target
    return target.length is not None and (source.length is None or source.length > target.length)


# Literals


def _of_literal(value: Value, target: ColumnType, *, lax: bool) -> Value:
    if value.slot is not None:
        return _of_parameter(value.slot, target, lax=lax)
    if value.literal is None:
        return made(f"CAST({value.sql} AS {target.engine()})", target, exact=True)
    try:
        sql = constants.literal_of(value.literal, target)
    except SqlError:
        if not lax:
            raise
        sql = None
    if sql is None and lax:
        return made(f"CAST(NULL AS {target.engine()})", target, exact=True)
    if sql is None:
        raise constants.bad_input(value.literal, target)
    content = constants.cut(value.literal, target) if target.type.category == "S" else None
    return Value(sql=sql, type=target, exact=True, text=content, fixed=True)


def _of_parameter(slot: Slot, target: ColumnType, *, lax: bool) -> Value:
    if slot.type is None:
        slot.type = target
        return parameter(slot.number, target)
    return cast(parameter(slot.number, slot.type), target, lax=lax)


# Between types

Conversion = Callable[[Value, ColumnType, str], str]
"""(value, target, CAST or TRY_CAST) to engine SQL."""


def _plain(value: Value, target: ColumnType, word: str) -> str:
    return f"{word}({value.sql} AS {target.engine()})"


def _refused(value: Value, target: ColumnType, word: str) -> str:
    raise cannot_cast(value.type, target)


def _number_to_integer(value: Value, target: ColumnType, word: str) -> str:
    if value.name == "numeric" and precision_scale(value.type)[1] > 0:
        return f"{word}(trunc({value.sql}) AS {target.engine()})"
    return _plain(value, target, word)


def _number_to_numeric(value: Value, target: ColumnType, word: str) -> str:
    scale = target.scale or 0
    if value.name == "numeric" and precision_scale(value.type)[1] > scale:
        return f"{word}(trunc({value.sql}, {scale}) AS {target.engine()})"
    return _plain(value, target, word)


def _numeric_to_float(value: Value, target: ColumnType, word: str) -> str:
    # The engine divides the digits by a power of ten, which is the nearest float of up to 15 digits only.
    digits = value.sql.strip("()")
    if not value.constant or not constants.is_number(digits):
        return _plain(value, target, word)
    return f"{word}({literal(digits)} AS {target.engine()})"


def _same(value: Value, target: ColumnType, word: str) -> str:
    return value.sql


def _wrapped(template: str) -> Conversion:
    def convert(value: Value, target: ColumnType, word: str) -> str:
        return template.format(value.sql)

    return convert


def _macro(name: str) -> Conversion:
    def convert(value: Value, target: ColumnType, word: str) -> str:
        lax = "try_" if word == "TRY_CAST" else ""
        return f"rs_{lax}{name}({value.sql})"

    return convert


def _moment(name: str) -> Conversion:
    def convert(value: Value, target: ColumnType, word: str) -> str:
        order = dates.ORDER.get()
        return _macro(name if order == "MDY" else f"{name}_{order.lower()}")(value, target, word)

    return convert


def _text_to_number(value: Value, target: ColumnType, word: str) -> str:
    if is_integer(target):
        lax = "try_" if word == "TRY_CAST" else ""
        return f"{word}(rs_{lax}digits({value.sql}) AS {target.engine()})"
    # The engine takes 1_000 for a number, and what is too large for infinite.
    number = f"{word}(replace(trim({value.sql}), '_', '?') AS {target.engine()})"
    lax = "try_" if word == "TRY_CAST" else ""
    return f"rs_{lax}finite({number}, {value.sql})" if is_float(target) else number


def _padded_bytes(value: Value, target: ColumnType, word: str) -> str:
    """CHAR has its blanks as bytes."""
    length = value.type.length
    return f"encode({value.sql if length is None else f'rpad({value.sql}, {length}, {chr(39)} {chr(39)})'})"


def _float_to_text(value: Value, target: ColumnType, word: str) -> str:
    return f"rs_float_text({value.sql})"


_WHOLE: Final = ("hllsketch", "geometry", "geography")
"""Types that are converted to and from strings only."""
_CONVERSIONS: Final[dict[tuple[str, str], Conversion]] = {
    # By type name first, by category ("*S") next: the target's and the source's alike.
    ("*S", "date"): _moment("date"),
    ("*S", "timestamp"): _moment("timestamp"),
    ("*S", "timestamptz"): _moment("timestamptz"),
    ("*S", "time"): _macro("time"),
    ("*S", "timetz"): _macro("timetz"),
    # The catalogs' "char" is one byte, and its number.
    ("char", "int4"): _wrapped("ascii({0})"),
    ("int4", "char"): _wrapped("chr({0})"),
    ("*S", "bool"): _macro("bool"),
    ("*S", "*T"): intervals.of_text,
    ("*T", "*T"): intervals.of_interval,
    ("*T", "*S"): intervals.to_text,
    ("*S", "super"): dynamic.of_value,
    ("*S", "hllsketch"): _wrapped("rs_sketch_read({0})"),
    ("hllsketch", "hllsketch"): _same,
    ("hllsketch", "*S"): _same,
    ("*S", "geometry"): _wrapped("rs_geometry_read({0})"),
    ("*S", "geography"): _wrapped("rs_geometry_read({0})"),
    ("geometry", "*S"): _same,
    ("geography", "*S"): _same,
    ("geometry", "geography"): _wrapped("rs_set_srid({0}, 4326)"),
    ("geography", "geometry"): _same,
    **{(name, kind): _refused for name in _WHOLE for kind in ("*N", "*B", "*D", "*T", "*U")},
    **{(kind, name): _refused for name in _WHOLE for kind in ("*N", "*B", "*D", "*T", "*U")},
    ("bpchar", "varbyte"): _padded_bytes,
    ("*S", "varbyte"): _wrapped("encode({0})"),
    ("varbyte", "varbyte"): _same,
    **{(f"int{size}", "varbyte"): _wrapped(f"rs_int_bytes({{0}}, {size})") for size in (2, 4, 8)},
    **{("varbyte", f"int{size}"): _wrapped(f"rs_bytes_int{size}({{0}})") for size in (2, 4, 8)},
    **{(kind, "varbyte"): _refused for kind in ("*N", "*B", "*D", "*T")},
    **{("varbyte", kind): _refused for kind in ("*N", "*B", "*D", "*T")},
    ("*S", "regclass"): _macro("regclass"),
    ("*S", "regtype"): _macro("regtype"),
    ("*S", "regproc"): _macro("regproc"),
    ("*S", "xid"): _wrapped("CAST(CAST({0} AS BIGINT) & 4294967295 AS UINTEGER)"),
    ("*S", "*N"): _text_to_number,
    ("*S", "*S"): _same,
    ("*S", "bpchar"): _macro("ascii"),
    ("bpchar", "bpchar"): _same,
    ("regclass", "*S"): _wrapped("rs_regclass_name({0})"),
    ("regclass", "oid"): _same,
    ("regtype", "*S"): _wrapped("rs_regtype_name({0})"),
    ("regtype", "oid"): _same,
    ("regproc", "*S"): _wrapped("rs_regproc_name({0})"),
    ("regproc", "oid"): _same,
    ("oid", "regclass"): _same,
    ("oid", "regtype"): _same,
    ("oid", "regproc"): _same,
    ("*N", "regclass"): _wrapped("CAST({0} AS UINTEGER)"),
    ("*N", "regtype"): _wrapped("CAST({0} AS UINTEGER)"),
    ("*N", "regproc"): _wrapped("CAST({0} AS UINTEGER)"),
    ("*N", "regprocedure"): _wrapped("rs_regprocedure_name({0})"),
    ("regprocedure", "oid"): _wrapped("rs_regprocedure({0})"),
    ("*S", "regprocedure"): _refused,
    ("*B", "*S"): _refused,
    ("*B", "numeric"): _refused,
    ("*B", "*D"): _refused,
    ("*D", "*N"): _refused,
    ("*N", "*D"): _refused,
    ("*D", "bool"): _refused,
    ("*D", "super"): _refused,
    ("numeric", "bool"): _refused,
    ("float4", "bool"): _refused,
    ("float8", "bool"): _refused,
    **{("numeric", name): _numeric_to_float for name in ("float4", "float8")},
    ("float4", "*S"): _float_to_text,
    ("float8", "*S"): _float_to_text,
    ("super", "super"): _same,
    ("super", "*S"): dynamic.to_text,
    ("super", "*N"): dynamic.to_number,
    ("super", "*B"): dynamic.to_bool,
    ("super", "*D"): dynamic.to_moment,
    ("varbyte", "*S"): _wrapped("decode({0})"),
    ("numeric", "super"): dynamic.of_number,
    ("float4", "super"): dynamic.of_float,
    ("float8", "super"): dynamic.of_float,
    ("super", "varbyte"): _wrapped("encode(rs_super_text({0}))"),
    ("*N", "super"): dynamic.of_value,
    ("*B", "super"): dynamic.of_value,
}


def _pair(source: ColumnType, target: ColumnType) -> Conversion:
    names = (source.type.name, f"*{source.type.category}")
    goals = (target.type.name, f"*{target.type.category}")
    for name in names:
        for goal in goals:
            if (found := _CONVERSIONS.get((name, goal))) is not None:
                return found
    if is_integer(target) and source.type.category == "N":
        return _number_to_integer
    if target.type.name == "numeric" and source.type.category == "N":
        return _number_to_numeric
    return _plain


def _shortened(sql: str, target: ColumnType) -> str:
    """Apply the length of CHAR(n) or VARCHAR(n), and drop CHAR's trailing blanks."""
    if target.length is not None and target.type.name == "varbyte":
        return f"({sql})[1:{target.length}]"
    if target.length is not None and target.type.category == "S":
        sql = f"rs_cut({sql}, {target.length})"
    return f"rtrim({sql}, ' ')" if target.type.name == "bpchar" else sql


def parameter(number: int, type_: ColumnType) -> Value:
    """Return ``$n`` as a value of a known type."""
    if type_.type.name == "bpchar":
        # CHAR lives without its trailing blanks; a client sends it back as it was shown, padded.
        return made(f"rtrim(CAST(${number} AS VARCHAR), ' ')", type_, exact=True)
    if type_.type.category == "S":
        return made(f"CAST(${number} AS VARCHAR)", type_, exact=True)
    if type_.type.name in NAMED_OIDS:
        return made(f"rs_{type_.type.name}(CAST(${number} AS VARCHAR))", type_, exact=True)
    if type_.type.name == "super":
        # As an INSERT of a string: JSON text is a string until JSON_PARSE reads it.
        return made(f"CAST(to_json(CAST(${number} AS VARCHAR)) AS JSON)", type_, exact=True)
    return made(f"CAST(${number} AS {type_.engine()})", type_, exact=True)


def variable(number: int, type_: ColumnType) -> Value:
    """Return a procedure's variable, which comes as text of the engine's own form."""
    if type_.type.name == "super":
        return made(f"CAST(${number} AS JSON)", type_, exact=True)
    return parameter(number, type_)


def quoted(name: str) -> str:
    """Return a name as it is written in Redshift SQL."""
    return quote_if_needed(name)
