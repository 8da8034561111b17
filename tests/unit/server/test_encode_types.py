"""What the engine may deliver beside the contract's Arrow types, pieces, and the messages around rows."""

import struct
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import Column, ColumnType, Origin
from server.wire.encode import CopyForm, CopyTextEncoder, OutputStyle, RowEncoder, row_description
from server.wire.encode_native import PIECE_BYTES
from tests.support import rows

_DEFAULT = OutputStyle()


def encode(
    kind: ColumnType, array: pa.Array, code: int = 0, style: OutputStyle = _DEFAULT, level: int = 0
) -> list[Any]:
    batch = pa.RecordBatch.from_arrays([array], names=["x"])
    return [row[0] for row in rows.parse(RowEncoder((Column("x", kind),), (code,), style, level).encode(batch))]


NEIGHBOURS: list[tuple[ColumnType, pa.Array, int, list[bytes | None]]] = [
    (types.of("int8"), pa.array([1, None], pa.int32()), 0, [b"1", None]),
    (types.of("int8"), pa.array([1], pa.int32()), 1, [struct.pack(">q", 1)]),
    (types.of("int8"), pa.array([Decimal(-7)], pa.decimal128(38, 0)), 1, [struct.pack(">q", -7)]),
    (types.of("int2"), pa.array([7], pa.uint8()), 0, [b"7"]),
    (types.of("oid"), pa.array([23], pa.int64()), 1, [struct.pack(">I", 23)]),
    (types.of("int4"), pa.array(["12", None]), 0, [b"12", None]),
    (types.of("int4"), pa.array(["12", None]), 1, [struct.pack(">i", 12), None]),
    (types.of("int4"), pa.nulls(2), 1, [None, None]),
    (types.numeric(10, 2), pa.array([3], pa.int32()), 0, [b"3.00"]),
    (types.numeric(10, 2), pa.array([Decimal("1.5")], pa.decimal128(4, 1)), 0, [b"1.50"]),
    (types.of("numeric"), pa.array([Decimal("1.5")], pa.decimal128(4, 1)), 0, [b"1.5"]),
    (types.of("float8"), pa.array([0.5], pa.float32()), 1, [struct.pack(">d", 0.5)]),
    (types.of("varchar"), pa.array(["a", "b", "a"]).dictionary_encode(), 0, [b"a", b"b", b"a"]),
    (types.of("varchar"), pa.array(["a", None], pa.large_string()), 1, [b"a", None]),
    (types.of("varchar"), pa.array(["view"], pa.string_view()), 0, [b"view"]),
    (types.of("varchar"), pa.array([1.5]), 0, [b"1.5"]),
    (types.of("varchar"), pa.array([7], pa.uint64()), 1, [b"7"]),
    (types.of("varchar"), pa.array([Decimal("1.50")], pa.decimal128(4, 2)), 0, [b"1.50"]),
    (types.with_length("bpchar", 3), pa.array(["", "a", "ab", "abc", None]), 0, [b"   ", b"a  ", b"ab ", b"abc", None]),
    (types.with_length("bpchar", 3), pa.array(["é", "abcd"]), 1, ["é  ".encode(), b"abcd"]),
    (types.with_length("bpchar", 40), pa.array(["x" * 20], pa.large_string()), 0, [b"x" * 20 + b" " * 20]),
    (types.of("bpchar"), pa.array(["a"]), 0, [b"a"]),
    (types.with_length("bpchar", 3), pa.array([7]), 0, [b"7"]),
    (types.of("_text"), pa.array([["a", None, "b c"]]), 0, [b'{a,NULL,"b c"}']),
    (types.of("varbyte"), pa.array([b"\x00\xff"], pa.large_binary()), 0, [b"00ff"]),
    (types.of("varbyte"), pa.array([b"\x00\xff"]), 1, [b"\x00\xff"]),
    (
        types.of("timestamp"),
        pa.array([1_500_000_000_123_456_789], pa.timestamp("ns")),
        0,
        [b"2017-07-14 02:40:00.123456"],
    ),
    (types.of("timestamp"), pa.array([0], pa.timestamp("s")), 0, [b"1970-01-01 00:00:00"]),
    (types.of("intervaly2m"), pa.array([pa.MonthDayNano([14, 0, 0])]), 0, [b"1 years 2 mons"]),
    (types.of("intervaly2m"), pa.array([pa.MonthDayNano([14, 0, 0])]), 1, [struct.pack(">i", 14)]),
    (types.of("intervald2s"), pa.array([pa.MonthDayNano([0, 1, 93_784_567_800_000])]), 0, [b"2 days 02:03:04.5678"]),
    (types.of("intervald2s"), pa.array([pa.MonthDayNano([0, 1, 1_000])]), 1, [struct.pack(">q", 86_400_000_001)]),
    (types.of("super"), pa.array(['{"a":[1,2]}']), 1, [b'{"a":[1,2]}']),
    (types.of("void"), pa.array([""]), 1, [b""]),
    (types.of("regproc"), pa.array(["boolin", "1242"]), 0, [b"boolin", b"1242"]),
]


