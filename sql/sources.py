"""FROM: tables, views expanded in place, subqueries, joins, arrays of SUPER. WITH is in ``sql.ctes``.

Every relation gets an engine alias and a list of fields; nothing reaches the engine that did not resolve
here, so its own way of finding tables (files, client variables) is out of reach.
"""

from dataclasses import replace

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from sql import conversion, groups, guards, joins, narrowing, pivots, timetravel, unnest
from sql.clauses import conditional
from sql.facts import Source, SourceColumn, SourceKind, settled
from sql.functions import rowsets
from sql.query import parse_query
from sql.relations import Field, Output, Query, Relation, StoredFields, stored_field, unkept
from sql.scope import VIEW_DEPTH, Scope
from sql.value import Value, made


def from_clause(select: exp.Expr, scope: Scope) -> str:
    """Translate FROM with its joins, adding relations to *scope*; return ``FROM …`` or nothing."""
    first = select.args.get("from_")
    if first is None:
        return ""
    start = group = len(scope.relations)
    text = _entered(first.this, None, "", (start, group), scope)
    for join in select.args.get("joins") or []:
        group = len(scope.relations) if _comma(join) else group
        text = _entered(join.this, join, text, (start, group), scope)
    return f"FROM {text}"


def _entered(node: exp.Expr, join: exp.Join | None, text: str, place: tuple[int, int], scope: Scope) -> str:
    """Return *text*, what FROM has so far, with one entry more.

    *place* counts the relations before this FROM, and those before what the join is with.
    """
    found = unnest.iteration(node, scope)
    if found is not None:
        scope.conditions = None
    if found is not None and unnest.plain(join, scope):
        return unnest.unrolled(found, join, text, place[0], scope)
    return text + (entry(node, scope) if join is None else joined(join, scope, place[1]))


def entry(node: exp.Expr, scope: Scope, *, grouped: bool = False) -> str:
    """Translate one entry of FROM with the joins that sqlglot hangs below it: ``a JOIN b JOIN c ON … ON …``."""
    start = len(scope.relations)
    sql = relation(node, scope)
    more = "".join(joined(join, scope, start) for join in node.args.get("joins") or [])
    return f"({sql}{more})" if more and grouped else sql + more


def relation(node: exp.Expr, scope: Scope) -> str:
    """Translate one entry of FROM and add it to *scope*."""
    plain, pivot = pivots.unrolled(node)
    if pivot is not None:
        return _pivoted(plain, pivot, scope)
    _refuse_clauses(node, scope)
    if (found := unnest.iteration(node, scope)) is not None:
        return unnest.lateral(found, scope)
    if isinstance(node, exp.Table):
        return _table(node, scope)
    if isinstance(node, exp.Subquery):
        return _subquery(node, scope)
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


_TABLE_PARTS = frozenset({"this", "db", "catalog", "alias", "joins", "version"})
_CLAUSES = frozenset({"pivots", "sample", "version", "when", "hints", "laterals", "match", "partition", "changes"})
_WORDS = {"pivots": "PIVOT", "sample": "TABLESAMPLE", "when": "AT"}


# Tables and views


def _table(node: exp.Table, scope: Scope) -> str:
    if isinstance(node.this, exp.Anonymous):
        return _table_function(node, scope)
    if isinstance(node.this, exp.Dot):
        raise SqlError(
            SqlState.SYNTAX_ERROR,
            f"improper qualified name (too many dotted names): {'.'.join(part.name for part in node.parts)}",
            position=scope.writer.position(node),
        )
    if not isinstance(node.this, exp.Identifier):
        raise not_supported("this form of table reference", position=scope.writer.position(node))
    parts = tuple(scope.writer.identifier(part) for part in node.parts)
    alias = node.args.get("alias")
    if len(parts) == 1 and parts[0] in scope.ctes and not node.args.get("version"):
        cte = scope.ctes[parts[0]]
        return _add_query(cte.alias, cte.outputs, parts[0], alias, scope)
    source = resolve(parts, scope, node)
    return _source(source, parts, node, scope)


