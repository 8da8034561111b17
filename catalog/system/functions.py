"""Catalog functions as engine macros: one row a function.

The macros read the ``sys_*`` sources of the calling cursor, found when they are called. Creating them needs
relations of those names too: register ``sources.empty(name)`` for each on the creating cursor first, then
run ``statements()``. They also read the session's variables that ``VARIABLES`` names. An error is raised as
``duckshift:<SQLSTATE>:<message>`` for the engine to turn into an ``SqlError``.

A macro's arguments are put into its body as they are: the body's own aliases begin with ``rs_``, so that
``format_type(t.oid, …)`` in a query means the query's ``t``.
"""

from dataclasses import dataclass
from typing import Final

from catalog import iam_roles
from catalog.roles import SUPERUSER_ROLE
from catalog.system import acl, pg_relations, procedures
from core.names import literal

VARIABLES: Final = (
    ("current_user_id", "UINTEGER: OID of the current user"),
    ("current_user", "VARCHAR: name of the current user"),
    ("current_database", "VARCHAR: name of the database"),
    ("current_schemas_list", "VARCHAR[]: the search path's existing schemas in order, pg_catalog included"),
    ("hidden_relations", "VARCHAR[]: OIDs of relations in it that others of their name hide"),
    ("type_names", "VARCHAR[]: what the types are called in SQL"),
    ("type_oids", "VARCHAR[]: their OIDs, in the same order"),
    ("version", "VARCHAR: what version() says"),
)
"""Session variables that the views and macros read; none may be unset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function of the catalogs and the macro that computes it."""

    name: str
    """As SQL calls it, with or without pg_catalog; empty for macros that only the translator calls."""
    macro: str
    """The engine's macro."""
    bodies: tuple[tuple[str, str], ...]
    """(parameters, expression), one a number of arguments."""
    result: str
    """pg_type.typname of the result."""
    doc: str


_PATH = "getvariable('current_schemas_list')"
_HERE = "getvariable('current_database')"
_ME = "getvariable('current_user_id')"
_ADMIN = "PostgreSQL 8.0, 9.19 System Information Functions"
_SIZES = "PostgreSQL, 9.27.7 Database Object Management Functions"
_NULL_TEXT = "CAST(NULL AS VARCHAR)"


def _error(state: str, before: str, value: str, after: str) -> str:
    return f"error({literal(f'duckshift:{state}:{before}')} || CAST({value} AS VARCHAR) || {literal(after)})"


def _visible(source: str, where: str) -> str:
    return f"EXISTS (SELECT 1 FROM {source} WHERE {where})"


def _scalar(name: str, parameters: str, body: str, result: str, doc: str = _ADMIN) -> Function:
    return Function(name=name, macro=f"rs_{name}", bodies=((parameters, body),), result=result, doc=doc)


def _several(name: str, bodies: tuple[tuple[str, str], ...], result: str, doc: str = _ADMIN) -> Function:
    return Function(name=name, macro=f"rs_{name}", bodies=bodies, result=result, doc=doc)


def _inner(macro: str, parameters: str, body: str, result: str) -> Function:
    return Function(name="", macro=macro, bodies=((parameters, body),), result=result, doc="translation")


_WHO = (
    "COALESCE((SELECT max(rs_u.oid) FROM sys_users AS rs_u WHERE rs_u.name = CAST(p_who AS VARCHAR)),"
    " (SELECT max(rs_u.oid) FROM sys_users AS rs_u WHERE CAST(rs_u.oid AS VARCHAR) = CAST(p_who AS VARCHAR)),"
    f" {_error('42704', 'role ' + chr(34), 'p_who', chr(34) + ' does not exist')})"
)
_ASKED = "regexp_split_to_array(upper(trim(p_privileges)), '\\s*,\\s*')"
_KNOWN: Final = {
    "table": ("SELECT", "INSERT", "UPDATE", "DELETE", "RULE", "REFERENCES", "TRIGGER", "TRUNCATE", "DROP", "ALTER"),
    "schema": ("CREATE", "USAGE", "ALTER", "DROP"),
    "database": ("CREATE", "TEMP", "TEMPORARY", "USAGE", "CONNECT", "ALTER"),
    "routine": ("EXECUTE",),
    "language": ("USAGE",),
}


_SCOPES: Final = {
    "table": ("TABLES", "sys_relations", "rs_o.database", "rs_o.schema"),
    "schema": ("SCHEMAS", "sys_namespaces", "rs_o.database", "0"),
    "routine": ("FUNCTIONS", "sys_routines", "rs_o.database", "rs_o.schema"),
    "language": ("LANGUAGES", "sys_languages", _HERE, "0"),
}
"""Kind of object → kind of scope, source, and the source's database and schema."""


def _in_scope(kind: str) -> str:
    if kind not in _SCOPES:
        return ""
    scope, source, database, schema = _SCOPES[kind]
    return (
        f" OR EXISTS (SELECT 1 FROM {source} AS rs_o JOIN sys_scoped_grants AS rs_g ON rs_g.object_kind = '{scope}'"
        f" AND rs_g.database = {database} AND rs_g.schema IN (0, {schema})"
        " JOIN sys_members AS rs_m ON rs_m.grantee = rs_g.grantee"
        f" WHERE rs_o.oid = p_object AND rs_m.member = p_user AND (list_contains({_ASKED}, rs_g.privilege)"
        f" OR (rs_g.grantable AND list_contains({_ASKED}, rs_g.privilege || ' WITH GRANT OPTION'))))"
    )


