"""PostgreSQL, "Logical Replication Message Formats": messages as a server writes them."""

import struct

import pytest

from storage.pgoutput import (
    KEPT,
    Begin,
    Column,
    Commit,
    Delete,
    Insert,
    Relation,
    Truncate,
    Update,
    lsn_number,
    lsn_text,
    read,
)


def text(value: str) -> bytes:
    raw = value.encode()
    return b"t" + struct.pack(">I", len(raw)) + raw


def row(*cells: bytes) -> bytes:
    return struct.pack(">H", len(cells)) + b"".join(cells)


def test_a_transactions_ends() -> None:
    assert read(b"B" + struct.pack(">QqI", 10, 20, 726)) == Begin(10, 20, 726)
    assert read(b"C\0" + struct.pack(">QQq", 10, 12, 20)) == Commit(12, 20)


def test_a_relation_with_the_types_of_its_columns() -> None:
    # What PostgreSQL 15 sent for public.t (id int primary key, a text).
    data = b"R\0\0@\0public\0t\0d\0\x02\x01id\0\0\0\0\x17\xff\xff\xff\xff\0a\0\0\0\0\x19\xff\xff\xff\xff"
    assert read(data) == Relation(16384, (Column("id", 23, -1), Column("a", 25, -1)))


def test_rows() -> None:
    oid = struct.pack(">I", 7)
    assert read(b"I" + oid + b"N" + row(text("1"), b"n")) == Insert(7, ("1", None))
    assert read(b"U" + oid + b"N" + row(text("1"), b"u")) == Update(7, None, ("1", KEPT))
    old = b"K" + row(text("1"), b"n")
    assert read(b"U" + oid + old + b"N" + row(text("2"), text("ü"))) == Update(7, ("1", None), ("2", "ü"))
    assert read(b"D" + oid + b"O" + row(text("1"), text("x"))) == Delete(7, ("1", "x"))
    assert read(b"T" + struct.pack(">IBII", 2, 0, 7, 8)) == Truncate((7, 8))


def test_what_is_of_no_concern_is_passed_over() -> None:
    assert read(b"Y" + struct.pack(">I", 99) + b"public\0mood\0") is None
    assert read(b"O" + struct.pack(">Q", 1) + b"origin\0") is None


def test_text_that_is_no_utf8() -> None:
    data = b"I" + struct.pack(">I", 7) + b"N" + row(b"t" + struct.pack(">I", 2) + b"a\xff")
    with pytest.raises(UnicodeDecodeError):
        read(data)
    assert read(data, replace=True) == Insert(7, ("a?",))


def test_positions() -> None:
    assert lsn_number("16/B374D848") == 0x16B374D848
    assert lsn_text(0x16B374D848) == "16/B374D848"
