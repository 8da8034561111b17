"""Views of the right shape about what never happens here: other nodes' disks, datashares, integrations, streams, Spectrum.

Redshift, "System tables and views". A view whose facts the server gets to know moves to its family's module.
"""

from typing import Final

from catalog.system.spec import SystemView, Visible, columns

_WHO: Final = "privilege_type text, identity_id int4, identity_name text, identity_type text, admin_option bool"
_S3QUERY: Final = (
    "external_table_name bpchar(136), file_format bpchar(16), is_partitioned bpchar(1), is_rrscan bpchar(1),"
    "is_nested bpchar(1), s3_scanned_rows int8, s3_scanned_bytes int8, s3query_returned_rows int8,"
    "s3query_returned_bytes int8"
)
_S3LIST: Final = (
    "query int4, segment int4, node int4, slice int4, eventtime ts, bucket text, prefix text, recursive bpchar(1),"
    "retrieved_files int4, max_file_size int8, avg_file_size float8, generated_splits int4, avg_split_length float8,"
    "duration int8"
)
_S3PARTITIONS: Final = (
    "query int4, segment int4, assignment bpchar(1), min_starttime ts, max_endtime ts, min_duration int8,"
    "max_duration int8, avg_duration int8, total_partitions int4, qualified_partitions int4,"
    "min_assigned_partitions int4, max_assigned_partitions int4, avg_assigned_partitions int8"
)
_S3SUMMARY: Final = (
    "userid int4, query int4, xid int8, pid int4, segment int4, step int4, starttime ts, endtime ts, elapsed int8,"
    "aborted int4, " + _S3QUERY + ", files int8, files_max int4, files_avg int8, splits int8, splits_max int4,"
    "splits_avg int8, total_split_size int8, max_split_size int8, avg_split_size int8, total_retries int8,"
    "max_retries int4, max_request_duration int4, avg_request_duration float8, max_request_parallelism int4,"
    "avg_request_parallelism float8, total_slowdown_count int8, max_slowdown_count int4"
)
_COMPILE: Final = (
    "userid int4, xid int8, pid int4, query int4, segment int4, locus int4, starttime ts, endtime ts, compile int4"
)
_CONSUMER: Final = "request_type varchar(25), transaction_uid varchar(50)"
_SHARED: Final = (
    "object_type varchar(64), object_oid int4, object_name varchar(128), consumer_account varchar(16),"
    "consumer_namespace varchar(64), consumer_transaction_uid varchar(50)"
)
_QUOTA: Final = "schema_id int4, schema_name bpchar(128), quota int4, disk_usage int4"

