"""information_schema.

PostgreSQL 8.0, "The Information Schema". Late-binding views have no columns here, as in Redshift
(``pg_get_late_binding_view_cols`` lists them).
"""

from typing import Final

from catalog.system import access
from catalog.system.access import HERE, ME
from catalog.system.spec import SUPERUSER, SystemView, columns

_KEYS = f"sys_constraints AS k JOIN (SELECT r.* FROM {access.relations()}) AS r ON r.oid = k.relation"
_KEY_COLUMNS = f"sys_key_columns AS k JOIN (SELECT r.* FROM {access.relations()}) AS r ON r.oid = k.relation"
_BARE_TYPE = (
    "CASE c.type WHEN 18 THEN '\"char\"' WHEN 1042 THEN 'character' WHEN 1043 THEN 'character varying'"
    f" ELSE CASE WHEN t.category = 'A' THEN 'ARRAY' ELSE {access.TYPE_NAME} END END"
)
_PRIVILEGES = (
    "sys_grants AS g JOIN sys_relations AS r ON r.oid = g.object LEFT JOIN (SELECT t.oid,"
    " CASE WHEN t.oid = 0 THEN 'PUBLIC' ELSE t.name END AS name FROM sys_grantees AS t) AS w ON w.oid = g.grantee"
    f" LEFT JOIN sys_users AS f ON f.oid = g.grantor WHERE g.kind = 'table' AND COALESCE(r.database, {HERE}) = {HERE}"
    f" AND ({SUPERUSER} OR r.owner = {ME} OR g.grantor = {ME} OR g.grantee IN"
    f" (SELECT m.grantee FROM sys_members AS m WHERE m.member = {ME}))"
)
_TABLE_PRIVILEGES = (
    f"SELECT f.name AS grantor, w.name AS grantee, {HERE} AS table_catalog, r.schema_name AS table_schema,"
    " r.name AS table_name, g.privilege AS privilege_type,"
    " CASE WHEN g.grantable THEN 'YES' ELSE 'NO' END AS is_grantable, 'NO' AS with_hierarchy"
    f" FROM {_PRIVILEGES} AND g.column = ''"
)
_GRANT_COLUMNS = (
    "grantor text, grantee text, table_catalog text, table_schema text, table_name text, privilege_type text,"
    "is_grantable text, with_hierarchy text"
)


def _view(oid: int, name: str, shape: str, query: str) -> SystemView:
    return SystemView(
        schema="information_schema", name=name, oid=oid, columns=columns(shape), query=query,
        doc=f"PostgreSQL 8.0, 30 information_schema.{name}",
    )  # fmt: skip


_WHERE: Final = (
    f"{HERE} AS specific_catalog, r.schema_name AS specific_schema, r.name || '_' || CAST(r.oid AS VARCHAR)"
    " AS specific_name"
)
_ROUTINES: Final = (
    f"(SELECT r.* FROM sys_routines AS r WHERE COALESCE(r.database, {HERE}) = {HERE} AND {access.SEES_ROUTINE}) AS r"
)

_ROUTINE_GRANTS: Final = (
    "grantor text, grantee text, specific_catalog text, specific_schema text, specific_name text,"
    "routine_catalog text, routine_schema text, routine_name text, privilege_type text, is_grantable text"
)
_ROUTINE_PRIVILEGES: Final = (
    f"SELECT f.name AS grantor, w.name AS grantee, {_WHERE}, {HERE} AS routine_catalog, r.schema_name AS routine_schema,"
    " r.name AS routine_name, g.privilege AS privilege_type,"
    f" CASE WHEN g.grantable THEN 'YES' ELSE 'NO' END AS is_grantable FROM sys_grants AS g JOIN {_ROUTINES}"
    " ON r.oid = g.object LEFT JOIN sys_grantees AS w ON w.oid = g.grantee LEFT JOIN sys_users AS f"
    " ON f.oid = g.grantor WHERE g.kind = 'routine'"
)

