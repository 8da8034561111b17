"""Keeps what was measured: docs/benchmarks.json has it, the table and the plot of docs/benchmarks.md are made of it.

A run replaces the figures of the rows that it measured and leaves the others. The plot has a line a row: how many times
better or worse than wanted each figure is, on a scale of powers of ten.
"""

import datetime
import html
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench.goals import ALL, Goal, Seen

_DOCS: Final = Path(__file__).parents[1] / "docs"
_BEGIN: Final = "<!-- From here on written by `make bench` from benchmarks.json. -->"
_END: Final = "<!-- The end of what `make bench` has written. -->"


@dataclass(frozen=True, slots=True)
class Kept:
    """A figure of a run: its goal's row and measure, its own name, when and on what it was measured."""

    row: int
    measure: str
    name: str
    value: float
    day: str
    terms: str

    @property
    def goal(self) -> Goal:
        """The goal that it is held against."""
        return next(goal for goal in ALL if (goal.row, goal.measure) == (self.row, self.measure))


@dataclass(frozen=True, slots=True)
class Other:
    """A figure that no goal is about: its group, name and unit, when and on what it was measured."""

    group: str
    name: str
    value: float
    unit: str
    day: str
    terms: str


def keep(
    seen: Iterable[Seen], terms: str, others: Iterable[tuple[str, str, float, str]] = (), folder: Path = _DOCS
) -> None:
    """Put *seen*, measured on *terms* (machine, scale, runs), in place of what was kept of the same rows.

    *Others* are figures without a goal (group, name, value, unit), which replace those of their group.
    """
    day = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    new = [Kept(each.goal.row, each.goal.measure, each.name, each.value, day, terms) for each in seen]
    more = [Other(*each, day, terms) for each in others]
    measured, groups = {kept.row for kept in new}, {other.group for other in more}
    place = folder / "benchmarks.json"
    found = json.loads(place.read_text()) if place.exists() else {"goals": [], "others": []}
    old = [Kept(**each) for each in found["goals"]]
    rest = sorted(
        (*(each for each in (Other(**each) for each in found["others"]) if each.group not in groups), *more),
        key=lambda each: each.group,
    )
    order = [(goal.row, goal.measure) for goal in ALL]
    kept = sorted(
        (*(each for each in old if each.row not in measured), *new),
        key=lambda each: order.index((each.row, each.measure)),
    )
    written = {"goals": [asdict(each) for each in kept], "others": [asdict(each) for each in rest]}
    place.write_text(json.dumps(written, indent=1) + "\n")
    page = folder / "benchmarks.md"
    page.write_text(with_tables(page.read_text(), kept, rest))
    (folder / "benchmarks.svg").write_text("\n".join(drawing(kept)) + "\n")


def with_tables(page: str, kept: Sequence[Kept], others: Sequence[Other] = ()) -> str:
    """Return *page* with the tables of *kept* and *others* between its two marks."""
    before, _, rest = page.partition(_BEGIN)
    _, found, after = rest.partition(_END)
    if not found:
        raise ValueError("docs/benchmarks.md has lost the marks of its table")
    return "\n".join((before + _BEGIN, "", *_table(kept), "", *_beside(others), _END)) + after


def _table(kept: Sequence[Kept]) -> Iterator[str]:
    yield "| # | measure | reach | moonshot | seen | verdict | measured |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for each in kept:
        goal = each.goal
        what = f"{goal.measure}: {each.name}" if each.name else goal.measure
        unit = "" if goal.unit == "x" else f" {goal.unit}"
        cells = (goal.row, what, goal.shown(goal.reach), goal.shown(goal.moonshot), f"{each.value:.3g}{unit}",
                 goal.verdict(each.value).lower(), f"{each.day}, {each.terms}")  # fmt: skip
        yield f"| {' | '.join(str(cell) for cell in cells)} |".replace("<=", "≤").replace(">=", "≥")


def _beside(others: Sequence[Other]) -> Iterator[str]:
    if not others:
        return
    yield from ("Beside the goals:", "", "| group | figure | seen | measured |", "| --- | --- | --- | --- |")
    for each in others:
        yield f"| {each.group} | {each.name} | {each.value:.3g} {each.unit} | {each.day}, {each.terms} |"
    yield ""


_LEFT: Final = 470
_WIDTH: Final = 980
_LINE: Final = 20
_TOP: Final = 34
_DECADES: Final = (0.1, 1, 10, 100)
_COLOURS: Final = {"moonshot": "#1a7f37", "reached": "#2f6fb3", "NOT REACHED": "#c2410c"}


def drawing(kept: Sequence[Kept]) -> Iterator[str]:
    """Yield the lines of an SVG: a bar a figure, from what was wanted to what was seen, and a tick for the moonshot."""
    height = _TOP + _LINE * len(kept) + 8
    size = f'width="{_WIDTH}" height="{height}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
    yield f'<rect {size} fill="white"/>'
    for decade in _DECADES:
        label, colour = ("as wanted", "black") if decade == 1 else (f"{decade:g} times", "#ccc")
        yield _upright(_x(decade), _TOP - 8, height - 6, colour)
        yield f'<text x="{_x(decade):.1f}" y="{_TOP - 14}" text-anchor="middle">{label}</text>'
    for place, each in enumerate(kept):
        yield from _bar(each, _TOP + _LINE * place + _LINE / 2)
    yield "</svg>"


def _bar(kept: Kept, middle: float) -> Iterator[str]:
    goal = kept.goal
    name = f"{goal.row}  {goal.measure.partition(':')[0]}{f' ({kept.name})' if kept.name else ''}"
    left, right = sorted((_x(1), _x(_worth(goal, kept.value))))
    size = f'width="{max(right - left, 1):.1f}" height="12"'
    yield f'<text x="{_LEFT - 12}" y="{middle + 4:.1f}" text-anchor="end">{html.escape(name[:84])}</text>'
    yield f'<rect x="{left:.1f}" y="{middle - 6:.1f}" {size} fill="{_COLOURS[goal.verdict(kept.value)]}"/>'
    yield _upright(_x(_worth(goal, goal.moonshot)), middle - 8, middle + 8, "#555")


def _upright(x: float, top: float, bottom: float, colour: str) -> str:
    return f'<line x1="{x:.1f}" y1="{top:.1f}" x2="{x:.1f}" y2="{bottom:.1f}" stroke="{colour}"/>'


def _worth(goal: Goal, value: float) -> float:
    """Return how many times better than wanted *value* is."""
    value = max(value, 1e-9)
    return value / goal.reach if goal.more_is_better else goal.reach / value


def _x(worth: float) -> float:
    low, high = math.log10(_DECADES[0]), math.log10(_DECADES[-1])
    share = (min(max(math.log10(worth), low), high) - low) / (high - low)
    return _LEFT + share * (_WIDTH - _LEFT - 20)
