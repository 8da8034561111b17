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
from sql.inference import common
from sql.scope import Output, Query, Scope
from sql.value import Value


def set_operation(
    node: exp.SetOperation, scope: Scope, finish: Finish, forced: tuple[ColumnType, ...]
) -> Query:
    """Translate UNION, INTERSECT and EXCEPT."""
    prefix = with_clause(node, scope)
    operators: list[str] = []
    branches = [scope.writer.query(_right(node), scope.child(), finish=Finish.EXACT)]
    operators.append(_operator(node, scope))
    left = node.this
    while isinstance(left, exp.SetOperation) and not modified(left):
        branches.append(scope.writer.query(_right(left), scope.child(), finish=Finish.EXACT))
        operators.append(_operator(left, scope))
        left = left.this
    branches.append(scope.writer.query(left, scope.child(), finish=Finish.EXACT))
    branches.reverse()
    operators.reverse()
    width = len(branches[0].outputs)
    for index, branch in enumerate(branches[1:]):
        if len(branch.outputs) != width:
            word = operators[index].split(maxsplit=1)[0]
            raise SqlError(SqlState.SYNTAX_ERROR, f"each {word} query must have the same number of columns")
    types = forced or tuple(common(branch.outputs[index].value for branch in branches) for index in range(width))
    outputs = tuple(_united(branches, index, type_) for index, type_ in enumerate(types))
    apart = not all(keys.plain(output.value) for output in outputs) and any(word != "UNION ALL" for word in operators)
    sql = _brought(branches[0], types, apart=apart)
    for operator, branch in zip(operators, branches[1:], strict=True):
        sql = f"({sql}) {operator} ({_brought(branch, types, apart=apart)})"
    items = [Item(output=output, raw=output.value) for output in outputs]
    sql = prefix + sql + tail(node, items, scope, names_only=True)
    return columns_finished(Query(sql=sql, outputs=outputs), finish)


def _right(node: exp.SetOperation) -> exp.Expr:
    right: exp.Expr = node.expression
    return right


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
