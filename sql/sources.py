"""FROM: tables, views expanded in place, subqueries, joins, arrays of SUPER. WITH is in ``sql.ctes``.

Every relation gets an engine alias and a list of fields; nothing reaches the engine that did not resolve
here, so its own way of finding tables (files, client variables) is out of reach.
"""

from dataclasses import replace

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from sql import conversion, joins, pivots, rowsets
from sql.facts import Source, SourceKind
from sql.query import parse_query
from sql.rules import arrays
from sql.scope import VIEW_DEPTH, Field, Output, Query, Relation, Scope, stored_field
from sql.value import INT8, SUPER, Value, made


def from_clause(select: exp.Expr, scope: Scope) -> str:
    """Translate FROM with its joins, adding relations to *scope*; return ``FROM …`` or nothing."""
    first = select.args.get("from_")
    if first is None:
        return ""
    parts = [relation(first.this, scope)]
    parts += nested(first.this, scope)
    for join in select.args.get("joins") or []:
        parts.append(joined(join, scope))
        parts += nested(join.this, scope)
    return "FROM " + "".join(parts)


def nested(node: exp.Expr, scope: Scope) -> list[str]:
    """Translate joins that sqlglot hangs below a table: ``a, b JOIN c``."""
    return [joined(join, scope) for join in node.args.get("joins") or []]


def relation(node: exp.Expr, scope: Scope) -> str:
    """Translate one entry of FROM and add it to *scope*."""
    plain, pivot = pivots.unrolled(node)
    if pivot is not None:
        return _pivoted(plain, pivot, scope)
    _refuse_clauses(node, scope)
    if isinstance(node, exp.Table):
        return _table(node, scope)
    if isinstance(node, exp.Subquery):
        return _subquery(node, scope)
    if isinstance(node, exp.Unnest):
        return _unnest(node, scope)
    if isinstance(node, exp.AtIndex | exp.Alias | exp.Column | exp.Dot | exp.Bracket):
        return _navigation(node, scope)
    if isinstance(node, exp.Paren):
        return relation(node.this, scope)
    raise not_supported(f"{type(node).key.upper()} in FROM", position=scope.writer.position(node))


def _refuse_clauses(node: exp.Expr, scope: Scope) -> None:
    """Raise 0A000 for a clause that this reads past: what a parser knows beyond Redshift must not be ignored."""
    known = _TABLE_PARTS if isinstance(node, exp.Table) else frozenset(node.args) - _CLAUSES
    for name, value in node.args.items():
        if value and name not in known:
            raise not_supported(_WORDS.get(name, name.upper()), position=scope.writer.position(node))


def _pivoted(node: exp.Expr, pivot: exp.Expr, scope: Scope) -> str:
    """Translate a table, WITH query or subquery and what PIVOT or UNPIVOT makes of it."""
    inside = Scope(writer=scope.writer, parent=scope.parent, owner=scope.owner, ctes=dict(scope.ctes))
    source = relation(node, inside)
    query = pivots.turned(pivot, source, inside)
    default = inside.relations[0].name
    return _add_query(f"({query.sql})", query.outputs, default, pivot.args.get("alias"), scope)


_TABLE_PARTS = frozenset({"this", "db", "catalog", "alias", "joins"})
_CLAUSES = frozenset({"pivots", "sample", "version", "when", "hints", "laterals", "match", "partition", "changes"})
_WORDS = {"pivots": "PIVOT", "sample": "TABLESAMPLE", "when": "AT", "version": "FOR VERSION"}


# Tables and views


def _table(node: exp.Table, scope: Scope) -> str:
    if isinstance(node.this, exp.Anonymous):
        return _table_function(node, scope)
    if not isinstance(node.this, exp.Identifier):
        if isinstance(node.this, exp.Dot | exp.Bracket):
            return _navigation(_aliased(node.this, node), scope)
        raise not_supported("this form of table reference", position=scope.writer.position(node))
    parts = tuple(scope.writer.identifier(part) for part in node.parts)
    alias = node.args.get("alias")
    if len(parts) == 1 and parts[0] in scope.ctes:
        cte = scope.ctes[parts[0]]
        return _add_query(cte.alias, cte.outputs, parts[0], alias, scope)
    owner_relation = _navigated(parts, scope)
    if owner_relation:
        return _navigation(_aliased(_path(node), node), scope)
    source = resolve(parts, scope, node)
    return _source(source, parts, alias, scope)