_IS_SUPERUSER: Final = (
    "EXISTS (SELECT 1 FROM sys_users AS rs_u WHERE rs_u.oid = p_user AND (rs_u.superuser OR EXISTS (SELECT 1"
    f" FROM sys_members AS rs_w WHERE rs_w.member = rs_u.oid AND rs_w.grantee = {SUPERUSER_ROLE})))"
)


def _holds(kind: str, owner: str) -> str:
    """Return the body of rs_holds_<kind>(p_user, p_object, p_privileges): users by OID, objects by OID."""
    known = (
        "[" + ", ".join(literal(word + suffix) for word in _KNOWN[kind] for suffix in ("", " WITH GRANT OPTION")) + "]"
    )
    # Everyone may connect to a database.
    always = f" WHEN list_contains({_ASKED}, 'CONNECT') THEN TRUE" if kind == "database" else ""
    # What is built in everyone may call.
    always += " WHEN p_object = 0 THEN TRUE" if kind == "routine" else ""
    return (
        f"CASE WHEN NOT list_has_all({known}, {_ASKED})"
        f" THEN {_error('22023', 'unrecognized privilege type: ' + chr(34), 'p_privileges', chr(34))}"
        f" WHEN p_object IS NULL OR p_user IS NULL THEN NULL{always}"
        f" WHEN {_IS_SUPERUSER} THEN TRUE"
        f" WHEN EXISTS (SELECT 1 FROM {owner} AS rs_o WHERE rs_o.oid = p_object AND rs_o.owner = p_user) THEN TRUE"
        " ELSE EXISTS (SELECT 1 FROM sys_grants AS rs_g JOIN sys_members AS rs_m ON rs_m.grantee = rs_g.grantee"
        f" WHERE rs_g.object = p_object AND rs_m.member = p_user AND rs_g.kind = '{kind}' AND rs_g.column = '' AND"
        f" (list_contains({_ASKED}, rs_g.privilege) OR (rs_g.grantable AND"
        f" list_contains({_ASKED}, rs_g.privilege || ' WITH GRANT OPTION'))))"
        + _in_scope(kind)
        # Everyone may read the system's views; rows are filtered where they must be.
        + (
            f" OR (list_contains({_ASKED}, 'SELECT') AND EXISTS (SELECT 1 FROM sys_relations AS rs_s"
            " WHERE rs_s.oid = p_object AND rs_s.system))"
            if kind == "table"
            else ""
        )
        + " END"
    )


def _privilege(kind: str, lookup: str, holds: str = "") -> Function:
    decided = f"rs_holds_{holds or kind}(rs_x.who, rs_x.what, p_privileges)"
    return _several(
        f"has_{kind}_privilege",
        (
            ("p_object, p_privileges", _looked_up(decided, _ME, lookup)),
            ("p_who, p_object, p_privileges", _looked_up(decided, "rs_user_oid(p_who)", lookup)),
        ),
        "bool",
    )


def _looked_up(body: str, who: str, lookup: str) -> str:
    """Return *body* with ``rs_x.who`` and ``rs_x.what`` looked up once.

    Look-ups within look-ups take the engine minutes where there are ten thousand tables.
    """
    return f"(SELECT {body} FROM (SELECT {who} AS who, {lookup}(p_object) AS what) AS rs_x)"


_IAM_COMMAND = "CASE upper(trim(p_command)) WHEN 'EXTERNAL FUNCTION' THEN 'EXFUNC' ELSE upper(trim(p_command)) END"
_IAM_ROLE = (
    f"CASE lower(trim(p_role)) WHEN 'default' THEN {literal(iam_roles.DEFAULT)}"
    " ELSE regexp_replace(trim(p_role), '\\s*,\\s*', ',', 'g') END"
)
_ASSUMES = (
    f"CASE WHEN {_IAM_COMMAND} NOT IN ({', '.join(literal(name) for name in sorted(iam_roles.COMMANDS))})"
    f" THEN {_error('22023', 'unrecognized privilege type: ' + chr(34), 'p_command', chr(34))}"
    " WHEN p_user IS NULL OR p_role IS NULL OR p_command IS NULL THEN NULL"
    f" WHEN {_IS_SUPERUSER} THEN TRUE"
    " ELSE EXISTS (SELECT 1 FROM sys_iam_grants AS rs_g JOIN sys_members AS rs_m ON rs_m.grantee = rs_g.grantee"
    f" WHERE rs_m.member = p_user AND rs_g.command = {_IAM_COMMAND}"
    f" AND rs_g.role IN ({literal(iam_roles.ANY)}, {_IAM_ROLE})) END"
)
_HOLDS_ANY_COLUMN = (
    "rs_holds_table(rs_x.who, rs_x.what, p_privileges) OR EXISTS (SELECT 1 FROM sys_grants AS rs_g"
    " JOIN sys_members AS rs_m ON rs_m.grantee = rs_g.grantee WHERE rs_g.object = rs_x.what"
    " AND rs_g.kind = 'table' AND rs_m.member = rs_x.who"
    f" AND list_contains({_ASKED}, rs_g.privilege))"
)
_HOLDS_COLUMN = (
    "rs_holds_table(rs_x.who, rs_x.what, p_privileges) OR EXISTS (SELECT 1 FROM sys_grants AS rs_g"
    " JOIN sys_members AS rs_m ON rs_m.grantee = rs_g.grantee WHERE rs_g.object = rs_x.what"
    " AND rs_g.column = lower(p_column) AND rs_m.member = rs_x.who"
    f" AND list_contains({_ASKED}, rs_g.privilege))"
)


