"""Binary forms of parameters: PostgreSQL's receive functions, to values that the engine takes.

Each function takes one value's bytes. A wrong length is a ``struct.error``, anything else that is wrong a
``ValueError``; ``decode`` turns both into 22P03.
"""

import struct
from collections.abc import Callable
from typing import Final

from core.errors import SqlError
from core.sqlstate import SqlState
from core.types import BY_OID
from server.wire.binary import array_text
from session.answers import Value

_EPOCH_DAYS: Final = 730_425
"""2000-01-01 counted from 0000-03-01."""
_US_DAY: Final = 86_400_000_000
_NUMERIC_NEGATIVE: Final = 0x4000
_NUMERIC_GROUPS_MAX: Final = 64
_NUMERIC_DIGITS: Final = 38
_ARRAY_ITEMS_MAX: Final = 1 << 16


def _bool(data: bytes) -> Value:
    return struct.unpack(">?", data)[0] is True


def _unpack(code: str) -> Callable[[bytes], Value]:
    def receive(data: bytes) -> Value:
        value: int | float = struct.unpack(code, data)[0]
        return value

    return receive


def receive_numeric(data: bytes) -> str:
    """Return the decimal text of numeric_send's form (base 10000 digits)."""
    count, weight, sign, scale = struct.unpack(">HhHH", data[:8])
    groups = struct.unpack(f">{count}H", data[8:])
    if sign not in {0, _NUMERIC_NEGATIVE} or any(group > 9999 for group in groups) or scale > 0x3FFF:
        # NaN and the infinities as well: Redshift's NUMERIC has none.
        raise ValueError("not a number")
    if (groups and weight >= _NUMERIC_GROUPS_MAX) or count > _NUMERIC_GROUPS_MAX:
        raise _overflow()
    digits = "".join(f"{group:04d}" for group in groups)
    point = (weight + 1) * 4
    if point > len(digits):
        digits = digits.ljust(point, "0")
    whole, fraction = (digits[:point], digits[point:]) if point >= 0 else ("", "0" * -point + digits)
    whole = whole.lstrip("0") or "0"
    if len(whole) > _NUMERIC_DIGITS:
        raise _overflow()
    fraction = fraction[:scale].ljust(scale, "0")
    return ("-" if sign else "") + whole + ("." + fraction if fraction else "")


def _overflow() -> SqlError:
    return SqlError(SqlState.NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")


def _date_parts(days: int) -> tuple[str, str]:
    """Return (YYYY-MM-DD, era) of days since 2000-01-01, the era as the engine reads it."""
    days += _EPOCH_DAYS
    era, day_of_era = divmod(days, 146_097)
    year = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year += era * 400 + (month <= 2)
    return f"{year if year > 0 else 1 - year:04d}-{month:02d}-{day:02d}", "" if year > 0 else " (BC)"


def _clock(us: int) -> str:
    seconds, us = divmod(us, 1_000_000)
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{text}.{us:06d}" if us else text


def _date(data: bytes) -> Value:
    (days,) = struct.unpack(">i", data)
    if days in {2**31 - 1, -(2**31)}:
        return "infinity" if days > 0 else "-infinity"
    return "".join(_date_parts(days))


def _timestamp(data: bytes) -> str:
    (us,) = struct.unpack(">q", data)
    if us in {2**63 - 1, -(2**63)}:
        return "infinity" if us > 0 else "-infinity"
    days, rest = divmod(us, _US_DAY)
    return "{}{} {}".format(*_date_parts(days), _clock(rest))


def _timestamptz(data: bytes) -> Value:
    text = _timestamp(data)
    return text if text.endswith("infinity") else text + "+00"


def _time(data: bytes) -> str:
    (us,) = struct.unpack(">q", data)
    if not 0 <= us <= _US_DAY:
        raise ValueError("not a time of day")
    return _clock(us)


def _timetz(data: bytes) -> Value:
    clock, (west,) = _time(data[:8]), struct.unpack(">i", data[8:])
    if abs(west) >= 16 * 3600:
        raise ValueError("not an offset")
    seconds = abs(west)
    text = f"{clock}{'-' if west > 0 else '+'}{seconds // 3600:02d}:{seconds // 60 % 60:02d}"
    return f"{text}:{seconds % 60:02d}" if seconds % 60 else text


def _interval(data: bytes) -> Value:
    us, days, months = struct.unpack(">qii", data)
    return f"{months} months {days} days {us} microseconds"


def _year_month(data: bytes) -> Value:
    return f"{struct.unpack('>i', data)[0]} months"


def _day_second(data: bytes) -> Value:
    return f"{struct.unpack('>q', data)[0]} microseconds"


def receive_array(data: bytes) -> str:
    """Return the text form of a one-dimensional array in array_send's form."""
    dimensions, nulls, element = struct.unpack(">iiI", data[:12])
    if dimensions == 0 and len(data) == 12:
        return "{}"
    if dimensions != 1 or nulls not in {0, 1}:
        raise ValueError("more than one dimension")
    count, _lower = struct.unpack(">ii", data[12:20])
    if not 0 <= count <= _ARRAY_ITEMS_MAX:
        raise ValueError("too many items")
    row = BY_OID.get(element)
    receive = RECEIVERS.get(row.name) if row is not None else None
    items: list[str | None] = []
    position = 20
    for _ in range(count):
        (length,) = struct.unpack(">i", data[position : position + 4])
        position += 4
        if length < 0:
            items.append(None)
            continue
        item = data[position : position + length]
        if len(item) != length:
            raise ValueError("cut off")
        position += length
        items.append(_item_text(item.decode() if receive is None else receive(item)))
    if position != len(data):
        raise ValueError("bytes left over")
    return array_text(items)


def _item_text(value: Value) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    return value.hex() if isinstance(value, bytes) else str(value)


def _reg(data: bytes) -> Value:
    return str(struct.unpack(">I", data)[0])


RECEIVERS: Final[dict[str, Callable[[bytes], Value]]] = {
    "bool": _bool,
    "int2": _unpack(">h"),
    "int4": _unpack(">i"),
    "int8": _unpack(">q"),
    "oid": _unpack(">I"),
    "xid": _unpack(">I"),
    "float4": _unpack(">f"),
    "float8": _unpack(">d"),
    "numeric": receive_numeric,
    "date": _date,
    "time": _time,
    "timetz": _timetz,
    "timestamp": _timestamp,
    "timestamptz": _timestamptz,
    "interval": _interval,
    "intervaly2m": _year_month,
    "intervald2s": _day_second,
    "varbyte": lambda data: data,
    "regproc": _reg,
    "regprocedure": _reg,
    "regclass": _reg,
    "regtype": _reg,
    "_text": receive_array,
    "_bool": receive_array,
    "_int2": receive_array,
    "_int4": receive_array,
    "_char": receive_array,
    "_oid": receive_array,
    "_aclitem": receive_array,
    "int2vector": lambda data: receive_array(data).strip("{}").replace(",", " "),
    "oidvector": lambda data: receive_array(data).strip("{}").replace(",", " "),
}
"""Type name → its receive function; what is not here is text."""
