"""Rows as the Data API writes them: JSON fields, and the metadata of columns.

A page is a batch of at most a thousand rows. Its values' texts are those of the PostgreSQL protocol, read back
as columns of text and joined to JSON by Arrow: no value passes through Python.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from api.models import RawJson
from catalog.model import CatalogState, Relation, TableColumn
from core.types import Column, ColumnType
from session.texts import texts

_LONG: Final = frozenset({"int2", "int4", "int8", "oid"})
_DOUBLE: Final = frozenset({"float4", "float8"})
_NO_NUMBERS: Final = "^(NaN|-?Infinity)$"
_CONTROLS: Final = r"[\x00-\x1f]"
_ESCAPES: Final = {"\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_NULL: Final = '{"isNull":true}'
_PRECISIONS: Final = {
    "int2": 5, "int4": 10, "int8": 19, "oid": 10, "float4": 8, "float8": 17, "bool": 1, "date": 13,
    "time": 15, "timetz": 21, "timestamp": 29, "timestamptz": 35,
}  # fmt: skip
"""As the PostgreSQL JDBC driver tells them, which the Data API shows."""
_SCALES: Final = {"float4": 8, "float8": 17, "time": 6, "timetz": 6, "timestamp": 6, "timestamptz": 6}
_SIGNED: Final = frozenset({*(_LONG - {"oid"}), *_DOUBLE, "numeric"})
_CASED: Final = frozenset({"bpchar", "varchar", "text", "name", "char", "unknown", "super"})


def json_rows(lines: bytes, columns: Sequence[Column]) -> RawJson:
    """Return the rows of *lines* of CSV as a JSON list of lists of fields."""
    if not lines or not columns:
        return RawJson(b"[]")
    fields = [_fields(array, column.type) for array, column in zip(texts(lines, len(columns)), columns, strict=True)]
    rows = pc.binary_join_element_wise(*fields, ",") if len(fields) > 1 else fields[0]
    rows = pc.binary_join_element_wise("[", rows, "]", "")
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows), ",")
    return RawJson(b"[" + joined[0].as_buffer().to_pybytes() + b"]")


def _fields(values: pa.Array, type_: ColumnType) -> pa.Array:
    name = type_.type.name
    if name == "bool":
        written = _wrapped("booleanValue", pc.if_else(pc.equal(values, "t"), "true", "false"))
    elif name in _LONG:
        written = _wrapped("longValue", values)
    elif name in _DOUBLE:
        strange = pc.match_substring_regex(values, _NO_NUMBERS)
        written = pc.if_else(strange, _wrapped("stringValue", _quoted(values)), _wrapped("doubleValue", values))
    else:
        written = _wrapped("stringValue", _quoted(values))
    return pc.fill_null(written, _NULL)


def _wrapped(kind: str, values: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(f'{{"{kind}":', values, "}", "")


def _quoted(texts: pa.Array) -> pa.Array:
    texts = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    if pc.any(pc.match_substring_regex(texts, _CONTROLS)).as_py():
        for number in range(32):
            sign = chr(number)
            texts = pc.replace_substring(texts, sign, _ESCAPES.get(sign, f"\\u{number:04x}"))
    return pc.binary_join_element_wise('"', texts, '"', "")


def column_metadata(columns: Sequence[Column], state: CatalogState) -> list[dict[str, Any]]:
    """Return ColumnMetadata of a result's columns."""
    return [_metadata(column, state) for column in columns]


def _metadata(column: Column, state: CatalogState) -> dict[str, Any]:
    relation = state.objects.get(column.table_oid)
    own: TableColumn | None = None
    schema = ""
    if isinstance(relation, Relation):
        own = next((each for each in relation.columns if each.number == column.attribute), None)
        schema = getattr(state.objects.get(relation.schema), "name", "")
    return {
        **described(column.name, column.type),
        "label": column.name,
        "nullable": 0 if own is not None and own.not_null else 1,
        "schemaName": schema,
        "tableName": relation.name if isinstance(relation, Relation) else "",
    }


def described(name: str, type_: ColumnType) -> Mapping[str, Any]:
    """Return what ColumnMetadata says of a type."""
    plain = type_.type.name
    precision = _PRECISIONS.get(plain, 0)
    if plain == "numeric":
        precision = type_.precision or 38
    elif plain in _CASED or plain == "varbyte":
        precision = type_.length or (64 if plain == "name" else 65_535)
    return {
        "isCaseSensitive": plain in _CASED,
        "isCurrency": False,
        "isSigned": plain in _SIGNED,
        "length": 0,
        "name": name,
        "precision": precision,
        "scale": type_.scale or 0 if plain == "numeric" else _SCALES.get(plain, 0),
        "typeName": plain,
    }