# fmt: off
ROWS: Final = (
    _view(12_100, "information_schema_catalog_name", "catalog_name text", f"SELECT {HERE} AS catalog_name"),
    _view(12_101, "schemata",
        "catalog_name text, schema_name text, schema_owner text, default_character_set_catalog text,"
        "default_character_set_schema text, default_character_set_name text, sql_path text",
        f"SELECT {HERE} AS catalog_name, n.name AS schema_name, rs_pg_get_userbyid(n.owner) AS schema_owner,"
        " NULL AS default_character_set_catalog, NULL AS default_character_set_schema,"
        " NULL AS default_character_set_name, NULL AS sql_path FROM sys_namespaces AS n"
        f" WHERE COALESCE(n.database, {HERE}) = {HERE}"),
    _view(12_102, "tables",
        "table_catalog text, table_schema text, table_name text, table_type text, self_referencing_column_name text,"
        "reference_generation text, user_defined_type_catalog text, user_defined_type_schema text,"
        "user_defined_type_name text",
        f"SELECT {HERE} AS table_catalog, r.schema_name AS table_schema, r.name AS table_name,"
        " CASE WHEN r.temporary THEN 'LOCAL TEMPORARY' WHEN r.kind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type,"
        " NULL AS self_referencing_column_name, NULL AS reference_generation, NULL AS user_defined_type_catalog,"
        f" NULL AS user_defined_type_schema, NULL AS user_defined_type_name FROM {access.relations()}"),
    _view(12_103, "columns",
        "table_catalog text, table_schema text, table_name text, column_name text, ordinal_position int4,"
        "column_default text, is_nullable text, data_type text, character_maximum_length int4,"
        "character_octet_length int4, numeric_precision int4, numeric_precision_radix int4, numeric_scale int4,"
        "datetime_precision int4, interval_type text, interval_precision text, character_set_catalog text,"
        "character_set_schema text, character_set_name text, collation_catalog text, collation_schema text,"
        "collation_name text, domain_catalog text, domain_schema text, domain_name text, udt_catalog text,"
        "udt_schema text, udt_name text, scope_catalog text, scope_schema text, scope_name text,"
        "maximum_cardinality int4, dtd_identifier text, is_self_referencing text",
        f"SELECT {HERE} AS table_catalog, r.schema_name AS table_schema, r.name AS table_name, c.name AS column_name,"
        " c.number AS ordinal_position, c.default AS column_default,"
        " CASE WHEN c.not_null THEN 'NO' ELSE 'YES' END AS is_nullable,"
        f" {_BARE_TYPE} AS data_type, {access.CHARACTER_LENGTH} AS character_maximum_length,"
        f" {access.CHARACTER_LENGTH} AS character_octet_length, {access.PRECISION} AS numeric_precision,"
        " CASE WHEN c.type = 1700 THEN 10 WHEN c.type IN (20, 21, 23, 700, 701) THEN 2 END AS numeric_precision_radix,"
        f" {access.SCALE} AS numeric_scale,"
        " CASE WHEN c.type IN (1083, 1114, 1184, 1266) THEN 6 END AS datetime_precision, NULL AS interval_type,"
        " NULL AS interval_precision, NULL AS character_set_catalog, NULL AS character_set_schema,"
        " NULL AS character_set_name, NULL AS collation_catalog, NULL AS collation_schema,"
        " c.collation AS collation_name, NULL AS domain_catalog, NULL AS domain_schema, NULL AS domain_name,"
        f" {HERE} AS udt_catalog, 'pg_catalog' AS udt_schema, t.name AS udt_name, NULL AS scope_catalog,"
        " NULL AS scope_schema, NULL AS scope_name, NULL AS maximum_cardinality,"
        " CAST(c.number AS VARCHAR) AS dtd_identifier, 'NO' AS is_self_referencing"
        f" FROM {access.columns()} LEFT JOIN sys_types AS t ON t.oid = c.type WHERE NOT r.late_binding"
        " AND r.kind IN ('r', 'v')"),
    _view(12_104, "views",
        "table_catalog text, table_schema text, table_name text, view_definition text, check_option text,"
        "is_updatable text, is_insertable_into text",
        f"SELECT {HERE} AS table_catalog, r.schema_name AS table_schema, r.name AS table_name,"
        " r.definition AS view_definition, 'NONE' AS check_option, 'NO' AS is_updatable, 'NO' AS is_insertable_into"
        " FROM " + access.relations(kinds="'v'")),
    _view(12_105, "table_constraints",
        "constraint_catalog text, constraint_schema text, constraint_name text, table_catalog text, table_schema text,"
        "table_name text, constraint_type text, is_deferrable text, initially_deferred text",
        f"SELECT {HERE} AS constraint_catalog, r.schema_name AS constraint_schema, k.name AS constraint_name,"
        f" {HERE} AS table_catalog, r.schema_name AS table_schema, r.name AS table_name,"
        " CASE k.kind WHEN 'p' THEN 'PRIMARY KEY' WHEN 'u' THEN 'UNIQUE' ELSE 'FOREIGN KEY' END AS constraint_type,"
        f" 'NO' AS is_deferrable, 'NO' AS initially_deferred FROM {_KEYS}"),
    _view(12_106, "key_column_usage",
        "constraint_catalog text, constraint_schema text, constraint_name text, table_catalog text, table_schema text,"
        "table_name text, column_name text, ordinal_position int4, position_in_unique_constraint int4",
        f"SELECT {HERE} AS constraint_catalog, r.schema_name AS constraint_schema, k.name AS constraint_name,"
        f" {HERE} AS table_catalog, r.schema_name AS table_schema, r.name AS table_name, k.column_name,"
        " k.place AS ordinal_position, CASE WHEN k.kind = 'f' THEN k.place END AS position_in_unique_constraint"
        f" FROM {_KEY_COLUMNS}"),
    _view(12_107, "constraint_column_usage",
        "table_catalog text, table_schema text, table_name text, column_name text, constraint_catalog text,"
        "constraint_schema text, constraint_name text",
        f"SELECT {HERE} AS table_catalog, r.schema_name AS table_schema, r.name AS table_name, k.column_name,"
        f" {HERE} AS constraint_catalog, r.schema_name AS constraint_schema, k.name AS constraint_name"
        f" FROM {_KEY_COLUMNS} WHERE k.kind <> 'f'"
        f" UNION ALL SELECT {HERE}, t.schema_name, t.name, k.target_column, {HERE}, r.schema_name, k.name"
        f" FROM {_KEY_COLUMNS} JOIN sys_relations AS t ON t.oid = k.target WHERE k.kind = 'f'"),
    _view(12_108, "referential_constraints",
        "constraint_catalog text, constraint_schema text, constraint_name text, unique_constraint_catalog text,"
        "unique_constraint_schema text, unique_constraint_name text, match_option text, update_rule text,"
        "delete_rule text",
        f"SELECT {HERE} AS constraint_catalog, r.schema_name AS constraint_schema, k.name AS constraint_name,"
        f" {HERE} AS unique_constraint_catalog, t.schema_name AS unique_constraint_schema,"
        " k.target_key AS unique_constraint_name, 'NONE' AS match_option, 'NO ACTION' AS update_rule,"
        f" 'NO ACTION' AS delete_rule FROM {_KEYS} LEFT JOIN sys_relations AS t ON t.oid = k.target"
        " WHERE k.kind = 'f'"),
    _view(12_109, "table_privileges", _GRANT_COLUMNS, _TABLE_PRIVILEGES),
    _view(12_110, "role_table_grants", _GRANT_COLUMNS, _TABLE_PRIVILEGES),
    _view(12_111, "column_privileges",
        "grantor text, grantee text, table_catalog text, table_schema text, table_name text, column_name text,"
        "privilege_type text, is_grantable text",
        f"SELECT f.name AS grantor, w.name AS grantee, {HERE} AS table_catalog, r.schema_name AS table_schema,"
        " r.name AS table_name, g.column AS column_name, g.privilege AS privilege_type,"
        f" CASE WHEN g.grantable THEN 'YES' ELSE 'NO' END AS is_grantable FROM {_PRIVILEGES} AND g.column <> ''"),
    _view(12_112, "applicable_roles", "grantee text, role_name text, is_grantable text",
        "SELECT u.name AS grantee, g.name AS role_name, 'NO' AS is_grantable FROM sys_members AS m"
        " JOIN sys_users AS u ON u.oid = m.member JOIN sys_grantees AS g ON g.oid = m.grantee"
        f" WHERE m.member = {ME} AND g.kind IN ('group', 'role')"),
    _view(12_113, "enabled_roles", "role_name text",
        "SELECT g.name AS role_name FROM sys_members AS m JOIN sys_grantees AS g ON g.oid = m.grantee"
        f" WHERE m.member = {ME} AND g.kind IN ('group', 'role')"),
    _view(12_114, "routines",
        "specific_catalog text, specific_schema text, specific_name text, routine_catalog text, routine_schema text,"
        "routine_name text, routine_type text, data_type text, routine_body text, routine_definition text,"
        "external_language text",
        f"SELECT {_WHERE}, {HERE} AS routine_catalog, r.schema_name AS routine_schema, r.name AS routine_name,"
        " CASE r.kind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END AS routine_type,"
        " CASE WHEN r.kind = 'f' THEN r.returned END AS data_type,"
        " CASE l.name WHEN 'sql' THEN 'SQL' ELSE 'EXTERNAL' END AS routine_body,"
        f" CASE WHEN r.owner = {ME} OR {SUPERUSER} THEN r.body END AS routine_definition,"
        f" upper(l.name) AS external_language FROM {_ROUTINES} JOIN sys_languages AS l ON l.oid = r.language"),
    _view(12_115, "sequences",
        "sequence_catalog text, sequence_schema text, sequence_name text, data_type text, numeric_precision int4,"
        "numeric_precision_radix int4, numeric_scale int4, maximum_value text, minimum_value text, increment text,"
        "cycle_option text", ""),
    _view(12_116, "triggers",
        "trigger_catalog text, trigger_schema text, trigger_name text, event_manipulation text,"
        "event_object_catalog text, event_object_schema text, event_object_table text, action_order int4,"
        "action_condition text, action_statement text, action_orientation text, condition_timing text", ""),
    _view(12_117, "parameters",
        "specific_catalog text, specific_schema text, specific_name text, ordinal_position int4, parameter_mode text,"
        "parameter_name text, data_type text",
        f"SELECT {_WHERE}, c.number AS ordinal_position, c.mode AS parameter_mode,"
        f" NULLIF(c.name, '') AS parameter_name, {access.TYPE_NAME} AS data_type"
        f" FROM {_ROUTINES} JOIN sys_parameters AS c ON c.routine = r.oid"),
    _view(12_118, "check_constraints",
        "constraint_catalog text, constraint_schema text, constraint_name text, check_clause text", ""),
    _view(12_119, "view_table_usage",
        "view_catalog text, view_schema text, view_name text, table_catalog text, table_schema text, table_name text",
        f"SELECT {HERE} AS view_catalog, r.schema_name AS view_schema, r.name AS view_name,"
        " t.database AS table_catalog, t.schema_name AS table_schema, t.name AS table_name"
        f" FROM (SELECT r.* FROM {access.relations()}) AS r JOIN sys_dependencies AS d ON d.dependent = r.oid"
        " JOIN sys_relations AS t ON t.oid = d.referenced"),
    _view(12_120, "character_sets",
        "character_set_catalog text, character_set_schema text, character_set_name text",
        "SELECT NULL AS character_set_catalog, NULL AS character_set_schema, 'UTF8' AS character_set_name"),
    _view(12_130, "constraint_table_usage",
        "table_catalog text, table_schema text, table_name text, constraint_catalog text, constraint_schema text,"
        "constraint_name text",
        f"SELECT {HERE} AS table_catalog, COALESCE(t.schema_name, r.schema_name) AS table_schema,"
        f" COALESCE(t.name, r.name) AS table_name, {HERE} AS constraint_catalog, r.schema_name AS constraint_schema,"
        f" k.name AS constraint_name FROM {_KEYS} LEFT JOIN sys_relations AS t ON t.oid = k.target"),
    *(_view(oid, name, _ROUTINE_GRANTS, _ROUTINE_PRIVILEGES)
      for oid, name in ((12_131, "routine_privileges"), (12_132, "role_routine_grants"))),
    _view(12_133, "administrable_role_authorizations", "grantee text, role_name text, is_grantable text",
        "SELECT u.name AS grantee, r.name AS role_name, 'YES' AS is_grantable FROM sys_role_members AS m"
        " JOIN sys_roles AS r ON r.oid = m.role JOIN sys_users AS u ON u.oid = m.member"
        f" WHERE m.admin AND m.member = {ME}"),
    *(_view(oid, name, shape, "") for oid, name, shape in (
        (12_140, "usage_privileges", "grantor text, grantee text, object_catalog text, object_schema text, object_name text, object_type text, privilege_type text, is_grantable text"),
        (12_141, "role_usage_grants", "grantor text, grantee text, object_catalog text, object_schema text, object_name text, object_type text, privilege_type text, is_grantable text"),
        (12_142, "role_column_grants", "grantor text, grantee text, table_catalog text, table_schema text, table_name text, column_name text, privilege_type text, is_grantable text"),
        (12_143, "domains", "domain_catalog text, domain_schema text, domain_name text, data_type text, character_maximum_length int4, character_octet_length int4, numeric_precision int4, numeric_scale int4, domain_default text, udt_catalog text, udt_schema text, udt_name text"),
        (12_144, "domain_constraints", "constraint_catalog text, constraint_schema text, constraint_name text, domain_catalog text, domain_schema text, domain_name text, is_deferrable text, initially_deferred text"),
        (12_145, "domain_udt_usage", "udt_catalog text, udt_schema text, udt_name text, domain_catalog text, domain_schema text, domain_name text"),
        (12_146, "element_types", "object_catalog text, object_schema text, object_name text, object_type text, collection_type_identifier text, data_type text, character_maximum_length int4, numeric_precision int4, numeric_scale int4, udt_catalog text, udt_schema text, udt_name text, dtd_identifier text"),
        (12_147, "data_type_privileges", "object_catalog text, object_schema text, object_name text, object_type text, dtd_identifier text"),
        (12_148, "triggered_update_columns", "trigger_catalog text, trigger_schema text, trigger_name text, event_object_catalog text, event_object_schema text, event_object_table text, event_object_column text"),
        (12_149, "view_column_usage", "view_catalog text, view_schema text, view_name text, table_catalog text, table_schema text, table_name text, column_name text"),
        (12_150, "view_routine_usage", "table_catalog text, table_schema text, table_name text, specific_catalog text, specific_schema text, specific_name text"),
        (12_151, "column_domain_usage", "domain_catalog text, domain_schema text, domain_name text, table_catalog text, table_schema text, table_name text, column_name text"),
        (12_152, "column_udt_usage", "udt_catalog text, udt_schema text, udt_name text, table_catalog text, table_schema text, table_name text, column_name text"),
        (12_153, "column_options", "table_catalog text, table_schema text, table_name text, column_name text, option_name text, option_value text"),
        (12_154, "sql_features", "feature_id text, feature_name text, sub_feature_id text, sub_feature_name text, is_supported text, is_verified_by text, comments text"),
        (12_155, "sql_implementation_info", "implementation_info_id text, implementation_info_name text, integer_value int4, character_value text, comments text"),
        (12_156, "sql_languages", "sql_language_source text, sql_language_year text, sql_language_conformance text, sql_language_integrity text, sql_language_implementation text, sql_language_binding_style text, sql_language_programming_language text"),
        (12_157, "sql_packages", "feature_id text, feature_name text, is_supported text, is_verified_by text, comments text"),
        (12_158, "sql_sizing", "sizing_id int4, sizing_name text, supported_value int4, comments text"),
        (12_159, "sql_sizing_profiles", "sizing_id int4, sizing_name text, profile_id text, required_value int4, comments text"),
        (12_160, "collations", "collation_catalog text, collation_schema text, collation_name text, pad_attribute text"),
        (12_161, "collation_character_set_applicability", "collation_catalog text, collation_schema text, collation_name text, character_set_catalog text, character_set_schema text, character_set_name text"),
        (12_162, "foreign_tables", "foreign_table_catalog text, foreign_table_schema text, foreign_table_name text, foreign_server_catalog text, foreign_server_name text"),
        (12_163, "foreign_servers", "foreign_server_catalog text, foreign_server_name text, foreign_data_wrapper_catalog text, foreign_data_wrapper_name text, foreign_server_type text, foreign_server_version text, authorization_identifier text"),
        (12_164, "user_defined_types", "user_defined_type_catalog text, user_defined_type_schema text, user_defined_type_name text, user_defined_type_category text"),
        (12_165, "udt_privileges", "grantor text, grantee text, udt_catalog text, udt_schema text, udt_name text, privilege_type text, is_grantable text"),
        (12_166, "attributes", "udt_catalog text, udt_schema text, udt_name text, attribute_name text, ordinal_position int4, attribute_default text, is_nullable text, data_type text"),
    )),
)
# fmt: on
