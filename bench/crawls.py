"""What clients ask to browse everything: one entry a client's call, written as their sources write it.

Each reads the whole catalog (or, where the name says so, one table of it), as a tool does when it connects.
"""

from typing import Final

_EARLY: Final = """
    SELECT sch.nspname AS table_schema, tbl.relname AS table_name,
           CASE WHEN tbl.relkind = 'v' AND mat_views.table_name IS NOT NULL THEN 'MATERIALIZED VIEW'
                WHEN tbl.relkind = 'v' THEN 'VIEW' ELSE 'BASE TABLE' END AS table_type,
           tbl_desc.description AS table_comment, col.attname AS column_name, col.attnum AS column_index,
           pg_catalog.format_type(col.atttypid, col.atttypmod) AS column_type, col_desc.description AS column_comment
    FROM pg_catalog.pg_namespace sch
    JOIN pg_catalog.pg_class tbl ON tbl.relnamespace = sch.oid
    JOIN pg_catalog.pg_attribute col ON col.attrelid = tbl.oid
    LEFT OUTER JOIN pg_catalog.pg_description tbl_desc ON tbl_desc.objoid = tbl.oid AND tbl_desc.objsubid = 0
    LEFT OUTER JOIN pg_catalog.pg_description col_desc
        ON col_desc.objoid = tbl.oid AND col_desc.objsubid = col.attnum
    LEFT OUTER JOIN information_schema.views mat_views
        ON mat_views.table_schema = sch.nspname AND mat_views.table_name = tbl.relname
        AND mat_views.view_definition ILIKE '%create materialized view%' AND mat_views.table_catalog = 'dev'
    WHERE tbl.relkind IN ('r', 'v', 'f', 'p') AND col.attnum > 0 AND NOT col.attisdropped
"""
_LATE: Final = """
    SELECT table_schema, table_name, 'LATE BINDING VIEW'::varchar AS table_type, NULL::text AS table_comment,
           column_name, column_index, column_type, NULL::text AS column_comment
    FROM pg_get_late_binding_view_cols()
        cols(table_schema name, table_name name, column_name name, column_type varchar, column_index int)
"""
_DBT_CATALOG: Final = f"""
WITH late_binding AS ({_LATE} WHERE upper(table_schema) = upper('crawled')),
     early_binding AS ({_EARLY} AND upper(sch.nspname) = upper('crawled')),
     unioned AS (SELECT * FROM early_binding UNION ALL SELECT * FROM late_binding),
     table_owners AS (
        SELECT schemaname AS table_schema, tablename AS table_name, tableowner AS table_owner FROM pg_tables
        UNION ALL SELECT schemaname, viewname, viewowner FROM pg_views)
SELECT 'dev' AS table_database, * FROM unioned JOIN table_owners USING (table_schema, table_name)
ORDER BY "column_index"
"""
_DBT_DEPENDENCIES: Final = """
WITH relation AS (
        SELECT pg_class.oid AS relation_id, pg_class.relname AS relation_name, pg_class.relnamespace AS schema_id,
               pg_namespace.nspname AS schema_name, pg_class.relkind AS relation_type
        FROM pg_class, pg_namespace
        WHERE pg_class.relnamespace = pg_namespace.oid
        AND pg_namespace.nspname != 'information_schema' AND pg_namespace.nspname NOT LIKE 'pg\\_%'),
     dependency AS (
        SELECT DISTINCT pg_depend.objid AS id, pg_depend.refobjid AS ref FROM pg_depend
        JOIN pg_rewrite ON pg_rewrite.oid = pg_depend.objid WHERE pg_rewrite.ev_class <> pg_depend.refobjid)
SELECT DISTINCT referenced.schema_name, referenced.relation_name, dependent.schema_name, dependent.relation_name
FROM relation referenced JOIN dependency ON referenced.relation_id = dependency.ref
JOIN pg_rewrite rules ON rules.oid = dependency.id JOIN relation dependent ON dependent.relation_id = rules.ev_class
"""
_ALCHEMY_RELATIONS: Final = """
SELECT c.relkind, n.oid AS "schema_oid", n.nspname AS "schema", c.oid AS "rel_oid", c.relname,
       CASE c.reldiststyle WHEN 0 THEN 'EVEN' WHEN 1 THEN 'KEY' WHEN 8 THEN 'ALL' END AS "diststyle",
       c.relowner AS "owner_id", u.usename AS "owner_name",
       TRIM(TRAILING ';' FROM pg_catalog.pg_get_viewdef(c.oid, true)) AS "view_definition",
       pg_catalog.array_to_string(c.relacl, '\\n') AS "privileges"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_user u ON u.usesysid = c.relowner
WHERE c.relkind IN ('r', 'v', 'm', 'S', 'f') AND n.nspname !~ '^pg_'
UNION
SELECT 'r' AS "relkind", s.esoid AS "schema_oid", s.schemaname AS "schema", null AS "rel_oid",
       t.tablename AS "relname", null AS "diststyle", s.esowner AS "owner_id", u.usename AS "owner_name",
       null AS "view_definition", null AS "privileges"
FROM svv_external_tables t JOIN svv_external_schemas s ON s.schemaname = t.schemaname
     JOIN pg_catalog.pg_user u ON u.usesysid = s.esowner
ORDER BY "relkind", "schema_oid", "schema"
"""
_ALCHEMY_COLUMNS: Final = """
SELECT n.nspname AS "schema", c.relname AS "table_name", att.attname AS "name",
       format_encoding(att.attencodingtype::integer) AS "encode", format_type(att.atttypid, att.atttypmod) AS "type",
       att.attisdistkey AS "distkey", att.attsortkeyord AS "sortkey", att.attnotnull AS "notnull",
       pg_catalog.col_description(att.attrelid, att.attnum) AS "comment", adsrc, attnum,
       pg_catalog.format_type(att.atttypid, att.atttypmod), pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) AS DEFAULT,
       n.oid AS "schema_oid", c.oid AS "table_oid"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attribute att ON att.attrelid = c.oid
     LEFT JOIN pg_catalog.pg_attrdef ad ON (att.attrelid, att.attnum) = (ad.adrelid, ad.adnum)
WHERE n.nspname !~ '^pg_' AND att.attnum > 0 AND NOT att.attisdropped
ORDER BY "schema", "table_name", "attnum"
"""
_ALCHEMY_KEYS: Final = """
SELECT n.nspname AS "schema", c.relname AS "table_name", t.contype, t.conname, t.conkey, a.attnum, a.attname,
       pg_catalog.pg_get_constraintdef(t.oid, true)::varchar(512) AS condef, n.oid AS "schema_oid", c.oid AS "rel_oid"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_constraint t ON t.conrelid = c.oid
     JOIN pg_catalog.pg_attribute a ON t.conrelid = a.attrelid AND a.attnum = ANY(t.conkey)
WHERE n.nspname !~ '^pg_'
ORDER BY "schema", "table_name"
"""
_PGJDBC_TABLES: Final = """
SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME,
       CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema'
       WHEN true THEN CASE WHEN n.nspname = 'pg_catalog' OR n.nspname = 'information_schema'
           THEN CASE c.relkind WHEN 'r' THEN 'SYSTEM TABLE' WHEN 'v' THEN 'SYSTEM VIEW'
                WHEN 'i' THEN 'SYSTEM INDEX' ELSE NULL END
           WHEN n.nspname = 'pg_toast' THEN CASE c.relkind WHEN 'r' THEN 'SYSTEM TOAST TABLE' ELSE NULL END
           ELSE CASE c.relkind WHEN 'r' THEN 'TEMPORARY TABLE' ELSE NULL END END
       WHEN false THEN CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'i' THEN 'INDEX' WHEN 'v' THEN 'VIEW' ELSE NULL END
       ELSE NULL END AS TABLE_TYPE,
       d.description AS REMARKS, '' AS TYPE_CAT, '' AS TYPE_SCHEM, '' AS TYPE_NAME
FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_description d
        ON (c.oid = d.objoid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass)
WHERE c.relnamespace = n.oid ORDER BY TABLE_TYPE, TABLE_SCHEM, TABLE_NAME
"""
_PGJDBC_COLUMNS: Final = """
SELECT n.nspname, c.relname, a.attname, a.atttypid, a.attnotnull
       OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull, a.atttypmod, a.attlen, t.typtypmod, a.attnum,
       pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc, dsc.description, t.typbasetype, t.typtype
FROM pg_catalog.pg_namespace n
     JOIN pg_catalog.pg_class c ON (c.relnamespace = n.oid)
     JOIN pg_catalog.pg_attribute a ON (a.attrelid = c.oid)
     JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid)
     LEFT JOIN pg_catalog.pg_attrdef def ON (a.attrelid = def.adrelid AND a.attnum = def.adnum)
     LEFT JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
     LEFT JOIN pg_catalog.pg_class dc ON (dc.oid = dsc.classoid AND dc.relname = 'pg_class')
     LEFT JOIN pg_catalog.pg_namespace dn ON (dc.relnamespace = dn.oid AND dn.nspname = 'pg_catalog')
WHERE c.relkind in ('r', 'p', 'v', 'f', 'm') AND a.attnum > 0 AND NOT a.attisdropped{condition}
ORDER BY nspname, c.relname, attnum
"""
_PGJDBC_KEYS: Final = """
SELECT NULL::text AS PKTABLE_CAT, pkn.nspname AS PKTABLE_SCHEM, pkc.relname AS PKTABLE_NAME,
       pka.attname AS PKCOLUMN_NAME, NULL::text AS FKTABLE_CAT, fkn.nspname AS FKTABLE_SCHEM,
       fkc.relname AS FKTABLE_NAME, fka.attname AS FKCOLUMN_NAME, pos.n AS KEY_SEQ, con.conname AS FK_NAME,
       pkic.relname AS PK_NAME
FROM pg_catalog.pg_namespace pkn, pg_catalog.pg_class pkc, pg_catalog.pg_attribute pka,
     pg_catalog.pg_namespace fkn, pg_catalog.pg_class fkc, pg_catalog.pg_attribute fka,
     pg_catalog.pg_constraint con, pg_catalog.generate_series(1, 32) pos(n), pg_catalog.pg_class pkic
WHERE pkn.oid = pkc.relnamespace AND pkc.oid = pka.attrelid AND pka.attnum = con.confkey[pos.n]
      AND con.confrelid = pkc.oid AND fkn.oid = fkc.relnamespace AND fkc.oid = fka.attrelid
      AND fka.attnum = con.conkey[pos.n] AND con.conrelid = fkc.oid AND con.contype = 'f'
      AND (pkic.relkind = 'i' OR pkic.relkind = 'I') AND pkic.oid = con.conindid
ORDER BY fkn.nspname, fkc.relname, con.conname, pos.n
"""
_METABASE: Final = """
SELECT columns.column_name AS name, columns.data_type AS "database-type",
       columns.ordinal_position - 1 AS "database-position", columns.schema_name AS "table-schema",
       columns.table_name AS "table-name", pk.column_name IS NOT NULL AS "pk?", columns.remarks AS "field-comment"
FROM svv_redshift_columns columns
LEFT JOIN (
    SELECT tc.table_schema, tc.table_name, kc.column_name FROM information_schema.table_constraints tc
    INNER JOIN information_schema.key_column_usage kc
        ON tc.constraint_name = kc.constraint_name AND tc.table_schema = kc.table_schema
        AND tc.table_name = kc.table_name
    WHERE tc.constraint_type = 'PRIMARY KEY') pk
ON columns.schema_name = pk.table_schema AND columns.table_name = pk.table_name
   AND columns.column_name = pk.column_name
WHERE columns.database_name = current_database()
ORDER BY "table-schema", "table-name", "database-position"
"""
_METABASE_PRIVILEGES: Final = """
WITH table_privileges AS (
    SELECT NULL AS role, t.schemaname AS schema, t.objectname AS table,
           pg_catalog.has_table_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"',
               'UPDATE') AS update,
           pg_catalog.has_table_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"',
               'SELECT') AS select,
           pg_catalog.has_table_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"',
               'INSERT') AS insert,
           pg_catalog.has_table_privilege(current_user, '"' || t.schemaname || '"' || '.' || '"' || t.objectname || '"',
               'DELETE') AS delete
    FROM (SELECT schemaname, tablename AS objectname FROM pg_catalog.pg_tables
          UNION SELECT schemaname, viewname AS objectname FROM pg_views) t
    WHERE t.schemaname !~ '^pg_' AND t.schemaname <> 'information_schema'
      AND pg_catalog.has_schema_privilege(current_user, t.schemaname, 'USAGE'))
SELECT t.* FROM table_privileges t WHERE t.select OR t.update OR t.insert OR t.delete
"""
_PSQL_LIST: Final = """
SELECT n.nspname AS "Schema", c.relname AS "Name",
       CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence'
       WHEN 's' THEN 'special' END AS "Type", pg_catalog.pg_get_userbyid(c.relowner) AS "Owner"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r','v','m','S','f','') AND n.nspname <> 'pg_catalog' AND n.nspname !~ '^pg_toast'
      AND n.nspname <> 'information_schema' {condition}ORDER BY 1, 2
"""
_PSQL_ONE: Final = """
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       (SELECT substring(pg_catalog.pg_get_expr(d.adbin, d.adrelid) for 128) FROM pg_catalog.pg_attrdef d
        WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef),
       a.attnotnull, NULL AS attcollation, ''::pg_catalog.char AS attidentity, ''::pg_catalog.char AS attgenerated,
       a.attstorage, CASE WHEN a.attstattarget=-1 THEN NULL ELSE a.attstattarget END AS attstattarget,
       pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = (SELECT oid FROM pg_class WHERE relname = 't100') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

_PSQL_SIZES: Final = """
SELECT n.nspname AS "Schema", c.relname AS "Name",
       CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' END AS "Type",
       pg_catalog.pg_get_userbyid(c.relowner) AS "Owner",
       CASE c.relpersistence WHEN 'p' THEN 'permanent' WHEN 't' THEN 'temporary' WHEN 'u' THEN 'unlogged' END,
       pg_catalog.pg_size_pretty(pg_catalog.pg_table_size(c.oid)) AS "Size",
       pg_catalog.obj_description(c.oid, 'pg_class') AS "Description"
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 's', '') AND n.nspname OPERATOR(pg_catalog.~) '^(crawled)$' ORDER BY 1, 2
"""
_PSQL_PRIVILEGES: Final = """
SELECT n.nspname AS "Schema", c.relname AS "Name", c.relkind, pg_catalog.array_to_string(c.relacl, E'\\n'),
       pg_catalog.array_to_string(ARRAY(SELECT attname || E':\\n  ' || pg_catalog.array_to_string(attacl, E'\\n  ')
           FROM pg_catalog.pg_attribute a WHERE attrelid = c.oid AND NOT attisdropped AND attacl IS NOT NULL), E'\\n')
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'S', 'f', 'p') AND n.nspname !~ '^pg_' ORDER BY 1, 2
"""
_PSQL_FUNCTIONS: Final = """
SELECT n.nspname, p.proname, pg_catalog.pg_get_function_result(p.oid), pg_catalog.pg_get_function_arguments(p.oid)
FROM pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname <> 'information_schema' ORDER BY 1, 2, 4
"""
_ODBC_TABLES: Final = """
SELECT relname, nspname, relkind FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n
WHERE relkind IN ('r', 'v', 'm', 'f', 'p')
      AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1')
      AND n.oid = relnamespace ORDER BY nspname, relname