def _aliased(path: exp.Expr, node: exp.Expr) -> exp.Expr:
    alias = node.args.get("alias")
    return exp.Alias(this=path, alias=alias.this) if alias and alias.this else path


def _path(node: exp.Table) -> exp.Expr:
    """Return ``t.a.b`` as the column reference that it is when ``t`` is a relation."""
    names = ("this", "table", "db", "catalog")
    return exp.Column(**{name: part.copy() for name, part in zip(names, reversed(node.parts), strict=False)})


def _navigated(parts: tuple[str, ...], scope: Scope) -> bool:
    """Tell whether ``t.arr`` starts at a relation of this FROM: an array of SUPER to unnest."""
    return len(parts) > 1 and any(item.name == parts[0] for item in scope.relations)


def resolve(parts: tuple[str, ...], scope: Scope, node: exp.Expr) -> Source:
    """Return what a table name means, or raise 42P01."""
    source = scope.writer.facts.source(parts)
    if source is None:
        raise SqlError(
            SqlState.UNDEFINED_TABLE,
            f'relation "{".".join(parts)}" does not exist',
            position=scope.writer.position(node),
        )
    return source


def _source(source: Source, parts: tuple[str, ...], alias: exp.Expr | None, scope: Scope) -> str:
    scope.writer.use(source, "SELECT", scope.owner)
    if source.kind is SourceKind.VIEW:
        query = expand(source, scope)
        return _add_query(f"({query.sql})", query.outputs, parts[-1], alias, scope, source=source)
    if source.kind is SourceKind.SYSTEM:
        scope.writer.system = True
        scanned = f"({source.definition})"
    else:
        scanned = source.engine_name
    name, engine, names = _names(alias, parts[-1], scope)
    fields = []
    for index, column in enumerate(source.columns):
        shown = names[index] if index < len(names) else column.name
        item = stored_field(engine, column, source)
        fields.append(item if shown == column.name else _renamed(item, shown))
    _add(
        Relation(name=name, alias=engine, fields=tuple(fields), schema=source.schema, database=source.database),
        scope,
    )
    return f"{scanned} AS {engine}"


def _renamed(item: Field, name: str) -> Field:
    return Field(name=name, value=item.value, source=item.source)


def expand(source: Source, scope: Scope) -> Query:
    """Return a view's query, translated with its owner's rights."""
    writer = scope.writer
    if writer.depth >= VIEW_DEPTH:
        raise SqlError(
            SqlState.INVALID_OBJECT_DEFINITION, f'infinite recursion detected in view "{source.name}"'
        )
    tree = parse_query(source.definition or "")
    with writer.elsewhere():
        query = writer.query(tree, Scope(writer=writer, owner=source.owner))
    return _viewed(query, source)


def _viewed(query: Query, source: Source) -> Query:
    """Give a view's columns the names it was made with."""
    if not source.columns or len(source.columns) != len(query.outputs):
        return query
    outputs = tuple(
        Output(name=column.name, engine_name=output.engine_name, value=_numbered(output.value, source, column.number))
        for column, output in zip(source.columns, query.outputs, strict=True)
    )
    return Query(sql=query.sql, outputs=outputs)


def _numbered(value: Value, source: Source, number: int) -> Value:
    return replace(value, origin=(source.oid, number))


def _names(alias: exp.Expr | None, default: str, scope: Scope) -> tuple[str, str, list[str]]:
    """Return a relation's name, its engine alias and its column aliases."""
    name = scope.writer.identifier(alias.this) if alias is not None and alias.this else default
    names = [scope.writer.identifier(item) for item in (alias.args.get("columns") or [])] if alias is not None else []
    engine = quote(name)
    if any(item.alias == engine for item in scope.relations):
        engine = scope.writer.fresh(name)
    return name, engine, names


