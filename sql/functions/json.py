"""SUPER. Functions over JSON in text are ``documents``."""

from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from sql import conversion
from sql.functions.spec import Call, Function
from sql.value import SUPER, Value, made


def _array(call: Call) -> Value:
    items = ", ".join(_element(value) for value in call.values)
    return made(f"CAST(to_json([{items}]) AS JSON)" if items else "CAST('[]' AS JSON)", SUPER, exact=True)


def _element(value: Value) -> str:
    if value.null:
        return "CAST('null' AS JSON)"
    return conversion.cast(conversion.settled(value), SUPER).sql


def _object(call: Call) -> Value:
    if len(call.values) % 2:
        raise SqlError(SqlState.UNDEFINED_FUNCTION, "OBJECT needs a value for every key")
    parts = [
        conversion.string(value).sql if index % 2 == 0 else _element(value)
        for index, value in enumerate(call.values)
    ]
    return made(f"json_object({', '.join(parts)})" if parts else "CAST('{}' AS JSON)", SUPER, exact=True)


def _kind(name: str, kinds: str) -> Function:
    return Function(name=name, arguments=("super",), engine=f"coalesce(json_type({{0}}) IN ({kinds}), false)",
                    returns="bool", exact=True, doc="r_is_array")


_WHOLE: Final = "'BIGINT', 'UBIGINT', 'HUGEINT'"

TABLE: Final = (
    Function(name="json_parse", arguments=("text",), engine="rs_json_parse({0})", returns="super", exact=True,
             doc="JSON_PARSE"),
    Function(name="json_serialize", arguments=("super",), engine="CAST({0} AS VARCHAR)", returns="varchar",
             exact=True, doc="JSON_SERIALIZE"),
    Function(name="json_serialize_to_varbyte", arguments=("super",), engine="encode(CAST({0} AS VARCHAR))",
             returns="varbyte", exact=True, doc="JSON_SERIALIZE_TO_VARBYTE"),
    Function(name="json_typeof", arguments=("super",), engine="rs_json_typeof({0})", returns="varchar", exact=True,
             doc="r_json_typeof"),
    Function(name="json_size", arguments=("super",), engine="CAST(strlen(CAST({0} AS VARCHAR)) AS INTEGER)",
             returns="int4", exact=True, doc="r_json_size"),
    Function(name="array", arguments=("open*",), engine=_array, doc="r_array"),
    Function(name="object", arguments=("open*",), engine=_object, doc="r_object_function"),
    Function(name="get_array_length", arguments=("super",),
             engine="CASE WHEN json_type({0}) = 'ARRAY' THEN CAST(json_array_length({0}) AS BIGINT) END",
             returns="int8", exact=True, doc="get_array_length"),
    Function(name="array_concat", arguments=("super", "super"),
             engine="CAST(to_json(list_concat(CAST({0} AS JSON[]), CAST({1} AS JSON[]))) AS JSON)",
             returns="super", exact=True, doc="r_array_concat"),
    Function(name="subarray", arguments=("super", "int", "int?"), engine="rs_subarray({all})", returns="super",
             exact=True, doc="r_subarray"),
    Function(name="split_to_array", arguments=("text", "text"),
             engine="CAST(to_json(string_split({0}, {1})) AS JSON)", returns="super", exact=True,
             doc="split_to_array"),
    Function(name="split_to_array", arguments=("text",), engine="CAST(to_json(string_split({0}, ',')) AS JSON)",
             returns="super", exact=True, doc="split_to_array"),
    _kind("is_array", "'ARRAY'"),
    _kind("is_object", "'OBJECT'"),
    _kind("is_boolean", "'BOOLEAN'"),
    _kind("is_varchar", "'VARCHAR'"),
    _kind("is_bigint", _WHOLE),
    _kind("is_integer", _WHOLE),
    _kind("is_float", "'DOUBLE'"),
    _kind("is_scalar", "'BIGINT', 'UBIGINT', 'HUGEINT', 'DOUBLE', 'VARCHAR', 'BOOLEAN'"),
)  # fmt: skip
