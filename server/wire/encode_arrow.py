"""How the columns of an Arrow batch are written: a plan a column, casts where the engine's type is not the contract's.

The contract is ``core.types``: the Arrow type in a type's row. ``encode_native`` carries the plans out; what
it has no form for (arrays, TIMETZ in binary) is turned into bytes here, a value at a time: such columns are
small and rare.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column, ColumnType
from server.wire import binary
from server.wire.encode_native import Kind, Plan
from server.wire.encode_zones import abbreviations, constant_offset_us, offsets_us

Convert = Callable[[pa.Array], pa.Array]

_ARROW: Final = {
    "bool": pa.bool_(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "date32": pa.date32(),
    "time64[us]": pa.time64("us"),
    "timestamp[us]": pa.timestamp("us"),
    "timestamp[us, UTC]": pa.timestamp("us", "UTC"),
    "month_day_nano_interval": pa.month_day_nano_interval(),
    "uint32": pa.uint32(),
}

_KINDS: Final = {
    "bool": (Kind.BOOL_TEXT, Kind.BOOL_BINARY),
    "int16": (Kind.INT16_TEXT, Kind.BITS16),
    "int32": (Kind.INT32_TEXT, Kind.BITS32),
    "int64": (Kind.INT64_TEXT, Kind.BITS64),
    "uint32": (Kind.UINT32_TEXT, Kind.BITS32),
    "float32": (Kind.FLOAT4_TEXT, Kind.BITS32),
    "float64": (Kind.FLOAT8_TEXT, Kind.BITS64),
    "string": (Kind.BYTES, Kind.BYTES),
    "binary": (Kind.BYTES_HEX, Kind.BYTES),
    "date32": (Kind.DATE_TEXT, Kind.DATE_BINARY),
    "time64[us]": (Kind.TIME_TEXT, Kind.BITS64),
    "timestamp[us]": (Kind.TIMESTAMP_TEXT, Kind.TIMESTAMP_BINARY),
    "timestamp[us, UTC]": (Kind.TIMESTAMPTZ_TEXT, Kind.TIMESTAMP_BINARY),
    "month_day_nano_interval": (Kind.INTERVAL_TEXT, Kind.INTERVAL_BINARY),
}
"""Arrow type of the contract → kinds of text and binary."""
_OWN_KINDS: Final = {
    "intervaly2m": (Kind.YEAR_MONTH_TEXT, Kind.YEAR_MONTH_BINARY),
    "intervald2s": (Kind.DAY_SECOND_TEXT, Kind.DAY_SECOND_BINARY),
}
"""Type name → kinds, where two types share an Arrow type."""
_LARGE: Final = {
    Kind.BYTES: Kind.LARGE_BYTES,
    Kind.BYTES_HEX: Kind.LARGE_BYTES_HEX,
    Kind.PADDED_BYTES: Kind.LARGE_PADDED_BYTES,
}
_DECIMAL_WIDTHS: Final = frozenset({4, 8, 16})
"""Bytes of a decimal's value that C reads as they are."""
_SHORT: Final = {Kind.DECIMAL_TEXT: Kind.SHORT_DECIMAL_TEXT, Kind.DECIMAL_BINARY: Kind.SHORT_DECIMAL_BINARY}
_RAW_NUMERIC_LEVEL: Final = 2
"""From this client_protocol_version on binary NUMERIC is Redshift's own."""
_RAW8_PRECISION: Final = 19
"""Redshift stores up to this precision in 8 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to become of one column."""

    column: Column
    binary: bool
    zone: str
    zone_names: bool
    """Whether DateStyle shows the zone's abbreviation instead of its offset."""
    level: int = 0
    force_quote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    kind: Kind
    scale: int = 0
    width: int = 16
    convert: Convert | None = None


