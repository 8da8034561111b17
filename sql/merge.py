"""MERGE, in both of Redshift's forms.

``WHEN MATCHED … WHEN NOT MATCHED …`` becomes the engine's MERGE over the source's rows, numbered where the
target has an IDENTITY column, once it is sure that no row of the target has two matches. ``REMOVE DUPLICATES``
takes away the rows that match and adds all of the source's: its rows go in twice, once to match and once to add.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from sql import assignment, guards
from sql.clauses import conditional
from sql.dml import (
    Change,
    Target,
    assignments,
    default_value,
    is_default,
    refuse_identity,
    setting,
    single_match,
    target_relation,
)
from sql.facts import Source, SourceKind
from sql.query import REMOVE_DUPLICATES
from sql.scope import Scope
from sql.sources import relation
from sql.targets import column_of, goal, target_of
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
    _refuse_itself(node, target, scope)
    scope.whole = True
    condition = conditional(node.args["on"], scope)
    alias = scope.relations[-1].alias
    if node.meta.get(REMOVE_DUPLICATES):
        rows = f"{using}, (VALUES (0), (1)) AS rs_parts({_PART})"
        source = f"(SELECT *, {_PART} FROM {rows}) AS {alias}"
        step = _Step(into, source, f"{condition} AND {alias}.{_PART} = 0", once=f"{alias}.{_PART} = 1")
        sql = _written(step, None, _duplicates_replaced(target, scope), target)
    else:
        check = single_match(into, using, condition)
        number = f", row_number() OVER () AS {_NUMBER}" if _numbered(target) else ""
        source = f"(SELECT *{number} FROM {using} WHERE {check}) AS {alias}"
        matched, missing = _clauses(node)
        changed = _matched(matched, target, scope)
        sql = _written(_Step(into, source, condition), changed, _missing(missing, target, scope), target)
    return Change(sql=sql, target=target)


@dataclass(frozen=True, slots=True)
class _Step:
    """What is merged into what, and when they match."""

    into: Target
    source: str
    condition: str
    once: str = ""
    """What must hold of a row that is added."""


def _written(step: _Step, changed: list[tuple[str, Value]] | None, added: list[Value], target: Source) -> str:
    """Return the engine's MERGE: *changed* is what matching rows get, None where they are deleted."""
    if step.into.guarded:
        return _written_of_seen(step, changed, added, target)
    deed = "DELETE" if changed is None else f"UPDATE SET {_set((name, value.sql) for name, value in changed)}"
    return (
        f"MERGE INTO {step.into.read} USING {step.source} ON {step.condition} WHEN MATCHED THEN {deed}"
        f" WHEN NOT MATCHED{step.once and f' AND {step.once}'} THEN"
        f" {_insert(target, (value.sql for value in added))}"
    )


def _written_of_seen(step: _Step, changed: list[tuple[str, Value]] | None, added: list[Value], target: Source) -> str:
    """Return a MERGE whose matches and values are worked out of what may be seen of the table."""
    row = step.into.row
    gets = [(name, f'"rs_set_{index}"', value) for index, (name, value) in enumerate(changed or [])]
    gives = [(f'"rs_new_{index}"', value) for index, value in enumerate(added)]
    columns = [f"{row} AS {guards.ROW}", *([f"{step.once} AS rs_once"] if step.once else [])]
    columns += [f"CASE WHEN {row} IS NOT NULL THEN {value.sql} END AS {place}" for _, place, value in gets]
    columns += [f"CASE WHEN {row} IS NULL THEN {value.sql} END AS {place}" for place, value in gives]
    pairs = f"SELECT {', '.join(columns)} FROM {step.source} LEFT JOIN {step.into.read} ON {step.condition}"
    shown = _set((name, f"rs_pair.{place}") for name, place, _ in gets)
    deed = "DELETE" if changed is None else f"UPDATE SET {shown}"
    return (
        f"MERGE INTO {target.engine_name} AS rs_target USING ({pairs}) AS rs_pair"
        f" ON rs_target.rowid = rs_pair.{guards.ROW} WHEN MATCHED THEN {deed}"
        f" WHEN NOT MATCHED{step.once and ' AND rs_pair.rs_once'} THEN"
        f" {_insert(target, (f'rs_pair.{place}' for place, _ in gives))}"
    )


def _set(pairs: Iterable[tuple[str, str]]) -> str:
    return ", ".join(f"{quote(name)} = {sql}" for name, sql in pairs)


def _insert(target: Source, values: Iterable[str]) -> str:
    return f"INSERT ({', '.join(quote(column.engine_name) for column in target.columns)}) VALUES ({', '.join(values)})"


_PART: Final = '"rs_part"'
_NUMBER: Final = '"rs_number"'


