"""The part of docs/compatibility.md that follows from the conformance suite: figures, and Redshift's surface."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from catalog.system.views import ROWS as SYSTEM_VIEWS
from tests.support.surface import KINDS, Row, areas, rows

_PAGE: Final = Path(__file__).resolve().parent.parent / "docs/compatibility.md"
_MARK: Final = "<!-- From here on written by `make docs` from tests/conformance. -->"
_TITLES: Final = {
    "command": "Commands", "query": "Queries and expressions", "function": "Functions", "type": "Types",
    "super": "SUPER and PartiQL", "parameter": "Parameters", "error": "Errors", "view": "System tables and views",
}  # fmt: skip


def compatibility() -> str:
    """Return the page: what is written by hand, and the tables below the mark."""
    written = _PAGE.read_text(encoding="utf-8").partition(_MARK)[0] if _PAGE.is_file() else ""
    return "\n".join([written.rstrip("\n"), "", _MARK, "", *_figures(), *_surface(), ""])


def grid(head: list[str], cells: Iterable[list[str]]) -> Iterator[str]:
    """Yield a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in cells:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


def _figures() -> Iterator[str]:
    found = areas()
    total = [sum(area.files for area in found), sum(area.cases for area in found), sum(area.gaps for area in found)]
    yield from (
        "## The suite's figures", "",
        "`make conformance` runs the suite and prints this table. A case is a statement with what Redshift answers; a",
        "known gap is a case that is expected to fail, and the suite fails when it holds.", "",
    )  # fmt: skip
    yield from grid(
        ["area", "files", "cases", "passing", "known gaps"],
        [
            *([area.name, *map(str, (area.files, area.cases, area.cases - area.gaps, area.gaps))] for area in found),
            ["**all**", *map(str, (total[0], total[1], total[1] - total[2], total[2]))],
        ],
    )


def _surface() -> Iterator[str]:
    found = [_view(row) if row.kind == "view" else row for row in rows()]
    yield from ("", "## Redshift's surface", "", "P0 is what every driver and ordinary load meets, P2 what is rare.", "")
    kinds = [kind for kind in KINDS if any(row.kind == kind for row in found)]
    yield from grid(["kind", "works", "partly", "not yet"], (_sums(kind, found) for kind in kinds))
    for kind in kinds:
        yield from ("", f"### {_TITLES[kind]}", "")
        yield from grid(
            ["name", "priority", "state", "how, or why not"],
            ([row.name, row.priority, row.status, row.note] for row in found if row.kind == kind),
        )


def _sums(kind: str, found: list[Row]) -> list[str]:
    states = [row.status for row in found if row.kind == kind]
    return [_TITLES[kind], *(str(states.count(state)) for state in ("works", "partly", "not yet"))]


_VIEWS: Final = {view.name: view for view in SYSTEM_VIEWS if view.schema == "pg_catalog"}


def _view(row: Row) -> Row:
    """Return a view's row with the state that the catalog's table tells."""
    view = _VIEWS.get(row.name.lower())
    if view is None:
        return Row(row.kind, row.name, row.priority, "not yet", "", row.note or "does not exist")
    if not view.query:
        return Row(row.kind, row.name, row.priority, "partly", "", row.note or "has its columns and no rows")
    return row
