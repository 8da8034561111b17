"""MERGE, in both of Redshift's forms.

``WHEN MATCHED … WHEN NOT MATCHED …`` becomes the engine's MERGE. ``REMOVE DUPLICATES`` deletes the rows that
match and inserts the source's, which is UPDATE of every column and INSERT in the engine's MERGE.
"""

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from sql import assignment
from sql.clauses import conditional
from sql.dml import (
    Change,
    column_of,
    default_value,
    goal,
    is_default,
    refuse_identity,
    setting,
    target_of,
    target_relation,
)
from sql.facts import Source
from sql.query import REMOVE_DUPLICATES
from sql.scope import Scope
from sql.sources import relation
from sql.value import Value


def merge(node: exp.Merge, scope: Scope) -> Change:
    """Translate MERGE INTO … USING … ON …."""
    if node.args.get("with_") or node.args.get("returning"):
        raise not_supported("WITH or RETURNING of MERGE", position=scope.writer.position(node))
    if not isinstance(node.this, exp.Table):
        raise not_supported("this target of MERGE", position=scope.writer.position(node))
    target = target_of(node.this, scope, "merge into", "UPDATE")
    scope.writer.use(target, "SELECT", scope.owner)
    into = target_relation(node.this, target, scope)
    using = relation(node.args["using"], scope)
    condition = conditional(node.args["on"], scope)
    head = f"MERGE INTO {into} USING {using} ON {condition}"
    if node.meta.get(REMOVE_DUPLICATES):
        return _remove_duplicates(head, target, scope)
    return _clauses(head, node, target, scope)


def _clauses(head: str, node: exp.Merge, target: Source, scope: Scope) -> Change:
    whens = node.args["whens"].expressions
    matched = [when for when in whens if when.args.get("matched")]
    missing = [when for when in whens if not when.args.get("matched")]
    if len(matched) != 1 or len(missing) != 1 or any(when.args.get("condition") for when in whens):
        raise SqlError(
            SqlState.SYNTAX_ERROR, "MERGE must have one WHEN MATCHED and one WHEN NOT MATCHED clause without conditions"
        )
    parts = [head, _matched(matched[0].args["then"], target, scope), _missing(missing[0].args["then"], target, scope)]
    return Change(sql=" ".join(parts), target=target)


def _matched(action: exp.Expr, target: Source, scope: Scope) -> str:
    if isinstance(action, exp.Update):
        pairs = [setting((item.this, item.expression), target, scope) for item in action.expressions]
        listed = ", ".join(f"{quote(name)} = {value.sql}" for name, value in pairs)
        return f"WHEN MATCHED THEN UPDATE SET {listed}"
    if action.name.upper() == "DELETE":
        scope.writer.use(target, "DELETE", scope.owner)
        return "WHEN MATCHED THEN DELETE"
    raise not_supported("this action of MERGE", position=scope.writer.position(action))


def _missing(action: exp.Expr, target: Source, scope: Scope) -> str:
    if not isinstance(action, exp.Insert) or not isinstance(action.expression, exp.Tuple):
        raise not_supported("this action of MERGE", position=scope.writer.position(action))
    scope.writer.use(target, "INSERT", scope.owner)
    places = action.this.expressions if isinstance(action.this, exp.Tuple) else []
    chosen = [column_of(target, scope.writer.identifier(item.this), item, scope) for item in places]
    chosen = chosen or list(target.columns)
    given = action.expression.expressions
    if len(given) != len(chosen):
        more = "expressions than target columns" if len(given) > len(chosen) else "target columns than expressions"
        raise SqlError(SqlState.SYNTAX_ERROR, f"INSERT has more {more}")
    values: dict[str, Value] = {}
    for column, item in zip(chosen, given, strict=True):
        if is_default(item):
            continue
        refuse_identity(column)
        values[column.name] = assignment.assign(scope.value(item), goal(column))
    return _insert(values, target, scope)


def _insert(values: dict[str, Value], target: Source, scope: Scope) -> str:
    for column in target.columns:
        if column.identity is not None and column.name not in values:
            raise not_supported("MERGE into a table with an identity column")
    complete = [values.get(column.name) or default_value(target, column, scope) for column in target.columns]
    names = ", ".join(quote(column.name) for column in target.columns)
    return f"WHEN NOT MATCHED THEN INSERT ({names}) VALUES ({', '.join(value.sql for value in complete)})"


def _remove_duplicates(head: str, target: Source, scope: Scope) -> Change:
    for privilege in ("INSERT", "DELETE"):
        scope.writer.use(target, privilege, scope.owner)
    fields = scope.relations[-1].fields
    if len(fields) != len(target.columns):
        raise SqlError(
            SqlState.SYNTAX_ERROR, "source and target of MERGE REMOVE DUPLICATES must have the same columns"
        )
    values = {
        column.name: assignment.assign(scope.read(field), goal(column))
        for column, field in zip(target.columns, fields, strict=True)
    }
    listed = ", ".join(f"{quote(name)} = {value.sql}" for name, value in values.items())
    sql = f"{head} WHEN MATCHED THEN UPDATE SET {listed} {_insert(values, target, scope)}"
    return Change(sql=sql, target=target)
