"""A small run of ``make differential``: what differs from PostgreSQL is known."""

import pytest

from tests.differential.comparison import Answer, compared, run
from tests.differential.deviations import DEVIATIONS
from tests.differential.generator import Generator
from tests.differential.grammar import STATEMENTS
from tests.support import postgres
from tests.support.server import Server


@pytest.mark.postgres
@pytest.mark.skipif(postgres.programs() is None, reason="PostgreSQL is not installed")
def test_differences_are_explained(server: Server) -> None:
    differences = [found for found in run(server.dsn, seed=20080131, count=250) if found is not None]
    assert not [str(found) for found in differences if not found.explained]


def test_a_seed_gives_its_statements() -> None:
    first, second = (list(Generator(7).statements(len(STATEMENTS) * 2)) for _ in range(2))
    assert first == second
    assert len(set(first)) > len(STATEMENTS)


def test_numbers_are_compared_to_the_shorter_scale() -> None:
    ours = Answer("", "", ("numeric",), (("0.6666",),))
    assert compared("q", ours, Answer("", "", ("numeric",), (("0.66666666666666666667",),))) is None
    assert compared("q", ours, Answer("", "", ("numeric",), (("0.67",),))) is None
    different = compared("q", ours, Answer("", "", ("numeric",), (("0.7766",),)))
    assert different is not None
    assert different.kind == "value"


def test_an_unknown_difference_has_no_explanation() -> None:
    found = compared("SELECT 1", Answer("", "", ("integer",), (("1",),)), Answer("22003", "out of range"))
    assert found is not None
    assert not found.explained


def test_deviations_have_a_reason_and_a_name_of_their_own() -> None:
    assert all(row.reason and row.kinds for row in DEVIATIONS)
    assert len({row.name for row in DEVIATIONS}) == len(DEVIATIONS)
