"""The shapes of the ``sys_*`` sources: one Arrow schema each, and what each is about.

The names and types here are the contract between ``sources``, the views' queries and the macros.
"""

from typing import Final

import pyarrow as pa

_NAMES: Final = pa.list_(pa.string())
_TYPES: Final = {
    "oid": pa.uint32(), "text": pa.string(), "bool": pa.bool_(), "int2": pa.int16(), "int4": pa.int32(),
    "int8": pa.int64(), "ts": pa.timestamp("us"), "names": _NAMES, "int2s": pa.list_(pa.int16()),
    "oids": pa.list_(pa.uint32()), "float8": pa.float64(),
}  # fmt: skip


def _shape(text: str) -> pa.Schema:
    pairs = (part.split() for part in text.split(","))
    return pa.schema([pa.field(name, _TYPES[kind]) for name, kind in pairs])


_PLACE: Final = (
    "service_class int4, service_class_name text, slots int4, queue_started ts, queue_us int8, waited_us int8,"
    "priority text, memory int8, task int8"
)
"""Where a statement ran and how long it waited: null for the leader's own."""
CATALOG: Final[dict[str, pa.Schema]] = {
    # One row a database; `allow` is false for those that are listed only.
    "sys_databases": _shape(
        "oid oid, name text, owner oid, acl names, isolation text, connection_limit int4, allow bool"
    ),
    # `database` is null for the schemas that every database has.
    "sys_namespaces": _shape("oid oid, name text, owner oid, acl names, database text, quota_mb int4, system bool"),
    # Tables, views, indexes (kind i) and the system's own views; `linked`: by a foreign key, either way.
    "sys_relations": _shape(
        "oid oid, name text, schema oid, schema_name text, database text, kind text, owner oid, acl names,"
        "temporary bool, columns int2, keys bool, diststyle text, sortstyle text, definition text,"
        "late_binding bool, comment text, backup bool, created ts, linked bool, system bool"
    ),
    # `number` is not used again where a column went; `place` is without gaps.
    "sys_columns": _shape(
        "relation oid, name text, number int2, type oid, modifier int4, format text, not_null bool,"
        "default text, identity bool, encoding text, distkey bool, sortkey int4, collation text, comment text,"
        "acl names, place int2"
    ),
    "sys_constraints": _shape(
        "oid oid, name text, schema oid, relation oid, kind text, columns names, numbers int2s, target oid,"
        "target_columns names, target_numbers int2s, index oid, definition text, target_key text"
    ),
    # The columns of keys, one by one: the engine orders joins by what it counts in a column, not within lists.
    "sys_key_columns": _shape(
        "name text, kind text, relation oid, place int4, column_name text, target oid, target_column text, target_key text"
    ),
    # Users' functions (kind f) and procedures (kind p); `shown` is the argument list, `definition` the DDL.
    "sys_routines": _shape(
        "oid oid, name text, schema oid, schema_name text, database text, owner oid, language oid, kind text,"
        "volatile text, arguments oids, result oid, shown text, signature text, returned text, keys names, names names, modes names, types oids, body text,"
        "definer bool, acl names, definition text"
    ),
    # Functions that are built in.
    "sys_builtins": _shape(
        "oid oid, name text, arguments oids, result oid, kind text, volatile text, shown text"
    ),
    "sys_parameters": _shape("routine oid, name text, number int4, mode text, type oid, modifier int4, format text"),
    # `acl` is null where nobody has changed it.
    "sys_languages": _shape("oid oid, name text, trusted bool, owner oid, acl names"),
    "sys_types": _shape(
        "oid oid, name text, sql text, length int2, category text, kind text, element oid, array oid, input oid,"
        "output oid, receive oid, send oid"
    ),
    "sys_users": _shape(
        "oid oid, name text, superuser bool, createdb bool, valid_until ts, connection_limit int4,"
        "syslog_unrestricted bool, session_timeout_s int4, settings names"
    ),
    "sys_groups": _shape("oid oid, name text, members oids"),
    # Roles, and who holds them: users and roles.
    "sys_roles": _shape("oid oid, name text, owner oid, external_id text, permissions names"),
    "sys_role_members": _shape("role oid, member oid, admin bool"),
    # Everyone that a privilege may be granted to; `kind` is user, group, role or public.
    "sys_grantees": _shape("oid oid, name text, kind text"),
    # What ALTER DEFAULT PRIVILEGES said; `schema` is 0 for all.
    "sys_default_privileges": _shape(
        "owner oid, schema oid, object_kind text, grantee oid, grantor oid, privilege text, grantable bool"
    ),
    "sys_default_acls": _shape("oid oid, owner oid, schema oid, object_kind text, acl names"),
    # ASSUMEROLE; `implied` is what holds for everybody until it is revoked.
    "sys_iam_grants": _shape("role text, command text, grantee oid, implied bool"),
    # Whom a user may act as: itself, its groups and roles, and PUBLIC (0).
    "sys_members": _shape("member oid, grantee oid"),
    # One row a privilege; `kind` is table, schema, database, routine or language; `column` is empty for the whole object.
    "sys_grants": _shape(
        "object oid, kind text, column text, grantee oid, grantor oid, privilege text, grantable bool"
    ),
    # Scoped permissions; `schema` is 0 for the whole database.
    "sys_scoped_grants": _shape(
        "schema oid, schema_name text, database text, object_kind text, grantee oid, grantor oid, privilege text,"
        "grantable bool"
    ),
    # Policies; `attributes` and `expressions` are JSON, as are the paths of `inputs` and `outputs`.
    "sys_rls_policies": _shape(
        "oid oid, database text, name text, alias text, attributes text, condition text, modified_by oid, modified ts"
    ),
    "sys_masking_policies": _shape(
        "oid oid, database text, name text, attributes text, expressions text, modified_by oid, modified ts"
    ),
    # Relations that something was said of; `attached`: whether an RLS policy is.
    "sys_protections": _shape(
        "relation oid, row_security bool, any_of bool, shared bool, shared_any_of bool, attached bool"
    ),
    "sys_identity_providers": _shape(
        "uid int4, name text, type text, instanceid text, namespc text, params text, enabled bool"
    ),
    "sys_copy_jobs": _shape("oid oid, database text, name text, owner oid, iam_role text, text text, auto bool"),
    "sys_rls_attachments": _shape("relation oid, policy oid, grantee oid, grantor oid"),
    "sys_mask_attachments": _shape(
        "relation oid, policy oid, grantee oid, grantor oid, priority int4, inputs text, outputs text, shared bool"
    ),
    "sys_dependencies": _shape("dependent oid, referenced oid"),
    # Remarks on what is no relation or column, by catalogue and OID.
    "sys_comments": _shape("object oid, catalog oid, text text"),
    # External schemas, and what data catalogs tell of what is in them; `part_key` counts partition keys from 1.
    "sys_datashares": _shape(
        "oid oid, name text, owner oid, source oid, source_name text, public bool, acl names, created ts, managed_by text"
    ),
    "sys_datashare_consumers": _shape("share oid, account text, namespace text, since ts"),
    "sys_datashare_objects": _shape(
        "share oid, object oid, type text, schema_name text, name text, include_new bool"
    ),
    # Databases made of datashares; `share` is 0 where it is gone.
    "sys_share_databases": _shape("oid oid, name text, share_name text, share oid"),
    "sys_shared_relations": _shape(
        "oid oid, database text, owner oid, share oid, schema oid, schema_name text, relation oid"
    ),
    "sys_external_schemas": _shape(
        "oid oid, kind int2, name text, owner oid, database text, external_database text, options text"
    ),
    "sys_external_databases": _shape("kind int4, options text, name text, location text, parameters text"),
    "sys_external_tables": _shape(
        "schema oid, oid oid, name text, location text, input_format text, output_format text, serde text,"
        "serde_parameters text, compressed int4, parameters text"
    ),
    "sys_external_columns": _shape(
        "schema oid, relation oid, table_name text, name text, external_type text, number int4, part_key int4,"
        "format text, type oid, modifier int4"
    ),
    "sys_external_partitions": _shape(
        "schema oid, relation oid, table_name text, values text, location text, input_format text, output_format text,"
        "serde text, serde_parameters text, compressed int4, parameters text"
    ),
    # Materialized views; the rows of one are in the table `storage`.
    "sys_materialized": _shape("relation oid, storage oid, state int4, auto_refresh bool"),
}
"""Built from the catalog: they change when its version does."""