@pytest.mark.parametrize("case", NEIGHBOURS, ids=[f"{kind}-{array.type}-{code}" for kind, array, code, _ in NEIGHBOURS])
def test_neighbouring_arrow_types(case: tuple[ColumnType, pa.Array, int, list[bytes | None]]) -> None:
    kind, array, code, expected = case
    assert encode(kind, array, code) == expected


@pytest.mark.parametrize(
    ("extra", "kind", "value", "shown"),
    [
        (0, "float8", 0.1, b"0.1"),
        (2, "float8", 0.1, b"0.10000000000000001"),
        (1, "float8", 1 / 3, b"0.3333333333333333"),
        (3, "float4", 0.10000000149011612, b"0.100000001"),
        (0, "float4", 1e7, b"1e+07"),
        (-20, "float8", 123.0, b"1e+02"),
    ],
)
def test_extra_float_digits_add_to_the_standard_number(extra: int, kind: str, value: float, shown: bytes) -> None:
    arrow = pa.float32() if kind == "float4" else pa.float64()
    assert encode(types.of(kind), pa.array([value], arrow), 0, OutputStyle("UTC", extra)) == [shown]


def test_a_zone_given_as_an_offset() -> None:
    noon = pa.array([43_200_000_000], pa.timestamp("us", "UTC"))
    assert encode(types.of("timestamptz"), noon, 0, OutputStyle("+05:30")) == [b"1970-01-01 17:30:00+05:30"]
    assert encode(types.of("timestamptz"), noon, 0, OutputStyle("-08", 0, "SQL, DMY")) == [b"01/01/1970 04:00:00 -08"]


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(SqlError) as caught:
        encode(types.of("timestamptz"), pa.array([0], pa.timestamp("us", "UTC")), 0, OutputStyle("Mars/Olympus"))
    assert caught.value.state is SqlState.INVALID_PARAMETER_VALUE


_MONEY = ["0.00", "0.01", "-0.10", "1.00", "99.99", "9999.00", "10000.00", "-10000.05", "123450000.00", "99999999.99",
          "100000000.00", "9999999999999999.99", "-9999999999999999.99"]  # fmt: skip


def test_money_of_every_size() -> None:
    values = [Decimal(text) for text in _MONEY]
    for arrow in (pa.decimal64(18, 2), pa.decimal128(18, 2)):
        assert encode(types.numeric(18, 2), pa.array(values, arrow)) == [text.encode() for text in _MONEY]
        assert encode(types.numeric(18, 2), pa.array(values, arrow), 1) == [rows.numeric(value) for value in values]


def test_whole_numbers_of_every_size() -> None:
    values = [sign * number for power in range(19) for number in (10**power, 10**power - 1) for sign in (1, -1)]
    values += [2**63 - 1, -(2**63)]
    assert encode(types.of("int8"), pa.array(values)) == [str(value).encode() for value in values]


def test_dates_around_the_ends_of_the_written_century() -> None:
    shown = ["1969-12-31", "1970-01-01", "2069-12-31", "2070-01-01", "2000-02-29", "9999-12-31"]
    days = pa.array(shown).cast(pa.date32())
    assert encode(types.of("date"), days) == [text.encode() for text in shown]
    stamps = days.cast(pa.timestamp("us"))
    assert encode(types.of("timestamp"), stamps) == [f"{text} 00:00:00".encode() for text in shown]
    assert encode(types.of("date"), days, 0, OutputStyle(datestyle="SQL, DMY"))[1] == b"01/01/1970"


def test_padded_rows_fill_pieces_to_the_end() -> None:
    kind = types.with_length("bpchar", 4096)
    batch = pa.RecordBatch.from_arrays([pa.array(["a" * (n % 50) for n in range(600)])], names=["x"])
    found = list(RowEncoder((Column("x", kind),), (0,), _DEFAULT).pieces(batch))
    assert len(found) > 1
    assert [row[0] for piece in found for row in rows.parse(piece)] == [
        b"a" * (n % 50) + b" " * (4096 - n % 50) for n in range(600)
    ]


@pytest.mark.parametrize(
    ("kind", "raw"),
    [(types.numeric(18, 2), struct.pack(">q", -150)), (types.numeric(38, 2), (-150).to_bytes(16, "big", signed=True))],
)
def test_numeric_of_redshifts_own_drivers(kind: ColumnType, raw: bytes) -> None:
    array = pa.array([Decimal("-1.50")], pa.decimal128(kind.precision, 2))
    assert encode(kind, array, 1, level=2) == [raw]
    assert encode(kind, array, 1, level=1) == [rows.numeric(Decimal("-1.50"))]


