"""SVL views: logs told otherwise. Redshift, "SVL views"."""

from typing import Final

from catalog.system.spec import SystemView, columns


def _view(oid: int, name: str, shape: str, query: str = "") -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible="own",
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


# fmt: off
ROWS: Final = (
    _view(5_200, "svl_qlog",
        "userid int4, query int4, xid int8, pid int4, starttime ts, endtime ts, elapsed int8, aborted int4,"
        "label bpchar(320), substring bpchar(60), source_query int4, concurrency_scaling_status_txt text,"
        "from_sp_call int4",
        "SELECT s.userid, s.query, s.xid, s.pid, s.started AS starttime, s.ended AS endtime,"
        " date_diff('microsecond', s.started, s.ended) AS elapsed,"
        " CASE WHEN s.status = 'success' THEN 0 ELSE 1 END AS aborted, s.label, substr(s.text, 1, 60) AS substring,"
        " s.source AS source_query, '0 - Not Executed on Concurrency Scaling Cluster' AS concurrency_scaling_status_txt,"
        " NULL AS from_sp_call FROM sys_queries AS s"),
    _view(5_203, "svl_stored_proc_call",
        "userid int4, session_userid int4, query int4, label bpchar(320), xid int8, pid int4, database bpchar(32),"
        "querytxt bpchar(4000), starttime ts, endtime ts, aborted int4, from_sp_call int4",
        "SELECT c.* FROM sys_calls AS c"),
    _view(5_208, "svl_stored_proc_messages",
        "userid int4, session_userid int4, pid int4, xid int8, query int4, recordtime ts, loglevel int4,"
        "loglevel_text bpchar(10), message bpchar(1024), linenum int4, querytxt bpchar(500), label bpchar(320),"
        "aborted int4, message_xid int8",
        "SELECT m.*, m.xid AS message_xid FROM sys_messages AS m"),
    _view(5_204, "svl_terminate", "pid int4, eventtime ts, userid int4, type bpchar(50)",
        "SELECT t.* FROM sys_terminations AS t"),
    _view(5_205, "svl_mv_refresh_status",
        "db_name bpchar(128), userid int8, schema_name bpchar(128), mv_name bpchar(128), xid int8, starttime ts,"
        "endtime ts, status text, refresh_type bpchar(32)",
        "SELECT f.database AS db_name, f.userid, f.schema_name, f.name AS mv_name, f.xid, f.started AS starttime,"
        " f.ended AS endtime, f.status, f.refresh_type FROM sys_mv_refreshes AS f"),
    _view(5_206, "svl_s3log",
        "pid int4, query int4, segment int4, step int4, node int4, slice int4, eventtime ts, message bpchar(512),"
        "userid int4"),
    _view(5_207, "svl_udf_log",
        "query int8, message bpchar(4096), created ts, traceback bpchar(4096), funcname bpchar(256), node int4,"
        "slice int4, seq int4, userid int4"),
)
# fmt: on
