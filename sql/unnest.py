"""FROM over values: arrays of SUPER element by element, objects attribute by attribute.

Redshift, "Querying semi-structured data" (unnesting, object unpivoting). What FROM has so far and the elements
become one subselect, ``(SELECT columns…, unnest(…) FROM …)``: the engine then goes through rows and elements in
their order, where a lateral join would build hash tables. Where that form does not fit, a lateral join is written.
"""

from dataclasses import dataclass, replace
from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import quote
from core.nested import Array, Map, Nested, Scalar, Struct, entry, result
from core.sqlstate import SqlState
from sql.partiql import ITERATE, OWN, UNPIVOT
from sql.relations import Field, Relation
from sql.rules import arrays
from sql.scope import Scope
from sql.value import INT8, SUPER, VARCHAR, Value, made

_DEFAULT_OFFSET: Final = "offset_col"


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """An entry of FROM that iterates over a value."""

    value: Value
    name: str
    column: str
    """What an element is called."""
    second: str = ""
    """What its number or attribute name is called, if it is asked for."""
    unpivot: bool = False
    own: bool = True
    """Whether the relation's name means the element."""


def iteration(node: exp.Expr, scope: Scope) -> Iteration | None:
    """Return what an entry of FROM iterates over; None for tables, queries and other functions."""
    if isinstance(node, exp.Unnest):
        return _unnest(node, scope)
    if not isinstance(node, exp.Table) or node.args.get("pivots") or node.args.get("version"):
        return None
    if isinstance(node.this, exp.Anonymous):
        return _call(node, scope) if node.this.name in (ITERATE, UNPIVOT) else None
    path = _path(node, scope)
    if path is None:
        return None
    name = _alias(node, scope)
    return _over(scope.nested(path), [name] if name else [], node, scope)


def _alias(node: exp.Expr, scope: Scope) -> str:
    alias = node.args.get("alias")
    return scope.writer.identifier(alias.this) if alias is not None and alias.this else ""


def _columns(node: exp.Expr, scope: Scope) -> list[str]:
    alias = node.args.get("alias")
    found = (alias.args.get("columns") or []) if alias is not None else []
    return [scope.writer.identifier(item) for item in found]


def _unnest(node: exp.Unnest, scope: Scope) -> Iteration:
    if len(node.expressions) != 1:
        raise not_supported("UNNEST of several arrays", position=scope.writer.position(node))
    names = _columns(node, scope)
    if node.args.get("offset"):
        names = [*(names or ["unnest"]), _DEFAULT_OFFSET][:2]
    # ``t.arr e`` reads as an alias with a column and no name.
    found = _over(scope.nested(node.expressions[0]), names or ["unnest"], node, scope)
    name = _alias(node, scope)
    return replace(found, name=name, own=False) if name else found


def _call(node: exp.Table, scope: Scope) -> Iteration:
    if not node.this.expressions:
        raise SqlError(SqlState.SYNTAX_ERROR, 'syntax error at or near ")"', position=scope.writer.position(node))
    names, name = _columns(node, scope), _alias(node, scope)
    value = scope.nested(node.this.expressions[0])
    own = not names or names[-1] == OWN
    found = _over(value, names[:-1] if own and names else names, node, scope)
    found = replace(found, unpivot=node.this.name == UNPIVOT)
    return found if own else replace(found, name=name, own=False)


def _over(value: Value, names: list[str], node: exp.Expr, scope: Scope) -> Iteration:
    if isinstance(value.nested, Struct):
        raise SqlError(
            SqlState.DATATYPE_MISMATCH, "only arrays and maps of an external table can be ranged over",
            position=scope.writer.position(node),
        )  # fmt: skip
    if value.name != "super" and value.category != "A":
        raise SqlError(
            SqlState.DATATYPE_MISMATCH,
            f"navigation into a value of type {value.type.type.sql}; only SUPER can be navigated",
            position=scope.writer.position(node),
        )
    column = names[0] if names else scope.writer.fresh("element").strip('"')
    return Iteration(value=value, name=column, column=column, second=names[1] if len(names) > 1 else "")


