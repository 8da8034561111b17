"""Mathematical functions."""

from typing import Final

from core import types
from core.types import ColumnType
from sql import conversion
from sql.functions.spec import Call, Function
from sql.inference import is_float, is_integer, precision_scale
from sql.once import once
from sql.rules.operators import combine
from sql.value import FLOAT8, Value, made


def _whole(name: str, call: Call) -> Value:
    """CEIL and FLOOR keep whole numbers, which the engine would make floats, and floats; NUMERIC loses its scale."""
    value = call.values[0]
    if is_integer(value.type):
        return value
    if is_float(value.type):
        return made(f"{name}({value.sql})", value.type)
    precision, scale = precision_scale(value.type)
    return made(f"{name}({value.sql})", types.numeric(min(38, precision - scale + 1), 0))


def _ceil(call: Call) -> Value:
    return _whole("ceil", call)


def _floor(call: Call) -> Value:
    return _whole("floor", call)


def _rounding(name: str, call: Call) -> Value:
    value = call.values[0]
    digits = call.values[1] if len(call.values) > 1 else None
    if is_float(value.type):
        places = "" if digits is None else f", {digits.sql}"
        engine = f"rs_{name}_float" if places else name
        return made(f"{engine}(CAST({value.sql} AS DOUBLE){places})", FLOAT8, exact=True)
    if is_integer(value.type):
        if digits is None:
            return value
        engine = "round" if name == "round" else "rs_trunc_whole"
        return made(f"{engine}({value.sql}, {digits.sql})", value.type)
    precision, scale = precision_scale(value.type)
    if digits is not None and not _known(digits):
        return _rounded_late(name, value, digits.sql)
    keep = 0 if digits is None else _digits(digits, scale)
    type_ = types.numeric(min(38, precision - scale + keep + 1), keep)
    return made(f"CAST({name}({value.sql}, {digits.sql if digits else '0'}) AS {type_.engine()})", type_, exact=True)


def _known(digits: Value) -> bool:
    return digits.constant and digits.sql.strip("()").lstrip("-").isdigit()


def _digits(digits: Value, scale: int) -> int:
    return max(0, min(int(digits.sql.strip("()")), scale))


def _rounded_late(name: str, value: Value, digits: str) -> Value:
    """Round a NUMERIC to a number of places that each row has for itself: the engine wants a constant."""
    precision, scale = precision_scale(value.type)
    type_ = types.numeric(min(38, precision + 1), scale)
    cases = " ".join(
        f"WHEN {places} THEN CAST({name}({value.sql}, {places}) AS {type_.engine()})"
        for places in range(scale - precision, scale)
    )
    low = f"WHEN rs_n < {scale - precision} THEN CAST(0 AS {type_.engine()})"
    sql = f"CASE WHEN rs_n IS NULL THEN NULL {low} ELSE CASE rs_n {cases} ELSE {value.sql} END END"
    return made(f"CAST(list_transform([{digits}], lambda rs_n: {sql})[1] AS {type_.engine()})", type_, exact=True)


def _round(call: Call) -> Value:
    return _rounding("round", call)


def _trunc(call: Call) -> Value:
    return _rounding("trunc", call)


def _mod(call: Call) -> Value:
    return combine("%", call.values[0], call.values[1], call.scope, call.node)


def _sign(values: tuple[Value, ...]) -> ColumnType:
    type_ = values[0].type
    return types.numeric(1, 0) if type_.type.name == "numeric" else type_


def _logarithm(call: Call) -> Value:
    values = [conversion.coerce(value, FLOAT8).sql for value in call.values]
    if len(values) == 1:
        return made(once("rs_log({0})".format, *values), FLOAT8, exact=True)
    return made(once("rs_divide(rs_ln({1}), rs_ln({0}))".format, *values), FLOAT8, exact=True)


def _looking(name: str, engine: str, doc: str, count: int = 1) -> Function:
    def write(call: Call) -> Value:
        values = [conversion.coerce(value, FLOAT8).sql for value in call.values]
        return made(once(engine.format, *values), FLOAT8, exact=True)

    return Function(name=name, arguments=("float8",) * count, engine=write, doc=doc)


def _real(name: str, engine: str, doc: str, count: int = 1) -> Function:
    return Function(name=name, arguments=("float8",) * count, engine=engine, returns="float8", exact=True, doc=doc)


TABLE: Final = (
    Function(name="abs", arguments=("number",), engine="abs({0})", returns="0", doc="r_ABS"),
    Function(name="ceil", arguments=("number",), engine=_ceil, doc="r_CEILING_FLOOR"),
    Function(name="ceiling", arguments=("number",), engine=_ceil, doc="r_CEILING_FLOOR"),
    Function(name="floor", arguments=("number",), engine=_floor, doc="r_FLOOR"),
    Function(name="round", arguments=("number", "int?"), engine=_round, doc="r_ROUND"),
    Function(name="trunc", arguments=("number", "int?"), engine=_trunc, doc="r_TRUNC"),
    Function(name="sign", arguments=("number",), engine="sign({0})", returns=_sign, doc="r_SIGN"),
    Function(name="mod", arguments=("number", "number"), engine=_mod, doc="r_MOD"),
    Function(name="log", arguments=("number", "number?"), engine=_logarithm, doc="r_LOG"),
    _looking("dlog10", "rs_log({0})", "r_DLOG10"),
    _looking("ln", "rs_ln({0})", "r_LN"),
    _looking("dlog1", "rs_ln({0})", "r_DLOG1"),
    _looking("exp", "rs_exp({0})", "r_EXP"),
    _looking("dexp", "rs_exp({0})", "r_DEXP"),
    _looking("sqrt", "rs_sqrt({0})", "r_SQRT"),
    _real("cbrt", "cbrt({0})", "r_CBRT"),
    _looking("power", "rs_power({0}, {1})", "r_POWER", 2),
    _looking("pow", "rs_power({0}, {1})", "r_POWER", 2),
    _real("pi", "pi()", "r_PI", 0),
    _real("random", "random()", "r_RANDOM", 0),
    _looking("degrees", "rs_degrees({0})", "r_DEGREES"),
    _real("radians", "radians({0})", "r_RADIANS"),
    _real("sin", "sin({0})", "r_SIN"),
    _real("cos", "cos({0})", "r_COS"),
    _real("tan", "tan({0})", "r_TAN"),
    _real("cot", "cot({0})", "r_COT"),
    _looking("asin", "asin(rs_unit({0}))", "r_ASIN"),
    _looking("acos", "acos(rs_unit({0}))", "r_ACOS"),
    _real("atan", "atan({0})", "r_ATAN"),
    _real("atan2", "atan2({0}, {1})", "r_ATAN2", 2),
)
