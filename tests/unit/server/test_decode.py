"""Parameters: PostgreSQL's text and binary forms in, values or its errors out."""

import struct
from decimal import Decimal

import pytest

from core import types
from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType
from server.wire.decode import decode_parameter
from session.answers import Value
from tests.support import rows

TEXTS: list[tuple[str, str, Value]] = [
    ("bool", "t", True),
    ("bool", " YES ", True),
    ("bool", "0", False),
    ("bool", "fal", False),
    ("int2", "-32768", -32768),
    ("int4", " +7 ", 7),
    ("int8", "9223372036854775807", 2**63 - 1),
    ("oid", "4294967295", 2**32 - 1),
    ("oid", "-1", 2**32 - 1),
    ("numeric", "1.50", "1.50"),
    ("numeric", " -1e5 ", "-1e5"),
    ("float8", "1e10", 1e10),
    ("float4", "-Infinity", float("-inf")),
    ("varchar", "äöü", "äöü"),
    ("unknown", "x", "x"),
    ("super", "[1]", "[1]"),
    ("date", "2024-02-29", "2024-02-29"),
    ("date", "20080215", "2008-02-15"),
    ("date", "0044-03-15 BC", "0044-03-15 (BC)"),
    ("date", "infinity", "infinity"),
    ("date", "January 8, 1999", "January 8, 1999"),
    ("timestamp", "2024-01-01 24:00:00", "2024-01-01 24:00:00"),
    ("timestamp", "0044-03-15 01:02:03 BC", "0044-03-15 (BC) 01:02:03"),
    ("timestamptz", "2024-01-01T00:00:00.5+05:30", "2024-01-01T00:00:00.5+05:30"),
    ("time", "04:05", "04:05"),
    ("interval", "1 day", "1 day"),
    ("varbyte", "\\x00ff", b"\x00\xff"),
    ("varbyte", "00FF", b"\x00\xff"),
    ("varbyte", "xyz", b"xyz"),
]


@pytest.mark.parametrize(("name", "text", "value"), TEXTS)
def test_text(name: str, text: str, value: Value) -> None:
    found = decode_parameter(types.of(name), 0, text.encode())
    assert (found, type(found)) == (value, type(value))