# fmt: off
_SHAPES: Final[tuple[tuple[int, str, Visible, str], ...]] = (
    # What a cluster's nodes and its maintenance tell of themselves.
    (6_000, "stl_analyze_compression", "own", "userid int4, start_time ts, xid int8, tbl int4, tablename bpchar(128), col int4, old_encoding bpchar(15), new_encoding bpchar(15), mode bpchar(14), best_compression_encoding bpchar(15), recommended_bytes bpchar(15), best_compression_bytes bpchar(15), ndv int8"),
    (6_001, "stl_commit_stats", "superuser", "xid int8, node int4, startqueue ts, startwork ts, endflush ts, endstage ts, endlocal ts, startglobal ts, endtime ts, queuelen int8, permblocks int8, newblocks int8, dirtyblocks int8, headers int8, numxids int4, oldestxid int8, extwritelatency int8, metadatawritten int4, tombstonedblocks int8, tossedblocks int8, batched_by int8"),
    (6_002, "stl_disk_full_diag", "superuser", "currenttime int8, node_num int8, query_id int8, temp_blocks int8"),
    (6_003, "stl_mv_state", "own", "userid int8, starttime ts, xid int8, event_desc bpchar(500), db_name bpchar(128), base_table_schema bpchar(128), base_table_name bpchar(128), mv_schema bpchar(128), mv_name bpchar(128), state bpchar(32)"),
    (6_005, "stl_restarted_sessions", "superuser", "currenttime ts, dbname bpchar(50), newpid int4, oldpid int4, username bpchar(50), remotehost bpchar(45), remoteport bpchar(32), parkedtime ts, session_vars bpchar(2000)"),
    (6_006, "stl_s3client_error", "own", "userid int4, query int4, sliceid int4, recordtime ts, pid int4, http_method bpchar(64), bucket bpchar(64), key bpchar(256), error bpchar(1024), is_partial int4, start_offset int8"),
    (6_007, "stl_schema_quota_violations", "own", "ownerid int4, xid int8, pid int4, userid int4, " + _QUOTA + ", disk_usage_pct float8, timestamp ts"),
    (6_008, "stl_sshclient_error", "own", "userid int4, query int4, slice int4, recordtime ts, pid int4, ssh_username bpchar(1024), endpoint bpchar(1024), command bpchar(4096), error bpchar(1024)"),
    (6_009, "stl_usage_control", "superuser", "eventtime ts, query int4, xid int8, pid int4, usage_limit_id bpchar(40), feature_type bpchar(30)"),
    (6_010, "stl_wlm_error", "own", "userid int4, recordtime ts, pid int4, error_string bpchar(256)"),
    (6_012, "stl_file_scan", "own", "userid int4, query int4, slice int4, name bpchar(90), lines int8, bytes int8, loadtime int8, curtime ts, is_partial int4, start_offset int8"),
    (6_013, "stv_ml_model_info", "all", "schema_name bpchar(128), user_name bpchar(128), model_name bpchar(128), life_cycle bpchar(20), is_refreshable int4, model_state bpchar(128)"),
    (6_015, "stv_startup_recovery_state", "superuser", "db_id int4, table_id int4, table_name bpchar(137)"),
    (6_016, "stv_tbl_trans", "superuser", "slice int4, id int4, rows int8, size int8, query_id int8, ref_cnt int4, from_suspended int4, prep_swap int4"),
    (6_019, "stv_xrestore_alter_queue_state", "own", "userid int8, db_id int8, schema bpchar(128), table_name bpchar(128), tbl int8, status bpchar(64), task_type bpchar(64)"),
    (6_020, "svl_auto_worker_action", "superuser", "table_id int4, type bpchar(32), status bpchar(128), eventtime ts, sequence int4, previous_state bpchar(200)"),
    (6_021, "svl_compile", "own", _COMPILE),
    (6_022, "svcs_compile", "own", _COMPILE),
    (6_023, "svl_qerror", "own", "userid int4, query int4, xid int8, pid int4, recordtime ts, error text"),
    (6_024, "svl_restore_alter_table_progress", "superuser", "tbl int4, progress text, message text"),
    (6_027, "svcs_concurrency_scaling_usage", "superuser", "start_time ts, end_time ts, queries int8, usage_in_seconds float8"),
    (6_028, "sys_analyze_compression_history", "own", "user_id int4, start_time ts, transaction_id int8, table_id int4, table_name bpchar(128), column_position int4, old_encoding bpchar(15), new_encoding bpchar(15), mode bpchar(14)"),
    (6_029, "sys_auto_table_optimization", "superuser", "transaction_id int8, session_id int4, table_id int4, alter_table_type bpchar(32), status bpchar(128), event_time ts, alter_from bpchar(200)"),
    (6_030, "sys_automatic_optimization", "superuser", "session_id int4, database_name bpchar(128), object_type bpchar(30), object_ids bpchar(512), task_type bpchar(100), event bpchar(50), event_time ts, status bpchar(512), compute_type bpchar(100), task_details bpchar(512)"),
    (6_031, "sys_extra_compute_for_automatic_optimization", "superuser", "start_time ts, end_time ts, query_count int8, compute_seconds numeric(27,0)"),
    (6_032, "sys_mv_state", "own", "user_id int8, transaction_id int8, database_name bpchar(128), event_desc bpchar(500), start_time ts, base_table_database_name bpchar(128), base_table_schema bpchar(128), base_table_name bpchar(128), mv_schema bpchar(128), mv_name bpchar(128), state bpchar(32)"),
    (6_033, "sys_restore_log", "superuser", "event_time ts, database_name bpchar(128), schema_name bpchar(128), table_name bpchar(128), table_id int4, action bpchar(128), table_size int8, total_data_processed int8, delta_data_processed int8, message bpchar(512), redistribution_type bpchar(32)"),
    (6_034, "sys_restore_state", "superuser", "user_id int4, database_name bpchar(64), schema_id int4, table_id int4, table_name bpchar(128), redistribution_status bpchar(128), percentage_redistributed float8, redistribution_type bpchar(32)"),
    (6_035, "sys_schema_quota_violations", "own", "owner_id int4, user_id int4, transaction_id int8, session_id int4, " + _QUOTA + ", record_time ts"),
    (6_038, "svl_multi_statement_violations", "own", "userid int4, database bpchar(32), cmdname bpchar(20), xid int8, pid int4, label bpchar(320), starttime ts, endtime ts, sequence int4, type varchar(10), text bpchar(200)"),
    (6_037, "svv_ml_model_privileges", "all", "namespace_name text, model_name text, " + _WHO),
    # Functions outside the server, and jobs that copy by themselves.
    (6_040, "sys_ludf_detail", "superuser", "user_id int4, transaction_id int8, query_id int8, function_oid int8, function_position int4, stream_id int4, segment_id int4, step_id int4, lambda_function_name bpchar(256), start_time ts, end_time ts, total_duration int8, invocations int4, total_rows int8, input_bytes int8, output_bytes int8"),
    (6_041, "sys_udf_log", "superuser", "query_id int8, function_name text, record_time ts, sequence int4, message text"),
    (6_044, "svv_copy_job_integrations", "all", "job_owner int4, channel_arn name, bucket text, channel_state name, db_name name, job_name text, job_state int4"),
    (6_046, "sys_redshift_template", "all", "database_name varchar(128), schema_name varchar(128), template_name varchar(128), template_type int4, create_time ts, last_modified_time ts, owner_id int4, last_modified_by int4, template_parameters text"),
    # Spectrum and federated queries.
    (6_050, "svl_federated_query", "own", "userid int4, xid int8, pid int4, query int4, sourcetype bpchar(32), recordtime ts, querytext bpchar(4000), num_rows int8, num_bytes int8, duration int8"),
    (6_051, "svl_s3catalog", "all", "query int4, segment int4, node int4, slice int4, eventtime ts, call text, objects int8, duration int8"),
    (6_052, "svl_s3list", "all", _S3LIST),
    (6_053, "svcs_s3list", "all", _S3LIST),
    (6_054, "svl_s3partition", "all", "query int8, segment int4, node int4, slice int4, starttime ts, endtime ts, duration int8, total_partitions int4, qualified_partitions int4, assigned_partitions int4, assignment bpchar(1)"),
    (6_055, "svl_s3partition_summary", "all", _S3PARTITIONS),
    (6_056, "svcs_s3partition_summary", "all", _S3PARTITIONS),
    (6_057, "svl_s3query", "own", "userid int4, query int4, segment int4, step int4, node int4, slice int4, starttime ts, endtime ts, elapsed int4, " + _S3QUERY + ", files int4, splits int4, total_split_size int8, max_split_size int8, total_retries int4, max_retries int4, max_request_duration int4, avg_request_duration float8, max_request_parallelism int4, avg_request_parallelism float8, slowdown_count int4, max_concurrent_slowdown_count int4"),
    (6_058, "svl_s3query_summary", "own", _S3SUMMARY),
    (6_059, "svcs_s3query_summary", "own", _S3SUMMARY),
    (6_060, "svl_s3retries", "all", "query int4, segment int4, node int4, slice int4, eventtime ts, retries int4, successful_fetches int4, file_size int8, location text, message text"),
    (6_061, "svcs_s3log", "all", "pid int4, query int4, segment int4, step int4, node int4, slice int4, eventtime ts, message bpchar(512)"),
    (6_062, "svl_spectrum_scan_error", "own", "userid int4, query int4, location bpchar(256), rowid bpchar(2100), colname bpchar(127), original_value bpchar(1024), modified_value bpchar(1024), trigger bpchar(128), action bpchar(128), action_value bpchar(128), error_code int4"),
    (6_063, "sys_external_query_error", "own", "user_id int4, query_id int8, file_location bpchar(256), rowid bpchar(2100), column_name bpchar(127), original_value bpchar(1024), modified_value bpchar(1024), trigger bpchar(128), action bpchar(128), action_value bpchar(128), error_code int4"),
    # Datashares.
    (6_073, "svl_datashare_cross_region_usage", "superuser", "query int4, segment int4, starttime ts, endtime ts, transferred_data int8, source_region bpchar(25)"),
    (6_074, "sys_datashare_cross_region_usage", "superuser", "query_id int8, segment_id int4, start_time ts, end_time ts, transferred_data int8, source_region bpchar(25)"),
    (6_075, "svl_datashare_usage_consumer", "own", "userid int4, pid int4, xid int8, request_id varchar(50), " + _CONSUMER + ", recordtime ts, status int4, error varchar(512)"),
    (6_076, "sys_datashare_usage_consumer", "own", "user_id int4, session_id int4, transaction_id int8, request_id varchar(50), " + _CONSUMER + ", record_time ts, status int4, error varchar(512)"),
    (6_077, "svl_datashare_usage_producer", "superuser", "share_id int4, share_name varchar(128), request_id varchar(50), request_type varchar(25), " + _SHARED + ", recordtime ts, status int4, error varchar(512), consumer_region bpchar(64)"),
    (6_078, "sys_datashare_usage_producer", "superuser", "share_id int4, share_name varchar(128), request_id varchar(50), request_type varchar(25), " + _SHARED + ", record_time ts, status int4, error_message varchar(512), consumer_region bpchar(64)"),
    # Integrations and streams.
    (6_080, "svv_integration_table_mapping", "all", "integration_id bpchar(128), source_database bpchar(128), target_database bpchar(128), source_schema_name bpchar(128), target_schema_name bpchar(128), source_table_name bpchar(128), target_table_name bpchar(128), source_column_name bpchar(128), target_column_name bpchar(128), source_data_type bpchar(128), target_data_type bpchar(128)"),
)
# fmt: on
_OWNERS: Final = ("userid", "user_id")


def _view(oid: int, name: str, visible: Visible, shape: str) -> SystemView:
    shaped = columns(shape)
    owner = next((column for column, _ in shaped if column in _OWNERS), "")
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=shaped, visible=visible, owner=owner,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


ROWS: Final = tuple(_view(*row) for row in _SHAPES)
