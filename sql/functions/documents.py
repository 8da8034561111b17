"""Functions over JSON in text: JSON_EXTRACT_PATH_TEXT and the like. SUPER is ``json``'s."""

import re
from typing import Final

from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState
from core.types import of
from sql import conversion
from sql.functions.spec import Call, Function
from sql.once import once
from sql.value import INT4, VARCHAR, Value, made

_LEVELS: Final = 5
_KNOWN: Final = re.compile(r"'(?:[^']|'')*'|CAST\(\d+ AS BIGINT\)|\d+")
"""Engine SQL of a constant."""


def _flag(call: Call) -> tuple[tuple[Value, ...], str]:
    """Part the arguments from a boolean null_if_invalid at the end, given as engine SQL."""
    last = call.values[-1]
    if last.category == "B":
        return call.values[:-1], last.sql
    return call.values, "false"


def _either(macro: str, flag: str, text: str, *others: str) -> str:
    """Call *macro*, or its form that gives NULL for what is no JSON where *flag* holds."""
    forms = {"true": f"rs_try_{macro}", "false": f"rs_{macro}"}
    if flag.lower() not in forms:
        return f"CASE WHEN {flag} THEN {_either(macro, 'true', text, *others)} ELSE {_either(macro, 'false', text, *others)} END"
    form = forms[flag.lower()]
    if all(_KNOWN.fullmatch(other) for other in others):
        # A path that is known before is better for the engine.
        after = "".join(f", {other}" for other in others)
        return once(lambda value: f"{form}({value}{after})", text, heavy="_json_" in text)
    return once(lambda *values: f"{form}({', '.join(values)})", text, *others, heavy="_json_" in text)


def _path(keys: tuple[Value, ...]) -> str:
    """Return the path to a member.

    JSONPath quotes a key but has no way to write an empty one or a quote; a pointer has, but takes digits for
    an element's number.
    """
    known = [key.literal for key in keys]
    if all(item and not set(item) & set('"\\*') for item in known):
        return literal("$" + "".join(f'."{item}"' for item in known))
    if all(item is not None for item in known):
        return literal("".join("/" + str(item).replace("~", "~0").replace("/", "~1") for item in known))
    parts = [conversion.string(key).sql for key in keys]
    odd = " OR ".join(f"regexp_matches({part}, '^$|[\"*\\\\]')" for part in parts)
    pointer = " || ".join(f"rs_json_key({part})" for part in parts)
    plain = "'$'" + "".join(f" || '.\"' || {part} || '\"'" for part in parts)
    return f"CASE WHEN {odd} THEN {pointer} ELSE {plain} END"


def _path_text(call: Call) -> Value:
    values, flag = _flag(call)
    if not 2 <= len(values) <= _LEVELS + 1:
        raise SqlError(SqlState.UNDEFINED_FUNCTION, "json_extract_path_text takes one to five path elements")
    text = conversion.string(values[0]).sql
    return made(_either("json_text", flag, text, _path(values[1:])), VARCHAR, exact=True)


def _item_text(call: Call) -> Value:
    values, flag = _flag(call)
    index = conversion.coerce(values[1], of("int8")).sql
    text = conversion.string(values[0]).sql
    return made(_either("json_item", flag, text, index), VARCHAR, exact=True)


def _length(call: Call) -> Value:
    values, flag = _flag(call)
    return made(_either("json_length", flag, conversion.string(values[0]).sql), INT4, exact=True)


def _built(call: Call) -> Value:
    """Write an object of names and values as PostgreSQL does: ``{"a" : 1, "b" : null}``."""
    if len(call.values) % 2:
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, "argument list must have even number of elements",
            position=call.scope.writer.position(call.node),
        )  # fmt: skip
    missing = "error('duckshift:22004:argument of json_build_object must not be null')"
    pairs = [
        f"CAST(to_json(COALESCE(CAST({conversion.exact(key).sql} AS VARCHAR), {missing})) AS VARCHAR) || ' : '"
        f" || COALESCE({_shown(value)}, 'null')"
        for key, value in zip(call.values[::2], call.values[1::2], strict=True)
    ]
    inside = " || ', ' || ".join(pairs)
    return made(f"'{{' || {inside} || '}}'" if pairs else "'{}'", VARCHAR)


def _shown(value: Value) -> str:
    exact = conversion.exact(value).sql
    return f"CAST({exact if value.name == 'super' else f'to_json({exact})'} AS VARCHAR)"


TABLE: Final = (
    Function(name="json_build_object", arguments=("open*",), engine=_built,
             doc="PostgreSQL, JSON Functions; SQLAlchemy asks for collations by it"),
    Function(name="json_extract_path_text", arguments=("open", "open", "open*"), engine=_path_text,
             doc="JSON_EXTRACT_PATH_TEXT"),
    Function(name="json_extract_array_element_text", arguments=("open", "open", "bool?"), engine=_item_text,
             doc="JSON_EXTRACT_ARRAY_ELEMENT_TEXT"),
    Function(name="json_array_length", arguments=("open", "bool?"), engine=_length, doc="JSON_ARRAY_LENGTH"),
    Function(name="is_valid_json", arguments=("text",), engine="rs_json_is({0}, 'OBJECT')", returns="bool",
             exact=True, doc="IS_VALID_JSON"),
    Function(name="is_valid_json_array", arguments=("text",), engine="rs_json_is({0}, 'ARRAY')", returns="bool",
             exact=True, doc="IS_VALID_JSON_ARRAY"),
    Function(name="can_json_parse", arguments=("varbyte",), engine="rs_parsable(decode({0}))", returns="bool",
             exact=True, doc="CAN_JSON_PARSE"),
    Function(name="can_json_parse", arguments=("text",), engine="rs_parsable({0})", returns="bool", exact=True,
             doc="CAN_JSON_PARSE"),
)  # fmt: skip
