"""What a run of the benchmarks leaves behind."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from bench import report
from bench.goals import ALL, INDEXED, Seen, goal

PAGE = f"# Benchmarks\n\nBefore.\n\n{report._BEGIN}\nold\n{report._END}\n\nAfter.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "benchmarks.md").write_text(PAGE)
    return tmp_path


def test_the_table_stands_between_its_marks(folder: Path) -> None:
    report.keep([Seen(goal(7), "first run", 1.5), Seen(goal(8), "first run", 8)], "2 cores", folder=folder)
    page = (folder / "benchmarks.md").read_text()
    assert page.startswith("# Benchmarks\n\nBefore.\n")
    assert page.endswith("\n\nAfter.\n")
    assert "old" not in page
    assert "| ≤ 1.2 | ≤ 0.9 | 1.5 | not reached |" in page
    assert "| ≥ 7 | ≥ 10 | 8 | reached |" in page


def test_a_run_replaces_the_rows_that_it_measured(folder: Path) -> None:
    report.keep([Seen(goal(6), "simple", 3), Seen(INDEXED, "simple", 0.1), Seen(goal(9), "again", 30)], "a", folder=folder)
    report.keep([Seen(goal(6), "prepared", 5)], "b", folder=folder)
    kept = json.loads((folder / "benchmarks.json").read_text())["goals"]
    assert [(each["row"], each["name"], each["terms"]) for each in kept] == [(6, "prepared", "b"), (9, "again", "a")]


def test_figures_without_a_goal_replace_those_of_their_group(folder: Path) -> None:
    report.keep([], "a", [("h", "a snapshot", 2.5, "s"), ("g", "fail-over", 0.5, "s")], folder)
    report.keep([], "b", [("h", "all back", 9, "s")], folder)
    page = (folder / "benchmarks.md").read_text()
    assert "| g | fail-over | 0.5 s |" in page
    assert "| h | all back | 9 s |" in page
    assert "a snapshot" not in page


def test_a_page_without_marks_is_left_alone(folder: Path) -> None:
    (folder / "benchmarks.md").write_text("nothing")
    with pytest.raises(ValueError, match="marks"):
        report.keep([Seen(goal(6), "simple", 3)], "a", folder=folder)
    assert (folder / "benchmarks.md").read_text() == "nothing"


def test_the_drawing_has_a_bar_a_figure_to_the_right_of_what_is_wanted_where_it_is_better() -> None:
    better = report.Kept(8, goal(8).measure, "", 70, "2026-01-01", "")
    worse = report.Kept(7, goal(7).measure, "", 12, "2026-01-01", "")
    picture = ElementTree.fromstring("\n".join(report.drawing([better, worse])))
    bars = [each for each in picture.iter("{http://www.w3.org/2000/svg}rect") if each.get("height") == "12"]
    wanted = report._x(1)
    assert float(bars[0].attrib["x"]) == pytest.approx(wanted, abs=0.1)
    assert float(bars[0].attrib["width"]) == pytest.approx(report._x(10) - wanted, abs=0.1)
    assert float(bars[1].attrib["x"]) == pytest.approx(report._x(0.1), abs=0.1)


def test_no_two_goals_are_one() -> None:
    assert len({(each.row, each.measure) for each in ALL}) == len(ALL)
    assert {each.row for each in ALL} == set(range(1, 17))