def _named(source: str, kind: str, state: str, where: str = "TRUE") -> str:
    """Return a look-up of p_object, an OID or a name, in *source*."""
    return (
        f"CASE WHEN p_object IS NULL THEN NULL ELSE COALESCE((SELECT max(rs_o.oid) FROM {source} AS rs_o"
        f" WHERE rs_o.name = CAST(p_object AS VARCHAR) AND {where}), (SELECT max(rs_o.oid) FROM {source} AS rs_o"
        " WHERE CAST(rs_o.oid AS VARCHAR) = CAST(p_object AS VARCHAR)),"
        f" {_error(state, kind + ' ' + chr(34), 'p_object', chr(34) + ' does not exist')}) END"
    )


# A function by its OID (0 for one that is built in), or by ``name(types)`` with or without a schema.
_CALLED = "replace(lower(CAST(p_object AS VARCHAR)), ' ', '')"
_ROUTINE = (
    "CASE WHEN p_object IS NULL THEN NULL ELSE COALESCE((SELECT max(rs_o.oid) FROM sys_routines AS rs_o"
    f" WHERE COALESCE(rs_o.database, {_HERE}) = {_HERE} AND list_contains(rs_o.keys, {_CALLED})),"
    f" (SELECT max(CASE WHEN rs_f.schema = 11 THEN 0 ELSE rs_f.oid END) FROM ({procedures.QUERY}) AS rs_f"
    f" WHERE CAST(rs_f.oid AS VARCHAR) = {_CALLED} OR (rs_f.schema = 11"
    f" AND rs_f.name = regexp_extract({_CALLED}, '^(?:pg_catalog\\.)?([^(]+)', 1))),"
    f" {_error('42883', 'function ' + chr(34), 'p_object', chr(34) + ' does not exist')}) END"
)

