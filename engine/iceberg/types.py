"""Iceberg's types: what they are in SQL, in Arrow and as single values in metadata.

Apache Iceberg, "Iceberg Table Spec": "Schemas and Data Types", "Appendix D: Single-value serialization".
Redshift, "Supported data types with Apache Iceberg tables".
"""

import datetime
import decimal
import math
import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import pyarrow as pa

from core.errors import SqlError, not_supported
from core.names import literal
from core.sqlstate import SqlState
from core.types import ColumnType

_HIVE: Final = {
    "boolean": "boolean", "int": "int", "long": "bigint", "float": "float", "double": "double", "date": "date",
    "timestamp": "timestamp", "timestamptz": "timestamptz", "string": "string", "binary": "binary",
    "uuid": "varchar(36)", "time": "varchar(15)", "timestamp_ns": "timestamp", "timestamptz_ns": "timestamptz",
}  # fmt: skip
_OF_SQL: Final = {
    "int2": "int", "int4": "int", "int8": "long", "float4": "float", "float8": "double", "bool": "boolean",
    "date": "date", "timestamp": "timestamp", "timestamptz": "timestamptz", "varchar": "string", "bpchar": "string",
    "text": "string", "varbyte": "binary",
}  # fmt: skip
_ARROW: Final[Mapping[str, pa.DataType]] = {
    "boolean": pa.bool_(), "int": pa.int32(), "long": pa.int64(), "float": pa.float32(), "double": pa.float64(),
    "date": pa.date32(), "timestamp": pa.timestamp("us"), "timestamptz": pa.timestamp("us", "UTC"),
    "string": pa.string(), "binary": pa.binary(),
}  # fmt: skip
_DECIMAL: Final = re.compile(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)")
_EPOCH: Final = datetime.date(1970, 1, 1)
_MOMENT: Final = datetime.datetime(1970, 1, 1)  # noqa: DTZ001 (Iceberg's timestamps have no zone)
_MICROSECOND: Final = datetime.timedelta(microseconds=1)
_PREFIX: Final = 16
"""Characters or bytes of a bound; what is longer is cut."""


def hive(kind: Any) -> str:
    """Return an Iceberg type as Hive writes it."""
    if isinstance(kind, str):
        if kind.startswith("decimal"):
            return kind.replace(" ", "")
        if kind.startswith("fixed"):
            return "binary"
        if kind not in _HIVE:
            raise not_supported(f"the Iceberg type {kind}")
        return _HIVE[kind]
    match kind["type"]:
        case "struct":
            inner = [f"{item['name']}:{hive(item['type'])}" for item in kind["fields"]]
            return f"struct<{','.join(inner)}>"
        case "list":
            return f"array<{hive(kind['element'])}>"
        case _:
            return f"map<{hive(kind['key'])},{hive(kind['value'])}>"


def of_sql(name: str, kind: ColumnType) -> str:
    """Return the Iceberg type for a column's type; raises 0A000 where there is none."""
    if kind.type.name == "numeric":
        return f"decimal({kind.precision}, {kind.scale})"
    if kind.type.name not in _OF_SQL:
        raise not_supported(f'column "{name}" of type "{kind}" in an Iceberg table')
    return _OF_SQL[kind.type.name]


def decimal_of(kind: str) -> tuple[int, int] | None:
    """Return precision and scale of a decimal type."""
    match = _DECIMAL.fullmatch(kind)
    return (int(match[1]), int(match[2])) if match else None


def arrow(name: str, kind: Any) -> pa.DataType:
    """Return the type of a Parquet file's column; raises 0A000 for what cannot be written."""
    if isinstance(kind, str):
        size = decimal_of(kind)
        if size is not None:
            return pa.decimal128(*size)
        if kind in _ARROW:
            return _ARROW[kind]
    raise not_supported(f'writing the column "{name}" of this type of an Iceberg table')


