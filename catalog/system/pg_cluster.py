"""pg_catalog: databases, schemas, users, sessions and settings.

PostgreSQL 8.0, "System Catalogs"; Redshift, "System catalog tables".
"""

from typing import Final

from catalog import oids
from catalog.system.access import HERE
from catalog.system.spec import SystemView, columns

_DATABASE_COLUMNS = (
    "oid oid, datname name, datdba int4, encoding int4, datistemplate bool, datallowconn bool, datlastsysoid oid,"
    "datvacuumxid xid, datfrozenxid xid, dattablespace oid, datconfig _text, datacl _aclitem, datcollate name,"
    "datctype name, datconnlimit text"
)
_DATABASE = (
    "SELECT d.oid, d.name AS datname, d.owner AS datdba, 6 AS encoding, NOT d.allow AS datistemplate,"
    f" d.allow AS datallowconn, 16383 AS datlastsysoid, 0 AS datvacuumxid, 0 AS datfrozenxid,"
    f" {oids.DEFAULT_TABLESPACE} AS dattablespace, NULL AS datconfig, d.acl AS datacl, 'C' AS datcollate,"
    " 'C' AS datctype, COALESCE(CAST(d.connection_limit AS VARCHAR), 'UNLIMITED') AS datconnlimit"
    " FROM sys_databases AS d"
)
_USER_COLUMNS = (
    "usename name, usesysid int4, usecreatedb bool, usesuper bool, usecatupd bool, passwd text, valuntil ts,"
    "useconfig _text"
)
_USER = (
    "SELECT u.name AS usename, u.oid AS usesysid, u.createdb AS usecreatedb, u.superuser AS usesuper,"
    " u.oid = 1 AS usecatupd, '********' AS passwd, u.valid_until AS valuntil, u.settings AS useconfig"
    "{extra} FROM sys_users AS u"
)
_LIMIT = "COALESCE(CAST(u.connection_limit AS VARCHAR), 'UNLIMITED')"
_ROLE_COLUMNS = (
    "oid oid, rolname name, rolsuper bool, rolinherit bool, rolcreaterole bool, rolcreatedb bool, rolcatupdate bool,"
    "rolcanlogin bool, rolreplication bool, rolconnlimit int4, rolpassword text, rolvaliduntil timestamptz,"
    "rolbypassrls bool, rolconfig _text"
)
_ROLE = (
    "SELECT u.oid, u.name AS rolname, u.superuser AS rolsuper, TRUE AS rolinherit, u.superuser AS rolcreaterole,"
    " u.createdb AS rolcreatedb, FALSE AS rolcatupdate, TRUE AS rolcanlogin, FALSE AS rolreplication,"
    " COALESCE(u.connection_limit, -1) AS rolconnlimit, '********' AS rolpassword,"
    " u.valid_until AT TIME ZONE 'UTC' AS rolvaliduntil, u.superuser AS rolbypassrls, u.settings AS rolconfig"
    " FROM sys_users AS u WHERE u.oid <> 1 UNION ALL SELECT g.oid, g.name, FALSE, TRUE, FALSE, FALSE, FALSE, FALSE,"
    " FALSE, -1, '********', NULL, FALSE, NULL FROM sys_groups AS g"
)

