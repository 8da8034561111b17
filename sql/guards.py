"""What row-level security and masking make of a relation: a subquery of what its reader may see.

Redshift, "Row-level security", "Dynamic data masking". The subquery takes the relation's place wherever it is read.
``BARRIER`` stands above the policies' conditions: the engine's optimizer moves nothing of the statement below it, so
that no expression of a user's meets a row that the user may not see, whatever it would say of it by an error.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from core.errors import SqlError
from core.names import literal, quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion, dates, groups
from sql.clauses import conditional
from sql.facts import Condition, Guard, Mask, Source
from sql.functions.supers import element
from sql.query import parse_expression
from sql.relations import Field, Query, Relation, stored_field
from sql.scope import Scope
from sql.value import SUPER, Value, made

BARRIER: Final = "USING SAMPLE 100 PERCENT (bernoulli)"
"""Takes every row, and nothing is pushed through it: to the optimizer a sample of other rows is another sample."""
MASKED: Final = "/*rs:masked*/"
"""Where ``BARRIER`` would stand, were it needed, above columns that are masked: what a user does with those is done
with what is shown in their place, wherever the engine does it."""
ROW: Final = '"rs:row"'
"""What tells a table's rows apart, in a guarded table that is changed."""


_UNORDERED: Final = frozenset({"GEOMETRY"})
"""Types that the engine cannot compare, and keeps no statistics of."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation that is guarded, or that a policy is checked with."""

    name: str
    engine_name: str
    value: Value


def standing(source: Source, scope: Scope) -> Guard | None:
    """Return what stands between *source* and the statement, None where nothing does; note that it does."""
    writer = scope.writer
    if source.guard is None or not writer.guarding or source.oid == writer.storage:
        return None
    writer.guarded[source.oid] = source.guard
    return source.guard


def of_table(source: Source, guard: Guard, scope: Scope, *, changed: bool = False) -> str:
    """Return the engine SQL of a table as its reader may see it; with ``ROW`` where it is to be *changed*."""
    alias = scope.writer.fresh("guarded")
    columns = [
        Column(column.name, column.engine_name, stored_field(alias, column, source).value) for column in guard.columns
    ]
    extra = [f"{alias}.rowid AS {ROW}"] if changed else []
    return _written(f"{source.engine_name} AS {alias}", columns, extra, guard, scope)


def of_query(query: Query, guard: Guard, scope: Scope) -> str:
    """Return the engine SQL of a view's *query* as its reader may see it."""
    alias = scope.writer.fresh("guarded")
    columns = [
        Column(output.name, output.engine_name, output.value.named(f"{alias}.{quote(output.engine_name)}"))
        for output in query.outputs
    ]
    return _written(f"({query.sql}) AS {alias}", columns, [], guard, scope)


def _written(scanned: str, columns: list[Column], extra: list[str], guard: Guard, scope: Scope) -> str:
    private = {name for mask in guard.masks for name in (mask.output[0], *(path[0] for _, _, path in mask.inputs))}
    hidden = [column for column in columns if guard.rows or column.name in private]
    listed = [
        f"{_opaque(column.value) if column in hidden else column.value.sql} AS {quote(column.engine_name)}"
        for column in columns
    ]
    where = f" WHERE {_condition(columns, guard, scope)}" if guard.rows else ""
    rows = f"SELECT {', '.join(listed + extra)} FROM {scanned}{where}"
    if guard.masks:
        rows = _with_masks(rows, columns, guard, scope)
    above = BARRIER if guard.rows else MASKED
    return f"(SELECT * FROM ({rows}) AS {scope.writer.fresh('seen')} {above})"


def _opaque(value: Value) -> str:
    """Return engine SQL of a column of which the engine knows no statistics.

    Else it would drop a condition that no row of the table can fulfil, hidden ones among them: a plan would tell what
    the largest value is, and so would an expression that fails unless it is never evaluated.
    """
    return value.sql if value.type.engine() in _UNORDERED else f"greatest({value.sql}, {value.sql})"


