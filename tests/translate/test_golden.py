"""What the translator writes, statement by statement."""

from pathlib import Path

import pytest

from tests.support.golden import Pair, collect, written

PAIRS = [pair for path in sorted(Path(__file__).parent.glob("*.golden")) for pair in collect(path)]


@pytest.mark.parametrize("pair", PAIRS, ids=str)
def test_golden(pair: Pair) -> None:
    assert written(pair.text) == pair.expected
