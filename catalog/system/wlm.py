"""Views of workload management: queues, who waits and runs, rules and what followed from them.

Redshift, "WLM system tables and views". What is the leader's own business (no table read, none changed) is in none.
"""

from typing import Final

from catalog.system.spec import SystemView, Visible, columns

_LEVEL: Final = "COALESCE(list_position(['Lowest', 'Low', 'Normal', 'High', 'Highest', 'Critical'], priority), 0) - 1"
"""STV_QUERY_METRICS.query_priority: -1 where there are no priorities."""
SHORT: Final = 14
"""The service class of short queries."""
EXECUTED: Final = "s.queue_started + to_microseconds(s.queue_us)"
"""When a statement of the history was let in."""
RAN: Final = f"CASE WHEN {EXECUTED} > s.ended THEN 0 ELSE date_diff('microsecond', {EXECUTED}, s.ended) END"
"""How many microseconds it ran."""
_ATTEMPTS: Final = (
    "(SELECT q.userid, q.xid, q.task, q.query, q.service_class, q.service_class_name, q.slots, q.queue_started,"
    " q.queue_us, q.ended, q.priority, q.memory, 'Completed' AS state FROM sys_queries AS q"
    " WHERE q.service_class IS NOT NULL UNION ALL SELECT e.userid, e.xid, e.task, e.query, e.service_class,"
    " e.service_class_name, e.slots, e.queue_started, e.queue_us, e.ended, e.priority, e.memory, 'Evicted'"
    " FROM sys_evictions AS e) AS s"
)
_METRICS: Final = (
    "userid int4, service_class int4, query int4, segment int4, step_type int4, starttime ts, slices int4, max_rows int8,"
    "rows int8, max_cpu_time int8, cpu_time int8, max_blocks_read int8, blocks_read int8, max_run_time int8,"
    "run_time int8, max_blocks_to_disk int8, blocks_to_disk int8, step int4, max_query_scan_size int8,"
    "query_scan_size int8, query_priority int4, query_queue_time int8, service_class_name bpchar(64)"
)
_UNKNOWN: Final = (
    "NULL AS max_cpu_time, NULL AS cpu_time, NULL AS max_blocks_read, NULL AS blocks_read,"
    " NULL AS max_blocks_to_disk, NULL AS blocks_to_disk, -1 AS step, NULL AS max_query_scan_size,"
    " NULL AS query_scan_size"
)


def _view(oid: int, name: str, shape: str, query: str, visible: Visible = "own") -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible=visible,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