# 'a."B c".d' as ['a', 'B c', 'd']: what is not quoted folds to lower case.
_PARTS = (
    'list_transform(regexp_extract_all(CAST(p_name AS VARCHAR), \'"(?:[^"]|"")*"|[^."\\s]+\'), lambda part:'
    " CASE WHEN part LIKE '\"%' THEN replace(part[2:-2], '\"\"', '\"') ELSE lower(part) END)"
)
_FIND = (
    "(SELECT arg_min(rs_r.oid, COALESCE(list_position(getvariable('current_schemas_list'), rs_r.schema_name), 0))"
    f" FROM sys_relations AS rs_r WHERE rs_r.name = rs_parts(p_name)[-1] AND COALESCE(rs_r.database, {_HERE}) = {_HERE}"
    f" AND CASE WHEN len(rs_parts(p_name)) > 1 THEN rs_r.schema_name = rs_parts(p_name)[-2]"
    f" ELSE list_contains({_PATH}, rs_r.schema_name) OR rs_r.temporary END)"
)
_OWN_NAME = (
    f"CASE WHEN rs_r.temporary OR list_contains({_PATH}, rs_r.schema_name) THEN '' ELSE rs_quote_ident(rs_r.schema_name) || '.'"
    " END || rs_quote_ident(rs_r.name)"
)
_TYPE_OF = "regexp_replace(lower(trim(CAST(p_name AS VARCHAR))), '^(pg_catalog\\.)', '')"
# Tools call it a hundred times in one query: no subquery, and each argument once.
_NAMED_TYPE = "getvariable('type_names')[list_position(getvariable('type_oids'), CAST(rs_x.t AS VARCHAR))]"
_FORMATTED = (
    "list_transform([{'t': p_type, 'm': p_modifier}], lambda rs_x: CASE WHEN rs_x.t IS NULL THEN NULL"
    f" WHEN rs_x.t = 0 THEN '-' ELSE COALESCE({_NAMED_TYPE} || CASE WHEN COALESCE(rs_x.m, -1) < 4 THEN ''"
    " WHEN rs_x.t IN (1042, 1043, 6551) THEN '(' || CAST(rs_x.m - 4 AS VARCHAR) || ')'"
    " WHEN rs_x.t = 1700 THEN '(' || CAST((rs_x.m - 4) >> 16 AS VARCHAR) || ',' || CAST((rs_x.m - 4) & 65535"
    " AS VARCHAR) || ')' ELSE '' END, '???') END)[1]"
)
_VIEWDEF = "(SELECT max(rs_r.definition) FROM sys_relations AS rs_r WHERE rs_r.oid = p_view)"
_VIEWDEF_NAMED = (
    "(SELECT max(rs_r.definition) FROM (SELECT rs_regclass(p_view) AS oid) AS rs_x"
    " JOIN sys_relations AS rs_r ON rs_r.oid = rs_x.oid)"
)
_LISTED = "array_to_string(list_transform({}, lambda name: rs_quote_ident(name)), ', ')"
_CONSTRAINTDEF = (
    f"(SELECT max(CASE WHEN rs_k.kind = 'f' THEN 'FOREIGN KEY (' || {_LISTED.format('rs_k.columns')} || ') REFERENCES ' ||"
    f" {_OWN_NAME} || '(' || {_LISTED.format('rs_k.target_columns')} || ')' ELSE rs_k.definition END)"
    " FROM sys_constraints AS rs_k LEFT JOIN sys_relations AS rs_r ON rs_r.oid = rs_k.target WHERE rs_k.oid = p_constraint)"
)
_INDEXDEF = (
    "(SELECT max('CREATE UNIQUE INDEX ' || rs_quote_ident(rs_k.name) || ' ON ' || rs_quote_ident(rs_r.schema_name) || '.' ||"
    " rs_quote_ident(rs_r.name) || ' USING btree (' || array_to_string(list_transform(rs_k.columns, lambda name:"
    " rs_quote_ident(name)), ', ') || ')') FROM sys_constraints AS rs_k JOIN sys_relations AS rs_r ON rs_r.oid = rs_k.relation"
    " WHERE rs_k.index = p_index AND rs_k.kind <> 'f')"
)
_INDEX_COLUMN = (
    "CASE WHEN p_column = 0 THEN rs_pg_get_indexdef(p_index) ELSE"
    " (SELECT max(rs_k.columns[p_column]) FROM sys_constraints AS rs_k WHERE rs_k.index = p_index"
    " AND rs_k.kind <> 'f') END"
)
_REMARK = "(SELECT max(rs_o.text) FROM sys_comments AS rs_o WHERE rs_o.object = p_object)"
_COMMENT = f"COALESCE((SELECT max(rs_r.comment) FROM sys_relations AS rs_r WHERE rs_r.oid = p_object), {_REMARK})"
_TABLE_VISIBLE = (
    "EXISTS (SELECT 1 FROM sys_relations AS rs_r WHERE rs_r.oid = p_table AND"
    f" COALESCE(rs_r.database, {_HERE}) = {_HERE} AND (rs_r.temporary OR list_contains({_PATH}, rs_r.schema_name))"
    " AND NOT list_contains(getvariable('hidden_relations'), CAST(rs_r.oid AS VARCHAR)))"
)
_SIZE = (
    "COALESCE((SELECT max(rs_s.bytes) FROM (SELECT rs_relation_oid(p_table) AS oid) AS rs_x"
    " JOIN sys_storage AS rs_s ON rs_s.relation = rs_x.oid), 0)"
)
_DATABASE_SIZE = (
    "COALESCE((SELECT CAST(sum(rs_s.bytes) AS BIGINT) FROM sys_storage AS rs_s JOIN sys_relations AS rs_r ON rs_r.oid = rs_s.relation"
    " JOIN sys_databases AS rs_d ON rs_d.name = rs_r.database WHERE rs_d.name = CAST(p_database AS VARCHAR)"
    " OR CAST(rs_d.oid AS VARCHAR) = CAST(p_database AS VARCHAR)), 0)"
)
_PRETTY = (
    "CASE WHEN p_size < 10240 THEN CAST(p_size AS VARCHAR) || ' bytes'"
    " WHEN p_size < 10485247 THEN CAST(CAST(round(p_size / 1024.0) AS BIGINT) AS VARCHAR) || ' kB'"
    " WHEN p_size < 10736893952 THEN CAST(CAST(round(p_size / 1048576.0) AS BIGINT) AS VARCHAR) || ' MB'"
    " WHEN p_size < 10994579406848 THEN CAST(CAST(round(p_size / 1073741824.0) AS BIGINT) AS VARCHAR) || ' GB'"
    " ELSE CAST(CAST(round(p_size / 1099511627776.0) AS BIGINT) AS VARCHAR) || ' TB' END"
)
# An element that is quoted in the array's text is so for its blanks, commas and braces.
_JOINED = (
    "array_to_string(list_transform(regexp_extract_all(regexp_extract(CAST(p_array AS VARCHAR),"
    " '^\\{?([\\s\\S]*?)\\}?$', 1), '\"(?:[^\"\\\\]|\\\\.)*\"|[^,]+'), lambda item: CASE WHEN item LIKE '\"%'"
    " THEN regexp_replace(item[2:-2], '\\\\(.)', '\\1', 'g') ELSE item END), p_separator)"
)
_ARRAY_OUT = (
    "CASE WHEN p_array IS NOT NULL THEN '{' || array_to_string(list_transform(CAST(p_array AS VARCHAR[]), lambda item:"
    " CASE WHEN item IS NULL THEN 'NULL' WHEN item = '' OR upper(item) = 'NULL'"
    " OR regexp_matches(item, '[\\s{},\"\\\\]') THEN '\"' ||"
    " replace(replace(item, '\\', '\\\\'), '\"', '\\\"') || '\"' ELSE item END), ',') || '}' END"
)
_LETTER = {privilege: letter for kind in acl.LETTERS.values() for privilege, letter in kind}
_LETTERS = "MAP {" + ", ".join(f"'{privilege}': '{letter}'" for privilege, letter in _LETTER.items()) + "}"
_ACLITEM = (
    "CASE WHEN p_user <> 0 THEN (SELECT max(rs_quote_ident(rs_u.name)) FROM sys_users AS rs_u WHERE rs_u.oid = p_user)"
    " WHEN p_group <> 0 THEN 'group ' || (SELECT max(rs_quote_ident(rs_g.name)) FROM sys_groups AS rs_g"
    f" WHERE rs_g.oid = p_group) ELSE '' END || '=' || array_to_string(list_transform({_ASKED}, lambda rs_p:"
    f" COALESCE({_LETTERS}[rs_p], {_error('42704', 'unrecognized privilege type: ' + chr(34), 'rs_p', chr(34))})"
    " || CASE WHEN p_grantable THEN '*' ELSE '' END), '') || '/' ||"
    " (SELECT max(rs_quote_ident(rs_u.name)) FROM sys_users AS rs_u WHERE rs_u.oid = p_grantor)"
)
_WITHOUT_LETTERS = "regexp_replace({}, '=[A-Za-z*]*/', '/')"
_LETTERS_OF = "regexp_extract({}, '=([A-Za-z*]*)/', 1)"
# A lambda may not have the subqueries in it that an argument is made of.
_ACL_CONTAINS = (
    "CASE WHEN p_array IS NOT NULL AND p_item IS NOT NULL THEN EXISTS (SELECT 1 FROM (SELECT unnest(string_split("
    f"{_JOINED.replace('p_separator', 'chr(1)')}, chr(1))) AS held, p_item AS asked) AS rs_x"
    f" WHERE {_WITHOUT_LETTERS.format('rs_x.held')} = {_WITHOUT_LETTERS.format('rs_x.asked')}"
    f" AND len(list_filter(regexp_extract_all({_LETTERS_OF.format('rs_x.asked')}, '[A-Za-z]\\*?'), lambda rs_p:"
    f" NOT contains({_LETTERS_OF.format('rs_x.held')}, rs_p))) = 0) END"
)
_TYPES = (
    " || '(' || array_to_string(list_transform(rs_f.arguments, lambda rs_a: getvariable('type_names')["
    "list_position(getvariable('type_oids'), CAST(rs_a AS VARCHAR))]), ',') || ')'"
)
_REGPROCEDURE_NAME = (
    "CASE WHEN p_oid = 0 THEN '-' WHEN p_oid IS NOT NULL THEN COALESCE((SELECT max(CASE WHEN rs_f.schema = 11 OR"
    f" list_contains({_PATH}, rs_n.name) THEN '' ELSE rs_quote_ident(rs_n.name) || '.' END ||"
    f" rs_quote_ident(rs_f.name){_TYPES}) FROM ({procedures.QUERY}) AS rs_f LEFT JOIN sys_namespaces AS rs_n"
    " ON rs_n.oid = rs_f.schema WHERE rs_f.oid = p_oid), CAST(p_oid AS VARCHAR)) END"
)
_REGPROCEDURE = (
    "CASE WHEN regexp_matches(CAST(p_object AS VARCHAR), '^\\d+$') THEN TRY_CAST(CAST(p_object AS VARCHAR) AS UINTEGER)"
    " WHEN p_object = '-' THEN 0 ELSE COALESCE((SELECT max(rs_o.oid) FROM sys_routines AS rs_o"
    f" WHERE COALESCE(rs_o.database, {_HERE}) = {_HERE} AND list_contains(rs_o.keys, {_CALLED})),"
    f" (SELECT max(rs_f.oid) FROM ({procedures.QUERY}) AS rs_f WHERE rs_f.schema = 11"
    f" AND replace(rs_f.name{_TYPES}, ' ', '') = {_CALLED})) END"
)
_PROCEDURE = f"(SELECT {{}} FROM ({procedures.QUERY}) AS rs_f WHERE rs_f.oid = p_function)"
_ARGUMENTS = _PROCEDURE.format("max(rs_f.shown)")