LIVE: Final[dict[str, pa.Schema]] = {
    "sys_settings": _shape("name text, value text, description text, context text, default text"),
    "sys_sessions": _shape(
        "pid int4, user_oid oid, user_name text, database text, started ts, state text, query text, query_started ts,"
        "query_id int8, xid int8, xact_started ts, application text, host text, port int4, timeout_s int4, label text, kind text"
    ),
    # The columns of views WITH NO SCHEMA BINDING, as their queries are now.
    "sys_late_columns": _shape("relation oid, name text, number int4, format text, type oid, modifier int4"),
    "sys_storage": _shape("relation oid, rows int8, bytes int8, files int8, deleted int8, unsorted float8"),
    "sys_locks": _shape("pid int4, xid int8, relation oid, mode text, granted bool"),
    # Queries that ended, newest last; `kind` as SYS_QUERY_HISTORY.query_type says it, `steps` like
    # ``scan:OID,hashjoin,insert:OID,return``.
    "sys_queries": _shape(
        "query int8, userid int4, user_name text, label text, xid int8, pid int4, database text, text text, kind text,"
        "status text, error text, started ts, ended ts, rows int8, bytes int8, cached bool, steps text," + _PLACE + ", source int8"
    ),
    # Statements that left a queue for another; rules that were met.
    "sys_evictions": _shape("query int8, userid int4, xid int8, pid int4, ended ts," + _PLACE),
    "sys_rule_actions": _shape(
        "userid int4, query int8, service_class int4, service_class_name text, rule text, action text,"
        "action_value text, recordtime ts"
    ),
    # The queues: who waits (position counts from 0) and runs, all service classes, who goes where, predicates of rules.
    "sys_wlm_statements": _shape(
        "pid int4, userid int4, xid int8, task int8, query int8, service_class int4, service_class_name text, slots int4,"
        "state text, entered ts, queue_us int8, exec_us int8, priority text, position int4, returned int8, scanned int8"
    ),
    "sys_wlm_classes": _shape(
        "service_class int4, name text, strategy text, slots int4, memory_mb int4, max_execution_time int8,"
        "users_wild bool, labels_wild bool, roles_wild bool, scaling text, priority text, waiting int4, running int4,"
        "serviced int4, executed int4, evicted int4"
    ),
    "sys_wlm_conditions": _shape("id int4, condition text, service_class int4"),
    "sys_wlm_rules": _shape(
        "service_class int4, rule text, action text, metric text, operator text, value float8, action_value text"
    ),
    # What procedures raised; `loglevel` as SVL_STORED_PROC_MESSAGES numbers it.
    "sys_messages": _shape(
        "userid int4, session_userid int4, pid int4, xid int8, query int8, recordtime ts, loglevel int4,"
        "loglevel_text text, message text, linenum int4, querytxt text, label text, aborted int4"
    ),
    # Calls of procedures that ended, newest last.
    "sys_calls": _shape(
        "userid int4, session_userid int4, query int8, label text, xid int8, pid int4, database text, querytxt text,"
        "starttime ts, endtime ts, aborted int4, from_sp_call int8"
    ),
    # Policies that stood between a statement and a relation; `command` as SVV_RLS_APPLIED_POLICY has it, `policy` null
    # where row-level security let nothing through.
    "sys_applied_policies": _shape(
        "userid int4, user_name text, query int8, xid int8, pid int4, time ts, command text, database text,"
        "schema_name text, relation_name text, policy text, masking bool"
    ),
    "sys_load_errors": _shape(
        "userid int4, slice int4, tbl int4, starttime ts, session int4, query int4, filename text, line_number int8,"
        "colname text, type text, col_length text, position int4, raw_line text, raw_field_value text, err_code int4,"
        "err_reason text, is_partial int4, start_offset int8, copy_job_id int8, xid int8, database text"
    ),
    "sys_vacuums": _shape(
        "userid int4, xid int8, query int8, database text, schema_name text, relation int8, name text, mode text,"
        "status text, started ts, ended ts, rows int8, automatic bool, deleted int8, sorted int8, blocks int8,"
        "rows_after int8, sorted_after int8, blocks_after int8"
    ),
    # The tables that are being put in order.
    "sys_vacuuming": _shape("name text, status text"),
    # What was done to users; transactions that wrote or were blocks; those that gave way to others.
    "sys_user_changes": _shape(
        "userid int4, username text, oldusername text, action text, usecreatedb int4, usesuper int4, valuntil ts,"
        "pid int4, xid int8, recordtime ts"
    ),
    "sys_transactions": _shape(
        "userid int4, xid int8, pid int4, isolation text, status text, started ts, ended ts"
    ),
    "sys_conflicts": _shape("xid int8, pid int4, started ts, ended ts, relation int8"),
    "sys_analyzes": _shape(
        "userid int4, xid int8, query int8, database text, schema_name text, relation int8, name text, status text,"
        "started ts, ended ts"
    ),
    # SQL cursors of all sessions; the statements that the session has prepared; the disk of the data folder.
    "sys_cursors": _shape(
        "userid int4, pid int4, xid int8, name text, query text, declared ts, fetched int8"
    ),
    "sys_prepared": _shape("name text, query text, types names"),
    "sys_disk": _shape("used int8, capacity int8"),
    "sys_terminations": _shape("pid int4, eventtime ts, userid int4, type text"),
    "sys_stale": _shape("relation oid, stale bool, rewrites bool"),
    "sys_mv_refreshes": _shape(
        "userid int4, pid int4, xid int8, database text, schema_name text, view int8, name text, refresh_type text,"
        "status text, started ts, ended ts"
    ),
    "sys_share_changes": _shape(
        "userid int4, username text, pid int4, xid int8, share_id int8, share_name text, source_id int8,"
        "source_name text, time ts, action text, consumer_account text, consumer_namespace text, producer_account text,"
        "producer_namespace text"
    ),
    "sys_stream_scans": _shape(
        "userid int4, schema_name text, stream text, view text, xid int8, query int8, time ts, part text,"
        "position text, scanned int8, skipped int8, bytes int8, first ts, last ts"
    ),
    "sys_stream_errors": _shape(
        "userid int4, schema_name text, stream text, view text, xid int8, query int8, time ts, part text,"
        "position text, kind text, arrived ts, code int4, reason text"
    ),
    "sys_integrations": _shape(
        "integration_id text, target_database text, source text, state text, lag int8, checkpoint text, created ts,"
        "refresh_interval int4, source_database text, history_mode bool, reason text"
    ),
    "sys_integration_tables": _shape(
        "integration_id text, target_database text, schema_name text, name text, state text, checkpoint text,"
        "reason text, updated ts, relation oid"
    ),
    "sys_integration_runs": _shape(
        "integration_id text, database text, checkpoint text, type text, bytes int8, committed ts, tables int4,"
        "started ts, ended ts"
    ),
    "sys_integration_changes": _shape(
        "integration_id text, checkpoint text, database text, schema_name text, name text, relation int8, time ts,"
        "xid int8, inserted int8, deleted int8, updated int8, bytes int8"
    ),
    "sys_integration_states": _shape(
        "integration_id text, database text, schema_name text, name text, state text, checkpoint text, reason text,"
        "time ts"
    ),
    "sys_loads": _shape(
        "query int8, userid int4, xid int8, pid int4, database text, relation oid, relation_name text, status text,"
        "started ts, ended ts, source text, format text, rows int8, bytes int8, files int4, errors int8,"
        "job int8"
    ),
    "sys_load_files": _shape(
        "query int8, userid int4, filename text, lines int8, bytes int8, ended ts, format text, job int8"
    ),
    "sys_transfers": _shape(
        "loads bool, userid int4, pid int4, query int8, xid int8, database text, relation_name text, started ts,"
        "source text, format text, compression text, job int8, rows int8, bytes int8, files int4, file text,"
        "all_files int4, all_bytes int8, packed bool"
    ),
    "sys_replacements": _shape(
        "userid int4, query int8, tbl int4, started ts, pid int4, filename text, line int8, colname text, raw_line text"
    ),
    "sys_simplifications": _shape(
        "userid int4, query int8, recorded ts, maximum float8, line int8, initial_size int8, simplified text,"
        "final_size int8, tolerance float8"
    ),
    "sys_job_messages": _shape("job int8, userid int4, name text, database text, time ts, message text"),
    "sys_copied_files": _shape(
        "job int8, location text, bytes int8, version text, modified ts, enqueued ts, status text"
    ),
    "sys_unloads": _shape(
        "query int8, userid int4, xid int8, pid int4, database text, path text, format text, started ts, ended ts,"
        "rows int8, bytes int8, status text, error text, compression text"
    ),
    "sys_connections": _shape(
        "event text, time ts, host text, port text, pid int4, database text, user_name text, method text,"
        "duration int8, tls_version text, tls_cipher text, application text, driver text, os text, plugin text,"
        "protocol int4"
    ),
}
"""Given by the running server; a missing one is empty."""
