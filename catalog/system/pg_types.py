"""pg_catalog: types, functions, operators, casts and languages.

PostgreSQL 8.0, "System Catalogs", with the later columns that clients of today read.
"""

from typing import Final

from catalog import oids
from catalog.system import procedures
from catalog.system.spec import SystemView, columns, values

_PROC_COLUMNS = (
    "oid oid, proname name, pronamespace oid, proowner int4, prolang oid, proisagg bool, prosecdef bool,"
    "proisstrict bool, proretset bool, provolatile char, pronargs int2, prorettype oid, proargtypes oidvector,"
    "proargnames _text, prosrc text, probin text, proacl _aclitem, proiswindow bool, prokind char, procost float4,"
    "prorows float4, provariadic oid, proallargtypes _oid, proargmodes _char, proargdefaults text,"
    "pronargdefaults int2"
)
_PROC = (
    "SELECT p.oid, p.name AS proname, p.schema AS pronamespace, p.owner AS proowner, p.language AS prolang, p.kind = 'a' AS proisagg,"
    " p.definer AS prosecdef, p.schema = 11 AS proisstrict, FALSE AS proretset, p.volatile AS provolatile,"
    " len(p.arguments) AS pronargs, p.result AS prorettype, p.arguments AS proargtypes,"
    " CASE WHEN len(list_filter(p.names, lambda n: n <> '')) > 0 THEN p.names END AS proargnames,"
    " p.body AS prosrc, NULL AS probin, p.acl AS proacl, p.kind = 'w' AS proiswindow, p.kind AS prokind, 1 AS procost,"
    " 0 AS prorows, 0 AS provariadic, p.types AS proallargtypes, p.modes AS proargmodes, NULL AS proargdefaults,"
    f" 0 AS pronargdefaults{{extra}} FROM ({procedures.QUERY}) AS p"
)

