"""INSERT, UPDATE, DELETE: target columns, defaults, identities, assignment.

Every stored value passes ``conversion.assign``. Leaves MERGE to ``sql.merge``.
"""

from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from core.errors import SqlError, not_supported
from core.names import quote
from core.sqlstate import SqlState
from sql import assignment, groups, guards
from sql.clauses import conditional
from sql.ctes import with_clause
from sql.facts import Source, SourceColumn, SourceKind
from sql.query import parse_expression
from sql.relations import Output, Relation, stored_field
from sql.scope import Scope
from sql.sources import entry, from_clause
from sql.targets import column_of, goal, target_of
from sql.value import Value, made, null

DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A data-changing statement, translated."""

    sql: str
    target: Source
    reads: str = ""
    """Of an UPDATE or DELETE: a query that has rows where it changes some, for whoever asks what it needs to read."""


def is_default(node: exp.Expr) -> bool:
    """Tell whether an expression is the keyword DEFAULT."""
    if isinstance(node, exp.Var):
        return node.name.lower() == DEFAULT
    return (
        isinstance(node, exp.Column)
        and not node.args.get("table")
        and node.name.lower() == DEFAULT
        and not (isinstance(node.this, exp.Identifier) and node.this.quoted)
    )


def default_value(
    source: Source, column: SourceColumn, scope: Scope, *, number: str = "row_number() OVER ()"
) -> Value:
    """Return what a column gets when nothing is given: identity, DEFAULT or NULL, assigned.

    *number* is the engine SQL that tells the new rows of a statement apart, from 1.
    """
    if column.identity is not None:
        scope.writer.identity = True
        step = column.identity[1]
        sql = f"getvariable('identity_{source.oid}') + {step} * ({number} - 1)"
        return made(f"CAST({sql} AS {column.type.engine()})", column.type, exact=True)
    if column.default is None:
        return assignment.assign(null(), goal(column))
    inner = Scope(writer=scope.writer)
    positions, scope.writer.positions = scope.writer.positions, False
    value = inner.value(parse_expression(column.default))
    scope.writer.positions = positions
    return assignment.assign(value, goal(column))


def refuse_identity(column: SourceColumn) -> None:
    """Raise for an explicit value of an identity column that is always generated."""
    if column.identity is not None and not column.identity_by_default:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "cannot set an identity column to a value")


# INSERT


def insert(node: exp.Insert, scope: Scope) -> Change:
    """Translate INSERT: the whole column list is written, missing values are filled in."""
    for name, given in node.args.items():
        # A list of what is read: a parser that learns another dialect's clause must not have it passed over.
        if given and name not in {"this", "expression", "with_", "default"}:
            word = {"returning": "RETURNING", "conflict": "ON CONFLICT", "by_name": "BY NAME"}.get(name, name.upper())
            raise not_supported(f"INSERT … {word}", position=scope.writer.position(node))
    table = node.this.this if isinstance(node.this, exp.Schema) else node.this
    if not isinstance(table, exp.Table):
        raise not_supported("this target of INSERT", position=scope.writer.position(node))
    source = target_of(table, scope, "insert into", "INSERT")
    chosen = chosen_columns(node, source, scope)
    prefix = with_clause(node, scope)
    body = node.args.get("expression")
    if node.args.get("default") or body is None:
        rows = "(SELECT 1) AS one"
        values = {column.name: default_value(source, column, scope) for column in chosen}
        return inserted(source, values, f"FROM {rows}", prefix, scope)
    if isinstance(body, exp.Values):
        return _insert_values(body, source, chosen, prefix, scope)
    return _insert_query(body, source, chosen, prefix, scope)


def chosen_columns(node: exp.Insert, source: Source, scope: Scope) -> list[SourceColumn]:
    """Return the columns that an INSERT names, or all."""
    if not isinstance(node.this, exp.Schema):
        return list(source.columns)
    chosen: list[SourceColumn] = []
    for item in node.this.expressions:
        column = column_of(source, scope.writer.identifier(item), item, scope)
        if column in chosen:
            raise SqlError(SqlState.DUPLICATE_COLUMN, f'column "{column.name}" specified more than once',
                           position=scope.writer.position(item))
        chosen.append(column)
    for column in chosen:
        scope.writer.use(source, "INSERT", scope.owner, column.name)
    return chosen


def counted(given: int, chosen: list[SourceColumn], *, explicit: bool) -> list[SourceColumn]:
    """Return the columns that *given* values are for."""
    if given > len(chosen):
        raise SqlError(SqlState.SYNTAX_ERROR, "INSERT has more expressions than target columns")
    if given < len(chosen) and explicit:
        raise SqlError(SqlState.SYNTAX_ERROR, "INSERT has more target columns than expressions")
    return chosen[:given]


def _insert_values(
    body: exp.Values, source: Source, chosen: list[SourceColumn], prefix: str, scope: Scope
) -> Change:
    rows = [list(row.expressions) if isinstance(row, exp.Tuple) else [row] for row in body.expressions]
    if len({len(row) for row in rows}) > 1:
        raise SqlError(SqlState.SYNTAX_ERROR, "VALUES lists must all be the same length")
    explicit = isinstance(body.parent, exp.Insert) and isinstance(body.parent.this, exp.Schema)
    chosen = counted(len(rows[0]), without_identity(chosen, len(rows[0]), explicit=explicit), explicit=explicit)
    written = [[_cell(item, column, source, scope) for item, column in zip(row, chosen, strict=True)] for row in rows]
    names = [quote(column.engine_name) for column in chosen]
    listed = ", ".join(f"({', '.join(row)})" for row in written)
    values = {
        column.name: _restored(source, column, rows, index, scope) for index, column in enumerate(chosen)
    }
    rows_sql = f"FROM (VALUES {listed}) AS given({', '.join(names)})"
    return inserted(source, values, rows_sql, prefix, scope)


def without_identity(chosen: list[SourceColumn], given: int, *, explicit: bool) -> list[SourceColumn]:
    """Leave identity columns out of an unnamed column list that is too long by just them."""
    plain = [column for column in chosen if column.identity is None]
    return plain if not explicit and given <= len(plain) else chosen


def _cell(node: exp.Expr, column: SourceColumn, source: Source, scope: Scope) -> str:
    if is_default(node):
        if column.identity is not None:
            return f"CAST(NULL AS {column.type.engine()})"
        return default_value(source, column, scope).sql
    refuse_identity(column)
    try:
        return assignment.assign(scope.value(node), goal(column)).sql
    except SqlError as error:
        if error.position is None:
            error.position = scope.writer.position(node)
        raise


def _restored(
    source: Source, column: SourceColumn, rows: list[list[exp.Expr]], index: int, scope: Scope
) -> Value:
    given = f"given.{quote(column.engine_name)}"
    if column.identity is not None and any(is_default(row[index]) for row in rows):
        generated = default_value(source, column, scope)
        return made(f"coalesce({given}, {generated.sql})", column.type)
    return made(given, column.type)


def _insert_query(
    body: exp.Expr, source: Source, chosen: list[SourceColumn], prefix: str, scope: Scope
) -> Change:
    inside = scope.child()
    inside.parent = None
    query = scope.writer.query(body, inside)
    explicit = body.parent is not None and isinstance(body.parent.this, exp.Schema)
    given = len(query.outputs)
    chosen = counted(given, without_identity(chosen, given, explicit=explicit), explicit=explicit)
    values = {}
    for output, column in zip(query.outputs, chosen, strict=True):
        refuse_identity(column)
        values[column.name] = assignment.assign(_given(output), goal(column))
    return inserted(source, values, f"FROM ({query.sql}) AS given", prefix, scope)


def _given(output: Output) -> Value:
    return made(f"given.{quote(output.engine_name)}", output.value.type, exact=output.value.exact)


def inserted(source: Source, values: dict[str, Value], rows: str, prefix: str, scope: Scope) -> Change:
    """Write INSERT with a value for every column of the table."""
    complete = [
        values[column.name] if column.name in values else default_value(source, column, scope)
        for column in source.columns
    ]
    names = ", ".join(quote(column.engine_name) for column in source.columns)
    if source.kind is SourceKind.EXTERNAL:
        # The session writes the rows of this query to files.
        pairs = zip(complete, source.columns, strict=True)
        listed = ", ".join(f"{value.sql} AS {quote(column.name)}" for value, column in pairs)
        return Change(sql=f"{prefix}SELECT {listed} {rows}", target=source)
    listed = ", ".join(value.sql for value in complete)
    sql = f"{prefix}INSERT INTO {source.engine_name} ({names}) SELECT {listed} {rows}"
    return Change(sql=sql, target=source)


# UPDATE and DELETE


@dataclass(frozen=True, slots=True)
class Target:
    """The changed table where the statement reads it."""

    read: str
    """``name AS alias``; of a guarded table, a subquery of what may be seen."""
    row: str
    """What tells its rows apart."""
    guarded: bool
    counted: str = ""
    """What is read in its place, with numbered rows, where a column of the table hides what tells them apart."""


def target_relation(table: exp.Table, source: Source, scope: Scope) -> Target:
    """Put the changed table in sight under its name or alias."""
    alias = table.args.get("alias")
    name = scope.writer.identifier(alias.this) if alias is not None and alias.this else source.name
    engine = scope.engine_alias(name)
    fields = tuple(
        stored_field(engine, column, source)
        for column in source.columns
    )
    scope.relations.append(
        Relation(name=name, alias=engine, fields=fields, schema=source.schema, database=source.database)
    )
    guard = guards.standing(source, scope)
    hidden = any(column.engine_name.lower() == "rowid" for column in source.columns)
    if guard is None:
        read = f"{source.engine_name} AS {engine}"
        if not hidden:
            return Target(read, f"{engine}.rowid", guarded=False)
        counted = f"(SELECT *, row_number() OVER () AS {guards.ROW} FROM {source.engine_name}) AS {engine}"
        return Target(read, f"{engine}.{guards.ROW}", guarded=False, counted=counted)
    if hidden:
        raise not_supported('changing a table with a policy and a column called "rowid"')
    seen = guards.of_table(source, guard, scope, changed=True)
    return Target(f"{seen} AS {engine}", f"{engine}.{guards.ROW}", guarded=True)


def update(node: exp.Update, scope: Scope) -> Change:
    """Translate UPDATE … SET … FROM … WHERE."""
    _refuse_returning(node, scope, "UPDATE")
    prefix = with_clause(node, scope)
    if not isinstance(node.this, exp.Table):
        raise not_supported("this target of UPDATE", position=scope.writer.position(node))
    source = target_of(node.this, scope, "update", "UPDATE")
    target = target_relation(node.this, source, scope)
    others = _others(node.args.get("from_"), scope, source)
    pairs = _assigned_once(assignments(node, scope), scope)
    values = [setting(item, source, scope) for item in pairs]
    where = _where(node, scope)
    if others and scope.writer.facts.setting("error_on_nondeterministic_update") in {"on", "true"}:
        check = single_match(target, others, where.removeprefix(" WHERE "))
        where = f"{where} AND {check}" if where else f" WHERE {check}"
    if target.guarded:
        seen = _update_seen(source, target, values, f"{others and f', {others}'}{where}")
        return Change(sql=prefix + seen, target=source)
    listed = ", ".join(f"{quote(name)} = {value.sql}" for name, value in values)
    sql = f"{prefix}UPDATE {target.read} SET {listed}{others and f' FROM {others}'}{where}"
    return Change(sql=sql, target=source, reads=f"{prefix}SELECT 1 FROM {target.read}{others and f', {others}'}{where}")


def _update_seen(source: Source, target: Target, values: list[tuple[str, Value]], rest: str) -> str:
    """Return an UPDATE whose values and condition are worked out of what may be seen of the table."""
    made_of = ", ".join([f"{target.row} AS {guards.ROW}", *(f"{value.sql} AS {quote(name)}" for name, value in values)])
    new = f"SELECT {made_of} FROM {target.read}{rest}"
    listed = ", ".join(f"{quote(name)} = rs_new.{quote(name)}" for name, _ in values)
    return (
        f"UPDATE {source.engine_name} AS rs_target SET {listed} FROM ({new}) AS rs_new"
        f" WHERE rs_target.rowid = rs_new.{guards.ROW}"
    )


def single_match(target: Target, others: str, condition: str) -> str:
    """Return a condition that holds, or fails where a row of *target* has more than one match in *others*."""
    where = f" WHERE {condition}" if condition else ""
    most = f"SELECT count(*) AS matches FROM {target.counted or target.read}, {others}{where} GROUP BY {target.row}"
    return f"rs_single((SELECT max(matches) FROM ({most}) AS rs_matches))"


def assignments(node: exp.Update, scope: Scope) -> list[tuple[exp.Expr, exp.Expr]]:
    """Return the columns of SET and what they get."""
    pairs: list[tuple[exp.Expr, exp.Expr]] = []
    for item in node.expressions:
        if not isinstance(item, exp.EQ):
            raise SqlError(SqlState.SYNTAX_ERROR, "syntax error in SET", position=scope.writer.position(item))
        if isinstance(item.this, exp.Tuple):
            if not isinstance(item.expression, exp.Tuple):
                raise not_supported("SET (…) = a query", position=scope.writer.position(item))
            pairs += list(zip(item.this.expressions, item.expression.expressions, strict=True))
        else:
            pairs.append((item.this, item.expression))
    return pairs


def _assigned_once(pairs: list[tuple[exp.Expr, exp.Expr]], scope: Scope) -> list[tuple[exp.Expr, exp.Expr]]:
    """Return *pairs*; raise 42601 where a column is set twice."""
    seen: set[str] = set()
    for place, value in pairs:
        name = scope.writer.identifier(place.this)
        if name in seen:
            raise SqlError(SqlState.SYNTAX_ERROR, f'multiple assignments to same column "{name}"')
        seen.add(name)
        for kind, call in groups.calls(value, groups.Naming(scope, {})):
            raise SqlError(SqlState.GROUPING_ERROR, f"cannot use {kind} function in UPDATE",
                           position=scope.writer.position(call))
    return pairs


def setting(pair: tuple[exp.Expr, exp.Expr], source: Source, scope: Scope) -> tuple[str, Value]:
    """Translate one ``column = value`` of SET; return the engine's name of the column, and the value."""
    place, node = pair
    column = column_of(source, scope.writer.identifier(place.this), place, scope)
    scope.writer.use(source, "UPDATE", scope.owner, column.name)
    if column.identity is not None and not column.identity_by_default:
        raise SqlError(SqlState.FEATURE_NOT_SUPPORTED, "cannot set an identity column to a value")
    if is_default(node):
        return column.engine_name, default_value(source, column, scope)
    return column.engine_name, assignment.assign(scope.value(node), goal(column))


