"""Parameters of Bind as values for the engine: text and binary, checked before anything runs.

Text is read as PostgreSQL 8.0's input functions read it, binary as its receive functions do. What the engine
has no Python value for (dates, times, numerics, intervals, arrays) becomes text that it casts. Forms of dates
and times beyond ISO are left to the engine.
"""

import math
import re
import struct
from collections.abc import Callable
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import ColumnType, SqlType
from server.wire.decode_binary import RECEIVERS
from session.answers import Value

_NAN_OR_INFINITE: Final = re.compile(r"([+-]?)(nan|inf|infinity)\Z", re.IGNORECASE)
_INTEGER: Final = re.compile(r"[+-]?[0-9]+\Z")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?![0-9])")
_COMPACT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?=\Z|[ T])")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*\Z")
_BEFORE_CHRIST: Final = re.compile(r"([0-9]{4,}-[0-9]{2}-[0-9]{2})(.*?) BC\Z", re.IGNORECASE)
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?(?![0-9])")
_WORDS: Final = frozenset({"infinity", "-infinity", "epoch", "now", "today", "tomorrow", "yesterday", "allballs"})
_TRUE: Final = frozenset({"t", "tr", "tru", "true", "y", "ye", "yes", "1"})
_FALSE: Final = frozenset({"f", "fa", "fal", "fals", "false", "n", "no", "0"})
_MONTH_DAYS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_NUMERIC_DIGITS: Final = 38
_FLOAT4_MAX: Final = 3.4028235677973366e38
"""Halfway between the largest float4 and what would come next."""


def decode_parameter(type: ColumnType, format: int, data: bytes | None) -> Value:  # noqa: A002  (a fixed contract)
    """Return the value of a parameter; raises 22P02, 22P03, 22003, 2200x or 22021 where it is not one."""
    if data is None:
        return None
    if format == 1:
        return _binary(type.type, bytes(data))
    if format != 0:
        raise SqlError(SqlState.INVALID_PARAMETER_VALUE, f"unsupported format code: {format}")
    text = decode_text(bytes(data))
    read = _READERS.get(type.type.name)
    return text if read is None else read(text, type.type)


def decode_text(data: bytes) -> str:
    """Return *data* as text; raises 22021 for what is not UTF-8 and for the zero byte."""
    try:
        text = data.decode()
    except UnicodeDecodeError as problem:
        shown = " ".join(f"0x{byte:02x}" for byte in data[problem.start : max(problem.end, problem.start + 1)])
        raise _not_utf8(shown) from None
    if "\0" in text:
        raise _not_utf8("0x00")
    return text


def _not_utf8(shown: str) -> SqlError:
    return SqlError(SqlState.CHARACTER_NOT_IN_REPERTOIRE, f'invalid byte sequence for encoding "UTF8": {shown}')


def _binary(kind: SqlType, data: bytes) -> Value:
    receive = RECEIVERS.get(kind.name)
    if receive is None:
        return decode_text(data)
    try:
        return receive(data)
    except (struct.error, ValueError, OverflowError):
        raise SqlError(
            SqlState.INVALID_BINARY_REPRESENTATION, f"incorrect binary data format for type {kind.sql}"
        ) from None


def _syntax(kind: str, text: str) -> SqlError:
    return SqlError(SqlState.INVALID_TEXT_REPRESENTATION, f'invalid input syntax for {kind}: "{text}"')


def _out_of_range(kind: SqlType, text: str) -> SqlError:
    return SqlError(SqlState.NUMERIC_VALUE_OUT_OF_RANGE, f'value "{text}" is out of range for type {kind.sql}')


def _read_bool(text: str, kind: SqlType) -> Value:
    word = text.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise _syntax("type boolean", text)


def _read_integer(text: str, kind: SqlType) -> Value:
    stripped = text.strip()
    if not _INTEGER.match(stripped):
        raise _syntax("integer", text)
    # Python refuses to read thousands of digits; no integer type has more than 19.
    digits = stripped.lstrip("+-").lstrip("0") or "0"
    limit = 1 << (kind.length * 8 - 1)
    value = 0 if len(digits) > 20 else int(digits) * (-1 if stripped[0] == "-" else 1)
    if len(digits) > 20 or not -limit <= value < limit:
        raise _out_of_range(kind, text)
    return value


