"""Views of queries' steps and plans: STL_SCAN and its like, SVL_QUERY_SUMMARY, STL_EXPLAIN, SYS_QUERY_DETAIL.

The history keeps of each query which tables it read and wrote and which kinds of work it did, on one slice. Of queries
that took five milliseconds or more the engine has counted the rows and the processor time of each step, and segments
end where rows must all be there before the next step (``engine.profiles``). To ask that of briefer ones would cost more
than they do: there a scan's rows are those that the table has, other steps have the rows that the query returned or
changed, and times are the whole query's. Redshift, "STL views for logging", "SVL views", "SYS monitoring views".
"""

from typing import Final

from catalog.system import wlm
from catalog.system.spec import SystemView, Visible, columns

_QUERIES: Final = "('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY', 'UNLOAD', 'CTAS')"
_NAMES: Final = (
    # SYS_QUERY_DETAIL.step_name, SVL_QUERY_SUMMARY.label, the node in STL_EXPLAIN
    ("scan", "scan", "XN Seq Scan"), ("hashjoin", "hjoin", "XN Hash Join DS_DIST_NONE"),
    ("nestloop", "nloop", "XN Nested Loop DS_BCAST_INNER"), ("aggregate", "aggr", "XN HashAggregate"),
    ("window", "window", "XN Window"), ("unique", "unique", "XN Unique"), ("sort", "sort", "XN Sort"),
    ("limit", "limit", "XN Limit"), ("spark", "spark", "XN Spark"), ("insert", "insert", ""), ("delete", "delete", ""), ("return", "return", ""),
)  # fmt: skip
_KINDS: Final = (
    "(VALUES " + ", ".join(f"('{name}', '{label}', '{node}')" for name, label, node in _NAMES) + ") AS k(kind, step_label, node)"
)
_SLICED: Final = (
    "SELECT q.*, split_part(q.part, ':', 1) AS step_kind, TRY_CAST(split_part(q.part, ':', 2) AS BIGINT) AS tbl,"
    " TRY_CAST(split_part(q.part, ':', 3) AS BIGINT) AS done_rows, TRY_CAST(split_part(q.part, ':', 4) AS BIGINT) AS micros,"
    " COALESCE(TRY_CAST(split_part(q.part, ':', 5) AS INTEGER), 0) AS segment FROM (SELECT"
    " p.*, unnest(p.parts) AS part, generate_subscripts(p.parts, 1) - 1 AS step FROM (SELECT s.*,"
    " string_split(s.steps, ',') AS parts FROM sys_queries AS s WHERE s.steps IS NOT NULL AND s.steps <> '') AS p) AS q"
)
_STEPS: Final = (
    "SELECT u.* EXCLUDE (rows, bytes), k.step_label, k.node, r.name AS table_name, r.schema_name, r.database AS table_database,"
    " COALESCE(u.done_rows, CASE WHEN u.step_kind = 'scan' THEN COALESCE(z.rows, 0) ELSE u.rows END) AS rows,"
    " GREATEST(COALESCE(z.rows, 0), COALESCE(u.done_rows, 0)) AS scanned,"
    " u.step - min(u.step) OVER (PARTITION BY u.query, u.segment) AS place,"
    " CASE WHEN u.step_kind = 'scan' THEN COALESCE(z.bytes, 0) ELSE 0 END AS bytes,"
    f" COALESCE(u.micros, date_diff('microsecond', u.started, u.ended)) AS elapsed FROM ({_SLICED}) AS u JOIN {_KINDS} ON k.kind = u.step_kind"
    " LEFT JOIN sys_relations AS r ON r.oid = u.tbl LEFT JOIN sys_storage AS z ON z.relation = u.tbl"
)
_HEAD: Final = (
    "userid int4, query int4, slice int4, segment int4, step int4, starttime ts, endtime ts, tasknum int4, rows int8"
)
_DONE: Final = (
    "SELECT t.userid, t.query, 0 AS slice, t.segment, t.place AS step, t.started AS starttime, t.ended AS endtime,"
    " 0 AS tasknum, t.rows"
)


