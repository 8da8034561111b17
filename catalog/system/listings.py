"""What the SHOW family lists: one row a command, its columns and the engine SQL that fills them.

Redshift, "SHOW DATABASES", "SHOW SCHEMAS", "SHOW TABLES", "SHOW COLUMNS", "SHOW CONSTRAINTS", "SHOW GRANTS",
"SHOW COLUMN GRANTS", "SHOW PROCEDURES", "SHOW FUNCTIONS", "SHOW PARAMETERS". The names of databases, schemas, tables and columns are VARCHAR(128).
"""

from dataclasses import dataclass, replace
from typing import Final

from catalog.external import OriginKind
from catalog.system import access, policies, shares, svv_external
from catalog.system.access import HERE
from catalog.system.spec import SUPERUSER, Columns, columns
from core.names import literal, quote

LIMIT: Final = 10_000
"""Rows that a SHOW command lists at most; more is an error."""
_V: Final = "varchar(128)"
_DB: Final = f"COALESCE(r.database, {HERE})"
_TABLE: Final = f"{_DB} AS database_name, r.schema_name, r.name AS table_name"
_ACL: Final = "array_to_string({}.acl, '~')"
_DISTSTYLE: Final = (
    "CASE WHEN r.kind <> 'r' OR r.system THEN '' WHEN r.diststyle LIKE 'KEY%' THEN 'KEY'"
    " ELSE regexp_replace(r.diststyle, '^AUTO\\((\\w+).*', 'AUTO (\\1)') END"
)
_SUBTYPE: Final = (
    "CASE WHEN r.kind = 'r' THEN 'REGULAR TABLE'"
    " WHEN lower(r.definition) LIKE 'create materialized view%' THEN 'MATERIALIZED VIEW'"
    " WHEN r.late_binding THEN 'LATE BINDING VIEW' ELSE 'REGULAR VIEW' END"
)
_GRANTS: Final = "sys_grants AS g LEFT JOIN sys_grantees AS w ON w.oid = g.grantee"
_WHO: Final = (
    "g.privilege AS privilege_type, g.grantee AS identity_id, w.name AS identity_name, w.kind AS identity_type"
)
_SCOPED: Final = "sys_scoped_grants AS g LEFT JOIN sys_grantees AS w ON w.oid = g.grantee"
_GRANTOR: Final = "rs_pg_get_userbyid(g.grantor) AS grantor_name"
_SEES_GRANT: Final = (
    f"({SUPERUSER} OR g.grantor = {access.ME} OR g.grantee IN"
    f" (SELECT m.grantee FROM sys_members AS m WHERE m.member = {access.ME}))"
)
_WHO_COLUMNS: Final = f"privilege_type {_V}, identity_id int4, identity_name {_V}, identity_type {_V}"
_TABLE_GRANT: Final = "JOIN sys_relations AS r ON r.oid = g.object"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One SHOW command that lists things."""

    topic: str
    """As ``sql.commands.show`` names it."""
    columns: Columns
    query: str
    """Engine SQL over the ``sys_*`` sources."""
    named: tuple[str, ...] = ()
    """The columns that hold the parts of the name that the command is about."""
    like: str = ""
    """The column that LIKE filters."""
    filtered: tuple[tuple[str, str], ...] = ()
    """What WHERE of a whole database's list may name, and the columns meant; such a list has no most rows."""
    order: str
    doc: str

    def sql(
        self,
        parts: tuple[str, ...],
        *,
        like: str | None,
        grantee: str | None,
        limit: int | None,
        filters: tuple[tuple[str, str], ...] = (),
    ) -> str:
        """Return engine SQL for what *parts* name, filtered and in order."""
        named = dict(self.filtered)
        kept = [f"q.{quote(name)} = {literal(part)}" for name, part in zip(self.named, parts, strict=True)]
        patterns = [*((self.like, text) for text in (like,) if text is not None)]
        patterns += [(named[word], text) for word, text in filters]
        kept += [f"q.{quote(name)} LIKE {literal(text)} ESCAPE '\\'" for name, text in patterns]
        if grantee is not None:
            kept.append(f"q.identity_name = {literal(grantee)}")
        where = f" WHERE {' AND '.join(kept)}" if kept else ""
        shown = ", ".join(f"CAST(q.{quote(name)} AS {kind.engine()}) AS {quote(name)}" for name, kind in self.columns)
        rows = LIMIT + 1 if limit is None else limit
        most = "" if self.filtered else f" LIMIT {rows}"
        return f"SELECT {shown} FROM ({self.query}) AS q{where} ORDER BY {self.order}{most}"


