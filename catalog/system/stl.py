"""STL views: what happened. Redshift, "STL views for logging".

Text columns are CHAR(n) and statements are cut into pieces of 200 characters, newlines as backslash n.
"""

from typing import Final

from catalog.system.spec import SystemView, Visible, columns

_PIECES = (
    "SELECT q.*, unnest(range(0, greatest(1, CAST(ceil(length(q.line) / 200.0) AS BIGINT)))) AS place FROM"
    " (SELECT s.*, replace(s.text, chr(10), '\\n') AS line FROM sys_queries AS s) AS q"
)
_TEXT = "substr(p.line, CAST(p.place * 200 + 1 AS BIGINT), 200)"
_DDL = "('DDL', 'CTAS')"
_QUERIES = "('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY', 'UNLOAD', 'CTAS')"


def _view(oid: int, name: str, shape: str, query: str, visible: Visible = "own") -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible=visible,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


def statement_pieces(where: str) -> str:
    """Return the query of STL_DDLTEXT and its like: statements in pieces, those that fulfil *where*."""
    return (
        "SELECT p.userid, p.xid, p.pid, p.label, p.started AS starttime, p.ended AS endtime, p.place AS sequence,"
        f" CASE WHEN p.kind IN {_DDL} THEN 'DDL' WHEN p.kind IN {_QUERIES} THEN 'QUERY' ELSE 'UTILITY' END AS type,"
        f" {_TEXT} AS text FROM ({_PIECES}) AS p WHERE {where}"
    )


def query_pieces() -> str:
    """Return the query of STL_QUERYTEXT: queries in pieces."""
    return (
        f"SELECT p.userid, p.xid, p.pid, p.query, p.place AS sequence, {_TEXT} AS text FROM ({_PIECES}) AS p"
        f" WHERE p.kind IN {_QUERIES}"
    )


LOAD_ERRORS: Final = (
    "userid int4, slice int4, tbl int4, starttime ts, session int4, query int4, filename bpchar(256), line_number int8,"
    "colname bpchar(127), type bpchar(10), col_length bpchar(10), position int4, raw_line bpchar(1024),"
    "raw_field_value bpchar(1024), err_code int4, err_reason bpchar(100), is_partial int4, start_offset int8,"
    "copy_job_id int8"
)
_UNLOAD_LOG: Final = (
    "userid int4, query int4, slice int4, pid int4, path bpchar(1280), start_time ts, end_time ts, line_count int8,"
    "transfer_size int8, file_format bpchar(10), user_query_id int8, transaction_id int8"
)
_UNLOADED: Final = (
    "SELECT u.userid, u.query, 0 AS slice, u.pid, u.path, u.started AS start_time, u.ended AS end_time,"
    " u.rows AS line_count, u.bytes AS transfer_size, u.format AS file_format, u.query AS user_query_id,"
    " u.xid AS transaction_id FROM sys_unloads AS u WHERE COALESCE(u.status, '') <> 'aborted'"
)
_TEXT_SHAPE = (
    "userid int4, xid int8, pid int4, label bpchar(320), starttime ts, endtime ts, sequence int4, text bpchar(200)"
)

