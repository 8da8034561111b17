"""pg_catalog: relations, their columns, keys and comments.

PostgreSQL 8.0, "System Catalogs", with what Redshift adds and the later columns that clients of today read.
"""

from typing import Final

from catalog import oids
from catalog.system.access import HERE, RELATIONS_HERE, relations
from catalog.system.spec import SystemView, columns

_DIST = (
    "CASE WHEN r.diststyle = 'EVEN' THEN 0 WHEN r.diststyle LIKE 'KEY%' THEN 1 WHEN r.diststyle = 'ALL' THEN 8"
    " WHEN r.diststyle = 'AUTO(ALL)' THEN 10 WHEN r.diststyle = 'AUTO(EVEN)' THEN 11"
    " WHEN r.diststyle LIKE 'AUTO(KEY%' THEN 12 ELSE 0 END"
)
_CLASS_COLUMNS = (
    "oid oid, relname name, relnamespace oid, reltype oid, relowner int4, relam oid, relfilenode oid,"
    "reltablespace oid, relpages int4, reltuples float4, reltoastrelid oid, reltoastidxid oid, relhasindex bool,"
    "relisshared bool, relkind char, relnatts int2, relexternid oid, relisreplicated bool, relispinned bool,"
    "reldiststyle int2, relprojbaseid oid, relchecks int2, reltriggers int2, relukeys int2, relfkeys int2,"
    "relrefs int2, relhasoids bool, relhaspkey bool, relhasrules bool, relhassubclass bool, relacl _aclitem,"
    "relhastriggers bool, relpersistence char, reloftype oid, reloptions _text, relrowsecurity bool,"
    "relforcerowsecurity bool, relispartition bool, relispopulated bool, relreplident char, relpartbound text, tableoid oid"
)
_CLASS = (
    "SELECT r.oid, r.name AS relname, r.schema AS relnamespace, 0 AS reltype, r.owner AS relowner,"
    f" CASE WHEN r.kind = 'i' THEN {oids.BTREE} ELSE 0 END AS relam, r.oid AS relfilenode, 0 AS reltablespace,"
    " 1 AS relpages, COALESCE(s.rows, 0) AS reltuples, 0 AS reltoastrelid, 0 AS reltoastidxid, r.keys AS relhasindex,"
    " r.system AS relisshared, r.kind AS relkind, r.columns AS relnatts, 0 AS relexternid, FALSE AS relisreplicated,"
    f" FALSE AS relispinned, {_DIST} AS reldiststyle, 0 AS relprojbaseid, 0 AS relchecks, CAST(r.linked AS SMALLINT) AS reltriggers,"
    " 0 AS relukeys, 0 AS relfkeys, 0 AS relrefs, FALSE AS relhasoids, r.keys AS relhaspkey,"
    " r.kind = 'v' AS relhasrules, FALSE AS relhassubclass, r.acl AS relacl, r.linked AS relhastriggers,"
    " CASE WHEN r.temporary THEN 't' ELSE 'p' END AS relpersistence, 0 AS reloftype, NULL AS reloptions,"
    " FALSE AS relrowsecurity, FALSE AS relforcerowsecurity, FALSE AS relispartition, TRUE AS relispopulated,"
    f" 'n' AS relreplident, NULL AS relpartbound, {oids.CLASS_PG_CLASS} AS tableoid{{extra}}"
    f" FROM (SELECT r.* FROM {RELATIONS_HERE}) AS r LEFT JOIN sys_storage AS s ON s.relation = r.oid"
)

