"""Rows byte for byte as PostgreSQL sends them, for the types that both have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Any

import pyarrow as pa
import pytest

from core import types
from core.types import Column
from server.wire.encode import OutputStyle, RowEncoder, row_description
from tests.support import postgres
from tests.support.raw_postgres import Client, quoted

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(postgres.programs() is None, reason="PostgreSQL is not installed"),
]

_US_DAY = 86_400_000_000
_EPOCH_DAYS = 10_957


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Return a connection to a new server."""
    with postgres.running() as server:
        connection = Client(server)
        yield connection
        connection.close()


@dataclass(frozen=True)
class Case:
    """Values as Arrow has them and as SQL writes them."""

    kind: types.ColumnType
    arrow: pa.DataType
    values: list[Any]
    sql: Callable[[Any], str]

    def column(self) -> Column:
        """Return the column's description."""
        return Column("x", self.kind)

    def batch(self) -> pa.RecordBatch:
        """Return the values, a null behind them."""
        return pa.RecordBatch.from_arrays([pa.array([*self.values, None], self.arrow)], names=["x"])

    def query(self, cast: str) -> str:
        """Return the SQL that yields the same rows."""
        items = ", ".join(f"({i}, {self.sql(value)})" for i, value in enumerate(self.values))
        return f"select x::{cast} as x from (values {items}, (9999, null)) as v(i, x) order by i"


def _decimals(texts: list[str]) -> list[Any]:
    return [Decimal(text) for text in texts]


_DAYS = [
    0,
    -1,
    1,
    10_956,
    10_957,
    19_000,
    -719_162,
    -719_163,
    -719_528,
    -1_000_000,
    -2_440_587,
    2_932_896,
    2_932_897,
    10_000_000,
    11_016,
    -354_285,
]
_FRACTIONS = [0, 1, 10, 100_000, 999_999, 500_000, 86_399_999_999, 45_296_789_000]
_MOMENTS = [day * _US_DAY + fraction for day, fraction in zip(_DAYS, _FRACTIONS * 2, strict=True)] + [-1, -1_000_001]


def _moment(us: int) -> str:
    days, rest = divmod(us - _EPOCH_DAYS * _US_DAY, _US_DAY)
    return f"(timestamp '2000-01-01' + interval '{days} days' + interval '{rest} microseconds')"


def _instant(us: int) -> str:
    return f"({_moment(us)} at time zone 'UTC')"


def _interval(value: Any) -> str:
    months, days, ns = value
    # No literal: under sql_standard a sign in front of one counts for all of its fields.
    return f"make_interval(months => {months}, days => {days}, secs => {ns // 1000} / 1e6)"


_PARTS = [0, 1, -1, 2, 14, -25]
_CLOCKS = [0, 1_000, -1_000, 3_723_000_000_000, -3_723_004_500_000, 61_000_000_000, -1_000_000_000, 360_000_000_000_000]
_INTERVALS = [pa.MonthDayNano(parts) for parts in product(_PARTS, _PARTS[:4], _CLOCKS)]

