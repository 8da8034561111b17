"""Names and constants put into engine SQL."""

import pytest

from engine.cursors import Value
from session.rewriting import inlined, substituted


def test_names_in_strings_stay() -> None:
    assert substituted("SELECT 'a.b', 'it''s a.b' FROM a.b AS b", {"a.b": "c"}) == "SELECT 'a.b', 'it''s a.b' FROM c AS b"


@pytest.mark.parametrize(
    ("sql", "parameters", "expected"),
    [
        ("x = CAST($1 AS INTEGER)", (7,), "x = CAST(7 AS INTEGER)"),
        ("x = CAST($2 AS VARCHAR) OR $1", (None, "it's $1"), "x = CAST('it''s $1' AS VARCHAR) OR NULL"),
        ("""'$1' || "$1" || 'it''s $1' || $1""", (True,), """'$1' || "$1" || 'it''s $1' || true"""),
        ("$1 $10", tuple(range(10)), "0 9"),
    ],
)
def test_parameters_are_written_out(sql: str, parameters: tuple[Value, ...], expected: str) -> None:
    assert inlined(sql, parameters) == (expected, ())


@pytest.mark.parametrize("value", [0.1, b"x", "x" * 1_001])
def test_parameters_that_stay(value: Value) -> None:
    assert inlined("$1 + $2", (1, value)) == ("$1 + $2", (1, value))