def resolve(parts: tuple[str, ...], scope: Scope, node: exp.Expr) -> Source:
    """Return what a table name means, or raise 42P01."""
    source = scope.writer.facts.source(parts)
    if source is None:
        raise SqlError(
            SqlState.UNDEFINED_TABLE,
            f'relation "{".".join(parts)}" does not exist',
            position=scope.writer.position(node),
        )
    seen = scope.writer.seen.get(source.oid)
    source = source if seen is None else source.known_as(seen)
    if scope.writer.notes is not None and scope.writer.positions and isinstance(node, exp.Table):
        scope.writer.notes.tables.append((node, source))
    return source


def _source(source: Source, parts: tuple[str, ...], node: exp.Table, scope: Scope) -> str:
    alias = node.args.get("alias")
    scope.writer.use(source, "SELECT", scope.owner)
    guard = guards.standing(source, scope)
    source = timetravel.past(source, node, scope)
    if source.kind is SourceKind.VIEW:
        query = expand(source, scope)
        sql = f"({query.sql})" if guard is None else guards.of_query(query, guard, scope)
        outputs = query.outputs if guard is None else unkept(query.outputs)
        return _add_query(sql, outputs, parts[-1], alias, scope, source=source)
    if source.kind is SourceKind.SYSTEM:
        scope.writer.system = True
        scanned = narrowing.place(source)
    else:
        scanned = source.engine_name if guard is None else guards.of_table(source, guard, scope)
    name, engine, names = _names(alias, parts[-1], scope)
    as_kept = source.kind is SourceKind.TABLE and guard is None and source.moment is None and source.door is None
    listed = [column for column in source.columns if not column.hidden]
    fields = StoredFields(engine, source, listed, names, as_kept=as_kept)
    extra = tuple(_unlisted(engine, column, source) for column in source.columns if column.hidden)
    _add(
        Relation(
            name=name, alias=engine, fields=fields, schema=source.schema, database=source.database, extra=extra
        ),
        scope,
    )
    return scope.entries.setdefault(engine, f"{scanned} AS {engine}")


def _unlisted(engine: str, column: SourceColumn, source: Source) -> Field:
    """Return a column that a star leaves out.

    A catalog's ``xmin``, by which programs see what has changed since they looked, is the present transaction: whatever
    is there may have.
    """
    item = stored_field(engine, column, source)
    if source.kind is not SourceKind.SYSTEM:
        return item
    there = f"{engine}.{quote(source.columns[0].name)} IS NOT NULL"
    version = f"CASE WHEN {there} THEN CAST(getvariable('transaction_id') AS UINTEGER) END"
    return Field(name=column.name, value=made(version, column.type, exact=True))


def expand(source: Source, scope: Scope) -> Query:
    """Return a view's query, translated with its owner's rights."""
    writer = scope.writer
    if writer.depth >= VIEW_DEPTH:
        raise SqlError(
            SqlState.INVALID_OBJECT_DEFINITION, f'infinite recursion detected in view "{source.name}"'
        )
    tree = parse_query(source.definition or "")
    kept, writer.facts = writer.facts, settled(writer.facts, source.settings).within(source.home or source.database)
    try:
        with writer.elsewhere(seen=source.seen, storage=source.storage):
            query = writer.query(tree, Scope(writer=writer, owner=source.owner))
    finally:
        writer.facts = kept
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
    return name, scope.engine_alias(name), names


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
    schema, database = (source.schema, source.database) if source else ("", "")
    _add(Relation(name=name, alias=engine, fields=fields, schema=schema, database=database), scope)
    return scope.entries.setdefault(engine, f"{sql} AS {engine}")


def _subquery(node: exp.Subquery, scope: Scope) -> str:
    alias = node.args.get("alias")
    if isinstance(node.this, exp.Paren | exp.Table) or (alias is None and _joined_inside(node.this)):
        return entry(node.this, scope, grouped=True)
    # A subquery that iterates over an array of this FROM sees it: PartiQL lets it refer to its parent table.
    parent = scope if unnest.starts_inside(node.this, scope) else scope.parent
    inside = Scope(writer=scope.writer, parent=parent, owner=scope.owner, ctes=dict(scope.ctes))
    query = scope.writer.query(node.this, inside)
    default = f"unnamed_subquery_{len(scope.relations)}"
    return _add_query(f"({query.sql})", query.outputs, default, alias, scope)