CASES = {
    "boolean": Case(types.of("bool"), pa.bool_(), [True, False], str),
    "smallint": Case(types.of("int2"), pa.int16(), [0, -1, 9, 10, 99, 100, -32768, 32767], quoted),
    "integer": Case(types.of("int4"), pa.int32(), [0, -1, 10**9, -(2**31), 2**31 - 1], quoted),
    "bigint": Case(
        types.of("int8"),
        pa.int64(),
        [0, *(10**n for n in range(19)), *(1 - 10**n for n in range(19)), -(2**63), 2**63 - 1],
        quoted,
    ),
    "oid": Case(types.of("oid"), pa.uint32(), [0, 26, 2**32 - 1], quoted),
    "numeric(18,4)": Case(
        types.numeric(18, 4),
        pa.decimal128(18, 4),
        _decimals(
            [
                "0.0000",
                "1.0000",
                "-1.5000",
                "0.0001",
                "-0.0100",
                "10000.0000",
                "99999999999999.9999",
                "123456.7800",
                "-100000000.0000",
            ]
        ),
        quoted,
    ),
    "numeric(38,0)": Case(
        types.numeric(38, 0),
        pa.decimal128(38, 0),
        _decimals(["0", "1", "-10000", "9" * 38, "-" + "9" * 38, "1" + "0" * 37, "18446744073709551616"]),
        quoted,
    ),
    "numeric(38,37)": Case(
        types.numeric(38, 37),
        pa.decimal128(38, 37),
        _decimals(["0." + "0" * 37, "9." + "9" * 37, "-0." + "0" * 36 + "1", "0.0001" + "0" * 33]),
        quoted,
    ),
    "numeric(5,3)": Case(types.numeric(5, 3), pa.decimal128(5, 3), _decimals(["1.250", "-0.001", "99.999"]), quoted),
    "real": Case(
        types.of("float4"),
        pa.float32(),
        [
            0.0,
            -0.0,
            1.5,
            0.1,
            1e10,
            123456.0,
            1234567.0,
            1e-5,
            3.4e38,
            1e-40,
            float("nan"),
            float("inf"),
            float("-inf"),
        ],
        quoted,
    ),
    "double precision": Case(
        types.of("float8"),
        pa.float64(),
        [
            0.0,
            -0.0,
            1.5,
            0.1,
            3.141592653589793,
            1e15,
            1e14,
            123456789012345.0,
            999999999999999.9,
            0.0001,
            0.00001,
            1e300,
            5e-324,
            2.5,
            1 / 3,
            2 / 3,
            -1e-7,
            1e22,
            float("nan"),
            float("inf"),
            float("-inf"),
        ],
        quoted,
    ),
    "varchar(300)": Case(
        types.with_length("varchar", 300),
        pa.string(),
        ["", "a", "it's", "äöü", "日本語", "x" * 300, *("y" * n for n in range(1, 20))],
        quoted,
    ),
    "char(10)": Case(types.with_length("bpchar", 10), pa.string(), ["abc".ljust(10), " " * 10], quoted),
    "text": Case(types.ColumnType(types.BY_OID[25]), pa.string(), ["", "a\tb\n"], quoted),
    "date": Case(types.of("date"), pa.date32(), _DAYS, lambda day: f"(date '2000-01-01' + ({day - _EPOCH_DAYS}))"),
    "time": Case(
        types.of("time"), pa.time64("us"), _FRACTIONS, lambda us: f"(time '00:00' + interval '{us} microseconds')"
    ),
    "timestamp": Case(types.of("timestamp"), pa.timestamp("us"), _MOMENTS, _moment),
    "timestamptz": Case(types.of("timestamptz"), pa.timestamp("us", "UTC"), _MOMENTS, _instant),
    "interval": Case(types.of("interval"), pa.month_day_nano_interval(), _INTERVALS, _interval),
}


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("name", CASES)
def test_rows(client: Client, name: str, code: int) -> None:
    case = CASES[name]
    client.run(
        "set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'; set extra_float_digits = 0"
    )
    description, rows = client.rows(case.query(name), code)
    assert bytes(RowEncoder((case.column(),), (code,), OutputStyle()).encode(case.batch())) == rows
    assert row_description((case.column(),), (code,)) == description


@pytest.mark.parametrize("value", ["infinity", "-infinity"])
@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize(
    ("name", "arrow", "limit"),
    [
        ("date", pa.date32(), 2**31 - 1),
        ("timestamp", pa.timestamp("us"), 2**63 - 1),
        ("timestamptz", pa.timestamp("us", "UTC"), 2**63 - 1),
    ],
)
def test_infinities(client: Client, name: str, arrow: pa.DataType, limit: int, code: int, value: str) -> None:
    inside = pa.int32() if name == "date" else pa.int64()
    batch = pa.RecordBatch.from_arrays(
        [pa.array([limit if value == "infinity" else -limit], inside).view(arrow)], names=["x"]
    )
    encoder = RowEncoder((Column("x", types.of(name)),), (code,), OutputStyle("America/New_York"))
    assert bytes(encoder.encode(batch)) == client.rows(f"select '{value}'::{name} as x", code)[1]


