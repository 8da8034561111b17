"""Values that procedures compute: assignments, conditions, arguments of CALL.

Redshift, "Supported PL/pgSQL statements" (assignment): a value is converted to its variable's type as INSERT
converts one to its column's. Every value comes back as text, which the engine reads again in the type that goes
with it: so a procedure holds values of all types in one way, and nothing of them is ever part of a statement.
"""

from collections.abc import Sequence
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion
from sql.assignment import Goal, assign
from sql.inference import precision_scale
from sql.overloads import choose
from sql.query import parse_query
from sql.relations import Output, Query
from sql.scope import Scope
from sql.value import VARCHAR, Value, made

_CLAUSES: Final = (
    "from_", "where", "group", "having", "qualify", "order", "limit", "offset", "with_", "distinct", "joins",
)  # fmt: skip


def value_query(text: str, scope: Scope, goal: ColumnType | None) -> Query:
    """Translate ``SELECT text`` as one value of the type *goal*."""
    value, source = _single(parse_query(f"select {text}"), scope)
    return _finished([assigned(value, goal)], source)


def _single(tree: exp.Expr, scope: Scope) -> tuple[Value, str]:
    """Return the value that a query of one column gives, and where it is read from."""
    plain = isinstance(tree, exp.Select) and not any(tree.args.get(name) for name in _CLAUSES)
    if plain and len(tree.expressions) == 1 and not tree.expressions[0].is_star:
        item = tree.expressions[0]
        return scope.value(item.this if isinstance(item, exp.Alias) else item), ""
    query = scope.writer.query(tree, scope)
    if len(query.outputs) != 1:
        raise SqlError(SqlState.SYNTAX_ERROR, f"query returned {len(query.outputs)} columns")
    output = query.outputs[0]
    value = Value(sql=f"q.{quote(output.engine_name)}", type=output.value.type, exact=output.value.exact)
    return value, f" FROM ({query.sql}) AS q"


def assigned(value: Value, goal: ColumnType | None) -> Value:
    """Return *value* as a variable of the type *goal* takes it; None takes it as it is."""
    if goal is None:
        return conversion.exact(value)
    if goal.type.name == "numeric" and goal.modifier < 0:
        return conversion.exact(value if value.name == "numeric" else conversion.cast(value, _roomy(value)))
    if goal.type.category == "S" or goal.type.name == "refcursor":
        value = _as_text(value)
    return conversion.exact(assign(value, Goal(name="", type=goal, not_null=False)))


def _roomy(value: Value) -> ColumnType:
    """Return the NUMERIC that holds what *value* may be."""
    if value.name in {"int2", "int4", "int8"}:
        return types.numeric(*precision_scale(value.type))
    return types.numeric(38, 10)


def _as_text(value: Value) -> Value:
    """Return *value* as PL/pgSQL makes text of it: by its output form."""
    if value.category == "B":
        return made(f"CASE WHEN {value.sql} THEN 't' WHEN NOT ({value.sql}) THEN 'f' END", VARCHAR, exact=True)
    return value if value.open or value.textual else conversion.cast(value, VARCHAR)


def arguments_query(
    arguments: Sequence[str], signatures: Sequence[tuple[ColumnType | None, ...]], scope: Scope
) -> tuple[list[int], Query | str]:
    """See ``sql.translate.translate_arguments``."""
    trees = [parse_query(f"select {text}") for text in arguments]
    if any(node is not tree for tree in trees for node in tree.find_all(exp.Query, exp.From)):
        raise not_supported("a query as an argument of CALL")
    values = tuple(_single(tree, scope)[0] for tree in trees)
    best = choose(signatures, values)
    if len(best) != 1:
        return best, ", ".join('"unknown"' if value.open else value.type.type.sql for value in values)
    pairs = zip(values, signatures[best[0]], strict=True)
    return best, _finished([assigned(value, wanted) for value, wanted in pairs], "")


def _finished(values: list[Value], source: str) -> Query:
    listed = ", ".join(f"CAST({value.sql} AS VARCHAR) AS v{number}" for number, value in enumerate(values))
    outputs = tuple(
        Output(name=f"v{number}", engine_name=f"v{number}", value=value) for number, value in enumerate(values)
    )
    return Query(sql=f"SELECT {listed or '1'}{source}", outputs=outputs)
