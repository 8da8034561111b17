"""Literals, parameters, parentheses, columns, casts. Paths into SUPER are ``sql.rules.navigation``."""

import math
from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql import conversion, dynamic
from sql.inference import number_type
from sql.rules.datatypes import type_of
from sql.rules.navigation import attributes
from sql.rules.spec import Rule
from sql.scope import Scope
from sql.value import BOOL, INTERVAL, UNKNOWN, Slot, Value, made, null, text


def constant(node: exp.Expr, scope: Scope) -> Value:
    """Write a number or a string."""
    if node.args.get("is_string"):
        return text(node.name)
    digits = node.name
    type_ = number_type(digits)
    if type_.type.name != "float8":
        return Value(sql=digits, type=type_, constant=True, fixed=True)
    if math.isinf(float(digits)):
        raise SqlError(
            SqlState.NUMERIC_VALUE_OUT_OF_RANGE,
            f'"{digits}" is out of range for type double precision',
            position=scope.writer.position(node),
        )
    return Value(sql=f"CAST({digits} AS DOUBLE)", type=type_, constant=True, fixed=True, exact=True)


def escaped(node: exp.Expr, scope: Scope) -> Value:
    """Write ``E'…'``."""
    return text(node.name)


def truth(node: exp.Expr, scope: Scope) -> Value:
    """Write TRUE or FALSE."""
    return made("true" if node.this else "false", BOOL, exact=True)


def nothing(node: exp.Expr, scope: Scope) -> Value:
    """Write NULL."""
    return null()


def parameter(node: exp.Expr, scope: Scope) -> Value:
    """Write ``$n``, whose type the place that it stands in settles."""
    if not node.name.isdigit() or node.name == "0":
        raise SqlError(
            SqlState.SYNTAX_ERROR,
            f'syntax error at or near "@{node.name}"',
            position=scope.writer.position(node),
        )
    number = int(node.name)
    inside = _given(number, scope)
    if inside is not None:
        return inside
    slot = scope.writer.slots.setdefault(number, Slot(number=number))
    if slot.type is not None:
        return conversion.parameter(number, slot.type)
    return Value(sql=f"${number}", type=UNKNOWN, slot=slot)


def _given(number: int, scope: Scope) -> Value | None:
    """Return ``$n`` inside a SQL function's body or a procedure."""
    writer = scope.writer
    if writer.arguments is not None:
        if number > len(writer.arguments):
            raise SqlError(SqlState.UNDEFINED_PARAMETER, f"there is no parameter ${number}")
        return writer.arguments[number - 1]
    if writer.variables is None:
        return None
    found = writer.variable((f"${number}",))
    if found is None:
        raise SqlError(SqlState.UNDEFINED_PARAMETER, f"there is no parameter ${number}")
    return found


def paren(node: exp.Expr, scope: Scope) -> Value:
    """Write what stands in parentheses; operands carry their own."""
    return scope.value(node.this)


def column(node: exp.Expr, scope: Scope) -> Value:
    """Write a column, ``table.column``, ``schema.table.column``, or a path into SUPER."""
    if isinstance(node.this, exp.Star):
        raise SqlError(
            SqlState.SYNTAX_ERROR, 'syntax error at or near "*"', position=scope.writer.position(node)
        )
    nodes = _parts(node)
    parts = [scope.writer.identifier(part) for part in nodes]
    if len(parts) == 1:
        return _bare(parts[0], node, scope)
    variable = scope.writer.variable(tuple(parts)) if scope.relation(parts[0]) is None else None
    if variable is not None:
        return variable
    return _of_relation(parts, nodes, node, scope) or _rooted(parts, nodes, node, scope)