def _others(clause: exp.Expr | None, scope: Scope, source: Source) -> str:
    if clause is None:
        return ""
    stand_in = exp.Select(from_=clause)
    return from_clause(stand_in, scope).removeprefix("FROM ")


def _where(node: exp.Expr, scope: Scope) -> str:
    where = node.args.get("where")
    if where is not None:
        groups.refuse(where.this, "WHERE clause", groups.Naming(scope, {}))
    return f" WHERE {conditional(where.this, scope)}" if where is not None else ""


def delete(node: exp.Delete, scope: Scope) -> Change:
    """Translate DELETE [FROM] … USING … WHERE."""
    _refuse_returning(node, scope, "DELETE")
    prefix = with_clause(node, scope)
    tables = node.args.get("tables") or []
    table = node.this or (tables[0] if len(tables) == 1 else None)
    if not isinstance(table, exp.Table):
        raise not_supported("this target of DELETE", position=scope.writer.position(node))
    source = target_of(table, scope, "delete from", "DELETE")
    target = target_relation(table, source, scope)
    using = node.args.get("using") or []
    others = ", ".join(entry(item, scope) for item in using)
    where = _where(node, scope)
    if others:
        # With USING the engine would count a row once for each match.
        where = f" WHERE EXISTS (SELECT 1 FROM {others}{where})"
    if target.guarded:
        rows = f"SELECT {target.row} FROM {target.read}{where}"
        where = f" WHERE rs_target.rowid IN ({rows})"
        return Change(sql=f"{prefix}DELETE FROM {source.engine_name} AS rs_target{where}", target=source)
    reads = f"{prefix}SELECT 1 FROM {target.read}{where}"
    return Change(sql=f"{prefix}DELETE FROM {target.read}{where}", target=source, reads=reads)


def _refuse_returning(node: exp.Expr, scope: Scope, word: str) -> None:
    for name in ("returning", "order", "limit"):
        if node.args.get(name):
            raise not_supported(f"{word} … {name.upper()}", position=scope.writer.position(node))
