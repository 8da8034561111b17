"""TO_CHAR, TO_DATE, TO_TIMESTAMP, TO_NUMBER and the casts in Teradata's manner: calls matched to formats.

What a format means is ``patterns`` (dates), ``numbers`` and ``reading``. Redshift, "Data type formatting functions".
"""

import re
from typing import Final

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from sql import conversion
from sql.functions import numbers, patterns, reading
from sql.functions.spec import Call, Function
from sql.value import DATE, FLOAT8, INT4, TIMESTAMP, TIMESTAMPTZ, Value, made


def _to_char(call: Call) -> Value:
    value, pattern = call.values
    if value.name in {"time", "timetz"}:
        value = made(f"(CAST('1970-01-01' AS DATE) + CAST({value.sql} AS TIME))", TIMESTAMP, exact=True)
    if value.category == "N":
        return numbers.to_char(value, pattern)
    return patterns.to_char(value, pattern, call.scope)


def _of_text(call: Call) -> Value:
    """Write TO_CHAR of a string: a number or a moment, as the format tells."""
    value, pattern = call.values
    numeric = re.search("[90]", re.sub(r'"[^"]*"', "", pattern.literal or "")) is not None
    value = conversion.cast(value, FLOAT8 if numeric else TIMESTAMP)
    return numbers.to_char(value, pattern) if numeric else patterns.to_char(value, pattern, call.scope)


def _strict(call: Call) -> str:
    if len(call.values) < 3 or call.sql[2] == "CAST(false AS BOOLEAN)" or call.sql[2] == "false":
        return "false"
    return "true" if call.sql[2] in {"true", "CAST(true AS BOOLEAN)"} else call.sql[2]


def _to_date(call: Call) -> Value:
    sql = reading.moment(call.sql[0], call.values[1], _strict(call), call.name)
    return made(f"CAST({sql} AS DATE)", DATE, exact=True)


def _to_timestamp(call: Call) -> Value:
    sql = reading.moment(call.sql[0], call.values[1], _strict(call), call.name)
    return made(f"CAST({sql} AS TIMESTAMP WITH TIME ZONE)", TIMESTAMPTZ, exact=True)


def _to_number(call: Call) -> Value:
    content = call.values[1].literal
    if content is None:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "TO_NUMBER with a format that is not a literal is not supported",
            position=call.scope.writer.position(call.node),
        )
    shape = numbers.shape_of(content)
    if shape.shift:
        type_ = types.numeric(min(38, max(1, shape.before)), min(37, shape.shift))
        sql = f"CAST(CAST(rs_read_number({call.sql[0]}) AS DECIMAL(38,0)) / {10**shape.shift} AS {type_.engine()})"
        return made(sql, type_, exact=True)
    type_ = types.numeric(min(38, max(1, shape.before + shape.after)), min(37, shape.after))
    return made(f"CAST(rs_read_number({call.sql[0]}) AS {type_.engine()})", type_, exact=True)


# Teradata's manner


def _teradata(call: Call) -> tuple[str, int]:
    """Write the plain number of a call's text; return it with the places that V sets apart."""
    pattern = next((value.literal for value in call.values[1:] if value.literal is not None), None)
    if pattern is None:
        return f"rs_teradata_number({call.sql[0]})", 0
    digits = re.sub(r"([9Z])\((\d+)\)", lambda match: match[1] * int(match[2]), pattern.upper())
    places = len(re.findall("[9Z]", digits.partition("V")[2])) if "V" in digits else 0
    macro = "rs_zoned_number" if digits.endswith("S") else "rs_teradata_number"
    return f"{macro}({call.sql[0]})", places


def _shifted(sql: str, places: int) -> str:
    return f"{sql} || 'e-{places}'" if places else sql


def _text_to_int(call: Call) -> Value:
    sql, places = _teradata(call)
    whole = f"CAST(trunc(CAST({_shifted(sql, places)} AS DECIMAL(38,9))) AS INTEGER)"
    return made(whole, INT4, exact=True)


def _text_to_numeric(call: Call) -> Value:
    """Unlike a cast it rounds, halves to the even neighbour."""
    sizes = [int(value.sql) for value in call.values[1:] if value.constant and value.sql.isdigit()]
    precision, scale = [*sizes, 0][:2] if sizes else (38, 0)
    type_ = types.declared("numeric", (precision, scale))
    sql, places = _teradata(call)
    engine = type_.engine()
    unit = f"CAST({'1' if not scale else '0.' + '0' * (scale - 1) + '1'} AS {engine})"
    rounded = f"CAST(rs_t AS {engine})"
    tie = f"regexp_full_match(rs_t, '[+-]?[0-9]*\\.[0-9]{{{scale}}}50*')"
    odd = f"CAST(right(CAST({rounded} AS VARCHAR), 1) AS INTEGER) % 2 = 1"
    body = (
        f"CASE WHEN {tie} AND {odd} THEN CAST({rounded} - CASE WHEN rs_t LIKE '-%' THEN -{unit} ELSE {unit} END AS {engine})"
        f" ELSE {rounded} END"
    )
    return made(f"list_transform([{_shifted(sql, places)}], lambda rs_t: {body})[1]", type_, exact=True)


TABLE: Final = (
    Function(name="to_char", arguments=("dated", "text"), engine=_to_char, doc="r_TO_CHAR"),
    Function(name="to_char", arguments=("interval", "text"), engine=_to_char, doc="r_TO_CHAR"),
    Function(name="to_char", arguments=("time", "text"), engine=_to_char, doc="r_TO_CHAR"),
    Function(name="to_char", arguments=("letters", "text"), engine=_of_text, doc="r_TO_CHAR"),
    Function(name="to_char", arguments=("number", "text"), engine=_to_char, doc="r_TO_CHAR"),
    Function(name="to_date", arguments=("text", "text", "bool?"), engine=_to_date, doc="r_TO_DATE_function"),
    Function(name="to_timestamp", arguments=("text", "text", "bool?"), engine=_to_timestamp, doc="r_TO_TIMESTAMP"),
    Function(name="to_number", arguments=("text", "text"), engine=_to_number, doc="r_TO_NUMBER"),
    Function(name="text_to_int_alt", arguments=("text", "text?"), engine=_text_to_int, doc="r_TEXT_TO_INT_ALT"),
    Function(name="text_to_numeric_alt", arguments=("text", "integer", "integer?"), engine=_text_to_numeric,
             doc="r_TEXT_TO_NUMERIC_ALT"),
    Function(name="text_to_numeric_alt", arguments=("text", "text?", "integer?", "integer?"),
             engine=_text_to_numeric, doc="r_TEXT_TO_NUMERIC_ALT"),
)  # fmt: skip