def _listing(topic: str, shape: str, query: str, **more: str | tuple[str, ...]) -> Listing:
    named, like, order = more.get("named", ()), more.get("like", ""), more.get("order", "1")
    return Listing(
        topic=topic,
        columns=columns(shape),
        query=query,
        named=named if isinstance(named, tuple) else (named,),
        like=str(like),
        order=str(order),
        doc=f"Redshift, SHOW {topic}",
    )


_ROUTINE: Final = f"{_DB} AS database_name, r.schema_name, r.name"
_SPECIFIC: Final = "r.name || '(' || r.signature || ')'"
_NAME: Final = ("database_name", "schema_name", "table_name")
# fmt: off
ROWS: Final = (
    _listing("DATABASES",
        f"database_name {_V}, database_owner int4, database_type varchar(32), database_acl {_V}, parameters {_V},"
        f"database_isolation_level {_V}",
        "SELECT d.name AS database_name, d.owner AS database_owner,"
        " CASE WHEN d.oid IN (SELECT x.oid FROM sys_share_databases AS x) THEN 'shared' ELSE 'local' END AS database_type,"
        f" {_ACL.format('d')} AS database_acl, NULL AS parameters, d.isolation AS database_isolation_level"
        " FROM sys_databases AS d WHERE d.allow", like="database_name"),
    _listing("DATABASES OF DATA CATALOG",
        f"database_name {_V}, database_owner int4, database_type varchar(32), database_acl {_V}, parameters varchar(65535),"
        f"database_isolation_level {_V}",
        "SELECT d.name AS database_name, NULL AS database_owner, 'external' AS database_type, NULL AS database_acl,"
        " NULLIF(d.parameters, '{}') AS parameters, NULL AS database_isolation_level FROM sys_external_databases AS d"
        f" WHERE d.kind = {int(OriginKind.DATA_CATALOG)}", like="database_name"),
    # There are none of these.
    _listing("TEMPLATES",
        f"template_name {_V}, template_id int8, template_type varchar(32), template_owner {_V}, database_name {_V},"
        f"schema_name {_V}, create_time ts, last_modified_time ts, last_modified_by int4",
        "SELECT NULL AS template_name, NULL AS template_id, NULL AS template_type, NULL AS template_owner,"
        " NULL AS database_name, NULL AS schema_name, NULL AS create_time, NULL AS last_modified_time,"
        " NULL AS last_modified_by WHERE false",
        named=("database_name", "schema_name"), like="template_name"),
    _listing("MODELS", f"schema_name {_V}, model_name {_V}", "SELECT NULL AS schema_name, NULL AS model_name WHERE false"),
    _listing("DATASHARES", shares.SHARES_SHAPE.partition(",managed_by")[0].partition(", managed_by")[0], shares.SHARES,
        like="share_name", order="share_name, share_type DESC"),
    _listing("DATASHARE",
        "producer_account varchar(16), producer_namespace varchar(64), share_type varchar(8), share_name varchar(128),"
        "object_type varchar(64), object_name varchar(512), include_new bool",
        shares.OBJECTS, named=("share_name", "share_type"), order="object_type, object_name"),
    _listing("SCHEMAS",
        f"database_name {_V}, schema_name {_V}, schema_owner int4, schema_type varchar(32), schema_acl {_V},"
        f"source_database {_V}, schema_option {_V}",
        f"SELECT COALESCE(n.database, {HERE}) AS database_name, n.name AS schema_name, n.owner AS schema_owner,"
        " CASE WHEN x.oid IS NULL THEN 'local' ELSE 'external' END AS schema_type,"
        f" {_ACL.format('n')} AS schema_acl, x.external_database AS source_database, x.options AS schema_option"
        " FROM sys_namespaces AS n LEFT JOIN sys_external_schemas AS x ON x.oid = n.oid WHERE n.name NOT LIKE 'pg\\_temp%' ESCAPE '\\'"
        " UNION ALL SELECT x.database, x.schema_name, NULL, 'shared', NULL, NULL, NULL FROM sys_shared_relations AS x"
        f" WHERE x.relation = 0 AND {shares.SEES_SHARED}",
        named=("database_name",), like="schema_name", order="2"),
    _listing("TABLES",
        f"database_name {_V}, schema_name {_V}, table_name {_V}, table_type {_V}, table_acl {_V}, remarks varchar(256),"
        f"owner {_V}, last_altered_time ts, last_modified_time ts, dist_style {_V}, table_subtype {_V}",
        f"SELECT {_TABLE}, CASE WHEN r.kind = 'v' THEN 'VIEW' ELSE 'TABLE' END AS table_type,"
        f" {_ACL.format('r')} AS table_acl, r.comment AS remarks, rs_pg_get_userbyid(r.owner) AS owner,"
        f" NULL AS last_altered_time, NULL AS last_modified_time, {_DISTSTYLE} AS dist_style,"
        f" {_SUBTYPE} AS table_subtype FROM {access.relations(everywhere=True)}"
        " UNION ALL SELECT n.database, n.name, t.name, 'EXTERNAL TABLE', NULL, NULL, rs_pg_get_userbyid(n.owner), NULL,"
        f" NULL, NULL, NULL FROM {svv_external.TABLES} WHERE {svv_external.SEES}"
        " UNION ALL SELECT x.database, x.schema_name, r.name, CASE WHEN r.kind = 'v' THEN 'VIEW' ELSE 'TABLE' END, NULL,"
        f" r.comment, NULL, NULL, NULL, NULL, {_SUBTYPE} FROM {shares.SHARED_TABLES} WHERE {shares.SEES_SHARED}",
        named=("database_name", "schema_name"), like="table_name", order="3"),
    _listing("COLUMNS",
        f"database_name {_V}, schema_name {_V}, table_name {_V}, column_name {_V}, ordinal_position int4,"
        f"column_default varchar(4000), is_nullable varchar(3), data_type {_V}, character_maximum_length int4,"
        f"numeric_precision int4, numeric_scale int4, remarks varchar(256), sort_key_type {_V}, sort_key int4,"
        f"dist_key int4, encoding {_V}, collation {_V}",
        f"SELECT {_TABLE}, c.name AS column_name, c.place AS ordinal_position,"
        " c.default AS column_default,"
        f" CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END AS is_nullable, {access.TYPE_NAME} AS data_type,"
        f" {access.CHARACTER_LENGTH} AS character_maximum_length, {access.PRECISION} AS numeric_precision,"
        f" {access.SCALE} AS numeric_scale, c.comment AS remarks,"
        " CASE WHEN c.sortkey = 0 THEN NULL WHEN r.sortstyle = '' THEN 'COMPOUND' ELSE r.sortstyle END AS sort_key_type,"
        " abs(c.sortkey) AS sort_key, CASE WHEN c.distkey THEN 1 ELSE 0 END AS dist_key, c.encoding,"
        " COALESCE(c.collation, CASE WHEN c.type IN (1042, 1043) THEN 'default' END) AS collation"
        f" FROM {access.columns(everywhere=True)} WHERE r.kind IN ('r', 'v')"
        " UNION ALL SELECT n.database, n.name, c.table_name, c.name, c.number, NULL, 'YES',"
        f" {access.TYPE_NAME}, {access.CHARACTER_LENGTH}, {access.PRECISION}, {access.SCALE}, NULL, NULL, 0, 0, NULL,"
        f" NULL FROM {svv_external.COLUMNS} WHERE {svv_external.SEES}"
        " UNION ALL SELECT x.database, x.schema_name, r.name, c.name, c.place, NULL,"
        f" CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END, {access.TYPE_NAME}, {access.CHARACTER_LENGTH},"
        f" {access.PRECISION}, {access.SCALE}, c.comment, NULL, 0, 0, NULL, NULL"
        f" FROM {shares.SHARED_COLUMNS} WHERE {shares.SEES_SHARED}",
        named=_NAME, like="column_name", order="5"),
    _listing("PRIMARY KEYS",
        f"database_name {_V}, schema_name {_V}, table_name {_V}, column_name {_V}, key_seq int4, pk_name {_V}",
        f"SELECT {_TABLE}, k.column_name, k.place AS key_seq, k.name AS pk_name FROM sys_key_columns AS k"
        f" JOIN (SELECT r.* FROM {access.relations(everywhere=True)}) AS r ON r.oid = k.relation WHERE k.kind = 'p'",
        named=_NAME, order="5"),
    *(_listing(topic,
        f"pk_database_name {_V}, pk_schema_name {_V}, pk_table_name {_V}, pk_column_name {_V}, fk_database_name {_V},"
        f"fk_schema_name {_V}, fk_table_name {_V}, fk_column_name {_V}, key_seq int4, update_rule int4,"
        f"delete_rule int4, fk_name {_V}, pk_name {_V}, deferrability int4",
        f"SELECT COALESCE(p.database, {HERE}) AS pk_database_name, p.schema_name AS pk_schema_name,"
        " p.name AS pk_table_name, k.target_column AS pk_column_name,"
        f" {_DB} AS fk_database_name, r.schema_name AS fk_schema_name, r.name AS fk_table_name,"
        " k.column_name AS fk_column_name, k.place AS key_seq,"
        # JDBC's numbers: importedKeyNoAction, importedKeyNotDeferrable.
        " 3 AS update_rule, 3 AS delete_rule, k.name AS fk_name,"
        " k.target_key AS pk_name, 7 AS deferrability FROM sys_key_columns AS k"
        f" JOIN (SELECT r.* FROM {access.relations(everywhere=True)}) AS r ON r.oid = k.relation"
        f" JOIN (SELECT r.* FROM {access.relations(everywhere=True)}) AS p ON p.oid = k.target WHERE k.kind = 'f'",
        named=tuple(f"{side}_{name}" for name in _NAME), order="12, 9")
        for topic, side in (("FOREIGN KEYS", "fk"), ("EXPORTED FOREIGN KEYS", "pk"))),
    *(_listing(topic,
        f"database_name {_V}, schema_name {_V}, {word}_name {_V}, number_of_arguments int4,"
        f"argument_list varchar(65535), return_type varchar(65535), remarks varchar(256)",
        f"SELECT {_ROUTINE} AS {word}_name, len(r.arguments) AS number_of_arguments, r.signature AS argument_list,"
        f" r.returned AS return_type, NULL AS remarks FROM sys_routines AS r WHERE r.kind = '{kind}' AND {access.SEES_ROUTINE}",
        named=("database_name", "schema_name"), like=f"{word}_name", order="3, 5")
        for topic, word, kind in (("PROCEDURES", "procedure", "p"), ("FUNCTIONS", "function", "f"))),
    *(_listing(f"PARAMETERS OF {word.upper()}",
        f"database_name {_V}, schema_name {_V}, {word}_name {_V}, parameter_name {_V}, ordinal_position int4,"
        f"parameter_type varchar(10), data_type {_V}, character_maximum_length int4, numeric_precision int4,"
        f"numeric_scale int4",
        f"SELECT {_ROUTINE} AS {word}_name, c.name AS parameter_name, c.number AS ordinal_position,"
        f" c.mode AS parameter_type, {access.TYPE_NAME} AS data_type, {access.CHARACTER_LENGTH} AS character_maximum_length,"
        f" {access.PRECISION} AS numeric_precision, {access.SCALE} AS numeric_scale, {_SPECIFIC} AS specific_name"
        f" FROM sys_parameters AS c JOIN sys_routines AS r ON r.oid = c.routine"
        f" WHERE r.kind = '{word[0]}' AND {access.SEES_ROUTINE}",
        named=("database_name", "schema_name", "specific_name"), like="parameter_name", order="5")
        for word in ("procedure", "function")),
    *(_listing(f"GRANTS ON {word}",
        f"schema_name {_V}, object_name {_V}, object_type {_V}, {_WHO_COLUMNS}, admin_option bool,"
        f"privilege_scope {_V}, database_name {_V}, grantor_name {_V}",
        f"SELECT r.schema_name, {_SPECIFIC} AS object_name, '{word}' AS object_type, {_WHO},"
        f" g.grantable AS admin_option, '{word}' AS privilege_scope, {_DB} AS database_name,"
        f" {_GRANTOR} FROM {_GRANTS} JOIN sys_routines AS r ON r.oid = g.object"
        f" WHERE g.kind = 'routine' AND r.kind = '{word[0].lower()}' AND {_SEES_GRANT}",
        named=("database_name", "schema_name", "object_name"), order="6, 4")
        for word in ("PROCEDURE", "FUNCTION")),
    _listing("GRANTS ON DATABASE",
        f"database_name {_V}, {_WHO_COLUMNS}, admin_option bool, privilege_scope {_V}, grantor_name {_V}",
        f"SELECT d.name AS database_name, {_WHO}, g.grantable AS admin_option, 'DATABASE' AS privilege_scope,"
        f" {_GRANTOR} FROM {_GRANTS} JOIN sys_databases AS d ON d.oid = g.object"
        f" WHERE g.kind = 'database' AND {_SEES_GRANT}"
        f" UNION ALL SELECT g.database, {_WHO}, g.grantable, g.object_kind, {_GRANTOR} FROM {_SCOPED}"
        f" WHERE g.schema = 0 AND {_SEES_GRANT}",
        named=("database_name",), order="4, 2"),
    _listing("GRANTS ON SCHEMA",
        f"schema_name {_V}, object_name {_V}, object_type {_V}, {_WHO_COLUMNS}, admin_option bool,"
        f"privilege_scope {_V}, database_name {_V}, grantor_name {_V}",
        f"SELECT n.name AS schema_name, n.name AS object_name, 'SCHEMA' AS object_type, {_WHO},"
        f" g.grantable AS admin_option, 'SCHEMA' AS privilege_scope, COALESCE(n.database, {HERE}) AS database_name,"
        f" {_GRANTOR} FROM {_GRANTS} JOIN sys_namespaces AS n ON n.oid = g.object"
        f" WHERE g.kind = 'schema' AND {_SEES_GRANT}"
        f" UNION ALL SELECT g.schema_name, g.schema_name, 'SCHEMA', {_WHO}, g.grantable, g.object_kind, g.database,"
        f" {_GRANTOR} FROM {_SCOPED} WHERE g.schema <> 0 AND {_SEES_GRANT}",
        named=("database_name", "schema_name"), order="6, 4"),
    _listing("GRANTS ON TABLE",
        f"schema_name {_V}, object_name {_V}, object_type {_V}, {_WHO_COLUMNS}, admin_option bool,"
        f"privilege_scope {_V}, database_name {_V}, grantor_name {_V}",
        "SELECT r.schema_name, r.name AS object_name, CASE WHEN r.kind = 'v' THEN 'VIEW' ELSE 'TABLE' END"
        f" AS object_type, {_WHO}, g.grantable AS admin_option, 'TABLE' AS privilege_scope, {_DB} AS database_name,"
        f" {_GRANTOR} FROM {_GRANTS} {_TABLE_GRANT} WHERE g.kind = 'table' AND g.column = '' AND {_SEES_GRANT}",
        named=("database_name", "schema_name", "object_name"), order="6, 4"),
    _listing("COLUMN GRANTS",
        f"database_name {_V}, schema_name {_V}, table_name {_V}, column_name {_V}, {_WHO_COLUMNS},"
        f"admin_option bool, grantor_name {_V}",
        f"SELECT {_TABLE}, g.column AS column_name, {_WHO}, g.grantable AS admin_option, {_GRANTOR}"
        f" FROM {_GRANTS} {_TABLE_GRANT} WHERE g.kind = 'table' AND g.column <> '' AND {_SEES_GRANT}",
        named=_NAME, like="column_name", order="4, 7, 5"),
    _listing("RLS POLICIES",
        f"policy_name {_V}, policy_alias {_V}, policy_atts varchar(65535), policy_qual varchar(65535),"
        f"policy_enabled bool, policy_modified_by {_V}, policy_modified_time ts",
        "SELECT q.database AS database_name, q.name AS policy_name, q.alias AS policy_alias, q.attributes AS policy_atts,"
        " q.condition AS policy_qual, q.enabled AS policy_enabled, q.modified_by AS policy_modified_by,"
        f" q.modified AS policy_modified_time FROM ({policies.RLS}) AS q",
        named=("database_name",), order="1"),
    _listing("RLS POLICIES ON",
        f"policy_name {_V}, schema_name {_V}, relation_name {_V}, relation_kind {_V}, grantor {_V}, grantee {_V},"
        f"grantee_kind {_V}, is_policy_on bool, is_rls_on bool, rls_conjunction_type bpchar(3)",
        "SELECT q.database AS database_name, q.policy_name, q.schema_name, q.relation_name, q.relation_kind, q.grantor,"
        " q.grantee, q.grantee AS identity_name, q.grantee_kind, q.grantee_kind AS identity_kind, q.is_policy_on,"
        f" q.is_rls_on, q.conjunction AS rls_conjunction_type FROM ({policies.ATTACHED}) AS q",
        named=("database_name", "schema_name", "relation_name"), order="1, 7, 6"),
    _listing("MASKING POLICIES",
        f"policy_name {_V}, input_columns varchar(65535), policy_expression varchar(65535), policy_modified_by {_V},"
        f"policy_modified_time ts",
        "SELECT q.database AS database_name, q.name AS policy_name, q.attributes AS input_columns,"
        " q.expressions AS policy_expression, q.modified_by AS policy_modified_by, q.modified AS policy_modified_time"
        f" FROM ({policies.MASKING}) AS q", named=("database_name",), order="1"),
    _listing("MASKING POLICIES ON",
        f"policy_name {_V}, schema_name {_V}, relation_name {_V}, relation_type {_V}, grantor {_V}, grantee {_V},"
        f"grantee_type {_V}, priority int4, input_columns varchar(65535), output_columns varchar(65535)",
        "SELECT q.database AS database_name, q.policy_name, q.schema_name, q.relation_name,"
        " q.relation_kind AS relation_type, q.grantor, q.grantee, q.grantee AS identity_name,"
        " q.grantee_kind AS grantee_type, q.grantee_kind AS identity_kind, q.priority, q.input_columns, q.output_columns"
        f" FROM ({policies.MASKED}) AS q",
        named=("database_name", "schema_name", "relation_name"), order="8 DESC, 1, 7, 6"),
    _listing("GRANTS FOR",
        f"database_name {_V}, schema_name {_V}, object_name {_V}, object_type {_V}, {_WHO_COLUMNS},"
        f"privilege_scope {_V}, grantor_name {_V}",
        f"SELECT {_DB} AS database_name, r.schema_name, r.name AS object_name,"
        f" CASE WHEN r.kind = 'v' THEN 'VIEW' ELSE 'TABLE' END AS object_type, {_WHO}, 'TABLE' AS privilege_scope,"
        f" {_GRANTOR} FROM {_GRANTS} {_TABLE_GRANT} WHERE g.kind = 'table' AND g.column = '' AND {_SEES_GRANT}"
        f" UNION ALL SELECT COALESCE(n.database, {HERE}), n.name, n.name, 'SCHEMA', {_WHO}, 'SCHEMA', {_GRANTOR}"
        f" FROM {_GRANTS} JOIN sys_namespaces AS n ON n.oid = g.object WHERE g.kind = 'schema' AND {_SEES_GRANT}"
        f" UNION ALL SELECT d.name, NULL, d.name, 'DATABASE', {_WHO}, 'DATABASE', {_GRANTOR}"
        f" FROM {_GRANTS} JOIN sys_databases AS d ON d.oid = g.object WHERE g.kind = 'database' AND {_SEES_GRANT}"
        " UNION ALL SELECT g.database, g.schema_name, COALESCE(g.schema_name, g.database),"
        f" CASE WHEN g.schema = 0 THEN 'DATABASE' ELSE 'SCHEMA' END, {_WHO}, g.object_kind, {_GRANTOR}"
        f" FROM {_SCOPED} WHERE {_SEES_GRANT}",
        named=("database_name", "identity_name"), order="4, 2, 3, 5"),
)
# fmt: on


def _of_database(topic: str, listing: str, order: str, **filtered: str) -> Listing:
    """Return the list of a whole database, which redshift_connector and JDBC ask for, from that of a part of it."""
    of = next(row for row in ROWS if row.topic == listing)
    named = tuple((f"{word}_name", column) for word, column in filtered.items())
    return replace(of, topic=topic, named=("database_name",), like="", filtered=named, order=order)


_BATCHES: Final = (
    _of_database("TABLES OF DATABASE", "TABLES", "2, 3", schema="schema_name", table="table_name"),
    _of_database(
        "COLUMNS OF DATABASE", "COLUMNS", "2, 3, 5", schema="schema_name", table="table_name", column="column_name"
    ),
    _of_database("GRANTS OF DATABASE", "GRANTS ON TABLE", "1, 2, 6, 4", schema="schema_name", table="object_name"),
)
LISTINGS: Final = {row.topic: row for row in (*ROWS, *_BATCHES)}