def _joined_inside(node: exp.Expr) -> bool:
    """Tell whether what stands in parentheses is an entry of FROM, not a query in parentheses of its own."""
    if not isinstance(node, exp.Subquery):
        return isinstance(node, exp.Table)
    return bool(node.args.get("alias") or node.args.get("joins")) or _joined_inside(node.this)


# Functions and arrays as tables

def _table_function(node: exp.Table, scope: Scope) -> str:
    name = node.this.name.lower()
    if node.args.get("version"):
        raise not_supported("FOR … AS OF of a function", position=scope.writer.position(node))
    if name == "unnest":
        raise not_supported("UNNEST of several arrays", position=scope.writer.position(node))
    if node.args.get("db") is None and name in rowsets.ROWSETS:
        return _rowset(node, rowsets.ROWSETS[name], scope)
    return _one_row(node, scope)


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
    """Translate a function of one column, called as the function is: a row, or the rows of a set."""
    schema = node.args.get("db")
    call = exp.Dot(this=schema.copy(), expression=node.this.copy()) if schema else node.this
    value = conversion.exact(scope.value(call))
    name, engine, names = _names(node.args.get("alias"), node.this.name.lower(), scope)
    column = names[0] if names else name
    item = Field(name=column, value=made(f"{engine}.{quote(column)}", value.type, exact=True))
    _add(Relation(name=name, alias=engine, fields=(item,)), scope)
    rows = f"SELECT {value.sql}"
    if value.rows and not any(item.find(exp.Column) for item in node.this.expressions):
        # Rows as they are needed; a list of them would be made as a whole.
        rows = f"SELECT CAST(s.x AS {value.type.engine()}) FROM {value.rows} AS s(x)"
    return f"({rows}) AS {engine}({quote(column)})"


# Joins


def _comma(join: exp.Join) -> bool:
    return not any(join.args.get(key) for key in ("method", "side", "kind", "on", "using"))


def joined(join: exp.Join, scope: Scope, start: int) -> str:
    """Translate one JOIN or comma; what is joined begins at relation number *start*."""
    before = len(scope.relations)
    side = " ".join(str(join.args.get(key) or "") for key in ("method", "side", "kind")).upper().split()
    words = [word for word in side if word not in ("NATURAL", "OUTER", "INNER")]
    if set(words) - {"LEFT", "RIGHT", "FULL", "CROSS"}:
        raise not_supported(" ".join(side) + " JOIN", position=scope.writer.position(join))
    right = entry(join.this, scope, grouped=not _comma(join))
    using = [scope.writer.identifier(_bare(item)) for item in join.args.get("using") or []]
    if "NATURAL" in side:
        using = joins.shared(scope, start, before)
    if scope.conditions is not None:
        joins.note(join, words, using, before, scope)
    if using:
        condition = joins.merge(using, (start, before), scope, words)
    elif join.args.get("on") is not None:
        return _on(join.args["on"], words, right, before, scope)
    else:
        condition = "true" if "NATURAL" in side else ""
    if "FULL" in words and not using:
        joins.check_full(None, before, scope)
    if not condition and not words:
        return f" CROSS JOIN {right}" if side else f", {right}"
    return f" {' '.join([*words, 'JOIN'])} {right}{condition and f' ON {condition}'}"


def _on(on: exp.Expr, words: list[str], right: str, before: int, scope: Scope) -> str:
    """Write a join with a condition of its own."""
    condition = _condition(joins.equated(on, words, before, scope), scope)
    if "FULL" in words:
        joins.check_full(on, before, scope)
    if words == ["LEFT"] and len(scope.relations) == before + 1 and joins.asks_left(on, before, scope):
        alias = scope.relations[before].alias
        return f" LEFT JOIN LATERAL (SELECT * FROM {right} WHERE {condition}) AS {alias} ON true"
    return f" {' '.join([*words, 'JOIN'])} {right} ON {condition}"


def _condition(node: exp.Expr, scope: Scope) -> str:
    groups.refuse(node, "JOIN conditions", groups.Naming(scope, {}))
    return conditional(node, scope, "JOIN/ON")


def _bare(node: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Column) else node