def _add(item: Relation, scope: Scope) -> None:
    for other in scope.relations:
        if other.name == item.name and (other.schema, other.database) == (item.schema, item.database):
            raise SqlError(SqlState.DUPLICATE_ALIAS, f'table name "{item.name}" specified more than once')
    scope.relations.append(item)


def _add_query(
    sql: str,
    outputs: tuple[Output, ...],
    default: str,
    alias: exp.Expr | None,
    scope: Scope,
    *,
    source: Source | None = None,
) -> str:
    name, engine, names = _names(alias, default, scope)
    if len(names) > len(outputs):
        raise SqlError(
            SqlState.INVALID_COLUMN_REFERENCE,
            f'table "{name}" has {len(outputs)} columns available but {len(names)} columns specified',
        )
    fields = tuple(
        Field(
            name=names[index] if index < len(names) else output.name,
            value=output.value.named(f"{engine}.{quote(output.engine_name)}"),
            source=source,
        )
        for index, output in enumerate(outputs)
    )
    schema = source.schema if source else ""
    _add(Relation(name=name, alias=engine, fields=fields, schema=schema), scope)
    return f"{sql} AS {engine}"


def _subquery(node: exp.Subquery, scope: Scope) -> str:
    alias = node.args.get("alias")
    if isinstance(node.this, exp.Table | exp.Paren) or (isinstance(node.this, exp.Subquery) and alias is None):
        inner = relation(node.this, scope)
        more = "".join(nested(node.this, scope)) + "".join(nested(node, scope))
        return f"({inner}{more})"
    inside = Scope(writer=scope.writer, parent=scope.parent, owner=scope.owner, ctes=dict(scope.ctes))
    query = scope.writer.query(node.this, inside)
    default = f"unnamed_subquery_{len(scope.relations)}"
    return _add_query(f"({query.sql})", query.outputs, default, alias, scope)


# Functions and arrays as tables

def _table_function(node: exp.Table, scope: Scope) -> str:
    name = node.this.name.lower()
    if name == "unnest":
        raise not_supported("UNNEST of several arrays", position=scope.writer.position(node))
    if node.args.get("db") is None and name == "generate_series":
        return _series(node, scope)
    if node.args.get("db") is None and name in rowsets.ROWSETS:
        return _rowset(node, rowsets.ROWSETS[name], scope)
    return _one_row(node, scope)


def _series(node: exp.Table, scope: Scope) -> str:
    value = scope.value(node.this)
    name, engine, names = _names(node.args.get("alias"), "generate_series", scope)
    column = names[0] if names else name
    item = Field(name=column, value=made(f"{engine}.{quote(column)}", value.type, exact=True))
    _add(Relation(name=name, alias=engine, fields=(item,)), scope)
    return f"(SELECT {value.sql}) AS {engine}({quote(column)})"


def _rowset(node: exp.Table, row: rowsets.Rowset, scope: Scope) -> str:
    arguments = tuple(scope.value(item) for item in node.this.expressions)
    query = rowsets.filled(row, arguments, scope)
    if query is None:
        raise SqlError(
            SqlState.UNDEFINED_FUNCTION, f"function {row.name} does not exist with these arguments",
            position=scope.writer.position(node),
        )  # fmt: skip
    alias = node.args.get("alias")
    name, engine, _ = _names(alias, row.name, scope)
    fields, shown = rowsets.columns(row, alias, engine, scope)
    _add(Relation(name=name, alias=engine, fields=fields), scope)
    return f"(SELECT {shown} FROM ({query}) AS rs_rows) AS {engine}"


def _one_row(node: exp.Table, scope: Scope) -> str:
    """Translate a function of one value: a row of one column, both called as the function is."""
    schema = node.args.get("db")
    call = exp.Dot(this=schema.copy(), expression=node.this.copy()) if schema else node.this
    value = conversion.exact(scope.value(call))
    name, engine, names = _names(node.args.get("alias"), node.this.name.lower(), scope)
    column = names[0] if names else name
    item = Field(name=column, value=made(f"{engine}.{quote(column)}", value.type, exact=True))
    _add(Relation(name=name, alias=engine, fields=(item,)), scope)
    return f"(SELECT {value.sql}) AS {engine}({quote(column)})"


