"""PostgreSQL's logical replication messages, as the plugin ``pgoutput`` writes them (protocol 1): bytes to values.

PostgreSQL, "Logical Replication Message Formats". Values are text; NULL is None, and what was not sent because an
UPDATE left it as it was is ``KEPT``.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final


class Kept(Enum):
    """Stands for a value that is what it was before."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT
Cell = str | Kept | None
Row = tuple[Cell, ...]

_BEGIN: Final = struct.Struct(">QqI")
_COMMIT: Final = struct.Struct(">BQQq")
_RELATION: Final = struct.Struct(">I")
_COLUMN: Final = struct.Struct(">Ii")
_COUNT: Final = struct.Struct(">H")
_LENGTH: Final = struct.Struct(">I")
_TRUNCATE: Final = struct.Struct(">IB")
_INSERT, _UPDATE, _DELETE = b"IUD"
_OLD: Final = frozenset(b"KO")
_NEW: Final = ord("N")
_NULL, _UNCHANGED = b"nu"


@dataclass(frozen=True, slots=True)
class Begin:
    """A transaction begins; only those that were committed are sent."""

    lsn: int
    """Of its commit."""
    moment_us: int
    """Of its commit, in microseconds since 2000."""
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The transaction ends."""

    end_lsn: int
    moment_us: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation as it was at that moment."""

    name: str
    type: int
    modifier: int


@dataclass(frozen=True, slots=True)
class Relation:
    """What a relation looks like from now on."""

    oid: int
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Insert:
    """A new row."""

    relation: int
    new: Row


@dataclass(frozen=True, slots=True)
class Update:
    """A row changed; ``old`` holds its key (or all of it) before, where the key changed."""

    relation: int
    old: Row | None
    new: Row


@dataclass(frozen=True, slots=True)
class Delete:
    """A row is gone; of ``old`` the key is known at least."""

    relation: int
    old: Row


@dataclass(frozen=True, slots=True)
class Truncate:
    """All rows of some relations are gone."""

    relations: tuple[int, ...]


Message = Begin | Commit | Relation | Insert | Update | Delete | Truncate


def read(data: bytes, *, replace: bool = False) -> Message | None:
    """Return what *data* says, None for what is of no concern (types, origins, messages).

    Bytes that are no UTF-8 become ``?`` if *replace*; else they raise ``UnicodeDecodeError``.
    """
    reader = _READERS.get(data[0])
    return None if reader is None else reader(data, replace)


def lsn_number(text: str) -> int:
    """Return a log sequence number, ``16/B374D848``, as a number."""
    high, low = text.split("/")
    return (int(high, 16) << 32) | int(low, 16)


def lsn_text(number: int) -> str:
    """Return a log sequence number as PostgreSQL writes it."""
    return f"{number >> 32:X}/{number & 0xFFFFFFFF:X}"


def _begin(data: bytes, replace: bool) -> Begin:
    return Begin(*_BEGIN.unpack_from(data, 1))


def _commit(data: bytes, replace: bool) -> Commit:
    _, _, end, moment = _COMMIT.unpack_from(data, 1)
    return Commit(end, moment)


def _relation(data: bytes, replace: bool) -> Relation:
    oid = _RELATION.unpack_from(data, 1)[0]
    # Schema and name, each ended by a zero byte, and the replica identity.
    place = data.index(0, data.index(0, 5) + 1) + 2
    columns = []
    count = _COUNT.unpack_from(data, place)[0]
    place += 2
    for _ in range(count):
        end = data.index(0, place + 1)
        columns.append(Column(data[place + 1 : end].decode(), *_COLUMN.unpack_from(data, end + 1)))
        place = end + 9
    return Relation(oid, tuple(columns))


def _insert(data: bytes, replace: bool) -> Insert:
    return Insert(_RELATION.unpack_from(data, 1)[0], _row(data, 6, replace)[0])


def _update(data: bytes, replace: bool) -> Update:
    old, place = None, 5
    if data[place] in _OLD:
        old, place = _row(data, place + 1, replace)
    return Update(_RELATION.unpack_from(data, 1)[0], old, _row(data, place + 1, replace)[0])


def _delete(data: bytes, replace: bool) -> Delete:
    return Delete(_RELATION.unpack_from(data, 1)[0], _row(data, 6, replace)[0])


def _truncate(data: bytes, replace: bool) -> Truncate:
    count, _ = _TRUNCATE.unpack_from(data, 1)
    return Truncate(struct.unpack_from(f">{count}I", data, 6))


def _row(data: bytes, place: int, replace: bool) -> tuple[Row, int]:
    """Return the row that begins at *place*, and where it ends."""
    count = _COUNT.unpack_from(data, place)[0]
    place += 2
    cells: list[Cell] = []
    for _ in range(count):
        kind = data[place]
        place += 1
        if kind == _NULL:
            cells.append(None)
        elif kind == _UNCHANGED:
            cells.append(KEPT)
        else:
            length = _LENGTH.unpack_from(data, place)[0]
            place += 4
            cells.append(_text(data[place : place + length], replace))
            place += length
    return tuple(cells), place


def _text(data: bytes, replace: bool) -> str:
    return data.decode("utf-8", "replace").replace("\ufffd", "?") if replace else data.decode()


_READERS: Final[dict[int, Callable[[bytes, bool], Message]]] = {
    ord("B"): _begin, ord("C"): _commit, ord("R"): _relation, _INSERT: _insert, _UPDATE: _update, _DELETE: _delete,
    ord("T"): _truncate,
}  # fmt: skip
