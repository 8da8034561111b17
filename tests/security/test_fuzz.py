"""Ten thousand mutated messages, and a server that serves on; ``make fuzz`` sends a million."""

from pathlib import Path

from tests.support.server import Server
from tools.fuzz import fuzz, seed_messages


def test_mutated_messages(tmp_path: Path) -> None:
    assert len(seed_messages()) > 50
    # The same in every run: a failure that comes and goes helps nobody. ``make fuzz`` looks further.
    with Server(tmp_path / "data") as server:
        found = fuzz(server, messages=10_000, seed=5439)
    assert found.problems == ()
    assert found.messages == 10_000