ENCODINGS: Final = (
    "none", "bytedict", "delta", "delta32k", "lzo", "mostly8", "mostly16", "mostly32", "runlength", "text255",
    "text32k", "zstd", "az64", "raw", "auto",
)  # fmt: skip
"""pg_attribute.attencodingtype is a place in this list; ``format_encoding`` reads it back."""
_ENCODING = "CASE c.encoding " + " ".join(f"WHEN '{name}' THEN {n}" for n, name in enumerate(ENCODINGS)) + " ELSE 0 END"
_ATTRIBUTE_COLUMNS = (
    "attrelid oid, attname name, atttypid oid, attstattarget int4, attlen int2, attnum int2, attndims int4,"
    "attcacheoff int4, atttypmod int4, attbyval bool, attstorage char, attalign char, attnotnull bool,"
    "atthasdef bool, attisdropped bool, attislocal bool, attinhcount int4, attencodingtype int2,"
    "attisdistkey bool, attispreloaded bool, attsortkeyord int2, attcollation oid, attidentity char,"
    "attgenerated char, attacl _aclitem, attoptions _text, attfdwoptions _text, atthasmissing bool"
)
_ATTRIBUTE = (
    "SELECT c.relation AS attrelid, c.name AS attname, c.type AS atttypid, -1 AS attstattarget,"
    " COALESCE(t.length, -1) AS attlen, c.number AS attnum, CASE WHEN t.category = 'A' THEN 1 ELSE 0 END AS attndims,"
    " -1 AS attcacheoff, c.modifier AS atttypmod, COALESCE(t.length BETWEEN 1 AND 8, FALSE) AS attbyval,"
    " CASE WHEN COALESCE(t.length, -1) < 0 THEN 'x' ELSE 'p' END AS attstorage, 'i' AS attalign,"
    " c.not_null AS attnotnull, c.default IS NOT NULL AS atthasdef, FALSE AS attisdropped, TRUE AS attislocal,"
    f" 0 AS attinhcount, {_ENCODING} AS attencodingtype, c.distkey AS attisdistkey, FALSE AS attispreloaded,"
    f" c.sortkey AS attsortkeyord, CASE WHEN t.category = 'S' THEN {oids.DEFAULT_COLLATION} ELSE 0 END AS attcollation,"
    " '' AS attidentity, '' AS attgenerated, c.acl AS attacl, NULL AS attoptions, NULL AS attfdwoptions,"
    " FALSE AS atthasmissing{extra} FROM sys_columns AS c"
    f" JOIN (SELECT r.oid FROM {RELATIONS_HERE}) AS r ON r.oid = c.relation LEFT JOIN sys_types AS t ON t.oid = c.type"
)
_HERE_ONLY = f"(SELECT r.oid, r.name FROM {RELATIONS_HERE})"
_TABLES = relations(kinds="'r'")
_USER_TABLES = relations(kinds="'r'", system=False)
_NO_COMMENTS = f"r.comment IS NOT NULL AND COALESCE(r.database, {HERE}) = {HERE}"



def _table_use(oid: int, name: str, source: str) -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid,
        columns=columns(
            "relid oid, schemaname name, relname name, seq_scan int8, seq_tup_read int8, idx_scan int8,"
            "idx_tup_fetch int8, n_tup_ins int8, n_tup_upd int8, n_tup_del int8, n_live_tup int8, n_dead_tup int8"
        ),
        query="SELECT r.oid AS relid, r.schema_name AS schemaname, r.name AS relname, 0 AS seq_scan,"
        " 0 AS seq_tup_read, 0 AS idx_scan, 0 AS idx_tup_fetch, 0 AS n_tup_ins, 0 AS n_tup_upd, 0 AS n_tup_del,"
        f" s.rows AS n_live_tup, 0 AS n_dead_tup FROM (SELECT r.* FROM {source}) AS r"
        " LEFT JOIN sys_storage AS s ON s.relation = r.oid",
        doc="PostgreSQL 8.0, 23.2.2 Viewing Collected Statistics",
    )  # fmt: skip


