"""pg_catalog relations of the right shape in which nothing ever is: what duckshift has none of.

Clients name them in joins; an empty answer is the true one. PostgreSQL, "System Catalogs".
"""

from typing import Final

from catalog.system.spec import SystemView, columns

_INDEX_USE: Final = (
    "relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_scan int8, idx_tup_read int8,"
    "idx_tup_fetch int8"
)
_READ: Final = (
    "relid oid, schemaname name, relname name, heap_blks_read int8, heap_blks_hit int8, idx_blks_read int8,"
    "idx_blks_hit int8, toast_blks_read int8, toast_blks_hit int8, tidx_blks_read int8, tidx_blks_hit int8"
)
_SLOTS: Final = (("stakind", "int2"), ("staop", "oid"), ("stanumbers", "_text"), ("stavalues", "_text"))
"""What pg_statistic has four of: kinds of statistics, with their numbers and values."""

# fmt: off
_SHAPES: Final = (
    (2611, "pg_inherits", "inhrelid oid, inhparent oid, inhseqno int4"),
    (2616, "pg_opclass", "oid oid, opcamid oid, opcname name, opcnamespace oid, opcowner int4, opcintype oid, opcdefault bool, opckeytype oid, opcmethod oid, tableoid oid"),
    (2753, "pg_opfamily", "oid oid, opfmethod oid, opfname name, opfnamespace oid, opfowner oid, tableoid oid"),
    (2607, "pg_conversion", "oid oid, conname name, connamespace oid, conowner int4, conforencoding int4, contoencoding int4, conproc regproc, condefault bool, tableoid oid"),
    (2600, "pg_aggregate", "aggfnoid oid, aggtransfn regproc, aggfinalfn regproc, aggtranstype oid, agginitval text, aggkind char"),
    (2619, "pg_statistic", "starelid oid, staattnum int2, stanullfrac float4, stawidth int4, stadistinct float4, " + ", ".join(f"{name}{n} {kind}" for name, kind in _SLOTS for n in range(1, 5))),
    (2040, "pg_stats", "schemaname name, tablename name, attname name, null_frac float4, avg_width int4, n_distinct float4, most_common_vals text, most_common_freqs text, histogram_bounds text, correlation float4"),
    (1214, "pg_shdepend", "dbid oid, classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, deptype char"),
    (3079, "pg_extension", "oid oid, extname name, extowner oid, extnamespace oid, extrelocatable bool, extversion text, extconfig _text, extcondition _text"),
    (2328, "pg_foreign_data_wrapper", "oid oid, fdwname name, fdwowner oid, fdwhandler oid, fdwvalidator oid, fdwacl _aclitem, fdwoptions _text, tableoid oid"),
    (1417, "pg_foreign_server", "oid oid, srvname name, srvowner oid, srvfdw oid, srvtype text, srvversion text, srvacl _aclitem, srvoptions _text, tableoid oid"),
    (3118, "pg_foreign_table", "ftrelid oid, ftserver oid, ftoptions _text"),
    (2041, "pg_user_mappings", "umid oid, srvid oid, srvname name, umuser oid, usename name, umoptions _text"),
    (2964, "pg_db_role_setting", "setdatabase oid, setrole oid, setconfig _text"),
    (3602, "pg_ts_config", "oid oid, cfgname name, cfgnamespace oid, cfgowner oid, cfgparser oid"),
    (3501, "pg_enum", "oid oid, enumtypid oid, enumsortorder float4, enumlabel name"),
    (3541, "pg_range", "rngtypid oid, rngsubtype oid, rngmultitypid oid, rngcollation oid, rngsubopc oid, rngcanonical oid, rngsubdiff oid"),
    (2224, "pg_sequence", "seqrelid oid, seqtypid oid, seqstart int8, seqincrement int8, seqmax int8, seqmin int8, seqcache int8, seqcycle bool"),
    (2042, "pg_sequences", "schemaname name, sequencename name, sequenceowner name, start_value int8, min_value int8, max_value int8, increment_by int8, cycle bool, cache_size int8, last_value int8"),
    (2043, "pg_matviews", "schemaname name, matviewname name, matviewowner name, tablespace name, hasindexes bool, ispopulated bool, definition text"),
    (2044, "pg_rules", "schemaname name, tablename name, rulename name, definition text"),
    (2045, "pg_policies", "schemaname name, tablename name, policyname name, permissive text, roles _text, cmd text, qual text, with_check text"),
    (3256, "pg_policy", "oid oid, polname name, polrelid oid, polcmd char, polpermissive bool, polroles _int4, polqual text, polwithcheck text"),
    (3350, "pg_partitioned_table", "partrelid oid, partstrat char, partnatts int2, partdefid oid, partattrs int2vector"),
    (6104, "pg_publication", "oid oid, pubname name, pubowner oid, puballtables bool, pubinsert bool, pubupdate bool, pubdelete bool, pubtruncate bool, pubviaroot bool"),
    (6106, "pg_publication_rel", "oid oid, prpubid oid, prrelid oid"),
    (6100, "pg_subscription", "oid oid, subdbid oid, subname name, subowner oid, subenabled bool"),
    (3381, "pg_statistic_ext", "oid oid, stxrelid oid, stxname name, stxnamespace oid, stxowner oid, stxkeys int2vector"),
    (3466, "pg_event_trigger", "oid oid, evtname name, evtevent name, evtowner oid, evtfoid oid, evtenabled char, evttags _text"),
    (2995, "pg_largeobject_metadata", "oid oid, lomowner oid, lomacl _aclitem"),
    (2048, "pg_prepared_xacts", "transaction xid, gid text, prepared timestamptz, owner name, database name"),
    (2049, "pg_available_extensions", "name name, default_version text, installed_version text, comment text"),
    (2051, "pg_library", "name name, language_oid oid, file_store_id int4, owner int4"),
    (2052, "pg_conf", "key text, value text, last_modified ts"),
    (2070, "pg_stat_replication", "pid int4, usesysid oid, usename name, application_name text, client_addr text, backend_start timestamptz, state text, sync_state text"),
    (2071, "pg_stat_bgwriter", "checkpoints_timed int8, checkpoints_req int8, buffers_checkpoint int8, buffers_clean int8, maxwritten_clean int8, buffers_backend int8, buffers_alloc int8"),
    (2072, "pg_replication_slots", "slot_name name, plugin name, slot_type text, datoid oid, database name, active bool, xmin xid, catalog_xmin xid, restart_lsn text"),
    (2073, "pg_timezone_abbrevs", "abbrev text, utc_offset interval, is_dst bool"),
    (3596, "pg_seclabel", "objoid oid, classoid oid, objsubid int4, provider text, label text"),
    (2074, "pg_seclabels", "objoid oid, classoid oid, objsubid int4, objtype text, objnamespace oid, objname text, provider text, label text"),
    (2602, "pg_amop", "oid oid, amopfamily oid, amoplefttype oid, amoprighttype oid, amopstrategy int2, amopopr oid, amopmethod oid"),
    (2603, "pg_amproc", "oid oid, amprocfamily oid, amproclefttype oid, amprocrighttype oid, amprocnum int2, amproc regproc"),
    (3576, "pg_transform", "oid oid, trftype oid, trflang oid, trffromsql regproc, trftosql regproc"),
    (3600, "pg_ts_dict", "oid oid, dictname name, dictnamespace oid, dictowner oid, dicttemplate oid, dictinitoption text"),
    (3601, "pg_ts_parser", "oid oid, prsname name, prsnamespace oid, prsstart regproc, prstoken regproc, prsend regproc, prsheadline regproc, prslextype regproc"),
    (3764, "pg_ts_template", "oid oid, tmplname name, tmplnamespace oid, tmplinit regproc, tmpllexize regproc"),
    (2613, "pg_largeobject", "loid oid, pageno int4, data varbyte"),
    (2614, "pg_listener", "relname name, listenerpid int4, notification int4"),
    (3394, "pg_init_privs", "objoid oid, classoid oid, objsubid int4, privtype char, initprivs _aclitem"),
    (1418, "pg_user_mapping", "oid oid, umuser oid, umserver oid, umoptions _text"),
    (2075, "pg_available_extension_versions", "name name, version text, installed bool, superuser bool, relocatable bool, schema name, requires _text, comment text"),
    (3429, "pg_statistic_ext_data", "stxoid oid, stxdinherit bool"),
    (2076, "pg_stats_ext", "schemaname name, tablename name, statistics_schemaname name, statistics_name name, statistics_owner name, attnames _text"),
    (2077, "pg_publication_tables", "pubname name, schemaname name, tablename name"),
    (6102, "pg_subscription_rel", "srsubid oid, srrelid oid, srsubstate char"),
    (2078, "pg_stat_sys_indexes", _INDEX_USE), (2079, "pg_stat_user_indexes", _INDEX_USE),
    (2080, "pg_stat_all_indexes", _INDEX_USE),
    (2081, "pg_statio_all_tables", _READ), (2082, "pg_statio_user_tables", _READ), (2083, "pg_statio_sys_tables", _READ),
    (2084, "pg_statio_user_indexes", "relid oid, indexrelid oid, schemaname name, relname name, indexrelname name, idx_blks_read int8, idx_blks_hit int8"),
)
# fmt: on

ROWS: Final = tuple(
    SystemView(
        schema="pg_catalog", name=name, oid=oid, table=oid > 2_100 or oid < 2_000, columns=columns(shape),
        doc="PostgreSQL, System Catalogs",
    )
    for oid, name, shape in _SHAPES
)  # fmt: skip
