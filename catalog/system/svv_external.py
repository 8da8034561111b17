"""SVV views of external schemas, databases, tables, columns and partitions, and PG_EXTERNAL_SCHEMA.

Redshift, "SVV_EXTERNAL_SCHEMAS" and its siblings. What users may see is what is in schemas that they may use.
"""

from typing import Final

from catalog.system.access import HERE, ME
from catalog.system.spec import SUPERUSER, SystemView, columns

SEES: Final = (
    f"({SUPERUSER} OR n.owner = {ME} OR EXISTS (SELECT 1 FROM sys_grants AS e JOIN sys_members AS m"
    f" ON m.grantee = e.grantee WHERE e.object = n.oid AND m.member = {ME} AND e.privilege = 'USAGE'))"
)
"""Of ``sys_external_schemas AS n``: whether the user may use it."""
TABLES: Final = "sys_external_tables AS t JOIN sys_external_schemas AS n ON n.oid = t.schema"
COLUMNS: Final = "sys_external_columns AS c JOIN sys_external_schemas AS n ON n.oid = c.schema"
_HERE: Final = f"n.database = {HERE} AND {SEES}"
_STORED: Final = (
    "location text, input_format text, output_format text, serialization_lib text, serde_parameters text,"
    "compressed int4, parameters text"
)
_STORAGE: Final = (
    "t.location, t.input_format, t.output_format, t.serde AS serialization_lib, t.serde_parameters, t.compressed,"
    " t.parameters"
)


def _view(oid: int, name: str, shape: str, query: str, *, is_table: bool = False) -> SystemView:
    return SystemView(
        schema="pg_catalog", name=name, oid=oid, columns=columns(shape), query=query, table=is_table,
        doc=f"Redshift, {name.upper()}",
    )  # fmt: skip


# fmt: off
ROWS: Final = (
    _view(4_118, "svv_external_schemas",
        "esoid oid, eskind int2, schemaname name, esowner int4, databasename text, esoptions text",
        "SELECT n.oid AS esoid, n.kind AS eskind, n.name AS schemaname, n.owner AS esowner,"
        f" n.external_database AS databasename, n.options AS esoptions FROM sys_external_schemas AS n WHERE {_HERE}"),
    _view(4_119, "svv_external_tables",
        f"redshift_database_name text, schemaname text, tablename text, tabletype text, {_STORED}",
        "SELECT n.database AS redshift_database_name, n.name AS schemaname, t.name AS tablename,"
        f" 'TABLE' AS tabletype, {_STORAGE} FROM {TABLES} WHERE {_HERE}"),
    _view(4_120, "svv_external_columns",
        "redshift_database_name text, schemaname text, tablename text, columnname text, external_type text,"
        "columnnum int4, part_key int4, is_nullable text",
        "SELECT n.database AS redshift_database_name, n.name AS schemaname, c.table_name AS tablename,"
        " c.name AS columnname, c.external_type, c.number AS columnnum, c.part_key, 'true' AS is_nullable"
        f" FROM {COLUMNS} WHERE {_HERE}"),
    _view(4_121, "svv_external_partitions",
        f'schemaname text, tablename text, "values" text, {_STORED}',
        f"SELECT n.name AS schemaname, t.table_name AS tablename, t.\"values\", {_STORAGE}"
        f" FROM sys_external_partitions AS t JOIN sys_external_schemas AS n ON n.oid = t.schema WHERE {_HERE}"),
    _view(4_122, "svv_external_databases",
        "eskind int4, esoptions text, databasename text, location text, parameters text",
        "SELECT d.kind AS eskind, d.options AS esoptions, d.name AS databasename, d.location, d.parameters"
        " FROM sys_external_databases AS d"),
    _view(2_050, "pg_external_schema", "esoid oid, eskind int2, esdbname text, esoptions text",
        "SELECT n.oid AS esoid, n.kind AS eskind, n.external_database AS esdbname, n.options AS esoptions"
        f" FROM sys_external_schemas AS n WHERE n.database = {HERE}", is_table=True),
)
# fmt: on
