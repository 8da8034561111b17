"""PostgreSQL's arrays, which exist in the system catalogs only and travel as text: ``{a,b}``.

Tools ask ``attnum = ANY (conkey)``, ``ARRAY(SELECT …)`` and ``conkey[1]``. Elements with commas or braces in
them do not occur there.
"""

from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.sqlstate import SqlState
from sql import conversion
from sql.rules.spec import Rule
from sql.scope import Scope
from sql.value import BOOL, INT2, INT4, OID, VARCHAR, Value, made

_TEXT: Final = types.of("_text")
_ELEMENTS: Final = {
    "_bool": BOOL, "_int2": INT2, "_int4": INT4, "_oid": OID, "_char": types.of('"char"'), "int2vector": INT2,
    "oidvector": OID,
}  # fmt: skip
VECTORS: Final = frozenset({"int2vector", "oidvector"})
"""Arrays whose elements are numbered from 0 and shown with blanks between."""


def items(array: Value) -> str:
    """Return an array's elements as the engine's list of strings."""
    return f"{'rs_vector_items' if array.name in VECTORS else 'rs_array_items'}({array.sql})"


def element_type(array: Value) -> types.ColumnType:
    """Return the type of an array's elements."""
    return _ELEMENTS.get(array.name, VARCHAR)


def element(array: Value, index: Value) -> Value:
    """Write ``array[n]``; PostgreSQL's count from 1, its vectors from 0."""
    type_ = element_type(array)
    place = conversion.coerce(index, types.of("int8")).sql
    if array.name in VECTORS:
        place = f"{place} + 1"
    found = f"CAST({items(array)}[{place}] AS {type_.engine()})"
    if array.name in _ELEMENTS:
        # A text is too short for most places that tools ask for, and is not taken apart for them: key[1..32].
        found = f"CASE WHEN {place} BETWEEN 1 AND (strlen({array.sql}) + 1) // 2 THEN {found} END"
    return made(found, type_, exact=True)


def quantified(sign: str, node: exp.Expr, scope: Scope) -> Value:
    """Write ``x = ANY (array)`` and ``x <> ALL (array)``."""
    word = "ANY" if isinstance(node.expression, exp.Any) else "ALL"
    if (sign, word) not in {("=", "ANY"), ("<>", "ALL")}:
        raise not_supported(f"{sign} {word} of an array", position=scope.writer.position(node))
    inner = node.expression.this
    array = scope.value(inner.this if isinstance(inner, exp.Paren) else inner)
    if array.category != "A":
        if not array.open:
            raise SqlError(
                SqlState.WRONG_OBJECT_TYPE,
                f"op {word}/ALL (array) requires array on right side",
                position=scope.writer.position(node),
            )
        array = conversion.cast(array, VARCHAR)
    value = conversion.string(scope.value(node.this))
    sql = f"list_contains({items(array)}, {value.sql})"
    return made(f"(NOT {sql})" if sign == "<>" else sql, BOOL, exact=True)


def of_query(node: exp.Expr, scope: Scope) -> Value:
    """Write ``ARRAY(SELECT …)``."""
    query = scope.writer.query(node, scope.child())
    if len(query.outputs) != 1:
        raise SqlError(SqlState.SYNTAX_ERROR, "subquery must return only one column")
    listed = f"SELECT string_agg(CAST(a.x AS VARCHAR), ',') FROM ({query.sql}) AS a(x)"
    return made(f"('{{' || coalesce(({listed}), '') || '}}')", _TEXT, exact=True)


def listed(node: exp.Expr, scope: Scope) -> Value:
    """Write ``ARRAY[a, b]``."""
    values = [conversion.string(scope.value(item)).sql for item in node.expressions]
    return made(f"('{{' || concat_ws(',', {', '.join(values) or 'NULL'}) || '}}')", _TEXT, exact=True)


RULES: Final = (Rule(node=exp.Array, write=listed, doc="c_unsupported-postgresql-datatypes"),)
