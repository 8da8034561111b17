"""What row-level security and masking make of a relation: a subquery of what its reader may see.

Redshift, "Row-level security", "Dynamic data masking". The subquery takes the relation's place wherever it is read.
``BARRIER`` stands above the policies' conditions: the engine's optimizer moves nothing of the statement below it, so
that no expression of a user's meets a row that the user may not see, whatever it would say of it by an error.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from core.names import quote
from sql import dates, groups
from sql.clauses import conditional
from sql.facts import Condition, Guard, Source
from sql.query import parse_expression
from sql.scope import Field, Query, Relation, Scope, stored_field
from sql.value import Value

BARRIER: Final = "USING SAMPLE 100 PERCENT (bernoulli)"
"""Takes every row, and nothing is pushed through it: to the optimizer a sample of other rows is another sample."""
MASKED: Final = "/*rs:masked*/"
"""Where ``BARRIER`` would stand, were it needed, above columns that are masked: what a user does with those is done
with what is shown in their place, wherever the engine does it."""
ROW: Final = '"rs:row"'
"""What tells a table's rows apart, in a guarded table that is changed."""


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
        Column(column.name, column.name, stored_field(alias, column, source).value) for column in guard.columns
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
    listed = [f"{column.value.sql} AS {quote(column.engine_name)}" for column in columns] + extra
    where = f" WHERE {_condition(columns, guard, scope)}" if guard.rows else ""
    rows = f"SELECT {', '.join(listed)} FROM {scanned}{where}"
    above = BARRIER if guard.rows else MASKED
    return f"(SELECT * FROM ({rows}) AS {scope.writer.fresh('seen')} {above})"


def _condition(columns: list[Column], guard: Guard, scope: Scope) -> str:
    """Return what a row must fulfil to be seen."""
    parts = [f"({_policy(item, columns, scope)})" for item in guard.conditions]
    return (" OR " if guard.any_of else " AND ").join(parts) or "false"


def _policy(item: Condition, columns: list[Column], scope: Scope) -> str:
    known = [column for column in columns if column.name in item.columns]
    inside = over(item.alias, known, scope, item.policy)
    with scope.writer.policy(item.settings):
        token = dates.ORDER.set(dates.order_of(scope.writer.facts.setting("datestyle")))
        try:
            return condition(parse_expression(item.text), inside)
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

