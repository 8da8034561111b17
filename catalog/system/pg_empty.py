"""pg_catalog relations of the right shape in which nothing ever is: what duckshift has none of.

Clients name them in joins; an empty answer is the true one. PostgreSQL, "System Catalogs".
"""

from typing import Final

from catalog.system.spec import SystemView, columns

# fmt: off
_SHAPES: Final = (
    (2620, "pg_trigger", "oid oid, tgrelid oid, tgname name, tgfoid oid, tgtype int2, tgenabled char, tgisconstraint bool, tgconstrname name, tgconstrrelid oid, tgconstraint oid, tgdeferrable bool, tginitdeferred bool, tgnargs int2, tgattr int2vector, tgargs varbyte, tgisinternal bool, tgparentid oid, tableoid oid"),
    (2611, "pg_inherits", "inhrelid oid, inhparent oid, inhseqno int4"),
    (2616, "pg_opclass", "oid oid, opcamid oid, opcname name, opcnamespace oid, opcowner int4, opcintype oid, opcdefault bool, opckeytype oid, opcmethod oid, tableoid oid"),
    (2753, "pg_opfamily", "oid oid, opfmethod oid, opfname name, opfnamespace oid, opfowner oid, tableoid oid"),
    (2607, "pg_conversion", "oid oid, conname name, connamespace oid, conowner int4, conforencoding int4, contoencoding int4, conproc regproc, condefault bool"),
    (2600, "pg_aggregate", "aggfnoid oid, aggtransfn regproc, aggfinalfn regproc, aggtranstype oid, agginitval text, aggkind char"),
    (2619, "pg_statistic", "starelid oid, staattnum int2, stanullfrac float4, stawidth int4, stadistinct float4"),
    (2040, "pg_stats", "schemaname name, tablename name, attname name, null_frac float4, avg_width int4, n_distinct float4, most_common_vals text, most_common_freqs text, histogram_bounds text, correlation float4"),
    (826, "pg_default_acl", "oid oid, defaclrole oid, defacluser int4, defaclnamespace oid, defaclobjtype char, defaclacl _aclitem"),
    (1215, "pg_shdescription", "objoid oid, classoid oid, description text"),
    (1214, "pg_shdepend", "dbid oid, classid oid, objid oid, objsubid int4, refclassid oid, refobjid oid, deptype char"),
    (3079, "pg_extension", "oid oid, extname name, extowner oid, extnamespace oid, extrelocatable bool, extversion text, extconfig _text, extcondition _text"),
    (2328, "pg_foreign_data_wrapper", "oid oid, fdwname name, fdwowner oid, fdwhandler oid, fdwvalidator oid, fdwacl _aclitem, fdwoptions _text"),
    (1417, "pg_foreign_server", "oid oid, srvname name, srvowner oid, srvfdw oid, srvtype text, srvversion text, srvacl _aclitem, srvoptions _text"),
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
    (2046, "pg_cursors", "name text, statement text, is_holdable bool, is_binary bool, is_scrollable bool, creation_time timestamptz"),
    (2047, "pg_prepared_statements", "name text, statement text, prepare_time timestamptz, parameter_types _text, from_sql bool"),
    (2048, "pg_prepared_xacts", "transaction xid, gid text, prepared timestamptz, owner name, database name"),
    (2049, "pg_available_extensions", "name name, default_version text, installed_version text, comment text"),
    (2051, "pg_library", "name name, language_oid oid, file_store_id int4, owner int4"),
    (2052, "pg_conf", "key text, value text, last_modified ts"),
)
# fmt: on

ROWS: Final = tuple(
    SystemView(
        schema="pg_catalog", name=name, oid=oid, table=oid > 2_100 or oid < 2_000, columns=columns(shape),
        doc="PostgreSQL, System Catalogs",
    )
    for oid, name, shape in _SHAPES
)  # fmt: skip