"""
_ODBC_COLUMNS: Final = """
SELECT n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.attlen, a.atttypmod, a.attnotnull,
       c.relhasrules, c.relkind, c.oid, pg_get_expr(d.adbin, d.adrelid),
       CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE 0 END, t.typtypmod, c.relhasoids, '', c.relhassubclass
FROM (((pg_catalog.pg_class c INNER JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
     INNER JOIN pg_catalog.pg_attribute a ON (NOT a.attisdropped) AND a.attnum > 0 AND a.attrelid = c.oid)
     INNER JOIN pg_catalog.pg_type t ON t.oid = a.atttypid)
     LEFT OUTER JOIN pg_attrdef d ON a.atthasdef AND d.adrelid = a.attrelid AND d.adnum = a.attnum
ORDER BY n.nspname, c.relname, attnum
"""
_AMAZON_KEYS: Final = """
SELECT current_database() AS table_cat, n.nspname AS table_schem, ct.relname AS table_name, a.attname AS column_name,
       a.attnum AS key_seq, ci.relname AS pk_name
FROM pg_catalog.pg_namespace n, pg_catalog.pg_class ct, pg_catalog.pg_class ci, pg_catalog.pg_attribute a,
     pg_catalog.pg_index i
WHERE ct.oid = i.indrelid AND ci.oid = i.indexrelid AND a.attrelid = ci.oid AND i.indisprimary
      AND ct.relnamespace = n.oid ORDER BY table_name, pk_name, key_seq
"""
_PGJDBC_PRIMARY: Final = """
SELECT result.TABLE_CAT, result.TABLE_SCHEM, result.TABLE_NAME, result.COLUMN_NAME, result.KEY_SEQ, result.PK_NAME
FROM (SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, ct.relname AS TABLE_NAME, a.attname AS COLUMN_NAME,
             (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, ci.relname AS PK_NAME,
             information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM
      FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid)
           JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid)
           JOIN pg_catalog.pg_index i ON (a.attrelid = i.indrelid)
           JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid)
      WHERE true AND i.indisprimary) result