def _read_oid(text: str, kind: SqlType) -> Value:
    stripped = text.strip()
    if not _INTEGER.match(stripped) or len(stripped) > 32:
        raise _syntax("type oid", text)
    value = int(stripped)
    if not -(1 << 31) <= value < 1 << 32:
        raise _out_of_range(kind, text)
    return value % (1 << 32)


def _read_float(text: str, kind: SqlType) -> Value:
    stripped = text.strip()
    if _NAN_OR_INFINITE.match(stripped):
        return float(stripped)
    if not _NUMBER.match(stripped):
        raise _syntax(f"type {kind.sql}", text)
    value = float(stripped)
    too_small = value == 0 and re.search("[1-9]", re.split("[eE]", stripped)[0]) is not None
    if math.isinf(value) or too_small or (kind.length == 4 and abs(value) >= _FLOAT4_MAX):
        raise SqlError(SqlState.NUMERIC_VALUE_OUT_OF_RANGE, f'"{text}" is out of range for type {kind.sql}')
    return value


def _read_numeric(text: str, kind: SqlType) -> Value:
    stripped = text.strip()
    if not _NUMBER.match(stripped):
        # NaN too: Redshift's NUMERIC has none.
        raise _syntax("type numeric", text)
    mantissa, _, exponent = stripped.lower().partition("e")
    whole = mantissa.lstrip("+-").partition(".")[0].lstrip("0")
    if len(exponent) > 5 or len(whole) + int(exponent or 0) > _NUMERIC_DIGITS:
        raise SqlError(SqlState.NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
    return stripped


def _read_moment(text: str, kind: SqlType) -> Value:
    stripped = text.strip()
    if not re.search("[0-9]", stripped) and stripped.lower() not in _WORDS:
        raise SqlError(SqlState.INVALID_DATETIME_FORMAT, f'invalid input syntax for type {kind.sql}: "{text}"')
    stripped = _COMPACT.sub(r"\1-\2-\3", stripped, count=1)
    date, clock = _DATE.match(stripped), _TIME.search(stripped)
    if (date and not _is_day(*map(int, date.groups()))) or (clock and not _is_clock(clock)):
        raise SqlError(SqlState.DATETIME_FIELD_OVERFLOW, f'date/time field value out of range: "{text}"')
    # The engine wants the era in brackets right behind the day.
    return _BEFORE_CHRIST.sub(r"\1 (BC)\2", stripped)


def _is_day(year: int, month: int, day: int) -> bool:
    if not 1 <= month <= 12 or year == 0:
        return False
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= _MONTH_DAYS[month - 1] + leap


def _is_clock(found: re.Match[str]) -> bool:
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return (hours < 24 and minutes < 60 and seconds <= 60) or (hours, minutes, seconds) == (24, 0, 0)


def _read_interval(text: str, kind: SqlType) -> Value:
    if not re.search("[0-9]", text):
        raise SqlError(SqlState.INVALID_DATETIME_FORMAT, f'invalid input syntax for type {kind.sql}: "{text}"')
    return text.strip()


def _read_varbyte(text: str, kind: SqlType) -> Value:
    # Redshift's drivers write bytes as hexadecimal digits (redshift_connector, type_utils.py, varbyte_send),
    # PostgreSQL's put \\x in front; other text stands for its own bytes, as CAST has it.
    digits = text.removeprefix("\\x")
    if _HEX.match(digits):
        return bytes.fromhex(digits)
    if digits != text:
        raise _syntax("type binary varying", text)
    return text.encode()


Reader = Callable[[str, SqlType], Value]
_READERS: Final[dict[str, Reader]] = {
    "bool": _read_bool,
    "int2": _read_integer,
    "int4": _read_integer,
    "int8": _read_integer,
    "oid": _read_oid,
    "xid": _read_oid,
    "numeric": _read_numeric,
    "float4": _read_float,
    "float8": _read_float,
    "date": _read_moment,
    "time": _read_moment,
    "timetz": _read_moment,
    "timestamp": _read_moment,
    "timestamptz": _read_moment,
    "interval": _read_interval,
    "intervaly2m": _read_interval,
    "intervald2s": _read_interval,
    "varbyte": _read_varbyte,
}
"""Type name → its input function; what is not here is text as it came."""