REFUSED: list[tuple[str, bytes, SqlState, str]] = [
    ("int4", b"x", SqlState.INVALID_TEXT_REPRESENTATION, 'invalid input syntax for integer: "x"'),
    ("int4", b"", SqlState.INVALID_TEXT_REPRESENTATION, 'invalid input syntax for integer: ""'),
    ("int4", "٣".encode(), SqlState.INVALID_TEXT_REPRESENTATION, 'invalid input syntax for integer: "٣"'),
    ("int4", b"1_0", SqlState.INVALID_TEXT_REPRESENTATION, 'invalid input syntax for integer: "1_0"'),
    ("int2", b"32768", SqlState.NUMERIC_VALUE_OUT_OF_RANGE, 'value "32768" is out of range for type smallint'),
    (
        "int8",
        b"9223372036854775808",
        SqlState.NUMERIC_VALUE_OUT_OF_RANGE,
        'value "9223372036854775808" is out of range for type bigint',
    ),
    ("bool", b"maybe", SqlState.INVALID_TEXT_REPRESENTATION, 'invalid input syntax for type boolean: "maybe"'),
    ("numeric", b"NaN", SqlState.INVALID_TEXT_REPRESENTATION, 'invalid input syntax for type numeric: "NaN"'),
    ("numeric", b"1e99", SqlState.NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow"),
    ("float8", b"1e400", SqlState.NUMERIC_VALUE_OUT_OF_RANGE, '"1e400" is out of range for type double precision'),
    ("float8", b"1e-400", SqlState.NUMERIC_VALUE_OUT_OF_RANGE, '"1e-400" is out of range for type double precision'),
    ("float4", b"1e39", SqlState.NUMERIC_VALUE_OUT_OF_RANGE, '"1e39" is out of range for type real'),
    ("float8", b"0x10", SqlState.INVALID_TEXT_REPRESENTATION, 'invalid input syntax for type double precision: "0x10"'),
    ("date", b"banana", SqlState.INVALID_DATETIME_FORMAT, 'invalid input syntax for type date: "banana"'),
    ("date", b"2023-02-29", SqlState.DATETIME_FIELD_OVERFLOW, 'date/time field value out of range: "2023-02-29"'),
    ("time", b"25:00:00", SqlState.DATETIME_FIELD_OVERFLOW, 'date/time field value out of range: "25:00:00"'),
    ("varchar", b"a\xff", SqlState.CHARACTER_NOT_IN_REPERTOIRE, 'invalid byte sequence for encoding "UTF8": 0xff'),
    ("varchar", b"a\0b", SqlState.CHARACTER_NOT_IN_REPERTOIRE, 'invalid byte sequence for encoding "UTF8": 0x00'),
    ("varbyte", b"\\x0", SqlState.INVALID_TEXT_REPRESENTATION, 'invalid input syntax for type binary varying: "\\x0"'),
]


@pytest.mark.parametrize(("name", "data", "state", "message"), REFUSED)
def test_text_that_is_refused(name: str, data: bytes, state: SqlState, message: str) -> None:
    with pytest.raises(SqlError) as caught:
        decode_parameter(types.of(name), 0, data)
    assert (caught.value.state, caught.value.message) == (state, message)


def _array(element: int, *items: bytes | None) -> bytes:
    body = b"".join(struct.pack(">i", -1) if item is None else struct.pack(">i", len(item)) + item for item in items)
    return struct.pack(">iiIii", 1, int(None in items), element, len(items), 1) + body


BINARIES: list[tuple[str, bytes, Value]] = [
    ("bool", b"\x01", True),
    ("int2", struct.pack(">h", -2), -2),
    ("int4", struct.pack(">i", 7), 7),
    ("int8", struct.pack(">q", -1), -1),
    ("oid", struct.pack(">I", 2**32 - 1), 2**32 - 1),
    ("float4", struct.pack(">f", 0.5), 0.5),
    ("float8", struct.pack(">d", -2.25), -2.25),
    ("date", struct.pack(">i", 0), "2000-01-01"),
    ("date", struct.pack(">i", -730_425), "0001-03-01 (BC)"),
    ("date", struct.pack(">i", 2**31 - 1), "infinity"),
    ("date", struct.pack(">i", 59), "2000-02-29"),
    ("date", struct.pack(">i", 2_921_940), "10000-01-01"),
    ("time", struct.pack(">q", 86_400_000_000), "24:00:00"),
    ("time", struct.pack(">q", 3_723_000_004), "01:02:03.000004"),
    ("timetz", struct.pack(">qi", 3_600_000_000, -19_800), "01:00:00+05:30"),
    ("timetz", struct.pack(">qi", 0, 18_000), "00:00:00-05:00"),
    ("timestamp", struct.pack(">q", -1), "1999-12-31 23:59:59.999999"),
    ("timestamp", struct.pack(">q", -(2**63)), "-infinity"),
    ("timestamptz", struct.pack(">q", 0), "2000-01-01 00:00:00+00"),
    ("interval", struct.pack(">qii", -5, 2, 14), "14 months 2 days -5 microseconds"),
    ("intervaly2m", struct.pack(">i", -3), "-3 months"),
    ("intervald2s", struct.pack(">q", 9), "9 microseconds"),
    ("varchar", "é".encode(), "é"),
    ("varbyte", b"\0\xff", b"\0\xff"),
    ("super", b"{}", "{}"),
    ("_text", _array(25, b"a", None, b"b c"), '{a,NULL,"b c"}'),
    ("_int4", _array(23, struct.pack(">i", 5)), "{5}"),
    ("_int2", struct.pack(">iii", 0, 0, 21), "{}"),
]


@pytest.mark.parametrize(("name", "data", "value"), BINARIES)
def test_binary(name: str, data: bytes, value: Value) -> None:
    found = decode_parameter(types.of(name), 1, data)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    "text", ["0", "0.00", "1", "-1.5", "0.0001", "12345678.9012", "10000", "1" + "0" * 37, "-0." + "0" * 36 + "7"]
)
def test_binary_numeric(text: str) -> None:
    assert decode_parameter(types.of("numeric"), 1, rows.numeric(Decimal(text))) == text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bool", b""),
        ("bool", b"\1\1"),
        ("int4", b"\0\0\0"),
        ("int4", b"\0\0\0\0\0"),
        ("int8", b""),
        ("float8", b"\0" * 7),
        ("numeric", b"\0"),
        ("numeric", struct.pack(">HhHH", 2, 0, 0, 0) + b"\0\1"),
        ("numeric", struct.pack(">HhHH", 0, 0, 0xC000, 0)),
        ("numeric", struct.pack(">HhHHH", 1, 0, 0, 0, 10_000)),
        ("time", struct.pack(">q", -1)),
        ("timetz", b"\0" * 8),
        ("interval", b"\0" * 15),
        ("_text", b""),
        ("_text", struct.pack(">iiIii", 1, 0, 25, 2**30, 1)),
        ("_text", _array(25, b"a")[:-1]),
        ("_text", _array(25, b"a") + b"\0"),
        ("_text", struct.pack(">iiI", 2, 0, 25)),
    ],
)
def test_binary_that_is_refused(name: str, data: bytes) -> None:
    with pytest.raises(SqlError) as caught:
        decode_parameter(types.of(name), 1, data)
    assert caught.value.state is SqlState.INVALID_BINARY_REPRESENTATION


@pytest.mark.parametrize("row", types.TYPES, ids=lambda row: row.name)
def test_nothing_but_sql_errors(row: types.SqlType) -> None:
    junk = [
        b"",
        b"\0",
        b"\xff" * 3,
        b"\xff" * 8,
        b"\x7f" * 12,
        b"\0" * 20,
        b"{" * 30,
        b"9" * 5000,
        b"-",
        b"1e",
        b"\\x",
        b"1-1-1 BC",
    ]
    for code in (0, 1):
        assert decode_parameter(ColumnType(row), code, None) is None
        for data in junk:
            try:
                decode_parameter(ColumnType(row), code, data)
            except SqlError:
                continue


def test_an_unknown_format() -> None:
    with pytest.raises(SqlError) as caught:
        decode_parameter(types.of("int4"), 2, b"1")
    assert caught.value.message == "unsupported format code: 2"
