"""Every type a column may have, with values at its edges, in Python's, Redshift's text and PostgreSQL's binary form.

Texts are those of the default settings (TimeZone UTC, DateStyle ISO, extra_float_digits 0): Redshift, "Data
types"; for the binary forms PostgreSQL's send functions, for SUPER, VARBYTE and the two intervals the sources
of redshift_connector.
"""

import datetime as dt
import json
import math
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

UTC = dt.UTC
_DAY_US = 86_400_000_000
_EPOCH = dt.datetime(2000, 1, 1)
RAW: Any = object()
"""Python has no value for this one: only its text and bytes make the trip."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value: what Python has, what the server shows, what it sends."""

    python: Any
    text: str
    binary: bytes
    given: Any = None
    """What goes in where it is not what comes out (Python)."""
    given_text: str | None = None
    given_binary: bytes | None = None

    @property
    def parameter(self) -> Any:
        """Return what a driver is given."""
        return self.python if self.given is None else self.given

    @property
    def text_parameter(self) -> bytes:
        """Return the text form that is sent."""
        return (self.text if self.given_text is None else self.given_text).encode()

    @property
    def binary_parameter(self) -> bytes:
        """Return the binary form that is sent."""
        return self.binary if self.given_binary is None else self.given_binary


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A column type, what RowDescription says of it, and its values."""

    name: str
    sql: str
    oid: int
    modifier: int = -1
    values: tuple[Value, ...]
    standard: bool = True
    """Whether PostgreSQL has the type, so that any PostgreSQL driver has a Python value for it."""


def numeric_binary(text: str) -> bytes:
    """Return numeric_send's form: base 10000 digits, weight, sign, display scale."""
    sign, body = (0x4000, text[1:]) if text.startswith("-") else (0, text)
    whole, _, fraction = body.partition(".")
    scale = len(fraction)
    whole = whole.rjust(-(-len(whole) // 4) * 4, "0")
    fraction = fraction.ljust(-(-scale // 4) * 4, "0")
    digits = [int((whole + fraction)[at : at + 4]) for at in range(0, len(whole + fraction), 4)]
    weight = len(whole) // 4 - 1
    while digits and digits[0] == 0:
        digits, weight = digits[1:], weight - 1
    while digits and digits[-1] == 0:
        digits.pop()
    if not digits:
        sign = weight = 0
    return struct.pack(f">hhHh{len(digits)}H", len(digits), weight, sign, scale, *digits)


def _whole(code: str, *numbers: int) -> tuple[Value, ...]:
    return tuple(Value(python=number, text=str(number), binary=struct.pack(code, number)) for number in numbers)


def _numeric(*texts: str) -> tuple[Value, ...]:
    return tuple(Value(python=Decimal(text), text=text, binary=numeric_binary(text)) for text in texts)


def _float(code: str, *rows: tuple[float, str]) -> tuple[Value, ...]:
    return tuple(
        Value(python=number, text=text, binary=struct.pack(code, number), given_text=repr(number) if math.isfinite(number) else text)
        for number, text in rows
    )


def _string(*texts: str) -> tuple[Value, ...]:
    return tuple(Value(python=text, text=text, binary=text.encode()) for text in texts)


def _padded(length: int, *texts: str) -> tuple[Value, ...]:
    return tuple(
        Value(
            python=text.ljust(length),
            text=text.ljust(length),
            binary=text.ljust(length).encode(),
            given=text,
            given_text=text,
            given_binary=text.encode(),
        )
        for text in texts
    )


def _date(*texts: str) -> tuple[Value, ...]:
    return tuple(
        Value(
            python=dt.date.fromisoformat(text),
            text=text,
            binary=struct.pack(">i", (dt.date.fromisoformat(text) - _EPOCH.date()).days),
        )
        for text in texts
    )


def _us(clock: dt.time) -> int:
    return ((clock.hour * 60 + clock.minute) * 60 + clock.second) * 1_000_000 + clock.microsecond


def _time(*texts: str) -> tuple[Value, ...]:
    clocks = [(text, dt.time.fromisoformat(_six(text))) for text in texts]
    return tuple(Value(python=clock, text=text, binary=struct.pack(">q", _us(clock))) for text, clock in clocks)


def _six(text: str) -> str:
    whole, point, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(6, '0')}" if point else whole


def _timetz(given: str, shown: str) -> Value:
    """A user's table keeps TIMETZ in UTC (Redshift, "TIMETZ")."""
    moment, kept = dt.time.fromisoformat(given), dt.time.fromisoformat(_six(shown))
    offset = moment.utcoffset()
    assert offset is not None
    return Value(
        python=kept.replace(tzinfo=UTC),
        text=shown + "+00",
        binary=struct.pack(">qi", _us(kept), 0),
        given=moment,
        given_text=given,
        given_binary=struct.pack(">qi", _us(moment), -int(offset.total_seconds())),
    )


def _moment_us(moment: dt.datetime) -> int:
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def _timestamp(*texts: str) -> tuple[Value, ...]:
    moments = [(text, dt.datetime.fromisoformat(_six(text))) for text in texts]
    return tuple(
        Value(python=moment, text=text, binary=struct.pack(">q", _moment_us(moment))) for text, moment in moments
    )


def _timestamptz(*texts: str) -> tuple[Value, ...]:
    return tuple(
        Value(python=value.python.replace(tzinfo=UTC), text=value.text + "+00", binary=value.binary)
        for value in _timestamp(*texts)
    )


def _super(*texts: str) -> tuple[Value, ...]:
    # A string that is put into a SUPER column is a string there, whatever it looks like (Redshift, "SUPER type").
    shown = (json.dumps(text, ensure_ascii=False) for text in texts)
    return tuple(
        Value(python=told, text=told, binary=told.encode(), given=text, given_text=text, given_binary=text.encode())
        for text, told in zip(texts, shown, strict=True)
    )


def _varbyte(*values: bytes) -> tuple[Value, ...]:
    # Text is lower-case hexadecimal without the prefix (Redshift, "VARBYTE type").
    return tuple(Value(python=value.hex(), text=value.hex(), binary=value) for value in values)


_BEFORE_CHRIST = Value(python=RAW, text="0044-03-15 BC", binary=struct.pack(">i", -746_117))
"""2000-01-01 minus the days since the ides of March of 44 BC: PostgreSQL's date_send."""

CASES = (
    Case(
        name="bool",
        sql="boolean",
        oid=16,
        values=(Value(python=True, text="t", binary=b"\1"), Value(python=False, text="f", binary=b"\0")),
    ),
    Case(name="int2", sql="smallint", oid=21, values=_whole(">h", 0, 1, -1, 2**15 - 1, -(2**15))),
    Case(name="int4", sql="integer", oid=23, values=_whole(">i", 0, 1, -1, 2**31 - 1, -(2**31))),
    Case(name="int8", sql="bigint", oid=20, values=_whole(">q", 0, 1, -1, 2**63 - 1, -(2**63))),
    Case(
        name="numeric_default",
        sql="numeric",
        oid=1700,
        modifier=(18 << 16) + 4,
        values=_numeric("0", "1", "-1", "9" * 18, "-" + "9" * 18),
    ),
    Case(
        name="numeric_10_2",
        sql="numeric(10,2)",
        oid=1700,
        modifier=(10 << 16 | 2) + 4,
        values=_numeric("0.00", "3.50", "-0.01", "99999999.99", "-99999999.99", "10000.00"),
    ),
    Case(
        name="numeric_19_4",
        sql="decimal(19,4)",
        oid=1700,
        modifier=(19 << 16 | 4) + 4,
        values=_numeric("0.0001", "-10000.1000", "922337203685477.5807"),
    ),
    Case(
        name="numeric_38_0",
        sql="numeric(38,0)",
        oid=1700,
        modifier=(38 << 16) + 4,
        values=_numeric("0", "9" * 38, "-" + "9" * 38, "1" + "0" * 37),
    ),
    Case(
        name="numeric_38_37",
        sql="numeric(38,37)",
        oid=1700,
        modifier=(38 << 16 | 37) + 4,
        values=_numeric("0." + "0" * 36 + "1", "9." + "9" * 37, "-9." + "9" * 37),
    ),
    Case(
        name="float4",
        sql="real",
        oid=700,
        values=_float(
            ">f",
            (0.0, "0"),
            (1.5, "1.5"),
            (-0.25, "-0.25"),
            (2.0**127, "1.70141e+38"),
            (2.0**-126, "1.17549e-38"),
            (math.inf, "Infinity"),
            (-math.inf, "-Infinity"),
            (math.nan, "NaN"),
        ),
    ),
    Case(
        name="float8",
        sql="double precision",
        oid=701,
        values=_float(
            ">d",
            (0.0, "0"),
            (0.1, "0.1"),
            (math.pi, "3.14159265358979"),
            (1.7976931348623157e308, "1.79769313486232e+308"),
            (2.2250738585072014e-308, "2.2250738585072e-308"),
            (math.inf, "Infinity"),
            (-math.inf, "-Infinity"),
            (math.nan, "NaN"),
        ),
    ),
    Case(name="char", sql="char(10)", oid=1042, modifier=14, values=_padded(10, "", "abc", "it's", "0123456789")),
    Case(
        name="varchar",
        sql="varchar(256)",
        oid=1043,
        modifier=260,
        values=_string(
            "", " ", "abc", "Zürich 漢字 🦆", "back\\slash \\n \\\\", "it's \"quoted\"", "tab\tline\nend", "NULL", "%s $1"
        ),
    ),
    Case(name="varchar_max", sql="varchar(max)", oid=1043, modifier=65_539, values=_string("x" * 65_535, "é" * 32_767)),
    Case(
        name="date",
        sql="date",
        oid=1082,
        values=(*_date("2000-01-01", "1970-01-01", "2024-02-29", "0001-01-01", "9999-12-31"), _BEFORE_CHRIST),
    ),
    Case(
        name="time",
        sql="time",
        oid=1083,
        values=_time("00:00:00", "12:34:56", "04:05:06.789", "23:59:59.999999"),
    ),
    Case(
        name="timetz",
        sql="timetz",
        oid=1266,
        values=(
            _timetz("04:05:06+00:00", "04:05:06"),
            _timetz("04:05:06.789000+02:00", "02:05:06.789"),
            _timetz("20:00:00.000001-08:00", "04:00:00.000001"),
        ),
    ),
    Case(
        name="timestamp",
        sql="timestamp",
        oid=1114,
        values=_timestamp(
            "2000-01-01 00:00:00",
            "1969-12-31 23:59:59.999999",
            "2008-01-31 10:00:00.5",
            "0001-01-01 00:00:00",
            "9999-12-31 23:59:59.999999",
        ),
    ),
    Case(
        name="timestamptz",
        sql="timestamptz",
        oid=1184,
        values=_timestamptz(
            "2000-01-01 00:00:00", "2008-01-31 10:00:00.123456", "0001-01-02 00:00:00", "9999-12-30 23:59:59.999999"
        ),
    ),
    Case(
        name="interval_y2m",
        sql="interval year to month",
        oid=1188,
        standard=False,
        values=tuple(
            Value(python=text, text=text, binary=struct.pack(">i", months))
            for text, months in (("1 years 2 mons", 14), ("0 years -3 mons", -3), ("9999 years 0 mons", 119_988))
        ),
    ),
    Case(
        name="interval_d2s",
        sql="interval day to second",
        oid=1190,
        standard=False,
        values=tuple(
            Value(python=text, text=text, binary=struct.pack(">q", us))
            for text, us in (
                ("1 day 02:03:04.5678", _DAY_US + 7_384_567_800),
                ("00:00:00.000001", 1),
                ("1000 days", 1000 * _DAY_US),
            )
        ),
    ),
    Case(
        name="super",
        sql="super",
        oid=4000,
        standard=False,
        values=_super("1", "null", "true", '"a\\"b"', "[1,2,null]", '{"a":{"b":[1.5,"é"]}}'),
    ),
    Case(
        name="varbyte",
        sql="varbyte(64)",
        oid=6551,
        modifier=68,
        standard=False,
        values=_varbyte(b"", b"abc", b"\x00\xff\\x", bytes(range(64))),
    ),
)


def same(found: Any, expected: Any) -> bool:
    """Tell whether two values are the same value of the same type, NaN being one."""
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(found, float) and math.isnan(found)
    return type(found) is type(expected) and found == expected
