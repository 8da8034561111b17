"""WITH: queries that have a name, recursive ones too.

Redshift, "WITH clause".
"""

from sqlglot import exp

from core.errors import SqlError
from core.names import quote
from core.sqlstate import SqlState
from sql.scope import Cte, Output, Scope


def with_clause(node: exp.Expr, scope: Scope) -> str:
    """Translate WITH, adding its queries to *scope*; return ``WITH … `` or nothing."""
    clause = node.args.get("with_")
    if clause is None:
        return ""
    recursive = bool(clause.args.get("recursive"))
    parts = [_cte(item, scope, recursive=recursive) for item in clause.expressions]
    return f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(parts)} "


def _cte(item: exp.CTE, scope: Scope, *, recursive: bool) -> str:
    name = scope.writer.identifier(item.args["alias"].this)
    columns = [scope.writer.identifier(part) for part in item.args["alias"].args.get("columns") or []]
    alias = scope.writer.fresh(name) if name in scope.ctes else quote(name)
    inside = Scope(writer=scope.writer, parent=scope.parent, owner=scope.owner, ctes=dict(scope.ctes))
    if recursive and isinstance(item.this, exp.SetOperation):
        base = scope.writer.query(item.this.this.copy(), inside.child())
        inside.ctes[name] = Cte(alias=alias, outputs=_relabelled(base.outputs, columns, exact=True))
        query = scope.writer.query(item.this, inside, forced=tuple(output.value.type for output in base.outputs))
    else:
        query = scope.writer.query(item.this, inside)
    outputs = _relabelled(query.outputs, columns)
    scope.ctes[name] = Cte(alias=alias, outputs=outputs)
    listed = ", ".join(quote(output.engine_name) for output in outputs)
    return f"{alias}({listed}) AS ({query.sql})"


def _relabelled(outputs: tuple[Output, ...], columns: list[str], *, exact: bool = False) -> tuple[Output, ...]:
    if len(columns) > len(outputs):
        raise SqlError(
            SqlState.INVALID_COLUMN_REFERENCE,
            f"WITH query has {len(outputs)} columns available but {len(columns)} columns specified",
        )
    made_names = []
    for index, output in enumerate(outputs):
        name = columns[index] if index < len(columns) else output.name
        engine = columns[index] if index < len(columns) else output.engine_name
        value = output.value.typed(output.value.type) if exact else output.value
        made_names.append(Output(name=name, engine_name=engine, value=value))
    return tuple(made_names)