def _unnest(node: exp.Unnest, scope: Scope) -> str:
    if len(node.expressions) != 1:
        raise not_supported("UNNEST of several arrays", position=scope.writer.position(node))
    array = scope.value(node.expressions[0])
    alias = node.args.get("alias")
    name, _, names = _names(alias, "unnest", scope)
    if names and (alias is None or not alias.this):
        # ``t.arr e`` reads as an alias with a column and no name.
        name = names[0]
    offset = node.args.get("offset")
    index = ""
    if offset:
        index = scope.writer.identifier(offset) if isinstance(offset, exp.Identifier) else "offset_col"
        index = names[1] if len(names) > 1 else index
    return _elements(array, name, names[0] if names else name, index, scope, node)


def _navigation(node: exp.Expr, scope: Scope) -> str:
    index = ""
    if isinstance(node, exp.AtIndex):
        index = scope.writer.identifier(node.expression)
        node = node.this
    name = ""
    if isinstance(node, exp.Alias):
        name = scope.writer.identifier(node.args["alias"])
        node = node.this
    array = scope.value(node)
    name = name or f"unnest_{len(scope.relations)}"
    return _elements(array, name, name, index, scope, node)


def _elements(array: Value, name: str, column: str, index: str, scope: Scope, node: exp.Expr) -> str:
    """Return the rows of a SUPER array: one column of elements, perhaps one of their numbers."""
    if array.category == "A":
        return _strings(array, name, column, scope)
    if array.name != "super":
        raise SqlError(
            SqlState.DATATYPE_MISMATCH,
            f"navigation into a value of type {array.type.type.sql}; only SUPER can be navigated",
            position=scope.writer.position(node),
        )
    engine = quote(name)
    fields = [Field(name=column, value=made(f"{engine}.{quote(column)}", SUPER, exact=True))]
    select = f"unnest(rs_elements({array.sql})) AS {quote(column)}"
    if index:
        fields.append(Field(name=index, value=made(f"{engine}.{quote(index)}", INT8, exact=True)))
        select += f", unnest(range(len(rs_elements({array.sql})))) AS {quote(index)}"
    _add(Relation(name=name, alias=engine, fields=tuple(fields)), scope)
    return f"LATERAL (SELECT {select}) AS {engine}"


def _strings(array: Value, name: str, column: str, scope: Scope) -> str:
    """Return the elements of a PostgreSQL array as rows."""
    engine = quote(name)
    type_ = arrays.element_type(array)
    item = Field(name=column, value=made(f"{engine}.{quote(column)}", type_, exact=True))
    _add(Relation(name=name, alias=engine, fields=(item,)), scope)
    select = f"CAST(unnest({arrays.items(array)}) AS {type_.engine()}) AS {quote(column)}"
    return f"LATERAL (SELECT {select}) AS {engine}"


# Joins


def joined(join: exp.Join, scope: Scope) -> str:
    """Translate one JOIN or comma."""
    before = len(scope.relations)
    side = " ".join(str(join.args.get(key) or "") for key in ("method", "side", "kind")).upper().split()
    natural = "NATURAL" in side
    words = [word for word in side if word not in ("NATURAL", "OUTER", "INNER")]
    if set(words) - {"LEFT", "RIGHT", "FULL", "CROSS"}:
        raise not_supported(" ".join(side) + " JOIN", position=scope.writer.position(join))
    right = relation(join.this, scope)
    using = [scope.writer.identifier(_bare(item)) for item in join.args.get("using") or []]
    if natural:
        using = joins.shared(scope, before)
    condition = ""
    if using:
        condition = f" ON {joins.merge(using, before, scope, words)}"
    elif join.args.get("on") is not None:
        condition = f" ON {scope.value(join.args['on']).sql}"
    if not condition and "CROSS" not in words and not words:
        return f", {right}" if not natural and not side else f" CROSS JOIN {right}"
    return f" {' '.join(words)} JOIN {right}{condition}".replace("  ", " ")


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Column) else node
