"""UNION, INTERSECT and EXCEPT: branches brought to common types.

Redshift, "UNION, INTERSECT, and EXCEPT".
"""

from dataclasses import replace

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion, keys
from sql.clauses import Item, modified, tail
from sql.ctes import with_clause
from sql.finish import Finish, columns_finished, outer
from sql.inference import common, unmatched
from sql.relations import Output, Query
from sql.scope import Scope
from sql.value import Value


def set_operation(
    node: exp.SetOperation, scope: Scope, finish: Finish, forced: tuple[ColumnType, ...]
) -> Query:
    """Translate UNION, INTERSECT and EXCEPT."""
    prefix = with_clause(node, scope)
    nodes, operators = _chain(node, scope)
    for input_ in nodes:
        _check_branch(input_, operators[-1], scope)
    branches = [scope.writer.query(input_, scope.child(), finish=Finish.EXACT) for input_ in nodes]
    _check_width(branches, nodes, operators, scope)
    columns = [[branch.outputs[index].value for branch in branches] for index in range(len(branches[0].outputs))]
    for values in columns:
        if pair := unmatched(values):
            raise SqlError(
                SqlState.DATATYPE_MISMATCH,
                f"{operators[0].split()[0]} types {pair[0]} and {pair[1]} cannot be matched",
                position=scope.writer.position(nodes[1]),
            )
    types = forced or tuple(common(values) for values in columns)
    outputs = tuple(_united(branches, index, type_) for index, type_ in enumerate(types))
    apart = not all(keys.plain(output.value) for output in outputs) and any(word != "UNION ALL" for word in operators)
    sql = _brought(branches[0], types, apart=apart)
    for operator, branch in zip(operators, branches[1:], strict=True):
        sql = f"({sql}) {operator} ({_brought(branch, types, apart=apart)})"
    items = [Item(output=output, raw=output.value) for output in outputs]
    if node.args.get("order") and any(output.value.name == "super" for output in outputs):
        # SUPER is ordered by an expression, which the engine does not take on a set operation.
        sql = f"SELECT * FROM ({sql}) AS q"
    sql = prefix + sql + tail(node, items, scope, names_only=True)
    return columns_finished(Query(sql=sql, outputs=outputs), finish)


def _chain(node: exp.SetOperation, scope: Scope) -> tuple[list[exp.Expr], list[str]]:
    """Return the inputs of operations that follow one another, and what stands between them."""
    nodes: list[exp.Expr] = [node.expression]
    operators = [_operator(node, scope)]
    left = node.this
    while isinstance(left, exp.SetOperation) and not modified(left):
        nodes.append(left.expression)
        operators.append(_operator(left, scope))
        left = left.this
    nodes.append(left)
    return nodes[::-1], operators[::-1]


def _check_branch(node: exp.Expr, operator: str, scope: Scope) -> None:
    """Raise for LIMIT in an input, and for ORDER BY before an operator without parentheses."""
    word = operator.split()[0].lower()
    if not isinstance(node, exp.Subquery) and any(node.args.get(name) for name in ("order", "limit", "offset")):
        raise SqlError(SqlState.SYNTAX_ERROR, f'syntax error at or near "{word}"')
    inner: exp.Expr = node
    while isinstance(inner, exp.Subquery):
        if inner.args.get("limit") or inner.args.get("offset"):
            break
        inner = inner.this
    if inner.args.get("limit") or inner.args.get("offset"):
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "LIMIT may not be used within input to set operations.",
            position=scope.writer.position(inner),
        )


def _check_width(branches: list[Query], nodes: list[exp.Expr], operators: list[str], scope: Scope) -> None:
    width = len(branches[0].outputs)
    for operator, branch, node in zip(operators, branches[1:], nodes[1:], strict=True):
        if len(branch.outputs) != width:
            word = operator.split(maxsplit=1)[0]
            raise SqlError(
                SqlState.SYNTAX_ERROR,
                f"each {word} query must have the same number of columns",
                position=scope.writer.position(node),
            )


def _operator(node: exp.SetOperation, scope: Scope) -> str:
    word = type(node).key.upper()
    if node.args.get("distinct"):
        return word
    if word != "UNION":
        raise not_supported(f"{word} ALL", position=scope.writer.position(node))
    return "UNION ALL"


def _united(branches: list[Query], index: int, type_: ColumnType) -> Output:
    """Return a column of a set operation: named by the first branch."""
    values = [branch.outputs[index].value for branch in branches]
    first = branches[0].outputs[index]
    return replace(first, value=Value(
        sql=quote(first.engine_name), type=type_, exact=True,
        bare=all(keys.bare(value) for value in values), folded=any(value.folded for value in values),
    ))  # fmt: skip


def _brought(branch: Query, types: tuple[ColumnType, ...], *, apart: bool = False) -> str:
    """Return a branch whose columns have the common types; *apart* cuts trailing blanks, so that rows are equal."""
    same = zip(branch.outputs, types, strict=True)
    if not apart and all(output.value.type.engine() == type_.engine() for output, type_ in same):
        return branch.sql
    values = [conversion.exact(conversion.cast(outer(output), type_))
              for output, type_ in zip(branch.outputs, types, strict=True)]
    columns = ", ".join(
        f"{(keys.trimmed(value) if apart else value).sql} AS {quote(output.engine_name)}"
        for output, value in zip(branch.outputs, values, strict=True)
    )
    return f"SELECT {columns} FROM ({branch.sql}) AS q"
