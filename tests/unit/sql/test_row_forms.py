"""INSERTs of plain values without their values."""

import pytest

from sql.row_forms import RowForm, row_form


def test_texts_of_one_form_differ_in_values_only() -> None:
    first, cells = row_form("INSERT INTO t VALUES (1, 'it''s', NULL, true)") or (None, [])
    again, others = row_form(" insert into t VALUES(-2.5,'b' , null,FALSE )  ") or (None, [])
    assert cells == [("1",), ("'it''s'",), ("NULL",), ("true",)]
    assert others == [("-2.5",), ("'b'",), ("null",), ("FALSE",)]
    assert first == RowForm("INSERT INTO t VALUES", tuple(frozenset({mark}) for mark in ("number", "string", "null", "truth")))
    assert again is not None and again.marks == first.marks


def test_several_rows_have_a_form_whatever_their_number() -> None:
    forms = []
    for count in (2, 5):
        rows = ", ".join(f"({n}, 'x', $1::int)" for n in range(count))
        found = row_form(f'INSERT INTO a."B" (x, y, z) VALUES {rows}')
        assert found is not None
        assert found[1][0] == tuple(str(n) for n in range(count))
        forms.append(found[0])
    assert forms[0] == forms[1]
    mixed = row_form("INSERT INTO t VALUES (1), (NULL)")
    assert mixed is not None and mixed[0].marks == (frozenset({"number", "null"}),)


@pytest.mark.parametrize(
    "text",
    [
        "INSERT INTO t SELECT 1",
        "INSERT INTO t VALUES (1 + 1)",
        "INSERT INTO t VALUES (f(1))",
        "INSERT INTO t VALUES (1) RETURNING a",
        "INSERT INTO t VALUES (1), (1, 2)",
        "INSERT INTO t VALUES ()",
        "INSERT INTO t VALUES (1",
        "INSERT INTO t VALUES ('\\x41')",
        "INSERT INTO t VALUES (1) (2)",
        "INSERT INTO t VALUES (1) -- more",
        "INSERT INTO t DEFAULT VALUES",
        "WITH a AS (SELECT 1) INSERT INTO t VALUES (1)",
        "UPDATE t SET a = 1",
        "",
    ],
)
def test_anything_else_has_none(text: str) -> None:
    assert row_form(text) is None
