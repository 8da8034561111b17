"""String literals as constants of a type: their forms, their ranges, and what is wrong with them.

Redshift, "Literals", "Numeric types", "Datetime literals", "Boolean type". What is in columns is read by the
engine's macros.
"""

import re
import sys
from collections.abc import Callable
from decimal import Decimal
from typing import Final

from core.errors import SqlError
from core.names import literal
from core.sqlstate import SqlState
from core.types import ColumnType
from sql import dates, intervals
from sql.inference import is_integer

_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*\Z", re.IGNORECASE | re.ASCII)
_WHOLE: Final = re.compile(r"\s*[+-]?[0-9]+\s*\Z")
TRUTH: Final = {
    **dict.fromkeys(("t", "true", "y", "yes", "1"), "true"),
    **dict.fromkeys(("f", "false", "n", "no", "0"), "false"),
}
"""Words for true and false."""
_BITS: Final = {"int2": 15, "int4": 31, "int8": 63, "oid": 32}
_LARGEST: Final = {"float4": 3.4028235677973366e38, "float8": sys.float_info.max}
_TEMPORAL: Final = frozenset({"date", "time", "timetz", "timestamp", "timestamptz"})
_RELATIVE: Final = frozenset({"now", "today", "tomorrow", "yesterday", "epoch"})


def checked(digits: str, target: ColumnType) -> None:
    """Raise 22003 for a number that does not fit NUMERIC(p,s)."""
    number = digits.strip("()")
    if target.precision is None or target.scale is None or not _NUMBER.match(number):
        return
    whole = target.precision - target.scale
    if abs(Decimal(number)) + Decimal(5).scaleb(-target.scale - 1) >= Decimal(10) ** whole:
        raise SqlError(
            SqlState.NUMERIC_VALUE_OUT_OF_RANGE,
            "numeric field overflow",
            detail=f"The absolute value is greater than or equal to 10^{whole} for field with precision "
            f"{target.precision}, scale {target.scale}.",
        )


def is_number(digits: str) -> bool:
    """Tell whether a text is a number and nothing else."""
    return _NUMBER.match(digits) is not None


def literal_of(content: str, target: ColumnType) -> str | None:
    """Return the literal's engine SQL, None when it is not of *target*'s form."""
    name, category = target.type.name, target.type.category
    if category == "S" or name == "regprocedure":
        return literal(cut(content, target))
    if name in _TEMPORAL:
        return _moment(content, target)
    if name == "bool":
        word = TRUTH.get(content.strip().lower())
        return word and f"CAST({word} AS BOOLEAN)"
    if is_integer(target):
        return _whole_literal(content, target)
    if name in {"numeric", "float4", "float8"}:
        return _numeric_literal(content, target)
    if name == "varbyte":
        kept = content.encode()[: target.length]
        return f"unhex('{kept.hex()}')"
    if category == "T":
        return intervals.literal(content, target)
    reader = _LITERALS.get(name)
    return reader(content) if reader else f"CAST({literal(content)} AS {target.engine()})"


def not_ascii() -> SqlError:
    """Return the error for a string with characters of several bytes where CHAR wants it."""
    return SqlError(SqlState.INTERNAL_ERROR, "CHAR string contains invalid ASCII character")


def _whole_literal(content: str, target: ColumnType) -> str | None:
    if not _WHOLE.match(content):
        return None
    number = int(content)
    bits = _BITS[target.type.name]
    if not -(2**bits) <= number < 2**bits or (target.type.name == "oid" and number < 0):
        raise SqlError(
            SqlState.NUMERIC_VALUE_OUT_OF_RANGE, f'value "{content}" is out of range for type {_said(target)}'
        )
    return f"CAST({number} AS {target.engine()})"


