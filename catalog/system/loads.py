"""Copy jobs in the system catalogs: what they are, which files they took in, what kept them from it; what COPY changed.

Redshift, "SYS_COPY_JOB", "SYS_COPY_JOB_DETAIL", "SYS_COPY_JOB_INFO", "SYS_COPY_REPLACEMENTS", "SYS_SPATIAL_SIMPLIFY".
"""

from typing import Final

import pyarrow as pa

from catalog.copy_jobs import copy_jobs
from catalog.model import CatalogState, Database
from catalog.system.build import Live, table
from catalog.system.spec import SystemView, Visible, columns

JOB_SHAPE: Final = (
    "job_id int8, job_name bpchar(128), iam_role bpchar(128), job_text bpchar(256), is_auto int4, on_error_suspend int4"
)


_SIMPLIFIED: Final = (
    "maximum_tolerance float8, initial_size int8, simplified bpchar(1), final_size int8, final_tolerance float8"
)
_OF_SIMPLIFIED: Final = (
    "s.line AS line_number, s.maximum AS maximum_tolerance, s.initial_size, s.simplified, s.final_size,"
    " s.tolerance AS final_tolerance, s.userid FROM sys_simplifications AS s"
)


def job_rows(state: CatalogState, live: Live) -> pa.Table:
    """Build sys_copy_jobs."""
    rows = [
        (job.oid, place.name, job.name, job.owner, job.iam_role, job.text, job.auto)
        for job in copy_jobs(state)
        if isinstance(place := state.objects.get(job.database), Database)
    ]
    return table("sys_copy_jobs", rows)


def _view(oid: int, name: str, shape: str, query: str, visible: Visible = "own", owner: str = "userid") -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible=visible, owner=owner,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


# fmt: off
ROWS: Final = (
    _view(5_320, "sys_copy_job", JOB_SHAPE,
        "SELECT j.oid AS job_id, j.name AS job_name, j.iam_role, substr(j.text, 1, 256) AS job_text,"
        " CAST(j.auto AS INTEGER) AS is_auto, 0 AS on_error_suspend, j.owner AS userid FROM sys_copy_jobs AS j"),
    _view(6_042, "sys_copy_job_detail",
        "user_id int4, database_name text, job_id int4, job_name text, file_location text, file_name text,"
        "file_size int8, file_etag text, job_text bpchar(256), modification_time ts, enqueue_time ts,"
        "status bpchar(1)",
        "SELECT j.owner AS user_id, j.database AS database_name, j.oid AS job_id, j.name AS job_name,"
        " CASE WHEN starts_with(f.location, 's3://') THEN split_part(f.location, '/', 3) ELSE '' END AS file_location,"
        " CASE WHEN starts_with(f.location, 's3://')"
        " THEN substr(f.location, CAST(length(split_part(f.location, '/', 3)) + 7 AS BIGINT)) ELSE f.location END"
        " AS file_name, f.bytes AS file_size, f.version AS file_etag, substr(j.text, 1, 256) AS job_text,"
        " f.modified AS modification_time, f.enqueued AS enqueue_time, f.status"
        " FROM sys_copied_files AS f JOIN sys_copy_jobs AS j ON j.oid = f.job", owner="user_id"),
    _view(6_043, "sys_copy_job_info",
        "job_id int8, job_name bpchar(128), database_name bpchar(128), record_time ts, message bpchar(512)",
        "SELECT m.job AS job_id, m.name AS job_name, m.database AS database_name, m.time AS record_time, m.message,"
        " m.userid FROM sys_job_messages AS m"),
    _view(6_045, "sys_copy_replacements",
        "user_id int4, query_id int8, table_id int4, file_name bpchar(256), column_name bpchar(127), line_number int8,"
        "raw_line bpchar(1024)",
        "SELECT r.userid AS user_id, r.query AS query_id, r.tbl AS table_id, r.filename AS file_name,"
        " r.colname AS column_name, r.line AS line_number, r.raw_line FROM sys_replacements AS r", owner="user_id"),
    _view(6_036, "sys_spatial_simplify", f"query_id int8, line_number int8, {_SIMPLIFIED}",
        f"SELECT s.query AS query_id, {_OF_SIMPLIFIED}"),
    _view(6_025, "svl_spatial_simplify", f"query int4, line_number int4, {_SIMPLIFIED}",
        f"SELECT s.query, {_OF_SIMPLIFIED}"),
)
# fmt: on
