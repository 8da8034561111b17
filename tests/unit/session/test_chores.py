"""Which files are written anew, and which tables first."""

import pytest

from session.chores import Aims, Thresholds, aims, deleted, groups, unsorted, worst
from storage.layout import DataFile, TableLayout

MIB = 1 << 20


def file(name: str, low: int | None = None, high: int | None = None, *, mib: int = 100, gone: int = 0) -> DataFile:
    return DataFile(path=name, rows=100, deleted=gone, bytes=mib * MIB, low=low, high=high)


def names(found: list[list[DataFile]]) -> list[list[str]]:
    return [[each.path for each in group] for group in found]


def table(name: str, *, rows: int = 100, gone: int = 0, small: int = 0, inlined: int = 0) -> TableLayout:
    return TableLayout(schema="s", table=name, files=9, rows=rows, deleted=gone, small=small, inlined=inlined)


def test_the_worst_table_comes_first_and_good_ones_not_at_all() -> None:
    tables = [
        table("good", gone=5, small=3), table("deleted", gone=30), table("small", small=9),
        table("empty", rows=0), table("inlined", inlined=2_000),
    ]  # fmt: skip
    assert [each.table for each in worst(tables, Thresholds())] == ["deleted", "inlined", "small"]


def test_deleted_rows_are_removed_where_they_are_many() -> None:
    files = [file("a", gone=60), file("b"), file("c", gone=4)]
    assert names(groups(files, Aims(deleted=0.05), 1000 * MIB)) == [["a"]]
    assert names(groups(files, Aims(deleted=0.0), 1000 * MIB)) == [["a", "c"]]
    assert groups(files, Aims(), 1000 * MIB) == []
    assert deleted(files) == pytest.approx(64 / 300)
    assert deleted([]) == 0


def test_small_files_are_put_together() -> None:
    files = [file("a", mib=1), file("big"), file("b", mib=2)]
    assert names(groups(files, Aims(small_bytes=16 * MIB), 1000 * MIB)) == [["a", "b"]]
    assert groups(files[:2], Aims(small_bytes=16 * MIB), 1000 * MIB) == []
    # What is written anyway takes the small ones along.
    assert names(groups([file("gone", gone=9, mib=1), *files[:2]], Aims(deleted=0, small_bytes=16 * MIB), 200 * MIB)) == [
        ["gone", "a"]
    ]  # fmt: skip


def test_a_group_is_no_larger_than_the_limit_unless_one_file_is() -> None:
    files = [file(name, gone=50) for name in "abcd"]
    assert names(groups(files, Aims(deleted=0), 250 * MIB)) == [["a", "b"], ["c", "d"]]
    assert names(groups(files, Aims(deleted=0), 10 * MIB)) == [["a"], ["b"], ["c"], ["d"]]


def test_files_that_lie_over_each_other_are_put_in_order() -> None:
    files = [file("d", 30, 40), file("a", 0, 10), file("b", 10, 20), file("c", 5, 15), file("n")]
    assert names(groups(files, Aims(ordered=True), 1000 * MIB)) == [["a", "c", "b"]]
    assert unsorted(files) == pytest.approx(2 / 5)
    assert unsorted([files[0], files[1]]) == 0
    # Three files of one heap are more than the limit: a part of them would be no better.
    assert groups(files, Aims(ordered=True), 250 * MIB) == []


def test_a_file_of_another_order_is_written_anew() -> None:
    old = DataFile(path="old", rows=1, deleted=0, bytes=9, low=0, high=9, disordered=True)
    assert names(groups([old], Aims(ordered=True), 100)) == [["old"]]
    assert groups([old], Aims(deleted=0), 100) == []
    assert unsorted([old]) == 1


def test_only_what_is_worth_it_is_done_unasked() -> None:
    files = [file("a", 0, 10), file("b", 5, 15)]
    assert aims(table("t", gone=5, small=2), files, keyed=False) == Aims()
    assert aims(table("t", gone=50, small=8), files, keyed=True) == Aims(
        deleted=0.05, small_bytes=16 * MIB, ordered=True
    )
    assert not aims(table("t"), [files[0], file("b", 10, 15)], keyed=True).ordered