WHERE result.A_ATTNUM = (result.KEYS).x ORDER BY result.table_name, result.pk_name, result.key_seq
"""
_DBEAVER_TABLES: Final = """
SELECT c.oid, c.*, d.description FROM pg_catalog.pg_class c
LEFT OUTER JOIN pg_catalog.pg_description d
    ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'crawled') AND c.relkind NOT IN ('i', 'I', 'c')
"""
_DBEAVER_COLUMNS: Final = """
SELECT c.relname, a.*, pg_catalog.pg_get_expr(ad.adbin, ad.adrelid, true) AS def_value, dsc.description, dep.objid
FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid = c.oid)
LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid = ad.adrelid AND a.attnum = ad.adnum)
LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid = dsc.objoid AND a.attnum = dsc.objsubid)
LEFT OUTER JOIN pg_depend dep ON dep.refobjid = a.attrelid AND dep.deptype = 'i' AND dep.refobjsubid = a.attnum
    AND dep.classid = dep.refclassid
WHERE NOT a.attisdropped AND c.relkind NOT IN ('i', 'I', 'c')
      AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'crawled') ORDER BY a.attnum
"""
_POWER_BI: Final = """
SELECT column_name, ordinal_position, is_nullable,
       CASE WHEN (data_type LIKE '%unsigned%') THEN data_type || ' unsigned' ELSE data_type END AS data_type,
       table_schema, table_name
