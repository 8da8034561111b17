"""Functions that give rows: in FROM, perhaps with a list of the columns' names and types, or in the select list.

A row's query reads the session's ``sys_*`` sources. In the select list a row of several columns is shown as
PostgreSQL shows a composite value: ``(public,sales,salesid,integer,1)``.
"""

from dataclasses import dataclass
from typing import Final

from sqlglot import exp

from core import types
from core.errors import SqlError
from core.names import free_name, lower, quote
from core.sqlstate import SqlState
from sql import zones
from sql.relations import Field
from sql.rules.datatypes import type_of
from sql.scope import Scope
from sql.value import Value, made


@dataclass(frozen=True, slots=True, kw_only=True)
class Rowset:
    """One function: its arguments, its columns, and the query that gives them in that order."""

    name: str
    arguments: tuple[str, ...] = ()
    """Kinds of argument (``sql.functions.spec.ACCEPT``)."""
    columns: tuple[tuple[str, str], ...]
    query: str
    """Engine SQL over ``{0}`` …; columns are called c1, c2 …"""
    doc: str


_VIEW_COLUMNS: Final = (
    ("view_schema", "name"), ("view_name", "name"), ("col_name", "name"), ("col_type", "varchar"), ("col_num", "int4"),
)  # fmt: skip
_SUPERUSER: Final = (
    "(SELECT CASE WHEN rs_su.superuser THEN true ELSE error('duckshift:42501:must be superuser to call {name}') END"
    " FROM sys_users AS rs_su WHERE rs_su.oid = getvariable('current_user_id'))"
)
_COMMANDS: Final = (
    "CASE count(DISTINCT rs_g.command) WHEN 4 THEN 'ALL' WHEN 0 THEN 'None'"
    " ELSE string_agg(DISTINCT rs_g.command, '|' ORDER BY rs_g.command) END"
)
_LATE: Final = (
    "SELECT rs_r.schema_name AS c1, rs_r.name AS c2, rs_l.name AS c3, rs_l.format AS c4, rs_l.number AS c5"
    " FROM sys_late_columns AS rs_l JOIN sys_relations AS rs_r ON rs_r.oid = rs_l.relation"
)

_ABBREVIATIONS: Final = ", ".join(
    f"('{name.upper()}', {minutes}, {str(name in zones.DAYLIGHT).lower()})" for name, minutes in sorted(zones.OFFSETS.items())
)

TABLE: Final = (
    Rowset(name="pg_timezone_names", doc="time-zone-names",
           columns=(("name", "text"), ("abbrev", "text"), ("utc_offset", "interval"), ("is_dst", "bool")),
           query="SELECT name AS c1, abbrev AS c2, utc_offset AS c3, is_dst AS c4 FROM pg_timezone_names() ORDER BY 1"),
    Rowset(name="pg_timezone_abbrevs", doc="time-zone-abbrev",
           columns=(("abbrev", "text"), ("utc_offset", "interval"), ("is_dst", "bool")),
           query="SELECT rs_z.a AS c1, to_minutes(rs_z.m) AS c2, rs_z.d AS c3"
                 f" FROM (VALUES {_ABBREVIATIONS}) AS rs_z(a, m, d) ORDER BY 1"),
    Rowset(name="pg_get_cols", arguments=("text",), columns=_VIEW_COLUMNS, doc="PG_GET_COLS",
           query="SELECT rs_r.schema_name AS c1, rs_r.name AS c2, rs_c.name AS c3,"
                 " rs_format_type(rs_c.type, rs_c.modifier) AS c4, CAST(rs_c.number AS INTEGER) AS c5"
                 " FROM sys_columns AS rs_c JOIN sys_relations AS rs_r ON rs_r.oid = rs_c.relation"
                 f" WHERE rs_c.relation = rs_regclass({{0}}) AND rs_c.number > 0 UNION ALL {_LATE}"
                 " WHERE rs_l.relation = rs_regclass({0}) ORDER BY c5"),
    Rowset(name="pg_options_to_table", arguments=("text",), columns=(("option_name", "text"), ("option_value", "text")),
           query="SELECT split_part(rs_o.item, '=', 1) AS c1, substr(rs_o.item, strpos(rs_o.item, '=') + 1) AS c2"
                 " FROM (SELECT unnest(rs_array_items({0})) AS item) AS rs_o",
           doc="PostgreSQL, of the options of foreign servers and tables"),
    Rowset(name="pg_get_late_binding_view_cols", columns=_VIEW_COLUMNS, doc="PG_GET_LATE_BINDING_VIEW_COLS",
           query=f"{_LATE} ORDER BY c1, c2, c5"),
    Rowset(name="pg_get_grantee_by_iam_role", arguments=("text",), doc="PG_GET_GRANTEE_BY_IAMROLE",
           columns=(("grantee", "text"), ("grantee_type", "text"), ("cmd_type", "text")),
           query=f"SELECT max(rs_w.name) AS c1, left(max(rs_w.kind), 1) AS c2, {_COMMANDS} AS c3"
                 " FROM sys_iam_grants AS rs_g JOIN sys_grantees AS rs_w ON rs_w.oid = rs_g.grantee"
                 " WHERE rs_g.role IN ('default', regexp_replace(trim({0}), '\\s*,\\s*', ',', 'g')) AND "
                 + _SUPERUSER.format(name="pg_get_grantee_by_iam_role") + " GROUP BY rs_g.grantee ORDER BY 1"),
    Rowset(name="pg_get_iam_role_by_user", arguments=("text",), doc="PG_GET_IAM_ROLE_BY_USER",
           columns=(("username", "text"), ("iam_role", "text"), ("cmd", "text")),
           # Of any role there is always a row; a user holds what its groups, its roles and PUBLIC do.
           query=f"SELECT max(rs_u.name) AS c1, rs_r.role AS c2, {_COMMANDS} AS c3 FROM sys_users AS rs_u"
                 " CROSS JOIN (SELECT 'default' AS role UNION SELECT role FROM sys_iam_grants) AS rs_r"
                 " LEFT JOIN (SELECT rs_m.member, rs_i.role, rs_i.command FROM sys_iam_grants AS rs_i"
                 " JOIN sys_members AS rs_m ON rs_m.grantee = rs_i.grantee) AS rs_g"
                 " ON rs_g.member = rs_u.oid AND rs_g.role = rs_r.role WHERE rs_u.name = {0} AND "
                 + _SUPERUSER.format(name="pg_get_iam_role_by_user") + " GROUP BY rs_r.role"
                 " HAVING rs_r.role = 'default' OR count(rs_g.command) > 0 ORDER BY rs_r.role <> 'default', 2"),
    Rowset(name="pg_get_session_roles", columns=(("name", "name"), ("roleid", "int4")), doc="PG_GET_SESSION_ROLES",
           # Roles that an identity provider gives for a session; there is none.
           query="SELECT '' AS c1, 0 AS c2 WHERE false"),
)  # fmt: skip
ROWSETS: Final = {row.name: row for row in TABLE}


