"""Tables of inlined rows that newer ones have taken the place of, kept for servers that may still be reading them.

ALTER TABLE has DuckLake keep a table's small inserts in a new table of the catalogue. A flush (of DuckDB 1.5.5) drops
any that are superseded and empty, and says so to nobody: another server, whose schema names them, cannot read the
table from then on, and one that is in the midst of a transaction does not survive the attempt. So each gets a row of a
snapshot that never comes, which nobody sees and no flush takes away. The next server that starts alone drops what is
empty but for that.
"""

from typing import Final

NEVER: Final = 9_223_372_036_854_775_807
"""The snapshot that never comes."""
_REGISTER: Final = "public.ducklake_inlined_data_tables"
_HELD: Final = f"""
    EXECUTE format('INSERT INTO public.%I (row_id, begin_snapshot, end_snapshot) SELECT -1, {NEVER}, {NEVER}'
        ' WHERE NOT EXISTS (SELECT FROM public.%I WHERE begin_snapshot = {NEVER})',
        found.table_name, found.table_name);
"""
_LOOP: Final = f"""
    FOR found IN SELECT i.* FROM {_REGISTER} AS i
        WHERE EXISTS (SELECT FROM {_REGISTER} AS n WHERE n.table_id = i.table_id AND n.schema_version > i.schema_version
            AND {{condition}})
        ORDER BY i.table_id, i.schema_version
    LOOP {{work}} END LOOP;
"""

KEEP: Final = f"""
CREATE OR REPLACE FUNCTION duckshift.keep_superseded() RETURNS trigger LANGUAGE plpgsql AS $keep$
DECLARE found record;
BEGIN
    {_LOOP.format(condition="n.table_id = NEW.table_id", work=_HELD)}
    RETURN NULL;
END $keep$;
CREATE OR REPLACE TRIGGER duckshift_keep_superseded AFTER INSERT ON {_REGISTER}
    FOR EACH ROW EXECUTE FUNCTION duckshift.keep_superseded();
DO $held$
DECLARE found record;
BEGIN
    {_LOOP.format(condition="TRUE", work=_HELD)}
END $held$;
"""
"""Keeps those that there are, and those that will be."""

DROP: Final = f"""
DO $drop$
DECLARE found record; kept boolean;
BEGIN
    IF to_regclass('{_REGISTER}') IS NULL THEN RETURN; END IF;
    {
    _LOOP.format(
        condition="TRUE",
        work=f'''
        EXECUTE format('SELECT EXISTS (SELECT FROM public.%I WHERE begin_snapshot <> {NEVER})', found.table_name)
            INTO kept;
        IF NOT kept THEN
            DELETE FROM {_REGISTER} WHERE table_id = found.table_id AND schema_version = found.schema_version;
            EXECUTE format('DROP TABLE public.%I', found.table_name);
        END IF;
        ''',
    )
}
END $drop$;
"""
"""Drops those that are empty; only where no server is there, nor any other client of the lake."""
