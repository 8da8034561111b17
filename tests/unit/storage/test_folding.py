"""Folding of changes: whatever came, a table ends as after the last of them."""

import struct
from collections.abc import Iterator

import pytest

from storage import folding
from storage.folding import Batch, Folded, Folding, Known
from storage.pgoutput import KEPT, Delete, Insert, Update
from storage.replication import snapshot

SHAPE = (("id", 23, -1), ("a", 25, -1), ("b", 25, -1))


def known(shows: str = "1:1:") -> Known:
    return Known(shape=SHAPE, key=(0,), shows=snapshot(shows).shows)


def folded(*changes: Insert | Update | Delete) -> Folded:
    made = Folded(known())
    for change in changes:
        made.take(change)
    return made


def living(made: Folded) -> dict[object, object]:
    return {key[0]: row for key, row in made.rows.items() if row is not None}


def test_what_comes_and_goes_leaves_nothing() -> None:
    made = folded(Insert(1, ("1", "x", None)), Delete(1, ("1", None, None)))
    assert (living(made), made.stale) == ({}, set())


def test_only_rows_that_the_table_has_are_removed() -> None:
    made = folded(
        Insert(1, ("1", "x", None)), Update(1, None, ("1", "y", None)), Update(1, None, ("2", "z", None)),
        Delete(1, ("3", None, None)),
    )  # fmt: skip
    assert living(made) == {"1": ("1", "y", None), "2": ("2", "z", None)}
    assert made.stale == {("2",), ("3",)}


def test_a_key_that_changes() -> None:
    made = folded(Update(1, ("1", None, None), ("9", "x", KEPT)), Update(1, ("9", None, None), ("8", "y", KEPT)))
    assert living(made) == {"8": ("8", "y", KEPT)}
    assert made.stale == {("1",)}
    # The value that was left as it was is still that of the row under its first key.
    assert made.bases == {("8",): ("1",)}


def test_values_that_are_kept_come_from_the_row_before() -> None:
    made = folded(Insert(1, ("1", "long", "b")), Update(1, None, ("1", KEPT, "c")))
    assert (living(made), made.bases) == ({"1": ("1", "long", "c")}, {})
    made = folded(Update(1, None, ("1", KEPT, "c")), Update(1, None, ("1", "new", KEPT)))
    assert (living(made), made.bases) == ({"1": ("1", "new", "c")}, {})


def test_a_row_put_in_again_is_whole() -> None:
    made = folded(Update(1, None, ("1", KEPT, "c")), Delete(1, ("1", None, None)), Insert(1, ("1", "n", "d")))
    assert (living(made), made.bases, made.stale) == ({"1": ("1", "n", "d")}, {}, {("1",)})


def test_truncate_forgets_what_was_before() -> None:
    made = folded(Update(1, None, ("1", "x", "y")))
    made.truncate()
    made.take(Insert(1, ("2", "x", "y")))
    assert (made.truncated, living(made), made.stale) == (True, {"2": ("2", "x", "y")}, set())


def test_what_a_snapshot_shows() -> None:
    seen = snapshot("100:110:103,105")
    assert [xid for xid in range(98, 112) if not seen.shows(xid)] == [103, 105, 110, 111]
    # Numbers of transactions are sent without their upper half.
    late = snapshot(f"{(1 << 32) + 5}:{(1 << 32) + 8}:")
    assert (late.shows(4_294_967_290), late.shows(7), late.shows(8)) == (True, True, False)


# The stream.


def begin(xid: int, lsn: int) -> bytes:
    return b"B" + struct.pack(">QqI", lsn, 0, xid)


def commit(end: int) -> bytes:
    return b"C\0" + struct.pack(">QQq", 0, end, 0)


def relation(*names: str) -> bytes:
    columns = b"".join(
        b"\0" + name.encode() + b"\0" + struct.pack(">Ii", 23 if name == "id" else 25, -1) for name in names
    )
    return b"R" + struct.pack(">I", 1) + b"public\0t\0d" + struct.pack(">H", len(names)) + columns


def insert(*cells: str) -> bytes:
    packed = b"".join(b"t" + struct.pack(">I", len(cell)) + cell.encode() for cell in cells)
    return b"I" + struct.pack(">I", 1) + b"N" + struct.pack(">H", len(cells)) + packed


def taken(messages: list[bytes], after: int = 0, shows: str = "1:1:") -> Batch:
    return Folding(iter(messages), after, replace=False).batch({1: known(shows)})


def test_transactions_that_were_taken_in_before_are_passed_over() -> None:
    stream = [
        begin(5, 100), relation("id", "a", "b"), insert("1", "x", "y"), commit(110),
        begin(6, 110), insert("2", "x", "y"), commit(120),
    ]  # fmt: skip
    made = taken(stream, after=110)
    assert (list(made.tables[1].rows), made.end_lsn, made.ended) == ([("2",)], 120, True)
    assert list(taken(stream, shows="6:6:").tables[1].rows) == [("2",)]


def test_other_columns_stop_before_their_transaction_and_go_on_with_it() -> None:
    folds = Folding(
        iter([
            begin(5, 100), relation("id", "a", "b"), insert("1", "x", "y"), commit(110),
            begin(6, 120), relation("id", "a"), insert("2", "x"), commit(130),
        ]),
        0, replace=False,
    )  # fmt: skip
    made = folds.batch({1: known()})
    assert (made.changed, made.whole, made.end_lsn, list(made.tables[1].rows)) == (1, True, 110, [("1",)])
    assert [name for name, *_ in folds.shape(1)] == ["id", "a"]
    narrow = Known(shape=SHAPE[:2], key=(0,), shows=snapshot("1:1:").shows)
    made = folds.batch({1: narrow})
    assert (made.changed, made.end_lsn, made.ended, made.tables[1].rows) == (0, 130, True, {("2",): ("2", "x")})


def test_a_long_transaction_comes_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "CHUNK", 2)

    def stream() -> Iterator[bytes]:
        yield from (begin(5, 100), relation("id", "a", "b"))
        yield from (insert(str(number), "x", "y") for number in range(5))
        yield commit(110)

    folds = Folding(stream(), 0, replace=False)
    parts = [folds.batch({1: known()}) for _ in range(3)]
    assert [part.whole for part in parts] == [False, False, True]
    assert [len(part.tables[1].rows) for part in parts] == [2, 2, 1]
    assert [part.end_lsn for part in parts] == [0, 0, 110]
