"""CONNECT BY: the rows of FROM as a tree, each with its LEVEL.

Redshift, "CONNECT BY clause": FROM is read first, then the tree is followed from its roots, then WHERE applies.
"""

from dataclasses import replace
from typing import Final

from sqlglot import exp

from core.errors import SqlError
from core.sqlstate import SqlState
from sql.clauses import conditional
from sql.relations import Field, Relation
from sql.rules.spec import Rule
from sql.scope import Scope
from sql.value import INT4, Value, made

LEVEL: Final = "level"


def connected(connect: exp.Connect, source: str, scope: Scope) -> str:
    """Return the FROM clause of the tree that CONNECT BY makes of *source*; *scope* then names its columns."""
    if connect.args.get("nocycle"):
        raise SqlError(SqlState.SYNTAX_ERROR, 'syntax error at or near "nocycle"')
    condition = connect.args["connect"]
    if condition.find(exp.Prior) is None:
        raise SqlError(
            SqlState.SYNTAX_ERROR,
            "CONNECT BY needs a condition with PRIOR",
            position=scope.writer.position(condition),
        )
    table, tree = scope.writer.fresh("rows"), scope.writer.fresh("tree")
    columns, names = _columns(scope)
    start = connect.args.get("start")
    root = _inside(scope, "r", names, made("1", INT4))
    roots = f" WHERE {conditional(start, root, 'START WITH')}" if start is not None else ""
    parent = _inside(scope, "p", names, _level("p"))
    child = _inside(scope, "c", names, made("(p.level + 1)", INT4, exact=True))
    child.prior = parent
    matched = conditional(condition, child, "CONNECT BY")
    # A condition on LEVEL ends the walk even in a circle; without one a circle would be walked for ever.
    ends = any(column.name.lower() == LEVEL for column in condition.find_all(exp.Column))
    path = "p.path" if ends else "rs_grown(p.path, c.place)"
    _rename(scope, tree, names)
    return (
        f"FROM (WITH RECURSIVE {table} AS MATERIALIZED ({columns}, row_number() OVER () AS place {source}),"
        f" {tree} AS (SELECT r.*, CAST(1 AS INTEGER) AS level, [r.place] AS path FROM {table} AS r{roots}"
        f" UNION ALL SELECT c.*, p.level + 1, {path} FROM {tree} AS p, {table} AS c WHERE {matched})"
        f" SELECT * FROM {tree}) AS {tree}"
    )


def _columns(scope: Scope) -> tuple[str, dict[str, str]]:
    """Return the select list of everything that can be named, and each one's new name by its engine SQL."""
    fields = [item.value for relation in scope.relations for item in relation.fields]
    names: dict[str, str] = {}
    for value in (*fields, *scope.merged.values()):
        names.setdefault(value.sql, f"c{len(names)}")
    return "SELECT " + ", ".join(f"{sql} AS {name}" for sql, name in names.items()), names


def _level(alias: str) -> Value:
    return made(f"{alias}.level", INT4, exact=True)


def _moved(value: Value, alias: str, names: dict[str, str]) -> Value:
    return replace(value, sql=f"{alias}.{names[value.sql]}")


def _relations(scope: Scope, alias: str, names: dict[str, str]) -> list[Relation]:
    return [
        replace(
            relation,
            fields=tuple(
                Field(name=item.name, value=_moved(item.value, alias, names), source=item.source)
                for item in relation.fields
            ),
        )
        for relation in scope.relations
    ]


def _inside(scope: Scope, alias: str, names: dict[str, str], level: Value) -> Scope:
    """Return a scope whose columns are those of the row called *alias*."""
    return Scope(
        writer=scope.writer,
        parent=scope.parent,
        owner=scope.owner,
        relations=_relations(scope, alias, names),
        ctes=dict(scope.ctes),
        aliases={LEVEL: level},
        merged={name: _moved(value, alias, names) for name, value in scope.merged.items()},
    )


def _rename(scope: Scope, alias: str, names: dict[str, str]) -> None:
    scope.relations = _relations(scope, alias, names)
    scope.merged = {name: _moved(value, alias, names) for name, value in scope.merged.items()}
    scope.aliases[LEVEL] = _level(alias)


def prior(node: exp.Expr, scope: Scope) -> Value:
    """Write ``PRIOR x``: x of the parent row."""
    inside: Scope | None = scope
    while inside is not None:
        if inside.prior is not None:
            return inside.prior.value(node.this)
        inside = inside.parent
    raise SqlError(
        SqlState.SYNTAX_ERROR, "PRIOR can be used in CONNECT BY only", position=scope.writer.position(node)
    )


RULES: Final = (Rule(node=exp.Prior, write=prior, doc="r_CONNECT_BY_clause"),)