def _view(oid: int, name: str, shape: str, query: str, visible: Visible = "own", owner: str = "userid") -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible=visible, owner=owner,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


def _stl(oid: int, name: str, kind: str, shape: str = "", more: str = "") -> SystemView:
    """Return the view of one kind of step: *shape* and *more* are its columns after those that all have."""
    query = f"{_DONE}{', ' if more else ''}{more} FROM ({_STEPS}) AS t WHERE t.step_kind = '{kind}'" if kind else ""
    return _view(oid, name, f"{_HEAD}{', ' if shape else ''}{shape}", query)


_DISK: Final = "is_diskbased bpchar(1), workmem int8"
_NO_DISK: Final = "'f' AS is_diskbased, 0 AS workmem"
_SUMMARY: Final = (
    "userid int4, query int4, stm int4, seg int4, step int4, maxtime int8, avgtime int8, rows int8, bytes int8,"
    "rate_row float8, rate_byte float8, label text, is_diskbased bpchar(1), workmem int8, is_rrscan bpchar(1),"
    "is_delayed_scan bpchar(1), rows_pre_filter int8"
)
_LABEL: Final = (
    "t.step_label || CASE WHEN t.tbl IS NOT NULL THEN '   tbl=' || CAST(t.tbl AS VARCHAR)"
    " || COALESCE(' name=' || t.table_name, '') ELSE '' END"
)
_RATE: Final = "CASE WHEN t.elapsed > 0 THEN t.{0} * 1000000.0 / t.elapsed END"
_SUMMED: Final = (
    "SELECT t.userid, t.query, 0 AS stm, t.segment AS seg, t.place AS step, t.elapsed AS maxtime, t.elapsed AS avgtime, t.rows, t.bytes,"
    f" {_RATE.format('rows')} AS rate_row, {_RATE.format('bytes')} AS rate_byte, {_LABEL} AS label, {_NO_DISK},"
    " 'f' AS is_rrscan, 'f' AS is_delayed_scan, CASE WHEN t.step_kind = 'scan' THEN t.scanned ELSE 0 END AS rows_pre_filter"
    f" FROM ({_STEPS}) AS t"
)
_EXPLAIN_SHAPE: Final = "userid int4, query int4, nodeid int4, parentid int4, plannode bpchar(400), info bpchar(400)"
# The last step is the plan's top: each node feeds the one that is done after it, and scans feed the deepest of them.
_NODES: Final = (
    "SELECT t.*, row_number() OVER w AS nodeid, CASE WHEN t.step_kind = 'scan' THEN count(*)"
    " FILTER (t.step_kind <> 'scan') OVER (PARTITION BY t.query) ELSE row_number() OVER w - 1 END AS parentid,"
    f" t.node || CASE WHEN t.tbl IS NOT NULL THEN ' on ' || COALESCE(t.table_name, '') ELSE '' END AS plannode"
    f" FROM ({_STEPS}) AS t WHERE t.node <> '' WINDOW w AS (PARTITION BY t.query ORDER BY t.step DESC)"
)
_EXPLAINED: Final = (
    "SELECT n.userid, n.query, n.nodeid, n.parentid, n.plannode, NULL AS info FROM (" + _NODES + ") AS n"
)
_PLAN_INFO_SHAPE: Final = (
    "userid int4, query int4, nodeid int4, segment int4, step int4, locus int4, plannode int4, startupcost float8,"
    "totalcost float8, rows int8, bytes int8"
)
_PLANNED: Final = (
    "SELECT n.userid, n.query, n.nodeid, n.segment, n.place AS step, 0 AS locus, 0 AS plannode, 0 AS startupcost,"
    f" 0 AS totalcost, n.rows, n.bytes FROM ({_NODES}) AS n"
)
_STREAM_SHAPE: Final = "userid int4, query int4, stream int4, segment int4"
_STREAMED: Final = (
    f"SELECT DISTINCT t.userid, t.query, 0 AS stream, t.segment FROM ({_SLICED}) AS t"
)
_ALERT_SHAPE: Final = "segment int4, step int4, pid int4, xid int8, event bpchar(1024), solution bpchar(1024), event_time ts"
_SELECTIVE: Final = "t.step_kind = 'scan' AND t.done_rows < t.scanned * 0.01 AND t.scanned >= 10000"
# Of the alerts that Redshift knows, these follow from what was done.
_ALERTED: Final = (
    "t.segment, t.place AS step, t.pid, t.xid, CASE WHEN t.step_kind = 'nestloop' THEN 'Nested Loop Join in the query plan'"
    " ELSE 'Very selective query filter:ratio=rows(' || CAST(t.rows AS VARCHAR) || ')/rows_pre_user_filter(' ||"
    " CAST(t.scanned AS VARCHAR) || ')=' || printf('%.6f', CAST(t.rows AS DOUBLE) / t.scanned) END AS event,"
    " CASE WHEN t.step_kind = 'nestloop' THEN 'Review the join predicates to avoid Cartesian products' ELSE"
    " 'Review the choice of sort key to enable range restricted scans, or run the VACUUM command to ensure the table is"
    " sorted' END AS solution, t.ended AS event_time"
    f" FROM ({_STEPS}) AS t WHERE t.step_kind = 'nestloop' OR ({_SELECTIVE})"
)
_SECONDS: Final = "date_diff('second', s.started, s.ended)"
_RAN: Final = f"sys_queries AS s WHERE s.kind IN {_QUERIES}"
_RAN_S: Final = f"({wlm.RAN}) // 1000000"
_QUEUED: Final = "sys_queries AS s WHERE s.service_class IS NOT NULL"