class Arrangement:
    """The plans for batches of one schema."""

    def __init__(self, schema: pa.Schema, wishes: Sequence[Wish]) -> None:
        if len(schema) != len(wishes):
            raise SqlError(SqlState.INTERNAL_ERROR, "the result has another number of columns than was described")
        self._ways = [_way(wish, field.type) for field, wish in zip(schema, wishes, strict=True)]
        self._zones: list[tuple[int, Wish]] = []
        self.plans: list[Plan] = []
        children = len(wishes)
        for index, (way, wish) in enumerate(zip(self._ways, wishes, strict=True)):
            offsets = zones = -1
            shift = 0
            if way.kind is Kind.TIMESTAMPTZ_TEXT:
                constant = constant_offset_us(wish.zone)
                shift = constant or 0
                if constant is None:
                    offsets, children = children, children + 1
                if wish.zone_names:
                    zones, children = children, children + 1
                if offsets >= 0 or zones >= 0:
                    self._zones.append((index, wish))
            self.plans.append(
                Plan(
                    kind=way.kind,
                    scale=way.scale,
                    width=way.width,
                    offsets=offsets,
                    zones=zones,
                    shift_us=shift,
                    force_quote=wish.force_quote,
                )
            )
        self._as_is = not self._zones and all(way.convert is None for way in self._ways)

    def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch as the plans expect it: cast, zone columns behind."""
        if self._as_is:
            return batch
        arrays = [
            array if way.convert is None else way.convert(array)
            for way, array in zip(self._ways, batch.columns, strict=True)
        ]
        for index, wish in self._zones:
            instants = arrays[index].view(pa.int64())
            if self.plans[index].offsets >= 0:
                arrays.append(offsets_us(instants, wish.zone))
            if self.plans[index].zones >= 0:
                names = abbreviations(instants, wish.zone)
                # A zone without a name is shown as its offset, as PostgreSQL does for one set as a number.
                arrays.append(names if names is not None else _offset_names(self.plans[index].shift_us, len(batch)))
        return pa.RecordBatch.from_arrays(arrays, names=[""] * len(arrays))


def _offset_names(shift_us: int, rows: int) -> pa.Array:
    minutes, seconds = divmod(abs(shift_us) // 1_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    name = f"{'-' if shift_us < 0 else '+'}{hours:02d}"
    if minutes or seconds:
        name += f":{minutes:02d}"
    if seconds:
        name += f":{seconds:02d}"
    return pa.repeat(pa.scalar(name), rows)


def _way(wish: Wish, arrow: pa.DataType) -> _Way:
    if pa.types.is_null(arrow):
        return _Way(kind=Kind.ALWAYS_NULL)
    plain, decode = _decoded(arrow)
    way = _text_family(wish, plain) if wish.column.type.type.arrow == "string" else _typed(wish, plain)
    if decode is None:
        return way
    return replace(way, convert=_then(decode, way.convert))


def _decoded(arrow: pa.DataType) -> tuple[pa.DataType, Convert | None]:
    """Return *arrow* without its dictionary or view encoding, and the conversion to it."""
    if pa.types.is_dictionary(arrow):
        inner, more = _decoded(arrow.value_type)
        return inner, _then(lambda array: array.dictionary_decode(), more)
    if pa.types.is_string_view(arrow):
        return pa.string(), partial(_cast, to=pa.string())
    if pa.types.is_binary_view(arrow) or pa.types.is_fixed_size_binary(arrow):
        return pa.binary(), partial(_cast, to=pa.binary())
    return arrow, None


def _then(first: Convert, second: Convert | None) -> Convert:
    return first if second is None else lambda array: second(first(array))


def _is_text(arrow: pa.DataType) -> bool:
    return bool(pa.types.is_string(arrow) or pa.types.is_large_string(arrow))


def _text_family(wish: Wish, arrow: pa.DataType) -> _Way:
    if not _is_text(arrow):
        return _foreign_text(wish, arrow)
    send = binary.SENDERS.get(wish.column.type.type.name) if wish.binary else None
    if send is not None:
        return _Way(kind=Kind.BYTES, convert=partial(_each, function=send))
    kind_of = wish.column.type
    if kind_of.type.name == "bpchar" and kind_of.length is not None:
        # CHAR is stored without its trailing blanks, and they are put back here: the cheapest place by far.
        return _Way(kind=_bytes_kind(Kind.PADDED_BYTES, arrow), width=kind_of.length)
    return _Way(kind=_bytes_kind(Kind.BYTES, arrow))


def _foreign_text(wish: Wish, arrow: pa.DataType) -> _Way:
    """Plan what is described as text and is not: it is written in its own text form, in both formats."""
    for name, known in _ARROW.items():
        if known == arrow:
            return _Way(kind=_KINDS[name][0])
    if pa.types.is_timestamp(arrow) and arrow.tz is not None:
        return _Way(kind=Kind.TIMESTAMPTZ_TEXT, convert=partial(_cast, to=pa.timestamp("us", "UTC")))
    if pa.types.is_decimal(arrow):
        return _decimal(Kind.DECIMAL_TEXT, arrow, arrow.scale, None)
    if pa.types.is_large_binary(arrow):
        return _Way(kind=Kind.LARGE_BYTES_HEX)
    if pa.types.is_nested(arrow):
        send = binary.SENDERS.get(wish.column.type.type.name) if wish.binary else None
        shown: Convert = partial(_each, function=binary.nested_text)
        return _Way(kind=Kind.BYTES, convert=_then(shown, None if send is None else partial(_each, function=send)))
    return _Way(kind=Kind.BYTES, convert=partial(_cast, to=pa.string()))


def _typed(wish: Wish, arrow: pa.DataType) -> _Way:
    kind_of = wish.column.type
    if _is_text(arrow) and not wish.binary:
        return _Way(kind=_bytes_kind(Kind.BYTES, arrow))
    if kind_of.type.name == "numeric":
        return _numeric(wish, arrow)
    contract = _ARROW[kind_of.type.arrow]
    kinds = _OWN_KINDS.get(kind_of.type.name) or _KINDS[kind_of.type.arrow]
    kind = kinds[1] if wish.binary else kinds[0]
    if pa.types.is_large_binary(arrow) and contract == pa.binary():
        return _Way(kind=_LARGE[kind])
    same_instant = pa.types.is_timestamp(arrow) and arrow.unit == "us" and arrow.tz is not None
    if arrow == contract or (same_instant and kind_of.type.name == "timestamptz"):
        return _Way(kind=kind)
    return _Way(kind=kind, convert=partial(_cast, to=contract, described=kind_of))


def _numeric(wish: Wish, arrow: pa.DataType) -> _Way:
    described = wish.column.type
    scale = described.scale
    if scale is None:
        scale = arrow.scale if pa.types.is_decimal(arrow) else 0
    kind = Kind.DECIMAL_BINARY if wish.binary else Kind.DECIMAL_TEXT
    if wish.binary and wish.level >= _RAW_NUMERIC_LEVEL:
        short = described.precision is not None and described.precision <= _RAW8_PRECISION
        kind = Kind.DECIMAL_RAW8 if short else Kind.DECIMAL_RAW16
    return _decimal(kind, arrow, scale, described)


def _decimal(kind: Kind, arrow: pa.DataType, scale: int, described: ColumnType | None) -> _Way:
    if pa.types.is_decimal(arrow) and arrow.scale == scale and arrow.byte_width in _DECIMAL_WIDTHS:
        short = pa.types.is_decimal64(arrow)
        return _Way(kind=_SHORT.get(kind, kind) if short else kind, scale=scale, width=arrow.byte_width)
    return _Way(kind=kind, scale=scale, convert=partial(_cast, to=pa.decimal128(38, scale), described=described))


def _bytes_kind(kind: Kind, arrow: pa.DataType) -> Kind:
    return _LARGE[kind] if pa.types.is_large_string(arrow) or pa.types.is_large_binary(arrow) else kind


def _cast(array: pa.Array, *, to: pa.DataType, described: ColumnType | None = None) -> pa.Array:
    # Nanoseconds are cut to what the protocol carries; anything else that is lost is an error.
    cut = pa.types.is_timestamp(to) or pa.types.is_time(to)
    options = pc.CastOptions(target_type=to, allow_time_truncate=cut)
    try:
        return pc.cast(array, options=options)
    except pa.ArrowInvalid:
        shown = to if described is None else described
        raise SqlError(SqlState.NUMERIC_VALUE_OUT_OF_RANGE, f"value out of range for type {shown}") from None
    except pa.ArrowNotImplementedError:
        shown = to if described is None else described
        raise SqlError(SqlState.CANNOT_COERCE, f"the result cannot be shown as type {shown}") from None


def _each(array: pa.Array, *, function: Callable[..., bytes]) -> pa.Array:
    return pa.array([None if value is None else function(value) for value in array.to_pylist()], pa.binary())
