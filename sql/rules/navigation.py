"""Paths into SUPER: ``s.a.b``, ``s.items[0]``, ``s[i + 1]."Name"``.

Redshift, "Querying semi-structured data" and "PartiQL configurations": what is not there is NULL, unless
navigate_super_null_on_error is off. A path of constants is one call of the engine, so that a value is read once.
"""

import re
from dataclasses import replace
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.names import literal
from core.nested import Nested, Scalar, Struct, result
from core.sqlstate import SqlState
from sql import conversion
from sql.rules import arrays, calls
from sql.rules.spec import Rule
from sql.scope import Scope
from sql.value import SUPER, Value, made

_SIMPLE: Final = re.compile(r"[^\"\\*]+\Z")
"""A name that can stand in quotes in a JSON path; in others the engine sees escapes and wildcards."""


def attributes(root: Value, nodes: list[exp.Expr], node: exp.Expr, scope: Scope) -> Value:
    """Write ``root.a.b`` for the identifiers *nodes*."""
    for item in nodes:
        root = attribute(root, scope.writer.attribute(item), node, scope)
    return root


def attribute(root: Value, name: str, node: exp.Expr, scope: Scope) -> Value:
    """Write ``root.name``."""
    if root.nested is not None:
        return _member(root, root.nested, name, node, scope)
    _must_be_super(root, node, scope)
    if _SIMPLE.match(name):
        return _extended(root, f'."{name}"', scope)
    return _checked(root.sql, f"rs_member({root.sql}, {literal(name)})", scope)


def _member(root: Value, kind: Nested, name: str, node: exp.Expr, scope: Scope) -> Value:
    """Write a field of a struct of an external table, with its own type."""
    inner = kind.field(name) if isinstance(kind, Struct) else None
    if inner is None or not isinstance(kind, Struct):
        raise SqlError(
            SqlState.UNDEFINED_COLUMN, f'column "{name}" does not exist', position=scope.writer.position(node)
        )
    stored = next(field for field, _ in kind.fields if field.lower() == name.lower())
    value = made(f"struct_extract({root.sql}, {literal(stored)})", result(inner), exact=True)
    return value if isinstance(inner, Scalar) else replace(value, nested=inner)


def _must_be_super(root: Value, node: exp.Expr, scope: Scope) -> None:
    if scope.whole:
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "Partial reference of SUPER column is not supported in MERGE statement.",
            position=scope.writer.position(node),
        )
    if root.name != "super":
        raise SqlError(
            SqlState.DATATYPE_MISMATCH,
            f"navigation into a value of type {root.type.type.sql}; only SUPER can be navigated",
            position=scope.writer.position(node),
        )


def _extended(root: Value, step: str, scope: Scope) -> Value:
    start, path = root.path or (root.sql, "$")
    if root.path is not None and _led(start, path, scope) != root.sql:
        # It is read under another name by now: as a column of a subquery, as one of a group.
        start, path = root.sql, "$"
    path += step
    return Value(sql=_led(start, path, scope), type=SUPER, exact=True, path=(start, path))


def _led(start: str, path: str, scope: Scope) -> str:
    return _checked(start, f"json_extract({start}, {literal(path)})", scope).sql


def _checked(start: str, sql: str, scope: Scope) -> Value:
    strict = scope.writer.facts.setting("navigate_super_null_on_error") in {"off", "false"}
    return made(f"rs_strict({start}, {sql})" if strict else sql, SUPER, exact=True)


def dot(node: exp.Expr, scope: Scope) -> Value:
    """Write ``value.attribute``, or a call with a schema before it."""
    if isinstance(node.expression, exp.Anonymous):
        return calls.qualified(node.this, node.expression, scope)
    if isinstance(node.expression, exp.Star):
        raise not_supported("* of a SUPER value", position=scope.writer.position(node))
    value = attribute(scope.nested(node.this), scope.writer.attribute(node.expression), node, scope)
    if value.nested is not None and not scope.ranging:
        raise scope.unknown_column(scope.writer.attribute(node.expression), node)
    return value


def bracket(node: exp.Expr, scope: Scope) -> Value:
    """Write ``value[n]``: elements of SUPER count from 0."""
    root = scope.value(node.this)
    if root.category == "A" and len(node.expressions) == 1:
        return arrays.element(root, scope.value(node.expressions[0]))
    if root.name != "super" or len(node.expressions) != 1 or isinstance(node.expressions[0], exp.Slice):
        raise not_supported("a subscript on anything but SUPER", position=scope.writer.position(node))
    index = scope.value(node.expressions[0])
    if index.literal is not None:
        return attribute(root, index.literal, node, scope)
    if index.constant and index.sql.isdigit():
        return _extended(root, f"[{index.sql}]", scope)
    number = conversion.coerce(index, types.of("int8"))
    return _checked(root.sql, f"rs_element({root.sql}, {number.sql})", scope)


RULES: Final = (
    Rule(node=exp.Dot, write=dot, doc="query-super"),
    Rule(node=exp.Bracket, write=bracket, doc="query-super"),
)
