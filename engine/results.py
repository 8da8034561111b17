"""What the columns of a result are: the translator's knowledge laid over the engine's schema."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from core import types
from core.types import Column, ColumnType

_PLAIN: Final[dict[int, ColumnType]] = {
    pa.bool_().id: types.of("bool"),
    pa.int8().id: types.of("int2"),
    pa.uint8().id: types.of("int2"),
    pa.int16().id: types.of("int2"),
    pa.uint16().id: types.of("int4"),
    pa.int32().id: types.of("int4"),
    pa.uint32().id: types.of("oid"),
    pa.int64().id: types.of("int8"),
    pa.uint64().id: types.numeric(20, 0),
    pa.float32().id: types.of("float4"),
    pa.float64().id: types.of("float8"),
    pa.date32().id: types.of("date"),
    pa.binary().id: types.of("varbyte"),
    pa.large_binary().id: types.of("varbyte"),
    pa.binary_view().id: types.of("varbyte"),
    pa.string().id: types.of("varchar"),
    pa.month_day_nano_interval().id: types.of("interval"),
}
"""By the number of the type's kind: to hash an Arrow type takes longer than all the rest."""
_FAMILY: Final = {
    "int2": "i", "int4": "i", "int8": "i", "oid": "i", "numeric": "n", "float4": "f", "float8": "f",
    "bool": "b", "date": "d", "time": "t", "timestamp": "s", "timestamptz": "z", "varbyte": "y",
    "interval": "v", "intervaly2m": "v", "intervald2s": "v",
}  # fmt: skip


Hint = tuple[str, ColumnType | None, int, int]
"""What the translator knows of a column: name, type, table OID, attribute number."""


def column_type(arrow: pa.DataType) -> ColumnType:
    """Return the type that rows of the Arrow type *arrow* are described with."""
    plain = _PLAIN.get(arrow.id)
    if plain is not None:
        return plain
    if pa.types.is_decimal(arrow):
        return types.numeric(arrow.precision, arrow.scale)
    if pa.types.is_timestamp(arrow):
        return types.of("timestamptz" if arrow.tz else "timestamp")
    if pa.types.is_time(arrow):
        return types.of("time")
    # Text, and whatever else the engine may have: it travels as text.
    return types.of("varchar")


def columns(schema: pa.Schema, hints: Sequence[Hint]) -> tuple[Column, ...]:
    """Return the columns of *schema*.

    A hint's type counts where the engine's values can be shown as it; else the engine's own does.
    """
    result = []
    for index, arrow in enumerate(schema.types):
        name, wanted, table, attribute = hints[index] if index < len(hints) else (schema.names[index], None, 0, 0)
        own = column_type(arrow)
        fits = wanted is not None and _fits(own, wanted, arrow)
        result.append(Column(name, wanted if fits and wanted is not None else own, table, attribute))
    return tuple(result)


def without_views(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with views of bytes made plain, which pyarrow cannot filter yet."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_binary_view(field.type):
            batch = batch.set_column(index, field.name, batch.column(index).cast(pa.binary()))
    return batch


def _fits(own: ColumnType, wanted: ColumnType, arrow: pa.DataType) -> bool:
    mine, theirs = _FAMILY.get(own.type.name, "c"), _FAMILY.get(wanted.type.name, "c")
    if mine == theirs:
        return mine != "n" or own.scale == wanted.scale or wanted.modifier < 0
    if pa.types.is_null(arrow):
        return True
    if mine == "n" and theirs == "i":
        return own.scale == 0
    # TIMETZ arrives as text.
    return wanted.type.name == "timetz" and mine == "c"


def arrow_type(kind: ColumnType) -> pa.DataType:
    """Return the Arrow type that values of *kind* travel in (``SqlType.arrow``)."""
    name = kind.type.arrow
    if name == "decimal128":
        return pa.decimal128(kind.precision or 38, kind.scale or 0)
    return _NAMED[name]


_NAMED: Final[dict[str, pa.DataType]] = {
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint32": pa.uint32(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date32": pa.date32(),
    "time64[us]": pa.time64("us"),
    "timestamp[us]": pa.timestamp("us"),
    "timestamp[us, UTC]": pa.timestamp("us", "UTC"),
    "month_day_nano_interval": pa.month_day_nano_interval(),
}
