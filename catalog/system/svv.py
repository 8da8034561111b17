"""SVV views over the catalog: tables, columns, schemas, databases, users and privileges.

Redshift, "SVV metadata views". Names of databases, schemas, tables and columns are VARCHAR(128).
"""

from typing import Final

from catalog.system import access, shares, svv_external
from catalog.system.access import HERE
from catalog.system.spec import SEES_ALL, SUPERUSER, Columns, SystemView, Visible, columns

_V = "varchar(128)"
_TYPE = "CASE WHEN r.kind = 'v' THEN 'VIEW' ELSE 'TABLE' END"
_DB = f"COALESCE(r.database, {HERE})"
_ACL = "array_to_string({}.acl, '~')"
_NULLABLE = "CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END"
_ALL_COLUMNS = access.columns(everywhere=True)
_USERS_COLUMNS = access.columns(everywhere=True, system=False)
_LIMIT = "COALESCE(CAST(u.connection_limit AS VARCHAR), 'UNLIMITED')"
_SYSLOG = "CASE WHEN u.superuser OR u.syslog_unrestricted THEN 'UNRESTRICTED' ELSE 'RESTRICTED' END"
_IDENTITY = "LEFT JOIN sys_grantees AS w ON w.oid = g.grantee"
_WHO = (
    "g.privilege AS privilege_type, g.grantee AS identity_id, w.name AS identity_name, w.kind AS identity_type,"
    " g.grantable AS admin_option"
)
_SEES_GRANT = (
    f"({SUPERUSER} OR g.grantee IN"
    f" (SELECT m.grantee FROM sys_members AS m WHERE m.member = {access.ME}) OR g.grantor = {access.ME})"
)
_WHO_COLUMNS = "privilege_type text, identity_id int4, identity_name text, identity_type text, admin_option bool"


def _view(oid: int, name: str, shape: str, query: str, visible: Visible = "all") -> SystemView:
    shown: Columns = columns(shape)
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=shown, query=query, visible=visible,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


_USED = "COALESCE(CAST(ceil(u.bytes / 1048576.0) AS INTEGER), 0)"
_QUOTAS = (
    "(SELECT n.* FROM sys_namespaces AS n WHERE n.quota_mb IS NOT NULL) AS n LEFT JOIN (SELECT r.schema, sum(s.bytes)"
    " AS bytes FROM sys_storage AS s JOIN sys_relations AS r ON r.oid = s.relation GROUP BY r.schema) AS u"
    " ON u.schema = n.oid"
)