def test_a_value_that_the_type_cannot_hold() -> None:
    with pytest.raises(SqlError) as caught:
        encode(types.of("int2"), pa.array([70_000]), 1)
    assert caught.value.state is SqlState.NUMERIC_VALUE_OUT_OF_RANGE


def test_no_rows_and_no_columns() -> None:
    assert bytes(RowEncoder((), (), OutputStyle()).encode(pa.RecordBatch.from_arrays([], names=[]))) == b""
    assert encode(types.of("int4"), pa.array([], pa.int32())) == []


def test_pieces_hold_whole_rows_and_stay_short() -> None:
    texts = ["x" * (i % 3000) for i in range(3000)]
    batch = pa.RecordBatch.from_arrays([pa.array(texts)], names=["x"])
    encoder = RowEncoder((Column("x", types.of("varchar")),), (), OutputStyle())
    pieces = list(encoder.pieces(batch))
    assert len(pieces) > 3
    assert all(len(piece) <= PIECE_BYTES + 4096 for piece in pieces)
    assert [row[0] for piece in pieces for row in rows.parse(piece)] == [text.encode() for text in texts]


def test_a_row_longer_than_a_piece() -> None:
    texts = ["a", "b" * (5 * PIECE_BYTES), "c"]
    assert encode(types.of("varchar"), pa.array(texts)) == [text.encode() for text in texts]
    columns = (Column("x", types.of("varchar")),)
    batch = pa.RecordBatch.from_arrays([pa.array(["\t" * (2 * PIECE_BYTES)])], names=["x"])
    assert bytes(CopyTextEncoder(columns, OutputStyle()).encode(batch)) == b"\\t" * (2 * PIECE_BYTES) + b"\n"


def test_a_batch_of_another_schema_is_planned_again() -> None:
    encoder = RowEncoder((Column("x", types.of("int8")),), (), OutputStyle())
    for arrow in (pa.int64(), pa.int32(), pa.string()):
        batch = pa.RecordBatch.from_arrays([pa.array([5]).cast(arrow)], names=["x"])
        assert rows.parse(encoder.encode(batch)) == [[b"5"]]


def test_many_columns() -> None:
    columns = tuple(Column(f"c{i}", types.of("int4")) for i in range(1600))
    batch = pa.RecordBatch.from_arrays(
        [pa.array([i], pa.int32()) for i in range(1600)], names=[c.name for c in columns]
    )
    assert rows.parse(RowEncoder(columns, (), OutputStyle()).encode(batch)) == [[str(i).encode() for i in range(1600)]]


def test_row_description_of_later_protocol_levels() -> None:
    # redshift_connector, core.py, handle_ROW_DESCRIPTION: four strings and an int16 behind each field.
    column = Column("a", types.with_length("varchar", 10), 16_384, 2)
    field = b"a\0" + struct.pack(">IhIhih", 16_384, 2, 1043, -1, 14, 0)
    assert row_description((column,), ()) == b"T" + struct.pack(">ih", 4 + 2 + len(field), 1) + field

    def told(level: int, origin: Origin | None) -> bytes:
        message = row_description((column,), (), level, (origin,))
        assert message.startswith(b"T" + struct.pack(">ih", len(message) - 1, 1) + field)
        return message[1 + 4 + 2 + len(field) :]

    # An expression is read-only (bit 8) and searchable (bit 12).
    assert told(1, None) == b"\0\0a\0\0" + struct.pack(">h", 0x1100)
    origin = Origin(schema="s", table="t", column="c", catalog="d")
    assert told(1, origin) == b"s\0t\0c\0d\0" + struct.pack(">h", 0x1000)
    known = replace(origin, not_null=True, identity=True, case_sensitive=True)
    assert told(2, known) == b"s\0t\0c\0d\0" + struct.pack(">h", 0x1011)
    assert told(3, known) == b"s\0t\0c\0d\0" + struct.pack(">h", 0x1013)


def test_result_formats_that_do_not_fit() -> None:
    with pytest.raises(SqlError) as caught:
        row_description((Column("a", types.of("int4")),) * 3, (0, 1))
    assert caught.value.message == "bind message has 2 result formats but query has 3 columns"


def test_copy_delimiter_of_two_bytes() -> None:
    with pytest.raises(SqlError) as caught:
        CopyTextEncoder((), OutputStyle(), CopyForm(delimiter="é"))
    assert caught.value.message == "COPY delimiter must be a single one-byte character"


def test_every_type_has_a_form() -> None:
    for kind in types.TYPES:
        for code in (0, 1):
            assert encode(types.ColumnType(kind), pa.nulls(1), code) == [None]