def filled(row: Rowset, arguments: tuple[Value, ...], scope: Scope) -> str | None:
    """Return the engine SQL of a call, None when the arguments do not fit."""
    if len(arguments) != len(row.arguments):
        return None
    # The two import each other: these are functions of the table, too.
    from sql.functions.spec import ACCEPT

    brought = [ACCEPT[kind](value) for kind, value in zip(row.arguments, arguments, strict=True)]
    if None in brought:
        return None
    scope.writer.system = True
    return row.query.format(*(value.sql for value in brought if value is not None))


def columns(row: Rowset, alias: exp.Expr | None, engine: str, scope: Scope) -> tuple[tuple[Field, ...], str]:
    """Return the columns that a call in FROM has, and the engine's select list over ``c1`` and the like."""
    defined = list(alias.args.get("columns") or []) if alias is not None else []
    if len(defined) > len(row.columns) or (_typed(defined) and len(defined) != len(row.columns)):
        raise SqlError(
            SqlState.DATATYPE_MISMATCH, "function return row and query-specified return row do not match",
            position=scope.writer.position(alias),
        )  # fmt: skip
    fields, shown = [], []
    taken: set[str] = set()
    for index, (name, type_name) in enumerate(row.columns):
        node = defined[index] if index < len(defined) else None
        kind = types.of(type_name)
        if isinstance(node, exp.ColumnDef) and node.args.get("kind") is not None:
            kind = type_of(exp.Cast(this=exp.Null(), to=node.args["kind"].copy()), scope)
        called = scope.writer.identifier(node) if node is not None else name
        inner = free_name(called, taken)
        taken.add(lower(inner))
        fields.append(Field(name=called, value=made(f"{engine}.{quote(inner)}", kind, exact=True)))
        shown.append(f"CAST(c{index + 1} AS {kind.engine()}) AS {quote(inner)}")
    return tuple(fields), ", ".join(shown)


def _typed(defined: list[exp.Expr]) -> bool:
    return any(isinstance(node, exp.ColumnDef) and node.args.get("kind") is not None for node in defined)


def composite(row: Rowset, query: str) -> str:
    """Return engine SQL that gives a text a row, each as PostgreSQL writes a composite value."""
    shown = ("left(CAST(c{0} AS VARCHAR), 1)" if kind == "bool" else "c{0}" for _, kind in row.columns)
    parts = " || ',' || ".join(f"rs_composite_part({item.format(index + 1)})" for index, item in enumerate(shown))
    return f"unnest((SELECT list('(' || {parts} || ')') FROM ({query}) AS rs_rows))"