ROWS: Final = (
    SystemView(
        schema="pg_catalog", name="pg_class", oid=oids.CLASS_PG_CLASS, table=True, columns=columns(_CLASS_COLUMNS),
        query=_CLASS.format(extra=""), doc="PostgreSQL 8.0, 43.8 pg_class",
    ),
    SystemView(
        schema="pg_catalog", name="pg_class_info", oid=2_000,
        columns=columns(_CLASS_COLUMNS + ", relcreationtime ts, releffectivediststyle int4"),
        query=_CLASS.format(extra=f", r.created AS relcreationtime, {_DIST} AS releffectivediststyle"),
        doc="Redshift, PG_CLASS_INFO",
    ),
    SystemView(
        schema="pg_catalog", name="pg_attribute", oid=oids.CLASS_PG_ATTRIBUTE, table=True,
        columns=columns(_ATTRIBUTE_COLUMNS), query=_ATTRIBUTE.format(extra=""), doc="PostgreSQL 8.0, 43.5 pg_attribute",
    ),
    SystemView(
        schema="pg_catalog", name="pg_attribute_info", oid=2_001,
        columns=columns(_ATTRIBUTE_COLUMNS + ", attidentitytype char"),
        query=_ATTRIBUTE.format(extra=", CASE WHEN c.identity THEN 'a' ELSE '' END AS attidentitytype"),
        doc="Redshift, PG_ATTRIBUTE_INFO",
    ),
    SystemView(
        schema="pg_catalog", name="pg_attrdef", oid=2604, table=True,
        columns=columns("oid oid, adrelid oid, adnum int2, adbin text, adsrc text"),
        query="SELECT (c.relation::BIGINT * 1600 + c.number) % 2147483648 AS oid, c.relation AS adrelid,"
        " c.number AS adnum, c.default AS adbin, c.default AS adsrc FROM sys_columns AS c"
        f" JOIN {_HERE_ONLY} AS r ON r.oid = c.relation WHERE c.default IS NOT NULL",
        doc="PostgreSQL 8.0, 43.4 pg_attrdef",
    ),
    SystemView(
        schema="pg_catalog", name="pg_index", oid=2610, table=True,
        columns=columns(
            "indexrelid oid, indrelid oid, indkey int2vector, indclass oidvector, indnatts int2, indnkeyatts int2,"
            "indisunique bool, indisprimary bool, indisclustered bool, indisvalid bool, indisready bool,"
            "indislive bool, indimmediate bool, indisexclusion bool, indcheckxmin bool, indisreplident bool,"
            "indcollation oidvector, indoption int2vector, indexprs text, indpred text"
        ),
        query="SELECT k.index AS indexrelid, k.relation AS indrelid, k.numbers AS indkey, NULL::UINTEGER[] AS indclass,"
        " len(k.numbers) AS indnatts, len(k.numbers) AS indnkeyatts, TRUE AS indisunique, k.kind = 'p' AS indisprimary,"
        " FALSE AS indisclustered, TRUE AS indisvalid, TRUE AS indisready, TRUE AS indislive, TRUE AS indimmediate,"
        " FALSE AS indisexclusion, FALSE AS indcheckxmin, FALSE AS indisreplident, NULL AS indcollation,"
        " list_transform(k.numbers, lambda x: 0) AS indoption, NULL AS indexprs, NULL AS indpred"
        f" FROM sys_constraints AS k JOIN {_HERE_ONLY} AS r ON r.oid = k.relation WHERE k.kind IN ('p', 'u')",
        doc="PostgreSQL 8.0, 43.15 pg_index",
    ),
    SystemView(
        schema="pg_catalog", name="pg_indexes", oid=2_002,
        columns=columns("schemaname name, tablename name, indexname name, tablespace name, indexdef text"),
        query="SELECT r.schema_name AS schemaname, r.name AS tablename, k.name AS indexname, NULL AS tablespace,"
        " rs_pg_get_indexdef(k.index) AS indexdef FROM sys_constraints AS k"
        f" JOIN (SELECT r.* FROM {RELATIONS_HERE}) AS r ON r.oid = k.relation WHERE k.kind IN ('p', 'u')",
        doc="PostgreSQL 8.0, 43.34 pg_indexes",
    ),
    SystemView(
        schema="pg_catalog", name="pg_constraint", oid=oids.CLASS_PG_CONSTRAINT, table=True,
        columns=columns(
            "oid oid, conname name, connamespace oid, contype char, condeferrable bool, condeferred bool,"
            "conrelid oid, contypid oid, confrelid oid, confupdtype char, confdeltype char, confmatchtype char,"
            "conkey _int2, confkey _int2, conbin text, consrc text, conindid oid, convalidated bool, conparentid oid,"
            "conislocal bool, coninhcount int4, connoinherit bool, tableoid oid"
        ),
        query="SELECT k.oid, k.name AS conname, k.schema AS connamespace, k.kind AS contype, FALSE AS condeferrable,"
        " FALSE AS condeferred, k.relation AS conrelid, 0 AS contypid, k.target AS confrelid,"
        " CASE WHEN k.kind = 'f' THEN 'a' ELSE ' ' END AS confupdtype,"
        " CASE WHEN k.kind = 'f' THEN 'a' ELSE ' ' END AS confdeltype,"
        " CASE WHEN k.kind = 'f' THEN 'u' ELSE ' ' END AS confmatchtype, k.numbers AS conkey,"
        " CASE WHEN k.kind = 'f' THEN k.target_numbers END AS confkey, NULL AS conbin, NULL AS consrc,"
        " k.index AS conindid, TRUE AS convalidated, 0 AS conparentid, TRUE AS conislocal, 0 AS coninhcount,"
        f" TRUE AS connoinherit, {oids.CLASS_PG_CONSTRAINT} AS tableoid FROM sys_constraints AS k"
        f" JOIN {_HERE_ONLY} AS r ON r.oid = k.relation",
        doc="PostgreSQL 8.0, 43.10 pg_constraint",
    ),
    SystemView(
        schema="pg_catalog", name="pg_trigger", oid=2620, table=True,
        columns=columns(
            "oid oid, tgrelid oid, tgname name, tgfoid oid, tgtype int2, tgenabled char, tgisconstraint bool,"
            "tgconstrname name, tgconstrrelid oid, tgconstraint oid, tgdeferrable bool, tginitdeferred bool,"
            "tgnargs int2, tgattr int2vector, tgargs bytea, tgisinternal bool, tgparentid oid, tableoid oid"
        ),
        # Foreign keys as PostgreSQL 8.0 keeps them: one trigger on the table that refers, two on the other.
        query="SELECT t.oid, t.holder AS tgrelid, 'RI_ConstraintTrigger_' || t.oid AS tgname, t.function AS tgfoid,"
        " t.kind AS tgtype, 'O' AS tgenabled, TRUE AS tgisconstraint, k.name AS tgconstrname,"
        " t.other AS tgconstrrelid, k.oid AS tgconstraint, FALSE AS tgdeferrable, FALSE AS tginitdeferred,"
        " 4 + 2 * len(k.columns) AS tgnargs, [] AS tgattr, array_to_string(list_concat("
        "[k.name, r.name, o.name, 'UNSPECIFIED'], flatten(list_transform("
        "k.columns, lambda item, place: [item, k.target_columns[place]]))), '\\000')"
        " || '\\000' AS tgargs, TRUE AS tgisinternal, 0 AS tgparentid, 2620 AS tableoid"
        f" FROM sys_constraints AS k JOIN {_HERE_ONLY} AS r ON r.oid = k.relation"
        " JOIN sys_relations AS o ON o.oid = k.target CROSS JOIN LATERAL (VALUES"
        " (k.oid, k.relation, k.target, 1644, 21), (k.oid + 1, k.target, k.relation, 1655, 17),"
        f" (k.oid - {oids.DERIVED}, k.target, k.relation, 1654, 9)) AS t(oid, holder, other, function, kind)"
        " WHERE k.kind = 'f'",
        doc="PostgreSQL 8.0, 43.27 pg_trigger",
    ),
    SystemView(
        schema="pg_catalog", name="pg_description", oid=2609, table=True,
        columns=columns("objoid oid, classoid oid, objsubid int4, description text"),
        query=f"SELECT r.oid AS objoid, {oids.CLASS_PG_CLASS} AS classoid, 0 AS objsubid, r.comment AS description"
        f" FROM sys_relations AS r WHERE {_NO_COMMENTS} UNION ALL SELECT c.relation, {oids.CLASS_PG_CLASS}, c.number,"
        f" c.comment FROM sys_columns AS c JOIN {_HERE_ONLY} AS r ON r.oid = c.relation WHERE c.comment IS NOT NULL"
        " UNION ALL SELECT o.object, o.catalog, 0, o.text FROM sys_comments AS o",
        doc="PostgreSQL 8.0, 43.13 pg_description",
    ),
    SystemView(
        schema="pg_catalog", name="pg_depend", oid=2608, table=True,
        columns=columns(
            "classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, refobjsubid int4, deptype char"
        ),
        # A view depends on its tables by way of its rule, whose OID is the view's own here.
        query=f"SELECT {oids.CLASS_PG_REWRITE} AS classid, d.dependent AS objid, 0 AS objsubid,"
        f" {oids.CLASS_PG_CLASS} AS refclassid, d.referenced AS refobjid, 0 AS refobjsubid, 'n' AS deptype"
        f" FROM sys_dependencies AS d JOIN {_HERE_ONLY} AS r ON r.oid = d.dependent"
        f" UNION ALL SELECT {oids.CLASS_PG_REWRITE}, r.oid, 0, {oids.CLASS_PG_CLASS}, r.oid, 0, 'i'"
        f" FROM {RELATIONS_HERE} AND r.kind = 'v'"
        # A key depends on its table, a foreign one on the index of the key that it refers to as well.
        f" UNION ALL SELECT {oids.CLASS_PG_CONSTRAINT}, k.oid, 0, {oids.CLASS_PG_CLASS}, k.relation, 0, 'a'"
        f" FROM sys_constraints AS k JOIN {_HERE_ONLY} AS r ON r.oid = k.relation"
        f" UNION ALL SELECT {oids.CLASS_PG_CONSTRAINT}, k.oid, 0, {oids.CLASS_PG_CLASS}, u.index, 0, 'n'"
        f" FROM sys_constraints AS k JOIN {_HERE_ONLY} AS r ON r.oid = k.relation JOIN sys_constraints AS u"
        " ON u.relation = k.target AND u.kind IN ('p', 'u') AND list_sort(u.numbers) = list_sort(k.target_numbers)"
        " WHERE k.kind = 'f'",
        doc="PostgreSQL 8.0, 43.12 pg_depend",
    ),
    SystemView(
        schema="pg_catalog", name="pg_rewrite", oid=oids.CLASS_PG_REWRITE, table=True,
        columns=columns(
            "oid oid, rulename name, ev_class oid, ev_attr int2, ev_type char, ev_enabled char, is_instead bool,"
            "ev_qual text, ev_action text, tableoid oid"
        ),
        query="SELECT r.oid, '_RETURN' AS rulename, r.oid AS ev_class, -1 AS ev_attr, '1' AS ev_type,"
        " 'O' AS ev_enabled, TRUE AS is_instead, NULL AS ev_qual, r.definition AS ev_action,"
        f" {oids.CLASS_PG_REWRITE} AS tableoid FROM {RELATIONS_HERE} AND r.kind = 'v'",
        doc="PostgreSQL 8.0, 43.24 pg_rewrite",
    ),
    SystemView(
        schema="pg_catalog", name="pg_tables", oid=2_003,
        columns=columns(
            "schemaname name, tablename name, tableowner name, tablespace name, hasindexes bool, hasrules bool,"
            "hastriggers bool"
        ),
        query="SELECT r.schema_name AS schemaname, r.name AS tablename, rs_pg_get_userbyid(r.owner) AS tableowner,"
        " NULL AS tablespace, r.keys AS hasindexes, FALSE AS hasrules, FALSE AS hastriggers"
        f" FROM {RELATIONS_HERE} AND r.kind = 'r'",
        doc="PostgreSQL 8.0, 43.42 pg_tables",
    ),
    SystemView(
        schema="pg_catalog", name="pg_views", oid=2_004,
        columns=columns("schemaname name, viewname name, viewowner name, definition text"),
        query="SELECT r.schema_name AS schemaname, r.name AS viewname, rs_pg_get_userbyid(r.owner) AS viewowner,"
        f" r.definition AS definition FROM {RELATIONS_HERE} AND r.kind = 'v'",
        doc="PostgreSQL 8.0, 43.44 pg_views",
    ),
    SystemView(
        schema="pg_catalog", name="pg_table_def", oid=2_005,
        columns=columns(
            'schemaname name, tablename name, "column" name, type text, encoding bpchar(32), distkey bool,'
            'sortkey int4, "notnull" bool'
        ),
        query='SELECT r.schema_name AS schemaname, r.name AS tablename, c.name AS "column", c.format AS type,'
        ' c.encoding AS encoding, c.distkey AS distkey, c.sortkey AS sortkey, c.not_null AS "notnull"'
        f" FROM sys_columns AS c JOIN (SELECT r.* FROM {_TABLES}"
        " AND (r.temporary OR list_contains(getvariable('current_schemas_list'), r.schema_name))) AS r ON r.oid = c.relation",
        doc="Redshift, PG_TABLE_DEF",
    ),
    SystemView(
        schema="pg_catalog", name="pg_statistic_indicator", oid=2_006, visible="superuser",
        columns=columns("stairelid oid, stairows float8, staiins float8, staidels float8"),
        query="SELECT s.relation AS stairelid, s.rows AS stairows, 0 AS staiins, 0 AS staidels FROM sys_storage AS s",
        doc="Redshift, PG_STATISTIC_INDICATOR",
    ),
    *(_table_use(oid, name, source) for oid, name, source in (
        (2_007, "pg_stat_user_tables", _USER_TABLES), (2_085, "pg_stat_all_tables", _TABLES),
        (2_086, "pg_stat_sys_tables", _TABLES + " AND r.system"))),
)  # fmt: skip
