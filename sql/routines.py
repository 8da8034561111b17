"""Calls of user-defined SQL functions, written in place.

Redshift, "Creating a scalar SQL UDF": the body is one SELECT without FROM over ``$1``, ``$2`` …. An argument that
the body names more than once is computed once: it is bound by a lambda over a list of one.
"""

import hashlib
import re
from dataclasses import replace
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion
from sql.facts import FunctionSource
from sql.functions import FUNCTIONS
from sql.overloads import choose
from sql.query import parse_query
from sql.relations import External
from sql.scope import Scope
from sql.value import VARCHAR, Value, made

_SCALE: Final = 6
"""Of what a Python function returns as NUMERIC without a scale."""
_DEPTH: Final = 64
"""Functions within functions beyond this are taken for a circle."""
_CLAUSES: Final = (
    "from_", "where", "group", "having", "qualify", "order", "limit", "offset", "with_", "into", "joins", "distinct",
)  # fmt: skip
_PLAIN: Final = re.compile(
    r"(?:CAST\()*(?:\"[^\"]+\"(?:\.\"[^\"]+\")?|'[^']{0,100}'|[\d.]+|\$\d+|NULL|true|false)(?: AS [\w() ,]+\))*"
)
"""Engine SQL that may stand several times: computing it again costs nothing and gives the same."""


def called(
    place: tuple[str, ...], name: str, values: tuple[Value, ...], scope: Scope, node: exp.Expr
) -> Value | None:
    """Write a call of the user's function that fits, or return None where there is none.

    *place* is what stands before its name: nothing, a schema, a database and a schema.
    """
    found = resolve(place, name, values, scope, node)
    if found is None:
        return None
    scope.writer.call(found, scope.owner)
    if found.language != "sql":
        return external(found, values, scope)
    return expand(found, values, scope)


def resolve(
    place: tuple[str, ...], name: str, values: tuple[Value, ...], scope: Scope, node: exp.Expr
) -> FunctionSource | None:
    """Return the user's function that a call means; raises 42725 where several are as good."""
    candidates = scope.writer.facts.functions((*place, name))
    best = choose([item.arguments for item in candidates], values)
    if not best:
        return None
    # Of two with the same arguments the one whose schema comes first in the search path counts.
    first = candidates[best[0]]
    if any(candidates[index].arguments != first.arguments for index in best):
        shown = ", ".join('"unknown"' if value.open else value.type.type.sql for value in values)
        raise SqlError(
            SqlState.AMBIGUOUS_FUNCTION,
            f"function {name}({shown}) is not unique",
            hint="Could not choose a best candidate function. You may need to add explicit type casts.",
            position=scope.writer.position(node),
        )
    return first


def handed(value: Value, wanted: ColumnType | None) -> Value:
    """Return an argument in its parameter's type."""
    if wanted is None:
        return conversion.exact(value)
    if wanted.type.name == "numeric" and wanted.modifier < 0 and value.name == "numeric":
        return conversion.exact(value)
    if value.textual and wanted.type.category == "S" and wanted.modifier < 0:
        return value.typed(wanted)
    return conversion.exact(conversion.cast(value, _widened(value, wanted)))


def _widened(value: Value, wanted: ColumnType) -> ColumnType:
    """Return NUMERIC without a precision as one that holds *value*."""
    if wanted.type.name != "numeric" or wanted.modifier >= 0:
        return wanted
    scale = 0 if value.name in {"int2", "int4", "int8"} else 6
    return replace(wanted, modifier=((38 << 16) | scale) + 4)


