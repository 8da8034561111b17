"""What Flight SQL's clients may ask of the server and of its types, as tables.

Apache Arrow, format/FlightSql.proto: SqlInfo, CommandGetXdbcTypeInfo and the schemas of metadata.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import pyarrow as pa

from core.names import RESERVED

_NAME: Final = "duckshift"
_TEXTS: Final = pa.list_(pa.field("item", pa.utf8(), nullable=False))


def _schema(*fields: tuple[str, pa.DataType, bool]) -> pa.Schema:
    return pa.schema([pa.field(name, type_, nullable) for name, type_, nullable in fields])


_KEYS: Final = _schema(
    ("pk_catalog_name", pa.utf8(), True), ("pk_db_schema_name", pa.utf8(), True),
    ("pk_table_name", pa.utf8(), False), ("pk_column_name", pa.utf8(), False),
    ("fk_catalog_name", pa.utf8(), True), ("fk_db_schema_name", pa.utf8(), True),
    ("fk_table_name", pa.utf8(), False), ("fk_column_name", pa.utf8(), False),
    ("key_sequence", pa.int32(), False), ("fk_key_name", pa.utf8(), True), ("pk_key_name", pa.utf8(), True),
    ("update_rule", pa.uint8(), False), ("delete_rule", pa.uint8(), False),
)  # fmt: skip
_TABLES: Final = _schema(
    ("catalog_name", pa.utf8(), True), ("db_schema_name", pa.utf8(), True),
    ("table_name", pa.utf8(), False), ("table_type", pa.utf8(), False),
)  # fmt: skip
TABLES_WITH_SCHEMA: Final = _TABLES.append(pa.field("table_schema", pa.binary(), nullable=False))
_UNION: Final = pa.dense_union(
    [
        pa.field("string_value", pa.utf8()),
        pa.field("bool_value", pa.bool_()),
        pa.field("bigint_value", pa.int64()),
        pa.field("int32_bitmask", pa.int32()),
        pa.field("string_list", pa.list_(pa.utf8())),
        pa.field("int32_to_int32_list_map", pa.map_(pa.int32(), pa.list_(pa.int32()))),
    ]
)

SCHEMAS: Final[Mapping[str, pa.Schema]] = {
    "CommandGetCatalogs": _schema(("catalog_name", pa.utf8(), False)),
    "CommandGetDbSchemas": _schema(("catalog_name", pa.utf8(), True), ("db_schema_name", pa.utf8(), False)),
    "CommandGetTables": _TABLES,
    "CommandGetTableTypes": _schema(("table_type", pa.utf8(), False)),
    "CommandGetPrimaryKeys": _schema(
        ("catalog_name", pa.utf8(), True), ("db_schema_name", pa.utf8(), True), ("table_name", pa.utf8(), False),
        ("column_name", pa.utf8(), False), ("key_name", pa.utf8(), True), ("key_sequence", pa.int32(), False),
    ),
    "CommandGetExportedKeys": _KEYS,
    "CommandGetImportedKeys": _KEYS,
    "CommandGetCrossReference": _KEYS,
    "CommandGetSqlInfo": pa.schema([pa.field("info_name", pa.uint32(), False), pa.field("value", _UNION, False)]),
    "CommandGetXdbcTypeInfo": _schema(
        ("type_name", pa.utf8(), False), ("data_type", pa.int32(), False), ("column_size", pa.int32(), True),
        ("literal_prefix", pa.utf8(), True), ("literal_suffix", pa.utf8(), True), ("create_params", _TEXTS, True),
        ("nullable", pa.int32(), False), ("case_sensitive", pa.bool_(), False), ("searchable", pa.int32(), False),
        ("unsigned_attribute", pa.bool_(), True), ("fixed_prec_scale", pa.bool_(), False),
        ("auto_increment", pa.bool_(), True), ("local_type_name", pa.utf8(), True), ("minimum_scale", pa.int32(), True),
        ("maximum_scale", pa.int32(), True), ("sql_data_type", pa.int32(), False),
        ("datetime_subcode", pa.int32(), True), ("num_prec_radix", pa.int32(), True),
        ("interval_precision", pa.int32(), True),
    ),
}  # fmt: skip
"""The schema of each kind of metadata, by its command."""

TABLE_TYPES: Final = ("EXTERNAL TABLE", "SYSTEM TABLE", "SYSTEM VIEW", "TABLE", "VIEW")

_TEXT, _FLAG, _BIGINT, _MASK, _LIST = range(5)


class Info(NamedTuple):
    """One fact: its number in SqlInfo, which member of the union holds it, and the value."""

    number: int
    kind: int
    value: Any


# fmt: off
SQL_INFO: Final = (
    Info(0, _TEXT, _NAME),                    # FLIGHT_SQL_SERVER_NAME
    Info(1, _TEXT, "1.0"),                    # _VERSION
    Info(2, _TEXT, pa.__version__),           # _ARROW_VERSION
    Info(3, _FLAG, False),                    # _READ_ONLY
    Info(4, _FLAG, True),                     # _SQL
    Info(5, _FLAG, False),                    # _SUBSTRAIT
    Info(8, _MASK, 1),                        # _TRANSACTION: transactions, no savepoints
    Info(9, _FLAG, True),                     # _CANCEL
    Info(10, _FLAG, True),                    # _BULK_INGESTION
    Info(11, _FLAG, True),                    # _INGEST_TRANSACTIONS_SUPPORTED
    Info(100, _MASK, 0),                      # _STATEMENT_TIMEOUT: none but the session's own
    Info(101, _MASK, 0),                      # _TRANSACTION_TIMEOUT
    Info(500, _FLAG, True),                   # SQL_DDL_CATALOG
    Info(501, _FLAG, True),                   # SQL_DDL_SCHEMA
    Info(502, _FLAG, True),                   # SQL_DDL_TABLE
    Info(503, _MASK, 3),                      # SQL_IDENTIFIER_CASE: lower case
    Info(504, _TEXT, '"'),                    # SQL_IDENTIFIER_QUOTE_CHAR
    Info(505, _MASK, 3),                      # SQL_QUOTED_IDENTIFIER_CASE: lower case
    Info(506, _FLAG, False),                  # SQL_ALL_TABLES_ARE_SELECTABLE
    Info(507, _MASK, 0),                      # SQL_NULL_ORDERING: sorted high
    Info(508, _LIST, sorted(RESERVED)),       # SQL_KEYWORDS
    Info(513, _TEXT, "\\"),                   # SQL_SEARCH_STRING_ESCAPE
    Info(514, _TEXT, ""),                     # SQL_EXTRA_NAME_CHARACTERS
    Info(515, _FLAG, True),                   # SQL_SUPPORTS_COLUMN_ALIASING
    Info(516, _FLAG, True),                   # SQL_NULL_PLUS_NULL_IS_NULL
    Info(529, _TEXT, "schema"),               # SQL_SCHEMA_TERM
    Info(530, _TEXT, "procedure"),            # SQL_PROCEDURE_TERM
    Info(531, _TEXT, "database"),             # SQL_CATALOG_TERM
    Info(533, _FLAG, False),                  # SQL_CATALOG_AT_START is told by position; names are catalog.schema.table
    Info(541, _BIGINT, 0),                    # SQL_MAX_BINARY_LITERAL_LENGTH: no limit of its own
    Info(543, _BIGINT, 127),                  # SQL_MAX_COLUMN_NAME_LENGTH
    Info(555, _BIGINT, 127),                  # SQL_MAX_SCHEMA_NAME_LENGTH
    Info(557, _BIGINT, 127),                  # SQL_MAX_TABLE_NAME_LENGTH
)
# fmt: on

Row = tuple[str, int, int | None, str | None, str | None, list[str] | None, bool, bool | None, int | None, int | None]
_SEARCHABLE: Final = 3
_NULLABLE: Final = 1
_RADIX: Final = 10

# fmt: off
# type, XDBC number, size, prefix, suffix, create parameters, case sensitive, unsigned, scale from, to
XDBC_TYPES: Final[Sequence[Row]] = (
    ("boolean",                     -7, 1,          None, None, None,                   False, None,  None, None),
    ("smallint",                     5, 5,          None, None, None,                   False, False, 0,    0),
    ("integer",                      4, 10,         None, None, None,                   False, False, 0,    0),
    ("bigint",                      -5, 19,         None, None, None,                   False, False, 0,    0),
    ("numeric",                      2, 38,         None, None, ["precision", "scale"], False, False, 0,    37),
    ("real",                         7, 8,          None, None, None,                   False, False, None, None),
    ("double precision",             8, 17,         None, None, None,                   False, False, None, None),
    ("character",                    1, 4_096,      "'",  "'",  ["length"],             True,  None,  None, None),
    ("character varying",           12, 65_535,     "'",  "'",  ["length"],             True,  None,  None, None),
    ("super",                       12, 16_777_216, "'",  "'",  None,                   True,  None,  None, None),
    ("binary varying",              -3, 16_777_216, "'",  "'",  ["length"],             False, None,  None, None),
    ("date",                        91, 13,         "'",  "'",  None,                   False, None,  None, None),
    ("time without time zone",      92, 15,         "'",  "'",  None,                   False, None,  6,    6),
    ("time with time zone",         92, 21,         "'",  "'",  None,                   False, None,  6,    6),
    ("timestamp without time zone", 93, 29,         "'",  "'",  None,                   False, None,  6,    6),
    ("timestamp with time zone",    93, 35,         "'",  "'",  None,                   False, None,  6,    6),
)
# fmt: on


def sql_info(wanted: Sequence[int]) -> pa.Table:
    """Return the facts *wanted*, all for none."""
    rows = [info for info in SQL_INFO if not wanted or info.number in wanted]
    members = [[info.value for info in rows if info.kind == kind] for kind in range(len(_UNION))]
    seen = [0] * len(_UNION)
    offsets = []
    for info in rows:
        offsets.append(seen[info.kind])
        seen[info.kind] += 1
    values = pa.UnionArray.from_dense(
        pa.array([info.kind for info in rows], pa.int8()),
        pa.array(offsets, pa.int32()),
        [pa.array(items, member.type) for items, member in zip(members, _UNION, strict=True)],
        [member.name for member in _UNION],
    )
    names = pa.array([info.number for info in rows], pa.uint32())
    return pa.Table.from_arrays([names, values], schema=SCHEMAS["CommandGetSqlInfo"])


def xdbc_types(wanted: int | None) -> pa.Table:
    """Return the types, or those with the XDBC number *wanted*."""
    rows = []
    for name, number, size, prefix, suffix, parameters, cased, unsigned, least, most in XDBC_TYPES:
        if wanted in {None, number}:
            radix = _RADIX if unsigned is not None else None
            rows.append((
                name, number, size, prefix, suffix, parameters, _NULLABLE, cased, _SEARCHABLE, unsigned, False,
                False, name, least, most, number, None, radix, None,
            ))  # fmt: skip
    schema = SCHEMAS["CommandGetXdbcTypeInfo"]
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.Table.from_arrays(
        [pa.array(list(column), member.type) for column, member in zip(columns, schema, strict=True)], schema=schema
    )
