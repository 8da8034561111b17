"""Random batches through the compiled encoder and through the plainest one in ``tests.support.rows``."""

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import types
from core.types import Column
from server.wire.encode import OutputStyle, RowEncoder
from tests.support import rows

_MOMENTS = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999_999))
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


def _decimals(precision: int, scale: int) -> st.SearchStrategy[Any]:
    limit = 10**precision - 1
    # Quantised through the text: the context's precision would round 38 digits.
    return st.integers(-limit, limit).map(lambda unscaled: _scaled(unscaled, scale))


def _scaled(unscaled: int, scale: int) -> Any:
    return Decimal((int(unscaled < 0), tuple(int(digit) for digit in str(abs(unscaled))), -scale))


KINDS: dict[str, tuple[types.ColumnType, pa.DataType, st.SearchStrategy[Any]]] = {
    "bool": (types.of("bool"), pa.bool_(), st.booleans()),
    "int2": (types.of("int2"), pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    "int4": (types.of("int4"), pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "int8": (types.of("int8"), pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "oid": (types.of("oid"), pa.uint32(), st.integers(0, 2**32 - 1)),
    "numeric_small": (types.numeric(12, 2), pa.decimal128(12, 2), _decimals(12, 2)),
    "numeric_four_bytes": (types.numeric(9, 4), pa.decimal32(9, 4), _decimals(9, 4)),
    "numeric_money": (types.numeric(18, 2), pa.decimal64(18, 2), _decimals(18, 2)),
    "numeric_eight_bytes": (types.numeric(17, 5), pa.decimal64(17, 5), _decimals(17, 5)),
    "numeric_whole_eight_bytes": (types.numeric(18, 0), pa.decimal64(18, 0), _decimals(18, 0)),
    "numeric_whole": (types.numeric(18, 0), pa.decimal128(18, 0), _decimals(18, 0)),
    "numeric_wide": (types.numeric(38, 37), pa.decimal128(38, 37), _decimals(38, 37)),
    "numeric_odd": (types.numeric(38, 5), pa.decimal128(38, 5), _decimals(38, 5)),
    "float4": (types.of("float4"), pa.float32(), st.floats(width=32)),
    "float8": (types.of("float8"), pa.float64(), st.floats()),
    "varchar": (types.with_length("varchar", 256), pa.string(), _TEXT),
    "large": (types.of("varchar"), pa.large_string(), _TEXT),
    "varbyte": (types.with_length("varbyte", 64), pa.binary(), st.binary(max_size=40)),
    "date": (types.of("date"), pa.date32(), st.dates()),
    "time": (types.of("time"), pa.time64("us"), st.times()),
    "timestamp": (types.of("timestamp"), pa.timestamp("us"), _MOMENTS),
    "timestamptz": (
        types.of("timestamptz"),
        pa.timestamp("us", "UTC"),
        _MOMENTS.map(lambda moment: moment.replace(tzinfo=dt.UTC)),
    ),
}


@st.composite
def _batches(draw: st.DrawFn) -> tuple[list[str], pa.RecordBatch, list[list[Any]]]:
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=6))
    count = draw(st.integers(0, 30))
    first = draw(st.integers(0, count))
    columns = [draw(st.lists(st.none() | KINDS[name][2], min_size=count, max_size=count)) for name in names]
    arrays = [pa.array(values, KINDS[name][1]) for name, values in zip(names, columns, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, names=[f"c{i}" for i in range(len(names))])
    length = draw(st.integers(0, count - first))
    return names, batch.slice(first, length), [values[first : first + length] for values in columns]


@pytest.mark.parametrize("code", [0, 1])
@settings(max_examples=150, deadline=None)
@given(made=_batches())
def test_as_the_plain_encoder(code: int, made: tuple[list[str], pa.RecordBatch, list[list[Any]]]) -> None:
    names, batch, columns = made
    described = tuple(Column(f"c{i}", KINDS[name][0]) for i, name in enumerate(names))
    write = rows.binary_value if code else rows.text_value
    expected = rows.build(
        [
            [write(value, KINDS[name][0].type.name) for name, value in zip(names, row, strict=True)]
            for row in zip(*columns, strict=True)
        ]
    )
    assert bytes(RowEncoder(described, (code,), OutputStyle()).encode(batch)) == expected


@pytest.mark.parametrize("width", [4, 8])
@settings(max_examples=400, deadline=None)
@given(digits=st.integers(1, 17), value=st.floats(), near=st.integers(-(10**17), 10**17), power=st.integers(0, 20))
def test_floats_are_printfs(width: int, digits: int, value: float, near: int, power: int) -> None:
    # Halves and short decimals are where a quick way of printing goes wrong.
    kind, arrow, base = ("float4", pa.float32(), 6) if width == 4 else ("float8", pa.float64(), 15)
    values = [value, near / 10.0**power, near + 0.5]
    if width == 4:
        values = pa.array(values, pa.float64()).cast(pa.float32()).to_pylist()
    digits = min(digits, base + 3)
    encoder = RowEncoder((Column("f", types.of(kind)),), (0,), OutputStyle("UTC", digits - base))
    batch = pa.RecordBatch.from_arrays([pa.array(values, arrow)], names=["f"])
    found = [row[0] for row in rows.parse(encoder.encode(batch))]
    shown = min(digits, 17 if width == 8 else 9)
    assert found == [rows.float_text(item, shown) for item in values]
