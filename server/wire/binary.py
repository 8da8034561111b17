"""Binary forms that are made a value at a time: arrays, TIMETZ, vectors; PostgreSQL's send functions.

Pure values, no Arrow: the vectorised forms are ``native``'s. ``decode`` reads binary parameters with the
readers here.
"""

import re
import struct
from collections.abc import Callable
from typing import Any, Final

from core.errors import SqlError
from core.sqlstate import SqlState

_TIMETZ: Final = re.compile(
    r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?\Z"
)
_ITEM: Final = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|((?:[^",{}\\]|\\.)*))\s*(,|\Z)', re.DOTALL)
_OCTAL: Final = re.compile(rb"\\([0-3][0-7]{2}|\\)")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)


def array_items(text: str) -> list[str | None]:
    """Return the elements of a one-dimensional array's text form ``{a,"b c",NULL}`` (PostgreSQL 15, section 8.15.6)."""
    body = text.strip()
    if not (body.startswith("{") and body.endswith("}")):
        raise SqlError(SqlState.INVALID_TEXT_REPRESENTATION, f'malformed array literal: "{text}"')
    body = body[1:-1]
    items: list[str | None] = []
    position = 0
    while body.strip():
        match = _ITEM.match(body, position)
        if match is None:
            raise SqlError(SqlState.INVALID_TEXT_REPRESENTATION, f'malformed array literal: "{text}"')
        quoted, bare, end = match.groups()
        value = _ESCAPE.sub(r"\1", bare.strip() if quoted is None else quoted)
        items.append(None if quoted is None and value.upper() == "NULL" else value)
        position = match.end()
        if end != ",":
            break
    return items


def array_text(items: list[str | None]) -> str:
    """Return the text form of a one-dimensional array."""
    return "{" + ",".join("NULL" if item is None else _quoted(item) for item in items) + "}"


def _quoted(item: str) -> str:
    if item and item.upper() != "NULL" and not re.search(r'[\s{},"\\]', item):
        return item
    return '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'


def nested_text(value: Any) -> bytes:
    """Return the array text of a list; anything else as Python shows it."""
    if isinstance(value, list):
        return array_text([None if item is None else str(item) for item in value]).encode()
    return str(value).encode()


def send_array(items: list[str | None], element_oid: int, pack: Callable[[str], bytes], lower: int = 1) -> bytes:
    """Return array_send's form of a one-dimensional array."""
    nulls = int(any(item is None for item in items))
    if not items:
        return struct.pack(">iii", 0, 0, element_oid)
    out = [struct.pack(">iiiii", 1, nulls, element_oid, len(items), lower)]
    for item in items:
        if item is None:
            out.append(b"\xff\xff\xff\xff")
        else:
            data = pack(item)
            out.append(struct.pack(">i", len(data)) + data)
    return b"".join(out)


def send_timetz(text: str) -> bytes:
    """Return timetz_send's form: microseconds, and seconds west of Greenwich."""
    match = _TIMETZ.match(text)
    if match is None:
        raise SqlError(SqlState.INVALID_DATETIME_FORMAT, f'invalid input syntax for type time with time zone: "{text}"')
    hours, minutes, seconds, fraction, sign, zone_hours, zone_minutes, zone_seconds = match.groups()
    clock = (int(hours) * 60 + int(minutes)) * 60 + int(seconds or 0)
    zone = (int(zone_hours) * 60 + int(zone_minutes or 0)) * 60 + int(zone_seconds or 0)
    return struct.pack(">qi", clock * 1_000_000 + int((fraction or "").ljust(6, "0")), zone if sign == "-" else -zone)


def _send_bool(text: str) -> bytes:
    return b"\1" if text == "t" else b"\0"


def _send_int2(text: str) -> bytes:
    return struct.pack(">h", int(text))


def _send_int4(text: str) -> bytes:
    return struct.pack(">i", int(text))


def _send_oid(text: str) -> bytes:
    return struct.pack(">I", int(text))


def _send_reg(text: str) -> bytes:
    # A name cannot be resolved here; a number is what the binary form holds.
    return _send_oid(text) if text.isdecimal() else text.encode()


def _send_bytea(text: str) -> bytes:
    return _OCTAL.sub(lambda found: b"\\" if found[1] == b"\\" else bytes([int(found[1], 8)]), text.encode())


SENDERS: Final[dict[str, Callable[[str], bytes]]] = {
    "timetz": send_timetz,
    "bytea": _send_bytea,
    "_text": lambda text: send_array(array_items(text), 25, str.encode),
    "_bool": lambda text: send_array(array_items(text), 16, _send_bool),
    "_int2": lambda text: send_array(array_items(text), 21, _send_int2),
    "_int4": lambda text: send_array(array_items(text), 23, _send_int4),
    "_char": lambda text: send_array(array_items(text), 18, str.encode),
    "_oid": lambda text: send_array(array_items(text), 26, _send_oid),
    "_aclitem": lambda text: send_array(array_items(text), 1033, str.encode),
    "int2vector": lambda text: send_array(list(text.split()), 21, _send_int2, 0),
    "oidvector": lambda text: send_array(list(text.split()), 26, _send_oid, 0),
    "regproc": _send_reg,
    "regprocedure": _send_reg,
    "regclass": _send_reg,
    "regtype": _send_reg,
}
"""Type name → its binary form from its text."""
