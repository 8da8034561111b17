"""WITH: queries that have a name, recursive ones too.

Redshift, "WITH clause".
"""

from dataclasses import replace
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError, not_supported
from core.names import free_name, lower, quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion
from sql.finish import outer
from sql.inference import common_type
from sql.relations import Cte, Output, unkept
from sql.scope import Scope


def with_clause(node: exp.Expr, scope: Scope) -> str:
    """Translate WITH, adding its queries to *scope*; return ``WITH … `` or nothing."""
    clause = node.args.get("with_")
    if clause is None:
        return ""
    recursive = bool(clause.args.get("recursive"))
    names: set[str] = set()
    for item in clause.expressions:
        name = scope.writer.identifier(item.args["alias"].this)
        if name in names:
            raise SqlError(
                SqlState.DUPLICATE_ALIAS,
                f'WITH query name "{name}" specified more than once',
                position=scope.writer.position(item.args["alias"]),
            )
        names.add(name)
    parts = [_cte(item, scope, recursive=recursive) for item in clause.expressions]
    return f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(parts)} "


def _cte(item: exp.CTE, scope: Scope, *, recursive: bool) -> str:
    name = scope.writer.identifier(item.args["alias"].this)
    columns = [scope.writer.identifier(part) for part in item.args["alias"].args.get("columns") or []]
    alias = _alias(name, scope)
    inside = Scope(writer=scope.writer, parent=scope.parent, owner=scope.owner, ctes=dict(scope.ctes))
    if recursive and _refers(item.this, name, scope):
        return _recursive(item, name, alias, columns, scope, inside)
    query = scope.writer.query(item.this, inside)
    outputs = _relabelled(query.outputs, columns)
    scope.ctes[name] = Cte(alias=alias, outputs=outputs)
    listed = ", ".join(quote(output.engine_name) for output in outputs)
    return f"{alias}({listed}) AS ({query.sql})"


def _alias(name: str, scope: Scope) -> str:
    """Return the engine's name of a query: none that another in sight has in whatever case, nor one of our own.

    The session's relations have no schema before their names, and a query called like one would be read in its place.
    """
    taken = {lower(cte.alias) for cte in scope.ctes.values()}
    return scope.writer.fresh(name) if lower(name).startswith(_OWN) else scope.writer.free(name, taken)


_OWN: Final = ("sys_", "rs_")
"""How the session's relations and what rules write into queries are called."""


def _refers(node: exp.Expr, name: str, scope: Scope) -> bool:
    return any(
        isinstance(table.this, exp.Identifier) and len(table.parts) == 1 and scope.writer.identifier(table.this) == name
        for table in node.find_all(exp.Table)
    )


_DEPTH: Final = "rs_depth"
"""The engine's column that counts how often a recursive query has been through."""


def _recursive(item: exp.CTE, name: str, alias: str, columns: list[str], scope: Scope, inside: Scope) -> str:
    """Translate a query that names itself: a start, UNION ALL, and what follows from rows found before."""
    union = item.this
    if not isinstance(union, exp.Union) or union.args.get("distinct") or _refers(union.this, name, scope):
        raise not_supported(
            "a recursive WITH query that is not a start, UNION ALL and a step", position=scope.writer.position(union)
        )
    _check_step(union, scope)
    start = scope.writer.query(union.this, inside.child())
    # What a step makes of them is kept nowhere.
    outputs = unkept(_relabelled(start.outputs, columns, exact=True))
    inside.ctes[name] = Cte(alias=alias, outputs=outputs)
    step = scope.writer.query(union.expression.copy(), inside.child())
    if len(step.outputs) != len(outputs):
        raise SqlError(SqlState.SYNTAX_ERROR, "each UNION query must have the same number of columns")
    outputs = tuple(_widened(output, one.value.type) for output, one in zip(outputs, step.outputs, strict=True))
    scope.ctes[name] = inside.ctes[name] = Cte(alias=alias, outputs=outputs)
    step = scope.writer.query(union.expression, inside.child())
    brought = (
        ", ".join(conversion.exact(conversion.cast(outer(one), target.value.type)).sql
                  for one, target in zip(query.outputs, outputs, strict=True))
        for query in (start, step)
    )  # fmt: skip
    listed = ", ".join(quote(output.engine_name) for output in outputs)
    first, again = (f"SELECT {listed_columns}" for listed_columns in brought)
    return (
        f"{alias}({listed}, {_DEPTH}) AS ({first}, 1 FROM ({start.sql}) AS q UNION ALL"
        f" {again}, d.depth FROM ({step.sql}) AS q"
        f" CROSS JOIN (SELECT rs_deeper(max({_DEPTH})) AS depth FROM {alias}) AS d)"
    )


def _widened(output: Output, type_: ColumnType) -> Output:
    """Return a column wide enough for what a step makes of it; strings that grow may grow to the longest."""
    if output.value.category != type_.type.category:
        return output
    wider = common_type(output.value.type, type_)
    if wider == output.value.type:
        return output
    if wider.type.category == "S":
        wider = types.with_length("varchar", types.VARCHAR_MAX)
    return replace(output, value=output.value.typed(wider))


def _check_step(union: exp.Union, scope: Scope) -> None:
    step = union.expression
    while isinstance(step, exp.Subquery):
        step = step.this
    for node in (union, step):
        if any(node.args.get(clause) for clause in ("order", "limit", "offset")):
            raise not_supported(
                "ORDER BY or LIMIT in a recursive WITH query", position=scope.writer.position(node)
            )
    if step.args.get("distinct") and isinstance(step, exp.Select):
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED,
            "The recursive subquery of CTE tree can not have distinct clause.",
            position=scope.writer.position(step),
        )


def _relabelled(outputs: tuple[Output, ...], columns: list[str], *, exact: bool = False) -> tuple[Output, ...]:
    if len(columns) > len(outputs):
        raise SqlError(
            SqlState.INVALID_COLUMN_REFERENCE,
            f"WITH query has {len(outputs)} columns available but {len(columns)} columns specified",
        )
    made_names = []
    taken: set[str] = set()
    for index, output in enumerate(outputs):
        name = columns[index] if index < len(columns) else output.name
        engine = free_name(columns[index] if index < len(columns) else output.engine_name, taken)
        taken.add(lower(engine))
        value = output.value.typed(output.value.type) if exact else output.value
        made_names.append(Output(name=name, engine_name=engine, value=value))
    return tuple(made_names)