def _numeric_literal(content: str, target: ColumnType) -> str | None:
    special = content.strip().lower() in {"nan", "infinity", "-infinity"} and target.type.name != "numeric"
    if not _NUMBER.match(content) and not special:
        return None
    checked(content.strip(), target)
    if not special and target.type.name != "numeric" and abs(float(content)) > _LARGEST[target.type.name]:
        raise SqlError(
            SqlState.NUMERIC_VALUE_OUT_OF_RANGE, f'"{content.strip()}" is out of range for type {_said(target)}'
        )
    return f"CAST({literal(content.strip())} AS {target.engine()})"


_LITERALS: Final[dict[str, Callable[[str], str]]] = {
    "super": lambda content: f"CAST(to_json({literal(content)}) AS JSON)",
    "geometry": lambda content: f"rs_geometry_read({literal(content)})",
    "geography": lambda content: f"rs_geometry_read({literal(content)})",
    "hllsketch": lambda content: f"rs_sketch_read({literal(content)})",
    "regclass": lambda content: f"rs_regclass({literal(content)})",
    "regtype": lambda content: f"rs_regtype({literal(content)})",
    "regproc": lambda content: f"rs_regproc({literal(content)})",
}


def cut(content: str, target: ColumnType) -> str:
    """Return a string as CHAR(n) or VARCHAR(n) keeps it; raises for characters that CHAR does not take."""
    length = target.length
    if target.type.name == "bpchar" and not content.isascii():
        raise not_ascii()
    if length is not None:
        content = content.encode()[:length].decode(errors="ignore")
    return content.rstrip(" ") if target.type.name == "bpchar" else content


def _moment(content: str, target: ColumnType) -> str | None:
    word = content.strip().lower()
    if word in _RELATIVE:
        return _relative(word, target)
    name = target.type.name
    moment = dates.read(content, time=name in {"time", "timetz"})
    if moment is None:
        return None
    date = moment.date or ("1970-01-01" if name in {"time", "timetz"} else None)
    if date is None:
        return None
    if name == "date":
        return f"CAST({literal(date)} AS DATE)"
    time = moment.time or "00:00:00"
    zone = (moment.zone or "") if name in {"timetz", "timestamptz"} else ""
    shown = f"{time}{zone}" if name in {"time", "timetz"} else f"{date} {time}{zone}"
    return f"CAST({literal(shown)} AS {target.engine()})"


def _relative(word: str, target: ColumnType) -> str:
    now = "CAST(rs_instant(getvariable('transaction_timestamp')) AS TIMESTAMP)"
    sql = {
        "now": now,
        "epoch": "CAST('1970-01-01 00:00:00' AS TIMESTAMP)",
        "today": f"date_trunc('day', {now})",
        "tomorrow": f"(date_trunc('day', {now}) + to_days(1))",
        "yesterday": f"(date_trunc('day', {now}) - to_days(1))",
    }[word]
    return f"CAST({sql} AS {target.engine()})"


def bad_input(content: str, target: ColumnType) -> SqlError:
    """Return the error for a literal that is not of its type's form."""
    name = target.type.name
    if name in _TEMPORAL:
        looks = re.match(r"\s*(\d+[-/.]\d+[-/.]\d+|\d+:\d+(:\d+(\.\d+)?)?\s*\Z)", content)
        if looks:
            return SqlError(SqlState.DATETIME_FIELD_OVERFLOW, f'date/time field value out of range: "{content}"')
        return SqlError(
            SqlState.INVALID_DATETIME_FORMAT,
            f'invalid input syntax for type {_said(target).removesuffix(" without time zone")}: "{content}"',
        )
    if is_integer(target) and _NUMBER.match(content):
        return SqlError(
            SqlState.INVALID_TEXT_REPRESENTATION, f'invalid input syntax for integer: "{content}"'
        )
    if target.type.category == "T":
        return intervals.bad(content)
    kind = "integer" if is_integer(target) else _said(target)
    prefix = "" if is_integer(target) else "type "
    return SqlError(SqlState.INVALID_TEXT_REPRESENTATION, f'invalid input syntax for {prefix}{kind}: "{content}"')


def _said(target: ColumnType) -> str:
    return target.type.sql