@pytest.mark.parametrize("style", ["postgres", "postgres_verbose", "sql_standard"])
def test_interval_styles(client: Client, style: str) -> None:
    case = CASES["interval"]
    client.run(f"set intervalstyle = '{style}'")
    expected = client.rows(case.query("interval"), 0)[1]
    client.run("set intervalstyle = 'postgres'")
    assert bytes(RowEncoder((case.column(),), (), OutputStyle(intervalstyle=style)).encode(case.batch())) == expected


@pytest.mark.parametrize(
    "style", [f"{form}, {order}" for form in ("ISO", "SQL", "Postgres", "German") for order in ("MDY", "DMY", "YMD")]
)
@pytest.mark.parametrize("name", ["date", "timestamp", "timestamptz"])
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_date_styles(client: Client, style: str, name: str, zone: str) -> None:
    case = CASES[name]
    client.run(f"set timezone = 'UTC'; set datestyle = '{style}'")
    client.run(f"set timezone = '{zone}'")
    expected = client.rows(case.query(name), 0)[1]
    client.run("set timezone = 'UTC'; set datestyle = 'ISO, MDY'")
    assert bytes(RowEncoder((case.column(),), (), OutputStyle(zone, 0, style)).encode(case.batch())) == expected


@pytest.mark.parametrize(
    "zone",
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "America/Sao_Paulo",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "EST5EDT",
    ],
)
def test_time_zones(client: Client, zone: str) -> None:
    hours = [
        year * 31_556_952 * 1_000_000 + month * 2_629_746 * 1_000_000
        for year in (*range(-120, 70, 7), 66, 67, 68, 80, 130, 8029, 8030, 20_000)
        for month in range(12)
    ]
    case = Case(types.of("timestamptz"), pa.timestamp("us", "UTC"), hours, _instant)
    client.run(f"set timezone = '{zone}'")
    expected = client.rows(case.query("timestamptz"), 0)[1]
    client.run("set timezone = 'UTC'")
    assert bytes(RowEncoder((case.column(),), (), OutputStyle(zone)).encode(case.batch())) == expected


@pytest.mark.parametrize("extra", [-14, -3, 0])
@pytest.mark.parametrize("name", ["real", "double precision"])
def test_extra_float_digits(client: Client, name: str, extra: int) -> None:
    case = CASES[name]
    client.run(f"set extra_float_digits = {extra}")
    expected = client.rows(case.query(name), 0)[1]
    assert bytes(RowEncoder((case.column(),), (), OutputStyle("UTC", extra)).encode(case.batch())) == expected


@pytest.mark.parametrize(
    ("name", "cast", "value"),
    [
        ("_text", "text[]", "{}"),
        ("_text", "text[]", '{a,"b c",NULL,"NULL","q\\"s\\\\",""}'),
        ("_bool", "bool[]", "{t,f,NULL}"),
        ("_int2", "int2[]", "{1,-2,NULL}"),
        ("_int4", "int4[]", "{1,-2}"),
        ("int2vector", "int2vector", "1 2 3"),
        ("oidvector", "oidvector", "23 25"),
        ("timetz", "timetz", "04:05:06.789+00"),
        ("timetz", "timetz", "23:59:59-05:30"),
        ("timetz", "timetz", "00:00:00+02"),
    ],
)
@pytest.mark.parametrize("code", [0, 1])
def test_values_that_travel_as_text(client: Client, name: str, cast: str, value: str, code: int) -> None:
    expected = client.rows(f"select {quoted(value)}::{cast} as x", code)[1]
    batch = pa.RecordBatch.from_arrays([pa.array([value])], names=["x"])
    assert bytes(RowEncoder((Column("x", types.of(name)),), (code,), OutputStyle()).encode(batch)) == expected
