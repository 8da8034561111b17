"""Redshift's surface as rows: what there is in Redshift, whether it works here, and which file shows it.

The tables are ``tests/conformance/surface/*.tsv``: tab-separated, a heading line, a row a thing.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support import slt

FOLDER: Final = Path(__file__).parents[1] / "conformance"
COLUMNS: Final = ("kind", "name", "priority", "status", "cases", "note")
KINDS: Final = ("command", "query", "function", "type", "super", "parameter", "error", "view")
STATES: Final = ("works", "partly", "not yet")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that Redshift has."""

    kind: str
    name: str
    priority: str
    """P0: every driver or ordinary ELT; P1: common; P2: rare."""
    status: str
    cases: str
    """The file that shows it, below the suite's folder and without its suffix."""
    note: str
    """How it is partly there, or why it is not."""


@dataclass(frozen=True, slots=True)
class Area:
    """A folder of the suite with its figures."""

    name: str
    files: int
    cases: int
    gaps: int
    """Cases that are known to fail; the suite fails when one of them holds."""


def rows() -> list[Row]:
    """Return all rows, sorted by kind and name; raises ValueError for a line that is none."""
    found = []
    for path in sorted((FOLDER / "surface").glob("*.tsv")):
        heading, *lines = path.read_text(encoding="utf-8").splitlines()
        if tuple(heading.split("\t")) != COLUMNS:
            raise ValueError(f"{path.name}: not the heading {COLUMNS}")
        for number, line in enumerate(lines, start=2):
            cells = [cell.strip() for cell in line.split("\t")]
            if len(cells) > len(COLUMNS):
                raise ValueError(f"{path.name}:{number}: {len(cells)} cells")
            if any(cells):
                found.append(Row(*cells, *[""] * (len(COLUMNS) - len(cells))))
    return sorted(found, key=lambda row: (KINDS.index(row.kind) if row.kind in KINDS else -1, row.name.lower()))


def areas() -> list[Area]:
    """Return the suite's areas by name: its folders, of functions also the folders below."""
    grouped: dict[str, list[Path]] = {}
    for path in sorted(FOLDER.rglob("*.slt")):
        grouped.setdefault(str(path.parent.relative_to(FOLDER)), []).append(path)
    return [_area(name, paths) for name, paths in sorted(grouped.items())]


def _area(name: str, paths: list[Path]) -> Area:
    cases = [record for path in paths for record in slt.parse(path) if record.case]
    return Area(name, len(paths), len(cases), sum(bool(record.gap) for record in cases))