# fmt: off
ROWS: Final[tuple[Function, ...]] = (
    # Order matters: the engine binds a macro's body when it is created.
    _inner("rs_quote_ident", "p_name", "CASE WHEN regexp_matches(p_name, '^[a-z_][a-z0-9_]*$') THEN p_name"
        " ELSE '\"' || replace(p_name, '\"', '\"\"') || '\"' END", "text"),
    _inner("rs_parts", "p_name", _PARTS, "_text"),
    _inner("rs_array_out", "p_array", _ARRAY_OUT, "text"),
    _inner("rs_vector_out", "p_array", "array_to_string(CAST(p_array AS VARCHAR[]), ' ')", "text"),
    _inner("rs_regclass_or_null", "p_name", _FIND, "oid"),
    _inner("rs_regclass", "p_name",
        "CASE WHEN p_name IS NULL THEN NULL WHEN regexp_matches(CAST(p_name AS VARCHAR), '^\\d+$')"
        " THEN CAST(TRY_CAST(CAST(p_name AS VARCHAR) AS UINTEGER) AS UINTEGER)"
        f" ELSE COALESCE({_FIND}, {_error('42P01', 'relation ' + chr(34), 'p_name', chr(34) + ' does not exist')}) END",
        "oid"),
    _inner("rs_regclass_name", "p_oid",
        "CASE WHEN p_oid IS NULL THEN NULL WHEN p_oid = 0 THEN '-' ELSE COALESCE("
        f"(SELECT max({_OWN_NAME}) FROM sys_relations AS rs_r WHERE rs_r.oid = p_oid), CAST(p_oid AS VARCHAR)) END", "text"),
    _inner("rs_regtype", "p_name",
        "CASE WHEN p_name IS NULL THEN NULL WHEN regexp_matches(CAST(p_name AS VARCHAR), '^\\d+$')"
        " THEN TRY_CAST(CAST(p_name AS VARCHAR) AS UINTEGER)"
        f" WHEN {_TYPE_OF} = 'trigger' THEN 2279::UINTEGER"
        f" ELSE COALESCE((SELECT min(rs_t.oid) FROM sys_types AS rs_t WHERE rs_t.name = {_TYPE_OF} OR rs_t.sql = {_TYPE_OF}),"
        f" {_error('42704', 'type ' + chr(34), 'p_name', chr(34) + ' does not exist')}) END", "oid"),
    _inner("rs_regproc", "p_name",
        "CASE WHEN CAST(p_name AS VARCHAR) = '-' THEN 0 WHEN regexp_matches(CAST(p_name AS VARCHAR), '^\\d+$')"
        " THEN TRY_CAST(CAST(p_name AS VARCHAR) AS UINTEGER)"
        f" ELSE COALESCE((SELECT min(rs_f.oid) FROM ({procedures.QUERY}) AS rs_f LEFT JOIN sys_namespaces AS rs_n"
        " ON rs_n.oid = rs_f.schema WHERE rs_f.name = rs_parts(p_name)[-1] AND CASE WHEN len(rs_parts(p_name)) > 1"
        " THEN COALESCE(rs_n.name, 'pg_catalog') = rs_parts(p_name)[-2]"
        f" ELSE rs_f.schema = 11 OR list_contains({_PATH}, rs_n.name) END),"
        f" {_error('42883', 'function ' + chr(34), 'p_name', chr(34) + ' does not exist')}) END", "oid"),
    _inner("rs_regproc_name", "p_oid",
        "CASE WHEN p_oid = 0 THEN '-' ELSE COALESCE((SELECT max(CASE WHEN rs_f.schema = 11 OR list_contains("
        f"{_PATH}, rs_n.name) THEN '' ELSE rs_quote_ident(rs_n.name) || '.' END || rs_quote_ident(rs_f.name))"
        f" FROM ({procedures.QUERY}) AS rs_f LEFT JOIN sys_namespaces AS rs_n ON rs_n.oid = rs_f.schema"
        " WHERE rs_f.oid = p_oid), CAST(p_oid AS VARCHAR)) END", "text"),
    _inner("rs_regprocedure_name", "p_oid", _REGPROCEDURE_NAME, "text"),
    _inner("rs_regprocedure", "p_object", _REGPROCEDURE, "oid"),
    _scalar("format_type", "p_type, p_modifier", _FORMATTED, "text"),
    _inner("rs_regtype_name", "p_oid", "rs_format_type(p_oid, -1)", "text"),
    _scalar("pg_get_userbyid", "p_user",
        "COALESCE((SELECT max(rs_u.name) FROM sys_users AS rs_u WHERE rs_u.oid = p_user),"
        " 'unknown (OID=' || CAST(p_user AS VARCHAR) || ')')", "name"),
    _inner("rs_user_oid", "p_who", _WHO, "oid"),
    _inner("rs_relation_oid", "p_object", "rs_regclass(CAST(p_object AS VARCHAR))", "oid"),
    _inner("rs_schema_oid", "p_object",
        _named("sys_namespaces", "schema", "3F000", f"COALESCE(rs_o.database, {_HERE}) = {_HERE}"), "oid"),
    _inner("rs_database_oid", "p_object", _named("sys_databases", "database", "3D000"), "oid"),
    _inner("rs_holds_table", "p_user, p_object, p_privileges", _holds("table", "sys_relations"), "bool"),
    _inner("rs_holds_schema", "p_user, p_object, p_privileges", _holds("schema", "sys_namespaces"), "bool"),
    _inner("rs_holds_database", "p_user, p_object, p_privileges", _holds("database", "sys_databases"), "bool"),
    _privilege("table", "rs_relation_oid"),
    _privilege("schema", "rs_schema_oid"),
    _privilege("database", "rs_database_oid"),
    _several("has_any_column_privilege", (
        ("p_object, p_privileges", _looked_up(_HOLDS_ANY_COLUMN, _ME, "rs_relation_oid")),
        ("p_who, p_object, p_privileges", _looked_up(_HOLDS_ANY_COLUMN, "rs_user_oid(p_who)", "rs_relation_oid")),
    ), "bool"),
    _several("has_column_privilege", (
        ("p_object, p_column, p_privileges", _looked_up(_HOLDS_COLUMN, _ME, "rs_relation_oid")),
        ("p_who, p_object, p_column, p_privileges", _looked_up(_HOLDS_COLUMN, "rs_user_oid(p_who)", "rs_relation_oid")),
    ), "bool"),
    _inner("rs_function_oid", "p_object", _ROUTINE, "oid"),
    _inner("rs_language_oid", "p_object", _named("sys_languages", "language", "42704"), "oid"),
    _inner("rs_holds_routine", "p_user, p_object, p_privileges", _holds("routine", "sys_routines"), "bool"),
    _inner("rs_holds_language", "p_user, p_object, p_privileges", _holds("language", "sys_languages"), "bool"),
    _privilege("function", "rs_function_oid", "routine"),
    _privilege("language", "rs_language_oid"),
    _inner("rs_assumes", "p_user, p_role, p_command", _ASSUMES, "bool"),
    _several("has_assumerole_privilege", (
        ("p_role, p_command", f"rs_assumes({_ME}, p_role, p_command)"),
        ("p_who, p_role, p_command", "rs_assumes(rs_user_oid(p_who), p_role, p_command)"),
    ), "bool", "r_HAS_ASSUMEROLE_PRIVILEGE"),
    _scalar("oidvectortypes", "p_types",
        "COALESCE((SELECT string_agg(rs_t.sql, ', ' ORDER BY rs_u.place) FROM (SELECT unnest(string_split("
        "CAST(p_types AS VARCHAR), ' ')) AS item, generate_subscripts(string_split(CAST(p_types AS VARCHAR), ' '), 1) AS place)"
        " AS rs_u JOIN sys_types AS rs_t ON CAST(rs_t.oid AS VARCHAR) = rs_u.item), '')", "text"),
    _several("pg_get_viewdef", (("p_view", _VIEWDEF), ("p_view, p_pretty", _VIEWDEF)), "text"),
    _several("pg_get_viewdef_named", (("p_view", _VIEWDEF_NAMED), ("p_view, p_pretty", _VIEWDEF_NAMED)), "text"),
    _several("pg_get_constraintdef", (("p_constraint", _CONSTRAINTDEF), ("p_constraint, p_pretty", _CONSTRAINTDEF)), "text"),
    _several("pg_get_indexdef", (("p_index", _INDEXDEF),), "text"),
    # pg_attrdef.adbin is the expression's text already.
    _several("pg_get_expr", (("p_expression, p_relation", "CAST(p_expression AS VARCHAR)"),
        ("p_expression, p_relation, p_pretty", "CAST(p_expression AS VARCHAR)")), "text"),
    _several("pg_get_triggerdef", (("p_trigger", _NULL_TEXT), ("p_trigger, p_pretty", _NULL_TEXT)), "text"),
    _several("pg_get_ruledef", (("p_rule", _VIEWDEF.replace("p_view", "p_rule")),
        ("p_rule, p_pretty", _VIEWDEF.replace("p_view", "p_rule"))), "text"),
    _scalar("pg_get_partkeydef", "p_relation", _NULL_TEXT, "text"),
    _scalar("pg_get_functiondef", "p_function", _PROCEDURE.format("max(rs_f.definition)"), "text"),
    _scalar("pg_get_function_result", "p_function", _PROCEDURE.format("max(rs_format_type(rs_f.result, -1))"), "text"),
    _scalar("pg_get_function_arguments", "p_function", _ARGUMENTS, "text"),
    _scalar("pg_get_function_identity_arguments", "p_function", _ARGUMENTS, "text"),
    _several("pg_get_serial_sequence", (("p_table, p_column", _NULL_TEXT),), "text"),
    _scalar("pg_table_is_visible", "p_table", _TABLE_VISIBLE, "bool"),
    _scalar("pg_type_is_visible", "p_type", _visible("sys_types AS rs_t", "rs_t.oid = p_type"), "bool"),
    _scalar("pg_function_is_visible", "p_function", "p_function IS NOT NULL", "bool"),
    _scalar("pg_operator_is_visible", "p_operator", "p_operator IS NOT NULL", "bool"),
    _scalar("pg_opclass_is_visible", "p_class", "p_class IS NOT NULL", "bool"),
    _scalar("pg_conversion_is_visible", "p_conversion", "p_conversion IS NOT NULL", "bool"),
    _scalar("pg_collation_is_visible", "p_collation", "p_collation IS NOT NULL", "bool"),
    _scalar("pg_ts_config_is_visible", "p_config", "p_config IS NOT NULL", "bool"),
    _scalar("pg_encoding_to_char", "p_encoding", "CASE p_encoding WHEN 6 THEN 'UTF8' WHEN 0 THEN 'SQL_ASCII' ELSE '' END", "name"),
    _scalar("pg_char_to_encoding", "p_name", "CASE upper(p_name) WHEN 'UTF8' THEN 6 WHEN 'UNICODE' THEN 6 WHEN 'SQL_ASCII' THEN 0 ELSE -1 END", "int4"),
    _several("getdatabaseencoding", (("", "'UTF8'"),), "name"),
    _several("pg_client_encoding", (("", "'UTF8'"),), "name"),
    _several("obj_description", (("p_object", _COMMENT),
        ("p_object, p_catalog", f"CASE WHEN p_catalog = 'pg_class' THEN {_COMMENT} ELSE {_REMARK} END")), "text"),
    _scalar("shobj_description", "p_object, p_catalog", _REMARK, "text"),
    _scalar("col_description", "p_table, p_column",
        "(SELECT max(rs_c.comment) FROM sys_columns AS rs_c WHERE rs_c.relation = p_table AND rs_c.number = p_column)", "text"),
    _scalar("array_to_string", "p_array, p_separator", _JOINED, "text", "PostgreSQL 8.0, 9.14 Array Functions"),
    _scalar("format_encoding", "p_encoding",
        f"{list(pg_relations.ENCODINGS)}[p_encoding + 1]", "text", "Redshift: names of PG_ATTRIBUTE.attencodingtype"),
    _scalar("pg_size_pretty", "p_size", _PRETTY, "text", _SIZES),
    _scalar("pg_table_size", "p_table", _SIZE, "int8", _SIZES),
    _scalar("pg_relation_size", "p_table", _SIZE, "int8", _SIZES),
    _scalar("pg_total_relation_size", "p_table", _SIZE, "int8", _SIZES),
    _scalar("pg_indexes_size", "p_table", "CAST(0 AS BIGINT)", "int8", _SIZES),
    _scalar("pg_database_size", "p_database", _DATABASE_SIZE, "int8", _SIZES),
    _scalar("pg_tablespace_size", "p_tablespace", "CAST(0 AS BIGINT)", "int8", _SIZES),
    _scalar("pg_tablespace_location", "p_tablespace", "''", "text", _SIZES),
    _several("pg_is_in_recovery", (("", "FALSE"),), "bool", _SIZES),
    _scalar("pg_relation_is_publishable", "p_table", "FALSE", "bool"),
    _scalar("pg_get_statisticsobjdef_columns", "p_object", _NULL_TEXT, "text"),
    _scalar("string_to_array", "p_text, p_sign", "rs_array_out(string_split(p_text, p_sign))", "_text"),
    # What JDBC reads pg_proc.probin by, which is text here.
    _scalar("textin", "p_text", "CAST(p_text AS VARCHAR)", "text"),
    _scalar("makeaclitem", "p_user, p_group, p_grantor, p_privileges, p_grantable", _ACLITEM, "aclitem"),
    _scalar("aclcontains", "p_array, p_item", _ACL_CONTAINS, "bool"),
    _scalar("byteaout", "p_bytes", "CAST(p_bytes AS VARCHAR)", "text"),
    _scalar("array_lower", "p_array, p_dimension",
        "CASE WHEN p_dimension = 1 AND CAST(p_array AS VARCHAR) <> '{}' THEN CAST(1 AS INTEGER) END", "int4"),
    _scalar("array_upper", "p_array, p_dimension",
        "CASE WHEN p_dimension = 1 AND CAST(p_array AS VARCHAR) <> '{}' THEN"
        " CAST(len(string_split(CAST(p_array AS VARCHAR), ',')) AS INTEGER) END", "int4"),
    _several("pg_postmaster_start_time", (("", "(SELECT min(rs_s.started) AT TIME ZONE 'UTC' FROM sys_sessions AS rs_s)"),),
        "timestamptz"),
    *(_several(name, (("", f"CAST(NULL AS {kind})"),), result) for name, kind, result in (
        ("inet_server_addr", "VARCHAR", "text"), ("inet_server_port", "INTEGER", "int4"),
        ("inet_client_addr", "VARCHAR", "text"))),
    _scalar("pg_is_other_temp_schema", "p_schema", "FALSE", "bool"),
    _several("pg_my_temp_schema", (("", "(SELECT COALESCE(max(rs_n.oid), CAST(0 AS UINTEGER)) FROM sys_namespaces AS rs_n"
        " WHERE starts_with(rs_n.name, 'pg_temp_'))"),), "oid"),
    _scalar("user_is_member_of", "p_user, p_role",
        "EXISTS (SELECT 1 FROM sys_members AS rs_m JOIN sys_users AS rs_u ON rs_u.oid = rs_m.member"
        " JOIN sys_grantees AS rs_g ON rs_g.oid = rs_m.grantee WHERE rs_u.name = p_user AND rs_g.name = p_role"
        " AND rs_g.kind IN ('group', 'role'))", "bool", "Redshift, USER_IS_MEMBER_OF"),
    _scalar("role_is_member_of", "p_role, p_other",
        "EXISTS (WITH RECURSIVE rs_held(role) AS (SELECT rs_m.role FROM sys_role_members AS rs_m JOIN sys_roles AS rs_r"
        " ON rs_r.oid = rs_m.member WHERE rs_r.name = p_role UNION SELECT rs_n.role FROM sys_role_members AS rs_n"
        " JOIN rs_held ON rs_held.role = rs_n.member) SELECT 1 FROM rs_held JOIN sys_roles AS rs_o"
        " ON rs_o.oid = rs_held.role WHERE rs_o.name = p_other)", "bool", "Redshift, ROLE_IS_MEMBER_OF"),
    _scalar("to_regclass", "p_name", "rs_regclass_or_null(p_name)", "regclass"),
)
# fmt: on
EXTRA: Final = (("rs_pg_get_indexdef", (("p_index", _INDEXDEF), ("p_index, p_column, p_pretty", _INDEX_COLUMN))),)
"""Macros whose longer form calls the shorter: they are created again once that exists."""

FUNCTIONS: Final[tuple[tuple[str, str, str, str], ...]] = tuple(
    (row.name, row.macro, row.result, row.doc) for row in ROWS if row.name
)
"""(name, macro, pg_type.typname of the result, documentation) for the translator's function table."""


def statements() -> list[str]:
    """Return the statements that create the macros in the engine, in order."""
    created = [_create(row.macro, row.bodies) for row in ROWS]
    return created + [_create(macro, bodies) for macro, bodies in EXTRA]


def _create(macro: str, bodies: tuple[tuple[str, str], ...]) -> str:
    forms = ", ".join(f"({parameters}) AS ({body})" for parameters, body in bodies)
    return f"CREATE OR REPLACE MACRO memory.main.{macro}{forms}"
