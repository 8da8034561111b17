"""STV views: what is, now. Redshift, "STV tables for snapshot data"."""

from typing import Final

from catalog.system import access
from catalog.system.spec import SystemView, Visible, columns


def _view(oid: int, name: str, shape: str, query: str, visible: Visible = "own", owner: str = "userid") -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible=visible, owner=owner,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


_ELAPSED = "date_diff('microsecond', s.query_started, CAST(now() AT TIME ZONE 'UTC' AS TIMESTAMP))"
_RUNNING = "sys_sessions AS s WHERE s.state = 'active'"
_INFLIGHT = (
    f"{_RUNNING} AND s.pid NOT IN (SELECT w.pid FROM sys_wlm_statements AS w WHERE w.state = 'QueuedWaiting')"
)

_TABLES = "(SELECT r.* FROM sys_relations AS r WHERE r.kind = 'r' AND NOT r.system) AS r JOIN sys_storage AS s ON s.relation = r.oid"
# A megabyte is a block; the columns take them in turn.
_BLOCKS = (
    "SELECT r.oid AS tbl, r.name, d.oid AS db_id, s.rows, r.temporary, b.block,"
    " CAST(b.block % r.columns AS INTEGER) AS col, CAST(b.block // r.columns AS INTEGER) AS blocknum"
    f" FROM {_TABLES} LEFT JOIN sys_databases AS d ON d.name = r.database,"
    " unnest(range(greatest(1, CAST(ceil(s.bytes / 1048576.0) AS BIGINT)))) AS b(block) WHERE s.rows > 0"
)