def micros(value: datetime.datetime) -> int:
    """Return the microseconds since 1970."""
    return (value.replace(tzinfo=None) - _MOMENT) // _MICROSECOND


def days(value: datetime.date) -> int:
    """Return the days since 1970."""
    return (value - _EPOCH).days


def stored(kind: str, value: Any) -> Any:
    """Return a value as Avro and single values have it: a number for dates and moments, unscaled decimals."""
    if isinstance(value, datetime.datetime):
        return micros(value)
    if isinstance(value, datetime.date):
        return days(value)
    if isinstance(value, decimal.Decimal):
        size = decimal_of(kind)
        return int(value.scaleb(size[1] if size else 0))
    return value


def least_bytes(value: int, size: int | None = None) -> bytes:
    """Return a number's two's complement, the highest byte first, in *size* or as few bytes as hold it."""
    length = size or (value if value >= 0 else ~value).bit_length() // 8 + 1
    return value.to_bytes(length, "big", signed=True)


def decimal_bytes(precision: int) -> int:
    """Return how many bytes a decimal of a precision has where their number is fixed."""
    return int(10**precision - 1).bit_length() // 8 + 1


_PACKED: Final = {
    "int": "<i", "long": "<q", "float": "<f", "double": "<d", "date": "<i", "timestamp": "<q", "timestamptz": "<q",
    "timestamp_ns": "<q", "timestamptz_ns": "<q",
}  # fmt: skip


def bound(kind: str, value: Any, *, upper: bool) -> bytes | None:
    """Return a column's least or greatest value as metadata has it; None where there is none to be had."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if kind == "string":
        return _cut_text(value, upper=upper)
    if kind == "binary":
        return value if len(value) <= _PREFIX else None if upper else value[:_PREFIX]
    if kind == "boolean":
        return b"\x01" if value else b"\x00"
    plain = stored(kind, value)
    return struct.pack(_PACKED[kind], plain) if kind in _PACKED else least_bytes(plain)


def _cut_text(value: str, *, upper: bool) -> bytes | None:
    if len(value) <= _PREFIX:
        return value.encode()
    head = value[:_PREFIX]
    if not upper:
        return head.encode()
    # One more than the head: its last character that can be one greater is, and what follows goes.
    while head:
        after = ord(head[-1]) + 1
        if after <= 0x10FFFF:
            return (head[:-1] + chr(0xE000 if 0xD800 <= after <= 0xDFFF else after)).encode()
        head = head[:-1]
    return None


def constant(kind: Any, value: bytes) -> str | None:
    """Return a bound as engine SQL, None for a type that is not compared."""
    read = _CONSTANTS.get(kind) if isinstance(kind, str) else None
    size = decimal_of(kind) if isinstance(kind, str) else None
    try:
        if size is not None:
            unscaled = decimal.Decimal(int.from_bytes(value, "big", signed=True)).scaleb(-size[1])
            return f"CAST('{unscaled:f}' AS DECIMAL({size[0]}, {size[1]}))"
        return read(value) if read is not None else None
    except (struct.error, ValueError, OverflowError):
        return None


def _number(kind: str) -> Callable[[bytes], str]:
    # What was an int may be a long since.
    return lambda value: f"CAST({struct.unpack('<i' if len(value) == 4 else '<q', value)[0]} AS {kind})"


_CONSTANTS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "int": _number("INTEGER"),
    "long": _number("BIGINT"),
    "date": lambda value: f"CAST('{_EPOCH + datetime.timedelta(struct.unpack('<i', value)[0])}' AS DATE)",
    "timestamp": lambda value: f"make_timestamp({struct.unpack('<q', value)[0]})",
    "string": lambda value: literal(value.decode()),
}


def unreadable(what: str) -> SqlError:
    """Return the error for metadata that is damaged."""
    return SqlError(SqlState.INTERNAL_ERROR, f"the Iceberg metadata '{what}' cannot be read")