ROWS: Final = (
    SystemView(
        schema="pg_catalog", name="pg_default_acl", oid=826, table=True,
        columns=columns(
            "oid oid, defaclrole oid, defacluser int4, defaclnamespace oid, defaclobjtype char, defaclacl _aclitem"
        ),
        query="SELECT d.oid, d.owner AS defaclrole, d.owner AS defacluser, d.schema AS defaclnamespace,"
        " CASE d.object_kind WHEN 'TABLE' THEN 'r' WHEN 'FUNCTION' THEN 'f' ELSE 'p' END AS defaclobjtype,"
        " d.acl AS defaclacl FROM sys_default_acls AS d",
        doc="Redshift, PG_DEFAULT_ACL",
    ),
    SystemView(
        schema="pg_catalog", name="pg_shdescription", oid=1215, table=True,
        columns=columns("objoid oid, classoid oid, description text"),
        query="SELECT c.object AS objoid, c.catalog AS classoid, c.text AS description FROM sys_comments AS c"
        f" WHERE c.catalog = {oids.CLASS_PG_DATABASE}",
        doc="PostgreSQL, pg_shdescription",
    ),
    SystemView(
        schema="pg_catalog", name="pg_cursors", oid=2046,
        columns=columns(
            "name text, statement text, is_holdable bool, is_binary bool, is_scrollable bool, creation_time timestamptz"
        ),
        query="SELECT c.name, c.query AS statement, FALSE AS is_holdable, FALSE AS is_binary, FALSE AS is_scrollable,"
        " c.declared AT TIME ZONE 'UTC' AS creation_time FROM sys_cursors AS c"
        " WHERE c.pid = getvariable('backend_pid')",
        doc="PostgreSQL, pg_cursors",
    ),
    SystemView(
        schema="pg_catalog", name="pg_prepared_statements", oid=2047,
        columns=columns(
            "name text, statement text, prepare_time timestamptz, parameter_types _text, from_sql bool"
        ),
        query="SELECT p.name, p.query AS statement, NULL AS prepare_time, p.types AS parameter_types,"
        " FALSE AS from_sql FROM sys_prepared AS p",
        doc="PostgreSQL, pg_prepared_statements",
    ),
    SystemView(
        schema="pg_catalog", name="pg_stat_database", oid=2_029,
        columns=columns(
            "datid oid, datname name, numbackends int4, xact_commit int8, xact_rollback int8, blks_read int8,"
            "blks_hit int8, tup_returned int8, tup_fetched int8, tup_inserted int8, tup_updated int8, tup_deleted int8"
        ),
        query="SELECT d.oid AS datid, d.name AS datname, (SELECT count(*) FROM sys_sessions AS s"
        " WHERE s.database = d.name) AS numbackends, 0 AS xact_commit, 0 AS xact_rollback, 0 AS blks_read,"
        " 0 AS blks_hit, 0 AS tup_returned, 0 AS tup_fetched, 0 AS tup_inserted, 0 AS tup_updated, 0 AS tup_deleted"
        " FROM sys_databases AS d",
        doc="PostgreSQL 8.0, 23.2.2 pg_stat_database",
    ),
    SystemView(
        schema="pg_catalog", name="pg_database", oid=oids.CLASS_PG_DATABASE, table=True,
        columns=columns(_DATABASE_COLUMNS), query=_DATABASE, doc="PostgreSQL 8.0, 43.11 pg_database",
    ),
    SystemView(
        schema="pg_catalog", name="pg_database_info", oid=2_020, columns=columns(_DATABASE_COLUMNS), query=_DATABASE,
        doc="Redshift, PG_DATABASE_INFO",
    ),
    SystemView(
        schema="pg_catalog", name="pg_namespace", oid=oids.CLASS_PG_NAMESPACE, table=True,
        columns=columns("oid oid, nspname name, nspowner int4, nspacl _aclitem"),
        query="SELECT n.oid, n.name AS nspname, n.owner AS nspowner, n.acl AS nspacl FROM sys_namespaces AS n"
        f" WHERE COALESCE(n.database, {HERE}) = {HERE}",
        doc="PostgreSQL 8.0, 43.19 pg_namespace",
    ),
    SystemView(
        schema="pg_catalog", name="pg_user", oid=2_021, columns=columns(_USER_COLUMNS), query=_USER.format(extra=""),
        doc="PostgreSQL 8.0, 43.43 pg_user",
    ),
    SystemView(
        schema="pg_catalog", name="pg_shadow", oid=1260, visible="superuser", columns=columns(_USER_COLUMNS),
        query=_USER.format(extra=""), doc="PostgreSQL 8.0, 43.25 pg_shadow",
    ),
    SystemView(
        schema="pg_catalog", name="pg_user_info", oid=2_022, visible="superuser",
        columns=columns(_USER_COLUMNS + ", useconnlimit text"),
        query=_USER.format(extra=f", {_LIMIT} AS useconnlimit"), doc="Redshift, PG_USER_INFO",
    ),
    SystemView(
        schema="pg_catalog", name="pg_group", oid=1261, table=True,
        columns=columns("groname name, grosysid int4, grolist _int4"),
        query="SELECT g.name AS groname, g.oid AS grosysid, g.members AS grolist FROM sys_groups AS g",
        doc="PostgreSQL 8.0, 43.14 pg_group",
    ),
    SystemView(
        schema="pg_catalog", name="pg_roles", oid=2_023, columns=columns(_ROLE_COLUMNS), query=_ROLE,
        doc="PostgreSQL, pg_roles: users and groups as roles",
    ),
    SystemView(
        schema="pg_catalog", name="pg_authid", oid=2_024, visible="superuser", columns=columns(_ROLE_COLUMNS),
        query=_ROLE, doc="PostgreSQL, pg_authid",
    ),
    SystemView(
        schema="pg_catalog", name="pg_auth_members", oid=2_025, table=True,
        columns=columns("oid oid, roleid oid, member oid, grantor oid, admin_option bool"),
        query="SELECT 0 AS oid, g.oid AS roleid, unnest(g.members) AS member, 1 AS grantor, FALSE AS admin_option"
        " FROM sys_groups AS g",
        doc="PostgreSQL, pg_auth_members",
    ),
    SystemView(
        schema="pg_catalog", name="pg_settings", oid=2_026,
        columns=columns(
            "name text, setting text, unit text, category text, short_desc text, extra_desc text, context text,"
            "vartype text, source text, min_val text, max_val text, enumvals _text, boot_val text, reset_val text,"
            "sourcefile text, sourceline int4, pending_restart bool"
        ),
        query="SELECT s.name, s.value AS setting, NULL AS unit, 'Ungrouped' AS category, s.description AS short_desc,"
        " NULL AS extra_desc, COALESCE(s.context, 'user') AS context, 'string' AS vartype,"
        " CASE WHEN s.value = s.default THEN 'default' ELSE 'session' END AS source, NULL AS min_val, NULL AS max_val,"
        " NULL AS enumvals, s.default AS boot_val, s.default AS reset_val, NULL AS sourcefile, NULL AS sourceline,"
        " FALSE AS pending_restart FROM sys_settings AS s",
        doc="PostgreSQL 8.0, 43.40 pg_settings",
    ),
    SystemView(
        schema="pg_catalog", name="pg_stat_activity", oid=2_027,
        columns=columns(
            "datid oid, datname name, procpid int4, pid int4, usesysid int4, usename name, application_name text,"
            "client_addr text, client_port int4, backend_start timestamptz, xact_start timestamptz,"
            "query_start timestamptz, state text, waiting bool, current_query text, query text"
        ),
        query="SELECT d.oid AS datid, s.database AS datname, s.pid AS procpid, s.pid, s.user_oid AS usesysid,"
        " s.user_name AS usename, s.application AS application_name, s.host AS client_addr, s.port AS client_port,"
        " s.started AT TIME ZONE 'UTC' AS backend_start, s.xact_started AT TIME ZONE 'UTC' AS xact_start,"
        " s.query_started AT TIME ZONE 'UTC' AS query_start, s.state, FALSE AS waiting, s.query AS current_query,"
        " s.query AS query FROM sys_sessions AS s LEFT JOIN sys_databases AS d ON d.name = s.database",
        visible="own", owner="usesysid", doc="PostgreSQL 8.0, 23.2.2 pg_stat_activity",
    ),
    SystemView(
        schema="pg_catalog", name="pg_locks", oid=2_028,
        columns=columns(
            "locktype text, relation oid, database oid, transaction xid, transactionid xid, pid int4, mode text, granted bool"
        ),
        query="SELECT CASE WHEN l.relation IS NULL THEN 'transactionid' ELSE 'relation' END AS locktype, l.relation,"
        " d.oid AS database, CASE WHEN l.relation IS NULL THEN l.xid END AS transaction, transaction AS transactionid, l.pid, l.mode, l.granted"
        " FROM sys_locks AS l LEFT JOIN sys_sessions AS s ON s.pid = l.pid"
        " LEFT JOIN sys_databases AS d ON d.name = s.database",
        doc="PostgreSQL 8.0, 43.35 pg_locks",
    ),
    SystemView(
        schema="pg_catalog", name="pg_tablespace", oid=1213, table=True,
        columns=columns(
            "oid oid, spcname name, spcowner int4, spclocation text, spcacl _aclitem, spcoptions _text"
        ),
        query="SELECT t.oid, t.name AS spcname, 1 AS spcowner, '' AS spclocation, NULL AS spcacl, NULL AS spcoptions"
        f" FROM (VALUES ({oids.DEFAULT_TABLESPACE}, 'pg_default'), (1664, 'pg_global')) AS t(oid, name)",
        doc="PostgreSQL 8.0, 43.27 pg_tablespace",
    ),
)  # fmt: skip
