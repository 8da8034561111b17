"""PIVOT and UNPIVOT in FROM: rows turned into columns, columns into rows.

Redshift, "PIVOT and UNPIVOT examples". A pivot is an aggregation with a filter for each column; what is not
named in it is grouped by.
"""

from collections.abc import Sequence

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import fold, free_name, literal, lower, quote
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import conversion
from sql.inference import common, unmatched
from sql.keys import keyed, plain
from sql.naming import ANONYMOUS, column_name
from sql.relations import Field, Output, Query
from sql.scope import Scope
from sql.value import VARCHAR, made


def unrolled(node: exp.Expr) -> tuple[exp.Expr, exp.Expr | None]:
    """Return an entry of FROM without its PIVOT or UNPIVOT, and that."""
    pivots = node.args.get("pivots") or []
    if not pivots:
        return node, None
    if len(pivots) > 1:
        raise not_supported("PIVOT or UNPIVOT of a PIVOT or UNPIVOT")
    plain = node.copy()
    plain.set("pivots", None)
    return plain, pivots[0]


def turned(pivot: exp.Expr, source: str, scope: Scope) -> Query:
    """Translate a PIVOT or UNPIVOT of the one relation of *scope*, which *source* reads."""
    if len(scope.relations) != 1 or scope.merged:
        raise not_supported("PIVOT or UNPIVOT of a join", position=scope.writer.position(pivot))
    if len(pivot.args.get("fields") or []) != 1 or pivot.args.get("group") is not None:
        raise not_supported("this form of PIVOT", position=scope.writer.position(pivot))
    return (_unpivot if pivot.args.get("unpivot") else _pivot)(pivot, source, scope)


def _parts(node: exp.Expr) -> tuple[exp.Expr, exp.Expr | None]:
    """Return a value of an IN list and its alias."""
    if isinstance(node, exp.PivotAlias | exp.Alias):
        return node.this, node.args["alias"]
    return node, None


def _word(node: exp.Expr, scope: Scope) -> str:
    """Return the name that an alias, or a constant without one, gives to a column."""
    if isinstance(node, exp.Identifier):
        return scope.writer.identifier(node)
    kept = scope.writer.keeps_case
    return node.name if kept else fold(node.name)


def _remaining(scope: Scope, used: set[str]) -> list[Field]:
    return [item for item in scope.relations[0].fields if item.name not in used]


def _outputs(parts: Sequence[tuple[str, Output]]) -> tuple[str, tuple[Output, ...]]:
    """Return the select list of columns and the columns as those around name them, each with a name of its own."""
    taken: set[str] = set()
    listed, outputs = [], []
    for sql, output in parts:
        engine = free_name(output.engine_name, taken)
        taken.add(lower(engine))
        listed.append(f"{sql} AS {quote(engine)}")
        outputs.append(Output(name=output.name, engine_name=engine, value=output.value))
    return ", ".join(listed), tuple(outputs)


def _kept(item: Field, scope: Scope, *, grouped: bool = False) -> tuple[str, Output]:
    value = scope.read(item)
    sql = value.sql if plain(value) or not grouped else f"any_value({value.sql})"
    return sql, Output(name=item.name, engine_name=item.name, value=value)


# PIVOT


def _pivot(pivot: exp.Expr, source: str, scope: Scope) -> Query:
    key, choices = pivot.args["fields"][0].this, pivot.args["fields"][0].expressions
    aggregates = [_parts(item) for item in pivot.expressions]
    for call, _ in aggregates:
        _check(call, scope)
    used = {scope.writer.identifier(column.this) for node in (key, *pivot.expressions)
            for column in node.find_all(exp.Column) if not isinstance(column.this, exp.Star)}  # fmt: skip
    implicit = _remaining(scope, used)
    kept = [_kept(item, scope, grouped=True) for item in implicit]
    cells = [_cell(key, choice, aggregate, scope) for choice in choices for aggregate in aggregates]
    listed, outputs = _outputs([*kept, *cells])
    groups = f" GROUP BY {', '.join(keyed(item.value).sql for item in implicit)}" if kept else ""
    return Query(sql=f"SELECT {listed} FROM {source}{groups}", outputs=outputs)


