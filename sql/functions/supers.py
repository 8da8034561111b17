"""Functions of SUPER: JSON in and out, arrays, objects, what a value is; those that compute, by its kind.

Its rows stand before those of the same names for other types: they take SUPER alone.
"""

from collections.abc import Callable
from typing import Final

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from sql import conversion, dynamic
from sql.functions.spec import Call, Function
from sql.value import INT4, SUPER, Value, made

_ON: Final = frozenset({"on", "true"})


def element(value: Value) -> str:
    """Return a value as an element of an array or object."""
    if value.null:
        return "CAST('null' AS JSON)"
    return conversion.cast(conversion.settled(value), SUPER).sql


def _array(call: Call) -> Value:
    items = ", ".join(element(value) for value in call.values)
    return made(f"rs_packed([{items}])" if items else "CAST('[]' AS JSON)", SUPER, exact=True)


def _object(call: Call) -> Value:
    if len(call.values) % 2:
        raise SqlError(SqlState.UNDEFINED_FUNCTION, "OBJECT needs a value for every key")
    parts = [
        conversion.string(value).sql if index % 2 == 0 else element(value) for index, value in enumerate(call.values)
    ]
    return made(f"json_object({', '.join(parts)})" if parts else "CAST('{}' AS JSON)", SUPER, exact=True)


def _parse(call: Call) -> Value:
    value = call.values[0]
    text = f"decode({value.sql})" if value.name == "varbyte" else value.sql
    lax = call.scope.writer.facts.setting("parse_super_null_on_error") in _ON
    return made(f"rs_{'try_' if lax else ''}json_parse({text})", SUPER, exact=True)


def _flag(call: Call, index: int, default: str) -> str:
    return call.values[index].sql if len(call.values) > index else default


def _search(macro: str, type_: types.ColumnType) -> Callable[[Call], Value]:
    """Return what writes ARRAY_CONTAINS and its like: (array, value [, null_match])."""

    def write(call: Call) -> Value:
        array, sought = call.values[0].sql, element(call.values[1])
        found = f"{macro}({array}, {sought})"
        kept = call.scope.writer.facts.setting("default_array_search_null_handling") in _ON
        if len(call.values) > 2 or not kept:
            match = conversion.coerce(call.values[2], types.of("bool")).sql if len(call.values) > 2 else "false"
            found = f"rs_array_found({array}, {sought}, {found}, {match})"
        return made(found, type_, exact=True)

    return write


def _sets(macro: str) -> Callable[[Call], Value]:
    """Return what writes ARRAY_EXCEPT and its like: (array, array [, distinct])."""

    def write(call: Call) -> Value:
        return made(f"{macro}({call.sql[0]}, {call.sql[1]}, {_flag(call, 2, 'false')})", SUPER, exact=True)

    return write


def _sort(call: Call) -> Value:
    up = _flag(call, 1, "true")
    first = _flag(call, 2, f"(NOT {up})")
    return made(f"rs_array_sort({call.sql[0]}, {up}, {first})", SUPER, exact=True)


def _extreme(call: Call) -> Value:
    value = call.values[0]
    sql = f"arg_{call.name}({value.sql}, {dynamic.order(value)}){call.over}"
    return made(sql, SUPER, exact=True)


def _total(call: Call) -> str:
    """Return SUM: whole, decimal or a float, as the widest of what it adds."""
    number = f"rs_number_text({call.sql[0]})"
    decimal = f"CASE WHEN NOT contains({number}, 'e') THEN TRY_CAST({number} AS DECIMAL(38,15)) END"
    over, distinct = call.over, call.distinct
    return (
        f"rs_super_sum(coalesce(bool_or(contains({number}, 'e')){over}, false),"
        f" max(rs_scale_of({number})){over}, sum({distinct}CAST({number} AS DOUBLE)){over},"
        f" sum({distinct}{decimal}){over})"
    )


def _sum(call: Call) -> Value:
    return made(_total(call), SUPER, exact=True)


def _avg(call: Call) -> Value:
    count = f"count({call.distinct}rs_number_text({call.sql[0]})){call.over}"
    return made(f"rs_super_divide({_total(call)}, CAST(CAST(nullif({count}, 0) AS VARCHAR) AS JSON))", SUPER, exact=True)


def _is(name: str, engine: str) -> Function:
    return Function(name=name, arguments=("super",), engine=engine, returns="bool", exact=True, doc=f"r_{name}")


def _rounded(name: str, engine: str = "") -> Function:
    return Function(name=name, arguments=("dynamic",), engine=f"rs_super_rounded({{0}}, '{engine or name}')",
                    returns="super", exact=True, doc="operators-functions")  # fmt: skip


def _whole(bits: int) -> str:
    return f"rs_is_whole({{0}}, -{2 ** (bits - 1)}, {2 ** (bits - 1) - 1})"


_BOOL: Final = types.of("bool")