# fmt: off
ROWS: Final = (
    _view(5_000, "stl_load_errors", LOAD_ERRORS,
        "SELECT e.userid, e.slice, e.tbl, e.starttime, e.session, e.query, e.filename, e.line_number, e.colname,"
        " e.type, e.col_length, e.position, e.raw_line, e.raw_field_value, e.err_code, e.err_reason, e.is_partial,"
        " e.start_offset, e.copy_job_id FROM sys_load_errors AS e"),
    _view(5_001, "stl_loaderror_detail",
        "userid int4, slice int4, session int4, query int4, filename bpchar(256), line_number int8, field int4,"
        "colname bpchar(127), value bpchar(1024), is_null int4, type bpchar(10), col_length bpchar(10)",
        "SELECT e.userid, e.slice, e.session, e.query, e.filename, e.line_number, 0 AS field, e.colname,"
        " e.raw_field_value AS value, 0 AS is_null, e.type, e.col_length FROM sys_load_errors AS e"),
    _view(5_002, "stl_load_commits",
        "userid int4, query int4, slice int4, name bpchar(256), filename bpchar(256), byte_offset int4,"
        "lines_scanned int4, errors int4, curtime ts, status int4, file_format bpchar(16), is_partial int4,"
        "start_offset int8, copy_job_id int8",
        "SELECT f.userid, f.query, 0 AS slice, f.filename AS name, f.filename, 0 AS byte_offset,"
        " f.lines AS lines_scanned, 0 AS errors, f.ended AS curtime, 1 AS status, f.format AS file_format,"
        " 0 AS is_partial, 0 AS start_offset, COALESCE(f.job, -1) AS copy_job_id FROM sys_load_files AS f"),
    _view(5_003, "stl_unload_log", _UNLOAD_LOG, _UNLOADED),
    _view(5_025, "svcs_unload_log", _UNLOAD_LOG, _UNLOADED),
    _view(5_004, "stl_query",
        "userid int4, query int4, label bpchar(320), xid int8, pid int4, database bpchar(32), querytxt bpchar(4000),"
        "starttime ts, endtime ts, aborted int4, insert_pristine int4, concurrency_scaling_status int4",
        "SELECT s.userid, s.query, s.label, s.xid, s.pid, s.database, substr(s.text, 1, 4000) AS querytxt,"
        " s.started AS starttime, s.ended AS endtime, CASE WHEN s.status = 'success' THEN 0 ELSE 1 END AS aborted,"
        " 0 AS insert_pristine, CASE WHEN contains(s.steps, ',spark,') THEN 1 ELSE 0 END AS concurrency_scaling_status"
        " FROM sys_queries AS s"
        f" WHERE s.kind IN {_QUERIES}"),
    _view(5_005, "stl_querytext",
        "userid int4, xid int8, pid int4, query int4, sequence int4, text bpchar(200)",
        query_pieces()),
    _view(5_006, "stl_ddltext", _TEXT_SHAPE, statement_pieces(f"p.kind IN {_DDL}")),
    _view(5_007, "stl_utilitytext", _TEXT_SHAPE, statement_pieces(f"p.kind NOT IN {_DDL} AND p.kind NOT IN {_QUERIES}")),
    _view(5_008, "svl_statementtext",
        "userid int4, xid int8, pid int4, label bpchar(320), starttime ts, endtime ts, sequence int4,"
        "type varchar(10), text bpchar(200)", statement_pieces("TRUE")),
    _view(5_009, "stl_connection_log",
        "event bpchar(50), recordtime ts, remotehost bpchar(45), remoteport bpchar(32), pid int4, dbname bpchar(50),"
        "username bpchar(50), authmethod bpchar(32), duration int4, sslversion bpchar(50), sslcipher bpchar(128),"
        "mtu int4, sslcompression bpchar(64), sslexpansion bpchar(64), iamauthguid bpchar(36),"
        "application_name bpchar(250), os_version bpchar(64), driver_version bpchar(64), plugin_name bpchar(32),"
        "protocol_version int4, sessionid bpchar(36), compression bpchar(16)",
        "SELECT c.event, c.time AS recordtime, c.host AS remotehost, c.port AS remoteport, c.pid,"
        " c.database AS dbname, c.user_name AS username, c.method AS authmethod, c.duration,"
        " c.tls_version AS sslversion, c.tls_cipher AS sslcipher, 0 AS mtu, '' AS sslcompression, '' AS sslexpansion,"
        " '' AS iamauthguid, c.application AS application_name, c.os AS os_version, c.driver AS driver_version,"
        " c.plugin AS plugin_name, c.protocol AS protocol_version, '' AS sessionid, '' AS compression"
        " FROM sys_connections AS c", "superuser"),
    _view(5_010, "stl_sessions",
        "userid int4, starttime ts, endtime ts, process int4, user_name bpchar(50), db_name bpchar(50),"
        "timeout_sec int4, timed_out int4",
        # A session that has ended is told by its end, which knows how long it was.
        "SELECT u.oid AS userid, c.time - to_microseconds(c.duration) AS starttime, c.time AS endtime, c.pid AS process,"
        " c.user_name, c.database AS db_name, 0 AS timeout_sec, 0 AS timed_out FROM sys_connections AS c"
        " LEFT JOIN sys_users AS u ON u.name = c.user_name WHERE c.event = 'disconnecting session'"
        " UNION ALL SELECT s.user_oid, s.started, NULL, s.pid, s.user_name, s.database, COALESCE(s.timeout_s, 0), 0"
        " FROM sys_sessions AS s"),
    _view(5_011, "stl_userlog",
        "userid int4, username bpchar(50), oldusername bpchar(50), action bpchar(10), usecreatedb int4, usesuper int4,"
        "usecatupd int4, valuntil ts, pid int4, xid int8, recordtime ts",
        "SELECT c.*, 0 AS usecatupd FROM sys_user_changes AS c", "superuser"),
    _view(5_012, "stl_replacements",
        "userid int4, query int4, slice int4, tbl int4, starttime ts, session int4, filename bpchar(256),"
        "line_number int8, colname bpchar(127), raw_line bpchar(1024)",
        "SELECT r.userid, r.query, 0 AS slice, r.tbl, r.started AS starttime, r.pid AS session, r.filename,"
        " r.line AS line_number, r.colname, r.raw_line FROM sys_replacements AS r"),
    _view(5_013, "stl_s3client",
        "userid int4, query int4, slice int4, recordtime ts, pid int4, http_method bpchar(64), bucket bpchar(64),"
        "key bpchar(256), transfer_size int8, data_size int8, start_time int8, end_time int8, transfer_time int8,"
        "compression_time int8, connect_time int8, app_connect_time int8, retries int8, request_id bpchar(32),"
        "extended_request_id bpchar(128), ip_address bpchar(64), is_partial int4, start_offset int8", ""),
    _view(5_020, "stl_vacuum",
        "userid int4, xid int8, table_id int4, status bpchar(30), rows int8, sortedrows int4, blocks int4,"
        "max_merge_partitions int4, eventtime ts, reclaimable_rows int8, reclaimable_space_mb int8, cutoff_xid int8,"
        "is_recluster int4",
        # One row when it begins, one when it has ended.
        "SELECT v.userid, v.xid, v.relation AS table_id, CASE WHEN e.phase = 'Finished' THEN 'Finished' ELSE"
        " 'Started' || CASE v.mode WHEN 'DELETE ONLY' THEN ' Delete Only' WHEN 'SORT ONLY' THEN ' Sort Only'"
        " WHEN 'REINDEX' THEN ' Reindex' WHEN 'RECLUSTER' THEN ' Recluster' ELSE '' END END AS status,"
        " CASE WHEN e.phase = 'Finished' THEN COALESCE(v.rows_after, v.rows) ELSE v.rows END AS rows,"
        " CASE WHEN e.phase = 'Finished' THEN v.sorted_after ELSE v.sorted END AS sortedrows,"
        " CASE WHEN e.phase = 'Finished' THEN v.blocks_after ELSE v.blocks END AS blocks, 0 AS max_merge_partitions,"
        " CASE WHEN e.phase = 'Finished' THEN v.ended ELSE v.started END AS eventtime,"
        " CASE WHEN e.phase = 'Finished' THEN 0 ELSE v.deleted END AS reclaimable_rows,"
        " CASE WHEN e.phase = 'Finished' THEN 0 ELSE CAST(floor(v.blocks * v.deleted / GREATEST(v.rows, 1)) AS BIGINT)"
        " END AS reclaimable_space_mb, 0 AS cutoff_xid, CAST(v.mode = 'RECLUSTER' AS INTEGER) AS is_recluster"
        " FROM sys_vacuums AS v, (VALUES ('Started'), ('Finished')) AS e(phase)", "superuser"),
    _view(6_026, "svl_vacuum_percentage", "xid int8, table_id int4, percentage int8",
        "SELECT v.xid, v.relation AS table_id, CAST(100 * v.blocks_after / GREATEST(v.blocks, 1) AS BIGINT) AS percentage"
        " FROM sys_vacuums AS v WHERE v.blocks IS NOT NULL", "superuser"),
    _view(5_021, "stl_analyze",
        "userid int4, xid int8, database bpchar(30), table_id int4, status bpchar(15), rows float8,"
        "modified_rows float8, threshold_percent int4, is_auto bpchar(1), starttime ts, endtime ts, prevtime ts,"
        "num_predicate_cols int4, num_new_predicate_cols int4, is_background bpchar(1), auto_analyze_phase bpchar(100),"
        "schema_name bpchar(128), table_name bpchar(136)",
        "SELECT a.userid, a.xid, a.database, a.relation AS table_id, a.status, COALESCE(z.rows, 0) AS rows,"
        " 0 AS modified_rows, 10 AS threshold_percent, 'F' AS is_auto, a.started AS starttime, a.ended AS endtime,"
        " lag(a.ended) OVER (PARTITION BY a.relation ORDER BY a.ended) AS prevtime, 0 AS num_predicate_cols,"
        " 0 AS num_new_predicate_cols, 'F' AS is_background, '' AS auto_analyze_phase, a.schema_name,"
        " a.name AS table_name FROM sys_analyzes AS a LEFT JOIN sys_storage AS z ON z.relation = a.relation",
        "superuser"),
    _view(5_022, "stl_tr_conflict",
        "xact_id int8, process_id int8, xact_start_ts ts, abort_time ts, table_id int8",
        "SELECT c.xid AS xact_id, c.pid AS process_id, c.started AS xact_start_ts, c.ended AS abort_time,"
        " c.relation AS table_id FROM sys_conflicts AS c", "superuser"),
    _view(5_023, "stl_undone",
        "xact_id int8, xact_id_undone int8, undo_start_ts ts, undo_end_ts ts, table_id int8",
        "SELECT t.xid AS xact_id, t.xid AS xact_id_undone, t.ended AS undo_start_ts, t.ended AS undo_end_ts,"
        " NULL AS table_id FROM sys_transactions AS t WHERE t.status = 'rolledback'", "superuser"),
    _view(5_024, "stl_error",
        "userid int4, process bpchar(12), recordtime ts, pid int4, errcode int4, file bpchar(90), linenum int4,"
        "context bpchar(100), error bpchar(512)", ""),
)
# fmt: on
