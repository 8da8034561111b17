"""Views of zero-ETL integrations: which there are, how each table fares, and what was brought when.

Redshift, "SVV_INTEGRATION", "SVV_INTEGRATION_TABLE_STATE", "SYS_INTEGRATION_ACTIVITY", "SYS_INTEGRATION_TABLE_ACTIVITY",
"SYS_INTEGRATION_TABLE_STATE_CHANGE".
"""

from typing import Final

from catalog.system.spec import SystemView, columns


def _view(oid: int, name: str, shape: str, query: str) -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, visible="superuser",
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


# fmt: off
ROWS: Final = (
    _view(4_229, "svv_integration",
        "integration_id bpchar(128), target_database bpchar(128), source bpchar(128), state bpchar(128),"
        "current_lag int8, last_replicated_checkpoint bpchar(128), total_tables_replicated int4,"
        "total_tables_failed int4, creation_time ts, refresh_interval int4, source_database bpchar(128),"
        "is_history_mode bool",
        "SELECT i.integration_id, i.target_database, i.source, i.state, i.lag AS current_lag,"
        " i.checkpoint AS last_replicated_checkpoint, count(t.state) FILTER (t.state <> 'Failed')"
        " AS total_tables_replicated, count(t.state) FILTER (t.state = 'Failed') AS total_tables_failed,"
        " i.created AS creation_time, i.refresh_interval, i.source_database, i.history_mode AS is_history_mode"
        " FROM sys_integrations AS i LEFT JOIN sys_integration_tables AS t ON t.integration_id = i.integration_id"
        " AND t.target_database = i.target_database GROUP BY ALL"),
    _view(6_081, "svv_integration_table_state",
        "integration_id bpchar(128), target_database bpchar(128), schema_name bpchar(128), table_name bpchar(128),"
        "table_state bpchar(128), table_last_replicated_checkpoint bpchar(128), reason bpchar(256),"
        "last_updated_timestamp ts, table_rows int8, table_size int8, is_history_mode bool",
        "SELECT t.integration_id, t.target_database, t.schema_name, t.name AS table_name, t.state AS table_state,"
        " t.checkpoint AS table_last_replicated_checkpoint, t.reason, t.updated AS last_updated_timestamp,"
        " coalesce(s.rows, 0) AS table_rows, (coalesce(s.bytes, 0) + 1048575) // 1048576 AS table_size,"
        " false AS is_history_mode FROM sys_integration_tables AS t LEFT JOIN sys_storage AS s"
        " ON s.relation = t.relation"),
    _view(6_082, "sys_integration_activity",
        "integration_id bpchar(128), target_database bpchar(128), source bpchar(128), checkpoint_name bpchar(128),"
        "checkpoint_type bpchar(16), checkpoint_bytes int8, last_commit_timestamp ts, modified_tables int4,"
        "integration_start_time ts, integration_end_time ts",
        "SELECT r.integration_id, r.database AS target_database, 'PostgreSQL' AS source,"
        " r.checkpoint AS checkpoint_name, r.type AS checkpoint_type, r.bytes AS checkpoint_bytes,"
        " r.committed AS last_commit_timestamp, r.tables AS modified_tables, r.started AS integration_start_time,"
        " r.ended AS integration_end_time FROM sys_integration_runs AS r"),
    _view(6_083, "sys_integration_table_activity",
        "integration_id bpchar(128), checkpoint_name bpchar(128), target_database bpchar(128),"
        "schema_name bpchar(128), table_name bpchar(128), table_id int4, record_time ts, transaction_id int8,"
        "inserted_rows int8, deleted_rows int8, updated_rows int8, bytes_ingested int8",
        "SELECT c.integration_id, c.checkpoint AS checkpoint_name, c.database AS target_database, c.schema_name,"
        " c.name AS table_name, c.relation AS table_id, c.time AS record_time, c.xid AS transaction_id,"
        " c.inserted AS inserted_rows, c.deleted AS deleted_rows, c.updated AS updated_rows,"
        " c.bytes AS bytes_ingested FROM sys_integration_changes AS c"),
    _view(6_084, "sys_integration_table_state_change",
        "integration_id bpchar(128), database_name bpchar(128), schema_name bpchar(128), table_name bpchar(128),"
        "new_state bpchar(128), table_last_replicated_checkpoint bpchar(128), state_change_reason bpchar(256),"
        "record_time ts",
        "SELECT s.integration_id, s.database AS database_name, s.schema_name, s.name AS table_name,"
        " s.state AS new_state, s.checkpoint AS table_last_replicated_checkpoint, s.reason AS state_change_reason,"
        " s.time AS record_time FROM sys_integration_states AS s"),
)
# fmt: on
