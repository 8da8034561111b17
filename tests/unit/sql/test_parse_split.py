"""Splitting client text: expected fragments follow PostgreSQL's lexical structure."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import SqlError
from sql.parse import split
from sql.tokens import skip_blank, too_long

SPLITS = [
    ("", []),
    (" ; ;; ", []),
    ("select 1", [("select 1", 0)]),
    ("select 1;", [("select 1", 0)]),
    ("select 1;;select 2", [("select 1", 0), ("select 2", 10)]),
    ("select 1; -- done", [("select 1", 0)]),
    ("select 1; /* a; /* b; */ c; */ ", [("select 1", 0)]),
    ("  select 1 ;\n select 2 ", [("select 1", 2), ("select 2", 14)]),
    ("-- a;b\nselect 1; select 2", [("-- a;b\nselect 1", 0), ("select 2", 17)]),
    ("select ';' , ';;'; x", [("select ';' , ';;'", 0), ("x", 19)]),
    (r"select 'a\';b'; x", [(r"select 'a\';b'", 0), ("x", 16)]),
    (r"select E'a\';b'; x", [(r"select E'a\';b'", 0), ("x", 17)]),
    ("select 'it''s;'; x", [("select 'it''s;'", 0), ("x", 17)]),
    (r"select 'a\\'; x", [(r"select 'a\\'", 0), ("x", 14)]),
    ('select ";"";" ; x', [('select ";"";"', 0), ("x", 16)]),
    (r'select "a\"; x', [(r'select "a\"', 0), ("x", 13)]),
    ("do $$ a; b $$; x", [("do $$ a; b $$", 0), ("x", 15)]),
    ("do $t$ a; $$; $t$; x", [("do $t$ a; $$; $t$", 0), ("x", 19)]),
    ("select a$b$c; x", [("select a$b$c", 0), ("x", 14)]),
    ("select $1; select $2", [("select $1", 0), ("select $2", 11)]),
    ("select 'é;ü'; x", [("select 'é;ü'", 0), ("x", 14)]),
    ("select 1 /* ' */; x", [("select 1 /* ' */", 0), ("x", 18)]),
    ("select 1 -- '\n; x", [("select 1 -- '", 0), ("x", 16)]),
]

UNTERMINATED = [
    ("select 'abc", """unterminated quoted string at or near "'abc\"""", 8),
    ("select 1; select 'x", """unterminated quoted string at or near "'x\"""", 18),
    (r"select 'a\'", r"""unterminated quoted string at or near "'a\'" """.strip(), 8),
    ('select "abc', 'unterminated quoted identifier at or near ""abc"', 8),
    ("select $$abc", 'unterminated dollar-quoted string at or near "$$abc"', 8),
    ("select /* /* */", 'unterminated /* comment at or near "/* /* */"', 8),
]


@pytest.mark.parametrize(("text", "expected"), SPLITS)
def test_splits(text, expected):
    assert [(fragment.text, fragment.offset) for fragment in split(text)] == expected


@pytest.mark.parametrize(("text", "message", "position"), UNTERMINATED)
def test_unterminated(text, message, position):
    with pytest.raises(SqlError) as caught:
        split(text)
    assert (caught.value.state, caught.value.message, caught.value.position) == ("42601", message, position)


PIECES = st.sampled_from(
    [
        ";",
        "'",
        '"',
        "\\",
        "$$",
        "$a$",
        "$1",
        "--",
        "/*",
        "*/",
        "\n",
        " ",
        "a",
        "é",
        "1",
        "(",
        ")",
        "''",
        "e'",
        "select ",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40))
def test_nothing_is_lost(text):
    try:
        fragments = split(text)
    except SqlError as error:
        assert error.state == "42601"
        assert error.message.startswith("unterminated")
        assert 1 <= error.position <= len(text)
        return
    place = 0
    for fragment in fragments:
        assert text[fragment.offset : fragment.offset + len(fragment.text)] == fragment.text
        gap = text[place : fragment.offset].replace(";", " ") if place == 0 else text[place : fragment.offset]
        _assert_blank(gap)
        place = fragment.offset + len(fragment.text)
    _assert_blank(text[place:])


def _assert_blank(gap):
    """Between statements there are semicolons, blanks and comments only."""
    place = 0
    while (place := skip_blank(gap, place)) < len(gap):
        assert gap[place] == ";"
        place += 1


def test_a_large_insert_splits_in_time_linear_in_its_length():
    text = "insert into t values " + ",".join(["(1, 'a''b')"] * 50_000) + ";"
    assert len(split(text)) == 1


def test_names_that_are_cut_are_told_of_wherever_they_stand() -> None:
    long, wide = "N" * 128, "é" * 64
    assert too_long(f'SELECT {long}, "{wide}", {long[1:]} FROM t') == [long.lower(), wide]
    assert too_long(f"SELECT '{long}' -- {long}\n/* \"{long}\" */, $$ {long} $$") == []
    assert too_long("SELECT 1") == []