def _with_masks(rows: str, columns: list[Column], guard: Guard, scope: Scope) -> str:
    """Return a query of what is shown of *rows*, which have the *columns* as they are stored."""
    alias = scope.writer.fresh("stored")
    stored = [
        replace(column, value=column.value.named(f"{alias}.{quote(column.engine_name)}")) for column in columns
    ]
    shown = [f"{_masked(column, stored, guard, scope).sql} AS {quote(column.engine_name)}" for column in stored]
    return f"SELECT * REPLACE ({', '.join(shown)}) FROM ({rows}) AS {alias}"


def _masked(column: Column, columns: list[Column], guard: Guard, scope: Scope) -> Value:
    """Return what is shown of a column."""
    mine = [mask for mask in guard.masks if mask.output[0] == column.name]
    value = column.value
    for mask in mine:
        if len(mask.output) == 1:
            value = mask_value(mask, columns, value.type, scope)
    for mask in mine:
        if len(mask.output) > 1:
            shown = f"coalesce(CAST({element(mask_value(mask, columns, None, scope))} AS VARCHAR), 'null')"
            value = replace(value, sql=_with_path(value.sql, mask.output[1:], shown))
    return value


def mask_value(mask: Mask, columns: list[Column], goal: ColumnType | None, scope: Scope) -> Value:
    """Write what a mask shows, as a value of type *goal*, its own for None; raises where the types do not fit."""
    known = {column.name: column.value for column in columns}
    inputs = []
    for name, kind, path in mask.inputs:
        value = known.get(path[0])
        if value is None:
            raise SqlError(SqlState.UNDEFINED_COLUMN, f'column "{path[0]}" does not exist')
        if len(path) > 1:
            value = conversion.cast(_at_path(value, path[1:]), kind, lax=True)
        inputs.append(Column(name, name, value))
    with _policy_text(mask.settings, scope):
        value = over("", inputs, scope).value(parse_expression(mask.text))
        return conversion.exact(value if goal is None else conversion.cast(value, goal))


def _at_path(value: Value, path: tuple[str, ...]) -> Value:
    sql = value.sql
    for name in path:
        sql = f"rs_member({sql}, {literal(name)})"
    return made(sql, SUPER, exact=True)


def _with_path(root: str, path: tuple[str, ...], text: str) -> str:
    """Return engine SQL of an object in which the value at *path*, where there is one, is the JSON *text*."""
    name = literal(path[0])
    if len(path) > 1:
        inner = _with_path(f"rs_member({root}, {name})", path[1:], text)
        text = f"coalesce(CAST({inner} AS VARCHAR), 'null')"
    return f"rs_with_member({root}, {name}, {text})"


def _condition(columns: list[Column], guard: Guard, scope: Scope) -> str:
    """Return what a row must fulfil to be seen."""
    parts = [f"({_policy(item, columns, scope)})" for item in guard.conditions]
    return (" OR " if guard.any_of else " AND ").join(parts) or "false"


def _policy(item: Condition, columns: list[Column], scope: Scope) -> str:
    known = [column for column in columns if column.name in item.columns]
    inside = over(item.alias, known, scope, item.policy)
    with _policy_text(item.settings, scope):
        return condition(parse_expression(item.text), inside)


@contextmanager
def _policy_text(settings: tuple[tuple[str, str], ...], scope: Scope) -> Iterator[None]:
    with scope.writer.policy(settings):
        token = dates.ORDER.set(dates.order_of(scope.writer.facts.setting("datestyle")))
        try:
            yield
        finally:
            dates.ORDER.reset(token)


def over(name: str, columns: Iterable[Column], scope: Scope, owner: int | None = None) -> Scope:
    """Return the scope of a policy's text: the columns that it may name, of a relation called *name*.

    They are read without anybody's right to read them; tables beside it are read with the policy's.
    """
    inside = Scope(writer=scope.writer, owner=owner)
    fields = tuple(Field(name=column.name, value=column.value) for column in columns)
    inside.relations.append(Relation(name=name, alias=quote(name), fields=fields))
    return inside


def condition(tree: exp.Expr, inside: Scope) -> str:
    """Write a policy's condition; raises what WHERE raises."""
    groups.refuse(tree, "policies", groups.Naming(inside, {}))
    return conditional(tree, inside, "USING")

