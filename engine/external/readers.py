"""The engine SQL that reads files of one format as the columns of an external table.

Columns with types of their own (Parquet, ORC, Avro) must have the declared family, as in Redshift Spectrum; text
that is no value of its column's type is NULL, and strings are cut to their column's width.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from core import nested, types
from core.errors import SqlError
from core.names import literal, quote
from core.nested import Array, Map, Nested, Scalar, Struct
from core.sqlstate import SqlState
from core.types import ColumnType
from engine.external.files import ScanFile
from engine.external.formats import Fields
from engine.load.plan import Compression, Conversion, LoadColumn
from engine.load.values import strict_sql

Columns = Sequence[tuple[str, Nested]]
Describe = Callable[[str], Mapping[str, str]]
"""Returns the names (lower case) and types of engine SQL's columns."""

_PACKED: Final = {Compression.NONE: "none", Compression.GZIP: "gzip", Compression.ZSTD: "zstd"}
_DOCUMENT_BYTES: Final = 16 << 20
_LENIENT: Final = Conversion(time_format="auto", date_format="auto", truncate_columns=True)
_NEVER: Final = "\x02\x03"
"""What stands for NULL where nothing does: an empty one would be every empty field."""
_WIDE: Final = 16_383
"""Strings of columns at least so wide are not looked at: what does not fit is rare, and cutting hides statistics."""
_FAMILIES: Final = (
    # family of the declared type → types of files that fit, as a pattern over DuckDB's names
    (frozenset({"int2", "int4", "int8"}), r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?"),
    (frozenset({"numeric"}), r"DECIMAL\(.*|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?"),
    (frozenset({"float4", "float8"}), r"FLOAT|DOUBLE|DECIMAL\(.*"),
    (frozenset({"bool"}), "BOOLEAN"),
    (frozenset({"varchar", "bpchar"}), r"VARCHAR|BLOB|JSON|ENUM\(.*|UUID"),
    (frozenset({"date"}), "DATE"),
    (frozenset({"timestamp", "timestamptz"}), r"TIMESTAMP.*|DATE"),
    (frozenset({"varbyte"}), "BLOB"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """FROM of a scan and its columns."""

    source: str
    columns: tuple[str, ...]
    """Engine SQL, in the order of the table's columns."""


def listed(files: Sequence[ScanFile]) -> str:
    """Return the engine's list of the files."""
    return f"[{', '.join(literal(file.path) for file in files)}]"


def columnar(function: str, files: Sequence[ScanFile], columns: Columns, describe: Describe) -> Read:
    """Read files that know their columns' names and types."""
    present = describe(f"SELECT * FROM {function}")
    return Read(
        source=function,
        columns=tuple(_columnar(name, kind, present.get(name.lower()), files) for name, kind in columns),
    )


def parquet(files: Sequence[ScanFile]) -> str:
    """Return the table function over Parquet files."""
    return f"read_parquet({listed(files)}, union_by_name=true, hive_partitioning=false)"


def avro(files: Sequence[ScanFile]) -> str:
    """Return the table function over Avro files."""
    return f"read_avro({listed(files)}, union_by_name=true)"


def _columnar(name: str, kind: Nested, found: str | None, files: Sequence[ScanFile]) -> str:
    wanted = nested.engine(kind)
    if found is None:
        return f"CAST(NULL AS {wanted})"
    column = quote(name)
    if not isinstance(kind, Scalar):
        return f"CAST({rebuilt(column, kind)} AS {wanted})"
    if not fits(kind.type, found):
        where = files[0].location
        raise SqlError(
            SqlState.INTERNAL_ERROR,
            f"Spectrum Scan Error: File '{where}' has an incompatible schema for column '{name}'. "
            f"Column type: {kind.type.type.sql.upper()}, schema of the file: {found}",
        )
    return _fitted(kind.type, column, found)


def fits(kind: ColumnType, found: str) -> bool:
    """Tell whether a file's column of the engine type *found* can be read as *kind*."""
    return any(kind.type.name in names and re.fullmatch(pattern, found) for names, pattern in _FAMILIES)


def _fitted(kind: ColumnType, column: str, found: str) -> str:
    name = kind.type.name
    if name in {"varchar", "bpchar"}:
        texts = {"BLOB": f"decode({column})", "VARCHAR": column}
        return _cut(kind, texts.get(found, f"CAST({column} AS VARCHAR)"))
    if name == "timestamp" and found.endswith("WITH TIME ZONE"):
        return f"timezone('UTC', {column})"
    return f"CAST({column} AS {kind.engine()})"


def _cut(kind: ColumnType, text: str) -> str:
    value = f"rtrim({text}, ' ')" if kind.type.name == "bpchar" else text
    length = kind.length
    return value if length is None or length >= _WIDE else f"rs_cut({value}, {length})"


def rebuilt(value: str, kind: Nested, depth: int = 0) -> str:
    """Return a nested value whose maps are lists of their entries."""
    if not _has_map(kind):
        return value
    match kind:
        case Map():
            return rebuilt(f"map_entries({value})", Array(nested.entry(kind)), depth)
        case Array(element=element):
            inner = f"rs_{depth}"
            return f"list_transform({value}, lambda {inner}: {rebuilt(inner, element, depth + 1)})"
        case Struct(fields=fields):
            packed = ", ".join(
                f"{quote(name)} := {rebuilt(f'struct_extract({value}, {literal(name)})', inner, depth)}"
                for name, inner in fields
            )
            return f"CASE WHEN {value} IS NOT NULL THEN struct_pack({packed}) END"
    return value


def _has_map(kind: Nested) -> bool:
    match kind:
        case Map():
            return True
        case Array(element=element):
            return _has_map(element)
        case Struct(fields=fields):
            return any(_has_map(inner) for _, inner in fields)
    return False


# Text


def delimited(files: Sequence[ScanFile], columns: Columns, fields: Fields) -> Read:
    """Read lines of fields; too few fields are NULL, too many are left out."""
    escape = fields.escape if fields.quote and len(fields.escape) == 1 else ""
    # A quote inside a quoted field may always be doubled; the engine knows one escape only.
    escape = fields.quote if escape == "\\" else escape
    source = (
        f"read_csv({listed(files)}, columns={{{_numbered(columns)}}}, auto_detect=false, header=false, "
        f"skip={fields.skip}, delim={literal(fields.delimiter)}, quote={literal(fields.quote)}, "
        f"escape={literal(escape)}, nullstr={literal(fields.null or _NEVER)}, null_padding=true, strict_mode=false, "
        f"compression={literal(_packed(files))}, max_line_size={_DOCUMENT_BYTES}"
        f"{', parallel=false' if fields.quote else ''})"
    )
    return Read(
        source=source,
        columns=tuple(_from_text(kind, f"c{index}", name) for index, (name, kind) in enumerate(columns)),
    )


def _numbered(columns: Columns) -> str:
    return ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(columns)))


def _packed(files: Sequence[ScanFile]) -> str:
    return _PACKED[files[0].compression]


def _from_text(kind: Nested, text: str, name: str) -> str:
    if not isinstance(kind, Scalar):
        raise SqlError(
            SqlState.FEATURE_NOT_SUPPORTED, f'column "{name}": nested values are not supported in text files'
        )
    return scalar_text(kind.type, text, name)


def scalar_text(kind: ColumnType, text: str, name: str = "") -> str:
    """Return the value that engine SQL *text* is of a type, NULL where it is none."""
    if kind.type.name in {"varchar", "bpchar"}:
        return _cut(kind, text)
    strict = strict_sql(LoadColumn(name=name, type=kind, not_null=False), text, _LENIENT)
    return f"CAST({strict} AS {kind.engine()})"


def by_pattern(files: Sequence[ScanFile], columns: Columns, fields: Fields) -> Read:
    """Read lines by a regular expression; all columns of a line that it does not match are NULL."""
    source = (
        f"read_csv({listed(files)}, columns={{'line': 'VARCHAR'}}, auto_detect=false, header=false, "
        f"skip={fields.skip}, delim={literal(chr(2))}, quote='', escape='', strict_mode=false, "
        f"compression={literal(_packed(files))}, max_line_size={_DOCUMENT_BYTES})"
    )
    pattern = literal(fields.pattern)
    if re.compile(_java(fields.pattern)).groups < len(columns):
        raise SqlError(
            SqlState.INVALID_PARAMETER_VALUE, "input.regex has fewer groups than the table has columns"
        )
    values = [
        f"CASE WHEN regexp_full_match(line, {pattern}) THEN regexp_extract(line, {pattern}, {index}) END"
        for index in range(1, len(columns) + 1)
    ]
    return Read(
        source=source,
        columns=tuple(_from_text(kind, value, name) for value, (name, kind) in zip(values, columns, strict=True)),
    )


def _java(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, "input.regex is no regular expression") from None
    return pattern


def documents(files: Sequence[ScanFile], columns: Columns, fields: Fields) -> Read:
    """Read JSON objects; keys are looked for as written first, then whatever their case."""
    packed = _packed(files).replace("none", "uncompressed")
    form = "array" if fields.array else "newline_delimited"
    source = (
        f"read_json_objects({listed(files)}, format='{form}', ignore_errors=false, "
        f"compression={literal(packed)}, maximum_object_size={_DOCUMENT_BYTES})"
    )
    keys = dict(fields.names)
    return Read(
        source=source,
        columns=tuple(_from_json(kind, keys.get(name.lower(), name), name) for name, kind in columns),
    )


def _from_json(kind: Nested, key: str, name: str) -> str:
    path = literal("/" + key.replace("~", "~0").replace("/", "~1"))
    value = f"coalesce(json_extract(json, {path}), rs_member_of_any_case(json, {literal(key.lower())}))"
    if not isinstance(kind, Scalar):
        made = f"json_transform({value}, {literal(_structure(kind))})"
        return f"CAST({rebuilt(made, kind)} AS {nested.engine(kind)})"
    text = f"json_extract_string({value}, '$')"
    if kind.type.type.name == "timestamp":
        return f"TRY_CAST({text} AS TIMESTAMP)"
    return scalar_text(kind.type, text, name)


def _structure(kind: Nested) -> str:
    """Return what the engine's json_transform takes a type's description as."""
    match kind:
        case Struct(fields=fields):
            inner = ", ".join(f'{_quoted(name)}: {_structure(value)}' for name, value in fields)
            return f"{{{inner}}}"
        case Array(element=element):
            return f"[{_structure(element)}]"
        case Map(value=value):
            return _quoted(f"MAP(VARCHAR, {_plain(value)})")
        case Scalar(type=type_):
            return _quoted(type_.engine())


def _plain(kind: Nested) -> str:
    match kind:
        case Struct(fields=fields):
            return f"STRUCT({', '.join(f'{quote(name)} {_plain(inner)}' for name, inner in fields)})"
        case Array(element=element):
            return f"{_plain(element)}[]"
        case Map(value=value):
            return f"MAP(VARCHAR, {_plain(value)})"
        case Scalar(type=type_):
            return type_.engine()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_PLAIN_KEY: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]+)?|[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2}:[0-9]{2})?")
KEY_NULL: Final = "__HIVE_DEFAULT_PARTITION__"


def key(kind: ColumnType, value: str) -> str:
    """Return engine SQL for the value of a partition key."""
    if value == KEY_NULL:
        return f"CAST(NULL AS {kind.engine()})"
    if kind.type.name in {"varchar", "bpchar"}:
        return literal(value)
    if _PLAIN_KEY.fullmatch(value):
        # What the optimizer sees as a constant.
        return f"TRY_CAST({literal(value)} AS {kind.engine()})"
    return scalar_text(kind, literal(value))


SIZE: Final = types.of("int8")