def _check(call: exp.Expr, scope: Scope) -> None:
    if not isinstance(call, exp.Anonymous) or scope.writer.kinds.get(call.name.lower()) != "aggregate":
        raise not_supported("PIVOT with an expression that is no aggregate", position=scope.writer.position(call))


def _cell(
    key: exp.Expr, choice: exp.Expr, aggregate: tuple[exp.Expr, exp.Expr | None], scope: Scope
) -> tuple[str, Output]:
    wanted, alias = _parts(choice)
    if wanted.find(exp.Column, exp.Query):
        raise not_supported("a column or query in PIVOT's IN list", position=scope.writer.position(wanted))
    match = (
        exp.Is(this=key.copy(), expression=exp.Null())
        if isinstance(wanted, exp.Null)
        else exp.EQ(this=key.copy(), expression=wanted.copy())
    )
    call, name = aggregate
    value = conversion.exact(scope.value(exp.Filter(this=call.copy(), expression=exp.Where(this=match))))
    shown = _word(alias, scope) if alias is not None else _constant(wanted, scope)
    shown = f"{shown}_{_word(name, scope)}" if name is not None else shown
    return value.sql, Output(name=shown, engine_name=shown, value=value)


def _constant(node: exp.Expr, scope: Scope) -> str:
    if isinstance(node, exp.Null):
        return "null"
    if isinstance(node, exp.Boolean):
        return "true" if node.this else "false"
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
        return f"-{node.this.name}"
    if isinstance(node, exp.Literal):
        return _word(node, scope)
    return column_name(node, scope) or ANONYMOUS


# UNPIVOT


def _unpivot(pivot: exp.Expr, source: str, scope: Scope) -> Query:
    field = pivot.args["fields"][0]
    if len(pivot.expressions) != 1 or not field.expressions:
        raise not_supported("this form of UNPIVOT", position=scope.writer.position(pivot))
    columns = [_parts(item) for item in field.expressions]
    names = [_column(node, scope) for node, _ in columns]
    values = [scope.local(name, node) for name, (node, _) in zip(names, columns, strict=True)]
    found = [value for value in values if value is not None]
    for name, (node, _), value in zip(names, columns, values, strict=True):
        if value is None:
            raise scope.unknown_column(name, node)
    if pair := unmatched(found):
        raise SqlError(
            SqlState.DATATYPE_MISMATCH,
            f"UNPIVOT types {pair[0]} and {pair[1]} cannot be matched",
            position=scope.writer.position(pivot),
        )
    type_ = common(found)
    labels = [_label(name, alias, scope) for name, (_, alias) in zip(names, columns, strict=True)]
    brought = ", ".join(conversion.exact(conversion.cast(value, type_)).sql for value in found)
    kept = [_kept(item, scope) for item in _remaining(scope, set(names))]
    label, cell = scope.writer.identifier(_bare(field.this)), scope.writer.identifier(_bare(pivot.expressions[0]))
    listed, outputs = _outputs([
        *kept,
        (f"unnest([{', '.join(literal(item) for item in labels)}])", _made(label, VARCHAR)),
        (f"unnest([{brought}])", _made(cell, type_)),
    ])  # fmt: skip
    rows = f"SELECT {listed} FROM {source}"
    if not pivot.args.get("include_nulls"):
        rows = f"SELECT * FROM ({rows}) AS u WHERE {quote(outputs[-1].engine_name)} IS NOT NULL"
    return Query(sql=rows, outputs=outputs)


def _label(name: str, alias: exp.Expr | None, scope: Scope) -> str:
    if alias is None:
        return name
    return alias.name if isinstance(alias, exp.Literal) else _word(alias, scope)


def _made(name: str, type_: ColumnType) -> Output:
    return Output(name=name, engine_name=name, value=made(quote(name), type_, exact=True))


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Column) else node


def _column(node: exp.Expr, scope: Scope) -> str:
    if not isinstance(node, exp.Column):
        raise not_supported("an expression in UNPIVOT's IN list", position=scope.writer.position(node))
    return scope.writer.identifier(node.this)
