"""What should be done about tables' files, worst first: pure, over what ``storage.layout`` has seen.

VACUUM and the upkeep ask for the same things with other thresholds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from storage.layout import DataFile, TableLayout

SMALL_BYTES: Final = 16 << 20
"""Files below this size are worth putting together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """What is to become of a table's files."""

    deleted: float | None = None
    """Share of deleted rows above which a file is written anew; None leaves deleted rows."""
    small_bytes: int = 0
    """Files below this size are put together."""
    ordered: bool = False
    """Whether files are to lie in the order of the sort key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When something is worth doing that nobody has asked for."""

    small_files: int = 8
    deleted_share: float = 0.1
    """Of a table's rows."""
    unsorted_share: float = 0.2
    """Of a table's rows, too."""
    inlined_rows: int = 1_000


AUTOMATIC: Final = Thresholds()
_FILE_SHARE: Final = 0.05
"""Share of deleted rows above which the upkeep writes a file anew, once its table is worth it."""


def worst(tables: Iterable[TableLayout], limits: Thresholds = AUTOMATIC) -> list[TableLayout]:
    """Return the tables that something should be done about, as far as figures tell; the worst first."""
    found = [(_need(table, limits), table) for table in tables]
    return [table for need, table in sorted(found, key=lambda pair: -pair[0]) if need >= 1]


def _need(table: TableLayout, limits: Thresholds) -> float:
    return max(
        table.small / limits.small_files,
        table.deleted / table.rows / limits.deleted_share if table.rows else 0.0,
        table.inlined / limits.inlined_rows,
    )


def aims(table: TableLayout, files: Sequence[DataFile], *, keyed: bool, limits: Thresholds = AUTOMATIC) -> Aims:
    """Return what is worth doing about a table's *files*; *keyed* where it has a sort key."""
    return Aims(
        deleted=_FILE_SHARE if table.rows and table.deleted / table.rows >= limits.deleted_share else None,
        small_bytes=SMALL_BYTES if table.small >= limits.small_files else 0,
        ordered=keyed and unsorted(files) >= limits.unsorted_share,
    )


def unsorted(files: Sequence[DataFile]) -> float:
    """Return the share of rows in files that lie in another order, or over others: all but each heap's largest."""
    whole = sum(file.rows for file in files)
    loose = sum(file.rows for file in files if file.disordered)
    for heap in _heaps([file for file in files if not file.disordered]):
        loose += sum(file.rows for file in heap) - max(file.rows for file in heap)
    return loose / whole if whole else 0.0


def deleted(files: Sequence[DataFile]) -> float:
    """Return the share of rows that are deleted."""
    rows = sum(file.rows for file in files)
    return sum(file.deleted for file in files) / rows if rows else 0.0


def groups(files: Sequence[DataFile], wanted: Aims, limit: int) -> list[list[DataFile]]:
    """Return the files to be written anew, those of one group together: *limit* bytes a group, or one file.

    Files that lie over each other are left where they are more than that together: parts of them put in order would
    still lie over each other.
    """
    chosen: dict[str, DataFile] = {}
    for heap in _heaps(files) if wanted.ordered else []:
        if len(heap) > 1 and sum(file.bytes for file in heap) <= limit:
            chosen |= {file.path: file for file in heap}
    for file in files:
        rows_gone = wanted.deleted is not None and file.deleted > wanted.deleted * file.rows
        if rows_gone or (wanted.ordered and file.disordered):
            chosen[file.path] = file
    small = [file for file in files if file.bytes < wanted.small_bytes]
    if len(small) > 1 or any(file.path in chosen for file in small):
        chosen |= {file.path: file for file in small}
    return [group for group in _packed(chosen.values(), limit) if _worth(group, wanted)]


def _worth(group: Sequence[DataFile], wanted: Aims) -> bool:
    return len(group) > 1 or any(file.deleted or (wanted.ordered and file.disordered) for file in group)


def _packed(files: Iterable[DataFile], limit: int) -> list[list[DataFile]]:
    found: list[list[DataFile]] = []
    size = limit + 1
    for file in _ordered(files):
        if size + file.bytes > limit:
            found.append([])
            size = 0
        found[-1].append(file)
        size += file.bytes
    return found


def _ordered(files: Iterable[DataFile]) -> list[DataFile]:
    """Return files by where they begin; those that do not say so last."""
    listed = list(files)
    known = sorted((file for file in listed if file.low is not None), key=lambda file: file.low)
    return known + [file for file in listed if file.low is None]


def _heaps(files: Iterable[DataFile]) -> list[list[DataFile]]:
    """Return files by whether they lie over each other, directly or by way of others."""
    found: list[list[DataFile]] = []
    high = None
    for file in _ordered(files):
        if file.low is None or high is None or file.low >= high:
            found.append([])
            high = file.high
        found[-1].append(file)
        high = file.high if high is None or (file.high is not None and file.high > high) else high
    return found