# fmt: off
ROWS: Final = (
    _view(5_116, "stv_wlm_query_state",
        "xid int4, task int4, query int4, service_class int4, slot_count int4, wlm_start_time ts, state bpchar(16),"
        "queue_time int8, exec_time int8, query_priority bpchar(20)",
        "SELECT w.xid, w.task, w.query, w.service_class, w.slots AS slot_count, w.entered AS wlm_start_time, w.state,"
        " w.queue_us AS queue_time, w.exec_us AS exec_time, w.priority AS query_priority, w.userid"
        " FROM sys_wlm_statements AS w"),
    _view(5_120, "stv_wlm_query_task_state",
        "service_class int4, task int4, query int4, level int4, start_time ts, exec_time int8",
        "SELECT w.service_class, w.task, w.query, 1 AS level, w.entered AS start_time, w.exec_us AS exec_time, w.userid"
        " FROM sys_wlm_statements AS w WHERE w.state <> 'QueuedWaiting'"),
    _view(6_018, "stv_wlm_query_queue_state",
        "service_class int4, position int4, task int4, query int4, slot_count int4, start_time ts, queue_time int8",
        "SELECT w.service_class, w.position, w.task, w.query, w.slots AS slot_count, w.entered AS start_time,"
        " w.queue_us AS queue_time, w.userid FROM sys_wlm_statements AS w WHERE w.state = 'QueuedWaiting'"),
    _view(5_121, "stv_wlm_classification_config",
        "id int4, condition bpchar(128), action_seq int4, action bpchar(64), action_service_class int4",
        "SELECT c.id, c.condition, 0 AS action_seq, 'assign' AS action, c.service_class AS action_service_class"
        " FROM sys_wlm_conditions AS c", "superuser"),
    _view(5_117, "stv_wlm_service_class_config",
        "service_class int4, queueing_strategy bpchar(32), num_query_tasks int4, target_num_query_tasks int4,"
        "evictable bpchar(8), eviction_threshold int8, query_working_mem int4, target_query_working_mem int4,"
        "min_step_mem int4, name bpchar(64), max_execution_time int8, user_group_wild_card bool,"
        "query_group_wild_card bool, concurrency_scaling bpchar(20), query_priority bpchar(20),"
        "user_role_wild_card bool",
        "SELECT c.service_class, c.strategy AS queueing_strategy, c.slots AS num_query_tasks,"
        " c.slots AS target_num_query_tasks, CASE WHEN c.max_execution_time > 0 THEN 'true' ELSE 'false' END AS evictable,"
        " c.max_execution_time * 1000 AS eviction_threshold, c.memory_mb AS query_working_mem,"
        " c.memory_mb AS target_query_working_mem, 0 AS min_step_mem, c.name, c.max_execution_time,"
        " c.users_wild AS user_group_wild_card, c.labels_wild AS query_group_wild_card,"
        " c.scaling AS concurrency_scaling, c.priority AS query_priority, c.roles_wild AS user_role_wild_card"
        " FROM sys_wlm_classes AS c", "superuser"),
    _view(5_118, "stv_wlm_service_class_state",
        "service_class int4, num_queued_queries int4, num_executing_queries int4, num_serviced_queries int4,"
        "num_executed_queries int4, num_evicted_queries int4, num_concurrency_scaling_queries int4",
        "SELECT c.service_class, c.waiting AS num_queued_queries, c.running AS num_executing_queries,"
        " c.serviced AS num_serviced_queries, c.executed AS num_executed_queries, c.evicted AS num_evicted_queries,"
        " 0 AS num_concurrency_scaling_queries FROM sys_wlm_classes AS c", "superuser"),
    _view(6_017, "stv_wlm_qmr_config",
        "service_class int4, rule_name bpchar(256), action bpchar(256), metric_name bpchar(256),"
        "metric_operator bpchar(256), metric_value float8, action_value bpchar(256)",
        "SELECT r.service_class, r.rule AS rule_name, r.action, r.metric AS metric_name,"
        " r.operator AS metric_operator, r.value AS metric_value, r.action_value FROM sys_wlm_rules AS r", "superuser"),
    _view(5_014, "stl_wlm_query",
        "userid int4, xid int4, task int4, query int4, service_class int4, slot_count int4,"
        "service_class_start_time ts, queue_start_time ts, queue_end_time ts, total_queue_time int8,"
        "exec_start_time ts, exec_end_time ts, total_exec_time int8, service_class_end_time ts, final_state bpchar(16),"
        "est_peak_mem int8, query_priority bpchar(20), service_class_name bpchar(64)",
        "SELECT s.userid, s.xid, s.task, s.query, s.service_class, s.slots AS slot_count,"
        " s.queue_started AS service_class_start_time, s.queue_started AS queue_start_time,"
        f" {EXECUTED} AS queue_end_time, s.queue_us AS total_queue_time, {EXECUTED} AS exec_start_time,"
        f" s.ended AS exec_end_time, {RAN} AS total_exec_time, s.ended AS service_class_end_time,"
        " s.state AS final_state, s.memory AS est_peak_mem, s.priority AS query_priority, s.service_class_name"
        f" FROM {_ATTEMPTS}"),
    _view(6_011, "stl_wlm_rule_action",
        "userid int4, query int4, service_class int4, rule bpchar(256), action bpchar(256), recordtime ts,"
        "action_value bpchar(256), service_class_name bpchar(64)",
        "SELECT a.* FROM sys_rule_actions AS a"),
    _view(5_209, "svl_query_queue_info",
        "database text, query int4, xid int8, userid int4, querytxt text, queue_start_time ts, exec_start_time ts,"
        "service_class int4, slots int4, queue_elapsed int8, exec_elapsed int8, wlm_total_elapsed int8,"
        "commit_queue_elapsed int8, commit_exec_time int8, service_class_name bpchar(64)",
        "SELECT s.database, s.query, s.xid, s.userid, substr(s.text, 1, 4000) AS querytxt,"
        f" s.queue_started AS queue_start_time, {EXECUTED} AS exec_start_time, s.service_class, s.slots,"
        f" s.queue_us // 1000000 AS queue_elapsed, ({RAN}) // 1000000 AS exec_elapsed,"
        f" (s.queue_us + ({RAN})) // 1000000 AS wlm_total_elapsed, 0 AS commit_queue_elapsed,"
        " 0 AS commit_exec_time, s.service_class_name FROM sys_queries AS s WHERE s.service_class IS NOT NULL"),
    _view(6_014, "stv_query_metrics", _METRICS,
        "SELECT w.userid, w.service_class, w.query, -1 AS segment, -1 AS step_type,"
        " w.entered + to_microseconds(w.queue_us) AS starttime, 1 AS slices, w.scanned AS max_rows, w.scanned AS rows,"
        f" {_UNKNOWN}, w.exec_us AS max_run_time, w.exec_us AS run_time, {_LEVEL} AS query_priority,"
        " w.queue_us AS query_queue_time, w.service_class_name FROM sys_wlm_statements AS w"
        " WHERE w.state <> 'QueuedWaiting'"),
    _view(6_004, "stl_query_metrics", _METRICS,
        "SELECT s.userid, s.service_class, s.query, -1 AS segment, -1 AS step_type,"
        f" {EXECUTED} AS starttime, 1 AS slices, s.rows AS max_rows, s.rows AS rows, {_UNKNOWN},"
        f" {RAN} AS max_run_time, {RAN} AS run_time, {_LEVEL} AS query_priority,"
        " s.queue_us + s.waited_us AS query_queue_time, s.service_class_name FROM sys_queries AS s"
        " WHERE s.service_class IS NOT NULL"),
)
# fmt: on