def expand(found: FunctionSource, values: tuple[Value, ...], scope: Scope) -> Value:
    """Write the body of a SQL function with *values* for its parameters."""
    writer = scope.writer
    if writer.depth >= _DEPTH:
        raise SqlError(SqlState.STATEMENT_TOO_COMPLEX, f'infinite recursion detected in function "{found.name}"')
    body = expression_of(found.body)
    arguments = [handed(value, wanted) for value, wanted in zip(values, found.arguments, strict=True)]
    counts = _counted(body)
    bound = [
        number for number, argument in enumerate(arguments, start=1)
        if counts.get(number, 0) > 1 and not _PLAIN.fullmatch(argument.sql)
    ]  # fmt: skip
    row = writer.fresh("f")
    inside = [
        replace(argument, sql=f"{row}.p{number}") if number in bound else argument
        for number, argument in enumerate(arguments, start=1)
    ]
    result = _inside(found, body, tuple(inside), scope)
    if not bound:
        return result
    fields = ", ".join(f"'p{number}': {arguments[number - 1].sql}" for number in bound)
    return made(f"list_transform([{{{fields}}}], lambda {row}: {result.sql})[1]", result.type)


def _inside(found: FunctionSource, body: exp.Expr, arguments: tuple[Value, ...], scope: Scope) -> Value:
    with scope.writer.elsewhere(arguments):
        return returned(Scope(writer=scope.writer, owner=scope.owner).value(body), found)


def returned(value: Value, found: FunctionSource) -> Value:
    """Return a body's value in the type that the function is declared to return."""
    if found.returns is None:
        return conversion.exact(value)
    wanted = found.returns
    if wanted.modifier < 0 and value.name == wanted.type.name:
        return conversion.exact(value)
    return conversion.exact(conversion.cast(value, _widened(value, wanted)))


def expression_of(body: str) -> exp.Expr:
    """Return the expression that a SQL function's body selects; raises 42P13 for anything else."""
    tree = parse_query(body.strip().removesuffix(";"))
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1:
        raise _bad_body("the function body must be a SELECT of one expression")
    if any(tree.args.get(name) for name in _CLAUSES) or tree.find(exp.From) is not None:
        raise _bad_body("the function body cannot have FROM, WHERE, GROUP BY, ORDER BY, LIMIT or INTO")
    if tree.find(exp.Window) is not None or any(_aggregates(call) for call in tree.find_all(exp.Anonymous)):
        raise _bad_body("the function body cannot have aggregate or window functions")
    item: exp.Expr = tree.expressions[0]
    return item.this if isinstance(item, exp.Alias) else item


def _aggregates(call: exp.Expr) -> bool:
    return any(row.kind != "scalar" for row in FUNCTIONS.get(call.name.lower(), ()))


def _bad_body(message: str) -> SqlError:
    return SqlError(SqlState.INVALID_FUNCTION_DEFINITION, message)


def _counted(body: exp.Expr) -> dict[int, int]:
    """Return how often each parameter is named."""
    counts: dict[int, int] = {}
    for node in body.find_all(exp.Parameter):
        if node.name.isdigit():
            counts[int(node.name)] = counts.get(int(node.name), 0) + 1
    return counts


def external(found: FunctionSource, values: tuple[Value, ...], scope: Scope) -> Value:
    """Write a call of a function in another language, which the engine gets under a name of its own."""
    if not scope.writer.facts.runs(found.language):
        raise not_supported(f"LANGUAGE {found.language}", hint="The administrator has not turned it on.")
    # Several ANYELEMENT arguments are of one type, the first one's.
    first = next((value for value, wanted in zip(values, found.arguments, strict=True) if wanted is None), None)
    any_type = None if first is None else conversion.settled(first).type
    arguments = [handed(value, wanted or any_type) for value, wanted in zip(values, found.arguments, strict=True)]
    kinds = tuple(argument.type for argument in arguments)
    returns = found.returns or any_type or VARCHAR
    if returns.type.name == "numeric" and returns.modifier < 0:
        returns = types.numeric(38, _SCALE)
    facts = repr((found.oid, found.body, found.names, [str(kind) for kind in kinds], str(returns), found.volatile))
    name = f"udf_{found.oid}_{hashlib.sha256(facts.encode()).hexdigest()[:16]}"
    scope.writer.externals[name] = External(name=name, function=found, arguments=kinds, returns=returns)
    listed = ", ".join(argument.sql for argument in arguments)
    # One without arguments is given one, which tells how many rows there are.
    return made(f"{quote(name)}({listed or 'CAST(0 AS BIGINT)'})", returns, exact=True)