def _path(node: exp.Table, scope: Scope) -> exp.Expr | None:
    """Return ``e``, ``t.a.b`` as the expression that it is where its first name is a relation in sight."""
    parts = [scope.writer.identifier(part) for part in node.parts]
    relation = scope.relation(parts[0])
    if relation is None and not _is_column(parts, scope):
        return None
    if len(parts) == 1 and (relation is None or not relation.elements):
        return None
    names = ("this", "table", "db", "catalog")
    column: exp.Expr = exp.Column(
        **{name: part.copy() for name, part in zip(names, reversed(node.parts[:4]), strict=False)}
    )
    for part in node.parts[4:]:
        column = exp.Dot(this=column, expression=part.copy())
    return column


def _is_column(parts: list[str], scope: Scope) -> bool:
    """Tell whether ``s.items`` starts at a SUPER column, there being no such table."""
    fields = [item for relation in scope.relations for item in relation.find(parts[0])]
    if len(parts) == 1 or len(fields) != 1 or fields[0].value.name != "super":
        return False
    try:
        return scope.writer.facts.source(tuple(parts)) is None
    except SqlError:
        return True


def starts_inside(node: exp.Expr, scope: Scope) -> bool:
    """Tell whether a subquery's FROM begins at an array of a relation that stands before it."""
    first = node.args.get("from_") if isinstance(node, exp.Select) else None
    if first is None:
        return False
    item = first.this
    if isinstance(item, exp.Table) and isinstance(item.this, exp.Anonymous) and item.this.name in (ITERATE, UNPIVOT):
        item = next(item.this.find_all(exp.Column), None)
        name = item.parts[0] if item is not None else None
    elif isinstance(item, exp.Table) and isinstance(item.this, exp.Identifier) and len(item.parts) > 1:
        name = item.parts[0]
    else:
        return False
    return name is not None and any(known.name == scope.writer.identifier(name) for known in scope.relations)


def element_names(tree: exp.Expr) -> set[str]:
    """Return what a query calls elements, lowered: a bare name in FROM may be one of them and no table."""
    names = set()
    for node in tree.find_all(exp.Unnest, exp.Table):
        alias = node.args.get("alias")
        call = isinstance(node.this, exp.Anonymous) and node.this.name in (ITERATE, UNPIVOT)
        if alias is None or not (isinstance(node, exp.Unnest) or call or node.args.get("db")):
            continue
        names |= {item.name.lower() for item in (alias.this, *(alias.args.get("columns") or [])) if item is not None}
    return names


# Writing


def plain(join: exp.Expr | None, scope: Scope) -> bool:
    """Tell whether a join with elements can be written as a subselect: a comma, CROSS, INNER, LEFT … ON TRUE."""
    if join is None:
        return True
    side = str(join.args.get("side") or "").upper()
    if side not in ("", "LEFT") or join.args.get("using"):
        raise not_supported(f"{side or 'USING in a'} JOIN with a SUPER value", position=scope.writer.position(join))
    true = isinstance(join.args.get("on"), exp.Boolean) and bool(join.args["on"].this)
    return side == "" or true


def unrolled(found: Iteration, join: exp.Expr | None, text: str, start: int, scope: Scope) -> str:
    """Return the subselect of FROM's *text* and the elements; relations of this FROM then read from it."""
    outer = join is not None and bool(join.args.get("side"))
    source = scope.writer.fresh("unnested")
    columns: list[str] = []
    for index in range(start, len(scope.relations)):
        scope.relations[index] = _moved(scope.relations[index], source, columns)
    for name, value in scope.merged.items():
        scope.merged[name] = _carried(value, source, columns)
    fields, selected = _elements(found, source, outer=outer)
    _add(found, source, fields, scope)
    columns += selected
    sql = f"(SELECT {', '.join(columns)}{text and f' FROM {text}'}) AS {source}"
    condition = join.args.get("on") if join is not None and not outer else None
    if condition is None or (isinstance(condition, exp.Boolean) and condition.this):
        return sql
    return f"(SELECT * FROM {sql} WHERE {scope.value(condition).sql}) AS {source}"