def _refuse_itself(node: exp.Merge, target: Source, scope: Scope) -> None:
    """Raise where the source reads the target."""
    if (target.oid, "SELECT") not in {(oid, privilege) for oid, privilege, _ in scope.writer.uses}:
        return
    names = [tuple(scope.writer.identifier(part) for part in table.parts)
             for table in node.args["using"].find_all(exp.Table) if isinstance(table.this, exp.Identifier)]
    sources = [scope.writer.facts.source(name) for name in names if name[-1] not in scope.ctes]
    read = {source.oid for source in sources if source is not None}
    views = any(source is not None and source.kind is SourceKind.VIEW for source in sources)
    if target.oid in read or (views and target.oid in _read_by_views(scope, target)):
        raise SqlError(
            SqlState.INTERNAL_ERROR, "Source view/subquery in Merge statement cannot reference target table."
        )


def _read_by_views(scope: Scope, target: Source) -> set[int]:
    return {oid for oid, privilege, owner in scope.writer.uses if privilege == "SELECT" and owner is not None}


def _numbered(target: Source) -> bool:
    return any(column.identity is not None for column in target.columns)


def _clauses(node: exp.Merge) -> tuple[exp.Expr, exp.Expr]:
    """Return what is done where there is a match, and where there is none."""
    whens = node.args["whens"].expressions
    matched = [when for when in whens if when.args.get("matched")]
    missing = [when for when in whens if not when.args.get("matched")]
    if len(matched) != 1 or len(missing) != 1 or any(when.args.get("condition") for when in whens):
        raise SqlError(
            SqlState.SYNTAX_ERROR, "MERGE must have one WHEN MATCHED and one WHEN NOT MATCHED clause without conditions"
        )
    return matched[0].args["then"], missing[0].args["then"]


def _matched(action: exp.Expr, target: Source, scope: Scope) -> list[tuple[str, Value]] | None:
    """Return what matching rows get, None where they are deleted."""
    if isinstance(action, exp.Update):
        return [setting(pair, target, scope) for pair in assignments(action, scope)]
    if action.name.upper() == "DELETE":
        scope.writer.use(target, "DELETE", scope.owner)
        return None
    raise not_supported("this action of MERGE", position=scope.writer.position(action))


def _missing(action: exp.Expr, target: Source, scope: Scope) -> list[Value]:
    places, given = _inserted(action, scope)
    scope.writer.use(target, "INSERT", scope.owner)
    chosen = [column_of(target, scope.writer.identifier(item.this), item, scope) for item in places]
    chosen = chosen or [column for column in target.columns if column.identity is None or column.identity_by_default]
    if len(given) != len(chosen):
        more = "expressions than target columns" if len(given) > len(chosen) else "target columns than expressions"
        raise SqlError(SqlState.SYNTAX_ERROR, f"INSERT has more {more}")
    values: dict[str, Value] = {}
    for column, item in zip(chosen, given, strict=True):
        if is_default(item):
            continue
        refuse_identity(column)
        values[column.name] = assignment.assign(scope.value(item), goal(column))
    return _complete(values, target, scope)


def _inserted(action: exp.Expr, scope: Scope) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """Return the columns named (perhaps none) and the values of INSERT."""
    if isinstance(action, exp.Insert) and isinstance(action.this, exp.Tuple):
        if isinstance(action.expression, exp.Tuple):
            return action.this.expressions, action.expression.expressions
        call = action.this.expressions[0] if len(action.this.expressions) == 1 else None
        # Without column names VALUES (…) reads as a call.
        if not action.expression and isinstance(call, exp.Anonymous) and call.name.upper() == "VALUES":
            return [], call.expressions
    raise not_supported("this action of MERGE", position=scope.writer.position(action))


def _complete(values: dict[str, Value], target: Source, scope: Scope) -> list[Value]:
    """Return a value for every column of the target."""
    alias = scope.relations[-1].alias
    return [
        values.get(column.name) or default_value(target, column, scope, number=f"{alias}.{_NUMBER}")
        for column in target.columns
    ]


def _duplicates_replaced(target: Source, scope: Scope) -> list[Value]:
    for privilege in ("INSERT", "DELETE"):
        scope.writer.use(target, privilege, scope.owner)
    fields = scope.relations[-1].fields
    if len(fields) != len(target.columns):
        raise SqlError(
            SqlState.SYNTAX_ERROR, "source and target of MERGE REMOVE DUPLICATES must have the same columns"
        )
    if _numbered(target):
        raise not_supported("MERGE REMOVE DUPLICATES into a table with an identity column")
    values = {
        column.name: assignment.assign(scope.read(field), goal(column))
        for column, field in zip(target.columns, fields, strict=True)
    }
    return _complete(values, target, scope)
