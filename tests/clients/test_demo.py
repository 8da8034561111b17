
"""The demo at a small size: S3 files to reports with psql over TLS, and the generator it starts from."""

import hashlib
import shutil
from pathlib import Path

import pytest

from tools import demo, ticket_data


@pytest.mark.timeout(400)
@pytest.mark.skipif(shutil.which("psql") is None, reason="needs psql")
def test_the_story_ends_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo.play(tmp_path, scale=0.02)
    shown = capsys.readouterr().out
    assert "The reports agree with the files." in shown
    assert "Load into table 'sales' completed, 3440 record(s) loaded successfully." in shown


def test_a_wrong_report_is_noticed(tmp_path: Path) -> None:
    ticket_data.write(tmp_path, scale=0.01)
    wrong = " firstname | lastname | city | tickets | spent\n---+---\n Ada | Kim | Reno | 1 | 2.00\n"
    with pytest.raises(demo.DemoFailedError, match="genre"):
        demo._check_reports(tmp_path, wrong)
    wrong += " genre | events | tickets | revenue | place\n---+---\n Jazz | 1 | 1 | 1.00 | 1\n"
    with pytest.raises(demo.DemoFailedError, match="do not agree"):
        demo._check_reports(tmp_path, wrong)


def test_the_data_is_the_same_every_time(tmp_path: Path) -> None:
    def digest(folder: str, seed: int) -> dict[str, str]:
        ticket_data.write(tmp_path / folder, seed, scale=0.01)
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / folder).iterdir()}

    first = digest("a", 1)
    assert digest("b", 1) == first
    assert digest("c", 2)["sales_tab.txt"] != first["sales_tab.txt"]


def test_every_row_points_at_rows_that_exist(tmp_path: Path) -> None:
    counts = ticket_data.write(tmp_path, scale=0.02)
    assert counts == {"users": 1000, "venue": 202, "category": 11, "date": 365, "event": 176, "listing": 3800, "sales": 3440}
    for line in (tmp_path / "sales_tab.txt").read_text().splitlines():
        _, listing, seller, buyer, event, day, quantity, *_ = line.split("\t")
        assert 1 <= int(listing) <= counts["listing"]
        assert 1 <= int(seller) <= counts["users"]
        assert 1 <= int(buyer) <= counts["users"]
        assert 1 <= int(event) <= counts["event"]
        assert ticket_data.FIRST_DATE_ID <= int(day) < ticket_data.FIRST_DATE_ID + counts["date"]
        assert 1 <= int(quantity) <= 8