FROM information_schema.columns WHERE table_schema NOT IN ('information_schema', 'pg_catalog')
ORDER BY table_schema, table_name, ordinal_position
"""

_THREE_VIEWS: Final = """
SELECT tc.table_schema, tc.constraint_name, tc.table_name, kcu.column_name, ccu.table_schema, ccu.table_name,
       ccu.column_name
FROM information_schema.table_constraints AS tc
JOIN information_schema.key_column_usage AS kcu
    ON tc.constraint_name = kcu.constraint_name AND tc.table_schema = kcu.table_schema
JOIN information_schema.constraint_column_usage AS ccu
    ON ccu.constraint_name = tc.constraint_name AND ccu.table_schema = tc.table_schema
WHERE tc.constraint_type = 'FOREIGN KEY'
"""
_REFERRED: Final = """
SELECT f.constraint_name, f.table_name, f.column_name, t.table_name, t.column_name
FROM information_schema.referential_constraints rc
JOIN information_schema.key_column_usage f
    ON f.constraint_catalog = rc.constraint_catalog AND f.constraint_schema = rc.constraint_schema
    AND f.constraint_name = rc.constraint_name
JOIN information_schema.key_column_usage t
    ON t.constraint_catalog = rc.unique_constraint_catalog AND t.constraint_schema = rc.unique_constraint_schema
    AND t.constraint_name = rc.unique_constraint_name AND t.ordinal_position = f.ordinal_position
