"""Conditional functions: NVL, NVL2, DECODE, NULLIF, GREATEST, LEAST."""

from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from sql import conversion, decimals, dynamic
from sql.functions.spec import Call, Function
from sql.inference import common
from sql.rules.comparisons import chosen, compared, equated
from sql.value import Value, made


def _brought(call: Call, name: str) -> Value:
    type_ = common(call.values, name.upper())
    values = [dynamic.present(conversion.exact(conversion.cast(value, type_))) for value in call.values]

    def written(choices: list[str]) -> str:
        return f"{name}({', '.join(choices)})"

    whole = written([value.sql for value in values])
    return Value(sql=whole, type=type_, exact=True, quick=decimals.among(call.values, type_, whole, written))


def _coalesce(call: Call) -> Value:
    return _brought(call, "coalesce")


def _greatest(call: Call) -> Value:
    type_ = common(call.values, call.name.upper())
    if type_.type.name != "super":
        return _brought(call, call.name)
    values = ", ".join(conversion.cast(value, type_).sql for value in call.values)
    order = "DESC" if call.name == "greatest" else "ASC"
    return made(f"rs_super_extreme([{values}], '{order}')", type_, exact=True)


def _nullif(call: Call) -> Value:
    first, second = call.values
    left, right = equated(first, second, call.scope, call.node)
    value = conversion.settled(first)
    return made(f"CASE WHEN {left} = {right} THEN NULL ELSE {value.sql} END", value.type, exact=value.exact)


def _nvl2(call: Call) -> Value:
    tested = dynamic.present(conversion.settled(call.values[0]))
    first, second = call.values[1:]
    if (first.textual or first.literal is not None) and second.category == "N":
        # A number beside a string takes the string's type, other than in CASE.
        first, second = conversion.settled(first), conversion.string(second)
    return chosen([f"{tested.sql} IS NOT NULL"], [first, second])


def _decode(call: Call) -> Value:
    subject, rest = call.values[0], list(call.values[1:])
    if len(rest) < 2:
        raise SqlError(SqlState.UNDEFINED_FUNCTION, "DECODE needs at least three arguments")
    pairs = len(rest) // 2
    conditions, results = [], []
    for index in range(pairs):
        search = rest[2 * index]
        if search.null:
            conditions.append(f"{dynamic.present(conversion.settled(subject)).sql} IS NULL")
        else:
            conditions.append(_same(subject, search, call))
        results.append(rest[2 * index + 1])
    if len(rest) % 2:
        results.append(rest[-1])
    return chosen(conditions, results)


def _same(subject: Value, search: Value, call: Call) -> str:
    if search.literal is not None or search.constant:
        return compared("=", subject, search, call.scope, call.node).sql
    left, right = equated(subject, search, call.scope, call.node)
    return f"({left} IS NOT DISTINCT FROM {right})"


TABLE: Final = (
    Function(name="coalesce", arguments=("open", "open*"), engine=_coalesce, doc="r_NVL_function"),
    Function(name="nvl", arguments=("open", "open*"), engine=_coalesce, doc="r_NVL_function"),
    Function(name="nvl2", arguments=("open", "open", "open"), engine=_nvl2, doc="r_NVL2"),
    Function(name="nullif", arguments=("open", "open"), engine=_nullif, doc="r_NULLIF_function"),
    Function(name="decode", arguments=("open", "open", "open", "open*"), engine=_decode, doc="r_DECODE_expression"),
    Function(name="greatest", arguments=("open", "open*"), engine=_greatest, doc="r_GREATEST_LEAST"),
    Function(name="least", arguments=("open", "open*"), engine=_greatest, doc="r_GREATEST_LEAST"),
)