def lateral(found: Iteration, scope: Scope) -> str:
    """Return the elements as a relation of their own that reads those before it."""
    source = scope.writer.fresh("unnested")
    fields, selected = _elements(found, source, outer=False)
    _add(found, source, fields, scope)
    return f"LATERAL (SELECT {', '.join(selected)}) AS {source}"


def _add(found: Iteration, source: str, fields: tuple[Field, ...], scope: Scope) -> None:
    if any(other.name == found.name and not other.schema for other in scope.relations):
        raise SqlError(SqlState.DUPLICATE_ALIAS, f'table name "{found.name}" specified more than once')
    own = found.own and (found.value.name == "super" or found.value.nested is not None)
    scope.relations.append(Relation(name=found.name, alias=source, fields=fields, elements=own))


def _moved(relation: Relation, source: str, columns: list[str]) -> Relation:
    fields, extra = (
        tuple(replace(item, value=_carried(item.value, source, columns)) for item in items)
        for items in (relation.fields, relation.extra)
    )
    return replace(relation, alias=source, fields=fields, extra=extra)


def _carried(value: Value, source: str, columns: list[str]) -> Value:
    name = quote(f"c{len(columns)}")
    columns.append(f"{value.sql} AS {name}")
    return replace(value, sql=f"{source}.{name}", path=None)


def _elements(found: Iteration, source: str, *, outer: bool) -> tuple[tuple[Field, ...], list[str]]:
    """Return the fields of an iteration and the select items that give them."""
    if found.value.nested is not None:
        return _nested_elements(found, found.value.nested, source, outer=outer)
    if found.value.category == "A":
        type_ = arrays.element_type(found.value)
        sql = f"CAST(unnest({arrays.items(found.value)}) AS {type_.engine()})"
        return (_field(found.column, source, "e", made("", type_)),), [f'{sql} AS "e"']
    macro = "rs_members" if found.unpivot else "rs_elements"
    listed = f"{macro}{'_or_none' if outer else ''}({found.value.sql})"
    element = _field(found.column, source, "e", made("", SUPER))
    if not found.second:
        sql = f"unnest(list_transform({listed}, lambda m: m.v))" if found.unpivot else f"unnest({listed})"
        return (element,), [f'{sql} AS "e"']
    if found.unpivot:
        element = _field(found.column, source, "m", made("", SUPER), ".v")
        second = _field(found.second, source, "m", made("", VARCHAR), ".k")
        return (element, second), [f'unnest({listed}) AS "m"']
    count = f"len(rs_elements({found.value.sql}))"
    number = f"unnest(range({count}))"
    if outer:
        number = f"unnest(CASE WHEN {count} > 0 THEN range({count}) ELSE [CAST(NULL AS BIGINT)] END)"
    second = _field(found.second, source, "n", made("", INT8))
    return (element, second), [f'unnest({listed}) AS "e"', f'{number} AS "n"']


def _nested_elements(
    found: Iteration, kind: Nested, source: str, *, outer: bool
) -> tuple[tuple[Field, ...], list[str]]:
    """Return the fields of an array or map of an external table; a map's elements are its entries."""
    inner = entry(kind) if isinstance(kind, Map) else kind.element if isinstance(kind, Array) else kind
    sql = found.value.sql
    listed = f"CASE WHEN len({sql}) > 0 THEN {sql} ELSE [NULL] END" if outer else sql
    value = replace(made("", result(inner)), nested=None if isinstance(inner, Scalar) else inner)
    fields, selected = (_field(found.column, source, "e", value),), [f'unnest({listed}) AS "e"']
    if not found.second:
        return fields, selected
    number = f"CASE WHEN len({sql}) > 0 THEN range(len({sql})) ELSE [CAST(NULL AS BIGINT)] END" if outer else (
        f"range(len({sql}))"
    )
    second = _field(found.second, source, "n", made("", INT8))
    return (*fields, second), [*selected, f'unnest({number}) AS "n"']


def _field(name: str, source: str, column: str, value: Value, part: str = "") -> Field:
    sql = f"({source}.{quote(column)}){part}" if part else f"{source}.{quote(column)}"
    return Field(name=name, value=replace(value, sql=sql, exact=True))