def _of_relation(parts: list[str], nodes: list[exp.Expr], node: exp.Expr, scope: Scope) -> Value | None:
    """Write a column of a relation that the first names mean, and the path that goes on from it."""
    for depth in range(1, min(len(parts), 4)):
        relation = scope.relation(*reversed(parts[:depth]))
        if relation is None:
            continue
        if relation.elements:
            return attributes(scope.read(relation.fields[0]), nodes[depth:], node, scope)
        if relation.find(parts[depth]):
            return attributes(scope.field(relation, parts[depth], node), nodes[depth + 1 :], node, scope)
    first = scope.relation(parts[0])
    return scope.field(first, parts[1], node) if first is not None and not _has_column(parts[0], scope) else None


def _parts(node: exp.Expr) -> list[exp.Expr]:
    found = (node.args.get(name) for name in ("catalog", "db", "table", "this"))
    return [part for part in found if part is not None]


def _bare(name: str, node: exp.Expr, scope: Scope) -> Value:
    iterated = scope.relation(name)
    if iterated is not None and iterated.elements:
        return scope.read(iterated.fields[0])
    try:
        return scope.column(name, node)
    except SqlError as error:
        relation = scope.relation(name)
        if error.state is not SqlState.UNDEFINED_COLUMN or relation is None:
            raise
        if len(relation.fields) == 1:
            return scope.read(relation.fields[0])
        raise not_supported("a whole row as a value", position=scope.writer.position(node)) from None


def _has_column(name: str, scope: Scope) -> bool:
    return any(relation.find(name) for relation in scope.relations) or name in scope.aliases


def _rooted(parts: list[str], nodes: list[exp.Expr], node: exp.Expr, scope: Scope) -> Value:
    """Write a path whose first name is a SUPER column, or say what is missing."""
    try:
        root = scope.column(parts[0], node)
    except SqlError as error:
        if error.state is not SqlState.UNDEFINED_COLUMN:
            raise
        raise SqlError(
            SqlState.UNDEFINED_TABLE,
            f'missing FROM-clause entry for table "{parts[-2]}"',
            position=scope.writer.position(node),
        ) from None
    return attributes(root, nodes[1:], node, scope)


def cast(node: exp.Expr, scope: Scope) -> Value:
    """Write CAST, ``::``, CONVERT and ``type 'literal'``."""
    return _cast(node, scope, lax=False)


def try_cast(node: exp.Expr, scope: Scope) -> Value:
    """Write TRY_CAST: NULL where the value will not do."""
    return _cast(node, scope, lax=True)


def _cast(node: exp.Expr, scope: Scope, *, lax: bool) -> Value:
    if node.args.get("format"):
        raise not_supported("CAST … FORMAT", position=scope.writer.position(node))
    try:
        rounds = scope.writer.facts.setting("enable_numeric_rounding") == "on"
        value = scope.value(node.this)
        cast = conversion.cast(value, type_of(node, scope), lax=lax, rounds=rounds)
        strict = value.name == "super" and not lax and not _forgiving(scope)
        return dynamic.checked(value, cast) if strict else cast
    except SqlError as error:
        if error.position is None:
            error.position = scope.writer.position(node)
        raise


def _forgiving(scope: Scope) -> bool:
    return scope.writer.facts.setting("cast_super_null_on_error") not in {"off", "false"}


_UNITS: Final = {
    "millennium": ("millennium", "millennia", "mil", "mils"),
    "century": ("century", "centuries", "c", "cent", "cents"),
    "decade": ("decade", "decades", "dec", "decs"),
    "year": ("year", "years", "y", "yr", "yrs"),
    "month": ("month", "months", "mon", "mons"),
    "week": ("week", "weeks", "w"),
    "day": ("day", "days", "d"),
    "hour": ("hour", "hours", "h", "hr", "hrs"),
    "minute": ("minute", "minutes", "m", "min", "mins"),
    "second": ("second", "seconds", "s", "sec", "secs"),
    "millisecond": ("millisecond", "milliseconds", "ms", "msec", "msecs"),
    "microsecond": ("microsecond", "microseconds", "us", "usec", "usecs"),
}
_UNIT_OF: Final = {alias: unit for unit, aliases in _UNITS.items() for alias in aliases}
_MONTHS: Final = {"millennium": 12000, "century": 1200, "decade": 120, "year": 12, "quarter": 3, "month": 1}
_MICROSECONDS: Final = {
    "week": 604_800_000_000, "day": 86_400_000_000, "hour": 3_600_000_000, "minute": 60_000_000,
    "second": 1_000_000, "millisecond": 1000, "microsecond": 1,
}  # fmt: skip