# fmt: off
ROWS: Final = (
    _view(5_100, "stv_sessions",
        "starttime ts, process int4, user_name bpchar(50), db_name bpchar(50), timeout_sec int4",
        "SELECT s.started AS starttime, s.pid AS process, s.user_name, s.database AS db_name,"
        " COALESCE(s.timeout_s, 0) AS timeout_sec FROM sys_sessions AS s"
        " WHERE s.user_oid = getvariable('current_user_id') OR EXISTS (SELECT 1 FROM sys_users AS me"
        " WHERE me.oid = getvariable('current_user_id') AND (me.superuser OR me.syslog_unrestricted))", "all"),
    _view(5_101, "stv_recents",
        "userid int4, status bpchar(20), starttime ts, duration int4, user_name bpchar(50), db_name bpchar(50),"
        "query bpchar(600), pid int4",
        "SELECT s.user_oid AS userid, 'Running' AS status, s.query_started AS starttime,"
        f" LEAST({_ELAPSED}, 2147483647) AS duration, s.user_name, s.database AS db_name,"
        f" substr(s.query, 1, 600) AS query, s.pid FROM {_RUNNING} UNION ALL SELECT q.userid, 'Done', q.started,"
        " LEAST(date_diff('microsecond', q.started, q.ended), 2147483647), q.user_name, q.database,"
        " substr(q.text, 1, 600), -1 FROM sys_queries AS q"),
    _view(5_102, "stv_inflight",
        "userid int4, slice int4, query int4, label bpchar(320), xid int8, pid int4, starttime ts, text bpchar(100),"
        "suspended int4, insert_pristine int4, concurrency_scaling_status int4",
        "SELECT s.user_oid AS userid, 0 AS slice, s.query_id AS query, s.label, s.xid, s.pid,"
        " s.query_started AS starttime, substr(s.query, 1, 100) AS text, 0 AS suspended, 0 AS insert_pristine,"
        f" 0 AS concurrency_scaling_status FROM {_INFLIGHT}"),
    _view(5_103, "svv_query_inflight",
        "userid int4, slice int4, query int4, pid int4, starttime ts, suspended int4, text bpchar(200), sequence int4",
        "SELECT s.user_oid AS userid, 0 AS slice, s.query_id AS query, s.pid, s.query_started AS starttime,"
        f" 0 AS suspended, substr(s.query, 1, 200) AS text, 0 AS sequence FROM {_INFLIGHT}"),
    _view(5_104, "stv_tbl_perm",
        "slice int4, id int4, name bpchar(72), rows int8, sorted_rows int8, temp int4, db_id int4,"
        "insert_pristine int4, delete_pristine int4, backup int4, dist_style int4, block_count int4",
        "SELECT 0 AS slice, r.oid AS id, r.name, COALESCE(s.rows, 0) AS rows, COALESCE(s.rows, 0) AS sorted_rows,"
        " CASE WHEN r.temporary THEN 1 ELSE 0 END AS temp, d.oid AS db_id, 0 AS insert_pristine, 0 AS delete_pristine,"
        " CASE WHEN r.backup THEN 1 ELSE 0 END AS backup, 0 AS dist_style,"
        " CASE WHEN s.rows > 0 THEN greatest(1, CAST(ceil(s.bytes / 1048576.0) AS INTEGER)) ELSE 0 END AS block_count FROM sys_relations AS r"
        " LEFT JOIN sys_storage AS s ON s.relation = r.oid LEFT JOIN sys_databases AS d ON d.name = r.database"
        " WHERE r.kind = 'r' AND NOT r.system", "superuser"),
    _view(5_105, "stv_locks",
        "table_id int8, last_commit ts, last_update ts, lock_owner int8, lock_owner_pid int8, lock_owner_start_ts ts,"
        "lock_owner_end_ts ts, lock_status bpchar(22)",
        "SELECT l.relation AS table_id, NULL AS last_commit, NULL AS last_update, l.xid AS lock_owner,"
        " l.pid AS lock_owner_pid, s.xact_started AS lock_owner_start_ts, NULL AS lock_owner_end_ts,"
        " CASE WHEN l.granted THEN 'Holding write lock' ELSE 'Waiting for write lock' END AS lock_status"
        " FROM sys_locks AS l LEFT JOIN sys_sessions AS s ON s.pid = l.pid WHERE l.relation IS NOT NULL", "superuser"),
    _view(5_106, "stv_slices", "node int4, slice int4, localslice int4, type bpchar(1)",
        "SELECT 0 AS node, 0 AS slice, 0 AS localslice, 'D' AS type", "all"),
    _view(5_107, "stv_db_isolation_level", "db_name varchar(128), isolation_level varchar(20)",
        "SELECT d.name AS db_name, d.isolation AS isolation_level FROM sys_databases AS d WHERE d.allow", "all"),
    _view(5_108, "stv_mv_info",
        "db_name bpchar(128), schema bpchar(128), name bpchar(128), updated_upto_xid int8, is_stale bpchar(1),"
        "owner_user_name bpchar(128), state int4, autorefresh bpchar(1), autorewrite bpchar(1)",
        "SELECT r.database AS db_name, r.schema_name AS schema, r.name, NULL AS updated_upto_xid,"
        " CASE WHEN s.stale THEN 't' ELSE 'f' END AS is_stale, u.name AS owner_user_name, m.state,"
        f" {access.switch('m.auto_refresh')} AS autorefresh, {access.switch('s.rewrites')} AS autorewrite FROM {access.MATERIALIZED}"
        f" WHERE {access.SEES}", "all"),
    _view(5_109, "stv_mv_deps",
        "db_name bpchar(128), schema bpchar(128), name bpchar(128), ref_schema bpchar(128), ref_name bpchar(128),"
        "ref_database_name bpchar(128)",
        "SELECT r.database AS db_name, r.schema_name AS schema, r.name, o.schema_name AS ref_schema,"
        f" o.name AS ref_name, o.database AS ref_database_name FROM {access.MATERIALIZED_ON} WHERE {access.SEES}"
        " AND o.oid IN (SELECT m.relation FROM sys_materialized AS m)", "all"),
    _view(5_110, "stv_blocklist",
        "slice int4, col int4, tbl int4, blocknum int4, num_values int4, extended_limits int4, minvalue int8,"
        "maxvalue int8, sb_pos int4, pinned int4, on_disk int4, modified int4, hdr_modified int4, unsorted int4,"
        "tombstone int4, preferred_diskno int4, temporary int4, newblock int4, num_readers int4, flags int4",
        "SELECT 0 AS slice, b.col, b.tbl, b.blocknum, b.rows AS num_values, 0 AS extended_limits, NULL AS minvalue,"
        " NULL AS maxvalue, 0 AS sb_pos, 0 AS pinned, 1 AS on_disk, 0 AS modified, 0 AS hdr_modified, 0 AS unsorted,"
        " 0 AS tombstone, 0 AS preferred_diskno, CAST(b.temporary AS INTEGER) AS temporary, 0 AS newblock,"
        f" 0 AS num_readers, 0 AS flags FROM ({_BLOCKS}) AS b", "superuser"),
    _view(4_223, "svv_diskusage",
        "db_id int4, name bpchar(72), slice int4, col int4, tbl int4, blocknum int4, num_values int4, minvalue int8,"
        "maxvalue int8, sb_pos int4, pinned int4, on_disk int4, modified int4, hdr_modified int4, unsorted int4,"
        "tombstone int4, preferred_diskno int4, temporary int4, newblock int4",
        "SELECT b.db_id, b.name, 0 AS slice, b.col, b.tbl, b.blocknum, b.rows AS num_values, NULL AS minvalue,"
        " NULL AS maxvalue, 0 AS sb_pos, 0 AS pinned, 1 AS on_disk, 0 AS modified, 0 AS hdr_modified, 0 AS unsorted,"
        " 0 AS tombstone, 0 AS preferred_diskno, CAST(b.temporary AS INTEGER) AS temporary, 0 AS newblock"
        f" FROM ({_BLOCKS}) AS b", "superuser"),
    _view(5_111, "stv_partitions",
        "owner int4, host int4, diskno int4, part_begin int8, part_end int8, used int4, tossed int4, capacity int4,"
        "reads int8, writes int8, seek_forward int4, seek_back int4, is_san int4, failed int4, mbps int4,"
        "mount bpchar(256)",
        "SELECT 0 AS owner, 0 AS host, 0 AS diskno, 0 AS part_begin, d.capacity AS part_end,"
        " CAST(d.used / 1048576 AS INTEGER) AS used, 0 AS tossed, CAST(d.capacity / 1048576 AS INTEGER) AS capacity,"
        " 0 AS reads, 0 AS writes, 0 AS seek_forward, 0 AS seek_back, 0 AS is_san, 0 AS failed, 0 AS mbps, '' AS mount"
        " FROM sys_disk AS d", "superuser"),
    _view(5_112, "stv_node_storage_capacity", "node int4, used int4, capacity int4",
        "SELECT 0 AS node, CAST(d.used / 1048576 AS INTEGER) AS used, CAST(d.capacity / 1048576 AS INTEGER) AS capacity"
        " FROM sys_disk AS d", "all"),
    _view(5_113, "stv_load_state",
        "userid int4, session int4, query int4, slice int4, pid int4, recordtime ts, bytes_to_load int8,"
        "bytes_loaded int8, bytes_to_load_compressed int8, bytes_loaded_compressed int8, lines int4, num_files int4,"
        "num_files_complete int4, current_file bpchar(256), pct_complete int4",
        "SELECT t.userid, t.pid AS session, t.query, 0 AS slice, t.pid, timezone('UTC', now()) AS recordtime,"
        " CASE WHEN t.packed THEN 0 ELSE t.all_bytes END AS bytes_to_load,"
        " CASE WHEN t.packed THEN 0 ELSE t.bytes END AS bytes_loaded,"
        " CASE WHEN t.packed THEN t.all_bytes ELSE 0 END AS bytes_to_load_compressed,"
        " CASE WHEN t.packed THEN t.bytes ELSE 0 END AS bytes_loaded_compressed, t.rows AS lines,"
        " t.all_files AS num_files, t.files AS num_files_complete, t.file AS current_file,"
        " CAST(least(floor(100.0 * t.bytes / nullif(t.all_bytes, 0)), 100) AS INTEGER) AS pct_complete"
        " FROM sys_transfers AS t WHERE t.loads"),
    _view(5_114, "stv_active_cursors",
        "userid int4, name varchar(256), xid int8, pid int4, starttime ts, row_count int8, byte_count int8,"
        "fetched_rows int8",
        "SELECT c.userid, c.name, c.xid, c.pid, c.declared AS starttime, NULL AS row_count, NULL AS byte_count,"
        " c.fetched AS fetched_rows FROM sys_cursors AS c"),
    _view(5_115, "stv_cursor_configuration",
        "current_cursor_count int4, max_diskspace_usable int4, current_diskspace_used int4",
        "SELECT count(*) AS current_cursor_count, 0 AS max_diskspace_usable, 0 AS current_diskspace_used"
        " FROM sys_cursors", "superuser"),
    _view(5_119, "stv_exec_state",
        "userid int4, query int4, slice int4, segment int4, step int4, starttime ts, currenttime ts, tasknum int4,"
        "rows int8, bytes int8, label bpchar(256), is_diskbased bpchar(1), workmem int8, num_parts int4,"
        "is_rrscan bpchar(1), is_delayed_scan bpchar(1)", ""),
)
# fmt: on
