"""Literals, parameters, parentheses, columns, casts. Paths into SUPER are ``sql.rules.navigation``."""

import math
from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql import conversion, dynamic, intervals
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
    value = _column(node, scope)
    if value.nested is not None and not scope.ranging:
        raise scope.unknown_column(scope.writer.identifier(_parts(node)[-1]), node)
    return value


def _column(node: exp.Expr, scope: Scope) -> Value:
    nodes = _parts(node)
    parts = [scope.writer.identifier(part) for part in nodes]
    if len(parts) == 1:
        return _bare(parts[0], node, scope)
    if scope.relation(parts[0]) is None and (variable := _of_variable(parts, nodes, node, scope)) is not None:
        return variable
    return _of_relation(parts, nodes, node, scope) or _rooted(parts, nodes, node, scope)


def _of_variable(parts: list[str], nodes: list[exp.Expr], node: exp.Expr, scope: Scope) -> Value | None:
    """Write a procedure's variable that the first names mean, and the path into it that goes on from there."""
    for length in range(len(parts), 0, -1):
        variable = scope.writer.variable(tuple(parts[:length]))
        if variable is not None:
            return attributes(variable, nodes[length:], node, scope)
    return None


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


def interval(node: exp.Expr, scope: Scope) -> Value:
    """Write ``INTERVAL '3' days``: a unit that is no qualifier; those are calls (``sql.functions.intervals``)."""
    inner, unit = node.this, node.args.get("unit")
    content = "" if inner is None else inner.name
    sql = intervals.literal(f"{content} {unit.name}" if unit is not None else content, INTERVAL)
    if sql is None:
        error = intervals.bad(content)
        error.position = scope.writer.position(node)
        raise error
    return made(sql, INTERVAL, exact=True)


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