# fmt: off
ROWS: Final = (
    _stl(5_017, "stl_scan", "scan",
        "bytes int8, fetches int8, type int4, tbl int4, is_rrscan bpchar(1), is_delayed_scan bpchar(1),"
        "rows_pre_filter int8, rows_pre_user_filter int8, perm_table_name bpchar(136), is_rlf_scan bpchar(1),"
        "is_rlf_scan_reason int4, num_em_blocks int4, checksum int8, runtime_filtering bpchar(1), scan_region int4,"
        "num_sortkey_as_predicate int4, row_fetcher_state int4, consumed_scan_ranges int4, work_stealing_reason int8,"
        "is_vectorized_scan bpchar(1), is_vectorized_scan_reason int4, row_fetcher_reason int8, topology_signature int8,"
        "use_tpm_partition bpchar(1), is_rrscan_expr bpchar(1)",
        # Type 2 is a permanent table's.
        "t.bytes, 0 AS fetches, 2 AS type, t.tbl, 'f' AS is_rrscan, 'f' AS is_delayed_scan, t.scanned AS rows_pre_filter,"
        " t.scanned AS rows_pre_user_filter, t.table_name AS perm_table_name, 'f' AS is_rlf_scan, 0 AS is_rlf_scan_reason,"
        " 0 AS num_em_blocks, 0 AS checksum, 'f' AS runtime_filtering, 0 AS scan_region, 0 AS num_sortkey_as_predicate,"
        " 0 AS row_fetcher_state, 0 AS consumed_scan_ranges, 0 AS work_stealing_reason, 'f' AS is_vectorized_scan,"
        " 0 AS is_vectorized_scan_reason, 0 AS row_fetcher_reason, 0 AS topology_signature, 'f' AS use_tpm_partition,"
        " 'f' AS is_rrscan_expr"),
    _stl(5_018, "stl_insert", "insert", "tbl int4, inserted_mega_value bpchar(1), use_staging_table bpchar(1)",
        "t.tbl, 'f' AS inserted_mega_value, 'f' AS use_staging_table"),
    _stl(5_019, "stl_delete", "delete", "tbl int4", "t.tbl"),
    _stl(6_150, "stl_aggr", "aggregate",
        "bytes int8, slots int4, occupied int4, maxlength int4, tbl int4, " + _DISK + ", type bpchar(6), resizes int4,"
        "flushable int4",
        f"t.bytes, 0 AS slots, 0 AS occupied, 0 AS maxlength, 0 AS tbl, {_NO_DISK}, 'HASHED' AS type, 0 AS resizes,"
        " 0 AS flushable"),
    _stl(6_151, "stl_hashjoin", "hashjoin",
        "tbl int4, num_parts int4, join_type int4, hash_looped bpchar(1), switched_parts bpchar(1),"
        "used_prefetching bpchar(1), hash_segment int4, hash_step int4, checksum int8, distribution int4",
        "0 AS tbl, 1 AS num_parts, 0 AS join_type, 'f' AS hash_looped, 'f' AS switched_parts,"
        " 'f' AS used_prefetching, 0 AS hash_segment, 0 AS hash_step, 0 AS checksum, 0 AS distribution"),
    _stl(6_152, "stl_hash", "hashjoin",
        "bytes int8, slots int4, occupied int4, maxlength int4, tbl int4, " + _DISK + ", num_parts int4, est_rows int8,"
        "num_blocks_permitted int4, row_dist_variance int4, resizes int4, checksum int8, runtime_filter_size int4,"
        "max_runtime_filter_size int4",
        f"t.bytes, 0 AS slots, 0 AS occupied, 0 AS maxlength, 0 AS tbl, {_NO_DISK}, 1 AS num_parts, 0 AS est_rows,"
        " 0 AS num_blocks_permitted, 0 AS row_dist_variance, 0 AS resizes, 0 AS checksum, 0 AS runtime_filter_size,"
        " 0 AS max_runtime_filter_size"),
    _stl(6_153, "stl_nestloop", "nestloop", "tbl int4, checksum int8", "0 AS tbl, 0 AS checksum"),
    _stl(6_154, "stl_sort", "sort", "bytes int8, tbl int4, " + _DISK + ", checksum int8",
        f"t.bytes, 0 AS tbl, {_NO_DISK}, 0 AS checksum"),
    _stl(6_155, "stl_limit", "limit", "checksum int8", "0 AS checksum"),
    _stl(6_156, "stl_unique", "unique",
        "is_diskbased bpchar(1), slots int4, workmem int8, max_buffers_used int8, type bpchar(6), checksum int8",
        "'f' AS is_diskbased, 0 AS slots, 0 AS workmem, 0 AS max_buffers_used, 'HASHED' AS type, 0 AS checksum"),
    _stl(6_157, "stl_window", "window", _DISK, _NO_DISK),
    _stl(6_158, "stl_return", "return", "bytes int8, packets int4, checksum int8",
        "t.bytes, 0 AS packets, 0 AS checksum"),
    _stl(6_159, "stl_bcast", "", "bytes int8, packets int4"),
    _stl(6_160, "stl_dist", "", "bytes int8, packets int4"),
    _stl(6_161, "stl_merge", ""),
    _stl(6_162, "stl_mergejoin", "", "tbl int4, checksum int8"),
    _stl(6_163, "stl_parse", ""),
    _stl(6_164, "stl_project", "", "checksum int8"),
    _stl(6_165, "stl_save", "", "bytes int8, tbl int4, " + _DISK),
    _view(5_015, "stl_explain", _EXPLAIN_SHAPE, _EXPLAINED),
    _view(6_166, "svcs_explain", _EXPLAIN_SHAPE, _EXPLAINED),
    _view(6_167, "stl_plan_info", _PLAN_INFO_SHAPE, _PLANNED),
    _view(6_168, "svcs_plan_info", _PLAN_INFO_SHAPE, _PLANNED),
    _view(6_169, "stl_stream_segs", _STREAM_SHAPE, _STREAMED),
    _view(6_170, "svcs_stream_segs", _STREAM_SHAPE, _STREAMED),
    _view(5_016, "stl_alert_event_log", "userid int4, query int4, slice int4, " + _ALERT_SHAPE,
        "SELECT t.userid, t.query, 0 AS slice, " + _ALERTED),
    _view(6_171, "svcs_alert_event_log", "userid int4, query int4, " + _ALERT_SHAPE,
        "SELECT t.userid, t.query, " + _ALERTED),
    _view(5_201, "svl_query_summary", _SUMMARY, _SUMMED),
    _view(6_172, "svcs_query_summary", _SUMMARY, _SUMMED),
    _view(5_202, "svl_query_report",
        "userid int4, query int4, slice int4, segment int4, step int4, start_time ts, end_time ts, elapsed_time int8,"
        "rows int8, bytes int8, label bpchar(256), is_diskbased bpchar(1), workmem int8, is_rrscan bpchar(1),"
        "is_delayed_scan bpchar(1), rows_pre_filter int8",
        "SELECT t.userid, t.query, 0 AS slice, t.segment, t.place AS step, t.started AS start_time, t.ended AS end_time,"
        f" t.elapsed AS elapsed_time, t.rows, t.bytes, {_LABEL} AS label, {_NO_DISK}, 'f' AS is_rrscan,"
        " 'f' AS is_delayed_scan, CASE WHEN t.step_kind = 'scan' THEN t.scanned ELSE 0 END AS rows_pre_filter"
        f" FROM ({_STEPS}) AS t"),
    _view(6_173, "svv_query_state",
        "userid int4, query int4, seg int4, step int4, maxtime interval, avgtime interval, rows int8, bytes int8,"
        "cpu int8, memory int8, rate_row float8, rate_byte float8, label bpchar(25), is_diskbased bpchar(1),"
        "workmem int8, num_parts int4, is_rrscan bpchar(1), is_delayed_scan bpchar(1)", ""),
    _view(5_309, "sys_query_detail",
        "user_id int4, query_id int8, child_query_sequence int4, stream_id int4, segment_id int4, step_id int4,"
        "step_name text, table_id int4, table_name bpchar(136), is_rrscan bpchar(1), start_time ts, end_time ts,"
        "duration int8, alert text, input_bytes int8, input_rows int8, output_bytes int8, output_rows int8,"
        "blocks_read int8, blocks_write int8, local_read_io int8, remote_read_io int8, source text,"
        "data_skewness int4, time_skewness int4, is_active bpchar(1), spilled_block_local_disk int8,"
        "spilled_block_remote_disk int8, step_attribute bpchar(64), metrics_level bpchar(64), plan_parent_id int4,"
        "plan_node_id int4",
        "SELECT t.userid AS user_id, t.query AS query_id, 1 AS child_query_sequence, 0 AS stream_id, t.segment AS"
        " segment_id, t.place AS step_id, t.step_kind AS step_name, COALESCE(t.tbl, -1) AS table_id,"
        " t.table_database || '.' || t.schema_name || '.' || t.table_name AS table_name, 'f' AS is_rrscan,"
        " t.started AS start_time, t.ended AS end_time, t.elapsed AS duration,"
        " CASE WHEN t.step_kind = 'nestloop' THEN 'Nested Loop Join in the query plan' ELSE '' END AS alert,"
        " t.bytes AS input_bytes, CASE WHEN t.step_kind = 'scan' THEN t.scanned ELSE 0 END AS input_rows, 0 AS output_bytes,"
        " t.rows AS output_rows, 0 AS blocks_read, 0 AS blocks_write, 0 AS local_read_io, 0 AS remote_read_io,"
        " 'local' AS source, 0 AS data_skewness, 0 AS time_skewness, 'f' AS is_active, 0 AS spilled_block_local_disk,"
        " 0 AS spilled_block_remote_disk, '' AS step_attribute, 'step' AS metrics_level, -1 AS plan_parent_id,"
        f" -1 AS plan_node_id FROM ({_STEPS}) AS t", "own", "user_id"),
    _view(5_310, "sys_query_explain",
        "user_id int4, query_id int8, child_query_sequence int4, plan_node_id int4, plan_parent_id int4,"
        "plan_node bpchar(400), plan_info bpchar(400)",
        "SELECT n.userid AS user_id, n.query AS query_id, 1 AS child_query_sequence, n.nodeid AS plan_node_id,"
        f" n.parentid AS plan_parent_id, n.plannode AS plan_node, NULL AS plan_info FROM ({_NODES}) AS n", "own",
        "user_id"),
    _view(6_174, "svl_query_metrics_summary",
        "userid int4, query int4, service_class int4, query_cpu_time int8, query_blocks_read int8,"
        "query_execution_time int8, query_cpu_usage_percent numeric(38,2), query_temp_blocks_to_disk int8,"
        "segment_execution_time int8, cpu_skew numeric(38,2), io_skew numeric(38,2), scan_row_count int8,"
        "join_row_count int8, nested_loop_join_row_count int8, return_row_count int8, spectrum_scan_row_count int8,"
        "spectrum_scan_size_mb int8, query_queue_time int8, service_class_name bpchar(64)",
        "SELECT s.userid, s.query, s.service_class, NULL AS query_cpu_time, NULL AS query_blocks_read,"
        f" {_RAN_S} AS query_execution_time, NULL AS query_cpu_usage_percent, 0 AS query_temp_blocks_to_disk,"
        f" {_RAN_S} AS segment_execution_time, NULL AS cpu_skew, NULL AS io_skew, NULL AS scan_row_count,"
        " NULL AS join_row_count, NULL AS nested_loop_join_row_count, s.rows AS return_row_count,"
        " NULL AS spectrum_scan_row_count, NULL AS spectrum_scan_size_mb,"
        f" (s.queue_us + s.waited_us) // 1000000 AS query_queue_time, s.service_class_name FROM {_QUEUED}"),
    _view(6_175, "svl_query_metrics",
        "userid int4, query int4, service_class int4, dimension varchar(24), segment int4, step int4,"
        "step_label varchar(30), query_cpu_time int8, query_blocks_read int8, query_execution_time int8,"
        "query_cpu_usage_percent numeric(38,2), query_temp_blocks_to_disk int8, segment_execution_time int8,"
        "cpu_skew numeric(38,2), io_skew numeric(38,2), scan_row_count int8, join_row_count int8,"
        "nested_loop_join_row_count int8, return_row_count int8, spectrum_scan_row_count int8,"
        "spectrum_scan_size_mb int8, query_queue_time int8, service_class_name bpchar(64)",
        "SELECT s.userid, s.query, s.service_class, 'query' AS dimension, NULL AS segment, NULL AS step,"
        " NULL AS step_label, NULL AS query_cpu_time, NULL AS query_blocks_read,"
        f" {_RAN_S} AS query_execution_time, NULL AS query_cpu_usage_percent, 0 AS query_temp_blocks_to_disk,"
        " NULL AS segment_execution_time, NULL AS cpu_skew, NULL AS io_skew, NULL AS scan_row_count,"
        " NULL AS join_row_count, NULL AS nested_loop_join_row_count, s.rows AS return_row_count,"
        " NULL AS spectrum_scan_row_count, NULL AS spectrum_scan_size_mb,"
        f" (s.queue_us + s.waited_us) // 1000000 AS query_queue_time, s.service_class_name FROM {_QUEUED}"),
)
# fmt: on