# fmt: off
ROWS: Final = (
    _view(4_100, "svv_tables",
        "table_catalog text, table_schema text, table_name text, table_type text, remarks text",
        f"SELECT {_DB} AS table_catalog, r.schema_name AS table_schema, r.name AS table_name,"
        " CASE WHEN r.kind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type, r.comment AS remarks"
        f" FROM {access.relations()} UNION ALL SELECT n.database, n.name, t.name, 'EXTERNAL TABLE', NULL"
        f" FROM {svv_external.TABLES} WHERE n.database = {HERE} AND {svv_external.SEES}"),
    _view(4_101, "svv_columns",
        "table_catalog text, table_schema text, table_name text, column_name text, ordinal_position int4,"
        "column_default text, is_nullable text, data_type text, character_maximum_length int4, numeric_precision int4,"
        "numeric_precision_radix int4, numeric_scale int4, datetime_precision int4, interval_type text,"
        "interval_precision text, character_set_catalog text, character_set_schema text, character_set_name text,"
        "collation_catalog text, collation_schema text, collation_name text, domain_name text, remarks text",
        f"SELECT {_DB} AS table_catalog, r.schema_name AS table_schema, r.name AS table_name, c.name AS column_name,"
        f" c.number AS ordinal_position, c.default AS column_default, {_NULLABLE} AS is_nullable,"
        f" {access.TYPE_NAME} AS data_type, {access.CHARACTER_LENGTH} AS character_maximum_length,"
        f" {access.PRECISION} AS numeric_precision,"
        " CASE WHEN c.type = 1700 THEN 10 WHEN c.type IN (20, 21, 23, 700, 701) THEN 2 END AS numeric_precision_radix,"
        f" {access.SCALE} AS numeric_scale,"
        " CASE WHEN c.type IN (1083, 1114, 1184, 1266) THEN 6 END AS datetime_precision, NULL AS interval_type,"
        " NULL AS interval_precision, NULL AS character_set_catalog, NULL AS character_set_schema,"
        " NULL AS character_set_name, NULL AS collation_catalog, NULL AS collation_schema,"
        " c.collation AS collation_name, NULL AS domain_name, c.comment AS remarks"
        f" FROM {access.columns()} WHERE r.kind IN ('r', 'v')"
        f" UNION ALL SELECT {_DB}, r.schema_name, r.name, c.name, c.number, NULL, 'YES', {access.TYPE_NAME},"
        f" {access.CHARACTER_LENGTH}, {access.PRECISION},"
        " CASE WHEN c.type = 1700 THEN 10 WHEN c.type IN (20, 21, 23, 700, 701) THEN 2 END,"
        f" {access.SCALE}, CASE WHEN c.type IN (1083, 1114, 1184, 1266) THEN 6 END, NULL, NULL, NULL, NULL, NULL,"
        f" NULL, NULL, NULL, NULL, NULL FROM {access.late_columns()}"
        " UNION ALL SELECT n.database, n.name, c.table_name, c.name, c.number, NULL, 'YES',"
        f" {access.TYPE_NAME}, {access.CHARACTER_LENGTH}, {access.PRECISION},"
        " CASE WHEN c.type = 1700 THEN 10 WHEN c.type IN (20, 21, 23, 700, 701) THEN 2 END,"
        f" {access.SCALE}, CASE WHEN c.type = 1114 THEN 6 END, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
        f" NULL FROM {svv_external.COLUMNS} WHERE n.database = {HERE} AND {svv_external.SEES}"),
    _view(4_102, "svv_all_tables",
        f"database_name {_V}, schema_name {_V}, table_name {_V}, table_type {_V}, table_acl {_V}, remarks varchar(256)",
        f"SELECT {_DB} AS database_name, r.schema_name, r.name AS table_name, {_TYPE} AS table_type,"
        f" {_ACL.format('r')} AS table_acl, r.comment AS remarks FROM {access.relations(everywhere=True)}"
        " UNION ALL SELECT n.database, n.name, t.name, 'EXTERNAL TABLE', NULL, NULL"
        f" FROM {svv_external.TABLES} WHERE {svv_external.SEES}"
        f" UNION ALL SELECT x.database, x.schema_name, r.name, {_TYPE}, NULL, r.comment"
        f" FROM {shares.SHARED_TABLES} WHERE {shares.SEES_SHARED}"),
    _view(4_103, "svv_all_columns",
        f"database_name {_V}, schema_name {_V}, table_name {_V}, column_name {_V}, ordinal_position int4,"
        f"column_default varchar(4000), is_nullable varchar(3), data_type {_V}, character_maximum_length int4,"
        "numeric_precision int4, numeric_scale int4, remarks varchar(256)",
        f"SELECT {_DB} AS database_name, r.schema_name, r.name AS table_name, c.name AS column_name,"
        f" c.number AS ordinal_position, c.default AS column_default, {_NULLABLE} AS is_nullable,"
        f" {access.TYPE_NAME} AS data_type, {access.CHARACTER_LENGTH} AS character_maximum_length,"
        f" {access.PRECISION} AS numeric_precision, {access.SCALE} AS numeric_scale, c.comment AS remarks"
        f" FROM {_ALL_COLUMNS} WHERE r.kind IN ('r', 'v')"
        " UNION ALL SELECT n.database, n.name, c.table_name, c.name, c.number, NULL, 'YES',"
        f" {access.TYPE_NAME}, {access.CHARACTER_LENGTH}, {access.PRECISION}, {access.SCALE}, NULL"
        f" FROM {svv_external.COLUMNS} WHERE {svv_external.SEES}"
        f" UNION ALL SELECT x.database, x.schema_name, r.name, c.name, c.place, NULL, {_NULLABLE},"
        f" {access.TYPE_NAME}, {access.CHARACTER_LENGTH}, {access.PRECISION}, {access.SCALE}, c.comment"
        f" FROM {shares.SHARED_COLUMNS} WHERE {shares.SEES_SHARED}"),
    _view(4_104, "svv_all_schemas",
        f"database_name {_V}, schema_name {_V}, schema_owner int4, schema_type {_V}, schema_acl {_V},"
        f"source_database {_V}, schema_option varchar(256)",
        f"SELECT COALESCE(n.database, {HERE}) AS database_name, n.name AS schema_name, n.owner AS schema_owner,"
        " CASE WHEN x.oid IS NULL THEN 'local' ELSE 'external' END AS schema_type,"
        f" {_ACL.format('n')} AS schema_acl, x.external_database AS source_database, x.options AS schema_option"
        " FROM sys_namespaces AS n LEFT JOIN sys_external_schemas AS x ON x.oid = n.oid"
        " UNION ALL SELECT x.database, x.schema_name, NULL, 'shared', NULL, NULL, NULL FROM sys_shared_relations AS x"
        f" WHERE x.relation = 0 AND {shares.SEES_SHARED}"),
    _view(4_105, "svv_redshift_databases",
        f"database_name {_V}, database_owner int4, database_type varchar(32), database_acl {_V},"
        f"database_options {_V}, database_isolation_level {_V}",
        "SELECT d.name AS database_name, d.owner AS database_owner,"
        " CASE WHEN d.oid IN (SELECT x.oid FROM sys_share_databases AS x) THEN 'shared' ELSE 'local' END AS database_type,"
        f" {_ACL.format('d')} AS database_acl, NULL AS database_options, d.isolation AS database_isolation_level"
        " FROM sys_databases AS d WHERE d.allow"),
    _view(4_106, "svv_redshift_schemas",
        f"database_name {_V}, schema_name {_V}, schema_owner int4, schema_type varchar(16), schema_acl {_V},"
        f"schema_option {_V}",
        f"SELECT COALESCE(n.database, {HERE}) AS database_name, n.name AS schema_name, n.owner AS schema_owner,"
        f" 'local' AS schema_type, {_ACL.format('n')} AS schema_acl, NULL AS schema_option FROM sys_namespaces AS n"
        " WHERE n.oid NOT IN (SELECT x.oid FROM sys_external_schemas AS x)"),
    _view(4_107, "svv_redshift_tables",
        f"database_name {_V}, schema_name {_V}, table_name {_V}, table_type {_V}, table_acl {_V}, remarks {_V},"
        f"table_owner {_V}",
        f"SELECT {_DB} AS database_name, r.schema_name, r.name AS table_name, {_TYPE} AS table_type,"
        f" {_ACL.format('r')} AS table_acl, r.comment AS remarks, rs_pg_get_userbyid(r.owner) AS table_owner"
        f" FROM {access.relations(everywhere=True)}"),
    _view(4_108, "svv_redshift_columns",
        f"database_name {_V}, schema_name {_V}, table_name {_V}, column_name {_V}, ordinal_position int4,"
        f"data_type varchar(32), column_default varchar(4000), is_nullable varchar(3), encoding {_V}, distkey bool,"
        f"sortkey int4, column_acl {_V}, remarks varchar(256)",
        f"SELECT {_DB} AS database_name, r.schema_name, r.name AS table_name, c.name AS column_name,"
        f" c.number AS ordinal_position, c.format AS data_type, c.default AS column_default,"
        f" {_NULLABLE} AS is_nullable, c.encoding, c.distkey, c.sortkey, {_ACL.format('c')} AS column_acl,"
        f" c.comment AS remarks FROM {_ALL_COLUMNS} WHERE r.kind IN ('r', 'v')"),
    _view(4_109, "svv_redshift_functions",
        f"database_name {_V}, schema_name {_V}, function_name {_V}, function_type {_V}, argument_type varchar(512),"
        f"result_type {_V}",
        f"SELECT COALESCE(r.database, {access.HERE}) AS database_name, r.schema_name, r.name AS function_name,"
        " CASE r.kind WHEN 'p' THEN 'STORED PROCEDURE' ELSE 'REGULAR FUNCTION' END AS function_type,"
        " r.signature AS argument_type,"
        " CASE WHEN r.result <> 2278 THEN rs_format_type(r.result, -1) END AS result_type FROM sys_routines AS r"),
    _view(4_110, "svv_table_info",
        'database text, schema text, table_id oid, "table" text, encoded text, diststyle text, sortkey1 text,'
        "max_varchar int4, sortkey1_enc bpchar(32), sortkey_num int4, size int8, pct_used numeric(10,4), empty int8,"
        "unsorted numeric(5,2), stats_off numeric(5,2), tbl_rows numeric(38,0), skew_sortkey1 numeric(19,2),"
        "skew_rows numeric(19,2), estimated_visible_rows numeric(38,0), risk_event text,"
        "vacuum_sort_benefit numeric(12,2), create_time ts",
        # Redshift lists no empty tables.
        f'SELECT {_DB} AS database, r.schema_name AS schema, r.oid AS table_id, COALESCE(m.name, r.name) AS "table",'
        " CASE WHEN k.encoded THEN 'Y' ELSE 'N' END AS encoded, r.diststyle,"
        " COALESCE(CASE WHEN r.sortstyle = 'INTERLEAVED' THEN r.sortstyle END, k.sortkey1, CASE WHEN r.sortstyle = 'AUTO' THEN 'AUTO(SORTKEY)' END) AS sortkey1,"
        " COALESCE(k.max_varchar, 0) AS max_varchar, k.sortkey1_enc, COALESCE(k.sortkey_num, 0) AS sortkey_num,"
        " GREATEST(1, CAST(ceil(s.bytes / 1048576.0) AS BIGINT)) AS size, 0 AS pct_used, 0 AS empty,"
        " CASE WHEN k.sortkey_num > 0 THEN 100 * s.unsorted END AS unsorted, 0 AS stats_off, s.rows + s.deleted AS tbl_rows,"
        " NULL AS skew_sortkey1, CASE WHEN r.diststyle LIKE '%ALL%' THEN NULL ELSE 1 END AS skew_rows,"
        " s.rows AS estimated_visible_rows, NULL AS risk_event, NULL AS vacuum_sort_benefit, r.created AS create_time"
        f" FROM (SELECT r.* FROM {access.relations(kinds=chr(39) + 'r' + chr(39), system=False)}) AS r"
        # The table of a materialized view goes by the view's name here.
        " LEFT JOIN (SELECT m.storage, v.name FROM sys_materialized AS m JOIN sys_relations AS v"
        " ON v.oid = m.relation) AS m ON m.storage = r.oid"
        " JOIN sys_storage AS s ON s.relation = r.oid LEFT JOIN (SELECT c.relation,"
        " bool_or(c.encoding NOT IN ('none', 'raw')) AS encoded, max(c.name) FILTER (c.sortkey = 1) AS sortkey1,"
        " max(c.modifier - 4) FILTER (c.type = 1043) AS max_varchar,"
        " max(c.encoding) FILTER (c.sortkey = 1) AS sortkey1_enc, count(*) FILTER (c.sortkey <> 0) AS sortkey_num"
        " FROM sys_columns AS c GROUP BY c.relation) AS k ON k.relation = r.oid WHERE s.rows > 0", "superuser"),
    _view(4_200, "svv_mv_info",
        "database_name bpchar(128), schema_name bpchar(128), user_name bpchar(128), name bpchar(128),"
        "is_stale bpchar(1), state int4, autorewrite bpchar(1), autorefresh bpchar(1)",
        "SELECT r.database AS database_name, r.schema_name, u.name AS user_name, r.name,"
        f" {access.switch('s.stale')} AS is_stale, m.state, {access.switch('s.rewrites')} AS autorewrite,"
        f" {access.switch('m.auto_refresh')} AS autorefresh FROM {access.MATERIALIZED} WHERE {access.SEES}"),
    _view(4_201, "svv_mv_dependency",
        "database_name bpchar(128), schema_name bpchar(128), name bpchar(128), dependent_database_name bpchar(128),"
        "dependent_schema_name bpchar(128), dependent_name bpchar(128)",
        "SELECT r.database AS database_name, r.schema_name, r.name, o.database AS dependent_database_name,"
        " o.schema_name AS dependent_schema_name, o.name AS dependent_name"
        f" FROM {access.MATERIALIZED_ON} WHERE {access.SEES}"),
    _view(4_111, "svv_user_info",
        "user_name text, user_id int4, createdb bool, superuser bool, catalog_update bool, connection_limit text,"
        "syslog_access text, last_ddl_timestamp ts, session_timeout int4, external_user_id text",
        "SELECT u.name AS user_name, u.oid AS user_id, u.createdb, u.superuser, u.oid = 1 AS catalog_update,"
        f" {_LIMIT} AS connection_limit, {_SYSLOG} AS syslog_access, NULL AS last_ddl_timestamp,"
        " COALESCE(u.session_timeout_s, 0) AS session_timeout, NULL AS external_user_id FROM sys_users AS u"),
    _view(4_112, "svl_user_info",
        "usename name, usesysid int4, usecreatedb bool, usesuper bool, usecatupd bool, useconnlimit text,"
        "syslogaccess text, last_ddl_ts ts, sessiontimeout int4, external_id text",
        "SELECT u.name AS usename, u.oid AS usesysid, u.createdb AS usecreatedb, u.superuser AS usesuper,"
        f" u.oid = 1 AS usecatupd, {_LIMIT} AS useconnlimit, {_SYSLOG} AS syslogaccess, NULL AS last_ddl_ts,"
        " COALESCE(u.session_timeout_s, 0) AS sessiontimeout, NULL AS external_id FROM sys_users AS u", "superuser"),
    _view(4_113, "svv_relation_privileges",
        "namespace_name text, relation_name text, " + _WHO_COLUMNS,
        f"SELECT r.schema_name AS namespace_name, r.name AS relation_name, {_WHO} FROM sys_grants AS g"
        f" JOIN sys_relations AS r ON r.oid = g.object {_IDENTITY} WHERE g.kind = 'table' AND g.column = ''"
        f" AND COALESCE(r.database, {HERE}) = {HERE} AND {_SEES_GRANT}"),
    _view(4_114, "svv_column_privileges",
        "namespace_name text, relation_name text, column_name text, privilege_type text, identity_id int4,"
        "identity_name text, identity_type text",
        f"SELECT r.schema_name AS namespace_name, r.name AS relation_name, g.column AS column_name, {_WHO}"
        f" FROM sys_grants AS g JOIN sys_relations AS r ON r.oid = g.object {_IDENTITY} WHERE g.kind = 'table'"
        f" AND g.column <> '' AND COALESCE(r.database, {HERE}) = {HERE} AND {_SEES_GRANT}"),
    _view(4_115, "svv_schema_privileges",
        "namespace_name text, " + _WHO_COLUMNS + ", privilege_scope text",
        f"SELECT n.name AS namespace_name, {_WHO}, 'SCHEMA' AS privilege_scope FROM sys_grants AS g"
        f" JOIN sys_namespaces AS n ON n.oid = g.object {_IDENTITY} WHERE g.kind = 'schema'"
        f" AND COALESCE(n.database, {HERE}) = {HERE} AND {_SEES_GRANT}"
        f" UNION ALL SELECT g.schema_name, {_WHO}, g.object_kind FROM sys_scoped_grants AS g {_IDENTITY}"
        f" WHERE g.schema <> 0 AND g.database = {HERE} AND {_SEES_GRANT}"),
    _view(4_116, "svv_database_privileges",
        "database_name text, " + _WHO_COLUMNS + ", privilege_scope text",
        f"SELECT d.name AS database_name, {_WHO}, 'DATABASE' AS privilege_scope FROM sys_grants AS g"
        f" JOIN sys_databases AS d ON d.oid = g.object {_IDENTITY} WHERE g.kind = 'database' AND {_SEES_GRANT}"
        f" UNION ALL SELECT g.database, {_WHO}, g.object_kind FROM sys_scoped_grants AS g {_IDENTITY}"
        f" WHERE g.schema = 0 AND {_SEES_GRANT}"),
    _view(4_117, "svv_transactions",
        "txn_owner text, txn_db text, xid int8, pid int4, txn_start ts, lock_mode text, lockable_object_type text,"
        "relation int4, granted bool",
        "SELECT s.user_name AS txn_owner, s.database AS txn_db, l.xid, l.pid, s.xact_started AS txn_start,"
        " l.mode AS lock_mode, CASE WHEN l.relation IS NULL THEN 'transactionid' ELSE 'relation' END"
        " AS lockable_object_type, l.relation, l.granted FROM sys_locks AS l JOIN sys_sessions AS s ON s.pid = l.pid"
        f" WHERE s.user_oid = {access.ME} OR {SUPERUSER}"),
    _view(4_202, "svv_function_privileges", "namespace_name text, function_name text, argument_types text, " + _WHO_COLUMNS,
        f"SELECT r.schema_name AS namespace_name, r.name AS function_name, r.signature AS argument_types, {_WHO}"
        f" FROM sys_grants AS g JOIN sys_routines AS r ON r.oid = g.object {_IDENTITY} WHERE g.kind = 'routine'"
        f" AND COALESCE(r.database, {HERE}) = {HERE} AND {_SEES_GRANT}"),
    _view(4_203, "svv_language_privileges", "language_name text, " + _WHO_COLUMNS,
        f"SELECT l.name AS language_name, {_WHO} FROM sys_grants AS g JOIN sys_languages AS l ON l.oid = g.object"
        f" {_IDENTITY} WHERE g.kind = 'language' AND {_SEES_GRANT}"),
    _view(4_224, "svv_redshift_schema_quota",
        "database_name varchar(128), schema_name varchar(128), schema_owner int4, quota int4, disk_usage int4",
        f"SELECT n.database AS database_name, n.name AS schema_name, n.owner AS schema_owner, n.quota_mb AS quota,"
        f" {_USED} AS disk_usage FROM {_QUOTAS} WHERE {SUPERUSER} OR n.owner = {access.ME}"),
    _view(4_225, "svv_schema_quota_state",
        "schema_id int4, schema_name bpchar(128), schema_owner int4, quota int4, disk_usage int4, disk_usage_pct float8",
        f"SELECT n.oid AS schema_id, n.name AS schema_name, n.owner AS schema_owner, n.quota_mb AS quota,"
        f" {_USED} AS disk_usage, 100.0 * {_USED} / n.quota_mb AS disk_usage_pct FROM {_QUOTAS}"
        f" WHERE n.database = {HERE} AND ({SUPERUSER} OR n.owner = {access.ME})"),
    _view(4_219, "svv_interleaved_columns", "tbl int4, col int4, interleaved_skew numeric(19,2), last_reindex ts",
        "SELECT c.relation AS tbl, c.number - 1 AS col, 1 AS interleaved_skew, (SELECT max(v.ended) FROM sys_vacuums AS v"
        " WHERE v.relation = c.relation AND v.mode = 'REINDEX') AS last_reindex FROM sys_columns AS c"
        " WHERE c.sortkey <> 0 AND c.relation IN (SELECT i.relation FROM sys_columns AS i WHERE i.sortkey < 0)",
        "superuser"),
    _view(4_222, "svv_vacuum_summary",
        "table_name text, xid int8, sort_partitions int8, merge_increments int8, elapsed_time int8, row_delta int8,"
        "sortedrow_delta int8, block_delta int4, max_merge_partitions int4",
        "SELECT v.name AS table_name, v.xid, 1 AS sort_partitions, 0 AS merge_increments,"
        " date_diff('microsecond', v.started, v.ended) AS elapsed_time, COALESCE(v.rows_after - v.rows, 0) AS row_delta,"
        " COALESCE(v.sorted_after - v.sorted, 0) AS sortedrow_delta, COALESCE(v.blocks_after - v.blocks, 0) AS block_delta,"
        " 0 AS max_merge_partitions FROM sys_vacuums AS v", "superuser"),
    _view(4_221, "svv_vacuum_progress", "table_name text, status text, time_remaining_estimate text",
        # What is being done, else what was done last.
        "SELECT w.name AS table_name, w.status, NULL AS time_remaining_estimate FROM sys_vacuuming AS w UNION ALL"
        " SELECT l.name, 'Complete', NULL FROM (SELECT v.name FROM sys_vacuums AS v ORDER BY v.ended DESC LIMIT 1) AS l"
        " WHERE NOT EXISTS (SELECT 1 FROM sys_vacuuming AS w)", "superuser"),
    _view(4_226, "svv_active_cursors",
        "user_id int4, cursor_name varchar(256), transaction_id int8, session_id int4, declare_time ts,"
        "total_bytes int8, total_rows int8, fetched_rows int8",
        "SELECT c.userid AS user_id, c.name AS cursor_name, c.xid AS transaction_id, c.pid AS session_id,"
        " c.declared AS declare_time, NULL AS total_bytes, NULL AS total_rows, c.fetched AS fetched_rows"
        f" FROM sys_cursors AS c WHERE c.userid = {access.ME} OR {SEES_ALL}"),
    *(_view(oid, f"svv_{kind}_columns",
        "f_table_catalog varchar(128), f_table_schema varchar(128), f_table_name varchar(128),"
        f"f_{kind}_column varchar(128), coord_dimension int4, srid int4, type varchar(30)",
        f"SELECT r.database AS f_table_catalog, r.schema_name AS f_table_schema, r.name AS f_table_name,"
        f" c.name AS f_{kind}_column, 2 AS coord_dimension, {srid} AS srid, '{kind.upper()}' AS type"
        f" FROM {access.columns(system=False)} WHERE c.type = {number}")
      for oid, kind, number, srid in ((4_228, "geometry", 3000, 0), (4_239, "geography", 3001, 4326))),
)
# fmt: on