ROWS: Final = (
    SystemView(
        schema="pg_catalog", name="pg_type", oid=oids.CLASS_PG_TYPE, table=True,
        columns=columns(
            "oid oid, typname name, typnamespace oid, typowner int4, typlen int2, typbyval bool, typtype char,"
            "typcategory char, typispreferred bool, typisdefined bool, typdelim char, typrelid oid, typelem oid,"
            "typarray oid, typinput regproc, typoutput regproc, typreceive regproc, typsend regproc, typanalyze oid,"
            "typalign char, typstorage char, typnotnull bool, typbasetype oid, typtypmod int4, typndims int4,"
            "typcollation oid, typdefaultbin text, typdefault text, typacl _aclitem, typmodin oid, typmodout oid,"
            "typsubscript regproc, tableoid oid"
        ),
        # Npgsql and asyncpg read these columns with readers that take no null.
        query="SELECT t.oid, t.name AS typname, 11 AS typnamespace, 1 AS typowner, t.length AS typlen,"
        " t.length BETWEEN 1 AND 8 AS typbyval, t.kind AS typtype, t.category AS typcategory,"
        " t.oid IN (16, 25, 26, 701, 1184, 1186) AS typispreferred, TRUE AS typisdefined, ',' AS typdelim,"
        " 0 AS typrelid, t.element AS typelem, t.array AS typarray, t.input AS typinput,"
        " t.output AS typoutput, t.receive AS typreceive, t.send AS typsend, 0 AS typanalyze,"
        " 'i' AS typalign, CASE WHEN t.length < 0 THEN 'x' ELSE 'p' END AS typstorage, FALSE AS typnotnull,"
        " 0 AS typbasetype, -1 AS typtypmod, 0 AS typndims,"
        f" CASE WHEN t.category = 'S' THEN {oids.DEFAULT_COLLATION} ELSE 0 END AS typcollation,"
        " NULL AS typdefaultbin, NULL AS typdefault, NULL AS typacl, 0 AS typmodin, 0 AS typmodout,"
        " 0 AS typsubscript,"
        f" {oids.CLASS_PG_TYPE} AS tableoid FROM sys_types AS t",
        doc="PostgreSQL 8.0, 43.28 pg_type",
    ),
    SystemView(
        schema="pg_catalog", name="pg_proc", oid=oids.CLASS_PG_PROC, table=True, columns=columns(_PROC_COLUMNS),
        query=_PROC.format(extra=""), doc="PostgreSQL 8.0, 43.23 pg_proc",
    ),
    SystemView(
        schema="pg_catalog", name="pg_proc_info", oid=2_010, columns=columns("prooid oid, " + _PROC_COLUMNS),
        query=_PROC.format(extra=", p.oid AS prooid"), doc="Redshift, PG_PROC_INFO",
    ),
    SystemView(
        schema="pg_catalog", name="pg_language", oid=2612, table=True,
        columns=columns(
            "oid oid, lanname name, lanowner int4, lanispl bool, lanpltrusted bool, lanplcallfoid oid, lanvalidator oid,"
            "laninline oid, lanacl _aclitem, tableoid oid"
        ),
        query="SELECT t.oid, t.name AS lanname, 1 AS lanowner, t.oid > 14 AS lanispl, t.trusted AS lanpltrusted,"
        " 0 AS lanplcallfoid, 0 AS lanvalidator, 0 AS laninline, t.acl AS lanacl, 2612 AS tableoid"
        " FROM (SELECT oid, name, trusted, acl FROM sys_languages UNION ALL SELECT 12, 'internal', FALSE, NULL) AS t",
        doc="PostgreSQL 8.0, 43.17 pg_language",
    ),
    SystemView(
        schema="pg_catalog", name="pg_am", oid=2601, table=True,
        columns=columns("oid oid, amname name, amhandler regproc, amtype char, amcanorder bool"),
        query=f"SELECT {oids.BTREE} AS oid, 'btree' AS amname, 0 AS amhandler, 'i' AS amtype,"
        " TRUE AS amcanorder",
        doc="PostgreSQL 8.0, 43.3 pg_am",
    ),
    SystemView(
        schema="pg_catalog", name="pg_collation", oid=3456, table=True,
        columns=columns(
            "oid oid, collname name, collnamespace oid, collowner int4, collprovider char, collisdeterministic bool,"
            "collencoding int4, collcollate name, collctype name, colliculocale text, collversion text"
        ),
        query="SELECT t.oid, t.name AS collname, 11 AS collnamespace, 1 AS collowner, t.provider AS collprovider,"
        " TRUE AS collisdeterministic, -1 AS collencoding, t.locale AS collcollate, t.locale AS collctype,"
        " NULL AS colliculocale, NULL AS collversion FROM (VALUES (100, 'default', 'd', ''), (950, 'C', 'c', 'C'))"
        " AS t(oid, name, provider, locale)",
        doc="PostgreSQL, pg_collation",
    ),
    SystemView(
        schema="pg_catalog", name="pg_cast", oid=2605, table=True,
        columns=columns("oid oid, castsource oid, casttarget oid, castfunc oid, castcontext char, castmethod char, tableoid oid"),
        query="SELECT row_number() OVER () + 9000 AS oid, a.oid AS castsource, b.oid AS casttarget, 0 AS castfunc,"
        " CASE WHEN a.place < b.place THEN 'i' ELSE 'a' END AS castcontext, 'f' AS castmethod, 2605 AS tableoid"
        " FROM (VALUES (21, 1), (23, 2), (20, 3), (1700, 4), (700, 5), (701, 6)) AS a(oid, place)"
        " CROSS JOIN (VALUES (21, 1), (23, 2), (20, 3), (1700, 4), (700, 5), (701, 6)) AS b(oid, place)"
        " WHERE a.oid <> b.oid",
        doc="PostgreSQL 8.0, 43.6 pg_cast",
    ),
    SystemView(
        schema="pg_catalog", name="pg_operator", oid=2617, table=True,
        columns=columns(
            "oid oid, oprname name, oprnamespace oid, oprowner int4, oprkind char, oprcanmerge bool, oprcanhash bool,"
            "oprleft oid, oprright oid, oprresult oid, oprcom oid, oprnegate oid, oprcode oid, oprrest oid, oprjoin oid,"
            "tableoid oid"
        ),
        query="SELECT row_number() OVER () + 9100 AS oid, o.name AS oprname, 11 AS oprnamespace, 1 AS oprowner,"
        " 'b' AS oprkind, o.name = '=' AS oprcanmerge, o.name = '=' AS oprcanhash, t.oid AS oprleft, t.oid AS oprright,"
        " 16 AS oprresult, 0 AS oprcom, 0 AS oprnegate, 0 AS oprcode, 0 AS oprrest, 0 AS oprjoin, 2617 AS tableoid"
        " FROM (VALUES ('='), ('<>'), ('<'), ('<='), ('>'), ('>=')) AS o(name)"
        " CROSS JOIN (SELECT oid FROM sys_types WHERE kind = 'b' AND category IN ('B', 'N', 'S', 'D', 'T')) AS t",
        doc="PostgreSQL 8.0, 43.20 pg_operator",
    ),
    SystemView(
        schema="pg_catalog", name="pg_timezone_names", oid=2_011,
        columns=columns("name text, abbrev text, utc_offset text, is_dst bool"),
        query="SELECT name, abbrev, CAST(utc_offset AS VARCHAR) AS utc_offset, is_dst FROM pg_timezone_names()",
        doc="PostgreSQL, pg_timezone_names",
    ),
    SystemView(
        schema="pg_catalog", name="pg_encoding", oid=2_012, columns=columns("encoding int4, name name"),
        query=values(((0, "SQL_ASCII"), (6, "UTF8")), "encoding, name"), doc="PostgreSQL 8.0, 20.2 Character Set Support",
    ),
)  # fmt: skip
