"""SYS views: monitoring of provisioned clusters and serverless alike. Redshift, "SYS monitoring views"."""

from typing import Final

from catalog.system import stl, wlm
from catalog.system.spec import SystemView, Visible, columns


def _view(
    oid: int, name: str, shape: str, query: str = "", visible: Visible = "own", owner: str = "user_id"
) -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible=visible, owner=owner,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


# fmt: off
ROWS: Final = (
    _view(5_300, "sys_query_history",
        "user_id int4, query_id int8, query_label bpchar(320), transaction_id int8, session_id int4,"
        "database_name bpchar(128), query_type bpchar(32), status bpchar(10), result_cache_hit bool, start_time ts,"
        "end_time ts, elapsed_time int8, queue_time int8, execution_time int8, error_message bpchar(512),"
        "returned_rows int8, returned_bytes int8, query_text bpchar(4000), redshift_version bpchar(256),"
        "usage_limit bpchar(150), compute_type varchar(32), compile_time int8, planning_time int8,"
        "lock_wait_time int8, service_class_id int4, service_class_name bpchar(64), query_priority bpchar(20),"
        "short_query_accelerated bpchar(10), user_query_hash bpchar(40), generic_query_hash bpchar(40),"
        "query_hash_version int4, result_cache_query_id int4, username bpchar(128)",
        "SELECT s.userid AS user_id, s.query AS query_id, s.label AS query_label, s.xid AS transaction_id,"
        " s.pid AS session_id, s.database AS database_name, s.kind AS query_type, s.status,"
        " s.cached AS result_cache_hit, s.started AS start_time, s.ended AS end_time,"
        " date_diff('microsecond', s.started, s.ended) AS elapsed_time, COALESCE(s.queue_us + s.waited_us, 0) AS queue_time,"
        f" COALESCE({wlm.RAN}, date_diff('microsecond', s.started, s.ended)) AS execution_time, s.error AS error_message,"
        " s.rows AS returned_rows, s.bytes AS returned_bytes, substr(s.text, 1, 4000) AS query_text,"
        " getvariable('version') AS redshift_version, NULL AS usage_limit, s.compute AS compute_type,"
        " 0 AS compile_time, COALESCE(greatest(0, date_diff('microsecond', s.started, s.queue_started) - s.waited_us), 0)"
        " AS planning_time, 0 AS lock_wait_time, s.service_class AS service_class_id,"
        " s.service_class_name, COALESCE(s.priority, 'n/a') AS query_priority,"
        f" CASE WHEN s.service_class = {wlm.SHORT} THEN 'true' ELSE 'false' END AS short_query_accelerated,"
        " md5(s.text) AS user_query_hash, md5(s.text) AS generic_query_hash, 1 AS query_hash_version,"
        " s.source AS result_cache_query_id, s.user_name AS username FROM (SELECT q.* EXCLUDE (steps),"
        " CASE WHEN contains(q.steps, ',spark,') THEN 'spark' ELSE 'primary' END AS compute FROM sys_queries AS q"
        # What runs now has no end yet.
        " UNION ALL SELECT a.query_id, a.user_oid, a.user_name, a.label, a.xid, a.pid, a.database, a.query,"
        " COALESCE(a.kind, 'UTILITY'), CASE w.state WHEN 'QueuedWaiting' THEN 'queued' WHEN 'Returning' THEN 'returning'"
        " ELSE 'running' END, '', a.query_started, NULL, w.returned, NULL, FALSE, w.service_class, w.service_class_name,"
        " w.slots, w.entered, w.queue_us, 0, w.priority, NULL, w.task, NULL, 'primary' FROM sys_sessions AS a"
        " LEFT JOIN sys_wlm_statements AS w ON w.pid = a.pid WHERE a.state = 'active') AS s"),
    _view(5_301, "sys_query_text",
        "user_id int4, query_id int8, transaction_id int8, session_id int4, start_time ts, sequence int4,"
        "text bpchar(4000), query_uuid bpchar(36)",
        "SELECT p.userid AS user_id, p.query AS query_id, p.xid AS transaction_id, p.pid AS session_id,"
        " p.started AS start_time, p.place AS sequence,"
        " substr(p.line, CAST(p.place * 4000 + 1 AS BIGINT), 4000) AS text, NULL AS query_uuid FROM"
        " (SELECT q.*, unnest(range(0, greatest(1, CAST(ceil(length(q.line) / 4000.0) AS BIGINT)))) AS place FROM"
        " (SELECT s.*, replace(s.text, chr(10), '\\n') AS line FROM sys_queries AS s) AS q) AS p"),
    _view(5_302, "sys_load_history",
        "user_id int4, query_id int8, transaction_id int8, session_id int4, database_name text, status text,"
        "table_name text, start_time ts, end_time ts, duration int8, data_source text, file_format text,"
        "loaded_rows int8, loaded_bytes int8, source_file_count int4, source_file_bytes int8,"
        "file_count_scanned int4, file_bytes_scanned int8, error_count int8, copy_job_id int8",
        "SELECT l.userid AS user_id, l.query AS query_id, l.xid AS transaction_id, l.pid AS session_id,"
        " l.database AS database_name, replace(l.status, 'failed', 'aborted') AS status, l.relation_name AS table_name, l.started AS start_time,"
        " l.ended AS end_time, date_diff('microsecond', l.started, l.ended) AS duration, l.source AS data_source,"
        " l.format AS file_format, l.rows AS loaded_rows, l.bytes AS loaded_bytes, l.files AS source_file_count,"
        " l.bytes AS source_file_bytes, l.files AS file_count_scanned, l.bytes AS file_bytes_scanned,"
        " l.errors AS error_count, COALESCE(l.job, -1) AS copy_job_id FROM sys_loads AS l"
        " UNION ALL SELECT t.userid, t.query, t.xid, t.pid, t.database, 'running', t.relation_name, t.started, NULL,"
        " NULL, t.source, t.format, t.rows, t.bytes, t.all_files, t.all_bytes, t.files, t.bytes, 0, t.job"
        " FROM sys_transfers AS t WHERE t.loads"),
    _view(5_303, "sys_load_detail",
        "user_id int4, query_id int4, file_name bpchar(256), bytes_scanned int4, lines_scanned int4, record_time ts,"
        "splits_scanned int4, start_time ts, end_time ts, file_etag bpchar(256), file_last_modified ts",
        "SELECT f.userid AS user_id, f.query AS query_id, f.filename AS file_name,"
        " LEAST(f.bytes, 2147483647) AS bytes_scanned, f.lines AS lines_scanned, f.ended AS record_time,"
        " 1 AS splits_scanned, NULL AS start_time, f.ended AS end_time, NULL AS file_etag, NULL AS file_last_modified"
        " FROM sys_load_files AS f"),
    _view(5_304, "sys_load_error_detail",
        "user_id int4, query_id int8, transaction_id int8, session_id int4, database_name bpchar(64), table_id int4,"
        "start_time ts, file_name bpchar(256), line_number int8, column_name bpchar(127), column_type bpchar(10),"
        "column_length bpchar(10), position int4, error_code int4, error_message bpchar(512)",
        "SELECT e.userid AS user_id, e.query AS query_id, e.xid AS transaction_id, e.session AS session_id,"
        " e.database AS database_name, e.tbl AS table_id, e.starttime AS start_time, e.filename AS file_name,"
        " e.line_number, e.colname AS column_name, e.type AS column_type, e.col_length AS column_length, e.position,"
        " e.err_code AS error_code, e.err_reason AS error_message FROM sys_load_errors AS e"),
    _view(5_305, "sys_unload_history",
        "user_id int4, query_id int8, transaction_id int8, session_id int4, database_name text, status text,"
        "start_time ts, end_time ts, duration int8, file_format text, compression_type text, unloaded_location text,"
        "unloaded_rows int8, unloaded_files_count int8, unloaded_files_size int8, error_message text",
        "SELECT u.userid AS user_id, u.query AS query_id, any_value(u.xid) AS transaction_id,"
        " any_value(u.pid) AS session_id, any_value(u.database) AS database_name,"
        " COALESCE(any_value(u.status), 'completed') AS status,"
        " min(u.started) AS start_time, max(u.ended) AS end_time,"
        " date_diff('microsecond', min(u.started), max(u.ended)) AS duration, any_value(u.format) AS file_format,"
        " any_value(u.compression) AS compression_type, min(u.path) AS unloaded_location, sum(u.rows) AS unloaded_rows,"
        " count(*) FILTER (WHERE COALESCE(u.status, '') <> 'aborted') AS unloaded_files_count,"
        " sum(u.bytes) AS unloaded_files_size, COALESCE(any_value(u.error), '') AS error_message"
        " FROM sys_unloads AS u GROUP BY u.userid, u.query"
        " UNION ALL SELECT t.userid, t.query, t.xid, t.pid, t.database, 'running', t.started, NULL, NULL, t.format,"
        " t.compression, t.source, t.rows, t.files, t.bytes, '' FROM sys_transfers AS t WHERE NOT t.loads"),
    _view(5_306, "sys_unload_detail",
        "user_id int4, query_id int8, session_id int4, transaction_id int8, file_name bpchar(1280), start_time ts,"
        "end_time ts, line_count int8, transfer_size int8, file_format bpchar(10)",
        "SELECT u.userid AS user_id, u.query AS query_id, u.pid AS session_id, u.xid AS transaction_id,"
        " u.path AS file_name, u.started AS start_time, u.ended AS end_time, u.rows AS line_count,"
        " u.bytes AS transfer_size, u.format AS file_format FROM sys_unloads AS u"
        " WHERE COALESCE(u.status, '') <> 'aborted'"),
    _view(5_307, "sys_connection_log",
        "event bpchar(50), record_time ts, remote_host bpchar(45), remote_port bpchar(32), session_id int4,"
        "database_name bpchar(50), user_name bpchar(50), auth_method bpchar(32), duration int4, ssl_version bpchar(50),"
        "ssl_cipher bpchar(128), mtu int4, ssl_compression bpchar(64), ssl_expansion bpchar(64),"
        "iam_auth_guid bpchar(36), application_name bpchar(250), driver_version bpchar(64), os_version bpchar(64),"
        "plugin_name bpchar(32), protocol_version int4, global_session_id bpchar(36)",
        "SELECT c.event, c.time AS record_time, c.host AS remote_host, c.port AS remote_port, c.pid AS session_id,"
        " c.database AS database_name, c.user_name, c.method AS auth_method, c.duration, c.tls_version AS ssl_version,"
        " c.tls_cipher AS ssl_cipher, 0 AS mtu, '' AS ssl_compression, '' AS ssl_expansion, '' AS iam_auth_guid,"
        " c.application AS application_name, c.driver AS driver_version, c.os AS os_version, c.plugin AS plugin_name,"
        " c.protocol AS protocol_version, '' AS global_session_id FROM sys_connections AS c", "superuser"),
    _view(5_308, "sys_session_history",
        "user_id bpchar(50), session_id int4, database_name bpchar(50), status bpchar(20), session_timeout int4,"
        "start_time ts, end_time ts",
        "SELECT CAST(s.user_oid AS VARCHAR) AS user_id, s.pid AS session_id, s.database AS database_name,"
        " 'active' AS status, COALESCE(s.timeout_s, 0) AS session_timeout, s.started AS start_time, NULL AS end_time"
        " FROM sys_sessions AS s UNION ALL SELECT CAST(u.oid AS VARCHAR), c.pid, c.database, 'closed', 0,"
        " c.time - to_microseconds(c.duration), c.time FROM sys_connections AS c LEFT JOIN sys_users AS u"
        " ON u.name = c.user_name WHERE c.event = 'disconnecting session'"),
    _view(5_311, "sys_transaction_history",
        "user_id int4, transaction_id int8, isolation_level text, status text, transaction_start_time ts,"
        "commit_start_time ts, commit_end_time ts, blocks_committed int8, undo_transaction_id int8",
        "SELECT t.userid AS user_id, t.xid AS transaction_id, t.isolation AS isolation_level, t.status,"
        " t.started AS transaction_start_time, CASE WHEN t.status = 'committed' THEN t.ended END AS commit_start_time,"
        " CASE WHEN t.status = 'committed' THEN t.ended END AS commit_end_time, 0 AS blocks_committed,"
        " CASE WHEN t.status = 'committed' THEN -1 ELSE t.xid END AS undo_transaction_id FROM sys_transactions AS t",
        "superuser"),
    _view(5_312, "sys_userlog",
        "user_id int4, user_name bpchar(50), original_user_name bpchar(50), action bpchar(10),"
        "has_create_db_privs int4, is_superuser int4, has_update_catalog_privs int4, password_expiration ts,"
        "session_id int4, transaction_id int8, record_time ts",
        "SELECT c.userid AS user_id, c.username AS user_name, c.oldusername AS original_user_name, c.action,"
        " c.usecreatedb AS has_create_db_privs, c.usesuper AS is_superuser, 0 AS has_update_catalog_privs,"
        " c.valuntil AS password_expiration, c.pid AS session_id, c.xid AS transaction_id,"
        " c.recordtime AS record_time FROM sys_user_changes AS c", "superuser"),
    _view(5_313, "sys_procedure_call",
        "session_user_id int4, security_user_id int4, query_id int4, query_text bpchar(4000), start_time ts,"
        "end_time ts, status bpchar(10), caller_procedure_query_id int4, query_uuid bpchar(36)",
        "SELECT c.session_userid AS session_user_id, c.userid AS security_user_id, c.query AS query_id,"
        " c.querytxt AS query_text, c.starttime AS start_time, c.endtime AS end_time,"
        " CASE WHEN c.aborted = 1 THEN 'failed' ELSE 'success' END AS status,"
        " c.from_sp_call AS caller_procedure_query_id, NULL AS query_uuid FROM sys_calls AS c", "own",
        "session_user_id"),
    _view(5_314, "sys_procedure_messages",
        "transaction_id int8, query_id int8, record_time ts, log_level bpchar(10), message bpchar(1024),"
        "line_number int4",
        "SELECT m.xid AS transaction_id, m.query AS query_id, m.recordtime AS record_time,"
        " m.loglevel_text AS log_level, m.message, m.linenum AS line_number, m.session_userid AS user_id"
        " FROM sys_messages AS m", "own"),
    _view(5_315, "sys_mv_refresh_history",
        "user_id int4, session_id int4, transaction_id int8, database_name bpchar(128), schema_name bpchar(128),"
        "mv_id int8, mv_name bpchar(128), refresh_type bpchar(32), status text, start_time ts, end_time ts,"
        "duration int8, consumer_account bpchar(12), consumer_region bpchar(32), consumer_namespace bpchar(36)",
        "SELECT f.userid AS user_id, f.pid AS session_id, f.xid AS transaction_id, f.database AS database_name,"
        " f.schema_name, f.view AS mv_id, f.name AS mv_name, f.refresh_type, f.status, f.started AS start_time,"
        " f.ended AS end_time, date_diff('microsecond', f.started, f.ended) AS duration, NULL AS consumer_account,"
        " NULL AS consumer_region, NULL AS consumer_namespace FROM sys_mv_refreshes AS f"),
    _view(5_316, "sys_vacuum_history",
        "user_id int4, transaction_id int8, query_id int8, database_name text, schema_name text, table_name text,"
        "table_id int4, vacuum_type bpchar(20), is_automatic bool, status text, start_time ts, end_time ts,"
        "record_time ts, duration int8, rows_before_vacuum int8, size_before_vacuum int8, reclaimable_rows int8,"
        "reclaimed_rows int8, reclaimed_blocks int8, sortedrows_before_vacuum int8, sortedrows_after_vacuum int8",
        "SELECT v.userid AS user_id, v.xid AS transaction_id, CASE WHEN v.automatic THEN NULL ELSE v.query END AS query_id,"
        " v.database AS database_name, v.schema_name, v.name AS table_name, v.relation AS table_id,"
        " upper(left(v.mode, 1)) || lower(substr(replace(v.mode, ' ONLY', ''), 2)) AS vacuum_type,"
        " COALESCE(v.automatic, FALSE) AS is_automatic,"
        " CASE v.status WHEN 'Finished' THEN 'Complete' ELSE v.status END AS status, v.started AS start_time, v.ended AS end_time, v.ended AS record_time,"
        " date_diff('microsecond', v.started, v.ended) AS duration, v.rows AS rows_before_vacuum,"
        " v.blocks AS size_before_vacuum, v.deleted AS reclaimable_rows, v.rows - v.rows_after AS reclaimed_rows,"
        " v.blocks - v.blocks_after AS reclaimed_blocks, v.sorted AS sortedrows_before_vacuum,"
        " v.sorted_after AS sortedrows_after_vacuum FROM sys_vacuums AS v"),
    _view(5_317, "sys_analyze_history",
        "user_id int4, transaction_id int8, query_id int8, database_name text, schema_name text, table_name text,"
        "table_id int4, is_automatic bpchar(1), status bpchar(15), start_time ts, end_time ts, rows float8,"
        "modified_rows float8, analyze_threshold_percent int4, last_analyze_time ts",
        "SELECT a.userid AS user_id, a.xid AS transaction_id, a.query AS query_id, a.database AS database_name,"
        " a.schema_name, a.name AS table_name, a.relation AS table_id, 'f' AS is_automatic, a.status,"
        " a.started AS start_time, a.ended AS end_time, COALESCE(z.rows, 0) AS rows, 0 AS modified_rows,"
        " 10 AS analyze_threshold_percent, lag(a.ended) OVER (PARTITION BY a.relation ORDER BY a.ended)"
        " AS last_analyze_time FROM sys_analyzes AS a LEFT JOIN sys_storage AS z ON z.relation = a.relation"),
    _view(5_321, "sys_child_query_text",
        "user_id int4, query_id int8, child_query_sequence int4, sequence int4, text bpchar(200)",
        "SELECT p.userid AS user_id, p.query AS query_id, 1 AS child_query_sequence, p.sequence, p.text"
        f" FROM ({stl.query_pieces()}) AS p"),
    _view(5_318, "sys_external_query_detail",
        "user_id int4, query_id int8, child_query_sequence int4, transaction_id int8, segment_id int4,"
        "source_type bpchar(32), start_time ts, end_time ts, duration int8, total_partitions int4,"
        "qualified_partitions int4, scanned_files int8, returned_rows int8, returned_bytes int8, file_format text,"
        "file_location text, external_query_text text, warning_message bpchar(4000), table_name bpchar(136),"
        "is_recursive bpchar(1), is_nested bpchar(1), s3list_time int8, get_partition_time int8"),
    _view(5_319, "sys_serverless_usage",
        "start_time ts, end_time ts, compute_seconds float8, compute_capacity float8, data_storage int4,"
        "cross_region_transferred_data int4, charged_seconds int4", "", "all"),
    _view(6_085, "sys_stream_scan_errors",
        "external_schema_name bpchar(128), stream_name bpchar(255), mv_name bpchar(128), transaction_id int8,"
        "query_id int8, stream_timestamp_type bpchar(1), stream_timestamp ts, record_time ts, partition_id bpchar(128),"
        "position bpchar(128), error_code int4, error_reason bpchar(128)",
        "SELECT e.schema_name AS external_schema_name, e.stream AS stream_name, e.view AS mv_name,"
        " e.xid AS transaction_id, e.query AS query_id, e.kind AS stream_timestamp_type, e.arrived AS stream_timestamp,"
        ' e.time AS record_time, e.part AS partition_id, e.position AS "position", e.code AS error_code,'
        " e.reason AS error_reason, e.userid FROM sys_stream_errors AS e", owner="userid"),
    _view(6_086, "sys_stream_scan_states",
        "external_schema_name bpchar(128), stream_name bpchar(255), mv_name bpchar(128), transaction_id int8,"
        "query_id int8, record_time ts, partition_id bpchar(128), latest_position bpchar(128), scanned_rows int8,"
        "skipped_rows int8, scanned_bytes int8, stream_record_time_min ts, stream_record_time_max ts",
        "SELECT s.schema_name AS external_schema_name, s.stream AS stream_name, s.view AS mv_name,"
        " s.xid AS transaction_id, s.query AS query_id, s.time AS record_time, s.part AS partition_id,"
        " s.position AS latest_position, s.scanned AS scanned_rows, s.skipped AS skipped_rows,"
        " s.bytes AS scanned_bytes, s.first AS stream_record_time_min, s.last AS stream_record_time_max, s.userid"
        " FROM sys_stream_scans AS s", owner="userid"),
)
# fmt: on