"""

CRAWLS: Final[tuple[tuple[str, str], ...]] = (
    ("psql \\d", _PSQL_LIST.format(condition="AND pg_catalog.pg_table_is_visible(c.oid) ")),
    ("psql \\dt *.*", _PSQL_LIST.format(condition="")),
    ("psql \\d+ t100", _PSQL_ONE),
    ("psql \\dt+ crawled.*", _PSQL_SIZES),
    ("psql \\dp", _PSQL_PRIVILEGES),
    ("psql \\df *.*", _PSQL_FUNCTIONS),
    ("pgjdbc getTables", _PGJDBC_TABLES),
    ("pgjdbc getColumns", _PGJDBC_COLUMNS.format(condition="")),
    ("pgjdbc getColumns of one",
     _PGJDBC_COLUMNS.format(condition=" AND n.nspname LIKE 'crawled' AND c.relname LIKE 't100'")),
    ("pgjdbc getImportedKeys", _PGJDBC_KEYS),
    ("pgjdbc getPrimaryKeys", _PGJDBC_PRIMARY),
    ("redshift drivers: primary keys", _AMAZON_KEYS),
    ("ODBC SQLTables", _ODBC_TABLES),
    ("ODBC SQLColumns", _ODBC_COLUMNS),
    ("DBeaver tables of a schema", _DBEAVER_TABLES),
    ("DBeaver columns of a schema", _DBEAVER_COLUMNS),
    ("Power BI columns", _POWER_BI),
    ("redshift drivers: tables", "SELECT * FROM svv_tables"),
    ("redshift drivers: columns", "SELECT * FROM svv_columns"),
    ("redshift drivers: all tables", "SELECT * FROM svv_all_tables WHERE database_name = current_database()"),
    ("redshift drivers: all columns", "SELECT * FROM svv_all_columns WHERE database_name = current_database()"),
    ("redshift drivers: SHOW TABLES", "SHOW TABLES FROM SCHEMA dev.crawled LIKE 't1%'"),
    ("redshift drivers: SHOW COLUMNS", "SHOW COLUMNS FROM TABLE dev.crawled.t100"),
    ("sqlalchemy-redshift relations", _ALCHEMY_RELATIONS),
    ("sqlalchemy-redshift columns", _ALCHEMY_COLUMNS),
    ("sqlalchemy-redshift constraints", _ALCHEMY_KEYS),
    ("dbt list relations",
     "SELECT table_catalog, table_name, table_schema, CASE WHEN table_type = 'BASE TABLE' THEN 'table'"
     " WHEN table_type = 'VIEW' THEN 'view' ELSE table_type END FROM information_schema.tables"
     " WHERE table_schema ILIKE 'crawled' AND table_type != 'x'"),
    ("dbt catalog", _DBT_CATALOG),
    ("dbt extended catalog", "SELECT * FROM svv_table_info WHERE upper(\"schema\") = upper('crawled')"),
    ("dbt dependencies", _DBT_DEPENDENCIES),
    ("Metabase describe fields", _METABASE),
    ("Metabase privileges", _METABASE_PRIVILEGES),
    ("information_schema.tables", "SELECT * FROM information_schema.tables"),
    ("information_schema.columns", "SELECT * FROM information_schema.columns"),
    ("information_schema.key_column_usage", "SELECT * FROM information_schema.key_column_usage"),
    ("information_schema.table_privileges", "SELECT * FROM information_schema.table_privileges"),
    ("Npgsql, Prisma: foreign keys by three views", _THREE_VIEWS),
    ("Hibernate: what keys refer to, by three views", _REFERRED),
    ("pg_class, whole", "SELECT * FROM pg_class"),
    ("pg_attribute, whole", "SELECT * FROM pg_attribute"),
    ("pg_table_def", "SELECT * FROM pg_table_def"),
    ("pg_class_info with svv_table_info",
     "SELECT c.relname, i.size FROM pg_class_info c LEFT JOIN svv_table_info i ON i.table_id = c.oid"),
)  # fmt: skip
"""(client and call, statement)"""