TABLE: Final = (
    # In and out
    Function(name="json_parse", arguments=("varbyte",), engine=_parse, doc="JSON_PARSE"),
    Function(name="json_parse", arguments=("text",), engine=_parse, doc="JSON_PARSE"),
    Function(name="json_serialize", arguments=("super",), engine="rs_json_serialize({0})", returns="varchar",
             exact=True, doc="JSON_SERIALIZE"),
    Function(name="json_serialize_to_varbyte", arguments=("super",), engine="rs_json_bytes({0})", returns="varbyte",
             exact=True, doc="JSON_SERIALIZE_TO_VARBYTE"),
    # What a value is
    Function(name="json_typeof", arguments=("super",), engine="rs_json_typeof({0})", returns="varchar", exact=True,
             doc="r_json_typeof"),
    Function(name="json_size", arguments=("super",), engine="CAST(octet_length(rs_json_bytes({0})) AS INTEGER)",
             returns="int4", exact=True, doc="r_json_size"),
    Function(name="size", arguments=("super",), engine="CAST(octet_length(rs_json_bytes({0})) AS INTEGER)",
             returns="int4", exact=True, doc="r_SIZE"),
    Function(name="decimal_precision", arguments=("super",), engine="rs_decimal_precision({0})", returns="int4",
             exact=True, doc="r_decimal_precision"),
    Function(name="decimal_scale", arguments=("super",), engine="rs_decimal_scale({0})", returns="int4", exact=True,
             doc="r_decimal_scale"),
    _is("is_array", "rs_is_array({0})"),
    _is("is_object", "rs_is_object({0})"),
    _is("is_boolean", "rs_is_kind({0}, ['boolean'])"),
    _is("is_scalar", "rs_is_kind({0}, ['boolean', 'number', 'string'])"),
    _is("is_varchar", "rs_is_kind({0}, ['string'])"),
    _is("is_char", "rs_is_char({0})"),
    _is("is_smallint", _whole(16)),
    _is("is_integer", _whole(32)),
    _is("is_bigint", _whole(64)),
    _is("is_decimal", "rs_is_decimal({0})"),
    _is("is_float", "rs_is_float({0})"),
    # Arrays
    Function(name="array", arguments=("open*",), engine=_array, doc="r_array"),
    Function(name="get_array_length", arguments=("super",),
             engine="CASE WHEN rs_is_array({0}) THEN CAST(json_array_length({0}) AS INTEGER) END",
             returns="int4", exact=True, doc="get_array_length"),
    Function(name="array_concat", arguments=("super", "super"), engine="rs_super_concat({all})", returns="super",
             exact=True, doc="r_array_concat"),
    Function(name="array_flatten", arguments=("super",), engine="rs_array_flatten({0})", returns="super", exact=True,
             doc="array_flatten"),
    Function(name="subarray", arguments=("super", "int8", "int8?"), engine="rs_subarray({all})", returns="super",
             exact=True, doc="r_subarray"),
    Function(name="split_to_array", arguments=("text", "text?"),
             engine=lambda call: made(f"rs_split_array({call.sql[0]}, {_flag(call, 1, repr(','))})", SUPER, exact=True),
             doc="split_to_array"),
    Function(name="array_distinct", arguments=("super",), engine="rs_array_distinct({0})", returns="super", exact=True,
             doc="array_distinct"),
    Function(name="array_contains", arguments=("super", "open", "open?"), engine=_search("rs_array_contains", _BOOL),
             doc="array_contains"),
    Function(name="array_position", arguments=("super", "open", "open?"), engine=_search("rs_array_position", INT4),
             doc="array_position"),
    Function(name="array_positions", arguments=("super", "open", "open?"),
             engine=_search("rs_array_positions", SUPER), doc="array_positions"),
    Function(name="array_except", arguments=("super", "super", "bool?"), engine=_sets("rs_array_except"),
             doc="array_except"),
    Function(name="array_intersection", arguments=("super", "super", "bool?"), engine=_sets("rs_array_intersection"),
             doc="array_intersection"),
    Function(name="array_union", arguments=("super", "super"),
             engine="rs_array_distinct(rs_super_concat({all}))", returns="super", exact=True, doc="array_union"),
    Function(name="arrays_overlap", arguments=("super", "super"), engine="rs_arrays_overlap({all})", returns="bool",
             exact=True, doc="arrays_overlap"),
    Function(name="array_sort", arguments=("super", "bool?", "bool?"), engine=_sort, doc="array_sort"),
    # Objects
    Function(name="object", arguments=("open*",), engine=_object, doc="r_object_function"),
    Function(name="get_number_attributes", arguments=("super",),
             engine="CASE WHEN rs_is_object({0}) THEN CAST(len(json_keys({0})) AS INTEGER) END", returns="int4",
             exact=True, doc="get_number_attributes"),
    Function(name="lower_attribute_names", arguments=("super",),
             engine="rs_object_renamed(CAST({0} AS VARCHAR), false)", returns="super", exact=True,
             doc="r_lower_attribute_names"),
    Function(name="upper_attribute_names", arguments=("super",),
             engine="rs_object_renamed(CAST({0} AS VARCHAR), true)", returns="super", exact=True,
             doc="r_upper_attribute_names"),
    # Numbers and aggregates
    _rounded("floor"),
    _rounded("ceil"),
    _rounded("ceiling", "ceil"),
    _rounded("round"),
    _rounded("trunc"),
    Function(name="abs", arguments=("dynamic",), engine="rs_super_abs({0})", returns="super", exact=True,
             doc="operators-functions"),
    Function(name="sum", arguments=("dynamic",), engine=_sum, kind="aggregate", doc="r_SUM"),
    Function(name="avg", arguments=("dynamic",), engine=_avg, kind="aggregate", doc="r_AVG"),
    Function(name="min", arguments=("dynamic",), engine=_extreme, kind="aggregate", doc="r_MIN"),
    Function(name="max", arguments=("dynamic",), engine=_extreme, kind="aggregate", doc="r_MAX"),
)  # fmt: skip