def interval(node: exp.Expr, scope: Scope) -> Value:
    """Write ``INTERVAL '…'`` with or without a qualifier."""
    inner = node.this
    content = "" if inner is None else inner.name
    unit = node.args.get("unit")
    name = "" if unit is None else (unit.this.name if isinstance(unit, exp.IntervalSpan) else unit.name)
    last = unit.expression.name if isinstance(unit, exp.IntervalSpan) and unit.expression else name
    months, days, micros = _amounts(content, last.lower(), scope, node)
    sql = f"(to_months({months}) + to_days({days}) + to_microseconds({micros}))"
    return made(sql, INTERVAL, exact=True)


def _amounts(content: str, unit: str, scope: Scope, node: exp.Expr) -> tuple[int, int, int]:
    months = days = micros = 0
    words = content.replace(",", " ").split()
    while words:
        word = words.pop(0)
        sign = -1 if word.startswith("-") else 1
        if ":" in word:
            micros += _clock(word, unit)
            continue
        digits = word.lstrip("+-")
        number = digits.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        name = digits[len(number) :].lower() or (words.pop(0).lower() if words and words[0][0].isalpha() else unit)
        more = _amount(number, {"qtr": "quarter", "quarter": "quarter", "qtrs": "quarter", "quarters": "quarter"}
                       .get(name) or _UNIT_OF.get(name or "second"), sign)
        if more is None:
            raise SqlError(
                SqlState.INVALID_DATETIME_FORMAT,
                f'invalid input syntax for type interval: "{content}"',
                position=scope.writer.position(node),
            )
        months, days, micros = months + more[0], days + more[1], micros + more[2]
    return months, days, micros


def _amount(number: str, unit: str | None, sign: int) -> tuple[int, int, int] | None:
    try:
        amount = float(number) if number else None
    except ValueError:
        amount = None
    if unit is None or amount is None:
        return None
    if unit in _MONTHS:
        whole = amount * _MONTHS[unit]
        return sign * int(whole), sign * round((whole - int(whole)) * 30), 0
    if unit in {"day", "week"}:
        total = amount * (7 if unit == "week" else 1)
        return 0, sign * int(total), sign * round((total - int(total)) * _MICROSECONDS["day"])
    return 0, 0, sign * round(amount * _MICROSECONDS[unit])


def _clock(word: str, unit: str) -> int:
    sign = -1 if word.startswith("-") else 1
    parts = [float(part or 0) for part in word.lstrip("+-").split(":")]
    if len(parts) == 2:
        parts = [0.0, *parts] if unit == "second" else [*parts, 0.0]
    hours, minutes, seconds = parts[:3]
    return sign * round((hours * 3600 + minutes * 60 + seconds) * 1_000_000)


RULES: Final = (
    Rule(node=exp.Literal, write=constant, doc="r_numeric_literals201"),
    Rule(node=exp.ByteString, write=escaped, doc="r_Character_types"),
    Rule(node=exp.National, write=escaped, doc="r_Character_types"),
    Rule(node=exp.RawString, write=escaped, doc="r_Character_types"),
    Rule(node=exp.Boolean, write=truth, doc="r_Boolean_type"),
    Rule(node=exp.Null, write=nothing, doc="r_Nulls"),
    Rule(node=exp.Parameter, write=parameter, doc="r_PREPARE"),
    Rule(node=exp.Paren, write=paren, doc="r_compound_expressions"),
    Rule(node=exp.Column, write=column, doc="r_SELECT_list"),
    Rule(node=exp.Cast, write=cast, doc="r_CAST_function"),
    Rule(node=exp.TryCast, write=try_cast, doc="r_TRY_CAST"),
    Rule(node=exp.Interval, write=interval, doc="r_interval_literals"),
)
